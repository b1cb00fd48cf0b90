package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/fleet/gateway"
	"yiwang/fleet/history"
	"yiwang/geo"
)

// settleEvery is how often positions that are written no longer become Parquet.
const settleEvery = 5 * time.Minute

// onRoad is how far from the middle of a road a vehicle still stands on it, in metres.
const onRoad = 25

// watchVehicles makes what keeps positions and watches vehicles, in a city that has
// rules for it.
func (a *App) watchVehicles() (err error) {
	p := a.Pack
	if len(p.Detection.Detectors) == 0 {
		return nil
	}
	if a.Tracks, err = history.Open(filepath.Join(a.Data, "tracks"), history.Options{Clock: a.Clock, Keep: p.Site.Keep.Tracks}); err != nil {
		return err
	}
	a.Vehicles, err = fleet.NewMonitor(fleet.MonitorOptions{DB: a.DB, Access: a.Access, Clock: a.Clock, Zone: p.Zone, Registers: a.Registers, History: a.Tracks, Board: a.Alerts,
		Ground: groundOf(p.Roads), Log: a.Log})
	return err
}

// watchRisk makes the index of communities, in a city that has a formula for it.
func (a *App) watchRisk() {
	if p := a.Pack; p.Risk != nil {
		a.Risks = fleet.NewIndex(fleet.IndexOptions{DB: a.DB, Access: a.Access, Clock: a.Clock, Zone: p.Zone, Directory: a.Directory, Registers: a.Registers,
			History: a.Tracks, Board: a.Alerts, Formula: p.Risk, Log: a.Log})
	}
}

// registerRisk puts the index of communities into the algorithm register. It touches
// no person, and people still want to know how it counts.
func (a *App) registerRisk() error {
	p := a.Pack
	if p.Risk == nil {
		return nil
	}
	about, ok := p.Algorithm(fleet.RiskID)
	if !ok {
		return fmt.Errorf("the pack describes no %s", fleet.RiskID) // pack.Load asks for it
	}
	return a.Algorithms.Add(fleet.RegisteredRisk(p.Risk, *about))
}

// groundOf is what is known of the roads beneath vehicles; roads may be nil.
func groundOf(roads *geo.Roads) detect.Ground {
	var near geo.Point
	if roads != nil {
		near = geo.Point{Lat: (roads.Box.South + roads.Box.North) / 2, Lon: (roads.Box.West + roads.Box.East) / 2}
	}
	return detect.Ground{Motorway: detect.Along(roads, near, onRoad, geo.Motorway), Road: detect.Along(roads, near, onRoad)}
}

// openTerminals opens the door for vehicle terminals, where there is to be one.
func (a *App) openTerminals(ctx context.Context) (err error) {
	if a.JT808 == nil {
		return nil
	}
	if a.Vehicles == nil {
		return errors.Join(errors.New("the city has no rules for vehicles (detection.yaml)"), a.JT808.Close())
	}
	program := city.SystemActor("gateway")
	a.terminals, err = gateway.New(gateway.Options{Clock: a.Clock, Log: a.Log, Limits: gateway.Limits{PerAddress: a.Crowd}, Key: a.Journal.Vault().Digest("gateway", "terminals"),
		Record: func(ctx context.Context, ps []history.Position) error { return a.Vehicles.Record(ctx, program, ps) },
		Vehicle: func(phone string) (string, bool) {
			if v := a.Registers.Book().VehicleByTerminal(phone); v != nil {
				return string(v.ID), true
			}
			return "", false
		},
		Edition: func() uint64 { return a.Registers.Book().Serial() }})
	if err != nil {
		return err
	}
	a.goes(func() {
		if err := a.terminals.Serve(ctx, a.JT808); err != nil {
			a.Log.Error("the door for vehicle terminals is closed", "err", err)
		}
	})
	return nil
}

// settle makes what is kept of tracks smaller and drops what is too old.
func (a *App) settle(ctx context.Context) {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := a.Tracks.Settle(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "tracks could not be settled", "err", err)
		}
	}
}
