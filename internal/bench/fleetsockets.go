package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/jt808"
	"yiwang/geo"
	"yiwang/internal/db"
)

// mostSockets are open on each side at one time.
const mostSockets = 400

// sockets measures the way of a position once more, with the kernel's sockets in
// between, beside a bare exchange of the same bytes over the same sockets. Both count
// the terminals' side, which is in this process, too.
func (w *watch) sockets(ctx context.Context) error {
	size := w.o.Fleet
	vehicles := min(size.Driving, mostSockets)
	n := vehicles * size.Positions
	first := w.sent + w.driven
	all, err := w.frames(vehicles, first, size.Positions)
	if err != nil {
		return err
	}
	w.head("the same over sockets of this machine: %d positions of %d vehicles; both ends counted", n, vehicles)
	bare, err := w.exchange(all, w.echo)
	if err != nil {
		return err
	}
	whole, err := w.exchange(all, func(l net.Listener) (func() error, error) { return w.door(l, nil) })
	if err != nil {
		return err
	}
	if err := w.decided(ctx, vehicles, w.traffic.at(first+size.Positions-1)); err != nil {
		return err
	}
	w.driven += size.Positions
	w.each("bare exchange: a frame there, a reply back", n, bare)
	w.each("through the program", n, whole)
	w.each("… what the program adds", n, whole.since(bare))
	return nil
}

// exchange lets terminals speak over sockets with whoever serves, and gives what the
// process used from when all had been let in.
func (w *watch) exchange(all [][][]byte, serve func(net.Listener) (func() error, error)) (u usage, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return u, err
	}
	wait, err := serve(l)
	if err != nil {
		return u, errors.Join(err, l.Close())
	}
	list, err := terminals(all)
	if err != nil {
		return u, err
	}
	var let, done sync.WaitGroup
	begin := make(chan struct{})
	errs := make(chan error, len(list))
	let.Add(len(list))
	for _, t := range list {
		done.Add(1)
		go func() {
			defer done.Done()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				let.Done()
				errs <- err
				return
			}
			defer conn.Close()
			next, in := t.next, make([]byte, 256)
			t.next = func(uint16, jt808.Phone) []byte { return nil }
			err = t.converse(conn, in) // registers and authenticates
			let.Done()
			if err != nil {
				errs <- err
				return
			}
			<-begin
			t.next = next
			if err := t.converse(conn, in); err != nil {
				errs <- err
			}
		}()
	}
	let.Wait()
	from := cpu()
	close(begin)
	done.Wait()
	u = cpu().since(from)
	_ = l.Close()
	close(errs)
	return u, errors.Join(<-errs, wait())
}

// echo answers each packet with the bytes of a reply and looks at none, but for the
// two that let a terminal in.
func (w *watch) echo(l net.Listener) (func() error, error) {
	phone, err := jt808.ParsePhone(phoneOf(0))
	if err != nil {
		return nil, err
	}
	code, _, err := jt808.Encode(nil, jt808.Header{Phone: phone}, jt808.RegisterReply{Code: jt808.GBK("0123456789abcdef0123")})
	if err != nil {
		return nil, err
	}
	reply, _, err := jt808.Encode(nil, jt808.Header{Phone: phone}, jt808.Reply{Platform: true, To: jt808.IDPosition})
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer conn.Close()
				in := make([]byte, 4096)
				answer := code
				for {
					if _, err := conn.Read(in); err != nil {
						return
					}
					if _, err := conn.Write(answer); err != nil {
						return
					}
					answer = reply
				}
			}()
		}
	}()
	return func() error { wg.Wait(); return nil }, nil
}

// alerts measures how soon an alert is on the board, from when the position that
// brings it was written to the socket: vehicles leave their routes, and the board's
// list is read as a page reads it, again and again.
func (w *watch) alerts(ctx context.Context) error {
	n := w.o.Fleet.Alerts
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	wait, err := w.door(l, nil)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { _ = l.Close() }()
	w.head("how soon an alert shows: %d vehicles leave their routes, one after the other", n)
	took := make([]time.Duration, 0, n)
	for i := range n {
		vehicle := w.o.Fleet.Vehicles - 1 - i
		d, err := w.astray(ctx, l.Addr().String(), vehicle)
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	w.spread("from the socket to the board's list", took)
	w.put("… the slowest (1,000 asked)", "ms", float64(took[len(took)-1].Microseconds())/1000)
	return wait()
}

// astray lets a vehicle leave its route and gives how long after the position was
// written that told it the alert was on the board.
func (w *watch) astray(ctx context.Context, address string, vehicle int) (time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	from, _ := w.traffic.where(vehicle, 0, false)
	book, id := w.app.Registers.Book(), plate(vehicle)
	toward := 0.0
	for ; toward < 360; toward += 15 { // whichever way leads off every route
		if _, far := book.OffRoute(id, geo.Move(from, toward, 4000)); far > 2000 {
			break
		}
	}
	const minutes = 12
	start := w.clock.Now().Add(-(minutes + 1) * time.Minute).Truncate(time.Second)
	written := map[int64]time.Time{}
	var mu sync.Mutex // guards written
	k := 0
	t, err := newTerminal(vehicle, func(serial uint16, phone jt808.Phone) []byte {
		if k == minutes {
			return nil
		}
		at := start.Add(time.Duration(k) * time.Minute)
		wire, _, err := jt808.Encode(nil, jt808.Header{Phone: phone, Serial: serial}, told(at, geo.Move(from, toward, 4000+100*float64(k)), 10))
		if err != nil {
			panic(err) // made here
		}
		k++
		mu.Lock()
		written[city.Micros(at)] = time.Now()
		mu.Unlock()
		return wire
	})
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- t.converse(conn, make([]byte, 256)) }()
	patience := time.Now().Add(time.Minute)
	for time.Now().Before(patience) {
		var last time.Time
		err := w.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			page, err := w.app.Alerts.List(ctx, tx, program, alert.Query{Rule: detect.OffRoute, Subject: "vehicle:" + string(id)})
			if err == nil && len(page.Alerts) > 0 {
				last = page.Alerts[0].Last
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		if now := time.Now(); !last.IsZero() {
			mu.Lock()
			at, ok := written[city.Micros(last)]
			mu.Unlock()
			if !ok {
				return 0, fmt.Errorf("bench: the alert of %s is of no position that was sent", id)
			}
			return now.Sub(at), <-ended
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return 0, fmt.Errorf("bench: no alert came of %s leaving its route", id)
}
