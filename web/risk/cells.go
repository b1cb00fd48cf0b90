package risk

import (
	"math"

	"yiwang/geo"
)

// drawnReach is how far a community is drawn around its middle, in metres.
const drawnReach = 1500.0

// cells are the areas that belong to each middle: what is nearer to it than to any
// other, and not too far.
func cells(middles []geo.Point) [][]geo.Point {
	out := make([][]geo.Point, len(middles))
	for i, m := range middles {
		if m.IsZero() {
			continue
		}
		const corners = 20
		ring := make([]at, corners)
		for k := range ring {
			a := 2 * math.Pi * float64(k) / corners
			ring[k] = at{drawnReach * math.Cos(a), drawnReach * math.Sin(a)}
		}
		east, north := scale(m)
		for j, o := range middles {
			if j == i || o.IsZero() {
				continue
			}
			d := at{(o.Lon - m.Lon) * east, (o.Lat - m.Lat) * north}
			if far := math.Hypot(d.x, d.y); far > 0 && far < 2*drawnReach {
				ring = cut(ring, at{d.x / far, d.y / far}, far/2)
			}
		}
		for _, p := range ring {
			out[i] = append(out[i], geo.Point{Lat: m.Lat + p.y/north, Lon: m.Lon + p.x/east})
		}
	}
	return out
}

// at is a place in metres east and north of a middle.
type at struct{ x, y float64 }

// scale is how many metres a degree has at a place, to the east and to the north.
func scale(p geo.Point) (east, north float64) {
	north = geo.Distance(p, geo.Point{Lat: p.Lat + 0.01, Lon: p.Lon}) / 0.01
	return north * math.Cos(p.Lat*math.Pi/180), north
}

// cut leaves of a ring what lies less than far in a direction.
func cut(ring []at, toward at, far float64) []at {
	var kept []at
	for i, p := range ring {
		q := ring[(i+len(ring)-1)%len(ring)]
		a, b := q.x*toward.x+q.y*toward.y-far, p.x*toward.x+p.y*toward.y-far
		if (a <= 0) != (b <= 0) {
			t := a / (a - b)
			kept = append(kept, at{q.x + t*(p.x-q.x), q.y + t*(p.y-q.y)})
		}
		if b <= 0 {
			kept = append(kept, p)
		}
	}
	return kept
}
