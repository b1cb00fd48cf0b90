package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"yiwang/city"
)

const (
	second = int64(1_000_000)
	hour   = 3600 * second
)

// noon is a Saturday's in 2026.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func fix(vehicle string, after int64) Position {
	at := city.Micros(noon) + after
	return Position{Vehicle: vehicle, At: at, Received: at + second, Lat: 31.9 + float64(after%1000)/1e6, Lon: 121.04, Speed: 36.5, Heading: 359,
		Altitude: -3, Status: 3, Alarm: 1 << 31, Mileage: 123456, Source: 2}
}

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	if o.Clock == nil {
		o.Clock = city.NewSetClock(noon)
	}
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func keep(t testing.TB, l *Log, ps ...Position) {
	t.Helper()
	if err := l.Append(context.Background(), ps); err != nil {
		t.Error(err)
	}
}

func track(t testing.TB, l *Log, vehicle string, from, to int64) []Position {
	t.Helper()
	var all []Position
	for p, err := range l.Track(context.Background(), vehicle, city.Micros(noon)+from, city.Micros(noon)+to) {
		if err != nil {
			t.Error(err)
		}
		all = append(all, p)
	}
	return all
}

func settle(t testing.TB, l *Log) Settled {
	t.Helper()
	s, err := l.Settle(context.Background())
	if err != nil {
		t.Error(err)
	}
	return s
}

func anyPosition() *rapid.Generator[Position] {
	return rapid.Custom(func(t *rapid.T) Position {
		p := Position{
			Vehicle: rapid.StringMatching(`[A-Z0-9\p{Han}]{1,12}`).Draw(t, "vehicle"),
			At:      city.Micros(noon) + rapid.Int64Range(-1e13, 1e13).Draw(t, "at"),
			Lat:     rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
			Speed: rapid.Float32Range(-1, 500).Draw(t, "speed"), Heading: rapid.Uint16().Draw(t, "heading"), Altitude: rapid.Int16().Draw(t, "altitude"),
			Status: rapid.Uint32().Draw(t, "status"), Alarm: rapid.Uint32().Draw(t, "alarm"), Mileage: rapid.Uint32().Draw(t, "mileage"), Source: rapid.Uint8().Draw(t, "source"),
		}
		if rapid.Bool().Draw(t, "whole") { // as terminals send
			p.Lat, p.Lon = float64(rapid.Int32Range(-90e6, 90e6).Draw(t, "lat6"))/1e6, float64(rapid.Int32Range(-180e6, 180e6).Draw(t, "lon6"))/1e6
			p.Speed = float32(float64(rapid.Uint16().Draw(t, "speed10")) / 10)
		}
		p.Received = p.At + rapid.Int64Range(-mostAhead, mostLate).Draw(t, "received")
		return p
	})
}

// What is written is read, to the last bit.
func TestFramesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(anyPosition(), 0, 20).Draw(t, "positions")
		b := []byte(segmentHead)
		split := 0
		if len(ps) > 0 {
			split = rapid.IntRange(0, len(ps)).Draw(t, "split")
		}
		b = appendFrame(appendFrame(b, ps[:split]), ps[split:])
		var got []Position
		tail, damaged := scan(b, func(v []byte, p *Position) {
			q := *p
			q.Vehicle = string(v)
			got = append(got, q)
		})
		if tail != 0 || damaged != 0 || !slices.Equal(got, ps) {
			t.Fatalf("tail %d, damaged %d\ngot  %v\nwant %v", tail, damaged, got, ps)
		}
	})
}

// Parquet keeps every bit, too, and another reader of the file sees its columns.
func TestPartsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(anyPosition(), 1, 50).Draw(t, "positions")
		slices.SortFunc(ps, func(a, b Position) int { return compare(&a, &b) })
		dir, err := os.MkdirTemp("", "part")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		name := filepath.Join(dir, "a.parquet")
		if _, err := writePart(name, func(yield func(Position, error) bool) {
			for _, p := range ps {
				if !yield(p, nil) {
					return
				}
			}
		}, nil); err != nil {
			t.Fatal(err)
		}
		p, err := openPart(name)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		var got []Position
		for q, err := range p.all(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, q)
		}
		if !slices.Equal(got, ps) {
			t.Fatalf("got  %v\nwant %v", got, ps)
		}
	})
}

func TestColumns(t *testing.T) {
	var got []string
	for _, f := range parquet.SchemaOf(Position{}).Fields() {
		got = append(got, f.Name()+" "+f.Type().String())
	}
	want := []string{"vehicle STRING", "at TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", "received TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)",
		"lat DOUBLE", "lon DOUBLE", "speed FLOAT", "heading INT(16,false)", "altitude INT(16,true)", "status INT(32,false)", "alarm INT(32,false)",
		"mileage INT(32,false)", "source INT(8,false)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestRefused(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	for key, spoil := range map[string]func(*Position){
		"history.vehicle": func(p *Position) { p.Vehicle = "" },
		"history.nowhere": func(p *Position) { p.Lat = math.NaN() },
		"history.speed":   func(p *Position) { p.Speed = float32(math.Inf(1)) },
		"history.time":    func(p *Position) { p.At = p.Received + mostAhead + 1 },
	} {
		p := fix("A", 0)
		spoil(&p)
		err := l.Append(context.Background(), []Position{fix("A", 0), p})
		var e *city.Error
		if !errors.As(err, &e) || e.Message.Key != key || !strings.Contains(err.Error(), "position 1") {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, p := range []Position{{Vehicle: strings.Repeat("x", 65)}, {Vehicle: "\xff"}, {Vehicle: "a\x00"}, {Vehicle: "A"}, {Vehicle: "A", Received: city.Micros(noon), At: city.Micros(noon) - mostLate - 1}} {
		if p.Check() == nil {
			t.Errorf("%+v was taken", p)
		}
	}
	if got := track(t, l, "A", -hour, hour); len(got) > 0 {
		t.Errorf("kept %v", got)
	}
}

// A day of two vehicles, told over and over, late and out of order, is read in
// order and once from wherever it lies.
func TestTrack(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, dir, Options{Clock: clock, Bytes: 2000})
	var want, other []Position
	for i := range int64(200) {
		want = append(want, fix("苏F12345", i*10*second))
		other = append(other, fix("苏F1234", i*10*second))
	}
	mixed := append(slices.Clone(want), other...)
	mixed = append(mixed, want[50:100]...)
	rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for chunk := range slices.Chunk(mixed, 7) {
		keep(t, l, chunk...)
	}
	look := func(when string) {
		t.Helper()
		if got := track(t, l, "苏F12345", 0, 24*hour); !slices.Equal(got, want) {
			t.Errorf("%s: %d positions for %d", when, len(got), len(want))
		}
		from, to := city.Micros(noon)+100*second, city.Micros(noon)+200*second
		piece := slices.DeleteFunc(slices.Clone(want), func(p Position) bool { return p.At < from || p.At >= to })
		if got := track(t, l, "苏F12345", 100*second, 200*second); len(piece) != 10 || !slices.Equal(got, piece) {
			t.Errorf("%s: %d positions of a part for 10", when, len(got))
		}
		for _, nobody := range []string{"苏F", "A", "苏F123456"} {
			if got := track(t, l, nobody, 0, 24*hour); len(got) > 0 {
				t.Errorf("%s: %s has %d positions", when, nobody, len(got))
			}
		}
	}
	look("fresh")
	if s := settle(t, l); s.Segments < 5 || s.Positions+s.Repeated < 400 || s.Torn > 0 || s.Damaged > 0 {
		t.Errorf("%+v", s)
	}
	look("partly settled")
	clock.Advance(time.Hour)
	settle(t, l)
	if left, _ := l.segments(); len(left) > 0 {
		t.Errorf("segments %v are left", left)
	}
	look("settled")
	clock.Advance(72 * time.Hour)
	late := fix("苏F12345", 5*second)
	late.Received = city.Micros(clock.Now())
	keep(t, l, late)
	want = slices.Insert(want, 1, late)
	look("late")
	if s := settle(t, l); s.Merged != 1 {
		t.Errorf("%+v", s)
	}
	look("merged")
	if parts, _ := l.parts("day=2026-11-28"); len(parts) != 1 {
		t.Errorf("%d parts are left", len(parts))
	}
	clock.Advance(time.Hour)
	if s := settle(t, l); s.Parts != 1 {
		t.Errorf("%+v", s)
	}
	look("late and settled")
	l.Close()
	l = open(t, dir, Options{Clock: clock})
	look("opened again")
}

// What is told about midnight lies on the day on which it was; each day is kept as
// long as the city says.
func TestDays(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, dir, Options{Clock: clock, Keep: 3})
	keep(t, l, fix("A", 12*hour-1), fix("A", 12*hour), fix("A", -4*24*hour), fix("A", -3*24*hour))
	clock.Advance(2 * time.Hour)
	if s := settle(t, l); s.Parts != 3 || s.Positions != 3 || s.Expired != 1 {
		t.Errorf("%+v", s)
	}
	days, _ := l.days()
	if want := []string{"day=2026-11-25", "day=2026-11-28", "day=2026-11-29"}; !slices.Equal(days, want) {
		t.Errorf("%q", days)
	}
	if got := track(t, l, "A", -100*hour, 100*hour); len(got) != 3 || !slices.IsSortedFunc(got, func(a, b Position) int { return compare(&a, &b) }) {
		t.Errorf("%v", got)
	}
	clock.Advance(24 * time.Hour)
	if s := settle(t, l); s.Days != 1 {
		t.Errorf("%+v", s)
	}
	if got := track(t, l, "A", -100*hour, 100*hour); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// Torn at every byte of its end, a segment gives all whole frames before it.
func TestTornTail(t *testing.T) {
	a, b := []Position{fix("A", 0), fix("A", 1)}, []Position{fix("A", 2)}
	whole := appendFrame([]byte(segmentHead), a)
	full := appendFrame(slices.Clone(whole), b)
	for n := range len(full) {
		dir := t.TempDir()
		l := open(t, dir, Options{})
		if err := os.WriteFile(filepath.Join(dir, segmentsDir, "old.seg"), full[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		want := 0
		if n >= len(whole) {
			want = 2
		}
		if got := track(t, l, "A", 0, hour); len(got) != want {
			t.Fatalf("cut at %d: %d positions", n, len(got))
		}
		s := settle(t, l)
		torn := n - len(whole)
		if n < len(segmentHead) {
			torn = n
		} else if n < len(whole) {
			torn = n - len(segmentHead)
		}
		if int(s.Positions) != want || int(s.Torn) != torn || s.Damaged != 0 {
			t.Fatalf("cut at %d: %+v", n, s)
		}
		if got := track(t, l, "A", 0, hour); len(got) != want {
			t.Fatalf("cut at %d, settled: %d positions", n, len(got))
		}
		l.Close()
	}
}

// Damage in the middle costs its frame only, and the segment stays to be looked at.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	b := appendFrame([]byte(segmentHead), []Position{fix("A", 0)})
	hit := len(b) + 20
	b = appendFrame(b, []Position{fix("A", 1)})
	b = appendFrame(b, []Position{fix("A", 2)})
	b[hit] ^= 1
	if err := os.WriteFile(filepath.Join(dir, segmentsDir, "old.seg"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := settle(t, l); s.Positions != 2 || s.Damaged != 1 || s.Torn != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(dir, segmentsDir, "old.seg.damaged")); err != nil {
		t.Error(err)
	}
	if s := settle(t, l); s.Segments != 0 {
		t.Errorf("%+v", s)
	}
}

// A crash between the steps of settling and merging is made good by doing them
// again.
func TestSettlingAgain(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	l := open(t, dir, Options{Clock: clock, Bytes: 1})
	for i := range int64(12) {
		keep(t, l, fix("A", i*second))
	}
	old := filepath.Join(dir, segmentsDir)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	settle(t, l)
	back := func(from, to string) { // what was removed is there again
		t.Helper()
		entries, _ := os.ReadDir(from)
		for _, e := range entries {
			raw, err := os.ReadFile(filepath.Join(from, e.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(to, e.Name()), raw, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	back(copied, old)
	if got := track(t, l, "A", 0, hour); len(got) != 12 {
		t.Errorf("%d positions before it is settled again", len(got))
	}
	settle(t, l)
	day := filepath.Join(dir, "day=2026-11-28")
	parts, _ := l.parts("day=2026-11-28")
	if len(parts) != 12 {
		t.Fatalf("%d parts", len(parts))
	}
	split := t.TempDir()
	if err := os.CopyFS(split, os.DirFS(day)); err != nil {
		t.Fatal(err)
	}
	clock.Advance(24 * time.Hour)
	if s := settle(t, l); s.Merged != 1 {
		t.Errorf("%+v", s)
	}
	back(split, day)
	if got := track(t, l, "A", 0, hour); len(got) != 12 {
		t.Errorf("%d positions before it is merged again", len(got))
	}
	settle(t, l)
	if parts, _ = l.parts("day=2026-11-28"); len(parts) != 1 {
		t.Errorf("%d parts", len(parts))
	}
	if got := track(t, l, "A", 0, hour); len(got) != 12 {
		t.Errorf("%d positions", len(got))
	}
}

// Two logs share a folder: neither settles what the other writes.
func TestTwoProcesses(t *testing.T) {
	dir, clock := t.TempDir(), city.NewSetClock(noon)
	a, b := open(t, dir, Options{Clock: clock}), open(t, dir, Options{Clock: clock})
	keep(t, a, fix("A", 0))
	keep(t, b, fix("A", 1))
	clock.Advance(time.Hour)
	if s := settle(t, b); s.Segments != 1 {
		t.Errorf("%+v", s)
	}
	for _, l := range []*Log{a, b} {
		if got := track(t, l, "A", 0, hour); len(got) != 2 {
			t.Errorf("%d positions", len(got))
		}
	}
	keep(t, a, fix("A", 2))
	a.Close()
	if s := settle(t, b); s.Segments != 2 {
		t.Errorf("%+v", s)
	}
	if got := track(t, b, "A", 0, hour); len(got) != 3 {
		t.Errorf("%d positions", len(got))
	}
}

// disk is a folder that has room for so many bytes, and syncs as long as it likes
// to.
type disk struct {
	mu    sync.Mutex
	room  int
	stuck bool // Truncate fails, too
	sick  bool // Sync fails
}

type onDisk struct {
	*os.File
	d *disk
}

func (d *disk) create(name string) (file, error) {
	f, err := createLocked(name)
	if err != nil {
		return nil, err
	}
	return &onDisk{f.(*os.File), d}, nil
}

func (f *onDisk) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	n := min(len(b), f.d.room)
	f.d.room -= n
	if _, err := f.File.Write(b[:n]); err != nil {
		return 0, err
	}
	if n < len(b) {
		return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return n, nil
}

func (f *onDisk) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.sick {
		return syscall.EIO
	}
	return f.File.Sync()
}

func (f *onDisk) Truncate(n int64) error {
	if f.d.stuck {
		return io.ErrShortWrite
	}
	return f.File.Truncate(n)
}

// On a full disk, or one that can't sync, appends are refused; what was kept before
// stays, and when there is room again it goes on.
func TestFullDisk(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		t.Run(fmt.Sprint("stuck ", stuck), func(t *testing.T) {
			dir := t.TempDir()
			d := &disk{room: 1000, stuck: stuck}
			l := open(t, dir, Options{create: d.create})
			var want []Position
			failed := 0
			try := func(i int64) {
				p := fix("A", i*second)
				err := l.Append(context.Background(), []Position{p})
				var e *city.Error
				switch {
				case err == nil:
					want = append(want, p)
				case errors.As(err, &e) && e.Kind == city.KindUnavailable:
					failed++
				default:
					t.Fatal(err)
				}
			}
			look := func() {
				t.Helper()
				got := track(t, l, "A", 0, hour)
				for _, p := range want {
					if !slices.Contains(got, p) {
						t.Fatalf("%v was acknowledged and is gone", p)
					}
				}
				if !stuck && len(got) != len(want) {
					t.Errorf("%d positions for %d", len(got), len(want))
				}
			}
			for i := range int64(30) {
				try(i)
			}
			if len(want) == 0 || failed == 0 {
				t.Fatalf("%d kept, %d failed", len(want), failed)
			}
			look()
			d.mu.Lock()
			d.room, d.sick = 1<<20, true
			d.mu.Unlock()
			before := len(want)
			try(100)
			if len(want) > before {
				t.Error("acknowledged without a sync")
			}
			d.mu.Lock()
			d.sick = false
			d.mu.Unlock()
			for i := range int64(30) {
				try(200 + i)
			}
			if len(want) != before+30 {
				t.Errorf("%d kept when there was room again", len(want)-before)
			}
			look()
			if c := l.Counts(); int(c.Positions) != len(want) || int(c.Failed) != failed {
				t.Errorf("%+v", c)
			}
			l.Close()
			l = open(t, dir, Options{})
			look()
			settle(t, l)
			look()
		})
	}
}

func TestClosed(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	p, err := l.Begin(context.Background(), []Position{fix("A", 0)})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Close()
	if err := p.Wait(context.Background()); err != nil {
		t.Errorf("what was on its way: %v", err)
	}
	if err := l.Append(context.Background(), []Position{fix("A", 1)}); err == nil {
		t.Error("taken when closed")
	}
	if got := track(t, l, "A", 0, hour); len(got) != 1 {
		t.Errorf("%d positions", len(got))
	}
}

// Reading goes on while others append, settle and merge.
func TestAllAtOnce(t *testing.T) {
	clock := city.NewSetClock(noon.Add(48 * time.Hour))
	l := open(t, t.TempDir(), Options{Clock: clock, Bytes: 600})
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					settle(t, l)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			vehicle := fmt.Sprint("V", w)
			for i := range int64(60) {
				keep(t, l, fix(vehicle, i*second))
				if i%5 == 0 {
					if got := track(t, l, vehicle, 0, hour); int64(len(got)) != i+1 {
						t.Errorf("%s has %d positions after %d", vehicle, len(got), i+1)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	all.Wait()
}

func FuzzSegment(f *testing.F) {
	good := appendFrame([]byte(segmentHead), []Position{fix("A", 0), fix("B", 1)})
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(append(slices.Clone(good), good...))
	f.Add([]byte(segmentHead + "\xf5\x9aYW\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func(b []byte) (ps []Position) {
			tail, damaged := scan(b, func(v []byte, p *Position) {
				q := *p
				q.Vehicle = string(v)
				ps = append(ps, q)
			})
			if tail < 0 || damaged < 0 || tail+damaged > len(b) {
				t.Fatalf("%d and %d of %d bytes are lost", tail, damaged, len(b))
			}
			return ps
		}
		// what is read can be written and read again
		ps := slices.DeleteFunc(read(b), func(p Position) bool { return p.Check() != nil })
		again := []byte(segmentHead)
		for chunk := range slices.Chunk(ps, mostInFrame) {
			again = appendFrame(again, chunk)
		}
		if got := read(again); !slices.Equal(got, ps) {
			t.Fatalf("%v came back as %v", ps, got)
		}
		// whatever the sum says, the inside of a frame is refused or read
		positionsOf(bytes.TrimPrefix(b, []byte(segmentHead)), func([]byte, *Position) {})
	})
}

// Positions a second from 64 connections that wait for each answer, as the gateway
// does; the disk is the machine's own.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 20} {
		b.Run(fmt.Sprint("batch ", batch), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{})
			var all sync.WaitGroup
			each := b.N/64 + 1
			b.ResetTimer()
			for w := range 64 {
				all.Go(func() {
					ps := make([]Position, batch)
					for i := range each {
						for j := range ps {
							ps[j] = fix(fmt.Sprint("V", w), int64(i*batch+j)*second)
						}
						keep(b, l, ps...)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(64*each*batch)/b.Elapsed().Seconds(), "positions/s")
			c := l.Counts()
			b.ReportMetric(float64(c.Positions)/float64(c.Syncs), "positions/sync")
		})
	}
}
