package identity

import (
	"sync"
	"sync/atomic"
	"time"

	"yiwang/internal/db"
)

// A token is looked up in the database once in recentLife and not with every
// request. Whatever this process changes about sessions, accounts, leaves or the
// directory is noticed at once by the generation; what another node changes,
// within recentLife.
const (
	recentLife = 2 * time.Second
	recentRoom = 10_000
)

type generation struct{ own, people uint64 }

func (i *Identity) generation() generation {
	return generation{i.changes.Load(), i.people.Generation()}
}

// moved makes every kept actor stale with the commit.
func (i *Identity) moved(tx *db.Tx) { tx.AfterCommit(func() { i.changes.Add(1) }) }

type entry struct {
	known Known
	row   sessionRow
	gen   generation // read before the database was
	at    time.Time
	seen  atomic.Int64 // when the use was last written
}

// recents are the actors known a moment ago, by the digest of their token.
type recents struct {
	mu sync.Mutex
	m  map[[32]byte]*entry
}

func (r *recents) find(key [32]byte, gen generation, now time.Time) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.m[key]
	if e == nil {
		return nil
	}
	if age := now.Sub(e.at); e.gen != gen || age < 0 || age >= recentLife || !now.Before(e.row.Expires) {
		delete(r.m, key)
		return nil
	}
	return e
}

func (r *recents) keep(key [32]byte, e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil || len(r.m) >= recentRoom {
		r.m = map[[32]byte]*entry{}
	}
	r.m[key] = e
}
