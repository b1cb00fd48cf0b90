package credential

import (
	"context"
	"io/fs"
	"time"

	"yiwang/credential/check"
	"yiwang/credential/sdjwt"
)

// Who issues licences also names what they are checked with: the names below are
// those of check, where each is described.
type (
	Claims      = check.Claims
	JWK         = check.JWK
	JWKSet      = check.JWKSet
	Algorithm   = check.Algorithm
	KeyID       = check.KeyID
	Key         = check.Key
	Mandate     = check.Mandate
	Entitlement = check.Entitlement
	Number      = check.Number
	NumberParts = check.NumberParts
	PassClaims  = check.PassClaims
	Carrier     = check.Carrier
	GrantClaims = check.GrantClaims
	GrantKind   = check.GrantKind
	ShownField  = check.ShownField
	PassTerms   = check.PassTerms
	Signer      = check.Signer
	KeyFolder   = check.KeyFolder
	Term        = check.Term
	ListStatus  = check.ListStatus
	StatusBits  = check.StatusBits
	StatusList  = check.StatusList
	Trust       = check.Trust
	TrustFault  = check.TrustFault
	Reason      = check.Reason
	Warning     = check.Warning
	Kind        = check.Kind
	Result      = check.Result
	Signed      = check.Signed
)

// Values of the types above.
const (
	EdDSA                = check.EdDSA
	ES256                = check.ES256
	SM2                  = check.SM2
	PS256                = check.PS256
	AnchorFolder         = check.AnchorFolder
	PurposeHealth        = check.PurposeHealth
	OnScreen             = check.OnScreen
	OnPaper              = check.OnPaper
	GrantShow            = check.GrantShow
	GrantCopy            = check.GrantCopy
	ShowLife             = check.ShowLife
	ListValid            = check.ListValid
	ListInvalid          = check.ListInvalid
	ListSuspended        = check.ListSuspended
	ListLen              = check.ListLen
	StatusListJWT        = check.StatusListJWT
	StatusListCWT        = check.StatusListCWT
	ClaimOfLicence       = check.ClaimOfLicence
	ReasonOK             = check.ReasonOK
	ReasonNotACode       = check.ReasonNotACode
	ReasonDamaged        = check.ReasonDamaged
	ReasonUnsupported    = check.ReasonUnsupported
	ReasonUnknownSigner  = check.ReasonUnknownSigner
	ReasonBadSignature   = check.ReasonBadSignature
	ReasonSignerNotValid = check.ReasonSignerNotValid
	ReasonNotEntitled    = check.ReasonNotEntitled
	ReasonCompromised    = check.ReasonCompromised
	ReasonDropped        = check.ReasonDropped
	ReasonWrongAlgorithm = check.ReasonWrongAlgorithm
	ReasonTooLong        = check.ReasonTooLong
	ReasonTooLarge       = check.ReasonTooLarge
	ReasonNotYetValid    = check.ReasonNotYetValid
	ReasonExpired        = check.ReasonExpired
	ReasonSuspended      = check.ReasonSuspended
	ReasonRevoked        = check.ReasonRevoked
	ReasonCancelled      = check.ReasonCancelled
	ReasonLapsed         = check.ReasonLapsed
	ReasonTransferred    = check.ReasonTransferred
	ReasonWithdrawn      = check.ReasonWithdrawn
	ReasonOther          = check.ReasonOther
	ReasonGrantEnded     = check.ReasonGrantEnded
	ReasonPurposeEnded   = check.ReasonPurposeEnded
	ReasonNumberWrong    = check.ReasonNumberWrong
	ReasonNumberOnly     = check.ReasonNumberOnly
	ReasonNumberUnknown  = check.ReasonNumberUnknown
	ReasonNoQRCode       = check.ReasonNoQRCode
	ReasonQRMode         = check.ReasonQRMode
	WarnStatusUnknown    = check.WarnStatusUnknown
	WarnStatusStale      = check.WarnStatusStale
	WarnStatusLater      = check.WarnStatusLater
	WarnNoKeys           = check.WarnNoKeys
	WarnNotOnRecord      = check.WarnNotOnRecord
	WarnHolderUnknown    = check.WarnHolderUnknown
	WarnClock            = check.WarnClock
	WarnSchema           = check.WarnSchema
	WarnDetected         = check.WarnDetected
	WarnPurposeUnknown   = check.WarnPurposeUnknown
	WarnOnePurpose       = check.WarnOnePurpose
	WarnDays             = check.WarnDays
	WarnTrustStale       = check.WarnTrustStale
	WarnCompromised      = check.WarnCompromised
	KindNone             = check.KindNone
	KindLicence          = check.KindLicence
	KindPass             = check.KindPass
	KindHealth           = check.KindHealth
	KindCredential       = check.KindCredential
)

// Verify is check.Verify.
func Verify(text string, trust *Trust, at time.Time) Result { return check.Verify(text, trust, at) }

// PresentedVC is check.PresentedVC.
func PresentedVC(text string, trust *Trust, at time.Time, audience, nonce string) (Result, *sdjwt.VC, error) {
	return check.PresentedVC(text, trust, at, audience, nonce)
}

// Proves is check.Proves.
func Proves(jwk map[string]any, j *sdjwt.JWT) bool { return check.Proves(jwk, j) }

// NewTrust is check.NewTrust.
func NewTrust() *Trust { return check.NewTrust() }

// LoadTrust is check.LoadTrust.
func LoadTrust(dir fs.FS, beforeLists ...func(*Trust)) (*Trust, []TrustFault, error) {
	return check.LoadTrust(dir, beforeLists...)
}

// ParseKey is check.ParseKey.
func ParseKey(der []byte) (*Key, error) { return check.ParseKey(der) }

// ReadJWK is check.ReadJWK.
func ReadJWK(raw any) (*Key, error) { return check.ReadJWK(raw) }

// NewNumber is check.NewNumber.
func NewNumber(p NumberParts) (Number, error) { return check.NewNumber(p) }

// ParseNumber is check.ParseNumber.
func ParseNumber(s string) (Number, error) { return check.ParseNumber(s) }

// Encode is check.Encode.
func Encode(ctx context.Context, s Signer, c Claims) (string, error) { return check.Encode(ctx, s, c) }

// NewStatusBits is check.NewStatusBits.
func NewStatusBits(n int) StatusBits { return check.NewStatusBits(n) }

// ParseStatusList is check.ParseStatusList.
func ParseStatusList(token []byte, trust *Trust) (*StatusList, error) {
	return check.ParseStatusList(token, trust)
}

// EncodeStatusList is check.EncodeStatusList.
func EncodeStatusList(ctx context.Context, s Signer, l StatusList) ([]byte, error) {
	return check.EncodeStatusList(ctx, s, l)
}
