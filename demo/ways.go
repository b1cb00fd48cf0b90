package demo

import (
	"container/heap"
	"math"
	"slices"

	"yiwang/geo"
)

// ways are the roads of the city as those who live in it drive them.
type ways struct {
	at   []geo.Point
	legs [][]leg
	grid *geo.Grid[int]
}

// leg is a straight piece of road to a neighbour.
type leg struct {
	to     int
	metres float64
	class  geo.RoadClass
}

func newWays(r *geo.Roads) *ways {
	w := &ways{grid: geo.NewGrid[int](500)}
	known := map[geo.Point]int{}
	node := func(p geo.Point) int {
		i, ok := known[p]
		if !ok {
			i = len(w.at)
			known[p] = i
			w.at, w.legs = append(w.at, p), append(w.legs, nil)
			w.grid.Put(i, p)
		}
		return i
	}
	for i := range r.Roads {
		road := &r.Roads[i]
		for j := 1; j < len(road.Line); j++ {
			a, b := node(road.Line[j-1]), node(road.Line[j])
			far := geo.Distance(w.at[a], w.at[b])
			w.legs[a] = append(w.legs[a], leg{b, far, road.Class})
			if !road.Oneway {
				w.legs[b] = append(w.legs[b], leg{a, far, road.Class})
			}
		}
	}
	return w
}

// near is the node nearest to a place, and how far it is; -1 where no road is within
// two kilometres.
func (w *ways) near(p geo.Point) (int, float64) {
	for _, within := range []float64{150, 2000} {
		if hits := w.grid.Within(p, within); len(hits) > 0 {
			best := slices.MinFunc(hits, func(a, b geo.Near[int]) int {
				if a.Distance < b.Distance {
					return -1
				}
				return 1
			})
			return best.Key, best.Distance
		}
	}
	return -1, 0
}

// mile is a place on a way, and how fast one drives there.
type mile struct {
	at    geo.Point
	class geo.RoadClass
}

// shun is how much longer a way may be that goes round what is shunned.
const shun = 30

// find gives the quickest way between two nodes, without the first; nil where there
// is none. What is shunned is driven through only where there is no other way.
func (w *ways) find(from, to int, shunned func(geo.Point) bool) []mile {
	cost := map[int]float64{from: 0}
	before := map[int]int{}
	by := map[int]geo.RoadClass{}
	done := map[int]bool{}
	q := &queue{{from, 0}}
	for q.Len() > 0 {
		at := heap.Pop(q).(queued).node
		if done[at] {
			continue
		}
		done[at] = true
		if at == to {
			break
		}
		for _, l := range w.legs[at] {
			c := l.metres / pace(l.class)
			if shunned != nil && (shunned(w.at[l.to]) || shunned(middleOf(w.at[at], w.at[l.to]))) {
				c *= shun
			}
			if old, ok := cost[l.to]; !ok || cost[at]+c < old {
				cost[l.to], before[l.to], by[l.to] = cost[at]+c, at, l.class
				heap.Push(q, queued{l.to, cost[l.to]})
			}
		}
	}
	if !done[to] {
		return nil
	}
	var back []mile
	for n := to; n != from; n = before[n] {
		back = append(back, mile{w.at[n], by[n]})
	}
	slices.Reverse(back)
	return back
}

func middleOf(a, b geo.Point) geo.Point {
	return geo.Point{Lat: (a.Lat + b.Lat) / 2, Lon: (a.Lon + b.Lon) / 2}
}

// pace is how fast a class of road is driven, in km/h; dangerous goods may go no
// faster than 60 and, on motorways, 80.
func pace(c geo.RoadClass) float64 {
	switch c {
	case geo.Motorway:
		return 74
	case geo.Primary:
		return 50
	case geo.Secondary:
		return 42
	}
	return 26
}

// length is how long a way is from a place on, in metres.
func length(from geo.Point, line []mile) (metres float64) {
	for _, m := range line {
		metres += geo.Distance(from, m.at)
		from = m.at
	}
	return metres
}

type queued struct {
	node int
	cost float64
}

// queue is a heap for container/heap, the cheapest first.
type queue []queued

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(queued)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// jitter is what a receiver errs by, in metres.
func jitter(p geo.Point, luck func() float64) geo.Point {
	return geo.Move(p, 360*luck(), 8*math.Sqrt(luck()))
}
