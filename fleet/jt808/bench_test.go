package jt808

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// ordinary is what a terminal sends every few seconds.
func ordinary(t testing.TB) []byte {
	t.Helper()
	var e Extras
	e.Mileage, e.Recorder, e.Radio, e.Satellites = 123456, 600, 28, 0x7e
	for _, id := range []ItemID{ItemMileage, ItemRecorder, ItemSignals, ItemRadio, ItemSatellites} {
		e.Set(id)
	}
	items, err := e.Append(nil)
	ok(t, err)
	p := Position{
		Status: StatusACC | StatusFixed | StatusBeiDou, Lat: 31_230_416, Lon: 121_473_701, Altitude: 12, Speed: 583, Course: 271,
		Time: time.Date(2026, 11, 28, 1, 2, 3, 0, time.UTC), Items: items,
	}
	wire, _, err := Encode(nil, Header{Phone: phone(t, "13912345678"), Serial: 0x7d7e}, p)
	ok(t, err)
	return wire
}

// The way of a position from the stream to its values, and of the reply back,
// allocates nothing.
func TestPositionsAllocateNothing(t *testing.T) {
	wire := ordinary(t)
	stream := bytes.Repeat(wire, 3)
	r := bytes.NewReader(stream)
	in := NewScanner(r)
	var f Frame
	var p Position
	var e Extras
	reply := make([]byte, 0, 64)
	pass := func() {
		r.Seek(0, io.SeekStart)
		for range 3 {
			w, err := in.Next()
			if err == nil {
				err = f.Decode(w)
			}
			if err == nil {
				err = p.Decode(f.Body)
			}
			if err != nil {
				t.Fatal(err)
			}
			p.Items.Decode(&e)
			answer := Frame{Header: Header{ID: IDPlatformReply, Phone: f.Phone}, Body: []byte{0, 0, 2, 0, 0}}
			if reply, err = answer.Append(reply[:0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	pass()
	if n := testing.AllocsPerRun(100, pass); n != 0 {
		t.Errorf("%.1f allocations for three positions", n)
	}
	if p.Speed != 583 || e.Satellites != 0x7e || f.Serial != 0x7d7e {
		t.Errorf("%+v %+v", p, e)
	}
}

func BenchmarkPosition(b *testing.B) {
	wire := ordinary(b)
	var f Frame
	var p Position
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if f.Decode(wire) != nil || p.Decode(f.Body) != nil {
			b.Fatal("refused")
		}
	}
}

// From the stream, with the additional items.
func BenchmarkStream(b *testing.B) {
	wire := ordinary(b)
	stream := bytes.Repeat(wire, 1000)
	r := bytes.NewReader(stream)
	in := NewScanner(r)
	var f Frame
	var p Position
	var e Extras
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if r.Len() == 0 {
			r.Seek(0, io.SeekStart)
		}
		w, err := in.Next()
		if err != nil || f.Decode(w) != nil || p.Decode(f.Body) != nil {
			b.Fatal("refused")
		}
		p.Items.Decode(&e)
	}
}

func BenchmarkReply(b *testing.B) {
	h := Header{Phone: phone(b, "13912345678")}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, _, err = Encode(out[:0], h, Reply{true, 7, IDPosition, Done}); err != nil {
			b.Fatal(err)
		}
	}
}

// The bare reading of the same bytes, to compare with.
func BenchmarkBareScan(b *testing.B) {
	wire := ordinary(b)
	b.SetBytes(int64(len(wire)))
	var sum byte
	for b.Loop() {
		for _, c := range wire {
			sum ^= c
		}
	}
	if sum == 1 {
		b.Log(sum)
	}
}
