package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// crowd are the made-up people and firms with their places in the register.
type crowd struct {
	people  []resident
	firms   []firm
	ids     []city.PersonID
	firmIDs []city.FirmID
	clerks  []officer // who sit at the counters
}

// Populate fills in residents, firms and the past months. It takes up what an
// earlier call left, and does nothing where everything is done. Each case comes
// whole, up to where it stands today, in one transaction: nobody sees it half
// way, and a stop leaves nothing unfinished.
func (d *Demo) Populate(ctx context.Context, progress func(done, total int)) error {
	c := d.makeUp()
	until := d.now.Clock.Now().In(d.now.Pack.Zone)
	var due []plan
	for _, pl := range d.planner(c.people, c.firms).history(d.began.Add(time.Hour), city.DateOf(until)) {
		if pl.at.Before(until) {
			due = append(due, pl)
		}
	}
	var befell []trouble
	if d.takesReports() {
		for _, t := range d.troubles(city.DateOf(until)) {
			if t.at.Before(until) {
				befell = append(befell, t)
			}
		}
	}
	const person = 4 // people are entered so much faster than a case is played
	total := len(c.people)/person + len(due) + len(befell)
	step := func(done int) {
		if progress != nil {
			progress(done, total)
		}
		runtime.Gosched()
	}
	if err := d.enterPeople(ctx, c, func(n int) { step(n / person) }); err != nil {
		return err
	}
	if err := d.enterFirms(ctx, c); err != nil {
		return err
	}
	if err := d.seatClerks(ctx, c); err != nil {
		return err
	}
	first, err := d.played(ctx, c, due)
	if err != nil {
		return err
	}
	d.crowd, d.fresh = c, first == 0
	second, err := d.befallen(ctx, c, befell)
	if err != nil {
		return err
	}
	for i, j := first, second; i < len(due) || j < len(befell); { // as they happened
		began := d.now.Clock.Now()
		if j == len(befell) || i < len(due) && due[i].at.Before(befell[j].at) {
			err = d.file(ctx, c, due[i], until)
			i++
		} else {
			err = d.befall(ctx, c, befell[j], until)
			j++
		}
		if err != nil {
			return err
		}
		step(len(c.people)/person + i + j)
		if err := breathe(ctx, d.now.Clock.Now().Sub(began)/6); err != nil {
			return err
		}
	}
	if d.takesReports() {
		for _, t := range d.forSignIns(until) {
			if err := d.befall(ctx, c, t, until); err != nil {
				return err
			}
		}
	}
	step(total)
	return nil
}

func (d *Demo) seatClerks(ctx context.Context, c *crowd) error {
	return d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c.clerks, err = d.officersFor(ctx, tx, "service-center.clerk", "")
		return err
	})
}

// breathe leaves the machine to others for a while.
func breathe(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// makeUp makes everybody up.
func (d *Demo) makeUp() *crowd {
	c := &crowd{people: d.residents()}
	c.firms = d.firms(c.people)
	c.ids, c.firmIDs = make([]city.PersonID, len(c.people)), make([]city.FirmID, len(c.firms))
	return c
}

// played finds how many of the plans were carried out before: cases come in their
// order, so it looks for the first that is missing.
func (d *Demo) played(ctx context.Context, c *crowd, due []plan) (n int, err error) {
	err = d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = sort.Search(len(due), func(i int) bool {
			if err != nil {
				return true
			}
			var found bool
			found, err = d.filed(ctx, tx, c, due[i])
			return !found
		})
		return err
	})
	return n, err
}

// befallen finds how many of the matters of the streets there are already.
func (d *Demo) befallen(ctx context.Context, c *crowd, all []trouble) (n int, err error) {
	err = d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = sort.Search(len(all), func(i int) bool {
			if err != nil {
				return true
			}
			by, report, e := d.reportOf(ctx, tx, c, all[i], rand.New(rand.NewPCG(d.seed, streamTrouble+uint64(all[i].n))))
			var came bool
			if err = e; err == nil {
				_, came, err = d.now.Incidents.Filed(ctx, tx, by, report.Source, report.Key)
			}
			return !came
		})
		return err
	})
	return n, err
}

// filed reports whether the applicant has a case of the plan's moment.
func (d *Demo) filed(ctx context.Context, tx *db.Tx, c *crowd, pl plan) (bool, error) {
	a := city.Actor{Kind: city.Resident, Person: c.ids[pl.who], Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	if pl.firm >= 0 {
		a.Firm = c.firmIDs[pl.firm]
	}
	for after := ""; ; {
		page, err := d.now.Cases.Mine(ctx, tx, a, 100, after)
		if err != nil {
			return false, err
		}
		for _, cs := range page.Cases {
			if cs.OpenedAt.Equal(pl.at) && cs.Item == pl.item {
				return true, nil
			}
		}
		if after = page.Next; after == "" {
			return false, nil
		}
	}
}

// file lets somebody apply at the plan's moment and plays the case up to the
// present.
func (d *Demo) file(ctx context.Context, c *crowd, pl plan, until time.Time) error {
	chance := rand.New(rand.NewPCG(d.seed, streamCase+uint64(pl.n)))
	d.past.Set(pl.at)
	var left []city.CaseNumber
	a, err := d.prepare(ctx, d.then, c, pl, chance, fmt.Sprintf("case:%d", pl.n))
	if err == nil {
		a.filing.Key = fmt.Sprintf("demo:%d", pl.n)
		err = d.at(ctx, pl.at, func(ctx context.Context, tx *db.Tx) error {
			p, cs, err := d.send(ctx, tx, a)
			if err != nil {
				return err
			}
			p.left = &left
			if cs, err = p.run(ctx, tx, cs, until); err != nil {
				return err
			}
			return p.after(ctx, tx, cs, until)
		})
		d.open = append(d.open, left...)
	}
	if err != nil {
		return fmt.Errorf("demo: application %d for %s: %w%s", pl.n, pl.item, err, fieldsOf(err))
	}
	return nil
}

// fieldsOf names the fields that an error points at.
func fieldsOf(err error) (s string) {
	var e *city.Error
	if errors.As(err, &e) {
		for _, f := range e.Fields {
			s += "; " + f.Name + ": " + f.Message.In(city.English)
		}
	}
	return s
}
