package jt808

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// Made-up values of everything that can be encoded.

func anyBytes(t *rapid.T, name string, most int) []byte {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 0x41, 0x7d, 0x7e, 0xff}), 0, most).Draw(t, name)
}

// anyText has no zero byte at its end, since those fill fields.
func anyText(t *rapid.T, name string, most int) GBK {
	s := rapid.SliceOfN(rapid.SampledFrom([]byte{1, 0x30, 0x41, 0x7d, 0x7e, 0xd4, 0xc1}), 0, most).Draw(t, name)
	return GBK(s)
}

func anyWord(t *rapid.T, name string) uint16 { return rapid.Uint16().Draw(t, name) }

func anyTime(t *rapid.T, zone time.Duration) time.Time {
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	until := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)
	return time.Unix(rapid.Int64Range(from.Unix(), until.Unix()).Draw(t, "time"), 0).UTC().Add(-zone)
}

func anyExtras(t *rapid.T) Extras {
	var e Extras
	e.Other = []Item{}
	for id, size := range itemSizes {
		if size == 0 || !rapid.Bool().Draw(t, "has") {
			continue
		}
		e.Set(ItemID(id))
		switch ItemID(id) {
		case ItemMileage:
			e.Mileage = rapid.Uint32().Draw(t, "mileage")
		case ItemFuel:
			e.Fuel = anyWord(t, "fuel")
		case ItemRecorder:
			e.Recorder = anyWord(t, "recorder")
		case ItemConfirm:
			e.Confirm = anyWord(t, "confirm")
		case ItemTyres:
			copy(e.Tyres[:], anyBytes(t, "tyres", 30))
		case ItemCabin:
			e.Cabin = rapid.Int16Range(-32767, 32767).Draw(t, "cabin")
		case ItemOverspeed:
			e.Overspeed = Place{rapid.Uint8Range(0, 4).Draw(t, "kind"), rapid.Uint32().Draw(t, "id")}
		case ItemCrossing:
			e.Crossing = Crossing{Place{rapid.Byte().Draw(t, "kind"), rapid.Uint32().Draw(t, "id")}, rapid.Byte().Draw(t, "direction")}
		case ItemSectionTime:
			e.Section = SectionTime{rapid.Uint32().Draw(t, "section"), anyWord(t, "seconds"), rapid.Byte().Draw(t, "result")}
		case ItemSignals:
			e.Signals = Signals(rapid.Uint32().Draw(t, "signals"))
		case ItemIO:
			e.IO = anyWord(t, "io")
		case ItemAnalog:
			e.AD0, e.AD1 = anyWord(t, "ad0"), anyWord(t, "ad1")
		case ItemRadio:
			e.Radio = rapid.Byte().Draw(t, "radio")
		case ItemSatellites:
			e.Satellites = rapid.Byte().Draw(t, "satellites")
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		// Ids without a field, and a standard one of a length that is not the standard's.
		id := rapid.SampledFrom([]ItemID{0, 0x14, 0x40, 0xeb, 0xff, ItemMileage}).Draw(t, "other")
		value := anyBytes(t, "value", 20)
		if id == ItemMileage {
			value = value[:min(len(value), 3)]
		}
		e.Other = append(e.Other, Item{id, value})
	}
	if rapid.Bool().Draw(t, "rest") {
		e.Rest = Hex{0xe1, 9, 1}
	}
	return e
}

func anyPosition(t *rapid.T) Position {
	e := anyExtras(t)
	items, err := e.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Position{
		Alarm: Alarm(rapid.Uint32().Draw(t, "alarm")), Status: Status(rapid.Uint32().Draw(t, "status")),
		Lat:      rapid.Int64Range(-1<<32+1, 1<<32-1).Draw(t, "lat"),
		Lon:      rapid.Int64Range(-1<<32+1, 1<<32-1).Draw(t, "lon"),
		Altitude: anyWord(t, "altitude"), Speed: anyWord(t, "speed"), Course: anyWord(t, "course"), Time: anyTime(t, china), Items: items,
	}
	p.Status = p.Status.signed(StatusSouth, p.Lat, p.Lat < 0).signed(StatusWest, p.Lon, p.Lon < 0)
	return p
}

func anyMessage(t *rapid.T, v2019 bool) Message {
	down := rapid.Bool().Draw(t, "down")
	switch rapid.IntRange(0, 13).Draw(t, "kind") {
	case 0:
		return Raw{rapid.SampledFrom([]ID{0x0104, 0x0801, 0x6006, 0x8103}).Draw(t, "id"), anyBytes(t, "body", 3000)}
	case 1:
		return Signal{rapid.SampledFrom([]ID{IDHeartbeat, IDLogout, IDTimeQuery, IDAttributesQuery, IDPositionQuery}).Draw(t, "id"), anyBytes(t, "extra", 3)}
	case 2:
		return Reply{down, anyWord(t, "serial"), ID(anyWord(t, "to")), Result(rapid.Byte().Draw(t, "result"))}
	case 3:
		m := Register{Province: anyWord(t, "province"), City: anyWord(t, "city"), Colour: rapid.Byte().Draw(t, "colour"), V2011: !v2019 && down}
		sizes, plate := registerSizes(m.V2011, v2019), 17
		if m.V2011 {
			plate = 11
		}
		m.Maker, m.Model, m.Terminal = anyText(t, "maker", sizes[0]), anyText(t, "model", sizes[1]), anyText(t, "terminal", sizes[2])
		m.Plate = anyText(t, "plate", plate)
		return m
	case 4:
		return RegisterReply{anyWord(t, "serial"), rapid.Byte().Draw(t, "result"), anyText(t, "code", 40)}
	case 5:
		m := Authenticate{Code: anyText(t, "code", 255)}
		switch {
		case v2019 && down:
			m.Odd, m.Rest = true, anyBytes(t, "rest", 34)
		case v2019:
			m.IMEI, m.Software = anyText(t, "imei", 15), anyText(t, "software", 20)
		}
		return m
	case 6:
		m := Attributes{
			Type: anyWord(t, "type"), Model: anyText(t, "model", 20), Terminal: anyText(t, "terminal", 7),
			Maker: anyText(t, "maker", 5), Hardware: anyText(t, "hardware", 255), Firmware: anyText(t, "firmware", 255),
			GNSS: rapid.Byte().Draw(t, "gnss"), Network: rapid.Byte().Draw(t, "network"),
		}
		copy(m.ICCID[:], anyBytes(t, "iccid", 10))
		return m
	case 7:
		return PositionReply{anyWord(t, "serial"), anyPosition(t)}
	case 8:
		m := Batch{Kind: rapid.Byte().Draw(t, "kind"), Records: []Record{}}
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			if rapid.IntRange(0, 4).Draw(t, "bad") == 0 {
				m.Records = append(m.Records, Record{Reason: BadBody, Raw: anyBytes(t, "raw", 27)})
				continue
			}
			m.Records = append(m.Records, Record{Position: anyPosition(t)})
		}
		return m
	case 9:
		return Passthrough{down, rapid.Byte().Draw(t, "kind"), anyBytes(t, "content", 1200)}
	case 10:
		return Resend{down, anyWord(t, "serial"), rapid.SliceOfN(rapid.Uint16(), 0, 255).Draw(t, "parts")}
	case 11:
		return TimeReply{anyTime(t, 0)}
	case 12:
		m := Text{Flags: rapid.Byte().Draw(t, "flags"), Text: anyText(t, "text", 1024)}
		if v2019 {
			m.Kind = rapid.Byte().Draw(t, "kind")
		}
		return m
	}
	return anyPosition(t)
}

func anyHeader(t *rapid.T) Header {
	h := Header{V2019: rapid.Bool().Draw(t, "v2019"), Serial: anyWord(t, "serial"), Reserved: rapid.Bool().Draw(t, "reserved")}
	digits := 12
	if h.V2019 {
		digits = 20
		h.Version = rapid.Byte().Draw(t, "version")
	}
	p, err := ParsePhone(rapid.StringOfN(rapid.RuneFrom([]rune("0123456789abcdef")), 1, digits, digits).Draw(t, "phone"))
	if err != nil {
		t.Fatal(err)
	}
	h.Phone = p
	return h
}

var alike = cmp.Options{cmpopts.EquateEmpty(), cmp.AllowUnexported(Extras{})}

// What was encoded is read the same, through a stream and in parts where it is
// long, and encoding what was read gives the same bytes.
func TestEncodeThenDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHeader(t)
		m := anyMessage(t, h.V2019)
		wire, n, err := Encode([]byte("before"), h, m)
		if err != nil {
			t.Fatalf("%+v %+v: %v", h, m, err)
		}
		in := NewScanner(iotest.OneByteReader(bytes.NewReader(wire)))
		if _, err := in.Next(); ReasonOf(err) != Garbage {
			t.Fatalf("what stood before: %v", err)
		}
		parts := NewReassembler(Limits{})
		var again []byte
		for i := range n {
			one, err := in.Next()
			if err != nil {
				t.Fatalf("frame %d of %d: %v", i+1, n, err)
			}
			var f Frame
			if err := f.Decode(one); err != nil {
				t.Fatal(err)
			}
			if again, err = f.Append(again); err != nil {
				t.Fatal(err)
			}
			whole, err := parts.Add(&f, time.Time{})
			if err != nil || (whole != nil) != (i == n-1) {
				t.Fatalf("part %d of %d: %v %v", i+1, n, whole, err)
			}
			if whole == nil {
				continue
			}
			h.ID = m.ID()
			if whole.Header != h {
				t.Fatalf("header %+v, was %+v", whole.Header, h)
			}
			got, err := whole.Message()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, got, alike); diff != "" {
				t.Fatalf("read otherwise: %s", diff)
			}
		}
		if _, err := in.Next(); err != io.EOF {
			t.Fatalf("after the last: %v", err)
		}
		if !bytes.Equal(again, wire[len("before"):]) {
			t.Fatalf("%x\nbecame %x", wire, again)
		}
	})
}

func TestExtrasThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExtras(t)
		items, err := e.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got Extras
		items.Decode(&got)
		if diff := cmp.Diff(e, got, alike); diff != "" {
			t.Fatal(diff)
		}
		n := 0
		for id, value := range items.All() {
			n++
			if first, ok := items.Find(id); !ok || len(first) != len(value) && id != ItemMileage && id < 0x40 && itemSizes[id] > 0 {
				t.Fatalf("item %x is not found", id)
			}
		}
		if want := len(got.Other) + bitsSet(got.has); n != want {
			t.Fatalf("%d items, want %d", n, want)
		}
	})
}

func bitsSet(v uint64) (n int) {
	for ; v != 0; v &= v - 1 {
		n++
	}
	return n
}

// reencode holds that a frame which can be read is written as it came.
func reencode(t *testing.T, wire []byte) {
	t.Helper()
	var f Frame
	err := f.Decode(wire)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%x: an error of another kind: %v", wire, err)
		}
		return
	}
	if again, err := f.Append(nil); err != nil || !bytes.Equal(again, wire) {
		t.Fatalf("%x\nbecame %x %v", wire, again, err)
	}
	m, err := f.Message()
	if err != nil {
		if ReasonOf(err) == "" {
			t.Fatalf("%x: an error of another kind: %v", wire, err)
		}
		return
	}
	again, n, err := Encode(nil, f.Header, m)
	if err != nil || n != 1 || !bytes.Equal(again, wire) {
		t.Fatalf("%x\nas %+v became %x %v", wire, m, again, err)
	}
	Describe(m, f.V2019)
}

// seeds are a frame of each kind and version.
func seeds(add func(wire []byte)) {
	p, _ := ParsePhone("13912345678")
	at := time.Date(2026, 11, 28, 1, 2, 3, 0, time.UTC)
	pos := Position{Status: StatusFixed, Lat: 31_230_000, Lon: 121_470_000, Time: at, Items: Items{1, 4, 0, 0, 0, 9, 0x31, 1, 7, 0xeb, 2, 0x7e, 0x7d}}
	for _, v2019 := range []bool{false, true} {
		for _, m := range []Message{
			Raw{0x0801, []byte{1, 2}}, Signal{IDHeartbeat, nil}, Reply{false, 1, IDText, Done}, Reply{true, 1, IDPosition, AlarmHeard},
			Register{Province: 31, City: 115, Maker: "70111", Model: "M", Terminal: "T1", Colour: 2, Plate: "\xbb\xa6A12345"},
			RegisterReply{3, Registered, "secret"}, Authenticate{Code: "secret"}, Attributes{Maker: "70111", Hardware: "h", Firmware: "f"},
			pos, PositionReply{2, pos}, Batch{1, []Record{{Position: pos}, {Reason: BadBody, Raw: Hex{1}}}},
			Passthrough{false, 0x41, Hex("x")}, Resend{true, 9, []uint16{2, 3}}, TimeReply{at}, Text{Flags: TextSpeak, Text: "\xc4\xe3"},
		} {
			if wire, _, err := Encode(nil, Header{V2019: v2019, Phone: p, Serial: 0x7e}, m); err == nil {
				add(wire)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	seeds(func(wire []byte) { f.Add(wire) })
	f.Fuzz(func(t *testing.T, wire []byte) {
		reencode(t, wire)
		// Few inputs have a right check code: the same bytes with one.
		reencode(t, framed(wire))
		// And fewer a right length: the same as a body.
		for _, id := range []ID{IDPosition, IDBatch, IDRegister, IDAuthenticate, IDAttributes, IDText, IDResendDown} {
			for _, v2019 := range []bool{false, true} {
				frame := Frame{Header: Header{ID: id, V2019: v2019}, Body: wire[:min(len(wire), MaxBody)]}
				w, err := frame.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				reencode(t, w)
			}
		}
	})
}
