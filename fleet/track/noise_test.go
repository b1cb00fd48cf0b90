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
		"standing with a known speed": {[]Point{with(at(0, 0), HasSpeed, 0), with(at(10, 0), HasSpeed, 0), with(at(20, 0), HasSpeed, 0), with(at(30, 0), HasSpeed, 0)}, []Reason{Fine, Fine, Fine, Fine}, 0},
	} {
		f := NewFilter(&n)
		counts := map[Reason]uint32{}
		for i, p := range tt.points {
			why, cut := f.Take(p, at(100, 0).At)
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
	if why, _ := f.Take(at(1e9, 0), 0); why != Fine {
		t.Errorf("without any threshold: %s", why)
	}
	if why, _ := f.Take(at(1e9+1, 500_000), 0); why != Fine {
		t.Errorf("without a greatest speed: %s", why)
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
	push(3630, 15*2500, 54)
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
