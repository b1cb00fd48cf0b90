package directory

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"yiwang/city"
)

// Row is a line of a table by column.
type Row struct {
	Line  int // in the file, from 1
	Cells map[string]string
}

const (
	longestRow  = 1 << 20 // bytes of a row, quoted line breaks included
	mostColumns = 200
)

//go:embed columns.yaml
var columnsText []byte

// customary is how tables are commonly written.
var customary = sync.OnceValue(func() (c struct {
	Columns map[string]string            `yaml:"columns"`
	Values  map[string]map[string]string `yaml:"values"`
}) {
	if err := yaml.Unmarshal(columnsText, &c); err != nil {
		panic(err)
	}
	return c
})

// ReadTable reads a table with a heading line: CSV (UTF-8, UTF-16 with a byte
// order mark, or GB 18030; comma, semicolon or tab) or the first sheet of an Excel
// file. columns renames headings to our words ("持证人": "name") before the
// customary ones are; what nobody knows keeps its heading in lower case. A row that
// can't be read comes with its line and an error, and reading goes on; an error
// without a line is a fault of the file and ends it.
func ReadTable(r io.ReadSeeker, columns map[string]string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		magic := make([]byte, 4)
		n, err := io.ReadFull(r, magic)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			yield(Row{}, err)
			return
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			yield(Row{}, err)
			return
		}
		lines := csvLines(r)
		if string(magic[:n]) == "PK\x03\x04" {
			lines = excelLines(r)
		}
		t := table{columns: columns}
		for l, err := range lines {
			row, ok, rowErr := t.take(l, err)
			if ok && !yield(row, rowErr) || t.over {
				return
			}
		}
		if t.heading == nil {
			yield(Row{}, city.Invalid("directory.table_empty"))
		}
	}
}

// line is a row before its cells have names.
type line struct {
	n     int
	cells []string
}

type table struct {
	columns map[string]string
	heading []string
	over    bool
}

// take names the cells of a line; ok is false for the heading and for blank lines.
func (t *table) take(l line, err error) (row Row, ok bool, _ error) {
	if err != nil {
		if t.heading == nil {
			l.n, t.heading = 0, []string{}
		}
		t.over = l.n == 0
		return Row{Line: l.n}, true, err
	}
	row.Line = l.n
	if !slices.ContainsFunc(l.cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
		return row, false, nil
	}
	if t.heading == nil {
		return Row{}, !t.named(l.cells), city.Invalid("directory.table_columns", "max", mostColumns)
	}
	for len(l.cells) > len(t.heading) && l.cells[len(l.cells)-1] == "" {
		l.cells = l.cells[:len(l.cells)-1]
	}
	if len(l.cells) > len(t.heading) {
		return row, true, city.Invalid("directory.table_cells", "n", len(l.cells), "max", len(t.heading))
	}
	row.Cells = make(map[string]string, len(l.cells))
	for i, c := range l.cells {
		c = strings.TrimSpace(c)
		if our, ok := customary().Values[t.heading[i]][c]; ok {
			c = our
		}
		row.Cells[t.heading[i]] = strings.Clone(c)
	}
	return row, true, nil
}

// named reads the heading; false when it is too wide, which ends the table.
func (t *table) named(cells []string) bool {
	t.heading = make([]string, 0, len(cells))
	for _, c := range cells {
		c = strings.TrimSpace(strings.TrimPrefix(c, "\ufeff"))
		our, ok := t.columns[c]
		if !ok {
			our, ok = customary().Columns[c]
		}
		if !ok {
			our = strings.ToLower(c)
		}
		t.heading = append(t.heading, our)
	}
	t.over = len(cells) > mostColumns
	return !t.over
}

func csvLines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		buffered := bufio.NewReaderSize(r, 64<<10)
		bounded := &boundedReader{r: buffered}
		head, _ := buffered.Peek(32 << 10) // a fault comes again with the first read
		var in io.Reader = bounded
		comma := ','
		switch {
		case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
			in = transform.NewReader(bounded, unicode.BOMOverride(transform.Nop))
			head = bytes.ReplaceAll(head, []byte{0}, nil)
		case !validPrefix(head):
			in = transform.NewReader(bounded, simplifiedchinese.GB18030.NewDecoder())
		}
		first, _, _ := bytes.Cut(head, []byte("\n"))
		for _, c := range "\t;" {
			if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(comma))) {
				comma = c
			}
		}
		c := csv.NewReader(in)
		c.Comma = comma
		c.FieldsPerRecord = -1
		c.ReuseRecord = true
		for {
			bounded.n = 0
			cells, err := c.Read()
			var syntax *csv.ParseError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &syntax):
				if !yield(line{n: syntax.StartLine}, city.Invalid("directory.table_row")) {
					return
				}
				continue
			case err != nil:
				yield(line{}, err)
				return
			}
			n, _ := c.FieldPos(0)
			if !yield(line{n, cells}, nil) {
				return
			}
		}
	}
}

// What an Excel file may unpack to.
const (
	unzipLimit = 1 << 30
	sheetLimit = 64 << 20 // larger sheets go through a temporary file
)

func excelLines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		unreadable := func(err error) error {
			e := city.Invalid("directory.table_excel")
			e.Err = err
			return e
		}
		var f *excelize.File
		var rows *excelize.Rows
		err := guarded(func() (err error) {
			f, err = excelize.OpenReader(r, excelize.Options{UnzipSizeLimit: unzipLimit, UnzipXMLSizeLimit: sheetLimit, RawCellValue: true})
			if err == nil {
				if sheets := f.GetSheetList(); len(sheets) > 0 {
					rows, err = f.Rows(sheets[0])
				}
			}
			return err
		})
		if f != nil {
			defer f.Close()
		}
		if err != nil {
			yield(line{}, unreadable(err))
			return
		}
		if rows == nil {
			return
		}
		defer rows.Close()
		for n := 1; ; n++ {
			var cells []string
			more := false
			err := guarded(func() (err error) {
				if more = rows.Next(); more {
					cells, err = rows.Columns()
				} else {
					err = rows.Error()
				}
				return err
			})
			if err != nil {
				yield(line{}, unreadable(err))
				return
			}
			if !more || !yield(line{n, cells}, nil) {
				return
			}
		}
	}
}

// guarded turns a panic of the library into an error: the file may be anybody's.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

// validPrefix reports whether the beginning of a file is UTF-8; its last rune may
// be cut.
func validPrefix(b []byte) bool {
	for i := 0; i < utf8.UTFMax && len(b) > 0 && !utf8.Valid(b); i++ {
		b = b[:len(b)-1]
	}
	return utf8.Valid(b) && !bytes.ContainsRune(b, 0)
}

// boundedReader ends a row that never ends. n counts the bytes since it was reset.
type boundedReader struct {
	r io.Reader
	n int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.n > longestRow {
		return 0, fmt.Errorf("a row is longer than %d bytes", longestRow)
	}
	n, err := b.r.Read(p)
	b.n += n
	return n, err
}
