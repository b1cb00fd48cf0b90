package gateway

import (
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"yiwang/fleet/jt808"
)

// Trouble is what went wrong other than bytes that can't be read. The list is
// closed: programs read it and metrics count by it.
type Trouble string

const (
	Full            Trouble = "full"            // a connection too many, closed at once
	Crowded         Trouble = "crowded"         // one more from an address that has as many as it may, closed at once
	Late            Trouble = "late"            // closed: did not authenticate in time
	Silent          Trouble = "silent"          // closed: no whole frame for too long
	Slowed          Trouble = "slowed"          // had to wait: more than its pace
	Doubled         Trouble = "doubled"         // closed: a newer connection has the number
	UnknownVehicle  Trouble = "unknown_vehicle" // its number is no vehicle's on record
	WrongCode       Trouble = "wrong_code"      // does not authenticate with the code that it was given
	Unauthenticated Trouble = "unauthenticated" // sent something before
	OtherPhone      Trouble = "other_phone"     // sent under another number than it authenticated with
	OtherPlate      Trouble = "other_plate"     // registered with another plate than is on record
	Encrypted       Trouble = "encrypted"       // a body or place that can't be read without a key
	Unkept          Trouble = "unkept"          // a position that can't be: nowhere, or at no time
	Unrecorded      Trouble = "unrecorded"      // a message whose positions could not be recorded; it was told to send again
	GivenUp         Trouble = "given_up"        // a message in parts that never became whole, or for which there was no room
)

// Troubles lists every Trouble, for whoever counts them.
func Troubles() []Trouble {
	return []Trouble{Full, Crowded, Late, Silent, Slowed, Doubled, UnknownVehicle, WrongCode, Unauthenticated, OtherPhone,
		OtherPlate, Encrypted, Unkept, Unrecorded, GivenUp}
}

// Counts say what a gateway saw since it was made.
type Counts struct {
	Connections int // open now
	Terminals   int // of those, authenticated
	Held        int64
	Frames      int64 // that could be read
	Positions   int64 // recorded
	Refused     map[jt808.Reason]int64
	Troubles    map[Trouble]int64
	Unknown     map[jt808.ID]int64 // messages that the gateway has no use for
	Others      int64              // more of those, of kinds beyond the first 256
}

// Sample is a refused frame.
type Sample struct {
	At   int64  // microseconds since 1970 UTC
	Hex  string // how it begins
	Size int    // bytes it had
}

const (
	mostSamples = 8   // of one reason; the newest are kept
	mostSample  = 256 // bytes of one
	mostUnknown = 256 // kinds
)

// tally counts. The zero value is ready.
type tally struct {
	frames, kept atomic.Int64 // Frames and Positions: these are counted all the time

	mu sync.Mutex // guards those below
	Counts
	samples map[string][]Sample
}

func (t *tally) trouble(k Trouble) { t.troubles(k, 1) }

func (t *tally) troubles(k Trouble, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Troubles == nil {
		t.Troubles = map[Trouble]int64{}
	}
	t.Troubles[k] += n
}

func (t *tally) refuse(why jt808.Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Refused == nil {
		t.Refused = map[jt808.Reason]int64{}
	}
	t.Refused[why]++
}

func (t *tally) unknown(id jt808.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.Unknown[id]; !ok && len(t.Unknown) >= mostUnknown {
		t.Others++
		return
	}
	if t.Unknown == nil {
		t.Unknown = map[jt808.ID]int64{}
	}
	t.Unknown[id]++
}

func (t *tally) frame() { t.frames.Add(1) }

func (t *tally) positions(n int) { t.kept.Add(int64(n)) }

// sample keeps how refused bytes begin; size is how many there were.
func (t *tally) sample(why string, at int64, wire []byte, size int) {
	s := Sample{At: at, Hex: hex.EncodeToString(wire[:min(len(wire), mostSample)]), Size: size}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.samples == nil {
		t.samples = map[string][]Sample{}
	}
	list := append(t.samples[why], s)
	if len(list) > mostSamples {
		list = slices.Delete(list, 0, 1)
	}
	t.samples[why] = list
}

// Counts tells what the gateway saw so far.
func (g *Gateway) Counts() Counts {
	g.mu.Lock()
	open, terminals := len(g.open), len(g.terminals)
	g.mu.Unlock()
	g.tally.mu.Lock()
	defer g.tally.mu.Unlock()
	c := g.tally.Counts
	c.Frames, c.Positions = g.tally.frames.Load(), g.tally.kept.Load()
	c.Connections, c.Terminals, c.Held = open, terminals, g.held.Load()
	c.Refused, c.Troubles, c.Unknown = maps.Clone(c.Refused), maps.Clone(c.Troubles), maps.Clone(c.Unknown)
	return c
}

// Samples gives the newest refused frames by why they were refused: a jt808.Reason,
// or Unkept. They hold what the frames held, telephone numbers, too.
func (g *Gateway) Samples() map[string][]Sample {
	g.tally.mu.Lock()
	defer g.tally.mu.Unlock()
	out := make(map[string][]Sample, len(g.tally.samples))
	for why, list := range g.tally.samples {
		out[why] = slices.Clone(list)
	}
	return out
}
