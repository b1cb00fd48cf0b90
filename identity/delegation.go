package identity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/width"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Delegation is the leave that one person (the giver) gave another (the taker) to
// apply for things in the giver's name.
type Delegation struct {
	ID       city.DelegationID
	Giver    city.PersonID
	Taker    city.PersonID
	Items    []city.ItemCode // none is every item that allows delegation
	Given    time.Time
	Until    time.Time
	Accepted time.Time // zero: not yet
	Ended    time.Time // zero: not ended before its time
	EndedBy  string    // "giver", "taker", "counter", "erased"

	GiverName, TakerName string // filled in for the two alone
}

// DelegationState is how a delegation stands.
type DelegationState string

const (
	DelegationOffered DelegationState = "offered" // not yet accepted
	DelegationLive    DelegationState = "live"
	DelegationOver    DelegationState = "over"  // its time has come
	DelegationEnded   DelegationState = "ended" // by one of the two, or declined
)

const (
	longestLeave = 3 * 366 * 24 * time.Hour
	mostLeaves   = 20 // that one person may have given at a time
	mostItems    = 100
)

// State tells how the delegation stands at the moment.
func (d Delegation) State(now time.Time) DelegationState {
	switch {
	case !d.Ended.IsZero():
		return DelegationEnded
	case !now.Before(d.Until):
		return DelegationOver
	case d.Accepted.IsZero():
		return DelegationOffered
	}
	return DelegationLive
}

// Live reports whether the taker may act on it.
func (d Delegation) Live(now time.Time) bool { return d.State(now) == DelegationLive }

func (d Delegation) resource(now time.Time) access.Resource {
	return access.Resource{
		Type: "Delegation", ID: d.ID.String(),
		Attrs: access.Attrs{"delegation": d.ID, "giver": d.Giver, "taker": d.Taker, "live": d.Live(now)},
	}
}

// Leave is what somebody gives: to whom, for what, until when.
type Leave struct {
	Giver city.PersonID // zero: the actor; another only at the counter
	Taker city.PersonID // found with FindTaker
	Items []city.ItemCode
	Until time.Time
}

// FindTaker finds the person to whom leave is to be given, by citizen number and
// name, which must both fit. Only so many tries are free, since an answer tells
// that a number and a name belong together.
func (i *Identity) FindTaker(ctx context.Context, actor city.Actor, number, name string) (city.PersonID, error) {
	giver := Delegation{Giver: actor.Person}
	if err := i.access.Ask(ctx, actor, "delegation.give", giver.resource(i.clock.Now())); err != nil {
		return city.PersonID{}, err
	}
	number = normalNumber(number)
	if _, err := city.CheckCitizenNumber(number); err != nil {
		return city.PersonID{}, fieldError("number", err)
	}
	tries := []try{{i.vault.Digest("try lookup", actor.Account.String()), lookupLimit}}
	if err := i.begin(ctx, tries); err != nil {
		return city.PersonID{}, err
	}
	var taker city.PersonID
	err := i.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		id, err := i.people.PersonByNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		known, err := i.people.PersonName(ctx, tx, id)
		if err == nil && sameName(known, name) {
			taker = id
		}
		return err
	})
	switch {
	case err != nil && city.KindOf(err) != city.KindNotFound:
		return taker, err
	case taker.IsZero():
		return taker, fieldError("name", city.Invalid("identity.no_taker"))
	}
	return taker, nil
}

// normalNumber brings a citizen number to the form it is checked in.
func normalNumber(s string) string {
	return strings.ToUpper(strings.Join(strings.FieldsFunc(width.Narrow.String(s), func(r rune) bool { return r == ' ' || r == '-' }), ""))
}

func sameName(a, b string) bool {
	plain := func(s string) string {
		return strings.ToLower(strings.Join(strings.Fields(width.Narrow.String(s)), ""))
	}
	return a != "" && plain(a) == plain(b)
}

// Give offers leave to act. It counts once the taker has accepted it.
func (i *Identity) Give(ctx context.Context, tx *db.Tx, actor city.Actor, l Leave) (city.DelegationID, error) {
	now := i.clock.Now()
	d := Delegation{ID: city.NewDelegationID(), Giver: l.Giver, Taker: l.Taker, Items: l.Items, Given: now, Until: l.Until}
	if d.Giver.IsZero() {
		d.Giver = actor.Person
	}
	if err := i.access.Ask(ctx, actor, "delegation.give", d.resource(now)); err != nil {
		return city.DelegationID{}, err
	}
	switch {
	case d.Taker.IsZero() || d.Taker == d.Giver:
		return city.DelegationID{}, fieldError("name", city.Invalid("identity.taker_self"))
	case !d.Until.After(now):
		return city.DelegationID{}, fieldError("until", city.Invalid("identity.until_early"))
	case d.Until.After(now.Add(longestLeave)):
		return city.DelegationID{}, fieldError("until", city.Invalid("identity.until_far", "years", 3))
	case len(d.Items) > mostItems:
		return city.DelegationID{}, fieldError("items", city.Invalid("identity.items_many", "max", mostItems))
	}
	for _, p := range []city.PersonID{d.Giver, d.Taker} {
		name, err := i.people.PersonName(ctx, tx, p)
		if err != nil {
			return city.DelegationID{}, err
		}
		if name == "" {
			return city.DelegationID{}, city.NotFound("directory.no_person")
		}
	}
	all, err := delegationsOf(ctx, tx, d.Giver)
	if err != nil {
		return city.DelegationID{}, err
	}
	standing := 0
	for _, o := range all {
		if s := o.State(now); o.Giver == d.Giver && (s == DelegationLive || s == DelegationOffered) {
			standing++
		}
	}
	if standing >= mostLeaves {
		return city.DelegationID{}, city.Invalid("identity.leaves_many", "max", mostLeaves)
	}
	slices.Sort(d.Items)
	d.Items = slices.Compact(d.Items)
	insertDelegation(tx, d)
	return d.ID, i.tell(ctx, tx, actor, "delegation.given", d, map[string]any{"until": city.Micros(d.Until), "items": d.Items})
}

// Accept takes the leave that was offered.
func (i *Identity) Accept(ctx context.Context, tx *db.Tx, actor city.Actor, id city.DelegationID) error {
	d, err := i.delegation(ctx, tx, id)
	if err != nil {
		return err
	}
	now := i.clock.Now()
	if err := i.access.Ask(ctx, actor, "delegation.accept", d.resource(now)); err != nil {
		return err
	}
	if d.State(now) != DelegationOffered {
		return city.Conflict("identity.leave_not_offered")
	}
	i.acceptDelegation(tx, id, now, onlyOne("identity.leave_not_offered"))
	return i.tell(ctx, tx, actor, "delegation.accepted", d, nil)
}

// EndDelegation ends a leave at once: the giver takes it back, the taker gives it
// back or declines it. A leave that is over stays as it ended.
func (i *Identity) EndDelegation(ctx context.Context, tx *db.Tx, actor city.Actor, id city.DelegationID) error {
	d, err := i.delegation(ctx, tx, id)
	if err != nil {
		return err
	}
	now := i.clock.Now()
	if err := i.access.Ask(ctx, actor, "delegation.end", d.resource(now)); err != nil {
		return err
	}
	if s := d.State(now); s != DelegationLive && s != DelegationOffered {
		return city.Conflict("identity.leave_ended")
	}
	by := "counter"
	switch actor.Person {
	case d.Giver:
		by = "giver"
	case d.Taker:
		by = "taker"
	}
	i.endDelegation(tx, id, by, now, onlyOne("identity.leave_ended"))
	return i.tell(ctx, tx, actor, "delegation.ended", d, map[string]any{"by": by})
}

func onlyOne(key string) func(int64) error {
	return func(rows int64) error {
		if rows != 1 {
			return city.Conflict(key)
		}
		return nil
	}
}

// tell writes the event to both.
func (i *Identity) tell(ctx context.Context, tx *db.Tx, actor city.Actor, typ string, d Delegation, more map[string]any) error {
	data := map[string]any{"giver": d.Giver, "taker": d.Taker}
	maps.Copy(data, more)
	return i.journal.Append(ctx, tx, journal.Event{
		At: i.clock.Now(), Type: typ, Subject: d.ID.String(), Actor: actor,
		To: []journal.Recipient{{Person: d.Giver}, {Person: d.Taker}}, Data: data,
	})
}

// Delegations lists what the actor has given and been given, over and ended ones
// too, the latest first. Each of the two sees the other's name.
func (i *Identity) Delegations(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Delegation, error) {
	r := access.Resource{Type: "Person", ID: actor.Person.String(), Attrs: access.Attrs{"person": actor.Person}}
	if err := i.access.Ask(ctx, actor, "delegation.list", r); err != nil {
		return nil, err
	}
	list, err := delegationsOf(ctx, tx, actor.Person)
	if err != nil {
		return nil, err
	}
	for n := range list {
		if list[n].GiverName, err = i.people.PersonName(ctx, tx, list[n].Giver); err != nil {
			return nil, err
		}
		if list[n].TakerName, err = i.people.PersonName(ctx, tx, list[n].Taker); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (i *Identity) delegation(ctx context.Context, tx *db.Tx, id city.DelegationID) (Delegation, error) {
	d, err := delegationByID(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		err = city.NotFound("identity.no_leave")
	}
	return d, err
}
