package web

import (
	"context"

	"yiwang/city"
)

// SayLimit says a time limit: "10 个工作日", "10 working days".
func SayLimit(ctx context.Context, l city.Limit) string {
	if l.IsZero() {
		return T(ctx, "web.limit.none")
	}
	return T(ctx, "web.limit."+string(l.Unit), "n", l.N)
}
