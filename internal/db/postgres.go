package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"yiwang/city"
)

type postgresBackend struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, url string, o Options) (*postgresBackend, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("db: %w", err) // pgx leaves the password out of its message
	}
	if o.Conns > 0 {
		cfg.MaxConns = int32(o.Conns)
	} else if !strings.Contains(url, "pool_max_conns") {
		cfg.MaxConns = 16
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, pgError(err)
	}
	return &postgresBackend{pool}, nil
}

func (b *postgresBackend) update(ctx context.Context, fn func(context.Context, *Tx) error) error {
	tx := &Tx{engine: Postgres}
	err := b.transact(ctx, "begin", fn, tx)
	if err == nil {
		for _, f := range tx.after {
			f()
		}
	}
	return err
}

func (b *postgresBackend) compose(ctx context.Context, fn func(context.Context, *Tx) error) error {
	tx := &Tx{engine: Postgres, composed: true}
	err := b.transact(ctx, "begin", fn, tx)
	if err == nil {
		for _, f := range tx.after {
			f()
		}
	}
	return err
}

func (b *postgresBackend) view(ctx context.Context, fn func(context.Context, *Tx) error) error {
	return b.transact(ctx, "begin isolation level repeatable read read only", fn, &Tx{engine: Postgres})
}

func (b *postgresBackend) transact(ctx context.Context, begin string, fn func(context.Context, *Tx) error, tx *Tx) error {
	conn, err := b.pool.Acquire(ctx)
	if err != nil {
		return pgError(err)
	}
	defer conn.Release()
	s := &pgSession{conn: conn.Conn(), begin: begin}
	tx.s = s
	done := false
	defer func() {
		if !done {
			s.rollback(ctx)
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	err = s.commit(ctx, tx)
	done = err == nil
	return err
}

// aloneLock is the advisory lock of alone, the program's own number.
const aloneLock = 0x79697761_6e670001

// alone holds the lock on a connection beside the pool, which may have but one.
func (b *postgresBackend) alone(ctx context.Context, fn func() error) error {
	conn, err := pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
	if err != nil {
		return pgError(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // which gives the lock back
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(aloneLock)); err != nil {
		return pgError(err)
	}
	return fn()
}

func (b *postgresBackend) ping(ctx context.Context) error { return pgError(b.pool.Ping(ctx)) }

func (b *postgresBackend) close() error { b.pool.Close(); return nil }

// pgSession is a connection whose transaction begins together with its first
// statement, and whose queued writes travel with the commit: an ordinary step
// costs two round trips.
type pgSession struct {
	conn  *pgx.Conn
	begin string
	open  bool
}

func (s *pgSession) exec(ctx context.Context, q string, args []any) (int64, error) {
	n, err := s.flush(ctx, []write{{sql: q, args: args}})
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

func (s *pgSession) flush(ctx context.Context, w []write) ([]int64, error) {
	return s.send(ctx, w, "")
}

func (s *pgSession) send(ctx context.Context, w []write, end string) ([]int64, error) {
	b := &pgx.Batch{}
	extra := 0
	if !s.open {
		b.Queue(s.begin)
		extra = 1
	}
	for _, x := range w {
		b.Queue(x.sql, x.args...)
	}
	if end != "" {
		b.Queue(end)
	}
	r := s.conn.SendBatch(ctx, b)
	s.open = true
	touched := make([]int64, 0, len(w))
	var failed error
	for i := 0; i < b.Len(); i++ {
		tag, err := r.Exec()
		if err != nil {
			failed = err
			break
		}
		if i >= extra && i < extra+len(w) {
			touched = append(touched, tag.RowsAffected())
		}
		if end != "" && i == b.Len()-1 && tag.String() == "ROLLBACK" {
			failed = errors.New("db: transaction had already failed")
		}
	}
	if err := r.Close(); failed == nil {
		failed = err
	}
	if failed != nil {
		return nil, pgError(failed)
	}
	if end != "" {
		s.open = false
	}
	return touched, nil
}

func (s *pgSession) query(ctx context.Context, q string, args []any) (Rows, error) {
	if s.open {
		rows, err := s.conn.Query(ctx, q, args...)
		if err != nil {
			return nil, pgError(err)
		}
		return &pgRows{Rows: rows}, nil
	}
	b := &pgx.Batch{}
	b.Queue(s.begin)
	b.Queue(q, args...)
	r := s.conn.SendBatch(ctx, b)
	s.open = true
	if _, err := r.Exec(); err != nil {
		r.Close()
		return nil, pgError(err)
	}
	rows, err := r.Query()
	if err != nil {
		r.Close()
		return nil, pgError(err)
	}
	return &pgRows{Rows: rows, batch: r}, nil
}

func (s *pgSession) commit(ctx context.Context, tx *Tx) error {
	w := tx.later
	tx.later = nil
	checked := false
	for _, x := range w {
		checked = checked || x.check != nil
	}
	if checked {
		touched, err := s.flush(ctx, w)
		if err != nil {
			return err
		}
		if err := checkAll(w, touched); err != nil {
			return err
		}
		w = nil
	}
	if !s.open && len(w) == 0 {
		return nil
	}
	_, err := s.send(ctx, w, "commit")
	return err
}

func (s *pgSession) rollback(ctx context.Context) {
	if !s.open || s.conn.IsClosed() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
		s.conn.Close(ctx) // a connection in an unknown state never goes back to the pool
	}
}

type pgRows struct {
	pgx.Rows
	batch pgx.BatchResults
}

func (r *pgRows) Close() {
	r.Rows.Close()
	if r.batch != nil {
		r.batch.Close()
		r.batch = nil
	}
}

func (r *pgRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pgRows) Err() error { return pgError(r.Rows.Err()) }

func pgError(err error) error {
	if err == nil {
		return nil
	}
	var known *city.Error
	if errors.As(err, &known) {
		return err
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		if errors.Is(err, context.Canceled) {
			return err
		}
		var ce *pgconn.ConnectError
		if errors.As(err, &ce) || pgconn.Timeout(err) || isConnLoss(err) {
			return unavailable(err)
		}
		return err
	}
	switch {
	case pe.Code == "23505":
		return fmt.Errorf("%w: %v", ErrDuplicate, err)
	case pe.Code == "53100":
		return full(err)
	case strings.HasPrefix(pe.Code, "08"), strings.HasPrefix(pe.Code, "53"), strings.HasPrefix(pe.Code, "57P"),
		strings.HasPrefix(pe.Code, "58"), pe.Code == "40P01", pe.Code == "40001":
		return unavailable(err)
	}
	return err
}

func isConnLoss(err error) bool {
	s := err.Error()
	for _, sign := range []string{"unexpected EOF", "connection refused", "broken pipe", "reset by peer", "conn closed", "no such file"} {
		if strings.Contains(s, sign) {
			return true
		}
	}
	return false
}
