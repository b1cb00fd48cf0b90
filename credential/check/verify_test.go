package check

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/veraison/go-cose"
	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/credential/packing"
)

func TestLicenceChecksWithEveryAlgorithm(t *testing.T) {
	for _, a := range Algorithms {
		t.Run(string(a), func(t *testing.T) {
			s := testSigner(t, a)
			trust := trusting(t, s)
			addList(t, trust, s, day, 70002, ListInvalid) // the neighbour's, not ours
			code := encode(t, s, testClaims())
			t.Logf("%d characters", len(code))
			if len(code) > 702 { // version 20 at level Q
				t.Errorf("%d characters are too many for a comfortable QR code", len(code))
			}
			got := Verify(code, trust, day.Add(time.Minute))
			want := testClaims()
			want.IssuerCode = "11990100MB0000011X"
			if diff := cmp.Diff(Result{Valid: true, Kind: KindLicence, Reason: ReasonOK, Claims: &want,
				Signer: &Signed{Name: "江海市", Algorithm: a, KeyID: s.KeyID()}, StatusAt: day},
				got, cmpopts.EquateApproxTime(0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the checker answers, case by case, on one licence.
func TestReasons(t *testing.T) {
	s, stranger := testSigner(t, EdDSA), testSigner(t, EdDSA)
	code := encode(t, s, testClaims())
	forever := testClaims()
	forever.Until, forever.Expires = city.Date{}, time.Time{}
	old := testClaims()
	old.SignedAt = day.Add(-2 * time.Hour) // before the certificate
	plain, err := signMessage(context.Background(), s, "", []byte{0xa1, 0x06, 0x00})
	if err != nil {
		t.Fatal(err)
	}
	listToken, err := signMessage(context.Background(), s, listType, []byte{0xa0})
	if err != nil {
		t.Fatal(err)
	}
	trust := func(state ListStatus) *Trust {
		tr := trusting(t, s)
		addList(t, tr, s, day, 70001, state)
		return tr
	}
	noList := trusting(t, s)
	for _, c := range []struct {
		name  string
		text  string
		trust *Trust
		at    time.Time
		want  Reason
		warn  []Warning
	}{
		{"good", code, trust(ListValid), day, ReasonOK, nil},
		{"with blanks around", "\n  " + code + " \r\n", trust(ListValid), day, ReasonOK, nil},
		{"broken into lines", code[:70] + "\r\n" + code[70:], trust(ListValid), day, ReasonOK, nil},
		{"in small letters", strings.ToLower(code), trust(ListValid), day, ReasonOK, nil},
		{"revoked", code, trust(ListInvalid), day, ReasonRevoked, nil},
		{"suspended", code, trust(ListSuspended), day, ReasonSuspended, nil},
		{"in a state of others", code, trust(listReserved), day, ReasonOther, nil},
		{"without list", code, noList, day, ReasonOK, []Warning{WarnStatusUnknown}},
		{"list too old", code, trust(ListValid), day.Add(25 * time.Hour), ReasonOK, []Warning{WarnStatusStale}},
		{"list due for renewal", code, trust(ListValid), day.Add(13 * time.Hour), ReasonOK, []Warning{WarnStatusStale}},
		{"list from later", encode(t, s, func() Claims { c := testClaims(); c.SignedAt = day.Add(-30 * time.Minute); return c }()),
			trust(ListValid), day.Add(-10 * time.Minute), ReasonOK, []Warning{WarnStatusLater}},
		{"last second", code, noList, time.Date(2031, 11, 22, 23, 59, 59, 0, shanghai), ReasonOK, []Warning{WarnStatusUnknown}},
		{"a second later", code, noList, time.Date(2031, 11, 23, 0, 0, 0, 0, shanghai), ReasonExpired, []Warning{WarnStatusUnknown}},
		{"expired and revoked", code, trust(ListInvalid), day.AddDate(6, 0, 0), ReasonRevoked, []Warning{WarnStatusStale}},
		{"for ever", encode(t, s, forever), noList, day.AddDate(60, 0, 0), ReasonOK, []Warning{WarnStatusUnknown}},
		{"before it begins", code, noList, day.AddDate(0, 0, -1), ReasonNotYetValid, []Warning{WarnStatusUnknown, WarnClock}},
		{"two days before it was signed", code, noList, day.AddDate(0, 0, -2), ReasonNotYetValid, []Warning{WarnStatusUnknown}},
		{"before it was signed", code, noList, day.Add(-time.Hour), ReasonNotYetValid, []Warning{WarnStatusUnknown, WarnClock}},
		{"clocks a little apart", code, noList, day.Add(-time.Minute), ReasonOK, []Warning{WarnStatusUnknown}},
		{"signed before the certificate", encode(t, s, old), noList, day, ReasonSignerNotValid, nil},
		{"stranger", encode(t, stranger, testClaims()), noList, day, ReasonUnknownSigner, nil},
		{"nobody trusted", code, NewTrust(), day, ReasonUnknownSigner, []Warning{WarnNoKeys}},
		{"something else signed", sealText(plain), noList, day, ReasonUnsupported, nil},
		{"a status list as code", sealText(listToken), noList, day, ReasonUnsupported, nil},
		{"cut short", code[:len(code)-40], noList, day, ReasonDamaged, nil},
		{"prefix alone", "YW1:", noList, day, ReasonDamaged, nil},
		{"too long", "YW1:" + strings.Repeat("A", 1<<20), noList, day, ReasonTooLong, nil},
		{"a letter more than a QR code holds", "YW1:" + strings.Repeat("A", 4293), noList, day, ReasonTooLong, nil},
		{"as much as a QR code holds", "YW1:" + strings.Repeat("A", 4292), noList, day, ReasonDamaged, nil},
		{"nothing", "", noList, day, ReasonNotACode, nil},
		{"words", "这是什么", noList, day, ReasonNotACode, nil},
		{"a web address", "https://jianghai.example/", noList, day, ReasonNotACode, nil},
		{"other prefix", "HC2:" + code[4:], noList, day, ReasonNotACode, nil},
		{"as a health certificate", "HC1:" + code[4:], noList, day, ReasonWrongAlgorithm, nil},
		{"number", published[0], noList, day, ReasonNumberOnly, nil},
		{"wrong number", strings.Replace(published[0], "2430599", "2430598", 1), noList, day, ReasonNumberWrong, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Verify(c.text, c.trust, c.at)
			if r.Reason != c.want || r.Valid != (c.want == ReasonOK) {
				t.Errorf("%s, valid %v; want %s", r.Reason, r.Valid, c.want)
			}
			if diff := cmp.Diff(c.warn, r.Warnings); diff != "" {
				t.Error(diff)
			}
			proved := r.Signer != nil && r.Reason != ReasonUnsupported
			if r.Claims != nil && !proved && r.Reason != ReasonNumberOnly {
				t.Errorf("claims are told that nobody vouches for: %+v", r.Claims)
			}
		})
	}
}

// What programs read, word for word.
func TestResultAsJSON(t *testing.T) {
	s := testSigner(t, EdDSA)
	c := testClaims()
	c.Until, c.Expires, c.StatusList = city.Date{}, time.Time{}, ""
	got, err := json.MarshalIndent(Verify(encode(t, s, c), trusting(t, s), day), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "valid": true,
  "kind": "licence",
  "reason": "ok",
  "claims": {
    "city": "9901",
    "number": "1.2.156.3005.2.11990100MB0000011X012.11990100MB0000011X.20260000403.001.1",
    "name": {
      "zh-Hans": "食品经营许可证",
      "en": "Food business licence"
    },
    "issuer": {
      "zh-Hans": "江海市市场监督管理局",
      "en": "Jianghai Market Regulation Bureau"
    },
    "issuer_code": "11990100MB0000011X",
    "holder": "江海市滨江好再来饭店有限公司",
    "issued": "2026-11-23",
    "from": "2026-11-23",
    "signed_at": "2026-11-23T02:00:00Z",
    "begins": "2026-11-22T16:00:00Z"
  },
  "signer": {
    "name": "江海市",
    "algorithm": "EdDSA",
    "key_id": "` + s.KeyID().String() + `"
  }
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	var back Result
	if err := json.Unmarshal(got, &back); err != nil || back.Signer.KeyID != s.KeyID() {
		t.Errorf("%+v, %v", back, err)
	}
	got, err = json.Marshal(Verify("hello", NewTrust(), day))
	if err != nil || string(got) != `{"valid":false,"kind":"","reason":"not_a_code"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestEveryReasonHasItsSentence(t *testing.T) {
	for _, l := range city.Langs {
		for _, r := range Reasons {
			if s := r.Say(l); strings.HasPrefix(s, "credential.") || s == "" {
				t.Errorf("%s has no sentence in %s", r, l)
			}
		}
		for _, w := range Warnings {
			if s := w.Say(l); strings.HasPrefix(s, "credential.") || s == "" {
				t.Errorf("%s has no sentence in %s", w, l)
			}
		}
	}
}

// An issuer of another region, trusted for its own licences, can't speak about ours.
func TestOnlyTheIssuersOwnListCounts(t *testing.T) {
	ours := testSigner(t, EdDSA)
	f, err := OpenKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := f.Create(EdDSA, "别的市", day.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	sm2 := testSigner(t, SM2) // ours too: same name in the certificate
	code := encode(t, ours, testClaims())

	trust := trusting(t, ours, theirs, sm2)
	addList(t, trust, theirs, day.Add(time.Minute), 70001, ListInvalid)
	if r := Verify(code, trust, day.Add(2*time.Minute)); !r.Valid || len(r.Warnings) != 1 || r.Warnings[0] != WarnStatusUnknown {
		t.Errorf("a neighbour's list counted: %+v", r)
	}
	addList(t, trust, sm2, day, 70001, ListSuspended)
	if r := Verify(code, trust, day.Add(2*time.Minute)); r.Reason != ReasonSuspended {
		t.Errorf("our own list under another key didn't count: %+v", r)
	}
	addList(t, trust, ours, day.Add(time.Hour), 70001, ListValid)
	if r := Verify(code, trust, day.Add(2*time.Hour)); !r.Valid || !r.StatusAt.Equal(day.Add(time.Hour)) {
		t.Errorf("the newer list didn't win: %+v", r)
	}
	if r := Verify(code, trust, day.Add(2*time.Minute)); r.Reason != ReasonSuspended {
		t.Errorf("a past moment isn't judged by its own list: %+v", r)
	}
}

// Two keys may share an id; each is tried.
func TestEveryKeyWithTheIDIsTried(t *testing.T) {
	s := testSigner(t, ES256)
	trust := NewTrust()
	for range 3 {
		other := trusting(t, testSigner(t, ES256)).all[0]
		if err := trust.add(other, s.KeyID()); err != nil {
			t.Fatal(err)
		}
	}
	code := encode(t, s, testClaims())
	if r := Verify(code, trust, day); r.Reason != ReasonBadSignature {
		t.Errorf("%+v", r)
	}
	if err := trust.AddCertificate("x", s.Certificate()); err != nil {
		t.Fatal(err)
	}
	if r := Verify(code, trust, day); !r.Valid {
		t.Errorf("%+v", r)
	}
}

// Another implementation checks what we sign.
func TestCodesAreCOSE(t *testing.T) {
	for _, a := range []Algorithm{EdDSA, ES256} {
		s := testSigner(t, a)
		plain := unpack(t, encode(t, s, testClaims()))
		var m cose.Sign1Message
		if err := m.UnmarshalCBOR(plain); err != nil {
			t.Fatal(err)
		}
		v, err := cose.NewVerifier(a.cose(), s.(*fileKey).cert.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Verify(nil, v); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func unpack(t testing.TB, code string) []byte {
	t.Helper()
	o := openers.New().(*opener)
	packed, err := packing.Decode(nil, code[len(codePrefix):])
	if err != nil {
		t.Fatal(err)
	}
	plain, err := o.Inflate(packed)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Whatever the names, what goes in comes out; and no bit of the message can be
// changed without the checker noticing.
func TestCodesComeBackAndDontBend(t *testing.T) {
	s := testSigner(t, EdDSA)
	trust := trusting(t, s)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(0, 30, 60)
		c := testClaims()
		c.Number = genNumber().Draw(t, "number")
		c.IssuerCode = c.Number.Parts().Issuer
		c.Name = city.Text{ZhHans: name.Draw(t, "zh"), En: name.Draw(t, "en")}
		c.Issuer = city.Text{ZhHans: name.Draw(t, "issuer zh"), En: name.Draw(t, "issuer en")}
		c.Holder = name.Draw(t, "holder")
		c.StatusIndex = rapid.IntRange(0, ListLen-1).Draw(t, "index")
		if rapid.Bool().Draw(t, "forever") {
			c.Until, c.Expires = city.Date{}, time.Time{}
		}
		code, err := Encode(context.Background(), s, c)
		if err != nil {
			t.Fatal(err)
		}
		r := Verify(code, trust, day)
		if !r.Valid {
			t.Fatalf("%+v", r)
		}
		if diff := cmp.Diff(&c, r.Claims, cmpopts.EquateApproxTime(0)); diff != "" {
			t.Fatal(diff)
		}

		o := openers.New().(*opener)
		packed, _ := packing.Decode(nil, code[len(codePrefix):])
		plain, err := o.Inflate(packed)
		if err != nil {
			t.Fatal(err)
		}
		bent := append([]byte(nil), plain...)
		bit := rapid.IntRange(0, len(bent)*8-1).Draw(t, "bit")
		bent[bit/8] ^= 1 << (bit % 8)
		if r := Verify(sealText(bent), trust, day); r.Valid {
			t.Fatalf("bit %d of %x was flipped and nobody noticed", bit, plain)
		}
	})
}
