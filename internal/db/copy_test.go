package db_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

func derived(t string) bool { return strings.HasPrefix(t, "search_") }

type carried struct {
	tables []db.Table
	rows   map[string][][]any
}

func takeOut(t *testing.T, d *db.DB) carried {
	t.Helper()
	c := carried{rows: map[string][][]any{}}
	must(t, d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		if c.tables, err = db.Tables(ctx, tx, derived); err != nil {
			return err
		}
		for _, table := range c.tables {
			err := db.CopyOut(ctx, tx, table, func(row []any) error {
				kept := make([]any, len(row))
				for i, v := range row {
					if b, ok := v.([]byte); ok {
						v = bytes.Clone(b)
						if len(b) == 0 {
							v = []byte{}
						}
					}
					kept[i] = v
				}
				c.rows[table.Name] = append(c.rows[table.Name], kept)
				return nil
			})
			if err != nil {
				return err
			}
			slices.SortFunc(c.rows[table.Name], func(a, b []any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return nil
	}))
	return c
}

func putIn(t *testing.T, d *db.DB, c carried) {
	t.Helper()
	must(t, d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		for _, table := range c.tables {
			in := db.CopyIn(ctx, tx, table)
			for _, r := range c.rows[table.Name] {
				if err := in(r); err != nil {
					return err
				}
			}
			if err := in(nil); err != nil {
				return err
			}
		}
		return db.CopiedIn(ctx, tx)
	}))
}

// Both engines list the same tables and columns for a copy.
func TestTablesAreTheSame(t *testing.T) {
	have := map[db.Engine][]db.Table{}
	dbtest.Run(t, func(t *testing.T, d *db.DB) { have[d.Engine()] = takeOut(t, d).tables })
	if len(have[db.Postgres]) == 0 {
		t.Skip("PostgreSQL is not installed")
	}
	if d := cmp.Diff(have[db.SQLite], have[db.Postgres]); d != "" {
		t.Error(d)
	}
	if len(have[db.SQLite]) < 20 {
		t.Errorf("only %d tables", len(have[db.SQLite]))
	}
}

// What is taken out of one database and put into another is the same there, for
// each pair of engines; places in the journal keep their order, and what comes
// later stands behind them.
func TestCopyBetweenEngines(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, from *db.DB) {
		ctx := context.Background()
		for n := range 5 {
			must(t, from.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				for i := range 2 {
					_, err := tx.Exec(ctx, `INSERT INTO journal (at, type, subject, body, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6)`,
						n, "t", fmt.Sprintf("事 %d.%d", n, i), "{}", []byte{0, 255}, []byte{})
					if err != nil {
						return err
					}
				}
				return nil
			}))
		}
		must(t, from.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for name, where := range map[string]string{"none": `SELECT 0, 0`, "half": `SELECT tx, id FROM journal WHERE subject = '事 2.0'`, "all": `SELECT tx, id FROM journal WHERE subject = '事 4.1'`} {
				var a, b int64
				if err := tx.QueryRow(ctx, where).Scan(&a, &b); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `INSERT INTO followers (name, tx, id, failures, fault) VALUES ($1, $2, $3, $4, $5)`, name, a, b, 0, ""); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `INSERT INTO notice_progress (name, tx, event) VALUES ($1, $2, $3)`, name, a, b); err != nil {
					return err
				}
			}
			return nil
		}))
		c := takeOut(t, from)
		dbtest.Run(t, func(t *testing.T, to *db.DB) {
			if bare, err := to.Bare(ctx); err != nil || !bare {
				t.Fatalf("a new database is bare: %v %v", bare, err)
			}
			putIn(t, to, c)
			if bare, err := to.Bare(ctx); err != nil || bare {
				t.Errorf("a full database is bare: %v %v", bare, err)
			}
			if d := cmp.Diff(c, takeOut(t, to), cmp.AllowUnexported(carried{})); d != "" {
				t.Error(d)
			}
			must(t, to.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO journal (at, type, subject, body) VALUES ($1, $2, $3, $4)`, 9, "t", "new", "{}")
				return err
			}))
			must(t, to.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				for name, want := range map[string]int64{"none": 11, "half": 6, "all": 1} {
					n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM journal j JOIN followers f ON f.name = $1 WHERE (j.tx, j.id) > (f.tx, f.id)`, name)
					if err != nil {
						return err
					}
					if n != want {
						t.Errorf("%s has %d events before it, want %d", name, n, want)
					}
				}
				last, err := db.One[string](ctx, tx, `SELECT subject FROM journal ORDER BY tx DESC, id DESC LIMIT 1`)
				if last != "new" {
					t.Errorf("the last event is %q", last)
				}
				return err
			}))
		})
	})
}

func TestVersions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		v, err := d.Version(context.Background())
		if err != nil || v != db.Newest() || v == 0 {
			t.Errorf("version %d, newest %d, %v", v, db.Newest(), err)
		}
		if now, err := d.Now(context.Background()); err != nil || now.IsZero() {
			t.Errorf("now %v %v", now, err)
		}
	})
}
