package track

import (
	"hash/maphash"
	"math"
	"math/bits"
)

// coords are the distinct coordinates of a run in the order in which they came,
// and the sums of how far they lie from the first, which lose less than sums of
// the coordinates themselves. Whoever adds the same ones in the same order gets
// the same mean, to the last bit.
type coords struct {
	list     []coord
	index    []uint32 // places in list plus one, by hash; empty while list is searched one by one
	lat, lon float64  // sums of differences to list[0]
	lost     bool     // there were more than were to be kept
}

type coord struct{ lat, lon float64 }

// So many coordinates are searched one by one: where there may be more, and where
// there may not. An index would be as large as the few that are kept.
const (
	few     = 24
	fewKept = 64
)

func (c *coords) reset() {
	c.list, c.lat, c.lon, c.lost = c.list[:0], 0, 0, false
	if cap(c.list) > 4096 { // one long stay shall not be paid for ever
		c.list = nil
	}
	c.index = c.index[:0]
	if cap(c.index) > 8192 {
		c.index = nil
	}
}

// add takes a coordinate in unless it is there. keep bounds how many are kept; 0
// is all.
func (c *coords) add(lat, lon float64, keep int) {
	p := coord{lat, lon}
	n := len(c.list)
	if n > 0 && c.list[n-1] == p {
		return
	}
	if len(c.index) == 0 {
		for _, q := range c.list {
			if q == p {
				return
			}
		}
	} else if c.find(p) {
		return
	}
	if keep > 0 && n >= keep {
		c.lost = true
		return
	}
	if n > 0 {
		c.lat += lat - c.list[0].lat
		c.lon += turned(lon - c.list[0].lon)
	}
	c.list = append(c.list, p)
	switch {
	case n+1 < few || keep > 0 && keep <= fewKept:
	case 2*(n+1) > len(c.index):
		c.rebuild()
	default:
		c.put(p, n)
	}
}

// mean is the unweighted mean of what was added. Longitudes are taken on the first
// one's side of the date line.
func (c *coords) mean() (lat, lon float64) {
	n := float64(len(c.list))
	return c.list[0].lat + c.lat/n, turned(c.list[0].lon + c.lon/n)
}

// turned brings a longitude, or a difference of two, to where it is within half a
// turn.
func turned(lon float64) float64 {
	switch {
	case lon > 180:
		return lon - 360
	case lon < -180:
		return lon + 360
	}
	return lon
}

// factor is odd and differs from run to run of the program, so that nobody can
// make up coordinates that meet in one place of the index.
var factor = maphash.String(maphash.MakeSeed(), "coord") | 1

// hash has its best bits on top.
func (p coord) hash() uint64 {
	// adding zero makes one of the two zeros
	a, b := math.Float64bits(p.lat+0), math.Float64bits(p.lon+0)
	return (a ^ b*0x9e3779b97f4a7c15) * factor
}

// at is where the search for p in the index begins.
func (c *coords) at(p coord) uint64 { return p.hash() >> (64 - bits.TrailingZeros(uint(len(c.index)))) }

func (c *coords) find(p coord) bool {
	mask := uint64(len(c.index) - 1)
	for i := c.at(p); c.index[i] != 0; i = (i + 1) & mask {
		if c.list[c.index[i]-1] == p {
			return true
		}
	}
	return false
}

func (c *coords) put(p coord, n int) {
	mask := uint64(len(c.index) - 1)
	i := c.at(p)
	for c.index[i] != 0 {
		i = (i + 1) & mask
	}
	c.index[i] = uint32(n + 1)
}

// rebuild makes the index anew, four places for each coordinate.
func (c *coords) rebuild() {
	size := 1 << bits.Len(uint(4*len(c.list)-1))
	if cap(c.index) >= size {
		c.index = c.index[:size]
		clear(c.index)
	} else {
		c.index = make([]uint32, size)
	}
	for i, p := range c.list {
		c.put(p, i)
	}
}
