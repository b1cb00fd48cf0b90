package db

import (
	"context"
	"database/sql"
	"errors"
)

// lazyRead is a snapshot that takes a reading connection with its first query.
type lazyRead struct {
	b    *sqliteBackend
	s    *sqliteReadSession
	took bool
}

func (l *lazyRead) begin(ctx context.Context) error {
	if l.s != nil {
		return nil
	}
	if !l.took {
		select {
		case l.s = <-l.b.idle:
			l.took = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if l.s == nil {
		conn, err := l.b.reader.Conn(ctx)
		if err != nil {
			return sqliteError(err)
		}
		l.s = &sqliteReadSession{conn: conn, stmts: map[string]*sql.Stmt{}}
	}
	if err := l.s.run(ctx, "BEGIN"); err != nil {
		l.s.conn.Close()
		l.s = nil
		return err
	}
	return nil
}

// end gives the connection back; one whose snapshot does not end is thrown away.
func (l *lazyRead) end(ctx context.Context) {
	if !l.took {
		return
	}
	if l.s != nil && l.s.run(ctx, "ROLLBACK") != nil {
		l.s.conn.Close()
		l.s = nil
	}
	l.b.idle <- l.s
}

func (l *lazyRead) query(ctx context.Context, q string, args []any) (Rows, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	return l.s.query(ctx, q, args)
}

func (l *lazyRead) exec(context.Context, string, []any) (int64, error) {
	return 0, errReadOnly
}

func (l *lazyRead) flush(context.Context, []write) ([]int64, error) {
	return nil, errReadOnly
}

var errReadOnly = errors.New("db: write in a read transaction")

// sqliteReadSession is a reading connection with its prepared statements.
type sqliteReadSession struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (s *sqliteReadSession) stmt(ctx context.Context, q string) (*sql.Stmt, error) {
	return prepared(ctx, s.conn, s.stmts, q)
}

func (s *sqliteReadSession) run(ctx context.Context, q string) error {
	st, err := s.stmt(ctx, q)
	if err == nil {
		_, err = st.ExecContext(ctx)
	}
	return sqliteError(err)
}

func (s *sqliteReadSession) query(ctx context.Context, q string, args []any) (Rows, error) {
	st, err := s.stmt(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, sqliteError(err)
	}
	return &sqlRows{rows}, nil
}
