package track

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"yiwang/geo"
)

func watch(t testing.TB) *Watch {
	t.Helper()
	c := Law
	c.NightTo, c.Zone = 5*time.Hour, nantong
	w, err := NewWatch(Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute, Keep: 64}, Roads, c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// rude makes the readings of a terminal with jitter, repeats, jumps and zeros.
func rude(rng *rand.Rand, n int) []Reading {
	tr := &trip{at: time.Date(2026, 3, 2, 20, 0, 0, 0, nantong), every: 20 * time.Second, speeds: true}
	for len(tr.points) < n {
		tr.drive(time.Duration(rng.IntN(90))*time.Minute, 30+60*rng.Float64())
		tr.stand(time.Duration(rng.IntN(40)) * time.Minute)
		if rng.IntN(4) == 0 {
			tr.silent(time.Duration(1+rng.IntN(60))*time.Minute, 0)
		}
	}
	var out []Reading
	for i, p := range tr.points[:n] {
		g := geo.Move(p.Place(), 360*rng.Float64(), 5*rng.Float64())
		p.Lat, p.Lon = g.Lat, g.Lon
		switch rng.IntN(60) {
		case 0:
			p.Lat, p.Lon = 0, 0
		case 1:
			p.Lat += 0.5
		case 2:
			p.Lat, p.Lon = tr.points[i/2].Lat, tr.points[i/2].Lon
		}
		out = append(out, Reading{Point: p, Received: p.At + 1e6, Limit: 80})
	}
	return out
}

// Whatever comes late in whatever order, what was said and the correction are what
// would have been said had everything come in time.
func TestLateReadingsCorrect(t *testing.T) {
	w := watch(t)
	rng := rand.New(rand.NewPCG(21, 22))
	changed := 0
	for range 60 {
		all := rude(rng, 1500)
		base := w.Vehicle()
		begin := rng.IntN(300)
		for _, r := range all[:begin] {
			base.Push(r, nil)
		}
		before := base.Clone()
		rest := all[begin:]
		var kept, late []Reading
		hole, end := rng.IntN(len(rest)), 0
		end = min(len(rest), hole+rng.IntN(400))
		for i, r := range rest {
			if i >= hole && i < end || rng.IntN(100) == 0 {
				late = append(late, r)
			} else {
				kept = append(kept, r)
			}
		}
		rng.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })

		inTime, want := before.Clone(), []Event(nil)
		for _, r := range rest {
			want, _ = inTime.Push(r, want)
		}
		live, said := before.Clone(), []Event(nil)
		for _, r := range kept {
			said, _ = live.Push(r, said)
		}
		now, c := w.Correct(&base, kept, late)
		for _, e := range c.Gone {
			i := slices.Index(said, e)
			if i < 0 {
				t.Fatalf("taken back what was never said: %+v", e)
			}
			said = slices.Delete(said, i, i+1)
		}
		said = append(said, c.New...)
		if gone, fresh := differ(said, want); len(gone)+len(fresh) > 0 {
			t.Fatalf("%d events too many, %d missing", len(gone), len(fresh))
		}
		if len(c.Readings) != len(rest) || !slices.IsSortedFunc(c.Readings, func(a, b Reading) int { return int(a.At - b.At) }) {
			t.Fatal("the readings are not all of them in order")
		}
		changed += len(c.Gone) + len(c.New)
		// the vehicle goes on as if nothing had happened
		for range 200 {
			r := Reading{Point: all[len(all)-1].Point}
			r.At += int64(rng.IntN(30_000)) * 1e6
			r.Lat += 0.1 * rng.Float64()
			a, _ := now.Push(r, nil)
			b, _ := inTime.Push(r, nil)
			if !slices.Equal(a, b) {
				t.Fatalf("later: %+v, want %+v", a, b)
			}
		}
	}
	if changed < 60 {
		t.Errorf("only %d events changed; the test has lost its sense", changed)
	}
}

func TestTooLateIsRefused(t *testing.T) {
	w := watch(t)
	base := w.Vehicle()
	at := func(s int64) Reading { return Reading{Point: Point{At: s * 1e6, Lat: 32, Lon: 121}} }
	base.Push(at(100), nil)
	kept := []Reading{at(110), at(130)}
	now, c := w.Correct(&base, kept, []Reading{at(90), at(120), at(110)})
	if c.Refused != 2 || now.Filter.Counts[Backwards] != 1 || now.Filter.Counts[Duplicate] != 1 || now.Filter.Counts[Fine] != 4 || len(c.Gone)+len(c.New) != 0 {
		t.Errorf("%d refused, %v", c.Refused, now.Filter.Counts)
	}
	if e, _ := base.Stays.Open(); e.Points != 1 {
		t.Error("the base was changed")
	}
}

// A vehicle stays small however long it stands.
func TestVehicleIsSmall(t *testing.T) {
	w := watch(t)
	v := w.Vehicle()
	rng := rand.New(rand.NewPCG(23, 24))
	var out []Event
	for i := range 50_000 {
		g := geo.Move(geo.Point{Lat: 32, Lon: 121}, 360*rng.Float64(), 30*rng.Float64())
		out, _ = v.Push(Reading{Point: Point{At: int64(i) * 10e6, Lat: g.Lat, Lon: g.Lon, Flags: HasSpeed}}, out[:0])
	}
	size := int(unsafe.Sizeof(v)) + cap(v.Stays.seen.list)*16 + cap(v.Stays.seen.index)*4
	if size > 2300 {
		t.Errorf("a vehicle takes %d bytes, %d of them without coordinates", size, unsafe.Sizeof(v))
	}
	if n := testing.AllocsPerRun(100, func() {
		r := Reading{Point: v.Filter.last}
		r.At += 10e6
		out, _ = v.Push(r, out[:0])
	}); n > 0 {
		t.Errorf("a point costs %g allocations", n)
	}
	if e, ok := v.Stays.Open(); !ok || e.Whole || e.Points < 50_000 || e.Distinct != 64 {
		t.Errorf("open: %+v", e)
	}
}

func TestThresholdsAreChecked(t *testing.T) {
	for _, n := range []Noise{{Speed: -1}, {Slack: -1}, {Agree: -1}, {Agree: 300}, {Frozen: 300}, {Stray: -1}, {Hole: -1}, {Lost: -1}, {Ahead: -1}, {Behind: -1}} {
		if _, err := NewWatch(usual, n, Law); err == nil {
			t.Errorf("%+v was taken", n)
		}
	}
	for _, change := range []func(*Roadcraft){
		func(c *Roadcraft) { c.Moving = 0 }, func(c *Roadcraft) { c.Step = -1 }, func(c *Roadcraft) { c.Rest = 0 }, func(c *Roadcraft) { c.Gap = 0 },
		func(c *Roadcraft) { c.Gap = 48 * time.Hour }, func(c *Roadcraft) { c.Step = time.Hour }, func(c *Roadcraft) { c.NightFrom = -1 }, func(c *Roadcraft) { c.NightTo = 25 * time.Hour },
	} {
		c := Law
		change(&c)
		if _, err := NewWatch(usual, Roads, c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := NewWatch(Settings{Gap: -1}, Roads, Law); err == nil {
		t.Error("a gap below 0 was taken")
	}
}

// Whatever terminals send and in whatever order, each reading is counted once, no
// event ends before it begins, and what is corrected equals what came in time.
func FuzzVehicle(f *testing.F) {
	f.Add([]byte("a lorry drives, stands, and is heard of no more, until it is"))
	rng := rand.New(rand.NewPCG(25, 26))
	long := make([]byte, 4000)
	for i := range long {
		long[i] = byte(rng.Uint32())
	}
	f.Add(long)
	w := watch(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var all, kept, late []Reading
		p := Point{At: 1_700_000_000_000_000, Lat: 32, Lon: 121}
		for ; len(raw) >= 5; raw = raw[5:] {
			how := raw[0]
			p.At += int64(raw[1]) * int64(raw[1]) * 1e4 * int64(1+how>>6)
			p.Lat += float64(int8(raw[2])) * 1e-5 * float64(how&7)
			p.Lon += float64(int8(raw[3])) * 1e-5 * float64(how&7)
			p.Speed, p.Flags = float32(raw[4]), Flags(how>>3&7)
			r := Reading{Point: p, Limit: 80}
			switch raw[4] {
			case 1:
				r.Lat, r.Lon = 0, 0
			case 2:
				r.Lat = 91
			case 3:
				r.At = -r.At
			case 4:
				r.At, r.Received = r.At*3, r.At
			}
			all = append(all, r)
			if raw[4]%5 == 0 {
				late = append(late, r)
			} else {
				kept = append(kept, r)
			}
		}
		base := w.Vehicle()
		v := base.Clone()
		var out []Event
		taken := 0
		for _, r := range all {
			n := len(out)
			var why Reason
			if out, why = v.Push(r, out); why == Fine {
				taken++
			} else if len(out) > n {
				t.Fatalf("%s, and yet %+v", why, out[n:])
			}
		}
		sum := 0
		for _, n := range v.Filter.Counts {
			sum += int(n)
		}
		if sum != len(all) || int(v.Filter.Counts[Fine]) != taken {
			t.Fatalf("%d of %d readings were counted", sum, len(all))
		}
		for _, e := range out {
			if e.End < e.Start || e.Driven < 0 || e.Driven > e.End-e.Start || !e.Place().Valid() || e.Kind == Late || e.Kind == Nothing {
				t.Fatalf("%+v", e)
			}
		}
		slices.SortStableFunc(all, func(a, b Reading) int { return cmp.Compare(a.At, b.At) })
		once := slices.CompactFunc(all, func(a, b Reading) bool { return a.At == b.At })
		if len(once) < len(all) {
			return // who was first at a moment is the order of arrival
		}
		inTime, want := base.Clone(), []Event(nil)
		for _, r := range once {
			want, _ = inTime.Push(r, want)
		}
		var said []Event
		live := base.Clone()
		for _, r := range kept {
			said, _ = live.Push(r, said)
		}
		_, c := w.Correct(&base, kept, late)
		gone, _ := differ(c.Gone, said)
		extra, missing := differ(append(said, c.New...), append(want, c.Gone...))
		if len(gone)+len(extra)+len(missing) > 0 {
			t.Fatalf("taken back %+v, too many %+v, missing %+v", gone, extra, missing)
		}
	})
}
