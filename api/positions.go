package api

import (
	"context"

	"yiwang/city"
	"yiwang/fleet"
)

const mostPositions = 10_000 // in one request

type positionsIn struct {
	RawBody []byte `contentType:"application/x-ndjson"`
}

type positionsBody struct {
	Taken   int           `json:"taken" doc:"Positions that are on the disk now."`
	Refused []refusedLine `json:"refused" doc:"Those that aren't, each with its reason."`
}

// positions takes where vehicles were, a JSON object a line.
func (a *API) positions(ctx context.Context, actor city.Actor, in *positionsIn) (out *body[positionsBody], err error) {
	out = &body[positionsBody]{}
	out.Body.Taken, out.Body.Refused, err = lines(ctx, in.RawBody, mostPositions, fleet.ReadSent,
		func(all []fleet.Sent) ([]error, error) { return a.Vehicles.Take(ctx, actor, all, fleet.ByHTTP) })
	return out, err
}
