package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
)

// claimOfLicence is the claim under which a licence of ours stands in an SD-JWT
// credential. Type, name, issuer and city are open; all else the holder may keep
// back: number, holder, holder_code, issued, from, until, and each member of
// fields.
const claimOfLicence = "licence"

// vcDecoys stand beside what is hidden, so that nobody can count it.
const vcDecoys = 2

// VCT is the kind of credential that a licence type is given out as: the address
// of its description.
func (r *Registry) VCT(t city.CredentialType) string {
	return r.o.Origin + "/credentials/types/" + string(t)
}

// Origin is the city's address, and its name as an issuer of credentials.
func (r *Registry) Origin() string { return r.o.Origin }

// VC gives a licence out as an SD-JWT credential that is bound to its holder's key,
// a JWK. The licence comes from a call that has asked (Get).
func (r *Registry) VC(ctx context.Context, tx *db.Tx, c Credential, holder map[string]any) (*sdjwt.Token, error) {
	now := r.now()
	if c.Erased || !c.InForce(now) {
		return nil, conflict(&c)
	}
	t, err := r.typeAt(ctx, tx, c.Type, c.version)
	if err != nil {
		return nil, err
	}
	s := r.keys.Signer(t.algorithm(), now)
	if s == nil {
		return nil, fmt.Errorf("no key signs with %s", t.algorithm())
	}
	hidden := func(v any) any { return sdjwt.Hidden{Value: v} }
	licence := map[string]any{"type": c.Type, "name": c.Name, "issuer": c.Issuer, "city": r.o.City,
		"number": hidden(c.Number), "holder": hidden(c.Holder.Name), "issued": hidden(c.Issued), "from": hidden(c.From)}
	if c.Holder.Code != "" {
		licence["holder_code"] = hidden(c.Holder.Code)
	}
	claims := map[string]any{"iss": r.o.Origin, "vct": r.VCT(c.Type), "iat": now.Unix(), "nbf": c.begins.Unix(),
		"cnf":    map[string]any{"jwk": holder},
		"status": map[string]any{"status_list": map[string]any{"idx": c.index, "uri": r.o.ListURL + strconv.FormatInt(c.list, 10)}}}
	if !c.Until.IsZero() {
		licence["until"] = hidden(c.Until)
		claims["exp"] = c.expires.Unix()
	}
	if len(c.Fields) > 0 {
		fields := map[string]any{}
		for id, v := range c.Fields {
			fields[id] = hidden(v)
		}
		licence["fields"] = fields
	}
	claims[claimOfLicence] = licence
	h := signJWTHeader(s, "")
	return sdjwt.Issuer{Alg: h.Alg, Kid: h.Kid, Sign: s.Sign, Decoys: vcDecoys}.IssueVC(ctx, claims)
}

// looksLikeVC reports whether the text is meant to be an SD-JWT, in either
// serialization.
func looksLikeVC(text string) bool {
	return strings.HasPrefix(text, "eyJ") && strings.Contains(text, "~") ||
		strings.HasPrefix(text, "{") && strings.Contains(text, `"payload"`) && strings.Contains(text, `"signature`)
}

// verifyVC checks an SD-JWT credential. Nobody asked the holder for a proof of the
// key here, so who shows it stays open; with a question of one's own, see
// PresentedVC.
func verifyVC(text string, trust *Trust, at time.Time) Result {
	r, _, _ := openVC(text, trust, at)
	return r
}

// PresentedVC checks an SD-JWT credential that was shown in answer to a question:
// the proof of the holder's key must be for it.
func PresentedVC(text string, trust *Trust, at time.Time, audience, nonce string) (Result, *sdjwt.VC, error) {
	r, vc, err := openVC(text, trust, at)
	if err != nil || vc == nil {
		return r, nil, err
	}
	err = vc.Bound(sdjwt.Expected{Audience: audience, Nonce: nonce, At: at, MaxAge: proofLife, Check: Proves})
	if err != nil {
		return r, vc, err
	}
	r.Warnings = without(r.Warnings, WarnHolderUnknown)
	return r, vc, nil
}

// proofLife is how old the proof of a holder's key may be.
const proofLife = 5 * time.Minute

func without(all []Warning, w Warning) (rest []Warning) {
	for _, have := range all {
		if have != w {
			rest = append(rest, have)
		}
	}
	return rest
}

// openVC judges what the token says; the error is why it can't be read, and is of
// type *sdjwt.Error.
func openVC(text string, trust *Trust, at time.Time) (Result, *sdjwt.VC, error) {
	if !strings.HasPrefix(text, "{") {
		text = strings.Join(strings.Fields(text), "") // it has come through a mail
	}
	token, err := sdjwt.Parse(text)
	if err != nil {
		return Result{Reason: ReasonDamaged}, nil, err
	}
	var key *Key
	var kid string
	known := false
	vc, err := token.OpenVC(func(j *sdjwt.JWT) (bool, error) {
		k, some := trust.jwtSigner(j)
		known = known || some
		if k != nil {
			key, kid = k, j.Header.Kid
		}
		return k != nil, nil
	})
	if err == nil && token.KeyBinding != "" {
		_, err = vc.BoundBy(Proves)
	}
	if err != nil {
		r := Result{Reason: reasonOfVC(err, known)}
		if r.Reason == ReasonUnknownSigner && len(trust.all) == 0 {
			r.Warnings = []Warning{WarnNoKeys}
		}
		return r, nil, err
	}
	signer := &Signed{Name: key.Name, Algorithm: key.Algorithm}
	if signer.KeyID.UnmarshalText([]byte(kid)) != nil {
		signer.KeyID = keyIDOf(key.spki)
	}
	c, ours := licenceIn(vc)
	r := Result{Kind: KindLicence, Reason: ReasonOK, Claims: c, Signer: signer, Shown: shown(vc)}
	if vc.Holder != nil {
		r.Warnings = []Warning{WarnHolderUnknown}
	}
	r.judge(key, trust, at)
	if !ours {
		r.Kind, r.Claims = KindCredential, nil
	}
	r.Valid = r.Reason == ReasonOK
	return r, vc, nil
}

func reasonOfVC(err error, known bool) Reason {
	var e *sdjwt.Error
	if !errors.As(err, &e) {
		return ReasonDamaged
	}
	switch e.Reason {
	case sdjwt.BadSignature:
		if !known {
			return ReasonUnknownSigner
		}
		return ReasonBadSignature
	case sdjwt.Unsupported, sdjwt.WrongType, sdjwt.MissingClaim, sdjwt.BadClaim:
		return ReasonUnsupported
	case sdjwt.Malformed, sdjwt.TooLarge:
		return ReasonDamaged
	}
	// What the issuer signed holds, but what was put beside it doesn't fit.
	return ReasonBadSignature
}

// shown is what the credential says of its subject.
func shown(vc *sdjwt.VC) map[string]any {
	out := maps.Clone(vc.Claims)
	for _, name := range []string{"cnf", "status", "iat", "nbf", "exp", "_sd_alg"} {
		delete(out, name)
	}
	return out
}

// licenceIn reads a licence of ours out of a credential; for others only what
// judge needs is filled in.
func licenceIn(vc *sdjwt.VC) (c *Claims, ours bool) {
	c = &Claims{SignedAt: vc.IssuedAt, Begins: vc.Begins, Expires: vc.Expires, StatusList: vc.StatusList, StatusIndex: int(vc.StatusIndex)}
	if c.SignedAt.IsZero() {
		c.SignedAt = vc.Begins
	}
	var l struct {
		Name   city.Text `json:"name"`
		Issuer city.Text `json:"issuer"`
		City   string    `json:"city"`
		Number Number    `json:"number"`
		Holder string    `json:"holder"`
		Issued city.Date `json:"issued"`
		From   city.Date `json:"from"`
		Until  city.Date `json:"until"`
	}
	raw, err := json.Marshal(vc.Claims[claimOfLicence])
	if err != nil || vc.Claims[claimOfLicence] == nil || json.Unmarshal(raw, &l) != nil || l.Name.ZhHans == "" || l.City == "" {
		return c, false
	}
	if l.Number != "" {
		n, err := ParseNumber(string(l.Number))
		if err != nil {
			return c, false
		}
		l.Number, c.IssuerCode = n, n.Parts().Issuer
	}
	c.City, c.Number, c.Name, c.Issuer, c.Holder, c.Issued, c.From, c.Until = l.City, l.Number, l.Name, l.Issuer, l.Holder, l.Issued, l.From, l.Until
	return c, true
}
