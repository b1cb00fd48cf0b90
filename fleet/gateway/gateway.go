package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
)

// Source is what history.Position.Source says of positions that came by this door.
const Source = 1

// Options make a Gateway. All but Edition, Limits and Log are needed.
type Options struct {
	// Record keeps positions and returns when they are on the disk. They have passed
	// history.Position.Check. An error refuses all. The slice is used again when it has
	// returned.
	Record func(context.Context, []history.Position) error

	// Vehicle tells the plate of the vehicle that a terminal speaks for, by its
	// telephone number as jt808.Phone writes it.
	Vehicle func(phone string) (plate string, ok bool)

	// Edition changes whenever Vehicle may answer otherwise than before. Where it is
	// nil Vehicle is asked for every message; else for the first of each edition.
	Edition func() uint64

	Key    []byte // for the codes that terminals authenticate with, at least 16 bytes
	Clock  city.Clock
	Limits Limits
	Log    *slog.Logger
}

// Limits bound what terminals can take. Zero values stand for the defaults.
type Limits struct {
	Connections int           // open at one time; 20,000
	PerAddress  int           // of those, from one address (of IPv6 one network of 64 bits); 2,000, since carriers hide many behind one
	Handshake   time.Duration // until a connection has authenticated; 30 s
	Idle        time.Duration // without a whole frame; 15 min
	Write       time.Duration // for a reply to be taken; 10 s
	Missing     time.Duration // without a further part, before it is asked for; 5 s
	Answer      time.Duration // for a terminal to acknowledge a text; 30 s
	Pace        int           // bytes a second from one connection; 64 KiB. A frame counts 256 more
	Burst       int           // bytes at once; 1 MiB
	Held        int64         // bytes of unfinished messages in parts, of all connections; 256 MiB
}

func (l *Limits) fill() {
	or(&l.Connections, 20_000)
	or(&l.PerAddress, 2_000)
	or(&l.Handshake, 30*time.Second)
	or(&l.Idle, 15*time.Minute)
	or(&l.Write, 10*time.Second)
	or(&l.Missing, 5*time.Second)
	or(&l.Answer, 30*time.Second)
	or(&l.Pace, 64<<10)
	or(&l.Burst, 1<<20)
	l.Burst = max(l.Burst, readAtOnce)
	or(&l.Held, 256<<20)
}

func or[T int | int64 | time.Duration](v *T, usual T) {
	if *v <= 0 {
		*v = usual
	}
}

const (
	grace      = 5 * time.Second        // for what is being recorded when the gateway closes
	acceptBack = 100 * time.Millisecond // after an accept that failed
	leastKey   = 16
)

// Gateway serves terminals. It is safe for concurrent use.
type Gateway struct {
	o      Options
	ctx    context.Context // of what is recorded; ends after the grace
	cancel context.CancelFunc
	tally  tally

	held    atomic.Int64 // bytes of unfinished messages
	failing atomic.Bool  // the last Record failed
	closing atomic.Bool

	mu        sync.Mutex // guards those below
	listeners map[net.Listener]struct{}
	open      map[*session]struct{}
	from      map[netip.Prefix]int     // how many of open, by where they come from
	terminals map[jt808.Phone]*session // those that have authenticated
	wait      sync.WaitGroup           // of sessions
}

// New makes a gateway; Serve opens its door.
func New(o Options) (*Gateway, error) {
	if o.Record == nil || o.Vehicle == nil || o.Clock == nil || len(o.Key) < leastKey {
		return nil, errors.New("gateway: Record, Vehicle, Clock and a key of 16 bytes are needed")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Limits.fill()
	g := &Gateway{o: o, listeners: map[net.Listener]struct{}{}, open: map[*session]struct{}{}, from: map[netip.Prefix]int{}, terminals: map[jt808.Phone]*session{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

// Serve takes connections until the context ends or Close is called, and then
// returns nil when all are closed; else with why the listener failed. It closes the
// listener.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	defer func() { _ = l.Close() }()
	g.mu.Lock()
	if g.closing.Load() {
		g.mu.Unlock()
		return nil
	}
	g.listeners[l] = struct{}{}
	g.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			g.admit(conn)
		case ctx.Err() != nil || g.closing.Load():
			return g.Close()
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			g.o.Log.Warn("gateway: no connection taken", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(acceptBack):
			}
		}
	}
}

func (g *Gateway) admit(conn net.Conn) {
	from := origin(conn)
	g.mu.Lock()
	var why Trouble
	switch {
	case len(g.open) >= g.o.Limits.Connections:
		why = Full
	case g.from[from] >= g.o.Limits.PerAddress:
		why = Crowded
	}
	if why != "" || g.closing.Load() {
		g.mu.Unlock()
		if why != "" {
			g.tally.trouble(why)
		}
		_ = conn.Close()
		return
	}
	s := newSession(g, conn)
	s.from = from
	g.open[s] = struct{}{}
	g.from[from]++
	g.wait.Add(1)
	g.mu.Unlock()
	go s.run()
}

// origin is where a connection comes from; the zero prefix where that isn't known. Of
// IPv6 whoever has one address has as many as a network of 64 bits has.
func origin(conn net.Conn) netip.Prefix {
	at, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	a := at.AddrPort().Addr().Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// Close takes no more connections, lets what is being recorded end and be
// acknowledged, for five seconds at most, and closes all connections. It may be
// called more than once.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closing.Store(true)
	for l := range g.listeners {
		_ = l.Close()
	}
	for s := range g.open {
		_ = s.conn.SetReadDeadline(time.Now())
	}
	g.mu.Unlock()
	late := time.AfterFunc(grace, func() {
		g.cancel()
		g.mu.Lock()
		defer g.mu.Unlock()
		for s := range g.open {
			_ = s.conn.Close()
		}
	})
	g.wait.Wait()
	late.Stop()
	g.cancel()
	return nil
}

// bind gives the number to the session. An older session with it is closed.
func (g *Gateway) bind(s *session, phone jt808.Phone) {
	g.mu.Lock()
	old := g.terminals[phone]
	g.terminals[phone] = s
	g.mu.Unlock()
	if old != nil && old != s {
		g.tally.trouble(Doubled)
		_ = old.conn.Close()
	}
}

func (g *Gateway) unbind(s *session, phone jt808.Phone) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.terminals[phone] == s {
		delete(g.terminals, phone)
	}
}

func (g *Gateway) forget(s *session) {
	g.mu.Lock()
	delete(g.open, s)
	if g.from[s.from]--; g.from[s.from] == 0 {
		delete(g.from, s.from)
	}
	g.mu.Unlock()
	g.wait.Done()
}
