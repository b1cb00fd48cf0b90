package pack

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"strings"

	"yiwang/city"
	"yiwang/serviceitem"
)

// The imported catalogue and the rows that were refused, within a pack.
const (
	importedFile = "imported/items.csv"
	rejectedFile = "imported/rejected.csv"
)

var importedHeader = []string{"code", "name", "type", "body_name", "body_code", "main_item", "area"}

func cellsOf(it serviceitem.Listed) []string {
	return []string{it.Code, it.Name, it.Type, it.BodyName, it.BodyCode, it.MainItem, it.Area}
}

// readImported reads the imported catalogue of a pack; none is no fault.
func readImported(fsys fs.FS, faults *faults) []serviceitem.Listed {
	b, err := readFile(fsys, importedFile, mostTable)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errTooLarge):
		faults.add(importedFile, 0, "pack.too_large", "max", sayBytes(mostTable))
		return nil
	case err != nil:
		faults.add(importedFile, 0, "pack.unreadable", "detail", plainError(err))
		return nil
	}
	if line := firstBadText(b); line > 0 {
		faults.add(importedFile, line, "pack.not_utf8")
		return nil
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = len(importedHeader)
	var items []serviceitem.Listed
	seen := map[string]bool{}
	for n := 0; ; n++ {
		cells, err := r.Read()
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				faults.add(importedFile, p.Line, "pack.table_line")
				return nil
			}
			if n == 0 {
				faults.add(importedFile, 1, "pack.empty")
			}
			return items
		}
		line, _ := r.FieldPos(0)
		if n == 0 {
			if strings.Join(cells, ",") != strings.Join(importedHeader, ",") {
				faults.add(importedFile, 1, "pack.imported_header", "header", strings.Join(importedHeader, ","))
				return nil
			}
			continue
		}
		it := serviceitem.Listed{Code: cells[0], Name: cells[1], Type: cells[2], BodyName: cells[3], BodyCode: cells[4],
			MainItem: cells[5], Area: cells[6]}
		why := it.Check()
		if why == "" && seen[it.Code] {
			why = serviceitem.RejectTwice
		}
		if why != "" {
			faults.add(importedFile, line, "pack.imported_row", "why", city.Message{Key: "serviceitem.reject." + string(why)})
			continue
		}
		seen[it.Code] = true
		items = append(items, it)
	}
}
