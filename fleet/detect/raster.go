package detect

import (
	"math"

	"yiwang/geo"
)

// Raster is a set of places on a square grid; it answers in constant time and errs
// by about a cell. A nil Raster holds nothing.
type Raster struct {
	lat, lon float64 // degrees of a cell
	cells    map[[2]int32]struct{}
}

// Along makes the places within so many metres of roads of the classes, none being
// all. near is where the city is.
func Along(roads *geo.Roads, near geo.Point, metres float64, classes ...geo.RoadClass) *Raster {
	lat := metres / geo.Earth * 180 / math.Pi
	r := &Raster{lat: lat, lon: lat / math.Cos(near.Lat*math.Pi/180), cells: map[[2]int32]struct{}{}}
	if roads == nil {
		return r
	}
	for i := range roads.Roads {
		road := &roads.Roads[i]
		of := len(classes) == 0
		for _, c := range classes {
			of = of || road.Class == c
		}
		if !of {
			continue
		}
		for j := 1; j < len(road.Line); j++ {
			a, b := road.Line[j-1], road.Line[j]
			n := int(geo.Distance(a, b)/metres*2) + 1
			for k := 0; k <= n; k++ {
				f := float64(k) / float64(n)
				c := r.cell(geo.Point{Lat: a.Lat + f*(b.Lat-a.Lat), Lon: a.Lon + f*(b.Lon-a.Lon)})
				for dy := int32(-1); dy <= 1; dy++ {
					for dx := int32(-1); dx <= 1; dx++ {
						r.cells[[2]int32{c[0] + dy, c[1] + dx}] = struct{}{}
					}
				}
			}
		}
	}
	return r
}

func (r *Raster) cell(p geo.Point) [2]int32 {
	return [2]int32{int32(math.Floor(p.Lat / r.lat)), int32(math.Floor(p.Lon / r.lon))}
}

// Has reports whether the place is in the set.
func (r *Raster) Has(p geo.Point) bool {
	if r == nil {
		return false
	}
	_, ok := r.cells[r.cell(p)]
	return ok
}
