// Package db is the one way to the database: SQLite in a file or PostgreSQL by
// URL, with the same plain SQL on both ($1, $2, … numbered in the order in which
// they appear). Writes on SQLite are group-committed: many callers' transactions
// become durable with one fsync, each keeping its own rollback. It is the only
// package that imports database/sql.
package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
)

// Engine names the database behind a DB.
type Engine string

const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// ErrNoRows is what Row.Scan returns when the query found nothing.
var ErrNoRows = errors.New("db: no rows")

// ErrDuplicate is returned, wrapped, when a row breaks a unique key. Inside
// Update it ends the transaction on PostgreSQL, so treat it as final there:
// return it, and decide outside.
var ErrDuplicate = errors.New("db: duplicate key")

// ErrNewerSchema is returned by Migrate when the database was written by a newer
// version of the program.
var ErrNewerSchema = errors.New("db: database was written by a newer version")

// Rows are a query's answer. Close them, or read them to the end, before the
// next statement of the same Tx.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Row is a query's first row; Scan returns ErrNoRows when there is none.
type Row interface{ Scan(dest ...any) error }

// backend is one database engine. It has two implementations.
type backend interface {
	update(ctx context.Context, fn func(context.Context, *Tx) error) error
	compose(ctx context.Context, fn func(context.Context, *Tx) error) error
	view(ctx context.Context, fn func(context.Context, *Tx) error) error
	migrate(ctx context.Context, to int64) error
	alone(ctx context.Context, fn func() error) error
	ping(ctx context.Context) error
	close() error
}

// DB is a database. It is safe for concurrent use.
type DB struct {
	engine Engine
	b      backend
}

// Options tune a database; the zero value is right for production.
type Options struct {
	// MaxPages bounds an SQLite file in 4 KiB pages; tests use it as a full disk.
	MaxPages int
	// Beside says that another process may be serving the same SQLite file:
	// closing leaves its log to that one and makes nobody wait.
	Beside bool
	// Conns bounds the connections to PostgreSQL; 0 means 16.
	Conns int
}

// Open connects to "sqlite:PATH" or "postgres://…" and does not migrate.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		b, err := openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
		if err != nil {
			return nil, err
		}
		return &DB{SQLite, b}, nil
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		b, err := openPostgres(ctx, url, o)
		if err != nil {
			return nil, err
		}
		return &DB{Postgres, b}, nil
	}
	scheme, _, _ := strings.Cut(url, ":")
	return nil, fmt.Errorf("db: unknown database %q: want sqlite:PATH or postgres://…", scheme)
}

// Engine tells which engine is behind.
func (d *DB) Engine() Engine { return d.engine }

// Migrate brings the schema to this program's version, and refuses a newer one
// with ErrNewerSchema.
func (d *DB) Migrate(ctx context.Context) error { return d.b.migrate(ctx, 0) }

// MigrateTo brings the schema up to a version and no further, for a copy that an
// older program made.
func (d *DB) MigrateTo(ctx context.Context, version int64) error { return d.b.migrate(ctx, version) }

// Alone runs fn while no other process is in Alone or Migrate on this database:
// nodes that begin at the same moment make what has to be made once, one after the
// other. A process that dies within lets the next one in. Don't call it within
// itself. On SQLite there is one process.
func (d *DB) Alone(ctx context.Context, fn func() error) error { return d.b.alone(ctx, fn) }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.b.ping(ctx) }

// Close waits for running work and closes the database.
func (d *DB) Close() error { return d.b.close() }

// Update runs fn in one write transaction and returns when the result is
// durable, or rolled back because fn or the database failed. fn runs exactly
// once and must not wait for the outside world: on SQLite others wait behind it.
// A failing database is city.KindUnavailable; nothing was changed then.
func (d *DB) Update(ctx context.Context, fn func(context.Context, *Tx) error) error {
	return d.b.update(ctx, fn)
}

// Compose is Update for steps that only read and then queue writes with Later.
// fn reads a snapshot and runs beside other writers, on SQLite too; what it
// queued is applied together. Two steps that read the same state must exclude
// each other by what they write, a unique key or a check: the slower one gets
// ErrDuplicate or its check's error. A statement that writes at once is refused
// with ErrNotComposed.
func (d *DB) Compose(ctx context.Context, fn func(context.Context, *Tx) error) error {
	return d.b.compose(ctx, fn)
}

// Step is Compose where fn can be composed, and Update where it writes at once: fn
// may run twice, the first time for nothing.
func (d *DB) Step(ctx context.Context, fn func(context.Context, *Tx) error) error {
	err := d.Compose(ctx, fn)
	if errors.Is(err, ErrNotComposed) {
		err = d.Update(ctx, fn)
	}
	return err
}

// ErrNotComposed is what a statement gets that would write at once within
// Compose.
var ErrNotComposed = errors.New("db: only Later writes in Compose")

// View runs fn over one consistent snapshot; writes in it fail.
func (d *DB) View(ctx context.Context, fn func(context.Context, *Tx) error) error {
	return d.b.view(ctx, fn)
}

// session is a connection within a transaction.
type session interface {
	exec(ctx context.Context, sql string, args []any) (int64, error)
	query(ctx context.Context, sql string, args []any) (Rows, error)
	// flush runs the statements together and returns the rows each touched.
	flush(ctx context.Context, w []write) ([]int64, error)
}

type write struct {
	sql   string
	args  []any
	check func(rows int64) error
}

// Tx is a transaction, used by one goroutine.
type Tx struct {
	s      session
	engine Engine
	later  []write
	after  []func()
	// composed transactions only queue: reads don't see what was queued.
	composed bool
	kept     map[any]any
}

// Engine tells which engine runs the transaction, for the rare statement that
// can't be the same on both.
func (tx *Tx) Engine() Engine { return tx.engine }

// Composed reports whether the transaction can only read and queue (Compose).
func (tx *Tx) Composed() bool { return tx.composed }

// Keep notes a value for the rest of the transaction under a key of a type of the
// caller's own: a row that was queued, say, which a composed step can't read yet.
func (tx *Tx) Keep(key, value any) {
	if tx.kept == nil {
		tx.kept = map[any]any{}
	}
	tx.kept[key] = value
}

// Kept is what was noted under the key in this transaction; nil when nothing was.
func (tx *Tx) Kept(key any) any { return tx.kept[key] }

// Exec runs a statement now and returns the number of rows it touched. What was
// queued by Later runs first.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if tx.composed {
		return 0, ErrNotComposed
	}
	if err := tx.drain(ctx); err != nil {
		return 0, err
	}
	return tx.s.exec(ctx, sql, args)
}

// Query runs a query. It sees what Exec wrote; what Later queued runs first.
func (tx *Tx) Query(ctx context.Context, sql string, args ...any) (Rows, error) {
	if tx.composed && writes(sql) {
		return nil, ErrNotComposed
	}
	if err := tx.drain(ctx); err != nil {
		return nil, err
	}
	return tx.s.query(ctx, sql, args)
}

// QueryRow runs a query for its first row.
func (tx *Tx) QueryRow(ctx context.Context, sql string, args ...any) Row {
	rows, err := tx.Query(ctx, sql, args...)
	return &row{rows, err}
}

// Later queues a statement to run with the commit, all queued ones in one round
// trip, in order. check, when not nil, sees the number of rows touched before
// the commit and may refuse it.
func (tx *Tx) Later(sql string, check func(rows int64) error, args ...any) {
	tx.later = append(tx.later, write{sql, args, check})
}

// AfterCommit runs f once the transaction is durable, before Update returns.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

func (tx *Tx) drain(ctx context.Context) error {
	if len(tx.later) == 0 || tx.composed {
		return nil
	}
	w := tx.later
	tx.later = nil
	touched, err := tx.s.flush(ctx, w)
	if err != nil {
		return err
	}
	return checkAll(w, touched)
}

func checkAll(w []write, touched []int64) error {
	for i, x := range w {
		if x.check != nil {
			if err := x.check(touched[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

type row struct {
	rows Rows
	err  error
}

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// One reads a single value that a query selects; ErrNoRows when there is none.
func One[T any](ctx context.Context, tx *Tx, sql string, args ...any) (T, error) {
	var v T
	err := tx.QueryRow(ctx, sql, args...).Scan(&v)
	return v, err
}

// All reads every row with scan, which reads one.
func All[T any](ctx context.Context, tx *Tx, scan func(Row) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// retryHint is what a person is told to wait when the database is away.
const retryHint = 5 * time.Second

func unavailable(err error) error { return city.Unavailable(err, retryHint) }

func full(err error) error {
	e := city.Unavailable(err, time.Minute)
	e.Message.Key = "error.disk_full"
	return e
}
