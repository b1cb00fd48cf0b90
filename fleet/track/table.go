package track

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/geo"
)

// Object is what a table says of one id.
type Object struct {
	ID     string
	Points int
	Gaps   int
	Stays  []Event
}

// Found is what a table holds, the objects in the order in which they come.
type Found struct {
	Objects             []Object
	Points, Stays, Gaps int
	Unsorted            int // objects whose rows were not in time order
}

// Bounds of a table, against files that are none.
const (
	longestLine = 1 << 16
	longestID   = 256
)

// Table finds the stays in a CSV file (UTF-8; comma, semicolon or tab) with the
// columns id, time, lat and lon in any order and others beside them. columns says
// which heading of the file is which ("id": "vehicle_id"). Times are ISO 8601, UTC
// where no zone stands; what is finer than a microsecond is cut off. Rows of one id
// need not be in order; those of the same moment count as they stand.
//
// The file is read once, holding only what runs are open; once more, when rows of
// an id are out of order, to put those in order. open opens it anew each time.
// progress, which may be nil, hears how many bytes were read. A fault is a
// *city.Error that names the line.
func (r *Rule) Table(open func() (io.ReadCloser, error), columns map[string]string, progress func(read int64)) (*Found, error) {
	whole := *r
	whole.Keep = 0
	type live struct {
		Object
		stays Stays
		rows  *Columns // of an object out of order
	}
	var all []*live
	byID := map[string]*live{}
	var now *live
	find := func(id []byte) *live {
		if now != nil && string(id) == now.ID {
			return now
		}
		now = byID[string(id)]
		return now
	}
	unsorted := 0
	err := scan(open, columns, progress, func(id []byte, p Point) error {
		o := find(id)
		if o == nil {
			o = &live{Object: Object{ID: string(id)}, stays: whole.Stays()}
			all = append(all, o)
			byID[o.ID], now = o, o
		}
		o.Points++
		if o.rows != nil {
			return nil
		}
		switch e := o.stays.Push(p); e.Kind {
		case Stay:
			o.Stays = append(o.Stays, e)
		case Gap:
			o.Gaps++
		case Late:
			o.rows, o.Stays, o.Gaps, o.stays = &Columns{}, nil, 0, Stays{}
			unsorted++
		}
		return nil
	}, &rows{})
	if err != nil {
		return nil, err
	}
	if unsorted > 0 {
		now = nil
		err := scan(open, columns, progress, func(id []byte, p Point) error {
			if o := find(id); o != nil && o.rows != nil {
				o.rows.Add(p.At, p.Lat, p.Lon)
			}
			return nil
		}, &rows{})
		if err != nil {
			return nil, err
		}
	}
	f := &Found{Unsorted: unsorted}
	for _, o := range all {
		if o.rows != nil {
			r.Batch(o.rows.sorted(), func(e Event) {
				if e.Kind == Stay {
					o.Stays = append(o.Stays, e)
				} else {
					o.Gaps++
				}
			})
			o.rows = nil
		}
		f.Objects = append(f.Objects, o.Object)
		f.Points += o.Points
		f.Stays += len(o.Stays)
		f.Gaps += o.Gaps
	}
	return f, nil
}

// sorted is the track in time order; points of the same moment keep theirs.
func (c Columns) sorted() Columns {
	order := make([]int, c.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.At[a], c.At[b]) })
	out := Columns{make([]int64, 0, len(order)), make([]float64, 0, len(order)), make([]float64, 0, len(order))}
	for _, i := range order {
		out.Add(c.At[i], c.Lat[i], c.Lon[i])
	}
	return out
}

// wanted are the columns of a table.
var wanted = [4]string{"id", "time", "lat", "lon"}

// Rows calls row for each line of a table as Table reads it, with what stands in a
// column speed (km/h; empty where nobody knows), if there is one. Lines that can't be
// read are left out, and bad hears why; what is no table at all is an error. The id is
// good until row returns.
func Rows(open func() (io.ReadCloser, error), columns map[string]string, progress func(read int64), row func(id []byte, p Point), bad func(*city.Error)) error {
	return scan(open, columns, progress, func(id []byte, p Point) error { row(id, p); return nil }, &rows{more: true, bad: bad})
}

// rows cuts the lines of one table.
type rows struct {
	more  bool // what stands in speed counts
	speed int  // column of it, -1 where there is none
	bad   func(*city.Error)
	begun bool // the first line was read

	line  int // of the file, from 1
	comma byte
	where [4]int // column of each wanted field
	width int    // columns up to the last of them
	cells [][]byte
	clock clock
}

// scan calls row for each line of a table. The id is good until row returns.
func scan(open func() (io.ReadCloser, error), columns map[string]string, progress func(int64), row func(id []byte, p Point) error, t *rows) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	held, read := 0, int64(0) // bytes at the front of buf that begin a line
	for {
		n, err := f.Read(buf[held:])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		read += int64(n)
		if progress != nil && n > 0 {
			progress(read)
		}
		rest := buf[:held+n]
		for len(rest) > 0 {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 && !ended && len(rest) <= longestLine {
				break
			}
			line := rest
			if end >= 0 {
				line, rest = rest[:end], rest[end+1:]
			} else {
				rest = nil
			}
			t.line++
			if len(line) > longestLine {
				return city.Invalid("track.table.long", "line", t.line)
			}
			err := t.take(bytes.TrimSuffix(line, []byte("\r")), columns, row)
			var unread *city.Error
			if err != nil && (t.bad == nil || !t.begun || !errors.As(err, &unread)) {
				return err
			} else if err != nil {
				t.bad(unread)
			}
		}
		if ended {
			break
		}
		held = copy(buf, rest)
	}
	if !t.begun {
		return city.Invalid("track.table.empty")
	}
	return nil
}

func (t *rows) take(line []byte, columns map[string]string, row func(id []byte, p Point) error) error {
	if len(line) == 0 {
		return nil
	}
	if !t.begun {
		err := t.heading(line, columns)
		t.begun = err == nil
		return err
	}
	if err := t.cut(line, t.width); err != nil {
		return err
	}
	for i, at := range t.where {
		if at >= len(t.cells) {
			return city.Invalid("track.table.short", "line", t.line, "column", wanted[i])
		}
	}
	id := t.cells[t.where[0]]
	if len(id) == 0 || len(id) > longestID || !plainASCII(id) && !utf8.Valid(id) {
		return city.Invalid("track.table.id", "line", t.line, "text", shown(id))
	}
	var p Point
	var ok bool
	if p.At, ok = t.clock.read(t.cells[t.where[1]]); !ok {
		return city.Invalid("track.table.time", "line", t.line, "text", shown(t.cells[t.where[1]]))
	}
	p.Lat, ok = number(t.cells[t.where[2]])
	if !ok || !(geo.Point{Lat: p.Lat}).Valid() {
		return city.Invalid("track.table.lat", "line", t.line, "text", shown(t.cells[t.where[2]]))
	}
	p.Lon, ok = number(t.cells[t.where[3]])
	if !ok || !(geo.Point{Lon: p.Lon}).Valid() {
		return city.Invalid("track.table.lon", "line", t.line, "text", shown(t.cells[t.where[3]]))
	}
	if t.more && t.speed >= 0 && t.speed < len(t.cells) && len(t.cells[t.speed]) > 0 {
		v, ok := number(t.cells[t.speed])
		if !ok || !(v >= 0 && v <= fastest) {
			return city.Invalid("track.table.speed", "line", t.line, "text", shown(t.cells[t.speed]))
		}
		p.Speed, p.Flags = float32(v), HasSpeed
	}
	return row(id, p)
}

// fastest is the highest speed that is read, in km/h; terminals have room for 6,553.
const fastest = 10_000

// heading learns from the first line which column is which.
func (t *rows) heading(line []byte, columns map[string]string) error {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	t.comma = ','
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(line, []byte{c}) > bytes.Count(line, []byte{t.comma}) {
			t.comma = c
		}
	}
	if err := t.cut(line, longestLine); err != nil {
		return err
	}
	for i, name := range wanted {
		theirs := name
		if c := columns[name]; c != "" {
			theirs = c
		}
		t.where[i] = slices.IndexFunc(t.cells, func(cell []byte) bool { return strings.EqualFold(string(cell), theirs) })
		if t.where[i] < 0 {
			return city.Invalid("track.table.column", "column", theirs)
		}
		t.width = max(t.width, t.where[i]+1)
	}
	theirs := columns["speed"]
	if t.speed = -1; t.more {
		t.speed = slices.IndexFunc(t.cells, func(cell []byte) bool { return strings.EqualFold(string(cell), cmp.Or(theirs, "speed")) })
		t.width = max(t.width, t.speed+1)
		if t.speed < 0 && theirs != "" {
			return city.Invalid("track.table.column", "column", theirs)
		}
	}
	return nil
}

// cut splits a line into at most so many cells, without the blanks around them.
func (t *rows) cut(line []byte, most int) error {
	t.cells = t.cells[:0]
	for len(t.cells) < most {
		if line = blanks(line); len(line) > 0 && line[0] == '"' {
			cell, rest, ok := quoted(line)
			rest = blanks(rest)
			if !ok || len(rest) > 0 && rest[0] != t.comma {
				return city.Invalid("track.table.quote", "line", t.line)
			}
			t.cells = append(t.cells, cell)
			if len(rest) == 0 {
				return nil
			}
			line = rest[1:]
			continue
		}
		end := bytes.IndexByte(line, t.comma)
		if end < 0 {
			t.cells = append(t.cells, trailing(line))
			return nil
		}
		t.cells = append(t.cells, trailing(line[:end]))
		line = line[end+1:]
	}
	return nil
}

// quoted reads the cell at the front of the line. Two quotes are one.
func quoted(line []byte) (cell, rest []byte, ok bool) {
	line = line[1:]
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] != '"':
		case i+1 < len(line) && line[i+1] == '"':
			cell = append(cell, line[:i+1]...)
			line, i = line[i+2:], -1
		case cell == nil:
			return line[:i], line[i+1:], true
		default:
			return append(cell, line[:i]...), line[i+1:], true
		}
	}
	return nil, nil, false
}

func blanks(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return b
}

func trailing(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

func plainASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// shown is a cell as a message can carry it.
func shown(cell []byte) string {
	r := []rune(strings.ToValidUTF8(string(cell), "?"))
	if len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return string(r)
}
