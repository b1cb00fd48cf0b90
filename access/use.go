package access

import (
	"context"
	"errors"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Use is one use of a person's data, as the person sees it: the body and post,
// never the officer's name.
type Use struct {
	ID      city.EventID
	Person  city.PersonID
	At      time.Time
	Body    city.BodyID
	Post    city.PostID
	Account city.AccountID // who it was, for the auditor; zero for the program
	Purpose string         // the key of a text, such as "purpose.handle"
	Case    city.CaseNumber
	Fields  []string // what was used: "name", "licence:household-register", …
}

// again is how long a second look of the same officer at the same case counts
// as the same look.
const again = 15 * time.Minute

// UseOf is one use of the person's data; city.KindNotFound where it is another's or
// nobody's.
func (a *Access) UseOf(ctx context.Context, tx *db.Tx, actor city.Actor, person city.PersonID, id city.EventID) (Use, error) {
	err := a.Ask(ctx, actor, "uses.read", Resource{Type: "Person", ID: person.String(), Attrs: Attrs{"person": person}})
	if err != nil {
		return Use{}, err
	}
	u, err := useOf(ctx, tx, person, id)
	if errors.Is(err, db.ErrNoRows) {
		err = city.NotFound("error.not_found")
	}
	return u, err
}

// RecordUse writes the use into the journal and into what the person sees, in
// the caller's transaction: what can't be recorded must not be shown. An
// officer's repeated look at the same case within a quarter of an hour is one,
// as long as it shows nothing that the look on record did not.
func RecordUse(ctx context.Context, tx *db.Tx, j *journal.Journal, actor city.Actor, u Use) error {
	if u.Person.IsZero() || actor.Kind == city.Resident && (actor.Person == u.Person) {
		return nil
	}
	u.ID, u.Account, u.Body = city.NewEventID(), actor.Account, actor.Body
	if u.Post == "" && len(actor.Posts) > 0 {
		u.Post = actor.Posts[0]
		for _, p := range actor.Posts {
			if p.Body() == actor.Body {
				u.Post = p
				break
			}
		}
	}
	if b := u.Post.Body(); b != "" { // somebody entrusted with another body's post looks in its name
		u.Body = b
	}
	if !u.Account.IsZero() && u.Case != "" {
		seen, looks, err := fieldsSince(ctx, tx, u, u.At.Add(-again))
		if err != nil {
			return err
		}
		if looks > 0 && !slices.ContainsFunc(u.Fields, func(f string) bool { return !seen[f] }) {
			return nil
		}
	}
	insertUse(tx, u)
	return j.Append(ctx, tx, journal.Event{
		At: u.At, Type: "data.used", Subject: u.ID.String(), Actor: actor,
		To:   []journal.Recipient{{Person: u.Person}},
		Data: map[string]any{"purpose": u.Purpose, "case": u.Case, "fields": u.Fields, "post": u.Post, "body": u.Body},
	})
}

// Uses lists who used the person's data, newest first, before the moment given
// (zero: from now); the next page begins before the last one's moment. Uses of
// the same moment stand on one page, which may have a few more than limit.
func (a *Access) Uses(ctx context.Context, tx *db.Tx, actor city.Actor, person city.PersonID, before time.Time, limit int) ([]Use, error) {
	err := a.Ask(ctx, actor, "uses.read", Resource{Type: "Person", ID: person.String(), Attrs: Attrs{"person": person}})
	if err != nil {
		return nil, err
	}
	return usesOf(ctx, tx, person, before, limit)
}
