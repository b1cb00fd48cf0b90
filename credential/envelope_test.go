package credential

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// The examples of RFC 9285.
func TestBase45Vectors(t *testing.T) {
	for plain, text := range map[string]string{
		"": "", "AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0",
	} {
		if got := string(encodeBase45(nil, []byte(plain))); got != text {
			t.Errorf("%q is written %q, want %q", plain, got, text)
		}
		if got, err := decodeBase45(nil, text); err != nil || string(got) != plain {
			t.Errorf("%q is read %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{"GGW", ":::", "A", "AAAA", "::", "ab8", "AB\x00", "六", "V5"[:1] + "V5"} {
		if got, err := decodeBase45(nil, bad); err == nil && string(encodeBase45(nil, got)) != bad {
			t.Errorf("%q is read as %x", bad, got)
		}
	}
}

func FuzzBase45(f *testing.F) {
	f.Add("BB8")
	f.Add("%69 VD92EX0")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := decodeBase45(nil, s)
		if err == nil && string(encodeBase45(nil, b)) != s {
			t.Errorf("%q is a second spelling of %x", s, b)
		}
		if back, err := decodeBase45(nil, string(encodeBase45(nil, []byte(s)))); err != nil || string(back) != s {
			t.Errorf("%q doesn't come back", s)
		}
	})
}

// A few hundred letters that unpack to gigabytes must not get the memory.
func TestBombIsNotUnpacked(t *testing.T) {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, zlib.BestCompression)
	zero := make([]byte, 1<<20)
	for range 4 {
		w.Write(zero)
	}
	w.Close()
	text := codePrefix + string(encodeBase45(nil, b.Bytes()))
	if len(text) > maxCodeLen {
		t.Fatalf("the bomb is %d characters", len(text))
	}
	trust := NewTrust()
	if n := testing.AllocsPerRun(10, func() {
		if r := Verify(text, trust, day); r.Reason != ReasonDamaged {
			t.Errorf("%+v", r)
		}
	}); n > 50 {
		t.Errorf("%v allocations", n)
	}
}

func TestNothingBehindTheStream(t *testing.T) {
	s := testSigner(t, EdDSA)
	plain := unpack(t, encode(t, s, testClaims()))
	trust := trusting(t, s)
	deflated := func(b []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	for name, c := range map[string]struct {
		packed []byte
		want   Reason
	}{
		"stored":              {compress(plain), ReasonOK},
		"deflated":            {deflated(plain), ReasonOK},
		"more behind zlib":    {append(deflated(plain), 0), ReasonDamaged},
		"more behind stored":  {append(compress(plain), 0), ReasonDamaged},
		"more behind COSE":    {deflated(append(plain[:len(plain):len(plain)], 0)), ReasonDamaged},
		"zlib cut short":      {deflated(plain)[:100], ReasonDamaged},
		"no zlib":             {plain, ReasonDamaged},
		"wrong check sum":     {func() []byte { b := deflated(plain); b[len(b)-1]++; return b }(), ReasonDamaged},
		"an empty stream":     {deflated(nil), ReasonDamaged},
		"with the tag of CWT": {deflated(append([]byte{0xd8, 61}, plain...)), ReasonOK},
		"without a tag":       {deflated(plain[1:]), ReasonOK},
	} {
		if r := Verify(codePrefix+string(encodeBase45(nil, c.packed)), trust, day); r.Reason != c.want {
			t.Errorf("%s: %s, want %s", name, r.Reason, c.want)
		}
	}
}

// Whatever the bytes, the checker answers, and never that they are valid.
func FuzzVerify(f *testing.F) {
	s := testSigner(f, EdDSA)
	trust := trusting(f, s)
	code := encode(f, s, testClaims())
	f.Add(code)
	f.Add("YW1:")
	f.Add("YW1:6BFOXN*TS0BI$ZD")
	f.Add(published[0])
	f.Fuzz(func(t *testing.T, text string) {
		r := Verify(text, trust, day)
		if r.Valid && tidy(strings.TrimSpace(text)) != code {
			t.Errorf("%q passes", text)
		}
		if r.Reason == "" {
			t.Errorf("%q gets no answer", text)
		}
	})
}

// The same with the outer layers already taken off, where fuzzing gets deeper.
func FuzzMessage(f *testing.F) {
	s := testSigner(f, ES256)
	trust := trusting(f, s)
	plain := unpack(f, encode(f, s, testClaims()))
	f.Add(plain)
	f.Add([]byte("\xd2\x84\x43\xa1\x01\x26\xa0\x40\x40"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		if key, _ := trust.signerOf(&m, nil); key != nil {
			honest, err := parseMessage(plain)
			if err != nil || m.payload != honest.payload || m.protected != honest.protected {
				t.Errorf("%x is taken for ours", b)
			}
		}
		parseClaims(string(b))
		parseClaims(m.payload)
		if l, err := parseList(m.payload); err == nil {
			_ = l
		}
	})
}

// Our reader passes over whatever the library calls well-formed, within our
// bounds, and takes exactly as many bytes.
func FuzzReaderAgainstLibrary(f *testing.F) {
	for _, h := range []string{"a201020304", "83010203", "d2844043a0f6", "fb3ff0000000000000", "1bffffffffffffffff", "9f01ff", "7f6161ff", "c11a514b67b0", "f818"} {
		b, _ := hex.DecodeString(h)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{s: string(b)}
		r.skip()
		if r.bad {
			return
		}
		used := b[:len(b)-len(r.s)]
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
		b, err := encMode.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out pair
		r := reader{s: string(b)}
		r.fields(func(key int64) bool {
			switch key {
			case 1:
				out.N = r.integer()
			case -65537:
				out.T = r.text()
			case 3:
				out.B = []byte(r.bytes())
			default:
				return false
			}
			return true
		})
		if !r.end() || out.N != in.N || out.T != in.T || !bytes.Equal(out.B, in.B) {
			t.Fatalf("%+v read as %+v, bad %v", in, out, r.bad)
		}
	})
}

// Health certificates of the European Union travel in the same envelope and were
// made by others: our layers open them and check their signatures.
func TestEnvelopesOfOthers(t *testing.T) {
	checked := 0
	for _, name := range []string{"AT/2DCode/raw/1.json", "DE/2DCode/raw/1.json", "ES/2DCode/raw/101.json", "FR/2DCode/raw/DCC_Test_0001.json",
		"SE/2DCode/raw/1.json"} {
		t.Run(name, func(t *testing.T) {
			var d struct {
				COSE, BASE45, PREFIX string
				TESTCTX              struct {
					CERTIFICATE     string
					VALIDATIONCLOCK time.Time
				}
			}
			if err := json.Unmarshal(shared(t, "dcc/"+name), &d); err != nil {
				t.Fatal(err)
			}
			packed, err := decodeBase45(nil, strings.TrimPrefix(d.PREFIX, "HC1:"))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := openers.New().(*opener).inflate(packed)
			if err != nil {
				t.Fatal(err)
			}
			if d.COSE != "" && !strings.EqualFold(hex.EncodeToString(plain), d.COSE) {
				t.Errorf("unpacked %x\nwant %s", plain, d.COSE)
			}
			m, err := parseMessage(plain)
			if err != nil {
				t.Fatal(err)
			}
			if algorithmOf(m.alg) != ES256 {
				t.Skipf("signed with %v", m.alg)
			}
			der, err := base64.StdEncoding.DecodeString(d.TESTCTX.CERTIFICATE)
			if err != nil {
				t.Fatal(err)
			}
			trust := NewTrust()
			if err := trust.AddCertificate(name, der); err != nil {
				t.Fatal(err)
			}
			if key, known := trust.signerOf(&m, nil); key == nil {
				t.Errorf("signature isn't accepted, key known: %v", known)
			}
			checked++
		})
	}
	t.Logf("%d signatures of others checked", checked)
}

func BenchmarkInflateDeflated(b *testing.B) {
	s := testSigner(b, EdDSA)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write(unpack(b, encode(b, s, testClaims())))
	w.Close()
	o := openers.New().(*opener)
	for b.Loop() {
		if _, err := o.inflate(packed.Bytes()); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
