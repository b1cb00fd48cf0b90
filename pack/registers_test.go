package pack

import (
	"strings"
	"testing"
	"testing/fstest"

	"yiwang/city"
	"yiwang/fleet/register"
)

var pondFirm = city.NewUSCC("91", "880101", 1)

// pond is the small pack with registers: tables by name, FIRM standing for a code.
func pond(t *testing.T, tables map[string]string) fstest.MapFS {
	t.Helper()
	m := small(t)
	m["regions.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(m["regions.yaml"].Data), `en: Willow Street}}`,
		`en: Willow Street}, children: [{code: "990201001001", lat: 31.0, lon: 121.0, name: {zh-Hans: x, en: Pool}}]}`, 1))}
	for name, text := range tables {
		m["registers/"+name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, "FIRM", pondFirm))}
	}
	return m
}

func sound() map[string]string {
	return map[string]string{
		"firms.csv":        "uscc,links,name,status\nFIRM,use,Pond Chemicals,\n",
		"substances.csv":   "un,name,name_en,class\n1791,x,Hypochlorite,8\n",
		"sites.csv":        "id,uscc,name,link,status,lat,lon,radius,since,version\ns1,FIRM,Pool,use,operating,31,121,50,2020-01-01,1\ns1,FIRM,Pool,use,closed,31,121,50,2025-01-01,2\n",
		"licences.csv":     "number,uscc,site,type,link,from,scope\nL1,FIRM,s1,use-licence,use,2024-01-01,UN1791 2 t\n",
		"certificates.csv": "number,uscc,role,from,to\nC7,FIRM,driver,2024-01-01,2030-01-01\n",
		"vehicles.csv":     "plate,uscc,use\nJA1,FIRM,hazmat\n",
		"sheets.csv":       "number,day,plate,from_site,to_site,substance,quantity,driver\nD1,2026-03-02,JA1,s1,s1,UN1791,1 t,C7\n",
	}
}

func TestRegistersOfAPack(t *testing.T) {
	c, faults := LoadFS(pond(t, sound()))
	if len(faults) > 0 {
		t.Fatal(strings.Join(said(faults), "\n"))
	}
	r := c.Registers
	if len(r.Firms) != 1 || r.Firms[0].Name != "Pond Chemicals" || len(r.Records) != 8 || r.Records[0].Ref().String() != "firm:"+pondFirm+"@1" {
		t.Errorf("%+v, %d records", r.Firms, len(r.Records))
	}
	seen := map[string]bool{}
	for _, rec := range r.Records { // nothing is named before it stands there
		for _, n := range rec.Names() {
			if !seen[string(n.Kind)+n.ID] {
				t.Errorf("%s names %s, which comes later", rec.Ref(), n.ID)
			}
		}
		seen[string(rec.Ref().Kind)+rec.Key()] = true
	}
}

func TestFaultsOfRegisters(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"firms.csv", "use,Pond", "swim,Pond", "registers/firms.csv:2: links: "},
		{"firms.csv", "Chemicals,", "Chemicals,open", "registers/firms.csv:2: status: "},
		{"firms.csv", "Pond Chemicals", "", "registers/firms.csv:2: name: "},
		{"sites.csv", "operating,31,121", "operating,121,31", "registers/sites.csv:2: lat: "},
		{"sites.csv", "operating,31,121", "operating,35,121", "registers/sites.csv:2: This lies more than 200 km"},
		{"sites.csv", "2025-01-01,2", "2025-01-01,1", "registers/sites.csv:3: Version 1 of “s1” stands on line 2 already"},
		{"sites.csv", "id,uscc,name", "id,uscc,title", "registers/sites.csv:1: There is no column “title”"},
		{"sites.csv", "Pool,use,closed,31,121,50,2025-01-01,2", "Pool,use,closed,31,121,50,2025-01-01,2,9,9", "registers/sites.csv:3: "},
		{"licences.csv", "FIRM,s1", "FIRM,s9", "registers/licences.csv:2: site: There is no site “s9” on record"},
		{"licences.csv", "UN1791 2 t", "UN1999 2 t", "registers/licences.csv:2: scope: There is no substance “UN1999” on record"},
		{"vehicles.csv", "FIRM", "91880101000000020X", "registers/vehicles.csv:2: uscc: "},
		{"sheets.csv", "JA1", "JA2", "registers/sheets.csv:2: plate: There is no vehicle “JA2” on record"},
		{"sheets.csv", "1 t", "1 bag", "registers/sheets.csv:2: quantity: "},
		{"sheets.csv", "D1", "D\xff", "registers/sheets.csv:2: "},
		{"sheets.csv", "number,day,plate,from_site,to_site,substance,quantity,driver\nD1,2026-03-02,JA1,s1,s1,UN1791,1 t,C7\n", "", "registers/sheets.csv:1: "},
	} {
		tables := sound()
		if !strings.Contains(tables[c.file], c.old) {
			t.Fatalf("%s has no %q", c.file, c.old)
		}
		tables[c.file] = strings.Replace(tables[c.file], c.old, c.new, 1)
		_, faults := LoadFS(pond(t, tables))
		list := said(faults)
		if len(list) == 0 || !strings.HasPrefix(list[0], c.want) {
			t.Errorf("%s with %q: %q, want %q", c.file, c.new, list, c.want)
		}
	}
	_, faults := LoadFS(pond(t, map[string]string{"ponds.csv": "id\n1\n"}))
	if list := said(faults); len(list) != 1 || !strings.HasPrefix(list[0], "registers/ponds.csv:1: There is no such register") {
		t.Errorf("%q", list)
	}
}

// Jianghai's registers are such as a city would have, and agree with its map.
func TestJianghaisRegisters(t *testing.T) {
	c, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	var all register.Records
	for _, rec := range c.Registers.Records {
		all.Add(rec)
	}
	b := register.NewBook(city.Date{Year: 2026, Month: 11, Day: 27}, c.Zone, all)
	hazmat := 0
	for _, v := range b.Vehicles() {
		if v.Use != register.UseHazmat || v.Status != register.Active {
			continue
		}
		if hazmat++; !v.Permit.InForce(b.Day()) || b.VehicleByTerminal(v.Terminal) != v {
			t.Errorf("%s: %+v", v.ID, v)
		}
	}
	if hazmat < 60 || len(b.Sites()) < 30 || len(b.POIs()) < 80 || len(b.Zones()) != 6 || len(b.Routes()) < 25 {
		t.Errorf("%d trucks, %d sites, %d places, %d zones, %d routes", hazmat, len(b.Sites()), len(b.POIs()), len(b.Zones()), len(b.Routes()))
	}
	if len(b.Doubled()) > 0 {
		t.Errorf("terminals stand twice: %v", b.Doubled())
	}
	for _, r := range b.Routes() {
		off := 0
		for _, p := range r.Line {
			if _, _, d := c.Roads.Near(p, 60); d > 60 {
				off++
			}
			for _, z := range b.ZonesAt(nil, p) {
				if len(z.Hours) == 0 && len(z.Classes) == 0 {
					t.Errorf("%s leads through %s", r.ID, z.ID)
				}
			}
		}
		if off > 2 { // the first and the last point are at the sites
			t.Errorf("%d points of %s are off the road", off, r.ID)
		}
		if to := b.Site(r.To); to.Area.Distance(r.Line[len(r.Line)-1]) > 1 {
			t.Errorf("%s doesn't end at %s", r.ID, r.To)
		}
	}
	for _, s := range b.Storages() {
		if s.Beyond() {
			t.Errorf("%s holds more than it may", s.ID)
		}
	}
	for _, s := range b.Sheets() {
		if b.Certificate(s.Driver) == nil || b.Certificate(s.Escort) == nil {
			t.Errorf("%s has no driver or escort on record", s.ID)
		}
	}
}
