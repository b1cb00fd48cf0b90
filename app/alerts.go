package app

import (
	"context"
	"log/slog"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
)

// How often alerts without a case are looked for where no signal comes, since another
// process made them, and how many at once.
const (
	alertPatrol = 2 * time.Second
	alertBatch  = 100
)

// fileAlerts makes a case of each alert, once, however many nodes do it.
func (a *App) fileAlerts(ctx context.Context) {
	tick := time.NewTicker(alertPatrol)
	defer tick.Stop()
	changed, done := a.Alerts.Changes()
	defer done()
	for {
		if err := a.fileOpenAlerts(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "alerts could not be filed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}

func (a *App) fileOpenAlerts(ctx context.Context) error {
	actor := city.SystemActor("alert")
	var open []alert.Alert
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		open, err = a.Alerts.Unfiled(ctx, tx, actor, alertBatch)
		return err
	})
	for _, al := range open {
		if al.Text.IsZero() { // kept before alerts had their words
			var ok bool
			if al, ok = a.Sensors.Describe(al); !ok { // the pack has forgotten the rule or the device
				continue
			}
		}
		_, e := a.Incidents.FromAlert(ctx, actor, al)
		if e != nil {
			err = e // the others go on; this one is tried again
		}
	}
	return err
}
