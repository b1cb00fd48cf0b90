package app

import (
	"context"
	"log/slog"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
)

// alertPatrol is how often alerts without a case are looked for where no signal comes,
// since another process made them.
const alertPatrol = 2 * time.Second

// fileAlerts makes a case of each alert, once, however many nodes do it.
func (a *App) fileAlerts(ctx context.Context) {
	tick := time.NewTicker(alertPatrol)
	defer tick.Stop()
	changed, done := a.Alerts.Changes()
	defer done()
	rounds := alert.Rounds{File: a.fileAlert, List: func(ctx context.Context, last alert.Alert, most int) (list []alert.Alert, err error) {
		err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			list, err = a.Alerts.UnfiledAfter(ctx, tx, city.SystemActor("alert"), last, most)
			return err
		})
		return list, err
	}}
	for {
		if err := rounds.Pass(ctx, a.Clock.Now()); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "alerts could not be filed", "waiting", rounds.Failed(), "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}

// fileAlert makes a case of an alert.
func (a *App) fileAlert(ctx context.Context, al alert.Alert) error {
	if al.Text.IsZero() { // kept before alerts had their words
		var ok bool
		if al, ok = a.Sensors.Describe(al); !ok { // the pack has forgotten the rule or the device
			return nil
		}
	}
	_, err := a.Incidents.FromAlert(ctx, city.SystemActor("alert"), al)
	return err
}
