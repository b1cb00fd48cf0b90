package check

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"yiwang/city"
)

// AnchorFolder is the folder, within one of what is trusted, that holds the keys
// of those who say which regions there are. They vouch for no licence.
const AnchorFolder = "anchors"

// Mandate is what signed trust lists say of a key (credential/trustlist): for which
// region it speaks, what it may sign, and how it ended.
type Mandate struct {
	Region string    // division code
	Name   city.Text // of the region
	AsOf   time.Time // when the newest list was issued
	Next   time.Time // when a newer one was due; after it the list is stale
	Lists  string    // what the addresses of the region's status lists begin with

	// Entitled is what the key may sign, the oldest first; each holds until the next
	// begins, and the first also before it.
	Entitled []Entitlement

	Retired     time.Time // signs nothing from then on; zero: still signs
	Compromised time.Time // was in other hands from then on; zero: never
	Dropped     time.Time // left the list without a word, or with its whole region; zero: never
}

// Entitlement is what a key may sign from a moment on.
type Entitlement struct {
	From      time.Time
	Types     []string // codes of licence types, 21 characters each
	PassCodes []string // purposes of pass codes
}

// PurposeHealth is the purpose, on a trust list, of health certificates.
const PurposeHealth = "health"

func (m *Mandate) at(t time.Time) Entitlement {
	var e Entitlement
	for i, x := range m.Entitled {
		if i == 0 || !t.Before(x.From) {
			e = x
		}
	}
	return e
}

// MaySign reports whether the key might sign licences of a type at t.
func (m *Mandate) MaySign(typ string, t time.Time) bool {
	return slices.Contains(m.at(t).Types, typ)
}

// MaySignCode reports whether the key might sign pass codes for a purpose at t.
func (m *Mandate) MaySignCode(purpose string, t time.Time) bool {
	return slices.Contains(m.at(t).PassCodes, purpose)
}

// Reason is why a signature that was made at t doesn't count; ReasonOK when it does.
func (m *Mandate) Reason(t time.Time) Reason {
	switch {
	case !m.Dropped.IsZero():
		return ReasonDropped
	case !m.Compromised.IsZero() && !t.Before(m.Compromised):
		return ReasonCompromised
	case !m.Retired.IsZero() && !t.Before(m.Retired):
		return ReasonSignerNotValid
	}
	return ReasonOK
}

func (m *Mandate) holdsAt(t time.Time) bool { return m == nil || m.Reason(t) == ReasonOK }

// entitled says whether the mandate covers the licence, and adds what a reader
// should know about it.
func (r *Result) entitled(m *Mandate, at time.Time) Reason {
	c := r.Claims
	return r.mandated(m, c.SignedAt, at, c.City, m.MaySign(c.typeCode(), c.SignedAt))
}

// mandated decides by the list that vouches for a key; may says whether it let the key
// sign such a thing.
func (r *Result) mandated(m *Mandate, signed, at time.Time, of string, may bool) Reason {
	r.TrustAt = m.AsOf
	if why := m.Reason(signed); why != ReasonOK {
		return why
	}
	if !city.RegionCode(m.Region).Contains(city.RegionCode(of)) || !may {
		return ReasonNotEntitled
	}
	if at.After(m.Next) {
		r.Warnings = append(r.Warnings, WarnTrustStale)
	}
	if !m.Compromised.IsZero() {
		r.Warnings = append(r.Warnings, WarnCompromised)
	}
	return ReasonOK
}

// Say is a warning of the result as a sentence, with its times.
func (r Result) Say(w Warning) city.Message {
	key := "credential.warning." + string(w)
	switch {
	case (w == WarnStatusUnknown || w == WarnStatusStale) && !r.StatusUnknownSince.IsZero():
		return city.Message{Key: "credential.warning.status_unknown_since", Args: []any{"since", r.StatusUnknownSince}}
	case w == WarnOnePurpose && r.Claims != nil && r.Claims.Grant != nil:
		return r.Claims.Grant.For()
	case w == WarnTrustStale:
		return city.Message{Key: key, Args: []any{"at", r.TrustAt}}
	}
	return city.Message{Key: key}
}

// ParseKey reads a public key: an X.509 certificate or a SubjectPublicKeyInfo (DER).
// A certificate bounds when the key may sign.
func ParseKey(der []byte) (*Key, error) {
	if c, err := smx509.ParseCertificate(der); err == nil {
		return certifiedKey(c)
	}
	pub, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	return newKey(pub)
}

// DER is the certificate, or the bare key where there is none.
func (k *Key) DER() []byte {
	if k.certificate != nil {
		return bytes.Clone(k.certificate)
	}
	return bytes.Clone(k.spki)
}

// ID is the key id by which codes name the key.
func (k *Key) ID() KeyID { return keyIDOf(k.DER()) }

// Signed reports whether the key signed the message at a moment at which it may sign.
func (k *Key) Signed(message, signature []byte, at time.Time) bool {
	return k.HoldsAt(at) && k.check(message, signature)
}

// AddMandated trusts a key for what its mandate says. Of keys of one region each may
// sign the status lists of the others.
func (t *Trust) AddMandated(source string, k *Key, m Mandate) error {
	k.Source, k.Mandate, k.authority = source, &m, "region "+m.Region
	return t.add(k, k.ID(), keyIDOf(k.spki))
}

// Unreachable notes since when a status list can't be had.
func (t *Trust) Unreachable(uri string, since time.Time) {
	if t.away == nil {
		t.away = map[string]time.Time{}
	}
	t.away[uri] = since
}

// Wanted are the addresses of status lists by which the text's signer tells whether
// it is still good, where the signer's region is known by a trust list and names
// that place for its lists. Whoever can fetch does, before the check.
func (t *Trust) Wanted(text string, at time.Time) (uri string, region string) {
	r := Verify(text, t, at)
	if r.Claims == nil || r.Signer == nil || r.Signer.Region == "" || r.Claims.StatusList == "" {
		return "", ""
	}
	for _, k := range t.keys[string(r.Signer.KeyID[:])] {
		if m := k.Mandate; m != nil && m.Region == r.Signer.Region && m.Lists != "" && strings.HasPrefix(r.Claims.StatusList, m.Lists) {
			return r.Claims.StatusList, m.Region
		}
	}
	return "", ""
}
