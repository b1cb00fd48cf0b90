package register

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/geo"
)

// sound is a record of each register with nothing wrong.
func sound() map[Kind]Record {
	d := today
	circle := Area{Centre: middle, Radius: 80}
	permit := Permit{Number: "P1", Classes: []Class{"3", "2.1"}, Quantity: Quantity{30, Tonnes}, From: d, To: d}
	return map[Kind]Record{
		KindFirm:        &Firm{Entry: entry(firmCode), Links: []Link{Trade}},
		KindSite:        &Site{Entry: entry(SiteID("s-1")), Firm: firmCode, Name: both("x"), Link: Storing, Status: Operating, Area: circle},
		KindLicence:     &Licence{Entry: entry(LicenceID("L(2026)1")), Firm: firmCode, Site: "s-1", Type: "t", Link: Trade, Status: LicenceValid, From: d, Scope: []Allowance{{"UN1203", Quantity{5, Tonnes}}}},
		KindStorage:     &Storage{Entry: entry(StorageID("t")), Site: "s-1", Kind: Tank, Substance: "UN1203", Capacity: Quantity{100, Tonnes}, Stock: Quantity{0, Tonnes}, Declared: d},
		KindEquipment:   &Equipment{Entry: entry(EquipmentID("e")), Site: "s-1", Kind: "pipeline", Inspected: d, Due: d.AddDays(365)},
		KindCertificate: &Certificate{Entry: entry(CertificateID("c")), Firm: firmCode, Role: Driver, Status: LicenceValid, From: d, To: d},
		KindVehicle:     &Vehicle{Entry: entry(VehicleID("JA12345")), Firm: firmCode, Terminal: "13800138000", Use: UseHazmat, Operating: true, Status: Active, Permit: permit},
		KindVessel:      &Vessel{Entry: entry(VesselID("v")), Firm: firmCode, Name: both("x"), Status: Active, Permit: permit},
		KindRoute:       &Route{Entry: entry(RouteID("r")), Vehicles: []VehicleID{"JA12345"}, From: "s-1", To: "s-1", Corridor: 200, Line: []geo.Point{middle, middle}},
		KindSubstance:   &Substance{Entry: entry(SubstanceID("UN0331")), Name: both("x"), UN: 331, Class: "1.5"},
		KindSheet:       &Sheet{Entry: entry(SheetID("d")), Kind: WasteSheet, Day: d, Vehicle: "JA12345", From: "s-1", To: "s-1", Substance: "UN1203", Quantity: Quantity{1, Tonnes}, Driver: "c"},
		KindEvent:       &Event{Entry: entry(EventID("x")), Kind: Leak, Day: d, Site: "s-1", Grade: 3},
		KindPOI:         &POI{Entry: entry(POIID("p")), Kind: Parking, Name: both("x"), At: middle, Radius: 40},
		KindZone:        &Zone{Entry: entry(ZoneID("z")), Name: both("x"), Area: circle, Hours: []Hours{{420, 540}, {1320, 300}}, Classes: []Class{"1"}},
	}
}

func TestSoundRecordsPassAndAreKeptAsTheyAre(t *testing.T) {
	for _, k := range Kinds {
		r := sound()[k]
		if faults := r.Check(); len(faults) > 0 {
			t.Errorf("%s: %v", k, faults)
		}
		if r.Ref().Kind != k || r.Ref().ID != r.Key() {
			t.Errorf("%s says it is %v", k, r.Ref())
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back := New(k)
		if err := json.Unmarshal(raw, back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back, cmpopts.IgnoreUnexported(Area{}, Route{})); diff != "" {
			t.Errorf("%s comes back otherwise: %s", k, diff)
		}
		var all Records
		all.Add(r)
		if b := NewBook(today, shanghai, all); len(b.Firms())+len(b.Sites())+len(b.Licences())+len(b.Storages())+len(b.Equipment())+len(b.Certificates())+len(b.Vehicles())+
			len(b.Vessels())+len(b.Routes())+len(b.Substances())+len(b.Sheets())+len(b.Events())+len(b.POIs())+len(b.Zones()) != 1 {
			t.Errorf("%s isn't in the book", k)
		}
		known := sound()
		for _, n := range r.Names() {
			if known[n.Kind] == nil || n.Field == "" || n.ID == "" {
				t.Errorf("%s names %+v", k, n)
			}
		}
		if empty := New(k).Check(); len(empty) == 0 {
			t.Errorf("an empty %s passes", k)
		}
	}
	if New("nonsense") != nil {
		t.Error("there is a register of nonsense")
	}
}

func TestWhatIsWrong(t *testing.T) {
	change := func(k Kind, f func(Record)) Record { r := sound()[k]; f(r); return r }
	cases := map[string]Record{
		"id register.id":                            change(KindSite, func(r Record) { r.(*Site).ID = "a b" }),
		"until register.span":                       change(KindZone, func(r Record) { r.(*Zone).Since, r.(*Zone).Until = today, today.AddDays(-1) }),
		"firm form.uscc_length":                     change(KindSite, func(r Record) { r.(*Site).Firm = "123" }),
		"area register.circle":                      change(KindSite, func(r Record) { r.(*Site).Area.Radius = math.NaN() }),
		"area register.border":                      change(KindSite, func(r Record) { r.(*Site).Area.Border = []geo.Point{middle, middle} }),
		"area register.point":                       change(KindZone, func(r Record) { r.(*Zone).Area.Border = []geo.Point{middle, middle, {Lat: 121, Lon: 31}} }),
		"area register.wide":                        change(KindZone, func(r Record) { r.(*Zone).Area.Border = []geo.Point{middle, {Lat: 40, Lon: 121}, {Lat: 31, Lon: 120}} }),
		"name register.name":                        change(KindPOI, func(r Record) { r.(*POI).Name.En = "" }),
		"status register.one_of":                    change(KindSite, func(r Record) { r.(*Site).Status = "open" }),
		"scope.1.substance register.substance_once": change(KindLicence, func(r Record) { l := r.(*Licence); l.Scope = append(l.Scope, l.Scope[0]) }),
		"to register.span":                          change(KindLicence, func(r Record) { r.(*Licence).To = today.AddDays(-1) }),
		"to register.missing":                       change(KindCertificate, func(r Record) { r.(*Certificate).To = city.Date{} }),
		"capacity register.quantity":                change(KindStorage, func(r Record) { r.(*Storage).Capacity = Quantity{1, "bucket"} }),
		"stock register.quantity":                   change(KindStorage, func(r Record) { r.(*Storage).Stock.Amount = math.Inf(1) }),
		"declared register.declared":                change(KindStorage, func(r Record) { r.(*Storage).Declared = city.Date{} }),
		"due register.span":                         change(KindEquipment, func(r Record) { r.(*Equipment).Due = today.AddDays(-1) }),
		"terminal register.terminal":                change(KindVehicle, func(r Record) { r.(*Vehicle).Terminal = "013800138000" }),
		"permit.classes register.class":             change(KindVehicle, func(r Record) { r.(*Vehicle).Permit.Classes = []Class{"10"} }),
		"permit.number register.missing":            change(KindVehicle, func(r Record) { r.(*Vehicle).Permit.Number = "" }),
		"permit.to register.span":                   change(KindVessel, func(r Record) { r.(*Vessel).Permit.To = today.AddDays(-1) }),
		"permit.to register.missing":                change(KindVessel, func(r Record) { r.(*Vessel).Permit.From = city.Date{} }),
		"corridor register.corridor":                change(KindRoute, func(r Record) { r.(*Route).Corridor = 1 }),
		"line register.line":                        change(KindRoute, func(r Record) { r.(*Route).Line = nil }),
		"line register.point":                       change(KindRoute, func(r Record) { r.(*Route).Line = []geo.Point{middle, {Lat: math.NaN()}} }),
		"vehicles register.missing":                 change(KindRoute, func(r Record) { r.(*Route).Vehicles = nil }),
		"un register.un":                            change(KindSubstance, func(r Record) { r.(*Substance).UN = 0 }),
		"id register.un_id":                         change(KindSubstance, func(r Record) { r.(*Substance).ID = "UN331" }),
		"packing register.packing":                  change(KindSubstance, func(r Record) { r.(*Substance).Packing = 4 }),
		"day register.missing":                      change(KindSheet, func(r Record) { r.(*Sheet).Day = city.Date{} }),
		"site register.event_whose":                 change(KindEvent, func(r Record) { r.(*Event).Site = "" }),
		"grade register.grade":                      change(KindEvent, func(r Record) { r.(*Event).Grade = 0 }),
		"hours register.hours":                      change(KindZone, func(r Record) { r.(*Zone).Hours = []Hours{{60, 60}} }),
		"type register.long":                        change(KindLicence, func(r Record) { r.(*Licence).Type = city.CredentialType(strings.Repeat("x", 101)) }),
		"links register.many":                       change(KindFirm, func(r Record) { r.(*Firm).Links = append(Links[:6:6], Trade) }),
	}
	for want, r := range cases {
		var got []string
		for _, f := range r.Check() {
			got = append(got, f.Name+" "+f.Message.Key)
			if _, ok := city.LookupText(f.Message.Key); !ok {
				t.Errorf("no text for %s", f.Message.Key)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %s", got, want)
		}
	}
}

func TestRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Ref{rapid.SampledFrom(Kinds).Draw(t, "kind"), rapid.StringMatching(`[^@]{1,20}(@2)?`).Draw(t, "id"), rapid.IntRange(1, 1e6).Draw(t, "version")}
		if got, ok := ParseRef(r.String()); !ok || got != r {
			t.Fatalf("%q is read as %v", r, got)
		}
	})
	for _, s := range []string{"", "site", "site:", "site:x", "site:x@", "site:x@0", "site:x@-1", "thing:x@1", "site:@1"} {
		if r, ok := ParseRef(s); ok {
			t.Errorf("%q is read as %v", s, r)
		}
	}
}

func TestQuantities(t *testing.T) {
	q := func(s string) Quantity {
		v, ok := ParseQuantity(s)
		if !ok {
			t.Fatalf("%q is refused", s)
		}
		return v
	}
	for _, c := range []struct {
		a, b        string
		more, known bool
	}{
		{"2 t", "1999 kg", true, true}, {"2000kg", "2 t", false, true}, {"1.2 m3", "1000 l", true, true}, {"3 pcs", "2 pcs", true, true},
		{"2 t", "1 m3", false, false}, {"2 t", "", false, false}, {"", "2 t", false, false}, {"0.3 t", "300 kg", false, true},
	} {
		if more, known := q(c.a).MoreThan(q(c.b)); more != c.more || known != c.known {
			t.Errorf("%s more than %s: %v, known %v", c.a, c.b, more, known)
		}
	}
	for _, s := range []string{"5", "t", "-1 t", "NaN t", "1e400 t", "1 ton", "m3", "1 2 t", "1e10 kg"} {
		if v, ok := ParseQuantity(s); ok {
			t.Errorf("%q is read as %v", s, v)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := Quantity{float64(rapid.IntRange(0, 1e8).Draw(t, "n")) / 100, rapid.SampledFrom([]Unit{Kilograms, Tonnes, Litres, CubicMetres, Pieces}).Draw(t, "unit")}
		if got, ok := ParseQuantity(v.String()); !ok || got != v {
			t.Fatalf("%q is read as %v", v, got)
		}
	})
}

func TestDaysHoursAndClasses(t *testing.T) {
	l := sound()[KindLicence].(*Licence)
	l.From, l.To = today, today.AddDays(10)
	for days, want := range map[int]bool{-1: false, 0: true, 10: true, 11: false} {
		if got := l.InForce(today.AddDays(days)); got != want {
			t.Errorf("the licence after %d days: %v", days, got)
		}
	}
	if a, ok := l.Allows("UN1203"); !ok || a.Quantity != (Quantity{5, Tonnes}) {
		t.Errorf("what stands in the scope: %v %v", a, ok)
	}
	if _, ok := l.Allows("UN1090"); ok {
		t.Error("what isn't in the scope is allowed")
	}
	if l.Status = LicenceRevoked; l.InForce(today) {
		t.Error("a revoked licence is in force")
	}
	z := sound()[KindZone].(*Zone)
	for minute, want := range map[int]bool{419: false, 420: true, 539: true, 540: false, 1319: false, 1320: true, 0: true, 299: true, 300: false} {
		if z.ClosedAt(minute) != want {
			t.Errorf("closed at minute %d: %v", minute, !want)
		}
	}
	if !z.ClosedTo("1.4") || z.ClosedTo("3") || !(&Zone{}).ClosedTo("3") || !(&Zone{}).ClosedAt(7) {
		t.Error("classes and hours of zones")
	}
	p := sound()[KindVehicle].(*Vehicle).Permit
	if !p.Covers("3") || !p.Covers("2.1") || p.Covers("2.3") || p.Covers("2") || p.Covers("") || Class("1").Covers("11") || !Class("2").Covers("2.2") {
		t.Error("classes of permits")
	}
	if !p.InForce(today) || p.InForce(today.AddDays(1)) || (&Permit{}).InForce(today) {
		t.Error("days of permits")
	}
	s := sound()[KindStorage].(*Storage)
	if s.Beyond() {
		t.Error("an empty tank is too full")
	}
	if s.Stock = (Quantity{100_001, Kilograms}); !s.Beyond() {
		t.Error("more than licensed")
	}
	if phone, ok := Phone("00000000013800138000"); !ok || phone != "13800138000" {
		t.Error(phone, ok)
	}
	for _, bad := range []string{"", "000", "1380013800a", "123456789012345678901"} {
		if phone, ok := Phone(bad); ok {
			t.Errorf("%q is the number %s", bad, phone)
		}
	}
}

// How deep a place lies is told from the nearest border, also from the one that
// closes the ring, and is nothing outside.
func TestDepthOfAnArea(t *testing.T) {
	corner := func(east, north float64) geo.Point { return geo.Move(geo.Move(middle, 90, east), 0, north) }
	square := &Area{Border: []geo.Point{corner(0, 0), corner(400, 0), corner(400, 400), corner(0, 400)}}
	circle := &Area{Centre: middle, Radius: 100}
	for _, tt := range []struct {
		a    *Area
		p    geo.Point
		want float64
	}{
		{square, corner(200, 200), 200}, {square, corner(10, 200), 10}, {square, corner(390, 200), 10}, {square, corner(-10, 200), 0}, {square, corner(200, 4000), 0},
		{circle, middle, 100}, {circle, corner(70, 0), 30}, {circle, corner(100.5, 0), 0},
	} {
		if got := tt.a.Depth(tt.p); math.Abs(got-tt.want) > 1 {
			t.Errorf("%s lies %.1f m deep, want %.0f", tt.p, got, tt.want)
		}
	}
}
