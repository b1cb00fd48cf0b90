package pack

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/serviceitem"
)

// ImportOptions change how a table is read; the zero value suits most.
type ImportOptions struct {
	// Columns names the column of the table for fields of ours (code, name, type,
	// body_name, body_code, main_item, area), where its header isn't one we know.
	Columns map[string]string
	// Progress is told how many rows of how many are done, now and then and at
	// the end.
	Progress func(done, total int)
}

// ImportReport says what an import did.
type ImportReport struct {
	Rows     int // rows read
	Added    int
	Changed  int
	Same     int
	Rejected int
	Total    int    // items in the catalogue now
	Catalog  string // the file written, within the pack
	Rejects  string // the reject file; "" when nothing was rejected
}

// columnNames are the headers that stand for a field, in lower case.
var columnNames = map[string][]string{
	"code":      {"code", "item_code", "local_code", "task_code", "事项编码", "实施编码", "事项代码"},
	"name":      {"name", "item_name", "task_name", "事项名称", "名称"},
	"type":      {"type", "task_type", "item_type", "事项类型"},
	"body_name": {"body_name", "dept", "dept_name", "实施主体", "实施部门", "部门", "部门名称"},
	"body_code": {"body_code", "dept_code", "实施主体编码", "实施主体代码", "部门编码"},
	"main_item": {"main_item", "主项名称", "主项"},
	"area":      {"area", "area_code", "行政区划", "区划代码", "行政区划代码"},
}

var columnsNeeded = []string{"code", "name", "type", "body_name"}

// unsorted is what sources write when they have no main item.
const unsorted = "未分类"

// ImportItems reads a table of service items (CSV or Excel) into the catalogue of
// the pack at dir, as items whose guides are still to be written. A code that the
// catalogue has is replaced, the others stay: importing the same table again
// changes nothing. Rows that can't be taken go to a reject file beside it, with
// the line, a code and the reason. Nothing of the pack changes unless everything
// could be read and written.
func ImportItems(ctx context.Context, table, dir string, o ImportOptions) (ImportReport, error) {
	var rep ImportReport
	root, err := openPack(dir)
	if err != nil {
		return rep, err
	}
	defer root.Close()
	b, err := readFile(os.DirFS(filepath.Dir(table)), filepath.Base(table), mostTable)
	switch {
	case errors.Is(err, errTooLarge):
		return rep, city.TooLarge("pack.too_large", "max", sayBytes(mostTable))
	case err != nil:
		return rep, city.Invalid("pack.table_missing", "file", table, "detail", plainError(err))
	}
	rows, err := readTable(b)
	if err != nil {
		return rep, err
	}
	columns, err := findColumns(rows, o.Columns)
	if err != nil {
		return rep, err
	}
	var old faults
	items := readImported(root.FS(), &old)
	if len(old.list) > 0 {
		return rep, city.Invalid("pack.import_over_faults", "fault", old.list[0].String())
	}
	in := importing{at: map[string]int{}, from: map[string]bool{}, items: items, columns: columns, width: len(rows[0].cells)}
	for i, it := range items {
		in.at[it.Code] = i
	}
	rows = rows[1:]
	for i, r := range rows {
		if i%256 == 0 {
			if err := ctx.Err(); err != nil {
				return rep, err
			}
			if o.Progress != nil {
				o.Progress(i, len(rows))
			}
		}
		in.take(r)
	}
	if len(rows) > 0 && len(in.rejects) == len(rows) {
		why := city.Message{Key: "serviceitem.reject." + in.rejects[0][1]}
		return rep, city.Invalid("pack.import_all_rejected", "n", len(rows), "why", why)
	}
	rep = in.report
	rep.Rows, rep.Rejected, rep.Total, rep.Catalog = len(rows), len(in.rejects), len(in.items), importedFile
	if err := writeCatalogue(ctx, root, in.items, in.rejects); err != nil {
		return ImportReport{}, err
	}
	if len(in.rejects) > 0 {
		rep.Rejects = rejectedFile
	}
	if o.Progress != nil {
		o.Progress(len(rows), len(rows))
	}
	return rep, nil
}

// findColumns tells the position of each field among the header's cells.
func findColumns(rows []row, given map[string]string) (map[string]int, error) {
	if len(rows) == 0 {
		return nil, city.Invalid("pack.table_empty")
	}
	header := map[string]int{}
	for i, cell := range rows[0].cells {
		key := strings.ToLower(strings.TrimSpace(cell))
		if _, twice := header[key]; !twice {
			header[key] = i
		}
	}
	columns := map[string]int{}
	for _, field := range sortedKeys(given) {
		if columnNames[field] == nil {
			return nil, city.Invalid("pack.column_field", "field", field, "fields", strings.Join(importedHeader, ", "))
		}
		i, ok := header[strings.ToLower(strings.TrimSpace(given[field]))]
		if !ok {
			return nil, city.Invalid("pack.column_missing", "column", given[field])
		}
		columns[field] = i
	}
	for _, field := range importedHeader {
		if _, ok := columns[field]; ok {
			continue
		}
		for _, name := range columnNames[field] {
			if i, ok := header[name]; ok {
				columns[field] = i
				break
			}
		}
	}
	for _, field := range columnsNeeded {
		if _, ok := columns[field]; !ok {
			return nil, city.Invalid("pack.column_needed", "field", field, "names", strings.Join(columnNames[field], ", "))
		}
	}
	return columns, nil
}

// importing is one import under way.
type importing struct {
	columns map[string]int
	width   int
	items   []serviceitem.Listed
	at      map[string]int  // position of a code among items
	from    map[string]bool // codes met in this table
	rejects [][]string      // line, reason, sentences, cells
	report  ImportReport
}

func (in *importing) take(r row) {
	cell := func(field string) string {
		i, ok := in.columns[field]
		if !ok || i >= len(r.cells) {
			return ""
		}
		return strings.TrimSpace(r.cells[i])
	}
	it := serviceitem.Listed{Code: cell("code"), Name: cell("name"), BodyName: cell("body_name"), BodyCode: cell("body_code"),
		MainItem: cell("main_item"), Area: cell("area")}
	if it.MainItem == unsorted {
		it.MainItem = ""
	}
	it.Type, _ = serviceitem.TypeOf(cell("type"))
	why := it.Check()
	switch {
	case len(r.cells) > in.width:
		why = serviceitem.RejectColumns
	case why == "" && in.from[it.Code]:
		why = serviceitem.RejectTwice
	}
	if why != "" {
		line := []string{strconv.Itoa(r.line), string(why), why.In(city.Chinese), why.In(city.English)}
		for _, c := range r.cells {
			line = append(line, Harmless(c))
		}
		in.rejects = append(in.rejects, line)
		return
	}
	in.from[it.Code] = true
	i, known := in.at[it.Code]
	switch {
	case !known:
		in.report.Added++
		in.at[it.Code] = len(in.items)
		in.items = append(in.items, it)
	case in.items[i] == it:
		in.report.Same++
	default:
		in.report.Changed++
		in.items[i] = it
	}
}

// Harmless keeps a spreadsheet from running a cell as a formula.
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// writeCatalogue writes both files beside the ones that stand there and then puts
// them in their places, the catalogue last.
func writeCatalogue(ctx context.Context, root *os.Root, items []serviceitem.Listed, rejects [][]string) error {
	slices.SortFunc(items, func(a, b serviceitem.Listed) int { return strings.Compare(a.Code, b.Code) })
	table := [][]string{importedHeader}
	for _, it := range items {
		table = append(table, cellsOf(it))
	}
	catalogue, err := csvBytes(table)
	if err != nil {
		return err
	}
	refused, err := csvBytes(append([][]string{{"line", "reason", "说明", "explanation"}}, rejects...))
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := root.Mkdir("imported", 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the folder imported: %w", err)
	}
	if err := writeAside(root, importedFile, catalogue); err != nil {
		return err
	}
	if len(rejects) > 0 {
		if err := errors.Join(writeAside(root, rejectedFile, refused), root.Rename(aside(rejectedFile), rejectedFile)); err != nil {
			return errors.Join(err, root.Remove(aside(importedFile)))
		}
	} else if err := root.Remove(rejectedFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, root.Remove(aside(importedFile)))
	}
	return root.Rename(aside(importedFile), importedFile)
}

func csvBytes(table [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.WriteAll(table)
	return b.Bytes(), err
}

func aside(name string) string { return name + ".new" }

// writeAside writes a file under a passing name, so that it is on disk before it
// takes the place of the one that stands there.
func writeAside(root *os.Root, name string, b []byte) error {
	f, err := root.Create(aside(name))
	if err != nil {
		return err
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), root.Remove(aside(name)))
	}
	return nil
}
