package demo

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// inspect raises an alert and plays the case that comes of it.
func (d *Demo) inspect(ctx context.Context, n int, m *matter, until time.Time) error {
	chance := rand.New(rand.NewPCG(d.seed, streamCampaign+uint64(n)))
	at := m.told[0].To.Add(time.Duration(20+chance.IntN(60)) * time.Second)
	return d.at(ctx, at, func(ctx context.Context, tx *db.Tx) error {
		a, joined, err := d.then.Alerts.Raise(ctx, tx, city.SystemActor("fleet"), m.told[0])
		if err != nil || joined { // there is a case already
			return err
		}
		receipt, err := d.then.Incidents.FromAlertIn(ctx, tx, city.SystemActor("alert"), a)
		if err != nil {
			return err
		}
		c, err := d.then.Cases.Get(ctx, tx, program, receipt.Number)
		if err != nil {
			return err
		}
		i := &inspection{repair: repair{play: play{d: d, parts: d.then, rand: chance, now: at, tardy: -1}}}
		i.judge(m)
		_, err = i.lead(ctx, tx, c, until, i.next)
		return err
	})
}

// inspection plays a case of something that was noticed.
type inspection struct {
	repair
	so   bool
	what string // it was, or why it wasn't so
}

// judge settles what the inspector will find: the truth, as far as the city's list of
// cases and chance tell it.
func (i *inspection) judge(m *matter) {
	plan := i.d.words.Campaign.Rules[m.rule]
	switch {
	case m.planted == nil:
		i.what = "device"
	case m.planted.Case != "":
		i.so, i.what = true, m.planted.Case
	case i.rand.IntN(100) < plan.So:
		i.so, i.what = true, plan.What
	default:
		i.what = "nothing"
		k := 0
		for _, w := range plan.Why {
			k += w
		}
		if k == 0 {
			return
		}
		k = i.rand.IntN(k)
		for _, why := range slices.Sorted(maps.Keys(plan.Why)) {
			if k -= plan.Why[why]; k < 0 {
				i.what = why
				return
			}
		}
	}
}

// next finds what happens next in an inspection.
func (i *inspection) next(ctx context.Context, tx *db.Tx, c casework.Case) (*move, error) {
	if len(c.Working) == 0 {
		return nil, nil
	}
	t := c.Working[0]
	if i.entered != c.State.Entered {
		i.entered, i.ends = c.State.Entered, i.until(c)
	}
	if c.Stage != stageReceived && c.Stage != stageHandling {
		return i.check(ctx, tx, c, t)
	}
	by, err := i.officer(ctx, tx, c, t)
	if err != nil || by.Account.IsZero() || c.Stage == stageReceived {
		return nil, err
	}
	step := func(share float64, least int, name string) (*move, error) {
		return i.act(i.when(c, share, least), by, t, casework.Action{Name: casework.ActProgress, Step: name}), nil
	}
	switch c.State.Progress {
	case "":
		return step(0.3, 2, "accepted")
	case "accepted":
		return step(0.3, 2, "on_the_way")
	case "on_the_way":
		return step(0.4, 5, "arrived")
	}
	f := &i.d.words.Campaign
	if i.so {
		return i.act(i.when(c, 1, 8), by, t, casework.Action{Name: "confirm", Note: pick(i.rand, f.Notes[i.what]), Params: map[string]string{"finding": i.what}}), nil
	}
	return i.act(i.when(c, 1, 8), by, t, casework.Action{Name: "refute", Reason: pick(i.rand, f.Reasons[i.what]), Params: map[string]string{"why": i.what}}), nil
}
