package check

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeGolden makes the golden files anew. Licences in people's hands carry this
// format: only a new prefix may change it.
var writeGolden = flag.Bool("write-golden", false, "write the golden codes, with new keys")

// TestGolden keeps the format from drifting: codes written by the first version
// are still read, and an Ed25519 code is still written letter by letter the same.
// The keys in testdata are for this test alone.
func TestGolden(t *testing.T) {
	if *writeGolden {
		makeGolden(t)
	}
	for _, a := range Algorithms {
		name := "testdata/" + strings.ToLower(string(a))
		code := string(golden(t, name+".code"))
		body := golden(t, name+".key.pem")
		k, err := parseKeyFile(body)
		if err != nil {
			t.Fatal(err)
		}
		trust := trusting(t, k)
		if err := trust.AddStatusList("golden", golden(t, "testdata/trust/status.cwt")); a == EdDSA && err != nil {
			t.Fatal(err)
		}
		if r := Verify(code, trust, day.AddDate(1, 0, 0)); !r.Valid || r.Claims.Holder != testClaims().Holder {
			t.Errorf("%s: %+v", a, r)
		}
		m, err := parseMessage(unpack(t, code))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := testClaims().payload()
		if err != nil || string(payload) != m.payload {
			t.Errorf("%s: the claims are written differently, %v\nnow  %x\nthen %x", a, err, payload, m.payload)
		}
		if a == EdDSA {
			if again := encode(t, k, testClaims()); again != code {
				t.Errorf("the code is written differently\nnow  %s\nthen %s", again, code)
			}
		}
	}
	want := strings.TrimSpace(string(golden(t, "testdata/claims.hex")))
	payload, err := testClaims().payload()
	if err != nil || hex.EncodeToString(payload) != want {
		t.Errorf("claims are written %x, %v", payload, err)
	}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func makeGolden(t *testing.T) {
	write := func(name string, body []byte) {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range Algorithms {
		dir := t.TempDir()
		f, err := OpenKeys(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Create(a, "江海市", day.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(dir + "/*" + keyFileEnd)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		body, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ToLower(string(a))
		cert, _, _ := bytes.Cut(body, []byte("-----BEGIN PRIVATE"))
		write("testdata/"+name+".key.pem", body)
		write("testdata/trust/"+name+".pem", cert)
		write("testdata/"+name+".code", []byte(encode(t, s, testClaims())))
		if a == EdDSA {
			l := StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: day}
			l.Statuses.Set(70002, ListInvalid)
			token, err := EncodeStatusList(context.Background(), s, l)
			if err != nil {
				t.Fatal(err)
			}
			write("testdata/trust/status.cwt", token)
		}
	}
	payload, err := testClaims().payload()
	if err != nil {
		t.Fatal(err)
	}
	write("testdata/claims.hex", []byte(hex.EncodeToString(payload)+"\n"))
}
