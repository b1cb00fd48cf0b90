package directory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
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

// ReadCSV reads a table with a heading line, in UTF-8 or GB 18030. columns renames
// headings to our words ("身份证号": "citizen_number"); what it doesn't name keeps
// its heading in lower case. A row with too many cells, or one that can't be read,
// comes with an error and reading goes on; a fault of the file ends it.
func ReadCSV(r io.Reader, columns map[string]string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		bounded := &boundedReader{r: bufio.NewReaderSize(r, 64<<10)}
		head, _ := bounded.r.(*bufio.Reader).Peek(32 << 10)
		var in io.Reader = bounded
		if !validPrefix(head) {
			in = transform.NewReader(bounded, simplifiedchinese.GB18030.NewDecoder())
		}
		c := csv.NewReader(in)
		c.FieldsPerRecord = -1
		c.ReuseRecord = true
		names, err := c.Read()
		var syntax *csv.ParseError
		if err != nil {
			switch {
			case errors.Is(err, io.EOF):
				err = city.Invalid("directory.table_empty")
			case errors.As(err, &syntax):
				err = city.Invalid("directory.table_row")
			}
			yield(Row{Line: 1}, err)
			return
		}
		heading := make([]string, len(names))
		for i, n := range names {
			n = strings.TrimSpace(strings.TrimPrefix(n, "\ufeff"))
			if our, ok := columns[n]; ok {
				n = our
			}
			heading[i] = strings.ToLower(n)
		}
		if len(heading) > mostColumns {
			yield(Row{Line: 1}, city.Invalid("directory.table_columns", "max", mostColumns))
			return
		}
		for {
			bounded.n = 0
			cells, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			line := 0
			if err == nil {
				line, _ = c.FieldPos(0)
			}
			switch {
			case errors.As(err, &syntax):
				if !yield(Row{Line: syntax.StartLine}, city.Invalid("directory.table_row")) {
					return
				}
				continue
			case err != nil:
				yield(Row{}, err)
				return
			case len(cells) > len(heading):
				if !yield(Row{Line: line}, city.Invalid("directory.table_cells", "n", len(cells), "max", len(heading))) {
					return
				}
				continue
			}
			row := Row{Line: line, Cells: make(map[string]string, len(cells))}
			for i, v := range cells {
				row.Cells[heading[i]] = strings.Clone(v)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
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
