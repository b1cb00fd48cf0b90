package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Follower derives something from events. Handle runs in the transaction that
// moves the follower's cursor, so what it writes there happens exactly once; it
// changes no state but its own. Reset forgets everything derived, before a
// rebuild.
type Follower interface {
	Name() string
	Handle(ctx context.Context, tx *db.Tx, events []Recorded) error
	Reset(ctx context.Context, tx *db.Tx) error
}

// FollowerState says how far a follower has come and what hinders it.
type FollowerState struct {
	Name     string
	Position Position
	Failures int64
	Fault    string
}

const (
	batch    = 500                    // events handled in one transaction
	fewer    = 100                    // on SQLite, where everybody's writes wait behind it
	patrol   = time.Second            // for commits of other nodes
	gather   = 25 * time.Millisecond  // after a commit, for more: one transaction for many events
	shortest = 200 * time.Millisecond // between tries of a follower that fails
	longest  = 30 * time.Second
)

// Follow registers a follower, before Start.
func (j *Journal) Follow(f Follower) { j.fs[f.Name()] = f }

// Start delivers to the registered followers until Stop.
func (j *Journal) Start(ctx context.Context) error {
	for name := range j.fs {
		err := j.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return ensureFollower(ctx, tx, name) })
		if err != nil {
			return err
		}
	}
	ctx, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, f := range j.fs {
		j.stopped.Add(1)
		go j.deliver(ctx, f)
	}
	return nil
}

// Stop waits until every follower has finished what it handles.
func (j *Journal) Stop() {
	if j.stop != nil {
		j.stop()
	}
	j.stopped.Wait()
}

func (j *Journal) deliver(ctx context.Context, f Follower) {
	defer j.stopped.Done()
	wake, done := j.Watch()
	defer done()
	retry := shortest
	for ctx.Err() == nil {
		n, err := j.step(ctx, f, j.batch())
		if err != nil && ctx.Err() == nil {
			slog.Error("follower failed", "follower", f.Name(), "again_in", retry, "err", err)
			pause(ctx, retry, nil) // don't hurry a follower that fails
			retry = min(2*retry, longest)
			continue
		}
		retry = shortest
		if n < j.batch() {
			pause(ctx, patrol, wake)
			pause(ctx, gather, nil)
		}
	}
}

// pause waits for the time, the signal or the end of ctx.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

func (j *Journal) batch() int {
	if j.db.Engine() == db.SQLite {
		return fewer
	}
	return batch
}

// step handles the next events of one follower, at most limit, and says how many
// they were.
func (j *Journal) step(ctx context.Context, f Follower, limit int) (int, error) {
	var at Position
	var events []Recorded
	err := j.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if at, err = cursor(ctx, tx, f.Name()); err == nil {
			events, err = read(ctx, tx, at, limit) // here, so that writers need not wait for it
		}
		return err
	})
	if err != nil || len(events) == 0 {
		return 0, err
	}
	n := 0
	err = j.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		ours, err := advance(ctx, tx, f.Name(), at, events[len(events)-1].Position)
		if err != nil || !ours {
			return err
		}
		n = len(events)
		if err := j.vault.fetch(ctx, tx, events); err != nil {
			return err
		}
		return handle(ctx, tx, f, events)
	})
	if err != nil {
		fault := err.Error()
		noted := j.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return noteFailure(ctx, tx, f.Name(), fault) })
		return 0, errors.Join(err, noted)
	}
	return n, nil
}

// handle makes a panic of one follower a failure of that follower: the city and
// the other followers go on.
func handle(ctx context.Context, tx *db.Tx, f Follower, events []Recorded) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "follower panicked", "follower", f.Name(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("follower %s panicked: %v", f.Name(), p)
		}
	}()
	return f.Handle(ctx, tx, events)
}

// CatchUp delivers everything committed so far and returns when every follower
// has handled it, here or on another node; for tests, rebuilds and the seeding of
// the demonstration. It ends at the first failure of a follower.
func (j *Journal) CatchUp(ctx context.Context) error {
	var goal Position
	err := j.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		goal, err = last(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, f := range j.fs {
		all.Go(func() {
			if err := j.catchUp(ctx, f, goal); err != nil {
				cancel(err) // the first is the one that is told
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// catchUp delivers to one follower until it has come to the goal.
func (j *Journal) catchUp(ctx context.Context, f Follower, goal Position) error {
	if err := j.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return ensureFollower(ctx, tx, f.Name()) }); err != nil {
		return err
	}
	for {
		n, err := j.step(ctx, f, batch)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		var at Position
		err = j.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			at, err = cursor(ctx, tx, f.Name())
			return err
		})
		if err != nil || !at.Before(goal) {
			return err
		}
		pause(ctx, 5*time.Millisecond, nil) // a transaction before the goal still runs
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Rebuild makes the follower forget everything and start from the first event.
// Running deliveries wait for it and then begin anew.
func (j *Journal) Rebuild(ctx context.Context, name string) error {
	f, ok := j.fs[name]
	if !ok {
		return fmt.Errorf("journal: no follower %q", name)
	}
	return j.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := ensureFollower(ctx, tx, name); err != nil {
			return err
		}
		if err := rewind(ctx, tx, name); err != nil {
			return err
		}
		tx.AfterCommit(j.wake)
		return f.Reset(ctx, tx)
	})
}

// Rewind puts a follower before the first event, for a restored database that
// lacks what the follower had derived. Elsewhere Rebuild forgets that as well.
func Rewind(ctx context.Context, tx *db.Tx, name string) error { return rewind(ctx, tx, name) }

// Behind says how many events lie before the position still, counted no further
// than limit, and when the first of them happened.
func Behind(ctx context.Context, tx *db.Tx, p Position, limit int) (n int64, first time.Time, err error) {
	n, at, err := behind(ctx, tx, p, limit)
	return n, city.FromMicros(at), err
}

// Newest is when the last event happened; zero before the first.
func Newest(ctx context.Context, tx *db.Tx) (time.Time, error) {
	at, err := newest(ctx, tx)
	return city.FromMicros(at), err
}

// Read gives events after p in order, at most limit.
func (j *Journal) Read(ctx context.Context, tx *db.Tx, p Position, limit int) ([]Recorded, error) {
	return read(ctx, tx, p, limit)
}

// Followers says how far each follower has come.
func (j *Journal) Followers(ctx context.Context) (all []FollowerState, err error) {
	err = j.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err = allFollowers(ctx, tx)
		return err
	})
	return all, err
}
