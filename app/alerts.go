package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
)

// How often alerts without a case are looked for where no signal comes, since another
// process made them, and how many at once and in one go. One of which no case could be
// made is tried again by and by, so that those behind it have their turn.
const (
	alertPatrol = 2 * time.Second
	alertBatch  = 100
	alertGo     = 20 // batches
	alertAgain  = time.Minute
)

// fileAlerts makes a case of each alert, once, however many nodes do it.
func (a *App) fileAlerts(ctx context.Context) {
	tick := time.NewTicker(alertPatrol)
	defer tick.Stop()
	changed, done := a.Alerts.Changes()
	defer done()
	f := filing{file: a.fileAlert, list: func(ctx context.Context, last alert.Alert) (list []alert.Alert, err error) {
		err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			list, err = a.Alerts.UnfiledAfter(ctx, tx, city.SystemActor("alert"), last, alertBatch)
			return err
		})
		return list, err
	}}
	for {
		if err := f.pass(ctx, time.Now()); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "alerts could not be filed", "waiting", len(f.failed), "err", err)
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

// filing goes through the alerts without a case, oldest first and round again.
type filing struct {
	list   func(ctx context.Context, last alert.Alert) ([]alert.Alert, error)
	file   func(ctx context.Context, al alert.Alert) error
	last   alert.Alert                // where it has come to; the zero Alert is the beginning
	failed map[city.AlertID]time.Time // when those of which no case came were tried
}

// pass tries what waits, from where the last pass ended, so much at once; err is the
// last of what went wrong.
func (f *filing) pass(ctx context.Context, now time.Time) (err error) {
	before := f.failed
	f.failed = map[city.AlertID]time.Time{}
	if !f.last.ID.IsZero() { // those further ahead are of this round, too
		for id, at := range before {
			f.failed[id] = at
		}
	}
	for range alertGo {
		list, e := f.list(ctx, f.last)
		if e != nil {
			return e
		}
		for _, al := range list {
			f.last = al
			at, tried := before[al.ID]
			if !tried || now.Sub(at) >= alertAgain || now.Before(at) {
				at = now
				e := f.file(ctx, al)
				if e == nil && ctx.Err() == nil {
					delete(f.failed, al.ID)
					continue
				}
				err = errors.Join(e, ctx.Err()) // the others go on
			}
			f.failed[al.ID] = at
		}
		if len(list) < alertBatch {
			f.last = alert.Alert{}
			return err
		}
	}
	return err
}
