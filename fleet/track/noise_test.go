package track

import (
	"testing"
	"time"

	"yiwang/geo"
)

func TestNoiseHasReasons(t *testing.T) {
	n := Roads
	n.Box = geo.Box{South: 31, West: 120, North: 33, East: 122}
	at := func(s float64, east float64) Point {
		g := geo.Move(geo.Point{Lat: 32, Lon: 121}, 90, east)
		return Point{At: 1_700_000_000_000_000 + int64(s*1e6), Lat: g.Lat, Lon: g.Lon}
	}
	with := func(p Point, f Flags, speed float32) Point { p.Flags, p.Speed = f, speed; return p }
	day := (24 * time.Hour).Seconds()
	for name, tt := range map[string]struct {
		points []Point
		want   []Reason
		cut    int // place in points from which on the run is a new one; 0 is none
	}{
		"driving":                {[]Point{at(0, 0), at(10, 200), at(20, 400)}, []Reason{Fine, Fine, Fine}, 0},
		"the same frame again":   {[]Point{at(0, 0), at(0, 0), at(0, 0), at(10, 0)}, []Reason{Fine, Duplicate, Duplicate, Fine}, 0},
		"two with one number":    {[]Point{at(0, 0), at(0, 50)}, []Reason{Fine, SameMoment}, 0},
		"a clock that goes back": {[]Point{at(10, 0), at(9, 0), at(11, 0)}, []Reason{Fine, Backwards, Fine}, 0},
		"nowhere":                {[]Point{{At: at(0, 0).At}, {At: at(1, 0).At, Lat: 95, Lon: 121}, {At: at(2, 0).At, Lat: 39.9, Lon: 116.4}}, []Reason{Zero, Impossible, Outside}, 0},
		"no fix":                 {[]Point{with(at(0, 0), NoFix, 0)}, []Reason{Blind}, 0},
		"tomorrow and last year": {[]Point{at(2*day, 0), at(-400*day, 0), at(0, 0)}, []Reason{Future, Old, Fine}, 0},
		"one point far off":      {[]Point{at(0, 0), at(10, 20_000), at(20, 10)}, []Reason{Fine, Jump, Fine}, 0},
		"far off, here and there": {[]Point{at(0, 0), at(10, 20_000), at(20, -20_000), at(30, 20_000), at(40, -20_000), at(50, 10)},
			[]Reason{Fine, Jump, Jump, Jump, Jump, Fine}, 0},
		"far off to stay":           {[]Point{at(0, 0), at(10, 20_000), at(20, 20_100), at(30, 20_200), at(40, 20_300)}, []Reason{Fine, Jump, Jump, Fine, Fine}, 3},
		"far off, one frame thrice": {[]Point{at(0, 0), at(10, 20_000), at(10, 20_000), at(10, 20_000), at(20, 10)}, []Reason{Fine, Jump, Jump, Jump, Fine}, 0},
		"a ferry in ten minutes":    {[]Point{at(0, 0), at(600, 20_000)}, []Reason{Fine, Fine}, 0},
		"a place that sticks": {[]Point{with(at(0, 0), HasSpeed, 40), with(at(10, 0), HasSpeed, 40), with(at(20, 0), HasSpeed, 40), with(at(30, 0), HasSpeed, 40),
			with(at(80, 0), HasSpeed, 40), with(at(90, 900), HasSpeed, 40), with(at(100, 1000), HasSpeed, 40)}, []Reason{Fine, Fine, Fine, Frozen, Frozen, Fine, Fine}, 5},
		"beside the place where it stands":           {[]Point{with(at(0, 0), HasSpeed, 0), with(at(30, 200), HasSpeed, 0), with(at(60, 5), HasSpeed, 0)}, []Reason{Fine, Stray, Fine}, 0},
		"some way off where it stands":               {[]Point{with(at(0, 0), HasSpeed, 0), with(at(120, 5000), HasSpeed, 0), with(at(240, 5), HasSpeed, 0)}, []Reason{Fine, Stray, Fine}, 0},
		"seen at two places only":                    {[]Point{with(at(0, 0), HasSpeed, 0), with(at(120, 900), HasSpeed, 0), with(at(240, 905), HasSpeed, 0)}, []Reason{Fine, Stray, Fine}, 0},
		"stray, then nowhere near":                   {[]Point{with(at(0, 0), HasSpeed, 0), with(at(30, 200), HasSpeed, 0), with(at(60, 50_000), HasSpeed, 0), with(at(90, 5), HasSpeed, 0)}, []Reason{Fine, Stray, Jump, Fine}, 0},
		"stray, and back in time":                    {[]Point{with(at(0, 0), HasSpeed, 0), with(at(30, 200), HasSpeed, 0), with(at(20, 0), HasSpeed, 0), with(at(30, 200), HasSpeed, 0), with(at(60, 0), HasSpeed, 0)}, []Reason{Fine, Stray, Backwards, Duplicate, Fine}, 0},
		"driving off":                                {[]Point{with(at(0, 0), HasSpeed, 0), with(at(30, 350), HasSpeed, 50), with(at(60, 760), HasSpeed, 50)}, []Reason{Fine, Fine, Fine}, 0},
		"nothing to believe for a minute and a half": {[]Point{at(0, 0), {At: at(30, 0).At}, {At: at(60, 0).At}, at(90, 900), at(100, 1000)}, []Reason{Fine, Zero, Zero, Fine, Fine}, 0},
		"nothing to believe for six minutes":         {[]Point{at(0, 0), {At: at(120, 0).At}, {At: at(240, 0).At}, at(360, 900), at(370, 1000)}, []Reason{Fine, Zero, Zero, Fine, Fine}, 3},
		"standing with a known speed":                {[]Point{with(at(0, 0), HasSpeed, 0), with(at(10, 0), HasSpeed, 0), with(at(20, 0), HasSpeed, 0), with(at(30, 0), HasSpeed, 0)}, []Reason{Fine, Fine, Fine, Fine}, 0},
	} {
		f := NewFilter(&n)
		counts := map[Reason]uint32{}
		for i, p := range tt.points {
			v := f.Take(p, at(100, 0).At)
			why, cut := v.Why, v.Cut
			if why != tt.want[i] || cut != (tt.cut != 0 && i == tt.cut) {
				t.Errorf("%s, point %d: %s, cut %v; want %s", name, i, why, cut, tt.want[i])
			}
			counts[why]++
		}
		for r := range Reasons {
			if f.Counts[r] != counts[r] || r.String() == "" || r.String() == "unknown" {
				t.Errorf("%s: %s was counted %d times, not %d", name, r, f.Counts[r], counts[r])
			}
		}
	}
	f := NewFilter(&Noise{})
	if v := f.Take(at(1e9, 0), 0); v.Why != Fine {
		t.Errorf("without any threshold: %s", v.Why)
	}
	if v := f.Take(at(1e9+1, 500_000), 0); v.Why != Fine {
		t.Errorf("without a greatest speed: %s", v.Why)
	}
	if Reasons.String() != "unknown" {
		t.Error("there is a reason too many")
	}
}

// A place that sticks while the lorry drives never makes a stay, though each single
// silence is short.
func TestNoStayFromNoise(t *testing.T) {
	w, err := NewWatch(Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}, Roads, Law)
	if err != nil {
		t.Fatal(err)
	}
	v := w.Vehicle()
	var out []Event
	push := func(s int64, metres float64, speed float32) {
		g := geo.Move(geo.Point{Lat: 32, Lon: 121}, 90, metres)
		out, _ = v.Push(Reading{Point: Point{At: s * 1e6, Lat: g.Lat, Lon: g.Lon, Speed: speed, Flags: HasSpeed}}, out)
	}
	for s := int64(0); s < 600; s += 10 {
		push(s, 15*float64(s), 54)
	}
	for s := int64(600); s < 1200; s += 10 { // sticks
		push(s, 15*600, 54)
	}
	for s := int64(1200); s < 1800; s += 10 {
		push(s, 15*float64(s), 54)
	}
	for s := int64(1800); s < 2400; s += 10 { // somewhere else altogether, each time
		push(s, 15*float64(s)+float64(s%20-5)*1e5, 54)
	}
	for s := int64(2400); s < 3600; s += 10 { // parks, with a jump now and then
		push(s, 15*2400+float64(s%90/80)*1e5, 0)
	}
	push(3630, 15*2450, 54)
	if stays := of(Stay, out); len(stays) != 1 || stays[0].Start != 2400e6 || stays[0].End != 3630e6 {
		t.Errorf("%+v", stays)
	}
	if gaps := of(Gap, out); len(gaps) != 2 {
		t.Errorf("%+v", gaps)
	}
	if v.Filter.Counts[Frozen] < 50 || v.Filter.Counts[Jump] < 50 {
		t.Errorf("noise was %v", v.Filter.Counts)
	}
}

// One wrong place never splits a stay, be it beside it or as far as could nearly have
// been driven; what was somewhere else for longer does.
func TestOneWrongPlaceDoesNotSplitAStay(t *testing.T) {
	w, err := NewWatch(Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}, Roads, Law)
	if err != nil {
		t.Fatal(err)
	}
	for _, every := range []int64{10, 30, 120, 300} {
		for _, off := range []float64{70, 150, 300, 1000, 5000, 40_000} {
			for _, twice := range []bool{false, true} {
				v := w.Vehicle()
				var out []Event
				put := func(s int64, metres float64, speed float32) {
					g := geo.Move(geo.Point{Lat: 32, Lon: 121}, 90, metres)
					out, _ = v.Push(Reading{Point: Point{At: s * 1e6, Lat: g.Lat, Lon: g.Lon, Speed: speed, Flags: HasSpeed}}, out)
				}
				const n = 60
				for i := range int64(n) {
					wrong := i == n/2 || twice && (i > n/2 && i < n/2+5)
					if wrong {
						put(i*every, off, 0)
					} else {
						put(i*every, float64(i%3), 0)
					}
				}
				for i := range int64(20) {
					put(n*every+i*30, 15*30*float64(i+1), 54)
				}
				stays := of(Stay, out)
				one := len(stays) == 1 && stays[0].Start == 0 && stays[0].End == n*every*1e6
				if split := twice && off > 100; one == split {
					t.Errorf("every %d s, %g m off, for longer: %v: %+v", every, off, twice, stays)
				}
				if driven, ok := v.Driving.Stretch(); !twice && (!ok || driven.Start < (n-1)*every*1e6) {
					t.Errorf("every %d s, %g m off: it drove from %d s on", every, off, driven.Start/1e6)
				}
			}
		}
	}
}

// What a stray place was kept back for is all there once the next one confirms it.
func TestAStrayPlaceThatIsConfirmedCounts(t *testing.T) {
	n := Roads
	f := NewFilter(&n)
	at := func(s int64, metres float64) Point {
		g := geo.Move(geo.Point{Lat: 32, Lon: 121}, 90, metres)
		return Point{At: s * 1e6, Lat: g.Lat, Lon: g.Lon, Flags: HasSpeed}
	}
	f.Take(at(0, 0), 0)
	if v := f.Take(at(120, 900), 0); v != (Verdict{Why: Stray}) {
		t.Errorf("%+v", v)
	}
	if last, _ := f.Last(); last.At != 0 {
		t.Error("it was taken before it was confirmed")
	}
	if v := f.Take(at(240, 905), 0); v != (Verdict{Why: Fine, Freed: true}) {
		t.Errorf("%+v", v)
	}
	f.Take(at(360, 2000), 0)
	if v := f.Take(at(480, 4000), 0); v != (Verdict{Why: Stray, Freed: true}) { // on and on, each seen standing
		t.Errorf("%+v", v)
	}
	if f.Counts[Stray] != 3 || f.Counts[Fine] != 2 {
		t.Errorf("%v", f.Counts)
	}
}
