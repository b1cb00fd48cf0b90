package command

import (
	"encoding/json"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// Drawing is what the map shows of a vehicle or an alert that was pointed at.
type Drawing struct {
	Vehicle string      `json:"vehicle"`      // followed by the map; "" where it is about none
	At      *[2]float64 `json:"at,omitempty"` // of the alert
	Pieces  collection  `json:"pieces"`       // tracks, and places of evidence
	Reach   collection  `json:"reach"`        // roads, border and junctions
	Comers  collection  `json:"comers"`       // officers who could come
	Zones   collection  `json:"zones"`
}

func (d *Drawing) spot(p geo.Point) { at := at(p); d.At = &at }

// track adds positions as a line that breaks where nothing was heard.
func (d *Drawing) track(list []history.Position, kind string) {
	var run [][2]float64
	add := func(kind string, line [][2]float64) {
		if len(line) > 1 {
			d.Pieces.Features = append(d.Pieces.Features, feature{"Feature", map[string]any{"kind": kind}, geometry{"LineString", line}})
		}
	}
	for i, x := range list {
		here := at(geo.Point{Lat: x.Lat, Lon: x.Lon})
		if i > 0 && city.FromMicros(x.At).Sub(city.FromMicros(list[i-1].At)) > quietAfter {
			add(kind, run)
			add("gap", [][2]float64{run[len(run)-1], here})
			run = nil
		}
		run = append(run, here)
	}
	add(kind, run)
}

func (d *Drawing) zone(z *register.Zone) {
	ring := line(z.Area.Border)
	if len(ring) == 0 {
		for bearing := 0.0; bearing < 360; bearing += 15 {
			ring = append(ring, at(geo.Move(z.Area.Centre, bearing, z.Area.Radius)))
		}
	}
	d.Zones.Features = append(d.Zones.Features, feature{"Feature", map[string]any{"zh-Hans": z.Name.ZhHans, "en": z.Name.En}, geometry{"Polygon", [][][2]float64{append(ring, ring[0])}}})
}

// JSON is the drawing as the page carries it.
func (d Drawing) JSON() string {
	for _, c := range []*collection{&d.Pieces, &d.Reach, &d.Comers, &d.Zones} {
		c.Type = "FeatureCollection"
		if c.Features == nil {
			c.Features = []feature{}
		}
	}
	raw, err := json.Marshal(d)
	if err != nil { // a place that is no number
		return "{}"
	}
	return string(raw)
}
