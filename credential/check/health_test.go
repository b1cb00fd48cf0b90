package check

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"yiwang/credential/hcert"
	"yiwang/credential/packing"
)

// doctor signs health certificates, also in ways in which none should.
type doctor struct {
	priv crypto.Signer
	cert []byte
	kid  []byte
}

// Object identifiers of what a doctor may sign.
var (
	usageTest        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 1}
	usageVaccination = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 2}
	usageRecovery    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 3}
)

// newDoctor certifies a key from an hour ago for a year; kid nil is that of the
// certificate.
func newDoctor(t testing.TB, priv crypto.Signer, usages ...asn1.ObjectIdentifier) doctor {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Ministry of Health"}, Country: []string{"AT"}},
		NotBefore: day.Add(-time.Hour), NotAfter: day.AddDate(1, 0, 0), UnknownExtKeyUsage: usages}
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return doctor{priv, der, sum[:8]}
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rsaKey takes a while to make, so it is made once.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func (d doctor) alg() cose.Algorithm {
	switch d.priv.(type) {
	case *rsa.PrivateKey:
		return cose.AlgorithmPS256
	case ed25519.PrivateKey:
		return cose.AlgorithmEdDSA
	}
	return cose.AlgorithmES256
}

func (d doctor) sign(msg []byte) []byte {
	sum := sha256.Sum256(msg)
	switch k := d.priv.(type) {
	case *rsa.PrivateKey:
		return must(rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			panic(err)
		}
		size := (k.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	return must(d.priv.Sign(rand.Reader, msg, crypto.Hash(0)))
}

// letter is a message before it is packed; tests bend its parts.
type letter struct {
	protected, unprotected map[int64]any
	claims                 map[int64]any
	signature              func(msg []byte) []byte
}

// written is a certificate of vaccination, signed as it should be.
func (d doctor) written(groups map[string]any) letter {
	dgc := map[string]any{"ver": "1.3.0", "dob": "1998-02-26", "nam": map[string]any{"fn": "Musterfrau", "gn": "Gabriele", "fnt": "MUSTERFRAU", "gnt": "GABRIELE"}}
	for k, v := range groups {
		dgc[k] = v
	}
	return letter{
		protected: map[int64]any{1: int64(d.alg()), 4: d.kid},
		claims:    map[int64]any{1: "AT", 6: day.Unix(), 4: day.AddDate(0, 6, 0).Unix(), -260: map[int64]any{1: dgc}},
		signature: d.sign,
	}
}

func (l letter) code() string {
	protected := must(cbor.Marshal(l.protected))
	if len(l.protected) == 0 {
		protected = []byte{}
	}
	payload := must(cbor.Marshal(l.claims))
	m := message{protected: string(protected), payload: string(payload)}
	unprotected := l.unprotected
	if unprotected == nil {
		unprotected = map[int64]any{}
	}
	plain := must(cbor.Marshal(cbor.Tag{Number: 18, Content: []any{protected, unprotected, payload, l.signature(m.appendSigned(nil))}}))
	return healthPrefix + string(packing.Encode(nil, packing.Compress(plain)))
}

var (
	dose = map[string]any{"v": []any{map[string]any{"tg": hcert.Covid19, "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
		"dt": "2026-11-01", "co": "AT", "is": "Ministry of Health", "ci": "URN:UVCI:01:AT:1#B"}}}
	illness = map[string]any{"r": []any{map[string]any{"tg": hcert.Covid19, "fr": "2026-10-01", "co": "AT", "is": "Ministry of Health",
		"df": "2026-10-12", "du": "2027-03-30", "ci": "URN:UVCI:01:AT:2#B"}}}
)

func swab(sampled time.Time, result string) map[string]any {
	return map[string]any{"t": []any{map[string]any{"tg": hcert.Covid19, "tt": hcert.NAAT, "sc": sampled.Format(time.RFC3339), "tr": result,
		"co": "AT", "is": "Ministry of Health", "ci": "URN:UVCI:01:AT:3#B"}}}
}

func believing(t testing.TB, doctors ...doctor) *Trust {
	t.Helper()
	trust := NewTrust()
	for _, d := range doctors {
		if err := trust.AddCertificate("test", d.cert); err != nil {
			t.Fatal(err)
		}
	}
	return trust
}

// The cases of the Union's list of verifier checks that have no file of their own,
// by the list's names. Q2 is tested in credential/scan.
func TestVerifierChecksWithoutFiles(t *testing.T) {
	es, ps := newDoctor(t, ecKey(t, elliptic.P256())), newDoctor(t, rsaKey())
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := newDoctor(t, priv)
	trust := believing(t, es, ps, ed)
	with := func(d doctor, bend func(*letter)) string {
		l := d.written(dose)
		bend(&l)
		return l.code()
	}
	for _, c := range []struct {
		id, code string
		want     Reason
		warn     []Warning
	}{
		{"CO3", es.written(dose).code(), ReasonOK, nil},
		{"CO1", ps.written(dose).code(), ReasonOK, nil},
		{"CO4 Ed25519", ed.written(dose).code(), ReasonWrongAlgorithm, nil},
		{"CO4 ES384", with(es, func(l *letter) { l.protected[1] = -35 }), ReasonWrongAlgorithm, nil},
		{"CO4 RS256", with(ps, func(l *letter) { l.protected[1] = -257 }), ReasonWrongAlgorithm, nil},
		{"CO4 a name", with(es, func(l *letter) { l.protected[1] = "ES256" }), ReasonWrongAlgorithm, nil},
		{"CO4 none", with(es, func(l *letter) { delete(l.protected, 1) }), ReasonWrongAlgorithm, nil},
		{"CO4 HMAC with a key that is public", with(es, func(l *letter) { l.protected[1] = 5 }), ReasonWrongAlgorithm, nil},
		{"CO24 as ASN.1", with(es, func(l *letter) {
			l.signature = func(m []byte) []byte { return signatureDER(nil, es.sign(m)) }
		}), ReasonBadSignature, nil},
		{"CO24 longer", with(es, func(l *letter) { l.signature = func(m []byte) []byte { return append(es.sign(m), 0) } }), ReasonBadSignature, nil},
		{"CO24 much longer", with(es, func(l *letter) { l.signature = func([]byte) []byte { return make([]byte, 500) } }), ReasonBadSignature, nil},
		{"CO24 shorter", with(es, func(l *letter) { l.signature = func(m []byte) []byte { return es.sign(m)[:63] } }), ReasonBadSignature, nil},
		{"CO24 none", with(es, func(l *letter) { l.signature = func([]byte) []byte { return []byte{} } }), ReasonBadSignature, nil},
		{"CO24 zeros", with(es, func(l *letter) { l.signature = func([]byte) []byte { return make([]byte, 64) } }), ReasonBadSignature, nil},
		{"CO24 for RSA", with(ps, func(l *letter) { l.signature = func(m []byte) []byte { return append(ps.sign(m), 0) } }), ReasonBadSignature, nil},
		{"CO25", with(es, func(l *letter) { l.protected[4] = es.kid[:7] }), ReasonUnknownSigner, nil},
		{"CO25 empty, with the right one unprotected", with(es, func(l *letter) {
			l.protected[4], l.unprotected = []byte{}, map[int64]any{4: es.kid}
		}), ReasonUnknownSigner, nil},
		{"CO26", with(es, func(l *letter) { l.protected[4] = append(slices.Clone(es.kid), 0) }), ReasonUnknownSigner, nil},
		{"CO27 RSA named, ECDSA made", with(es, func(l *letter) { l.protected[1] = int64(cose.AlgorithmPS256) }), ReasonWrongAlgorithm, nil},
		{"CO27 ECDSA named, RSA made", with(ps, func(l *letter) { l.protected[1] = int64(cose.AlgorithmES256) }), ReasonWrongAlgorithm, nil},
		{"CO27 under the other's name", with(ps, func(l *letter) { l.protected[1], l.protected[4] = int64(cose.AlgorithmES256), es.kid }), ReasonBadSignature, nil},
		{"CO20 all of the header unprotected", with(es, func(l *letter) { l.unprotected, l.protected = l.protected, nil }), ReasonOK, nil},
		{"CO21 without alg there", with(es, func(l *letter) { l.unprotected = map[int64]any{4: []byte("foo"), 1: 5} }), ReasonOK, nil},
		// The list says INVALID for a test that found the virus; the files of the Union
		// with such tests (FR/DCC_Test_0003 and others) say that they verify. So it is
		// genuine, with a warning that every face shows.
		{"DGC7", es.written(swab(day.Add(-time.Hour), hcert.Detected)).code(), ReasonOK, []Warning{WarnDetected}},
		{"DGC3", es.written(swab(day.Add(-time.Hour), hcert.NotDetected)).code(), ReasonOK, nil},
		{"DGC8", es.written(swab(day.AddDate(0, 0, 9), hcert.NotDetected)).code(), ReasonNotYetValid, nil},
		{"DGC8 tomorrow", es.written(swab(day.AddDate(0, 0, 1), hcert.NotDetected)).code(), ReasonNotYetValid, []Warning{WarnClock}},
		{"DGC5", es.written(illness).code(), ReasonOK, nil},
		{"I-CO4 times that are no whole seconds", with(es, func(l *letter) { l.claims[6] = float64(day.Unix()) - 0.5 }), ReasonOK, nil},
		{"CBO2 no certificate in it", with(es, func(l *letter) { delete(l.claims, -260) }), ReasonUnsupported, nil},
		{"times that can't be", with(es, func(l *letter) { l.claims[4] = "tomorrow" }), ReasonUnsupported, nil},
	} {
		r := Verify(c.code, trust, day)
		if r.Reason != c.want || r.Valid != (c.want == ReasonOK) || !slices.Equal(r.Warnings, c.warn) {
			t.Errorf("%s: %s %v, want %s %v", c.id, r.Reason, r.Warnings, c.want, c.warn)
		}
		if r.Health != nil && r.Signer == nil || r.Claims != nil {
			t.Errorf("%s tells what nobody vouches for: %+v", c.id, r)
		}
	}
	// A signature of RSA with another salt than the profile's is none.
	l := ps.written(dose)
	l.signature = func(m []byte) []byte {
		sum := sha256.Sum256(m)
		return must(rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: 20}))
	}
	if r := Verify(l.code(), trust, day); r.Reason != ReasonBadSignature {
		t.Errorf("a salt of 20 bytes: %s", r.Reason)
	}
}

// What is bad about a code has a reason of its own.
func TestBadHealthCodes(t *testing.T) {
	d := newDoctor(t, ecKey(t, elliptic.P256()))
	trust := believing(t, d)
	code := d.written(dose).code()
	bomb := healthPrefix + string(packing.Encode(nil, packing.Compress(make([]byte, 1<<20))))
	for name, c := range map[string]struct {
		code string
		at   time.Time
		want Reason
		warn []Warning
	}{
		"good":                   {code, day, ReasonOK, nil},
		"in small letters":       {strings.ToLower(code), day, ReasonOK, nil},
		"broken into lines":      {code[:50] + "\n" + code[50:], day, ReasonOK, nil},
		"another prefix":         {"HC2:" + code[4:], day, ReasonNotACode, nil},
		"no prefix":              {code[4:], day, ReasonNotACode, nil},
		"as one of ours":         {codePrefix + code[4:], day, ReasonUnsupported, nil},
		"cut short":              {code[:len(code)-30], day, ReasonDamaged, nil},
		"a letter that is none":  {code[:60] + "!" + code[61:], day, ReasonDamaged, nil},
		"over 4 KB":              {code + strings.Repeat("A", 4297-len(code)), day, ReasonTooLong, nil},
		"a zip bomb":             {bomb, day, ReasonTooLarge, nil},
		"at its last moment":     {code, day.AddDate(0, 6, 0), ReasonOK, nil},
		"a second later":         {code, day.AddDate(0, 6, 0).Add(time.Second), ReasonExpired, nil},
		"clock a minute slow":    {code, day.Add(-time.Minute), ReasonOK, nil},
		"clock a day slow":       {code, day.AddDate(0, 0, -1), ReasonNotYetValid, []Warning{WarnClock}},
		"clock three days slow":  {code, day.AddDate(0, 0, -3), ReasonNotYetValid, nil},
		"before the certificate": {func() string { l := d.written(dose); l.claims[6] = day.AddDate(0, 0, -1).Unix(); return l.code() }(), day, ReasonSignerNotValid, nil},
		"without iat":            {func() string { l := d.written(dose); delete(l.claims, 6); return l.code() }(), day, ReasonOK, []Warning{WarnSchema}},
		"without iat, after the certificate": {func() string { l := d.written(dose); delete(l.claims, 6); delete(l.claims, 4); return l.code() }(),
			day.AddDate(2, 0, 0), ReasonSignerNotValid, []Warning{WarnSchema}},
		"a recovery long ago": {d.written(illness).code(), day.AddDate(0, 5, 0), ReasonOK, []Warning{WarnDays}},
	} {
		if r := Verify(c.code, trust, c.at); r.Reason != c.want || !slices.Equal(r.Warnings, c.warn) {
			t.Errorf("%s: %s %v, want %s %v", name, r.Reason, r.Warnings, c.want, c.warn)
		}
	}
	if r := Verify(code, NewTrust(), day); r.Reason != ReasonUnknownSigner || !slices.Equal(r.Warnings, []Warning{WarnNoKeys}) || r.Health != nil {
		t.Errorf("nobody believed: %+v", r)
	}
	// A flipped character is found wherever it stands.
	for i := prefixLen; i < len(code); i++ {
		other := byte('A')
		if code[i] == other {
			other = 'B'
		}
		if r := Verify(code[:i]+string(other)+code[i+1:], trust, day); r.Valid || r.Health != nil ||
			!slices.Contains([]Reason{ReasonDamaged, ReasonBadSignature, ReasonUnknownSigner, ReasonWrongAlgorithm}, r.Reason) {
			t.Fatalf("character %d was changed: %+v", i, r)
		}
	}
}

// A key id leads to every key that has it, and proves nothing.
func TestKeyIDsCollide(t *testing.T) {
	kid := []byte("sameKID!")
	var doctors []doctor
	var set []map[string]string
	enc := base64.RawURLEncoding.EncodeToString
	for range 3 {
		d := newDoctor(t, ecKey(t, elliptic.P256()))
		d.kid = kid
		point := must(d.priv.(*ecdsa.PrivateKey).PublicKey.Bytes())
		set = append(set, map[string]string{"kty": "EC", "crv": "P-256", "kid": enc(kid), "x": enc(point[1:33]), "y": enc(point[33:])})
		doctors = append(doctors, d)
	}
	r := newDoctor(t, rsaKey())
	r.kid = kid
	pub := &rsaKey().PublicKey
	set = append(set, map[string]string{"kty": "RSA", "kid": enc(kid), "n": enc(pub.N.Bytes()), "e": enc(big.NewInt(int64(pub.E)).Bytes())})
	doctors = append(doctors, r)
	body := must(json.Marshal(map[string]any{"keys": set}))
	trust, faults, err := LoadTrust(fstest.MapFS{"keys.json": {Data: body}})
	if err != nil || len(faults) > 0 || len(trust.Keys()) != 4 {
		t.Fatal(err, faults)
	}
	for i, d := range doctors {
		if res := Verify(d.written(dose).code(), trust, day); !res.Valid {
			t.Errorf("key %d of those with the id: %s", i, res.Reason)
		}
	}
	stranger := newDoctor(t, ecKey(t, elliptic.P256()))
	stranger.kid = kid
	if res := Verify(stranger.written(dose).code(), trust, day); res.Reason != ReasonBadSignature {
		t.Errorf("a stranger under the same id: %s", res.Reason)
	}
}

// A signer's certificate says which kinds it may sign; what it names it may, and
// nothing else, licences included.
func TestSignersSignWhatTheyMay(t *testing.T) {
	priv := ecKey(t, elliptic.P256())
	kinds := []map[string]any{swab(day, hcert.NotDetected), dose, illness}
	usages := []asn1.ObjectIdentifier{usageTest, usageVaccination, usageRecovery}
	everything := map[string]any{"t": kinds[0]["t"], "v": kinds[1]["v"], "r": kinds[2]["r"]}
	for i, u := range usages {
		d := newDoctor(t, priv, u)
		trust := believing(t, d)
		for j, k := range kinds {
			want := ReasonNotEntitled
			if i == j {
				want = ReasonOK
			}
			if r := Verify(d.written(k).code(), trust, day); r.Reason != want {
				t.Errorf("usage %v signs kind %d: %s", u, j, r.Reason)
			}
		}
		if r := Verify(d.written(everything).code(), trust, day); r.Reason != ReasonNotEntitled {
			t.Errorf("usage %v signs all in one: %s", u, r.Reason)
		}
	}
	for _, d := range []doctor{newDoctor(t, priv), newDoctor(t, priv, usages...), newDoctor(t, priv, asn1.ObjectIdentifier{1, 2, 3})} {
		for j, k := range kinds {
			if r := Verify(d.written(k).code(), believing(t, d), day); !r.Valid {
				t.Errorf("kind %d: %s", j, r.Reason)
			}
		}
	}
	payload, err := testClaims().payload()
	if err != nil {
		t.Fatal(err)
	}
	for usage, want := range map[bool]Reason{true: ReasonNotEntitled, false: ReasonOK} {
		d := newDoctor(t, priv)
		if usage {
			d = newDoctor(t, priv, usageVaccination)
		}
		l := d.written(dose)
		l.claims = nil
		if err := cbor.Unmarshal([]byte(payload), &l.claims); err != nil {
			t.Fatal(err)
		}
		if r := Verify(codePrefix+l.code()[prefixLen:], believing(t, d), day); r.Reason != want {
			t.Errorf("a licence by a doctor with usages %v: %s", usage, r.Reason)
		}
	}
}

// P-384 counts for health certificates only; RSA keys have their bounds.
func TestKeysOfHealthSigners(t *testing.T) {
	d := newDoctor(t, ecKey(t, elliptic.P384()))
	trust := believing(t, d)
	l := d.written(dose)
	if r := Verify(l.code(), trust, day); !r.Valid {
		t.Errorf("P-384: %s", r.Reason)
	}
	if r := Verify(codePrefix+l.code()[prefixLen:], trust, day); r.Valid {
		t.Error("P-384 passes for one of ours")
	}
	for bits, good := range map[int]bool{1024: false, 2047: false, 2048: true, 8192: true, 8193: false, 100_000: false} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1) // no modulus, as long as one
		if k, err := newKey(&rsa.PublicKey{N: n, E: 65537}); (err == nil) != good || good && k.check([]byte("m"), make([]byte, bits/8)) {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	for _, bad := range []string{`{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":"RSA","n":"!","e":"AQAB"}`, `{"kty":"RSA","n":"AQAB","e":"AQABAQABAQAB"}`, `{"kty":"RSA"}`} {
		if trust, faults, err := LoadTrust(fstest.MapFS{"k": {Data: []byte(bad)}}); err != nil || len(faults) != 1 || len(trust.Keys()) != 0 {
			t.Errorf("%s is taken: %v, %v", bad, faults, err)
		}
	}
}

// What programs read.
func TestHealthResultAsJSON(t *testing.T) {
	d := newDoctor(t, ecKey(t, elliptic.P256()))
	r := Verify(d.written(dose).code(), believing(t, d), day)
	got := string(must(json.Marshal(r)))
	for _, part := range []string{`{"valid":true,"kind":"health_certificate","reason":"ok","health_certificate":{"country":"AT","issued_at":"2026-11-23T02:00:00Z"`,
		`"name":{"family":"Musterfrau","given":"Gabriele","family_mrz":"MUSTERFRAU","given_mrz":"GABRIELE"},"born":"1998-02-26"`, `"dose":2,"doses":2`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s isn't in %s", part, got)
		}
	}
	if strings.Contains(got, "claims") || strings.Contains(got, "status_at") {
		t.Errorf("what a licence has is in %s", got)
	}
}

// Whatever the text, the checker answers, and what passes was signed.
func FuzzHealthCode(f *testing.F) {
	d := newDoctor(f, ecKey(f, elliptic.P256()))
	trust := believing(f, d, newDoctor(f, rsaKey()))
	code := d.written(dose).code()
	honest := Verify(code, trust, day)
	f.Add(code)
	f.Add(newDoctor(f, rsaKey()).written(illness).code())
	f.Add("HC1:")
	f.Add("HC1:6BFOXN*TS0BI$ZD")
	f.Fuzz(func(t *testing.T, text string) {
		r := Verify(text, trust, day)
		if r.Reason == "" || r.Valid && r.Kind == KindNone {
			t.Errorf("%q gets no answer", text)
		}
		if r.Valid && r.Signer.Algorithm == ES256 && r.Health.Name != honest.Health.Name {
			t.Errorf("%q passes", text)
		}
	})
}
