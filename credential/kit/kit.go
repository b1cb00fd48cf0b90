// Package kit is what a checker without a network carries with it: the keys that a
// city believes and the newest status lists, as of one moment, and what it answers by
// them. The page at a gate runs it in the browser (cmd/gate).
//
// A kit is served by the city itself, over the connection that the page came by. It
// is believed for a week; a key that the city dropped is gone with the next kit.
package kit

import (
	"encoding/json"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
)

// Life is how long a kit is believed after it was made.
const Life = 7 * 24 * time.Hour

// Most is how long a kit may be, in bytes.
const Most = 32 << 20

// Kit is what travels, as JSON.
type Kit struct {
	Made time.Time `json:"made"`
	// Offset is the city's time zone, seconds east of Greenwich.
	Offset int    `json:"offset"`
	Keys   []byte `json:"keys"` // the city's own, certificates in PEM
	// Lists are signed status lists.
	Lists [][]byte `json:"lists,omitempty"`
	// Vouched are keys of other regions, by the trust lists that the city keeps.
	Vouched []Vouched `json:"vouched,omitempty"`
	// Health are the keys of health certificates (DER), and of nothing else.
	Health [][]byte `json:"health,omitempty"`
	// Purposes are those of the city's pass codes.
	Purposes []Purpose `json:"purposes,omitempty"`
}

// Vouched is a key with what a trust list says of it.
type Vouched struct {
	Key     []byte        `json:"key"` // DER
	Mandate check.Mandate `json:"mandate"`
}

// Purpose is what is known of pass codes for one purpose.
type Purpose struct {
	City   string    `json:"city"`
	ID     string    `json:"id"`
	Name   city.Text `json:"name"`
	Ends   time.Time `json:"ends"` // first moment after it
	States []State   `json:"states"`
}

// State is one that a pass code may tell.
type State struct {
	ID     string    `json:"id"`
	Name   city.Text `json:"name"`
	Enters bool      `json:"enters"` // whether it lets somebody in
}

// Of gathers the keys that t holds with a mandate.
func Of(t *check.Trust) (all []Vouched) {
	if t == nil {
		return nil
	}
	for _, k := range t.Keys() {
		if k.Mandate != nil {
			all = append(all, Vouched{k.DER(), *k.Mandate})
		}
	}
	return all
}

// Checker answers by one kit. Any number of goroutines may ask it.
type Checker struct {
	kit    Kit
	zone   *time.Location
	trust  *check.Trust
	health *check.Trust
	seen   *check.Cache
}

// Open reads a kit. One that holds no key, or anything that isn't what it should be,
// is an error: half a kit would refuse what is genuine.
func Open(raw []byte) (*Checker, error) {
	if len(raw) > Most {
		return nil, fmt.Errorf("kit of %d bytes", len(raw))
	}
	c := &Checker{health: check.NewTrust()}
	if err := json.Unmarshal(raw, &c.kit); err != nil {
		return nil, fmt.Errorf("reading the kit: %w", err)
	}
	const day = 24 * 60 * 60
	if c.kit.Made.IsZero() || c.kit.Offset < -day || c.kit.Offset > day {
		return nil, fmt.Errorf("kit without a time")
	}
	c.zone = time.FixedZone("", c.kit.Offset)
	trust := check.NewTrust()
	if err := trust.AddKeys("kit", c.kit.Keys); err != nil {
		return nil, err
	}
	for i, v := range c.kit.Vouched {
		// A key of a kind that isn't known here stays unknown, and so what it signs.
		if k, err := check.ParseKey(v.Key); err == nil {
			if err := trust.AddMandated(fmt.Sprintf("vouched/%d", i), k, v.Mandate); err != nil {
				return nil, err
			}
		}
	}
	for i, token := range c.kit.Lists {
		if err := trust.AddStatusList(fmt.Sprintf("list/%d", i), token); err != nil {
			return nil, err
		}
	}
	for _, p := range c.kit.Purposes {
		trust.AddPurpose(p.City, p.ID, check.PassTerms{Ends: p.Ends})
	}
	for i, der := range c.kit.Health {
		if err := c.health.AddCertificate(fmt.Sprintf("health/%d", i), der); err != nil {
			return nil, fmt.Errorf("health key %d: %w", i, err)
		}
	}
	c.trust, c.seen = trust, check.NewCache(trust)
	return c, nil
}

// Made is when the kit was made.
func (c *Checker) Made() time.Time { return c.kit.Made }

// Usable reports whether the kit is still believed at that moment.
func (c *Checker) Usable(at time.Time) bool { return at.Before(c.kit.Made.Add(Life)) }

// Check judges a text as check.Verify does, by what is in the kit.
func (c *Checker) Check(text string, at time.Time) check.Result {
	if check.IsHealthCode(text) { // of no city: no key for it counts for licences, nor the other way round
		return check.Verify(text, c.health, at)
	}
	return c.seen.Verify(text, at)
}
