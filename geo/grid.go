package geo

import (
	"container/heap"
	"math"
	"slices"
)

// Grid finds the things near a place among many, in cells of equal degrees. It is
// not safe for concurrent use.
type Grid[K comparable] struct {
	cell  float64 // degrees of latitude and of longitude
	cells map[[2]int32][]entry[K]
	where map[K]Point
}

type entry[K comparable] struct {
	key K
	at  Point
}

// Near is a thing and how far away it is, in metres.
type Near[K comparable] struct {
	Key      K
	At       Point
	Distance float64
}

// NewGrid makes an empty grid whose cells are about so many metres high. Cells of
// the size of an ordinary search are right.
func NewGrid[K comparable](metres float64) *Grid[K] {
	return &Grid[K]{cell: math.Max(metres, 1) / Earth / rad, cells: map[[2]int32][]entry[K]{}, where: map[K]Point{}}
}

// Len is the number of things in the grid.
func (g *Grid[K]) Len() int { return len(g.where) }

// At says where the thing is.
func (g *Grid[K]) At(key K) (Point, bool) { p, ok := g.where[key]; return p, ok }

// Put puts the thing at a place, or moves it there. A place that can't be is
// ignored.
func (g *Grid[K]) Put(key K, p Point) {
	if !p.Valid() {
		return
	}
	g.Remove(key)
	c := g.cellOf(p)
	g.cells[c] = append(g.cells[c], entry[K]{key, p})
	g.where[key] = p
}

// Remove takes the thing out, if it is there.
func (g *Grid[K]) Remove(key K) {
	p, ok := g.where[key]
	if !ok {
		return
	}
	delete(g.where, key)
	c := g.cellOf(p)
	rest := slices.DeleteFunc(g.cells[c], func(e entry[K]) bool { return e.key == key })
	if len(rest) == 0 {
		delete(g.cells, c)
	} else {
		g.cells[c] = rest
	}
}

func (g *Grid[K]) cellOf(p Point) [2]int32 {
	return [2]int32{int32(math.Floor(p.Lat / g.cell)), int32(math.Floor(p.Lon / g.cell))}
}

// Within gives what is no further than so many metres from p, the nearest first.
func (g *Grid[K]) Within(p Point, metres float64) []Near[K] {
	var found []Near[K]
	b := Around(p, metres)
	lo, hi := g.cellOf(Point{b.South, b.West}), g.cellOf(Point{b.North, b.East})
	look := func(entries []entry[K]) {
		for _, e := range entries {
			if d := Distance(p, e.at); d <= metres {
				found = append(found, Near[K]{e.key, e.at, d})
			}
		}
	}
	if n := (float64(hi[0]) - float64(lo[0]) + 1) * (float64(hi[1]) - float64(lo[1]) + 1); n > float64(len(g.cells)) {
		for _, entries := range g.cells {
			look(entries)
		}
	} else {
		for y := lo[0]; y <= hi[0]; y++ {
			for x := lo[1]; x <= hi[1]; x++ {
				look(g.cells[[2]int32{y, x}])
			}
		}
	}
	slices.SortFunc(found, func(a, b Near[K]) int { return cmpFloat(a.Distance, b.Distance) })
	return found
}

// Nearest gives the n things nearest to p that fit, the nearest first. Rings of
// cells around p are looked at until no closer one can come.
func (g *Grid[K]) Nearest(p Point, n int, fit func(K) bool) []Near[K] {
	if n <= 0 || len(g.where) == 0 {
		return nil
	}
	best := &far[K]{}
	c := g.cellOf(p)
	height := g.cell * rad * Earth
	seen := 0
	for ring := int32(0); seen < len(g.where); ring++ {
		if best.Len() == n && float64(ring-1)*height*narrowest(p, g.cell, ring) > (*best)[0].Distance {
			break
		}
		if int(ring) > 64 && seen == 0 || int(ring) > 1024 { // few things, far away
			return g.everyone(p, n, fit)
		}
		for _, cell := range ringOf(c, ring) {
			for _, e := range g.cells[cell] {
				seen++
				if fit != nil && !fit(e.key) {
					continue
				}
				d := Distance(p, e.at)
				if best.Len() < n {
					heap.Push(best, Near[K]{e.key, e.at, d})
				} else if d < (*best)[0].Distance {
					(*best)[0] = Near[K]{e.key, e.at, d}
					heap.Fix(best, 0)
				}
			}
		}
	}
	slices.SortFunc(*best, func(a, b Near[K]) int { return cmpFloat(a.Distance, b.Distance) })
	return *best
}

func (g *Grid[K]) everyone(p Point, n int, fit func(K) bool) []Near[K] {
	var all []Near[K]
	for k, at := range g.where {
		if fit == nil || fit(k) {
			all = append(all, Near[K]{k, at, Distance(p, at)})
		}
	}
	slices.SortFunc(all, func(a, b Near[K]) int { return cmpFloat(a.Distance, b.Distance) })
	return all[:min(n, len(all))]
}

// narrowest is how much narrower than high the cells of a ring are at the end
// that is nearer to a pole.
func narrowest(p Point, cell float64, ring int32) float64 {
	return math.Max(0, math.Cos(math.Min(90, math.Abs(p.Lat)+float64(ring+1)*cell)*rad))
}

func ringOf(c [2]int32, ring int32) [][2]int32 {
	if ring == 0 {
		return [][2]int32{c}
	}
	out := make([][2]int32, 0, 8*ring)
	for d := -ring; d <= ring; d++ {
		out = append(out, [2]int32{c[0] - ring, c[1] + d}, [2]int32{c[0] + ring, c[1] + d})
		if d > -ring && d < ring {
			out = append(out, [2]int32{c[0] + d, c[1] - ring}, [2]int32{c[0] + d, c[1] + ring})
		}
	}
	return out
}

// far is a heap with the furthest on top.
type far[K comparable] []Near[K]

func (f far[K]) Len() int           { return len(f) }
func (f far[K]) Less(i, j int) bool { return f[i].Distance > f[j].Distance }
func (f far[K]) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *far[K]) Push(x any)        { *f = append(*f, x.(Near[K])) }
func (f *far[K]) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
