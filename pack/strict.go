package pack

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decode reads the document into v, a pointer. Each key that v doesn't know and
// each value that doesn't fit is told with its line and left out; the rest is
// read, so that one slip doesn't hide the next.
func (d *document) decode(v any) {
	if !d.sound(d.root, reflect.TypeOf(v).Elem(), "") {
		return
	}
	if err := d.root.Decode(v); err != nil { // every leaf was tried alone before
		line, detail := yamlError(err)
		d.faults.add(d.file, line, "pack.value", "detail", detail)
	}
}

var (
	yamlUnmarshaler = reflect.TypeFor[yaml.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// sound reports whether the node can be decoded into the type; parts that can't
// be are told and taken out of the tree. name is the key it stands behind.
func (d *document) sound(n *yaml.Node, t reflect.Type, name string) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.faults.add(d.file, n.Line, "pack.nothing", "key", name)
		return false
	}
	own := reflect.PointerTo(t)
	switch {
	case own.Implements(yamlUnmarshaler):
		if n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct && !d.soundStruct(n, t) {
			return false
		}
		return d.try(n, t, name)
	case own.Implements(textUnmarshaler):
		if n.Kind != yaml.ScalarNode {
			return d.wrong(n, t, name)
		}
		u := reflect.New(t).Interface().(encoding.TextUnmarshaler)
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			d.faults.add(d.file, n.Line, "pack.value", "detail", err.Error())
			return false
		}
		return true
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return d.wrong(n, t, name)
		}
		return d.soundStruct(n, t)
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return d.wrong(n, t, name)
		}
		kept := n.Content[:0:0]
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if d.try(key, t.Key(), name) && d.sound(value, t.Elem(), key.Value) {
				kept = append(kept, key, value)
			} else {
				d.dropped[dropped{n, key.Value}] = true
			}
		}
		n.Content = kept
		return true
	case reflect.Slice, reflect.Array:
		if n.Kind != yaml.SequenceNode {
			return d.wrong(n, t, name)
		}
		n.Content = slices.DeleteFunc(n.Content, func(c *yaml.Node) bool { return !d.sound(c, t.Elem(), name) })
		return true
	case reflect.Interface:
		return d.try(n, t, name)
	}
	if n.Kind != yaml.ScalarNode {
		return d.wrong(n, t, name)
	}
	return d.try(n, t, name)
}

func (d *document) soundStruct(n *yaml.Node, t reflect.Type) bool {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || f.Anonymous || tag == "-":
		case tag == "":
			fields[strings.ToLower(f.Name)] = f.Type
		default:
			fields[tag] = f.Type
		}
	}
	kept := n.Content[:0:0]
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		ft, known := fields[key.Value]
		switch {
		case !known:
			meant := nearest(key.Value, fields)
			if meant == "" {
				d.faults.add(d.file, key.Line, "pack.key_unknown", "key", key.Value)
			} else {
				d.faults.add(d.file, key.Line, "pack.key_meant", "key", key.Value, "meant", meant)
				d.dropped[dropped{n, meant}] = true
			}
		case d.sound(value, ft, key.Value):
			kept = append(kept, key, value)
		default:
			d.dropped[dropped{n, key.Value}] = true
		}
	}
	n.Content = kept
	return true
}

// try decodes the node alone.
func (d *document) try(n *yaml.Node, t reflect.Type, name string) bool {
	err := n.Decode(reflect.New(t).Interface())
	if err == nil {
		return true
	}
	if _, mismatch := err.(*yaml.TypeError); mismatch {
		return d.wrong(n, t, name)
	}
	_, detail := yamlError(err)
	d.faults.add(d.file, n.Line, "pack.value", "detail", detail)
	return false
}

// wrong tells that a value is of another sort than the key wants.
func (d *document) wrong(n *yaml.Node, t reflect.Type, name string) bool {
	if name == "" {
		d.faults.add(d.file, n.Line, "pack.no_mapping")
		return false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		d.faults.add(d.file, n.Line, "pack.wants_mapping", "key", name)
	case reflect.Slice, reflect.Array:
		d.faults.add(d.file, n.Line, "pack.wants_list", "key", name)
	case reflect.Bool:
		d.faults.add(d.file, n.Line, "pack.wants_bool", "key", name)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint, reflect.Uint64:
		d.faults.add(d.file, n.Line, "pack.wants_whole", "key", name)
	case reflect.Float64, reflect.Float32:
		d.faults.add(d.file, n.Line, "pack.wants_number", "key", name)
	case reflect.String:
		d.faults.add(d.file, n.Line, "pack.wants_text", "key", name)
	default:
		d.faults.add(d.file, n.Line, "pack.value", "detail", fmt.Sprintf("%s is no %s", n.Value, t))
	}
	return false
}

// nearest is the known key that the unknown one is most likely a slip of, or "".
func nearest(key string, known map[string]reflect.Type) string {
	best, at := "", 3
	for _, k := range sortedKeys(known) {
		if n := distance(key, k); n < at && n < len(k)-1 {
			best, at = k, n
		}
	}
	return best
}

// distance is how many letters must be changed, added, taken out or swapped with
// their neighbour to turn a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, last []int
	for i := 0; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0 || j == 0:
				row[j] = i + j
			default:
				cost := 1
				if a[i-1] == b[j-1] {
					cost = 0
				}
				row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					row[j] = min(row[j], before[j-2]+1)
				}
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
