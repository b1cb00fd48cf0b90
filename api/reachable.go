package api

import (
	"context"
	"math"
	"time"

	"yiwang/city"
	"yiwang/fleet/intercept"
	records "yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
)

type reachableIn struct {
	Body struct {
		Vehicle string    `json:"vehicle,omitempty" maxLength:"64" doc:"Its plate: it begins where that vehicle was heard last. Else lat and lon say where."`
		Lat     *float64  `json:"lat,omitempty" minimum:"-90" maximum:"90" example:"31.933"`
		Lon     *float64  `json:"lon,omitempty" minimum:"-180" maximum:"180" example:"121.04"`
		Heading *float64  `json:"heading,omitempty" minimum:"0" maximum:"360" doc:"Where it goes, in degrees, 0 north, 90 east. Absent, it may go both ways."`
		Minutes float64   `json:"minutes" exclusiveMinimum:"0" maximum:"30" example:"5"`
		At      time.Time `json:"at,omitzero" doc:"When: decides how fast roads are driven; absent is now."`
	}
}

// lonLat is a place as GeoJSON has it.
type lonLat [2]float64

type reachableBody struct {
	From      spotBody       `json:"from"`
	At        time.Time      `json:"at"`
	Area      areaBody       `json:"area" doc:"GeoJSON: the border around all that can be reached."`
	Metres    int            `json:"metres" doc:"Of road."`
	Pieces    []stretchBody  `json:"pieces" doc:"Pieces of road, those reached first to begin with; each place stands in one."`
	Junctions []junctionBody `json:"junctions" doc:"Where roads meet, in the order in which it can be there."`
	Officers  []comerBody    `json:"officers" doc:"On duty near enough to come, as far as you may see them: first those who can be in its way before it."`
}

type spotBody struct {
	Lat      float64   `json:"lat"`
	Lon      float64   `json:"lon"`
	Off      int       `json:"off" doc:"Metres from the place that was sent."`
	Road     city.Text `json:"road,omitzero"`
	BothWays bool      `json:"both_ways" doc:"It may go on either way."`
}

type areaBody struct {
	Type        string       `json:"type" enum:"MultiPolygon"`
	Coordinates [][][]lonLat `json:"coordinates"`
}

type stretchBody struct {
	Class geo.RoadClass `json:"class"`
	Road  city.Text     `json:"road,omitzero"`
	Line  []lonLat      `json:"line" doc:"Longitude and latitude, in the direction of travel."`
	Begin float64       `json:"begin" doc:"Seconds until it can be at the first point."`
	Until float64       `json:"until" doc:"Seconds until it can be at the last."`
}

type junctionBody struct {
	Lat   float64     `json:"lat"`
	Lon   float64     `json:"lon"`
	Roads []city.Text `json:"roads" doc:"Those that meet, the largest first."`
	After float64     `json:"after" doc:"Seconds until it can be there."`
}

type comerBody struct {
	Account  city.AccountID `json:"account"`
	Post     city.PostID    `json:"post"`
	Lat      float64        `json:"lat"`
	Lon      float64        `json:"lon"`
	Placed   time.Time      `json:"placed" doc:"When they were there."`
	Junction int            `json:"junction" doc:"Where they can meet it, counted from 0 in junctions."`
	Needs    float64        `json:"needs" doc:"Seconds until they can be there."`
	Lead     float64        `json:"lead" doc:"Seconds before it; negative, it may have passed."`
}

// reachable says where a vehicle can be in some minutes and who can be in its way.
func (a *API) reachable(ctx context.Context, actor city.Actor, in *reachableIn) (*body[reachableBody], error) {
	q := intercept.Question{Heading: -1, When: in.Body.At, Within: time.Duration(in.Body.Minutes * float64(time.Minute))}
	switch {
	case in.Body.Vehicle != "":
		if err := a.liveAt(ctx, actor, in.Body.Vehicle, &q); err != nil {
			return nil, err
		}
	case in.Body.Lat != nil && in.Body.Lon != nil:
		q.At = geo.Point{Lat: *in.Body.Lat, Lon: *in.Body.Lon}
	default:
		return nil, city.InvalidFields([]city.Field{{Name: "lat", Message: city.Message{Key: "fleet.sent.place"}}})
	}
	if in.Body.Heading != nil {
		q.Heading = *in.Body.Heading
	}
	var found intercept.Answer
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		found, err = a.Reach.Reachable(ctx, tx, actor, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	from := found.From
	out := reachableBody{
		From: spotBody{Lat: micro(from.At.Lat), Lon: micro(from.At.Lon), Off: int(from.Off), Road: from.Road.Name, BothWays: from.Forward && from.Backward},
		At:   a.zone(found.When), Metres: int(found.Metres),
		Area:   areaBody{Type: "MultiPolygon", Coordinates: [][][]lonLat{}},
		Pieces: []stretchBody{}, Junctions: []junctionBody{}, Officers: []comerBody{},
	}
	for _, area := range found.Area {
		ring := positions(area.Border())
		out.Area.Coordinates = append(out.Area.Coordinates, [][]lonLat{append(ring, ring[0])})
	}
	for _, s := range found.Pieces {
		out.Pieces = append(out.Pieces, stretchBody{Class: s.Road.Class, Road: s.Road.Name, Line: positions(s.Line), Begin: tenths(s.Begin), Until: tenths(s.Until)})
	}
	for _, j := range found.Junctions {
		names := j.Roads
		if names == nil {
			names = []city.Text{}
		}
		out.Junctions = append(out.Junctions, junctionBody{Lat: micro(j.At.Lat), Lon: micro(j.At.Lon), Roads: names, After: tenths(j.After)})
	}
	for _, o := range found.Officers {
		out.Officers = append(out.Officers, comerBody{Account: o.Account, Post: o.Post, Lat: o.At.Lat, Lon: o.At.Lon, Placed: a.zone(o.Placed),
			Junction: o.Junction, Needs: tenths(o.Needs), Lead: tenths(o.Lead)})
	}
	return &body[reachableBody]{out}, nil
}

// positions are places for GeoJSON, to a tenth of a metre.
func positions(line []geo.Point) []lonLat {
	out := make([]lonLat, len(line))
	for i, p := range line {
		out[i] = lonLat{micro(p.Lon), micro(p.Lat)}
	}
	return out
}

func micro(degrees float64) float64 { return math.Round(degrees*1e6) / 1e6 }

func tenths(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }

// slow is the speed in km/h below which a terminal's heading says nothing.
const slow = 5

// liveAt asks from where a vehicle was heard last, and which way it went.
func (a *API) liveAt(ctx context.Context, actor city.Actor, plate string, q *intercept.Question) error {
	if a.Vehicles == nil {
		return city.NotFound("fleet.unheard", "vehicle", plate)
	}
	live, ok, err := a.Vehicles.Where(ctx, actor, records.VehicleID(plate))
	if err != nil {
		return err
	}
	if !ok {
		return city.NotFound("fleet.unheard", "vehicle", plate)
	}
	q.At = geo.Point{Lat: live.Lat, Lon: live.Lon}
	if live.Speed >= slow {
		q.Heading = float64(live.Heading)
	}
	return nil
}
