package register

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"yiwang/city"
	"yiwang/geo"
)

func digested(number string) CertificateID { return CertificateID("d-" + strings.ToLower(number)) }

func row(columns, cells string) map[string]string {
	of := map[string]string{}
	values := strings.Split(cells, "|")
	for i, c := range strings.Split(columns, "|") {
		of[c] = values[i]
	}
	return of
}

func TestRowsOfEachTable(t *testing.T) {
	d := func(s string) city.Date { v, _ := city.ParseDate(s); return v }
	u := string(firmCode)
	permit := Permit{Number: "3301", Classes: []Class{"3", "2.1"}, Quantity: Quantity{29.5, Tonnes}, From: d("2024-05-01"), To: d("2028-04-30")}
	for _, c := range []struct {
		columns, cells string
		want           Record
	}{
		{"uscc|links|since", strings.ToLower(u) + "|production; trade|2020/1/2", &Firm{Entry: Entry[USCC]{ID: firmCode, Since: d("2020-01-02")}, Links: []Link{Production, Trade}}},
		{"name|name_en|un|class|packing", "x|Petrol|1203|3|2", &Substance{Entry: Entry[SubstanceID]{ID: "UN1203"}, Name: city.Text{ZhHans: "x", En: "Petrol"}, UN: 1203, Class: "3", Packing: 2}},
		{"id|name|class|waste", "900-249-08|oil|9|yes", &Substance{Entry: Entry[SubstanceID]{ID: "900-249-08"}, Name: both("oil"), Class: "9", Waste: true}},
		{"id|uscc|name|link|status|border|until", "s-1|" + u + "|x|use|closed|POLYGON ((121.1 31.9, 121.2 31.9, 121.2 32, 121.1 31.9))|46082",
			&Site{Entry: Entry[SiteID]{ID: "s-1", Until: d("2026-03-01")}, Firm: firmCode, Name: both("x"), Link: Use, Status: Closed,
				Area: Area{Border: []geo.Point{{Lat: 31.9, Lon: 121.1}, {Lat: 31.9, Lon: 121.2}, {Lat: 32, Lon: 121.2}}}}},
		{"id|uscc|name|link|status|lat|lon|radius", "s-1|" + u + "|x|trade|operating|31.9|121.1|80", &Site{Entry: Entry[SiteID]{ID: "s-1"}, Firm: firmCode,
			Name: both("x"), Link: Trade, Status: Operating, Area: Area{Centre: geo.Point{Lat: 31.9, Lon: 121.1}, Radius: 80}}},
		{"number|uscc|site|type|link|from|to|scope", "L1|" + u + "|s-1|hazmat-trading-licence|trade|20240501|2027-04-30|UN1203 500 t; un1170",
			&Licence{Entry: Entry[LicenceID]{ID: "L1"}, Firm: firmCode, Site: "s-1", Type: "hazmat-trading-licence", Link: Trade, Status: LicenceValid,
				From: d("2024-05-01"), To: d("2027-04-30"), Scope: []Allowance{{"UN1203", Quantity{500, Tonnes}}, {Substance: "UN1170"}}}},
		{"id|site|kind|substance|capacity|stock|declared", "t1|s-1|tank|un1203|500 t|0 t|2026-02-28", &Storage{Entry: Entry[StorageID]{ID: "t1"}, Site: "s-1", Kind: Tank,
			Substance: "UN1203", Capacity: Quantity{500, Tonnes}, Stock: Quantity{0, Tonnes}, Declared: d("2026-02-28")}},
		{"id|site|kind|due|failed", "e1|s-1|pipeline|2026-12-31|yes", &Equipment{Entry: Entry[EquipmentID]{ID: "e1"}, Site: "s-1", Kind: "pipeline", Due: d("2026-12-31"), Failed: true}},
		{"number|uscc|role|from|to", "AB 12|" + u + "|driver|2020-01-01|2026-01-01", &Certificate{Entry: Entry[CertificateID]{ID: "d-ab12"}, Firm: firmCode, Role: Driver,
			Status: LicenceValid, From: d("2020-01-01"), To: d("2026-01-01")}},
		{"plate|uscc|terminal|use|permit|classes|quantity|permit_from|permit_to", "ja 12345|" + u + "|013800138000|hazmat|3301|3 2.1|29.5t|2024-05-01|2028-04-30",
			&Vehicle{Entry: Entry[VehicleID]{ID: "JA12345"}, Firm: firmCode, Terminal: "13800138000", Use: UseHazmat, Operating: true, Status: Active, Permit: permit}},
		{"plate|use|status", "B1|private|retired", &Vehicle{Entry: Entry[VehicleID]{ID: "B1"}, Use: UsePrivate, Status: Retired}},
		{"id|uscc|name|permit|classes|quantity|permit_from|permit_to", "V1|" + u + "|x|3301|3,2.1|29.5 t|2024-05-01|2028-04-30", &Vessel{Entry: Entry[VesselID]{ID: "V1"}, Firm: firmCode, Name: both("x"), Status: Active, Permit: permit}},
		{"id|plates|from_site|to_site|line", "r1|ja12345; B1|s-1|s-2|LINESTRING(121.1 31.9, 121.2 31.95)", &Route{Entry: Entry[RouteID]{ID: "r1"}, Vehicles: []VehicleID{"JA12345", "B1"},
			From: "s-1", To: "s-2", Corridor: 300, Line: []geo.Point{{Lat: 31.9, Lon: 121.1}, {Lat: 31.95, Lon: 121.2}}}},
		{"number|kind|day|plate|from_site|to_site|substance|quantity|driver|escort", "D1|waste|2026-03-02|ja12345|s-1|s-2|900-249-08|8 t|A1|B2", &Sheet{Entry: Entry[SheetID]{ID: "D1"}, Kind: WasteSheet,
			Day: d("2026-03-02"), Vehicle: "JA12345", From: "s-1", To: "s-2", Substance: "900-249-08", Quantity: Quantity{8, Tonnes}, Driver: "d-a1", Escort: "d-b2"}},
		{"id|kind|day|site|grade|what", "x1|leak|2025-11-03|s-1|3|tap", &Event{Entry: Entry[EventID]{ID: "x1"}, Kind: Leak, Day: d("2025-11-03"), Site: "s-1", Grade: 3, What: both("tap")}},
		{"id|kind|name|lat|lon", "p1|parking|x|31.9|121.1", &POI{Entry: Entry[POIID]{ID: "p1"}, Kind: Parking, Name: both("x"), At: geo.Point{Lat: 31.9, Lon: 121.1}, Radius: 50}},
		{"id|name|lat|lon|radius|hours|classes", "z1|x|31.9|121.1|900|07:00-09:00;22:00-05:00|1 2.3", &Zone{Entry: Entry[ZoneID]{ID: "z1"}, Name: both("x"),
			Area: Area{Centre: geo.Point{Lat: 31.9, Lon: 121.1}, Radius: 900}, Hours: []Hours{{420, 540}, {1320, 300}}, Classes: []Class{"1", "2.3"}}},
	} {
		got, faults := FromRow(c.want.Ref().Kind, row(c.columns, c.cells), digested)
		if len(faults) > 0 {
			t.Errorf("%s: %v", c.cells, faults)
			continue
		}
		c.want.Stamp(1)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Area{}, Route{})); diff != "" {
			t.Errorf("%s: %s", c.cells, diff)
		}
		for _, column := range strings.Split(c.columns, "|") {
			if !strings.Contains(strings.Join(Columns(c.want.Ref().Kind), " ")+" ", column+" ") && column != "until" {
				t.Errorf("%s isn't told of the table %s", column, c.want.Ref().Kind)
			}
		}
	}
}

// Tables as offices write them, from the words of columns.yaml.
func TestCustomaryWords(t *testing.T) {
	for heading, column := range Headings() {
		known := false
		for _, k := range Kinds {
			known = known || strings.Contains(" "+strings.Join(Columns(k), " ")+" ", " "+column+" ")
		}
		if !known {
			t.Errorf("%s means %s, which no table has", heading, column)
		}
	}
	site, faults := FromRow(KindSite, row("id|uscc|name|link|status|lat|lon|radius|datum", "s|"+string(firmCode)+"|x|\u751f\u4ea7|\u505c\u4ea7|31.9|121.1|80|GCJ-02"), digested)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	s := site.(*Site)
	if s.Link != Production || s.Status != Suspended {
		t.Errorf("%s, %s", s.Link, s.Status)
	}
	if d := geo.Distance(s.Area.Centre, geo.Point{Lat: 31.9, Lon: 121.1}); d < 100 || d > 1000 {
		t.Errorf("a shifted place lies %v m from where the map draws it", d)
	}
	v, faults := FromRow(KindVehicle, row("plate|use|status|operating", "B1|\u975e\u8425\u8fd0|\u6ce8\u9500|\u5426"), digested)
	if len(faults) > 0 || v.(*Vehicle).Use != UsePrivate || v.(*Vehicle).Status != Retired || v.(*Vehicle).Operating {
		t.Errorf("%+v, %v", v, faults)
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	u := string(firmCode)
	for _, c := range []struct {
		kind                 Kind
		columns, cells, want string
	}{
		{KindSite, "id|uscc|name|link|status|lat|lon|radius", "s|" + u + "|x|use|closed|north|121|80", "lat register.number"},
		{KindSite, "id|uscc|name|link|status|lat|lon|radius", "s|" + u + "|x|use|closed|NaN|121|80", "lat register.number"},
		{KindSite, "id|uscc|name|link|status", "s|" + u + "|x|use|closed", "lat register.circle"},
		{KindSite, "id|uscc|name|link|status|border", "s|" + u + "|x|use|closed|POLYGON((1 2, 3 4), (1 1, 2 2))", "border register.wkt"},
		{KindSite, "id|uscc|name|link|status|border", "s|" + u + "|x|use|closed|121 31, 122 32", "border register.wkt"},
		{KindSite, "id|uscc|name|link|status|border", "s|" + u + "|x|use|closed|POLYGON((31.9 121.1, 31.9 121.2, 32 121.1))", "lat register.point"},
		{KindSite, "id|uscc|name|link|status|lat|lon|radius|datum", "s|" + u + "|x|use|closed|31|121|80|bd09", "datum register.datum"},
		{KindSite, "id|uscc|name|link|status|lat|lon|radius", "s|123|x|use|closed|31|121|80", "uscc form.uscc_length"},
		{KindRoute, "id|plates|line", "r|A1|LINESTRING(1 2", "line register.wkt"},
		{KindRoute, "id|plates|line", "r|A1|LINESTRING(1 2)", "line register.line"},
		{KindRoute, "id|plates|line", "r||LINESTRING(1 2, 3 4)", "plates register.missing"},
		{KindVehicle, "plate|use|operating", "A1|taxi|perhaps", "operating register.yes"},
		{KindVehicle, "plate|use|terminal", "A1|taxi|12a", "terminal register.terminal"},
		{KindVehicle, "plate|use|permit|classes", "A1|hazmat|1|3", "permit_to register.missing"},
		{KindVehicle, "plate|use|since", "A1|taxi|2026-02-30", "since directory.date"},
		{KindSubstance, "un|name|class", "12.5|x|3", "un register.number"},
		{KindLicence, "number|uscc|type|link|from|scope", "L|" + u + "|t|use|2026-01-01|UN1203 many", "scope register.quantity"},
		{KindZone, "id|name|lat|lon|radius|hours", "z|x|31|121|80|7-9", "hours register.hours"},
		{KindCertificate, "uscc|role|from|to", u + "|driver|2026-01-01|2027-01-01", "number register.id"},
		{"nonsense", "id", "x", " register.no_table"},
	} {
		_, faults := FromRow(c.kind, row(c.columns, c.cells), digested)
		if len(faults) != 1 || faults[0].Name+" "+faults[0].Message.Key != c.want {
			t.Errorf("%s %s: %v, want %s", c.kind, c.cells, faults, c.want)
		}
		for _, f := range faults {
			if _, ok := city.LookupText(f.Message.Key); !ok {
				t.Errorf("no text for %s", f.Message.Key)
			}
		}
	}
}

func FuzzFromRow(f *testing.F) {
	f.Add(uint8(0), "s", "31.9", "POLYGON((1 2, 3 4, 5 6, 1 2))", "07:00-09:00")
	f.Add(uint8(5), "UN1203 5 t;", "2026-3-4", "LINESTRING(1 2, 3 4)", "1e9 t")
	f.Fuzz(func(t *testing.T, k uint8, a, b, c, d string) {
		kind := Kinds[int(k)%len(Kinds)]
		words := []string{a, b, c, d}
		of := map[string]string{}
		for i, column := range Columns(kind) {
			of[column] = words[(i+int(k)/len(Kinds))%4]
		}
		r, faults := FromRow(kind, of, digested)
		if len(faults) == 0 {
			var all Records
			all.Add(r)
			b := NewBook(today, shanghai, all)
			_ = b.ZonesAt(nil, middle)
			_, _ = b.NearestSite(middle, 1000)
			if len(r.Check()) > 0 {
				t.Errorf("%v passes once and not again", r)
			}
		}
	})
}
