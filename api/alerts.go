package api

import (
	"context"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
)

type alertBody struct {
	ID      string          `json:"id"`
	Rule    string          `json:"rule"`
	Kind    string          `json:"kind,omitempty" doc:"Which of the kinds that the rule tells apart."`
	Subject string          `json:"subject" doc:"Sort and id of what it is about, such as vehicle:AB1234."`
	State   string          `json:"state" enum:"open,filed,silenced,confirmed,refuted,cleared"`
	Outcome string          `json:"outcome,omitempty" doc:"What was found, or why it isn't so."`
	Body    city.BodyID     `json:"body,omitempty"`
	Class   city.ItemCode   `json:"class"`
	Place   city.Place      `json:"place"`
	Text    city.Text       `json:"text"`
	Why     city.Text       `json:"why,omitzero"`
	Sure    float64         `json:"sure" doc:"0 to 1."`
	Times   int             `json:"times" doc:"How often it was found."`
	Raised  time.Time       `json:"raised"`
	Since   time.Time       `json:"since"`
	Last    time.Time       `json:"last"`
	Settled *time.Time      `json:"settled,omitempty"`
	Case    city.CaseNumber `json:"case,omitempty"`
	// Of one alert.
	Clauses   []lawBody      `json:"clauses,omitempty"`
	Sightings []sightingBody `json:"sightings,omitempty" doc:"Each time that it was found; of many the first and the last."`
}

type lawBody struct {
	Law  city.Text `json:"law"`
	Says city.Text `json:"says"`
}

type sightingBody struct {
	From     time.Time        `json:"from"`
	To       time.Time        `json:"to"`
	Evidence []alert.Evidence `json:"evidence"`
}

func (a *API) alertOf(x alert.Alert) alertBody {
	b := alertBody{ID: x.ID.String(), Rule: x.Rule, Kind: x.Kind, Subject: x.Subject, State: string(x.State), Outcome: x.Outcome, Body: x.Body, Class: x.Class,
		Place: x.Place, Text: x.Text, Why: x.Why, Sure: x.Sure, Times: x.Times, Raised: a.zone(x.Raised), Since: a.zone(x.Since), Last: a.zone(x.Last), Case: x.Case}
	if !x.Settled.IsZero() {
		at := a.zone(x.Settled)
		b.Settled = &at
	}
	return b
}

type alertQuery struct {
	Rule    string    `query:"rule"`
	Kind    string    `query:"kind"`
	Subject string    `query:"subject"`
	State   string    `query:"state" enum:"open,filed,silenced,confirmed,refuted,cleared,"`
	Region  string    `query:"region" doc:"A division and what lies within."`
	Since   time.Time `query:"since"`
	Until   time.Time `query:"until"`
	Limit   int       `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After   string    `query:"after"`
}

// listAlerts lists what programs noticed, newest first.
func (a *API) listAlerts(ctx context.Context, actor city.Actor, in *alertQuery) (*list[alertBody], error) {
	var page alert.Page
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		page, err = a.Alerts.List(ctx, tx, actor, alert.Query{Rule: in.Rule, Kind: in.Kind, Subject: in.Subject, State: alert.State(in.State),
			Region: city.RegionCode(in.Region), Since: in.Since, Until: in.Until, Limit: in.Limit, After: in.After})
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]alertBody, len(page.Alerts))
	for i, x := range page.Alerts {
		out[i] = a.alertOf(x)
	}
	return listOf(out, page.Next), nil
}

// getAlert shows an alert and what it rests on.
func (a *API) getAlert(ctx context.Context, actor city.Actor, in *struct {
	ID string `path:"id"`
}) (*body[alertBody], error) {
	id, _ := alert.ParseID(in.ID) // none: no such alert, for whoever sees alerts
	var x alert.Alert
	var list []alert.Sighting
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		x, list, err = a.Alerts.Get(ctx, tx, actor, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := a.alertOf(x)
	if d, ok := a.Alerts.Detector(x.Rule); ok {
		for _, c := range d.Clauses {
			out.Clauses = append(out.Clauses, lawBody(c))
		}
	}
	for _, s := range list {
		out.Sightings = append(out.Sightings, sightingBody{a.zone(s.From), a.zone(s.To), s.Evidence})
	}
	return &body[alertBody]{out}, nil
}

type silenceBody struct {
	ID      string    `json:"id"`
	Rule    string    `json:"rule,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Begun   time.Time `json:"begun"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	Held    int       `json:"held" doc:"What came while it lasted."`
}

type silenceIn struct {
	Body struct {
		Rule    string    `json:"rule,omitempty" doc:"Absent is every rule, about the subject."`
		Subject string    `json:"subject,omitempty" doc:"Absent is everything of the rule."`
		Until   time.Time `json:"until,omitzero"`
		Reason  string    `json:"reason,omitempty"`
	}
}

type silenced struct {
	Status int
	Body   silenceBody
}

// silence holds back what a rule finds, or what is found about a subject.
func (a *API) silence(ctx context.Context, actor city.Actor, in *silenceIn) (*silenced, error) {
	s, err := a.Alerts.Silence(ctx, actor, alert.Silence{Rule: in.Body.Rule, Subject: in.Body.Subject, Until: in.Body.Until, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	return &silenced{201, silenceBody{ID: s.ID.String(), Rule: s.Rule, Subject: s.Subject, Begun: a.zone(s.Begun), Until: a.zone(s.Until), Reason: s.Reason}}, nil
}
