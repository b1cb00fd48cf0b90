package check

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

	"yiwang/credential/packing"
)

// A few thousand letters that unpack to megabytes must not get the memory.
func TestBombIsNotUnpacked(t *testing.T) {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, zlib.BestCompression)
	zero := make([]byte, 1<<20)
	for range 2 {
		w.Write(zero)
	}
	w.Close()
	text := codePrefix + string(packing.Encode(nil, b.Bytes()))
	if len(text) > maxCodeLen {
		t.Fatalf("the bomb is %d characters", len(text))
	}
	trust := NewTrust()
	if n := testing.AllocsPerRun(10, func() {
		if r := Verify(text, trust, day); r.Reason != ReasonTooLarge {
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
		"stored":              {packing.Compress(plain), ReasonOK},
		"deflated":            {deflated(plain), ReasonOK},
		"more behind zlib":    {append(deflated(plain), 0), ReasonDamaged},
		"more behind stored":  {append(packing.Compress(plain), 0), ReasonDamaged},
		"more behind COSE":    {deflated(append(plain[:len(plain):len(plain)], 0)), ReasonDamaged},
		"zlib cut short":      {deflated(plain)[:100], ReasonDamaged},
		"no zlib":             {plain, ReasonDamaged},
		"wrong check sum":     {func() []byte { b := deflated(plain); b[len(b)-1]++; return b }(), ReasonDamaged},
		"an empty stream":     {deflated(nil), ReasonDamaged},
		"with the tag of CWT": {deflated(append([]byte{0xd8, 61}, plain...)), ReasonOK},
		"without a tag":       {deflated(plain[1:]), ReasonOK},
	} {
		if r := Verify(codePrefix+string(packing.Encode(nil, c.packed)), trust, day); r.Reason != c.want {
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
			packed, err := packing.Decode(nil, strings.TrimPrefix(d.PREFIX, "HC1:"))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := openers.New().(*opener).Inflate(packed)
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
			if key, why := trust.signerOf(&m, nil); key == nil {
				t.Errorf("signature isn't accepted: %s", why)
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
		if _, err := o.Inflate(packed.Bytes()); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
