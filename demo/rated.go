package demo

import (
	"context"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

// rated is a rating to give once the matter is over.
type rated struct {
	voice
	at time.Time
	by city.Actor
	r  incident.Rating
}

// ratings are what reporters say of it afterwards: some on the page, some when an
// operator calls, most nothing.
func (p *repair) ratings(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time) (all []rated, err error) {
	operators, err := p.operators(ctx, tx)
	if err != nil || c.Result == "not_accepted" || c.Result == "merged" {
		return nil, err
	}
	for _, v := range p.said {
		k := p.rand.IntN(100)
		x := rated{voice: v, at: p.waking(c.ClosedAt.Add(time.Duration(15+p.rand.IntN(2200)) * time.Minute))}
		switch {
		case k < 24:
			x.by, x.r.By = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}, "page"
		case k < 40 && len(operators) > 0:
			x.by, x.r.By = pick(p.rand, operators), "call"
		default:
			continue
		}
		if x.at.After(until) {
			continue
		}
		x.r.Level = p.level(c)
		well := x.r.Level <= 3
		responded := well || p.rand.IntN(2) == 0
		x.r.Responded, x.r.Resolved = &responded, &well
		x.r.Words = pick(p.rand, p.d.words.Streets.Rated[x.r.Level])
		all = append(all, x)
	}
	return all, nil
}

// level is 1, the best, to 5, and worse for what was late or had to be done again.
func (p *repair) level(c casework.Case) int {
	bad := 7
	if p.t.goes == endsLate || c.State.Counts["rework"] > 0 || p.again {
		bad = 38
	}
	switch k := p.rand.IntN(100); {
	case k < bad/2:
		return 5
	case k < bad:
		return 4
	case k < bad+10:
		return 3
	case k < bad+32:
		return 2
	}
	return 1
}
