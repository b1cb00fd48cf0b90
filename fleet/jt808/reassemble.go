package jt808

import (
	"bytes"
	"slices"
	"time"
)

// Limits bound what a Reassembler holds. Zero values stand for the defaults.
type Limits struct {
	Parts    int           // of one message; default 1,024, near 1 MiB
	Messages int           // begun at one time; default 4
	Bytes    int           // held at one time; default 2 MiB
	Expiry   time.Duration // after the last part that came; default 2 minutes
}

// Reassembler puts messages together that came in parts (分包). It is meant for
// one connection. Parts of one message have consecutive serial numbers; they may
// come in any order and more than once. When a limit is reached, the message that
// waits longest is given up for the new one. Not safe for use by many at once.
type Reassembler struct {
	limits Limits
	begun  []*puzzle
	whole  []done // the last messages put together: their parts may come again
	held   int
	gaveUp int
}

// stamp names a message in parts.
type stamp struct {
	phone Phone
	id    ID
	first uint16 // serial of the first part
	total uint16
}

type done struct {
	stamp
	at time.Time
}

type puzzle struct {
	stamp
	header Header
	parts  [][]byte // by index from 0; nil is missing
	have   int
	size   int
	last   time.Time
}

// partCost is what the place for a part takes, the part itself aside.
const partCost = 24

// NewReassembler gives one that holds nothing yet.
func NewReassembler(l Limits) *Reassembler {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Parts, 1024)
	def(&l.Messages, 4)
	def(&l.Bytes, 2<<20)
	if l.Expiry <= 0 {
		l.Expiry = 2 * time.Minute
	}
	return &Reassembler{limits: l}
}

// Add takes a frame that came at that moment. A whole message comes back at once,
// the very same frame; with the last missing part comes a new frame of the whole,
// with the header of the first part but for Total and Index, which are 0. nil
// without an error means that parts are missing or that the part was known
// already. Oversize is a message of more parts or bytes than the limits allow.
func (r *Reassembler) Add(f *Frame, now time.Time) (*Frame, error) {
	if f.Total <= 1 {
		return f, nil
	}
	r.Expire(now)
	if int(f.Total) > r.limits.Parts || int(f.Total)*partCost+len(f.Body) > r.limits.Bytes {
		return nil, &Error{Reason: Oversize, ID: f.ID}
	}
	of := stamp{f.Phone, f.ID, f.Serial - (f.Index - 1), f.Total}
	if slices.ContainsFunc(r.whole, func(d done) bool { return d.stamp == of }) {
		return nil, nil
	}
	at := slices.IndexFunc(r.begun, func(p *puzzle) bool { return p.stamp == of })
	if at >= 0 {
		if known := r.begun[at].parts[f.Index-1]; known != nil {
			if bytes.Equal(known, f.Body) {
				r.begun[at].last = now
				return nil, nil
			}
			// Another message under the same numbers: the terminal began anew.
			r.drop(at)
			r.gaveUp++
			at = -1
		}
	}
	if at < 0 {
		p := &puzzle{stamp: of, parts: make([][]byte, f.Total), size: int(f.Total) * partCost, last: now}
		r.held += p.size
		r.begun = append(r.begun, p)
		at = len(r.begun) - 1
	}
	p := r.begun[at]
	p.header, p.last = f.Header, now
	p.parts[f.Index-1] = append(make([]byte, 0, len(f.Body)), f.Body...)
	p.have++
	p.size += len(f.Body)
	r.held += len(f.Body)
	if p.have == len(p.parts) {
		r.drop(at)
		if r.whole = append(r.whole, done{of, now}); len(r.whole) > r.limits.Messages {
			r.whole = r.whole[1:]
		}
		return p.join(), nil
	}
	if p.size > r.limits.Bytes {
		r.drop(at)
		r.gaveUp++
		return nil, &Error{Reason: Oversize, ID: f.ID}
	}
	for len(r.begun) > r.limits.Messages || r.held > r.limits.Bytes {
		r.drop(r.oldest(p))
		r.gaveUp++
	}
	return nil, nil
}

// oldest is the message that waits longest, the one just added aside.
func (r *Reassembler) oldest(but *puzzle) int {
	found := -1
	for i, p := range r.begun {
		if p != but && (found < 0 || p.last.Before(r.begun[found].last)) {
			found = i
		}
	}
	return found
}

func (r *Reassembler) drop(i int) {
	r.held -= r.begun[i].size
	r.begun = slices.Delete(r.begun, i, i+1)
}

func (p *puzzle) join() *Frame {
	f := &Frame{Header: p.header, Body: bytes.Join(p.parts, nil)}
	f.Serial, f.Total, f.Index = p.first, 0, 0
	return f
}

// Gap is a message of which parts are missing.
type Gap struct {
	Header         // of its last part that came
	First   uint16 // serial of its first part
	Missing []uint16
}

// Request asks the terminal for the missing parts.
func (g Gap) Request() Resend { return Resend{Platform: true, Serial: g.First, Parts: g.Missing} }

func (p *puzzle) gap() Gap {
	g := Gap{Header: p.header, First: p.first}
	for i, part := range p.parts {
		if part == nil {
			g.Missing = append(g.Missing, uint16(i+1))
		}
	}
	return g
}

// Waiting lists the messages of which no part came since that long.
func (r *Reassembler) Waiting(now time.Time, since time.Duration) []Gap {
	var list []Gap
	for _, p := range r.begun {
		if now.Sub(p.last) >= since {
			list = append(list, p.gap())
		}
	}
	return list
}

// Expire gives up what waited too long and says what that was. Add does so, too.
func (r *Reassembler) Expire(now time.Time) []Gap {
	r.whole = slices.DeleteFunc(r.whole, func(d done) bool { return now.Sub(d.at) >= r.limits.Expiry })
	var list []Gap
	for i := len(r.begun) - 1; i >= 0; i-- {
		if p := r.begun[i]; now.Sub(p.last) >= r.limits.Expiry {
			list = append(list, p.gap())
			r.drop(i)
			r.gaveUp++
		}
	}
	return list
}

// Held tells how many messages are begun, how many bytes they take, and how many
// were given up since the beginning.
func (r *Reassembler) Held() (messages, bytes, gaveUp int) { return len(r.begun), r.held, r.gaveUp }
