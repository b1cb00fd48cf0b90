package history

import (
	"context"
	"testing"
	"time"

	"yiwang/city"
)

// Everybody's positions of a span are given, wherever they lie: settled, closed or just
// written.
func TestEach(t *testing.T) {
	clock := city.NewSetClock(noon)
	l := open(t, t.TempDir(), Options{Clock: clock})
	want := map[string]int{}
	add := func(vehicle string, after int64, within bool) {
		keep(t, l, fix(vehicle, after))
		if within {
			want[vehicle]++
		}
	}
	for i := range int64(20) {
		add("A", i*second, true)
		add("B", i*second, true)
	}
	add("A", -hour, false)
	add("C", 2*hour, false)
	add("D", -20*hour, false) // of another day
	clock.Advance(2 * time.Hour)
	add("B", 30*second, true) // late, and closes the segment
	if s := settle(t, l); s.Segments == 0 {
		t.Fatalf("%+v", s)
	}
	add("A", 40*second, true)
	got := map[string]map[int64]bool{}
	each := func(from, to int64) {
		clear(got)
		err := l.Each(context.Background(), city.Micros(noon)+from, city.Micros(noon)+to, func(p *Position) {
			if got[p.Vehicle] == nil {
				got[p.Vehicle] = map[int64]bool{}
			}
			got[p.Vehicle][p.At] = true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	each(0, hour)
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for v, n := range want {
		if len(got[v]) != n {
			t.Errorf("%s has %d positions, want %d", v, len(got[v]), n)
		}
	}
	if each(hour, hour); len(got) != 0 {
		t.Errorf("a span of nothing has %v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Each(ctx, city.Micros(noon), city.Micros(noon)+hour, func(*Position) {}); err == nil {
		t.Error("it goes on though nobody waits")
	}
}
