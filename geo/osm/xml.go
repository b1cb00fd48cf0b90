package osm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// element is a node or a way of a file; what it holds is reused for the next.
type element struct {
	way      bool
	id       int64
	lat, lon float64
	refs     []int64
	tags     map[string]string
}

func (e *element) clear(way bool) {
	e.way, e.id, e.lat, e.lon, e.refs = way, 0, 0, 0, e.refs[:0]
	clear(e.tags)
}

// Bounds of one element.
const (
	mostRefs    = 10_000 // OpenStreetMap allows 2,000
	mostTags    = 1_000
	longestTag  = 1024    // bytes; OpenStreetMap allows 255 characters
	longestPart = 4 << 20 // bytes of XML between two tags
)

var (
	errElement = errors.New("an element is larger than any of OpenStreetMap")
	errNoOSM   = errors.New("this is no OpenStreetMap file")
)

// patient stops a reader of XML that would gather one endless name or text.
type patient struct {
	io.Reader
	since int
}

func (p *patient) Read(b []byte) (int, error) {
	if p.since > longestPart {
		return 0, errElement
	}
	n, err := p.Reader.Read(b)
	p.since += n
	return n, err
}

// scanXML tells each node and way of an OSM XML file.
func scanXML(r io.Reader, each func(*element) error) error {
	p := &patient{Reader: r}
	d := xml.NewDecoder(p)
	e := &element{tags: map[string]string{}}
	open, depth := false, 0
	for {
		t, err := d.RawToken()
		p.since = 0
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth == 1 && t.Name.Local != "osm" {
				return errNoOSM
			}
			switch name := t.Name.Local; {
			case depth == 2 && (name == "node" || name == "way"):
				e.clear(name == "way")
				open = true
				err = e.attributes(t.Attr)
			case depth == 3 && open && name == "tag":
				err = e.tag(attribute(t.Attr, "k"), attribute(t.Attr, "v"))
			case depth == 3 && open && name == "nd":
				err = e.ref(attribute(t.Attr, "ref"))
			}
		case xml.EndElement:
			if depth--; depth < 0 {
				return errNoOSM
			}
			if depth == 1 && open {
				open = false
				err = each(e)
			}
		}
		if err != nil {
			return err
		}
	}
}

func attribute(all []xml.Attr, name string) string {
	for _, a := range all {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e *element) attributes(all []xml.Attr) (err error) {
	if e.id, err = strconv.ParseInt(attribute(all, "id"), 10, 64); err != nil {
		return fmt.Errorf("an element without a number: %w", err)
	}
	if e.way || attribute(all, "visible") == "false" {
		return nil
	}
	var wrong error
	e.lat, err = strconv.ParseFloat(attribute(all, "lat"), 64)
	e.lon, wrong = strconv.ParseFloat(attribute(all, "lon"), 64)
	if err = errors.Join(err, wrong); err != nil {
		return fmt.Errorf("node %d has no place: %w", e.id, err)
	}
	return nil
}

func (e *element) tag(k, v string) error {
	if len(e.tags) >= mostTags {
		return errElement
	}
	if len(k) <= longestTag && len(v) <= longestTag { // none of those that are looked at is longer
		e.tags[k] = v
	}
	return nil
}

func (e *element) ref(s string) error {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("way %d has a node without a number: %w", e.id, err)
	}
	return e.add(id)
}

func (e *element) add(ref int64) error {
	if len(e.refs) >= mostRefs {
		return errElement
	}
	e.refs = append(e.refs, ref)
	return nil
}
