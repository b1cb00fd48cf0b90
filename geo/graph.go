package geo

import (
	"math"
	"slices"
	"sort"
	"sync"
)

// Graph is the roads as vehicles drive them: nodes where roads meet or end, and
// between them pieces of road, driven one way or both. It is not changed once
// made and may be used from many sides at once.
//
// Roads are taken as they are drawn: turning is free and allowed wherever roads
// meet, so that what can be reached is never told too small.
type Graph struct {
	roads *Roads
	nodes []Point

	// Pieces. Piece i is drawn by shape[first[i]:first[i+1]].
	first    []int32
	shape    []Point
	along    []float64 // metres from the piece's beginning
	road     []int32   // in roads.Roads
	from, to []int32   // nodes
	kind     []uint8   // in kinds
	oneway   []bool

	// Arcs: those that leave node n are out[leave[n]:leave[n+1]]. An arc is a piece
	// times two, and one more where it is driven backward.
	leave []int32
	out   []int32

	// Pieces that begin or end at node n are touch[ends[n]:ends[n+1]]; one that does
	// both stands twice.
	ends  []int32
	touch []int32

	kinds []kind
	cells cells
	idle  sync.Pool // of *search
}

// kind is what decides how fast a piece is driven.
type kind struct {
	rank  int8
	limit int16 // km/h by the sign, 0 for none
}

// NewGraph makes the graph of roads; nil of none.
func NewGraph(r *Roads) *Graph {
	if r == nil || len(r.Roads) == 0 {
		return nil
	}
	g := &Graph{roads: r}
	shared := map[Point]int32{} // how often a point stands in roads; then, under its node's number
	for i := range r.Roads {
		line := r.Roads[i].Line
		shared[line[0]] += 2
		shared[line[len(line)-1]] += 2
		for _, p := range line[1 : len(line)-1] {
			shared[p]++
		}
	}
	numbers := map[Point]int32{}
	node := func(p Point) int32 {
		n, ok := numbers[p]
		if !ok {
			n = int32(len(g.nodes))
			numbers[p] = n
			g.nodes = append(g.nodes, p)
		}
		return n
	}
	kinds := map[kind]uint8{}
	for i := range r.Roads {
		road := &r.Roads[i]
		k := kind{int8(road.Class.Rank()), int16(road.Limit)}
		slot, ok := kinds[k]
		if !ok && len(g.kinds) < 256 {
			slot = uint8(len(g.kinds))
			kinds[k] = slot
			g.kinds = append(g.kinds, k)
		}
		for j := 0; j < len(road.Line)-1; {
			next := j + 1
			for next < len(road.Line)-1 && shared[road.Line[next]] < 2 {
				next++
			}
			g.piece(road.Line[j:next+1], int32(i), slot, road.Oneway, node)
			j = next
		}
	}
	g.first = append(g.first, int32(len(g.shape)))
	g.arcs()
	g.cells = newCells(g)
	g.idle.New = func() any { return newSearch(g) }
	return g
}

// piece adds a piece of road; one without length is none.
func (g *Graph) piece(line []Point, road int32, kind uint8, oneway bool, node func(Point) int32) {
	start := len(g.shape)
	metres := 0.0
	for i, p := range line {
		if i > 0 {
			d := Distance(g.shape[len(g.shape)-1], p)
			if d == 0 {
				continue
			}
			metres += d
		}
		g.shape = append(g.shape, p)
		g.along = append(g.along, metres)
	}
	if metres == 0 {
		g.shape, g.along = g.shape[:start], g.along[:start]
		return
	}
	g.first = append(g.first, int32(start))
	g.road = append(g.road, road)
	g.from = append(g.from, node(line[0]))
	g.to = append(g.to, node(line[len(line)-1]))
	g.kind = append(g.kind, kind)
	g.oneway = append(g.oneway, oneway)
}

// arcs sorts the directions of pieces by the node they leave, and pieces by the
// nodes they touch.
func (g *Graph) arcs() {
	leave := func(tell func(node, arc int32)) {
		for i := range int32(len(g.road)) {
			tell(g.from[i], i<<1)
			if !g.oneway[i] {
				tell(g.to[i], i<<1|1)
			}
		}
	}
	touch := func(tell func(node, piece int32)) {
		for i := range int32(len(g.road)) {
			tell(g.from[i], i)
			tell(g.to[i], i)
		}
	}
	g.leave, g.out = rows(len(g.nodes), leave)
	g.ends, g.touch = rows(len(g.nodes), touch)
}

// rows sorts what is told by its row: that of row n is all[first[n]:first[n+1]], in
// the order in which it was told.
func rows(n int, each func(tell func(row, v int32))) (first, all []int32) {
	first = make([]int32, n+1)
	each(func(row, _ int32) { first[row+1]++ })
	for i := range n {
		first[i+1] += first[i]
	}
	all = make([]int32, first[n])
	next := slices.Clone(first)
	each(func(row, v int32) {
		all[next[row]] = v
		next[row]++
	})
	return first, all
}

// Size is the number of nodes and of directed edges.
func (g *Graph) Size() (nodes, edges int) { return len(g.nodes), len(g.out) }

// length is a piece's, in metres.
func (g *Graph) length(piece int32) float64 { return g.along[g.first[piece+1]-1] }

// slowness is the seconds that a metre takes, by kind.
func (g *Graph) slowness(p Pace) []float64 {
	s := make([]float64, len(g.kinds))
	for i, k := range g.kinds {
		v := p[k.rank]
		if k.limit > 0 {
			v = math.Min(v, float64(k.limit))
		}
		s[i] = 3.6 / math.Max(v, 1)
	}
	return s
}

// Spot is a place on a road, and which ways a vehicle there goes on.
type Spot struct {
	At       Point
	Off      float64 // metres from where it was looked for
	Road     *Road
	Forward  bool // along the road as it is drawn
	Backward bool

	piece int32
	along float64 // metres from the piece's beginning
}

// How a place is brought to a road.
const (
	furthestOff  = 500.0 // metres
	closeEnough  = 60.0  // looked through first
	turnedAway   = 0.4   // a degree that the heading is off counts like so many metres
	mostDeviance = 60.0  // degrees; beyond it the heading says nothing
)

// Snap brings a place to the road it is most likely on. The heading is in degrees,
// 0 north; a negative one is not known, and both ways are possible then. Roads that
// lie as the heading says are preferred to those that cross it. There is none where
// the nearest road is over 500 m away.
func (g *Graph) Snap(p Point, heading float64) (Spot, bool) {
	if g == nil || !p.Valid() {
		return Spot{}, false
	}
	if !(heading >= 0) || math.IsInf(heading, 0) {
		heading = -1
	}
	for _, within := range []float64{closeEnough, furthestOff} {
		if s, ok := g.snap(p, heading, within); ok {
			return s, true
		}
	}
	return Spot{}, false
}

func (g *Graph) snap(p Point, heading, within float64) (best Spot, found bool) {
	least, segment := math.Inf(1), int32(-1)
	g.cells.around(Around(p, within), func(i int32) {
		a, b := g.shape[i], g.shape[i+1]
		q := nearestOn(p, a, b)
		off := Distance(p, q)
		if off > within {
			return
		}
		piece := g.pieceOf(i)
		score := off
		if heading >= 0 {
			ahead, back := deviance(heading, Bearing(a, b)), deviance(heading, Bearing(b, a))
			if !g.oneway[piece] {
				ahead = math.Min(ahead, back)
			}
			score += ahead * turnedAway
		}
		if score < least || score == least && i < segment {
			least, segment, found = score, i, true
			best = Spot{At: q, Off: off, piece: piece, along: g.along[i] + Distance(a, q)}
		}
	})
	if !found {
		return best, false
	}
	best.Road = &g.roads.Roads[g.road[best.piece]]
	best.along = math.Min(best.along, g.length(best.piece))
	best.Forward, best.Backward = true, !g.oneway[best.piece]
	if a, b := g.shape[segment], g.shape[segment+1]; heading >= 0 && best.Backward {
		ahead, back := deviance(heading, Bearing(a, b)), deviance(heading, Bearing(b, a))
		if math.Min(ahead, back) <= mostDeviance {
			best.Forward, best.Backward = ahead <= back, back < ahead
		}
	}
	return best, true
}

// deviance is the angle between two bearings, from 0 to 180 degrees.
func deviance(a, b float64) float64 {
	d := math.Mod(math.Abs(a-b), 360)
	return math.Min(d, 360-d)
}

// pieceOf is the piece that the point of the shape belongs to.
func (g *Graph) pieceOf(i int32) int32 {
	return int32(sort.Search(len(g.road), func(n int) bool { return g.first[n+1] > i }))
}

// point is the place so many metres along a piece.
func (g *Graph) point(piece int32, metres float64) Point {
	lo, hi := int(g.first[piece]), int(g.first[piece+1])
	i := lo + sort.SearchFloat64s(g.along[lo:hi], metres)
	if i >= hi {
		return g.shape[hi-1]
	}
	if i == lo || g.along[i] == metres {
		return g.shape[i]
	}
	a, b := g.shape[i-1], g.shape[i]
	t := (metres - g.along[i-1]) / (g.along[i] - g.along[i-1])
	return Point{a.Lat + t*(b.Lat-a.Lat), a.Lon + t*(b.Lon-a.Lon)}
}

// cut is a piece between two places on it, in the order given.
func (g *Graph) cut(piece int32, a, b float64) []Point {
	if a > b {
		line := g.cut(piece, b, a)
		slices.Reverse(line)
		return line
	}
	lo, hi := int(g.first[piece]), int(g.first[piece+1])
	line := []Point{g.point(piece, a)}
	for i := lo + sort.SearchFloat64s(g.along[lo:hi], a); i < hi && g.along[i] < b; i++ {
		if g.along[i] > a {
			line = append(line, g.shape[i])
		}
	}
	return append(line, g.point(piece, b))
}

// cells find the straight bits of roads near a place.
type cells struct {
	south, west float64
	dlat, dlon  float64 // of a cell, degrees
	rows, cols  int32
	first       []int32
	bits        []int32 // indexes of their first points in the shape
}

const (
	cellMetres = 150.0
	mostCells  = 1024 // in a row or column
)

func newCells(g *Graph) cells {
	box := BoxOf(g.shape)
	c := cells{south: box.South, west: box.West}
	c.dlat = math.Max(cellMetres/Earth/rad, (box.North-box.South)/mostCells)
	narrow := math.Max(0.01, math.Cos((box.South+box.North)/2*rad))
	c.dlon = math.Max(cellMetres/Earth/rad/narrow, (box.East-box.West)/mostCells)
	c.rows = int32((box.North-box.South)/c.dlat) + 1
	c.cols = int32((box.East-box.West)/c.dlon) + 1
	c.first, c.bits = rows(int(c.rows*c.cols), func(tell func(cell, i int32)) { c.each(g, tell) })
	return c
}

// each walks along every straight bit in steps of a cell, and tells each cell that
// a step may touch, once a bit.
func (c *cells) each(g *Graph, tell func(cell, i int32)) {
	var told []int32
	for piece := range g.road {
		for i := g.first[piece]; i < g.first[piece+1]-1; i++ {
			a, b := g.shape[i], g.shape[i+1]
			told = told[:0]
			steps := 1 + int(math.Max(math.Abs(b.Lat-a.Lat)/c.dlat, math.Abs(b.Lon-a.Lon)/c.dlon))
			for n := range steps {
				t, u := float64(n)/float64(steps), float64(n+1)/float64(steps)
				p := Point{a.Lat + t*(b.Lat-a.Lat), a.Lon + t*(b.Lon-a.Lon)}
				q := Point{a.Lat + u*(b.Lat-a.Lat), a.Lon + u*(b.Lon-a.Lon)}
				c.within(BoxOf([]Point{p, q}), func(cell int32) {
					if !slices.Contains(told, cell) {
						told = append(told, cell)
						tell(cell, i)
					}
				})
			}
		}
	}
}

// within tells the cells that a box touches.
func (c *cells) within(b Box, tell func(cell int32)) {
	clamp := func(v float64, n int32) int32 { return int32(math.Max(0, math.Min(float64(n-1), math.Floor(v)))) }
	lo, hi := clamp((b.South-c.south)/c.dlat, c.rows), clamp((b.North-c.south)/c.dlat, c.rows)
	left, right := clamp((b.West-c.west)/c.dlon, c.cols), clamp((b.East-c.west)/c.dlon, c.cols)
	for y := lo; y <= hi; y++ {
		for x := left; x <= right; x++ {
			tell(y*c.cols + x)
		}
	}
}

// around tells the straight bits in the cells that the box touches, some more than
// once.
func (c *cells) around(b Box, tell func(i int32)) {
	c.within(b, func(cell int32) {
		for _, i := range c.bits[c.first[cell]:c.first[cell+1]] {
			tell(i)
		}
	})
}
