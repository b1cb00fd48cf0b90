package grant

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/grant"
	"yiwang/web"
)

// purpose is what a grant is for, as a heading.
func purpose(ctx context.Context, g grant.Grant) string {
	if g.Purpose.IsZero() {
		return web.T(ctx, "grant.erased")
	}
	return web.In(ctx, g.Purpose)
}

// lastDay is the last day of a grant.
func lastDay(g grant.Grant) city.Date { return city.DateOf(g.Until.Add(-time.Second)) }

// renewAfter is after how many seconds a page that stays open fetches the next code: a
// little before this one ends.
func renewAfter(grant.Code) int { return int((credential.ShowLife - 12*time.Second) / time.Second) }

func parseID(s string) (city.GrantID, error) {
	id, err := city.ParseID[struct{}](s)
	return city.GrantID(id), err
}
