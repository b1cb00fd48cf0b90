package check

import (
	"errors"
	"slices"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential/hcert"
	"yiwang/credential/packing"
)

// Reason is why a check ended as it did. The list is closed; a program may rely
// on it, and the catalogue has a sentence for each.
type Reason string

const (
	ReasonOK             Reason = "ok"                  // everything holds
	ReasonNotACode       Reason = "not_a_code"          // the text is no code or number of ours
	ReasonDamaged        Reason = "damaged"             // begins like a code, but can't be read to its end
	ReasonUnsupported    Reason = "unsupported"         // properly signed, but says nothing this version understands
	ReasonUnknownSigner  Reason = "unknown_signer"      // no trusted key has this key id
	ReasonBadSignature   Reason = "bad_signature"       // forged or altered
	ReasonSignerNotValid Reason = "signer_not_valid"    // signed outside the validity of the signer's certificate
	ReasonNotEntitled    Reason = "signer_not_entitled" // genuine, but its signer may not sign this sort of thing
	ReasonCompromised    Reason = "signer_compromised"  // signed after the key had fallen into other hands
	ReasonDropped        Reason = "signer_dropped"      // the key, or its region, is no longer trusted at all
	ReasonWrongAlgorithm Reason = "wrong_algorithm"     // signed in a way that isn't allowed or isn't its key's
	ReasonTooLong        Reason = "too_long"            // longer than what a QR code can hold
	ReasonTooLarge       Reason = "too_large"           // unpacks to more than a code can mean, as a zip bomb does
	ReasonNotYetValid    Reason = "not_yet_valid"       // begins later
	ReasonExpired        Reason = "expired"             // its last day has passed
	ReasonSuspended      Reason = "suspended"           // 暂扣
	ReasonRevoked        Reason = "revoked"             // 撤销; also what a status list calls invalid
	ReasonCancelled      Reason = "cancelled"           // 注销
	ReasonLapsed         Reason = "lapsed"              // 失效, as when a newer version replaces it
	ReasonTransferred    Reason = "transferred"         // 办理转出
	ReasonWithdrawn      Reason = "withdrawn"           // 吊销
	ReasonOther          Reason = "other"               // 其他
	ReasonGrantEnded     Reason = "grant_ended"         // the holder ended the grant that the code rests on, or the licence ended
	ReasonPurposeEnded   Reason = "purpose_ended"       // of a pass code: what it was for is over
	ReasonNumberWrong    Reason = "number_wrong"        // a licence number with a wrong character
	ReasonNumberOnly     Reason = "number_only"         // a right number, but a number proves nothing without the city's records
	ReasonNumberUnknown  Reason = "number_unknown"      // the city's records have no such number
	ReasonNoQRCode       Reason = "no_qr_code"          // a picture in which no code can be found (credential/scan)
	ReasonQRMode         Reason = "qr_mode"             // a picture whose code is drawn as no issuer draws it (credential/scan)
)

// Reasons are all of them.
var Reasons = []Reason{ReasonOK, ReasonNotACode, ReasonDamaged, ReasonUnsupported, ReasonUnknownSigner,
	ReasonBadSignature, ReasonSignerNotValid, ReasonNotEntitled, ReasonCompromised, ReasonDropped, ReasonWrongAlgorithm, ReasonTooLong, ReasonTooLarge,
	ReasonNotYetValid, ReasonExpired, ReasonSuspended, ReasonRevoked,
	ReasonCancelled, ReasonLapsed, ReasonTransferred, ReasonWithdrawn, ReasonOther, ReasonGrantEnded, ReasonPurposeEnded,
	ReasonNumberWrong, ReasonNumberOnly, ReasonNumberUnknown, ReasonNoQRCode, ReasonQRMode}

// Say is the reason as a sentence.
func (r Reason) Say(l city.Lang) string { return city.Say(l, "credential.reason."+string(r)) }

// Why is the result's reason as a sentence about the kind of thing that it is.
func (r Result) Why() city.Message {
	if r.Kind == KindHealth {
		key := "credential.reason.health." + string(r.Reason)
		if _, ok := city.LookupText(key); ok {
			return city.Message{Key: key}
		}
	}
	if r.Claims != nil && r.Claims.Grant != nil {
		for _, key := range []string{"credential.reason.grant." + string(r.Claims.Grant.Kind) + "." + string(r.Reason), "credential.reason.grant." + string(r.Reason)} {
			if _, ok := city.LookupText(key); ok {
				return city.Message{Key: key}
			}
		}
	}
	return city.Message{Key: "credential.reason." + string(r.Reason)}
}

// Warning is something a reader should know although it doesn't decide.
type Warning string

const (
	WarnStatusUnknown  Warning = "status_unknown"           // no status list at hand: it may have been revoked since
	WarnStatusStale    Warning = "status_stale"             // the status list is older than its issuer allows
	WarnStatusLater    Warning = "status_later"             // the status list is from after the moment asked about
	WarnNoKeys         Warning = "no_keys"                  // the trust folder holds no key at all
	WarnNotOnRecord    Warning = "not_on_record"            // genuine, but the city's records don't have it (Registry.Check)
	WarnHolderUnknown  Warning = "holder_unknown"           // genuine, but whoever shows it hasn't proved to be its holder
	WarnClock          Warning = "clock"                    // signed less than two days from now: the checker's clock may be wrong
	WarnSchema         Warning = "schema"                   // the contents don't keep to the schema; Health.Findings say where
	WarnDetected       Warning = "virus_detected"           // a genuine test certificate that says that the disease was found
	WarnPurposeUnknown Warning = "purpose_unknown"          // of a pass code: nothing is known here of what it is for
	WarnOnePurpose     Warning = "one_purpose"              // the code may be used for nothing but what it names
	WarnDays           Warning = "outside_its_days"         // the day isn't among those for which a recovery is meant to be used
	WarnTrustStale     Warning = "trust_stale"              // the trust list that vouches for the signer is past its next update
	WarnCompromised    Warning = "signer_compromised_later" // the key fell into other hands after the time that the code states
)

// Warnings are all of them.
var Warnings = []Warning{WarnStatusUnknown, WarnStatusStale, WarnStatusLater, WarnNoKeys, WarnNotOnRecord,
	WarnHolderUnknown, WarnClock, WarnSchema, WarnDetected, WarnPurposeUnknown, WarnOnePurpose, WarnDays, WarnTrustStale, WarnCompromised}

// Say is the warning as a sentence.
func (w Warning) Say(l city.Lang) string { return city.Say(l, "credential.warning."+string(w)) }

// Kind is what sort of thing was checked.
type Kind string

const (
	KindNone    Kind = ""                   // nothing we know
	KindLicence Kind = "licence"            // a licence's code or number
	KindPass    Kind = "pass"               // a pass code
	KindHealth  Kind = "health_certificate" // a health certificate of the European Union
	// KindCredential is a credential of another issuer (SD-JWT VC): Shown says what
	// it says.
	KindCredential Kind = "credential"
)

// Result is what a check found.
type Result struct {
	Valid  bool        `json:"valid"`
	Kind   Kind        `json:"kind"`
	Reason Reason      `json:"reason"`
	Claims *Claims     `json:"claims,omitempty"` // only what a trusted signature or the city's records vouch for
	Pass   *PassClaims `json:"pass,omitempty"`   // of a pass code
	// Health is what a health certificate says, if a trusted signature vouches for it.
	Health *hcert.Certificate `json:"health_certificate,omitempty"`
	// Shown are the claims of an SD-JWT credential that its holder disclosed.
	Shown    map[string]any `json:"shown,omitempty"`
	Warnings []Warning      `json:"warnings,omitempty"`
	Signer   *Signed        `json:"signer,omitempty"`
	// StatusAt is when the state was stated that the answer rests on.
	StatusAt time.Time `json:"status_at,omitzero"`
	// StatusUnknownSince is since when the issuer's status list could not be had.
	StatusUnknownSince time.Time `json:"status_unknown_since,omitzero"`
	// TrustAt is when the trust list was issued that vouches for the signer.
	TrustAt time.Time `json:"trust_at,omitzero"`
}

// Signed says whose key vouches for the claims.
type Signed struct {
	Name      string    `json:"name"`
	Algorithm Algorithm `json:"algorithm"`
	KeyID     KeyID     `json:"key_id"`
	// Region and its name, where a trust list says for whom the key speaks.
	Region     string    `json:"region,omitempty"`
	RegionName city.Text `json:"region_name,omitzero"`
}

// signed says who the key speaks for; its id is that by which it was named.
func (k *Key) signed() *Signed {
	s := &Signed{Name: k.Name, Algorithm: k.Algorithm}
	if m := k.Mandate; m != nil {
		s.Region, s.RegionName = m.Region, m.Name
	}
	return s
}

// skew is how far the signer's clock may run ahead of the checker's.
const skew = 5 * time.Minute

// clockDoubt is up to when a signature from the future casts doubt on the checker's
// clock: one that is a day slow, in whatever zone.
const clockDoubt = 48 * time.Hour

// Verify checks a text that somebody scanned or typed, as of the moment at,
// with nothing but what is in trust. It never fails: what can't be checked has a
// reason too.
func Verify(text string, trust *Trust, at time.Time) Result {
	r, _ := verify(text, trust, at)
	return r
}

// verify also gives the key whose signature holds, of codes.
func verify(text string, trust *Trust, at time.Time) (Result, *Key) {
	text = strings.TrimSpace(text)
	if looksLikeVC(text) {
		return verifyVC(text, trust, at), nil
	}
	if profileOf(text) == profileNone {
		if text = tidy(text); profileOf(text) == profileNone {
			return verifyNumber(text), nil
		}
	}
	o := openers.Get().(*opener)
	defer openers.Put(o)
	m, err := o.open(text)
	if err != nil {
		if again := tidy(text); again != text {
			m, err = o.open(again)
		}
	}
	switch {
	case errors.Is(err, errTooLong):
		return Result{Reason: ReasonTooLong}, nil
	case errors.Is(err, packing.ErrTooLarge):
		return Result{Reason: ReasonTooLarge}, nil
	case err != nil:
		return Result{Reason: ReasonDamaged}, nil
	}
	return o.verify(&m, trust, at)
}

// tidy undoes what people and programs do to a code on its way: line breaks,
// lower case. Blanks inside stay, they are letters of the code.
func tidy(text string) string {
	if len(text) > maxTextLen {
		return text
	}
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' || r == '\ufeff' || r == '\u200b' {
			return -1
		}
		return r
	}, text))
}

func verifyNumber(text string) Result {
	if !LooksLikeNumber(text) {
		return Result{Reason: ReasonNotACode}
	}
	n, err := ParseNumber(text)
	if err != nil {
		return Result{Kind: KindLicence, Reason: ReasonNumberWrong}
	}
	return Result{Kind: KindLicence, Reason: ReasonNumberOnly,
		Claims: &Claims{Number: n, IssuerCode: n.Parts().Issuer}}
}

func (o *opener) verify(m *message, trust *Trust, at time.Time) (Result, *Key) {
	need := len(m.protected) + len(m.payload) + 32
	if cap(o.signed) < need {
		o.signed = make([]byte, need)
	}
	key, why := trust.signerOf(m, o.signed)
	if key == nil {
		r := Result{Reason: why}
		if why == ReasonUnknownSigner && len(trust.all) == 0 {
			r.Warnings = []Warning{WarnNoKeys}
		}
		return r, nil
	}
	r := Result{Reason: ReasonOK, Signer: key.signed()}
	copy(r.Signer.KeyID[:], m.kid)
	if m.profile == profileHealth {
		r.healthCertificate(m, key, at)
	} else {
		r.licence(m, key, trust, at)
	}
	r.Valid = r.Reason == ReasonOK
	return r, key
}

// licence reads and judges what our own codes carry.
func (r *Result) licence(m *message, key *Key, trust *Trust, at time.Time) {
	claims, ok := parseClaims(m.payload)
	if !ok && m.typ == "" {
		if pass, ok := parsePass(m.payload); ok {
			r.Kind, r.Pass = KindPass, pass
			r.judgePass(key, trust, at)
			return
		}
	}
	if m.typ != "" || !ok {
		r.Reason = ReasonUnsupported
		return
	}
	r.Kind, r.Claims = KindLicence, claims
	r.judge(key, trust, at)
}

// judge decides about a licence whose signature holds. What weighs most is said
// first: a revoked licence is revoked, also when it has expired meanwhile.
func (r *Result) judge(key *Key, trust *Trust, at time.Time) {
	c := r.Claims
	if c.Grant != nil {
		r.Warnings = append(r.Warnings, WarnOnePurpose)
	}
	if key.health != 0 {
		r.Reason = ReasonNotEntitled
		return
	}
	if key.Mandate != nil {
		if r.Reason = r.entitled(key.Mandate, at); r.Reason != ReasonOK {
			return
		}
	}
	if !key.HoldsAt(c.SignedAt) {
		r.Reason = ReasonSignerNotValid
		return
	}
	if c.StatusList != "" {
		r.Reason = r.status(trust.listFor(c.StatusList, key, at), at)
		if r.StatusAt.IsZero() || slices.Contains(r.Warnings, WarnStatusStale) {
			r.StatusUnknownSince = trust.away[c.StatusList]
		}
	}
	switch {
	case r.Reason != ReasonOK:
	case !c.Expires.IsZero() && !at.Before(c.Expires):
		r.Reason = ReasonExpired
	case at.Before(c.SignedAt.Add(-skew)):
		r.notYet(c.SignedAt, at)
	case at.Before(c.Begins):
		r.Reason = ReasonNotYetValid
	}
}

// notYet says that the thing was made in the checker's future. Where that is near,
// the checker's clock is the likelier fault.
func (r *Result) notYet(made, at time.Time) {
	r.Reason = ReasonNotYetValid
	if made.Sub(at) < clockDoubt {
		r.Warnings = append(r.Warnings, WarnClock)
	}
}

func (r *Result) status(l *StatusList, at time.Time) Reason {
	if l == nil || r.Claims.StatusIndex >= l.Statuses.Len() {
		r.Warnings = append(r.Warnings, WarnStatusUnknown)
		return ReasonOK
	}
	r.StatusAt = l.SignedAt
	switch {
	case l.SignedAt.After(at.Add(skew)):
		r.Warnings = append(r.Warnings, WarnStatusLater)
	case !l.FreshAt(at):
		r.Warnings = append(r.Warnings, WarnStatusStale)
	}
	switch l.Statuses.At(r.Claims.StatusIndex) {
	case ListValid:
		return ReasonOK
	case ListSuspended:
		return ReasonSuspended
	case ListInvalid:
		if r.Claims.Grant != nil {
			return ReasonGrantEnded
		}
		return ReasonRevoked
	}
	return ReasonOther
}
