package fleet

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/fleet/risk"
	"yiwang/geo"
	"yiwang/internal/db"
)

// RiskID names the index of communities in the algorithm register, and its description
// in the pack.
const RiskID city.RuleID = "community-risk"

// IndexOptions make an Index. All are needed but History, which a city that watches no
// vehicles doesn't have, and Log.
type IndexOptions struct {
	DB        *db.DB
	Access    *access.Access
	Clock     city.Clock
	Zone      *time.Location
	Directory *directory.Directory
	Registers *Registers
	History   *history.Log
	Board     *alert.Board
	Formula   *risk.Formula // checked
	Log       *slog.Logger
}

// Index keeps how dangerous each community is, day by day. It is about places: no
// vehicle, officer or firm has a number. It is safe for concurrent use; of several
// nodes each computes the same.
type Index struct {
	IndexOptions
	communities []city.Region
}

// NewIndex makes the index of the city's communities.
func NewIndex(o IndexOptions) *Index {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Index{o, o.Directory.Communities()}
}

// DailyRisk is the index of a community on a day.
type DailyRisk struct {
	Day   city.Date
	Index int
}

const (
	indexSoon  = 10 * time.Second // after the start: not while the first page is asked for
	indexEvery = time.Hour
	backDays   = 30 // computed for days before the first
	lateDays   = 3  // batches come late by so much at most, mostly
)

var risks = access.Resource{Type: "Risk"}

// May reports whether somebody sees the index, for menus.
func (x *Index) May(actor city.Actor) bool {
	return actor.Kind == city.Officer && x.Access.Decide(actor, "risk.read", risks).Allowed
}

// On is the index of every community on a day, the highest first, and when it was
// computed; none where it wasn't.
func (x *Index) On(ctx context.Context, tx *db.Tx, actor city.Actor, day city.Date) (list []risk.Risk, at time.Time, err error) {
	if err := x.Access.Ask(ctx, actor, "risk.read", risks); err != nil {
		return nil, time.Time{}, err
	}
	kept, err := risksOn(ctx, tx, day)
	for _, k := range kept {
		list = append(list, k.risk)
		if k.at.After(at) {
			at = k.at
		}
	}
	return list, at, err
}

// Of is the index of one community on a day.
func (x *Index) Of(ctx context.Context, tx *db.Tx, actor city.Actor, region city.RegionCode, day city.Date) (r risk.Risk, at time.Time, err error) {
	if err := x.Access.Ask(ctx, actor, "risk.read", risks); err != nil {
		return r, at, err
	}
	kept, err := riskOf(ctx, tx, region, day)
	if err == nil && len(kept) == 0 {
		err = city.NotFound("risk.none")
	}
	if err != nil {
		return r, at, err
	}
	return kept[0].risk, kept[0].at, nil
}

// Trend is the daily index of a community since a day.
func (x *Index) Trend(ctx context.Context, tx *db.Tx, actor city.Actor, region city.RegionCode, since city.Date) ([]DailyRisk, error) {
	if err := x.Access.Ask(ctx, actor, "risk.read", risks); err != nil {
		return nil, err
	}
	return scoresSince(ctx, tx, region, since)
}

// Today is the day of now.
func (x *Index) Today() city.Date { return city.DateOf(x.Clock.Now().In(x.Zone)) }

// Compute computes the index of a day from what is on record for it, and keeps it in
// place of what was kept. Of officers on duty only the present is known: an earlier day
// keeps what was seen of it, or leaves that part out.
func (x *Index) Compute(ctx context.Context, actor city.Actor, day city.Date) ([]risk.Risk, error) {
	if err := x.Access.Ask(ctx, actor, "risk.compute", risks); err != nil {
		return nil, err
	}
	in, err := x.input(ctx, actor, day)
	if err != nil {
		return nil, err
	}
	list, now := x.Formula.All(in), x.Clock.Now()
	return list, x.DB.Update(ctx, func(_ context.Context, tx *db.Tx) error {
		for _, r := range list {
			if err := putRisk(tx, r, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// input gathers what an index of a day rests on.
func (x *Index) input(ctx context.Context, actor city.Actor, day city.Date) (in risk.Input, err error) {
	in = risk.Input{Communities: x.communities, End: day.AddDays(1).In(x.Zone)}
	if now := x.Clock.Now(); in.End.After(now) {
		in.End = now
	}
	if in.Book, err = x.Registers.On(ctx, actor, day); err != nil {
		return in, err
	}
	return in, x.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if in.Alerts, err = x.alerts(ctx, tx, actor, in.End); err != nil {
			return err
		}
		seconds, days, err := passingFrom(ctx, tx, day.AddDays(-x.Formula.PassingDays), day.AddDays(-1))
		if err != nil {
			return err
		}
		if x.History != nil && days > 0 {
			in.Passing = map[city.RegionCode]float64{}
			for region, n := range seconds {
				in.Passing[region] = float64(n) / float64(days)
			}
		}
		in.Officers, err = x.officers(ctx, tx, actor, day)
		return err
	})
}

// officers are how many are on duty near each community now, or were when the day was
// computed last; nil where nobody can say.
func (x *Index) officers(ctx context.Context, tx *db.Tx, actor city.Actor, day city.Date) (map[city.RegionCode]float64, error) {
	if day != x.Today() {
		kept, err := risksOn(ctx, tx, day)
		out := map[city.RegionCode]float64{}
		for _, k := range kept {
			for _, v := range k.risk.Parts {
				if v.Part == risk.Officers && v.Known {
					out[k.risk.Region] = v.Amount
				}
			}
		}
		return out, err
	}
	watches, _, err := x.Directory.Everyone(ctx, tx, actor, mostOfficers)
	if err != nil {
		return nil, err
	}
	var stand []geo.Point
	for _, w := range watches {
		if slices.Contains(x.Formula.OfficerBodies, w.Post.Body()) {
			stand = append(stand, w.At)
		}
	}
	return x.Formula.Near(x.communities, stand), nil
}

const (
	mostOfficers = 10_000
	mostAlerts   = 20_000
)

// alerts are those that count at a moment: raised in the days that are looked back on,
// with room for those that were open long before they were settled.
func (x *Index) alerts(ctx context.Context, tx *db.Tx, actor city.Actor, end time.Time) (list []risk.Alert, err error) {
	q := alert.Query{Since: end.AddDate(0, 0, -2*x.Formula.FindingDays), Until: end.Add(time.Microsecond), Limit: 200}
	for len(list) < mostAlerts {
		page, err := x.Board.List(ctx, tx, actor, q)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Alerts {
			list = append(list, risk.Alert{Ref: "alert:" + a.ID.String(), Case: a.Case, Matter: a.Rule + " " + a.Subject, Text: a.Text,
				At: geo.Point{Lat: a.Place.Lat, Lon: a.Place.Lon}, Region: a.Place.Region, Sure: a.Sure, Raised: a.Raised, Settled: a.Settled, Confirmed: a.State == alert.Confirmed,
				Refuted: a.State == alert.Refuted || a.State == alert.Cleared})
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return list, nil
}

// Pass sums up how long vehicles with dangerous goods were in each community on a day,
// to the minute, and keeps it.
func (x *Index) Pass(ctx context.Context, actor city.Actor, day city.Date) error {
	if err := x.Access.Ask(ctx, actor, "risk.compute", risks); err != nil {
		return err
	}
	if x.History == nil {
		return nil
	}
	book, err := x.Registers.On(ctx, actor, day)
	if err != nil {
		return err
	}
	from, to := city.Micros(day.In(x.Zone)), city.Micros(day.AddDays(1).In(x.Zone))
	ground := risk.NewGround(x.communities, x.Formula.Reach)
	place := map[city.RegionCode]int16{"": -1}
	for i, c := range x.communities {
		place[c.Code] = int16(i + 1)
	}
	minutes := map[register.VehicleID][]int16{} // 0 is unknown
	err = x.History.Each(ctx, from, to, func(p *history.Position) {
		id := register.VehicleID(p.Vehicle)
		if v := book.Vehicle(id); v == nil || v.Use != register.UseHazmat && v.Use != register.UseWaste {
			return
		}
		if minutes[id] == nil {
			minutes[id] = make([]int16, (to-from)/time.Minute.Microseconds()+1)
		}
		if at := &minutes[id][(p.At-from)/time.Minute.Microseconds()]; *at == 0 {
			*at = place[ground.Community(geo.Point{Lat: p.Lat, Lon: p.Lon})]
		}
	})
	if err != nil {
		return err
	}
	seconds := map[city.RegionCode]int64{}
	for _, of := range minutes {
		for _, n := range of {
			if n > 0 {
				seconds[x.communities[n-1].Code] += 60
			}
		}
	}
	return x.DB.Update(ctx, func(_ context.Context, tx *db.Tx) error {
		putPassing(tx, day, seconds, x.Clock.Now())
		return nil
	})
}

// Keep computes what is missing: today anew, the days before that were not over when
// they were computed, and some before the first; and forgets what is too old.
func (x *Index) Keep(ctx context.Context, actor city.Actor) error {
	if err := x.Access.Ask(ctx, actor, "risk.compute", risks); err != nil {
		return err
	}
	today, now := x.Today(), x.Clock.Now()
	since := today.AddDays(-min(backDays, x.Formula.KeepDays))
	var computed, passed map[city.Date]time.Time
	err := x.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if computed, err = computedOn(ctx, tx, since); err == nil {
			passed, err = passedOn(ctx, tx, since.AddDays(-x.Formula.PassingDays))
		}
		return err
	})
	if err != nil {
		return err
	}
	for day := today.AddDays(-x.Formula.PassingDays); day.Before(today); day = day.AddDays(1) {
		end := day.AddDays(1).In(x.Zone)
		at, known := passed[day]
		late := known && at.Before(end.AddDate(0, 0, lateDays)) && now.Sub(at) >= 24*time.Hour
		if !known || at.Before(end) || late {
			if err := x.Pass(ctx, actor, day); err != nil {
				return err
			}
		}
	}
	for day := today; !day.Before(since); day = day.AddDays(-1) {
		if at, known := computed[day]; !known || at.Before(day.AddDays(1).In(x.Zone)) {
			if _, err := x.Compute(ctx, actor, day); err != nil {
				return err
			}
		}
	}
	return x.DB.Update(ctx, func(_ context.Context, tx *db.Tx) error {
		forgetRisks(tx, today.AddDays(-x.Formula.KeepDays))
		return nil
	})
}

// Run keeps the index true until the context ends.
func (x *Index) Run(ctx context.Context) {
	next := time.NewTimer(indexSoon)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if err := x.Keep(ctx, city.SystemActor("risk")); err != nil && ctx.Err() == nil {
			x.Log.ErrorContext(ctx, "the risk of communities could not be computed", "err", err)
		}
		next.Reset(indexEvery)
	}
}

// RegisteredRisk is the index for the algorithm register, as the city describes it.
func RegisteredRisk(f *risk.Formula, d algorithm.Description) algorithm.Described {
	out := algorithm.Described{Kind: algorithm.Notices, Description: d, Definition: f}
	for _, c := range risk.Components {
		for _, p := range risk.PartsOf(c) {
			w := f.Of(c)[p]
			say := func(l city.Lang) string {
				return city.Say(l, "risk.parameter", "of", city.Message{Key: "risk." + string(c)}, "name", city.Message{Key: "risk.part." + string(p)}, "n", w.Weight)
			}
			out.Parameters = append(out.Parameters, algorithm.Parameter{Name: string(p), Value: w.Weight, Words: city.Text{ZhHans: say(city.Chinese), En: say(city.English)}})
		}
	}
	return out
}
