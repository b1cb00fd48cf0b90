package bench

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"yiwang/internal/db/dbtest"
)

// BenchmarkLifecycle is a matter from the report to its end, with nobody who
// follows; YIWANG_BENCH=postgres takes it to PostgreSQL.
func BenchmarkLifecycle(b *testing.B) {
	ctx := context.Background()
	o := Options{}
	if os.Getenv("YIWANG_BENCH") == "postgres" {
		o.Database = dbtest.MigratedURL(b)
	}
	s, err := newStreets(ctx, o, b.TempDir(), &atomic.Uint64{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.lifecycle(ctx); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	if err := s.app.DB.Close(); err != nil {
		b.Error(err)
	}
}
