package app

import (
	"context"

	"yiwang/city"
)

// BelieveNow doesn't wait until the program looks.
func (a *App) BelieveNow(ctx context.Context) error { return a.believe(ctx) }

// FetchStatusNow fetches a status list however new the last is.
func (a *App) FetchStatusNow(ctx context.Context, code string) error {
	uri, region := a.Credentials.Others().Wanted(code, a.Clock.Now())
	return a.status(ctx, city.RegionCode(region), uri)
}
