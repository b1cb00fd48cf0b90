package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
)

// What anybody may hear of is found by its time, beside what nobody may; and public
// matters by their place and by when something was last done.
func TestPublicMattersAndTheirUpdates(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		inc := p.app.Incidents
		hidden := city.ItemCode("")
		for _, c := range inc.Classes() {
			if !c.Public && len(c.Fields) == 0 {
				hidden = c.Code
				break
			}
		}
		if hidden == "" {
			t.Fatal("every class is public")
		}
		began := time.Now()
		var open []incident.Receipt
		for i := range 6 {
			place := city.Place{Lat: riverine.Lat + 0.002*float64(i), Lon: riverine.Lon}
			open = append(open, p.report(nobody, incident.Report{Class: "e0101", Text: "垃圾", Place: place}))
			p.report(nobody, incident.Report{Class: hidden, Text: "不公开的事", Place: place})
		}
		joined := p.report(nobody, incident.Report{Text: "还在", Join: open[0].Number})
		before := time.Now()
		for _, a := range []casework.Action{{Name: "done", Note: "dark"}, {Name: "passed"}} {
			_, err := p.app.Cases.Do(context.Background(), program, open[2].Number, a)
			p.ok(err)
		}
		view := func(f func(ctx context.Context, tx *db.Tx) error) {
			p.Helper()
			p.ok(p.app.DB.View(context.Background(), f))
		}
		updates := func(since, until time.Time, limit int) (list []incident.PublicUpdate) {
			view(func(ctx context.Context, tx *db.Tx) (err error) {
				list, err = inc.Updates(ctx, tx, nobody, since, until, limit)
				return err
			})
			return list
		}
		end := time.Now().Add(time.Hour)
		all := updates(began.Add(-time.Second), end, 0)
		per := map[city.CaseNumber]int{}
		ids := map[string]bool{}
		for i, u := range all {
			per[u.Number]++
			ids[u.ID] = true
			if i > 0 && u.At.Before(all[i-1].At) {
				t.Errorf("%s comes after %s", u.ID, all[i-1].ID)
			}
			if u.Tell.ZhHans == "" || u.Open == (u.Number == open[2].Number && i == len(all)-1) {
				t.Errorf("%+v", u)
			}
		}
		// received and sent on, twice more for what was mended, and somebody else's word
		if len(per) != 6 || per[open[0].Number] != 3 || per[open[1].Number] != 2 || per[open[2].Number] != 4 || !ids[joined.Report.String()] || len(ids) != len(all) {
			t.Errorf("%v of %v", per, all)
		}
		if got := updates(before, end, 0); len(got) != 2 || got[1].Open || !got[0].Open {
			t.Errorf("since it was mended: %+v", got)
		}
		if got := updates(began.Add(-time.Second), end, 3); len(got) != 3 || fmt.Sprint(got) != fmt.Sprint(all[:3]) {
			t.Errorf("the first three: %+v", got)
		}
		if got := updates(end, end.Add(time.Hour), 0); len(got) != 0 {
			t.Errorf("later: %+v", got)
		}

		find := func(q incident.PublicQuery) (numbers []city.CaseNumber) {
			view(func(ctx context.Context, tx *db.Tx) error {
				list, _, err := inc.Public(ctx, tx, nobody, q)
				numbers = nil
				for _, in := range list {
					numbers = append(numbers, in.Number)
				}
				return err
			})
			return numbers
		}
		at := geo.Point{Lat: riverine.Lat, Lon: riverine.Lon}
		yes := true
		for name, c := range map[string]struct {
			q    incident.PublicQuery
			want []int
		}{
			"all":                   {incident.PublicQuery{}, []int{5, 4, 3, 2, 1, 0}},
			"behind the first four": {incident.PublicQuery{Skip: 4}, []int{1, 0}},
			"within 300 m":          {incident.PublicQuery{Near: at, Metres: 300}, []int{1, 0}},
			"the second of them":    {incident.PublicQuery{Near: at, Metres: 300, Skip: 1}, []int{0}},
			"changed since":         {incident.PublicQuery{Changed: before}, []int{2}},
			"changed and open":      {incident.PublicQuery{Changed: before, Open: &yes}, nil},
			"changed, one":          {incident.PublicQuery{Changed: began, Limit: 1}, []int{5}},
			"changed, near":         {incident.PublicQuery{Changed: began, Near: at, Metres: 300, Skip: 1}, []int{0}},
			"changed, by number":    {incident.PublicQuery{Changed: began, Numbers: []city.CaseNumber{open[3].Number}}, []int{3}},
		} {
			var want []city.CaseNumber
			for _, i := range c.want {
				want = append(want, open[i].Number)
			}
			if got := find(c.q); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	})
}

// Whoever asks what has changed since long ago, with so much done that one answer would
// keep the city busy, is asked to ask from a later time. Since before what they ask
// for, everything in it has changed.
func TestTooMuchHasChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		began := time.Now().Add(-time.Minute)
		r := p.report(nobody, incident.Report{Class: "e0101", Text: "垃圾", Place: riverine})
		p.ok(p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 101000)
INSERT INTO case_actions (case_id, seq, at, action, data) SELECT case_id, n.i, at, 'comment', data FROM case_actions CROSS JOIN n
WHERE seq = 1 AND case_id = (SELECT case_id FROM incidents WHERE number = $1)`, string(r.Number))
			return err
		}))
		ask := func(q incident.PublicQuery) (n int, err error) {
			err = p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				list, _, err := p.app.Incidents.Public(ctx, tx, nobody, q)
				n = len(list)
				return err
			})
			return n, err
		}
		_, err := ask(incident.PublicQuery{Changed: began})
		p.refused(err, city.KindInvalid, "all that was done")
		if n, err := ask(incident.PublicQuery{Changed: time.Now().Add(time.Hour)}); n != 0 || err != nil {
			t.Errorf("from a later time: %d, %v", n, err)
		}
		if a := p.ask("GET", "/open311/v2/requests.json?start_date="+began.AddDate(0, 0, -2).Format(time.DateOnly)+"&updated_after="+began.AddDate(0, 0, -1).Format(time.DateOnly), nil); a.status != 400 || !strings.Contains(string(a.body), "updated_after") {
			t.Errorf("by Open311: %d %s", a.status, a.body)
		}
	})
}
