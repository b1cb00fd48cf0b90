package identity

import (
	"context"
	"errors"
	"regexp"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Account is a sign-in. A person has at most one as a resident and one as an
// officer.
type Account struct {
	ID      city.AccountID
	Kind    city.ActorKind // city.Resident or city.Officer
	Person  city.PersonID
	Locked  bool
	Login   string // "" until activated
	Created time.Time
}

// NewAccount is what an account begins with. Without a login or a password it
// waits to be activated with a code.
type NewAccount struct {
	Kind     city.ActorKind
	Person   city.PersonID
	Login    string
	Password Hashed
}

var loginPattern = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@+-]{2,63}$`)

const codeLife = 7 * 24 * time.Hour

func accountResource(a Account) access.Resource {
	return access.Resource{
		Type: "Account", ID: a.ID.String(),
		Attrs: access.Attrs{"account": a.ID, "kind": string(a.Kind), "person": a.Person},
	}
}

// CreateAccount opens an account for somebody in the register. The caller has
// checked the password with CheckPassword.
func (i *Identity) CreateAccount(ctx context.Context, tx *db.Tx, actor city.Actor, n NewAccount) (city.AccountID, error) {
	a := Account{ID: city.NewAccountID(), Kind: n.Kind, Person: n.Person, Login: normalLogin(n.Login)}
	if err := i.access.Ask(ctx, actor, "account.create", accountResource(a)); err != nil {
		return city.AccountID{}, err
	}
	if n.Kind != city.Resident && n.Kind != city.Officer {
		return city.AccountID{}, city.Invalid("identity.account_kind")
	}
	name, err := i.people.PersonName(ctx, tx, n.Person)
	if err != nil {
		return city.AccountID{}, err
	}
	if name == "" {
		return city.AccountID{}, city.NotFound("directory.no_person")
	}
	if _, err := accountOf(ctx, tx, n.Person, n.Kind); !errors.Is(err, db.ErrNoRows) {
		if err == nil {
			err = city.Conflict("identity.account_exists")
		}
		return city.AccountID{}, err
	}
	if err := i.checkLogin(ctx, tx, a.Login); err != nil && a.Login != "" {
		return city.AccountID{}, err
	}
	if n.Password != "" {
		if _, _, _, err := parseHashed(n.Password); err != nil {
			return city.AccountID{}, err
		}
	}
	now := i.clock.Now()
	if err := i.insertAccount(ctx, tx, a, n.Password, now); err != nil {
		return city.AccountID{}, err
	}
	return a.ID, i.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "account.created", Subject: a.ID.String(), Actor: actor, To: toldOf(a), Data: map[string]any{"kind": a.Kind},
	})
}

// toldOf is who hears of what happens to the account: residents do, officers are
// known to others by their post and are told on screen.
func toldOf(a Account) []journal.Recipient {
	if a.Kind != city.Resident {
		return nil
	}
	return []journal.Recipient{{Person: a.Person}}
}

// checkLogin tells why a login can't be taken.
func (i *Identity) checkLogin(ctx context.Context, tx *db.Tx, login string) error {
	if !loginPattern.MatchString(login) {
		return city.Invalid("identity.login")
	}
	_, err := accountByLogin(ctx, tx, i.vault.Digest("login", login))
	switch {
	case err == nil:
		return city.Conflict("identity.login_taken")
	case errors.Is(err, db.ErrNoRows):
		return nil
	}
	return err
}

// AccountOf finds a person's account of the kind, for the program; ok is false
// when there is none.
func (i *Identity) AccountOf(ctx context.Context, tx *db.Tx, person city.PersonID, kind city.ActorKind) (a Account, ok bool, err error) {
	row, err := accountOf(ctx, tx, person, kind)
	if errors.Is(err, db.ErrNoRows) {
		return a, false, nil
	}
	return row.Account, err == nil, err
}

// ReadAccount shows an account, its login too, to who may see it.
func (i *Identity) ReadAccount(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AccountID) (Account, error) {
	row, err := i.account(ctx, tx, id)
	if err != nil {
		return Account{}, err
	}
	if err := i.access.Ask(ctx, actor, "account.read", accountResource(row.Account)); err != nil {
		return Account{}, err
	}
	var s accountSecret
	if err := i.vault.Unseal(ctx, tx, row.key, row.sealed, &s); err != nil {
		return Account{}, err
	}
	row.Login = s.Login
	return row.Account, nil
}

// FindAccount finds an account by its login, for administrators and the command line.
func (i *Identity) FindAccount(ctx context.Context, tx *db.Tx, actor city.Actor, login string) (Account, error) {
	row, err := accountByLogin(ctx, tx, i.vault.Digest("login", normalLogin(login)))
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return Account{}, err
	}
	// Asked also where nobody was found, so that the answer doesn't tell.
	if err := i.access.Ask(ctx, actor, "account.read", accountResource(row.Account)); err != nil {
		return Account{}, err
	}
	if err != nil {
		return Account{}, city.NotFound("identity.no_account")
	}
	row.Login = normalLogin(login)
	return row.Account, nil
}

// LockAccount ends the account's sessions and lets nobody in until it is unlocked.
func (i *Identity) LockAccount(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AccountID) error {
	row, err := i.account(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := i.access.Ask(ctx, actor, "account.lock", accountResource(row.Account)); err != nil {
		return err
	}
	now := i.clock.Now()
	i.setStatus(tx, id, statusLocked, now)
	i.endSessions(tx, id, SessionID{})
	deleteCodes(tx, id)
	return i.journal.Append(ctx, tx, journal.Event{At: now, Type: "account.locked", Subject: id.String(), Actor: actor, To: toldOf(row.Account)})
}

// UnlockAccount lets the account in again.
func (i *Identity) UnlockAccount(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AccountID) error {
	row, err := i.account(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := i.access.Ask(ctx, actor, "account.unlock", accountResource(row.Account)); err != nil {
		return err
	}
	now := i.clock.Now()
	i.setStatus(tx, id, statusActive, now)
	return i.journal.Append(ctx, tx, journal.Event{At: now, Type: "account.unlocked", Subject: id.String(), Actor: actor, To: toldOf(row.Account)})
}

// IssueCode makes the code with which the account's owner sets a password (and a
// login, when there is none yet): on a slip of paper at the counter, or by an
// administrator for an officer. It replaces earlier codes and can be used once.
func (i *Identity) IssueCode(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AccountID) (code string, until time.Time, err error) {
	row, err := i.account(ctx, tx, id)
	if err != nil {
		return "", until, err
	}
	if err := i.access.Ask(ctx, actor, "account.issue_code", accountResource(row.Account)); err != nil {
		return "", until, err
	}
	if row.Locked {
		return "", until, city.Conflict("identity.locked")
	}
	now := i.clock.Now()
	code, until = newCode(), now.Add(codeLife)
	deleteCodes(tx, id)
	insertCode(tx, i.vault.Digest("activation code", normalCode(code)), id, until)
	return code, until, i.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "account.code_issued", Subject: id.String(), Actor: actor, To: toldOf(row.Account),
	})
}

// Activation sets login and password with a code.
type Activation struct {
	Code     string
	Login    string // not needed when the account has one
	Password string
	Address  string // of who asks, for the limit on tries
}

// Activate uses a code. All sessions of the account end.
func (i *Identity) Activate(ctx context.Context, actor city.Actor, a Activation) (city.AccountID, error) {
	if err := i.access.Ask(ctx, actor, "account.activate", access.Resource{Type: "Account"}); err != nil {
		return city.AccountID{}, err
	}
	if err := i.CheckPassword(a.Login, a.Password); err != nil {
		return city.AccountID{}, fieldError("password", err)
	}
	tries := i.tries("code from "+a.Address, a.Address)
	if err := i.begin(ctx, tries); err != nil {
		return city.AccountID{}, err
	}
	digest := i.vault.Digest("activation code", normalCode(a.Code))
	known := func(ctx context.Context, tx *db.Tx) (city.AccountID, error) {
		id, err := accountByCode(ctx, tx, digest, i.clock.Now())
		if errors.Is(err, db.ErrNoRows) {
			err = fieldError("code", city.Invalid("identity.code"))
		}
		return id, err
	}
	err := i.db.View(ctx, func(ctx context.Context, tx *db.Tx) error { _, err := known(ctx, tx); return err })
	if err != nil {
		return city.AccountID{}, err
	}
	hashed, err := i.Hash(ctx, a.Password)
	if err != nil {
		return city.AccountID{}, err
	}
	var id city.AccountID
	err = i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if id, err = known(ctx, tx); err != nil {
			return err
		}
		row, err := i.account(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.loginDigest == nil {
			login := normalLogin(a.Login)
			if err := i.checkLogin(ctx, tx, login); err != nil {
				return fieldError("login", err)
			}
			if err := i.setLogin(ctx, tx, row, login); err != nil {
				return err
			}
		}
		now := i.clock.Now()
		i.setPassword(tx, id, hashed, now)
		i.endSessions(tx, id, SessionID{})
		deleteCodes(tx, id)
		undo(tx, tries)
		return i.journal.Append(ctx, tx, journal.Event{
			At: now, Type: "account.activated", Subject: id.String(), Actor: actor, To: toldOf(row.Account),
		})
	})
	return id, err
}

// fieldError says at which field an error stands.
func fieldError(name string, err error) error {
	var e *city.Error
	if errors.As(err, &e) {
		f := city.InvalidFields([]city.Field{{Name: name, Message: e.Message}})
		f.Kind = e.Kind
		return f
	}
	return err
}

// ChangePassword sets the actor's own password; current is the one until now (""
// when there was none). All other sessions end; keep is the one that goes on.
func (i *Identity) ChangePassword(ctx context.Context, actor city.Actor, keep SessionID, current, password string) error {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "password.change", accountResource(own)); err != nil {
		return err
	}
	if err := i.CheckPassword("", password); err != nil {
		return fieldError("password", err)
	}
	var row accountRow
	err := i.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		row, err = i.account(ctx, tx, actor.Account)
		return err
	})
	if err != nil {
		return err
	}
	if row.password != "" {
		tries := i.tries("password of "+row.ID.String(), "")
		if err := i.begin(ctx, tries); err != nil {
			return err
		}
		ok, _, err := i.check(ctx, row.password, current)
		if err != nil {
			return err
		}
		if !ok {
			return fieldError("current", city.Invalid("identity.current_password"))
		}
	}
	hashed, err := i.Hash(ctx, password)
	if err != nil {
		return err
	}
	return i.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		again, err := i.account(ctx, tx, actor.Account)
		if err != nil {
			return err
		}
		if again.password != row.password || again.Locked {
			return city.Conflict("identity.changed_meanwhile")
		}
		now := i.clock.Now()
		i.setPassword(tx, row.ID, hashed, now)
		i.endSessions(tx, row.ID, keep)
		undo(tx, i.tries("password of "+row.ID.String(), ""))
		return i.journal.Append(ctx, tx, journal.Event{
			At: now, Type: "password.changed", Subject: row.ID.String(), Actor: actor, To: toldOf(row.Account),
		})
	})
}

// Forget removes every account of the person with all that hangs on it, and ends
// their delegations. It goes with directory.ErasePerson, before it.
func (i *Identity) Forget(ctx context.Context, tx *db.Tx, actor city.Actor, person city.PersonID) error {
	r := access.Resource{Type: "Person", ID: person.String(), Attrs: access.Attrs{"person": person}}
	if err := i.access.Ask(ctx, actor, "person.erase", r); err != nil {
		return err
	}
	now := i.clock.Now()
	for _, kind := range []city.ActorKind{city.Resident, city.Officer} {
		row, err := accountOf(ctx, tx, person, kind)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		i.deleteAccount(tx, row.ID)
	}
	i.endDelegationsOf(tx, person, now)
	return i.journal.Append(ctx, tx, journal.Event{At: now, Type: "account.forgotten", Subject: person.String(), Actor: actor})
}

// account reads an account; city.KindNotFound when there is none.
func (i *Identity) account(ctx context.Context, tx *db.Tx, id city.AccountID) (accountRow, error) {
	row, err := accountByID(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		err = city.NotFound("identity.no_account")
	}
	return row, err
}
