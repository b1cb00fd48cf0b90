package register

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"yiwang/geo"
)

// Whether cells lie in a rectangle or are looked up one by one, the same zones are
// found as by asking each.
func TestGridsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for _, apart := range []float64{3_000, 2_000_000} { // metres: a city, and zones at its ends of the country
		var rec Records
		var centres []geo.Point
		for i := range 40 {
			c := geo.Move(middle, 360*rnd.Float64(), apart*rnd.Float64())
			centres = append(centres, c)
			z := &Zone{Entry: entry(ZoneID(fmt.Sprint("z", i)))}
			for corner := range 7 {
				z.Area.Border = append(z.Area.Border, geo.Move(c, 51*float64(corner), 60+300*rnd.Float64()))
			}
			rec.Zones = append(rec.Zones, z)
		}
		b := NewBook(today, shanghai, rec)
		if dense := b.zoneGrid.dense != nil; dense != (apart < 10_000) {
			t.Errorf("%.0f m: a rectangle: %v", apart, dense)
		}
		hits := 0
		for range 5000 {
			p := geo.Move(centres[rnd.IntN(len(centres))], 360*rnd.Float64(), 500*rnd.Float64())
			got := b.ZonesAt(nil, p)
			n := 0
			for _, z := range b.Zones() {
				if z.Area.Contains(p) {
					if n >= len(got) || got[n] != z {
						t.Fatalf("%s: %v lacks %s", p, got, z.ID)
					}
					n++
				}
			}
			if n != len(got) {
				t.Fatalf("%s: %d zones, want %d", p, len(got), n)
			}
			hits += n
		}
		if hits == 0 {
			t.Error("nothing was ever found")
		}
		for _, far := range []geo.Point{{Lat: 90, Lon: 180}, {Lat: -90, Lon: -180}, {}} {
			if got := b.ZonesAt(nil, far); len(got) != 0 {
				t.Errorf("%s: %v", far, got)
			}
		}
	}
}

// Each book is another, and knows routes as it did when it was asked for each.
func TestSerials(t *testing.T) {
	r := &Route{Entry: entry(RouteID("r")), Vehicles: []VehicleID{"A1"}, Corridor: 100, Line: []geo.Point{middle, geo.Move(middle, 90, 5000)}}
	a, b := NewBook(today, shanghai, Records{Routes: []*Route{r}}), NewBook(today, shanghai, Records{})
	if a.Serial() == b.Serial() || a.Serial() == 0 || b.Serial() == 0 {
		t.Error(a.Serial(), b.Serial())
	}
	p := geo.Move(middle, 0, 700)
	route, far := a.OffRoute("A1", p)
	again, beyond := Beyond(a.RoutesOf("A1"), p)
	if route != r || again != r || far != beyond || far < 590 || far > 610 {
		t.Error(route, far, again, beyond)
	}
	if route, _ := Beyond(b.RoutesOf("A1"), p); route != nil {
		t.Error(route)
	}
}
