package geo

import (
	"fmt"
	"math"
)

// Earth is the radius of the sphere that distances are measured on, in metres.
const Earth = 6_371_000

// Point is a place in WGS-84 degrees.
type Point struct {
	Lat float64 `yaml:"lat" json:"lat"`
	Lon float64 `yaml:"lon" json:"lon"`
}

// Valid reports whether there can be such a place.
func (p Point) Valid() bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180 // false for NaN
}

// IsZero reports whether no place was given. Nobody reports anything from the
// Gulf of Guinea.
func (p Point) IsZero() bool { return p == Point{} }

// String writes the point with six decimals, a tenth of a metre.
func (p Point) String() string { return fmt.Sprintf("%.6f,%.6f", p.Lat, p.Lon) }

const rad = math.Pi / 180

// Distance is the length of the great circle between two points in metres
// (haversine).
func Distance(a, b Point) float64 {
	la, lb := a.Lat*rad, b.Lat*rad
	s, t := math.Sin((lb-la)/2), math.Sin((b.Lon-a.Lon)*rad/2)
	return 2 * Earth * math.Asin(math.Min(1, math.Sqrt(s*s+math.Cos(la)*math.Cos(lb)*t*t)))
}

// Bearing is the direction from a to b in degrees, 0 north, 90 east.
func Bearing(a, b Point) float64 {
	la, lb, d := a.Lat*rad, b.Lat*rad, (b.Lon-a.Lon)*rad
	deg := math.Atan2(math.Sin(d)*math.Cos(lb), math.Cos(la)*math.Sin(lb)-math.Sin(la)*math.Cos(lb)*math.Cos(d)) / rad
	return math.Mod(deg+360, 360)
}

// Move is the point so many metres from p in the direction of the bearing.
func Move(p Point, bearing, metres float64) Point {
	la, b, d := p.Lat*rad, bearing*rad, metres/Earth
	lat := math.Asin(math.Sin(la)*math.Cos(d) + math.Cos(la)*math.Sin(d)*math.Cos(b))
	lon := p.Lon*rad + math.Atan2(math.Sin(b)*math.Sin(d)*math.Cos(la), math.Cos(d)-math.Sin(la)*math.Sin(lat))
	return Point{lat / rad, math.Mod(lon/rad+540, 360) - 180}
}

// Box is a rectangle of degrees. It does not cross the date line.
type Box struct{ South, West, North, East float64 }

// Around is the smallest box that holds the circle of so many metres around p.
func Around(p Point, metres float64) Box {
	dlat := metres/Earth/rad + 1e-9 // what lies on the edge is in it, whatever rounding says
	dlon := 180.0
	if c := math.Cos((math.Abs(p.Lat) + dlat) * rad); c > 1e-6 && math.Abs(p.Lat)+dlat < 90 {
		dlon = math.Min(dlon, dlat/c)
	}
	return Box{p.Lat - dlat, p.Lon - dlon, p.Lat + dlat, p.Lon + dlon}
}

// Contains reports whether p lies in the box or on its edge.
func (b Box) Contains(p Point) bool {
	return p.Lat >= b.South && p.Lat <= b.North && p.Lon >= b.West && p.Lon <= b.East
}

// Extend is the box with p in it.
func (b Box) Extend(p Point) Box {
	return Box{math.Min(b.South, p.Lat), math.Min(b.West, p.Lon), math.Max(b.North, p.Lat), math.Max(b.East, p.Lon)}
}
