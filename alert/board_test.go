package alert_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// detection has a rule that tells kinds apart and one that doesn't.
func detection() alert.Detection {
	law := []alert.Clause{{Law: both("art. 1"), Says: both("No feeding")}}
	return alert.Detection{
		Public: alert.Public{Reads: []alert.Read{{Label: both("gates"), From: both("the gate")}}, Effect: both("a keeper goes"), Human: both("a keeper decides"), Appeal: both("tell the keeper")},
		Detectors: []alert.Detector{
			{ID: "feeding", Name: both("Feeding"), About: both("somebody feeds"), Clauses: law, Confirms: []string{"bread", "fruit"}, Grade: "B", Class: "e0101", Post: "zoo.keeper",
				Silence: 24 * time.Hour, Text: both("{vehicle} stopped {n|time|times} until {to:time}"),
				Parameters: []alert.Parameter{{ID: "distance", Name: both("distance"), Type: alert.Metres, Value: "100", Least: "10", Most: "500"},
					{ID: "stay", Name: both("stay"), Type: alert.Time, Value: "5m", Least: "1m", Most: "1h"},
					{ID: "from", Name: both("from"), Type: alert.Hour, Value: "22:30", Least: "20:00", Most: "23:59"}}},
			{ID: "papers", Name: both("Papers"), About: both("papers that don't fit"), Clauses: law, Confirms: []string{"expired"}, Grade: "C", Class: "e0102", Post: "gate.guard",
				Kinds: []alert.Choice{{ID: "expired", Name: both("out of date")}}, Text: both("{licence}: {kind}")},
		},
	}
}

var (
	keeper = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "zoo", Posts: []city.PostID{"zoo.keeper"}}
	guard  = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "gate", Posts: []city.PostID{"gate.guard"}}
)

// fed is a finding that began so many minutes after noon.
func fed(minute int) alert.Finding {
	from := noon.Add(time.Duration(minute) * time.Minute)
	return alert.Finding{Rule: "feeding", Subject: "vehicle:Z1", Key: "Z1@pond", From: from, To: from.Add(10 * time.Minute), Place: city.Place{Region: "990101001001", Lat: 31.9, Lon: 121.05},
		Args: []any{"vehicle", "Z1", "n", minute + 1, "to", from.Add(10 * time.Minute)}, Sure: 0.75, Why: both("three of four"),
		Evidence: []alert.Evidence{{What: "stay", Subject: "vehicle:Z1", From: city.Micros(from), To: city.Micros(from.Add(10 * time.Minute)), Lat: 31.9, Lon: 121.05,
			Numbers: map[string]float64{"distance_m": 12.5}}, {What: "record", Record: "firms/1@3"}}}
}

func (w *world) raises(f alert.Finding) (a alert.Alert, joined bool) {
	w.Helper()
	err := w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		a, joined, err = w.b.Raise(ctx, tx, program, f)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return a, joined
}

func (w *world) resolves(id city.AlertID, o alert.Outcome) error {
	return w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error { return w.b.Resolve(ctx, tx, program, id, o) })
}

func (w *world) view(f func(ctx context.Context, tx *db.Tx) error) {
	w.Helper()
	if err := w.d.View(context.Background(), f); err != nil {
		w.Fatal(err)
	}
}

func (w *world) gets(id city.AlertID) (a alert.Alert, list []alert.Sighting) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		a, list, err = w.b.Get(ctx, tx, keeper, id)
		return err
	})
	return a, list
}

func TestFoundAgainJoins(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		first, joined := w.raises(fed(0))
		if joined || first.State != alert.Open || first.Body != "zoo" || first.Text.En != "Z1 stopped 1 time until 12:10" {
			t.Fatalf("%+v, joined %v", first, joined)
		}
		w.clock.Advance(30 * time.Minute)
		again, joined := w.raises(fed(20))
		if !joined || again.ID != first.ID || again.Times != 2 || again.Text.En != "Z1 stopped 21 times until 12:30" || !again.Last.Equal(noon.Add(30*time.Minute)) {
			t.Errorf("%+v, joined %v", again, joined)
		}
		w.restart()
		for range 2 { // sent anew by a watcher that doesn't know what it has sent; a late one was before all
			w.raises(fed(20))
			w.raises(fed(0))
			w.raises(fed(-15))
		}
		a, list := w.gets(first.ID)
		if a.Times != 3 || !a.Since.Equal(noon.Add(-15*time.Minute)) || a.Text.En != again.Text.En || len(list) != 3 {
			t.Errorf("%+v with %d sightings", a, len(list))
		}
		if diff := cmp.Diff(fed(0).Evidence, list[1].Evidence); diff != "" {
			t.Error(diff)
		}
		w.is("events", w.events("alert.raised"), 1)
		w.is("unfiled", len(w.unfiled()), 1)

		other := fed(5)
		other.Key, other.Subject = "Z2@pond", "vehicle:Z2"
		if b, joined := w.raises(other); joined || b.ID == first.ID {
			t.Error("another matter joined")
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			all, err := w.j.Read(ctx, tx, journal.Position{}, 100)
			for _, e := range all {
				if s := string(e.Data) + string(e.Public); strings.Contains(s, "Z1") || strings.Contains(s, "31.9") {
					t.Errorf("the journal tells where: %s", s)
				}
			}
			return err
		})
	})
}

// Of what is found day after day the first and the last times are kept, and none is
// counted twice.
func TestEvidenceIsBounded(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var id city.AlertID
		for i := range 60 {
			a, _ := w.raises(fed(i * 20))
			id = a.ID
		}
		w.raises(fed(5 * 20))  // not kept any more
		w.raises(fed(50 * 20)) // kept
		a, list := w.gets(id)
		if a.Times != 60 || len(list) != 40 || !list[0].From.Equal(noon) || !list[1].From.Equal(noon.Add(21*20*time.Minute)) {
			t.Errorf("%d times, %d sightings, the second at %v", a.Times, len(list), list[1].From)
		}
	})
}

func TestOutcome(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		a, _ := w.raises(fed(0))
		for _, o := range []alert.Outcome{{Confirmed: true, What: "meat"}, {What: "No idea"}, {}} {
			if err := w.resolves(a.ID, o); city.KindOf(err) != city.KindInvalid {
				t.Errorf("%+v: %v", o, err)
			}
		}
		if err := w.resolves(city.NewAlertID(), alert.Outcome{What: "nothing"}); city.KindOf(err) != city.KindNotFound {
			t.Error(err)
		}
		for range 2 {
			if err := w.resolves(a.ID, alert.Outcome{Confirmed: true, What: "bread"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.resolves(a.ID, alert.Outcome{What: "nothing"}); city.KindOf(err) != city.KindConflict {
			t.Errorf("the other way round: %v", err)
		}
		w.is("resolved", w.events("alert.resolved"), 1)
		got, _ := w.gets(a.ID)
		if got.State != alert.Confirmed || got.Outcome != "bread" || got.Settled.IsZero() {
			t.Errorf("%+v", got)
		}
		w.raises(fed(0)) // sent once more, after the outcome
		w.is("alerts", w.events("alert.raised")+w.events("alert.held"), 1)

		w.clock.Advance(time.Hour) // found anew, within the silence of the rule
		held, joined := w.raises(fed(60))
		if joined || held.State != alert.Silenced {
			t.Errorf("%+v", held)
		}
		w.raises(fed(80))
		w.clock.Advance(24 * time.Hour)
		open, joined := w.raises(fed(25 * 60))
		if !joined || open.ID != held.ID || open.State != alert.Open || open.Times != 3 {
			t.Errorf("after the silence: %+v, joined %v", open, joined)
		}
		w.is("held", w.events("alert.held"), 1)
		w.is("raised", w.events("alert.raised"), 2)

		// What passed by itself may still be found to have been so.
		clears := func() {
			if err := d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error { return w.b.Clear(ctx, tx, program, open.ID) }); err != nil {
				t.Fatal(err)
			}
		}
		clears()
		clears()
		if err := w.resolves(open.ID, alert.Outcome{What: "nothing"}); err != nil {
			t.Fatal(err)
		}
		clears()
		if got, _ := w.gets(open.ID); got.State != alert.Refuted {
			t.Errorf("%+v", got)
		}
		w.is("cleared", w.events("alert.cleared"), 1)
		var judged []string
		w.view(func(ctx context.Context, tx *db.Tx) error {
			all, err := w.j.Read(ctx, tx, journal.Position{}, 100)
			for _, e := range all {
				if s := string(e.Data); strings.Contains(s, `"judged"`) || strings.Contains(s, `"claims"`) {
					judged = append(judged, e.Subject)
				}
			}
			return err
		})
		w.is("events that precision is counted from", len(judged), 4)
	})
}

func TestSilence(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		silence := func(a city.Actor, s alert.Silence) (alert.Silence, error) {
			return w.b.Silence(context.Background(), a, s)
		}
		day := noon.Add(24 * time.Hour)
		for want, s := range map[city.Kind]alert.Silence{
			city.KindForbidden: {Rule: "papers", Until: day, Reason: "no guard"},
			city.KindInvalid:   {Rule: "feeding", Until: noon, Reason: " "},
		} {
			if _, err := silence(keeper, s); city.KindOf(err) != want {
				t.Errorf("%v, want %v", err, want)
			}
		}
		for field, s := range map[string]alert.Silence{"rule": {Until: day, Reason: "all"}, "subject": {Rule: "feeding", Subject: "Z 1", Until: day, Reason: "x"},
			"until": {Rule: "feeding", Until: noon.AddDate(2, 0, 0), Reason: "x"}, "reason": {Rule: "feeding", Until: day, Reason: strings.Repeat("x", 501)}} {
			if _, err := silence(program, s); !strings.Contains(fmt.Sprint(err), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		s, err := silence(keeper, alert.Silence{Rule: "feeding", Subject: "vehicle:Z1", Until: day, Reason: "the keeper's own cart"})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := w.raises(fed(0))
		w.raises(fed(20))
		other := fed(0)
		other.Subject, other.Key = "vehicle:Z2", "Z2"
		w.raises(other)
		if a.State != alert.Silenced {
			t.Errorf("%+v", a)
		}
		w.is("unfiled", len(w.unfiled()), 1)
		list := func() (list []alert.Silence) {
			w.view(func(ctx context.Context, tx *db.Tx) (err error) {
				list, err = w.b.Silences(ctx, tx, keeper)
				return err
			})
			return list
		}
		got := list()
		if len(got) != 1 || got[0].Held != 2 || got[0].Reason != "the keeper's own cart" || got[0].By != keeper.Account || got[0].Post != "zoo.keeper" || !got[0].Lasts(w.clock.Now()) {
			t.Errorf("%+v", got)
		}
		if _, err := silence(program, alert.Silence{Subject: "vehicle:Z9", Until: day, Reason: "everybody's"}); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]int{"guard": 0, "keeper": 1, "operator": 2} {
			w.view(func(ctx context.Context, tx *db.Tx) error {
				list, err := w.b.Silences(ctx, tx, map[string]city.Actor{"guard": guard, "keeper": keeper, "operator": operator}[who])
				w.is("silences that the "+who+" sees", len(list), want)
				return err
			})
		}
		if err := w.b.EndSilence(context.Background(), guard, s.ID); city.KindOf(err) != city.KindForbidden {
			t.Error(err)
		}
		w.clock.Advance(24 * time.Hour) // it ends by itself
		open, joined := w.raises(fed(24 * 60))
		if !joined || open.ID != a.ID || open.State != alert.Open || open.Times != 3 {
			t.Errorf("%+v, joined %v", open, joined)
		}
		w.is("unfiled", len(w.unfiled()), 2)

		s, err = silence(keeper, alert.Silence{Rule: "feeding", Until: w.clock.Now().Add(time.Hour), Reason: "a feast"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.b.EndSilence(context.Background(), keeper, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		third := fed(24*60 + 5)
		third.Key = "Z3"
		if a, _ := w.raises(third); a.State != alert.Open {
			t.Errorf("after it was ended: %+v", a)
		}
		w.is("begun and ended", w.events("alert.silence_begun")*10+w.events("alert.silence_ended"), 31)
		if got := list(); len(got) != 2 || got[0].Lasts(w.clock.Now()) || got[1].Lasts(w.clock.Now()) {
			t.Errorf("%+v", got)
		}
		if err := w.b.EndSilence(context.Background(), keeper, city.NewSilenceID()); city.KindOf(err) != city.KindNotFound {
			t.Error(err)
		}
		if _, err := silence(program, alert.Silence{Rule: "high", Until: w.clock.Now().Add(time.Hour), Reason: "works at the bridge"}); err != nil {
			t.Fatal(err)
		}
		w.reads("bridge", "level", 20)
		w.clock.Advance(2 * time.Minute)
		w.reads("bridge", "level", 20)
		w.is("a sensor in a silence", w.events("alert.held"), 2)
	})
}

// Two processes that find the same make one alert and lose nothing.
func TestRaisedAtOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, b := w.another()
				for j := range 3 {
					err := d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
						_, _, err := b.Raise(ctx, tx, program, fed((i%4)*100+j*20))
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		w.is("raised", w.events("alert.raised"), 1)
		if list := w.unfiled(); len(list) != 1 || list[0].Times != 12 {
			t.Errorf("%+v", list)
		}
	})
}

func TestWhoSeesWhich(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var first city.AlertID
		for i := range 7 {
			f := fed(i)
			f.Key, f.Subject = fmt.Sprint("Z", i), fmt.Sprint("vehicle:Z", i%2)
			if i == 6 {
				f.Place = city.Place{Region: "990102"}
			}
			a, _ := w.raises(f)
			if i == 0 {
				first = a.ID
			}
			w.clock.Advance(time.Minute)
		}
		w.raises(alert.Finding{Rule: "papers", Kind: "expired", Subject: "firm:1", Key: "1", From: noon, Place: city.Place{Region: "9901"}, Sure: 1})
		list := func(a city.Actor, q alert.Query) (out []string, next string) {
			w.view(func(ctx context.Context, tx *db.Tx) error {
				p, err := w.b.List(ctx, tx, a, q)
				for _, x := range p.Alerts {
					out = append(out, x.Key)
				}
				next = p.Next
				return err
			})
			return out, next
		}
		for name, c := range map[string]struct {
			actor city.Actor
			q     alert.Query
			want  string
		}{
			"everything":     {operator, alert.Query{}, "[1 Z6 Z5 Z4 Z3 Z2 Z1 Z0]"},
			"one's own body": {guard, alert.Query{}, "[1]"},
			"by rule":        {operator, alert.Query{Rule: "papers"}, "[1]"},
			"by subject":     {keeper, alert.Query{Subject: "vehicle:Z1"}, "[Z5 Z3 Z1]"},
			"by state":       {operator, alert.Query{State: alert.Filed}, "[]"},
			"by kind":        {operator, alert.Query{Kind: "expired", Body: "gate"}, "[1]"},
			"by region":      {keeper, alert.Query{Region: "990102"}, "[Z6]"},
			"in a box":       {keeper, alert.Query{Within: &geo.Box{South: 31, North: 32, West: 121, East: 122}, Limit: 2}, "[Z5 Z4]"},
			"elsewhere":      {keeper, alert.Query{Within: &geo.Box{South: 30, North: 31, West: 121, East: 122}}, "[]"},
			"since":          {keeper, alert.Query{Since: noon.Add(5 * time.Minute), Until: noon.Add(6 * time.Minute)}, "[Z5]"},
		} {
			if got, _ := list(c.actor, c.q); fmt.Sprint(got) != c.want {
				t.Errorf("%s: %v, want %s", name, got, c.want)
			}
		}
		local := keeper
		local.Regions = []city.RegionCode{"990102"}
		if got, _ := list(local, alert.Query{}); fmt.Sprint(got) != "[Z6]" {
			t.Errorf("one's own district: %v", got)
		}
		var all []string
		q := alert.Query{Limit: 3}
		for {
			got, next := list(operator, q)
			all = append(all, got...)
			if q.After = next; next == "" {
				break
			}
		}
		w.is("page by page", fmt.Sprint(all), "[1 Z6 Z5 Z4 Z3 Z2 Z1 Z0]")

		w.view(func(ctx context.Context, tx *db.Tx) error {
			if _, _, err := w.b.Get(ctx, tx, guard, first); city.KindOf(err) != city.KindForbidden {
				t.Errorf("another body's: %v", err)
			}
			if _, err := w.b.List(ctx, tx, gateway, alert.Query{}); city.KindOf(err) != city.KindForbidden {
				t.Errorf("a device: %v", err)
			}
			if _, err := w.b.List(ctx, tx, operator, alert.Query{After: "1.x"}); city.KindOf(err) != city.KindInvalid {
				t.Errorf("a bad cursor: %v", err)
			}
			for _, q := range []alert.Query{{Subject: "\x00"}, {Subject: "vehicle:Z\x001"}, {Subject: "everything"}, {Rule: "a\x00"}, {State: "\xff"}, {Region: city.RegionCode(strings.Repeat("9", 200))}} {
				if _, err := w.b.List(ctx, tx, operator, q); city.KindOf(err) != city.KindInvalid {
					t.Errorf("%+v: %v", q, err)
				}
			}
			if _, _, err := w.b.Of(ctx, tx, keeper, ""); city.KindOf(err) != city.KindNotFound {
				t.Error("alerts without a case are found by no number")
			}
			return nil
		})
		if err := d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			return w.b.Filed(ctx, tx, program, first, "JH-2026-000001-1")
		}); err != nil {
			t.Fatal(err)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			a, list, err := w.b.Of(ctx, tx, keeper, "JH-2026-000001-1")
			if a.ID != first || a.State != alert.Filed || len(list) != 1 {
				t.Errorf("%+v", a)
			}
			return err
		})
		if w.b.MaySee(gateway) || !w.b.MaySee(guard) || w.b.MaySilence(guard, "feeding") || !w.b.MaySilence(guard, "papers") {
			t.Error("menus show what isn't allowed, or hide what is")
		}
		if name, ok := w.b.RuleName("high"); !ok || name.En != "water · level" {
			t.Errorf("%v", name)
		}
	})
}

func TestStrangeFindings(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for what, spoil := range map[string]func(*alert.Finding){
		"rule":     func(f *alert.Finding) { f.Rule = "flying" },
		"kind":     func(f *alert.Finding) { f.Kind = "bread" },
		"subject":  func(f *alert.Finding) { f.Subject = "Z1" },
		"key":      func(f *alert.Finding) { f.Key = strings.Repeat("x", 200) },
		"from":     func(f *alert.Finding) { f.To = f.From.Add(-time.Second) },
		"place":    func(f *alert.Finding) { f.Place = city.Place{} },
		"sure":     func(f *alert.Finding) { f.Sure = math.NaN() },
		"evidence": func(f *alert.Finding) { f.Evidence[0].Numbers["distance_m"] = math.Inf(1) },
		"many":     func(f *alert.Finding) { f.Evidence = make([]alert.Evidence, 33) },
		"code":     func(f *alert.Finding) { f.Evidence[0].What = "a <b>" },
	} {
		f := fed(0)
		spoil(&f)
		err := w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error { _, _, err := w.b.Raise(ctx, tx, program, f); return err })
		if city.KindOf(err) != city.KindInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	err := w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, _, err := w.b.Raise(ctx, tx, keeper, fed(0))
		return err
	})
	if city.KindOf(err) != city.KindForbidden {
		t.Errorf("anybody raises: %v", err)
	}
	f := fed(0)
	f.Args = nil
	if a, _ := w.raises(f); a.Text.En != "… stopped … times until …" {
		t.Errorf("%q", a.Text.En)
	}
}

func TestDetectionFaults(t *testing.T) {
	d := detection()
	if found := d.Check(); len(found) != 0 {
		t.Errorf("%v", found)
	}
	x, _ := d.Detector("feeding")
	if v, ok := x.Number("from", alert.Hour); !ok || v != 22*60+30 || x.Duration("stay") != 5*time.Minute || x.Duration("distance") != 0 || x.Body() != "zoo" {
		t.Errorf("%v %v", v, ok)
	}
	if v, ok := x.Number("distance", alert.Metres); !ok || v != 100 {
		t.Error(v, ok)
	}
	for at, spoil := range map[string]func(*alert.Detection){
		"public.human":     func(d *alert.Detection) { d.Public.Human.En = "" },
		"public.reads":     func(d *alert.Detection) { d.Public.Reads = nil },
		"detectors.1.id":   func(d *alert.Detection) { d.Detectors[1].ID = "feeding" },
		"detectors.0.text": func(d *alert.Detection) { d.Detectors[0].Text.En = "{colour}" },
		"detectors.1.text": func(d *alert.Detection) {
			d.Detectors[1].Text.En, d.Detectors[1].Text.ZhHans, d.Detectors[1].Kinds = "{kind}", "x", nil
		},
		"detectors.0.clauses":            func(d *alert.Detection) { d.Detectors[0].Clauses = nil },
		"detectors.0.parameters.0.type":  func(d *alert.Detection) { d.Detectors[0].Parameters[0].Type = "miles" },
		"detectors.0.parameters.0.value": func(d *alert.Detection) { d.Detectors[0].Parameters[0].Value = "501" },
		"detectors.0.parameters.1.value": func(d *alert.Detection) { d.Detectors[0].Parameters[1].Value = "5" },
		"detectors.0.parameters.1.least": func(d *alert.Detection) { d.Detectors[0].Parameters[1].Least = "" },
		"detectors.0.parameters.2.most":  func(d *alert.Detection) { d.Detectors[0].Parameters[2].Most = "19:00" },
		"detectors.0.confirms":           func(d *alert.Detection) { d.Detectors[0].Confirms = nil },
		"detectors.0.confirms.1":         func(d *alert.Detection) { d.Detectors[0].Confirms[1] = "bread" },
		"detectors.0.grade":              func(d *alert.Detection) { d.Detectors[0].Grade = "D" },
		"detectors.0.class":              func(d *alert.Detection) { d.Detectors[0].Class = "" },
		"detectors.0.post":               func(d *alert.Detection) { d.Detectors[0].Post = "keeper" },
		"detectors.0.silence":            func(d *alert.Detection) { d.Detectors[0].Silence = -1 },
		"detectors.1.kinds.0.id":         func(d *alert.Detection) { d.Detectors[1].Kinds[0].ID = "Out" },
	} {
		d := detection()
		spoil(&d)
		var found []string
		for _, f := range d.Check() {
			found = append(found, f.Name)
			if s := f.Message.In(city.English); s == "" || strings.Contains(s, "{") && at != "detectors.0.text" {
				t.Errorf("%s: %q", f.Name, s)
			}
		}
		if fmt.Sprint(found) != "["+at+"]" {
			t.Errorf("%s: %v", at, found)
		}
	}
}
