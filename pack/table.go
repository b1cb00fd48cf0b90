package pack

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"yiwang/city"
)

// row is one line of a table, with the line on which it begins in the file.
type row struct {
	line  int
	cells []string
}

// readTable reads a table from CSV (UTF-8, with or without a byte order mark,
// UTF-16 with one, GBK or GB 18030; comma, semicolon or tab) or from the first
// sheet of an Excel file. Rows without any text are left out.
func readTable(b []byte) ([]row, error) {
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return readExcel(b)
	}
	if bytes.HasPrefix(b, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
		return nil, city.Invalid("pack.table_old_excel")
	}
	text, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	var rows []row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				return nil, city.Invalid("pack.table_broken", "line", p.StartLine)
			}
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if rows, err = appendRow(rows, line, cells); err != nil {
			return nil, err
		}
	}
}

const (
	mostRows    = 200000
	mostColumns = 200
)

func appendRow(rows []row, line int, cells []string) ([]row, error) {
	if len(rows) >= mostRows || len(cells) > mostColumns {
		return nil, city.Invalid("pack.table_too_large", "rows", mostRows, "columns", mostColumns)
	}
	if !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return rows, nil
	}
	return append(rows, row{line, cells}), nil
}

// decodeText gives the text of a file whose encoding nobody named.
func decodeText(b []byte) (string, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return utf16Text(b[2:], 1, 0), nil
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return utf16Text(b[2:], 0, 1), nil
	}
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return string(b), nil
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil || bytes.IndexByte(out, 0) >= 0 || bytes.Count(out, []byte("\uFFFD")) > len(out)/100 {
		return "", city.Invalid("pack.table_encoding")
	}
	return string(out), nil
}

func utf16Text(b []byte, high, low int) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i+high])<<8 | uint16(b[2*i+low])
	}
	return string(utf16.Decode(units))
}

// separator is the one that the first line has most of.
func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	best, n := ',', strings.Count(first, ",")
	for _, c := range "\t;" {
		if m := strings.Count(first, string(c)); m > n {
			best, n = c, m
		}
	}
	return best
}

// unzipLimit bounds what an Excel file may unpack to.
const unzipLimit = 256 << 20

func readExcel(b []byte) (rows []row, err error) {
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: unzipLimit, UnzipXMLSizeLimit: 64 << 20, RawCellValue: true})
	if err != nil {
		return nil, &city.Error{Kind: city.KindInvalid, Message: city.Message{Key: "pack.table_excel"}, Err: err}
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("temporary files of the Excel reader: %w", cerr)
		}
	}()
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return nil, city.Invalid("pack.table_excel")
	}
	it, err := f.Rows(sheets[0])
	if err != nil {
		return nil, &city.Error{Kind: city.KindInvalid, Message: city.Message{Key: "pack.table_excel"}, Err: err}
	}
	for line := 1; it.Next(); line++ {
		cells, err := it.Columns()
		if err != nil {
			return nil, errors.Join(&city.Error{Kind: city.KindInvalid, Message: city.Message{Key: "pack.table_excel"}, Err: err}, it.Close())
		}
		if rows, err = appendRow(rows, line, cells); err != nil {
			return nil, errors.Join(err, it.Close())
		}
	}
	return rows, it.Close()
}
