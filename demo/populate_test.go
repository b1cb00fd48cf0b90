package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

func TestPopulate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.quiet()
		m := w.demo(1)
		w.ok(m.Cast(w.ctx))

		// Stopped half way, and taken up by another process.
		ctx, stop := context.WithCancel(w.ctx)
		half := 0
		err := m.Populate(ctx, func(done, total int) {
			if half = done; done >= total/2 {
				stop()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %d: %v", half, err)
		}
		w.now.Advance(time.Minute)
		m = w.demo(1)
		w.ok(m.Cast(w.ctx))
		start := time.Now()
		last, total := 0, 0
		w.ok(m.Populate(w.ctx, func(done, of int) { last, total = done, of }))
		t.Logf("stopped at %d, the rest of %d after %v", half, total, time.Since(start))
		if last != total || total == 0 {
			t.Errorf("%d of %d", last, total)
		}
		all := w.cases(m)
		w.ok(m.Populate(w.ctx, nil))
		if again := w.cases(m); len(again) != len(all) {
			t.Errorf("%d cases, and %d after populating twice", len(all), len(again))
		}
		l, err := m.newLife(w.ctx)
		w.ok(err)
		w.waiting(l, all)
		w.consistent(all)
		w.mixed(all)
	})
}

// waiting compares what the present takes up with what is open.
func (w *world) waiting(l *life, all []casework.Case) {
	w.Helper()
	var open []city.CaseNumber
	for _, c := range all {
		if c.Open {
			open = append(open, c.Number)
		}
	}
	got := slices.Clone(l.waiting)
	slices.Sort(open)
	slices.Sort(got)
	if diff := cmp.Diff(open, got); diff != "" {
		w.Error(diff)
	}
}

// consistent looks at each case's clocks: time runs forwards, what is stored is
// what the actions add up to, nothing happened before the city or after today.
func (w *world) consistent(all []casework.Case) {
	w.Helper()
	w.see(func(ctx context.Context, tx *db.Tx) error {
		for _, c := range all {
			records, err := w.live.Cases.History(ctx, tx, program, c.Number)
			if err != nil {
				return err
			}
			last := Began(now)
			for _, r := range records {
				if r.At.Before(last) || r.At.After(w.now.Now()) {
					w.Errorf("%s: %s at %v after %v", c.Number, r.Action, r.At, last)
				}
				last = r.At
			}
			folded, err := w.live.Cases.StateAt(ctx, tx, program, c.Number, w.now.Now())
			if err != nil {
				return err
			}
			if diff := cmp.Diff(c.State, folded, cmpopts.EquateEmpty()); diff != "" {
				w.Errorf("%s: %s", c.Number, diff)
			}
			if at, name := w.live.Cases.Alarm(c); !at.IsZero() && at.Before(now) {
				w.Errorf("%s: %s was due at %v", c.Number, name, at)
			}
		}
		return nil
	})
	n, err := w.live.Cases.Tick(w.ctx)
	w.ok(err)
	if n > 2 { // a minute has passed meanwhile
		w.Errorf("the timer finds %d steps that the past left out", n)
	}
}

// mixed looks for everything that a city should show.
func (w *world) mixed(all []casework.Case) {
	w.Helper()
	seen := map[string]int{}
	cal := w.pack.Calendar
	for _, c := range all {
		seen["open"] += count(c.Open)
		seen["closed"] += count(!c.Open)
		seen["overdue or late"] += count(c.State.Has(casework.FlagOverdue) || slices.ContainsFunc(c.State.Clock, func(e casework.Entry) bool { return e.Kind == casework.ClockBreach }))
		seen["corrected"] += count(c.State.Asked)
		seen["inspected on site"] += count(slices.Contains(c.State.Procedures, "site_inspection"))
		seen[c.Result]++
		seen["item "+string(c.Item)]++
		if it, _, _ := w.live.Items.Item(c.Item); it.Kind == c.Kind && cal.IsWorkday(city.DateOf(c.OpenedAt.In(w.pack.Zone))) {
			seen["on a workday"]++
		}
	}
	for _, want := range []string{"open", "closed", "overdue or late", "corrected", "inspected on site", "approved", "on a workday"} {
		if seen[want] == 0 {
			w.Errorf("nothing is %s: %v", want, seen)
		}
	}
	if seen["on a workday"] < len(all)*7/10 {
		w.Errorf("too much on days off: %v", seen)
	}
	w.see(func(ctx context.Context, tx *db.Tx) error {
		s, err := w.live.Items.Score(ctx, tx, serviceitem.RatingScope{})
		if s.Active < len(all)/4 || s.Stars() < 3.5 || s.Stars() > 4.9 {
			w.Errorf("%d ratings, %.1f stars, of %d cases", s.Active, s.Stars(), len(all))
		}
		return err
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The same seed makes the same people, firms and plans; another one others.
func TestSameSeedSameCity(t *testing.T) {
	made := func(seed int64) string {
		w := newWorld(t, dbtest.SQLite(t))
		m := w.demo(seed)
		m.began = began(now, m.Size.Days)
		c := m.makeUp()
		s := ""
		for _, r := range c.people {
			s += fmt.Sprintln(r.Name, r.CitizenNumber, r.Address, r.Phone, r.spouse, r.mother, r.away)
		}
		for _, f := range c.firms {
			s += fmt.Sprintln(f.Name, f.USCC, f.legal, f.Address)
		}
		for _, p := range m.planner(c.people, c.firms).history(m.began, city.DateOf(now)) {
			s += fmt.Sprintln(p.n, p.at, p.item, p.who, p.firm, p.counter, p.goes)
		}
		return s
	}
	one := made(1)
	if diff := cmp.Diff(one, made(1)); diff != "" {
		t.Error(diff)
	}
	if one == made(2) {
		t.Error("two seeds, one city")
	}
}

// Nobody real: regions that don't exist, numbers that are right and given once.
func TestNobodyReal(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := w.demo(3)
	m.Size = FullSize
	m.began = began(now, m.Size.Days)
	c := m.makeUp()
	numbers, phones, codes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, r := range c.people {
		n, err := city.CheckCitizenNumber(r.CitizenNumber)
		if err != nil || n.Region[:4] != "9901" || n.Female != r.female || numbers[r.CitizenNumber] {
			t.Errorf("%d: %s %v", i, r.CitizenNumber, err)
		}
		if phones[r.Phone] || r.Phone[:7] != phonePrefix {
			t.Errorf("%d: %s", i, r.Phone)
		}
		if age := city.YearsBetween(n.Birth, city.DateOf(m.began)); age < r.age || age > r.age+1 {
			t.Errorf("%d: %d years by the number, %d meant", i, age, r.age)
		}
		numbers[r.CitizenNumber], phones[r.Phone] = true, true
	}
	for i, f := range c.firms {
		if err := city.CheckUSCC(f.USCC); err != nil || f.USCC[2:6] != "9901" || codes[f.USCC] {
			t.Errorf("%d: %s %v", i, f.USCC, err)
		}
		codes[f.USCC] = true
	}
	if len(c.people) != 2000 || len(c.firms) != 300 {
		t.Errorf("%d people, %d firms", len(c.people), len(c.firms))
	}
}
