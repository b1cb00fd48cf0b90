package check

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential/sdjwt"
)

// ClaimOfLicence is the claim under which a licence of ours stands in an SD-JWT
// credential. Type, name, issuer and city are open; all else the holder may keep
// back: number, holder, holder_code, issued, from, until, and each member of
// fields.
const ClaimOfLicence = "licence"

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
	signer := key.signed()
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
	raw, err := json.Marshal(vc.Claims[ClaimOfLicence])
	if err != nil || vc.Claims[ClaimOfLicence] == nil || json.Unmarshal(raw, &l) != nil || l.Name.ZhHans == "" || l.City == "" {
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
