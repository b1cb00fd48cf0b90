package demo

import (
	"context"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/demo/nantong"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// What was hidden is noticed and looked into, as often as it was hidden; the cases of
// the city's list are found to be what they are; what stands on record today is as it
// was; and done again nothing happens.
func TestCampaign(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.quiet()
	d := w.demo(1)
	d.Size.Campaign = nantong.Small
	w.ok(d.Cast(w.ctx))
	before, err := w.live.Registers.On(w.ctx, program, city.Date{})
	w.ok(err)
	w.ok(d.Campaign(w.ctx, nil))

	hidden, cases := map[string]int{}, map[string]int{}
	for _, p := range d.campaignTown().Planted {
		hidden[p.Rule]++
		if p.Case != "" {
			cases[p.Case]++
		}
	}
	var all []alert.Alert
	list := func() {
		all = nil
		w.see(func(ctx context.Context, tx *db.Tx) error {
			for after := ""; ; {
				page, err := w.live.Alerts.List(ctx, tx, program, alert.Query{Limit: 200, After: after})
				if err != nil {
					return err
				}
				all = append(all, page.Alerts...)
				if after = page.Next; after == "" {
					return nil
				}
			}
		})
	}
	list()
	noticed, what, refuted := map[string]int{}, map[string]int{}, 0
	var tired alert.Alert
	for _, a := range all {
		noticed[a.Rule]++
		switch a.State {
		case alert.Confirmed:
			what[a.Outcome]++
		case alert.Refuted:
			refuted++
		default:
			t.Errorf("%s %s is %s, of %s", a.Rule, a.Subject, a.State, a.Raised)
		}
		if a.Rule == "fatigue" {
			tired = a
		}
		if a.Settled.After(now) || a.Raised.Before(a.Since) {
			t.Errorf("%s of %s was raised %s and settled %s", a.Rule, a.Since, a.Raised, a.Settled)
		}
	}
	for rule, n := range hidden {
		if more := noticed[rule] - n; more < 0 || more > 1 {
			t.Errorf("%s: %d hidden, %d noticed", rule, n, noticed[rule])
		}
	}
	for kind, n := range cases {
		if what[kind] != n {
			t.Errorf("%s: %d cases, %d confirmed", kind, n, what[kind])
		}
	}
	if refuted < 20 || what["fatigue"] < 15 || what["papers"] < 50 {
		t.Errorf("%d refuted; confirmed %v", refuted, what)
	}

	after, err := w.live.Registers.On(w.ctx, program, city.Date{})
	w.ok(err)
	if len(after.Vehicles()) != len(before.Vehicles()) || len(after.Sites()) != len(before.Sites()) || len(after.Zones()) != len(before.Zones()) {
		t.Errorf("%d vehicles and %d sites today, were %d and %d", len(after.Vehicles()), len(after.Sites()), len(before.Vehicles()), len(before.Sites()))
	}
	then, err := w.live.Registers.On(w.ctx, program, city.DateOf(tired.Since.In(nantong.Zone)))
	w.ok(err)
	if n := len(then.Vehicles()); n < nantong.Small.Vehicles {
		t.Errorf("%d vehicles on record then", n)
	}
	for _, s := range then.Sites() {
		if f := then.Firm(s.Firm); f == nil || f.Name == "" || s.Name.En == "" {
			t.Errorf("site %s of %s: %+v", s.ID, s.Firm, f)
		}
	}
	n := 0
	for _, err := range w.tracks.Track(w.ctx, tired.Subject[len("vehicle:"):], city.Micros(tired.Since), city.Micros(tired.Last)) {
		w.ok(err)
		n++
	}
	if n < 100 {
		t.Errorf("%d positions of the evidence are kept", n)
	}

	was := len(all)
	w.now.Advance(time.Hour)
	w.ok(d.Campaign(w.ctx, nil))
	if list(); len(all) != was {
		t.Errorf("%d alerts, %d after it was done again", was, len(all))
	}
}

// Every record of the campaign could have come by an import.
func TestRecordsOfTheCampaign(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	d := w.demo(1)
	d.Size.Campaign = nantong.Small
	d.began = began(now, d.Size.Days)
	records := d.campaignTown().Records(nil)
	if len(records.Vehicles) < nantong.Small.Vehicles {
		t.Fatal(len(records.Vehicles))
	}
	for _, r := range records.All() {
		r.End(city.DateOf(now))
		if faults := r.Check(); len(faults) > 0 {
			t.Errorf("%s: %s %s", r.Ref(), faults[0].Name, faults[0].Message.In(city.English))
		}
	}
}
