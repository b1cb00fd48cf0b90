package wallet

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/journal"
)

const (
	// OfferLife is how long an offer waits for a wallet.
	OfferLife = 10 * time.Minute
	tokenLife = 5 * time.Minute
	nonceLife = 5 * time.Minute
	// mostTries is how often a transaction code may be typed wrong.
	mostTries = 5
	// mostOffers is how many offers of one licence may be made within an hour.
	mostOffers = 10
	// keepOffers is how long used and forgotten offers stay, so that a repeat is
	// answered as what it is.
	keepOffers = 24 * time.Hour
)

// GrantType is the grant that offers use.
const GrantType = "urn:ietf:params:oauth:grant-type:pre-authorized_code"

// Offer is what the holder takes to the wallet.
type Offer struct {
	Licence credential.Credential
	Link    string // opens a wallet on this device; as a QR code, on another
	PIN     string // the transaction code, six digits, typed into the wallet
	Until   time.Time
}

// stored is an offer as the database has it.
type stored struct {
	code       []byte
	number     credential.Number
	account    city.AccountID
	person     city.PersonID
	firm       city.FirmID
	pin        []byte
	tries      int64
	made       time.Time
	until      time.Time
	token      []byte
	tokenUntil time.Time
	fetched    bool
}

// holder is the actor who made the offer.
func (s *stored) holder() city.Actor {
	return city.Actor{Kind: city.Resident, Account: s.account, Person: s.person, Firm: s.firm, Channel: city.ChannelWeb}
}

// Offer makes the actor's licence ready for a wallet. Only holders do that for
// themselves, or for their firm: nobody carries another person's licence about.
func (d *Desk) Offer(ctx context.Context, actor city.Actor, n credential.Number) (Offer, error) {
	if actor.Kind != city.Resident || !actor.OnBehalf.IsZero() {
		return Offer{}, city.Forbidden("wallet.offer.holder_only")
	}
	now := d.o.Clock.Now()
	code, err := random()
	if err != nil {
		return Offer{}, err
	}
	pin, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return Offer{}, err
	}
	o := Offer{PIN: fmt.Sprintf("%06d", pin), Until: now.Add(OfferLife)}
	err = d.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if o.Licence, err = d.o.Licences.Get(ctx, tx, actor, n); err != nil {
			return err
		}
		if o.Licence.Erased || !o.Licence.InForce(now) {
			return city.Conflict("wallet.offer.not_in_force")
		}
		recent, err := offersSince(ctx, tx, n, now.Add(-time.Hour))
		if err != nil {
			return err
		}
		if recent >= mostOffers {
			return city.Conflict("wallet.offer.too_many", "n", mostOffers)
		}
		insertOffer(tx, &stored{code: d.digest("code", code), number: n, account: actor.Account, person: actor.Person, firm: actor.Firm,
			pin: d.digest("pin", code+o.PIN), made: now, until: o.Until})
		deleteOffers(tx, now.Add(-keepOffers))
		return d.o.Journal.Append(ctx, tx, d.event(now, "credential.offered", actor, &o.Licence))
	})
	if err != nil {
		return Offer{}, err
	}
	body, err := json.Marshal(map[string]any{
		"credential_issuer":            d.o.Licences.Origin(),
		"credential_configuration_ids": []string{string(o.Licence.Type)},
		"grants": map[string]any{GrantType: map[string]any{"pre-authorized_code": code,
			"tx_code": map[string]any{"input_mode": "numeric", "length": 6}}},
	})
	o.Link = "openid-credential-offer://?credential_offer=" + url.QueryEscape(string(body))
	return o, err
}

func (d *Desk) event(at time.Time, typ string, actor city.Actor, c *credential.Credential) journal.Event {
	return journal.Event{At: at, Type: typ, Subject: string(c.Number), Actor: actor,
		To:     []journal.Recipient{{Person: c.Holder.Person, Firm: c.Holder.Firm}},
		Public: map[string]any{"type": c.Type}, Data: map[string]any{"number": c.Number, "type": c.Type, "name": c.Name, "body": c.Body}}
}

// random is a secret of 128 bits as text.
func random() (string, error) {
	var b [16]byte
	_, err := rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:]), err
}

func (d *Desk) digest(what, secret string) []byte {
	return d.o.Journal.Vault().Digest("wallet."+what, secret)
}

// Token is what a wallet gets for an offer's code.
type Token struct {
	Access string `json:"access_token"`
	Type   string `json:"token_type"`
	Life   int    `json:"expires_in"` // seconds
}

// TokenRequest is what a wallet turns in.
type TokenRequest struct{ Grant, Code, PIN string }

// Exchange gives a token for an offer's code and the transaction code, once.
// Whoever has both was sent by the holder; there is no other actor to ask for.
func (d *Desk) Exchange(ctx context.Context, q TokenRequest) (Token, error) {
	switch {
	case q.Grant == "":
		return Token{}, &Refusal{InvalidRequest, "no grant_type"}
	case q.Grant != GrantType:
		return Token{}, &Refusal{UnsupportedGrant, ""}
	case q.Code == "" || q.PIN == "":
		return Token{}, &Refusal{InvalidRequest, "the pre-authorized_code and the tx_code are needed"}
	}
	now := d.o.Clock.Now()
	access, err := random()
	if err != nil {
		return Token{}, err
	}
	code := d.digest("code", q.Code)
	var refused error
	err = d.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		refused = &Refusal{InvalidGrant, ""}
		s, err := offerByCode(ctx, tx, code)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		// The licence may be taken out by its holder alone, at this moment too.
		if _, err := d.o.Licences.Get(ctx, tx, s.holder(), s.number); err != nil {
			return asRefusal(err)
		}
		if !now.Before(s.until) {
			return nil
		}
		if may, err := countTry(ctx, tx, code); err != nil || !may {
			return err
		}
		if subtle.ConstantTimeCompare(s.pin, d.digest("pin", q.Code+q.PIN)) != 1 {
			return nil
		}
		taken, err := takeOffer(ctx, tx, code, d.digest("token", access), now.Add(tokenLife))
		if err == nil && taken {
			refused = nil
		}
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Token{}, err
	}
	return Token{access, "Bearer", int(tokenLife / time.Second)}, nil
}

// asRefusal tells a wallet what its holder may no longer do; faults of ours stay
// faults.
func asRefusal(err error) error {
	switch city.KindOf(err) {
	case city.KindForbidden, city.KindNotFound, city.KindConflict, city.KindUnauthenticated:
		return &Refusal{RequestDenied, "the licence can't be given out"}
	}
	return err
}
