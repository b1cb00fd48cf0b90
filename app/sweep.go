package app

import (
	"context"
	"log/slog"
	"time"

	"yiwang/city"
)

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// sweepEvery is how often what has run out is removed: sessions, codes, marks of
// tries, old notices and messages. On several nodes each does it; what one has
// removed the next doesn't find.
const sweepEvery = time.Hour

func (a *App) sweep(ctx context.Context) {
	soon := time.NewTimer(time.Minute) // not while the first page is asked for
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-soon.C:
		}
		for name, part := range map[string]func(context.Context, city.Actor) (int64, error){"identity": a.Identity.Sweep, "notify": a.Notices.Sweep, "incident": a.sweepPhotos, "pass": a.sweepPasses} {
			if _, err := part(ctx, city.SystemActor("app")); err != nil && ctx.Err() == nil {
				slog.ErrorContext(ctx, "what has run out could not be removed", "part", name, "err", err)
			}
		}
		soon.Reset(sweepEvery)
	}
}

func (a *App) sweepPasses(ctx context.Context, actor city.Actor) (int64, error) {
	return 0, a.Passes.Sweep(ctx, actor)
}

func (a *App) sweepPhotos(ctx context.Context, actor city.Actor) (int64, error) {
	if a.Incidents == nil {
		return 0, nil
	}
	return a.Incidents.Sweep(ctx, actor)
}

// shiftsEvery is how often shifts that have run out are closed. They count as
// over before that; what their officers had in hand waits for it.
const shiftsEvery = 30 * time.Second

func (a *App) closeShifts(ctx context.Context) {
	tick := time.NewTicker(shiftsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if a.Incidents != nil {
			_, err = a.Incidents.EndShifts(ctx, city.SystemActor("duty"))
		} else {
			_, err = a.Directory.SweepDuties(ctx, city.SystemActor("duty"))
		}
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "shifts that have run out could not be closed", "err", err)
		}
	}
}
