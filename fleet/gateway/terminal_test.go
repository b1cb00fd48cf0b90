package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	peer "github.com/cuteLittleDevil/go-jt808/protocol/jt808"
	peermodel "github.com/cuteLittleDevil/go-jt808/protocol/model"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
)

var noon = time.Date(2026, 5, 12, 4, 0, 0, 0, time.UTC)

const patience = 30 * time.Second // far more than anything here takes

// terminal is a vehicle's terminal that speaks with another codec than the gateway.
type terminal struct {
	conn   net.Conn
	in     *bufio.Reader
	j      *peer.JTMessage
	serial uint16
}

func phoneOf(i int) string { return fmt.Sprintf("138%08d", i) }
func plateOf(phone string) string {
	return "SUF" + phone[len(phone)-5:]
}

func newTerminal(conn net.Conn, phone string, v2019 bool) (*terminal, error) {
	p, err := jt808.ParsePhone(phone)
	if err != nil {
		return nil, err
	}
	h := jt808.Header{ID: jt808.IDHeartbeat, Phone: p, V2019: v2019}
	if v2019 {
		h.Version = 1
	}
	// The other codec makes headers only out of those that it has read.
	like, err := (&jt808.Frame{Header: h}).Append(nil)
	if err != nil {
		return nil, err
	}
	j := peer.NewJTMessage()
	if err := j.Decode(like); err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &terminal{conn: conn, in: bufio.NewReader(conn), j: j, serial: 100}, nil
}

// frames are those of one message.
func (c *terminal) frames(id jt808.ID, body []byte) ([][]byte, uint16) {
	c.j.Header.ReplyID, c.j.Header.PlatformSerialNumber = uint16(id), c.serial
	list := c.j.Header.EncodePackets(body)
	first := c.serial
	c.serial += uint16(len(list))
	return list, first
}

func (c *terminal) send(id jt808.ID, body []byte) (uint16, error) {
	list, first := c.frames(id, body)
	_, err := c.conn.Write(bytes.Join(list, nil))
	return first, err
}

func (c *terminal) receive() (*peer.JTMessage, error) {
	for {
		wire, err := c.in.ReadBytes(0x7e)
		if err != nil {
			return nil, err
		}
		if len(wire) == 1 {
			continue
		}
		j := peer.NewJTMessage()
		return j, j.Decode(append([]byte{0x7e}, wire...))
	}
}

// reply is the next message, which has to be the general reply to that message.
func (c *terminal) reply(id jt808.ID, serial uint16) (byte, error) {
	j, err := c.receive()
	if err != nil {
		return 0, err
	}
	var p peermodel.P0x8001
	if j.Header.ID != uint16(jt808.IDPlatformReply) {
		return 0, fmt.Errorf("%04x came, not a general reply", j.Header.ID)
	}
	if err := p.Parse(j); err != nil {
		return 0, err
	}
	if p.RespondSerialNumber != serial || p.RespondID != uint16(id) {
		return 0, fmt.Errorf("a reply to %04x %d, not to %s %d", p.RespondID, p.RespondSerialNumber, id, serial)
	}
	return p.Result, nil
}

// expect sends a message and wants that result.
func (c *terminal) expect(id jt808.ID, body []byte, want jt808.Result) error {
	serial, err := c.send(id, body)
	if err != nil {
		return err
	}
	got, err := c.reply(id, serial)
	if err == nil && got != byte(want) {
		err = fmt.Errorf("%s was answered %d, want %d", id, got, want)
	}
	return err
}

// register gives the result and the code.
func (c *terminal) register(plate string) (byte, string, error) {
	body := (&peermodel.T0x0100{ProvinceID: 32, CityID: 600, ManufacturerID: "MAKER", TerminalModel: "M1", TerminalID: "T000001",
		PlateColor: 2, LicensePlateNumber: plate, Version: c.j.Header.ProtocolVersion}).Encode()
	serial, err := c.send(jt808.IDRegister, body)
	if err != nil {
		return 0, "", err
	}
	j, err := c.receive()
	if err != nil {
		return 0, "", err
	}
	var p peermodel.P0x8100
	if err := p.Parse(j); err != nil || j.Header.ID != uint16(jt808.IDRegisterReply) || p.RespondSerialNumber != serial {
		return 0, "", fmt.Errorf("%04x: %+v %v", j.Header.ID, p, err)
	}
	return p.Result, p.AuthCode, nil
}

func (c *terminal) authentication(code string) []byte {
	m := peermodel.T0x0102{AuthCodeLen: byte(len(code)), AuthCode: code, TerminalIMEI: strings.Repeat("1", 15), SoftwareVersion: "1.0", Version: c.j.Header.ProtocolVersion}
	return m.Encode()
}

// enter registers and authenticates.
func (c *terminal) enter(plate string) error {
	result, code, err := c.register(plate)
	if err != nil {
		return err
	}
	if result != jt808.Registered || code == "" {
		return fmt.Errorf("registered %d with %q", result, code)
	}
	return c.expect(jt808.IDAuthenticate, c.authentication(code), jt808.Done)
}

// place is where the vehicle was n seconds after noon, with its mileage where one
// is given.
func place(n int, mileage ...byte) []byte {
	return append((&peermodel.T0x0200{T0x0200LocationItem: placeItem(n)}).Encode(), mileage...)
}

func placeItem(n int) peermodel.T0x0200LocationItem {
	return peermodel.T0x0200LocationItem{AlarmSign: 4, StatusSign: 3, Latitude: uint32(31_980_000 + n), Longitude: 120_890_000, Altitude: 12, Speed: 457, Direction: 90,
		DateTime: noon.Add(time.Duration(n) * time.Second).In(jt808.Zone).Format(time.DateTime)}
}

func batch(from, n int) []byte {
	m := peermodel.T0x0704{Num: uint16(n), LocationType: 1}
	for i := range n {
		m.Items = append(m.Items, peermodel.T0x0704LocationItem{T0x0200LocationItem: placeItem(from + i)})
	}
	return m.Encode()
}

// book is what was recorded, by plate.
type book struct {
	mu   sync.Mutex
	kept map[string][]history.Position
	err  error
}

func (b *book) record(_ context.Context, ps []history.Position) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	if b.kept == nil {
		b.kept = map[string][]history.Position{}
	}
	for _, p := range ps {
		b.kept[p.Vehicle] = append(b.kept[p.Vehicle], p)
	}
	return nil
}

func (b *book) of(plate string) []history.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.kept[plate])
}

func (b *book) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
}

// door is a gateway on loopback. Numbers that begin with 138 are vehicles' on
// record.
type door struct {
	*Gateway
	*testing.T
	addr string
	book book
}

func open(t *testing.T, change func(*Options)) *door {
	t.Helper()
	d := &door{T: t}
	o := Options{
		Record:  d.book.record,
		Vehicle: func(phone string) (string, bool) { return plateOf(phone), strings.HasPrefix(phone, "138") },
		Key:     []byte("0123456789abcdef"), Clock: city.NewSetClock(noon.Add(time.Hour)),
	}
	if change != nil {
		change(&o)
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.Gateway, d.addr = g, l.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		_ = g.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if c := g.Counts(); c.Connections != 0 || c.Terminals != 0 || c.Held != 0 {
			t.Errorf("after closing: %+v", c)
		}
	})
	return d
}

func (d *door) dial(phone string, v2019 bool) (*terminal, error) {
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		return nil, err
	}
	return newTerminal(conn, phone, v2019)
}

func (d *door) connect(phone string) *terminal {
	d.Helper()
	c, err := d.dial(phone, false)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = c.conn.Close() })
	return c
}

// entered is a connection that has authenticated.
func (d *door) entered(phone string) *terminal {
	d.Helper()
	c := d.connect(phone)
	d.must(c.enter(plateOf(phone)))
	return c
}

func (d *door) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// closed waits until the gateway has closed the connection.
func (d *door) closed(c *terminal) {
	d.Helper()
	for {
		_, err := c.receive()
		if err == nil {
			continue
		}
		if isTimeout(err) {
			d.Fatal("the connection stayed open")
		}
		return
	}
}

func (d *door) troubles(k Trouble, want int64) {
	d.Helper()
	if got := d.Counts().Troubles[k]; got != want {
		d.Errorf("%s: %d, want %d", k, got, want)
	}
}
