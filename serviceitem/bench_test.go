package serviceitem_test

import (
	"context"
	"testing"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

// BenchmarkCommit is what the store does by itself: one row, durable.
func BenchmarkCommit(b *testing.B) {
	w := newTown(b, dbtest.SQLite(b))
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			w.ok(w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO item_counters (name, next) VALUES ($1, 1)`, city.NewRunID().String())
				return err
			}))
		}
	})
}

// BenchmarkFile is an application from the answers to its number.
func BenchmarkFile(b *testing.B) {
	w := newTown(b, dbtest.SQLite(b))
	me := person(w.mother)
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			w.file(me, serviceitem.Filing{Answers: answers(), Materials: yes})
		}
	})
}

// BenchmarkDecide is a decision by rule, with its run and its licence.
func BenchmarkDecide(b *testing.B) {
	w := newTown(b, dbtest.SQLite(b))
	for range b.N {
		w.file(person(w.mother), serviceitem.Filing{Answers: answers("books", 50), Materials: yes})
	}
	b.ResetTimer()
	w.decide()
}
