package demo

import (
	"os"
	"testing"
	"time"

	"yiwang/internal/db/dbtest"
)

// The city of full size, when somebody wants to see how long it takes.
func TestFullCity(t *testing.T) {
	if os.Getenv("YIWANG_DEMO_FULL") == "" {
		t.Skip("set YIWANG_DEMO_FULL=1 to make the whole city")
	}
	w := newWorld(t, dbtest.SQLite(t))
	w.quiet()
	m := w.demo(1)
	m.Size = FullSize
	w.ok(m.Cast(w.ctx))
	start := time.Now()
	total := 0
	var people time.Duration
	w.ok(m.Populate(w.ctx, func(done, of int) {
		total = of
		if done <= FullSize.Residents/4 {
			people = time.Since(start)
		}
	}))
	t.Logf("%d people in %v, %d cases in %v", FullSize.Residents, people, total-FullSize.Residents/4, time.Since(start)-people)
	w.describe(m)
}
