package api

import (
	"context"
	"time"

	"yiwang/alert"
	"yiwang/city"
)

type sensorBody struct {
	ID          string             `json:"id"`
	Kind        string             `json:"kind"`
	Name        city.Text          `json:"name"`
	Place       city.Place         `json:"place"`
	Last        *time.Time         `json:"last,omitempty" doc:"Of the newest reading that counted; absent while nothing came since the program started."`
	Values      map[string]float64 `json:"values"`
	Alerts      int                `json:"alerts" doc:"That stand open."`
	Quarantined *time.Time         `json:"quarantined,omitempty" doc:"Since when its readings don't count."`
	Reason      string             `json:"reason,omitempty" enum:"absurd,flood"`
	ClockOff    bool               `json:"clock_off" doc:"Its own clock is wrong, so the city's time counts."`
}

func sensorOf(s alert.DeviceState) sensorBody {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return sensorBody{ID: s.Device.ID, Kind: s.Device.Kind, Name: s.Device.Name, Place: s.Device.Place, Last: at(s.Last), Values: s.Values,
		Alerts: len(s.Open), Quarantined: at(s.Quarantined), Reason: s.Reason, ClockOff: s.ClockOff}
}

func (a *API) listSensors(ctx context.Context, actor city.Actor, _ *struct{}) (*list[sensorBody], error) {
	states, err := a.Sensors.States(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := make([]sensorBody, len(states))
	for i, s := range states {
		out[i] = sensorOf(s)
	}
	return listOf(out, ""), nil
}

type releaseIn struct {
	ID   string `path:"id"`
	Body struct{}
}

// releaseSensor listens again to a device that was in quarantine.
func (a *API) releaseSensor(ctx context.Context, actor city.Actor, in *releaseIn) (*body[sensorBody], error) {
	if err := a.Sensors.Release(ctx, actor, in.ID); err != nil {
		return nil, err
	}
	states, err := a.Sensors.States(ctx, actor)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if s.Device.ID == in.ID {
			return &body[sensorBody]{sensorOf(s)}, nil
		}
	}
	return nil, city.NotFound("alert.no_device", "device", in.ID)
}
