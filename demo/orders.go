package demo

import (
	"context"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// orders plays the supervision orders that a matter led to while it was late: the
// head answers, and the office that watches reads the answer.
func (p *repair) orders(ctx context.Context, tx *db.Tx, of casework.Case, until time.Time) error {
	children, err := p.parts.Cases.Children(ctx, tx, program, of.ID)
	for _, o := range children {
		if err != nil {
			return err
		}
		p.now = o.OpenedAt
		o, err = p.order(ctx, tx, o, until)
		if err == nil && o.Open { // nobody who is played answers
			_, err = p.timer(ctx, tx, o, until, until)
		}
	}
	return err
}

func (p *repair) order(ctx context.Context, tx *db.Tx, o casework.Case, until time.Time) (casework.Case, error) {
	for o.Open && len(o.Working) > 0 {
		by, err := p.officer(ctx, tx, o, o.Working[0])
		if err != nil || by.Account.IsZero() || p.judges(o, by) {
			return o, err
		}
		k, _ := p.parts.Cases.Kind(o.Kind)
		st, ok := k.Stage(o.Stage)
		if !ok || len(st.Outcomes) == 0 {
			return o, nil
		}
		at := p.office(time.Duration(2+p.rand.IntN(30)) * time.Hour)
		if o, err = p.timer(ctx, tx, o, at, until); err != nil || at.After(until) {
			return o, err
		}
		a := casework.Action{Name: st.Outcomes[0].Action, Task: o.Working[0].ID, Reason: pick(p.rand, p.d.words.Streets.Orders)}
		if o, err = p.take(ctx, tx, o, move{at: at, by: by, act: a}); err != nil {
			return o, err
		}
		p.now = at
	}
	return o, nil
}

// judges reports whether somebody would judge their own answer.
func (p *repair) judges(o casework.Case, by city.Actor) bool {
	for _, who := range o.State.Movers {
		if who == by.Account {
			return true
		}
	}
	return false
}
