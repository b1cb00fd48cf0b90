package identity

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// A limit on tries that fail: so many are free, then each costs a wait that
// doubles. After a quiet time all is forgotten.
type tryLimit struct {
	free    int64
	first   time.Duration
	longest time.Duration
	quiet   time.Duration
}

var (
	accountLimit = tryLimit{free: 5, first: 10 * time.Second, longest: 15 * time.Minute, quiet: time.Hour}
	// An address may be a whole office's, or a village's.
	addressLimit = tryLimit{free: 100, first: 10 * time.Second, longest: 15 * time.Minute, quiet: time.Hour}
	lookupLimit  = tryLimit{free: 10, first: time.Minute, longest: time.Hour, quiet: 24 * time.Hour}
)

// wait is what the nth failure costs.
func (l tryLimit) wait(failures int64) time.Duration {
	over := failures - l.free
	if over <= 0 {
		return 0
	}
	w := l.first
	for ; over > 1 && w < l.longest; over-- {
		w *= 2
	}
	return min(w, l.longest)
}

// try is one limit on one subject.
type try struct {
	subject []byte
	limit   tryLimit
}

func (i *Identity) tries(login, address string) []try {
	list := []try{{i.vault.Digest("try login", login), accountLimit}}
	if address != "" {
		list = append(list, try{i.vault.Digest("try address", address), addressLimit})
	}
	return list
}

// begin counts a try as failed before it is made, so that many at once don't slip
// through together, or says how long to wait. A try that is refused costs nothing.
// undo takes a try that succeeded back.
func (i *Identity) begin(ctx context.Context, tries []try) error {
	now := i.clock.Now()
	return i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, t := range tries {
			failures, until, err := countTry(ctx, tx, t.subject, now, now.Add(-t.limit.quiet))
			if err != nil {
				return err
			}
			if until.After(now) {
				return tooMany(until.Sub(now))
			}
			if w := t.limit.wait(failures); w > 0 {
				setTryWait(tx, t.subject, now.Add(w))
			}
		}
		return nil
	})
}

// undo forgives the tries: a login's failures are forgotten, an address keeps what
// others on it have failed.
func undo(tx *db.Tx, tries []try) {
	for n, t := range tries {
		if n == 0 {
			forgetTry(tx, t.subject)
		} else {
			uncountTry(tx, t.subject)
		}
	}
}

func tooMany(wait time.Duration) error {
	var e *city.Error
	if wait <= 90*time.Second {
		e = city.RateLimited("identity.wait_seconds", "n", int(wait/time.Second)+1)
	} else {
		e = city.RateLimited("identity.wait_minutes", "n", int(wait/time.Minute)+1)
	}
	e.RetryAfter = wait
	return e
}
