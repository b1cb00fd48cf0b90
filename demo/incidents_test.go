package demo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// streetMatters are the cases of incidents that the public may see, newest first,
// with those that wait for officers.
func (w *world) streetMatters() []casework.Case {
	w.Helper()
	var all []casework.Case
	w.see(func(ctx context.Context, tx *db.Tx) error {
		for after := ""; ; {
			list, next, err := w.live.Incidents.Public(ctx, tx, program, incident.PublicQuery{Limit: 200, After: after})
			if err != nil {
				return err
			}
			for _, p := range list {
				c, err := w.live.Cases.Get(ctx, tx, program, p.Number)
				if err != nil {
					return err
				}
				all = append(all, c)
			}
			if after = next; after == "" {
				return nil
			}
		}
	})
	return all
}

// What is planned keeps the city's rhythm.
func TestTroublesKeepTheCitysRhythm(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := w.demo(1)
	m.Size.Days, m.Size.Troubles = 92, 13
	m.began = began(now, 92)
	all := m.troubles(city.DateOf(now))
	hours, days, classes, ends, ways := map[int]int{}, map[time.Weekday]int{}, map[city.ItemCode]int{}, map[end]int{}, map[city.Channel]int{}
	perDay := map[city.Date]int{}
	for i, x := range all {
		at := x.at.In(w.pack.Zone)
		hours[at.Hour()]++
		days[at.Weekday()]++
		classes[x.class]++
		ends[x.goes]++
		ways[x.channel]++
		perDay[city.DateOf(at)]++
		if x.n != i || i > 0 && x.at.Before(all[i-1].at) {
			t.Fatalf("number %d stands at %d", x.n, i)
		}
		if strings.Contains(x.text, "{") || x.text == "" {
			t.Errorf("said: %q", x.text)
		}
		if _, ok := w.pack.Class(x.class); x.class != "" && !ok {
			t.Errorf("no class %s", x.class)
		}
		if _, err := w.live.Incidents.Locate(city.Place{Lat: x.spot.at.Lat, Lon: x.spot.at.Lon}); err != nil {
			t.Errorf("%v: %v", x.spot, err)
		}
	}
	t.Logf("%d: hours %v days %v ends %v ways %v, %d classes", len(all), hours, days, ends, ways, len(classes))
	if night, morning, noon, evening := hours[1]+hours[2]+hours[3], hours[7]+hours[8]+hours[9], hours[12]+hours[13], hours[17]+hours[18]+hours[19]; night*6 > morning || morning < noon || evening < noon {
		t.Error("no rhythm of the day")
	}
	if days[time.Saturday]+days[time.Sunday] >= days[time.Tuesday]+days[time.Thursday] {
		t.Error("no rhythm of the week")
	}
	busiest := slices.Max(slices.Collect(maps.Values(perDay)))
	if busiest < 45 {
		t.Errorf("the evening of rain has %d", busiest)
	}
	for _, e := range []end{reworked, givenBack, onLedger, endsLate, withHelp, takenUp} {
		if ends[e] == 0 {
			t.Errorf("none ends %s", e)
		}
	}
	if len(classes) < 35 || len(ways) < 4 {
		t.Errorf("%d classes, %d ways", len(classes), len(ways))
	}
	again := m.troubles(city.DateOf(now))
	if len(again) != len(all) || again[len(again)-1].text != all[len(all)-1].text {
		t.Error("the same seed makes another city")
	}
}

// Three months of the streets: reported, mended, checked, rated, and each sign-in
// finds something to do.
func TestStreetsArePopulated(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.quiet()
		m := w.demo(3)
		m.Size = Size{Residents: 60, Firms: 6, Days: 20, PerDay: 0, Troubles: 6}
		w.ok(m.Cast(w.ctx))
		ctx, stop := context.WithCancel(w.ctx)
		if err := m.Populate(ctx, func(done, total int) {
			if done > total*2/3 {
				stop()
			}
		}); err == nil {
			t.Fatal("it was not stopped")
		}
		m = w.demo(3)
		m.Size = Size{Residents: 60, Firms: 6, Days: 20, PerDay: 0, Troubles: 6}
		w.ok(m.Cast(w.ctx))
		start := time.Now()
		w.ok(m.Populate(w.ctx, nil))
		all := w.streetMatters()
		t.Logf("%d public matters; the last third took %v", len(all), time.Since(start))
		w.ok(m.Populate(w.ctx, nil))
		if again := w.streetMatters(); len(again) != len(all) {
			t.Errorf("%d matters, and %d after populating twice", len(all), len(again))
		}
		flags, stages, results, rework, breached := map[string]int{}, map[string]int{}, map[string]int{}, 0, 0
		for _, c := range all {
			if c.OpenedAt.Before(m.began) || c.OpenedAt.After(now) || c.ClosedAt.After(now) {
				t.Errorf("%s was opened %v, closed %v", c.Number, c.OpenedAt, c.ClosedAt)
			}
			for _, f := range c.Flags {
				flags[f]++
			}
			if c.Open {
				stages[c.Stage]++
			} else {
				results[c.Result]++
			}
			rework += c.State.Counts["rework"]
			last := c.OpenedAt
			for _, e := range c.State.Clock {
				if e.At.Before(last) {
					t.Errorf("%s: time runs backwards: %+v", c.Number, c.State.Clock)
				}
				last = e.At
				if e.Kind == casework.ClockBreach {
					breached++
				}
			}
		}
		t.Logf("flags %v stages %v results %v, %d reworked, %d overdue", flags, stages, results, rework, breached)
		if results["resolved"] < len(all)/2 || rework == 0 || stages[stageHandling] == 0 || flags["overdue"] == 0 || breached < 5 {
			t.Error("the city is too even")
		}
		for login, want := range map[string]int{"operator": 2, "gridworker": 3, "inspector": 2, "clerk": 1} {
			who := w.signIn(login)
			w.see(func(ctx context.Context, tx *db.Tx) error {
				page, err := w.live.Cases.Inbox(ctx, tx, who, casework.InboxQuery{Scope: casework.ScopePost, Kind: w.pack.Site.Incidents.Kind, Limit: 100})
				if len(page.Cases) < want {
					t.Errorf("%s finds %d matters to take", login, len(page.Cases))
				}
				return err
			})
		}
	})
}
