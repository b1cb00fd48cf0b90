package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"yiwang/city"
)

// Options say how a Log keeps; zero values are the usual.
type Options struct {
	Clock city.Clock    // the machine's where nil
	Keep  int           // days that are kept; 0 keeps all
	Roll  time.Duration // how long a segment is written, an hour
	Bytes int64         // how large a segment grows, 32 MB

	create func(name string) (file, error) // tests fill disks with it
}

// file is what a segment is written to.
type file interface {
	Write([]byte) (int, error)
	Sync() error
	Truncate(int64) error
	Close() error
}

const (
	segmentsDir   = "segments"
	segmentSuffix = ".seg"

	mostWaiting = 64 << 20 // bytes that wait for the disk; whoever brings more waits before
	again       = time.Second
)

// Log keeps positions in a folder. It is safe for concurrent use.
type Log struct {
	dir string
	o   Options

	room *semaphore.Weighted
	wake chan struct{}
	done chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	filling *group // who appends now goes into it
	spare   []byte
	closed  bool
	counts  Counts

	segment sync.Mutex // guards those below, and is held while bytes go to the disk
	f       file
	name    string // of the segment being written, "" where there is none
	began   time.Time
	size    int64 // what is on the disk for certain

	settling sync.Mutex
}

// Counts say what a Log did since it was opened.
type Counts struct {
	Positions int64 // acknowledged
	Syncs     int64
	Bytes     int64 // written and synced
	Failed    int64 // positions that could not be kept; their senders were told
	Aside     int   // damaged files that are there, set aside under names that end in .damaged
}

// group is what goes to the disk together.
type group struct {
	buf  []byte
	n    int64
	done chan struct{}
	err  error
}

// Open begins to keep positions in the folder, which is made where it is not
// there. What an earlier process left is settled by and by, and read at once.
func Open(dir string, o Options) (*Log, error) {
	if o.Clock == nil {
		o.Clock = city.WallClock{}
	}
	if o.Roll <= 0 {
		o.Roll = time.Hour
	}
	if o.Bytes <= 0 {
		o.Bytes = 32 << 20
	}
	if o.create == nil {
		o.create = createLocked
	}
	if err := os.MkdirAll(filepath.Join(dir, segmentsDir), 0o700); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if err := errors.Join(syncDir(filepath.Dir(dir)), syncDir(dir)); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	l := &Log{dir: dir, o: o, room: semaphore.NewWeighted(mostWaiting), wake: make(chan struct{}, 1), done: make(chan struct{}),
		filling: &group{done: make(chan struct{})}}
	if err := l.countAside(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	go l.write()
	return l, nil
}

var errClosed = errors.New("history: closed")

// Pending is an append on its way to the disk.
type Pending struct{ g *group }

// Done is closed when it is known whether the positions are kept.
func (p Pending) Done() <-chan struct{} { return p.g.done }

// Wait returns when the positions are on the disk, or with the reason why they
// are not. Where the context ends first nothing is known.
func (p Pending) Wait(ctx context.Context) error {
	select {
	case <-p.g.done:
		return p.g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Append keeps the positions and returns when they are on the disk: all or, with
// an error, none for certain. One that Check refuses refuses all.
func (l *Log) Append(ctx context.Context, ps []Position) error {
	p, err := l.Begin(ctx, ps)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}

// Begin is Append that waits only while too much is on its way already. The
// positions may be changed when it returns.
func (l *Log) Begin(ctx context.Context, ps []Position) (Pending, error) {
	for i := range ps {
		if err := ps[i].Check(); err != nil {
			return Pending{}, refused(i, err)
		}
	}
	bytes := scratch.Get().(*[]byte)
	defer scratch.Put(bytes)
	b := (*bytes)[:0]
	for rest := ps; len(rest) > 0; {
		n := min(len(rest), mostInFrame)
		b = appendFrame(b, rest[:n])
		rest = rest[n:]
	}
	*bytes = b
	if len(b) > mostWaiting {
		return Pending{}, city.TooLarge("history.too_many", "mb", mostWaiting>>20)
	}
	if err := l.room.Acquire(ctx, int64(len(b))); err != nil {
		return Pending{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.room.Release(int64(len(b)))
		return Pending{}, city.Unavailable(errClosed, again)
	}
	g := l.filling
	g.buf = append(g.buf, b...)
	g.n += int64(len(ps))
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return Pending{g}, nil
}

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// write is the one who writes: all that has come together while the disk was busy
// goes to it at once.
func (l *Log) write() {
	defer close(l.done)
	for range l.wake {
		l.mu.Lock()
		g, closed := l.filling, l.closed
		l.filling = &group{buf: l.spare[:0], done: make(chan struct{})}
		l.spare = nil
		l.mu.Unlock()
		var err error
		if len(g.buf) > 0 {
			err = l.keep(g.buf)
		}
		l.mu.Lock()
		switch {
		case err != nil:
			g.err = city.Unavailable(fmt.Errorf("history: %w", err), again)
			l.counts.Failed += g.n
		case len(g.buf) > 0:
			l.counts.Positions += g.n
			l.counts.Bytes += int64(len(g.buf))
			l.counts.Syncs++
		}
		size := int64(len(g.buf))
		l.spare, g.buf = g.buf, nil
		l.mu.Unlock()
		l.room.Release(size)
		close(g.done)
		if closed {
			return
		}
	}
}

// keep writes bytes to the segment and syncs it. After a fault nothing is known of
// what the disk holds beyond the last sync, so another segment is begun.
func (l *Log) keep(b []byte) error {
	l.segment.Lock()
	defer l.segment.Unlock()
	now := l.o.Clock.Now()
	if l.f != nil && (l.size+int64(len(b)) > l.o.Bytes || l.over(now)) {
		l.leave()
	}
	if l.f == nil {
		if err := l.begin(now); err != nil {
			return err
		}
	}
	if _, err := l.f.Write(b); err != nil {
		return errors.Join(err, l.abandon())
	}
	if err := l.f.Sync(); err != nil {
		return errors.Join(err, l.abandon())
	}
	l.size += int64(len(b))
	return nil
}

// over reports whether the segment was written long enough; a clock that was set
// back ends it, too.
func (l *Log) over(now time.Time) bool {
	age := now.Sub(l.began)
	return age < 0 || age >= l.o.Roll
}

func (l *Log) begin(now time.Time) error {
	var id [4]byte
	rand.Read(id[:])
	name := fmt.Sprintf("%s-%x", now.UTC().Format("20060102T150405"), id)
	dir := filepath.Join(l.dir, segmentsDir)
	f, err := l.o.create(filepath.Join(dir, name+segmentSuffix))
	if err != nil {
		return err
	}
	l.f, l.name, l.began, l.size = f, name, now, 0
	if _, err = f.Write([]byte(segmentHead)); err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return errors.Join(err, l.abandon())
	}
	l.size = int64(len(segmentHead))
	return nil
}

func createLocked(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if !lock(f) {
		return nil, errors.Join(fmt.Errorf("%s can't be locked", name), f.Close())
	}
	return f, nil
}

// leave ends the segment; all of it is on the disk.
func (l *Log) leave() {
	_ = l.f.Close() // synced before
	l.f, l.name = nil, ""
}

// abandon ends a segment that could not be written and takes off what nobody was
// told is kept. Where that fails, too, it stays as a tail that readers leave aside
// or as positions that are there though nobody counts on them.
func (l *Log) abandon() error {
	err := l.f.Truncate(l.size)
	l.leave()
	return err
}

// Close keeps what is on its way and ends.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	<-l.done
	l.segment.Lock()
	defer l.segment.Unlock()
	if l.f != nil {
		l.leave()
	}
	return nil
}

// Counts tells what was done.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// syncDir makes names in the folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
