package scorecard

import (
	"context"
	"net/url"
	"slices"
	"strconv"

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
	Formula bool  // the last column says how each figure is reckoned
	Lines   bool  // a line for each body, street or class: many columns, many lines
}

// Cell is one cell: what is said, of a share also of how many, and where the cases
// behind it are.
type Cell struct {
	Said string
	Of   string
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
		for _, half := range t.halves() {
			list = append(list, t.group(g, half))
		}
	}
	if desk {
		list = append(list, t.late())
	}
	return slices.DeleteFunc(list, func(t Table) bool { return len(t.Rows) == 0 })
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
	if l.Count(scorecard.Opened) == 0 && !t.desk {
		return Cell{Said: nothing} // nobody whom a count could lead to
	}
	return t.leads(Cell{Said: t.few(l.Count(m))}, l.Count(m) > 0, v, m, scorecard.Opened)
}

func (t teller) share(l scorecard.Line, d scorecard.Definition, v url.Values) Cell {
	n, of := l.Share(d)
	switch {
	case of == 0 && t.desk || l.Count(scorecard.Opened) == 0:
		return Cell{Said: nothing}
	case !t.desk && of < scorecard.Few:
		return Cell{Said: t.few(of)}
	case !t.desk && n < scorecard.Few:
		return Cell{Said: t.say("scorecard.few.of", "n", t.few(n), "of", of)}
	}
	return t.leads(shareCell(t.ctx, n, of), n > 0, v, d.Of, d.Without)
}

// leads makes a cell lead to the cases with a mark, where somebody may open them.
func (t teller) leads(c Cell, some bool, v url.Values, with, without scorecard.Mark) Cell {
	if t.desk && some {
		c.Link = casesPath(v, with, without)
	}
	return c
}

func (t teller) time(l scorecard.Line, s scorecard.Span, q float64) Cell {
	d, ok := l.Quantile(s, q)
	switch {
	case l.Count(scorecard.Opened) == 0:
		return Cell{Said: nothing}
	case !t.desk && l.Count(scorecard.Handled) < scorecard.Few:
		return Cell{Said: t.few(0)}
	case !ok:
		return Cell{Said: nothing}
	}
	return Cell{Said: span(t.ctx, d)}
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
	main = Table{Caption: t.say("scorecard.compared"), Head: head, Wide: []int{0, 4}, Formula: true}
	silence = Table{Caption: t.say("scorecard.apart"), Head: head, Wide: []int{0, 4}, Formula: true}
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

// half is what one table says of each body, street or class.
type half struct {
	caption string // a key with the dimension in it
	counted bool   // with the plain numbers and the times
	rates   []scorecard.Definition
}

// voices are the figures that come from what reporters say.
var voices = []string{"response_rate", "resolution_rate", "satisfaction_rate", "active_rating_rate", "silent_rate"}

// told are the figures by body, street and class that everybody reads; the whole
// city's are all of them.
var told = []string{"on_time_rate", "resolution_rate", "satisfaction_rate"}

// halves are the tables of a dimension: for officers what was done and what
// reporters say of it, since one table with all of it fits no screen and no sheet.
func (t teller) halves() []half {
	if !t.desk {
		return []half{{"scorecard.half.work", true, definitionsOf(told)}}
	}
	work := half{caption: "scorecard.half.work", counted: true}
	for _, d := range scorecard.Definitions() {
		if !slices.Contains(voices, d.ID) {
			work.rates = append(work.rates, d)
		}
	}
	return []half{work, {"scorecard.half.voices", false, definitionsOf(voices)}}
}

// group draws up the lines of one dimension.
func (t teller) group(g scorecard.Group, h half) Table {
	out := Table{Caption: t.say(h.caption, "by", t.say("scorecard.by."+string(g.By))), Head: []string{t.say("scorecard.col." + string(g.By))}, Wide: []int{0}, Lines: true}
	if h.counted {
		for _, c := range counted {
			out.Head = append(out.Head, t.say(c.key))
		}
	}
	for _, d := range h.rates {
		out.Head = append(out.Head, web.Tell(t.ctx, d.Name))
	}
	if h.counted {
		out.Head = append(out.Head, t.say("scorecard.time.held.median"), t.say("scorecard.time.held.p90"))
	}
	for _, l := range g.Lines {
		v := t.values(t.r.Month)
		if l.Key == "" {
			v = nil // no filter finds what has no key
		} else {
			v.Set(string(g.By), l.Key)
		}
		cells := []Cell{{Said: t.name(g.By, l.Key)}}
		if h.counted {
			for _, c := range counted {
				cells = append(cells, t.count(l, c.mark, v))
			}
		}
		for _, d := range h.rates {
			cells = append(cells, t.share(l, d, v))
		}
		if h.counted {
			cells = append(cells, t.time(l, scorecard.Held, 0.5), t.time(l, scorecard.Held, 0.9))
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

func (t teller) name(by scorecard.By, key string) string {
	if key == "" {
		if by == scorecard.ByItem {
			return t.say("scorecard.unclassed")
		}
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
		out.Rows = append(out.Rows, []Cell{{Said: string(m.Number), Link: templ.SafeURL(casePath(m.Number))}, {Said: item},
			{Said: t.name(scorecard.ByBody, string(m.Body))}, {Said: t.say(where)}, {Said: t.say("scorecard.at", "at", m.Opened)}})
	}
	return out
}
