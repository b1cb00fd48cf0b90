package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

const (
	livePace  = 5 * time.Second // between two things that happen, on average
	liveFiles = 4000            // applications, after which only what is open is handled
	fewOpen   = 140
	manyOpen  = 220
)

// Live keeps the city moving until the context ends: now and then somebody
// applies, an officer takes the next step in a case, somebody rates. It acts for
// made-up residents and officers alone: cases of the people whom one can sign in
// as, and what they have taken on, stay theirs. Populate comes before it.
func (d *Demo) Live(ctx context.Context) error {
	l, err := d.newLife(ctx)
	if err != nil {
		return err
	}
	var s *street
	if d.takesReports() {
		if s, err = d.street(ctx); err != nil {
			return err
		}
	}
	for {
		pause := time.Duration(float64(livePace) * min(3, l.rand.ExpFloat64()))
		if err := breathe(ctx, max(livePace/4, pause)); err != nil {
			return err
		}
		steps := []func(context.Context) error{l.step}
		if s != nil {
			steps = append(steps, s.step)
		}
		for _, step := range steps {
			if err := step(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "the made-up city stumbled", "err", err)
			}
		}
	}
}

// life is the city in the present.
type life struct {
	*Demo
	rand    *rand.Rand
	planner *planner
	people  map[city.PersonID]int
	waiting []city.CaseNumber // open cases of theirs
	plays   map[city.CaseNumber]*play
	filed   int
}

// newLife finds the made-up people and what of theirs is open.
func (d *Demo) newLife(ctx context.Context) (*life, error) {
	l := &life{Demo: d, rand: d.chance(streamLive), people: map[city.PersonID]int{}, plays: map[city.CaseNumber]*play{}}
	c := d.crowd
	if c == nil {
		return nil, errors.New("demo: Live comes after Populate")
	}
	l.planner = d.planner(c.people, c.firms)
	l.planner.history(d.began.Add(time.Hour), d.today()) // who had their turn
	for i, id := range c.ids {
		l.people[id] = i
	}
	if l.waiting = d.open; d.fresh {
		return l, nil
	}
	l.waiting = nil
	var all []city.Actor
	for _, id := range c.ids {
		all = append(all, city.Actor{Kind: city.Resident, Person: id})
	}
	for i, id := range c.firmIDs {
		all = append(all, city.Actor{Kind: city.Resident, Person: c.ids[c.firms[i].legal], Firm: id})
	}
	for some := range slices.Chunk(all, 200) {
		err := d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, a := range some {
				if err := l.find(ctx, tx, a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// find adds the open cases of somebody; what they reported of the streets stands
// apart.
func (l *life) find(ctx context.Context, tx *db.Tx, a city.Actor) error {
	page, err := l.now.Cases.Mine(ctx, tx, a, 50, "")
	for _, c := range page.Cases {
		if c.Open && c.Kind != l.now.Pack.Site.Incidents.Kind && !slices.Contains(l.waiting, c.Number) {
			l.waiting = append(l.waiting, c.Number)
		}
	}
	return err
}

// step lets one thing happen.
func (l *life) step(ctx context.Context) error {
	files := 25
	switch n := len(l.waiting); {
	case l.filed >= liveFiles:
		files = 0
	case n < fewOpen:
		files = 45
	case n > manyOpen:
		files = 10
	}
	if len(l.waiting) == 0 || l.rand.IntN(100) < files {
		return l.apply(ctx)
	}
	for range 6 { // some wait for whom we don't play
		i := l.rand.IntN(len(l.waiting))
		moved, over, err := l.handle(ctx, l.waiting[i])
		if over {
			delete(l.plays, l.waiting[i])
			l.waiting = slices.Delete(l.waiting, i, i+1)
		}
		if moved || err != nil || len(l.waiting) == 0 {
			return err
		}
	}
	return nil
}

// apply lets somebody file an application.
func (l *life) apply(ctx context.Context) error {
	now := l.now.Clock.Now().In(l.now.Pack.Zone)
	pl, ok := l.planner.one(l.rand, now)
	if !ok || l.filed >= liveFiles {
		return nil
	}
	if pl.goes == slow || pl.goes == lapsed {
		pl.goes = goesWell // time can't be made to pass here
	}
	l.filed++
	pl.n = l.filed
	a, err := l.prepare(ctx, l.now, l.crowd, pl, l.rand, "live:"+city.NewCaseID().String())
	if err != nil {
		return fmt.Errorf("demo: an application for %s: %w%s", pl.item, err, fieldsOf(err))
	}
	var p *play
	var c casework.Case
	err = l.now.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		p, c, err = l.send(ctx, tx, a)
		return err
	})
	if err != nil {
		return fmt.Errorf("demo: an application for %s: %w%s", pl.item, err, fieldsOf(err))
	}
	p.opened = l.opened
	l.waiting, l.plays[c.Number] = append(l.waiting, c.Number), p
	return nil
}

func (l *life) opened(n city.CaseNumber) { l.waiting = append(l.waiting, n) }

// handle takes the next step in a case, if it is ours to take. over says that
// there is nothing more to do in it.
func (l *life) handle(ctx context.Context, n city.CaseNumber) (moved, over bool, err error) {
	err = l.now.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := l.now.Cases.Get(ctx, tx, program, n)
		if err != nil {
			return err
		}
		p, err := l.play(ctx, tx, c)
		if err != nil || p == nil {
			over = true
			return err
		}
		p.now = l.now.Clock.Now().In(l.now.Pack.Zone)
		if !c.Open { // since some time
			over = true
			return p.after(ctx, tx, c, p.now.AddDate(1, 0, 0))
		}
		k, _ := p.parts.Cases.Kind(c.Kind)
		if st, ok := k.Stage(c.Stage); !ok || st.Rule != "" {
			return nil // the rule speaks by itself
		}
		m, err := p.next(ctx, tx, c)
		if err != nil || m == nil {
			return err
		}
		_, err = p.take(ctx, tx, c, *m)
		moved = err == nil
		return err
	})
	var known *city.Error
	switch {
	case city.KindOf(err) == city.KindConflict, errors.Is(err, db.ErrDuplicate):
		return false, false, nil // somebody who is signed in was faster
	case errors.As(err, &known) && known.Kind == city.KindForbidden:
		return false, true, nil
	}
	return moved, over, err
}

// play finds or begins the play of a case; nil where its people are not ours.
func (l *life) play(ctx context.Context, tx *db.Tx, c casework.Case) (*play, error) {
	if p := l.plays[c.Number]; p != nil {
		return p, nil
	}
	who, ours := l.people[c.Applicant]
	if !ours {
		return nil, nil
	}
	owner := city.Actor{Kind: city.Resident, Person: c.Applicant, Name: l.crowd.people[who].Name, Assurance: city.AssurancePassword,
		Channel: city.ChannelWeb, Firm: c.Firm}
	owner, err := l.account(ctx, tx, l.now, owner)
	if err != nil {
		return nil, err
	}
	def, _, _ := l.now.Items.Item(c.Item)
	p := &play{d: l.Demo, parts: l.now, rand: l.rand, it: l.planOf(c), def: def, goes: goesWell, owner: owner, tardy: -1, opened: l.opened}
	l.plays[c.Number] = p
	return p, nil
}

// planOf is how the item goes; follow-ups and reviews have no plan of their own.
func (l *life) planOf(c casework.Case) *itemPlan {
	if it, _, ok := l.now.Items.Item(c.Item); !ok || it.Kind != c.Kind {
		return nil
	}
	return l.words.Items[c.Item]
}
