// Package wallet lets holders take their licences into wallets of others, and asks
// such wallets for what they hold: OpenID for Verifiable Credential Issuance 1.0
// with a pre-authorised code, and OpenID for Verifiable Presentations 1.0. It
// knows what is said and what is kept; web/wallet speaks HTTP.
//
// The holder makes an offer on the licence's page and reads a transaction code
// there. The wallet turns the offer's code and that transaction code in for a
// token, proves a key of its own, and gets the licence bound to the key. An offer
// is used once and soon forgotten. What was given is in the journal and among the
// uses that the holder sees.
package wallet

import (
	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a desk for wallets.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Licences *credential.Registry
	Clock    city.Clock
	Name     city.Text // of the city
}

// Desk serves wallets. It is safe for concurrent use.
type Desk struct{ o Options }

// New makes a desk.
func New(o Options) *Desk { return &Desk{o} }

// Code says what was wrong, in the words of the protocols. The list is closed.
type Code string

const (
	InvalidRequest       Code = "invalid_request"
	UnsupportedGrant     Code = "unsupported_grant_type"
	InvalidGrant         Code = "invalid_grant" // no such offer, used, too old, or a wrong transaction code
	InvalidToken         Code = "invalid_token"
	UnknownConfiguration Code = "unknown_credential_configuration"
	InvalidProof         Code = "invalid_proof"
	InvalidNonce         Code = "invalid_nonce"
	RequestDenied        Code = "credential_request_denied" // the licence is no longer in force, or no longer the holder's
)

// Codes are all of them.
var Codes = []Code{InvalidRequest, UnsupportedGrant, InvalidGrant, InvalidToken, UnknownConfiguration, InvalidProof, InvalidNonce, RequestDenied}

// Refusal is the answer to a wallet whose request can't be met.
type Refusal struct {
	Code   Code   `json:"error"`
	Detail string `json:"error_description,omitempty"`
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Detail }
