package identity

import (
	"context"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
)

// Choice is on whose behalf somebody acts; the zero Choice is oneself.
type Choice struct {
	Delegation city.DelegationID
	Firm       city.FirmID
}

// Principal is somebody that the actor may act for.
type Principal struct {
	Choice Choice
	Name   string // of the person or the firm
	Role   string // "delegation", or the directory.FirmRole
	Until  time.Time
	Items  []city.ItemCode // of a delegation; none is all that allow it
}

// ActFor gives the actor acting for whom the choice names, once it is sure that
// the leave is alive. It starts from the person, whomever they acted for before.
func (i *Identity) ActFor(ctx context.Context, tx *db.Tx, actor city.Actor, c Choice) (city.Actor, error) {
	a := actor
	a.OnBehalf, a.Delegation, a.Items, a.Firm = city.PersonID{}, city.DelegationID{}, nil, city.FirmID{}
	r := access.Resource{Type: "Person", ID: a.Person.String(), Attrs: access.Attrs{"person": a.Person}}
	switch {
	case !c.Delegation.IsZero() && !c.Firm.IsZero():
		return actor, city.Invalid("identity.one_principal")
	case !c.Delegation.IsZero():
		d, err := i.delegation(ctx, tx, c.Delegation)
		if err != nil {
			return actor, err
		}
		r = d.resource(i.clock.Now())
		a.OnBehalf, a.Delegation, a.Items = d.Giver, d.ID, d.Items
	case !c.Firm.IsZero():
		people, err := i.people.PeopleOfFirm(ctx, tx, c.Firm)
		if err != nil {
			return actor, err
		}
		all := make([]string, len(people))
		for n, p := range people {
			all[n] = p.Person.String()
		}
		r = access.Resource{Type: "Firm", ID: c.Firm.String(), Attrs: access.Attrs{"firm": c.Firm, "people": all}}
		a.Firm = c.Firm
	}
	if err := i.access.Ask(ctx, actor, "act_for", r); err != nil {
		return actor, err
	}
	return a, nil
}

// Choose makes the session act for whom the choice names, until it chooses again.
func (i *Identity) Choose(ctx context.Context, tx *db.Tx, actor city.Actor, session SessionID, c Choice) (city.Actor, error) {
	a, err := i.ActFor(ctx, tx, actor, c)
	if err != nil {
		return actor, err
	}
	own := Account{ID: actor.Account, Kind: actor.Kind, Person: actor.Person}
	if err := i.access.Ask(ctx, actor, "session.choose", accountResource(own)); err != nil {
		return actor, err
	}
	i.setChoiceOf(tx, actor.Account, session, c, func(rows int64) error {
		if rows == 0 {
			return city.NotFound("identity.no_session")
		}
		return nil
	})
	return a, nil
}

// Principals lists whom the actor may act for, people first.
func (i *Identity) Principals(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Principal, error) {
	r := access.Resource{Type: "Person", ID: actor.Person.String(), Attrs: access.Attrs{"person": actor.Person}}
	if err := i.access.Ask(ctx, actor, "act_for", r); err != nil {
		return nil, err
	}
	now := i.clock.Now()
	all, err := delegationsOf(ctx, tx, actor.Person)
	if err != nil {
		return nil, err
	}
	var list []Principal
	for _, d := range all {
		if d.Taker != actor.Person || !d.Live(now) {
			continue
		}
		p := Principal{Choice: Choice{Delegation: d.ID}, Role: "delegation", Until: d.Until, Items: d.Items}
		if p.Name, err = i.people.PersonName(ctx, tx, d.Giver); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	firms, err := i.people.FirmsOf(ctx, tx, actor.Person)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(firms, func(a, b directory.FirmPerson) int {
		if a.Role == b.Role {
			return 0
		}
		if a.Role == directory.Legal {
			return -1
		}
		return 1
	})
	for _, f := range firms {
		c := Choice{Firm: f.Firm}
		if slices.ContainsFunc(list, func(p Principal) bool { return p.Choice == c }) {
			continue // legal representative and agent in one
		}
		p := Principal{Choice: c, Role: string(f.Role), Until: f.Until}
		if p.Name, err = i.people.FirmName(ctx, tx, f.Firm); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
