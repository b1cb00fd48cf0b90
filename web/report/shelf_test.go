package report

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// What is on the shelf stays for half an hour, and no longer than there is room.
func TestTheShelf(t *testing.T) {
	s, now := newShelf(), time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	first := s.put([]byte("first"), now)
	if second := s.put([]byte("second"), now); second == first || string(s.get(second, now)) != "second" || string(s.get(first, now)) != "first" {
		t.Error("two photos are one")
	}
	if s.get("", now) != nil || s.get("x", now) != nil || s.get(first, now.Add(shelfTime)) != nil {
		t.Error("what is not there, or over, is given away")
	}
	late := s.put([]byte("late"), now.Add(shelfTime))
	if len(s.held) != 1 || len(s.order) != 1 || s.bytes != 4 {
		t.Errorf("%d held, %d in order, %d bytes after half an hour", len(s.held), len(s.order), s.bytes)
	}
	big := bytes.Repeat([]byte("x"), shelfBytes/4)
	for range 9 {
		last := s.put(big, now.Add(shelfTime))
		if s.get(last, now.Add(shelfTime)) == nil || s.bytes > shelfBytes {
			t.Fatalf("%d bytes are held, and the newest is not", s.bytes)
		}
	}
	if s.get(late, now.Add(shelfTime)) != nil {
		t.Error("the oldest did not make room")
	}
	if alone := s.put(bytes.Repeat([]byte("y"), shelfBytes+1), now.Add(shelfTime)); s.get(alone, now.Add(shelfTime)) == nil || len(s.held) != 1 {
		t.Error("one that is larger than the shelf is not kept by itself")
	}
}

// What of the words decided is quoted as it was said.
func TestQuoted(t *testing.T) {
	for _, c := range []struct {
		text  string
		terms []string
		want  []string
	}{
		{"路灯不亮两天了", []string{"路灯", "灯不", "不亮"}, []string{"路灯不亮"}},
		{"The Street LIGHTS are dark, and lightning too", []string{"light", "dark", "is"}, []string{"LIGHTS", "dark"}},
		{"a light, a light", []string{"light"}, []string{"light"}},
		{"twilight", []string{"light"}, nil},
		{"", []string{"light", ""}, nil},
		{"井盖\x00坏了🙂", []string{"井盖", "坏了"}, []string{"井盖", "坏了"}},
		{"one two three four", []string{"one", "two", "three", "four"}, []string{"one", "two", "three"}},
	} {
		if got := quoted(c.text, c.terms); !slices.Equal(got, c.want) {
			t.Errorf("%q by %q: %q, want %q", c.text, c.terms, got, c.want)
		}
	}
}
