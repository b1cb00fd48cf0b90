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
	checkWAL  = 250 * time.Millisecond
	checkSlow = 8 * time.Second // between tries while a reader holds on to the log

	// The log begins anew when it is longer than this; what is written meanwhile
	// comes on top.
	longLog  = 16 << 20
	pageSize = 4096
	// The writer waits no longer than this for readers to leave the log.
	restartWait = 20 * time.Millisecond

	writerCache = 32 << 10 // KiB
	readerCache = 2 << 10  // KiB, for each of several connections; the system caches the file, too
	busyTimeout = 10 * time.Second
)

type sqliteBackend struct {
	dsn    string
	beside bool
	writer *sql.DB // one connection, used by the writing goroutine
	reader *sql.DB
	idle   chan *sqliteReadSession // reading connections in nobody's hands; nil ones are yet to be opened

	jobs    chan *job
	restart chan chan bool // asks the writer to begin the log anew; the answer is whether it will
	closing chan struct{}
	stopped chan struct{} // the writer is gone
	wg      sync.WaitGroup
	once    sync.Once
}

func openSQLite(ctx context.Context, path string, o Options) (*sqliteBackend, error) {
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "wal_autocheckpoint(0)",
	}}
	if o.MaxPages > 0 {
		pragmas.Add("_pragma", fmt.Sprintf("max_page_count(%d)", o.MaxPages))
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode()
	writer, err := sql.Open("sqlite", dsn+fmt.Sprintf("&_pragma=cache_size(-%d)", writerCache))
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := writer.PingContext(ctx); err != nil {
		writer.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	reader, err := sql.Open("sqlite", dsn+fmt.Sprintf("&_pragma=cache_size(-%d)&_pragma=query_only(1)", readerCache))
	if err != nil {
		writer.Close()
		return nil, err
	}
	n := 4 * runtime.GOMAXPROCS(0)
	reader.SetMaxOpenConns(n + 1) // and one that moves the log
	reader.SetMaxIdleConns(n + 1)
	b := &sqliteBackend{dsn: dsn, beside: o.Beside, writer: writer, reader: reader, jobs: make(chan *job, queueSize), restart: make(chan chan bool), closing: make(chan struct{}), stopped: make(chan struct{})}
	b.idle = make(chan *sqliteReadSession, n)
	for range n {
		b.idle <- nil
	}
	b.wg.Add(2)
	go b.write()
	go b.checkpoint()
	return b, nil
}

func (b *sqliteBackend) view(ctx context.Context, fn func(context.Context, *Tx) error) (err error) {
	return b.read(ctx, &Tx{engine: SQLite}, fn)
}

// read gives fn a snapshot, which begins with the first query: a step that needs
// none costs no reading connection.
func (b *sqliteBackend) read(ctx context.Context, tx *Tx, fn func(context.Context, *Tx) error) error {
	l := &lazyRead{b: b}
	tx.s = l
	defer l.end(context.WithoutCancel(ctx))
	return fn(ctx, tx)
}

// compose runs fn over a snapshot in the caller's goroutine, beside others, and
// gives the writer only the statements.
func (b *sqliteBackend) compose(ctx context.Context, fn func(context.Context, *Tx) error) error {
	tx := &Tx{engine: SQLite, composed: true}
	if err := b.read(ctx, tx, fn); err != nil || len(tx.later) == 0 {
		return err
	}
	j := &job{ctx: ctx, composed: tx.later, done: make(chan struct{})}
	if err := b.enqueue(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-b.stopped:
		select {
		case <-j.done:
		default:
			return errClosed()
		}
	}
	if j.err == nil {
		for _, f := range tx.after {
			f()
		}
	}
	return j.err
}

func (b *sqliteBackend) alone(_ context.Context, fn func() error) error { return fn() }

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
// commit has to wait for it. That alone never shortens the log while readers come
// and go; when it is long, the writer begins it anew, with little left to move.
func (b *sqliteBackend) checkpoint() {
	defer b.wg.Done()
	tick := time.NewTimer(checkWAL)
	defer tick.Stop()
	conn, err := b.reader.Conn(context.Background())
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.ExecContext(context.Background(), "PRAGMA query_only(0)")
	restarted := int64(-1) // length of a log that the next commit begins anew
	// A failure here shows at the next commit; the log only grows meanwhile.
	move := func() (pages int64, long bool) {
		var busy, moved int64
		_ = conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved)
		return pages, pages*pageSize > longLog && pages != restarted
	}
	wait := checkWAL
	for {
		select {
		case <-b.closing:
			return
		case <-tick.C:
		}
		_, long := move()
		pages := int64(0)
		if long {
			pages, long = move() // what was written during the first
		}
		if !long {
			wait = checkWAL
			tick.Reset(wait)
			continue
		}
		done := make(chan bool, 1)
		select {
		case b.restart <- done:
		case <-b.closing:
			return
		}
		if <-done {
			restarted, wait = pages, checkWAL
		} else { // the reader that was in the way may stay
			wait = min(2*wait, checkSlow)
		}
		tick.Reset(wait)
	}
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
