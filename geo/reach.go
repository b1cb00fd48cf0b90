package geo

import (
	"math"
	"slices"
	"time"

	"yiwang/city"
)

// Reach is what a vehicle can reach within a time.
type Reach struct {
	From      Spot
	Within    time.Duration
	Pieces    []Stretch  // where it can be, each place once, the earliest to begin with first
	Junctions []Junction // where roads meet, in the order in which it can be there
	Metres    float64    // of road, all in all
}

// Stretch is a piece of road that is reached from one end, drawn in the direction
// of travel.
type Stretch struct {
	Road         *Road
	Line         []Point
	Begin, Until time.Duration // when it can be at the first and at the last point

	piece    int32
	from, to float64 // metres along it
}

// Junction is where three and more pieces of road meet.
type Junction struct {
	At    Point
	Roads []city.Text // names of those that meet, the largest first; perhaps none
	After time.Duration
	node  int32
}

// Farthest bounds how long a vehicle is followed; beyond, everything is reached.
const Farthest = time.Hour

const never = math.MaxFloat64

// search is the room that one shortest-path search takes. What an earlier search
// left is told by its turn.
type search struct {
	turn  int32
	known []int32   // turn in which cost was set, by node
	cost  []float64 // seconds
	seen  []int32   // turn in which the piece was done
	heap  []waiting
	order []int32 // nodes as they were reached
}

type waiting struct {
	cost float64
	node int32
}

func newSearch(g *Graph) *search {
	return &search{known: make([]int32, len(g.nodes)), cost: make([]float64, len(g.nodes)), seen: make([]int32, len(g.road))}
}

// begin takes a search from those that idle.
func (g *Graph) begin() *search {
	s := g.idle.Get().(*search)
	if s.turn == math.MaxInt32 {
		s = newSearch(g)
	}
	s.turn++
	s.heap, s.order = s.heap[:0], s.order[:0]
	return s
}

// at is when the node is reached, never where it is not.
func (s *search) at(node int32) float64 {
	if s.known[node] != s.turn {
		return never
	}
	return s.cost[node]
}

func (s *search) offer(node int32, cost float64) {
	if s.known[node] == s.turn && s.cost[node] <= cost {
		return
	}
	s.known[node], s.cost[node] = s.turn, cost
	s.heap = append(s.heap, waiting{cost, node})
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if s.heap[up].cost <= s.heap[i].cost {
			break
		}
		s.heap[up], s.heap[i] = s.heap[i], s.heap[up]
		i = up
	}
}

func (s *search) next() waiting {
	top := s.heap[0]
	n := len(s.heap) - 1
	s.heap[0] = s.heap[n]
	s.heap = s.heap[:n]
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			return top
		}
		if down+1 < n && s.heap[down+1].cost < s.heap[down].cost {
			down++
		}
		if s.heap[i].cost <= s.heap[down].cost {
			return top
		}
		s.heap[i], s.heap[down] = s.heap[down], s.heap[i]
		i = down
	}
}

// run finds when each node can be reached within so many seconds (Dijkstra).
func (g *Graph) run(s *search, from Spot, slow []float64, limit float64) {
	w := slow[g.kind[from.piece]]
	offer := func(node int32, cost float64) {
		if cost <= limit {
			s.offer(node, cost)
		}
	}
	if from.Forward {
		offer(g.to[from.piece], (g.length(from.piece)-from.along)*w)
	}
	if from.Backward {
		offer(g.from[from.piece], from.along*w)
	}
	for len(s.heap) > 0 {
		top := s.next()
		if top.cost > s.cost[top.node] {
			continue
		}
		s.order = append(s.order, top.node)
		for _, arc := range g.out[g.leave[top.node]:g.leave[top.node+1]] {
			piece := arc >> 1
			end := g.to[piece]
			if arc&1 != 0 {
				end = g.from[piece]
			}
			offer(end, top.cost+g.length(piece)*slow[g.kind[piece]])
		}
	}
}

// Reach finds where a vehicle that goes on from a spot can be within a time, an
// hour at most.
func (g *Graph) Reach(from Spot, pace Pace, within time.Duration) *Reach {
	within = max(0, min(within, Farthest))
	slow, limit := g.slowness(pace), within.Seconds()
	s := g.begin()
	defer g.idle.Put(s)
	g.run(s, from, slow, limit)
	r := &Reach{From: from, Within: within}
	c := collector{g: g, r: r, limit: limit}
	c.start(s, from, slow[g.kind[from.piece]])
	for _, node := range s.order {
		if g.ends[node+1]-g.ends[node] >= 3 {
			r.Junctions = append(r.Junctions, Junction{At: g.nodes[node], Roads: g.names(node), After: seconds(s.cost[node]), node: node})
		}
		for _, arc := range g.out[g.leave[node]:g.leave[node+1]] {
			piece := arc >> 1
			if s.seen[piece] == s.turn {
				continue
			}
			s.seen[piece] = s.turn
			back := never
			if !g.oneway[piece] {
				back = s.at(g.to[piece])
			}
			c.piece(piece, 0, g.length(piece), s.at(g.from[piece]), back, slow[g.kind[piece]])
		}
	}
	slices.SortStableFunc(r.Pieces, func(a, b Stretch) int { return int(a.Begin - b.Begin) })
	return r
}

// Count is how many nodes a vehicle that goes on from a spot can come to within a
// time: the bare search, for whoever wants to know what the rest of Reach costs.
func (g *Graph) Count(from Spot, pace Pace, within time.Duration) int {
	s := g.begin()
	defer g.idle.Put(s)
	g.run(s, from, g.slowness(pace), min(within, Farthest).Seconds())
	return len(s.order)
}

// collector gathers the stretches of a Reach.
type collector struct {
	g     *Graph
	r     *Reach
	limit float64
}

// start takes the piece on which the vehicle is: what is behind it and what is in
// front. One that goes on can come to the other part through an end only.
func (c *collector) start(s *search, from Spot, w float64) {
	g, piece, length := c.g, from.piece, c.g.length(from.piece)
	s.seen[piece] = s.turn
	here := from.along
	first, last := s.at(g.from[piece]), never
	if !g.oneway[piece] {
		last = s.at(g.to[piece])
	}
	ahead, back := 0.0, 0.0
	if !from.Forward {
		ahead = plus(first, here*w)
	}
	if !from.Backward {
		back = plus(last, (length-here)*w)
	}
	c.piece(piece, 0, here, first, back, w)
	c.piece(piece, here, length, ahead, last, w)
}

func plus(a, b float64) float64 {
	if a == never {
		return never
	}
	return a + b
}

// piece takes the part of a piece between two places on it, which are reached at
// the given seconds and driven at w seconds a metre: the two streams meet where
// both are as early, or end where the time does.
func (c *collector) piece(piece int32, a, b, atA, atB, w float64) {
	span := (b - a) * w
	meet := 1.0 // share of the way from a
	switch {
	case atA == never && atB == never:
		return
	case atA == never:
		meet = 0
	case atB != never && span > 0:
		meet = math.Max(0, math.Min(1, (atB-atA+span)/(2*span)))
	}
	if atA != never && atA <= c.limit {
		share := meet
		if span > 0 {
			share = math.Min(meet, (c.limit-atA)/span)
		}
		c.stretch(piece, a, a+share*(b-a), atA, atA+share*span)
	}
	if atB != never && atB <= c.limit {
		share := 1 - meet
		if span > 0 {
			share = math.Min(1-meet, (c.limit-atB)/span)
		}
		c.stretch(piece, b, b-share*(b-a), atB, atB+share*span)
	}
}

func (c *collector) stretch(piece int32, from, to, begin, until float64) {
	if math.Abs(to-from) < 0.01 { // a centimetre is nowhere to go
		return
	}
	c.r.Metres += math.Abs(to - from)
	c.r.Pieces = append(c.r.Pieces, Stretch{Road: &c.g.roads.Roads[c.g.road[piece]], Line: c.g.cut(piece, from, to), Begin: seconds(begin), Until: seconds(until),
		piece: piece, from: from, to: to})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// names are those of the roads that meet at a node, the largest road's first.
func (g *Graph) names(node int32) []city.Text {
	var names []city.Text
	for rank := range int8(len(classes)) {
		for _, piece := range g.touch[g.ends[node]:g.ends[node+1]] {
			name := g.roads.Roads[g.road[piece]].Name
			if g.kinds[g.kind[piece]].rank == rank && !name.IsZero() && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Meeting is where somebody can be in time to meet a vehicle.
type Meeting struct {
	Who      int           // index in the list that was given
	Junction int           // index in Reach.Junctions
	Needs    time.Duration // to get there
	Lead     time.Duration // before the vehicle; negative where the vehicle may be first
	Spot     Spot
}

// Meet finds for each place of somebody who could stop the vehicle the junction
// where they can be before it, the first that it comes to; where there is none,
// the one where they are least late. Whoever is too far from a road or from every
// junction is left out. Those come first who can meet it earliest.
func (g *Graph) Meet(r *Reach, places []Point, pace Pace) []Meeting {
	if len(r.Junctions) == 0 {
		return nil
	}
	slow := g.slowness(pace)
	s := g.begin()
	defer g.idle.Put(s)
	var met []Meeting
	for who, p := range places {
		spot, ok := g.Snap(p, -1)
		if !ok {
			continue
		}
		s.turn++
		s.heap, s.order = s.heap[:0], s.order[:0]
		g.run(s, spot, slow, 2*r.Within.Seconds())
		best := Meeting{Junction: -1}
		for i, j := range r.Junctions {
			cost := s.at(j.node)
			if cost == never {
				continue
			}
			m := Meeting{Who: who, Junction: i, Needs: seconds(cost), Lead: j.After - seconds(cost), Spot: spot}
			if best.Junction < 0 || m.Lead > best.Lead {
				best = m
			}
			if m.Lead >= 0 {
				break
			}
		}
		if best.Junction >= 0 {
			met = append(met, best)
		}
	}
	slices.SortStableFunc(met, func(a, b Meeting) int {
		if in := b.Lead >= 0; in != (a.Lead >= 0) {
			if in {
				return 1
			}
			return -1
		}
		if a.Lead >= 0 {
			return a.Junction - b.Junction
		}
		return int(b.Lead - a.Lead)
	})
	return met
}
