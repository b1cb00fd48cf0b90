package pack

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"yiwang/city"
	"yiwang/serviceitem"
)

// cityFolder is a writable copy of the small pack.
func cityFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/small")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "imported")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// snapshot is every file of the folder with its text.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const table = "dept,main_item,name,task_type,item_code,dept_code,area_code\n" +
	"区民政局,未分类,高龄补贴,5,AA-2,1151,990100\n" +
	"区林业局,采伐,林木采伐许可,行政许可,AA-1,1152,990100\n"

func TestImportItems(t *testing.T) {
	dir := cityFolder(t)
	rep, err := ImportItems(context.Background(), write(t, "items.csv", []byte(table)), dir, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := ImportReport{Rows: 2, Added: 2, Total: 2, Catalog: "imported/items.csv"}
	if diff := cmp.Diff(want, rep); diff != "" {
		t.Error(diff)
	}
	c, faults := Load(dir)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	items := []serviceitem.Listed{
		{Code: "AA-1", Name: "林木采伐许可", Type: "01", BodyName: "区林业局", BodyCode: "1152", MainItem: "采伐", Area: "990100"},
		{Code: "AA-2", Name: "高龄补贴", Type: "05", BodyName: "区民政局", BodyCode: "1151", Area: "990100"},
	}
	if diff := cmp.Diff(items, c.Listed); diff != "" {
		t.Error(diff)
	}

	// again: nothing changes
	before := snapshot(t, dir)
	rep, err = ImportItems(context.Background(), write(t, "items.csv", []byte(table)), dir, ImportOptions{})
	if err != nil || rep.Same != 2 || rep.Added+rep.Changed+rep.Rejected != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Error(diff)
	}

	// another table: one row new, one other than before, the rest stays
	other := "事项编码,事项名称,事项类型,部门\nAA-1,采伐许可,01,区林业局\nAA-3,公园游船,20,园林所\n"
	rep, err = ImportItems(context.Background(), write(t, "more.csv", []byte(other)), dir, ImportOptions{})
	if err != nil || rep.Added != 1 || rep.Changed != 1 || rep.Total != 3 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestImportReads: the same table in every dress gives the same catalogue.
func TestImportReads(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(table))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sheet := excelize.NewFile()
	for i, r := range rows {
		if err := sheet.SetSheetRow("Sheet1", "A"+string(rune('1'+i)), &r); err != nil {
			t.Fatal(err)
		}
	}
	var excel bytes.Buffer
	if err := sheet.Write(&excel); err != nil {
		t.Fatal(err)
	}
	utf16le := []byte{0xff, 0xfe}
	for _, r := range table {
		utf16le = append(utf16le, byte(r), byte(r>>8))
	}
	var want map[string]string
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"plain.csv", []byte(table)},
		{"bom.csv", []byte("\ufeff" + table)},
		{"gbk.csv", gbk},
		{"crlf.csv", []byte(strings.ReplaceAll(table, "\n", "\r\n"))},
		{"semicolon.csv", []byte(strings.ReplaceAll(table, ",", ";"))},
		{"tab.txt", []byte(strings.ReplaceAll(table, ",", "\t"))},
		{"utf16.csv", utf16le},
		{"blank lines.csv", []byte(strings.ReplaceAll(table, "\n", "\n\n,,,\n"))},
		{"table.xlsx", excel.Bytes()},
	} {
		dir := cityFolder(t)
		rep, err := ImportItems(context.Background(), write(t, c.name, c.b), dir, ImportOptions{})
		if err != nil || rep.Added != 2 {
			t.Errorf("%s: %+v, %v", c.name, rep, err)
			continue
		}
		got := snapshot(t, dir)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestImportRejects(t *testing.T) {
	dir := cityFolder(t)
	rows := "code,name,type,body_name\n" +
		"A1,好的,01,局\n" +
		",没有编码,01,局\n" +
		"A 2,编码有空格,01,局\n" +
		"A3,,01,局\n" +
		"A4,类型不对,99,局\n" +
		"A5,没有部门,01,\n" +
		"A1,又来一次,01,局\n" +
		"A6,格子太多,01,局,多\n" +
		"A7,\"两\x01行\",01,局\n" +
		"A8," + strings.Repeat("长", 301) + ",01,局\n" +
		"A9,=cmd|calc,99,局\n"
	rep, err := ImportItems(context.Background(), write(t, "items.csv", []byte(rows)), dir, ImportOptions{})
	if err != nil || rep.Added != 1 || rep.Rejected != 10 || rep.Rejects != "imported/rejected.csv" {
		t.Fatalf("%+v, %v", rep, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "imported/rejected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = -1
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines[1:] {
		got = append(got, l[0]+" "+l[1])
		if l[2] == "" || l[3] == "" || strings.HasPrefix(l[2], "serviceitem.") {
			t.Errorf("no sentence: %q", l)
		}
	}
	want := []string{"3 no_code", "4 bad_code", "5 no_name", "6 unknown_type", "7 no_body", "8 code_twice", "9 too_many_columns",
		"10 bad_character", "11 bad_name", "12 unknown_type"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := lines[len(lines)-1]; last[5] != "'=cmd|calc" {
		t.Errorf("a cell that a spreadsheet would run: %q", last)
	}
	if _, faults := Load(dir); len(faults) > 0 {
		t.Error(faults)
	}
	// a clean table takes the reject file away
	if _, err := ImportItems(context.Background(), write(t, "items.csv", []byte(table)), dir, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "imported/rejected.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an old reject file stays")
	}
}

// TestImportRefuses: what can't be imported says why, and the pack is as before.
func TestImportRefuses(t *testing.T) {
	dir := cityFolder(t)
	before := snapshot(t, dir)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		file    string
		dir     string
		columns map[string]string
		want    string // the beginning of the error
	}{
		{name: "no table", file: filepath.Join(t.TempDir(), "none.csv"), want: "invalid: "},
		{name: "empty", file: write(t, "a.csv", nil), want: "invalid: The table is empty"},
		{name: "other columns", file: write(t, "a.csv", []byte("a,b\n1,2\n")), want: "invalid: The table lacks code"},
		{name: "nothing usable", file: write(t, "a.csv", []byte("code,name,type,dept\n,a,1,b\n,c,1,d\n")), want: "invalid: None of the 2 rows can be taken, so nothing was changed. The first one's reason: There is no item code"},
		{name: "no Excel", file: write(t, "a.xlsx", []byte("PK\x03\x04 nonsense")), want: "invalid: This Excel file can't be opened"},
		{name: "old Excel", file: write(t, "a.xls", []byte("\xd0\xcf\x11\xe0\xa1\xb1")), want: "invalid: This is an old .xls file"},
		{name: "a picture", file: write(t, "a.csv", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff\xff\xff")), want: "invalid: The encoding is unclear"},
		{name: "no pack", file: write(t, "a.csv", []byte(table)), dir: t.TempDir(), want: "invalid: The folder"},
		{name: "a wrong map", file: write(t, "a.csv", []byte(table)), columns: map[string]string{"name": "title"}, want: "invalid: The table has no column “title”"},
		{name: "a map of nothing", file: write(t, "a.csv", []byte(table)), columns: map[string]string{"colour": "name"}, want: "invalid: There is no field “colour”"},
		{name: "cancelled", ctx: cancelled, file: write(t, "a.csv", []byte(table)), want: "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, to := c.ctx, c.dir
			if ctx == nil {
				ctx = context.Background()
			}
			if to == "" {
				to = dir
			}
			_, err := ImportItems(ctx, c.file, to, ImportOptions{Columns: c.columns})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestImportColumns(t *testing.T) {
	dir := cityFolder(t)
	rows := "编号,标题,类,单位\nB1,名字,20,局\n"
	rep, err := ImportItems(context.Background(), write(t, "a.csv", []byte(rows)), dir,
		ImportOptions{Columns: map[string]string{"code": "编号", "name": "标题", "type": "类", "body_name": "单位"}})
	if err != nil || rep.Added != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestImportGuangan reads the published table of one district, where it lies.
func TestImportGuangan(t *testing.T) {
	const published = "../../shared/data/service-items/guangan-items.csv"
	if _, err := os.Stat(published); err != nil {
		t.Skip("the published table isn't here: ", err)
	}
	dir := cityFolder(t)
	var told []int
	start := time.Now()
	rep, err := ImportItems(context.Background(), published, dir, ImportOptions{Progress: func(done, total int) {
		if total != 1135 {
			t.Errorf("%d of %d", done, total)
		}
		told = append(told, done)
	}})
	if err != nil || rep.Added != 1135 || rep.Rejected != 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	if len(told) < 3 || told[0] != 0 || told[len(told)-1] != 1135 {
		t.Errorf("progress %v", told)
	}
	c, faults := Load(dir)
	if len(faults) > 0 || len(c.Listed) != 1135 {
		t.Fatal(faults)
	}
	if again, err := ImportItems(context.Background(), published, dir, ImportOptions{}); err != nil || again.Same != 1135 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestRejectsHaveWords(t *testing.T) {
	for _, r := range serviceitem.Rejects {
		for _, l := range city.Langs {
			if strings.HasPrefix(r.In(l), "serviceitem.") {
				t.Errorf("%s has no sentence in %s", r, l)
			}
		}
	}
}

// FuzzTable: no bytes make the reader of tables panic.
func FuzzTable(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte{0xff, 0xfe, 'a', 0, ',', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if rows, err := readTable(b); err == nil {
			if _, err := findColumns(rows, nil); err == nil && len(rows) == 0 {
				t.Error("columns of nothing")
			}
		}
	})
}
