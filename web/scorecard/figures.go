package scorecard

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

// Figures is the page of the figures of a month.
type Figures struct {
	Doc      web.DeskDoc
	Month    scorecard.Month
	Query    scorecard.Query
	By       scorecard.By
	Lines    []line
	Now      scorecard.Line
	Before   scorecard.Line // the month before
	LastYear scorecard.Line
	Own      city.BodyID // whose figures may be looked into by this officer; "" when all
	Open     bool        // the totals lead to their cases
}

// line is a line of figures with what it is called.
type line struct {
	scorecard.Line
	Name  city.Text
	Cases url.Values // where its cases are; nil when they can't be opened
}

// rates stand in the table of lines; all definitions stand in the comparison.
var rates = []string{"on_time_rate", "accurate_dispatch_rate", "response_rate", "resolution_rate", "satisfaction_rate", "rework_rate"}

// views are what the figures can be drawn up by.
var views = []scorecard.By{scorecard.ByBody, scorecard.ByStreet, scorecard.ByItem, scorecard.ByMonth}

// asked reads what a page of figures is asked for.
func asked(r *http.Request) (q scorecard.Query, by scorecard.By, err error) {
	v := r.URL.Query()
	q = scorecard.Query{Sort: scorecard.Sort(v.Get("sort")), Body: city.BodyID(v.Get("body")), Street: city.RegionCode(v.Get("street")), Item: city.ItemCode(v.Get("item"))}
	if q.Sort == "" {
		q.Sort = scorecard.Incidents
	}
	view := web.ViewOf(r.Context())
	q.From = scorecard.MonthOf(view.Now, view.City.Zone)
	if month := v.Get("month"); month != "" {
		if q.From, err = scorecard.ParseMonth(month); err != nil {
			return q, by, err
		}
	}
	q.Until = q.From
	by = scorecard.By(v.Get("by"))
	if !slices.Contains(views, by) {
		by = scorecard.ByBody
	}
	return q, by, nil
}

func (p *Pages) figures(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := web.ViewOf(r.Context()).Actor, r.Context()
	q, by, err := asked(r)
	if err != nil {
		return err
	}
	s := Figures{Month: q.From, Query: q, By: by}
	if !p.Scores.May(actor, scorecard.Query{Sort: q.Sort}) {
		s.Own = actor.Body
	}
	s.Open = p.Scores.May(actor, q)
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		lines := q
		if by == scorecard.ByMonth {
			lines.From = q.Until - 11
		}
		rows, err := p.Scores.Figures(ctx, tx, actor, lines, by)
		if err != nil {
			return err
		}
		for _, l := range rows {
			s.Lines = append(s.Lines, p.line(ctx, actor, q, by, l))
		}
		for _, t := range []struct {
			line *scorecard.Line
			back scorecard.Month
		}{{&s.Now, 0}, {&s.Before, 1}, {&s.LastYear, 12}} {
			then := q
			then.From, then.Until = q.From-t.back, q.From-t.back
			if *t.line, err = p.Scores.Total(ctx, tx, actor, then); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Doc = p.Frame(ctx, actor, "scorecard")
	s.Doc.Title = web.T(ctx, "scorecard.title")
	return web.Render(w, r, http.StatusOK, figuresPage(s))
}

func (p *Pages) line(ctx context.Context, actor city.Actor, q scorecard.Query, by scorecard.By, l scorecard.Line) line {
	out := line{Line: l}
	switch by {
	case scorecard.ByBody:
		q.Body, out.Name = city.BodyID(l.Key), p.Short(city.BodyID(l.Key))
	case scorecard.ByStreet:
		q.Street, out.Name = city.RegionCode(l.Key), p.Region(city.RegionCode(l.Key))
	case scorecard.ByItem:
		q.Item, out.Name = city.ItemCode(l.Key), p.Item(city.ItemCode(l.Key))
	default:
		out.Name = web.Plain(l.Key)
		if m, err := scorecard.ParseMonth(l.Key); err == nil {
			q.From, q.Until, out.Name = m, m, web.Words(m.Words().Key, m.Words().Args...)
		}
	}
	if l.Key == "" {
		out.Name = web.Words("scorecard.nowhere")
		if by == scorecard.ByItem {
			out.Name = web.Words("scorecard.unclassed")
		}
	}
	if p.Scores.May(actor, q) && l.Key != "" { // no filter finds what has no key
		out.Cases = values(q)
	}
	return out
}

// values writes a query of one month.
func values(q scorecard.Query) url.Values {
	v := url.Values{"month": {q.From.String()}, "sort": {string(q.Sort)}}
	for name, value := range map[string]string{"body": string(q.Body), "street": string(q.Street), "item": string(q.Item)} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// link leads to the page drawn up differently.
func (s Figures) link(change func(*scorecard.Query, *scorecard.By)) templ.SafeURL {
	q, by := s.Query, s.By
	change(&q, &by)
	if s.Own != "" && by != scorecard.ByBody && by != scorecard.ByMonth {
		q.Body = s.Own
	}
	v := values(q)
	v.Set("by", string(by))
	return templ.SafeURL(PathFigures + "?" + v.Encode())
}

func (s Figures) month(m scorecard.Month) templ.SafeURL {
	return s.link(func(q *scorecard.Query, _ *scorecard.By) { q.From, q.Until = m, m })
}

// total is the line of everything that was asked for.
func (s Figures) total() line {
	l := line{Line: s.Now}
	if s.Open {
		l.Cases = values(s.Query)
	}
	return l
}

// casesPath is where the cases with a mark are; "" where somebody may not open them.
func casesPath(v url.Values, with, without scorecard.Mark) templ.SafeURL {
	if v == nil {
		return ""
	}
	to := url.Values{"with": {strconv.Itoa(int(with))}, "without": {strconv.Itoa(int(without))}}
	for name, values := range v {
		to[name] = values
	}
	return templ.SafeURL(PathReports + "cases?" + to.Encode())
}

// count is a plain number, which opens its cases.
func (l line) count(m scorecard.Mark) Cell {
	c := Cell{Said: strconv.FormatInt(l.Count(m), 10)}
	if l.Count(m) > 0 {
		c.Link = casesPath(l.Cases, m, scorecard.Opened)
	}
	return c
}

// share is a figure of the line, which opens what is counted in it; "—" where it
// has no cases.
func (l line) share(ctx context.Context, def scorecard.Definition) Cell {
	n, of := l.Share(def)
	if of == 0 {
		return Cell{Said: nothing}
	}
	c := shareCell(ctx, n, of)
	if n > 0 {
		c.Link = casesPath(l.Cases, def.Of, def.Without)
	}
	return c
}

// nothing stands where there is no figure.
const nothing = "—"

func shareCell(ctx context.Context, n, of int64) Cell {
	return Cell{Said: web.T(ctx, "scorecard.share", "share", fmt.Sprintf("%.1f", 100*float64(n)/float64(of))), Of: web.T(ctx, "scorecard.share.of", "n", n, "of", of)}
}

// done says how long it took until such a share of a line was done.
func (l line) done(ctx context.Context, share float64) Cell {
	t, ok := l.Quantile(scorecard.ToDone, share)
	if !ok {
		return Cell{Said: nothing}
	}
	return Cell{Said: span(ctx, t)}
}

// span says a measured time in its coarsest fitting unit.
func span(ctx context.Context, t time.Duration) string {
	switch {
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

func current(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

// Behind is the page of the cases behind a number.
type Behind struct {
	Doc     web.DeskDoc
	Figure  city.Message
	Back    templ.SafeURL
	Matters []scorecard.Matter
	Names   []city.Text
	Next    templ.SafeURL
}

// mostBehind is how many cases one page lists.
const mostBehind = 50

func (p *Pages) behind(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := web.ViewOf(r.Context()).Actor, r.Context()
	q, _, err := asked(r)
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
	s := Behind{Figure: figureOf(scorecard.Mark(with)), Back: templ.SafeURL(PathFigures + "?" + values(q).Encode())}
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		matters, next, err := p.Scores.Cases(ctx, tx, actor, q, scorecard.Mark(with), scorecard.Mark(without), v.Get("after"), mostBehind)
		if s.Matters = matters; next != "" {
			v.Set("after", next)
			s.Next = templ.SafeURL(PathReports + "cases?" + v.Encode())
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range s.Matters {
		name := web.Words("scorecard.unclassed")
		if m.Item != "" {
			name = p.Item(m.Item)
		}
		s.Names = append(s.Names, name)
	}
	s.Doc = p.Frame(ctx, actor, "scorecard")
	s.Doc.Title = web.T(ctx, "scorecard.title")
	return web.Render(w, r, http.StatusOK, behindPage(s))
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
