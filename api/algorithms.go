package api

import (
	"context"
	"time"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/rule"
)

type algorithmBody struct {
	Rule     city.RuleID                `json:"rule"`
	Kind     algorithm.Kind             `json:"kind" doc:"rule decides by its clauses, model suggests, detector notices."`
	Name     city.Text                  `json:"name"`
	Purpose  city.Text                  `json:"purpose"`
	Owner    city.BodyID                `json:"owner"`
	Digest   string                     `json:"digest"`
	Inputs   []inputBody                `json:"inputs"`
	Legal    []city.Text                `json:"legal"`
	Versions []versionBody              `json:"versions"`
	Tests    []testBody                 `json:"tests"`
	Counts   tallyBody                  `json:"counts"`
	Clauses  map[string]clauseTallyBody `json:"clauses"`
	Model    *modelBody                 `json:"model,omitempty" doc:"Of models and detectors only."`
}

// modelBody is what a model or detector says of itself and what became of it.
type modelBody struct {
	Effect     city.Text             `json:"effect" doc:"What follows from what it says."`
	Human      city.Text             `json:"human" doc:"What people decide."`
	Appeal     city.Text             `json:"appeal"`
	Since      *time.Time            `json:"since,omitempty" doc:"When this wording was put on record."`
	Parameters []algorithm.Parameter `json:"parameters"`
	Trial      *trialBody            `json:"trial,omitempty" doc:"How it did on cases whose answer is known."`
	Record     recordedBody          `json:"record"`
}

type trialBody struct {
	At       time.Time           `json:"at"`
	How      string              `json:"how" doc:"folds: cross-validation."`
	Parts    int                 `json:"parts"`
	Measures []algorithm.Measure `json:"measures" doc:"right, among, sure; commonest is whoever always says the commonest answer."`
}

// recordedBody counts what it said; what is neither right nor wrong nobody has judged.
type recordedBody struct {
	All    outcomesBody            `json:"all"`
	Did    map[string]outcomesBody `json:"did" doc:"By what was done: sent, followed, passed_over, noticed."`
	Months map[string]outcomesBody `json:"months" doc:"By the month in which it was said."`
	Why    map[string]int          `json:"why" doc:"What it was instead, or why not."`
}

type outcomesBody struct {
	Said      int      `json:"said"`
	Right     int      `json:"right"`
	Wrong     int      `json:"wrong"`
	Precision *float64 `json:"precision,omitempty" doc:"Right among right and wrong; absent where nothing was judged."`
}

func outcomesOf(o algorithm.Outcomes) outcomesBody {
	b := outcomesBody{Said: o.Said, Right: o.Right, Wrong: o.Wrong}
	if share, n := o.Precision(); n > 0 {
		b.Precision = &share
	}
	return b
}

// tallyBody counts runs, and clauseTallyBody what a clause has said in them.
type tallyBody struct {
	Runs      int `json:"runs"`
	Granted   int `json:"granted"`
	ToOfficer int `json:"to_officer"`
	Need      int `json:"need" doc:"Facts were missing."`
	Reviewed  int `json:"reviewed" doc:"A person was asked to look again."`
	Corrected int `json:"corrected"`
}

type clauseTallyBody struct {
	Decided int `json:"decided"`
	Failed  int `json:"failed"`
	Broken  int `json:"broken"`
	Unknown int `json:"unknown"`
}

type inputBody struct {
	Name   string     `json:"name,omitempty"`
	Label  city.Text  `json:"label"`
	Type   rule.Type  `json:"type,omitempty"`
	Source string     `json:"source,omitempty"`
	From   *city.Text `json:"from,omitempty" doc:"In words, of models and detectors."`
}

type versionBody struct {
	From    city.Date    `json:"from"`
	Clauses []clauseBody `json:"clauses"`
}

type clauseBody struct {
	ID    string    `json:"id"`
	When  string    `json:"when"`
	Text  city.Text `json:"text"`
	Legal city.Text `json:"legal"`
}

type testBody struct {
	Name   string       `json:"name"`
	Want   rule.Outcome `json:"want"`
	Passed bool         `json:"passed"`
}

func (a *API) algorithmOf(ctx context.Context, tx *db.Tx, e algorithm.Entry) (algorithmBody, error) {
	b := algorithmBody{Rule: e.Rule, Kind: e.Kind, Name: e.Name, Purpose: e.Purpose, Owner: e.Owner, Digest: e.Digest, Legal: e.Legal}
	for _, in := range e.Inputs {
		x := inputBody{Name: in.Name, Label: in.Label, Type: in.Type}
		if e.Kind == algorithm.Decides {
			x.Source = in.Source.String()
		} else {
			x.From = &in.From
		}
		b.Inputs = append(b.Inputs, x)
	}
	for _, v := range e.Versions {
		vb := versionBody{From: v.From}
		for _, c := range v.Clauses {
			vb.Clauses = append(vb.Clauses, clauseBody{ID: c.ID, When: c.When, Text: c.Text, Legal: c.Legal})
		}
		b.Versions = append(b.Versions, vb)
	}
	for _, t := range e.Tests {
		b.Tests = append(b.Tests, testBody{Name: t.Name, Want: t.Want, Passed: t.Passed})
	}
	s, err := a.Algorithms.Statistics(ctx, tx, e.Rule)
	b.Counts, b.Clauses = tallyBody(s.Tally), map[string]clauseTallyBody{}
	for id, c := range s.Clauses {
		b.Clauses[id] = clauseTallyBody(c)
	}
	if err == nil && e.Kind != algorithm.Decides {
		b.Model, err = a.modelOf(ctx, tx, e)
	}
	return b, err
}

func (a *API) modelOf(ctx context.Context, tx *db.Tx, e algorithm.Entry) (*modelBody, error) {
	m := &modelBody{Effect: e.Effect, Human: e.Human, Appeal: e.Appeal, Parameters: e.Parameters}
	since, err := a.Algorithms.Since(ctx, tx, e.Rule)
	if err != nil {
		return nil, err
	}
	if !since.IsZero() {
		m.Since = &since
	}
	if t := a.Algorithms.Measured(e.Rule); !t.At.IsZero() {
		m.Trial = &trialBody{At: t.At, How: t.How, Parts: t.Parts, Measures: t.Measures}
	}
	r, err := a.Algorithms.Record(ctx, tx, e.Rule)
	if err != nil {
		return nil, err
	}
	m.Record = recordedBody{All: outcomesOf(r.Outcomes), Did: map[string]outcomesBody{}, Months: map[string]outcomesBody{}, Why: map[string]int{}}
	for _, x := range r.Did {
		m.Record.Did[x.Did] = outcomesOf(x.Outcomes)
	}
	for _, x := range r.Months {
		m.Record.Months[x.Month] = outcomesOf(x.Outcomes)
	}
	for _, x := range r.Wrong {
		m.Record.Why[x.Code] = x.N
	}
	return m, nil
}

func (a *API) listAlgorithms(ctx context.Context, _ city.Actor, _ *struct{}) (*list[algorithmBody], error) {
	var out []algorithmBody
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, e := range a.Algorithms.Entries() {
			b, err := a.algorithmOf(ctx, tx, e)
			if err != nil {
				return err
			}
			out = append(out, b)
		}
		return nil
	})
	return listOf(out, ""), err
}

type ruleIn struct {
	Rule string `path:"rule"`
}

func (a *API) getAlgorithm(ctx context.Context, _ city.Actor, in *ruleIn) (*body[algorithmBody], error) {
	e, ok := a.Algorithms.Entry(city.RuleID(in.Rule))
	if !ok {
		return nil, city.NotFound("error.not_found")
	}
	var b algorithmBody
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		b, err = a.algorithmOf(ctx, tx, e)
		return err
	})
	return &body[algorithmBody]{b}, err
}
