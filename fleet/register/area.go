package register

import (
	"math"

	"yiwang/geo"
)

// Area is where something is: within a border, or within so many metres of a
// point.
type Area struct {
	Border []geo.Point `json:"border,omitempty"` // three points and more; the last need not repeat the first
	Centre geo.Point   `json:"centre,omitzero"`  // of a circle, where there is no border
	Radius float64     `json:"radius,omitempty"` // of the circle

	shape geo.Polygon // of the border, once prepared
}

// prepare makes ready for questions; without it they are answered slower.
func (a *Area) prepare() { a.shape = geo.NewPolygon(a.Border) }

func (a *Area) polygon() geo.Polygon {
	if len(a.Border) > 0 && len(a.shape.Border()) == 0 {
		return geo.NewPolygon(a.Border)
	}
	return a.shape
}

// Contains reports whether p lies in the area.
func (a *Area) Contains(p geo.Point) bool {
	if len(a.Border) > 0 {
		return a.polygon().Contains(p)
	}
	return at(p).to(a.Centre) <= a.Radius
}

// Distance is how far p is from the area in metres; 0 within it.
func (a *Area) Distance(p geo.Point) float64 {
	from := at(p)
	if len(a.Border) == 0 {
		return math.Max(0, from.to(a.Centre)-a.Radius)
	}
	if a.polygon().Contains(p) {
		return 0
	}
	best := math.Inf(1)
	last := a.Border[len(a.Border)-1]
	for _, b := range a.Border {
		best = math.Min(best, from.toSegment(last, b))
		last = b
	}
	return math.Sqrt(best)
}

// Depth is how far p lies within the area, in metres from its border; 0 outside.
func (a *Area) Depth(p geo.Point) float64 {
	from := at(p)
	if len(a.Border) == 0 {
		return math.Max(0, a.Radius-from.to(a.Centre))
	}
	if !a.polygon().Contains(p) {
		return 0
	}
	return math.Sqrt(min(from.toLine(a.Border, math.Inf(1)), from.toSegment(a.Border[len(a.Border)-1], a.Border[0])))
}

// Middle is a place within or near the area to write a name.
func (a *Area) Middle() geo.Point {
	if len(a.Border) > 0 {
		return a.polygon().Centre()
	}
	return a.Centre
}

// Box is the smallest rectangle around the area.
func (a *Area) Box() geo.Box {
	if len(a.Border) > 0 {
		return geo.BoxOf(a.Border)
	}
	return geo.Around(a.Centre, a.Radius)
}

const (
	metresPerDegree = geo.Earth * math.Pi / 180
	radPerDegree    = math.Pi / 180
)

// plane is flat ground around a point, in metres: right to a thousandth within
// some kilometres, which is more than anybody's position.
type plane struct {
	p geo.Point
	x float64 // metres of a degree of longitude here
}

func at(p geo.Point) plane { return plane{p, metresPerDegree * math.Cos(p.Lat*radPerDegree)} }

func (f plane) to(b geo.Point) float64 {
	x, y := (b.Lon-f.p.Lon)*f.x, (b.Lat-f.p.Lat)*metresPerDegree
	return math.Sqrt(x*x + y*y)
}

// toSegment is the square of the distance to the segment from a to b.
func (f plane) toSegment(a, b geo.Point) float64 {
	ax, ay := (a.Lon-f.p.Lon)*f.x, (a.Lat-f.p.Lat)*metresPerDegree
	dx, dy := (b.Lon-a.Lon)*f.x, (b.Lat-a.Lat)*metresPerDegree
	if l := dx*dx + dy*dy; l > 0 {
		t := -(ax*dx + ay*dy) / l
		t = math.Max(0, math.Min(1, t))
		ax, ay = ax+t*dx, ay+t*dy
	}
	return ax*ax + ay*ay
}

// toBox is the square of the distance to the rectangle; 0 within it.
func (f plane) toBox(b geo.Box) float64 {
	var x, y float64
	switch {
	case f.p.Lon < b.West:
		x = (b.West - f.p.Lon) * f.x
	case f.p.Lon > b.East:
		x = (f.p.Lon - b.East) * f.x
	}
	switch {
	case f.p.Lat < b.South:
		y = (b.South - f.p.Lat) * metresPerDegree
	case f.p.Lat > b.North:
		y = (f.p.Lat - b.North) * metresPerDegree
	}
	return x*x + y*y
}

// path is a line with boxes around every few of its segments, so that most of a
// long one need not be looked at.
type path struct{ boxes []geo.Box }

const segmentsPerBox = 16

func newPath(line []geo.Point) path {
	var q path
	for i := 0; i+1 < len(line); i += segmentsPerBox {
		q.boxes = append(q.boxes, geo.BoxOf(line[i:min(len(line), i+segmentsPerBox+1)]))
	}
	return q
}

// distance is how far p is from the line, in metres; anything up to enough ends
// the search. The nearest box is looked into first, then those that may hold
// something nearer still. Without boxes every segment is looked at.
func (q path) distance(p geo.Point, line []geo.Point, enough float64) float64 {
	from := at(p)
	if len(line) == 1 {
		return from.to(line[0])
	}
	if len(q.boxes) == 0 {
		return math.Sqrt(from.toLine(line, math.Inf(1)))
	}
	piece := func(i int) []geo.Point {
		return line[i*segmentsPerBox : min(len(line), (i+1)*segmentsPerBox+1)]
	}
	first, least := 0, math.Inf(1)
	for i := range q.boxes {
		if d := from.toBox(q.boxes[i]); d < least {
			first, least = i, d
		}
	}
	best := from.toLine(piece(first), math.Inf(1))
	for i := range q.boxes {
		if best <= enough*enough {
			break
		}
		if i != first && from.toBox(q.boxes[i]) < best {
			best = from.toLine(piece(i), best)
		}
	}
	return math.Sqrt(best)
}

// toLine is the square of the distance to the line, or best where that is less.
func (f plane) toLine(line []geo.Point, best float64) float64 {
	for i := 0; i+1 < len(line); i++ {
		best = math.Min(best, f.toSegment(line[i], line[i+1]))
	}
	return best
}
