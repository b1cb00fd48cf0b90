package api

import (
	"context"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
)

type actorBody struct {
	Kind     city.ActorKind    `json:"kind"`
	Name     string            `json:"name,omitempty"`
	Person   city.PersonID     `json:"person,omitzero"`
	Firm     city.FirmID       `json:"firm,omitzero"`
	OnBehalf city.PersonID     `json:"on_behalf,omitzero"`
	Body     city.BodyID       `json:"body,omitempty"`
	Posts    []city.PostID     `json:"posts,omitempty"`
	Regions  []city.RegionCode `json:"regions,omitempty"`
}

func actorOf(a city.Actor) actorBody {
	return actorBody{Kind: a.Kind, Name: a.Name, Person: a.Person, Firm: a.Firm, OnBehalf: a.OnBehalf, Body: a.Body, Posts: a.Posts, Regions: a.Regions}
}

type signInIn struct {
	Body struct {
		Login    string `json:"login" maxLength:"200"`
		Password string `json:"password" maxLength:"1000"`
	}
}

type sessionBody struct {
	Token string    `json:"token" doc:"Send it as Authorization: Bearer."`
	Actor actorBody `json:"actor"`
}

func (a *API) signIn(ctx context.Context, actor city.Actor, in *signInIn) (*body[sessionBody], error) {
	token, who, err := a.Identity.SignIn(ctx, city.Actor{Kind: city.Anonymous, Channel: city.ChannelAPI}, identity.SignIn{
		Login: in.Body.Login, Password: in.Body.Password, From: identity.From{Address: readerFrom(ctx).address, Device: "API"}})
	if err != nil {
		return nil, err
	}
	return &body[sessionBody]{sessionBody{Token: token, Actor: actorOf(who)}}, nil
}

func (a *API) signOut(ctx context.Context, actor city.Actor, _ *struct{}) (*struct{}, error) {
	return nil, a.Identity.SignOut(ctx, readerFrom(ctx).token)
}

func (a *API) whoAmI(ctx context.Context, actor city.Actor, _ *struct{}) (*body[actorBody], error) {
	return &body[actorBody]{actorOf(actor)}, nil
}

type useBody struct {
	ID      city.EventID    `json:"id"`
	Body    city.BodyID     `json:"body"`
	Post    city.PostID     `json:"post"`
	Purpose string          `json:"purpose" doc:"A code; the sentence stands in reason."`
	Reason  string          `json:"reason"`
	Case    city.CaseNumber `json:"case,omitempty"`
	Fields  []string        `json:"fields"`
	At      time.Time       `json:"at"`
}

type usesQuery struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	After string `query:"after"`
}

func (a *API) listUses(ctx context.Context, actor city.Actor, in *usesQuery) (*list[useBody], error) {
	if actor.Kind != city.Resident {
		return nil, city.Forbidden("error.forbidden")
	}
	var out []useBody
	var next string
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		before, err := time.Time{}, error(nil)
		if in.After != "" {
			if before, err = time.Parse(time.RFC3339Nano, in.After); err != nil {
				return city.Invalid("error.cursor")
			}
		}
		uses, err := a.Access.Uses(ctx, tx, actor, actor.Applicant(), before, in.Limit)
		if len(uses) >= in.Limit {
			next = uses[len(uses)-1].At.Format(time.RFC3339Nano)
		}
		for _, u := range uses {
			out = append(out, useOf(u, readerFrom(ctx).lang, a.zone))
		}
		return err
	})
	return listOf(out, next), err
}

func useOf(u access.Use, l city.Lang, zone func(time.Time) time.Time) useBody {
	b := useBody{ID: u.ID, Body: u.Body, Post: u.Post, Purpose: u.Purpose, Reason: city.Say(l, u.Purpose), Case: u.Case, Fields: u.Fields, At: zone(u.At)}
	if b.Fields == nil {
		b.Fields = []string{}
	}
	return b
}

// standing makes a resident act in the name that the case needs: their own, or
// that of a person who gave them leave or of a firm they stand for. Where none
// fits, the answer is left to the case's own policies.
func (a *API) standing(ctx context.Context, actor city.Actor, n city.CaseNumber) (city.Actor, error) {
	if actor.Kind != city.Resident || !actor.OnBehalf.IsZero() || !actor.Firm.IsZero() {
		return actor, nil
	}
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		own, err := a.Cases.Get(ctx, tx, actor, n)
		if err != nil && city.KindOf(err) != city.KindForbidden || err == nil && own.Firm.IsZero() {
			return err
		}
		ps, err := a.Identity.Principals(ctx, tx, actor)
		if err != nil {
			return err
		}
		for _, p := range ps {
			as, err := a.Identity.ActFor(ctx, tx, actor, p.Choice)
			if err != nil {
				continue // ended meanwhile
			}
			if c, err := a.Cases.Get(ctx, tx, as, n); err == nil && c.Firm == as.Firm {
				actor = as
				return nil
			}
		}
		return nil
	})
	return actor, err
}

// caseFor reads the number in an address and finds in whose name the actor
// stands to the case.
func (a *API) caseFor(ctx context.Context, actor city.Actor, number string) (city.Actor, city.CaseNumber, error) {
	n, err := city.ParseCaseNumber(number)
	if err != nil {
		return actor, "", city.NotFound("case.not_found")
	}
	actor, err = a.standing(ctx, actor, n)
	return actor, n, err
}

// inSomeName calls f for a resident as themselves, and where that is not allowed
// in the name of each whom they may act for, until it is; for others once.
func (a *API) inSomeName(ctx context.Context, actor city.Actor, f func(as city.Actor) error) error {
	first := f(actor)
	if city.KindOf(first) != city.KindForbidden || actor.Kind != city.Resident || !actor.OnBehalf.IsZero() || !actor.Firm.IsZero() {
		return first
	}
	var names []city.Actor
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		ps, err := a.Identity.Principals(ctx, tx, actor)
		if err != nil {
			return err
		}
		for _, p := range ps {
			as, err := a.Identity.ActFor(ctx, tx, actor, p.Choice)
			if err == nil {
				names = append(names, as)
			}
		}
		return nil
	})
	if err != nil {
		return first // a token that may not act for others is told what it may not do
	}
	for _, as := range names {
		if err := f(as); city.KindOf(err) != city.KindForbidden {
			return err
		}
	}
	return first
}

// forWhom is the name that a list is asked for in; officers list what their posts
// give them.
func (a *API) forWhom(ctx context.Context, actor city.Actor, whom string) (city.Actor, error) {
	if whom != "" && actor.Kind != city.Resident {
		return actor, city.Forbidden("error.forbidden")
	}
	actor, _, err := a.onBehalf(ctx, actor, whom)
	return actor, err
}
