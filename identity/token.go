package identity

import (
	"context"
	"regexp"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type tokenTag struct{}

// TokenID names an API token to its owner; it is no secret.
type TokenID = city.ID[tokenTag]

// Token is a key to the API that acts for its owner within its scopes.
type Token struct {
	ID       TokenID
	Name     string
	Scopes   []string // actions such as "case.read", or "case.*", or "*"
	ActingAs Choice
	Created  time.Time
	Used     time.Time // exact to a minute; zero: never
	Expires  time.Time
}

// NewToken is what a token is asked for with.
type NewToken struct {
	Name     string
	Scopes   []string
	Expires  time.Time
	ActingAs Choice
}

var scopePattern = regexp.MustCompile(`^(\*|[a-z_]+(\.([a-z_]+|\*))?)$`)

const (
	longestToken = 366 * 24 * time.Hour
	mostTokens   = 20
	mostScopes   = 50
)

// CreateToken makes a token for the actor's account and gives its secret, which is
// never shown again.
func (i *Identity) CreateToken(ctx context.Context, tx *db.Tx, actor city.Actor, n NewToken) (secret string, t Token, err error) {
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "token.create", accountResource(own)); err != nil {
		return "", t, err
	}
	return i.createToken(ctx, tx, actor, actor, n)
}

// CreateTokenFor makes a token for somebody's account, for the command line on
// the city's own machine.
func (i *Identity) CreateTokenFor(ctx context.Context, tx *db.Tx, actor city.Actor, account city.AccountID, n NewToken) (secret string, t Token, err error) {
	row, err := i.account(ctx, tx, account)
	if err != nil {
		return "", t, err
	}
	if err := i.access.Ask(ctx, actor, "token.create", accountResource(row.Account)); err != nil {
		return "", t, err
	}
	owner, err := i.actor(ctx, tx, row, city.AssurancePassword, city.ChannelAPI)
	if err != nil {
		return "", t, err
	}
	return i.createToken(ctx, tx, actor, owner, n)
}

func (i *Identity) createToken(ctx context.Context, tx *db.Tx, actor, owner city.Actor, n NewToken) (secret string, t Token, err error) {
	now := i.clock.Now()
	n.Name = strings.TrimSpace(n.Name)
	var bad []city.Field
	add := func(name, key string, args ...any) {
		bad = append(bad, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	if l := len([]rune(n.Name)); l == 0 || l > 60 {
		add("name", "identity.token_name", "max", 60)
	}
	if len(n.Scopes) == 0 || len(n.Scopes) > mostScopes {
		add("scopes", "identity.token_scopes", "max", mostScopes)
	}
	for _, s := range n.Scopes {
		if !scopePattern.MatchString(s) {
			add("scopes", "identity.token_scope", "scope", s)
			break
		}
	}
	if !n.Expires.After(now) || n.Expires.After(now.Add(longestToken)) {
		add("expires", "identity.token_expires")
	}
	if len(bad) > 0 {
		return "", t, city.InvalidFields(bad)
	}
	if n.ActingAs != (Choice{}) {
		if _, err := i.ActFor(ctx, tx, owner, n.ActingAs); err != nil {
			return "", t, err
		}
	}
	have, err := tokensOf(ctx, tx, owner.Account, now)
	if err != nil {
		return "", t, err
	}
	if len(have) >= mostTokens {
		return "", t, city.Invalid("identity.tokens_many", "max", mostTokens)
	}
	row, err := i.account(ctx, tx, owner.Account)
	if err != nil {
		return "", t, err
	}
	t = Token{ID: city.NewID[tokenTag](), Name: n.Name, Scopes: n.Scopes, ActingAs: n.ActingAs, Created: now, Expires: n.Expires}
	sealed, err := i.vault.Seal(ctx, tx, row.key, tokenSecret{Name: n.Name})
	if err != nil {
		return "", t, err
	}
	secret = newSecret(tokenPrefix)
	if err := insertToken(tx, t, owner.Account, digestOf(secret), sealed); err != nil {
		return "", t, err
	}
	return secret, t, i.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "token.created", Subject: owner.Account.String(), Actor: actor, To: toldOf(row.Account),
		Data: map[string]any{"token": t.ID, "scopes": t.Scopes, "expires": city.Micros(t.Expires)},
	})
}

type tokenSecret struct {
	Name string `json:"name"`
}

// Tokens lists the account's tokens that are alive.
func (i *Identity) Tokens(ctx context.Context, tx *db.Tx, actor city.Actor, account city.AccountID) ([]Token, error) {
	row, err := i.account(ctx, tx, account)
	if err != nil {
		return nil, err
	}
	if err := i.access.Ask(ctx, actor, "token.list", accountResource(row.Account)); err != nil {
		return nil, err
	}
	rows, err := tokensOf(ctx, tx, account, i.clock.Now())
	if err != nil {
		return nil, err
	}
	list := make([]Token, len(rows))
	for n, r := range rows {
		var s tokenSecret
		if err := i.vault.Unseal(ctx, tx, row.key, r.sealed, &s); err != nil {
			return nil, err
		}
		r.Name = s.Name
		list[n] = r.Token
	}
	return list, nil
}

// EndToken ends a token of the account at once.
func (i *Identity) EndToken(ctx context.Context, tx *db.Tx, actor city.Actor, account city.AccountID, id TokenID) error {
	row, err := i.account(ctx, tx, account)
	if err != nil {
		return err
	}
	if err := i.access.Ask(ctx, actor, "token.end", accountResource(row.Account)); err != nil {
		return err
	}
	i.endToken(tx, account, id, func(rows int64) error {
		if rows == 0 {
			return city.NotFound("identity.no_token")
		}
		return nil
	})
	return i.journal.Append(ctx, tx, journal.Event{
		At: i.clock.Now(), Type: "token.ended", Subject: account.String(), Actor: actor, To: toldOf(row.Account),
		Data: map[string]any{"token": id},
	})
}
