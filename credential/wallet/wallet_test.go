package wallet_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/sdjwt"
	"yiwang/credential/wallet"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const policies = `
permit (principal is System, action == Action::"credential.issue", resource);
permit (principal is Officer, action == Action::"credential.suspend", resource);
permit (principal is Resident, action == Action::"credential.read", resource)
  when { resource has person && principal.applicant == resource.person };
`

const origin = "https://jianghai.example"

var (
	day    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	member = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
	friend = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
)

// club is a town with one licence and a desk for wallets.
type club struct {
	*wallet.Desk
	t        *testing.T
	d        *db.DB
	clock    *city.SetClock
	journal  *journal.Journal
	licences *credential.Registry
	number   credential.Number
}

func newClub(t *testing.T, d *db.DB) *club {
	t.Helper()
	vault, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	allowed, err := access.New(map[string][]byte{"club.cedar": []byte(policies)})
	must(t, err)
	c := &club{t: t, d: d, clock: city.NewSetClock(day), journal: journal.New(d, vault)}
	c.licences, err = credential.New(t.Context(), credential.Options{DB: d, Journal: c.journal, Access: allowed, Clock: c.clock, Zone: time.UTC,
		City: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"},
		Types: []credential.Type{{ID: "membership", Code: "11990100MB0000011X001", Name: city.Text{ZhHans: "网球会员证", En: "Tennis membership"},
			Issuer: "tennis", Holder: credential.HolderPerson, Valid: credential.Validity{Years: 1}}},
		Issuers: map[city.BodyID]credential.Issuer{"tennis": {Code: "11990100MB0000011X", Name: city.Text{ZhHans: "江海市网球协会", En: "Tennis"}}},
		Keys:    filepath.Join(t.TempDir(), "keys"), ListURL: origin + "/credentials/status/", Origin: origin, CheckURL: origin + "/verify"})
	must(t, err)
	c.Desk = wallet.New(wallet.Options{DB: d, Journal: c.journal, Access: allowed, Licences: c.licences, Clock: c.clock, Name: city.Text{ZhHans: "江海市", En: "Jianghai"}})
	must(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		l, err := c.licences.Issue(ctx, tx, city.SystemActor("rule"), credential.Request{Cause: "case/1", Type: "membership",
			Holder: credential.Holder{Person: member.Person, Name: "王小明"}})
		c.number = l.Number
		return err
	}))
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// offer makes one and reads what a wallet reads in its link.
func (c *club) offer() (code, pin string) {
	c.t.Helper()
	o, err := c.Offer(c.t.Context(), member, c.number)
	must(c.t, err)
	u, err := url.Parse(o.Link)
	must(c.t, err)
	var body struct {
		Issuer string                    `json:"credential_issuer"`
		Kinds  []string                  `json:"credential_configuration_ids"`
		Grants map[string]map[string]any `json:"grants"`
	}
	must(c.t, json.Unmarshal([]byte(u.Query().Get("credential_offer")), &body))
	if body.Issuer != origin || len(body.Kinds) != 1 || body.Kinds[0] != "membership" || u.Scheme != "openid-credential-offer" {
		c.t.Fatalf("offer %+v", body)
	}
	code, _ = body.Grants[wallet.GrantType]["pre-authorized_code"].(string)
	return code, o.PIN
}

func (c *club) token(code, pin string) (string, error) {
	tok, err := c.Exchange(c.t.Context(), wallet.TokenRequest{Grant: wallet.GrantType, Code: code, PIN: pin})
	return tok.Access, err
}

// holder is a wallet's key.
type holder struct{ key ed25519.PrivateKey }

func newHolder(seed byte) holder {
	return holder{ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))}
}

func (h holder) sign(_ context.Context, m []byte) ([]byte, error) { return ed25519.Sign(h.key, m), nil }

func (h holder) jwk() json.RawMessage {
	raw, _ := json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(h.key.Public().(ed25519.PublicKey))})
	return raw
}

// request proves the key as the standard wants it, but for what change alters.
func (c *club) request(h holder, change func(*sdjwt.Header, map[string]any)) wallet.CredentialRequest {
	c.t.Helper()
	nonce, err := c.Nonce()
	must(c.t, err)
	header := sdjwt.Header{Alg: "EdDSA", Typ: "openid4vci-proof+jwt", JWK: h.jwk()}
	claims := map[string]any{"aud": origin, "iat": c.clock.Now().Unix(), "nonce": nonce}
	if change != nil {
		change(&header, claims)
	}
	proof, err := sdjwt.SignJWT(c.t.Context(), header, nil, claims, h.sign)
	must(c.t, err)
	q := wallet.CredentialRequest{Configuration: "membership"}
	q.Proofs.JWT = []string{proof}
	return q
}

func refused(t *testing.T, err error, want wallet.Code) {
	t.Helper()
	var r *wallet.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The whole way: an offer, a token, a proof, the licence in the wallet, shown to
// somebody else.
func TestALicenceGoesIntoAWallet(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, h := newClub(t, d), newHolder(1)
		code, pin := c.offer()
		token, err := c.token(code, pin)
		must(t, err)
		vc, err := c.Give(t.Context(), token, c.request(h, nil))
		must(t, err)
		parsed, err := sdjwt.Parse(vc)
		must(t, err)
		must(t, parsed.Bind(t.Context(), "EdDSA", h.sign, "https://reader.example", "n-1", day))
		r, _, err := credential.PresentedVC(parsed.String(), c.licences.Trust(), day, "https://reader.example", "n-1")
		if err != nil || !r.Valid || r.Claims.Number != c.number || r.Claims.Holder != "王小明" {
			t.Errorf("%+v, %v", r, err)
		}
		// Everything is used once.
		_, err = c.Give(t.Context(), token, c.request(h, nil))
		refused(t, err, wallet.InvalidToken)
		_, err = c.token(code, pin)
		refused(t, err, wallet.InvalidGrant)
		// The holder sees it in what was done with the licence.
		var seen []string
		must(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			all, err := c.journal.Read(ctx, tx, journal.Position{}, 100)
			for _, e := range all {
				if e.Subject == string(c.number) {
					seen = append(seen, e.Type)
				}
			}
			return err
		}))
		if got := strings.Join(seen, " "); got != "credential.issued credential.offered credential.given" {
			t.Errorf("the journal has %q", got)
		}
	})
}

func TestOffersThatAreRefused(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	if _, err := c.Offer(t.Context(), friend, c.number); city.KindOf(err) != city.KindForbidden {
		t.Errorf("a friend: %v", err)
	}
	helper := member
	helper.OnBehalf = friend.Person
	if _, err := c.Offer(t.Context(), helper, c.number); city.KindOf(err) != city.KindForbidden {
		t.Errorf("on behalf of somebody: %v", err)
	}
	for range 10 {
		c.offer()
	}
	if _, err := c.Offer(t.Context(), member, c.number); city.KindOf(err) != city.KindConflict {
		t.Errorf("the eleventh within an hour: %v", err)
	}
	c.clock.Set(day.Add(2 * time.Hour))
	c.offer()
	c.clock.Set(day.AddDate(2, 0, 0))
	if _, err := c.Offer(t.Context(), member, c.number); city.KindOf(err) != city.KindConflict {
		t.Errorf("expired: %v", err)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	for q, want := range map[wallet.TokenRequest]wallet.Code{
		{}:                        wallet.InvalidRequest,
		{Grant: "password"}:       wallet.UnsupportedGrant,
		{Grant: wallet.GrantType}: wallet.InvalidRequest,
		{Grant: wallet.GrantType, Code: "x", PIN: "1"}: wallet.InvalidGrant,
	} {
		_, err := c.Exchange(t.Context(), q)
		refused(t, err, want)
	}
	// Somebody who saw the code over a shoulder has five guesses, and then it is dead
	// for the holder too.
	code, pin := c.offer()
	wrong := "000000"
	if pin == wrong {
		wrong = "000001"
	}
	for range 5 {
		_, err := c.token(code, wrong)
		refused(t, err, wallet.InvalidGrant)
	}
	_, err := c.token(code, pin)
	refused(t, err, wallet.InvalidGrant)

	late, pin := c.offer()
	c.clock.Set(day.Add(wallet.OfferLife))
	_, err = c.token(late, pin)
	refused(t, err, wallet.InvalidGrant)
}

func TestCredentialsThatAreRefused(t *testing.T) {
	c, h := newClub(t, dbtest.SQLite(t)), newHolder(1)
	code, pin := c.offer()
	token, err := c.token(code, pin)
	must(t, err)
	good := c.request(h, nil)
	other := good
	other.Configuration = "passport"
	none := good
	none.Proofs.JWT = nil
	two := good
	two.Proofs.JWT = append(two.Proofs.JWT, two.Proofs.JWT[0])
	for name, x := range map[string]struct {
		token string
		q     wallet.CredentialRequest
		want  wallet.Code
	}{
		"no token":      {"", good, wallet.InvalidToken},
		"other token":   {"x", good, wallet.InvalidToken},
		"other licence": {token, other, wallet.UnknownConfiguration},
		"no proof":      {token, none, wallet.InvalidProof},
		"two proofs":    {token, two, wallet.InvalidProof},
		"other typ":     {token, c.request(h, func(h *sdjwt.Header, _ map[string]any) { h.Typ = "JWT" }), wallet.InvalidProof},
		"another's key": {token, c.request(h, func(h *sdjwt.Header, _ map[string]any) { h.JWK = newHolder(2).jwk() }), wallet.InvalidProof},
		"other issuer":  {token, c.request(h, func(_ *sdjwt.Header, m map[string]any) { m["aud"] = "https://other.example" }), wallet.InvalidProof},
		"old":           {token, c.request(h, func(_ *sdjwt.Header, m map[string]any) { m["iat"] = day.Add(-time.Hour).Unix() }), wallet.InvalidProof},
		"own nonce":     {token, c.request(h, func(_ *sdjwt.Header, m map[string]any) { m["nonce"] = strings.Repeat("A", 55) }), wallet.InvalidNonce},
		"no nonce":      {token, c.request(h, func(_ *sdjwt.Header, m map[string]any) { delete(m, "nonce") }), wallet.InvalidNonce},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Give(t.Context(), x.token, x.q)
			refused(t, err, x.want)
		})
	}
	// None of that used the token up; time does.
	c.clock.Set(day.Add(4 * time.Minute))
	if _, err := c.Give(t.Context(), token, c.request(h, nil)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// What wallets read of us says where to go and names every licence type.
func TestMetadata(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	kinds, _ := c.Issuer()["credential_configurations_supported"].(map[string]any)
	kind, _ := kinds["membership"].(map[string]any)
	if kind["format"] != "dc+sd-jwt" || kind["vct"] != origin+"/credentials/types/membership" || c.Server()["token_endpoint"] != origin+wallet.PathToken {
		t.Errorf("%v %v", kind, c.Server())
	}
	m, err := c.Type("membership")
	if err != nil || m.VCT != kind["vct"] || len(m.Claims) == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := c.Type("passport"); city.KindOf(err) != city.KindNotFound {
		t.Errorf("no such type: %v", err)
	}
	keys, err := c.Keys()
	if set, ok := keys.JWKS.(credential.JWKSet); err != nil || !ok || len(set.Keys) == 0 || keys.Issuer != origin {
		t.Errorf("%+v, %v", keys, err)
	}
}
