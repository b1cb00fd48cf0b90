package cborscan

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// Our reader passes over whatever the library calls well-formed, within our
// bounds, and takes exactly as many bytes.
func FuzzReaderAgainstLibrary(f *testing.F) {
	for _, h := range []string{"a201020304", "83010203", "d2844043a0f6", "fb3ff0000000000000", "1bffffffffffffffff", "9f01ff", "7f6161ff", "c11a514b67b0", "f818"} {
		b, _ := hex.DecodeString(h)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Of(string(b))
		r.Skip()
		if r.Bad() {
			return
		}
		used := b[:len(b)-len(r.Rest())]
		// Reserved simple values aren't looked into when passed over.
		if err := cbor.Wellformed(used); err != nil && !strings.Contains(err.Error(), "simple value") {
			t.Fatalf("%x: the library says %v", used, err)
		}
	})
}

func TestReaderReadsWhatTheLibraryWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pair struct {
			N int64  `cbor:"1,keyasint"`
			T string `cbor:"-65537,keyasint"`
			B []byte `cbor:"3,keyasint"`
			X any    `cbor:"4,keyasint"`
		}
		in := pair{rapid.Int64().Draw(t, "n"), rapid.String().Draw(t, "t"), rapid.SliceOf(rapid.Byte()).Draw(t, "b"),
			map[string]any{"deep": []any{1, "two", 3.5, nil, true}}}
		b, err := cbor.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out pair
		r := Of(string(b))
		r.Fields(func(key int64) bool {
			switch key {
			case 1:
				out.N = r.Int()
			case -65537:
				out.T = r.Text()
			case 3:
				out.B = []byte(r.Bytes())
			default:
				return false
			}
			return true
		})
		if !r.End() || out.N != in.N || out.T != in.T || !bytes.Equal(out.B, in.B) {
			t.Fatalf("%+v read as %+v, bad %v", in, out, r.Bad())
		}
	})
}

// Numbers, pieces and open ends are read as the library reads them.
func TestReadsAsTheLibraryDoes(t *testing.T) {
	for _, h := range []string{"f93c00", "f90001", "f97bff", "f9fbff", "f97c00", "f98000", "fa47c35000", "fb3ff199999999999a", "1a000f4240", "3863", "00", "fb41d856b1750178d5"} {
		b, _ := hex.DecodeString(h)
		var want float64
		if err := cbor.Unmarshal(b, &want); err != nil {
			t.Fatal(h, err)
		}
		r := Of(string(b))
		if got := r.Number(); got != want || !r.End() {
			t.Errorf("%s is read as %v, want %v", h, got, want)
		}
	}
	for _, h := range []string{"7f6161626263ff", "7fff", "60"} {
		b, _ := hex.DecodeString(h)
		var want string
		if err := cbor.Unmarshal(b, &want); err != nil {
			t.Fatal(h, err)
		}
		r := Of(string(b))
		if got := r.Text(); got != want || !r.End() {
			t.Errorf("%s is read as %q, want %q", h, got, want)
		}
	}
	r := Of("\xbf\x61a\x9f\x01\x02\xff\x61b\xa1\x01\x02\xff")
	sum := 0
	for pairs := r.Map(); pairs.Next(); {
		if r.Text() != "a" {
			r.Skip()
			continue
		}
		for list := r.Array(); list.Next(); {
			sum += int(r.Int())
		}
	}
	if !r.End() || sum != 3 {
		t.Errorf("sum %d, bad %v", sum, r.Bad())
	}
	for name, bad := range map[string]string{
		"break alone": "ff", "open text without end": "7f6161", "open map of an odd number": "bf01ff",
		"bytes in an open text": "7f4161ff", "an open piece of an open text": "7f7f6161ffff", "not a number": "f97e00", "half a letter": "7f61c361a4ff",
		"more than is there": "9b7fffffffffffffff", "a key twice": "a201010101",
	} {
		b, _ := hex.DecodeString(bad)
		readers := []func(*Reader){(*Reader).Skip}
		switch name {
		case "not a number":
			readers = []func(*Reader){func(r *Reader) { r.Number() }}
		case "a key twice":
			readers = []func(*Reader){func(r *Reader) { r.Fields(func(int64) bool { r.Int(); return true }) }}
		}
		for _, f := range readers {
			r := Of(string(b))
			if f(&r); !r.Bad() {
				t.Errorf("%s passes", name)
			}
		}
	}
	for h, want := range map[string]int64{"fb41d856b1750178d5": 1633338836, "1a60903a20": 1620064800, "00": 0} {
		b, _ := hex.DecodeString(h)
		r := Of(string(b))
		if got := r.Moment(); got.Unix() != want {
			t.Errorf("%s is the moment %v", h, got)
		}
	}
	for _, h := range []string{"1bffffffffffffffff", "f97c00", "fb7fefffffffffffff", "6161"} {
		b, _ := hex.DecodeString(h)
		r := Of(string(b))
		if got := r.Moment(); !r.Bad() || !got.IsZero() {
			t.Errorf("%s is the moment %v", h, got)
		}
	}
}
