package bench

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// wire is a connection without a kernel in between: reading gives what its terminal
// says, writing is what it hears. It says nothing new before it was answered.
type wire struct {
	t      *terminal
	rest   []byte
	done   *sync.WaitGroup
	ended  bool
	failed *atomic.Pointer[error]
	stop   chan struct{}
	once   sync.Once
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.rest) == 0 && !w.ended {
		say, err := w.t.say()
		if err != nil {
			w.end(err)
		} else if w.rest = say; len(say) == 0 {
			w.end(nil)
		}
	}
	if w.ended {
		<-w.stop
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	if err := w.t.hear(b); err != nil {
		w.end(err)
	}
	return len(b), nil
}

// end notes that the terminal has no more to say.
func (w *wire) end(err error) {
	if err != nil {
		w.failed.Store(&err)
	}
	if !w.ended {
		w.ended = true
		w.done.Done()
	}
}

func (w *wire) Close() error         { w.once.Do(func() { close(w.stop) }); return nil }
func (w *wire) LocalAddr() net.Addr  { return nowhere{} }
func (w *wire) RemoteAddr() net.Addr { return nowhere{} }

func (w *wire) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		return w.Close()
	}
	return nil
}

func (w *wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }

type nowhere struct{}

func (nowhere) Network() string { return "memory" }
func (nowhere) String() string  { return "memory" }

// wires is a listener of them.
type wires struct {
	in   chan net.Conn
	gone chan struct{}
	once sync.Once
	all  []*wire // that spoke
}

func newWires() *wires { return &wires{in: make(chan net.Conn), gone: make(chan struct{})} }

func (l *wires) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l *wires) Close() error   { l.once.Do(func() { close(l.gone) }); return nil }
func (l *wires) Addr() net.Addr { return nowhere{} }

// speak lets terminals speak over wires of their own until each has said all and was
// answered.
func (l *wires) speak(list []*terminal) error {
	var done sync.WaitGroup
	var failed atomic.Pointer[error]
	done.Add(len(list))
	for _, t := range list {
		w := &wire{t: t, done: &done, failed: &failed, stop: make(chan struct{})}
		l.all = append(l.all, w)
		select {
		case l.in <- w:
		case <-l.gone:
			return net.ErrClosed
		}
	}
	done.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// hang closes all wires from the terminals' side.
func (l *wires) hang() {
	for _, w := range l.all {
		_ = w.Close()
	}
}

// converse lets a terminal speak over a socket until it has said all and was
// answered.
func (t *terminal) converse(conn net.Conn, in []byte) error {
	for {
		say, err := t.say()
		if err != nil || len(say) == 0 {
			return err
		}
		if _, err := conn.Write(say); err != nil {
			return err
		}
		n, err := conn.Read(in) // an answer is a packet
		if err != nil {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		if err := t.hear(in[:n]); err != nil {
			return err
		}
	}
}
