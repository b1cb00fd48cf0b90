package city

import (
	"sync"
	"time"
)

// Clock tells the time. The program has one, given to everyone; tests and the
// demonstration's history use one they can set.
type Clock interface {
	Now() time.Time
}

// WallClock is the machine's clock.
type WallClock struct{}

func (WallClock) Now() time.Time { return time.Now() }

// SetClock stands still until it is moved. It is safe for concurrent use.
type SetClock struct {
	mu  sync.Mutex
	now time.Time
}

// NewSetClock makes a clock that stands at t.
func NewSetClock(t time.Time) *SetClock { return &SetClock{now: t} }

func (c *SetClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to t, backwards too.
func (c *SetClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// Advance moves the clock by d.
func (c *SetClock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// Micros is a moment as stored: microseconds since 1970 in UTC.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the moment in UTC; 0 is the zero time.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
