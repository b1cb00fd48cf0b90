package api

import (
	"context"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/rule"
)

type algorithmBody struct {
	Rule     city.RuleID                `json:"rule"`
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
	Name   string    `json:"name"`
	Label  city.Text `json:"label"`
	Type   rule.Type `json:"type"`
	Source string    `json:"source"`
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
	b := algorithmBody{Rule: e.Rule, Name: e.Name, Purpose: e.Purpose, Owner: e.Owner, Digest: e.Digest, Legal: e.Legal}
	for _, in := range e.Inputs {
		b.Inputs = append(b.Inputs, inputBody{Name: in.Name, Label: in.Label, Type: in.Type, Source: in.Source.String()})
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
	return b, err
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
