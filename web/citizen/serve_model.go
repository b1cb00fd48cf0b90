package citizen

import (
	"context"
	"net/http"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

const (
	mostInstead = 3  // classes that it was instead
	mostMonths  = 12 // of the record, the newest
)

// model shows a model or a detector.
func (p *Pages) model(w http.ResponseWriter, r *http.Request, e algorithm.Entry) error {
	m := Model{Name: e.Name, Purpose: e.Purpose, Kind: web.Words("citizen.model.kind." + string(e.Kind)), Owner: p.body(e.Owner),
		Effect: e.Effect, Human: e.Human, Appeal: e.Appeal, Legal: e.Legal, Trial: trialOf(p.Algorithms.Measured(e.Rule))}
	for _, in := range e.Inputs {
		m.Facts = append(m.Facts, RuleFact{Name: in.Label, From: in.From})
	}
	for _, x := range e.Parameters {
		said := x.Words
		if said.IsZero() {
			said = web.Words("algorithm.parameter."+x.Name, "n", int(x.Value+0.5))
		}
		m.Parameters = append(m.Parameters, said)
	}
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		if m.Since, err = p.Algorithms.Since(ctx, tx, e.Rule); err != nil {
			return err
		}
		record, err := p.Algorithms.Record(ctx, tx, e.Rule)
		if m.Record = p.turned(record); err != nil {
			return err
		}
		m.Receipts, err = p.receipts(ctx, tx, aboutRule(e.Rule), RulePath(e.Rule))
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, ModelPage(m))
}

func trialOf(m algorithm.Measured) *Trial {
	right, ok := m.Find(algorithm.MeasuredRight)
	if !ok {
		return nil
	}
	t := &Trial{Right: web.Words("citizen.model.trial.right", "of", right.Of, "hits", right.Hits, "share", percent(right.Share())),
		How: web.Words("algorithm.how."+m.How, "n", m.Parts), At: m.At}
	if c, ok := m.Find(algorithm.MeasuredCommonest); ok {
		t.Commonest = web.Words("citizen.model.trial.commonest", "hits", c.Hits, "share", percent(c.Share()))
	}
	for _, x := range m.Measures {
		what := web.Words("algorithm.measure." + x.Name)
		if x.Group != "" {
			what = web.Words("algorithm.group." + x.Group)
		}
		t.Rows = append(t.Rows, TrialRow{What: what, Hits: x.Hits, Of: x.Of})
	}
	return t
}

func (p *Pages) turned(r algorithm.Record) Turned {
	row := func(what city.Text, o algorithm.Outcomes) TurnedRow {
		return TurnedRow{What: what, Said: o.Said, Right: o.Right, Wrong: o.Wrong}
	}
	t := Turned{Said: r.Said, Right: r.Right, Wrong: r.Outcomes.Wrong}
	for _, d := range r.Did {
		t.Did = append(t.Did, row(web.Words("algorithm.did."+d.Did), d.Outcomes))
	}
	for i := len(r.Months) - 1; i >= 0 && len(t.Months) < mostMonths; i-- {
		t.Months = append(t.Months, row(web.Plain(r.Months[i].Month), r.Months[i].Outcomes))
	}
	for _, x := range r.Wrong[:min(mostInstead, len(r.Wrong))] {
		t.Instead = append(t.Instead, web.Words("citizen.model.record.reason", "name", p.reason(x.Code), "n", x.N))
	}
	return t
}

// reason names why something was wrong: the class that it was instead, or what an
// inspection chose.
func (p *Pages) reason(code string) city.Text {
	if c, ok := p.Pack.Class(city.ItemCode(code)); ok {
		return c.Name
	}
	if k, ok := p.Pack.Kind(p.Pack.Site.Incidents.Inspection); ok {
		for _, s := range k.Stages {
			for _, o := range s.Outcomes {
				for _, list := range o.Choices {
					for _, c := range list {
						if c.ID == code {
							return c.Name
						}
					}
				}
			}
		}
	}
	return web.Plain(code)
}

// percent is a share of 0 to 1 in whole per cent.
func percent(share float64) int { return int(share*100 + 0.5) }
