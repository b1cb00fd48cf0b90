package geo

import (
	"math"

	"yiwang/city"
)

// RoadClass is how large a road is.
type RoadClass string

// The classes, the largest first.
const (
	Motorway    RoadClass = "motorway"
	Primary     RoadClass = "primary"
	Secondary   RoadClass = "secondary"
	Residential RoadClass = "residential"
)

// Rank is 0 for the largest class and -1 for none of them.
func (c RoadClass) Rank() int {
	switch c {
	case Motorway:
		return 0
	case Primary:
		return 1
	case Secondary:
		return 2
	case Residential:
		return 3
	}
	return -1
}

// Road is one road from end to end. Roads that meet have a point in common; one
// that only crosses another above or below has none.
type Road struct {
	ID     string
	Class  RoadClass
	Name   city.Text // empty for a road without a name
	Bridge bool
	Oneway bool    // driven only as it is drawn
	Limit  int     // km/h by the signs, 0 for none
	Line   []Point // two and more
	Box    Box
}

// Water is a river, a lake or a piece of the sea.
type Water struct {
	ID   string
	Name city.Text
	Area Polygon
}

// Roads are the roads and waters of a city. They are not changed once read.
type Roads struct {
	Source city.Text // whose map it is and of when
	Roads  []Road
	Waters []Water
	Box    Box // around all roads
}

// In gives the roads that may pass through the box, from the largest class to
// the smallest asked for, and the waters. A road whose own box meets it counts.
func (r *Roads) In(b Box, smallest RoadClass) ([]*Road, []*Water) {
	if r == nil {
		return nil, nil
	}
	var roads []*Road
	var waters []*Water
	for i := range r.Roads {
		if road := &r.Roads[i]; road.Class.Rank() <= smallest.Rank() && road.Box.Meets(b) {
			roads = append(roads, road)
		}
	}
	for i := range r.Waters {
		if w := &r.Waters[i]; w.Area.Box().Meets(b) {
			waters = append(waters, w)
		}
	}
	return roads, waters
}

// Near gives the named road nearest to p, the point on it and how far away that
// is, in metres; nil where none lies within the given metres.
func (r *Roads) Near(p Point, within float64) (*Road, Point, float64) {
	if r == nil || !p.Valid() {
		return nil, Point{}, 0
	}
	var best *Road
	var at Point
	least := within
	around := Around(p, within)
	for i := range r.Roads {
		road := &r.Roads[i]
		if road.Name.IsZero() || !road.Box.Meets(around) {
			continue
		}
		for j := 1; j < len(road.Line); j++ {
			q := nearestOn(p, road.Line[j-1], road.Line[j])
			if d := Distance(p, q); d <= least && (best == nil || d < least) {
				best, at, least = road, q, d
			}
		}
	}
	if best == nil {
		return nil, Point{}, 0
	}
	return best, at, least
}

// nearestOn is the point of the straight piece from a to b that is nearest to p,
// on a map that is true around p: right for pieces of some kilometres.
func nearestOn(p, a, b Point) Point {
	c := math.Cos(p.Lat * rad)
	dx, dy := (b.Lon-a.Lon)*c, b.Lat-a.Lat
	l := dx*dx + dy*dy
	if l == 0 {
		return a
	}
	t := ((p.Lon-a.Lon)*c*dx + (p.Lat-a.Lat)*dy) / l
	t = math.Min(1, math.Max(0, t))
	return Point{a.Lat + t*(b.Lat-a.Lat), a.Lon + t*(b.Lon-a.Lon)}
}

// Meets reports whether the boxes have a point in common.
func (b Box) Meets(o Box) bool {
	return b.South <= o.North && o.South <= b.North && b.West <= o.East && o.West <= b.East
}

// BoxOf is the smallest box around the points; there must be one.
func BoxOf(points []Point) Box {
	b := Box{points[0].Lat, points[0].Lon, points[0].Lat, points[0].Lon}
	for _, p := range points[1:] {
		b = b.Extend(p)
	}
	return b
}
