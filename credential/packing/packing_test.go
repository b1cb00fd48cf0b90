package packing

import (
	"bytes"
	"compress/zlib"
	"errors"
	"testing"
)

// The examples of RFC 9285.
func TestBase45Vectors(t *testing.T) {
	for plain, text := range map[string]string{
		"": "", "AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0",
	} {
		if got := string(Encode(nil, []byte(plain))); got != text {
			t.Errorf("%q is written %q, want %q", plain, got, text)
		}
		if got, err := Decode(nil, text); err != nil || string(got) != plain {
			t.Errorf("%q is read %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{"GGW", ":::", "A", "AAAA", "::", "ab8", "AB\x00", "六", "V5"[:1] + "V5"} {
		if got, err := Decode(nil, bad); err == nil && string(Encode(nil, got)) != bad {
			t.Errorf("%q is read as %x", bad, got)
		}
	}
}

func FuzzBase45(f *testing.F) {
	f.Add("BB8")
	f.Add("%69 VD92EX0")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := Decode(nil, s)
		if err == nil && string(Encode(nil, b)) != s {
			t.Errorf("%q is a second spelling of %x", s, b)
		}
		if back, err := Decode(nil, string(Encode(nil, []byte(s)))); err != nil || string(back) != s {
			t.Errorf("%q doesn't come back", s)
		}
	})
}

// FuzzInflate: whatever the bytes, no more comes out than is allowed, and what was
// packed comes back.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("a message"))
	f.Add(Compress(bytes.Repeat([]byte{7}, 5000)))
	f.Add([]byte("\x78\x9c\x03\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1000
		inflater := NewInflater(most)
		if plain, err := inflater.Inflate(b); err == nil && len(plain) > most {
			t.Errorf("%d bytes", len(plain))
		}
		back, err := inflater.Inflate(Compress(b))
		if len(b) > most != errors.Is(err, ErrTooLarge) || err == nil && !bytes.Equal(back, b) {
			t.Errorf("%d bytes come back as %d, %v", len(b), len(back), err)
		}
	})
}

// The bound is exact, for what is stored and what is deflated.
func TestInflateIsBounded(t *testing.T) {
	const most = 100
	inflater := NewInflater(most)
	for n := most - 1; n <= most+2; n++ {
		for _, plain := range [][]byte{make([]byte, n), []byte("abcdefgh" + string(make([]byte, n-8)))} {
			var deflated bytes.Buffer
			w := zlib.NewWriter(&deflated)
			w.Write(plain)
			w.Close()
			for _, b := range [][]byte{Compress(plain), deflated.Bytes()} {
				got, err := inflater.Inflate(b)
				if n <= most && (err != nil || !bytes.Equal(got, plain)) || n > most && !errors.Is(err, ErrTooLarge) {
					t.Errorf("%d bytes: %v", n, err)
				}
				if _, err := inflater.Inflate(append(b[:len(b):len(b)], 0)); err == nil {
					t.Errorf("%d bytes with one behind them are taken", n)
				}
			}
		}
	}
}
