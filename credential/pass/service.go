package pass

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/paper"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a Service; all are needed but Lends.
type Options struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Zone      *time.Location
	Directory *directory.Directory
	Licences  *credential.Registry // whose keys sign
	Purposes  []Purpose            // checked
	// Lends lists who gave the actor leave to act in everything for them.
	Lends func(ctx context.Context, tx *db.Tx, actor city.Actor) ([]city.PersonID, error)
	Press *paper.Press
	City  city.Text
	Check string // the page where anybody checks a code
}

// Service makes and looks after pass codes. It is safe for concurrent use.
type Service struct {
	o     Options
	cases *casework.Engine
}

// New makes the service.
func New(o Options) *Service { return &Service{o: o} }

// Bind gives the engine that contests are cases of.
func (s *Service) Bind(e *casework.Engine) { s.cases = e }

const (
	longestReason = 500
	grownUp       = 18 // years
	mostOnSheet   = 6  // codes on a printed page
	sweepBatch    = 500
)

func (s *Service) now() time.Time { return s.o.Clock.Now().In(s.o.Zone) }

// Purposes are those for which codes are made now, in the order of the pack.
func (s *Service) Purposes() []Purpose {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(s.o.Purposes), func(p Purpose) bool { return !p.Open(now, s.o.Zone) })
}

// All are the purposes of the pack, over or not.
func (s *Service) All() []Purpose { return s.o.Purposes }

// Purpose finds one that is not over.
func (s *Service) Purpose(id string) (*Purpose, error) {
	for i := range s.o.Purposes {
		if p := &s.o.Purposes[i]; p.ID == id {
			switch now := s.now(); {
			case now.Before(p.From.In(s.o.Zone)):
				return nil, city.NotFound("pass.not_begun", "day", p.From.In(s.o.Zone))
			case !p.Open(now, s.o.Zone):
				return nil, city.NotFound("pass.over", "day", p.Ends.In(s.o.Zone))
			}
			return p, nil
		}
	}
	return nil, city.NotFound("pass.unknown")
}

func (p *Purpose) resource(more access.Attrs) access.Resource {
	r := access.Resource{Type: "Pass", ID: p.ID, Attrs: access.Attrs{"purpose": p.ID, "body": p.Body, "post": p.Post}}
	posts := make([]string, len(p.LookUp))
	for i, l := range p.LookUp {
		posts[i] = string(l)
	}
	r.Attrs["lookup"] = posts
	for k, v := range more {
		r.Attrs[k] = v
	}
	return r
}

// Member is somebody whose code the actor may show.
type Member struct {
	Person city.PersonID
	Name   string
	Self   bool
}

// Members are the actor, the children and wards they look after, and who gave them
// leave to act in everything.
func (s *Service) Members(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Member, error) {
	if err := s.o.Access.Ask(ctx, actor, "pass.use", access.Resource{Type: "Pass"}); err != nil {
		return nil, err
	}
	if actor.Kind != city.Resident || actor.Person.IsZero() {
		return nil, city.Forbidden("pass.residents")
	}
	ids := []city.PersonID{actor.Person}
	kin, err := s.o.Directory.Relatives(ctx, tx, actor.Person)
	if err != nil {
		return nil, err
	}
	today := city.DateOf(s.now())
	for _, k := range kin {
		switch k.Kind {
		case directory.Ward:
			ids = append(ids, k.Person)
		case directory.Child:
			facts, err := s.o.Directory.PersonFacts(ctx, tx, k.Person)
			if err != nil {
				if city.KindOf(err) == city.KindNotFound {
					continue
				}
				return nil, err
			}
			if born, ok := facts["birth_date"].(city.Date); ok && today.Before(city.Date{Year: born.Year + grownUp, Month: born.Month, Day: born.Day}) {
				ids = append(ids, k.Person)
			}
		}
	}
	if s.o.Lends != nil {
		more, err := s.o.Lends(ctx, tx, actor)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	var out []Member
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		name, err := s.o.Directory.PersonName(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if name != "" {
			out = append(out, Member{Person: id, Name: name, Self: i == 0})
		}
	}
	return out, nil
}

// Code is a code to be shown.
type Code struct {
	Text   string
	Claims credential.PassClaims
	State  State
	Until  time.Time // when the state is over by itself; zero for the ordinary one
	Why    string    // it was set; "" for the ordinary one
	Name   string    // of whom it is
}

// Show makes a code for somebody that the actor may show one for; nothing of it is
// kept. Each call makes another one.
func (s *Service) Show(ctx context.Context, tx *db.Tx, actor city.Actor, purpose string, person city.PersonID, on credential.Carrier) (Code, error) {
	p, err := s.Purpose(purpose)
	if err != nil {
		return Code{}, err
	}
	if err := s.o.Access.Ask(ctx, actor, "pass.use", p.resource(nil)); err != nil {
		return Code{}, err
	}
	m, err := s.member(ctx, tx, actor, p, person, "pass.show")
	if err != nil {
		return Code{}, err
	}
	return s.code(ctx, tx, p, m, on)
}

func (s *Service) member(ctx context.Context, tx *db.Tx, actor city.Actor, p *Purpose, person city.PersonID, action string) (Member, error) {
	all, err := s.Members(ctx, tx, actor)
	if err != nil {
		return Member{}, err
	}
	i := slices.IndexFunc(all, func(m Member) bool { return m.Person == person })
	if err := s.o.Access.Ask(ctx, actor, action, p.resource(access.Attrs{"person": person, "kin": i >= 0})); err != nil {
		return Member{}, err
	}
	if i < 0 {
		return Member{}, city.Forbidden("pass.not_yours")
	}
	return all[i], nil
}

func (s *Service) code(ctx context.Context, tx *db.Tx, p *Purpose, m Member, on credential.Carrier) (Code, error) {
	now := s.now()
	life := p.Screen
	if on == credential.OnPaper {
		if life = p.Paper; life == 0 {
			return Code{}, city.Invalid("pass.no_paper")
		}
	}
	state, until, x, err := s.state(ctx, tx, p, m.Person, now)
	if err != nil {
		return Code{}, err
	}
	c := Code{State: state, Until: until, Name: m.Name}
	if x != nil {
		if err := s.o.Journal.Vault().Unseal(ctx, tx, x.key, x.why, &c.Why); err != nil && !errors.Is(err, journal.ErrErased) {
			return Code{}, err
		}
	}
	claims := credential.PassClaims{Purpose: p.ID, State: state.ID, Carrier: on, SignedAt: now, Expires: now.Add(life)}
	for _, end := range []time.Time{p.Over(s.o.Zone), until} {
		if !end.IsZero() && end.Before(claims.Expires) {
			claims.Expires = end
		}
	}
	if slices.Contains(p.Fields, "name") {
		claims.Holder = credential.MaskName(m.Name)
	}
	c.Text, c.Claims, err = s.o.Licences.SealPass(ctx, claims)
	return c, err
}

// state is somebody's at a moment; the row is nil for the ordinary one.
func (s *Service) state(ctx context.Context, tx *db.Tx, p *Purpose, person city.PersonID, now time.Time) (State, time.Time, *row, error) {
	x, err := stateRow(ctx, tx, p.ID, person)
	if errors.Is(err, db.ErrNoRows) {
		return p.States[0], time.Time{}, nil, nil
	}
	if err != nil {
		return State{}, time.Time{}, nil, err
	}
	st, known := p.State(x.state)
	if !known || !now.Before(x.until) || st.ID == p.States[0].ID { // the pack has changed, or its time is over
		return p.States[0], time.Time{}, nil, nil
	}
	return st, x.until, &x, nil
}

// Sheet prints codes of the actor's people on one page.
func (s *Service) Sheet(ctx context.Context, tx *db.Tx, actor city.Actor, purpose string, people []city.PersonID) ([]byte, error) {
	p, err := s.Purpose(purpose)
	if err != nil {
		return nil, err
	}
	if err := s.o.Access.Ask(ctx, actor, "pass.use", p.resource(nil)); err != nil {
		return nil, err
	}
	if len(people) == 0 || len(people) > mostOnSheet {
		return nil, city.Invalid("pass.sheet_size", "n", mostOnSheet)
	}
	sheet := paper.PassSheet{City: s.o.City, Purpose: p.Name, About: p.About, Check: s.o.Check, Printed: s.now()}
	for _, id := range people {
		c, err := s.Show(ctx, tx, actor, purpose, id, credential.OnPaper)
		if err != nil {
			return nil, err
		}
		sheet.Codes = append(sheet.Codes, paper.PassCode{Code: c.Text, Holder: c.Claims.Holder, State: c.State.Name, Until: c.Claims.Expires.In(s.o.Zone)})
	}
	return s.o.Press.Passes(sheet)
}

// Setting is a state that an officer gives somebody.
type Setting struct {
	Purpose string
	Number  string // citizen number
	State   string
	Reason  string // which the person reads
	Until   time.Time
}

// Set gives somebody a state, with a reason that the person reads and an end. The
// ordinary state needs no end. The person is told.
func (s *Service) Set(ctx context.Context, actor city.Actor, in Setting) error {
	p, err := s.Purpose(in.Purpose)
	if err != nil {
		return err
	}
	if err := s.o.Access.Ask(ctx, actor, "pass.set", p.resource(nil)); err != nil {
		return err
	}
	now := s.now()
	st, ok := p.State(in.State)
	var faults []city.Field
	fault := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	if !ok {
		fault("state", "pass.state_unknown")
	}
	if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" || utf8.RuneCountInString(in.Reason) > longestReason {
		fault("reason", "pass.reason", "n", longestReason)
	}
	ordinary := ok && st.ID == p.States[0].ID
	if ok && !ordinary && (!in.Until.After(now) || in.Until.After(now.Add(st.Most))) {
		fault("until", "pass.until", "days", int(st.Most/(24*time.Hour)))
	}
	if len(faults) > 0 {
		return city.InvalidFields(faults)
	}
	return again(func() error {
		return s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			person, err := s.o.Directory.PersonByNumber(ctx, tx, strings.TrimSpace(in.Number))
			if city.KindOf(err) == city.KindNotFound {
				return city.InvalidFields([]city.Field{{Name: "number", Message: city.Message{Key: "pass.nobody"}}})
			}
			if err != nil {
				return err
			}
			countOne(tx, p.ID, "set")
			return s.give(ctx, tx, actor, p, person, st, in.Reason, in.Until, now)
		})
	})
}

// again takes a step once more whose state another has changed meanwhile, some times.
func again(step func() error) (err error) {
	for range 10 {
		if err = step(); !errors.Is(err, casework.ErrAgain) && !errors.Is(err, db.ErrDuplicate) {
			return err
		}
	}
	return err
}

// give puts somebody's state in place and tells them.
func (s *Service) give(ctx context.Context, tx *db.Tx, actor city.Actor, p *Purpose, person city.PersonID, st State, reason string, until, now time.Time) error {
	old, err := stateRow(ctx, tx, p.ID, person)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	key := old.key // one for all that was said of somebody under the purpose: it goes when the purpose does
	if err != nil {
		if key, err = s.o.Journal.Vault().NewKey(ctx, tx, person); err != nil {
			return err
		}
	}
	until = until.Truncate(time.Hour) // so exact that it tells whose code it is in no code
	// The ordinary state is kept for as long as the purpose lasts, so that its key goes
	// with it. None lasts longer: one that is set while the purpose ends goes, too.
	if over := p.Over(s.o.Zone); st.ID == p.States[0].ID || over.Before(until) {
		until = over
	}
	x := row{person: person, state: st.ID, until: until, at: now, setter: actor.Account, key: key}
	if x.why, err = s.o.Journal.Vault().Seal(ctx, tx, key, reason); err != nil {
		return err
	}
	saveState(tx, p.ID, x, old)
	return s.o.Journal.Append(ctx, tx, journal.Event{At: now, Type: "pass.set", Subject: p.ID, Actor: actor, To: []journal.Recipient{{Person: person}},
		Data: map[string]any{"purpose": p.ID}, Key: key, Sealed: map[string]any{"state": st.ID, "until": until, "reason": reason}})
}

// How somebody who looks a state up knows that they may.
const (
	WithLeave = "leave" // the person stands there and said yes
	ByCard    = "card"  // the person laid their identity card on the reader of a gate
)

// Found is what a look-up tells.
type Found struct {
	State  State
	Holder string // the name with its middle hidden
}

// LookUp tells the state of somebody who has no code at hand: with their leave, or by
// their card at a gate. Who looked is on record, and the person sees it.
func (s *Service) LookUp(ctx context.Context, actor city.Actor, purpose, number, how string) (out Found, err error) {
	p, err := s.Purpose(purpose)
	if err != nil {
		return out, err
	}
	if err := s.o.Access.Ask(ctx, actor, "pass.look_up", p.resource(nil)); err != nil {
		return out, err
	}
	if how != WithLeave && how != ByCard {
		return out, city.InvalidFields([]city.Field{{Name: "how", Message: city.Message{Key: "pass.leave"}}})
	}
	now := s.now()
	err = s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		person, err := s.o.Directory.PersonByNumber(ctx, tx, strings.TrimSpace(number))
		if city.KindOf(err) == city.KindNotFound {
			return city.InvalidFields([]city.Field{{Name: "number", Message: city.Message{Key: "pass.nobody"}}})
		}
		if err != nil {
			return err
		}
		if out.State, _, _, err = s.state(ctx, tx, p, person, now); err != nil {
			return err
		}
		name, err := s.o.Directory.PersonName(ctx, tx, person)
		if err != nil {
			return err
		}
		out.Holder = credential.MaskName(name)
		countOne(tx, p.ID, "looked_up")
		return access.RecordUse(ctx, tx, s.o.Journal, actor, access.Use{Person: person, At: now, Purpose: "purpose.pass." + how, Fields: []string{"pass:" + p.ID}})
	})
	return out, err
}

// Contest opens a case in which somebody other than who set the state looks at it
// again. While one is open another contest leads to it.
func (s *Service) Contest(ctx context.Context, actor city.Actor, purpose string, person city.PersonID, why string) (c casework.Case, err error) {
	p, err := s.Purpose(purpose)
	if err != nil {
		return c, err
	}
	if err := s.o.Access.Ask(ctx, actor, "pass.use", p.resource(nil)); err != nil {
		return c, err
	}
	if why = strings.TrimSpace(why); why == "" || utf8.RuneCountInString(why) > longestReason {
		return c, city.InvalidFields([]city.Field{{Name: "why", Message: city.Message{Key: "pass.reason", Args: []any{"n", longestReason}}}})
	}
	contest := func(ctx context.Context, tx *db.Tx) error {
		m, err := s.member(ctx, tx, actor, p, person, "pass.contest")
		if err != nil {
			return err
		}
		_, _, x, err := s.state(ctx, tx, p, person, s.now())
		if err != nil {
			return err
		}
		if x == nil {
			return city.Conflict("pass.nothing_to_contest")
		}
		var barred []city.AccountID
		if !x.setter.IsZero() {
			barred = append(barred, x.setter)
		}
		n, err := markContested(ctx, tx, p.ID, person)
		if err != nil {
			return err
		}
		if n > 0 {
			countOne(tx, p.ID, "contested")
		}
		c, err = s.cases.Open(ctx, tx, actor, casework.Opening{Kind: p.Kind, Applicant: actor.Person,
			Params: map[string]string{"body": string(p.Body), "post": postName(p.Post), "purpose": p.ID, "person": person.String()}, Title: m.Name, Payload: map[string]string{"why": why},
			Key: fmt.Sprintf("pass:%s:%s:%d", p.ID, person, city.Micros(x.at)), Barred: barred})
		return err
	}
	err = again(func() error { return s.o.DB.Update(ctx, contest) }) // the other of two parents may have been first
	return c, err
}

// postName is a post without its body.
func postName(p city.PostID) string {
	_, name, _ := strings.Cut(string(p), ".")
	return name
}

// Effects are what cases can do: correct_pass puts the applicant's state back to the
// ordinary one.
func (s *Service) Effects() map[string]casework.EffectFunc {
	return map[string]casework.EffectFunc{"correct_pass": s.correct}
}

func (s *Service) correct(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	p, err := s.Purpose(call.With["purpose"])
	if city.KindOf(err) == city.KindNotFound {
		return nil // it is over, and nothing is kept any more
	}
	if err != nil {
		return err
	}
	var person city.PersonID
	if err := person.UnmarshalJSON([]byte(strconv.Quote(call.With["person"]))); err != nil {
		return err
	}
	countOne(tx, p.ID, "corrected")
	return s.give(ctx, tx, call.Actor, p, person, p.States[0], call.Record.Words.Reason, time.Time{}, s.now())
}

// Counts are how often something was done under a purpose (set, looked_up, contested,
// corrected), for whoever answers for it.
func (s *Service) Counts(ctx context.Context, tx *db.Tx, actor city.Actor, p Purpose) (map[string]int64, error) {
	if err := s.o.Access.Ask(ctx, actor, "pass.count", p.resource(nil)); err != nil {
		return nil, err
	}
	return counts(ctx, tx, p.ID)
}

// Ended is when a purpose was erased and how many states went with it; ok is false
// while it wasn't.
func (s *Service) Ended(ctx context.Context, tx *db.Tx, purpose string) (at time.Time, states int64, ok bool, err error) {
	at, states, err = endedAt(ctx, tx, purpose)
	if errors.Is(err, db.ErrNoRows) {
		return at, 0, false, nil
	}
	return at, states, err == nil, err
}

// May reports whether an officer does something with pass codes, for menus.
func (s *Service) May(actor city.Actor) bool {
	return slices.ContainsFunc(s.Purposes(), func(p Purpose) bool {
		return s.o.Access.Decide(actor, "pass.set", p.resource(nil)).Allowed || s.o.Access.Decide(actor, "pass.look_up", p.resource(nil)).Allowed
	})
}

// MaySet reports whether an officer sets states of a purpose.
func (s *Service) MaySet(actor city.Actor, p Purpose) bool {
	return s.o.Access.Decide(actor, "pass.set", p.resource(nil)).Allowed
}

// Sweep erases states whose time is over, and all that is kept for purposes that are
// over; of the latter the journal says how much it was. It may run on several nodes.
func (s *Service) Sweep(ctx context.Context, actor city.Actor) error {
	if err := s.o.Access.Ask(ctx, actor, "pass.sweep", access.Resource{Type: "Pass"}); err != nil {
		return err
	}
	for _, p := range s.o.Purposes {
		if s.now().Before(p.Over(s.o.Zone)) {
			continue
		}
		var over bool
		err := s.o.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			_, _, over, err = s.Ended(ctx, tx, p.ID)
			return err
		})
		if err != nil {
			return err
		}
		if over {
			continue
		}
		total := int64(0)
		err = s.erase(ctx, func(ctx context.Context, tx *db.Tx) ([]doomed, error) { return statesOf(ctx, tx, p.ID, sweepBatch) }, &total)
		if err != nil {
			return err
		}
		err = s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, _, over, err := s.Ended(ctx, tx, p.ID); over || err != nil {
				return err
			}
			saveEnded(tx, p.ID, s.now(), total)
			return s.o.Journal.Append(ctx, tx, journal.Event{At: s.now(), Type: "pass.erased", Subject: p.ID, Actor: actor,
				Data: map[string]any{"purpose": p.ID, "states": total}})
		})
		if err != nil && !errors.Is(err, db.ErrDuplicate) { // another node was first
			return err
		}
	}
	return s.erase(ctx, func(ctx context.Context, tx *db.Tx) ([]doomed, error) { return lapsed(ctx, tx, s.now(), sweepBatch) }, nil)
}

// erase removes states with their keys, some at a time, until there are none.
func (s *Service) erase(ctx context.Context, find func(context.Context, *db.Tx) ([]doomed, error), total *int64) error {
	for {
		var n, erased int
		err := s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			list, err := find(ctx, tx)
			if err != nil {
				return err
			}
			n, erased = len(list), 0
			for _, x := range list {
				gone, err := dropState(ctx, tx, x)
				if err != nil {
					return err
				}
				if !gone { // it was set anew meanwhile
					continue
				}
				if err := s.o.Journal.Vault().Discard(ctx, tx, x.key); err != nil {
					return err
				}
				erased++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if total != nil {
			*total += int64(erased)
		}
		if n < sweepBatch {
			return nil
		}
	}
}
