package command

import (
	"net/http"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/web"
)

type feature struct {
	Type       string         `json:"type"`
	Properties map[string]any `json:"properties"`
	Geometry   any            `json:"geometry"`
}

type geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

func at(p geo.Point) [2]float64 { return web.At(p) }

func line(points []geo.Point) [][2]float64 { return web.Coordinates(points) }

func (p *Pages) serveLand(w http.ResponseWriter, r *http.Request, _ city.Actor) error {
	p.land.ServeHTTP(w, r)
	return nil
}
