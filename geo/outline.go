package geo

import (
	"math"
	"slices"
)

// How an outline is drawn: on squares of 50 m, larger where there would be more
// than 256 in a row.
const (
	outlineMetres = 50.0
	outlineCells  = 256
)

// Outline is the border around all that is reached, for a map: about 50 m away
// from the roads (more where the area is over 10 km wide), without holes, drawn
// counter-clockwise. All of the stretches lie within it. Nil where nothing is
// reached.
func (r *Reach) Outline() []Polygon {
	if len(r.Pieces) == 0 {
		return nil
	}
	box := BoxOf(r.Pieces[0].Line)
	for _, s := range r.Pieces {
		b := BoxOf(s.Line)
		box = box.Extend(Point{b.South, b.West}).Extend(Point{b.North, b.East})
	}
	m := newRaster(box)
	for _, s := range r.Pieces {
		for i := 1; i < len(s.Line); i++ {
			m.draw(s.Line[i-1], s.Line[i])
		}
	}
	m.widen()
	m.fill()
	rings := m.trace()
	slices.SortStableFunc(rings, func(a, b []Point) int { return len(b) - len(a) })
	areas := make([]Polygon, len(rings))
	for i, ring := range rings {
		areas[i] = NewPolygon(ring)
	}
	return areas
}

// raster is a map of squares.
type raster struct {
	south, west, dlat, dlon float64
	w, h                    int
	set                     []bool
}

func newRaster(box Box) *raster {
	narrow := math.Max(0.01, math.Cos((box.South+box.North)/2*rad))
	degree := Earth * rad
	wide, high := (box.East-box.West)*narrow*degree, (box.North-box.South)*degree
	cell := math.Max(outlineMetres, math.Max(wide, high)/outlineCells)
	m := &raster{dlat: cell / degree, dlon: cell / degree / narrow}
	const margin = 3 // for what is widened, and free squares around it, whatever rounding says
	m.south, m.west = box.South-margin*m.dlat, box.West-margin*m.dlon
	m.w, m.h = int(wide/cell)+2*margin+1, int(high/cell)+2*margin+1
	m.set = make([]bool, m.w*m.h)
	return m
}

// draw sets the squares along a line, which it looks at five times in a square.
func (m *raster) draw(a, b Point) {
	steps := 1 + int(5*math.Max(math.Abs(b.Lat-a.Lat)/m.dlat, math.Abs(b.Lon-a.Lon)/m.dlon))
	for i := 0; i <= steps; i++ {
		t := float64(i) / float64(steps)
		y := int((a.Lat + t*(b.Lat-a.Lat) - m.south) / m.dlat)
		x := int((a.Lon + t*(b.Lon-a.Lon) - m.west) / m.dlon)
		m.set[y*m.w+x] = true
	}
}

// widen sets the eight squares around each.
func (m *raster) widen() {
	wide := make([]bool, len(m.set))
	for y := 1; y < m.h-1; y++ {
		for x := 1; x < m.w-1; x++ {
			if !m.set[y*m.w+x] {
				continue
			}
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					wide[(y+dy)*m.w+x+dx] = true
				}
			}
		}
	}
	m.set = wide
}

// fill sets what can't be reached from the edge.
func (m *raster) fill() {
	outside := make([]bool, len(m.set))
	stack := []int{0}
	outside[0] = true
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := at%m.w, at/m.w
		for _, d := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			if nx, ny := x+d[0], y+d[1]; nx >= 0 && nx < m.w && ny >= 0 && ny < m.h {
				if n := ny*m.w + nx; !outside[n] && !m.set[n] {
					outside[n] = true
					stack = append(stack, n)
				}
			}
		}
	}
	for i := range m.set {
		m.set[i] = !outside[i]
	}
}

func (m *raster) has(x, y int) bool {
	return x >= 0 && y >= 0 && x < m.w && y < m.h && m.set[y*m.w+x]
}

// Directions along the sides of squares, each a quarter turn left of the one before.
const (
	east = iota
	north
	west
	south
)

// trace follows the sides between set and free squares, the set ones on the left,
// and joins their middles.
func (m *raster) trace() [][]Point {
	// A side begins at a corner; that of square (x, y) is its lower left one.
	step := [4][2]int{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}
	left := [4][2]int{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}} // the square on the left of a side, from its corner
	right := [4][2]int{{0, -1}, {0, 0}, {-1, 0}, {-1, -1}}
	border := func(x, y, d int) bool {
		return m.has(x+left[d][0], y+left[d][1]) && !m.has(x+right[d][0], y+right[d][1])
	}
	done := make([]bool, (m.w+1)*(m.h+1)*4)
	var rings [][]Point
	for y := range m.h {
		for x := range m.w {
			if !border(x, y, east) || done[(y*(m.w+1)+x)*4+east] {
				continue
			}
			var ring [][2]int // middles of sides, in half squares
			cx, cy, d := x, y, east
			for !done[(cy*(m.w+1)+cx)*4+d] {
				done[(cy*(m.w+1)+cx)*4+d] = true
				ring = append(ring, [2]int{2*cx + step[d][0], 2*cy + step[d][1]})
				cx, cy = cx+step[d][0], cy+step[d][1]
				for _, turn := range []int{1, 0, 3} { // left keeps to the same square
					if n := (d + turn) % 4; border(cx, cy, n) {
						d = n
						break
					}
				}
			}
			rings = append(rings, m.points(ring))
		}
	}
	return rings
}

// points makes places of middles, and leaves out those on a straight line.
func (m *raster) points(ring [][2]int) []Point {
	var out []Point
	n := len(ring)
	for i, p := range ring {
		a, b := ring[(i+n-1)%n], ring[(i+1)%n]
		if (p[0]-a[0])*(b[1]-p[1]) == (p[1]-a[1])*(b[0]-p[0]) {
			continue
		}
		out = append(out, Point{m.south + float64(p[1])/2*m.dlat, m.west + float64(p[0])/2*m.dlon})
	}
	return out
}
