package jt808

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// quoted is a frame that a real terminal sent, with what others say about it.
type quoted struct {
	line       int
	Hex        string
	Wire       *string
	ID         *string `json:"msg_id"`
	Phone      *string
	V2019      *bool
	Checksum   *bool `json:"checksum_ok"`
	Length     *bool `json:"body_len_ok"`
	Attributes map[string]string
}

func (q quoted) sound() bool { return q.Checksum != nil && *q.Checksum && q.Length != nil && *q.Length }

// realFrames are the frames of real terminals that lie beside the project.
func realFrames(t *testing.T) []quoted {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "jt808", "frames.jsonl"))
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the frames of real terminals are not beside the project")
	}
	defer f.Close()
	var list []quoted
	for lines := bufio.NewScanner(f); lines.Scan(); {
		q := quoted{line: len(list) + 1}
		ok(t, json.Unmarshal(lines.Bytes(), &q))
		list = append(list, q)
	}
	if len(list) < 50 {
		t.Fatalf("only %d frames", len(list))
	}
	return list
}

// Real frames: the header as they say, the body written again as it came; those
// whose flags are false or missing are refused for that reason.
func TestRealFrames(t *testing.T) {
	positions, refused := 0, map[Reason]int{}
	for _, q := range realFrames(t) {
		text := q.Hex
		if q.Wire != nil {
			text = *q.Wire
		}
		wire := unhex(t, text)
		var f Frame
		err := f.Decode(wire)
		if !q.sound() {
			why := ReasonOf(err)
			refused[why]++
			var want []Reason
			if q.Checksum != nil && !*q.Checksum {
				want = append(want, BadChecksum)
			} else if q.Length != nil && !*q.Length {
				want = append(want, BadLength)
			} else {
				want = append(want, BadDelimiter)
			}
			if !slices.Contains(want, why) {
				t.Errorf("line %d: %v, want one of %q", q.line, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("line %d: %v", q.line, err)
			continue
		}
		if f.Header.ID.String() != *q.ID || f.PhoneDigits() != *q.Phone || f.V2019 != *q.V2019 {
			t.Errorf("line %d: %s %s %t", q.line, f.Header.ID, f.PhoneDigits(), f.V2019)
		}
		reencode(t, wire)
		m, err := f.Message()
		if err != nil {
			t.Errorf("line %d: %v", q.line, err)
			continue
		}
		if _, isRaw := m.(Raw); isRaw != (f.Header.ID.Name() == "") {
			t.Errorf("line %d: %s came as %T", q.line, f.Header.ID, m)
		}
		var list []Position
		switch m := m.(type) {
		case Position:
			list = append(list, m)
		case Batch:
			for _, r := range m.Records {
				if r.Reason != "" {
					t.Errorf("line %d: a record was refused: %s", q.line, r.Reason)
				}
				list = append(list, r.Position)
			}
		}
		for _, p := range list {
			positions++
			checkItems(t, q, p)
		}
		if quotedRaw := unhex(t, q.Hex); !bytes.Equal(quotedRaw, wire) {
			var plain Frame
			if err := plain.DecodeQuoted(quotedRaw); err != nil || plain.Header != f.Header || !bytes.Equal(plain.Body, f.Body) {
				t.Errorf("line %d as quoted: %+v %v", q.line, plain.Header, err)
			}
		}
	}
	if positions < 50 || refused[BadChecksum] == 0 || refused[BadLength] == 0 || refused[BadDelimiter] == 0 {
		t.Errorf("%d positions, refused %v: that can't be all", positions, refused)
	}
}

// checkItems holds that every byte of the items is accounted for: standard ones
// as values, all others raw.
func checkItems(t *testing.T, q quoted, p Position) {
	t.Helper()
	var e Extras
	p.Items.Decode(&e)
	for i := 0; i+2 <= len(p.Items); {
		id, n := p.Items[i], int(p.Items[i+1])
		if i+2+n > len(p.Items) {
			break
		}
		value := p.Items[i+2 : i+2+n]
		i += 2 + n
		number, _ := strconv.ParseUint(hex.EncodeToString(value[:min(n, 8)]), 16, 64)
		switch got := uint64(0); id {
		case 0x01, 0x02, 0x03, 0x30, 0x31:
			switch id {
			case 0x01:
				got = uint64(e.Mileage)
			case 0x02:
				got = uint64(e.Fuel)
			case 0x03:
				got = uint64(e.Recorder)
			case 0x30:
				got = uint64(e.Radio)
			case 0x31:
				got = uint64(e.Satellites)
			}
			if e.Has(ItemID(id)) {
				if got != number {
					t.Errorf("line %d: item %02x is %d, want %d", q.line, id, got, number)
				}
				if s := q.Attributes["satellites"]; id == 0x31 && s != "" && s != strconv.FormatUint(got, 10) {
					t.Errorf("line %d: %d satellites, others say %s", q.line, got, s)
				}
				continue
			}
		}
		if e.Has(ItemID(id)) {
			continue
		}
		if !slices.ContainsFunc(e.Other, func(o Item) bool { return byte(o.ID) == id && bytes.Equal(o.Value, value) }) {
			t.Errorf("line %d: item %02x %x is lost", q.line, id, value)
		}
	}
	if d, named := q.Attributes["door"]; named && slices.Contains(p.Status.Names(false), "door_4") != (d == "true") {
		t.Errorf("line %d: door %s, but %q", q.line, d, p.Status.Names(false))
	}
}
