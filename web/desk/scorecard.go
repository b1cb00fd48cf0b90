package desk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/scorecard"
	"yiwang/web"
)

// Scores is the page of figures.
type Scores struct {
	Month    scorecard.Month
	Query    scorecard.Query
	By       scorecard.By
	Lines    []scoreLine
	Now      scorecard.Line
	Before   scorecard.Line // the month before
	LastYear scorecard.Line
	Own      city.BodyID // whose figures may be looked into by this officer; "" when all
	Open     bool        // the totals lead to their cases
}

type scoreLine struct {
	scorecard.Line
	Name city.Text
	Own  url.Values // where the cases of the line are; nil when they can't be opened
}

// rates stand in the table of lines; all definitions stand in the comparison.
var rates = []string{"on_time_rate", "accurate_dispatch_rate", "response_rate", "resolution_rate", "satisfaction_rate", "rework_rate"}

// scoreQuery reads what a page of figures is asked for.
func (d *Desk) scoreQuery(r *http.Request) (q scorecard.Query, by scorecard.By, err error) {
	v := r.URL.Query()
	q = scorecard.Query{Sort: scorecard.Sort(v.Get("sort")), Body: city.BodyID(v.Get("body")), Street: city.RegionCode(v.Get("street")), Item: city.ItemCode(v.Get("item"))}
	if q.Sort == "" {
		q.Sort = scorecard.Incidents
	}
	month := v.Get("month")
	view := web.ViewOf(r.Context())
	q.From = scorecard.MonthOf(view.Now, view.City.Zone)
	if month != "" {
		if q.From, err = scorecard.ParseMonth(month); err != nil {
			return q, by, err
		}
	}
	q.Until = q.From
	by = scorecard.By(v.Get("by"))
	if !slices.Contains(scoreViews, by) {
		by = scorecard.ByBody
	}
	return q, by, nil
}

var scoreViews = []scorecard.By{scorecard.ByBody, scorecard.ByStreet, scorecard.ByItem, scorecard.ByMonth}

func (d *Desk) scorecardPage(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := d.Actor(r), r.Context()
	q, by, err := d.scoreQuery(r)
	if err != nil {
		return err
	}
	s := Scores{Month: q.From, Query: q, By: by}
	if !d.Scores.May(actor, scorecard.Query{Sort: q.Sort}) {
		s.Own = actor.Body
	}
	s.Open = d.Scores.May(actor, q)
	err = d.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		lines := q
		if by == scorecard.ByMonth {
			lines.From = q.Until - 11
		}
		rows, err := d.Scores.Figures(ctx, tx, actor, lines, by)
		if err != nil {
			return err
		}
		for _, l := range rows {
			s.Lines = append(s.Lines, d.scoreLine(ctx, actor, q, by, l))
		}
		for _, t := range []struct {
			line *scorecard.Line
			back scorecard.Month
		}{{&s.Now, 0}, {&s.Before, 1}, {&s.LastYear, 12}} {
			then := q
			then.From, then.Until = q.From-t.back, q.From-t.back
			if *t.line, err = d.Scores.Total(ctx, tx, actor, then); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, scorecardPage(d.frame(ctx, actor, "scorecard", nil), s))
}

func (d *Desk) scoreLine(ctx context.Context, actor city.Actor, q scorecard.Query, by scorecard.By, l scorecard.Line) scoreLine {
	out := scoreLine{Line: l}
	switch by {
	case scorecard.ByBody:
		q.Body, out.Name = city.BodyID(l.Key), d.bodyName(city.BodyID(l.Key))
	case scorecard.ByStreet:
		q.Street, out.Name = city.RegionCode(l.Key), d.streetName(ctx, city.RegionCode(l.Key))
	case scorecard.ByItem:
		q.Item, out.Name = city.ItemCode(l.Key), web.Plain(l.Key)
		if d.ItemName != nil {
			out.Name = d.ItemName(q.Item)
		}
	default:
		out.Name = web.Plain(l.Key)
		if m, err := scorecard.ParseMonth(l.Key); err == nil {
			q.From, q.Until, out.Name = m, m, city.Text{ZhHans: city.Say(city.Chinese, m.Words().Key, m.Words().Args...), En: city.Say(city.English, m.Words().Key, m.Words().Args...)}
		}
	}
	if d.Scores.May(actor, q) && l.Key != "" { // no filter finds what has no key
		out.Own = scoreValues(q)
	}
	return out
}

func (d *Desk) streetName(ctx context.Context, code city.RegionCode) city.Text {
	if code == "" {
		return web.Plain(web.T(ctx, "scorecard.nowhere"))
	}
	if r, ok := d.Directory.Region(code); ok {
		return r.Name
	}
	return web.Plain(string(code))
}

// scoreValues writes a query of one month.
func scoreValues(q scorecard.Query) url.Values {
	v := url.Values{"month": {q.From.String()}, "sort": {string(q.Sort)}}
	for name, value := range map[string]string{"body": string(q.Body), "street": string(q.Street), "item": string(q.Item)} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// link leads to the page drawn up differently.
func (s Scores) link(change func(*scorecard.Query, *scorecard.By)) templ.SafeURL {
	q, by := s.Query, s.By
	change(&q, &by)
	if s.Own != "" && by != scorecard.ByBody && by != scorecard.ByMonth {
		q.Body = s.Own
	}
	v := scoreValues(q)
	v.Set("by", string(by))
	return templ.SafeURL(PathScores + "?" + v.Encode())
}

func (s Scores) month(m scorecard.Month) templ.SafeURL {
	return s.link(func(q *scorecard.Query, _ *scorecard.By) { q.From, q.Until = m, m })
}

// behind is where the cases with a mark are.
func behind(v url.Values, with, without scorecard.Mark) templ.SafeURL {
	to := url.Values{"with": {strconv.Itoa(int(with))}, "without": {strconv.Itoa(int(without))}}
	for name, values := range v {
		to[name] = values
	}
	return templ.SafeURL(PathScores + "/cases?" + to.Encode())
}

// shareOf says a figure of a line; "—" where it has no cases.
func shareOf(ctx context.Context, l scorecard.Line, def scorecard.Definition) string {
	n, of := l.Share(def)
	if of == 0 {
		return "—"
	}
	return web.T(ctx, "scorecard.share", "share", fmt.Sprintf("%.1f", 100*float64(n)/float64(of)), "n", n, "of", of)
}

// span says a measured time in its coarsest fitting unit.
func span(ctx context.Context, l scorecard.Line, share float64) string {
	t, ok := l.Quantile(scorecard.ToDone, share)
	switch {
	case !ok:
		return "—"
	case t >= 48*time.Hour:
		return web.T(ctx, "scorecard.days", "n", fmt.Sprintf("%.1f", t.Hours()/24))
	case t >= 2*time.Hour:
		return web.T(ctx, "scorecard.hours", "n", fmt.Sprintf("%.1f", t.Hours()))
	}
	return web.T(ctx, "scorecard.minutes", "n", int(t.Minutes()+0.5))
}

func definitionsOf(ids []string) (out []scorecard.Definition) {
	for _, id := range ids {
		if d, ok := scorecard.DefinitionOf(id); ok {
			out = append(out, d)
		}
	}
	return out
}

// Scored is the page of the cases behind a number.
type Scored struct {
	Figure  city.Message
	Back    templ.SafeURL
	Matters []scorecard.Matter
	Names   []city.Text
	Next    templ.SafeURL
}

// mostScored is how many cases one page lists.
const mostScored = 50

func (d *Desk) scoredPage(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := d.Actor(r), r.Context()
	q, _, err := d.scoreQuery(r)
	if err != nil {
		return err
	}
	v := r.URL.Query()
	with, err := strconv.Atoi(v.Get("with"))
	if err != nil {
		return city.Invalid("scorecard.mark")
	}
	without, err := strconv.Atoi(v.Get("without"))
	if err != nil {
		return city.Invalid("scorecard.mark")
	}
	s := Scored{Figure: figureOf(scorecard.Mark(with)), Back: templ.SafeURL(PathScores + "?" + scoreValues(q).Encode())}
	err = d.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		matters, next, err := d.Scores.Cases(ctx, tx, actor, q, scorecard.Mark(with), scorecard.Mark(without), v.Get("after"), mostScored)
		if s.Matters = matters; next != "" {
			v.Set("after", next)
			s.Next = templ.SafeURL(PathScores + "/cases?" + v.Encode())
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range s.Matters {
		name := web.Plain(string(m.Item))
		if d.ItemName != nil {
			name = d.ItemName(m.Item)
		}
		s.Names = append(s.Names, name)
	}
	return web.Render(w, r, http.StatusOK, scoredPage(d.frame(ctx, actor, "scorecard", nil), s))
}

// figureOf names the number that a mark is counted in.
func figureOf(m scorecard.Mark) city.Message {
	switch m {
	case scorecard.Opened:
		return city.Message{Key: "scorecard.opened"}
	case scorecard.Handled:
		return city.Message{Key: "scorecard.handled"}
	case scorecard.Overdue:
		return city.Message{Key: "scorecard.overdue"}
	}
	for _, d := range scorecard.Definitions() {
		if d.Of == m {
			return d.Name
		}
	}
	return city.Message{Key: "scorecard.title"}
}

// total is the line of everything that was asked for.
func (s Scores) total() scoreLine {
	l := scoreLine{Line: s.Now}
	if s.Open {
		l.Own = scoreValues(s.Query)
	}
	return l
}
