package alert

import (
	"context"
	"errors"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// BoardOptions make a board; all are needed.
type BoardOptions struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Zone      *time.Location // in which texts say times
	Detection Detection      // checked
	Sensors   Definition     // checked; its rules are silenced as detectors are
}

// Board keeps what watchers found until somebody has looked. It has no state of its
// own beside the database and is safe for concurrent use, in any number of processes.
type Board struct {
	wakes
	db        *db.DB
	journal   *journal.Journal
	access    *access.Access
	clock     city.Clock
	zone      *time.Location
	detection Detection
	detectors map[string]Detector
	names     map[string]city.Text
	rules     []Choice
}

// NewBoard makes the board.
func NewBoard(o BoardOptions) *Board {
	b := &Board{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, zone: o.Zone, detection: o.Detection,
		detectors: map[string]Detector{}, names: map[string]city.Text{}}
	if b.zone == nil {
		b.zone = time.UTC
	}
	for _, d := range o.Detection.Detectors {
		b.detectors[d.ID], b.names[d.ID] = d, d.Name
		b.rules = append(b.rules, Choice{ID: d.ID, Name: d.Name})
	}
	for _, r := range o.Sensors.Rules {
		k, _ := o.Sensors.kind(r.Kind)
		v, _ := k.value(r.Value)
		b.names[r.ID] = city.Text{ZhHans: k.Name.ZhHans + " · " + v.Name.ZhHans, En: k.Name.En + " · " + v.Name.En}
		b.rules = append(b.rules, Choice{ID: r.ID, Name: b.names[r.ID]})
	}
	return b
}

// Detectors lists the rules of detection in the order of the pack.
func (b *Board) Detectors() []Detector { return b.detection.Detectors }

// Rules are all rules in the order of the pack, those of detection and then those of
// sensors.
func (b *Board) Rules() []Choice { return b.rules }

// Detector finds a rule of detection by its id; rules of sensors are none.
func (b *Board) Detector(id string) (Detector, bool) {
	d, ok := b.detectors[id]
	return d, ok
}

// RuleName is what people call a rule, of sensors as well; ok is false for one that
// the pack doesn't have any more.
func (b *Board) RuleName(id string) (name city.Text, ok bool) {
	name, ok = b.names[id]
	return name, ok
}

// now is the moment as it will be read back.
func (b *Board) now() time.Time { return city.FromMicros(city.Micros(b.clock.Now())) }

// Raise keeps what a watcher found, in the caller's transaction, an ordinary one.
// While an alert of the rule and key is not settled the finding joins it, and joined
// is true: it is counted and its evidence kept, once for each From, and nothing new
// comes of it. The same finding sent again changes nothing but the evidence, so a
// watcher that starts anew may send what it isn't sure to have sent. What goes on is
// sent again with the same From and a later To: then it is open once the silence that
// held it back is over, and a matter anew when it lasts longer than the detector's
// silence after an outcome.
func (b *Board) Raise(ctx context.Context, tx *db.Tx, actor city.Actor, f Finding) (a Alert, joined bool, err error) {
	err = b.access.Ask(ctx, actor, "alert.raise", access.Resource{Type: "Alert", Region: f.Place.Region, Attrs: access.Attrs{"rule": f.Rule}})
	if err != nil {
		return Alert{}, false, err
	}
	d, ok := b.detectors[f.Rule]
	if !ok {
		return Alert{}, false, city.Invalid("alert.no_rule", "id", clip(f.Rule))
	}
	if err := f.check(d); err != nil {
		return Alert{}, false, err
	}
	a = Alert{Rule: f.Rule, Kind: f.Kind, Subject: f.Subject, Key: f.Key, Body: d.Body(), Class: d.Class, Place: f.Place,
		Text: shorten(d.Say(f, b.zone)), Why: shorten(f.Why), Sure: f.Sure}
	return b.take(ctx, tx, actor, a, Sighting{From: f.From, To: f.To, Evidence: f.Evidence}, d.Silence)
}

// Say fills the detector's text with the arguments of a finding; times are said in the
// zone.
func (d Detector) Say(f Finding, zone *time.Location) city.Text {
	args := make([]any, 0, len(f.Args)+2+2*len(Arguments))
	for i := 0; i+1 < len(f.Args); i += 2 {
		v := f.Args[i+1]
		if at, ok := v.(time.Time); ok {
			v = at.In(zone)
		}
		args = append(args, f.Args[i], v)
	}
	for _, k := range d.Kinds {
		if k.ID == f.Kind {
			args = append(args, "kind", k.Name)
		}
	}
	for _, name := range Arguments { // the first of a name counts
		args = append(args, name, "…")
	}
	return city.Text{ZhHans: city.Fill(city.Chinese, d.Text.ZhHans, args...), En: city.Fill(city.English, d.Text.En, args...)}
}

// mostTries is how often a finding looks for its alert again, when others settle or
// make it at the same moment.
const mostTries = 4

// take joins a sighting to the alert of its matter, or makes one. For quiet after the
// last outcome what is found again is held back.
func (b *Board) take(ctx context.Context, tx *db.Tx, actor city.Actor, a Alert, s Sighting, quiet time.Duration) (Alert, bool, error) {
	s.From, s.To = city.FromMicros(city.Micros(s.From)), city.FromMicros(city.Micros(s.To))
	now := b.now()
	for range mostTries {
		have, err := newestOf(ctx, tx, a.Rule, a.Key)
		switch {
		case errors.Is(err, db.ErrNoRows):
		case err != nil:
			return Alert{}, false, err
		case have.Settled.IsZero():
			n, err := lockOpen(ctx, tx, have.ID)
			if err != nil {
				return Alert{}, false, err
			}
			if n == 0 { // settled since: look again
				continue
			}
			have, err = b.join(ctx, tx, actor, have.ID, a, s, now)
			return have, true, err
		default:
			if have.Settled.After(now) { // by a clock that was wrong
				if err := settledBy(ctx, tx, a.Rule, a.Key, now); err != nil {
					return Alert{}, false, err
				}
				have.Settled = now
			}
			until, known, err := seenUntil(ctx, tx, have.ID, s.From)
			if err != nil || known && (!s.To.After(until) || s.To.Before(have.Settled.Add(quiet))) {
				return have, true, err
			}
		}
		held, err := lasting(ctx, tx, a.Rule, a.Subject, now)
		if err != nil {
			return Alert{}, false, err
		}
		a.ID, a.State, a.Times, a.Raised, a.Since, a.Last = city.NewAlertID(), Open, 1, now, s.From, s.To
		if !held.IsZero() || !have.ID.IsZero() && now.Sub(have.Settled) < quiet {
			a.State = Silenced
		}
		n, err := insertAlert(ctx, tx, a)
		if err != nil {
			return Alert{}, false, err
		}
		if n == 0 { // another process was faster: join that one
			continue
		}
		tx.AfterCommit(b.wake)
		if _, err := addSighting(ctx, tx, a.ID, s); err != nil {
			return Alert{}, false, err
		}
		if !held.IsZero() {
			countHeld(tx, held)
		}
		return a, false, b.tell(ctx, tx, actor, a, held, now)
	}
	return Alert{}, false, city.Conflict("case.changed")
}

// join adds a sighting to an alert that this transaction holds. One that was held
// back becomes open when nothing holds it back any more.
func (b *Board) join(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID, found Alert, s Sighting, now time.Time) (Alert, error) {
	a, err := alertByID(ctx, tx, id)
	if err != nil {
		return Alert{}, err
	}
	if a.Times >= mostSightings {
		before, err := sightedBy(ctx, tx, id, s.From)
		if err != nil || before <= 1 && !s.From.Equal(a.Since) { // older than those kept: it was counted long ago
			return a, err
		}
	}
	n, err := addSighting(ctx, tx, id, s)
	if err != nil {
		return Alert{}, err
	}
	if !s.To.Before(a.Last) || a.Last.After(now) { // what is newest is said
		a.Last, a.Text, a.Why, a.Sure, a.Place = s.To, found.Text, found.Why, found.Sure, found.Place
	}
	if s.From.Before(a.Since) {
		a.Since = s.From
	}
	opened := false
	if n > 0 {
		if a.Times++; a.Times > mostSightings {
			if err := dropSighting(ctx, tx, id); err != nil {
				return Alert{}, err
			}
		}
	}
	if a.State == Silenced { // what goes on has no other beginning when the silence is over
		held, err := lasting(ctx, tx, a.Rule, a.Subject, now)
		if err != nil {
			return Alert{}, err
		}
		quiet, err := b.quiet(ctx, tx, a, now)
		if err != nil {
			return Alert{}, err
		}
		switch {
		case !held.IsZero() && n > 0:
			countHeld(tx, held)
		case held.IsZero() && !quiet:
			a.State, opened = Open, true
		}
	}
	tx.AfterCommit(b.wake)
	if err := updateFound(ctx, tx, a); err != nil || !opened {
		return a, err
	}
	return a, b.tell(ctx, tx, actor, a, city.SilenceID{}, now)
}

// quiet reports whether the matter's last outcome is so fresh that it is still held
// back.
func (b *Board) quiet(ctx context.Context, tx *db.Tx, a Alert, now time.Time) (bool, error) {
	d := b.detectors[a.Rule]
	if d.Silence == 0 {
		return false, nil
	}
	at, err := lastSettled(ctx, tx, a.Rule, a.Key)
	if err == nil && at.After(now) { // by a clock that was wrong
		at, err = now, settledBy(ctx, tx, a.Rule, a.Key, now)
	}
	return !at.IsZero() && now.Sub(at) < d.Silence, err
}

// tell appends that something was found, or found and held back. Nothing of where
// and who stands in it; whoever may know reads the alert.
func (b *Board) tell(ctx context.Context, tx *db.Tx, actor city.Actor, a Alert, by city.SilenceID, now time.Time) error {
	data := map[string]any{"alert": a.ID, "rule": a.Rule, "class": a.Class, "body": a.Body, "times": a.Times, "sure": a.Sure,
		"since": city.Micros(a.Since), "last": city.Micros(a.Last)}
	if a.Kind != "" {
		data["kind"] = a.Kind
	}
	ev := journal.Event{At: now, Type: "alert.raised", Subject: a.ID.String(), Actor: actor, Data: data, Unique: "alert.raised:" + a.ID.String()}
	if a.State == Silenced {
		ev.Type, ev.Unique = "alert.held", "alert.held:"+a.ID.String()
		if !by.IsZero() {
			data["silence"] = by
		}
	} else if _, ok := b.detectors[a.Rule]; ok {
		data["claims"] = []map[string]string{{"by": a.Rule, "did": "noticed", "says": "so"}}
	}
	return b.journal.Append(ctx, tx, ev)
}

// Resolve notes what somebody who looked found. A second outcome that says the same
// changes nothing; one that says otherwise is refused.
func (b *Board) Resolve(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID, o Outcome) error {
	a, err := alertByID(ctx, tx, id)
	if err != nil {
		return missing(err)
	}
	if err := b.access.Ask(ctx, actor, "alert.resolve", resource(a)); err != nil {
		return err
	}
	d, known := b.detectors[a.Rule]
	state, is := Refuted, "not_so"
	if o.Confirmed {
		state, is = Confirmed, "so"
		if known && !slices.Contains(d.Confirms, o.What) {
			return city.Invalid("alert.not_confirmed_so", "what", clip(o.What))
		}
	}
	if !codePattern.MatchString(o.What) {
		return city.Invalid("alert.outcome", "what", clip(o.What))
	}
	if a.State == state && a.Outcome == o.What {
		return nil
	}
	now := b.now()
	n, err := settleAlert(ctx, tx, id, state, o.What, now)
	if err != nil {
		return err
	}
	if n == 0 {
		return city.Conflict("alert.settled")
	}
	tx.AfterCommit(b.wake)
	data := map[string]any{"alert": id, "rule": a.Rule, "state": state, "outcome": o.What, "number": a.Case}
	if known {
		data["judged"] = []map[string]string{{"of": a.Rule, "is": is, "why": o.What}}
	}
	return b.journal.Append(ctx, tx, journal.Event{At: now, Type: "alert.resolved", Subject: id.String(), Actor: actor, Data: data})
}

// Clear notes that a matter has passed by itself, or was let go without a finding. A
// case that has come of it goes on, and may still resolve it.
func (b *Board) Clear(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID) error {
	a, err := alertByID(ctx, tx, id)
	if err != nil {
		return missing(err)
	}
	if err := b.access.Ask(ctx, actor, "alert.resolve", resource(a)); err != nil {
		return err
	}
	return b.clear(ctx, tx, actor, id)
}

func (b *Board) clear(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID) error {
	now := b.now()
	n, err := settleAlert(ctx, tx, id, Cleared, "", now)
	if err != nil || n == 0 { // another was faster
		return err
	}
	tx.AfterCommit(b.wake)
	a, err := alertByID(ctx, tx, id)
	if err != nil {
		return err
	}
	return b.journal.Append(ctx, tx, journal.Event{At: now, Type: "alert.cleared", Subject: id.String(), Actor: actor,
		Data: map[string]any{"alert": id, "rule": a.Rule}})
}

// Unfiled lists alerts of which a case is still to come, oldest first.
func (b *Board) Unfiled(ctx context.Context, tx *db.Tx, actor city.Actor, limit int) ([]Alert, error) {
	if err := b.access.Ask(ctx, actor, "alert.file", access.Resource{Type: "Alert"}); err != nil {
		return nil, err
	}
	return unfiled(ctx, tx, Alert{}, limit)
}

// UnfiledAfter lists those behind the one that a list before ended with.
func (b *Board) UnfiledAfter(ctx context.Context, tx *db.Tx, actor city.Actor, last Alert, limit int) ([]Alert, error) {
	if err := b.access.Ask(ctx, actor, "alert.file", access.Resource{Type: "Alert"}); err != nil {
		return nil, err
	}
	return unfiled(ctx, tx, last, limit)
}

// Filed notes the case that came of an alert. The first one stays.
func (b *Board) Filed(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID, number city.CaseNumber) error {
	if err := b.access.Ask(ctx, actor, "alert.file", access.Resource{Type: "Alert", ID: id.String()}); err != nil {
		return err
	}
	n, err := noteCase(ctx, tx, id, number)
	if err != nil || n == 0 {
		return err
	}
	tx.AfterCommit(b.wake)
	return b.journal.Append(ctx, tx, journal.Event{At: b.now(), Type: "alert.filed", Subject: id.String(), Actor: actor,
		Data: map[string]any{"alert": id, "number": number}})
}

// ruleResource is what a rule finds, as policies see it: with the body that answers
// for it, its head and whoever approves there.
func (b *Board) ruleResource(rule string) access.Resource {
	r := access.Resource{Type: "Alert", Attrs: access.Attrs{"rule": rule}}
	if body := string(b.detectors[rule].Body()); body != "" {
		r.Attrs["body"], r.Attrs["head"], r.Attrs["approver"] = body, body+".head", body+".approver"
	}
	return r
}

// resource is an alert as policies see it.
func resource(a Alert) access.Resource {
	return access.Resource{Type: "Alert", ID: a.ID.String(), Region: a.Place.Region, Attrs: access.Attrs{"rule": a.Rule, "body": a.Body, "class": a.Class}}
}

func missing(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return city.NotFound("alert.missing")
	}
	return err
}
