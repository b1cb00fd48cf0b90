package scorecard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// BenchmarkYear asks for a year's figures by body over as many cases as
// YIWANG_SCORECARD_CASES says (20,000), spread over 12 months, 16 bodies, 30
// streets and 70 classes with each class at one body:
//
//	YIWANG_SCORECARD_CASES=1000000 go test ./scorecard -run xxx -bench Year
func BenchmarkYear(b *testing.B) {
	n := 20000
	if s := os.Getenv("YIWANG_SCORECARD_CASES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("sqlite", func(b *testing.B) { benchYear(b, dbtest.SQLite(b), n) })
	b.Run("postgres", func(b *testing.B) { benchYear(b, dbtest.Postgres(b), n) })
}

func benchYear(b *testing.B, d *db.DB, n int) {
	raw, err := os.ReadFile("../cities/jianghai/access/scorecard.cedar")
	if err != nil {
		b.Fatal(err)
	}
	a, err := access.New(map[string][]byte{"scorecard.cedar": raw})
	if err != nil {
		b.Fatal(err)
	}
	ctx, rng := context.Background(), rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first := MonthOf(start, time.UTC)
	sums := map[cell]*counts{}
	for range n {
		class := rng.IntN(70)
		at := city.Micros(start) + 1
		s := caseState{Opened: at, Sent: at + rng.Int64N(3600e6), Done: at + rng.Int64N(200*3600e6), Closed: at + 201*3600e6, Result: "resolved",
			Sentto: true, Back: rng.IntN(20) == 0, Late: rng.IntN(10) == 0, Rated: rng.IntN(3) == 0}
		c := cell{Incidents, first + Month(rng.IntN(12)), fmt.Sprint("body", class%16), fmt.Sprintf("3301%05d", rng.IntN(30)), fmt.Sprintf("c%04d", class)}
		if sums[c] == nil {
			sums[c] = &counts{}
		}
		sums[c].add(&s, 1)
	}
	err = d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for c, s := range sums {
			writeCell(tx, c, s)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	card := New(Options{DB: d, Access: a})
	for b.Loop() {
		err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			lines, err := card.Figures(ctx, tx, city.SystemActor("bench"), Query{Sort: Incidents, From: first, Until: first + 11}, ByBody)
			if err == nil && len(lines) != 16 {
				b.Fatalf("%d lines", len(lines))
			}
			for _, l := range lines {
				l.Quantile(ToDone, 0.5)
				l.Quantile(ToDone, 0.9)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
