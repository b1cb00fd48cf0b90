package geo

// Polygon is an area: the first ring is its border, the others are holes in it.
// A ring need not repeat its first point at the end.
type Polygon struct {
	rings [][]Point
	box   Box
}

// NewPolygon makes an area of rings of three points and more; fewer make an area
// that contains nothing.
func NewPolygon(rings ...[]Point) Polygon {
	g := Polygon{rings: rings}
	if len(rings) == 0 || len(rings[0]) < 3 {
		return Polygon{}
	}
	first := rings[0][0]
	g.box = Box{first.Lat, first.Lon, first.Lat, first.Lon}
	for _, p := range rings[0] {
		g.box = g.box.Extend(p)
	}
	return g
}

// Box is the smallest rectangle around the area.
func (g Polygon) Box() Box { return g.box }

// Border is the outer ring.
func (g Polygon) Border() []Point {
	if len(g.rings) == 0 {
		return nil
	}
	return g.rings[0]
}

// Contains reports whether p lies in the area (even–odd rule). Of two areas that
// share an edge, a point on it lies in one.
func (g Polygon) Contains(p Point) bool {
	if len(g.rings) == 0 || !g.box.Contains(p) {
		return false
	}
	in := false
	for _, ring := range g.rings {
		for i, j := 0, len(ring)-1; i < len(ring); j, i = i, i+1 {
			a, b := ring[i], ring[j]
			if (a.Lat > p.Lat) != (b.Lat > p.Lat) && p.Lon < (b.Lon-a.Lon)*(p.Lat-a.Lat)/(b.Lat-a.Lat)+a.Lon {
				in = !in
			}
		}
	}
	return in
}

// Centre is the middle of the border's area, a place to write a name.
func (g Polygon) Centre() Point {
	ring := g.Border()
	if len(ring) == 0 {
		return Point{}
	}
	o := ring[0] // small numbers lose less
	var area, lat, lon float64
	for i, j := 0, len(ring)-1; i < len(ring); j, i = i, i+1 {
		ax, ay := ring[j].Lon-o.Lon, ring[j].Lat-o.Lat
		bx, by := ring[i].Lon-o.Lon, ring[i].Lat-o.Lat
		c := ax*by - bx*ay
		area += c
		lon += (ax + bx) * c
		lat += (ay + by) * c
	}
	if area == 0 {
		return o
	}
	return Point{o.Lat + lat/(3*area), o.Lon + lon/(3*area)}
}
