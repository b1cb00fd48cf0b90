package track

import (
	"math"

	"yiwang/geo"
)

const rad = math.Pi / 180

// beyond is the definition: is b at the distance from a, or further?
func beyond(a, b geo.Point, metres float64) bool { return geo.Distance(a, b) >= metres }

// A band is a strip of latitude with what an anchor in it needs to know, so that
// most points are decided without a sine. With the angles x and y between anchor
// and point in degrees of latitude and longitude, x² + cos²(lat)·y² is the square
// of the distance but for a small share. Below lo the distance is certainly
// shorter, from hi on certainly not; between them the definition decides.
//
// The share, with δ the distance as an angle, t the greatest tangent of a latitude
// that the circle around an anchor of the band touches, and w = δ/cos(lat) the
// half width of the box around that circle:
//
//	cos(lat+x) differs from cos(lat) by at most t·δ + δ²/2 of itself,
//	4·sin²(u/2) falls short of u² by at most u²/12 of it, for u = δ and u = w,
//	rounding, in both formulas, makes up less than 2e-9 + 1e-7 m/distance.
//
// Outside the box a point is beyond the circle, and its x² + cos²(lat)·y² beyond
// hi. The box must not reach the date line, nor come near a pole; there lo and hi
// leave everything to the definition.
type band struct {
	mid, cos, sin float64 // middle latitude in degrees, its cosine and sine
	lo, hi        float64 // degrees²
	west          float64 // greatest |longitude| of an anchor whose box stays this side of the date line
}

const bandsPerDegree = 8

// undecided leaves every point to the definition.
var undecided = band{lo: -1, hi: math.Inf(1)}

func bandsOf(metres float64) []band {
	bands := make([]band, 180*bandsPerDegree+1)
	d := metres / geo.Earth
	for i := range bands {
		lat := (float64(i)+0.5)/bandsPerDegree - 90
		b := undecided
		edge := (math.Abs(lat)+0.5/bandsPerDegree)*rad + d // the furthest from the equator that a circle reaches
		if d > 0 && edge < 85*rad {
			w := 1.01 * d / math.Cos(edge)
			share := math.Tan(edge)*d + d*d/2 + d*d/12 + w*w/12 + 2e-9 + 1e-7/metres
			if share *= 1.5; share < 0.2 {
				b.lo, b.hi = d*d/(rad*rad)*(1-share), d*d/(rad*rad)*(1+share)
				b.west = 180 - w/rad
			}
		}
		b.mid, b.cos, b.sin = lat, math.Cos(lat*rad), math.Sin(lat*rad)
		bands[i] = b
	}
	return bands
}

// anchor is the point that a run is measured from.
type anchor struct {
	lat, lon float64
	k        float64 // cos² of the latitude
	lo, hi   float64
}

// anchor makes a point ready to be measured from. Its cosine comes from the middle
// of its band by two terms of Taylor's row, which leaves out less than 3e-10.
func (r *Rule) anchor(lat, lon float64) anchor {
	i := int((lat + 90) * bandsPerDegree)
	if uint(i) >= uint(len(r.bands)) {
		i = 0 // no such place; the polar band leaves it to the definition
	}
	b := &r.bands[i]
	x := (lat - b.mid) * rad
	c := b.cos - x*(b.sin+x*b.cos/2)
	a := anchor{lat, lon, c * c, b.lo, b.hi}
	if math.Abs(lon) > b.west {
		a.lo, a.hi = undecided.lo, undecided.hi
	}
	return a
}

// broken reports whether the point lies at the distance from the anchor, or
// further.
func (r *Rule) broken(a *anchor, lat, lon float64) bool {
	x, y := lat-a.lat, lon-a.lon
	if q := x*x + a.k*y*y; q < a.lo {
		return false
	} else if q >= a.hi {
		return true
	}
	return beyond(geo.Point{Lat: a.lat, Lon: a.lon}, geo.Point{Lat: lat, Lon: lon}, r.Distance)
}
