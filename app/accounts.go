package app

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
)

// console is who acts when somebody works at the city's own machine.
var console = city.SystemActor("console")

// NewUser is an account made at the console. The person is found by the citizen
// number, or added to the register when Name says who it is. Posts make an
// officer of them.
type NewUser struct {
	Login, Number, Name string
	Region              city.RegionCode
	Posts               []city.PostID
}

// Code is the one-time code with which somebody sets a password.
type Code struct {
	Login string         `json:"login"`
	Kind  city.ActorKind `json:"kind"`
	Code  string         `json:"code"`
	Until time.Time      `json:"until"`
	Posts []city.PostID  `json:"posts,omitempty"`
	Where *time.Location `json:"-"`
}

// AddUser makes account, posts and, where needed, the person's entry in one
// transaction, and gives the code for the first sign-in.
func (a *App) AddUser(ctx context.Context, n NewUser) (c Code, err error) {
	c = Code{Login: n.Login, Kind: city.Resident, Posts: n.Posts, Where: a.Pack.Zone}
	if len(n.Posts) > 0 {
		c.Kind = city.Officer
	}
	err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		id, err := a.Directory.PersonByNumber(ctx, tx, n.Number)
		if city.KindOf(err) == city.KindNotFound {
			if _, err := city.CheckCitizenNumber(strings.ToUpper(n.Number)); err != nil {
				return err
			}
			if n.Name == "" {
				return city.NotFound("cli.user.no_person", "number", n.Number)
			}
			id, err = a.Directory.AddPerson(ctx, tx, console, directory.Person{CitizenNumber: n.Number, Name: n.Name, Region: n.Region})
		}
		if err != nil {
			return err
		}
		for _, p := range n.Posts {
			if err := a.Directory.Appoint(ctx, tx, console, directory.Holding{Post: p, Person: id, Region: n.Region}); err != nil {
				return err
			}
		}
		account, err := a.Identity.CreateAccount(ctx, tx, console, identity.NewAccount{Kind: c.Kind, Person: id, Login: n.Login})
		if err != nil {
			return err
		}
		c.Code, c.Until, err = a.Identity.IssueCode(ctx, tx, console, account)
		return err
	})
	return c, err
}

func (a *App) withUser(ctx context.Context, login string, f func(context.Context, *db.Tx, identity.Account) error) error {
	return a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		account, err := a.Identity.FindAccount(ctx, tx, console, login)
		if err != nil {
			return err
		}
		return f(ctx, tx, account)
	})
}

// LockUser lets nobody in by the account, or in again.
func (a *App) LockUser(ctx context.Context, login string, locked bool) error {
	return a.withUser(ctx, login, func(ctx context.Context, tx *db.Tx, u identity.Account) error {
		if locked {
			return a.Identity.LockAccount(ctx, tx, console, u.ID)
		}
		return a.Identity.UnlockAccount(ctx, tx, console, u.ID)
	})
}

// UserCode gives a new one-time code for the account; earlier ones end.
func (a *App) UserCode(ctx context.Context, login string) (c Code, err error) {
	err = a.withUser(ctx, login, func(ctx context.Context, tx *db.Tx, u identity.Account) (err error) {
		c = Code{Login: u.Login, Kind: u.Kind, Where: a.Pack.Zone}
		c.Code, c.Until, err = a.Identity.IssueCode(ctx, tx, console, u.ID)
		return err
	})
	return c, err
}

// Token is an API token as the console shows it; the secret only when it is made.
type Token struct {
	ID      identity.TokenID `json:"id"`
	Name    string           `json:"name"`
	Scopes  []string         `json:"scopes"`
	Secret  string           `json:"secret,omitempty"`
	Created time.Time        `json:"created"`
	Used    *time.Time       `json:"used,omitempty"`
	Expires time.Time        `json:"expires"`
}

func tokenOf(t identity.Token, zone *time.Location) Token {
	out := Token{ID: t.ID, Name: t.Name, Scopes: t.Scopes, Created: t.Created.In(zone), Expires: t.Expires.In(zone)}
	if !t.Used.IsZero() {
		used := t.Used.In(zone)
		out.Used = &used
	}
	return out
}

// MakeToken makes an API token for the account.
func (a *App) MakeToken(ctx context.Context, login, name string, scopes []string, life time.Duration) (t Token, err error) {
	err = a.withUser(ctx, login, func(ctx context.Context, tx *db.Tx, u identity.Account) error {
		secret, made, err := a.Identity.CreateTokenFor(ctx, tx, console, u.ID, identity.NewToken{Name: name, Scopes: scopes, Expires: a.Clock.Now().Add(life)})
		t = tokenOf(made, a.Pack.Zone)
		t.Secret = secret
		return err
	})
	return t, err
}

// TokensOf lists the account's tokens that are alive.
func (a *App) TokensOf(ctx context.Context, login string) (list []Token, err error) {
	list = []Token{}
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		u, err := a.Identity.FindAccount(ctx, tx, console, login)
		if err != nil {
			return err
		}
		all, err := a.Identity.Tokens(ctx, tx, console, u.ID)
		for _, t := range all {
			list = append(list, tokenOf(t, a.Pack.Zone))
		}
		return err
	})
	return list, err
}

// EndToken ends one of the account's tokens at once.
func (a *App) EndToken(ctx context.Context, login, id string) error {
	n, err := uuid.Parse(id)
	if err != nil {
		return city.NotFound("identity.no_token")
	}
	return a.withUser(ctx, login, func(ctx context.Context, tx *db.Tx, u identity.Account) error {
		return a.Identity.EndToken(ctx, tx, console, u.ID, identity.TokenID(n))
	})
}
