package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/register"
)

// The city's registers are there from the first start, and the same after the
// second; a table of an office changes them, from CSV as from Excel.
func TestRegistersComeWithTheCityAndByImport(t *testing.T) {
	ctx := context.Background()
	p := newPlace(t, "")
	b := p.app.Registers.Book()
	v := b.Vehicles()[0]
	if len(b.Vehicles()) < 100 || b.Firm(v.Firm).Status != register.FirmActive || b.Firm(v.Firm).Name == "" {
		t.Fatalf("%d vehicles; %+v", len(b.Vehicles()), b.Firm(v.Firm))
	}
	if n, err := p.app.Registers.Seed(ctx, program, p.app.Pack.Registers.Firms, p.app.Pack.Registers.Records); err != nil || n != 0 {
		t.Errorf("the second time %d records, %v", n, err)
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "vehicles.csv")
	text := "车牌号,统一社会信用代码,终端号码,用途,营运\n江A90001," + string(v.Firm) + ",014400090001,危险货物,是\n江A90002,91310115607622390A,,客运,是\n"
	p.ok(os.WriteFile(file, []byte(text), 0o600))
	r, err := p.app.Import(ctx, app.Table{Kind: "vehicles", File: file, Lang: city.English})
	if err != nil || r.Added != 1 || r.Rejected != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := p.app.Registers.Book().VehicleByTerminal("14400090001"); got == nil || got.ID != "江A90001" || got.Use != register.UseHazmat {
		t.Errorf("%+v", got)
	}
	raw, err := os.ReadFile(r.Rejects)
	if err != nil || !strings.Contains(string(raw), "江A90002") || !strings.Contains(string(raw), "uscc") {
		t.Errorf("rejected: %s, %v", raw, err)
	}

	x := excelize.NewFile()
	for i, row := range [][]any{{"No", "kind", "name", "lat", "lon"}, {"p-x1", "restaurant", "Night Owl", 31.93, 121.05}} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		p.ok(x.SetSheetRow("Sheet1", cell, &row))
	}
	file = filepath.Join(dir, "poi.xlsx")
	p.ok(x.SaveAs(file))
	if r, err = p.app.Import(ctx, app.Table{Kind: "poi", File: file, Columns: map[string]string{"id": "No"}, Lang: city.English}); err != nil || r.Added != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if o := p.app.Registers.Book().POI("p-x1"); o == nil || o.Radius != 50 || o.Name.En != "Night Owl" {
		t.Errorf("%+v", o)
	}
	if r, err = p.app.Import(ctx, app.Table{Kind: "poi", File: file, Columns: map[string]string{"id": "No"}, Lang: city.English}); err != nil || r.Same != 1 {
		t.Errorf("again: %+v, %v", r, err)
	}
}
