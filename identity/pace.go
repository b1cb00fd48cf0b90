package identity

import (
	"sync"
	"time"

	"yiwang/city"
)

// Pace bounds how often one address may ask what anybody may ask without signing
// in, so that nobody leafs through numbers. It is kept in memory: each node counts
// for itself. It is safe for concurrent use.
type Pace struct {
	mu   sync.Mutex
	full map[string]time.Time // by address, when all of its tries are free again
}

const (
	paceTries = 30          // at once
	paceEvery = time.Second // one more each
	paceMost  = 50_000      // addresses remembered
)

// NewPace is a pace that nobody has asked for anything yet.
func NewPace() *Pace { return &Pace{full: map[string]time.Time{}} }

// Try takes one of the address's tries; it is city.KindRateLimited when there is
// none left.
func (p *Pace) Try(address string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.full) >= paceMost {
		for a, t := range p.full {
			if !t.After(now) {
				delete(p.full, a)
			}
		}
		if len(p.full) >= paceMost { // a flood: forget rather than fill the memory
			clear(p.full)
		}
	}
	at := p.full[address]
	if at.Before(now) {
		at = now
	}
	if wait := at.Add(paceEvery).Sub(now) - paceTries*paceEvery; wait > 0 {
		e := city.RateLimited("identity.too_fast", "n", int((wait+time.Second-1)/time.Second))
		e.RetryAfter = wait
		return e
	}
	p.full[address] = at.Add(paceEvery)
	return nil
}
