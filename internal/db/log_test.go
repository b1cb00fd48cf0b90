package db_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"yiwang/internal/db"
)

// A burst of writes beside readers that come and go leaves the log short, and no
// commit waits long for it.
func TestLogStaysShort(t *testing.T) {
	const (
		written = 400 << 20
		bound   = written / 2     // a log that never begins anew holds all of it
		slow    = 2 * time.Second // on a busy machine
	)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	path := filepath.Join(t.TempDir(), "burst.db")
	d, err := db.Open(ctx, "sqlite:"+path, db.Options{})
	must(t, err)
	defer d.Close()
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE pages (n BIGINT NOT NULL PRIMARY KEY, body BYTEA NOT NULL)`)
		return err
	}))
	var wg sync.WaitGroup
	for range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil {
				_ = d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := db.One[int64](ctx, tx, `SELECT count(*) FROM pages WHERE n > $1`, 3)
					time.Sleep(3 * time.Millisecond)
					return err
				})
			}
		}()
	}
	const size = 64 << 10
	longest, most := time.Duration(0), int64(0)
	for n := range int64(written / size) {
		began := time.Now()
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO pages (n, body) VALUES ($1, $2) ON CONFLICT (n) DO UPDATE SET body = excluded.body`, n%64, bytes.Repeat([]byte{byte(n), byte(n >> 8)}, size/2))
			return err
		}))
		longest = max(longest, time.Since(began))
		if f, err := os.Stat(path + "-wal"); err == nil {
			most = max(most, f.Size())
		}
	}
	stop()
	wg.Wait()
	t.Logf("the log had %d MiB at the most, the longest commit took %v", most>>20, longest)
	if most > bound {
		t.Errorf("the log grew to %d MiB", most>>20)
	}
	if longest > slow {
		t.Errorf("a commit took %v", longest)
	}
}

// A reader that stays puts the restart off and stops nobody; when it has gone the
// log begins anew.
func TestLongReaderStopsNobody(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "long.db")
	d, err := db.Open(ctx, "sqlite:"+path, db.Options{})
	must(t, err)
	defer d.Close()
	write := func(n int64) time.Duration {
		began := time.Now()
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO pages (n, body) VALUES ($1, $2) ON CONFLICT (n) DO UPDATE SET body = excluded.body`, n%64, bytes.Repeat([]byte{byte(n/64 + 1), byte(n)}, 128<<10))
			return err
		}))
		return time.Since(began)
	}
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE pages (n BIGINT NOT NULL PRIMARY KEY, body BYTEA NOT NULL)`)
		return err
	}))
	write(0)
	must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		before, err := db.One[int64](ctx, tx, `SELECT count(*) FROM pages`)
		must(t, err)
		for n := range int64(200) { // 50 MiB
			if took := write(n); took > 2*time.Second {
				t.Errorf("a commit took %v beside a reader that stays", took)
			}
		}
		time.Sleep(time.Second)
		after, err := db.One[int64](ctx, tx, `SELECT count(*) FROM pages`)
		if before != 1 || after != before {
			t.Errorf("the snapshot moved: %d, then %d", before, after)
		}
		return err
	}))
	grown, err := os.Stat(path + "-wal")
	must(t, err)
	for n := range int64(120) {
		write(1000 + n)
		time.Sleep(100 * time.Millisecond)
		if head, err := os.ReadFile(path + "-wal"); err == nil && len(head) > 16 && head[15] > 0 { // how often it began anew
			return
		}
	}
	t.Errorf("the log of %d MiB goes on", grown.Size()>>20)
}
