package app_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Many report one thing at the same moment: the first opens a matter, and all
// others join it, though none of them was stored when they looked.
func TestManyReportOneThingAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		const many = 24
		got := make([]incident.Receipt, many)
		errs := make([]error, many)
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() { // each some metres from the last, all within 50 m of each other
				at := city.Place{Lat: riverine.Lat, Lon: riverine.Lon + 0.00001*float64(i)}
				got[i], errs[i] = p.app.Incidents.Report(context.Background(), nobody, incident.Report{Class: "c0101", Text: "井盖破了", Place: at})
			})
		}
		all.Wait()
		opened := 0
		for i, r := range got {
			p.ok(errs[i])
			if !r.Joined {
				opened++
			}
			if r.Number != got[0].Number {
				t.Errorf("report %d is %s, the first %s", i, r.Number, got[0].Number)
			}
		}
		if opened != 1 {
			t.Errorf("%d reports opened a matter", opened)
		}
	})
}

// Some report a thing in the very moment at which it is closed. Whoever joined it
// is told of the end with the others; whoever came later opens another.
func TestReportingWhatIsBeingClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		class, _ := p.app.Incidents.Class("c0101")
		mender, verifier := at(class.Post), at("operations-center.reviewer")
		report := incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine}
		open := p.report(nobody, report).Number
		joined, opened := 0, 0
		for range 12 {
			p.acts(mender, open, casework.Action{Name: "done", Note: "没有拍照，天黑了"})
			var all sync.WaitGroup
			got := make([]incident.Receipt, 6)
			for i := range got {
				all.Go(func() {
					r, err := p.app.Incidents.Report(ctx, nobody, report)
					if err != nil {
						t.Errorf("a report: %v", err)
					}
					got[i] = r
				})
			}
			var closing error
			all.Go(func() { _, closing = p.app.Cases.Do(ctx, verifier, open, casework.Action{Name: "passed"}) })
			all.Wait()
			if city.KindOf(closing) == city.KindConflict { // on PostgreSQL, when others kept joining
				p.acts(verifier, open, casework.Action{Name: "passed"})
			} else {
				p.ok(closing)
			}
			var reports []city.ReportID
			p.in(func(ctx context.Context, tx *db.Tx) error {
				all, err := db.All(ctx, tx, func(r db.Row) (id city.ReportID, err error) { return id, r.Scan(&id) },
					`SELECT id FROM incident_reports WHERE number = $1`, string(open))
				reports = all
				return err
			})
			if told := p.answered(open); len(told) != len(reports) {
				t.Errorf("%s was reported %d times, and %d were told of its end", open, len(reports), len(told))
			}
			next := city.CaseNumber("")
			for _, r := range got {
				switch {
				case r.Number == open:
					joined++
				case next == "" || next == r.Number:
					next = r.Number
					opened++
				default:
					t.Errorf("%s and %s for one thing", next, r.Number)
				}
			}
			if open = next; open == "" {
				open = p.report(nobody, report).Number
			}
		}
		t.Logf("%d joined what was being closed, %d came later", joined, opened)
	})
}

// answered is who was told of the end of a matter.
func (p *place) answered(n city.CaseNumber) (told []journal.Recipient) {
	p.Helper()
	p.in(func(ctx context.Context, tx *db.Tx) error {
		bodies, err := db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) },
			`SELECT body FROM journal WHERE subject = $1 AND type = 'incident.answered'`, string(n))
		if err != nil {
			return err
		}
		if len(bodies) != 1 {
			p.Errorf("%s ended %d times", n, len(bodies))
		}
		for _, b := range bodies {
			var v struct{ To []journal.Recipient }
			if err := json.Unmarshal([]byte(b), &v); err != nil {
				return err
			}
			told = append(told, v.To...)
		}
		return nil
	})
	if len(slices.Compact(slices.Clone(told))) != len(told) {
		p.Errorf("somebody is told of the end of %s twice", n)
	}
	return told
}
