package citizen

import (
	"context"
	"net/http"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/rule"
	"yiwang/web"
)

func (p *Pages) rules(w http.ResponseWriter, r *http.Request) error {
	var groups []RuleGroup
	for _, kind := range []algorithm.Kind{algorithm.Decides, algorithm.Suggests, algorithm.Notices} {
		g := RuleGroup{Title: web.Words("citizen.rules.kind." + string(kind)), Help: web.Words("citizen.rules.help." + string(kind))}
		for _, e := range p.Algorithms.Entries() {
			if e.Kind == kind {
				g.Lines = append(g.Lines, RuleLine{Name: e.Name, Purpose: e.Purpose, Owner: p.body(e.Owner), Href: RulePath(e.Rule)})
			}
		}
		if len(g.Lines) > 0 {
			groups = append(groups, g)
		}
	}
	return web.Render(w, r, http.StatusOK, RulesPage(groups))
}

func (p *Pages) rule(w http.ResponseWriter, r *http.Request) error {
	e, ok := p.Algorithms.Entry(city.RuleID(r.PathValue("rule")))
	if !ok {
		return city.NotFound("error.not_found")
	}
	if e.Kind != algorithm.Decides {
		return p.model(w, r, e)
	}
	if len(e.Versions) == 0 {
		return city.NotFound("error.not_found")
	}
	here := versionIn(e, r.URL.Query().Get("from"), p.today())
	v := Rule{Name: e.Name, Purpose: e.Purpose, Owner: p.body(e.Owner), From: here.From}
	for _, it := range p.Items.AllItems() {
		if it.Rule == e.Rule {
			v.Item, v.ItemURL = it.Name, ItemPath(it.Code)
		}
	}
	for _, c := range here.Clauses {
		v.Clauses = append(v.Clauses, RuleClause{Text: c.Text, Legal: c.Legal, When: c.When})
	}
	for _, in := range e.Inputs {
		name := in.Label
		if name.IsZero() {
			name = web.Plain(in.Name)
		}
		v.Facts = append(v.Facts, RuleFact{Name: name, From: p.source(in.Source.String())})
	}
	for _, t := range e.Tests {
		v.Tests = append(v.Tests, RuleTest{Name: t.Name, Verdict: web.Words("citizen.verdict." + string(t.Want))})
	}
	for i := len(e.Versions) - 1; i >= 0; i-- {
		from := e.Versions[i].From
		v.Versions = append(v.Versions, RuleVersion{From: from, Href: RulePath(e.Rule) + "?from=" + from.String(), Here: from == here.From})
	}
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		s, err := p.Algorithms.Statistics(ctx, tx, e.Rule)
		if err != nil {
			return err
		}
		v.Runs, v.Granted, v.ToOfficer = s.Runs, s.Granted, s.ToOfficer+s.Need
		if len(s.Months) > 0 {
			d, err := city.ParseDate(s.Months[0].Month + "-01")
			if err != nil {
				return err
			}
			v.Since = d.In(p.Pack.Zone)
		}
		v.Receipts, err = p.receipts(ctx, tx, aboutRule(e.Rule), RulePath(e.Rule))
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, RulePage(v))
}

// versionIn is the version that begins on the day asked for, or the one in force;
// before the first, the first.
func versionIn(e algorithm.Entry, from string, today city.Date) rule.Version {
	here := e.Versions[0].Version
	for _, v := range e.Versions {
		if v.From.String() == from {
			return v.Version
		}
		if !today.Before(v.From) {
			here = v.Version
		}
	}
	return here
}
