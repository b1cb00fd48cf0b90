package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"

	"yiwang/city"
	"yiwang/geo"
)

// Land is the ground of maps that a script draws, which never changes while the
// program runs: GeoJSON (RFC 7946), and the same in gzip. It serves itself.
type Land struct {
	plain, zipped []byte
	tag           string
}

type feature struct {
	Type       string         `json:"type"`
	Properties map[string]any `json:"properties"`
	Geometry   any            `json:"geometry"`
}

type geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

// DrawLand makes the ground of a city's roads, waters and the middles of its
// communities; what a city doesn't have is missing in it.
func DrawLand(roads *geo.Roads, communities []city.Region) *Land {
	l := &Land{}
	features := []feature{}
	put := func(kind, class string, name city.Text, g geometry) {
		p := map[string]any{"kind": kind, "class": class}
		if name.ZhHans != "" {
			p["zh-Hans"], p["en"] = name.ZhHans, name.En
		}
		features = append(features, feature{"Feature", p, g})
	}
	if roads != nil {
		for i := range roads.Waters {
			w := &roads.Waters[i]
			ring := Coordinates(w.Area.Border())
			if len(ring) > 0 {
				ring = append(ring, ring[0])
			}
			put("water", "", w.Name, geometry{"Polygon", [][][2]float64{ring}})
		}
		for i := range roads.Roads {
			r := &roads.Roads[i]
			put("road", string(r.Class), r.Name, geometry{"LineString", Coordinates(r.Line)})
		}
	}
	for _, c := range communities {
		p := geo.Point{Lat: c.Lat, Lon: c.Lon}
		if p.IsZero() {
			continue
		}
		put("community", "", c.Name, geometry{"Point", At(p)})
	}
	var err error
	if l.plain, err = json.Marshal(map[string]any{"type": "FeatureCollection", "features": features}); err != nil {
		panic(err) // nothing in it can fail
	}
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	if _, err := zw.Write(l.plain); err == nil && zw.Close() == nil {
		l.zipped = z.Bytes()
	}
	sum := sha256.Sum256(l.plain)
	l.tag = hex.EncodeToString(sum[:8])
	return l
}

// At is a point as GeoJSON writes it: longitude first, to a decimetre.
func At(p geo.Point) [2]float64 { return [2]float64{round6(p.Lon), round6(p.Lat)} }

func round6(f float64) float64 { return math.Round(f*1e6) / 1e6 }

// Coordinates are points as GeoJSON writes them.
func Coordinates(points []geo.Point) [][2]float64 {
	out := make([][2]float64, len(points))
	for i, p := range points {
		out[i] = At(p)
	}
	return out
}

// ServeHTTP gives the ground; who asks again is told that it is the same.
func (l *Land) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/geo+json")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding, Cookie")
	body, tag := l.plain, `"`+l.tag+`"`
	if l.zipped != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, tag = l.zipped, `"`+l.tag+`-gz"`
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body) // a reader that has gone away is no fault
}
