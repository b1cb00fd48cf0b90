package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

type reportBody struct {
	Type     string          `json:"type,omitempty" enum:"consult,help,complaint,report,suggestion,praise,"`
	Class    city.ItemCode   `json:"class,omitempty" doc:"Absent lets the words decide, or an operator."`
	Text     string          `json:"text,omitempty" example:"The cover of the manhole is broken"`
	Place    city.Place      `json:"place,omitzero"`
	Name     string          `json:"name,omitempty"`
	Phone    string          `json:"phone,omitempty" doc:"To hear how it goes; may be absent, as name and email may."`
	Email    string          `json:"email,omitempty"`
	Noticed  time.Time       `json:"noticed,omitzero"`
	Join     city.CaseNumber `json:"join,omitempty" doc:"An open matter that this is the same as."`
	Separate bool            `json:"separate,omitempty" doc:"It is none of the open ones, near as they may be."`
}

type receiptBody struct {
	Number city.CaseNumber `json:"number"`
	Code   string          `json:"code" doc:"With the number it shows how the matter goes."`
	Joined bool            `json:"joined"`
	Class  city.ItemCode   `json:"class,omitempty"`
	Body   city.BodyID     `json:"body,omitempty"`
	Due    *time.Time      `json:"due,omitempty"`
}

type reported struct {
	Status int
	Body   receiptBody
}

// report takes what somebody noticed. Strangers are held to a pace by address;
// their keys only meet where the whole report is the same.
func (a *API) report(ctx context.Context, actor city.Actor, in *struct{ Body reportBody }) (*reported, error) {
	rd := readerFrom(ctx)
	if actor.Kind == city.Anonymous {
		if err := a.reports.Try(rd.address, a.Clock.Now()); err != nil {
			return nil, err
		}
	}
	if actor.Channel == "" {
		actor.Channel = city.ChannelAPI
	}
	b := in.Body
	r := incident.Report{Type: incident.Type(b.Type), Class: b.Class, Text: b.Text, Place: b.Place, At: b.Noticed, Join: b.Join, Apart: b.Separate,
		Source: "api", Reporter: incident.Reporter{Name: b.Name, Phone: b.Phone, Email: b.Email, Lang: rd.lang}}
	if rd.key != "" {
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append(raw, rd.key...))
		r.Key = hex.EncodeToString(sum[:])
	}
	got, err := a.Incidents.Report(ctx, actor, r)
	if err != nil {
		return nil, err
	}
	out := &reported{201, receiptBody{Number: got.Number, Code: got.Code, Joined: got.Joined, Class: got.Class, Body: got.Body}}
	if !got.Due.IsZero() {
		due := a.zone(got.Due)
		out.Body.Due = &due
	}
	return out, nil
}

type incidentBody struct {
	Number  city.CaseNumber `json:"number"`
	Class   city.ItemCode   `json:"class"`
	Status  string          `json:"status" enum:"open,closed"`
	Stage   city.Text       `json:"stage"`
	Tell    city.Text       `json:"tell"`
	Body    city.BodyID     `json:"body"`
	Place   city.Place      `json:"place"`
	At      time.Time       `json:"at"`
	Updated time.Time       `json:"updated"`
}

type incidentQuery struct {
	Class string    `query:"class"`
	Since time.Time `query:"since"`
	Until time.Time `query:"until"`
	Limit int       `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After string    `query:"after"`
}

// listIncidents lists what everybody may see, newest first.
func (a *API) listIncidents(ctx context.Context, actor city.Actor, in *incidentQuery) (*list[incidentBody], error) {
	q := incident.PublicQuery{Since: in.Since, Until: in.Until, Limit: in.Limit, After: in.After}
	if in.Class != "" {
		q.Classes = []city.ItemCode{city.ItemCode(in.Class)}
	}
	bodies, next := []incidentBody{}, ""
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, more, err := a.Incidents.Public(ctx, tx, actor, q)
		next = more
		for _, p := range found {
			status := "closed"
			if p.Open {
				status = "open"
			}
			bodies = append(bodies, incidentBody{Number: p.Number, Class: p.Class, Status: status, Stage: p.Stage, Tell: p.Tell, Body: p.Body, Place: p.Place,
				At: a.zone(p.At), Updated: a.zone(p.Updated)})
		}
		return err
	})
	return listOf(bodies, next), err
}
