package pack

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"yiwang/city"
	"yiwang/rule"
)

// at notes a fault at the path of keys and list positions ("stages.2.tasks.0").
// Nothing is said when the path leads into something left out for a fault that
// was told.
func (d *document) at(path, key string, args ...any) {
	if line, ok := d.line(path, 0); ok {
		d.faults.add(d.file, line, key, args...)
	}
}

// atFields notes the faults that a definition's own check found.
func (d *document) atFields(found []city.Field) {
	for _, f := range found {
		if line, ok := d.line(f.Name, 0); ok {
			d.faults.put(Fault{d.file, line, f.Message})
		}
	}
}

// atErr notes the faults of a rule or a form, under the path.
func (d *document) atErr(path string, err error) {
	for _, f := range rule.FaultsOf(err).Under(path) {
		if line, ok := d.line(f.Path, f.Line); ok {
			d.faults.put(Fault{d.file, line, f.Message})
		}
	}
}

// line finds the line of a path, or of the last part of it that exists. within
// counts lines inside a text of several lines. It is false when the path leads
// through something dropped.
func (d *document) line(path string, within int) (line int, ok bool) {
	n, line := d.root, d.root.Line
	if path == "" {
		return line, true
	}
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	for _, part := range strings.Split(path, ".") {
		next := (*yaml.Node)(nil)
		switch n.Kind {
		case yaml.MappingNode:
			if d.dropped[dropped{n, part}] {
				return 0, false
			}
			for i := 0; i < len(n.Content); i += 2 {
				if n.Content[i].Value == part {
					line, next = n.Content[i].Line, n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(n.Content) {
				next = n.Content[i]
				line = next.Line
			}
		}
		if next == nil {
			return line, true
		}
		n = next
	}
	if n.Kind != yaml.ScalarNode {
		return line, true
	}
	line = n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && within > 0 {
		line += within
	}
	return line, true
}

// sortedKeys are the keys of a map in order.
func sortedKeys[M ~map[K]V, K cmp.Ordered, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }
