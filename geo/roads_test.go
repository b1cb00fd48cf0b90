package geo

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yiwang/city"
)

const roadHead = `{"type":"FeatureCollection","source":{"zh-Hans":"图","en":"Map"},"features":[` + "\n"

// lane is a feature as a line of a file.
func lane(id, class, coordinates string) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"id":%q,"class":%q,"name":{"zh-Hans":"路","en":"Road"}},"geometry":{"type":"LineString","coordinates":%s}}`, id, class, coordinates)
}

func water(id, rings string) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"id":%q,"class":"water"},"geometry":{"type":"Polygon","coordinates":%s}}`, id, rings)
}

func TestRoadsOfJianghai(t *testing.T) {
	b, err := os.ReadFile("../cities/jianghai/roads.geojson")
	if err != nil {
		t.Fatal(err)
	}
	r, faults := ReadRoads(b, []Point{{31.93, 121.06}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	names := map[string]int{}
	for _, road := range r.Roads {
		names[road.Name.En]++
	}
	for _, want := range []string{"Binjiang Road", "Renmin Bridge", "Xinghua Lane", "Xueshi Road"} {
		if names[want] == 0 {
			t.Errorf("no %s", want)
		}
	}
	// whoever walks can reach every road but the expressway from every other
	nodes := map[Point][]int{}
	for i, road := range r.Roads {
		for _, p := range road.Line {
			nodes[p] = append(nodes[p], i)
		}
	}
	reached := map[int]bool{}
	next := []int{1}
	for len(next) > 0 {
		i := next[len(next)-1]
		next = next[:len(next)-1]
		if reached[i] {
			continue
		}
		reached[i] = true
		for _, p := range r.Roads[i].Line {
			next = append(next, nodes[p]...)
		}
	}
	for i, road := range r.Roads {
		if !reached[i] && road.Class != Motorway {
			t.Errorf("%s %s is cut off", road.ID, road.Name.En)
		}
	}
	for _, w := range r.Waters {
		for _, road := range r.Roads {
			for _, p := range road.Line {
				if w.Area.Contains(p) && !road.Bridge && road.Class != Motorway {
					t.Fatalf("%s lies in %s", road.ID, w.Name.En)
				}
			}
		}
	}
}

func TestRoadFaultsSayTheirLine(t *testing.T) {
	good := lane("a", "primary", "[[121,32],[121.01,32]]")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"class":         {roadHead + good + ",\n" + lane("b", "path", "[[121,32],[121.01,32]]") + "]}", "3: There is no class “path”"},
		"twice":         {roadHead + good + ",\n\n" + good + "]}", "4: The id “a” stands twice"},
		"no id":         {roadHead + lane("", "primary", "[[121,32],[121.01,32]]") + "]}", "2: The id is missing"},
		"swapped":       {roadHead + lane("b", "primary", "[[32,121],[32,121.01]]") + "]}", "2: “b” has a point that is nowhere on earth"},
		"far":           {roadHead + lane("b", "primary", "[[12,32],[12.01,32]]") + "]}", "2: “b” lies more than 60 km"},
		"leap":          {roadHead + lane("b", "primary", "[[121,32],[122,32]]") + "]}", "2: “b” has neighbouring points"},
		"one point":     {roadHead + lane("b", "primary", "[[121,32]]") + "]}", "2: “b” has fewer than 2 points"},
		"words":         {roadHead + lane("b", "primary", `[["121","32"]]`) + "]}", "2: “b” has to be a LineString"},
		"huge":          {roadHead + lane("b", "primary", `[[1e999,32],[121,32]]`) + "]}", "2: “b” has to be a LineString"},
		"four numbers":  {roadHead + lane("b", "primary", `[[121,32,0,0],[121,32]]`) + "]}", "2: “b” has a point that is not longitude"},
		"open water":    {roadHead + good + ",\n" + water("w", "[[[121,32],[121.1,32],[121.1,32.1],[121,32.1]]]") + "]}", "3: “w” is not closed"},
		"flat water":    {roadHead + good + ",\n" + water("w", "[[[121,32],[121.1,32],[121,32]]]") + "]}", "3: “w” has fewer than 4 points"},
		"road as water": {roadHead + good + ",\n" + lane("w", "water", "[[121,32],[121.01,32]]") + "]}", "3: “w” has to be a Polygon"},
		"one language":  {roadHead + strings.Replace(good, `"zh-Hans":"路",`, "", 1) + "]}", "2: “a” has a name in one language only"},
		"limit":         {roadHead + strings.Replace(good, `"class"`, `"maxspeed":151,"class"`, 1) + "]}", "2: “a” has a maxspeed"},
		"no geometry":   {roadHead + `{"type":"Feature","properties":{"id":"x"}}]}`, "2: A Feature with"},
		"shape":         {roadHead + `{"type":"Feature","properties":{"id":7}}]}`, "2: “properties.id” can't be a number"},
		"cut off":       {roadHead + good + ",\n{", "3: This is no JSON"},
		"comma":         {roadHead + good + "\n" + good + "]}", "3: This is no JSON"},
		"crs":           {`{"crs":{},` + roadHead[1:] + good + "]}", "1: There can be no crs"},
		"no source":     {`{"type":"FeatureCollection","features":[` + good + "]}", "1: The source of the map"},
		"no roads":      {roadHead + "]}", "1: There is no road"},
		"trailing":      {roadHead + good + "]}\n{}", "3: Something follows"},
		"a list":        {"[]", "1: The file has to be"},
		"nothing":       {"", "1: This is no JSON"},
		"latin":         {"\xff", "1: The file holds text that is no UTF-8"},
		"deep":          {roadHead + lane("b", "primary", strings.Repeat("[", 20000)+strings.Repeat("]", 20000)) + "]}", "2: This is no JSON"},
		"too large":     {strings.Repeat(" ", MostRoadBytes+1), "1: The file is larger than 64 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			r, faults := ReadRoads([]byte(c.text), []Point{{32, 121}})
			if r != nil || len(faults) == 0 {
				t.Fatal("taken")
			}
			if got := fmt.Sprintf("%d: %s", faults[0].Line, faults[0].Message.In(city.English)); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	var many strings.Builder
	many.WriteString(roadHead)
	for range 5000 {
		many.WriteString(lane("", "primary", "[]") + ",\n")
	}
	if _, faults := ReadRoads([]byte(many.String()+good+"]}"), nil); len(faults) != mostRoadFaults {
		t.Errorf("%d faults", len(faults))
	}
}

// Whatever the file holds, it is read or refused, and never half.
func FuzzReadRoads(f *testing.F) {
	f.Add([]byte(roadHead + lane("a", "primary", "[[121,32],[121.01,32]]") + "]}"))
	f.Add([]byte(roadHead + water("w", "[[[121,32],[121.1,32],[121.1,32.1],[121,32]]]") + "]}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, faults := ReadRoads(b, nil)
		if (r == nil) != (len(faults) > 0) {
			t.Fatalf("roads and %d faults", len(faults))
		}
		for _, x := range faults {
			if x.Line < 1 || x.Line > strings.Count(string(b), "\n")+1 {
				t.Errorf("line %d", x.Line)
			}
		}
		if r != nil {
			r.In(r.Box, Residential)
			r.Near(r.Roads[0].Line[0], 100)
		}
	})
}

func TestRoadsInABox(t *testing.T) {
	r, faults := ReadRoads([]byte(roadHead+lane("a", "primary", "[[121,32],[121.01,32]]")+",\n"+lane("b", "residential", "[[121,32.001],[121.01,32.001]]")+
		",\n"+water("w", "[[[121,32.1],[121.1,32.1],[121.1,32.2],[121,32.1]]]")+"]}"), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, c := range []struct {
		box           Box
		smallest      RoadClass
		roads, waters int
	}{
		{Around(Point{32, 121.005}, 500), Residential, 2, 0},
		{Around(Point{32, 121.005}, 500), Secondary, 1, 0},
		{Around(Point{32.15, 121.05}, 500), Residential, 0, 1},
		{Around(Point{-32, 121.05}, 500), Residential, 0, 0},
	} {
		if roads, waters := r.In(c.box, c.smallest); len(roads) != c.roads || len(waters) != c.waters {
			t.Errorf("%v: %d roads, %d waters", c.box, len(roads), len(waters))
		}
	}
	if roads, _ := (*Roads)(nil).In(r.Box, Residential); roads != nil {
		t.Error("no map has roads")
	}
}

// The nearest road is the one that looking at every metre finds.
func TestNearestRoadAgainstLookingAtAll(t *testing.T) {
	r, faults := ReadRoads([]byte(roadHead+lane("a", "primary", "[[121,32],[121.01,32],[121.012,32.006]]")+",\n"+
		lane("b", "residential", "[[121.003,32.004],[121.003,31.996]]")+"]}"), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(31.99, 32.01).Draw(t, "lat"), rapid.Float64Range(120.995, 121.02).Draw(t, "lon")}
		least := math.Inf(1)
		for _, road := range r.Roads {
			for i := 1; i < len(road.Line); i++ {
				a, b := road.Line[i-1], road.Line[i]
				for k := range 1001 {
					f := float64(k) / 1000
					least = math.Min(least, Distance(p, Point{a.Lat + f*(b.Lat-a.Lat), a.Lon + f*(b.Lon-a.Lon)}))
				}
			}
		}
		within := rapid.Float64Range(1, 2000).Draw(t, "within")
		road, at, d := r.Near(p, within)
		switch {
		case road == nil && least < within-1:
			t.Fatalf("none within %.1f m, one is %.1f m away", within, least)
		case road != nil && (math.Abs(d-least) > 1 || math.Abs(Distance(p, at)-d) > 0.01 || d > within):
			t.Fatalf("%.2f m away, want %.2f", d, least)
		}
	})
}
