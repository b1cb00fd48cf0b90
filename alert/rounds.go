package alert

import (
	"context"
	"errors"
	"time"

	"yiwang/city"
)

// How many alerts are listed at once, how many lists a pass has, and after how long one
// of which no case could be made is tried again.
const (
	roundBatch = 100
	roundLists = 20
	roundAgain = time.Minute
)

// Rounds go through the alerts without a case, the oldest first and round again, so that
// those of which no case can be made keep none behind them waiting. List and File are
// needed; not safe for concurrent use.
type Rounds struct {
	List func(ctx context.Context, last Alert, most int) ([]Alert, error) // as Board.UnfiledAfter does
	File func(context.Context, Alert) error                               // makes the case

	last   Alert                      // where the pass before ended; the zero Alert is the beginning
	failed map[city.AlertID]time.Time // when those of which no case came were tried
}

// Failed is of how many no case could be made.
func (r *Rounds) Failed() int { return len(r.failed) }

// Pass tries what waits, from where the pass before ended, 2,000 alerts at most. The
// error is the last of what went wrong.
func (r *Rounds) Pass(ctx context.Context, now time.Time) (err error) {
	before := r.failed
	r.failed = map[city.AlertID]time.Time{}
	if !r.last.ID.IsZero() { // those further ahead are of this round, too
		for id, at := range before {
			r.failed[id] = at
		}
	}
	for range roundLists {
		list, e := r.List(ctx, r.last, roundBatch)
		if e != nil {
			return e
		}
		for _, a := range list {
			r.last = a
			at, tried := before[a.ID]
			if !tried || now.Sub(at) >= roundAgain || now.Before(at) {
				at = now
				e := r.File(ctx, a)
				if e == nil && ctx.Err() == nil {
					delete(r.failed, a.ID)
					continue
				}
				err = errors.Join(e, ctx.Err()) // the others go on
			}
			r.failed[a.ID] = at
		}
		if len(list) < roundBatch {
			r.last = Alert{}
			return err
		}
	}
	return err
}
