package track

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"yiwang/geo"
)

// plain is the definition written down as it is spoken, without any haste.
func plain(s Settings, points []Point) []Event {
	var out []Event
	start := 0
	for i := 1; i < len(points); i++ {
		p, before := points[i], points[i-1]
		if time.Duration(p.At-before.At)*time.Microsecond > s.Gap {
			out = append(out, Event{Kind: Gap, Points: int32(i - start), Start: before.At, End: p.At,
				Lat: before.Lat, Lon: before.Lon, ToLat: p.Lat, ToLon: p.Lon})
			start = i
			continue
		}
		if geo.Distance(points[start].Place(), p.Place()) < s.Distance {
			continue
		}
		if time.Duration(p.At-points[start].At)*time.Microsecond >= s.Time {
			first := points[start]
			distinct := map[geo.Point]bool{}
			var lat, lon float64
			for _, q := range points[start:i] {
				if !distinct[q.Place()] {
					distinct[q.Place()] = true
					lat += q.Lat - first.Lat
					lon += turned(q.Lon - first.Lon)
				}
			}
			n := float64(len(distinct))
			out = append(out, Event{Kind: Stay, Whole: true, Points: int32(i - start), Distinct: int32(n),
				Start: first.At, End: p.At, Lat: first.Lat + lat/n, Lon: turned(first.Lon + lon/n), ToLat: p.Lat, ToLon: p.Lon})
		}
		start = i
	}
	return out
}

func columns(points []Point) Columns {
	var c Columns
	for _, p := range points {
		c.Add(p.At, p.Lat, p.Lon)
	}
	return c
}

func ready(t testing.TB, s Settings) *Rule {
	t.Helper()
	r, err := NewRule(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func batch(t testing.TB, s Settings, points []Point) []Event {
	t.Helper()
	var out []Event
	ready(t, s).Batch(columns(points), func(e Event) { out = append(out, e) })
	return out
}

func pushed(s *Stays, points []Point) []Event {
	var out []Event
	for _, p := range points {
		if e := s.Push(p); e.Kind != Nothing {
			out = append(out, e)
		}
	}
	return out
}

// walk makes a track that drives, stands with jitter, repeats itself, falls silent
// and is rounded to six decimals as terminals do.
func walk(rng *rand.Rand, n int, at geo.Point, distance float64) []Point {
	points := make([]Point, 0, n)
	now := int64(1_700_000_000_000_000)
	bearing := 360 * rng.Float64()
	for len(points) < n {
		standing := rng.IntN(2) == 0
		home := at
		for range 1 + rng.IntN(60) {
			switch {
			case standing && rng.IntN(3) == 0: // the same place again
			case standing:
				at = geo.Move(home, 360*rng.Float64(), distance*0.7*rng.Float64())
			default:
				bearing += 40 * (rng.Float64() - 0.5)
				at = geo.Move(at, bearing, distance*(0.2+1.5*rng.Float64()))
			}
			at.Lat, at.Lon = math.Round(at.Lat*1e6)/1e6, math.Round(at.Lon*1e6)/1e6
			now += int64(rng.IntN(60)) * 1e6
			if rng.IntN(200) == 0 {
				now += int64(rng.IntN(3600)) * 1e6
			}
			points = append(points, Point{At: now, Lat: at.Lat, Lon: at.Lon})
		}
	}
	return points[:n]
}

var corners = []geo.Point{
	{Lat: 32.0, Lon: 120.9}, {Lat: -33.9, Lon: 151.2}, {Lat: 0, Lon: 0}, {Lat: 69.6, Lon: 18.9}, {Lat: 84.9, Lon: 10},
	{Lat: 89.9995, Lon: 0}, {Lat: 90, Lon: 45}, {Lat: -89.99, Lon: 179}, {Lat: -16.5, Lon: 179.9995}, {Lat: 51.9, Lon: -180}, {Lat: 12.5, Lon: 180},
}

// Batch, streaming and the definition agree to the last bit, anywhere on earth and
// at any size.
func TestStaysAreTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	stays, gaps := 0, 0
	for _, metres := range []float64{0.05, 1, 25, 100, 1000, 30_000, 3_000_000} {
		s := Settings{Distance: metres, Time: 5 * time.Minute, Gap: 15 * time.Minute}
		for _, at := range corners {
			points := walk(rng, 4000, at, metres)
			want := plain(s, points)
			if got := batch(t, s, points); !slices.Equal(got, want) {
				t.Fatalf("batch at %v, %g m: %d events, want %d", at, metres, len(got), len(want))
			}
			one := ready(t, s).Stays()
			if got := pushed(&one, points); !slices.Equal(got, want) {
				t.Fatalf("streaming at %v, %g m: %d events, want %d", at, metres, len(got), len(want))
			}
			for _, e := range want {
				if e.Kind == Stay {
					stays++
				} else {
					gaps++
				}
			}
		}
	}
	if stays < 1000 || gaps < 1000 {
		t.Errorf("only %d stays and %d gaps were tried", stays, gaps)
	}
}

// The quick test never differs from the definition, not even a billionth of a metre
// before and after the distance, nor where it can't be used.
func TestReachIsTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	quick, all := 0, 0
	for _, metres := range []float64{0, 1e-9, 0.01, 1, 5, 25, 100, 100.5, 1e3, 1e4, 1e5, 4e5, 1e6, 2.1e7} {
		r := ready(t, Settings{Distance: metres})
		for range 20_000 {
			a := geo.Point{Lat: math.Asin(2*rng.Float64()-1) / rad, Lon: 360*rng.Float64() - 180}
			if rng.IntN(3) == 0 {
				c := corners[rng.IntN(len(corners))]
				a = geo.Move(c, 360*rng.Float64(), metres*rng.Float64())
			}
			p := a
			switch rng.IntN(6) {
			case 0: // anywhere
				p = geo.Point{Lat: 180*rng.Float64() - 90, Lon: 360*rng.Float64() - 180}
			case 1: // near
				p = geo.Move(a, 360*rng.Float64(), metres*rng.Float64())
			case 2: // about there
				p = geo.Move(a, 360*rng.Float64(), metres*(1+1e-3*rng.NormFloat64()))
			case 3: // on the margin
				p = geo.Move(a, 360*rng.Float64(), metres+1e-9*float64(rng.IntN(21)-10))
			case 4: // right above or beside
				p = geo.Move(a, 90*float64(rng.IntN(4)), metres*(1+1e-6*rng.NormFloat64()))
			}
			if !p.Valid() {
				continue
			}
			an := r.anchor(a.Lat, a.Lon)
			if got, want := r.broken(&an, p.Lat, p.Lon), beyond(a, p, metres); got != want {
				t.Fatalf("%.9f,%.9f to %.9f,%.9f: %v, but %.12f m of %g", a.Lat, a.Lon, p.Lat, p.Lon, got, geo.Distance(a, p), metres)
			}
			x, y := p.Lat-a.Lat, p.Lon-a.Lon
			if q := x*x + an.k*y*y; metres == 100 {
				all++
				if q < an.lo || q >= an.hi {
					quick++
				}
			}
		}
	}
	if quick*4 < all {
		t.Errorf("of %d points %d were decided quickly; the test has lost its sense", all, quick)
	}
}

// Fed in pieces of any size, or by copies of the state, a track gives the same.
func TestAnyChunkingIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	s := Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}
	for range 30 {
		points := walk(rng, 2000, corners[rng.IntN(len(corners))], 100)
		want := plain(s, points)
		state := ready(t, s).Stays()
		var got []Event
		for i := 0; i < len(points); {
			j := min(len(points), i+1+rng.IntN(300))
			aside := state.Clone()
			pushed(&aside, walk(rng, 50, points[i].Place(), 100)) // leaves no trace
			got = append(got, pushed(&state, points[i:j])...)
			i = j
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d events, want %d", len(got), len(want))
		}
	}
}

func TestRunsEnd(t *testing.T) {
	s := Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}
	at := func(min float64, metres float64) Point {
		g := geo.Move(geo.Point{Lat: 32, Lon: 120.9}, 90, metres)
		return Point{At: int64(min * 60e6), Lat: g.Lat, Lon: g.Lon}
	}
	for name, tt := range map[string]struct {
		points []Point
		want   []Kind
	}{
		"nothing":                    {nil, nil},
		"one point":                  {[]Point{at(0, 0)}, nil},
		"never left":                 {[]Point{at(0, 0), at(10, 0), at(20, 5)}, nil},
		"exactly the time":           {[]Point{at(0, 0), at(5, 200)}, []Kind{Stay}},
		"a microsecond short of it":  {[]Point{at(0, 0), at(5-1/60e6, 200)}, nil},
		"exactly the gap":            {[]Point{at(0, 0), at(15, 200)}, []Kind{Stay}},
		"a microsecond over it":      {[]Point{at(0, 0), at(15+1/60e6, 200)}, []Kind{Gap}},
		"silence where it stood":     {[]Point{at(0, 0), at(4, 0), at(20, 0), at(22, 200)}, []Kind{Gap}},
		"silence within a long stay": {[]Point{at(0, 0), at(10, 0), at(26, 0), at(32, 200)}, []Kind{Gap, Stay}},
		"the same moment twice":      {[]Point{at(0, 0), at(0, 200), at(6, 0)}, []Kind{Stay}},
		"a clock that goes back":     {[]Point{at(10, 0), at(9, 500), at(16, 200)}, []Kind{Late, Stay}},
	} {
		state := ready(t, s).Stays()
		var got []Kind
		for _, e := range pushed(&state, tt.points) {
			got = append(got, e.Kind)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestOpenRunAndCut(t *testing.T) {
	state := ready(t, Settings{Distance: 100, Time: 5 * time.Minute, Gap: time.Hour}).Stays()
	if _, ok := state.Open(); ok {
		t.Error("something is open before the first point")
	}
	if e := state.Cut(Point{At: 1, Lat: 32, Lon: 120}); e.Kind != Nothing {
		t.Errorf("the first point cut %v", e)
	}
	state.Push(Point{At: 600e6, Lat: 32.0002, Lon: 120})
	e, ok := state.Open()
	if want := (Event{Kind: Stay, Whole: true, Points: 2, Distinct: 2, Start: 1, End: 600e6, Lat: 32.0001, Lon: 120, ToLat: 32.0002, ToLon: 120}); !ok ||
		math.Abs(e.Lat-want.Lat) > 1e-12 || e.Long() != 600*time.Second-time.Microsecond || e.Points != 2 || e.Distinct != 2 || e.ToLat != want.ToLat {
		t.Errorf("open: %+v", e)
	}
	at, place, ok := state.Anchor()
	if !ok || at != 1 || place != (geo.Point{Lat: 32, Lon: 120}) {
		t.Errorf("anchor: %v %v %v", at, place, ok)
	}
	if e := state.Cut(Point{At: 700e6, Lat: 33, Lon: 120}); e.Kind != Gap || e.Start != 600e6 || e.ToLat != 33 {
		t.Errorf("cut: %+v", e)
	}
	if e := state.Push(Point{At: 701e6, Lat: 34, Lon: 120}); e.Kind != Nothing {
		t.Errorf("a stay across the cut: %+v", e)
	}
}

// A bounded state keeps the times exact, says that the place isn't whole, and is
// mended from the points.
func TestKeepBoundsMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	s := Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute, Keep: 64}
	var points []Point
	home := geo.Point{Lat: 32, Lon: 120.9}
	points = append(points, Point{At: 0, Lat: 31, Lon: 120.9}, Point{At: 10e6, Lat: home.Lat, Lon: home.Lon}, Point{At: 10e6, Lat: home.Lat, Lon: home.Lon})
	for i := range 100_000 {
		g := geo.Move(home, 360*rng.Float64(), 40*rng.Float64())
		points = append(points, Point{At: int64(i+2) * 10e6, Lat: g.Lat, Lon: g.Lon})
	}
	points = append(points, Point{At: 100_010 * 10e6, Lat: 33, Lon: 120.9})
	whole := batch(t, s, points)
	state := ready(t, s).Stays()
	got := pushed(&state, points)
	if len(got) != 1 || len(whole) != 1 || got[0].Whole || got[0].Distinct != 64 || whole[0].Distinct != 100_001 ||
		got[0].Start != whole[0].Start || got[0].End != whole[0].End || got[0].Points != whole[0].Points {
		t.Fatalf("bounded %+v, whole %+v", got, whole)
	}
	if d := geo.Distance(got[0].Place(), whole[0].Place()); d == 0 || d > 15 {
		t.Errorf("the bounded place is %g m off", d)
	}
	if n := cap(state.seen.list)*16 + cap(state.seen.index)*4; n > 2048 {
		t.Errorf("the state holds %d bytes", n)
	}
	rule := ready(t, s)
	if e, ok := rule.Settle(got[0], points); !ok || e != whole[0] {
		t.Errorf("settled: %+v %v", e, ok)
	}
	if _, ok := rule.Settle(got[0], points[3:]); ok {
		t.Error("settled without its first points")
	}
}

// However many may be kept, the first so many are, and each once.
func TestKeepAnyNumber(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, keep := range []int{1, 2, few - 1, few, few + 1, fewKept, fewKept + 1, 100, 1000} {
		var c coords
		for round := range 3 {
			c.reset()
			var want []coord
			for range 3000 {
				p := coord{float64(rng.IntN(30)), float64(rng.IntN(30))}
				c.add(p.lat, p.lon, keep)
				if !slices.Contains(want, p) && len(want) < keep {
					want = append(want, p)
				}
			}
			if !slices.Equal(c.list, want) || c.lost != (keep < 900) {
				t.Fatalf("keep %d, round %d: %d are kept, want %d; lost is %v", keep, round, len(c.list), len(want), c.lost)
			}
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, s := range []Settings{{Distance: -1}, {Distance: math.NaN()}, {Distance: math.Inf(1)}, {Time: -1}, {Gap: -1}, {Keep: -1}} {
		if _, err := NewRule(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	r := ready(t, Settings{Time: 1500, Gap: 1500})
	if r.time != 2 || r.gap != 1 {
		t.Errorf("parts of a microsecond: at least %d, more than %d", r.time, r.gap)
	}
}

// Where two shores of the date line meet, the mean is there and not in Africa.
func TestMeanAtTheDateLine(t *testing.T) {
	var c coords
	c.add(-16, 179.999, 0)
	c.add(-16, -179.997, 0)
	if lat, lon := c.mean(); lat != -16 || math.Abs(lon+179.999) > 1e-9 {
		t.Errorf("mean %v %v", lat, lon)
	}
}

// The stays that trackintel finds in the tracks of GeoLife.
func TestStaysEqualTrackintel(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "trajectories")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the shared trajectories are not there")
	}
	for _, name := range []string{"geolife", "geolife_long"} {
		tracks := map[int]*Columns{}
		f, err := os.Open(filepath.Join(dir, name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			id, err0 := strconv.Atoi(row[0])
			at, err1 := time.Parse(time.RFC3339, row[1])
			lat, err2 := strconv.ParseFloat(row[2], 64)
			lon, err3 := strconv.ParseFloat(row[3], 64)
			if err0 != nil || err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(row)
			}
			if tracks[id] == nil {
				tracks[id] = &Columns{}
			}
			tracks[id].Add(at.UnixMicro(), lat, lon)
		}
		raw, err := os.ReadFile(filepath.Join(dir, name+".expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var settings []struct {
			Distance float64  `json:"dist_m"`
			Time     float64  `json:"time_min"`
			Gap      float64  `json:"gap_min"`
			Last     bool     `json:"include_last"`
			Stays    [][5]any `json:"stays"`
		}
		if err := json.Unmarshal(raw, &settings); err != nil {
			t.Fatal(err)
		}
		tried := 0
		for _, s := range settings {
			if s.Last {
				continue
			}
			tried++
			r := ready(t, Settings{Distance: s.Distance, Time: time.Duration(s.Time * float64(time.Minute)), Gap: time.Duration(s.Gap * float64(time.Minute))})
			got := map[int][]Event{}
			n := 0
			for id, c := range tracks {
				r.Batch(*c, func(e Event) {
					if e.Kind == Stay {
						got[id] = append(got[id], e)
						n++
					}
				})
			}
			if n != len(s.Stays) {
				t.Errorf("%s %g m %g min: %d stays, want %d", name, s.Distance, s.Time, n, len(s.Stays))
				continue
			}
			for _, w := range s.Stays {
				id, _ := strconv.Atoi(w[0].(string))
				start, _ := time.Parse(time.RFC3339, w[1].(string))
				end, _ := time.Parse(time.RFC3339, w[2].(string))
				e := got[id][0]
				got[id] = got[id][1:]
				if e.Start != start.UnixMicro() || e.End != end.UnixMicro() || math.Abs(e.Lon-w[3].(float64)) > 2e-7 || math.Abs(e.Lat-w[4].(float64)) > 2e-7 {
					t.Errorf("%s %g m %g min: %+v, want %v", name, s.Distance, s.Time, e, w)
				}
			}
		}
		if tried != 6 {
			t.Errorf("%s: %d settings were tried", name, tried)
		}
	}
}
