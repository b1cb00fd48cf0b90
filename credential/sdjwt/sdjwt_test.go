package sdjwt_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/credential/sdjwt"
)

var enc = base64.RawURLEncoding.EncodeToString

// made signs a payload as it stands and puts disclosures behind it.
func made(t testing.TB, payload string, disclosures ...string) string {
	t.Helper()
	k := ed(1)
	message := enc([]byte(`{"alg":"EdDSA","typ":"dc+sd-jwt"}`)) + "." + enc([]byte(payload))
	sig, err := k.sign(context.Background(), []byte(message))
	must(t, err)
	text := message + "." + enc(sig) + "~"
	for _, d := range disclosures {
		text += enc([]byte(d)) + "~"
	}
	return text
}

func digest(disclosure string) string {
	sum := sha256.Sum256([]byte(enc([]byte(disclosure))))
	return enc(sum[:])
}

func open(text string) (*sdjwt.Opened, error) {
	token, err := sdjwt.Parse(text)
	if err != nil {
		return nil, err
	}
	return token.Open(ed(1).trusts)
}

// The digests of RFC 9901, section 4.2.
func TestPublishedDigests(t *testing.T) {
	member := "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
	element := "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0"
	text := made(t, `{"_sd_alg":"sha-256","_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"],"nationalities":["DE",{"...":"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"}]}`)
	o, err := open(text + member + "~" + element + "~")
	must(t, err)
	raw, err := json.Marshal(o.Claims)
	must(t, err)
	if want := `{"family_name":"Möbius","nationalities":["DE","FR"]}`; string(raw) != want {
		t.Errorf("read %s, want %s", raw, want)
	}
}

func TestRefusals(t *testing.T) {
	a, b := `["salt","a",1]`, `["salt","b",2]`
	el := `["salt","x"]`
	deep := strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)
	for name, c := range map[string]struct {
		text string
		want sdjwt.Reason
	}{
		"plain":                    {made(t, `{"a":1}`), ""},
		"one hidden":               {made(t, `{"_sd":["`+digest(a)+`"]}`, a), ""},
		"kept back":                {made(t, `{"_sd":["`+digest(a)+`"]}`), ""},
		"nothing":                  {"", sdjwt.Malformed},
		"a plain JWT":              {strings.TrimSuffix(made(t, `{}`), "~"), sdjwt.Malformed},
		"two parts":                {"a.b~", sdjwt.Malformed},
		"no base64":                {"a.b.*~", sdjwt.Malformed},
		"padding":                  {strings.Replace(made(t, `{"a":1}`), ".", "=.", 1), sdjwt.Malformed},
		"an array":                 {made(t, `[]`), sdjwt.Malformed},
		"a name twice":             {made(t, `{"a":1,"a":2}`), sdjwt.Malformed},
		"no UTF-8":                 {made(t, "{\"a\":\"\xff\"}"), sdjwt.Malformed},
		"more behind":              {made(t, `{} {}`), sdjwt.Malformed},
		"too deep":                 {made(t, deep), sdjwt.TooLarge},
		"too long":                 {strings.Repeat("a", 300<<10), sdjwt.TooLarge},
		"too many":                 {made(t, `{}`, slices.Repeat([]string{a}, 1001)...), sdjwt.TooLarge},
		"unknown hash":             {made(t, `{"_sd_alg":"md5"}`), sdjwt.Unsupported},
		"a hash that is no name":   {made(t, `{"_sd_alg":256}`), sdjwt.Unsupported},
		"alg none":                 {enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(`{}`)) + ".~", sdjwt.Unsupported},
		"alg HS256":                {enc([]byte(`{"alg":"HS256"}`)) + "." + enc([]byte(`{}`)) + ".AAAA~", sdjwt.Unsupported},
		"critical header":          {enc([]byte(`{"alg":"EdDSA","crit":["x"]}`)) + "." + enc([]byte(`{}`)) + ".AAAA~", sdjwt.Unsupported},
		"other signature":          {enc([]byte(`{"alg":"EdDSA"}`)) + "." + enc([]byte(`{}`)) + ".AAAA~", sdjwt.BadSignature},
		"unused":                   {made(t, `{"_sd":["`+digest(a)+`"]}`, a, b), sdjwt.UnusedDisclosure},
		"disclosure twice":         {made(t, `{"_sd":["`+digest(a)+`"]}`, a, a), sdjwt.RepeatedDigest},
		"digest twice":             {made(t, `{"_sd":["x","x"]}`), sdjwt.RepeatedDigest},
		"digest here and below":    {made(t, `{"_sd":["`+digest(a)+`"],"b":{"_sd":["`+digest(a)+`"]}}`, a), sdjwt.RepeatedDigest},
		"name taken":               {made(t, `{"a":0,"_sd":["`+digest(a)+`"]}`, a), sdjwt.BadDisclosure},
		"name _sd":                 {made(t, `{"_sd":["`+digest(`["s","_sd",1]`)+`"]}`, `["s","_sd",1]`), sdjwt.BadDisclosure},
		"name ...":                 {made(t, `{"_sd":["`+digest(`["s","...",1]`)+`"]}`, `["s","...",1]`), sdjwt.BadDisclosure},
		"salt is a number":         {made(t, `{}`, `[1,"a",1]`), sdjwt.BadDisclosure},
		"four parts":               {made(t, `{}`, `["s","a",1,2]`), sdjwt.BadDisclosure},
		"an object for disclosure": {made(t, `{}`, `{"a":1}`), sdjwt.BadDisclosure},
		"element among claims":     {made(t, `{"_sd":["`+digest(el)+`"]}`, el), sdjwt.BadDisclosure},
		"claim among elements":     {made(t, `{"l":[{"...":"`+digest(a)+`"}]}`, a), sdjwt.BadDisclosure},
		"mark beside names":        {made(t, `{"l":[{"...":"x","y":1}]}`), sdjwt.BadDisclosure},
		"mark outside a list":      {made(t, `{"l":{"...":"x"}}`), sdjwt.BadDisclosure},
		"_sd is no list":           {made(t, `{"_sd":"x"}`), sdjwt.BadDisclosure},
		"_sd of numbers":           {made(t, `{"_sd":[1]}`), sdjwt.BadDisclosure},
		"JSON without signature":   {`{"payload":"e30"}`, sdjwt.Malformed},
		"JSON of both kinds":       {`{"payload":"e30","protected":"e30","signature":"AA","signatures":[{"protected":"e30","signature":"AA"}]}`, sdjwt.Malformed},
		"JSON, disclosures second": {`{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30","signature":"AA","header":{"disclosures":["x"]}}]}`, sdjwt.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(c.text)
			wants(t, err, c.want)
		})
	}
}

// One letter changed anywhere in what was signed is found.
func TestAlteredIsRefused(t *testing.T) {
	d := `["salt","a",1]`
	text := made(t, `{"_sd":["`+digest(d)+`"]}`, d)
	for i := range len(text) - 1 { // the last "~" parts disclosures from a proof, which Bound checks
		for _, put := range []byte{'A', 'z', '~', '.'} {
			if text[i] == put {
				continue
			}
			if o, err := open(text[:i] + string(put) + text[i+1:]); err == nil {
				t.Fatalf("byte %d as %q goes unseen: %v", i, put, o.Claims)
			}
		}
	}
}

func TestProofOfTheHoldersKey(t *testing.T) {
	ctx, holder := context.Background(), ed(2)
	token, err := ed(1).issuer().IssueVC(ctx, map[string]any{"vct": "v", "cnf": map[string]any{"jwk": holder.public},
		"a": sdjwt.Hidden{Value: 1}, "b": sdjwt.Hidden{Value: 2}})
	must(t, err)
	good := sdjwt.Expected{Audience: "me", Nonce: "n", At: day, MaxAge: time.Minute, Check: holder.proves}
	wants(t, bound(t, token, good), sdjwt.BindingMissing)
	must(t, token.Bind(ctx, holder.alg, holder.sign, "me", "n", day))
	wants(t, bound(t, token, good), "")
	for want, change := range map[sdjwt.Reason]func(*sdjwt.Expected){
		sdjwt.BindingAudience:     func(e *sdjwt.Expected) { e.Audience = "you" },
		sdjwt.BindingNonce:        func(e *sdjwt.Expected) { e.Nonce = "" },
		sdjwt.BindingStale:        func(e *sdjwt.Expected) { e.At = e.At.Add(2 * time.Minute) },
		sdjwt.BindingBadSignature: func(e *sdjwt.Expected) { e.Check = ed(3).proves },
	} {
		e := good
		change(&e)
		wants(t, bound(t, token, e), want)
	}
	early := good
	early.At = day.Add(-2 * time.Minute)
	wants(t, bound(t, token, early), sdjwt.BindingStale)

	// A proof belongs to the disclosures it was made for.
	less := *token
	less.Disclosures = token.Disclosures[:1]
	wants(t, bound(t, &less, good), sdjwt.BindingHash)
	// The credential itself, or another kind of token, is no proof.
	other := *token
	other.KeyBinding, err = sdjwt.SignJWT(ctx, sdjwt.Header{Alg: "EdDSA", Typ: "JWT"}, nil, map[string]any{"nonce": "n"}, holder.sign)
	must(t, err)
	wants(t, bound(t, &other, good), sdjwt.BindingMalformed)
}

func bound(t *testing.T, token *sdjwt.Token, e sdjwt.Expected) error {
	t.Helper()
	again, err := sdjwt.Parse(token.String())
	must(t, err)
	o, err := again.Open(ed(1).trusts)
	must(t, err)
	return o.Bound(e)
}

func TestCredentials(t *testing.T) {
	ctx, k := context.Background(), ed(1)
	if _, err := k.issuer().IssueVC(ctx, map[string]any{"vct": "v", "exp": sdjwt.Hidden{Value: 1}}); err == nil {
		t.Error("exp was hidden")
	}
	if _, err := k.issuer().IssueVC(ctx, map[string]any{"name": "x"}); err == nil {
		t.Error("a credential without vct was signed")
	}
	vc := func(payload string, disclosures ...string) (*sdjwt.VC, error) {
		token, err := sdjwt.Parse(made(t, payload, disclosures...))
		must(t, err)
		return token.OpenVC(k.trusts)
	}
	hidden := `["s","exp",1]`
	for payload, want := range map[string]sdjwt.Reason{
		`{"vct":"v"}`:                       "",
		`{}`:                                sdjwt.MissingClaim,
		`{"vct":"v","exp":"now"}`:           sdjwt.BadClaim,
		`{"vct":"v","nbf":1e99}`:            sdjwt.BadClaim,
		`{"vct":"v","status":{"other":{}}}`: sdjwt.Unsupported,
		`{"vct":"v","status":{"status_list":{"idx":-1,"uri":"u"}}}`:  sdjwt.BadClaim,
		`{"vct":"v","status":{"status_list":{"idx":1.5,"uri":"u"}}}`: sdjwt.BadClaim,
		`{"vct":"v","status":{"status_list":{"idx":1}}}`:             sdjwt.BadClaim,
	} {
		_, err := vc(payload)
		wants(t, err, want)
	}
	_, err := vc(`{"vct":"v","_sd":["`+digest(hidden)+`"]}`, hidden)
	wants(t, err, sdjwt.BadDisclosure)

	v, err := vc(`{"vct":"v","iss":"i","iat":1772352000,"nbf":1772352000,"exp":1772355600,"status":{"status_list":{"idx":7,"uri":"u"}}}`)
	must(t, err)
	if v.StatusIndex != 7 || v.StatusList != "u" || v.Issuer != "i" {
		t.Errorf("read %+v", v)
	}
	wants(t, v.HoldsAt(day.Add(time.Minute)), "")
	wants(t, v.HoldsAt(day.Add(-time.Hour)), sdjwt.NotYetValid)
	wants(t, v.HoldsAt(day.Add(time.Hour)), sdjwt.Expired)
}

// Nobody can tell from the signed part how much is hidden, nor which digest is
// whose.
func TestDecoys(t *testing.T) {
	from := ed(1).issuer()
	from.Decoys = 5
	token, err := from.Issue(context.Background(), map[string]any{"b": sdjwt.Hidden{Value: 1}, "a": sdjwt.Hidden{Value: map[string]any{"c": sdjwt.Hidden{Value: 2}}}})
	must(t, err)
	face, err := token.Unproved()
	must(t, err)
	marks, _ := face.Claims["_sd"].([]any)
	if len(marks) != 7 || len(token.Disclosures) != 3 {
		t.Errorf("%d digests, %d disclosures", len(marks), len(token.Disclosures))
	}
	if !slices.IsSortedFunc(marks, func(a, b any) int { return strings.Compare(a.(string), b.(string)) }) {
		t.Error("digests stand in the order of their claims")
	}
}

func TestAddressOfMetadata(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://city.example":         "https://city.example/.well-known/jwt-vc-issuer",
		"https://city.example/a/b/":    "https://city.example/.well-known/jwt-vc-issuer/a/b",
		"http://localhost:8080":        "http://localhost:8080/.well-known/jwt-vc-issuer",
		"city":                         "",
		"https://city.example/?q=1":    "",
		"https://city.example/\x00bad": "",
	} {
		got, err := sdjwt.MetadataURL(issuer)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", issuer, got, err, want)
		}
	}
}

// Hostile bytes end in one of the reasons, and what is read can be written and
// read again.
func FuzzParse(f *testing.F) {
	d := `["salt","a",{"_sd":["x"]}]`
	f.Add(made(f, `{"_sd":["`+digest(d)+`"]}`, d))
	f.Add(made(f, `{"l":[{"...":"`+digest(`["s",1]`)+`"}]}`, `["s",1]`) + "a.b.c")
	f.Add(`{"payload":"e30","protected":"e30","signature":"AA","header":{"disclosures":["WyJzIiwxXQ"],"kb_jwt":"a.b.c"}}`)
	f.Add(`{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30","signature":"AA"}]}`)
	f.Add("~~~")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := sdjwt.Parse(text)
		if err != nil {
			known(t, err)
			return
		}
		raw, err := json.Marshal(token)
		must(t, err)
		again, err := sdjwt.Parse(string(raw))
		if err == nil && again.String() != token.String() {
			t.Errorf("%q became %q", token, again)
		}
		yes := func(*sdjwt.JWT) (bool, error) { return true, nil }
		vc, err := token.OpenVC(yes)
		known(t, err)
		if err == nil {
			known(t, vc.HoldsAt(day))
			known(t, vc.Bound(sdjwt.Expected{At: day, Check: func(map[string]any, *sdjwt.JWT) bool { return true }}))
		}
		if o, err := token.Open(yes); err == nil {
			o.Present(func(sdjwt.Path) bool { return false })
		}
	})
}

func known(t *testing.T, err error) {
	t.Helper()
	if e, ok := err.(*sdjwt.Error); err != nil && (!ok || !slices.Contains(sdjwt.Reasons, e.Reason)) {
		t.Errorf("%T %v is none of the reasons", err, err)
	}
}
