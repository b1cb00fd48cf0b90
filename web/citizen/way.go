package citizen

import (
	"context"
	"slices"

	"yiwang/city"
	"yiwang/form"
	"yiwang/rule"
	"yiwang/serviceitem"
)

// way is how somebody goes through an application: its pages in order, given the
// answers so far.
type way struct {
	item   serviceitem.Item
	form   *form.Compiled
	draft  serviceitem.Draft
	papers []serviceitem.State // needed as answered so far
	steps  []form.Step         // with a page of their own
	agree  *form.Step          // statements, asked where the answers are checked
	pages  []string            // names, in order; the last is stepCheck
}

// way finds how a draft goes on. One that was sent has no pages left.
func (p *Pages) way(ctx context.Context, actor city.Actor, d serviceitem.Draft) (*way, error) {
	it, f, ok := p.Items.Item(d.Item)
	if !ok {
		return nil, city.NotFound("service.no_item")
	}
	x := &way{item: it, form: f, draft: d}
	if d.Case != "" {
		return x, nil
	}
	var err error
	if x.papers, err = p.Items.Papers(ctx, actor, d.ID); err != nil {
		return nil, err
	}
	x.steps = f.Visible(d.Answers)
	if n := len(x.steps) - 1; n > 0 && onlyStatements(x.steps[n]) {
		x.agree, x.steps = &x.steps[n], x.steps[:n]
	}
	if len(x.scenarios()) > 0 {
		x.pages = append(x.pages, stepScenario)
	}
	if len(x.early()) > 0 {
		x.pages = append(x.pages, stepFirst)
	}
	for _, s := range x.steps {
		x.pages = append(x.pages, s.ID)
	}
	if len(x.late()) > 0 {
		x.pages = append(x.pages, stepPapers)
	}
	x.pages = append(x.pages, stepCheck)
	return x, nil
}

func onlyStatements(s form.Step) bool {
	return !slices.ContainsFunc(s.Fields, func(f form.Field) bool { return f.Type != form.Statement })
}

// scenarios are those that the applicant chooses.
func (x *way) scenarios() []serviceitem.Scenario {
	var out []serviceitem.Scenario
	for _, s := range x.item.Scenarios {
		if s.When == "" {
			out = append(out, s)
		}
	}
	return out
}

// early are licences that are needed whatever the answers, and that fill in
// fields of the form: they are asked for first, so that nothing known is typed.
func (x *way) early() []serviceitem.Material {
	var out []serviceitem.Material
	sources := x.form.Sources()
	for _, m := range x.item.Materials {
		fills := false
		for _, s := range sources {
			fills = fills || s.Kind == rule.FromLicence && s.Name == string(m.Credential)
		}
		everywhere := !slices.ContainsFunc(x.item.Scenarios, func(s serviceitem.Scenario) bool { return !slices.Contains(s.Materials, m.ID) })
		if fills && everywhere && m.Credential != "" {
			out = append(out, m)
		}
	}
	return out
}

// late are the materials that the applicant still has a say in after the form.
func (x *way) late() []serviceitem.State {
	var out []serviceitem.State
	for _, s := range x.papers {
		first := slices.ContainsFunc(x.early(), func(m serviceitem.Material) bool { return m.ID == s.Material.ID })
		if x.asked(s.Material) && (!first || !s.Settled) {
			out = append(out, s)
		}
	}
	return out
}

// asked reports whether a page asks about the material: what a field of the form
// takes, or the office finds for itself, is asked nowhere else.
func (x *way) asked(m serviceitem.Material) bool {
	if _, inForm := x.form.Field(m.FormField); inForm {
		return false
	}
	return m.Credential != "" || m.Source != serviceitem.FromGovernment
}

func (x *way) step(id string) (form.Step, bool) {
	for _, s := range x.steps {
		if s.ID == id {
			return s, true
		}
	}
	return form.Step{}, false
}

// place is where a page stands among all, from 1. As long as answers are open that
// say which papers are needed, the page that asks for them is counted.
func (x *way) place(page string) (n, of int) {
	n, of = slices.Index(x.pages, page)+1, len(x.pages)
	if x.open() != "" && !slices.Contains(x.pages, stepPapers) && slices.ContainsFunc(x.item.Materials, x.asked) && len(x.early()) == 0 {
		of++
	}
	return n, of
}

func (x *way) after(page string) string {
	if i := slices.Index(x.pages, page); i >= 0 && i+1 < len(x.pages) {
		return x.pages[i+1]
	}
	return stepCheck
}

func (x *way) before(page string) string {
	if i := slices.Index(x.pages, page); i > 0 {
		return x.pages[i-1]
	}
	return ""
}

// faults are what is wrong on a page.
func (x *way) faults(page string) []city.Field {
	switch page {
	case stepScenario:
		if !slices.ContainsFunc(x.scenarios(), func(s serviceitem.Scenario) bool { return s.ID == x.draft.Scenario }) {
			return []city.Field{{Name: "scenario", Message: city.Message{Key: "service.choose_scenario"}}}
		}
	case stepFirst:
		var out []city.Field
		for _, m := range x.early() {
			if h := x.draft.Handed[m.ID]; !h.Fetch && !h.Declined {
				out = append(out, city.Field{Name: paperName(m.ID), Message: city.Message{Key: "citizen.papers.choose", Args: []any{"material", m.Name}}})
			}
		}
		return out
	case stepPapers:
		var out []city.Field
		for _, s := range x.late() {
			undecided := s.Material.Credential != "" && !s.Handed.Fetch && !s.Handed.Declined && len(s.Files) == 0
			switch {
			case !s.Settled:
				out = append(out, city.Field{Name: paperName(s.Material.ID), Message: s.Missing})
			case undecided:
				out = append(out, city.Field{Name: paperName(s.Material.ID), Message: city.Message{Key: "citizen.papers.choose", Args: []any{"material", s.Material.Name}}})
			}
		}
		return out
	case stepCheck:
		if x.agree != nil {
			return x.form.ValidateStep(x.agree.ID, x.draft.Answers)
		}
	default:
		return x.form.ValidateStep(page, x.draft.Answers)
	}
	return nil
}

// open is the first page up to the last one that is not yet right; "" when all
// are.
func (x *way) open() string {
	for _, page := range x.pages {
		if page != stepCheck && len(x.faults(page)) > 0 {
			return page
		}
	}
	return ""
}

// next is where somebody goes on who comes back to a draft.
func (x *way) next() string {
	last := slices.Index(x.pages, x.draft.Step)
	for i, page := range x.pages {
		if i > last || page != stepCheck && len(x.faults(page)) > 0 {
			return page
		}
	}
	return stepCheck
}

// paperName is the name by which a material's yes or no is posted; its file comes
// as the name with ".file".
func paperName(material string) string { return "paper." + material }
