package gateway

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
)

const (
	readAtOnce = 4096
	frameCost  = 256    // bytes of pace, beside its own
	mostWrong  = 5      // tries to authenticate on one connection
	mostParts  = 512    // of one message
	mostBytes  = 256000 // of one connection's messages in parts
	mostBegun  = 2      // messages in parts
	mostGood   = 64     // positions of a message whose room is kept
	mostAsked  = 3      // times that missing parts are asked for
	askedParts = 200    // parts asked for at once; the reply of 2013 has room for 255
	sentAgain  = 2 * time.Minute
)

// session is one connection. Its own goroutine reads; others may write through it.
type session struct {
	g    *Gateway
	conn net.Conn
	from netip.Prefix // where it comes from
	in   *paced
	scan *jt808.Scanner
	f    jt808.Frame

	began   time.Time // the connection, or the logout
	heard   time.Time // the last whole frame
	known   bool      // it has authenticated, as phone
	phone   jt808.Phone
	plate   string // of its vehicle, as the edition has it; "" where that isn't known
	edition uint64
	number  string // the phone as it is written
	wrong   int
	readBy  time.Time // the deadline that the connection has

	one  [1]jt808.Record    // for a position that comes by itself
	good []history.Position // room for those of a message that can be kept

	parts  *jt808.Reassembler // nil while nothing came in parts
	held   int
	gaveUp int
	ask    time.Time // when missing parts are asked for next; zero is never
	asked  map[uint16]int
	whole  wholeOnce

	gone chan struct{} // closed when the session has ended

	out    sync.Mutex // guards those below and what is written
	like   jt808.Header
	serial uint16
	waits  map[uint16]chan jt808.Result // texts that wait for their reply
	buf    []byte
}

// wholeOnce is the last message that came in parts and how it was answered: a
// terminal that missed the reply sends its parts again.
type wholeOnce struct {
	id     jt808.ID
	first  uint16
	total  uint16
	result jt808.Result
	at     time.Time
}

func newSession(g *Gateway, conn net.Conn) *session {
	now := time.Now()
	in := &paced{conn: conn, g: g, limit: rate.NewLimiter(rate.Limit(g.o.Limits.Pace), g.o.Limits.Burst)}
	return &session{g: g, conn: conn, in: in, scan: jt808.NewScanner(in), began: now, heard: now, gone: make(chan struct{})}
}

// paced reads no faster than a connection may send. TCP holds back the rest.
type paced struct {
	conn  net.Conn
	g     *Gateway
	limit *rate.Limiter
	over  bool // the stream ends here
}

func (p *paced) Read(b []byte) (int, error) {
	if p.over {
		return 0, io.EOF
	}
	n, err := p.conn.Read(b[:min(len(b), readAtOnce)])
	if n > 0 {
		p.pay(time.Now(), n)
	}
	return n, err
}

func (p *paced) pay(now time.Time, n int) {
	if p.limit.AllowN(now, n) {
		return
	}
	p.g.tally.trouble(Slowed)
	_ = p.limit.WaitN(p.g.ctx, n) // an end of the context shows in the loop
}

func (s *session) run() {
	defer s.end()
	for {
		s.setDeadline()
		if s.g.closing.Load() {
			return
		}
		wire, err := s.scan.Next()
		var refused *jt808.Error
		switch {
		case errors.As(err, &refused):
			s.g.tally.refuse(refused.Reason)
			s.sample(string(refused.Reason), refused.Sample, refused.Size)
		case isTimeout(err):
			s.readBy = time.Time{}
			if s.g.closing.Load() {
				return
			}
			s.overdue(time.Now())
		case err != nil:
			return
		default:
			now := time.Now()
			s.in.pay(now, frameCost)
			if !s.take(wire, now) {
				return
			}
		}
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// until is the latest moment to read to.
func (s *session) until() time.Time {
	t := s.last()
	if !s.ask.IsZero() && s.ask.Before(t) {
		return s.ask
	}
	return t
}

// setDeadline makes reading end in time. Where that is hardly later than was said
// before, it is left: who comes too early asks until and reads on.
func (s *session) setDeadline() {
	by := s.until()
	if !s.readBy.IsZero() && !by.Before(s.readBy) && by.Sub(s.readBy) < s.g.o.Limits.Idle/64 {
		return
	}
	s.readBy = by
	_ = s.conn.SetReadDeadline(by)
}

// last is when the connection is closed if nothing comes.
func (s *session) last() time.Time {
	if !s.known {
		return s.began.Add(s.g.o.Limits.Handshake)
	}
	return s.heard.Add(s.g.o.Limits.Idle)
}

// overdue ends the stream if it was silent for too long, so that half a frame is
// counted as such; else it asks for missing parts.
func (s *session) overdue(now time.Time) {
	if !now.Before(s.last()) {
		why := Silent
		if !s.known {
			why = Late
		}
		s.g.tally.trouble(why)
		s.in.over = true
		return
	}
	if !s.ask.IsZero() && !now.Before(s.ask) {
		s.askParts(now)
	}
}

// askParts asks for what is missing of messages that wait, a few times.
func (s *session) askParts(now time.Time) {
	s.parts.Expire(now)
	for _, gap := range s.parts.Waiting(now, s.g.o.Limits.Missing) {
		if s.asked[gap.First] >= mostAsked {
			continue
		}
		if s.asked == nil {
			s.asked = map[uint16]int{}
		}
		s.asked[gap.First]++
		r := gap.Request()
		r.Parts = r.Parts[:min(len(r.Parts), askedParts)]
		s.write(gap.Header, r)
	}
	s.weigh(now)
}

// part takes a part of a message and gives the whole when it was the last.
func (s *session) part(now time.Time) *jt808.Frame {
	h := s.f.Header
	if w := s.whole; w.total == h.Total && w.id == h.ID && w.first == h.Serial-(h.Index-1) && now.Sub(w.at) < sentAgain {
		if h.Index == h.Total {
			s.write(h, jt808.Reply{Platform: true, Serial: w.first, To: h.ID, Result: w.result})
		}
		return nil
	}
	if s.parts == nil {
		s.parts = jt808.NewReassembler(jt808.Limits{Parts: mostParts, Messages: mostBegun, Bytes: mostBytes, Expiry: sentAgain})
	}
	whole, err := s.parts.Add(&s.f, now)
	if why := jt808.ReasonOf(err); why != "" {
		s.g.tally.refuse(why)
		s.reply(h, jt808.Failed)
	}
	s.weigh(now)
	if over := s.g.held.Load() > s.g.o.Limits.Held; over && whole == nil && s.held > 0 {
		n, _, _ := s.parts.Held()
		s.g.tally.troubles(GivenUp, int64(n))
		s.dropParts()
	}
	if whole != nil {
		delete(s.asked, whole.Serial)
		s.whole = wholeOnce{id: h.ID, first: whole.Serial, total: h.Total, result: jt808.Failed, at: now}
	}
	return whole
}

// weigh counts what messages in parts hold, and says when to ask for parts next.
func (s *session) weigh(now time.Time) {
	begun, held, gaveUp := s.parts.Held()
	s.g.held.Add(int64(held - s.held))
	s.held = held
	if gaveUp > s.gaveUp {
		s.g.tally.troubles(GivenUp, int64(gaveUp-s.gaveUp))
		s.gaveUp = gaveUp
	}
	if begun == 0 {
		s.ask, s.asked = time.Time{}, nil
		return
	}
	s.ask = now.Add(s.g.o.Limits.Missing)
}

func (s *session) dropParts() {
	s.g.held.Add(-int64(s.held))
	s.parts, s.held, s.gaveUp, s.ask, s.asked = nil, 0, 0, time.Time{}, nil
}

// reply answers a message with the platform's general reply, and remembers it for
// one that came in parts. One that failed is taken when its parts come again.
func (s *session) reply(to jt808.Header, r jt808.Result) {
	if w := &s.whole; w.total > 0 && to.Total == 0 && w.id == to.ID && w.first == to.Serial {
		if w.result = r; r == jt808.Failed {
			*w = wholeOnce{}
			s.dropParts()
		}
	}
	s.write(to, jt808.Reply{Platform: true, Serial: to.Serial, To: to.ID, Result: r})
}

// write sends a message to the terminal in the form it speaks itself. A connection
// that does not take it is closed.
func (s *session) write(like jt808.Header, m jt808.Message) {
	s.out.Lock()
	defer s.out.Unlock()
	s.writeLocked(like, m)
}

func (s *session) writeLocked(like jt808.Header, m jt808.Message) {
	h := jt808.Header{V2019: like.V2019, Version: like.Version, Phone: like.Phone, Serial: s.serial}
	wire, n, err := jt808.Encode(s.buf[:0], h, m)
	if err != nil {
		s.g.o.Log.Error("gateway: a message could not be written", "id", m.ID(), "err", err)
		return
	}
	s.serial += uint16(n)
	s.buf = wire
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.g.o.Limits.Write))
	if _, err := s.conn.Write(wire); err != nil {
		_ = s.conn.Close()
	}
}

func (s *session) sample(why string, wire []byte, size int) {
	s.g.tally.sample(why, city.Micros(s.g.o.Clock.Now()), wire, size)
}

func (s *session) leave() {
	if s.known {
		s.g.unbind(s, s.phone)
		s.known = false
	}
}

func (s *session) end() {
	_ = s.conn.Close()
	s.leave()
	if s.parts != nil {
		s.dropParts()
	}
	close(s.gone)
	s.g.forget(s)
}
