package api

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
)

type shiftIn struct {
	Body struct {
		Post  city.PostID `json:"post" example:"urban-management.inspector" doc:"One that you hold."`
		Until time.Time   `json:"until" doc:"When the shift ends, at most 24 hours from now. While it runs, this moves its end."`
	}
}

type shiftBody struct {
	Post  city.PostID `json:"post"`
	Since time.Time   `json:"since"`
	Until time.Time   `json:"until"`
}

func (a *API) shiftOf(w directory.Watch) shiftBody {
	return shiftBody{Post: w.Post, Since: a.zone(w.Since), Until: a.zone(w.Until)}
}

// goOnDuty begins a shift of whoever asks.
func (a *API) goOnDuty(ctx context.Context, actor city.Actor, in *shiftIn) (*body[shiftBody], error) {
	if err := a.duty.Try(actor.Account.String(), a.Clock.Now()); err != nil {
		return nil, err
	}
	var w directory.Watch
	err := a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		w, err = a.Directory.GoOnDuty(ctx, tx, actor, directory.Shift{Post: in.Body.Post, Until: in.Body.Until})
		return err
	})
	return &body[shiftBody]{a.shiftOf(w)}, err
}

func (a *API) listDuty(ctx context.Context, actor city.Actor, _ *struct{}) (*list[shiftBody], error) {
	out := []shiftBody{}
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		mine, err := a.Directory.Watches(ctx, tx, actor)
		for _, w := range mine {
			out = append(out, a.shiftOf(w))
		}
		return err
	})
	return listOf(out, ""), err
}

type endDutyIn struct {
	Body struct {
		Post city.PostID `json:"post" example:"urban-management.inspector"`
	}
}

type handedBody struct {
	On   int `json:"on" doc:"Matters that went to somebody else on duty."`
	Back int `json:"back" doc:"Matters that went back to the post's inbox."`
}

// endDuty ends a shift; what was in hand goes on.
func (a *API) endDuty(ctx context.Context, actor city.Actor, in *endDutyIn) (*body[handedBody], error) {
	h, err := a.Incidents.EndDuty(ctx, actor, in.Body.Post)
	return &body[handedBody]{handedBody{On: h.On, Back: h.Back}}, err
}

type positionIn struct {
	Body struct {
		Lat float64   `json:"lat" minimum:"-90" maximum:"90" example:"31.933"`
		Lon float64   `json:"lon" minimum:"-180" maximum:"180" example:"121.04"`
		At  time.Time `json:"at,omitzero" doc:"When that was; absent is now."`
	}
}

type positionBody struct {
	Taken bool `json:"taken" doc:"False for what says nothing about now: older than what is known or than half an hour, or ahead of the clock."`
}

// position says where an officer on duty is; the one before is forgotten.
func (a *API) position(ctx context.Context, actor city.Actor, in *positionIn) (*body[positionBody], error) {
	if err := a.duty.Try(actor.Account.String(), a.Clock.Now()); err != nil {
		return nil, err
	}
	out := &body[positionBody]{}
	err := a.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out.Body.Taken, err = a.Directory.Stand(ctx, tx, actor, directory.Fix{Point: geo.Point{Lat: in.Body.Lat, Lon: in.Body.Lon}, At: in.Body.At})
		return err
	})
	return out, err
}
