package scorecard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/scorecard"
	"yiwang/web"
)

// Table is a table of a report as every form of it shows it.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]Cell
	Wide    []int // columns of names and sentences
}

// Cell is one cell: what is said, and where the cases behind it are.
type Cell struct {
	Said string
	Link templ.SafeURL
}

// apart are the figures of silence, which is no rating.
var apart = []string{"active_rating_rate", "silent_rate"}

// teller writes figures, for officers with links to their cases, for everybody
// without small counts.
type teller struct {
	ctx  context.Context
	p    *Pages
	r    scorecard.Report
	desk bool
}

// tables writes a report; desk says whether it is for officers.
func (p *Pages) tables(ctx context.Context, r scorecard.Report, desk bool) []Table {
	t := teller{ctx, p, r, desk}
	main, silence := t.compared()
	list := []Table{main, silence}
	for _, g := range r.Groups {
		list = append(list, t.group(g))
	}
	if desk {
		list = append(list, t.late())
	}
	return list
}

func (t teller) say(key string, args ...any) string { return web.T(t.ctx, key, args...) }

// few hides a count that could lead to somebody.
func (t teller) few(n int64) string {
	if !t.desk && n < scorecard.Few {
		return t.say("scorecard.few", "n", scorecard.Few)
	}
	return strconv.FormatInt(n, 10)
}

func (t teller) count(l scorecard.Line, m scorecard.Mark, v url.Values) Cell {
	return t.cell(t.few(l.Count(m)), l.Count(m) > 0, v, m, scorecard.Opened)
}

func (t teller) share(l scorecard.Line, d scorecard.Definition, v url.Values) Cell {
	n, of := l.Share(d)
	switch {
	case of == 0 && t.desk:
		return Cell{Said: "—"}
	case !t.desk && of < scorecard.Few:
		return Cell{Said: t.few(of)}
	case !t.desk && n < scorecard.Few:
		return Cell{Said: t.say("scorecard.few.of", "n", t.few(n), "of", of)}
	}
	said := t.say("scorecard.share", "share", fmt.Sprintf("%.1f", 100*float64(n)/float64(of)), "n", n, "of", of)
	return t.cell(said, n > 0, v, d.Of, d.Without)
}

// cell leads to the cases with a mark, where somebody may open them.
func (t teller) cell(said string, some bool, v url.Values, with, without scorecard.Mark) Cell {
	c := Cell{Said: said}
	if t.desk && some && v != nil {
		to := url.Values{"with": {strconv.Itoa(int(with))}, "without": {strconv.Itoa(int(without))}}
		for name, values := range v {
			to[name] = values
		}
		c.Link = templ.SafeURL(PathReports + "cases?" + to.Encode())
	}
	return c
}

func (t teller) time(l scorecard.Line, s scorecard.Span, q float64) Cell {
	d, ok := l.Quantile(s, q)
	switch {
	case !t.desk && l.Count(scorecard.Handled) < scorecard.Few:
		return Cell{Said: t.few(0)}
	case !ok:
		return Cell{Said: "—"}
	case d >= 48*time.Hour:
		return Cell{Said: t.say("scorecard.days", "n", fmt.Sprintf("%.1f", d.Hours()/24))}
	case d >= 2*time.Hour:
		return Cell{Said: t.say("scorecard.hours", "n", fmt.Sprintf("%.1f", d.Hours()))}
	}
	return Cell{Said: t.say("scorecard.minutes", "n", int(d.Minutes()+0.5))}
}

// values are the query of the cases of the report.
func (t teller) values(m scorecard.Month) url.Values {
	v := url.Values{"month": {m.String()}, "sort": {string(scorecard.Incidents)}}
	if t.r.Body != "" {
		v.Set("body", string(t.r.Body))
	}
	return v
}

// spansOf are the times of a report.
var spansOf = []struct {
	id   string
	span scorecard.Span
}{{"dispatch", scorecard.ToDispatch}, {"done", scorecard.ToDone}, {"held", scorecard.Held}}

// compared draws up every figure against the month before and the year before;
// silence stands in a table of its own.
func (t teller) compared() (main, silence Table) {
	head := []string{t.say("scorecard.figure"), t.say("scorecard.said", "what", t.r.Month.Words()), t.say("scorecard.last_month"), t.say("scorecard.last_year"), t.say("scorecard.formula")}
	main = Table{Caption: t.say("scorecard.compared"), Head: head, Wide: []int{0, 4}}
	silence = Table{Caption: t.say("scorecard.apart"), Head: head, Wide: []int{0, 4}}
	lines := []scorecard.Line{t.r.Total, t.r.Before, t.r.LastYear}
	months := []scorecard.Month{t.r.Month, t.r.Month - 1, t.r.Month - 12}
	row := func(name, how string, cell func(l scorecard.Line, v url.Values) Cell) []Cell {
		cells := []Cell{{Said: name}}
		for i, l := range lines {
			cells = append(cells, cell(l, t.values(months[i])))
		}
		return append(cells, Cell{Said: how})
	}
	for _, c := range counted {
		main.Rows = append(main.Rows, row(t.say(c.key), t.say(c.how), func(l scorecard.Line, v url.Values) Cell { return t.count(l, c.mark, v) }))
	}
	for _, d := range scorecard.Definitions() {
		cells := row(web.Tell(t.ctx, d.Name), web.Tell(t.ctx, d.Formula), func(l scorecard.Line, v url.Values) Cell { return t.share(l, d, v) })
		if slices.Contains(apart, d.ID) {
			silence.Rows = append(silence.Rows, cells)
		} else {
			main.Rows = append(main.Rows, cells)
		}
	}
	for _, s := range spansOf {
		for _, q := range []struct {
			key string
			at  float64
		}{{"median", 0.5}, {"p90", 0.9}} {
			main.Rows = append(main.Rows, row(t.say("scorecard.time."+s.id+"."+q.key), t.say("scorecard.time."+s.id+".how"),
				func(l scorecard.Line, _ url.Values) Cell { return t.time(l, s.span, q.at) }))
		}
	}
	return main, silence
}

// counted are the plain numbers of a report.
var counted = []struct {
	key, how string
	mark     scorecard.Mark
}{{"scorecard.opened", "scorecard.opened.how", scorecard.Opened}, {"scorecard.handled", "scorecard.handled.how", scorecard.Handled},
	{"scorecard.overdue", "scorecard.overdue.how", scorecard.Overdue}}

// group draws up the lines of one dimension.
func (t teller) group(g scorecard.Group) Table {
	out := Table{Caption: t.say("scorecard.by." + string(g.By)), Head: []string{t.say("scorecard.col." + string(g.By))}, Wide: []int{0}}
	for _, c := range counted {
		out.Head = append(out.Head, t.say(c.key))
	}
	for _, d := range scorecard.Definitions() {
		out.Head = append(out.Head, web.Tell(t.ctx, d.Name))
	}
	out.Head = append(out.Head, t.say("scorecard.time.held.median"), t.say("scorecard.time.held.p90"))
	for _, l := range g.Lines {
		v := t.values(t.r.Month)
		if l.Key == "" {
			v = nil // no filter finds what has no key
		} else {
			v.Set(string(g.By), l.Key)
		}
		cells := []Cell{{Said: t.name(g.By, l.Key)}}
		for _, c := range counted {
			cells = append(cells, t.count(l, c.mark, v))
		}
		for _, d := range scorecard.Definitions() {
			cells = append(cells, t.share(l, d, v))
		}
		out.Rows = append(out.Rows, append(cells, t.time(l, scorecard.Held, 0.5), t.time(l, scorecard.Held, 0.9)))
	}
	return out
}

func (t teller) name(by scorecard.By, key string) string {
	if key == "" {
		return t.say("scorecard.nowhere")
	}
	var name city.Text
	switch by {
	case scorecard.ByBody:
		name = t.p.Body(city.BodyID(key))
	case scorecard.ByStreet:
		name = t.p.Region(city.RegionCode(key))
	default:
		name = t.p.Item(city.ItemCode(key))
	}
	return web.In(t.ctx, name)
}

// late lists what is open past a limit, the oldest first.
func (t teller) late() Table {
	out := Table{Caption: t.say("scorecard.late"), Wide: []int{1, 2, 3},
		Head: []string{t.say("scorecard.cases.number"), t.say("scorecard.col.item"), t.say("scorecard.col.body"), t.say("scorecard.late.where"), t.say("scorecard.cases.opened")}}
	for _, m := range t.r.Late {
		where := "scorecard.late.body"
		switch {
		case m.Has(scorecard.CheckOverdue):
			where = "scorecard.late.check"
		case !m.Has(scorecard.Dispatched):
			where = "scorecard.late.nobody"
		}
		item := t.say("scorecard.unclassed")
		if m.Item != "" {
			item = web.In(t.ctx, t.p.Item(m.Item))
		}
		out.Rows = append(out.Rows, []Cell{{Said: string(m.Number), Link: templ.SafeURL("/desk/cases/" + url.PathEscape(string(m.Number)))}, {Said: item},
			{Said: t.name(scorecard.ByBody, string(m.Body))}, {Said: t.say(where)}, {Said: t.say("scorecard.at", "at", m.Opened)}})
	}
	return out
}
