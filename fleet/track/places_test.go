package track

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"yiwang/geo"
)

func places(t testing.TB) *Places {
	t.Helper()
	p, err := NewPlaces(PlaceSettings{Cell: 40, Stays: 4, Near: geo.Point{Lat: 32, Lon: 120.9}, Zone: nantong})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type visit struct {
	Event
	vehicle string
}

func someVisits(rng *rand.Rand, at geo.Point, n, vehicles, days int, spread float64) []visit {
	var out []visit
	for i := range n {
		g := geo.Move(at, 360*rng.Float64(), spread*rng.Float64())
		day := time.Date(2026, 3, 2+i%days, 0, 30, 0, 0, nantong) // still the day before in UTC
		out = append(out, visit{Event{Kind: Stay, Start: day.UnixMicro(), End: day.UnixMicro() + 600e6, Lat: g.Lat, Lon: g.Lon}, fmt.Sprint(i % vehicles)})
	}
	return out
}

func TestRepeatedStaysMakePlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	p := places(t)
	yard, shed := geo.Point{Lat: 32, Lon: 120.9}, geo.Point{Lat: 32.003, Lon: 120.9}
	all := append(someVisits(rng, yard, 30, 7, 5, 25), someVisits(rng, shed, 12, 1, 12, 15)...)
	for i := range 50 { // one stay each, all over the country
		all = append(all, someVisits(rng, geo.Move(yard, float64(i)*7, 2000+100*float64(i)), 1, 1, 1, 0)...)
	}
	for _, v := range all {
		p.Add(v.Event, v.vehicle)
	}
	list := p.All()
	if len(list) != 2 {
		t.Fatalf("%d places", len(list))
	}
	for i, want := range []struct {
		at                    geo.Point
		stays, days, vehicles int
	}{{yard, 30, 5, 7}, {shed, 12, 12, 1}} {
		got, ok := p.At(want.at)
		if !ok || got.Stays != want.stays || got.Days != want.days || got.Vehicles != want.vehicles || geo.Distance(got.Centre, want.at) > 15 || !reflect.DeepEqual(got, list[i]) {
			t.Errorf("place %d: %+v %v", i, got, ok)
		}
		for _, v := range all {
			if geo.Distance(v.Place(), want.at) < 26 && !got.Border.Contains(v.Place()) {
				t.Errorf("a stay at %v lies outside the place", v.Place())
			}
		}
		if b := got.Border.Box(); geo.Distance(geo.Point{Lat: b.South, Lon: b.West}, geo.Point{Lat: b.North, Lon: b.East}) > 250 {
			t.Errorf("the place reaches from %v", b)
		}
	}
	if _, ok := p.At(geo.Point{Lat: 33, Lon: 121}); ok {
		t.Error("a place where nothing is")
	}
	if _, ok := p.At(all[42].Place()); ok {
		t.Error("one stay made a place")
	}
}

// A street where lorries stand everywhere is many places and not one.
func TestPlacesDoNotRunAlongTheStreet(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	p := places(t)
	total := 0
	for range 3000 {
		g := geo.Move(geo.Point{Lat: 32, Lon: 120.9}, 60, 5000*rng.Float64())
		p.Add(Event{Kind: Stay, Start: rng.Int64N(1e15), Lat: g.Lat, Lon: g.Lon}, "v")
		total++
	}
	list := p.All()
	sum := 0
	for _, pl := range list {
		sum += pl.Stays
		if b := pl.Border.Box(); geo.Distance(geo.Point{Lat: b.South, Lon: b.West}, geo.Point{Lat: b.North, Lon: b.East}) > 1000 {
			t.Errorf("a place of %g m", geo.Distance(geo.Point{Lat: b.South, Lon: b.West}, geo.Point{Lat: b.North, Lon: b.East}))
		}
	}
	if len(list) < 10 || sum < total*9/10 || sum > total {
		t.Errorf("%d places of %d stays", len(list), sum)
	}
}

// The order doesn't matter, and what is taken out was never there.
func TestPlacesDependOnTheStaysAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	var all, gone []visit
	for range 30 {
		at := geo.Move(geo.Point{Lat: 32, Lon: 120.9}, 360*rng.Float64(), 1500*rng.Float64())
		all = append(all, someVisits(rng, at, 1+rng.IntN(20), 1+rng.IntN(4), 1+rng.IntN(6), 60)...)
		gone = append(gone, someVisits(rng, at, rng.IntN(10), 3, 3, 60)...)
	}
	first := places(t)
	for _, v := range all {
		first.Add(v.Event, v.vehicle)
	}
	want := first.All()
	if len(want) < 10 {
		t.Fatalf("only %d places", len(want))
	}
	for range 5 {
		mixed := append(append([]visit{}, all...), gone...)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		p := places(t)
		for _, v := range mixed {
			p.Add(v.Event, v.vehicle)
		}
		rng.Shuffle(len(gone), func(i, j int) { gone[i], gone[j] = gone[j], gone[i] })
		for _, v := range gone {
			p.Remove(v.Event, v.vehicle)
		}
		p.Remove(all[0].Event, "nobody")
		p.Remove(Event{Kind: Stay, Lat: 40, Lon: 100}, "nobody")
		p.Add(Event{Kind: Gap, Lat: 32, Lon: 120.9}, "nobody")
		if got := p.All(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d places, want %d", len(got), len(want))
		}
		if len(p.cells) != len(first.cells) {
			t.Fatalf("%d squares are left, want %d", len(p.cells), len(first.cells))
		}
	}
}

func TestHull(t *testing.T) {
	rng := rand.New(rand.NewPCG(37, 38))
	for range 300 {
		var points []Cell
		for range 1 + rng.IntN(30) {
			c := Cell{int32(rng.IntN(8)), int32(rng.IntN(8))}
			points = append(points, c, Cell{c.Row + 1, c.Column}, Cell{c.Row, c.Column + 1}, Cell{c.Row + 1, c.Column + 1})
		}
		ring := hull(slices.Clone(points))
		for i, a := range ring {
			b, c := ring[(i+1)%len(ring)], ring[(i+2)%len(ring)]
			if !left(a, b, c) {
				t.Fatalf("%v is not convex", ring)
			}
			for _, p := range points {
				if left(b, a, p) {
					t.Fatalf("%v lies outside %v", p, ring)
				}
			}
		}
	}
}

func TestPlaceSettingsAreChecked(t *testing.T) {
	for _, s := range []PlaceSettings{{}, {Cell: 40}, {Cell: math.NaN(), Stays: 1}, {Cell: 40, Stays: 1, Near: geo.Point{Lat: 85}}, {Cell: 1e6, Stays: 1}} {
		if _, err := NewPlaces(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
