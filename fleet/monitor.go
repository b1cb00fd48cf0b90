package fleet

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/internal/db"
)

// MonitorOptions make a Monitor. All are needed but Ground and Log.
type MonitorOptions struct {
	DB        *db.DB
	Access    *access.Access
	Clock     city.Clock
	Zone      *time.Location
	Registers *Registers
	History   *history.Log
	Board     *alert.Board
	Ground    detect.Ground
	Log       *slog.Logger

	late time.Duration // in place of lateWait, in tests
}

// How far a vehicle's track is read back when the program starts or a batch comes
// late: longer than any rule follows one vehicle without a rest, but for those that
// Memory keeps.
const readBack = 26 * time.Hour

const (
	waiting   = 4096                   // positions that wait for a shard, before senders do
	gathered  = 200                    // things noticed that are committed together
	gatherIn  = 15 * time.Millisecond  // or so soon
	afterBad  = 500 * time.Millisecond // before what could not be committed is tried again
	lateWait  = 2 * time.Second        // for the rest of a late batch
	mostTries = 5                      // to read a track anew
	keepTold  = 400 * 24 * time.Hour
	clockBack = 10 * time.Minute // by which the clock was wrong, when it is set back by more
)

// Monitor keeps what terminals tell, watches what vehicles do, and raises alerts. A
// position is acknowledged when it is on the disk; what is noticed with it is
// committed soon after, and found again from the disk after a crash in between. It
// is safe for concurrent use.
type Monitor struct {
	MonitorOptions
	rules  *detect.Rules
	shards []*shard
	seed   maphash.Seed
	tick   atomic.Uint64 // of what is live
	out    chan noticed
	counts counts
	wait   sync.WaitGroup
	stop   context.CancelFunc
}

// noticed is what one vehicle brought. With anew, its stays in a span are replaced.
type noticed struct {
	vehicle  register.VehicleID
	findings []detect.Finding
	stays    []track.Event
	from, to int64         // of a track that was read anew
	done     chan struct{} // closed when what came before is committed
}

// shard watches its share of the vehicles, one after the other.
type shard struct {
	m     *Monitor
	in    *queue
	ask   chan chan bool // whether something that came late isn't taken in yet
	mu    sync.RWMutex   // guards live and what it points to
	live  map[register.VehicleID]*Live
	known map[register.VehicleID]*watched
}

// watched is one vehicle.
type watched struct {
	detect.Vehicle
	reg    *register.Vehicle // as it stands in the book of that serial; nil: nobody registered it
	serial uint64
	live   *Live       // that of the shard; nil before anything was believed
	late   int64       // earliest late position that isn't taken in yet; 0 is none
	tries  int         // how often that failed
	anew   turns       // in which its track may be read
	waits  bool        // a sweep has seen it: the rest of the batch had its time
	quiet  detect.Said // silence that was told
}

// Live is where a vehicle was last.
type Live struct {
	history.Position
	Use  register.VehicleUse // "": nobody registered it
	tick uint64
}

// counts are for whoever operates the program.
type counts struct {
	reasons [track.Reasons]atomic.Int64
	strange atomic.Int64 // positions of vehicles that nobody registered
	found   atomic.Int64
	refused atomic.Int64 // things noticed that the board takes from nobody
	late    atomic.Int64
	anew    atomic.Int64 // tracks that were read anew for what came late
	put     atomic.Int64 // times that one was to be read and had to wait, since it was so often
}

// NewMonitor makes a monitor with the rules of the board.
func NewMonitor(o MonitorOptions) (*Monitor, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.late == 0 {
		o.late = lateWait
	}
	rules, err := detect.NewRules(func(rule, parameter string) (float64, bool) {
		d, ok := o.Board.Detector(rule)
		if !ok {
			return 0, false
		}
		for _, p := range d.Parameters {
			if p.ID == parameter {
				return d.Number(parameter, p.Type)
			}
		}
		return 0, false
	}, o.Zone)
	if err != nil {
		return nil, err
	}
	m := &Monitor{MonitorOptions: o, rules: rules, seed: maphash.MakeSeed(), out: make(chan noticed, waiting)}
	for range max(1, runtime.GOMAXPROCS(0)) {
		m.shards = append(m.shards, &shard{m: m, in: newQueue(), ask: make(chan chan bool), live: map[register.VehicleID]*Live{}, known: map[register.VehicleID]*watched{}})
	}
	return m, nil
}

func (m *Monitor) shard(v string) *shard {
	return m.shards[maphash.String(m.seed, v)%uint64(len(m.shards))]
}

// Start reads back what the disk has, so that nothing that was acknowledged is lost
// to the rules, and begins to watch.
func (m *Monitor) Start(ctx context.Context) error {
	memory := detect.NewMemory(m.rules, m.Ground)
	if err := m.remember(ctx, memory); err != nil {
		return err
	}
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	m.wait.Add(1)
	go func() { defer m.wait.Done(); m.commit(ctx, memory) }()
	now := m.Clock.Now()
	for _, v := range m.Registers.Book().Vehicles() {
		if err := m.shard(string(v.ID)).anew(ctx, v.ID, city.Micros(now.Add(-readBack)), city.Micros(now)+1); err != nil {
			if ctx.Err() != nil {
				m.stop()
				m.wait.Wait()
				return fmt.Errorf("fleet: the track of %s: %w", v.ID, err)
			}
			// A damaged file must not keep the city from watching what comes.
			m.Log.ErrorContext(ctx, "a track could not be read back", "vehicle", v.ID, "err", err)
		}
	}
	for _, s := range m.shards {
		m.wait.Add(1)
		go func() { defer m.wait.Done(); s.run(ctx) }()
	}
	return nil
}

// Stop ends. What was acknowledged and not yet looked at is when the program starts.
func (m *Monitor) Stop() {
	if m.stop != nil {
		m.stop()
	}
	m.wait.Wait()
}

// remember gives the memory the stays of before, and which papers were told. What they told was committed with
// them. What a wrong clock dated later than now would hold back what comes.
func (m *Monitor) remember(ctx context.Context, memory *detect.Memory) error {
	var stays []keptStay
	var papers []string
	err := m.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		now := city.Micros(m.Clock.Now())
		if stays, err = staysBetween(ctx, tx, now-m.rules.Back(), now); err != nil {
			return err
		}
		papers, err = toldSince(ctx, tx, detect.LicenceConflict, now-keepTold.Microseconds())
		return err
	})
	book := m.Registers.Book()
	for _, s := range stays {
		memory.Stay(m.bookOf(ctx, book, s.event.Start), book.Vehicle(s.vehicle), s.event, nil)
	}
	for _, key := range papers {
		memory.Recall(detect.LicenceConflict, key, city.DateOf(m.Clock.Now().In(m.Zone)))
	}
	return err
}

// bookOf is the book of the day of a moment; where it can't be had, today's.
func (m *Monitor) bookOf(ctx context.Context, today *register.Book, us int64) *register.Book {
	day := city.DateOf(city.FromMicros(us).In(m.Zone))
	if day == today.Day() {
		return today
	}
	b, err := m.Registers.On(ctx, city.SystemActor("fleet"), day)
	if err != nil {
		return today
	}
	return b
}

// Record keeps positions and returns when they are on the disk: then their senders
// may be told so. It waits while too much is on its way. An error refuses all.
func (m *Monitor) Record(ctx context.Context, actor city.Actor, ps []history.Position) error {
	if err := m.Access.Ask(ctx, actor, "position.record", access.Resource{Type: "Fleet"}); err != nil {
		return err
	}
	if len(ps) == 0 {
		return nil
	}
	if err := m.History.Append(ctx, ps); err != nil {
		return err
	}
	for _, p := range ps {
		if !m.shard(p.Vehicle).in.put(ctx, p) {
			return nil // kept; looked at when the program starts, or by the next that comes late
		}
	}
	return nil
}

func (s *shard) run(ctx context.Context) {
	sweep := time.NewTicker(s.m.late)
	defer sweep.Stop()
	var seen detect.Seen
	var list []history.Position
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.in.some:
			list = s.in.take(list)
			for i := range list {
				if ctx.Err() != nil {
					return
				}
				s.take(ctx, &list[i], &seen)
			}
		case answer := <-s.ask:
			answer <- s.behind()
		case <-sweep.C:
			s.sweep(ctx)
		}
	}
}

// behind reports whether there is something that waits to be looked at.
func (s *shard) behind() bool {
	if s.in.waits() {
		return true
	}
	for _, w := range s.known {
		if w.late != 0 {
			w.anew = turns{} // whoever waits for all waits no longer than needed
			return true
		}
	}
	return false
}

// CatchUp returns when all that was recorded before was looked at, and what came of it
// is committed. It may be called between Start and Stop.
func (m *Monitor) CatchUp(ctx context.Context) error {
	for _, s := range m.shards {
		for late := true; late; {
			answer := make(chan bool, 1)
			select {
			case s.ask <- answer:
				late = <-answer
			case <-ctx.Done():
				return ctx.Err()
			}
			if late {
				select {
				case <-time.After(m.late / 4):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
	done := make(chan struct{})
	select {
	case m.out <- noticed{done: done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func readingOf(p *history.Position) track.Reading {
	r := track.Reading{Point: track.Point{At: p.At, Lat: p.Lat, Lon: p.Lon, Speed: p.Speed}, Received: p.Received}
	if p.Status&noSpeed == 0 {
		r.Flags |= track.HasSpeed
	}
	if p.Status&noEngine == 0 {
		r.Flags |= track.HasEngine
	}
	if p.Status&1 != 0 { // JT/T 808 table 24: bit 0 is the ignition, bit 1 a fix
		r.Flags |= track.EngineOn
	}
	if p.Status&2 == 0 {
		r.Flags |= track.NoFix
	}
	return r
}

// take looks at a position.
func (s *shard) take(ctx context.Context, p *history.Position, seen *detect.Seen) {
	book := s.m.Registers.Book()
	id := register.VehicleID(p.Vehicle)
	w := s.of(id)
	w.read(book)
	reg := w.reg
	if reg == nil {
		s.m.counts.strange.Add(1)
	}
	findings := s.m.rules.Push(book, s.m.Ground, &w.Vehicle, reg, readingOf(p), seen, nil)
	s.m.counts.reasons[seen.Why].Add(1)
	switch seen.Why {
	case track.Fine:
		s.show(w, p)
	case track.Backwards:
		s.m.counts.late.Add(1)
		if w.late == 0 || p.At < w.late {
			w.late = p.At
		}
	}
	if reg != nil {
		s.send(ctx, noticed{vehicle: id, findings: findings, stays: staysOf(seen.Events)})
	}
}

// read looks the vehicle up in a book that is new to it.
func (w *watched) read(book *register.Book) {
	if w.serial != book.Serial() {
		w.reg, w.serial = book.Vehicle(w.ID), book.Serial()
		w.Vehicle.Read(book)
	}
}

// show makes a position the one where the vehicle was last. Its tick is taken under the
// lock: whoever has read the tick before the lock will find it.
func (s *shard) show(w *watched, p *history.Position) {
	live := Live{Position: *p}
	if w.reg != nil {
		live.Use = w.reg.Use
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	live.tick = s.m.tick.Add(1)
	if w.live == nil {
		w.live = &live
		s.live[w.ID] = w.live
		return
	}
	*w.live = live
}

// How often a vehicle's track may be read anew: so many times, and one more each time
// that so long has passed. Whoever sends old positions again and again has only its
// own alerts wait.
const (
	mostAnew  = 6
	anewEvery = 3 * time.Minute
)

// turns count how often something is done. The zero value has all of them.
type turns struct {
	used  int
	since time.Time // from when on the used ones come back
	waits bool      // one was asked for and not given
}

// take takes a turn; false where there is none.
func (t *turns) take(now time.Time) bool {
	if now.Before(t.since) { // the clock was wrong
		t.since = now
	}
	back := min(t.used, int(now.Sub(t.since)/anewEvery))
	t.used -= back
	t.since = t.since.Add(time.Duration(back) * anewEvery)
	if t.used == mostAnew {
		return false
	}
	if t.used == 0 {
		t.since = now
	}
	t.used++
	t.waits = false
	return true
}

func (s *shard) of(id register.VehicleID) *watched {
	w := s.known[id]
	if w == nil {
		w = &watched{Vehicle: s.m.rules.Vehicle(id)}
		s.known[id] = w
	}
	return w
}

func staysOf(events []track.Event) (out []track.Event) {
	for _, e := range events {
		if e.Kind == track.Stay {
			out = append(out, e)
		}
	}
	return out
}

func (s *shard) send(ctx context.Context, n noticed) {
	if len(n.findings) == 0 && len(n.stays) == 0 && n.to == 0 {
		return
	}
	select {
	case s.m.out <- n:
	case <-ctx.Done():
	}
}

// sweep takes in what came late, and looks for those that have gone silent.
func (s *shard) sweep(ctx context.Context) {
	now := s.m.Clock.Now()
	book := s.m.Registers.Book()
	for id, w := range s.known {
		w.read(book)
		if w.late != 0 && !w.waits {
			w.waits = true
		} else if w.late != 0 {
			if !w.anew.take(now) {
				if !w.anew.waits {
					w.anew.waits = true
					s.m.counts.put.Add(1)
				}
				continue
			}
			s.m.counts.anew.Add(1)
			if err := s.anew(ctx, id, w.late-readBack.Microseconds(), city.Micros(now)+1); err != nil && ctx.Err() == nil {
				if w.tries++; w.tries == mostTries { // it won't be better; what comes next is looked at
					w.late, w.waits, w.tries = 0, false, 0
				}
				s.m.Log.ErrorContext(ctx, "a track could not be read anew", "vehicle", id, "gives_up", w.late == 0, "err", err)
				continue
			}
			w = s.known[id]
			w.read(book)
		}
		if f, ok := s.m.rules.Quiet(&w.Vehicle, w.reg, city.Micros(now)); ok && w.quiet.Due(f.From, f.To) {
			s.send(ctx, noticed{vehicle: id, findings: []detect.Finding{f}})
		}
	}
}

// anew reads a vehicle's track from the disk and watches it as if everything had
// come in time. What was told is told once.
func (s *shard) anew(ctx context.Context, id register.VehicleID, from, to int64) error {
	today := s.m.Registers.Book()
	w := &watched{Vehicle: s.m.rules.Vehicle(id)}
	n := noticed{vehicle: id, from: from, to: to}
	var seen detect.Seen
	var last history.Position
	var book *register.Book // of the day below
	var of city.Date
	some := false
	for p, err := range s.m.History.Track(ctx, string(id), from, to) {
		if err != nil {
			return err
		}
		some = true
		if d := city.DateOf(city.FromMicros(p.At).In(s.m.Zone)); book == nil || d != of {
			book, of = s.m.bookOf(ctx, today, p.At), d
		}
		reg := book.Vehicle(id)
		n.findings = s.m.rules.Push(book, s.m.Ground, &w.Vehicle, reg, readingOf(&p), &seen, n.findings)
		n.stays = append(n.stays, staysOf(seen.Events)...)
		if seen.Why == track.Fine {
			last = p
		}
	}
	old := s.known[id]
	if !some && old == nil { // never heard, or long ago: nothing to watch yet
		return nil
	}
	w.read(today)
	if old != nil {
		w.live, w.anew = old.live, old.anew
	}
	if last.At != 0 {
		s.show(w, &last)
	}
	if len(n.stays) > 0 { // a stay that had begun before is known as it was
		n.from = n.stays[0].Start
	}
	s.known[id] = w
	s.send(ctx, n)
	return nil
}

// Live lists where vehicles were last, those that changed after a tick, and the tick
// to ask with next; 0 asks for all.
func (m *Monitor) Live(ctx context.Context, actor city.Actor, after uint64) (list []Live, now uint64, err error) {
	if err := m.Access.Ask(ctx, actor, "position.read", access.Resource{Type: "Fleet"}); err != nil {
		return nil, 0, err
	}
	now = m.tick.Load()
	for _, s := range m.shards {
		s.mu.RLock()
		for _, l := range s.live {
			if l.tick > after {
				list = append(list, *l)
			}
		}
		s.mu.RUnlock()
	}
	return list, now, nil
}

// Where is where one vehicle was last; ok is false for one that was never heard.
func (m *Monitor) Where(ctx context.Context, actor city.Actor, v register.VehicleID) (l Live, ok bool, err error) {
	if err := m.Access.Ask(ctx, actor, "position.read", access.Resource{Type: "Fleet"}); err != nil {
		return Live{}, false, err
	}
	s := m.shard(string(v))
	s.mu.RLock()
	defer s.mu.RUnlock()
	if at := s.live[v]; at != nil {
		return *at, true, nil
	}
	return Live{}, false, nil
}

// Track reads where a vehicle was from one moment to another, the second not
// included, at most so many positions.
func (m *Monitor) Track(ctx context.Context, actor city.Actor, v register.VehicleID, from, to time.Time, most int) (list []history.Position, more bool, err error) {
	if err := m.Access.Ask(ctx, actor, "position.read", access.Resource{Type: "Fleet"}); err != nil {
		return nil, false, err
	}
	for p, err := range m.History.Track(ctx, string(v), city.Micros(from), city.Micros(to)) {
		if err != nil {
			return nil, false, err
		}
		if len(list) == most {
			return list, true, nil
		}
		list = append(list, p)
	}
	return list, false, nil
}
