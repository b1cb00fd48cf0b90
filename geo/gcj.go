package geo

import "math"

// GCJ-02 shifts places in China by some hundred metres. The transformation is
// public by its use; outside a rough rectangle around China it shifts nothing.
// FromGCJ02 undoes it to less than a millimetre by iteration.

// ToGCJ02 is the point as maps in China draw it.
func ToGCJ02(p Point) Point {
	if !nearChina(p) {
		return p
	}
	const a, ee = 6378245.0, 0.00669342162296594323 // Krasovsky 1940
	x, y := p.Lon-105, p.Lat-35
	wave := (20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)) * 2 / 3
	dlat := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*math.Sqrt(math.Abs(x)) + wave +
		(20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi))*2/3 + (160*math.Sin(y/12*math.Pi)+320*math.Sin(y*math.Pi/30))*2/3
	dlon := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*math.Sqrt(math.Abs(x)) + wave +
		(20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi))*2/3 + (150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3
	s := math.Sin(p.Lat * rad)
	m := 1 - ee*s*s
	r := math.Sqrt(m)
	return Point{p.Lat + dlat*180/(a*(1-ee)/(m*r)*math.Pi), p.Lon + dlon*180/(a/r*math.Cos(p.Lat*rad)*math.Pi)}
}

// FromGCJ02 is the WGS-84 place of a point given in GCJ-02.
func FromGCJ02(p Point) Point {
	w := p
	for range 12 {
		g := ToGCJ02(w)
		dlat, dlon := g.Lat-p.Lat, g.Lon-p.Lon
		w = Point{w.Lat - dlat, w.Lon - dlon}
		if math.Abs(dlat) < 1e-11 && math.Abs(dlon) < 1e-11 {
			break
		}
	}
	return w
}

func nearChina(p Point) bool {
	return p.Lon > 72.004 && p.Lon < 137.8347 && p.Lat > 0.8293 && p.Lat < 55.8271
}
