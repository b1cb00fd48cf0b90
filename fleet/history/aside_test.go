package history

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"yiwang/city"
)

// spoilt are ways in which a Parquet file goes bad: its end is gone, its middle is
// overwritten, it is something else.
func spoilt(raw []byte) [][]byte {
	middle := slices.Clone(raw)
	for i := 4; i < len(middle)*3/4; i++ {
		middle[i] ^= 0xa5
	}
	return [][]byte{raw[:len(raw)/2], middle, []byte("PAR1 and then nothing of the sort PAR1")}
}

// One damaged part is set aside and counted; the day's others are read and merged, and
// so is the day after.
func TestADamagedPartHoldsNothingUp(t *testing.T) {
	const day, next = "day=2026-11-28", "day=2026-11-29"
	whole, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, whole, Options{Clock: clock, Bytes: 1})
	for d := range int64(2) {
		for i := range int64(10) {
			keep(t, l, fix("A", d*24*hour+i*second))
		}
		if d == 0 { // before the day is over
			clock.Advance(time.Hour)
			settle(t, l)
			clock.Set(noon.Add(24 * time.Hour))
		}
	}
	l.Close()
	parts, _ := l.parts(day)
	raw, err := os.ReadFile(filepath.Join(whole, day, parts[0]))
	if err != nil {
		t.Fatal(err)
	}
	for way, bad := range spoilt(raw) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, day, parts[0])
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		clock.Set(noon.Add(48 * time.Hour))
		l := open(t, dir, Options{Clock: clock, Keep: 30})
		first, second := settle(t, l), settle(t, l)
		if first.Damaged != 1 || first.Merged != 1 || second.Damaged != 0 || second.Merged != 1 {
			t.Errorf("way %d: %+v, then %+v", way, first, second)
		}
		if got := track(t, l, "A", 0, 24*hour); len(got) != 9 {
			t.Errorf("way %d: %d positions of the day", way, len(got))
		}
		if got := track(t, l, "A", 24*hour, 48*hour); len(got) != 10 {
			t.Errorf("way %d: %d positions of the day after", way, len(got))
		}
		if left, _ := l.parts(next); len(left) != 1 {
			t.Errorf("way %d: the day after has %d parts", way, len(left))
		}
		l.Close()
		l = open(t, dir, Options{Clock: clock, Keep: 30})
		if n := l.Counts().Aside; n != 1 {
			t.Errorf("way %d: %d set aside", way, n)
		}
		old := clock.Now().AddDate(0, 0, -31)
		if err := os.Chtimes(name+damagedSuffix, old, old); err != nil {
			t.Fatal(err)
		}
		if settle(t, l); l.Counts().Aside != 0 {
			t.Errorf("way %d: what is older than anything that is kept is still there", way)
		}
	}
}

// Whoever reads sets a damaged part aside, too, and reads the others.
func TestReadersPassADamagedPart(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, dir, Options{Clock: clock, Bytes: 1})
	for i := range int64(3) {
		keep(t, l, fix("A", i*second))
	}
	clock.Advance(time.Hour)
	settle(t, l)
	parts, _ := l.parts("day=2026-11-28")
	spoil := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, "day=2026-11-28", name), []byte("PAR1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spoil(parts[0])
	if got := track(t, l, "A", 0, hour); len(got) != 2 {
		t.Errorf("%d positions", len(got))
	}
	spoil(parts[1])
	n := 0
	if err := l.Each(context.Background(), city.Micros(noon), city.Micros(noon)+hour, func(*Position) { n++ }); err != nil || n != 1 {
		t.Errorf("%d positions: %v", n, err)
	}
	if n := l.Counts().Aside; n != 2 {
		t.Errorf("%d set aside", n)
	}
}

// A segment that can't be read now keeps those after it from nothing.
func TestOneSegmentHoldsNothingUp(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, dir, Options{Clock: clock})
	if err := os.Mkdir(filepath.Join(dir, segmentsDir, "00000000T000000-0.seg"), 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, l, fix("A", 0))
	clock.Advance(2 * time.Hour)
	if s, err := l.Settle(context.Background()); err == nil || s.Segments != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
