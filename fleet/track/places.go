package track

import (
	"cmp"
	"math"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/geo"
)

// PlaceSettings say what makes repeated stays a place.
type PlaceSettings struct {
	Cell  float64        // metres: a place is made of squares of this size
	Stays int            // that many in a square and the eight around it make it part of a place
	Near  geo.Point      // where the city is; squares are square there
	Zone  *time.Location // whose days are counted; nil is UTC
}

// Places gathers the stays of many vehicles and days to places. The country is cut
// into squares; a square with a stay in it is part of a place when it and its eight
// neighbours hold enough. From each such square one climbs to the neighbour around
// which most is going on, and on, to a summit; the squares that lead to the same
// summit are one place. So a place stays as small as what goes on there, also in a
// street full of places. Places depend on which stays were put in and not taken
// out, not on the order. Not safe for concurrent use.
type Places struct {
	s        PlaceSettings
	lat, lon float64 // degrees of a square
	cells    map[Cell]*cell
}

// Cell is a square, by row from the equator and column from PlaceSettings.Near.
type Cell struct{ Row, Column int32 }

// cell is a square in which something stays.
type cell struct {
	stays, around int     // in it; in it and its eight neighbours
	lat, lon      int64   // sums in 1e-7 degrees of the differences to the square's corner: whole numbers, so that taking out leaves nothing behind
	vehicles      []tally // by name
	days          []tally // by number
}

type tally struct {
	vehicle string
	day     int32
	n       int
}

func tallies(a, b tally) int {
	if c := cmp.Compare(a.day, b.day); c != 0 {
		return c
	}
	return cmp.Compare(a.vehicle, b.vehicle)
}

// Place is where stays repeat.
type Place struct {
	Summit         Cell // moves as the place does: keep a stay of it, and Places.At finds the place again
	Stays          int
	Days, Vehicles int // different ones
	Centre         geo.Point
	Border         geo.Polygon // convex, around all its squares
}

// NewPlaces makes an empty collection.
func NewPlaces(s PlaceSettings) (*Places, error) {
	if !(s.Cell >= 1 && s.Cell <= 10_000) || s.Stays < 1 || !s.Near.Valid() || math.Abs(s.Near.Lat) > 80 {
		return nil, city.Invalid("track.setting.places")
	}
	lat := s.Cell / geo.Earth / rad
	return &Places{s: s, lat: lat, lon: lat / math.Cos(s.Near.Lat*rad), cells: map[Cell]*cell{}}, nil
}

func (p *Places) cell(g geo.Point) Cell {
	return Cell{int32(math.Floor(g.Lat / p.lat)), int32(math.Floor(turned(g.Lon-p.s.Near.Lon) / p.lon))}
}

// corner is the south-western corner of a square.
func (p *Places) corner(c Cell) geo.Point {
	return geo.Point{Lat: float64(c.Row) * p.lat, Lon: turned(p.s.Near.Lon + float64(c.Column)*p.lon)}
}

// Add puts a stay of the vehicle in. What is no stay is not put in.
func (p *Places) Add(e Event, vehicle string) { p.put(e, vehicle, 1) }

// Remove takes a stay out that was put in, for one that never was; see
// Watch.Correct.
func (p *Places) Remove(e Event, vehicle string) { p.put(e, vehicle, -1) }

func (p *Places) put(e Event, vehicle string, n int) {
	if e.Kind != Stay || !e.Place().Valid() {
		return
	}
	zone := p.s.Zone
	if zone == nil {
		zone = time.UTC
	}
	start := time.UnixMicro(e.Start).In(zone)
	who, day := tally{vehicle: vehicle, n: n}, tally{day: int32(start.Year()*366 + start.YearDay()), n: n}
	at := p.cell(e.Place())
	c := p.cells[at]
	if c == nil {
		if n < 0 {
			return
		}
		c = &cell{}
		p.cells[at] = c
		p.near(at, func(_ Cell, o *cell) { c.around += o.stays })
	}
	if n < 0 && (!has(c.vehicles, who) || !has(c.days, day)) {
		return
	}
	c.stays += n
	corner := p.corner(at)
	c.lat += int64(n) * int64(math.Round((e.Lat-corner.Lat)*1e7))
	c.lon += int64(n) * int64(math.Round(turned(e.Lon-corner.Lon)*1e7))
	c.vehicles, c.days = counted(c.vehicles, who), counted(c.days, day)
	p.near(at, func(_ Cell, o *cell) { o.around += n })
	if c.stays == 0 {
		delete(p.cells, at)
	}
}

func has(list []tally, t tally) bool {
	_, found := slices.BinarySearchFunc(list, t, tallies)
	return found
}

// counted adds the tally to the list, which is in order and has no zeros.
func counted(list []tally, t tally) []tally {
	i, found := slices.BinarySearchFunc(list, t, tallies)
	if !found {
		return slices.Insert(list, i, t)
	}
	if list[i].n += t.n; list[i].n == 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// near visits the square and its eight neighbours, those in which something stays.
func (p *Places) near(at Cell, visit func(Cell, *cell)) {
	for row := at.Row - 1; row <= at.Row+1; row++ {
		for column := at.Column - 1; column <= at.Column+1; column++ {
			n := Cell{row, column}
			if c := p.cells[n]; c != nil {
				visit(n, c)
			}
		}
	}
}

// summit climbs from a square that is part of a place to its summit.
func (p *Places) summit(at Cell) Cell {
	for {
		top, height := at, p.cells[at].around
		p.near(at, func(n Cell, c *cell) {
			if c.around > height || c.around == height && less(top, n) {
				top, height = n, c.around
			}
		})
		if top == at {
			return at
		}
		at = top
	}
}

func less(a, b Cell) bool { return a.Row < b.Row || a.Row == b.Row && a.Column < b.Column }

// At gives the place that the point lies in; false when it lies in none.
func (p *Places) At(g geo.Point) (Place, bool) {
	at := p.cell(g)
	if c := p.cells[at]; c == nil || c.around < p.s.Stays {
		return Place{}, false
	}
	return p.place(p.summit(at)), true
}

// All gives every place, from south to north.
func (p *Places) All() []Place {
	var summits []Cell
	for at, c := range p.cells {
		if c.around >= p.s.Stays && p.summit(at) == at {
			summits = append(summits, at)
		}
	}
	slices.SortFunc(summits, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	})
	places := make([]Place, len(summits))
	for i, s := range summits {
		places[i] = p.place(s)
	}
	return places
}

// place gathers the squares from which one climbs to the summit. Each square on the
// way up leads there too, so they hang together.
func (p *Places) place(summit Cell) Place {
	members := []Cell{summit}
	seen := map[Cell]bool{summit: true}
	for i := 0; i < len(members); i++ {
		p.near(members[i], func(n Cell, c *cell) {
			if !seen[n] && c.around >= p.s.Stays {
				seen[n] = true
				if p.summit(n) == summit {
					members = append(members, n)
				}
			}
		})
	}
	slices.SortFunc(members, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	})
	vehicles, days := map[string]bool{}, map[int32]bool{}
	out := Place{Summit: summit}
	base := p.corner(summit)
	var lat, lon float64 // metres don't matter here: degrees from the summit's corner
	corners := make([]Cell, 0, 4*len(members))
	for _, m := range members {
		c := p.cells[m]
		out.Stays += c.stays
		for _, t := range c.vehicles {
			vehicles[t.vehicle] = true
		}
		for _, t := range c.days {
			days[t.day] = true
		}
		k := float64(c.stays)
		lat += k*float64(m.Row-summit.Row)*p.lat + float64(c.lat)/1e7
		lon += k*float64(m.Column-summit.Column)*p.lon + float64(c.lon)/1e7
		corners = append(corners, m, Cell{m.Row + 1, m.Column}, Cell{m.Row, m.Column + 1}, Cell{m.Row + 1, m.Column + 1})
	}
	out.Days, out.Vehicles = len(days), len(vehicles)
	out.Centre = geo.Point{Lat: base.Lat + lat/float64(out.Stays), Lon: turned(base.Lon + lon/float64(out.Stays))}
	var ring []geo.Point
	for _, c := range hull(corners) {
		ring = append(ring, p.corner(c))
	}
	out.Border = geo.NewPolygon(ring)
	return out
}

// hull is the convex ring around grid points, against the clock from the least
// (Andrew's monotone chain; whole numbers, so nothing is rounded).
func hull(points []Cell) []Cell {
	slices.SortFunc(points, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Row, b.Row))
	})
	points = slices.Compact(points)
	var ring []Cell
	chain := func(from int, next Cell) {
		for len(ring) >= from+2 && !left(ring[len(ring)-2], ring[len(ring)-1], next) {
			ring = ring[:len(ring)-1]
		}
		ring = append(ring, next)
	}
	for _, p := range points {
		chain(0, p)
	}
	from := len(ring) - 1
	for _, p := range slices.Backward(points[:len(points)-1]) {
		chain(from, p)
	}
	return ring[:len(ring)-1]
}

// left reports whether c lies to the left of the line from a to b.
func left(a, b, c Cell) bool {
	return int64(b.Column-a.Column)*int64(c.Row-a.Row)-int64(b.Row-a.Row)*int64(c.Column-a.Column) > 0
}
