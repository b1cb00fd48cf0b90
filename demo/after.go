package demo

import (
	"context"
	"fmt"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// after is what follows a case that is over: a rating with its follow-up, the
// question whether a person could look again, a licence that is ended later.
func (p *play) after(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time) error {
	if c.Open || p.owner.Kind != city.Resident {
		return nil
	}
	said := p.d.words.Said
	if at := p.waking(p.now.Add(time.Duration(1+p.rand.IntN(70)) * time.Hour)); p.rand.IntN(100) < 55 && at.Before(until) && c.Result != "withdrawn" {
		stars := p.stars(c)
		p.clock(at)
		r, err := p.parts.Items.RateIn(ctx, tx, p.owner, c.Number, serviceitem.OfStars(stars), pick(p.rand, said.Ratings[stars]))
		if err != nil {
			return fmt.Errorf("demo: rating %s: %w", c.Number, err)
		}
		if r.FollowUp != "" {
			if err := p.follow(ctx, tx, r.FollowUp, at, until); err != nil {
				return err
			}
		}
	}
	if c.Result == "refused" && p.def.Rule != "" && p.rand.IntN(2) == 0 {
		if at := p.waking(p.now.Add(time.Duration(10+p.rand.IntN(60)) * time.Hour)); at.Before(until) {
			p.clock(at)
			review, err := p.parts.Items.LookAgainIn(ctx, tx, p.owner, c.Number, pick(p.rand, said.LookAgain))
			if err != nil {
				return fmt.Errorf("demo: looking again at %s: %w", c.Number, err)
			}
			if err := p.follow(ctx, tx, review.Number, at, until); err != nil {
				return err
			}
		}
	}
	if c.Result == "approved" && p.rand.IntN(60) == 0 {
		return p.end(ctx, tx, c, until)
	}
	return nil
}

// follow plays a case that came of another.
func (p *play) follow(ctx context.Context, tx *db.Tx, n city.CaseNumber, at, until time.Time) error {
	if p.opened != nil {
		p.opened(n)
		return nil
	}
	c, err := p.parts.Cases.Get(ctx, tx, program, n)
	if err != nil {
		return err
	}
	q := &play{d: p.d, parts: p.parts, rand: p.rand, def: p.def, goes: goesWell, owner: p.owner, now: at, tardy: -1, left: p.left}
	if p.rand.IntN(8) == 0 {
		q.goes, q.tardy = slow, 0
	}
	_, err = q.run(ctx, tx, c, until)
	return err
}

// stars are what somebody gives: most are content, fewer when it took too long or
// ended badly.
func (p *play) stars(c casework.Case) int {
	k := p.rand.IntN(100)
	if c.Result == "refused" || c.Result == "not_accepted" || p.goes == slow {
		k += 32
	}
	switch {
	case k < 64:
		return 5
	case k < 86:
		return 4
	case k < 95:
		return 3
	case k < 112:
		return 2
	}
	return 1
}

// end ends or suspends a licence that the case gave, some days later.
func (p *play) end(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time) error {
	at := p.office(time.Duration(3+p.rand.IntN(30)) * officeHours)
	given, err := p.parts.Credentials.ByCase(ctx, tx, program, c.Number)
	if err != nil || len(given) == 0 || at.After(until) {
		return err
	}
	g := given[0]
	list, err := p.d.officersFor(ctx, tx, city.PostID(string(g.Body)+".approver"), "")
	if err != nil || len(list) == 0 {
		return err
	}
	p.clock(at)
	if !g.InForce(at) {
		return nil
	}
	change, e := p.parts.Credentials.Revoke, pick(p.rand, p.d.words.Said.Revoke)
	if !c.Firm.IsZero() && p.rand.IntN(2) == 0 {
		change, e = p.parts.Credentials.Suspend, pick(p.rand, p.d.words.Said.Suspend)
	}
	_, err = change(ctx, tx, list[0].Actor, credential.Change{Number: g.Number, Reason: e.Reason, Legal: e.Legal, Cause: "demo:" + string(c.Number)})
	return err
}
