package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

const (
	mostTroubles   = 1500             // of the present, after which only what is open is handled
	newTrouble     = 14               // of a hundred steps, how many are reports
	fewReceived    = 3                // matters that are left to whoever signs in at the hotline
	looksAround    = time.Minute      // how long a list of open matters is good for
	leaveAWhile    = 75 * time.Second // what has just come may be taken by somebody who is signed in
	leaveAtHome    = 45 * time.Minute // the same in the community of a sign-in
	openMattersMax = 60
)

// street is the present of the streets.
type street struct {
	*Demo
	rand    *rand.Rand
	crowd   *crowd
	spots   *streets
	patrol  *patrol
	plays   map[city.CaseNumber]*repair
	open    []city.CaseNumber
	looked  time.Time
	told    int
	home    []city.RegionCode // of the sign-ins
	waiting int               // at the hotline, when last looked
}

func (d *Demo) street(ctx context.Context) (*street, error) {
	s := &street{Demo: d, rand: d.chance(streamStreets + 1), crowd: d.crowd, spots: d.streets(), plays: map[city.CaseNumber]*repair{}}
	for _, in := range d.cast.SignIns {
		if in.Region != "" {
			s.home = append(s.home, in.Region)
		}
	}
	var err error
	s.patrol, err = d.patrol(ctx)
	return s, err
}

// step lets one thing happen in the streets.
func (s *street) step(ctx context.Context) error {
	if err := s.patrol.tick(ctx); err != nil {
		return err
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	if s.told < mostTroubles && len(s.open) < openMattersMax && (len(s.open) == 0 || s.rand.IntN(100) < newTrouble) {
		return s.report(ctx)
	}
	for range 6 {
		if len(s.open) == 0 {
			return nil
		}
		i := s.rand.IntN(len(s.open))
		moved, over, err := s.handle(ctx, s.open[i])
		if over {
			delete(s.plays, s.open[i])
			s.open = slices.Delete(s.open, i, i+1)
		}
		if moved || err != nil {
			return err
		}
	}
	return nil
}

// look finds the open matters in the inboxes of those who mend, check and receive,
// whoever reported them.
func (s *street) look(ctx context.Context) error {
	now := s.now.Clock.Now()
	if now.Sub(s.looked) < looksAround {
		return nil
	}
	s.looked, s.open, s.waiting = now, nil, 0
	settings := s.now.Pack.Site.Incidents
	posts := []city.PostID{city.PostID(string(settings.Office) + "." + settings.Operator)}
	for _, c := range s.words.Streets.Crews {
		posts = append(posts, c.Post)
	}
	for _, b := range s.words.Streets.Whistled {
		posts = append(posts, city.PostID(string(b)+".clerk"))
	}
	return s.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, post := range posts {
			list, err := s.officersFor(ctx, tx, post, "")
			if err != nil {
				return err
			}
			for _, o := range list {
				page, err := s.now.Cases.Inbox(ctx, tx, o.Actor, casework.InboxQuery{Scope: casework.ScopeAll, Kind: settings.Kind, Limit: 60})
				if err != nil {
					return err
				}
				for _, c := range page.Cases {
					if slices.Contains(s.open, c.Number) {
						continue
					}
					s.open = append(s.open, c.Number)
					if c.Stage == stageReceived {
						s.waiting++
					}
				}
			}
		}
		return nil
	})
}

// report lets somebody notice something.
func (s *street) report(ctx context.Context) error {
	now := s.now.Clock.Now().In(s.now.Pack.Zone)
	t := s.trouble(s.rand, s.spots, city.DateOf(now), false)
	t.at, t.key = now, "live:"+city.NewCaseID().String()
	s.told++
	var by city.Actor
	var r incident.Report
	err := s.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		by, r, err = s.reportOf(ctx, tx, s.crowd, t, s.rand)
		return err
	})
	if err != nil {
		return err
	}
	receipt, err := s.now.Incidents.Report(ctx, by, r)
	if err != nil || receipt.Joined {
		return err
	}
	s.open = append(s.open, receipt.Number)
	s.plays[receipt.Number] = &repair{play: play{d: s.Demo, parts: s.now, rand: s.rand, tardy: -1}, t: t, said: []voice{{receipt.Number, receipt.Code}}}
	return nil
}

// handle takes the next step in a matter, if it is ours to take.
func (s *street) handle(ctx context.Context, n city.CaseNumber) (moved, over bool, err error) {
	now := s.now.Clock.Now().In(s.now.Pack.Zone)
	var rate []rated
	err = s.now.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.now.Cases.Get(ctx, tx, program, n)
		if err != nil || !c.Open {
			over = err == nil
			return err
		}
		if !s.ours(c, now) {
			return nil
		}
		p := s.plays[n]
		if p == nil {
			p = &repair{play: play{d: s.Demo, parts: s.now, rand: s.rand, tardy: -1}, t: trouble{class: c.Item, goes: endsWell}}
			s.plays[n] = p
		}
		p.now = now
		m, err := p.next(ctx, tx, c)
		if err != nil || m == nil {
			return err
		}
		if c, err = p.take(ctx, tx, c, *m); err != nil {
			return err
		}
		moved = true
		if !c.Open {
			over = true
			rate, err = p.ratings(ctx, tx, c, now.AddDate(0, 1, 0))
		}
		return err
	})
	var known *city.Error
	switch {
	case city.KindOf(err) == city.KindConflict, errors.Is(err, db.ErrDuplicate):
		return false, false, nil // somebody who is signed in was faster
	case errors.As(err, &known) && known.Kind == city.KindForbidden:
		return false, true, nil
	case err != nil:
		return moved, over, err
	}
	for _, x := range rate {
		if err := s.now.Incidents.Rate(ctx, x.by, x.number, x.code, x.r); err != nil {
			return moved, over, err
		}
	}
	return moved, over, nil
}

// ours reports whether somebody made up may take the next step: what has just come,
// and the last few at the hotline and in a sign-in's own community, are left to whoever
// signs in.
func (s *street) ours(c casework.Case, now time.Time) bool {
	least := leaveAWhile
	if slices.ContainsFunc(s.home, func(r city.RegionCode) bool { return r.Contains(c.Region) }) {
		least = leaveAtHome
	}
	if c.Stage == stageReceived && s.waiting <= fewReceived {
		return false
	}
	if now.Sub(c.State.Entered) < least && c.State.Progress == "" {
		return false
	}
	if c.Stage == stageReceived {
		s.waiting--
	}
	return true
}
