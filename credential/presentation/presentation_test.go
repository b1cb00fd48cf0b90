package presentation_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/presentation"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const policies = `
permit (principal is System, action == Action::"credential.issue", resource);
permit (principal is Officer, action == Action::"credential.revoke", resource);
permit (principal is Officer, action == Action::"presentation.ask", resource is Presentation);
`

const origin = "https://jianghai.example"

var (
	day    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	person = city.NewPersonID()
	gate   = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "tennis", Posts: []city.PostID{"tennis.gate"}}
	other  = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "tennis", Posts: []city.PostID{"tennis.gate"}}
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// club asks, and one member holds two licences in a wallet.
type club struct {
	*presentation.Desk
	t        testing.TB
	d        *db.DB
	clock    *city.SetClock
	journal  *journal.Journal
	licences *credential.Registry
	number   credential.Number
	vcs      map[string]string
	key      ed25519.PrivateKey
}

func newClub(t testing.TB) *club {
	t.Helper()
	c := &club{t: t, d: dbtest.SQLite(t), clock: city.NewSetClock(day), vcs: map[string]string{}, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))}
	vault, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	c.journal = journal.New(c.d, vault)
	allowed, err := access.New(map[string][]byte{"club.cedar": []byte(policies)})
	must(t, err)
	types := []credential.Type{
		{ID: "membership", Code: "11990100MB0000011X001", Name: city.Text{ZhHans: "会员证", En: "Membership"}, Issuer: "tennis", Holder: credential.HolderPerson, Valid: credential.Validity{Years: 1}},
		{ID: "coach", Code: "11990100MB0000011X003", Name: city.Text{ZhHans: "教练证", En: "Coach"}, Issuer: "tennis", Holder: credential.HolderPerson, Valid: credential.Validity{Years: 1}}}
	c.licences, err = credential.New(t.Context(), credential.Options{DB: c.d, Journal: c.journal, Access: allowed, Clock: c.clock, Zone: time.UTC, City: "9901",
		Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Types: types,
		Issuers: map[city.BodyID]credential.Issuer{"tennis": {Code: "11990100MB0000011X", Name: city.Text{ZhHans: "协会", En: "Tennis"}}},
		Keys:    filepath.Join(t.TempDir(), "keys"), ListURL: origin + "/credentials/status/", Origin: origin, CheckURL: origin + "/verify"})
	must(t, err)
	c.Desk = presentation.New(presentation.Options{DB: c.d, Journal: c.journal, Access: allowed, Licences: c.licences, Clock: c.clock, Name: city.Text{ZhHans: "江海市", En: "Jianghai"}})
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(c.key.Public().(ed25519.PublicKey))}
	for _, typ := range types {
		must(t, c.d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			l, err := c.licences.Issue(ctx, tx, city.SystemActor("rule"), credential.Request{Cause: "case/" + string(typ.ID), Type: typ.ID, Holder: credential.Holder{Person: person, Name: "王小明"}})
			if err != nil {
				return err
			}
			vc, err := c.licences.VC(ctx, tx, l, jwk)
			if err == nil {
				c.vcs[string(typ.ID)] = vc.String()
			}
			if typ.ID == "membership" {
				c.number = l.Number
			}
			return err
		}))
	}
	return c
}

// request is what the wallet reads in a signed request object.
type request struct {
	Client   string `json:"client_id"`
	URI      string `json:"response_uri"`
	Nonce    string `json:"nonce"`
	State    string `json:"state"`
	Type     string `json:"response_type"`
	Mode     string `json:"response_mode"`
	Audience string `json:"aud"`
	DCQL     struct {
		Credentials []struct {
			ID, Format string
			Meta       struct {
				VCT []string `json:"vct_values"`
			}
			Claims []struct{ Path []string }
		}
	} `json:"dcql_query"`
}

// asked opens a question and reads it as a wallet does.
func (c *club) asked(claims ...string) (id, name string, q request) {
	c.t.Helper()
	a, err := c.Ask(c.t.Context(), gate, presentation.Ask{Type: "membership", Claims: claims})
	must(c.t, err)
	u, err := url.Parse(a.Link)
	must(c.t, err)
	name, ok := strings.CutPrefix(u.Query().Get("request_uri"), origin+presentation.PathRequest)
	if !ok || u.Scheme != "openid4vp" {
		c.t.Fatal(a.Link)
	}
	text, err := c.Request(c.t.Context(), name)
	must(c.t, err)
	j, err := sdjwt.ParseJWT(text)
	must(c.t, err)
	cert, err := base64.StdEncoding.DecodeString(j.Header.X5c[0])
	must(c.t, err)
	key, err := credential.ParseKey(cert)
	must(c.t, err)
	raw, err := json.Marshal(j.Claims)
	must(c.t, err)
	must(c.t, json.Unmarshal(raw, &q))
	sum := sha256.Sum256(cert)
	if j.Header.Typ != "oauth-authz-req+jwt" || !key.Verify(j.Signed(), j.Signature) || q.Client != "x509_hash:"+base64.RawURLEncoding.EncodeToString(sum[:]) || q.Client != u.Query().Get("client_id") {
		c.t.Fatalf("%+v", q)
	}
	return a.ID, name, q
}

// shows is the wallet's answer: the licence with only the named claims, proved.
func (c *club) shows(vc string, audience, nonce string, only ...string) string {
	c.t.Helper()
	parts := strings.Split(vc, "~")
	keep := parts[:1:1]
	for _, p := range parts[1:] {
		raw, err := base64.RawURLEncoding.DecodeString(p)
		var d []any
		if err != nil || json.Unmarshal(raw, &d) != nil || len(d) != 3 {
			continue
		}
		if name, _ := d[1].(string); slices.Contains(only, name) {
			keep = append(keep, p)
		}
	}
	tok, err := sdjwt.Parse(strings.Join(keep, "~") + "~")
	must(c.t, err)
	must(c.t, tok.Bind(c.t.Context(), "EdDSA", func(_ context.Context, m []byte) ([]byte, error) { return ed25519.Sign(c.key, m), nil }, audience, nonce, c.clock.Now()))
	out, err := json.Marshal(map[string][]string{"licence": {tok.String()}})
	must(c.t, err)
	return string(out)
}

func why(t *testing.T, err error, want presentation.Why) {
	t.Helper()
	var r *presentation.Refusal
	if !errors.As(err, &r) || r.Why != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A gate asks, a wallet answers with what was asked for and no more, once, and the
// holder can see it.
func TestALicenceIsShown(t *testing.T) {
	c := newClub(t)
	id, name, q := c.asked("holder", "until")
	if q.Type != "vp_token" || q.Mode != "direct_post" || q.URI != origin+presentation.PathAnswer+name || len(q.DCQL.Credentials) != 1 ||
		q.DCQL.Credentials[0].Meta.VCT[0] != c.licences.VCT("membership") || len(q.DCQL.Credentials[0].Claims) != 2 || q.DCQL.Credentials[0].Claims[0].Path[1] != "holder" {
		t.Fatalf("%+v", q)
	}
	if s, err := c.Look(gate, id); err != nil || s.Answer != nil {
		t.Errorf("before: %+v, %v", s, err)
	}
	r := presentation.Response{Token: c.shows(c.vcs["membership"], q.Client, q.Nonce, "holder", "until", "number"), State: q.State}
	must(t, c.Answer(t.Context(), name, r))
	s, err := c.Look(gate, id)
	must(t, err)
	if s.Answer.Why != "" || s.Answer.Shown["holder"] != "王小明" || s.Answer.Shown["until"] == "" || len(s.Answer.Shown) != 2 {
		t.Errorf("%+v", s.Answer)
	}
	why(t, c.Answer(t.Context(), name, r), presentation.Answered)
	if _, err := c.Look(other, id); city.KindOf(err) != city.KindNotFound {
		t.Errorf("another officer sees it: %v", err)
	}
	uses := 0
	must(t, c.d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		all, err := c.journal.Read(ctx, tx, journal.Position{}, 100)
		for _, e := range all {
			if strings.Contains(e.Type, "use") {
				uses++
			}
		}
		return err
	}))
	if uses != 1 {
		t.Errorf("the holder sees %d uses", uses)
	}
	c.clock.Set(day.Add(presentation.Life))
	if _, err := c.Look(gate, id); city.KindOf(err) != city.KindNotFound {
		t.Errorf("it is still there: %v", err)
	}
	_, err = c.Request(t.Context(), name)
	why(t, err, presentation.Over)
}

func TestAnswersThatAreRefused(t *testing.T) {
	c := newClub(t)
	_, _, first := c.asked("holder")
	good := c.shows(c.vcs["membership"], first.Client, first.Nonce, "holder")
	for name, x := range map[string]struct {
		answer func(q request) presentation.Response
		want   presentation.Why
	}{
		"another question's answer": {func(q request) presentation.Response { return presentation.Response{Token: good, State: q.State} }, presentation.NotBound},
		"for another reader": {func(q request) presentation.Response {
			return presentation.Response{Token: c.shows(c.vcs["membership"], "x509_hash:else", q.Nonce, "holder"), State: q.State}
		}, presentation.NotBound},
		"no proof of the key": {func(q request) presentation.Response {
			raw, _ := json.Marshal(map[string][]string{"licence": {c.vcs["membership"]}})
			return presentation.Response{Token: string(raw), State: q.State}
		}, presentation.NotBound},
		"another licence": {func(q request) presentation.Response {
			return presentation.Response{Token: c.shows(c.vcs["coach"], q.Client, q.Nonce, "holder"), State: q.State}
		}, presentation.WrongType},
		"not all of it": {func(q request) presentation.Response {
			return presentation.Response{Token: c.shows(c.vcs["membership"], q.Client, q.Nonce, "until"), State: q.State}
		}, presentation.Missing},
		"a flipped letter": {func(q request) presentation.Response {
			return presentation.Response{Token: strings.Replace(c.shows(c.vcs["membership"], q.Client, q.Nonce, "holder"), ".eyJ", ".eyK", 1), State: q.State}
		}, presentation.NotBelieved},
		"no": {func(q request) presentation.Response {
			return presentation.Response{Error: "access_denied", State: q.State}
		}, presentation.Declined},
		"nothing":       {func(q request) presentation.Response { return presentation.Response{State: q.State} }, presentation.Malformed},
		"another state": {func(q request) presentation.Response { return presentation.Response{Token: good, State: "x"} }, presentation.WrongState},
	} {
		t.Run(name, func(t *testing.T) {
			c.clock.Set(c.clock.Now().Add(time.Minute)) // the questions before go out of the way
			id, n, q := c.asked("holder")
			why(t, c.Answer(t.Context(), n, x.answer(q)), x.want)
			s, err := c.Look(gate, id)
			must(t, err)
			if x.want != presentation.WrongState && (s.Answer == nil || s.Answer.Why != x.want || s.Answer.Shown != nil) {
				t.Errorf("the gate sees %+v", s.Answer)
			}
		})
	}
	why(t, c.Answer(t.Context(), "nobody", presentation.Response{}), presentation.Over)
	must(t, c.d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := c.licences.Revoke(ctx, tx, gate, credential.Change{Number: c.number, Cause: "case/9", Reason: "x"})
		return err
	}))
	id, n, q := c.asked("holder")
	why(t, c.Answer(t.Context(), n, presentation.Response{Token: c.shows(c.vcs["membership"], q.Client, q.Nonce, "holder"), State: q.State}), presentation.NotBelieved)
	if s, err := c.Look(gate, id); err != nil || s.Answer.Reason != credential.ReasonRevoked {
		t.Errorf("%+v, %v", s.Answer, err)
	}
}

func TestQuestionsThatAreRefused(t *testing.T) {
	c := newClub(t)
	for want, x := range map[city.Kind]struct {
		actor city.Actor
		ask   presentation.Ask
	}{
		city.KindForbidden: {city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: person}, presentation.Ask{Type: "membership", Claims: []string{"holder"}}},
		city.KindNotFound:  {gate, presentation.Ask{Type: "passport", Claims: []string{"holder"}}},
		city.KindInvalid:   {gate, presentation.Ask{Type: "membership"}},
	} {
		if _, err := c.Ask(t.Context(), x.actor, x.ask); city.KindOf(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := c.Ask(t.Context(), gate, presentation.Ask{Type: "membership", Claims: []string{"cnf"}}); city.KindOf(err) != city.KindInvalid {
		t.Errorf("no such claim: %v", err)
	}
	for range 20 {
		c.asked("holder")
	}
	if _, err := c.Ask(t.Context(), gate, presentation.Ask{Type: "membership", Claims: []string{"holder"}}); city.KindOf(err) != city.KindRateLimited {
		t.Errorf("the twenty-first: %v", err)
	}
}

// Whatever a wallet sends, no licence is taken that wasn't shown for this question,
// and nothing panics.
func FuzzAnswer(f *testing.F) {
	c := newClub(f)
	_, _, q := c.asked("holder")
	f.Add(c.shows(c.vcs["membership"], q.Client, q.Nonce, "holder"))
	for _, seed := range []string{"", "{}", `{"licence":[]}`, `{"licence":["a","b"]}`, `{"licence":"x"}`, `{"licence":["~"]}`, `{"licence":["eyJ.e30.~~"]}`, "[[[[", `{"licence":["x"]}{}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c.t = t
		c.clock.Set(c.clock.Now().Add(time.Minute))
		_, n, q := c.asked("holder")
		if err := c.Answer(t.Context(), n, presentation.Response{Token: token, State: q.State}); err == nil {
			t.Fatalf("took %q", token)
		}
	})
}
