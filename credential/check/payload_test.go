package check

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// What a signer has signed is as hostile as the signer: claims of licences and
// passes and status lists end in a value or in an error.
func FuzzPayload(f *testing.F) {
	if raw, err := os.ReadFile("testdata/claims.hex"); err == nil {
		if b, err := hex.DecodeString(strings.TrimSpace(string(raw))); err == nil {
			f.Add(string(b))
		}
	}
	f.Add("\xa0")
	f.Add("\xa3\x02\x61a\x04\x01\x06\x01")
	f.Add("\xa1\x19\xff\xfe\xa2\x64bits\x01\x63lst\x41\x00")
	f.Add("\xbf\x01\x61\xff\xff")
	f.Fuzz(func(t *testing.T, payload string) {
		if c, ok := parseClaims(payload); ok && c.Number == "" {
			t.Error("a licence without a number")
		}
		if p, ok := parsePass(payload); ok && (p.Purpose == "" || p.State == "" || p.Expires.Sub(p.SignedAt) > p.Carrier.Longest()) {
			t.Errorf("a pass that can't be: %+v", p)
		}
		_, _ = parseList(payload) // it may be anything, and must come back
	})
}

// Status lists of others are read as tokens, before anything of them is believed.
func FuzzStatusList(f *testing.F) {
	f.Add([]byte("\xd2\x84\x43\xa1\x01\x27\xa0\x41\xa0\x40"))
	f.Add([]byte("eyJhbGciOiJFZERTQSIsInR5cCI6InN0YXR1c2xpc3Qrand0In0.e30.AA"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, token []byte) {
		if l, err := ParseStatusList(token, NewTrust()); err == nil {
			t.Errorf("nobody is trusted, and %+v was believed", l)
		}
	})
}
