package packing

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"io"
	"math/rand/v2"
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

// library unpacks with the standard library, which is what ours must agree with.
func library(b []byte) (plain []byte, behind int, err error) {
	src := bytes.NewReader(b)
	r, err := zlib.NewReader(src)
	if err != nil {
		return nil, 0, err
	}
	plain, err = io.ReadAll(io.LimitReader(r, 1<<20))
	return plain, src.Len(), err
}

func agree(t *testing.T, b []byte, most int) {
	t.Helper()
	inflater := NewInflater(most)
	got, err := inflater.Inflate(b)
	want, behind, fault := library(b)
	switch {
	case err == nil:
		if fault != nil || behind > 0 || !bytes.Equal(got, want) || len(got) > most {
			t.Fatalf("%x: %d bytes, the library says %d, %d behind, %v", b, len(got), len(want), behind, fault)
		}
	case fault == nil && behind == 0 && len(want) <= most:
		t.Fatalf("%x: %v, the library reads %d bytes", b, err, len(want))
	}
}

// FuzzInflate: whatever the bytes, ours reads what the library reads, no more than
// is allowed, and what was packed comes back.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("a message"))
	f.Add(Compress(bytes.Repeat([]byte{7}, 5000)))
	f.Add([]byte("\x78\x9c\x03\x00\x00\x00\x00\x01"))
	for _, raw := range []string{"\x05\xe0\x81\x08\x00\x00\x00\x00\x20\x7f\xeb\x0b\x00\x00", "\x4b\x4c\x04\x02\x00", "\x00\x03\x00\xfc\xffabc\x03\x00", "\x07"} {
		f.Add(append([]byte("\x78\x9c"+raw), "\x00\x00\x00\x01"...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1000
		agree(t, b, most)
		agree(t, append([]byte("\x78\x9c"), b...), most)
		for _, level := range []int{zlib.HuffmanOnly, zlib.BestSpeed, zlib.BestCompression} {
			agree(t, deflated(b, level), len(b))
		}
		inflater := NewInflater(most)
		back, err := inflater.Inflate(Compress(b))
		if len(b) > most != errors.Is(err, ErrTooLarge) || err == nil && !bytes.Equal(back, b) {
			t.Errorf("%d bytes come back as %d, %v", len(b), len(back), err)
		}
	})
}

func deflated(b []byte, level int) []byte {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// Ours agrees with the library on what is packed, and on what is then bent: a bit
// turned, cut off, made longer.
func TestInflateAgreesWithTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		plain := make([]byte, r.IntN(3000))
		letters := 1 + r.IntN(255)
		for i := range plain {
			plain[i] = byte(r.IntN(letters) * r.IntN(letters) / letters)
			if i > 10 && r.IntN(4) == 0 {
				copy(plain[i:], plain[r.IntN(i):])
			}
		}
		for _, level := range []int{zlib.NoCompression, zlib.HuffmanOnly, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression} {
			b := deflated(plain, level)
			agree(t, b, len(plain))
			inflater := NewInflater(len(plain))
			if got, err := inflater.Inflate(b); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes at level %d: %v", len(plain), level, err)
			}
			for range 8 {
				i, bit := r.IntN(len(b)), byte(1)<<r.IntN(8)
				b[i] ^= bit
				agree(t, b, 4000)
				b[i] ^= bit
			}
			agree(t, b[:r.IntN(len(b))], 4000)
			agree(t, append(b, 0), 4000)
		}
	}
	// Blocks of every kind in one stream, and codes that barely are some: turned bits
	// right at the beginning, where the codes stand, and the check sum made to fit.
	base := deflated([]byte("the quick brown fox jumps over the lazy dog, the quick brown fox"), zlib.BestCompression)
	for bit := 16; bit < 16+8*40; bit++ {
		for other := bit; other < bit+12; other++ {
			b := bytes.Clone(base)
			b[bit/8] ^= 1 << (bit % 8)
			b[other/8] ^= 1 << (other % 8)
			raw := flate.NewReader(bytes.NewReader(b[2:]))
			if plain, _ := io.ReadAll(io.LimitReader(raw, 1<<16)); len(plain) > 0 {
				binary.BigEndian.PutUint32(b[len(b)-4:], adler32.Checksum(plain))
			}
			agree(t, b, 2000)
		}
	}
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
