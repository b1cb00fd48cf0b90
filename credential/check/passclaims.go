package check

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"yiwang/internal/cborscan"
)

// PassClaims are what a pass code says (一码通): that at some moment a state stood for
// somebody under a purpose. There is no number in it and nothing else that stays the
// same from one code to the next, so that who reads two of them doesn't learn that they
// are one person's.
type PassClaims struct {
	City     string    `json:"city"`    // division code of the city that issued
	Purpose  string    `json:"purpose"` // as its pack names it
	State    string    `json:"state"`   // of the purpose's
	Holder   string    `json:"holder,omitempty"`
	Carrier  Carrier   `json:"carrier"`
	SignedAt time.Time `json:"signed_at"` // to the full ten minutes, as a rule
	Expires  time.Time `json:"expires"`
}

// Carrier is what a pass code is shown on.
type Carrier string

const (
	OnScreen Carrier = "screen"
	OnPaper  Carrier = "paper"
)

// Longest is how long a code of the carrier lives at most; anything that claims more
// is none of ours.
func (c Carrier) Longest() time.Duration {
	switch c {
	case OnScreen:
		return 24 * time.Hour
	case OnPaper:
		return 7 * 24 * time.Hour
	}
	return 0
}

// passRounding keeps times from telling codes apart, or which are one person's.
const passRounding = 10 * time.Minute

const claimPass = -65538

type wirePassClaims struct {
	Issuer  string   `cbor:"1,keyasint"`
	Expires int64    `cbor:"4,keyasint"`
	Signed  int64    `cbor:"6,keyasint"`
	Pass    wirePass `cbor:"-65538,keyasint"`
}

type wirePass struct {
	Purpose string `cbor:"1,keyasint"`
	State   string `cbor:"2,keyasint"`
	Holder  string `cbor:"3,keyasint,omitempty"`
	Paper   int64  `cbor:"4,keyasint,omitempty"` // 1: made to be printed
	Salt    []byte `cbor:"5,keyasint"`           // makes each code another one
}

// EncodePass makes a pass code and says what stands in it: its life is cut to what the
// carrier allows, the moment of signing to the full ten minutes before, but not to
// before the key's beginning. The end is cut to full ten minutes, too, where any of its
// life is left then: that of a state to the second would tell whose code it is.
func EncodePass(ctx context.Context, s Signer, p PassClaims) (string, PassClaims, error) {
	key, err := ParseKey(s.Certificate())
	if err != nil {
		return "", p, err
	}
	now := p.SignedAt.UTC()
	if p.SignedAt = now.Truncate(passRounding); p.SignedAt.Before(key.NotBefore) {
		p.SignedAt = key.NotBefore
	}
	if most := p.SignedAt.Add(p.Carrier.Longest()); p.Expires.After(most) {
		p.Expires = most
	}
	p.Expires = p.Expires.UTC().Truncate(time.Second)
	if full := p.Expires.Truncate(passRounding); full.After(now) {
		p.Expires = full
	}
	if !p.plausible() {
		return "", p, fmt.Errorf("pass code that can't be: %+v", p)
	}
	w := wirePassClaims{Issuer: p.City, Expires: p.Expires.Unix(), Signed: p.SignedAt.Unix(), Pass: wirePass{Purpose: p.Purpose, State: p.State, Holder: p.Holder}}
	if p.Carrier == OnPaper {
		w.Pass.Paper = 1
	}
	w.Pass.Salt = make([]byte, 8)
	_, _ = rand.Read(w.Pass.Salt)
	payload, err := encMode.Marshal(w)
	if err != nil {
		return "", p, err
	}
	m, err := signMessage(ctx, s, "", payload)
	if err != nil {
		return "", p, err
	}
	return sealText(m), p, nil
}

func (p *PassClaims) plausible() bool {
	return p.Purpose != "" && p.State != "" && p.SignedAt.Before(p.Expires) && p.Expires.Sub(p.SignedAt) <= p.Carrier.Longest()
}

// parsePass reads a pass code's claims set; ok is false for one that holds none, or
// one that lives longer than its carrier may.
func parsePass(payload string) (p *PassClaims, ok bool) {
	p = &PassClaims{Carrier: OnScreen}
	r := cborscan.Of(payload)
	r.Fields(func(key int64) bool {
		switch key {
		case claimIssuer:
			p.City = r.Text()
		case claimExpires:
			p.Expires = readMoment(&r)
		case claimSigned:
			p.SignedAt = readMoment(&r)
		case claimPass:
			readPass(&r, p)
		default:
			return false
		}
		return true
	})
	return p, r.End() && p.plausible()
}

func readPass(r *cborscan.Reader, p *PassClaims) {
	r.Fields(func(key int64) bool {
		switch key {
		case 1:
			p.Purpose = r.Text()
		case 2:
			p.State = r.Text()
		case 3:
			p.Holder = r.Text()
		case 4:
			if r.Int() == 1 {
				p.Carrier = OnPaper
			}
		case 5:
			r.Bytes()
		default:
			return false
		}
		return true
	})
}

// PassTerms are what a checker knows of a purpose under which pass codes are made.
type PassTerms struct {
	Ends time.Time // first moment after it; no code counts from then on
}

// AddPurpose lets a checker know of a city's purpose. Call it before checking begins.
func (t *Trust) AddPurpose(city, purpose string, terms PassTerms) {
	if t.purposes == nil {
		t.purposes = map[[2]string]PassTerms{}
	}
	t.purposes[[2]string{city, purpose}] = terms
}

// judgePass decides about a pass code whose signature holds.
func (r *Result) judgePass(key *Key, trust *Trust, at time.Time) {
	p := r.Pass
	if m := key.Mandate; m != nil {
		if r.Reason = r.mandated(m, p.SignedAt, at, p.City, m.MaySignCode(p.Purpose, p.SignedAt)); r.Reason != ReasonOK {
			return
		}
	}
	terms, known := trust.purposes[[2]string{p.City, p.Purpose}]
	switch {
	case key.health != 0:
		r.Reason = ReasonNotEntitled
	case !key.HoldsAt(p.SignedAt):
		r.Reason = ReasonSignerNotValid
	case known && !at.Before(terms.Ends):
		r.Reason = ReasonPurposeEnded
	case !at.Before(p.Expires):
		r.Reason = ReasonExpired
	case at.Before(p.SignedAt.Add(-skew)):
		r.notYet(p.SignedAt, at)
	}
	if !known {
		r.Warnings = append(r.Warnings, WarnPurposeUnknown)
	}
}
