package web

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/geo"
)

// MapPath is where a map is drawn anew around another place; mount Site.Map there.
const MapPath = "/map"

// PinKind is what a pin marks; each has a shape of its own beside its colour.
type PinKind string

const (
	PinPlace   PinKind = "place"   // the place that the page is about: seal red, round
	PinOfficer PinKind = "officer" // somebody on duty: river, square
	PinOther   PinKind = "other"   // another matter: ink, a diamond
	PinDone    PinKind = "done"    // a matter that is mended: jade, with a tick
)

// Pin is something on a map. Label is a word or a number that stands beside it,
// in the map and in the list; Text says in the list what it is; Href, if any,
// leads there from both.
type Pin struct {
	At    geo.Point
	Kind  PinKind
	Label string
	Text  city.Text
	Href  string
}

// MapView is a map in a page: @Map(MapView{…}). It is an image made by the server
// and needs no script. Its size is bounded, however large the city.
//
// With Pick, the map is a question of a form: two hidden fields, Name+".lat" and
// Name+".lon", hold the place in WGS-84 degrees, empty until one was chosen (read
// them with ReadPoint). A tap chooses; by keyboard the arrows move the pin and
// Enter takes it; a button asks the browser where the reader is. The field
// Name+".lat" fires a bubbling "change" event when a place was chosen. All that
// needs the script; a page that picks a place asks for the address, too.
type MapView struct {
	Name  string    // of the map within its page: letters, digits, hyphens
	Title city.Text // what the map shows, for those who don't see it
	// Centre and Radius say what is shown: so many metres from the middle to the
	// upper edge, and 1.8 times as many to the sides. Without a centre it is the
	// box around the pins, lines and areas, and without any the whole city.
	Centre geo.Point
	Radius float64
	Pins   []Pin         // at most 200 are shown
	Lines  [][]geo.Point // ways that were taken
	Areas  []MapArea     // shaded; then roads have no names
	Pick   bool
	Picked geo.Point // what was chosen before
	NoList bool      // the page itself says in words what the pins say
}

// MapArea is a shaded area of a map. A pointer follows Href; whoever uses a keyboard
// finds the same in the page, which must say in words what areas say.
type MapArea struct {
	Ring    []geo.Point
	Tint    string // class of its colour
	Pattern string // "cross", "slant", "lines", "dots" or "" tells it from the others without colours
	Title   string
	Label   string // stands on At
	At      geo.Point
	Href    string
}

// Bounds of a map: metres from the middle to the upper edge, things in it.
const (
	leastRadius, mostRadius = 80, 60_000
	mostPins                = 200
	mostAreas               = 2000
	mostMapPoints           = 6000
	mostMapLabels           = 12
)

// The map's own units; it is 9 wide to 5 high.
const mapWide, mapHigh = 900.0, 500.0

// mapped is a map laid out: everything in units of the map.
type mapped struct {
	MapView
	box      geo.Box
	unit     float64 // metres
	roads    []mappedRoads
	waters   []string
	tracks   []string
	areas    []mappedArea
	labels   []mapLabel
	barUnits float64 // length of the scale bar
	bar      city.Message
	detail   string // near, mid, far: how thick roads are
}

type mappedArea struct {
	MapArea
	corners string // as a polygon's points
}

type mappedRoads struct {
	class geo.RoadClass
	lines []mappedRoad
}

type mappedRoad struct {
	name   string
	path   string
	bridge bool
}

type mapLabel struct {
	x, y  float64
	words string
	water bool
}

// ReadPoint reads what a map picked: the fields NAME.lat and NAME.lon of a form.
// Nothing chosen is the zero point and no fault; anything else that is no place
// is refused.
func ReadPoint(value func(string) string, name string) (geo.Point, error) {
	lat, lon := strings.TrimSpace(value(name+".lat")), strings.TrimSpace(value(name+".lon"))
	if lat == "" && lon == "" {
		return geo.Point{}, nil
	}
	var p geo.Point
	var errLat, errLon error
	p.Lat, errLat = strconv.ParseFloat(lat, 64)
	p.Lon, errLon = strconv.ParseFloat(lon, 64)
	if len(lat) > 32 || len(lon) > 32 || errLat != nil || errLon != nil || !p.Valid() {
		return geo.Point{}, city.InvalidFields([]city.Field{{Name: name, Message: city.Message{Key: "web.map.no_place"}}})
	}
	return p, nil
}

// NearRoad says which road a place lies at, "滨江路旁"; "" where none is within
// 150 m or the city has no map.
func NearRoad(ctx context.Context, p geo.Point) string {
	road, _, _ := ViewOf(ctx).site.o.Roads.Near(p, 150)
	if road == nil {
		return ""
	}
	return T(ctx, "web.map.near", "road", In(ctx, road.Name))
}

// HasMap reports whether the city has a map to draw on.
func HasMap(ctx context.Context) bool { return ViewOf(ctx).site.o.Roads != nil }

// Map draws the map of another place: ?lat=&lon=&r= and, for the names in it, the
// reader's language. What lies outside the bounds is moved into them.
func (s *Site) Map() http.Handler {
	return Page(func(w http.ResponseWriter, r *http.Request) error {
		q := r.URL.Query()
		p, err := ReadPoint(func(k string) string { return q.Get(strings.TrimPrefix(k, "q.")) }, "q")
		if err != nil {
			return err
		}
		radius, err := strconv.ParseFloat(q.Get("r"), 64)
		if s.o.Roads == nil || p.IsZero() || err != nil || math.IsNaN(radius) || len(q.Get("name")) > 40 {
			return city.NotFound("error.not_found")
		}
		m := lay(r.Context(), MapView{Name: q.Get("name"), Centre: p, Radius: radius, Pick: true})
		return Render(w, r, http.StatusOK, drawing(m))
	})
}

// lay chooses what of the city is drawn, and where.
func lay(ctx context.Context, v MapView) mapped {
	roads := ViewOf(ctx).site.o.Roads
	if len(v.Pins) > mostPins {
		v.Pins = v.Pins[:mostPins]
	}
	if len(v.Areas) > mostAreas {
		v.Areas = v.Areas[:mostAreas]
	}
	m := mapped{MapView: v}
	m.frame(roads)
	if roads == nil {
		return m
	}
	smallest := geo.Residential
	m.detail = "near"
	switch {
	case m.unit > 40:
		smallest, m.detail = geo.Primary, "far"
	case m.unit > 12:
		smallest, m.detail = geo.Secondary, "far"
	case m.unit > 3:
		smallest, m.detail = geo.Secondary, "mid"
	}
	lines, waters := roads.In(m.box, smallest)
	for points := 0; ; points = 0 {
		for _, r := range lines {
			points += len(r.Line)
		}
		if points <= mostMapPoints || smallest == geo.Motorway {
			break
		}
		smallest = map[geo.RoadClass]geo.RoadClass{geo.Residential: geo.Secondary, geo.Secondary: geo.Primary, geo.Primary: geo.Motorway}[smallest]
		lines, _ = roads.In(m.box, smallest)
	}
	for _, class := range []geo.RoadClass{geo.Residential, geo.Secondary, geo.Primary, geo.Motorway} {
		g := mappedRoads{class: class}
		for _, r := range lines {
			if r.Class != class {
				continue
			}
			if path := m.line(r.Line); path != "" {
				g.lines = append(g.lines, mappedRoad{In(ctx, r.Name), path, r.Bridge})
			}
		}
		if len(g.lines) > 0 {
			m.roads = append(m.roads, g)
		}
	}
	for _, w := range waters {
		if path := m.area(w.Area.Border()); path != "" {
			m.waters = append(m.waters, path)
		}
	}
	for _, l := range m.Lines {
		if len(l) > 1 {
			m.tracks = append(m.tracks, m.line(l))
		}
	}
	for _, a := range m.Areas {
		if d := m.area(a.Ring); d != "" {
			m.areas = append(m.areas, mappedArea{a, strings.NewReplacer("M", "", "L", " ", "Z", "").Replace(d)})
		}
	}
	if len(m.areas) == 0 {
		m.name(ctx, lines, waters)
	}
	m.scale()
	return m
}

// frame chooses the box.
func (m *mapped) frame(roads *geo.Roads) {
	at, radius := m.Centre, m.Radius
	around := func(b geo.Box) {
		at = geo.Point{Lat: (b.South + b.North) / 2, Lon: (b.West + b.East) / 2}
		high := geo.Distance(geo.Point{Lat: b.South, Lon: at.Lon}, geo.Point{Lat: b.North, Lon: at.Lon})
		wide := geo.Distance(geo.Point{Lat: at.Lat, Lon: b.West}, geo.Point{Lat: at.Lat, Lon: b.East})
		radius = math.Max(high, wide*mapHigh/mapWide)/2*1.15 + 120
	}
	switch {
	case !at.IsZero() && at.Valid():
	case len(m.Pins)+len(m.Lines)+len(m.Areas) > 0:
		points := slices.Concat(m.Lines...)
		for _, a := range m.Areas {
			points = append(points, a.Ring...)
		}
		for _, p := range m.Pins {
			if p.At.Valid() {
				points = append(points, p.At)
			}
		}
		if len(points) > 0 {
			around(geo.BoxOf(points))
		}
	case roads != nil:
		around(roads.Box)
	}
	radius = math.Min(mostRadius, math.Max(leastRadius, radius))
	at.Lat = math.Min(80, math.Max(-80, at.Lat))
	m.unit = 2 * radius / mapHigh
	b := geo.Around(at, radius)
	side := (b.North - b.South) / 2 / math.Cos(at.Lat*math.Pi/180) * mapWide / mapHigh
	m.box = geo.Box{South: b.South, North: b.North, West: at.Lon - side, East: at.Lon + side}
}

// at places a point, in units from the upper left corner.
func (m *mapped) at(p geo.Point) (x, y float64) {
	return (p.Lon - m.box.West) / (m.box.East - m.box.West) * mapWide, (m.box.North - p.Lat) / (m.box.North - m.box.South) * mapHigh
}

// line writes the pieces of a line that pass the map, leaving out what can't be
// told apart.
func (m *mapped) line(points []geo.Point) string {
	const beyond = 30.0
	var b strings.Builder
	var lx, ly float64 // where the pen is
	drawn := false
	px, py := m.at(points[0])
	for i, p := range points[1:] {
		x, y := m.at(p)
		out := math.Max(px, x) < -beyond || math.Min(px, x) > mapWide+beyond || math.Max(py, y) < -beyond || math.Min(py, y) > mapHigh+beyond
		switch {
		case out:
			drawn = false
		case !drawn:
			ax, ay, bx, by := clip(px, py, x, y)
			fmt.Fprintf(&b, "M%s %sL%s %s", short(ax), short(ay), short(bx), short(by))
			lx, ly, drawn = bx, by, bx == x && by == y
		case math.Hypot(x-lx, y-ly) >= 1.5 || i == len(points)-2:
			_, _, bx, by := clip(px, py, x, y)
			fmt.Fprintf(&b, "L%s %s", short(bx), short(by))
			lx, ly, drawn = bx, by, bx == x && by == y
		}
		px, py = x, y
	}
	return b.String()
}

// clip shortens a piece whose ends lie far outside, so that numbers stay small.
func clip(ax, ay, bx, by float64) (_, _, _, _ float64) {
	cut := func(x, y, tx, ty float64) (float64, float64) {
		const far = 400.0
		t := 0.0
		if d := tx - x; d != 0 && (x < -far || x > mapWide+far) {
			t = math.Max(t, (math.Min(math.Max(x, -far), mapWide+far)-x)/d)
		}
		if d := ty - y; d != 0 && (y < -far || y > mapHigh+far) {
			t = math.Max(t, (math.Min(math.Max(y, -far), mapHigh+far)-y)/d)
		}
		t = math.Min(1, t)
		return x + t*(tx-x), y + t*(ty-y)
	}
	cx, cy := cut(ax, ay, bx, by)
	dx, dy := cut(bx, by, ax, ay)
	return cx, cy, dx, dy
}

// area writes the part of a ring within the map and a margin around it.
func (m *mapped) area(ring []geo.Point) string {
	const beyond = 60.0
	type at struct{ x, y float64 }
	poly := make([]at, 0, len(ring))
	for _, p := range ring {
		x, y := m.at(p)
		poly = append(poly, at{x, y})
	}
	// one edge of the frame after the other cuts off what lies outside
	for _, side := range []func(at) float64{
		func(p at) float64 { return p.x + beyond },
		func(p at) float64 { return mapWide + beyond - p.x },
		func(p at) float64 { return p.y + beyond },
		func(p at) float64 { return mapHigh + beyond - p.y },
	} {
		var kept []at
		for i, p := range poly {
			last := poly[(i+len(poly)-1)%len(poly)]
			if (side(p) >= 0) != (side(last) >= 0) {
				t := side(last) / (side(last) - side(p))
				kept = append(kept, at{last.x + t*(p.x-last.x), last.y + t*(p.y-last.y)})
			}
			if side(p) >= 0 {
				kept = append(kept, p)
			}
		}
		poly = kept
	}
	if len(poly) < 3 {
		return ""
	}
	var b strings.Builder
	for i, p := range poly {
		fmt.Fprintf(&b, "%c%s %s", "ML"[min(i, 1)], short(p.x), short(p.y))
	}
	return b.String() + "Z"
}

// name places the names of roads and waters, the largest first, where they cover
// no other. A label must be readable on a telephone, where the map is 350 px wide.
func (m *mapped) name(ctx context.Context, roads []*geo.Road, waters []*geo.Water) {
	const em = 13 * mapWide / 350
	type taken struct{ x0, y0, x1, y1 float64 }
	var all []taken
	for _, p := range m.Pins {
		x, y := m.at(p.At)
		all = append(all, taken{x - em, y - em, x + em*(1+wordsWide(p.Label)), y + em})
	}
	if !m.Picked.IsZero() {
		x, y := m.at(m.Picked)
		all = append(all, taken{x - em, y - em, x + em, y + em})
	}
	all = append(all, taken{mapWide - 2*em, 0, mapWide, 2.5 * em}, taken{0, mapHigh - 2.5*em, mapWide * 0.4, mapHigh}) // north, scale
	put := func(x, y float64, words string, water bool) bool {
		w := em * wordsWide(words) / 2
		t := taken{x - w - 4, y - em*0.8, x + w + 4, y + em*0.8}
		if words == "" || t.x0 < 6 || t.y0 < 4 || t.x1 > mapWide-6 || t.y1 > mapHigh-4 {
			return false
		}
		for _, o := range all {
			if t.x0 < o.x1 && o.x0 < t.x1 && t.y0 < o.y1 && o.y0 < t.y1 {
				return false
			}
		}
		all = append(all, t)
		m.labels = append(m.labels, mapLabel{x, y, words, water})
		return true
	}
	said := map[string]bool{}
	for rank := 0; rank <= geo.Residential.Rank(); rank++ {
		for _, r := range roads {
			words := In(ctx, r.Name)
			if r.Class.Rank() != rank || said[words] || len(m.labels) >= mostMapLabels {
				continue
			}
			// from the middle of the line outwards, the first place that is free
			for i := range r.Line {
				k := len(r.Line)/2 + (i+1)/2*(1-2*(i%2))
				if k < 0 || k >= len(r.Line) {
					continue
				}
				if x, y := m.at(r.Line[k]); put(x, y, words, false) {
					said[words] = true
					break
				}
			}
		}
		if rank == 0 {
			for _, w := range waters {
				m.nameWater(w, In(ctx, w.Name), put)
			}
		}
	}
}

// nameWater writes a water's name in the middle of what is seen of it.
func (m *mapped) nameWater(w *geo.Water, words string, put func(x, y float64, words string, water bool) bool) {
	const across, down = 9, 7
	for i := range across * down {
		fx, fy := float64((i*5)%across+1)/(across+1), float64((i*3)%down+1)/(down+1)
		p := geo.Point{Lat: m.box.North - fy*(m.box.North-m.box.South), Lon: m.box.West + fx*(m.box.East-m.box.West)}
		if w.Area.Contains(p) && put(fx*mapWide, fy*mapHigh, words, true) {
			return
		}
	}
}

// wordsWide is about how wide the words are, in widths of a Chinese character.
func wordsWide(s string) float64 {
	n := 0.0
	for _, r := range s {
		if r < 0x2e80 {
			n += 0.55
		} else {
			n++
		}
	}
	return n
}

// scale chooses a round length for the bar, at most a third of the width.
func (m *mapped) scale() {
	most := mapWide / 3 * m.unit
	length := 10.0
	for _, l := range []float64{20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000} {
		if l <= most {
			length = l
		}
	}
	m.barUnits = length / m.unit
	m.bar = city.Message{Key: "web.map.metres", Args: []any{"n", int(length)}}
	if length >= 1000 {
		m.bar = city.Message{Key: "web.map.km", Args: []any{"n", int(length / 1000)}}
	}
}

func short(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

func (m *mapped) px(p geo.Point) string { x, _ := m.at(p); return percent(x / mapWide * 100) }
func (m *mapped) py(p geo.Point) string { _, y := m.at(p); return percent(y / mapHigh * 100) }

// pick are the attributes that the script reads of a map that picks a place.
func (m *mapped) pick() templ.Attributes {
	deg := func(f float64) string { return strconv.FormatFloat(f, 'f', 7, 64) }
	return templ.Attributes{"data-south": deg(m.box.South), "data-west": deg(m.box.West), "data-north": deg(m.box.North), "data-east": deg(m.box.East),
		"data-r": short(m.unit * mapHigh / 2)}
}

func degrees(p geo.Point, lon bool) string {
	if p.IsZero() {
		return ""
	}
	if lon {
		return strconv.FormatFloat(p.Lon, 'f', 6, 64)
	}
	return strconv.FormatFloat(p.Lat, 'f', 6, 64)
}

// placeWords says a place: the road it lies at, or that it is a point.
func placeWords(ctx context.Context, p geo.Point) string {
	if s := NearRoad(ctx, p); s != "" {
		return s
	}
	return T(ctx, "web.map.point")
}

// mapAttrs are the words that the script says, with {place} and {road} to fill in.
func mapAttrs(ctx context.Context, v MapView) templ.Attributes {
	if !v.Pick {
		return nil
	}
	return templ.Attributes{"data-map": v.Name, "data-map-path": MapPath, "data-near": T(ctx, "web.map.near", "road", "{road}"),
		"data-point": T(ctx, "web.map.point"), "data-chosen": T(ctx, "web.map.chosen", "place", "{place}"),
		"data-moving": T(ctx, "web.map.moving", "place", "{place}"), "data-asking": T(ctx, "web.map.asking"), "data-lost": T(ctx, "web.map.lost")}
}

var mapScript = templ.NewOnceHandle()
