package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a pack, far above what a large city needs.
const (
	mostYAML    = 1 << 20  // bytes of one definition
	mostOther   = 8 << 20  // bytes of one example file
	mostTable   = 32 << 20 // bytes of the imported catalogue
	mostPolicy  = 1 << 20
	mostFiles   = 10000
	deepestYAML = 24
)

var errTooLarge = errors.New("too large")

// readFile reads a whole file of at most max bytes.
func readFile(fsys fs.FS, name string, max int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, errTooLarge
	}
	return b, nil
}

// document is one YAML file, parsed and found clean: a single document of
// mappings, sequences and plain scalars.
type document struct {
	file    string
	root    *yaml.Node
	faults  *faults
	dropped map[dropped]bool
}

// dropped is a key of a mapping that was left out because of a fault already
// told; what follows from its absence is not told again.
type dropped struct {
	of  *yaml.Node
	key string
}

// readDocument reads a file; nil means that a fault says why it can't be read.
func readDocument(fsys fs.FS, file string, fs *faults) *document {
	b, err := readFile(fsys, file, mostYAML)
	switch {
	case errors.Is(err, errTooLarge):
		fs.add(file, 0, "pack.too_large", "max", sayBytes(mostYAML))
		return nil
	case err != nil:
		fs.add(file, 0, "pack.unreadable", "detail", plainError(err))
		return nil
	}
	return parseDocument(file, b, fs)
}

func parseDocument(file string, b []byte, fs *faults) *document {
	if line := firstBadText(b); line > 0 {
		fs.add(file, line, "pack.not_utf8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var root yaml.Node
	if err := dec.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			fs.add(file, 1, "pack.empty")
			return nil
		}
		line, detail := yamlError(err)
		fs.add(file, line, "pack.syntax", "detail", detail)
		return nil
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			line, detail := yamlError(err)
			fs.add(file, line, "pack.syntax", "detail", detail)
		} else {
			fs.add(file, second.Line, "pack.documents")
		}
		return nil
	}
	d := &document{file: file, root: root.Content[0], faults: fs, dropped: map[dropped]bool{}}
	if d.root.Kind == yaml.ScalarNode && d.root.Tag == "!!null" {
		fs.add(file, 1, "pack.empty")
		return nil
	}
	if !d.clean(d.root, 0) {
		return nil
	}
	return d
}

// clean looks for what a pack must not hold; false means that reading on is of
// no use. A doubled key is told and its second value left out.
func (d *document) clean(n *yaml.Node, depth int) bool {
	switch {
	case depth > deepestYAML:
		d.faults.add(d.file, n.Line, "pack.too_deep")
		return false
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.faults.add(d.file, n.Line, "pack.alias")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.faults.add(d.file, n.Line, "pack.tag", "tag", n.Tag)
		return false
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			if !d.clean(c, depth+1) {
				return false
			}
		}
		return true
	}
	first := map[string]int{}
	kept := n.Content[:0:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			d.faults.add(d.file, key.Line, "pack.key_odd")
			return false
		}
		if line, twice := first[key.Value]; twice {
			d.faults.add(d.file, key.Line, "pack.key_twice", "key", key.Value, "line", line)
			continue
		}
		first[key.Value] = key.Line
		if !d.clean(value, depth+1) {
			return false
		}
		kept = append(kept, key, value)
	}
	n.Content = kept
	return true
}

// firstBadText is the line of the first byte that is no UTF-8 text, or 0.
func firstBadText(b []byte) int {
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return 0
	}
	line := 1
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1, r == 0:
			return line
		case r == '\n':
			line++
		}
		b = b[size:]
	}
	return line
}

var yamlLine = regexp.MustCompile(`\bline ([0-9]+):? ?`)

// yamlError takes the line out of what the YAML reader says.
func yamlError(err error) (line int, detail string) {
	s := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(s); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits by the pattern
		s = strings.TrimSpace(strings.Replace(s, m[0], "", 1))
	}
	return line, s
}

// plainError leaves out of an error of the file system what the fault says anyway.
func plainError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func sayBytes(n int) string {
	if n >= 1<<20 {
		return strconv.Itoa(n>>20) + " MB"
	}
	return strconv.Itoa(n>>10) + " KB"
}
