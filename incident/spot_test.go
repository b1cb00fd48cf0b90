package incident

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/geo"
)

// Whatever two places are near each other share a cell, anywhere in the world, and
// another class has cells of its own.
func TestNearPlacesShareACell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Service{Options: Options{Settings: Settings{Metres: rapid.Float64Range(5, 500).Draw(t, "metres")}}}
		p := geo.Point{Lat: rapid.Float64Range(-70, 70).Draw(t, "lat"), Lon: rapid.Float64Range(-179, 179).Draw(t, "lon")}
		q := geo.Move(p, rapid.Float64Range(0, 360).Draw(t, "bearing"), s.Settings.Metres*rapid.Float64Range(0, 0.999).Draw(t, "share"))
		if p.IsZero() || q.IsZero() {
			return
		}
		cells := func(p geo.Point, class city.ItemCode) map[cell]bool {
			set := map[cell]bool{}
			for _, c := range s.spot(Report{Place: city.Place{Lat: p.Lat, Lon: p.Lon}}, class) {
				set[c] = true
			}
			return set
		}
		shared := 0
		for c := range cells(p, "c0101") {
			if cells(q, "c0101")[c] {
				shared++
			}
			if cells(q, "c0102")[c] {
				t.Errorf("%v and %v share a cell of another class", p, q)
			}
		}
		if n := len(cells(p, "c0101")); shared == 0 || n > 4 {
			t.Errorf("%v and %v, of %d cells, share none", p, q, n)
		}
	})
	s := &Service{Options: Options{Settings: Settings{Metres: 50}}}
	at := city.Place{Lat: 31.9, Lon: 121}
	for what, r := range map[string]Report{"no place": {}, "none of the open ones": {Place: at, Apart: true}, "a known one": {Place: at, Join: "JH"}} {
		if c := s.spot(r, "c0101"); c != nil {
			t.Errorf("%s: %v", what, c)
		}
	}
}

// One at a time is in a cell, others pass by, and leaving twice is leaving once.
func TestOneAtATimeInACell(t *testing.T) {
	var s spots
	mine, other := []cell{{"a", 1, 1}, {"a", 1, 2}}, []cell{{"b", 7, 7}}
	leave := s.enter(mine)
	s.enter(other)()
	entered := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer s.enter([]cell{{"a", 1, 2}, {"a", 1, 3}})()
		close(entered)
	})
	select {
	case <-entered:
		t.Error("two are in one cell")
	case <-time.After(20 * time.Millisecond):
	}
	leave()
	leave()
	all.Wait()
	s.enter(mine)()
	s.enter(nil)()
}
