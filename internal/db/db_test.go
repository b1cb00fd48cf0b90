package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

const table = `CREATE TABLE notes (k BIGINT NOT NULL PRIMARY KEY, v TEXT NOT NULL)`

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(sql string, args ...any) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error { _, err := tx.Exec(ctx, sql, args...); return err }
}

func count(t *testing.T, d *db.DB) (n int64) {
	t.Helper()
	must(t, d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = db.One[int64](ctx, tx, `SELECT count(*) FROM notes`)
		return err
	}))
	return n
}

func TestTransactions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(table)))

		t.Run("what fails leaves nothing", func(t *testing.T) {
			boom := errors.New("boom")
			err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				must(t, exec(`INSERT INTO notes VALUES ($1, $2)`, 1, "a")(ctx, tx))
				tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 2, "b")
				return boom
			})
			if !errors.Is(err, boom) || count(t, d) != 0 {
				t.Fatalf("got %v and %d rows", err, count(t, d))
			}
		})
		t.Run("later writes run with the commit, in order, before the next read", func(t *testing.T) {
			var after atomic.Bool
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 3, "c")
				n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM notes WHERE k = $1`, 3)
				if err != nil || n != 1 {
					t.Errorf("read in the same transaction: %d, %v", n, err)
				}
				tx.Later(`UPDATE notes SET v = $1 WHERE k = $2`, func(n int64) error {
					if n != 1 {
						return fmt.Errorf("touched %d rows", n)
					}
					return nil
				}, "d", 3)
				tx.AfterCommit(func() { after.Store(true) })
				return nil
			}))
			if !after.Load() || count(t, d) != 1 {
				t.Fatal("commit or its hook did not happen")
			}
		})
		t.Run("a check refuses the commit", func(t *testing.T) {
			refused := errors.New("refused")
			err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 4, "x")
				tx.Later(`UPDATE notes SET v = $1 WHERE k = $2`, func(n int64) error {
					if n == 0 {
						return refused
					}
					return nil
				}, "y", 999)
				return nil
			})
			if !errors.Is(err, refused) || count(t, d) != 1 {
				t.Fatalf("got %v, %d rows", err, count(t, d))
			}
		})
		t.Run("duplicates are named", func(t *testing.T) {
			for _, later := range []bool{false, true} {
				err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
					if later {
						tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 3, "again")
						return nil
					}
					return exec(`INSERT INTO notes VALUES ($1, $2)`, 3, "again")(ctx, tx)
				})
				if !errors.Is(err, db.ErrDuplicate) {
					t.Errorf("later=%v: got %v", later, err)
				}
			}
		})
		t.Run("a view cannot write", func(t *testing.T) {
			if err := d.View(ctx, exec(`INSERT INTO notes VALUES ($1, $2)`, 9, "")); err == nil {
				t.Error("a write went through")
			}
			if count(t, d) != 1 {
				t.Error("a row appeared")
			}
		})
		t.Run("a panic is the caller's and rolls back", func(t *testing.T) {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				_ = d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
					must(t, exec(`INSERT INTO notes VALUES ($1, $2)`, 10, "")(ctx, tx))
					panic("at the disco")
				})
			}()
			if count(t, d) != 1 {
				t.Error("the panicking transaction stayed")
			}
		})
		t.Run("a goroutine that ends inside harms nobody else", func(t *testing.T) {
			var wg sync.WaitGroup
			wg.Add(1)
			go func() {
				defer wg.Done()
				_ = d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
					must(t, exec(`INSERT INTO notes VALUES ($1, $2)`, 11, "")(ctx, tx))
					runtime.Goexit()
					return nil
				})
			}()
			wg.Wait()
			if count(t, d) != 1 {
				t.Error("what was not finished stayed")
			}
		})
		t.Run("composed steps read a snapshot and queue", func(t *testing.T) {
			must(t, d.Compose(ctx, func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.Exec(ctx, `DELETE FROM notes`); !errors.Is(err, db.ErrNotComposed) {
					t.Errorf("a write at once: %v", err)
				}
				tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 30, "composed")
				n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM notes WHERE k = $1`, 30)
				if err != nil || n != 0 {
					t.Errorf("the queue was seen: %d, %v", n, err)
				}
				return nil
			}))
			err := d.Compose(ctx, func(ctx context.Context, tx *db.Tx) error {
				tx.Later(`DELETE FROM notes WHERE k = $1`, nil, 3)
				tx.Later(`INSERT INTO notes VALUES ($1, $2)`, nil, 30, "again")
				return nil
			})
			if !errors.Is(err, db.ErrDuplicate) || count(t, d) != 2 {
				t.Errorf("the slower step got %v, %d rows stand", err, count(t, d))
			}
			must(t, d.Update(ctx, exec(`DELETE FROM notes WHERE k = $1`, 30)))
		})
		t.Run("no row is said so", func(t *testing.T) {
			err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := db.One[string](ctx, tx, `SELECT v FROM notes WHERE k = $1`, 12345)
				return err
			})
			if !errors.Is(err, db.ErrNoRows) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("returning", func(t *testing.T) {
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				v, err := db.One[string](ctx, tx, `INSERT INTO notes VALUES ($1, $2) RETURNING v`, 20, "back")
				if v != "back" {
					t.Errorf("got %q", v)
				}
				return err
			}))
			if count(t, d) != 2 {
				t.Error("INSERT RETURNING was not kept")
			}
		})
	})
}

// Many callers share commits; each one's failure stays its own.
func TestManyWritersKeepTheirOwnFate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(table)))
		var wg sync.WaitGroup
		const n = 400
		for i := range n {
			wg.Add(1)
			go func() {
				defer wg.Done()
				err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
					if _, err := tx.Exec(ctx, `INSERT INTO notes VALUES ($1, $2)`, i, "v"); err != nil {
						return err
					}
					if i%3 == 0 {
						return city.Invalid("error.fields", "n", 1)
					}
					return nil
				})
				if (i%3 == 0) != (city.KindOf(err) == city.KindInvalid) {
					t.Errorf("%d: %v", i, err)
				}
			}()
		}
		wg.Wait()
		if want := int64(n - (n+2)/3); count(t, d) != want {
			t.Errorf("%d rows, want %d", count(t, d), want)
		}
	})
}

// More readers than connections, all asking new questions, wait for each other
// and never for ever.
func TestManyReaders(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, d.Update(ctx, exec(table)))
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := db.One[int64](ctx, tx, fmt.Sprintf(`SELECT count(*) + %d FROM notes`, i))
					return err
				}); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
	})
}

// Once each reader has opened its connection, none is left over.
func TestPingAfterManyReads(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		for range 8*runtime.GOMAXPROCS(0) + 1 {
			must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := db.One[int64](ctx, tx, "SELECT 1")
				return err
			}))
		}
		must(t, d.Ping(ctx))
	})
}

func TestFullDiskRefusesWritesAndServesReads(t *testing.T) {
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "city.db"), db.Options{MaxPages: 400})
	must(t, err)
	defer d.Close()
	must(t, d.Migrate(ctx))
	must(t, d.Update(ctx, exec(table)))
	big := make([]byte, 20000)
	for i := range big {
		big[i] = 'x'
	}
	kept := int64(0)
	for i := range 200 {
		err = d.Update(ctx, exec(`INSERT INTO notes VALUES ($1, $2)`, i, string(big)))
		if err != nil {
			break
		}
		kept++
	}
	var e *city.Error
	if !errors.As(err, &e) || e.Kind != city.KindUnavailable || e.Message.Key != "error.disk_full" {
		t.Fatalf("a full disk said %v", err)
	}
	if count(t, d) != kept {
		t.Errorf("%d rows are read, %d were acknowledged", count(t, d), kept)
	}
	must(t, d.Update(ctx, exec(`DELETE FROM notes WHERE k < $1`, 10)))
	must(t, d.Update(ctx, exec(`INSERT INTO notes VALUES ($1, $2)`, 9999, "room again")))
}

func TestDatabaseGoneForAWhile(t *testing.T) {
	s := dbtest.PostgresServer(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	d, err := db.Open(ctx, s.URL(), db.Options{})
	must(t, err)
	defer d.Close()
	must(t, d.Update(ctx, exec(table)))
	must(t, s.Stop())
	for range 5 {
		err = d.Update(ctx, exec(`INSERT INTO notes VALUES ($1, $2)`, 1, "lost"))
		var e *city.Error
		if !errors.As(err, &e) || e.Kind != city.KindUnavailable || e.RetryAfter <= 0 {
			t.Fatalf("without a server: %v", err)
		}
	}
	must(t, s.Start())
	for range 50 {
		if err = d.Update(ctx, exec(`INSERT INTO notes VALUES ($1, $2)`, 2, "back")); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	must(t, err)
	if count(t, d) != 1 {
		t.Errorf("%d rows: a refused write left something", count(t, d))
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)`, 999999, true)))
		if err := d.Migrate(ctx); !errors.Is(err, db.ErrNewerSchema) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownURL(t *testing.T) {
	if _, err := db.Open(context.Background(), "mysql://root:secret@x", db.Options{}); err == nil || err.Error() != `db: unknown database "mysql": want sqlite:PATH or postgres://…` {
		t.Errorf("got %v", err)
	}
}
