package app

import (
	"context"

	"yiwang/city"
)

// Twin builds the parts a second time over the same database, with another
// clock and without faces or followers: the demonstration's past is made with
// it. It is never started; stopping the first is enough.
func (a *App) Twin(ctx context.Context, clock city.Clock) (*App, error) {
	t := &App{Options: a.Options, Pack: a.Pack, DB: a.DB, Journal: a.Journal, Access: a.Access}
	t.Clock = clock
	return t, t.domain(ctx)
}
