package jt808

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	ok(t, err)
	return b
}

// framed puts delimiters and a right check code around a content.
func framed(content []byte) []byte {
	f := []byte{delimiter}
	for _, c := range append(bytes.Clone(content), xor(content)) {
		switch c {
		case 0x7e:
			f = append(f, 0x7d, 2)
		case 0x7d:
			f = append(f, 0x7d, 1)
		default:
			f = append(f, c)
		}
	}
	return append(f, delimiter)
}

func phone(t testing.TB, s string) Phone {
	t.Helper()
	p, err := ParsePhone(s)
	ok(t, err)
	return p
}

// Every reason to refuse a frame, made by hand.
func TestDecodeRefuses(t *testing.T) {
	const heartbeat2013 = "0002 0000 013912345678 0001"
	for _, tt := range []struct {
		name string
		wire []byte
		want Reason
	}{
		{"nothing", nil, BadDelimiter},
		{"one delimiter", unhex(t, "7e"), BadDelimiter},
		{"no frame", []byte("(740190311185,1,001)"), BadDelimiter},
		{"no end", unhex(t, "7e 0002"), BadDelimiter},
		{"a delimiter within", unhex(t, "7e 30 7e 08 7d55 7e"), BadDelimiter},
		{"empty", unhex(t, "7e7e"), BadHeader},
		{"a wrong escape", unhex(t, "7e 30 087d55 7e"), BadEscape},
		{"an escape cut off", unhex(t, "7e 30 08557d 7e"), BadEscape},
		{"eleven bytes of header", framed(unhex(t, heartbeat2013)[:11]), BadHeader},
		{"sixteen bytes of the 2019 header", framed(unhex(t, "0002 4000 01 00000000013912345678 00")), BadHeader},
		{"a part without its numbers", framed(unhex(t, "0002 2000 013912345678 0001 0002 00")), BadHeader},
		{"part 0", framed(unhex(t, "0002 2000 013912345678 0001 0002 0000")), BadPart},
		{"part 3 of 2", framed(unhex(t, "0002 2000 013912345678 0001 0002 0003")), BadPart},
		{"a body too long", framed(unhex(t, heartbeat2013+"ff")), BadLength},
		{"a body too short", framed(unhex(t, "0002 0001 013912345678 0001")), BadLength},
		{"another check code", bytes.Replace(framed(unhex(t, heartbeat2013)), []byte{0x39}, []byte{0x38}, 1), BadChecksum},
		{"too many bytes", append(append([]byte{delimiter}, make([]byte, MaxWire)...), delimiter), Oversize},
	} {
		f := Frame{Header: Header{ID: IDText}, Body: []byte{1}}
		err := f.Decode(tt.wire)
		if ReasonOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if f.Header != (Header{}) || f.Body != nil {
			t.Errorf("%s: a refused frame is left in: %+v", tt.name, f)
		}
	}
	var f Frame
	if err := f.Decode(framed(unhex(t, heartbeat2013))); err != nil || f.ID != IDHeartbeat || f.Serial != 1 || f.Body != nil {
		t.Errorf("a heartbeat: %+v %v", f, err)
	}
}

func TestHeaders(t *testing.T) {
	for _, tt := range []struct {
		content string
		want    Header
		digits  string
		number  string
	}{
		{"0002 0000 013912345678 0001", Header{ID: IDHeartbeat, Serial: 1, Phone: phone(t, "013912345678")}, "013912345678", "13912345678"},
		{"0002 4000 01 00000000013912345678 ffff", Header{ID: IDHeartbeat, V2019: true, Version: 1, Serial: 65535, Phone: phone(t, "13912345678")}, "00000000013912345678", "13912345678"},
		{"0801 2001 000000000000 0007 0003 0002 aa", Header{ID: 0x0801, Serial: 7, Total: 3, Index: 2}, "000000000000", "0"},
		{"0900 9c01 4f07788ef87d 0007 aa", Header{ID: IDPassUp, Serial: 7, Phone: phone(t, "4f07788ef87d"), Encryption: 7, Reserved: true}, "4f07788ef87d", "4f07788ef87d"},
	} {
		wire := framed(unhex(t, tt.content))
		var f Frame
		ok(t, f.Decode(wire))
		if f.Header != tt.want || f.PhoneDigits() != tt.digits || f.Phone.String() != tt.number {
			t.Errorf("%s: %+v %s %s", tt.content, f.Header, f.PhoneDigits(), f.Phone)
		}
		again, err := f.Append(nil)
		if err != nil || !bytes.Equal(again, wire) {
			t.Errorf("%s became %x %v", tt.content, again, err)
		}
	}
	for _, bad := range []Header{
		{Phone: phone(t, "1234567890123")},
		{Version: 1},
		{Encryption: 8},
	} {
		f := Frame{Header: bad}
		if out, err := f.Append([]byte{1}); ReasonOf(err) != BadField || !bytes.Equal(out, []byte{1}) {
			t.Errorf("%+v was written: %x %v", bad, out, err)
		}
	}
	for _, bad := range []Header{{Total: 2}, {Total: 2, Index: 3}, {Index: 1}} {
		f := Frame{Header: bad}
		if _, err := f.Append(nil); ReasonOf(err) != BadPart {
			t.Errorf("%+v was written: %v", bad, err)
		}
	}
	for _, s := range []string{"", "13x", strings.Repeat("1", 21)} {
		if _, err := ParsePhone(s); err == nil {
			t.Errorf("%q is no phone", s)
		}
	}
}

// A position by hand, with every field at a known place.
func TestPosition(t *testing.T) {
	body := unhex(t, "00000003 00000007 015a30b0 06c869f8 0064 0258 005a 260228235959 0104000003e8 310109 e10201")
	var p Position
	ok(t, p.Decode(body))
	want := time.Date(2026, 2, 28, 15, 59, 59, 0, time.UTC)
	if p.Alarm != AlarmSOS|AlarmOverspeed || p.Status != StatusACC|StatusFixed|StatusSouth || p.Lat != -22687920 || p.Lon != 113797624 ||
		p.Altitude != 100 || p.Speed != 600 || p.Course != 90 || !p.Time.Equal(want) {
		t.Errorf("%+v", p)
	}
	if v, found := p.Items.Find(ItemSatellites); !found || v[0] != 9 {
		t.Errorf("satellites: %x %t", v, found)
	}
	if rest := p.Items.Rest(); !bytes.Equal(rest, []byte{0xe1, 2, 1}) {
		t.Errorf("what is no item: %x", rest)
	}
	if out, err := p.append(nil, false); err != nil || !bytes.Equal(out, body) {
		t.Errorf("written: %x %v", out, err)
	}
	for tail, why := range map[string]Reason{
		"260229000000": BadTime, "000000000000": BadTime, "261301000000": BadTime, "260100000000": BadTime,
		"260101240000": BadTime, "260101006000": BadTime, "260101000060": BadTime, "2a0101000000": BadBCD, "26010100000f": BadBCD,
	} {
		if err := p.Decode(append(bytes.Clone(body[:22]), unhex(t, tail)...)); ReasonOf(err) != why {
			t.Errorf("%s: %v, want %s", tail, err, why)
		}
	}
	if err := p.Decode(append(bytes.Clone(body[:22]), unhex(t, "240229000000")...)); err != nil {
		t.Errorf("the leap day: %v", err)
	}
	if err := p.Decode(body[:27]); ReasonOf(err) != BadBody {
		t.Errorf("27 bytes: %v", err)
	}
	for _, bad := range []Position{{}, {Time: want, Lat: 1 << 32}, {Time: want, Lon: -1 << 32}, {Time: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if _, err := bad.append(nil, false); ReasonOf(err) != BadField {
			t.Errorf("%+v was written: %v", bad, err)
		}
	}
}

// Decode and Clone give values that live on when the bytes are used again.
func TestOwnedValues(t *testing.T) {
	wire, _, err := Encode(nil, Header{}, Passthrough{false, 1, Hex{0x7e, 2, 3}})
	ok(t, err)
	_, m, err := Decode(wire)
	ok(t, err)
	var f Frame
	ok(t, f.Decode(wire))
	c := f.Clone()
	for i := range wire {
		wire[i] = 0xff
	}
	for i := range f.Body {
		f.Body[i] = 0xff
	}
	if got := m.(Passthrough).Content; !bytes.Equal(got, []byte{0x7e, 2, 3}) {
		t.Errorf("decoded: %x", got)
	}
	if c.ID != IDPassUp || !bytes.Equal(c.Body, []byte{1, 0x7e, 2, 3}) {
		t.Errorf("cloned: %+v", c)
	}
	if _, _, err := Decode(wire); ReasonOf(err) != BadDelimiter || err.Error() != "jt808: delimiter" {
		t.Errorf("%v", err)
	}
	_, _, err = Decode(framed(unhex(t, "0200 0001 000000000000 0001 ff")))
	if ReasonOf(err) != BadBody || err.Error() != "jt808: body in message 0200" {
		t.Errorf("%v", err)
	}
}

// Two layouts that real 2019 terminals use beside the standard's: an
// authentication of the code alone, and attributes with a maker of 5 bytes.
func TestOtherLayoutsOf2019(t *testing.T) {
	for _, m := range []Message{
		Authenticate{Code: "secret", Odd: true},
		Authenticate{Code: "secret", Odd: true, Rest: Hex("123456789012345")},
		Attributes{Maker: "70111", Model: "M", Terminal: "T", MakerOf5: true, Hardware: "1.0", Firmware: "2.0", GNSS: 3, Network: 32},
	} {
		wire, _, err := Encode(nil, Header{V2019: true, Version: 1}, m)
		ok(t, err)
		_, got, err := Decode(wire)
		ok(t, err)
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%+v came as %+v", m, got)
		}
		reencode(t, wire)
	}
	// Made so that the standard's layout fits as well: it would come back as that.
	m := Attributes{MakerOf5: true, Hardware: "12345\x0267"}
	if _, _, err := Encode(nil, Header{V2019: true}, m); ReasonOf(err) != BadField {
		t.Errorf("%+v was written: %v", m, err)
	}
}
