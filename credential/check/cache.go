package check

import (
	"sync"
	"time"
)

// Cache remembers which texts carried a signature that holds, by their exact bytes,
// for codes that are shown again and again. It remembers nothing that passes: keys,
// status lists, and every time in a code, are asked anew at each show.
//
// It judges by one Trust, which must not change. Any number of goroutines may ask.
type Cache struct {
	trust *Trust
	mu    sync.RWMutex
	known map[string]opened
	old   map[string]opened // the generation before, dropped when the newer is full
}

// opened is a text whose signature holds, with what it says.
type opened struct {
	key    *Key
	signed Signed
	claims *Claims
	pass   *PassClaims
}

// mostKnown is how many codes each of the two generations holds.
const mostKnown = 8192

// NewCache makes one for a trust.
func NewCache(trust *Trust) *Cache { return &Cache{trust: trust, known: map[string]opened{}} }

// Verify judges as the function Verify does.
func (c *Cache) Verify(text string, at time.Time) Result {
	c.mu.RLock()
	o, hit := c.known[text]
	if !hit {
		o, hit = c.old[text]
	}
	c.mu.RUnlock()
	if hit {
		return o.judge(c.trust, at)
	}
	r, key := verify(text, c.trust, at)
	if key != nil && (r.Claims != nil || r.Pass != nil) && len(r.Shown) == 0 && len(text) <= maxCodeLen {
		o := opened{key: key, signed: *r.Signer, claims: r.Claims, pass: r.Pass}
		c.mu.Lock()
		if len(c.known) >= mostKnown {
			c.old, c.known = c.known, map[string]opened{}
		}
		c.known[text] = o
		c.mu.Unlock()
	}
	return r
}

// judge asks all that may have changed since the text was opened.
func (o opened) judge(trust *Trust, at time.Time) Result {
	s := o.signed
	r := Result{Reason: ReasonOK, Signer: &s}
	if o.pass != nil {
		pass := *o.pass
		r.Kind, r.Pass = KindPass, &pass
		r.judgePass(o.key, trust, at)
	} else {
		claims := *o.claims
		r.Kind, r.Claims = KindLicence, &claims
		r.judge(o.key, trust, at)
	}
	r.Valid = r.Reason == ReasonOK
	return r
}
