package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	groupJobs = 512                  // transactions that share a commit, at the most
	groupTime = 8 * time.Millisecond // time a group may take before it commits
	queueSize = 1024                 // callers that may wait
	checkWAL  = 500 * time.Millisecond
)

type sqliteBackend struct {
	dsn    string
	beside bool
	writer *sql.DB // one connection, used by the writing goroutine
	reader *sql.DB
	idle   chan *sqliteReadSession // reading connections in nobody's hands; nil ones are yet to be opened

	jobs    chan *job
	closing chan struct{}
	stopped chan struct{} // the writer is gone
	wg      sync.WaitGroup
	once    sync.Once
}

// job is one caller's transaction. The writer gives it its turn, the caller runs
// its function in its own goroutine and gives the turn back, so a panic or a
// test's FailNow stays the caller's.
type job struct {
	ctx  context.Context
	turn chan *sqliteSession
	ran  chan struct{}
	done chan struct{}
	ok   bool  // the function came to its end
	err  error // of the function, then of the commit
}

func openSQLite(ctx context.Context, path string, o Options) (*sqliteBackend, error) {
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-65536)", "temp_store(MEMORY)", "wal_autocheckpoint(0)", "mmap_size(1073741824)",
	}}
	if o.MaxPages > 0 {
		pragmas.Add("_pragma", fmt.Sprintf("max_page_count(%d)", o.MaxPages))
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode()
	writer, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := writer.PingContext(ctx); err != nil {
		writer.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	reader, err := sql.Open("sqlite", dsn+"&_pragma=query_only(1)")
	if err != nil {
		writer.Close()
		return nil, err
	}
	n := 4 * runtime.GOMAXPROCS(0)
	reader.SetMaxOpenConns(n + 1) // and one that moves the log
	reader.SetMaxIdleConns(n + 1)
	b := &sqliteBackend{dsn: dsn, beside: o.Beside, writer: writer, reader: reader, jobs: make(chan *job, queueSize), closing: make(chan struct{}), stopped: make(chan struct{})}
	b.idle = make(chan *sqliteReadSession, n)
	for range n {
		b.idle <- nil
	}
	b.wg.Add(2)
	go b.write()
	go b.checkpoint()
	return b, nil
}

func (b *sqliteBackend) update(ctx context.Context, fn func(context.Context, *Tx) error) error {
	j := &job{ctx: ctx, turn: make(chan *sqliteSession), ran: make(chan struct{}), done: make(chan struct{})}
	closed := unavailable(errors.New("database is closed"))
	select {
	case <-b.closing:
		return closed
	default:
	}
	select {
	case b.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closing:
		return closed
	}
	tx := &Tx{engine: SQLite}
	select {
	case s := <-j.turn:
		tx.s = s
		j.work(tx, fn)
	case <-j.done: // never got its turn
	case <-b.stopped:
		return closed
	}
	<-j.done
	if j.err == nil {
		for _, f := range tx.after {
			f()
		}
	}
	return j.err
}

// work runs the function and gives the turn back, however it ends; it goes on
// when the writer has put the database in order behind it.
func (j *job) work(tx *Tx, fn func(context.Context, *Tx) error) {
	defer func() {
		close(j.ran)
		if !j.ok {
			<-j.done
		}
	}()
	ctx := context.WithoutCancel(j.ctx) // an interrupted write would roll back the group
	if j.err = fn(ctx, tx); j.err == nil {
		j.err = tx.drain(ctx)
	}
	j.ok = true
}

// write is the one goroutine that writes.
func (b *sqliteBackend) write() {
	defer b.wg.Done()
	defer close(b.stopped)
	var s *sqliteSession
	for {
		var first *job
		select {
		case first = <-b.jobs:
		case <-b.closing:
			select { // what was accepted before closing is still done
			case first = <-b.jobs:
			default:
				if s != nil {
					s.conn.Close()
				}
				return
			}
		}
		if s == nil {
			conn, err := b.writer.Conn(context.Background())
			if err != nil {
				first.err = unavailable(err)
				close(first.done)
				continue
			}
			s = &sqliteSession{conn: conn, stmts: map[string]*sql.Stmt{}}
		}
		b.group(s, first)
	}
}

// group runs the first job and those that wait behind it in one transaction of
// the engine, each under a savepoint of its own, and commits them together.
func (b *sqliteBackend) group(s *sqliteSession, first *job) {
	ctx := context.Background()
	jobs := make([]*job, 0, 16)
	finish := func(err error) {
		for _, j := range jobs {
			if err != nil && j.err == nil {
				j.err = err
			}
			close(j.done)
		}
	}
	if _, err := s.exec(ctx, "BEGIN IMMEDIATE", nil); err != nil {
		jobs = append(jobs, first)
		finish(err)
		return
	}
	wrote := false
	began := time.Now()
	for next := first; next != nil; {
		jobs = append(jobs, next)
		dead := s.run(next)
		if dead != nil {
			// The engine may have rolled everything back by itself.
			_, _ = s.exec(ctx, "ROLLBACK", nil)
			finish(dead)
			return
		}
		wrote = wrote || next.err == nil && s.wrote
		next = nil
		if len(jobs) < groupJobs && time.Since(began) < groupTime {
			select {
			case next = <-b.jobs:
			default:
			}
		}
	}
	end := "COMMIT"
	if !wrote {
		end = "ROLLBACK"
	}
	_, err := s.exec(ctx, end, nil)
	if err != nil {
		_, _ = s.exec(ctx, "ROLLBACK", nil)
	}
	finish(err)
}

func (b *sqliteBackend) view(ctx context.Context, fn func(context.Context, *Tx) error) (err error) {
	var s *sqliteReadSession
	select {
	case s = <-b.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	healthy := false
	defer func() {
		if s != nil && !healthy {
			s.conn.Close()
			s = nil
		}
		b.idle <- s
	}()
	if s == nil {
		conn, err := b.reader.Conn(ctx)
		if err != nil {
			return sqliteError(err)
		}
		s = &sqliteReadSession{conn: conn, stmts: map[string]*sql.Stmt{}}
	}
	if err := s.run(ctx, "BEGIN"); err != nil {
		return err
	}
	err = fn(ctx, &Tx{s: s, engine: SQLite})
	healthy = s.run(context.WithoutCancel(ctx), "ROLLBACK") == nil
	return err
}

// compose runs fn over a snapshot in the caller's goroutine, beside others, and
// gives the writer only the statements.
func (b *sqliteBackend) compose(ctx context.Context, fn func(context.Context, *Tx) error) error {
	var tx *Tx
	err := b.view(ctx, func(ctx context.Context, t *Tx) error {
		tx = t
		tx.composed = true
		return fn(ctx, tx)
	})
	if err != nil || len(tx.later) == 0 {
		return err
	}
	return b.update(ctx, func(ctx context.Context, w *Tx) error {
		w.later, w.after = tx.later, tx.after
		return nil
	})
}

func (b *sqliteBackend) ping(ctx context.Context) error {
	// The readers own all connections but the log's, so a reader has to ask.
	return b.view(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := One[int64](ctx, tx, "SELECT 1")
		return err
	})
}

func (b *sqliteBackend) close() error {
	b.once.Do(func() { close(b.closing) })
	b.wg.Wait()
	for range cap(b.idle) {
		if s := <-b.idle; s != nil {
			s.conn.Close()
		}
	}
	err := b.reader.Close()
	if !b.beside {
		if _, e := b.writer.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err == nil && e != nil {
			err = e
		}
	}
	if e := b.writer.Close(); err == nil {
		err = e
	}
	return err
}

// checkpoint moves the log into the database beside the writer, so that no
// commit has to wait for it.
func (b *sqliteBackend) checkpoint() {
	defer b.wg.Done()
	tick := time.NewTicker(checkWAL)
	defer tick.Stop()
	conn, err := b.reader.Conn(context.Background())
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.ExecContext(context.Background(), "PRAGMA query_only(0)")
	for {
		select {
		case <-b.closing:
			return
		case <-tick.C:
			// A failure here shows at the next commit; the log only grows meanwhile.
			_, _ = conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
		}
	}
}

// sqliteSession is the writing connection.
type sqliteSession struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	inJob bool // a savepoint may be needed before the next write
	saved bool // the savepoint stands
	wrote bool
	fatal error
}

// run does one job under a savepoint. It returns an error only when the whole
// group is lost.
func (s *sqliteSession) run(j *job) (dead error) {
	if err := j.ctx.Err(); err != nil {
		j.err = err
		return nil
	}
	s.inJob, s.saved, s.wrote, s.fatal = true, false, false, nil
	j.turn <- s
	<-j.ran
	s.inJob = false
	if s.fatal != nil {
		j.err = s.fatal
		return s.fatal
	}
	if !s.saved {
		return nil
	}
	ctx := context.Background()
	if j.err != nil || !j.ok {
		if _, err := s.raw(ctx, "ROLLBACK TO job"); err != nil {
			return err
		}
		s.wrote = false
	}
	_, err := s.raw(ctx, "RELEASE job")
	return err
}

func (s *sqliteSession) stmt(ctx context.Context, q string) (*sql.Stmt, error) {
	return prepared(ctx, s.conn, s.stmts, q)
}

func (s *sqliteSession) raw(ctx context.Context, q string, args ...any) (sql.Result, error) {
	st, err := s.stmt(ctx, q)
	if err != nil {
		return nil, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		err = sqliteError(err)
		if isFatal(err) {
			s.fatal = err
		}
	}
	return res, err
}

// save sets the job's savepoint before its first write.
func (s *sqliteSession) save(ctx context.Context) error {
	if !s.inJob {
		return nil
	}
	if !s.saved {
		if _, err := s.raw(ctx, "SAVEPOINT job"); err != nil {
			return err
		}
		s.saved = true
	}
	s.wrote = true
	return nil
}

func (s *sqliteSession) exec(ctx context.Context, q string, args []any) (int64, error) {
	if err := s.save(ctx); err != nil {
		return 0, err
	}
	res, err := s.raw(ctx, q, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *sqliteSession) flush(ctx context.Context, w []write) ([]int64, error) {
	touched := make([]int64, len(w))
	for i, x := range w {
		n, err := s.exec(ctx, x.sql, x.args)
		if err != nil {
			return nil, err
		}
		touched[i] = n
	}
	return touched, nil
}

func (s *sqliteSession) query(ctx context.Context, q string, args []any) (Rows, error) {
	if writes(q) { // INSERT … RETURNING
		if err := s.save(ctx); err != nil {
			return nil, err
		}
	}
	st, err := s.stmt(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		err = sqliteError(err)
		if isFatal(err) {
			s.fatal = err
		}
		return nil, err
	}
	return &sqlRows{rows}, nil
}

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

func (s *sqliteReadSession) exec(ctx context.Context, q string, args []any) (int64, error) {
	return 0, errors.New("db: write in a read transaction")
}

func (s *sqliteReadSession) flush(context.Context, []write) ([]int64, error) {
	return nil, errors.New("db: write in a read transaction")
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

// mostStmts bounds the prepared statements of a connection; texts that are put
// together, such as an inbox's, are not endless but many.
const mostStmts = 1000

// prepared gives the connection's prepared statement for the text.
func prepared(ctx context.Context, conn *sql.Conn, stmts map[string]*sql.Stmt, q string) (*sql.Stmt, error) {
	if st, ok := stmts[q]; ok {
		return st, nil
	}
	st, err := conn.PrepareContext(ctx, q)
	if err != nil {
		return nil, sqliteError(err)
	}
	if len(stmts) >= mostStmts {
		for k, old := range stmts {
			old.Close()
			delete(stmts, k)
		}
	}
	stmts[q] = st
	return st, nil
}

type sqlRows struct{ r *sql.Rows }

func (r *sqlRows) Next() bool             { return r.r.Next() }
func (r *sqlRows) Scan(dest ...any) error { return r.r.Scan(dest...) }
func (r *sqlRows) Err() error             { return sqliteError(r.r.Err()) }
func (r *sqlRows) Close()                 { r.r.Close() }

func writes(q string) bool {
	for len(q) > 0 && (q[0] == ' ' || q[0] == '\n' || q[0] == '\t') {
		q = q[1:]
	}
	return len(q) >= 6 && (q[0] == 'I' || q[0] == 'U' || q[0] == 'D')
}

// errFatal marks a fault after which SQLite may have rolled back by itself.
type errFatal struct{ error }

func (e errFatal) Unwrap() error { return e.error }

func isFatal(err error) bool {
	var f errFatal
	return errors.As(err, &f)
}

func sqliteError(err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %v", ErrDuplicate, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return errFatal{full(err)}
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return errFatal{unavailable(err)}
	}
	return err
}
