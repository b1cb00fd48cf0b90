package db_test

import (
	"context"
	"testing"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// What a transaction keeps is its own, by key and by the key's type.
func TestKeptInATransaction(t *testing.T) {
	type here string
	type there string
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		for name, run := range map[string]func(context.Context, func(context.Context, *db.Tx) error) error{"update": d.Update, "compose": d.Compose, "view": d.View} {
			for round := range 2 {
				must(t, run(context.Background(), func(_ context.Context, tx *db.Tx) error {
					if got := tx.Kept(here("a")); got != nil {
						t.Errorf("%s, round %d: begins with %v", name, round, got)
					}
					tx.Keep(here("a"), 1)
					tx.Keep(here("a"), 2)
					tx.Keep(there("a"), 3)
					if a, b := tx.Kept(here("a")), tx.Kept(there("a")); a != 2 || b != 3 || tx.Kept(here("b")) != nil {
						t.Errorf("%s, round %d: kept %v and %v", name, round, a, b)
					}
					return nil
				}))
			}
		}
	})
}
