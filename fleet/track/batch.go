package track

import (
	"math"
	"math/bits"
)

// Batch finds what a whole track holds, in order, exactly as Stays would.
// Settings.Keep plays no part: a batch has all the points, and every place is
// Whole. The run at the end is no stay, since nothing broke it.
func (r *Rule) Batch(c Columns, emit func(Event)) {
	at := c.At
	if len(at) == 0 {
		return
	}
	lat, lon := c.Lat[:len(at)], c.Lon[:len(at)]
	var seen distinct
	start, a := 0, r.anchor(lat[0], lon[0])
	before := at[0]
	for i := 1; i < len(at); i++ {
		now := at[i]
		silent := now - before
		before = now
		if silent > r.gap {
			emit(Event{Kind: Gap, Points: count(i - start), Start: at[i-1], End: now,
				Lat: lat[i-1], Lon: lon[i-1], ToLat: lat[i], ToLon: lon[i]})
			start, a = i, r.anchor(lat[i], lon[i])
			continue
		}
		x, y := lat[i]-a.lat, lon[i]-a.lon
		q := x*x + a.k*y*y
		if q < a.lo {
			continue
		}
		if !(q >= a.hi) && !r.broken(&a, lat[i], lon[i]) {
			continue
		}
		if now-at[start] >= r.time {
			e := Event{Kind: Stay, Whole: true, Points: count(i - start),
				Start: at[start], End: now, ToLat: lat[i], ToLon: lon[i]}
			e.Lat, e.Lon, e.Distinct = seen.mean(lat[start:i], lon[start:i])
			emit(e)
		}
		start, a = i, r.anchor(lat[i], lon[i])
	}
}

func count(n int) int32 { return int32(min(n, maxPoints)) }

// Settle gives a stay whose place isn't whole the place that all its points give.
// The points are the object's in time order, at least from the stay's first to the
// one that broke it; false when those aren't among them.
func (r *Rule) Settle(e Event, points []Point) (Event, bool) {
	if e.Kind != Stay || e.Whole {
		return e, e.Kind == Stay
	}
	for i, p := range points {
		first := i - int(e.Points)
		if p.At != e.End || p.Lat != e.ToLat || p.Lon != e.ToLon || first < 0 || points[first].At != e.Start {
			continue
		}
		var lat, lon []float64
		for _, q := range points[first:i] {
			lat, lon = append(lat, q.Lat), append(lon, q.Lon)
		}
		e.Whole = true
		e.Lat, e.Lon, e.Distinct = new(distinct).mean(lat, lon)
		return e, true
	}
	return e, false
}

// distinct finds the mean of the distinct coordinates of many points at once. It
// keeps its memory for the next.
type distinct struct {
	slots []slot // by hash, at most half of them in use
	turn  uint64 // of the slots in use
}

type slot struct {
	coord
	turn uint64
}

const firstSlots = 1 << 10

// mean adds up in the order of coords.add and so gives the same, to the last bit.
func (d *distinct) mean(lat, lon []float64) (float64, float64, int32) {
	if d.turn++; d.slots == nil || len(d.slots) > 64*firstSlots && len(d.slots) > 64*len(lat) {
		d.slots = make([]slot, firstSlots) // one long stay shall not be paid for ever
	}
	lon = lon[:len(lat)]
	home := coord{lat[0], lon[0]}
	var sumLat, sumLon float64
	n, room, shift, turn := 0, len(d.slots)/2, slotShift(d.slots), d.turn
	last := coord{math.NaN(), 0}
	for i := range lat {
		p := coord{lat[i], lon[i]}
		if p == last {
			continue
		}
		last = p
		if n >= room {
			d.grow()
			room, shift = len(d.slots)/2, slotShift(d.slots)
		}
		slots := d.slots
		j := p.hash() >> shift
		s := &slots[j&uint64(len(slots)-1)]
		for s.turn == turn && s.coord != p {
			j++
			s = &slots[j&uint64(len(slots)-1)]
		}
		fresh := 1
		if s.turn == turn {
			fresh = 0
		}
		s.coord, s.turn = p, turn
		n += fresh
		weight := float64(fresh)
		sumLat += weight * (p.lat - home.lat)
		sumLon += weight * turned(p.lon-home.lon)
	}
	count := float64(n)
	return home.lat + sumLat/count, turned(home.lon + sumLon/count), int32(min(n, maxPoints))
}

func slotShift(s []slot) int { return 64 - bits.TrailingZeros(uint(len(s))) }

func (d *distinct) grow() {
	old := d.slots
	d.slots = make([]slot, 4*len(old))
	shift, mask := slotShift(d.slots), uint64(len(d.slots)-1)
	for _, s := range old {
		if s.turn == d.turn {
			j := s.hash() >> shift
			for d.slots[j&mask].turn == d.turn {
				j++
			}
			d.slots[j&mask] = s
		}
	}
}
