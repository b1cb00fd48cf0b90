package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"yiwang/alert"
	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/gateway"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
	"yiwang/internal/db"
)

// watch is the program with its traffic.
type watch struct {
	*figures
	app     *app.App
	clock   city.Clock
	traffic *traffic
	sent    int // positions that every vehicle has sent
	driven  int // that those which drive have sent beyond
}

// door opens a gateway as the program does; record may be nil for one that keeps
// nothing. Closing the listener and calling wait ends it.
func (w *watch) door(l net.Listener, record func(context.Context, []history.Position) error) (wait func() error, err error) {
	program := city.SystemActor("gateway")
	if record == nil {
		record = func(ctx context.Context, ps []history.Position) error { return w.app.Vehicles.Record(ctx, program, ps) }
	}
	key := make([]byte, 32)
	rand.Read(key)
	g, err := gateway.New(gateway.Options{Clock: w.clock, Key: key, Record: record, Limits: gateway.Limits{Connections: w.o.Fleet.Vehicles + 1, PerAddress: w.o.Fleet.Vehicles + 1, Burst: 1 << 30},
		Vehicle: func(phone string) (string, bool) {
			if v := w.app.Registers.Book().VehicleByTerminal(phone); v != nil {
				return string(v.ID), true
			}
			return "", false
		},
		Edition: func() uint64 { return w.app.Registers.Book().Serial() }})
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(context.Background(), l) }()
	return func() error {
		err := g.Close()
		if e := <-served; e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		for why, n := range g.Counts().Troubles {
			if n > 0 {
				err = errors.Join(err, fmt.Errorf("bench: the gateway had trouble %s, %d times", why, n))
			}
		}
		return err
	}, nil
}

// decided waits until the last position of each of the first so many vehicles was
// looked at.
func (w *watch) decided(ctx context.Context, vehicles int, last time.Time) error {
	for i := 0; i < vehicles; {
		l, _, err := w.app.Vehicles.Where(ctx, program, plate(i))
		if err != nil {
			return err
		}
		if l.At >= city.Micros(last) {
			i++
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// memory connects all vehicles, each sends some positions and stays connected, and
// the memory of the process is looked at: the registers, the connections, what is
// remembered of each vehicle, and the terminals' side of this benchmark.
func (w *watch) memory(ctx context.Context) error {
	size := w.o.Fleet
	before, _ := memory()
	w.head("memory: %d vehicles on record and connected, half of them driving, each has sent %d positions", size.Vehicles, size.Sent)
	w.put("the process before the first connects", "MB", float64(before)/1e6)
	l := newWires()
	wait, err := w.door(l, nil)
	if err != nil {
		return err
	}
	var list []*terminal
	for i := range size.Vehicles {
		k := 0
		t, err := newTerminal(i, func(serial uint16, phone jt808.Phone) []byte {
			if k == size.Sent {
				return nil
			}
			p, kmh := w.traffic.where(i, k, true)
			wire, _, err := jt808.Encode(nil, jt808.Header{Phone: phone, Serial: serial}, told(w.traffic.at(k), p, kmh))
			if err != nil {
				panic(err) // made here
			}
			k++
			return wire
		})
		if err != nil {
			return err
		}
		list = append(list, t)
	}
	w.doing("letting %d vehicles speak", size.Vehicles)
	if err := l.speak(list); err != nil {
		return err
	}
	if err := w.decided(ctx, size.Vehicles, w.traffic.at(size.Sent-1)); err != nil {
		return err
	}
	w.sent = size.Sent
	now, most := memory()
	w.put("the process, as the system counts it (1,000 MB asked for 100,000)", "MB", float64(now)/1e6)
	w.put("… at its most, filling the registers counted", "MB", float64(most)/1e6)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.put("… of it in use: heap", "MB", float64(m.HeapAlloc)/1e6)
	w.put("… of it in use: stacks", "MB", float64(m.StackInuse)/1e6)
	if err := wait(); err != nil {
		return err
	}
	debug.FreeOSMemory()
	now, _ = memory()
	w.put("the process after all have hung up, their vehicles watched on", "MB", float64(now)/1e6)
	w.parked()
	return nil
}

// parked tells what a vehicle holds at the most: one that stands for long at a place
// that trembles.
func (w *watch) parked() {
	rules, err := detect.NewRules(w.app.Pack.Detection.Number, w.app.Pack.Zone)
	if err != nil {
		return
	}
	const n = 200
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	kept := make([]detect.Vehicle, n)
	for i := range kept {
		kept[i] = rules.Vehicle("x")
		var out []track.Event
		for k := range 1000 {
			p := geo.Move(w.traffic.middle, float64(k*37%360), float64(k%30))
			at := city.Micros(w.traffic.at(k))
			out, _ = kept[i].Track.Push(track.Reading{Point: track.Point{At: at, Lat: p.Lat, Lon: p.Lon}, Received: at}, out[:0])
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&b)
	w.put("a vehicle that stood for hours where its place trembles", "KB", float64(b.HeapAlloc-a.HeapAlloc)/n/1e3)
	runtime.KeepAlive(kept)
}

// frames are those of the driving vehicles' next positions, each a message.
func (w *watch) frames(vehicles, from, n int) ([][][]byte, error) {
	all := make([][][]byte, vehicles)
	for i := range all {
		phone, err := jt808.ParsePhone(phoneOf(i))
		if err != nil {
			return nil, err
		}
		for k := range n {
			p, kmh := w.traffic.where(i, from+k, false)
			wire, _, err := jt808.Encode(nil, jt808.Header{Phone: phone, Serial: uint16(k + 2)}, told(w.traffic.at(from+k), p, kmh))
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], wire)
		}
	}
	return all, nil
}

// terminals are those that say these frames.
func terminals(all [][][]byte) ([]*terminal, error) {
	list := make([]*terminal, len(all))
	for i, frames := range all {
		k := -1
		var err error
		list[i], err = newTerminal(i, func(uint16, jt808.Phone) []byte {
			if k++; k < len(frames) {
				return frames[k]
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// each puts what one of n took of the processors.
func (w *watch) each(name string, n int, u usage) {
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	w.put(name, "µs", us(u.whole()))
}

// way measures the processor time of a position from the bytes of its frame to the
// decision: step by step, and all the way through the program.
func (w *watch) way(ctx context.Context) error {
	size := w.o.Fleet
	n := size.Driving * size.Positions
	all, err := w.frames(size.Driving, w.sent, size.Positions)
	if err != nil {
		return err
	}
	w.head("processor time of a position: %d positions of %d vehicles, a message each, against %d zones and the declared routes", n, size.Driving, size.Zones)
	if err := w.steps(ctx, all, n); err != nil {
		return err
	}
	before, err := w.count(ctx)
	if err != nil {
		return err
	}
	// All the way: connection, frame, gateway, segment file with its syncs, watch,
	// commits of stays; and the reply.
	l := newWires()
	wait, err := w.door(l, nil)
	if err != nil {
		return err
	}
	list, err := terminals(all)
	if err != nil {
		return err
	}
	w.doing("sending %d positions", n)
	runtime.GC()
	began, from := time.Now(), cpu()
	if err := l.speak(list); err != nil {
		return err
	}
	if err := w.decided(ctx, size.Driving, w.traffic.at(w.sent+size.Positions-1)); err != nil {
		return err
	}
	u, took := cpu().since(from), time.Since(began)
	w.driven = size.Positions
	if err := wait(); err != nil {
		return err
	}
	bare, err := w.bareWires(all)
	if err != nil {
		return err
	}
	w.each("all the way, frame to decision and reply, with the terminals' side", n, u)
	w.each("… of it the terminals: the same exchange with nobody behind it", n, bare)
	u = u.since(bare)
	w.each("all the way, frame to decision and reply (5 asked)", n, u)
	w.each("… of it the program", n, usage{user: u.user})
	w.each("… of it the kernel: segment file, syncs, waking", n, usage{system: u.system})
	w.put("positions decided a second", "/s", float64(n)/took.Seconds())
	after, err := w.count(ctx)
	if err == nil {
		w.put("alerts raised meanwhile", "count", float64(after-before))
	}
	return err
}

// bareWires lets the same terminals speak to somebody who reads each frame and
// answers at once: what the benchmark itself takes.
func (w *watch) bareWires(all [][][]byte) (u usage, err error) {
	l := newWires()
	wait, err := w.echo(l)
	if err != nil {
		return u, err
	}
	list, err := terminals(all)
	if err != nil {
		return u, err
	}
	runtime.GC()
	from := cpu()
	err = l.speak(list)
	u = cpu().since(from)
	l.hang()
	return u, errors.Join(err, l.Close(), wait())
}

// count is how many alerts stand on the board, 200 at most.
func (w *watch) count(ctx context.Context) (n int, err error) {
	err = w.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		page, err := w.app.Alerts.List(ctx, tx, program, alert.Query{Limit: 200})
		n = len(page.Alerts)
		return err
	})
	return n, err
}

// step measures what one of n takes when do goes through all of them, again and
// again for a while.
func (w *watch) step(ctx context.Context, name string, n int, do func() error) error {
	runtime.GC()
	times := 0
	began, from := time.Now(), cpu()
	for times == 0 || time.Since(began) < w.o.Span/10 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := do(); err != nil {
			return err
		}
		times++
	}
	w.each(name, n*times, cpu().since(from))
	return nil
}

// steps measures each step by itself, with the same positions.
func (w *watch) steps(ctx context.Context, all [][][]byte, n int) error {
	var stream []byte
	for k := range all[0] { // as they come in: one of each vehicle after the other
		for i := range all {
			stream = append(stream, all[i][k]...)
		}
	}
	var sum byte
	if err := w.step(ctx, fmt.Sprintf("bare scan of the frame's bytes, %d on average", len(stream)/n), n, func() error {
		for _, b := range stream {
			sum ^= b
		}
		return nil
	}); err != nil {
		return err
	}
	in := bytes.NewReader(stream)
	if err := w.step(ctx, "decode: found in the stream, checked, read", n, func() error {
		in.Reset(stream)
		scan := jt808.NewScanner(in)
		var f jt808.Frame
		seen := 0
		for {
			wire, err := scan.Next()
			if err == io.EOF && seen == n {
				return nil
			}
			if err == nil {
				err = f.Decode(wire)
			}
			if err == nil {
				_, err = f.Message()
			}
			if err != nil {
				return err
			}
			seen++
		}
	}); err != nil {
		return err
	}
	if err := w.bareDoor(ctx, all, n); err != nil {
		return err
	}
	if err := w.bareFile(ctx, n); err != nil {
		return err
	}
	return w.decisions(ctx, n)
}

// bareDoor measures a gateway that keeps nothing: decoding with what comes around
// it, and the reply.
func (w *watch) bareDoor(ctx context.Context, all [][][]byte, n int) error {
	return w.step(ctx, "gateway: the same with its connection, and the reply", n, func() error {
		l := newWires()
		wait, err := w.door(l, func(context.Context, []history.Position) error { return nil })
		if err != nil {
			return err
		}
		list, err := terminals(all)
		if err == nil {
			err = l.speak(list)
		}
		return errors.Join(err, wait())
	})
}

// bareFile measures keeping positions in a segment file, as many senders at a time
// as there are vehicles, each waiting for the disk.
func (w *watch) bareFile(ctx context.Context, n int) error {
	dir, err := os.MkdirTemp(w.app.Data, "bare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log, err := history.Open(dir, history.Options{Clock: w.clock})
	if err != nil {
		return err
	}
	defer log.Close()
	ps := w.positions()
	return w.step(ctx, "segment file: kept and synced, one at a time from each vehicle", n, func() error {
		var wg sync.WaitGroup
		errs := make(chan error, len(ps))
		for i := range ps {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for k := range ps[i] {
					if err := log.Append(ctx, ps[i][k:k+1]); err != nil {
						errs <- err
						return
					}
				}
			}()
		}
		wg.Wait()
		close(errs)
		return <-errs
	})
}

// positions are those that the driving vehicles send next.
func (w *watch) positions() [][]history.Position {
	ps := make([][]history.Position, w.o.Fleet.Driving)
	for i := range ps {
		for k := range w.o.Fleet.Positions {
			ps[i] = append(ps[i], w.traffic.position(i, w.sent+k))
		}
	}
	return ps
}

// decisions measures what is thought about a position.
func (w *watch) decisions(ctx context.Context, n int) error {
	rules, err := detect.NewRules(w.app.Pack.Detection.Number, w.app.Pack.Zone)
	if err != nil {
		return err
	}
	ground := w.app.Vehicles.Ground
	book, ps := w.app.Registers.Book(), w.positions()
	readings := make([][]track.Reading, len(ps))
	regs := make([]*register.Vehicle, len(ps))
	for i := range ps {
		if regs[i] = book.Vehicle(plate(i)); regs[i] == nil {
			return fmt.Errorf("bench: %s is not on record", plate(i))
		}
		for _, p := range ps[i] {
			readings[i] = append(readings[i], track.Reading{Point: track.Point{At: p.At, Lat: p.Lat, Lon: p.Lon, Speed: p.Speed, Flags: track.HasSpeed | track.HasEngine | track.EngineOn}, Received: p.Received})
		}
	}
	// as they come in: one of each vehicle after the other
	through := func(each func(i int, r track.Reading)) {
		for k := range readings[0] {
			for i := range readings {
				each(i, readings[i][k])
			}
		}
	}
	var events []track.Event
	if err := w.step(ctx, "filter, stays, driving and rest", n, func() error {
		fleet := vehicles(rules, len(ps))
		through(func(i int, r track.Reading) { events, _ = fleet[i].Track.Push(r, events[:0]) })
		return nil
	}); err != nil {
		return err
	}
	var room [16]*register.Zone
	hits := 0
	if err := w.step(ctx, fmt.Sprintf("zones: %d polygons", len(book.Zones())), n, func() error {
		hits = 0
		through(func(_ int, r track.Reading) { hits += len(book.ZonesAt(room[:0], r.Place())) })
		return nil
	}); err != nil {
		return err
	}
	w.put("… zones that a position lies in, on average", "ratio", float64(hits)/float64(n))
	off := 0
	if err := w.step(ctx, "route: how far off the declared one", n, func() error {
		off = 0
		through(func(i int, r track.Reading) {
			if _, far := book.OffRoute(regs[i].ID, r.Place()); far > 0 {
				off++
			}
		})
		return nil
	}); err != nil {
		return err
	}
	if off > 0 {
		return fmt.Errorf("bench: %d positions lie off their route", off)
	}
	var seen detect.Seen
	var found []detect.Finding
	err = w.step(ctx, "all of it: filter, stay, driving, zones, route, rules", n, func() error {
		fleet := vehicles(rules, len(ps))
		found = found[:0]
		through(func(i int, r track.Reading) {
			found = rules.Push(book, ground, &fleet[i], regs[i], r, &seen, found)
		})
		return nil
	})
	w.put("… things noticed in it, in zones of the city's own", "count", float64(len(found)))
	return err
}

func vehicles(rules *detect.Rules, n int) []detect.Vehicle {
	list := make([]detect.Vehicle, n)
	for i := range list {
		list[i] = rules.Vehicle(plate(i))
	}
	return list
}
