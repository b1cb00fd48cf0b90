package gateway

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	peermodel "github.com/cuteLittleDevil/go-jt808/protocol/model"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
)

// Five hundred terminals at once, half of each edition; what was acknowledged
// stands on the disk.
func TestManyTerminals(t *testing.T) {
	log, err := history.Open(t.TempDir(), history.Options{Clock: city.NewSetClock(noon.Add(time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, func(o *Options) { o.Record = log.Append })
	const terminals, singles, batched = 500, 3, 5
	var all errgroup.Group
	all.SetLimit(250)
	for i := range terminals {
		all.Go(func() error {
			c, err := d.dial(phoneOf(i), i%2 == 1)
			if err != nil {
				return err
			}
			defer func() { _ = c.conn.Close() }()
			if err := c.enter(plateOf(phoneOf(i))); err != nil {
				return err
			}
			if err := c.expect(jt808.IDHeartbeat, nil, jt808.Done); err != nil {
				return err
			}
			for n := range singles {
				if err := c.expect(jt808.IDPosition, place(n), jt808.Done); err != nil {
					return err
				}
			}
			return c.expect(jt808.IDBatch, batch(singles, batched), jt808.Done)
		})
	}
	d.must(all.Wait())
	if c := d.Counts(); c.Positions != terminals*(singles+batched) || len(c.Troubles) != 0 || len(c.Refused) != 0 || len(c.Unknown) != 0 || c.Frames != terminals*(singles+4) {
		t.Errorf("%+v", c)
	}
	for i := range terminals {
		n := 0
		for p, err := range log.Track(t.Context(), plateOf(phoneOf(i)), city.Micros(noon), city.Micros(noon.Add(time.Minute))) {
			if err != nil {
				t.Fatal(err)
			}
			if p.At != city.Micros(noon.Add(time.Duration(n)*time.Second)) {
				t.Fatalf("terminal %d, position %d: %+v", i, n, p)
			}
			n++
		}
		if n != singles+batched {
			t.Fatalf("terminal %d: %d positions on the disk", i, n)
		}
	}
	_ = d.Close()
	d.must(log.Close())
}

func TestWhatIsKept(t *testing.T) {
	d := open(t, nil)
	c := d.entered(phoneOf(7))
	d.must(c.expect(jt808.IDPosition, place(3, 1, 4, 0, 0, 4, 0), jt808.Done))
	want := history.Position{Vehicle: plateOf(phoneOf(7)), At: city.Micros(noon.Add(3 * time.Second)), Received: city.Micros(noon.Add(time.Hour)),
		Lat: 31.980003, Lon: 120.89, Speed: 45.7, Heading: 90, Altitude: 12, Status: 3, Alarm: 4, Mileage: 1024, Source: Source}
	if got := d.book.of(want.Vehicle); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// The pipe holds nothing: whoever writes waits for a reader. A reply before the
// record would wait for ever, and the record would not begin.
func TestReplyAfterRecord(t *testing.T) {
	begun, full := make(chan struct{}), errors.New("the disk is full")
	answers := make(chan error)
	d := open(t, func(o *Options) {
		o.Record = func(context.Context, []history.Position) error {
			begun <- struct{}{}
			return <-answers
		}
	})
	here, there := net.Pipe()
	d.admit(there)
	c, err := newTerminal(here, phoneOf(1), false)
	d.must(err)
	d.must(c.enter(plateOf(phoneOf(1))))
	for _, outcome := range []error{full, nil} {
		serial, err := c.send(jt808.IDPosition, place(0))
		d.must(err)
		<-begun
		answers <- outcome
		got, err := c.reply(jt808.IDPosition, serial)
		d.must(err)
		if (got == 0) != (outcome == nil) {
			t.Errorf("%v was answered %d", outcome, got)
		}
	}
	d.troubles(Unrecorded, 1)

	// Closing lets end what is being recorded, and its reply go out.
	serial, err := c.send(jt808.IDPosition, place(1))
	d.must(err)
	<-begun
	ended := make(chan error)
	go func() { ended <- d.Close() }()
	for !d.closing.Load() {
		time.Sleep(time.Millisecond)
	}
	answers <- nil
	if got, err := c.reply(jt808.IDPosition, serial); err != nil || got != 0 {
		t.Errorf("when closing: %d %v", got, err)
	}
	d.must(<-ended)
}

func TestSentAgain(t *testing.T) {
	d := open(t, nil)
	c := d.entered(phoneOf(1))
	list, serial := c.frames(jt808.IDPosition, place(0))
	_, err := c.conn.Write(bytes.Repeat(list[0], 100))
	d.must(err)
	for range 100 {
		if got, err := c.reply(jt808.IDPosition, serial); err != nil || got != 0 {
			t.Fatal(got, err)
		}
	}
	if n := len(d.book.of(plateOf(phoneOf(1)))); n == 0 {
		t.Error("acknowledged and not recorded")
	}
}

func TestBatchWithBadRecords(t *testing.T) {
	d := open(t, nil)
	c := d.entered(phoneOf(1))
	good, bad := place(0), place(1)
	bad[22+1] = 0x13 // the thirteenth month
	old := place(2)
	old[22] = 0x19 // years ago
	locked := place(3)
	locked[7] |= 0x20
	many := func(list ...[]byte) []byte {
		body := []byte{0, byte(len(list)), 0}
		for _, r := range list {
			body = append(append(body, 0, byte(len(r))), r...)
		}
		return body
	}
	d.must(c.expect(jt808.IDBatch, many(bad, good, old, locked), jt808.Done))
	d.must(c.expect(jt808.IDBatch, many(bad), jt808.Wrong))
	d.must(c.expect(jt808.IDPosition, old, jt808.Wrong))
	if n := len(d.book.of(plateOf(phoneOf(1)))); n != 1 {
		t.Errorf("%d recorded", n)
	}
	d.troubles(Unkept, 2)
	d.troubles(Encrypted, 1)
	if n := d.Counts().Refused[jt808.BadTime]; n != 2 {
		t.Errorf("%d bad times", n)
	}
	if n := len(d.Samples()[string(Unkept)]); n != 2 {
		t.Errorf("%d samples", n)
	}
}

func TestParts(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.Missing = 300 * time.Millisecond })
	c := d.entered(phoneOf(1))
	const n = 120
	list, first := c.frames(jt808.IDBatch, batch(0, n))
	if len(list) != 4 {
		t.Fatalf("%d frames", len(list))
	}
	write := func(frames ...[]byte) {
		t.Helper()
		_, err := c.conn.Write(bytes.Join(frames, nil))
		d.must(err)
	}
	write(list[3], list[0])
	j, err := c.receive()
	d.must(err)
	var p peermodel.P0x8003
	if err := p.Parse(j); err != nil || p.OriginalSerialNumber != first || !slices.Equal(p.AgainPackageList, []uint16{2, 3}) {
		t.Fatalf("%+v %v", p, err)
	}
	// It fails first, and is taken when it comes again.
	d.book.fail(errors.New("the disk is full"))
	write(list[2], list[1])
	for {
		j, err := c.receive()
		d.must(err)
		if j.Header.ID == uint16(jt808.IDResendDown) {
			continue // asked before the parts came
		}
		var r peermodel.P0x8001
		if err := r.Parse(j); err != nil || r.Result != byte(jt808.Failed) || r.RespondSerialNumber != first {
			t.Fatalf("%+v %v", r, err)
		}
		break
	}
	d.book.fail(nil)
	for range 2 {
		write(list...)
		if got, err := c.reply(jt808.IDBatch, first); err != nil || got != 0 {
			t.Fatal(got, err)
		}
	}
	if got := len(d.book.of(plateOf(phoneOf(1)))); got != n {
		t.Errorf("%d recorded", got)
	}
}

// All connections together hold no more than the limit.
func TestPartsAreBounded(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.Held = 3000 })
	c := d.entered(phoneOf(1))
	list, _ := c.frames(jt808.IDBatch, batch(0, 200))
	_, err := c.conn.Write(bytes.Join(list[:len(list)-1], nil))
	d.must(err)
	d.must(c.expect(jt808.IDHeartbeat, nil, jt808.Done))
	if got := d.Counts(); got.Held > 3000 || got.Troubles[GivenUp] == 0 {
		t.Errorf("%+v", got)
	}
}

func TestText(t *testing.T) {
	d := open(t, nil)
	c := d.entered(phoneOf(1))
	answer := func(result byte) error {
		j, err := c.receive()
		if err != nil {
			return err
		}
		var m peermodel.P0x8300
		if err := m.Parse(j); err != nil {
			return err
		}
		if m.Text != "\u524d\u65b9\u6709\u96fe" {
			return errors.New("another text: " + m.Text)
		}
		_, err = c.send(jt808.IDTerminalReply, (&peermodel.T0x0001{SerialNumber: j.Header.SerialNumber, ID: uint16(jt808.IDText), Result: result}).Encode())
		return err
	}
	for result, want := range []city.Kind{"", city.KindInvalid} {
		got := make(chan error, 1)
		go func() { got <- answer(byte(result)) }()
		err := d.Send(t.Context(), phoneOf(1), "\u524d\u65b9\u6709\u96fe")
		d.must(<-got)
		if want == "" && err != nil || want != "" && city.KindOf(err) != want {
			t.Errorf("answered %d: %v", result, err)
		}
	}
	d = open(t, func(o *Options) { o.Limits.Answer = 20 * time.Millisecond })
	d.entered(phoneOf(1))
	for _, tc := range []struct {
		phone, text string
		want        city.Kind
	}{
		{phoneOf(1), "nobody answers", city.KindUnavailable},
		{phoneOf(2), "nobody there", city.KindNotFound},
		{"no number", "nobody there", city.KindNotFound},
		{phoneOf(1), "", city.KindInvalid},
		{phoneOf(1), "\U0001f69a", city.KindInvalid},
		{phoneOf(1), string(bytes.Repeat([]byte("a"), mostText+1)), city.KindInvalid},
	} {
		if err := d.Send(t.Context(), tc.phone, tc.text); city.KindOf(err) != tc.want {
			t.Errorf("%q: %v, want %s", tc.text, err, tc.want)
		}
	}
}

// With an edition a vehicle is asked for once in each, and a terminal that has become
// another vehicle's is that one's from the next edition on.
func TestEditions(t *testing.T) {
	var edition atomic.Uint64
	var asked atomic.Int64
	var plate atomic.Value
	edition.Store(1)
	plate.Store("A1")
	g := &Gateway{o: Options{Edition: edition.Load, Vehicle: func(string) (string, bool) {
		asked.Add(1)
		p := plate.Load().(string)
		return p, p != ""
	}}}
	s := &session{g: g, number: "13900001111"}
	for _, c := range []struct {
		edition uint64
		plate   string // on record
		want    string
		asked   int64
	}{{1, "A1", "A1", 1}, {1, "B2", "A1", 1}, {2, "B2", "B2", 2}, {2, "B2", "B2", 2}, {3, "", "", 3}, {3, "C3", "C3", 4}, {4, "C3", "C3", 5}} {
		edition.Store(c.edition)
		plate.Store(c.plate)
		if got, ok := s.vehicle(); got != c.want || ok != (c.want != "") || asked.Load() != c.asked {
			t.Errorf("%+v: %q %v, asked %d times", c, got, ok, asked.Load())
		}
	}
}
