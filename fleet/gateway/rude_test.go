package gateway

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"yiwang/fleet/jt808"
)

// Whatever comes in between, the next good frame is answered, and what came is
// counted and shown.
func TestRude(t *testing.T) {
	d := open(t, nil)
	c := d.entered(phoneOf(1))
	ok, _ := c.frames(jt808.IDHeartbeat, nil)
	broken := bytes.Clone(ok[0])
	broken[len(broken)-2] ^= 1
	escape := bytes.Clone(ok[0])
	escape[3] = 0x7d
	short := []byte{0x7e, 1, 2, 3, 0x7e}
	for _, tc := range []struct {
		why   jt808.Reason
		bytes []byte
	}{
		{jt808.BadChecksum, broken},
		{jt808.BadEscape, escape},
		{jt808.Oversize, append([]byte{0x7e}, bytes.Repeat([]byte{1}, 2*jt808.MaxWire)...)},
	} {
		before := d.Counts().Refused[tc.why]
		_, err := c.conn.Write(tc.bytes)
		d.must(err)
		d.must(c.expect(jt808.IDHeartbeat, nil, jt808.Done))
		if after := d.Counts().Refused[tc.why]; after <= before {
			t.Errorf("%s was not counted: %+v", tc.why, d.Counts().Refused)
		}
	}
	for range mostSamples + 3 {
		_, err := c.conn.Write(append(bytes.Clone(short), "no frame"...))
		d.must(err)
	}
	d.must(c.expect(jt808.IDHeartbeat, nil, jt808.Done))
	_, err := c.send(jt808.IDPosition, place(0)[:20])
	d.must(err)
	if r, err := c.reply(jt808.IDPosition, c.serial-1); err != nil || r != byte(jt808.Wrong) {
		t.Errorf("a body cut short: %d %v", r, err)
	}
	d.must(c.expect(0x0f01, []byte("what is this"), jt808.Unsupported))
	got := d.Counts()
	if got.Refused[jt808.BadBody] != 1 || got.Unknown[0x0f01] != 1 {
		t.Errorf("%+v", got)
	}
	most := 0
	for why, list := range d.Samples() {
		most = max(most, len(list))
		if len(list) > mostSamples || list[0].Hex == "" || list[0].At == 0 || len(list[0].Hex) > 2*mostSample {
			t.Errorf("%s: %+v", why, list)
		}
	}
	if most != mostSamples {
		t.Errorf("at most %d samples of a reason", most)
	}
}

func TestStrangers(t *testing.T) {
	d := open(t, nil)
	c := d.connect(phoneOf(1))
	d.must(c.expect(jt808.IDPosition, place(0), jt808.Failed))
	d.must(c.expect(jt808.IDHeartbeat, nil, jt808.Failed))
	d.troubles(Unauthenticated, 2)
	d.must(c.enter("another plate"))
	d.troubles(OtherPlate, 1)

	// Under another number on the same connection.
	other, err := newTerminal(c.conn, phoneOf(2), false)
	d.must(err)
	d.must(other.expect(jt808.IDPosition, place(0), jt808.Failed))
	d.troubles(OtherPhone, 1)
	d.must(c.expect(jt808.IDLogout, nil, jt808.Done))
	d.must(c.expect(jt808.IDPosition, place(0), jt808.Failed))

	nobody := d.connect("13911112222")
	if result, code, err := nobody.register("SUF00000"); err != nil || result != jt808.NoSuchVehicle || code != "" {
		t.Errorf("a number that is nobody's: %d %q %v", result, code, err)
	}
	d.troubles(UnknownVehicle, 1)
	p, err := jt808.ParsePhone("13911112222")
	d.must(err)
	d.must(nobody.expect(jt808.IDAuthenticate, nobody.authentication(string(d.code(p))), jt808.Failed))
	d.troubles(UnknownVehicle, 2)

	// Another terminal's code is as wrong as any.
	thief := d.connect(phoneOf(3))
	for range mostWrong {
		d.must(thief.expect(jt808.IDAuthenticate, thief.authentication(string(d.code(p))), jt808.Failed))
	}
	d.closed(thief)
	d.troubles(WrongCode, mostWrong)
	if len(d.book.of(plateOf(phoneOf(1))))+len(d.book.of(plateOf(phoneOf(2)))) != 0 {
		t.Error("a stranger's position was recorded")
	}
}

// The code stands over a restart, and not over another key.
func TestCode(t *testing.T) {
	d := open(t, nil)
	_, code, err := d.connect(phoneOf(1)).register(plateOf(phoneOf(1)))
	d.must(err)
	again := open(t, nil)
	c := again.connect(phoneOf(1))
	again.must(c.expect(jt808.IDAuthenticate, c.authentication(code), jt808.Done))
	other := open(t, func(o *Options) { o.Key = []byte("another key of 20 by") })
	c = other.connect(phoneOf(1))
	other.must(c.expect(jt808.IDAuthenticate, c.authentication(code), jt808.Failed))
	if _, err := New(Options{Record: d.o.Record, Vehicle: d.o.Vehicle, Clock: d.o.Clock, Key: []byte("short")}); err == nil {
		t.Error("a short key was taken")
	}
}

func TestDoubled(t *testing.T) {
	d := open(t, nil)
	older := d.entered(phoneOf(1))
	newer := d.entered(phoneOf(1))
	d.closed(older)
	d.must(newer.expect(jt808.IDPosition, place(0), jt808.Done))
	d.troubles(Doubled, 1)
	if n := d.Counts().Terminals; n != 1 {
		t.Errorf("%d terminals", n)
	}
}

func TestSilence(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.Idle = 60 * time.Millisecond })
	c := d.connect(phoneOf(1))
	_, code, err := c.register(plateOf(phoneOf(1)))
	d.must(err)
	list, _ := c.frames(jt808.IDAuthenticate, c.authentication(code))
	_, err = c.conn.Write(append(list[0], 0x7e, 2, 0, 0))
	d.must(err)
	d.closed(c)
	d.troubles(Silent, 1)
	if n := d.Counts().Refused[jt808.Half]; n != 1 {
		t.Errorf("%d half frames", n)
	}
	d.troubles(Late, 0)

	// Frames don't lengthen the time that a stranger has.
	d = open(t, func(o *Options) { o.Limits.Handshake = 60 * time.Millisecond })
	c = d.connect(phoneOf(1))
	for c.expect(jt808.IDHeartbeat, nil, jt808.Failed) == nil {
		time.Sleep(5 * time.Millisecond)
	}
	d.closed(c)
	d.troubles(Late, 1)
	d.troubles(Silent, 0)
}

func TestFlood(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.Pace, o.Limits.Burst = 10_000, readAtOnce })
	c := d.entered(phoneOf(1))
	one, serial := c.frames(jt808.IDHeartbeat, nil)
	const n = 40
	_, err := c.conn.Write(bytes.Repeat(one[0], n))
	d.must(err)
	for range n {
		if got, err := c.reply(jt808.IDHeartbeat, serial); err != nil || got != 0 {
			t.Fatal(got, err)
		}
	}
	if d.Counts().Troubles[Slowed] == 0 {
		t.Error("it was never slowed")
	}
}

func TestFull(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.Connections = 1 })
	c := d.entered(phoneOf(1))
	d.closed(d.connect(phoneOf(2)))
	d.troubles(Full, 1)
	d.must(c.expect(jt808.IDHeartbeat, nil, jt808.Done))
}

// Whoever opens many connections from one address keeps nobody else out.
func TestCrowd(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.PerAddress = 2 })
	first, second := d.entered(phoneOf(1)), d.entered(phoneOf(2))
	d.closed(d.connect(phoneOf(3)))
	d.troubles(Crowded, 1)
	d.must(first.expect(jt808.IDPosition, place(0), jt808.Done))
	here, there := net.Pipe()
	d.Gateway.admit(from{there, "203.0.113.7:1"}) // from elsewhere
	other, err := newTerminal(here, phoneOf(4), false)
	d.must(err)
	d.must(other.enter(plateOf(phoneOf(4))))
	d.must(second.conn.Close())
	for end := time.Now().Add(patience); d.Counts().Connections > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection that was closed is counted")
		}
	}
	d.entered(phoneOf(5)) // there is room again
	d.troubles(Crowded, 1)

	for a, want := range map[string]string{"203.0.113.7:1": "203.0.113.7/32", "[::ffff:203.0.113.7]:2": "203.0.113.7/32", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64"} {
		if got := origin(from{there, a}).String(); got != want {
			t.Errorf("%s comes from %s", a, got)
		}
	}
}

// from is a connection that comes from an address.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr)) }
