package jt808

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// told is what a scanner gave out, one line each.
func told(t testing.TB, r io.Reader) []string {
	t.Helper()
	var list []string
	in := NewScanner(r)
	for {
		wire, err := in.Next()
		var e *Error
		switch {
		case err == nil:
			if len(wire) < 3 || len(wire) > MaxWire || wire[0] != delimiter || wire[len(wire)-1] != delimiter || bytes.IndexByte(wire[1:len(wire)-1], delimiter) >= 0 {
				t.Fatalf("no candidate: %x", wire)
			}
			list = append(list, fmt.Sprintf("%x", wire))
		case errors.As(err, &e):
			if len(e.Sample) != min(e.Size, MaxSample) || e.Size == 0 {
				t.Fatalf("a sample of %d for %d bytes", len(e.Sample), e.Size)
			}
			list = append(list, fmt.Sprintf("%s %d %x", e.Reason, e.Size, e.Sample[:min(4, len(e.Sample))]))
		case err == io.EOF:
			if len(in.buf) > 2*MaxWire {
				t.Fatalf("the buffer grew to %d", len(in.buf))
			}
			if _, err := in.Next(); err != io.EOF {
				t.Fatalf("after the end: %v", err)
			}
			return list
		default:
			t.Fatal(err)
		}
	}
}

func TestScanner(t *testing.T) {
	long := strings.Repeat("00", MaxWire)
	longest := "7e" + strings.Repeat("01", MaxWire-2) + "7e"
	for _, tt := range []struct {
		name, stream string
		want         []string
	}{
		{"nothing", "", nil},
		{"two frames", "7e01027e 7e03047e", []string{"7e01027e", "7e03047e"}},
		{"one delimiter between two", "7e01027e 03047e", []string{"7e01027e", "7e03047e"}},
		{"many delimiters", "7e7e7e01027e7e7e7e03047e7e", []string{"7e01027e", "7e03047e"}},
		{"garbage before", "ffee 7e01027e", []string{"garbage 2 ffee", "7e01027e"}},
		{"only garbage", "ffee", []string{"garbage 2 ffee"}},
		// Garbage between looks like a frame and is refused by Frame.Decode.
		{"garbage between", "7e01027e ff 7e03047e", []string{"7e01027e", "7eff7e", "7e03047e"}},
		{"half a frame, then a whole one", "7e01 7e03047e", []string{"7e017e", "7e03047e"}},
		{"half a frame at the end", "7e01027e 7e0304", []string{"7e01027e", "half 3 7e0304"}},
		{"a delimiter at the end", "7e01027e 7e", []string{"7e01027e"}},
		{"too long, then a frame", "7e" + long + "7e01027e", []string{fmt.Sprintf("oversize %d 7e000000", MaxWire+1), "7e01027e"}},
		{"too long to the end", "7e" + long, []string{fmt.Sprintf("oversize %d 7e000000", MaxWire+1)}},
		{"the longest", longest + longest, []string{longest, longest}},
		{"one more", "7e" + strings.Repeat("01", MaxWire-1) + "7e", []string{fmt.Sprintf("oversize %d 7e010101", MaxWire)}},
	} {
		raw := unhex(t, tt.stream)
		for how, r := range map[string]io.Reader{
			"at once": bytes.NewReader(raw), "byte by byte": iotest.OneByteReader(bytes.NewReader(raw)),
			"with the end": iotest.DataErrReader(bytes.NewReader(raw)),
		} {
			if got := told(t, r); !slices.Equal(got, tt.want) {
				t.Errorf("%s, %s: %q", tt.name, how, got)
			}
		}
	}
}

// The reader's own error comes back as it is, after what it cut off; a timeout loses
// nothing; a reader that gives nothing for ever is left.
func TestScannerErrors(t *testing.T) {
	broken := errors.New("broken")
	in := NewScanner(io.MultiReader(bytes.NewReader(unhex(t, "7e01027e03")), iotest.ErrReader(broken)))
	var got []string
	for range 4 {
		_, err := in.Next()
		got = append(got, fmt.Sprint(err))
	}
	if want := []string{"<nil>", "jt808: half", "broken", "broken"}; !slices.Equal(got, want) {
		t.Errorf("a broken connection: %q", got)
	}
	in, got = NewScanner(&stutter{data: unhex(t, "ff7e01027e")}), nil
	for range 20 {
		wire, err := in.Next()
		switch {
		case err == nil:
			got = append(got, fmt.Sprintf("%x", wire))
		case ReasonOf(err) != "":
			got = append(got, string(ReasonOf(err)))
		}
	}
	if !slices.Equal(got, []string{"garbage", "7e01027e"}) {
		t.Errorf("with pauses: %q", got)
	}
	if _, err := NewScanner(silent{}).Next(); err != io.ErrNoProgress {
		t.Errorf("of a silent reader: %v", err)
	}
}

// stutter gives one byte, then a timeout, and so on.
type stutter struct {
	data  []byte
	pause bool
}

type pause struct{ error }

func (pause) Timeout() bool { return true }

func (s *stutter) Read(p []byte) (int, error) {
	if s.pause = !s.pause; !s.pause || len(s.data) == 0 {
		return 0, pause{errors.New("later")}
	}
	p[0] = s.data[0]
	s.data = s.data[1:]
	return 1, nil
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// Whatever is lost or added between frames, the frame after the next delimiter
// pair is found.
func TestScannerFindsFramesAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []string
		for i := range rapid.IntRange(1, 8).Draw(t, "frames") {
			stream = append(stream, rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0x7d, 0x7e, 1}), 0, 40).Draw(t, "noise")...)
			wire, _, err := Encode(nil, Header{Serial: uint16(i)}, Passthrough{false, 1, anyBytes(t, "content", 300)})
			if err != nil {
				t.Fatal(err)
			}
			if cut := rapid.IntRange(0, 3).Draw(t, "cut"); cut == 0 {
				stream = append(stream, wire[:rapid.IntRange(0, len(wire)-1).Draw(t, "at")]...)
				continue
			}
			stream = append(stream, wire...)
			want = append(want, fmt.Sprintf("%x", wire))
		}
		got := map[string]bool{}
		in := NewScanner(iotest.HalfReader(bytes.NewReader(stream)))
		for {
			wire, err := in.Next()
			if err == io.EOF {
				break
			}
			if err == nil {
				got[fmt.Sprintf("%x", wire)] = true
			}
		}
		for _, w := range want {
			if !got[w] {
				t.Fatalf("%x: %s was not found", stream, w)
			}
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte{0x7e, 1, 2, 0x7e}, 1)
	f.Add([]byte("xx\x7e\x7e\x01\x7e\x7d"), 3)
	f.Add(append([]byte{0x7e}, bytes.Repeat([]byte{1}, MaxWire+100)...), 700)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		size = max(1, min(size, 5000))
		whole := told(t, bytes.NewReader(stream))
		if pieces := told(t, &chunks{stream, size}); !slices.Equal(whole, pieces) {
			t.Fatalf("at once %q, in pieces of %d %q", whole, size, pieces)
		}
	})
}

// chunks gives so many bytes at a time.
type chunks struct {
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.data)
	c.data = c.data[n:]
	return n, nil
}
