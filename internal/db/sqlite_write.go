package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	groupJobs = 512                  // transactions that share a commit, at the most
	groupTime = 8 * time.Millisecond // time a group may take before it commits
	queueSize = 1024                 // callers that may wait
)

// job is one caller's transaction. The writer gives it its turn, the caller runs
// its function in its own goroutine and gives the turn back, so a panic or a
// test's FailNow stays the caller's. A composed job is only statements, which
// the writer runs itself.
type job struct {
	ctx      context.Context
	composed []write
	turn     chan *sqliteSession
	ran      chan struct{}
	done     chan struct{}
	ok       bool  // the function came to its end
	err      error // of the function, then of the commit
}

func errClosed() error { return unavailable(errors.New("database is closed")) }

// enqueue hands the job to the writer.
func (b *sqliteBackend) enqueue(j *job) error {
	select {
	case <-b.closing:
		return errClosed()
	default:
	}
	select {
	case b.jobs <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	case <-b.closing:
		return errClosed()
	}
}

func (b *sqliteBackend) update(ctx context.Context, fn func(context.Context, *Tx) error) error {
	j := &job{ctx: ctx, turn: make(chan *sqliteSession), ran: make(chan struct{}), done: make(chan struct{})}
	if err := b.enqueue(j); err != nil {
		return err
	}
	tx := &Tx{engine: SQLite}
	select {
	case s := <-j.turn:
		tx.s = s
		j.work(tx, fn)
	case <-j.done: // never got its turn
	case <-b.stopped:
		return errClosed()
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
		case done := <-b.restart:
			done <- s != nil && s.restartLog()
			continue
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
	another := func() *job {
		if len(jobs) < groupJobs && time.Since(began) < groupTime {
			select {
			case j := <-b.jobs:
				return j
			default:
			}
		}
		return nil
	}
	for next := first; next != nil; {
		var dead error
		if next.composed == nil {
			jobs = append(jobs, next)
			dead = s.run(next)
			wrote = wrote || next.err == nil && s.wrote
			next = another()
		} else {
			from := len(jobs)
			for ; next != nil && next.composed != nil; next = another() {
				jobs = append(jobs, next)
			}
			dead = s.runComposed(ctx, jobs[from:])
			wrote = wrote || s.wrote
		}
		if dead != nil {
			// The engine may have rolled everything back by itself.
			_, _ = s.exec(ctx, "ROLLBACK", nil)
			if next != nil {
				jobs = append(jobs, next)
			}
			finish(dead)
			return
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

// restartLog lets the next commit begin the log anew; false where somebody went on
// reading it.
func (s *sqliteSession) restartLog() bool {
	ctx := context.Background()
	wait := func(d time.Duration) error {
		_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", d.Milliseconds()))
		return err
	}
	busy, pages, moved := int64(1), int64(0), int64(0)
	if wait(restartWait) == nil {
		_ = s.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(RESTART)").Scan(&busy, &pages, &moved)
	}
	return wait(busyTimeout) == nil && busy == 0
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

// runComposed does composed jobs in one go under one savepoint. Only when one of
// them fails are they done again, each for itself: they are statements and can
// be repeated. It returns an error only when the whole group is lost.
func (s *sqliteSession) runComposed(ctx context.Context, jobs []*job) (dead error) {
	s.wrote, s.fatal = false, nil
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { j.err = j.ctx.Err(); return j.err != nil })
	if len(jobs) == 0 {
		return nil
	}
	if _, err := s.raw(ctx, "SAVEPOINT run"); err != nil {
		return err
	}
	if slices.ContainsFunc(jobs, func(j *job) bool { return s.apply(ctx, j) != nil }) {
		if s.fatal != nil {
			return s.fatal
		}
		if _, err := s.raw(ctx, "ROLLBACK TO run"); err != nil {
			return err
		}
		for _, j := range jobs {
			if _, err := s.raw(ctx, "SAVEPOINT job"); err != nil {
				return err
			}
			if j.err = s.apply(ctx, j); j.err != nil {
				if s.fatal != nil {
					return s.fatal
				}
				if _, err := s.raw(ctx, "ROLLBACK TO job"); err != nil {
					return err
				}
			}
			s.wrote = s.wrote || j.err == nil
			if _, err := s.raw(ctx, "RELEASE job"); err != nil {
				return err
			}
		}
	} else {
		s.wrote = true
	}
	_, err := s.raw(ctx, "RELEASE run")
	return err
}

// apply runs the statements of a composed job.
func (s *sqliteSession) apply(ctx context.Context, j *job) error {
	touched, err := s.flush(ctx, j.composed)
	if err != nil {
		return err
	}
	return checkAll(j.composed, touched)
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
