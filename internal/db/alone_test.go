package db_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// Nodes over one database are alone one after the other, also where one fails, and
// with a pool of a single connection that the work itself needs.
func TestNodesAreAloneOneAfterTheOther(t *testing.T) {
	ctx := context.Background()
	url := dbtest.PostgresURL(t)
	var within, most atomic.Int64
	var all sync.WaitGroup
	broken := errors.New("broken")
	for i := range 4 {
		d, err := db.Open(ctx, url, db.Options{Conns: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		all.Go(func() {
			if err := d.Migrate(ctx); err != nil { // an empty database, four at once
				t.Errorf("node %d: %v", i, err)
			}
			for range 5 {
				err := d.Alone(ctx, func() error {
					if n := within.Add(1); n > most.Load() {
						most.Store(n)
					}
					defer within.Add(-1)
					if err := d.Ping(ctx); err != nil {
						return err
					}
					return broken
				})
				if !errors.Is(err, broken) {
					t.Errorf("node %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d nodes were alone at once", most.Load())
	}
}
