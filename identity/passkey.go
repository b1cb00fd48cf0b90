package identity

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type passkeyTag struct{}

// PasskeyID names a passkey to its owner.
type PasskeyID = city.ID[passkeyTag]

// Passkey is a key that a phone, a computer or a stick holds and unlocks with a
// finger, a face or a PIN that never leaves it.
type Passkey struct {
	ID      PasskeyID
	Name    string // given by the owner
	Created time.Time
	Used    time.Time // zero: never
	Synced  bool      // kept in several devices by its maker's cloud
}

// passkeySecret is what lies sealed of a passkey.
type passkeySecret struct {
	Name       string              `json:"name"`
	Credential webauthn.Credential `json:"credential"`
}

const (
	challengeLife  = 5 * time.Minute
	mostPasskeys   = 10
	largestMessage = 64 << 10 // of what a browser answers
)

func newWebAuthn(s Site) (*webauthn.WebAuthn, error) {
	yes := true
	return webauthn.New(&webauthn.Config{
		RPID: s.ID, RPDisplayName: s.Name, RPOrigins: s.Origins,
		AttestationPreference: protocol.PreferNoAttestation, // which model somebody uses is none of the city's business
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &yes, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// owner is an account as the library asks for it.
type owner struct {
	id   city.AccountID
	name string
	keys []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.id[:] }
func (o owner) WebAuthnName() string                       { return o.name }
func (o owner) WebAuthnDisplayName() string                { return o.name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

// challenge is what the browser carries between the two steps: the library's
// session, signed by us and good for five minutes. Nothing in it is secret. Only
// its first use counts, see used_challenges.
type challenge struct {
	For     string               `json:"for"` // "add" or "sign-in"
	Expires int64                `json:"expires"`
	Session webauthn.SessionData `json:"session"`

	mac []byte // by which its use is noted: the text around it can be written in many ways
}

func (i *Identity) sign(c challenge) (string, error) {
	c.Expires = city.Micros(i.clock.Now().Add(challengeLife))
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	e := base64.RawURLEncoding
	return e.EncodeToString(payload) + "." + e.EncodeToString(i.vault.Digest("passkey challenge", string(payload))), nil
}

func (i *Identity) challenge(signed, purpose string) (c challenge, err error) {
	over := city.Invalid("identity.challenge_over")
	body, mac, _ := strings.Cut(signed, ".")
	e := base64.RawURLEncoding
	payload, err1 := e.DecodeString(body)
	sum, err2 := e.DecodeString(mac)
	if err1 != nil || err2 != nil || len(signed) > largestMessage ||
		subtle.ConstantTimeCompare(sum, i.vault.Digest("passkey challenge", string(payload))) != 1 {
		return c, over
	}
	if err := json.Unmarshal(payload, &c); err != nil || c.For != purpose || !i.clock.Now().Before(city.FromMicros(c.Expires)) {
		return c, over
	}
	c.mac = sum
	return c, nil
}

func (i *Identity) passkeysOff() error {
	if i.webauthn == nil {
		return city.NotFound("identity.passkeys_off")
	}
	return nil
}

// BeginPasskey starts the making of a passkey: options go to the browser's
// navigator.credentials.create, challenge comes back with its answer. The session
// has to be a fresh one; city.KindUnauthenticated says to sign in again.
func (i *Identity) BeginPasskey(ctx context.Context, tx *db.Tx, actor city.Actor, here SessionID) (options json.RawMessage, signed string, err error) {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "passkey.add", accountResource(own)); err != nil {
		return nil, "", err
	}
	if err := i.passkeysOff(); err != nil {
		return nil, "", err
	}
	row, err := i.account(ctx, tx, actor.Account)
	if err != nil {
		return nil, "", err
	}
	o, err := i.ownerOf(ctx, tx, row)
	if err != nil {
		return nil, "", err
	}
	if len(o.keys) >= mostPasskeys {
		return nil, "", city.Invalid("identity.passkeys_many", "max", mostPasskeys)
	}
	if err := i.fresh(ctx, tx, actor, here); err != nil {
		return nil, "", err
	}
	have := make([]protocol.CredentialDescriptor, len(o.keys))
	for n, k := range o.keys {
		have[n] = k.Descriptor()
	}
	creation, session, err := i.webauthn.BeginRegistration(o, webauthn.WithExclusions(have))
	if err != nil {
		return nil, "", err
	}
	if signed, err = i.sign(challenge{For: "add", Session: *session}); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(creation)
	return options, signed, err
}

// freshFor is how long a sign-in is enough for what will sign in from now on: who
// finds an open screen shall not make themselves a key.
const freshFor = 10 * time.Minute

func (i *Identity) fresh(ctx context.Context, tx *db.Tx, actor city.Actor, session SessionID) error {
	now := i.clock.Now()
	rows, err := sessionsOf(ctx, tx, actor.Account, now)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if SessionID(r.id) == session && now.Sub(r.Created) < freshFor {
			return nil
		}
	}
	return city.Unauthenticated("identity.sign_in_again")
}

// FinishPasskey keeps the passkey that the browser answered with.
func (i *Identity) FinishPasskey(ctx context.Context, tx *db.Tx, actor city.Actor, here SessionID, signed, name string, response []byte) (PasskeyID, error) {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "passkey.add", accountResource(own)); err != nil {
		return PasskeyID{}, err
	}
	if err := i.passkeysOff(); err != nil {
		return PasskeyID{}, err
	}
	if name = strings.TrimSpace(name); len([]rune(name)) == 0 || len([]rune(name)) > 60 {
		return PasskeyID{}, fieldError("name", city.Invalid("identity.passkey_name", "max", 60))
	}
	c, err := i.challenge(signed, "add")
	if err != nil {
		return PasskeyID{}, err
	}
	if !bytes.Equal(c.Session.UserID, actor.Account[:]) {
		return PasskeyID{}, city.Invalid("identity.challenge_over")
	}
	if err := i.fresh(ctx, tx, actor, here); err != nil {
		return PasskeyID{}, err
	}
	row, err := i.account(ctx, tx, actor.Account)
	if err != nil {
		return PasskeyID{}, err
	}
	o, err := i.ownerOf(ctx, tx, row)
	if err != nil {
		return PasskeyID{}, err
	}
	if len(o.keys) >= mostPasskeys {
		return PasskeyID{}, city.Invalid("identity.passkeys_many", "max", mostPasskeys)
	}
	made, err := i.create(o, c.Session, response)
	if err != nil {
		return PasskeyID{}, notPasskey(ctx, err, "identity.passkey_bad")
	}
	if there, err := passkeyByCredential(ctx, tx, made.ID); err == nil || !errors.Is(err, db.ErrNoRows) {
		if err == nil {
			slog.InfoContext(ctx, "a passkey was offered twice", "account", there.account.String())
			err = city.Conflict("identity.passkey_there")
		}
		return PasskeyID{}, err
	}
	if err := i.useChallenge(ctx, tx, c); err != nil {
		return PasskeyID{}, err
	}
	id, now := city.NewID[passkeyTag](), i.clock.Now()
	sealed, err := i.vault.Seal(ctx, tx, row.key, passkeySecret{Name: name, Credential: *made})
	if err != nil {
		return PasskeyID{}, err
	}
	insertPasskey(tx, id, actor.Account, made.ID, sealed, now)
	return id, i.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "passkey.added", Subject: actor.Account.String(), Actor: actor, To: toldOf(row.Account), Data: map[string]any{"passkey": id},
	})
}

// create and validate keep the library's panics from ending the program: what they
// parse comes from strangers.
func (i *Identity) create(o owner, s webauthn.SessionData, response []byte) (c *webauthn.Credential, err error) {
	defer caught(&err)
	if len(response) > largestMessage {
		return nil, fmt.Errorf("response of %d bytes", len(response))
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, err
	}
	return i.webauthn.CreateCredential(o, s, parsed)
}

func (i *Identity) validate(o owner, s webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (c *webauthn.Credential, err error) {
	defer caught(&err)
	_, c, err = i.webauthn.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return o, nil }, s, parsed)
	return c, err
}

func parseAssertion(response []byte) (p *protocol.ParsedCredentialAssertionData, err error) {
	defer caught(&err)
	if len(response) > largestMessage {
		return nil, fmt.Errorf("response of %d bytes", len(response))
	}
	return protocol.ParseCredentialRequestResponseBytes(response)
}

func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// notPasskey says that a browser's answer was not good; why goes to the log.
func notPasskey(ctx context.Context, cause error, key string) error {
	var p *protocol.Error
	detail := ""
	if errors.As(cause, &p) {
		detail = p.Details + " " + p.DevInfo
	}
	slog.InfoContext(ctx, "passkey refused", "err", cause, "detail", detail)
	e := city.Invalid(key)
	e.Err = cause
	return e
}

// useChallenge spends the challenge.
func (i *Identity) useChallenge(ctx context.Context, tx *db.Tx, c challenge) error {
	fresh, err := spendChallenge(ctx, tx, c.mac, city.FromMicros(c.Expires))
	if err == nil && !fresh {
		err = city.Invalid("identity.challenge_over")
	}
	return err
}

// ownerOf is the account with its keys.
func (i *Identity) ownerOf(ctx context.Context, tx *db.Tx, row accountRow) (owner, error) {
	o := owner{id: row.ID}
	var err error
	if o.name, err = i.people.PersonName(ctx, tx, row.Person); err != nil {
		return o, err
	}
	rows, err := passkeysOf(ctx, tx, row.ID)
	if err != nil {
		return o, err
	}
	for _, r := range rows {
		var s passkeySecret
		if err := i.vault.Unseal(ctx, tx, row.key, r.sealed, &s); err != nil {
			return o, err
		}
		o.keys = append(o.keys, s.Credential)
	}
	return o, nil
}

// BeginPasskeySignIn starts a sign-in: options go to navigator.credentials.get. It
// names nobody; the device says which account its key belongs to. Nothing is kept.
func (i *Identity) BeginPasskeySignIn(ctx context.Context, actor city.Actor) (options json.RawMessage, signed string, err error) {
	if err := i.access.Ask(ctx, actor, "session.create", access.Resource{Type: "Session"}); err != nil {
		return nil, "", err
	}
	if err := i.passkeysOff(); err != nil {
		return nil, "", err
	}
	assertion, session, err := i.webauthn.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", err
	}
	if signed, err = i.sign(challenge{For: "sign-in", Session: *session}); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(assertion)
	return options, signed, err
}

// FinishPasskeySignIn signs in with the browser's answer.
func (i *Identity) FinishPasskeySignIn(ctx context.Context, actor city.Actor, signed string, response []byte, from From) (token string, a city.Actor, err error) {
	if err := i.access.Ask(ctx, actor, "session.create", access.Resource{Type: "Session"}); err != nil {
		return "", a, err
	}
	if err := i.passkeysOff(); err != nil {
		return "", a, err
	}
	tries := i.tries("", from.Address)[1:]
	if err := i.begin(ctx, tries); err != nil {
		return "", a, err
	}
	c, err := i.challenge(signed, "sign-in")
	if err != nil {
		return "", a, err
	}
	parsed, err := parseAssertion(response)
	if err != nil {
		return "", a, notPasskey(ctx, err, "identity.passkey_bad")
	}
	// A refusal is written down too, so it must not roll back: it comes out beside.
	var refused error
	err = i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		token, a, refused, err = i.finish(ctx, tx, actor, c, parsed, from)
		if err == nil && refused == nil {
			for _, t := range tries {
				uncountTry(tx, t.subject)
			}
		}
		return err
	})
	if err == nil {
		err = refused
	}
	return token, a, err
}

func (i *Identity) finish(ctx context.Context, tx *db.Tx, actor city.Actor, c challenge, parsed *protocol.ParsedCredentialAssertionData, from From) (token string, a city.Actor, refused, err error) {
	key, err := passkeyByCredential(ctx, tx, parsed.RawID)
	if errors.Is(err, db.ErrNoRows) {
		return "", a, city.Unauthenticated("identity.passkey_unknown"), nil
	}
	if err != nil {
		return "", a, nil, err
	}
	row, err := i.account(ctx, tx, key.account)
	if err != nil {
		return "", a, nil, err
	}
	var s passkeySecret
	if err := i.vault.Unseal(ctx, tx, row.key, key.sealed, &s); err != nil {
		return "", a, nil, err
	}
	refuse := func(key string) (string, city.Actor, error, error) {
		return "", a, city.Unauthenticated(key), i.journal.Append(ctx, tx, journal.Event{
			At: i.clock.Now(), Type: "session.refused", Subject: row.ID.String(), Actor: actor, To: toldOf(row.Account),
			Data: map[string]any{"method": ByPasskey, "why": key, "locked": row.Locked},
		})
	}
	used, bad := i.validate(owner{id: row.ID, keys: []webauthn.Credential{s.Credential}}, c.Session, parsed)
	switch {
	case bad != nil:
		_ = notPasskey(ctx, bad, "identity.passkey_bad") // for the log
		return refuse("identity.passkey_unknown")
	case used.Authenticator.CloneWarning:
		return refuse("identity.passkey_cloned") // its counter went back: two devices hold it
	case row.Locked:
		return refuse("identity.locked")
	}
	if err := i.useChallenge(ctx, tx, c); err != nil {
		return "", a, nil, err
	}
	s.Credential = *used
	sealed, err := i.vault.Seal(ctx, tx, row.key, s)
	if err != nil {
		return "", a, nil, err
	}
	usePasskey(tx, key, sealed, i.clock.Now(), onlyOne("identity.changed_meanwhile"))
	token, a, err = i.open(ctx, tx, row, ByPasskey, actor.Channel, from)
	return token, a, nil, err
}

// Passkeys lists the actor's own passkeys.
func (i *Identity) Passkeys(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Passkey, error) {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "account.read", accountResource(own)); err != nil {
		return nil, err
	}
	row, err := i.account(ctx, tx, actor.Account)
	if err != nil {
		return nil, err
	}
	rows, err := passkeysOf(ctx, tx, actor.Account)
	if err != nil {
		return nil, err
	}
	list := make([]Passkey, len(rows))
	for n, r := range rows {
		var s passkeySecret
		if err := i.vault.Unseal(ctx, tx, row.key, r.sealed, &s); err != nil {
			return nil, err
		}
		list[n] = Passkey{ID: r.id, Name: s.Name, Created: r.created, Used: r.used, Synced: s.Credential.Flags.BackupState}
	}
	return list, nil
}

// RemovePasskey takes one of the actor's passkeys away, unless it is the only way in.
func (i *Identity) RemovePasskey(ctx context.Context, tx *db.Tx, actor city.Actor, id PasskeyID) error {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "passkey.remove", accountResource(own)); err != nil {
		return err
	}
	row, err := i.account(ctx, tx, actor.Account)
	if err != nil {
		return err
	}
	rows, err := passkeysOf(ctx, tx, actor.Account)
	if err != nil {
		return err
	}
	if row.password == "" && len(rows) == 1 && rows[0].id == id {
		return city.Conflict("identity.passkey_last")
	}
	deletePasskey(tx, actor.Account, id, func(n int64) error {
		if n == 0 {
			return city.NotFound("identity.no_passkey")
		}
		return nil
	})
	return i.journal.Append(ctx, tx, journal.Event{
		At: i.clock.Now(), Type: "passkey.removed", Subject: actor.Account.String(), Actor: actor, To: toldOf(row.Account),
		Data: map[string]any{"passkey": id},
	})
}
