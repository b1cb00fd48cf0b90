package register

import (
	"math"

	"yiwang/geo"
)

// grid finds which of many areas hold a point or are near it, in cells of equal
// degrees that know what lies in them, and whether it fills them.
type grid struct {
	cell  float64 // degrees
	cells map[uint64]span
	items []item
	boxes []geo.Box // of all areas
	large []int32   // areas too large for cells

	// The same cells as rows of a rectangle, where that isn't much larger than what
	// lies in it; every position asks.
	x, y, w, h int32
	dense      []span
}

type span struct{ from, to int32 }

// item is the number of an area, and whether the cell lies wholly within it.
type item struct {
	area  int32
	whole bool
}

const (
	cellsPerArea = 64  // on average, at most
	largeArea    = 0.5 // degrees from edge to edge
)

// newGrid puts areas into cells at least so many metres high.
func newGrid(areas []*Area, metres float64) grid {
	g := grid{cell: metres / metresPerDegree, boxes: make([]geo.Box, len(areas)), cells: map[uint64]span{}}
	for i, a := range areas {
		g.boxes[i] = a.Box()
	}
	for budget := float64(max(4096, cellsPerArea*len(areas))); g.needed() > budget; {
		g.cell *= 1.25
	}
	found := map[uint64][]item{}
	n := 0
	for i, a := range areas {
		if tooLarge(g.boxes[i]) {
			g.large = append(g.large, int32(i))
			continue
		}
		g.cover(a, g.boxes[i], func(x, y int32, whole bool) {
			k := cellKey(x, y)
			found[k] = append(found[k], item{int32(i), whole})
			n++
		})
	}
	g.items = make([]item, 0, n)
	for k, list := range found {
		from := int32(len(g.items))
		g.items = append(g.items, list...)
		g.cells[k] = span{from, int32(len(g.items))}
	}
	g.lay()
	return g
}

// mostDense is how many cells a rectangle may have, and largestShare how many for each
// that holds something.
const (
	mostDense    = 1 << 20
	largestShare = 64
)

// lay puts the cells into the rectangle around them.
func (g *grid) lay() {
	if len(g.cells) == 0 {
		return
	}
	west, south, east, north := int32(math.MaxInt32), int32(math.MaxInt32), int32(math.MinInt32), int32(math.MinInt32)
	for k := range g.cells {
		x, y := int32(uint32(k)), int32(uint32(k>>32))
		west, south, east, north = min(west, x), min(south, y), max(east, x), max(north, y)
	}
	w, h := int64(east)-int64(west)+1, int64(north)-int64(south)+1
	if w > mostDense || h > mostDense || w*h > mostDense || w*h > largestShare*int64(len(g.cells)) {
		return
	}
	g.x, g.y, g.w, g.h = west, south, int32(w), int32(h)
	g.dense = make([]span, w*h)
	for k, s := range g.cells {
		g.dense[(int32(uint32(k>>32))-south)*g.w+int32(uint32(k))-west] = s
	}
}

// in is what lies in a cell.
func (g *grid) in(x, y int32) span {
	if g.dense == nil {
		return g.cells[cellKey(x, y)]
	}
	x, y = x-g.x, y-g.y
	if uint32(x) >= uint32(g.w) || uint32(y) >= uint32(g.h) {
		return span{}
	}
	return g.dense[y*g.w+x]
}

func tooLarge(b geo.Box) bool { return b.East-b.West > largeArea || b.North-b.South > largeArea }

// needed is how many cells the boxes of all areas meet.
func (g *grid) needed() (n float64) {
	for _, b := range g.boxes {
		if !tooLarge(b) {
			n += ((b.East-b.West)/g.cell + 2) * ((b.North-b.South)/g.cell + 2)
		}
	}
	return n
}

func cellKey(x, y int32) uint64 { return uint64(uint32(y))<<32 | uint64(uint32(x)) }

func (g *grid) of(degrees float64) int32 { return int32(math.Floor(degrees / g.cell)) }

// cover tells the cells that the area meets. Cells that its edge may pass through
// come first; a row between them is all within or all without.
func (g *grid) cover(a *Area, b geo.Box, tell func(x, y int32, whole bool)) {
	const slack = 1e-6 // of a cell: rounding must not hide an edge
	west, south := g.of(b.West), g.of(b.South)
	w, h := int(g.of(b.East)-west)+1, int(g.of(b.North)-south)+1
	edge := make([]bool, w*h)
	mark := func(y int, from, to float64) {
		lo, hi := int(math.Floor(from-slack))-int(west), int(math.Floor(to+slack))-int(west)
		for x := max(lo, 0); x <= min(hi, w-1); x++ {
			edge[y*w+x] = true
		}
	}
	if len(a.Border) == 0 {
		for i := range edge {
			edge[i] = true
		}
	}
	for i, p := range a.Border {
		q := a.Border[(i+1)%len(a.Border)]
		if p.Lat > q.Lat {
			p, q = q, p
		}
		px, py, qx, qy := p.Lon/g.cell, p.Lat/g.cell, q.Lon/g.cell, q.Lat/g.cell
		for y := int(math.Floor(py - slack)); y <= int(math.Floor(qy+slack)); y++ {
			row := y - int(south)
			if row < 0 || row >= h {
				continue
			}
			from, to := px, qx
			if qy > py {
				slope := (qx - px) / (qy - py)
				from = px + slope*(math.Max(py, float64(y)-slack)-py)
				to = px + slope*(math.Min(qy, float64(y+1)+slack)-py)
			}
			mark(row, math.Min(from, to), math.Max(from, to))
		}
	}
	for y := range h {
		inside, known := false, false
		for x := range w {
			cx, cy := west+int32(x), south+int32(y)
			switch {
			case edge[y*w+x]:
				tell(cx, cy, false)
				known = false
				continue
			case !known:
				inside = a.Contains(geo.Point{Lat: (float64(cy) + 0.5) * g.cell, Lon: (float64(cx) + 0.5) * g.cell})
				known = true
			}
			if inside {
				tell(cx, cy, true)
			}
		}
	}
}

// at gives the areas to look at for p: those that fill its cell are certain.
func (g *grid) at(p geo.Point) []item {
	s := g.in(g.of(p.Lon), g.of(p.Lat))
	return g.items[s.from:s.to]
}

// near visits the areas that may be within so many metres of p, some of them more
// than once.
func (g *grid) near(p geo.Point, metres float64, visit func(area int32)) {
	for _, i := range g.large {
		visit(i)
	}
	b := geo.Around(p, metres)
	west, south, east, north := g.of(b.West), g.of(b.South), g.of(b.East), g.of(b.North)
	if (float64(east)-float64(west)+1)*(float64(north)-float64(south)+1) > float64(len(g.cells)) {
		for i := range g.boxes {
			if g.boxes[i].Meets(b) && !tooLarge(g.boxes[i]) {
				visit(int32(i))
			}
		}
		return
	}
	for y := south; y <= north; y++ {
		for x := west; x <= east; x++ {
			s := g.in(x, y)
			for _, it := range g.items[s.from:s.to] {
				visit(it.area)
			}
		}
	}
}
