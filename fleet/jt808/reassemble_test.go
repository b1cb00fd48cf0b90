package jt808

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)

func part(id ID, first, index, total uint16, body string) *Frame {
	f := &Frame{Header: Header{ID: id, Serial: first + index - 1, Total: total, Index: index}}
	if body != "" {
		f.Body = []byte(body)
	}
	return f
}

// Any order, doubles among them, and several messages at once.
func TestReassemble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var frames []*Frame
		want := map[string]string{}
		for m := range rapid.IntRange(1, 4).Draw(t, "messages") {
			total := rapid.IntRange(2, 9).Draw(t, "total")
			first := uint16(65530 + 100*m) // the serial wraps
			var whole string
			for i := range total {
				body := string(rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "body"))
				whole += body
				f := part(0x0801, first, uint16(i+1), uint16(total), body)
				frames = append(frames, f)
				if rapid.Bool().Draw(t, "twice") {
					frames = append(frames, f)
				}
			}
			want[fmt.Sprint(first)] = whole
		}
		r := NewReassembler(Limits{})
		for _, f := range rapid.Permutation(frames).Draw(t, "order") {
			whole, err := r.Add(f, noon)
			if err != nil {
				t.Fatal(err)
			}
			if whole == nil {
				continue
			}
			key := fmt.Sprint(whole.Serial)
			if body, ok := want[key]; !ok || body != string(whole.Body) || whole.Total != 0 || whole.Index != 0 || whole.ID != 0x0801 {
				t.Fatalf("%+v, want %q", whole, body)
			}
			delete(want, key)
		}
		if n, bytes, gaveUp := r.Held(); len(want) > 0 || n != 0 || bytes != 0 || gaveUp != 0 {
			t.Fatalf("left: %q; held %d %d %d", want, n, bytes, gaveUp)
		}
	})
}

func TestReassembleOddities(t *testing.T) {
	add := func(r *Reassembler, f *Frame, at time.Time) *Frame {
		t.Helper()
		whole, err := r.Add(f, at)
		if err != nil {
			t.Fatal(err)
		}
		return whole
	}
	r := NewReassembler(Limits{})
	alone := &Frame{Header: Header{ID: IDHeartbeat}}
	if add(r, alone, noon) != alone || add(r, part(0x0801, 1, 1, 1, "x"), noon) == nil {
		t.Error("a whole message was held back")
	}

	// The frame's bytes may be used again by whoever read it.
	f := part(0x0801, 1, 1, 2, "ab")
	add(r, f, noon)
	copy(f.Body, "xx")
	if whole := add(r, part(0x0801, 1, 2, 2, "c"), noon); whole == nil || string(whole.Body) != "abc" {
		t.Errorf("%+v", whole)
	}
	// A part sent again after the whole was there begins nothing.
	add(r, part(0x0801, 1, 2, 2, "c"), noon.Add(time.Second))
	if n, _, _ := r.Held(); n != 0 {
		t.Errorf("%d begun by a part that came again", n)
	}
	// Long after, the same numbers are another message.
	add(r, part(0x0801, 1, 2, 2, "C"), noon.Add(time.Hour))
	if whole := add(r, part(0x0801, 1, 1, 2, "AB"), noon.Add(time.Hour)); whole == nil || string(whole.Body) != "ABC" {
		t.Errorf("%+v", whole)
	}

	// A terminal that began anew under the same numbers.
	r = NewReassembler(Limits{})
	add(r, part(0x0801, 1, 1, 3, "a"), noon)
	add(r, part(0x0801, 1, 2, 3, "b"), noon)
	add(r, part(0x0801, 1, 1, 3, "A"), noon)
	add(r, part(0x0801, 1, 2, 3, "B"), noon)
	if whole := add(r, part(0x0801, 1, 3, 3, "C"), noon); whole == nil || string(whole.Body) != "ABC" {
		t.Errorf("%+v", whole)
	}
	if _, _, gaveUp := r.Held(); gaveUp != 1 {
		t.Errorf("%d given up", gaveUp)
	}

	// What is missing, and how to ask for it.
	r = NewReassembler(Limits{Expiry: time.Minute})
	add(r, part(IDBatch, 65535, 1, 4, "a"), noon)
	add(r, part(IDBatch, 65535, 3, 4, ""), noon.Add(10*time.Second))
	if gaps := r.Waiting(noon.Add(19*time.Second), 10*time.Second); gaps != nil {
		t.Errorf("too early: %+v", gaps)
	}
	gaps := r.Waiting(noon.Add(20*time.Second), 10*time.Second)
	if len(gaps) != 1 || gaps[0].ID != IDBatch {
		t.Fatalf("%+v", gaps)
	}
	if q := gaps[0].Request(); q.ID() != IDResendDown || q.Serial != 65535 || !slices.Equal(q.Parts, []uint16{2, 4}) {
		t.Errorf("%+v", q)
	}
	if gaps := r.Expire(noon.Add(69 * time.Second)); gaps != nil {
		t.Errorf("expired too early: %+v", gaps)
	}
	if gaps := r.Expire(noon.Add(70 * time.Second)); len(gaps) != 1 || !slices.Equal(gaps[0].Missing, []uint16{2, 4}) {
		t.Errorf("%+v", gaps)
	}
	if n, bytes, gaveUp := r.Held(); n != 0 || bytes != 0 || gaveUp != 1 {
		t.Errorf("%d %d %d", n, bytes, gaveUp)
	}
}

func TestReassembleLimits(t *testing.T) {
	r := NewReassembler(Limits{Parts: 10, Messages: 2, Bytes: 1000})
	if _, err := r.Add(part(0x0801, 1, 1, 11, "a"), noon); ReasonOf(err) != Oversize {
		t.Errorf("11 parts: %v", err)
	}
	for i := range 3 {
		if _, err := r.Add(part(0x0801, uint16(100*i), 1, 2, "a"), noon.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, gaveUp := r.Held(); n != 2 || gaveUp != 1 {
		t.Errorf("%d begun, %d given up", n, gaveUp)
	}
	if whole, err := r.Add(part(0x0801, 200, 2, 2, "b"), noon); err != nil || whole == nil {
		t.Errorf("the newest was given up: %v", err)
	}
	long := string(bytes.Repeat([]byte{1}, 400))
	if _, err := r.Add(part(0x0801, 300, 1, 9, long), noon); err != nil {
		t.Error(err)
	}
	if _, err := r.Add(part(0x0801, 300, 2, 9, long), noon); ReasonOf(err) != Oversize {
		t.Errorf("more bytes than allowed: %v", err)
	}
	if n, held, gaveUp := r.Held(); n != 1 || held > 1000 || gaveUp != 2 {
		t.Errorf("%d begun, %d bytes, %d given up", n, held, gaveUp)
	}
}

// Only the last few messages are remembered as put together.
func TestReassembleForgets(t *testing.T) {
	r := NewReassembler(Limits{Messages: 2})
	for i := range uint16(5) {
		for index := range uint16(2) {
			whole, err := r.Add(part(0x0801, 10*i, index+1, 2, "a"), noon)
			if err != nil || (whole != nil) != (index == 1) {
				t.Fatalf("message %d: %v %v", i, whole, err)
			}
		}
	}
	for i, begun := range []int{1, 2, 2, 2, 2} {
		if _, err := r.Add(part(0x0801, 10*uint16(i), 1, 2, "a"), noon); err != nil {
			t.Fatal(err)
		}
		if n, _, _ := r.Held(); n != begun || len(r.whole) != 2 {
			t.Errorf("after message %d came again: %d begun, %d remembered", i, n, len(r.whole))
		}
	}
}

// Whatever comes, what is held stays within the limits and adds up.
func FuzzReassemble(f *testing.F) {
	f.Add([]byte{1, 1, 2, 0, 3, 1, 2, 2, 0, 3})
	f.Add([]byte{1, 1, 4, 90, 200, 9, 3, 4, 90, 200, 1, 1, 4, 0, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		limits := Limits{Parts: 20, Messages: 3, Bytes: 1500, Expiry: time.Minute}
		r := NewReassembler(limits)
		now := noon
		for ; len(script) >= 5; script = script[5:] {
			f := part(0x0801, uint16(script[0]&7), uint16(script[1]), uint16(script[2]), string(bytes.Repeat(script[4:5], int(script[4]))))
			now = now.Add(time.Duration(script[3]) * time.Second / 4)
			if f.Index == 0 || f.Index > f.Total {
				continue // Frame.Decode gives none of these
			}
			whole, err := r.Add(f, now)
			if err != nil && ReasonOf(err) != Oversize {
				t.Fatal(err)
			}
			if whole != nil && whole != f && whole.Total != 0 {
				t.Fatalf("a whole with parts: %+v", whole.Header)
			}
			n, held, _ := r.Held()
			sum := 0
			for _, p := range r.begun {
				sum += p.size
				have := 0
				for _, part := range p.parts {
					if part != nil {
						have++
					}
				}
				if have != p.have || have == 0 || have == len(p.parts) {
					t.Fatalf("%d of %d parts, counted %d", have, len(p.parts), p.have)
				}
			}
			if n > limits.Messages || held > limits.Bytes || held != sum || len(r.whole) > limits.Messages {
				t.Fatalf("%d messages, %d bytes, in truth %d", n, held, sum)
			}
		}
	})
}
