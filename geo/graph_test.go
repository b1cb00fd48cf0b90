package geo

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yiwang/city"
)

// at is a place on a small map, in metres east and north of a corner of Jianghai.
func at(east, north float64) Point {
	return Move(Move(Point{31.9, 121.0}, 0, north), 90, east)
}

type drawn struct {
	name   string
	class  RoadClass
	oneway bool
	limit  int
	line   []Point
}

func roadsOf(list ...drawn) *Roads {
	r := &Roads{}
	for i, d := range list {
		road := Road{ID: fmt.Sprint(i), Class: d.class, Oneway: d.oneway, Limit: d.limit, Line: d.line, Box: BoxOf(d.line)}
		if d.name != "" {
			road.Name = city.Text{ZhHans: d.name, En: d.name}
		}
		if road.Class == "" {
			road.Class = Residential
		}
		r.Roads = append(r.Roads, road)
	}
	return r
}

// tenth is a pace at which a kilometre takes 100 seconds on every road.
var tenth = Pace{36, 36, 36, 36}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s is %.3f and not %.3f", what, got, want)
	}
}

// A truck on a road, its way back, a junction and a street that is one-way against
// it: minute by minute what it reaches.
func TestReachByHand(t *testing.T) {
	a, j, b := at(0, 0), at(1000, 0), at(2000, 0)
	side, wrong := at(1000, 1000), at(1000, -1000)
	g := NewGraph(roadsOf(
		drawn{name: "Main", class: Primary, line: []Point{a, at(500, 0), j, at(1500, 0), b}},
		drawn{name: "Side", line: []Point{j, side}},
		drawn{name: "Wrong", oneway: true, line: []Point{wrong, j}},
	))
	if nodes, edges := g.Size(); nodes != 5 || edges != 7 {
		t.Fatalf("%d nodes and %d edges", nodes, edges)
	}
	spot, ok := g.Snap(at(400, 20), 85)
	if !ok || !spot.Forward || spot.Backward || spot.Road.Name.En != "Main" {
		t.Fatalf("%+v", spot)
	}
	near(t, "the way to the road", spot.Off, 20, 0.1)
	r := g.Reach(spot, tenth, 30*time.Second)
	if n, all := g.Count(spot, tenth, 0), g.Count(spot, tenth, Farthest); n != 0 || all == 0 {
		t.Errorf("at once %d nodes are reached, in an hour %d", n, all)
	}
	if len(r.Pieces) != 1 || len(r.Junctions) != 0 {
		t.Fatalf("%+v", r.Pieces)
	}
	near(t, "half a minute", r.Metres, 300, 0.5)
	r = g.Reach(spot, tenth, 2*time.Minute)
	// 600 m to the junction, then 600 m on, to the side, and back over the road
	near(t, "two minutes", r.Metres, 600+600+600, 1)
	if len(r.Junctions) != 1 || r.Junctions[0].After.Round(time.Second) != time.Minute {
		t.Fatalf("%+v", r.Junctions)
	}
	if names := r.Junctions[0].Roads; len(names) != 3 || names[0].En != "Main" {
		t.Errorf("%v", names)
	}
	r = g.Reach(spot, tenth, 130*time.Second)
	near(t, "turned at the junction and behind where it began", r.Metres, 600+700+700+100, 1)
	r = g.Reach(spot, tenth, 10*time.Minute)
	near(t, "all but the one-way street", r.Metres, 2000+1000, 1)
	for _, s := range r.Pieces {
		if s.Road.Name.En == "Wrong" {
			t.Error("it went into the one-way street")
		}
	}
	if area := r.Outline(); len(area) != 1 || !area[0].Contains(at(1900, 10)) || !area[0].Contains(at(1000, 900)) || area[0].Contains(at(1000, -300)) || area[0].Contains(at(1500, 500)) {
		t.Errorf("%v", area)
	}

	both, _ := g.Snap(at(400, 20), -1)
	if !both.Forward || !both.Backward {
		t.Errorf("%+v", both)
	}
	near(t, "both ways", g.Reach(both, tenth, 30*time.Second).Metres, 600, 0.5)
	if back, _ := g.Snap(at(400, 20), 270); back.Forward || !back.Backward {
		t.Errorf("%+v", back)
	}
	// in the one-way street there is one way, whatever the heading says
	if s, _ := g.Snap(at(1000, -500), 180); !s.Forward || s.Backward {
		t.Errorf("%+v", s)
	}
	// of two roads at a corner the one that lies as the heading says
	if s, _ := g.Snap(at(1015, 20), 90); s.Road.Name.En != "Main" {
		t.Errorf("on %s", s.Road.Name.En)
	}
	if s, _ := g.Snap(at(1015, 20), 0); s.Road.Name.En != "Side" {
		t.Errorf("on %s", s.Road.Name.En)
	}
	for _, p := range []Point{at(5000, 5000), {math.NaN(), 0}, {}} {
		if _, ok := g.Snap(p, -1); ok {
			t.Errorf("%v is on a road", p)
		}
	}
	if _, ok := (*Graph)(nil).Snap(a, -1); ok {
		t.Error("no roads have a spot")
	}
	if s, ok := g.Snap(at(400, 300), math.NaN()); !ok || !s.Backward {
		t.Errorf("%+v", s)
	}
}

// Signs, classes and the hour decide how fast it goes.
func TestReachKeepsToSpeeds(t *testing.T) {
	g := NewGraph(roadsOf(
		drawn{class: Primary, line: []Point{at(0, 0), at(3000, 0)}},
		drawn{class: Primary, limit: 18, line: []Point{at(0, 0), at(0, 3000)}},
		drawn{class: Motorway, limit: 120, line: []Point{at(0, 0), at(-3000, 0)}},
	))
	spot, _ := g.Snap(at(1, 0), -1)
	metres := map[int]float64{}
	for _, s := range g.Reach(spot, Pace{36, 36, 36, 36}, 100*time.Second).Pieces {
		metres[int(s.piece)] += math.Abs(s.from - s.to)
	}
	near(t, "the free road", metres[0], 1000+1, 1)
	near(t, "the slow road", metres[1], 500, 1)
	near(t, "the motorway", metres[2], 1000, 1)
}

func TestMeet(t *testing.T) {
	j, k := at(1000, 0), at(2000, 0)
	g := NewGraph(roadsOf(
		drawn{name: "Main", class: Primary, line: []Point{at(0, 0), j, k, at(4000, 0)}},
		drawn{name: "First", line: []Point{at(1000, 2000), j}},
		drawn{name: "Second", line: []Point{at(2000, 2000), k}},
	))
	spot, _ := g.Snap(at(0, 0), 90)
	r := g.Reach(spot, tenth, 5*time.Minute)
	if len(r.Junctions) != 2 {
		t.Fatalf("%+v", r.Junctions)
	}
	got := g.Meet(r, []Point{
		at(2000, 1000), // 100 s to the second, where the truck is after 200 s
		at(1000, 1500), // 150 s to the first: too late; 250 s to the second: too late
		at(1000, 500),  // 50 s to the first
		at(9000, 9000), // nowhere
		at(3999, 0),    // 199.9 s to the second: just in time
	}, tenth)
	var said []string
	for _, m := range got {
		said = append(said, fmt.Sprintf("%d at %d needs %s leads %s", m.Who, m.Junction, m.Needs.Round(time.Second), m.Lead.Round(time.Second)))
	}
	want := []string{"2 at 0 needs 50s leads 50s", "0 at 1 needs 1m40s leads 1m40s", "4 at 1 needs 3m20s leads 0s", "1 at 0 needs 2m30s leads -50s"}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("%q", said)
	}
	if m := g.Meet(g.Reach(spot, tenth, time.Second), []Point{j}, tenth); m != nil {
		t.Errorf("%v", m)
	}
}

// streets draws some roads between places a hundred metres apart: crossings,
// one-way streets, ends, roads that meet themselves.
func streets() *rapid.Generator[*Roads] {
	return rapid.Custom(func(t *rapid.T) *Roads {
		const n = 5
		place := func(i int) Point {
			return at(float64(i%n)*100+float64(i*37%23), float64(i/n)*100+float64(i*53%29))
		}
		var list []drawn
		for range rapid.IntRange(1, 12).Draw(t, "roads") {
			var line []Point
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, n*n-1), 2, 6).Draw(t, "line") {
				if p := place(i); len(line) == 0 || line[len(line)-1] != p {
					line = append(line, p)
				}
			}
			if len(line) < 2 {
				continue
			}
			list = append(list, drawn{class: rapid.SampledFrom(classes).Draw(t, "class"), oneway: rapid.Bool().Draw(t, "oneway"),
				limit: rapid.SampledFrom([]int{0, 20, 50}).Draw(t, "limit"), line: line})
		}
		if len(list) == 0 {
			list = append(list, drawn{line: []Point{place(0), place(1)}})
		}
		return roadsOf(list...)
	})
}

// dust is the same network as many small nodes, those of the two ways along a road
// apart, since nobody turns between junctions: the plainest Dijkstra there is.
type dust struct {
	at    map[dot]float64 // when each is reached
	edges map[dot]map[dot]float64
}

type dot struct {
	piece int32 // -1 for a node of the graph
	n     int32
	back  bool
}

func grind(g *Graph, spot Spot, slow []float64, parts int32) *dust {
	d := &dust{at: map[dot]float64{}, edges: map[dot]map[dot]float64{}}
	link := func(a, b dot, cost float64) {
		if d.edges[a] == nil {
			d.edges[a] = map[dot]float64{}
		}
		if old, ok := d.edges[a][b]; !ok || cost < old {
			d.edges[a][b] = cost
		}
	}
	for piece := range int32(len(g.road)) {
		w := slow[g.kind[piece]] * g.length(piece) / float64(parts)
		name := func(i int32, back bool) dot {
			switch i {
			case 0:
				return dot{-1, g.from[piece], false}
			case parts:
				return dot{-1, g.to[piece], false}
			}
			return dot{piece, i, back}
		}
		for i := range parts {
			link(name(i, false), name(i+1, false), w)
			if !g.oneway[piece] {
				link(name(i+1, true), name(i, true), w)
			}
			if piece == spot.piece {
				lo, hi := float64(i)/float64(parts)*g.length(piece), float64(i+1)/float64(parts)*g.length(piece)
				start := dot{-2, 0, false}
				if spot.Forward && spot.along >= lo && spot.along <= hi {
					link(start, name(i+1, false), (hi-spot.along)*slow[g.kind[piece]])
				}
				if spot.Backward && spot.along >= lo && spot.along <= hi {
					link(start, name(i, true), (spot.along-lo)*slow[g.kind[piece]])
				}
			}
		}
	}
	d.at[dot{-2, 0, false}] = 0
	done := map[dot]bool{}
	for {
		best, found := dot{}, false
		for k, v := range d.at {
			if !done[k] && (!found || v < d.at[best]) {
				best, found = k, true
			}
		}
		if !found {
			return d
		}
		done[best] = true
		for to, cost := range d.edges[best] {
			if old, ok := d.at[to]; !ok || d.at[best]+cost < old {
				d.at[to] = d.at[best] + cost
			}
		}
	}
}

// Every place is reached exactly when the plainest search says, those in the middle
// of roads too; none is there that can't be reached.
func TestReachAgainstPlainDijkstra(t *testing.T) {
	const parts = 6
	rapid.Check(t, func(t *rapid.T) {
		g := NewGraph(streets().Draw(t, "streets"))
		heading := rapid.SampledFrom([]float64{-1, 0, 45, 90, 135, 200, 300}).Draw(t, "heading")
		spot, ok := g.Snap(at(rapid.Float64Range(0, 500).Draw(t, "east"), rapid.Float64Range(0, 500).Draw(t, "north")), heading)
		if !ok {
			return
		}
		pace := Pace{80, 60, 50, 30}
		within := time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second
		limit := within.Seconds()
		r := g.Reach(spot, pace, within)
		d := grind(g, spot, g.slowness(pace), parts)
		const close = 1e-4 // seconds
		for piece := range int32(len(g.road)) {
			for i := range int32(parts + 1) {
				metres := float64(i) / parts * g.length(piece)
				keys := []dot{{piece, i, false}, {piece, i, true}}
				switch i {
				case 0:
					keys = []dot{{-1, g.from[piece], false}}
				case parts:
					keys = []dot{{-1, g.to[piece], false}}
				}
				if piece == spot.piece && math.Abs(metres-spot.along) < 0.02 {
					continue // where it is at the beginning, whichever way it goes
				}
				want, reachable := math.Inf(1), false
				for _, key := range keys {
					if v, ok := d.at[key]; ok {
						want, reachable = math.Min(want, v), true
					}
				}
				got := math.Inf(1)
				for _, s := range r.Pieces {
					if s.piece != piece {
						continue
					}
					share := (metres - s.from) / (s.to - s.from)
					if share >= -1e-9 && share <= 1+1e-9 {
						got = math.Min(got, s.Begin.Seconds()+share*(s.Until-s.Begin).Seconds())
					}
				}
				inner := i > 0 && i < parts // at a node another piece may tell it
				switch {
				case !math.IsInf(got, 1) && (!reachable || math.Abs(got-want) > close && got < want):
					t.Fatalf("piece %d at %.1f m is said to be reached after %.4f s and is after %.4f (%v)", piece, metres, got, want, reachable)
				case inner && reachable && want < limit-close && math.Abs(got-want) > close:
					t.Fatalf("piece %d at %.1f m is reached after %.4f s, said is %.4f", piece, metres, want, got)
				case inner && !math.IsInf(got, 1) && want > limit+close:
					t.Fatalf("piece %d at %.1f m is beyond the time", piece, metres)
				}
			}
		}
		last := time.Duration(0)
		for _, j := range r.Junctions {
			if want := d.at[dot{-1, j.node, false}]; math.Abs(j.After.Seconds()-want) > close || j.After < last {
				t.Fatalf("junction %d after %s, is after %.4f", j.node, j.After, want)
			}
			last = j.After
		}
		checkOutline(t, r)
	})
}

// checkOutline: all that is reached lies within, nothing of the border is far from
// it, and the same question has the same answer.
func checkOutline(t interface{ Fatalf(string, ...any) }, r *Reach) {
	areas := r.Outline()
	var all []Point
	for _, s := range r.Pieces {
		for i, p := range s.Line {
			if i > 0 {
				q := s.Line[i-1]
				all = append(all, Point{(p.Lat + q.Lat) / 2, (p.Lon + q.Lon) / 2})
			}
			all = append(all, p)
		}
	}
	for _, p := range all {
		if !slices.ContainsFunc(areas, func(a Polygon) bool { return a.Contains(p) }) {
			t.Fatalf("%v is reached and outside", p)
		}
	}
	for _, a := range areas {
		for _, p := range a.Border() {
			least := math.Inf(1)
			for _, s := range r.Pieces {
				for i := 1; i < len(s.Line); i++ {
					least = math.Min(least, Distance(p, nearestOn(p, s.Line[i-1], s.Line[i])))
				}
			}
			if least > 3*outlineMetres || least < outlineMetres/3 {
				t.Fatalf("the border is %.0f m from what is reached", least)
			}
		}
	}
	if again := r.Outline(); fmt.Sprint(again) != fmt.Sprint(areas) {
		t.Fatalf("drawn again it is another outline")
	}
}

// Everything in reach of a spot is found, the nearest road too, whatever the cells.
func TestSnapAgainstEveryRoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGraph(streets().Draw(t, "streets"))
		p := at(rapid.Float64Range(-400, 900).Draw(t, "east"), rapid.Float64Range(-400, 900).Draw(t, "north"))
		least := math.Inf(1)
		for piece := range g.road {
			for i := g.first[piece] + 1; i < g.first[piece+1]; i++ {
				least = math.Min(least, Distance(p, nearestOn(p, g.shape[i-1], g.shape[i])))
			}
		}
		s, ok := g.Snap(p, -1)
		if ok != (least <= furthestOff) || ok && math.Abs(s.Off-least) > 1e-6 {
			t.Fatalf("%v and %.3f m, is %.3f m", ok, s.Off, least)
		}
		if ok && Distance(g.point(s.piece, s.along), s.At) > 0.01 {
			t.Fatalf("%v lies %.3f m along, which is %v", s.At, s.along, g.point(s.piece, s.along))
		}
	})
}

func TestSpeeds(t *testing.T) {
	s := Speeds{
		Free:  map[RoadClass]float64{Motorway: 90, Primary: 50, Secondary: 40, Residential: 25},
		Peaks: []Peak{{From: "07:00", Until: "09:00", Workdays: true, Share: map[RoadClass]float64{Primary: 0.5}}, {From: "00:00", Until: "24:00", Share: map[RoadClass]float64{Residential: 0.8}}},
	}
	if f := s.Check(); len(f) > 0 {
		t.Fatal(f)
	}
	for _, c := range []struct {
		minute  int
		workday bool
		want    Pace
	}{
		{7 * 60, true, Pace{90, 25, 40, 25}}, {9*60 - 1, true, Pace{90, 25, 40, 25}}, {9 * 60, true, Pace{90, 50, 40, 20}}, {7 * 60, false, Pace{90, 50, 40, 20}},
	} {
		if got := s.At(c.minute, c.workday); got != c.want {
			t.Errorf("%d: %v", c.minute, got)
		}
	}
	if got := (&Speeds{}).At(0, true); got != usualSpeeds {
		t.Errorf("%v", got)
	}
	bad := Speeds{
		Free:  map[RoadClass]float64{Primary: 151, Secondary: math.NaN(), "path": 5, Residential: 20},
		Peaks: []Peak{{From: "9:00", Until: "10:00"}, {From: "10:00", Until: "10:00"}, {From: "10:00", Until: "11:00", Share: map[RoadClass]float64{Primary: 2, "path": 1}}},
	}
	var got []string
	for _, f := range bad.Check() {
		got = append(got, f.Name)
	}
	if want := "[free free.path free.primary free.secondary peaks.0.from peaks.1.from peaks.2.share.path peaks.2.share.primary]"; fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}

func TestRoadsAreWrittenAsTheyAreRead(t *testing.T) {
	b, err := os.ReadFile("../cities/jianghai/roads.geojson")
	if err != nil {
		t.Fatal(err)
	}
	r, faults := ReadRoads(b, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r.Roads[0].Oneway, r.Roads[1].Limit = true, 40
	b, err = r.Write()
	if err != nil {
		t.Fatal(err)
	}
	again, faults := ReadRoads(b, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if fmt.Sprint(again) != fmt.Sprint(r) {
		t.Error("another map came back")
	}
	if NewGraph(nil) != nil || NewGraph(&Roads{}) != nil {
		t.Error("a graph without roads")
	}
}

// town is a network of crossing streets, about as many as a large district has.
func town(n int) *Roads {
	var list []drawn
	for i := range n {
		var a, b []Point
		for j := range n {
			a = append(a, at(float64(j)*120, float64(i)*120))
			b = append(b, at(float64(i)*120, float64(j)*120))
		}
		class := Residential
		if i%8 == 0 {
			class = Primary
		}
		list = append(list, drawn{class: class, line: a}, drawn{class: class, line: b, oneway: i%3 == 1})
	}
	return roadsOf(list...)
}

// Ten minutes of a truck in Jianghai and in a district of 40,000 junctions; beside
// each one look at every edge, which is the least that any answer about all of them
// could take.
func BenchmarkReach(b *testing.B) {
	raw, err := os.ReadFile("../cities/jianghai/roads.geojson")
	if err != nil {
		b.Fatal(err)
	}
	jianghai, faults := ReadRoads(raw, nil)
	if len(faults) > 0 {
		b.Fatal(faults)
	}
	for name, roads := range map[string]*Roads{"jianghai": jianghai, "district": town(200)} {
		g := NewGraph(roads)
		middle := Point{(g.nodes[0].Lat + g.nodes[len(g.nodes)-1].Lat) / 2, (g.nodes[0].Lon + g.nodes[len(g.nodes)-1].Lon) / 2}
		spot, ok := g.Snap(middle, 90)
		if !ok {
			spot, ok = g.Snap(g.nodes[len(g.nodes)/2], 90)
		}
		if !ok {
			b.Fatal("no road")
		}
		nodes, edges := g.Size()
		b.Run(name+"/reach", func(b *testing.B) {
			b.ReportAllocs()
			var r *Reach
			for b.Loop() {
				r = g.Reach(spot, usualSpeeds, 10*time.Minute)
			}
			b.ReportMetric(float64(nodes), "nodes")
			b.ReportMetric(float64(edges), "edges")
			b.ReportMetric(float64(len(r.Pieces)), "pieces")
		})
		b.Run(name+"/outline", func(b *testing.B) {
			r := g.Reach(spot, usualSpeeds, 10*time.Minute)
			for b.Loop() {
				r.Outline()
			}
		})
		b.Run(name+"/scan", func(b *testing.B) {
			slow := g.slowness(usualSpeeds)
			sum := 0.0
			for b.Loop() {
				for _, arc := range g.out {
					sum += g.length(arc>>1) * slow[g.kind[arc>>1]]
				}
			}
			b.ReportMetric(sum/float64(b.N), "s")
		})
		b.Run(name+"/snap", func(b *testing.B) {
			for b.Loop() {
				g.Snap(spot.At, 45)
			}
		})
	}
}
