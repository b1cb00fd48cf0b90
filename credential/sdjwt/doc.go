// Package sdjwt reads and writes SD-JWT (RFC 9901) and SD-JWT VC
// (draft-ietf-oauth-sd-jwt-vc): signed claims of which the holder shows only
// some. It is pure: keys, clock and chance come from the caller, and nothing is
// fetched.
//
// Signatures are those of JWS with EdDSA (Ed25519), ES256, and SM2 with SM3 under
// the name "SM2". That last name is private to us, as JOSE has registered none; the
// signature is r and s, 32 bytes each, the signer's distinguishing identifier is
// the usual "1234567812345678", and the JWK is kty "EC" with crv "SM2".
package sdjwt

import "fmt"

// Reason is why a token is refused. The list is closed.
type Reason string

const (
	TooLarge            Reason = "too_large"             // longer, deeper or with more disclosures than we read
	Malformed           Reason = "malformed"             // not an SD-JWT in either serialization, or its JSON can't be read
	Unsupported         Reason = "unsupported"           // an algorithm, a hash or a critical header that we don't know
	BadSignature        Reason = "bad_signature"         // no signature of the issuer holds
	BadDisclosure       Reason = "bad_disclosure"        // a disclosure that may not stand where it does
	RepeatedDigest      Reason = "repeated_digest"       // a digest, or a disclosure, that stands twice
	UnusedDisclosure    Reason = "unused_disclosure"     // a disclosure that no digest answers to
	WrongType           Reason = "wrong_type"            // not the typ or the vct that was asked for
	MissingClaim        Reason = "missing_claim"         // a claim that must be there and in the open is not
	BadClaim            Reason = "bad_claim"             // a claim that isn't what its name promises
	NotYetValid         Reason = "not_yet_valid"         // nbf lies ahead
	Expired             Reason = "expired"               // exp has passed
	BindingMissing      Reason = "binding_missing"       // no proof of the holder's key, or no key to prove
	BindingMalformed    Reason = "binding_malformed"     // the proof can't be read
	BindingBadSignature Reason = "binding_bad_signature" // another key than the holder's made the proof
	BindingHash         Reason = "binding_hash"          // the proof is for other disclosures
	BindingNonce        Reason = "binding_nonce"         // the proof answers another question
	BindingAudience     Reason = "binding_audience"      // the proof is for somebody else
	BindingStale        Reason = "binding_stale"         // the proof is too old, or from the future
)

// Reasons are all of them.
var Reasons = []Reason{TooLarge, Malformed, Unsupported, BadSignature, BadDisclosure, RepeatedDigest, UnusedDisclosure,
	WrongType, MissingClaim, BadClaim, NotYetValid, Expired, BindingMissing, BindingMalformed, BindingBadSignature,
	BindingHash, BindingNonce, BindingAudience, BindingStale}

// Error refuses a token. Every error about what a token holds is one.
type Error struct {
	Reason Reason
	Detail string // for whoever looks for the fault
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// Is makes errors.Is compare reasons.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

func refuse(r Reason, format string, args ...any) error {
	return &Error{r, fmt.Sprintf(format, args...)}
}

// Bounds on what strangers hand us.
const (
	maxTokenLen    = 256 << 10
	maxDepth       = 24
	maxDisclosures = 1000
	maxSignatures  = 8
)
