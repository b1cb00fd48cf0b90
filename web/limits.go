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

// SayCount says a number with its thousands apart: "1,284".
func SayCount(n int) string {
	s := itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
