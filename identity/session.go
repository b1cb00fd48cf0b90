package identity

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type sessionTag struct{}

// SessionID names a session to its owner; it is no secret.
type SessionID = city.ID[sessionTag]

// Method is how somebody signed in.
type Method string

const (
	ByPassword Method = "password"
	ByPasskey  Method = "passkey"
	ByToken    Method = "token" // an API token, which is no session
)

var assuranceOf = map[Method]city.Assurance{ByPassword: city.AssurancePassword, ByPasskey: city.AssurancePasskey}

// Session is a time during which a bearer of its token is known.
type Session struct {
	ID       SessionID
	Account  city.AccountID
	Method   Method
	Channel  city.Channel
	Created  time.Time
	Seen     time.Time // exact to a minute
	Expires  time.Time // at the latest
	Device   string    // as told at sign-in, for the owner to recognise
	Address  string
	ActingAs Choice
}

// SignIn is what somebody brings to sign in with a password.
type SignIn struct {
	Login    string
	Password string
	From
}

// From is where a sign-in comes from.
type From struct {
	Address string // for the limit on tries and for the owner
	Device  string // "Firefox, Windows"
	Replace string // the token that the browser holds so far; it ends
}

// touchAfter is how stale Seen may become before it is written.
const touchAfter = time.Minute

// SignIn signs in with login and password and gives the session's token, which is
// never shown again. actor is who asks, anonymous, with its channel. An unknown
// login costs and says the same as a wrong password.
func (i *Identity) SignIn(ctx context.Context, actor city.Actor, s SignIn) (token string, a city.Actor, err error) {
	if err := i.access.Ask(ctx, actor, "session.create", access.Resource{Type: "Session"}); err != nil {
		return "", a, err
	}
	login := normalLogin(s.Login)
	tries := i.tries(login, s.Address)
	if err := i.begin(ctx, tries); err != nil {
		return "", a, err
	}
	var row accountRow
	err = i.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		row, err = accountByLogin(ctx, tx, i.vault.Digest("login", login))
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", a, err
	}
	right, stale, err := i.check(ctx, row.password, s.Password)
	if err != nil {
		return "", a, err
	}
	if !right || row.Locked {
		return "", a, i.refuse(ctx, actor, row.Account, ByPassword, right)
	}
	var again Hashed
	if stale {
		if again, err = i.Hash(ctx, s.Password); err != nil {
			return "", a, err
		}
	}
	err = i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := i.account(ctx, tx, row.ID)
		if err != nil {
			return err
		}
		if now.password != row.password || now.Locked { // changed while we hashed
			return city.Conflict("identity.changed_meanwhile")
		}
		if again != "" {
			i.setPassword(tx, row.ID, again, i.clock.Now())
		}
		undo(tx, tries)
		token, a, err = i.open(ctx, tx, now, ByPassword, actor.Channel, s.From)
		return err
	})
	return token, a, err
}

// refuse writes down a sign-in that failed and gives what is said about it: the
// same for an unknown login and a wrong password.
func (i *Identity) refuse(ctx context.Context, actor city.Actor, a Account, m Method, right bool) error {
	err := i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		return i.journal.Append(ctx, tx, journal.Event{
			At: i.clock.Now(), Type: "session.refused", Subject: a.ID.String(), Actor: actor,
			Data: map[string]any{"method": m, "locked": a.Locked},
		})
	})
	switch {
	case err != nil:
		return err
	case right && a.Locked: // whoever knows the password may know that
		return city.Unauthenticated("identity.locked")
	}
	return city.Unauthenticated("identity.sign_in_wrong")
}

// open begins a session; the one it replaces ends.
func (i *Identity) open(ctx context.Context, tx *db.Tx, row accountRow, m Method, channel city.Channel, from From) (string, city.Actor, error) {
	now := i.clock.Now()
	s := Session{
		ID: city.NewID[sessionTag](), Account: row.ID, Method: m, Channel: channel, Created: now, Seen: now,
		Expires: now.Add(i.o.SessionLife),
	}
	a, err := i.actor(ctx, tx, row, assuranceOf[m], channel)
	if err != nil {
		return "", a, err
	}
	if from.Replace != "" {
		i.endSessionByDigest(tx, digestOf(from.Replace))
	}
	sealed, err := i.vault.Seal(ctx, tx, row.key, sessionSecret{Device: cut(from.Device, 120), Address: cut(from.Address, 60)})
	if err != nil {
		return "", a, err
	}
	token := newSecret(sessionPrefix)
	insertSession(tx, s, assuranceOf[m], digestOf(token), sealed)
	return token, a, i.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "session.created", Subject: row.ID.String(), Actor: a, To: toldOf(row.Account),
		Data: map[string]any{"method": m, "session": s.ID},
	})
}

type sessionSecret struct {
	Device  string `json:"device,omitempty"`
	Address string `json:"address,omitempty"`
}

// cut shortens what a browser says to so many characters.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "")
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

// actor composes who somebody is, acting for themselves.
func (i *Identity) actor(ctx context.Context, tx *db.Tx, row accountRow, sure city.Assurance, channel city.Channel) (city.Actor, error) {
	a := city.Actor{Kind: row.Kind, Account: row.ID, Person: row.Person, Assurance: sure, Channel: channel}
	var err error
	if a.Name, err = i.people.PersonName(ctx, tx, row.Person); err != nil {
		return a, err
	}
	if row.Kind == city.Officer {
		o, ok, err := i.people.OfficerOf(ctx, tx, row.Person)
		if err != nil {
			return a, err
		}
		if !ok {
			return a, city.Forbidden("identity.no_post")
		}
		a.Body, a.Posts, a.Regions = o.Body, o.Posts, o.Regions
	}
	return a, nil
}

// Known is somebody whose token was good.
type Known struct {
	Actor   city.Actor
	Session SessionID // zero for an API token
	Method  Method
}

// Actor tells who bears the token of a session or of the API:
// city.KindUnauthenticated when it is unknown or over. When the leave that the
// session acts on has ended in the meantime it is city.KindConflict, once: from
// then on the session acts for its owner, so nothing is done for the wrong person.
func (i *Identity) Actor(ctx context.Context, token string) (Known, error) {
	key, gen := [32]byte(digestOf(token)), i.generation()
	now := i.clock.Now()
	if e := i.recent.find(key, gen, now); e != nil {
		i.noteUse(ctx, e, now)
		return e.known, nil
	}
	k, row, err := i.resolve(ctx, token)
	if err != nil {
		if city.KindOf(err) == city.KindConflict {
			if err := i.dropChoice(ctx, row.id); err != nil {
				return Known{}, err
			}
		}
		return Known{}, err
	}
	e := &entry{known: k, row: row, gen: gen, at: now}
	e.seen.Store(city.Micros(row.Seen))
	i.recent.keep(key, e)
	i.noteUse(ctx, e, now)
	return k, nil
}

// noteUse writes down once a minute that the session is used. A full disk stops
// new work, not reading, so a failure is for the log.
func (i *Identity) noteUse(ctx context.Context, e *entry, now time.Time) {
	seen := e.seen.Load()
	if now.Sub(city.FromMicros(seen)) < touchAfter || !e.seen.CompareAndSwap(seen, city.Micros(now)) {
		return
	}
	if err := i.touch(ctx, e.known.Method, e.row, now); err != nil {
		slog.WarnContext(ctx, "a session's last use could not be noted", "err", err)
	}
}

func (i *Identity) touch(ctx context.Context, m Method, row sessionRow, now time.Time) error {
	return i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if m == ByToken {
			touchToken(tx, row.id, now)
		} else {
			touchSession(tx, row.id, now)
		}
		return nil
	})
}

func (i *Identity) dropChoice(ctx context.Context, id [16]byte) error {
	return i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { i.setChoice(tx, SessionID(id), Choice{}); return nil })
}

// resolve reads who bears the token.
func (i *Identity) resolve(ctx context.Context, token string) (k Known, row sessionRow, err error) {
	over := city.Unauthenticated("identity.session_over")
	if len(token) > 100 {
		return k, row, over
	}
	isToken := len(token) > len(tokenPrefix) && token[:len(tokenPrefix)] == tokenPrefix
	err = i.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if isToken {
			row, err = tokenByDigest(ctx, tx, digestOf(token))
		} else {
			row, err = sessionByDigest(ctx, tx, digestOf(token))
		}
		if errors.Is(err, db.ErrNoRows) {
			return over
		}
		if err != nil {
			return err
		}
		now := i.clock.Now()
		account, err := accountByID(ctx, tx, row.Account)
		if errors.Is(err, db.ErrNoRows) {
			return over
		}
		if err != nil {
			return err
		}
		idle := i.o.ResidentIdle
		if account.Kind == city.Officer {
			idle = i.o.OfficerIdle
		}
		if !now.Before(row.Expires) || !isToken && now.Sub(row.Seen) >= idle+touchAfter || account.Locked {
			return over
		}
		k.Method, k.Session = row.Method, SessionID(row.id)
		if k.Actor, err = i.actor(ctx, tx, account, row.assurance, row.Channel); err != nil {
			return err
		}
		if isToken {
			k.Method, k.Session = ByToken, SessionID{}
		}
		if row.ActingAs != (Choice{}) {
			if k.Actor, err = i.ActFor(ctx, tx, k.Actor, row.ActingAs); err != nil {
				switch city.KindOf(err) {
				case city.KindForbidden, city.KindNotFound:
					if isToken { // there is nobody to tell; the token is of no more use
						return city.Unauthenticated("identity.leave_over")
					}
					return city.Conflict("identity.leave_over")
				}
				return err
			}
		}
		if isToken {
			k.Actor.Scopes, k.Actor.Channel = row.scopes, city.ChannelAPI
		}
		return nil
	})
	return k, row, err
}

// Sessions lists the account's sessions that are alive, the latest first.
func (i *Identity) Sessions(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Session, error) {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "session.list", accountResource(own)); err != nil {
		return nil, err
	}
	row, err := i.account(ctx, tx, actor.Account)
	if err != nil {
		return nil, err
	}
	now := i.clock.Now()
	rows, err := sessionsOf(ctx, tx, actor.Account, now)
	if err != nil {
		return nil, err
	}
	var list []Session
	for _, r := range rows {
		var s sessionSecret
		if err := i.vault.Unseal(ctx, tx, row.key, r.sealed, &s); err != nil {
			return nil, err
		}
		r.ID, r.Device, r.Address = SessionID(r.id), s.Device, s.Address
		list = append(list, r.Session)
	}
	return list, nil
}

// EndSession ends one of the account's sessions.
func (i *Identity) EndSession(ctx context.Context, tx *db.Tx, actor city.Actor, id SessionID) error {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "session.end", accountResource(own)); err != nil {
		return err
	}
	i.endSession(tx, actor.Account, id, func(rows int64) error {
		if rows == 0 {
			return city.NotFound("identity.no_session")
		}
		return nil
	})
	return i.journal.Append(ctx, tx, journal.Event{
		At: i.clock.Now(), Type: "session.ended", Subject: actor.Account.String(), Actor: actor, Data: map[string]any{"session": id},
	})
}

// EndOtherSessions ends all of the account's sessions but one; a zero keep ends all.
func (i *Identity) EndOtherSessions(ctx context.Context, tx *db.Tx, actor city.Actor, keep SessionID) error {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "session.end", accountResource(own)); err != nil {
		return err
	}
	i.endSessions(tx, actor.Account, keep)
	return i.journal.Append(ctx, tx, journal.Event{
		At: i.clock.Now(), Type: "session.ended", Subject: actor.Account.String(), Actor: actor, Data: map[string]any{"kept": keep},
	})
}

// SignOut ends the session of the token. A token that is over is signed out already.
func (i *Identity) SignOut(ctx context.Context, token string) error {
	k, row, err := i.resolve(ctx, token)
	if city.KindOf(err) == city.KindUnauthenticated {
		return nil
	}
	if err != nil && row.id == ([16]byte{}) {
		return err
	}
	return i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		return i.EndSession(ctx, tx, k.Actor, SessionID(row.id))
	})
}

// Sweep removes what has run out and returns how many rows that were; the program
// calls it every hour.
func (i *Identity) Sweep(ctx context.Context, actor city.Actor) (n int64, err error) {
	if err := i.access.Ask(ctx, actor, "identity.sweep", access.Resource{Type: "Register", ID: "identity"}); err != nil {
		return 0, err
	}
	err = i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err = sweep(ctx, tx, i.clock.Now())
		return err
	})
	return n, err
}
