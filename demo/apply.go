package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// application is what somebody is about to send.
type application struct {
	parts     Parts
	writer    *writer
	plan      plan
	it        *itemPlan
	def       serviceitem.Item
	of        serviceitem.Party
	owner, by city.Actor
	filing    serviceitem.Filing
	once      string // names the papers that come with it
}

// prepare fills in the form and stores its files.
func (d *Demo) prepare(ctx context.Context, parts Parts, c *crowd, pl plan, chance *rand.Rand, once string) (*application, error) {
	def, fm, ok := parts.Items.Item(pl.item)
	if !ok {
		return nil, fmt.Errorf("no item %q", pl.item)
	}
	w := &writer{Rand: chance, d: d, who: &c.people[pl.who], all: c.people, day: city.DateOf(pl.at), name: &names{Rand: chance, peopleFile: d.words.People}}
	a := &application{parts: parts, writer: w, plan: pl, it: d.words.Items[pl.item], def: def, of: serviceitem.Party{Person: c.ids[pl.who]}, once: once}
	if pl.firm >= 0 {
		w.firm, a.of.Firm = &c.firms[pl.firm], c.firmIDs[pl.firm]
	}
	var err error
	if w.vars, err = w.draw(a.it.Vars); err != nil {
		return nil, err
	}
	var files map[string]file
	if a.filing, files, err = w.application(def, fm, a.it); err != nil {
		return nil, err
	}
	a.owner, a.by = d.applicant(c, pl)
	if a.by.Kind == city.Officer {
		a.filing.For = a.of
	}
	return a, d.upload(ctx, parts, a.by, a.of, def, fm, &a.filing, files)
}

// send takes in the papers that the applicant holds, files, and gives the play of
// the case.
func (d *Demo) send(ctx context.Context, tx *db.Tx, a *application) (*play, casework.Case, error) {
	owner, err := d.account(ctx, tx, a.parts, a.owner)
	if err != nil {
		return nil, casework.Case{}, err
	}
	by := a.by
	if by.Kind == city.Resident {
		by = owner
	}
	if err := d.papers(ctx, tx, a); err != nil {
		return nil, casework.Case{}, err
	}
	d.past.Set(a.plan.at)
	cs, err := a.parts.Items.FileIn(ctx, tx, by, a.filing)
	return &play{d: d, parts: a.parts, rand: a.writer.Rand, it: a.it, def: a.def, goes: a.plan.goes, owner: owner,
		now: a.plan.at, tardy: a.writer.IntN(2)}, cs, err
}

// applicant gives the actor that the case belongs to, and who files: the same, or
// a clerk at a counter of the district.
func (d *Demo) applicant(c *crowd, pl plan) (owner, by city.Actor) {
	owner = city.Actor{Kind: city.Resident, Person: c.ids[pl.who], Name: c.people[pl.who].Name, Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	if pl.n%3 == 0 {
		owner.Channel = city.ChannelMobile
	}
	if pl.firm >= 0 {
		owner.Firm = c.firmIDs[pl.firm]
	}
	if !pl.counter {
		return owner, owner
	}
	clerks := slices.DeleteFunc(slices.Clone(c.clerks), func(o officer) bool { return !o.Covers(c.people[pl.who].home.code) })
	if len(clerks) == 0 {
		return owner, owner
	}
	return owner, clerks[pl.n%len(clerks)].Actor
}

// account finds or opens the applicant's account, and makes sure that they may act
// for the firm.
func (d *Demo) account(ctx context.Context, tx *db.Tx, parts Parts, owner city.Actor) (city.Actor, error) {
	a, ok, err := parts.Identity.AccountOf(ctx, tx, owner.Person, city.Resident)
	if err != nil {
		return owner, err
	}
	if owner.Account = a.ID; !ok {
		owner.Account, err = parts.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: city.Resident, Person: owner.Person})
	}
	if err != nil || owner.Firm.IsZero() {
		return owner, err
	}
	return parts.Identity.ActFor(ctx, tx, owner, identity.Choice{Firm: owner.Firm})
}

// papers takes the papers into the store that the application will fetch, unless
// the applicant holds them.
func (d *Demo) papers(ctx context.Context, tx *db.Tx, a *application) error {
	w, of := a.writer, a.of
	for i, pp := range a.it.Papers {
		if pp.Chance > 0 && w.IntN(100) >= pp.Chance {
			continue
		}
		h := holderOf(of.Person, w.who.Person)
		if pp.Of == "firm" {
			h = holderOfFirm(of.Firm, w.firm.Firm)
		}
		held, err := d.then.Credentials.ByHolder(ctx, tx, program, credential.Holder{Person: h.Person, Firm: h.Firm})
		if err != nil {
			return err
		}
		fields, err := w.draw(pp.Fields)
		if err != nil {
			return err
		}
		has := false
		for _, c := range held {
			has = has || c.Type == pp.Type && c.InForce(a.plan.at)
		}
		if has && !own(pp) {
			continue
		}
		p := paper{typ: pp.Type, from: w.day.AddDays(-pp.Days), fields: map[string]string{}}
		for id, v := range fields {
			p.fields[id] = text(v)
		}
		if err := d.give(ctx, tx, fmt.Sprintf("%s:%d", a.once, i), h, p); err != nil {
			return err
		}
	}
	return nil
}

// own reports whether the paper speaks of this case alone, so that one which is
// held already is not the same.
func own(pp paperPlan) bool {
	for _, list := range pp.Fields {
		for _, v := range list {
			if s, ok := v.(string); ok && len(s) > 0 && s[0] == '$' {
				return true
			}
		}
	}
	return false
}
