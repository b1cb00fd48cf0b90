package risk

import (
	"math"
	"testing"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/geo"
)

// A community's area holds its middle and nothing that is nearer to another one, and
// all that is near enough and nearer to it than to any other.
func TestCells(t *testing.T) {
	middle := geo.Point{Lat: 31.95, Lon: 121.05}
	middles := []geo.Point{middle, geo.Move(middle, 60, 1800), geo.Move(middle, 200, 900), geo.Move(middle, 300, 30_000), {}}
	rings := cells(middles)
	if rings[4] != nil {
		t.Error("a community without a place is drawn")
	}
	shapes := make([]geo.Polygon, len(rings))
	for i, ring := range rings[:4] {
		if len(ring) < 3 {
			t.Fatalf("%d has %d corners", i, len(ring))
		}
		shapes[i] = geo.NewPolygon(ring)
		if !shapes[i].Contains(middles[i]) {
			t.Errorf("%d doesn't hold its middle", i)
		}
		for _, p := range ring {
			if d := geo.Distance(p, middles[i]); d > drawnReach+5 {
				t.Errorf("%d reaches %.0f m", i, d)
			}
		}
	}
	for k := range 400 {
		p := geo.Move(middle, float64(k*37%360), float64(k)*4)
		best, near, second := -1, math.Inf(1), math.Inf(1)
		for i, m := range middles[:4] {
			if d := geo.Distance(p, m); d < near {
				best, near, second = i, d, near
			} else {
				second = min(second, d)
			}
		}
		if second-near < 10 || near > drawnReach*0.98 { // on an edge
			continue
		}
		for i := range shapes[:4] {
			if shapes[i].Contains(p) != (i == best) {
				t.Errorf("%v is %.0f m from %d and not in it as it should be (%d)", p, near, best, i)
			}
		}
	}
}

func TestTheTrendIsALine(t *testing.T) {
	day := city.Date{Year: 2026, Month: 3, Day: 30}
	got := trendOf([]fleet.DailyRisk{{Day: day, Index: 20}, {Day: day.AddDays(1), Index: 60}, {Day: day.AddDays(4), Index: 40}})
	if got.Line != "M0 80L240 40L960 60" || got.X != 960 || got.Y != 60 || got.Least != 20 || got.Top != 60 {
		t.Errorf("%+v", got)
	}
	if one := trendOf([]fleet.DailyRisk{{Day: day, Index: 20}}); one.Line != "M0 80" {
		t.Errorf("a single day: %+v", one)
	}
	if none := trendOf(nil); none.Line != "" {
		t.Errorf("no day: %+v", none)
	}
}
