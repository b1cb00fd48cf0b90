package citizen

import (
	"context"
	"strings"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/web"
)

func searchTitle(ctx context.Context, s Search) string {
	switch {
	case s.Query == "":
		return web.T(ctx, "citizen.search.all")
	case s.Pages.Total > 0:
		return web.T(ctx, "citizen.search.found.n", "query", s.Query, "n", s.Pages.Total)
	}
	return web.T(ctx, "citizen.search.found", "query", s.Query)
}

func orAll(s string) string {
	if s == "" {
		return "all"
	}
	return s
}

func chosen(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}

func guideFor(ctx context.Context, g Guide) string {
	switch {
	case g.ForPerson && g.ForFirm:
		return web.T(ctx, "citizen.guide.who.both")
	case g.ForFirm:
		return web.T(ctx, "citizen.guide.who.firm")
	}
	return web.T(ctx, "citizen.guide.who.person")
}

func stepTitle(ctx context.Context, step, item city.Text) string {
	return web.In(ctx, step) + " – " + web.In(ctx, item)
}

func enctype(files bool) string {
	if files {
		return "multipart/form-data"
	}
	return "application/x-www-form-urlencoded"
}

func joined(ctx context.Context, list []city.Text) string {
	s := ""
	for i, t := range list {
		if i > 0 {
			s += web.T(ctx, "web.list.and")
		}
		s += web.In(ctx, t)
	}
	return s
}

// paperFields are the papers as fields, for the summary of faults.
func paperFields(papers []Paper) []web.Field {
	var out []web.Field
	for _, p := range papers {
		out = append(out, web.Field{Name: p.Name, Fault: p.Fault})
		if p.Upload != nil {
			out = append(out, *p.Upload)
		}
	}
	return out
}

// looksAgain makes the page fetch its own middle every two seconds while an
// answer is on its way; what comes back without these attributes ends it.
func looksAgain(soon bool) templ.Attributes {
	if !soon {
		return nil
	}
	return templ.Attributes{
		"data-hx-get": "", "data-hx-trigger": "every 2s", "data-hx-select": "#matter", "data-hx-swap": "outerHTML",
	}
}

func verifyLabel(v Verify) city.Text {
	if v.Result != nil {
		return web.Words("citizen.verify.another")
	}
	return web.Words("citizen.verify.code")
}

// named is the name of a matter with whose it is, when it is not the reader's.
func named(ctx context.Context, name city.Text, whose string) string {
	if whose == "" {
		return web.In(ctx, name)
	}
	return web.In(ctx, name) + web.T(ctx, "citizen.matter.whose", "name", whose)
}

// clauseWords says what a clause was judged by, where that came from, and the
// law behind the clause.
func clauseWords(ctx context.Context, c Clause) string {
	var parts []string
	for _, p := range []string{c.Fact, web.In(ctx, c.From), web.In(ctx, c.Legal)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " · ")
}

// follows makes the results of a search follow what is typed.
func follows(live bool) templ.Attributes {
	if !live {
		return nil
	}
	return templ.Attributes{
		"data-hx-get": PathItems, "data-hx-trigger": "input changed delay:300ms", "data-hx-select": "#results", "data-hx-target": "#results", "data-hx-swap": "outerHTML",
	}
}

func trialColumns() []web.Column {
	return []web.Column{{Name: web.Words("citizen.model.column.what")}, {Name: web.Words("citizen.model.column.hits"), Number: true},
		{Name: web.Words("citizen.model.column.of"), Number: true}, {Name: web.Words("citizen.model.column.share"), Number: true}}
}

func trialCells(ctx context.Context, rows []TrialRow) (out [][]templ.Component) {
	for _, r := range rows {
		out = append(out, []templ.Component{web.Text(web.In(ctx, r.What)), web.Text(web.SayCount(r.Hits)), web.Text(web.SayCount(r.Of)), web.Text(shareOf(ctx, r.Hits, r.Of))})
	}
	return out
}

func turnedColumns(first string) []web.Column {
	return []web.Column{{Name: web.Words(first)}, {Name: web.Words("citizen.model.column.said"), Number: true}, {Name: web.Words("citizen.model.column.judged"), Number: true},
		{Name: web.Words("citizen.model.column.right"), Number: true}, {Name: web.Words("citizen.model.column.share"), Number: true}}
}

func turnedCells(ctx context.Context, rows []TurnedRow) (out [][]templ.Component) {
	for _, r := range rows {
		out = append(out, []templ.Component{web.Text(web.In(ctx, r.What)), web.Text(web.SayCount(r.Said)), web.Text(web.SayCount(r.Right + r.Wrong)),
			web.Text(web.SayCount(r.Right)), web.Text(shareOf(ctx, r.Right, r.Right+r.Wrong))})
	}
	return out
}

// shareOf says a share in per cent; of nothing there is none.
func shareOf(ctx context.Context, n, of int) string {
	if of == 0 {
		return web.T(ctx, "citizen.model.share.none")
	}
	return web.T(ctx, "citizen.model.share", "n", percent(float64(n)/float64(of)))
}

// recordLead says in a sentence how what a model said turned out.
func recordLead(ctx context.Context, t Turned) string {
	judged := t.Right + t.Wrong
	if judged == 0 {
		return web.T(ctx, "citizen.model.record.unjudged", "said", web.SayCount(t.Said))
	}
	return web.T(ctx, "citizen.model.record.lead", "said", web.SayCount(t.Said), "judged", web.SayCount(judged), "right", web.SayCount(t.Right),
		"share", percent(float64(t.Right)/float64(judged)))
}
