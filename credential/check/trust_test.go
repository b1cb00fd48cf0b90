package check

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emmansun/gmsm/smx509"
	"github.com/google/go-cmp/cmp"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func jwkOf(t *testing.T, s Signer) map[string]any {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	spki := trusting(t, s).all[0].spki // ends with the key itself
	last := func(n int) []byte { return spki[len(spki)-n:] }
	if s.Algorithm() == EdDSA {
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(last(32))}
	}
	crv := map[Algorithm]string{ES256: "P-256", SM2: "SM2"}[s.Algorithm()]
	return map[string]any{"kty": "EC", "crv": crv, "x": b64(last(64)[:32]), "y": b64(last(32))}
}

// A folder with everything good and bad in it: the good is used, each bad file
// gets its reason.
func TestTrustFolder(t *testing.T) {
	ed, es, sm, other := testSigner(t, EdDSA), testSigner(t, ES256), testSigner(t, SM2), testSigner(t, ES256)
	list := StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: day}
	list.Statuses.Set(70001, ListSuspended)
	token, err := EncodeStatusList(context.Background(), ed, list)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := EncodeStatusList(context.Background(), other, list)
	if err != nil {
		t.Fatal(err)
	}
	private, err := smx509.MarshalPKCS8PrivateKey(es.(*fileKey).priv)
	if err != nil {
		t.Fatal(err)
	}
	kid := es.KeyID()
	withKid := jwkOf(t, es)
	withKid["kid"] = base64.RawURLEncoding.EncodeToString(kid[:])
	secret := jwkOf(t, es)
	secret["d"] = "AAAA"
	js := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	dir := fstest.MapFS{
		"aaa-status.cwt":        file(string(token)), // read before its key, used all the same
		"ed.pem":                file("Subject: 江海市\n" + pemOf("CERTIFICATE", ed.Certificate())),
		"regions/es.json":       file(js(map[string]any{"issuer": "邻市", "keys": []any{map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, withKid}})),
		"regions/sm2.der":       file(string(sm.Certificate())),
		".hidden":               file("whatever"),
		".git/config":           file("whatever"),
		"README.md":             file("# Keys of our neighbours\n"),
		"foreign.cwt":           file(string(foreign)),
		"broken.pem":            file(pemOf("CERTIFICATE", []byte("hello"))),
		"empty.pem":             file("-----BEGIN nothing"),
		"private.pem":           file(pemOf("CERTIFICATE", es.Certificate()) + pemOf("PRIVATE KEY", private)),
		"private.json":          file(js(secret)),
		"symmetric.json":        file(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`),
		"garbage.json":          file(`{"keys":`),
		"rsa.json":              file(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`),
		"off-curve.json":        file(js(map[string]any{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)})),
		"off-curve-sm2.json":    file(js(map[string]any{"kty": "EC", "crv": "SM2", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)})),
		"broken.der":            file("\x30\x82\xff\xff"),
		"cut.cwt":               file(string(token[:50])),
		"huge.bin":              {Data: make([]byte, maxKeyFileLen+1)},
		"pipe":                  {Mode: fs.ModeNamedPipe},
		"empty":                 file(""),
		"1/2/3/4/deep/deep.pem": file(pemOf("CERTIFICATE", other.Certificate())),
	}
	trust, faults, err := LoadTrust(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range faults {
		got[f.File] = strings.TrimPrefix(f.Message.Key, "credential.")
		if s := f.Error(); !strings.HasPrefix(s, f.File+": ") || strings.Contains(s, "credential.") {
			t.Errorf("not for people: %s", s)
		}
	}
	want := map[string]string{
		"README.md": "trust.unknown_file", "empty": "trust.unknown_file", "foreign.cwt": "list.untrusted",
		"broken.pem": "trust.not_a_key", "empty.pem": "trust.not_a_key", "garbage.json": "trust.not_a_key",
		"private.pem": "trust.private_key", "private.json": "trust.private_key", "symmetric.json": "trust.private_key",
		"rsa.json": "trust.not_a_key", "off-curve.json": "trust.not_a_key", "off-curve-sm2.json": "trust.not_a_key",
		"broken.der": "trust.not_a_key", "cut.cwt": "list.malformed", "huge.bin": "trust.too_large", "pipe": "trust.unreadable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for s, reason := range map[Signer]Reason{ed: ReasonSuspended, es: ReasonOK, sm: ReasonSuspended, other: ReasonUnknownSigner} {
		if r := Verify(encode(t, s, testClaims()), trust, day); r.Reason != reason {
			t.Errorf("%s: %+v", s.Algorithm(), r)
		}
	}
	if n := len(trust.Lists()); n != 1 {
		t.Errorf("%d lists", n)
	}
	if _, _, err := LoadTrust(os.DirFS(filepath.Join(t.TempDir(), "nothing"))); err == nil {
		t.Error("a folder that doesn't exist was read")
	}
}

// However many lists somebody puts there, the memory they take is bounded.
func TestTrustFolderIsBounded(t *testing.T) {
	s := testSigner(t, EdDSA)
	trust := trusting(t, s)
	trust.room = 2 * ListLen / 4
	for i, want := range []bool{true, true, false} {
		token, err := EncodeStatusList(context.Background(), s, StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: day})
		if err != nil {
			t.Fatal(err)
		}
		err = trust.AddStatusList("x", token)
		if want != (err == nil) || err != nil && !isKey(err, "credential.trust.lists_full") {
			t.Errorf("list %d: %v", i, err)
		}
	}
	for range maxTrustKeys {
		if err := trust.add(trust.all[0], KeyID{}); err != nil {
			break
		}
	}
	if err := trust.AddCertificate("x", s.Certificate()); err == nil || len(trust.all) != maxTrustKeys {
		t.Errorf("%d keys, %v", len(trust.all), err)
	}
}

// Keys without certificates: the id is that of the public key.
func TestBareKeys(t *testing.T) {
	for _, a := range Algorithms {
		s := testSigner(t, a)
		spki := trusting(t, s).all[0].spki
		body, err := json.Marshal(jwkOf(t, s))
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string]string{"pem": pemOf("PUBLIC KEY", spki), "der": string(spki), "jwk": string(body)} {
			trust, faults, err := LoadTrust(fstest.MapFS{"key": {Data: []byte(data)}})
			if err != nil || len(faults) > 0 {
				t.Fatal(err, faults)
			}
			id := keyIDOf(spki)
			if len(trust.keys[string(id[:])]) != 1 || len(trust.Keys()) != 1 || trust.Keys()[0].Algorithm != a {
				t.Errorf("%s %s: not found by the id of the public key", a, name)
			}
		}
	}
}

func FuzzTrustFile(f *testing.F) {
	s := testSigner(f, SM2)
	f.Add([]byte(pemOf("CERTIFICATE", s.Certificate())))
	f.Add(s.Certificate())
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"SM2","x":"AA","y":"AA"}]}`))
	f.Add([]byte("\xd2\x84\x43\xa1\x01\x26\xa0\x40\x40"))
	f.Fuzz(func(t *testing.T, b []byte) {
		trust, _, err := LoadTrust(fstest.MapFS{"f": {Data: b}})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range trust.Keys() {
			k.check([]byte("m"), make([]byte, signatureLen)) // must not panic
		}
	})
}
