package register

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/geo"
)

var (
	shanghai = time.FixedZone("CST", 8*3600)
	today    = city.Date{Year: 2026, Month: 3, Day: 2}
	middle   = geo.Point{Lat: 31.95, Lon: 121.1}
	firmCode = USCC(city.NewUSCC("91", "990101", 1))
)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

func entry[K ~string](id K) Entry[K] { return Entry[K]{ID: id, Version: 1} }

// ring is a star of n points around c.
func ring(r *rand.Rand, c geo.Point, metres float64, n int) []geo.Point {
	var out []geo.Point
	for i := range n {
		out = append(out, geo.Move(c, 360*float64(i)/float64(n), metres*(0.4+0.6*r.Float64())))
	}
	return out
}

func around(r *rand.Rand, metres float64) geo.Point {
	return geo.Move(middle, 360*r.Float64(), metres*math.Sqrt(r.Float64()))
}

// town is a made-up city of zones, sites and points of interest.
func town(r *rand.Rand, zones, sites, pois int) (rec Records) {
	for i := range zones {
		z := &Zone{Entry: entry(ZoneID(fmt.Sprintf("z%04d", i))), Name: both("z")}
		switch i % 10 {
		case 0:
			z.Area = Area{Centre: around(r, 20_000), Radius: 50 + 800*r.Float64()}
		case 1:
			z.Area = Area{Border: ring(r, around(r, 20_000), 3_000, 40)}
		default:
			z.Area = Area{Border: ring(r, around(r, 20_000), 100+600*r.Float64(), 3+r.IntN(30))}
		}
		if i == 7 { // a whole province
			z.Area = Area{Border: ring(r, middle, 90_000, 12)}
		}
		rec.Add(z)
	}
	for i := range sites {
		s := &Site{Entry: entry(SiteID(fmt.Sprintf("s%04d", i))), Firm: firmCode, Name: both("s"), Link: Production, Status: Operating}
		if i%2 == 0 {
			s.Area = Area{Centre: around(r, 20_000), Radius: 20 + 200*r.Float64()}
		} else {
			s.Area = Area{Border: ring(r, around(r, 20_000), 50+300*r.Float64(), 3+r.IntN(8))}
		}
		rec.Add(s)
	}
	for i := range pois {
		kind := []POIKind{Restaurant, PetrolStation, ServiceArea, Parking}[i%4]
		rec.Add(&POI{Entry: entry(POIID(fmt.Sprintf("p%04d", i))), Kind: kind, Name: both("p"), At: around(r, 20_000), Radius: 10 + 60*r.Float64()})
	}
	return rec
}

func TestNearAgreesWithLookingAtAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBook(today, shanghai, town(r, 400, 200, 300))
	for i := range 3_000 {
		p := around(r, 25_000)
		if i%4 == 0 { // on a corner, where rounding decides
			z := b.Zones()[r.IntN(len(b.Zones()))]
			if len(z.Area.Border) > 0 {
				p = z.Area.Border[0]
			}
		}
		var want []*Zone
		for _, z := range b.Zones() {
			if z.Area.Contains(p) {
				want = append(want, z)
			}
		}
		if got := b.ZonesAt(nil, p); !slices.Equal(got, want) {
			t.Fatalf("zones at %v: %d, looking at all finds %d", p, len(got), len(want))
		}
		within := []float64{0, 30, 200, 1_500, 60_000}[i%5]
		var sites []*Site
		var nearest *Site
		for _, s := range b.Sites() {
			if d := s.Area.Distance(p); d <= within {
				sites = append(sites, s)
				if nearest == nil || d < nearest.Area.Distance(p) {
					nearest = s
				}
			}
		}
		got := b.SitesNear(nil, p, within)
		if len(got) != len(sites) {
			t.Fatalf("sites within %v of %v: %d, looking at all finds %d", within, p, len(got), len(sites))
		}
		for j, h := range got {
			if !slices.Contains(sites, h.Site) || j > 0 && h.Distance < got[j-1].Distance {
				t.Fatalf("site %s is out of place", h.Site.ID)
			}
		}
		if s, _ := b.NearestSite(p, within); s != nearest {
			t.Fatalf("nearest site of %v: %v, want %v", p, s, nearest)
		}
		var poi *POI
		least := math.Inf(1)
		for _, o := range b.POIs() {
			if o.Kind != Restaurant && o.Kind != ServiceArea {
				continue
			}
			if d := math.Max(0, at(p).to(o.At)-o.Radius); d <= within && d < least {
				poi, least = o, d
			}
		}
		if o, d := b.NearestPOI(p, within, Restaurant, ServiceArea); o != poi || d != least {
			t.Fatalf("nearest place of %v: %v at %v, want %v at %v", p, o, d, poi, least)
		}
	}
}

// Distances on the plane are those of the sphere, as far as anybody asks.
func TestDistancesAgreeWithTheSphere(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		p, q := around(r, 3_000), around(r, 3_000)
		d := geo.Distance(p, q)
		if got := at(p).to(q); math.Abs(got-d) > d/1000+0.01 {
			t.Fatalf("%v to %v: %v, want %v", p, q, got, d)
		}
		a := Area{Centre: q, Radius: 100}
		if got := a.Distance(p); math.Abs(got-math.Max(0, d-100)) > d/1000+0.01 {
			t.Fatalf("%v from the circle: %v, want %v", p, got, d-100)
		}
		if a.Contains(p) != (a.Distance(p) == 0) {
			t.Fatalf("%v is %v from a circle that says it holds it: %v", p, a.Distance(p), a.Contains(p))
		}
	}
	square := Area{Border: []geo.Point{{Lat: 31.95, Lon: 121.1}, {Lat: 31.95, Lon: 121.11}, {Lat: 31.96, Lon: 121.11}, {Lat: 31.96, Lon: 121.1}}}
	out := geo.Move(geo.Point{Lat: 31.955, Lon: 121.11}, 90, 75)
	if d := square.Distance(out); math.Abs(d-75) > 0.2 {
		t.Errorf("75 m east of a square: %v", d)
	}
	if d := square.Distance(geo.Point{Lat: 31.955, Lon: 121.105}); d != 0 {
		t.Errorf("within the square: %v", d)
	}
}

// way winds eastward in steps of 80 m.
func way(r *rand.Rand, n int) []geo.Point {
	line := []geo.Point{middle}
	for len(line) < n {
		line = append(line, geo.Move(line[len(line)-1], 60+60*r.Float64(), 80))
	}
	return line
}

func TestRoutes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	line := way(r, 701)
	other := []geo.Point{geo.Move(middle, 0, 5_000), geo.Move(middle, 0, 9_000)}
	b := NewBook(today, shanghai, Records{Routes: []*Route{
		{Entry: entry(RouteID("long")), Vehicles: []VehicleID{"A1", "A2"}, Corridor: 200, Line: line},
		{Entry: entry(RouteID("short")), Vehicles: []VehicleID{"A2"}, Corridor: 300, Line: other},
	}})
	long := b.Route("long")
	for range 2_000 {
		p := geo.Move(line[r.IntN(len(line))], 360*r.Float64(), 1_000*r.Float64())
		want := math.Inf(1)
		for i := 0; i+1 < len(line); i++ {
			want = math.Min(want, math.Sqrt(at(p).toSegment(line[i], line[i+1])))
		}
		if got := long.Distance(p); math.Abs(got-want) > 1e-6 {
			t.Fatalf("distance of %v: %v, want %v", p, got, want)
		}
		if long.Inside(p) != (want <= 200) {
			t.Fatalf("%v m from the line, inside: %v", want, long.Inside(p))
		}
		if route, off := b.OffRoute("A1", p); route != long || math.Abs(off-math.Max(0, want-200)) > 1e-6 {
			t.Fatalf("off the route by %v, want %v", off, want-200)
		}
	}
	p := geo.Move(middle, 0, 7_000)
	if route, off := b.OffRoute("A2", p); route.ID != "short" || off != 0 {
		t.Errorf("on the other route: %s, %v", route.ID, off)
	}
	if route, off := b.OffRoute("A1", p); route.ID != "long" || off < 1_000 {
		t.Errorf("off the only route: %s, %v", route.ID, off)
	}
	if route, _ := b.OffRoute("B9", p); route != nil {
		t.Errorf("a vehicle without a route has %s", route.ID)
	}
}

func TestVersionsGovernTheirDays(t *testing.T) {
	day := func(d int) city.Date { return city.Date{Year: 2026, Month: 3, Day: d} }
	version := func(n, since, until int, status SiteStatus) *Site {
		s := &Site{Entry: Entry[SiteID]{ID: "s", Version: n, Since: day(since)}, Status: status}
		if until > 0 {
			s.Until = day(until)
		}
		return s
	}
	history := func() []*Site {
		return []*Site{version(3, 20, 25, Closed), version(1, 5, 0, Operating), version(2, 10, 0, Suspended), version(4, 10, 0, Unlicensed)}
	}
	for d, want := range map[int]string{4: "", 5: "operating", 9: "operating", 10: "unlicensed", 19: "unlicensed", 20: "unlicensed", 31: "unlicensed"} {
		b := NewBook(day(d), shanghai, Records{Sites: history()})
		got := ""
		if s := b.Site("s"); s != nil {
			got = string(s.Status)
		}
		if got != want {
			t.Errorf("on day %d: %q, want %q", d, got, want)
		}
	}
	for d, want := range map[int]bool{19: true, 20: true, 25: true, 26: false} {
		if got := NewBook(day(d), shanghai, Records{Sites: history()[:3]}).Site("s") != nil; got != want {
			t.Errorf("on day %d it is on record: %v", d, got)
		}
	}
}

func TestTerminals(t *testing.T) {
	vehicle := func(plate VehicleID, since int, status VehicleStatus) *Vehicle {
		return &Vehicle{Entry: Entry[VehicleID]{ID: plate, Version: 1, Since: city.Date{Year: 2025, Month: 1, Day: since}}, Terminal: "13800138000", Status: status}
	}
	for name, c := range map[string]struct {
		list    []*Vehicle
		used    VehicleID
		doubled int
	}{
		"one":                   {[]*Vehicle{vehicle("A", 1, Active)}, "A", 0},
		"moved on":              {[]*Vehicle{vehicle("A", 9, Retired), vehicle("B", 1, Active)}, "B", 0},
		"moved on, other order": {[]*Vehicle{vehicle("A", 1, Active), vehicle("B", 9, Retired)}, "A", 0},
		"shared":                {[]*Vehicle{vehicle("A", 9, Active), vehicle("B", 1, Active)}, "A", 1},
		"shared, later one":     {[]*Vehicle{vehicle("A", 1, Active), vehicle("B", 9, Active)}, "B", 1},
	} {
		b := NewBook(today, shanghai, Records{Vehicles: c.list})
		if v := b.VehicleByTerminal("13800138000"); v == nil || v.ID != c.used || len(b.Doubled()) != c.doubled {
			t.Errorf("%s: %v, %d doubled", name, v, len(b.Doubled()))
		}
		for _, d := range b.Doubled() {
			if d.Used.ID != c.used || d.Other.ID == c.used {
				t.Errorf("%s: %s used, %s other", name, d.Used.ID, d.Other.ID)
			}
		}
	}
	if NewBook(today, shanghai, Records{}).VehicleByTerminal("1") != nil {
		t.Error("an empty book knows a terminal")
	}
}

func TestWhatBelongsTogether(t *testing.T) {
	rec := Records{}
	rec.Add(&Firm{Entry: entry(firmCode), Links: []Link{Storing}})
	rec.Add(&Site{Entry: entry(SiteID("s1")), Firm: firmCode, Area: Area{Centre: middle, Radius: 100}})
	rec.Add(&Licence{Entry: entry(LicenceID("l1")), Firm: firmCode, Site: "s1"})
	rec.Add(&Storage{Entry: entry(StorageID("t1")), Site: "s1"})
	rec.Add(&Equipment{Entry: entry(EquipmentID("e1")), Site: "s1"})
	rec.Add(&Certificate{Entry: entry(CertificateID("c1")), Firm: firmCode})
	rec.Add(&Vehicle{Entry: entry(VehicleID("A1")), Firm: firmCode})
	rec.Add(&Vessel{Entry: entry(VesselID("v1")), Firm: firmCode})
	rec.Add(&Substance{Entry: entry(SubstanceID("UN1203")), Class: "3"})
	rec.Add(&Sheet{Entry: entry(SheetID("d1")), Vehicle: "A1"})
	rec.Add(&Event{Entry: entry(EventID("x1")), Site: "s1", Vehicle: "A1"})
	b := NewBook(today, shanghai, rec)
	for what, got := range map[string]int{
		"sites": len(b.SitesOf(firmCode)), "vehicles": len(b.VehiclesOf(firmCode)), "certificates": len(b.CertificatesOf(firmCode)),
		"licences of the firm": len(b.LicencesOf(firmCode)), "licences": len(b.LicencesAt("s1")), "storages": len(b.StoragesAt("s1")),
		"equipment": len(b.EquipmentAt("s1")), "events": len(b.EventsAt("s1")), "events of the vehicle": len(b.EventsOf("A1")), "sheets": len(b.SheetsOf("A1")),
	} {
		if got != 1 {
			t.Errorf("%s: %d", what, got)
		}
	}
	if b.Firm(firmCode) == nil || b.Licence("l1") == nil || b.Storage("t1") == nil || b.Certificate("c1") == nil || b.Vessel("v1") == nil || b.Substance("UN1203") == nil || b.Sheet("d1") == nil {
		t.Error("a record isn't found by its identifier")
	}
	if b.Vehicle("A2") != nil || len(b.SheetsOf("A2")) != 0 {
		t.Error("something is found that isn't on record")
	}
	if m := b.Minute(time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC).UnixMicro()); m != 7*60+30 {
		t.Errorf("half past seven in the morning is minute %d", m)
	}
}

// What is asked for every position must not allocate.
func TestLookingUpAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	rec := town(r, 1000, 300, 300)
	rec.Add(&Vehicle{Entry: entry(VehicleID("A1")), Terminal: "138"})
	rec.Add(&Route{Entry: entry(RouteID("r")), Vehicles: []VehicleID{"A1"}, Corridor: 100, Line: ring(r, middle, 9_000, 300)})
	b := NewBook(today, shanghai, rec)
	zones, hits := make([]*Zone, 0, 64), make([]SiteHit, 0, 64)
	n := 0
	for range 50 {
		p := around(r, 15_000)
		if a := testing.AllocsPerRun(10, func() {
			zones = b.ZonesAt(zones[:0], p)
			hits = b.SitesNear(hits[:0], p, 300)
			_, _ = b.NearestSite(p, 300)
			_, _ = b.NearestPOI(p, 300, Restaurant, PetrolStation)
			_, _ = b.OffRoute("A1", p)
			_, _ = b.VehicleByTerminal("138"), b.Minute(1_700_000_000_000_000)
			n += len(zones) + len(hits)
		}); a != 0 {
			t.Fatalf("%v allocations at %v", a, p)
		}
	}
	if n == 0 {
		t.Error("nothing was ever found")
	}
}

func BenchmarkZones1000(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	book := NewBook(today, shanghai, town(r, 1000, 0, 0))
	points := make([]geo.Point, 4096)
	for i := range points {
		points[i] = around(r, 20_000)
	}
	into := make([]*Zone, 0, 32)
	b.ResetTimer()
	for i := range b.N {
		into = book.ZonesAt(into[:0], points[i&4095])
	}
}

func BenchmarkNearest(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	book := NewBook(today, shanghai, town(r, 0, 500, 2000))
	points := make([]geo.Point, 4096)
	for i := range points {
		points[i] = around(r, 20_000)
	}
	for name, f := range map[string]func(geo.Point){
		"site300": func(p geo.Point) { book.NearestSite(p, 300) },
		"poi200":  func(p geo.Point) { book.NearestPOI(p, 200) },
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				f(points[i&4095])
			}
		})
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{50, 500, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(9, 9))
			line := way(r, n)
			book := NewBook(today, shanghai, Records{Routes: []*Route{{Entry: entry(RouteID("r")), Vehicles: []VehicleID{"A1"}, Corridor: 200, Line: line}}})
			b.ResetTimer()
			for i := range b.N {
				book.OffRoute("A1", line[i%n])
			}
		})
	}
}
