package command

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"strings"

	"yiwang/city"
	"yiwang/geo"
)

// land is the ground of the map, which never changes while the program runs:
// GeoJSON (RFC 7946), and the same in gzip.
type land struct {
	plain, zipped []byte
	tag           string
	box           geo.Box
	source        city.Text
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

// drawLand makes the ground of a city's roads, waters and the middles of its
// communities; what a city doesn't have is missing in it.
func drawLand(roads *geo.Roads, communities []city.Region) land {
	var l land
	features := []feature{}
	put := func(kind, class string, name city.Text, g geometry) {
		p := map[string]any{"kind": kind, "class": class}
		if name.ZhHans != "" {
			p["zh-Hans"], p["en"] = name.ZhHans, name.En
		}
		features = append(features, feature{"Feature", p, g})
	}
	if roads != nil {
		l.box, l.source = roads.Box, roads.Source
		for i := range roads.Waters {
			w := &roads.Waters[i]
			ring := line(w.Area.Border())
			if len(ring) > 0 {
				ring = append(ring, ring[0])
			}
			put("water", "", w.Name, geometry{"Polygon", [][][2]float64{ring}})
		}
		for i := range roads.Roads {
			r := &roads.Roads[i]
			put("road", string(r.Class), r.Name, geometry{"LineString", line(r.Line)})
		}
	}
	for i, c := range communities {
		p := geo.Point{Lat: c.Lat, Lon: c.Lon}
		if p.IsZero() {
			continue
		}
		if roads == nil {
			if i == 0 {
				l.box = geo.Around(p, 1000)
			}
			l.box = l.box.Extend(p)
		}
		put("community", "", c.Name, geometry{"Point", at(p)})
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

// at is a point as GeoJSON writes it: longitude first, to a decimetre.
func at(p geo.Point) [2]float64 { return [2]float64{round6(p.Lon), round6(p.Lat)} }

func round6(f float64) float64 { return math.Round(f*1e6) / 1e6 }

func line(points []geo.Point) [][2]float64 {
	out := make([][2]float64, len(points))
	for i, p := range points {
		out[i] = at(p)
	}
	return out
}

func (p *Pages) serveLand(w http.ResponseWriter, r *http.Request, _ city.Actor) error {
	h := w.Header()
	h.Set("Content-Type", "application/geo+json")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding, Cookie")
	body, tag := p.land.plain, `"`+p.land.tag+`"`
	if p.land.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body, tag = p.land.zipped, `"`+p.land.tag+`-gz"`
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, _ = w.Write(body) // a reader that has gone away is no fault
	return nil
}
