package api

import (
	"context"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// caseBody is a case as programs see it.
type caseBody struct {
	Number      city.CaseNumber  `json:"number"`
	Kind        city.KindID      `json:"kind"`
	Item        city.ItemCode    `json:"item"`
	Name        city.Text        `json:"name"`
	Title       string           `json:"title,omitempty"`
	Status      string           `json:"status" enum:"open,closed"`
	Stage       string           `json:"stage"`
	StageName   city.Text        `json:"stage_name"`
	Tell        city.Text        `json:"tell" doc:"Where the matter stands, as the applicant reads it."`
	Flags       []string         `json:"flags"`
	Result      string           `json:"result,omitempty"`
	Body        city.BodyID      `json:"body,omitempty" doc:"Whose turn it is."`
	Region      city.RegionCode  `json:"region,omitempty"`
	Due         *time.Time       `json:"due,omitempty" doc:"Absent while paused or closed."`
	AnswerBy    *time.Time       `json:"answer_by,omitempty" doc:"When a correction is asked for: until when to answer."`
	OpenedAt    time.Time        `json:"opened_at"`
	ClosedAt    *time.Time       `json:"closed_at,omitempty"`
	Version     int              `json:"version" doc:"Send it back with an action to act only on what you saw."`
	Clock       *clockBody       `json:"clock,omitempty"`
	Tasks       []taskBody       `json:"tasks,omitempty"`
	Credentials []credentialBody `json:"credentials"`
	Actions     []optionBody     `json:"actions,omitempty" doc:"What you can do now."`
	History     []recordBody     `json:"history,omitempty"`
}

type clockBody struct {
	Limit   city.Limit  `json:"limit"`
	Used    int         `json:"used"`
	Paused  bool        `json:"paused"`
	Reason  string      `json:"reason,omitempty"`
	Due     *time.Time  `json:"due,omitempty"`
	Pauses  []pauseBody `json:"pauses,omitempty"`
	Breach  bool        `json:"breach"`
	Started time.Time   `json:"started"`
}

type pauseBody struct {
	Reason string     `json:"reason"`
	From   time.Time  `json:"from"`
	To     *time.Time `json:"to,omitempty"`
	Days   int        `json:"days"`
}

type taskBody struct {
	ID       string      `json:"id"`
	Body     city.BodyID `json:"body"`
	Post     city.PostID `json:"post"`
	Assigned bool        `json:"assigned"`
}

type optionBody struct {
	Action     string                       `json:"action"`
	Label      city.Text                    `json:"label"`
	Task       string                       `json:"task,omitempty"`
	Needs      []string                     `json:"needs,omitempty"`
	Wants      []string                     `json:"wants,omitempty" doc:"Texts that may be given."`
	Procedures []string                     `json:"procedures,omitempty"`
	Takes      []string                     `json:"takes,omitempty" doc:"Params to give."`
	Choices    map[string][]casework.Choice `json:"choices,omitempty" doc:"The only values of some params."`
	Steps      []casework.Progress          `json:"steps,omitempty" doc:"Of progress: what can be said."`
}

type recordBody struct {
	Seq       int              `json:"seq"`
	At        time.Time        `json:"at"`
	Action    string           `json:"action"`
	By        string           `json:"by" doc:"resident, officer or system"`
	Post      city.PostID      `json:"post,omitempty"`
	Task      string           `json:"task,omitempty"`
	Opinion   string           `json:"opinion,omitempty"`
	Procedure string           `json:"procedure,omitempty"`
	Step      string           `json:"step,omitempty"`
	Reason    string           `json:"reason,omitempty"`
	Note      string           `json:"note,omitempty"`
	Appeal    string           `json:"appeal,omitempty"`
	Points    []casework.Point `json:"points,omitempty"`
}

type credentialBody struct {
	Number credential.Number   `json:"number"`
	Type   city.CredentialType `json:"type"`
	Name   city.Text           `json:"name"`
	Status credential.Status   `json:"status" doc:"01 valid, 02 suspended, 03 revoked, 04 cancelled, 05 lapsed, 06 transferred, 07 withdrawn, 99 other"`
	Code   string              `json:"code,omitempty" doc:"What the QR says; check it with POST /api/v1/verify."`
	Issued city.Date           `json:"issued"`
	Until  city.Date           `json:"until,omitzero"`
	Case   city.CaseNumber     `json:"case,omitempty"`
	Holder string              `json:"holder,omitempty"`
	Fields map[string]string   `json:"fields,omitempty"`
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *API) zone(t time.Time) time.Time { return t.In(a.Cases.Calendar().Zone) }

func (a *API) zoned(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return momentOf(a.zone(t))
}

func (a *API) caseOf(c casework.Case) *caseBody {
	b := &caseBody{Number: c.Number, Kind: c.Kind, Item: c.Item, Name: c.KindName, Title: c.Title, Status: "closed", Stage: c.Stage,
		StageName: c.StageName, Tell: c.Tell, Flags: c.Flags, Result: c.Result, Body: c.Body, Region: c.Region, Due: a.zoned(c.Due),
		AnswerBy: a.zoned(c.State.AnswerBy), OpenedAt: a.zone(c.OpenedAt), ClosedAt: a.zoned(c.ClosedAt), Version: c.Version,
		Credentials: []credentialBody{}}
	if c.Open {
		b.Status = "open"
	}
	if b.Flags == nil {
		b.Flags = []string{}
	}
	if it, _, ok := a.Items.Item(c.Item); ok {
		b.Name = it.Name
	}
	for _, t := range c.Working {
		b.Tasks = append(b.Tasks, taskBody{ID: t.ID, Body: t.Body, Post: t.Post, Assigned: !t.Assignee.IsZero()})
	}
	if r := a.Cases.Reading(c); r.Started {
		b.Clock = &clockBody{Limit: r.Limit, Used: r.Used, Paused: r.Paused, Reason: r.Reason, Due: a.zoned(r.Due), Breach: r.Breach, Started: a.zone(r.Since)}
		for _, p := range r.Pauses {
			b.Clock.Pauses = append(b.Clock.Pauses, pauseBody{Reason: p.Reason, From: a.zone(p.From), To: a.zoned(p.To), Days: p.Days})
		}
	}
	return b
}

func credentialOf(c credential.Credential, whole bool) credentialBody {
	b := credentialBody{Number: c.Number, Type: c.Type, Name: c.Name, Status: c.Status, Code: c.Code, Issued: c.Issued, Until: c.Until, Case: c.Case}
	if whole {
		b.Holder, b.Fields = c.Holder.Name, c.Fields
	}
	return b
}

// whole reads everything the actor may know of a case, and leaves the trace of
// an officer's look.
func (a *API) whole(ctx context.Context, actor city.Actor, n city.CaseNumber) (*caseBody, error) {
	var b *caseBody
	read := func(ctx context.Context, tx *db.Tx) error {
		var f casework.CaseFile
		var err error
		if actor.Kind == city.Officer {
			f, err = a.Cases.LookInto(ctx, tx, actor, n, "purpose.handle")
		} else {
			f, err = a.Cases.CaseFile(ctx, tx, actor, n)
		}
		if err != nil {
			return err
		}
		b = a.caseOf(f.Case)
		if err := a.addCredentials(ctx, tx, actor, b); err != nil {
			return err
		}
		for _, o := range f.Options {
			b.Actions = append(b.Actions, optionBody{Action: o.Action, Label: o.Label, Task: o.Task, Needs: o.Needs, Wants: o.Wants, Procedures: o.Procedures, Takes: o.Takes, Choices: o.Choices, Steps: o.Steps})
		}
		for _, r := range f.Records {
			if r.Action == casework.ActComment && actor.Kind != city.Officer && r.By.Kind == city.Officer {
				continue // notes among officers
			}
			b.History = append(b.History, recordBody{Seq: r.Seq, At: a.zone(r.At), Action: r.Action, By: string(r.By.Kind), Post: r.By.Post, Task: r.Task, Step: r.Step,
				Opinion: r.Opinion, Procedure: r.Procedure, Reason: r.Words.Reason, Note: r.Words.Note, Appeal: r.Words.Appeal, Points: r.Words.Points})
		}
		return nil
	}
	run := a.DB.View
	if actor.Kind == city.Officer {
		run = a.DB.Step
	}
	err := run(ctx, read)
	return b, err
}

// addCredentials lists what the case issued. Whoever applied for themselves and
// founded a firm with it sees the firm's licence, too.
func (a *API) addCredentials(ctx context.Context, tx *db.Tx, actor city.Actor, b *caseBody) error {
	add := func(as city.Actor) error {
		cs, err := a.Credentials.ByCase(ctx, tx, as, b.Number)
		for _, c := range cs {
			b.Credentials = append(b.Credentials, credentialOf(c, false))
		}
		return err
	}
	if err := add(actor); err != nil || len(b.Credentials) > 0 || !a.founds(b.Item) || b.Result == "" ||
		actor.Kind != city.Resident || !actor.OnBehalf.IsZero() || !actor.Firm.IsZero() {
		return err
	}
	ps, err := a.Identity.Principals(ctx, tx, actor)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if p.Choice.Firm.IsZero() || len(b.Credentials) > 0 {
			continue
		}
		as, err := a.Identity.ActFor(ctx, tx, actor, p.Choice)
		if err == nil {
			err = add(as)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// founds reports whether the item makes a firm.
func (a *API) founds(code city.ItemCode) bool {
	it, _, ok := a.Items.Item(code)
	return ok && slices.ContainsFunc(it.Issues, func(i serviceitem.Issue) bool { return len(i.Founds) > 0 })
}

// ByNumber is the number in an address; exported, since the library reads no
// embedded type of ours otherwise.
type ByNumber struct {
	Number string `path:"number" example:"JH-2026-004817-3"`
}

func (a *API) getCase(ctx context.Context, actor city.Actor, in *ByNumber) (*body[*caseBody], error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	b, err := a.whole(ctx, actor, n)
	return &body[*caseBody]{b}, err
}

type caseQuery struct {
	Scope string `query:"scope" enum:"mine,post,all,overdue" doc:"Officers: which cases of the inbox. Default all."`
	Kind  string `query:"kind"`
	For   string `query:"for" doc:"Residents: whose; absent for my own, as with an application."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After string `query:"after"`
}

func (a *API) listCases(ctx context.Context, actor city.Actor, in *caseQuery) (*list[*caseBody], error) {
	actor, err := a.forWhom(ctx, actor, in.For)
	if err != nil {
		return nil, err
	}
	var bodies []*caseBody
	var next string
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		var p casework.Page
		var err error
		if actor.Kind == city.Officer {
			scope := casework.Scope(in.Scope)
			if scope == "" {
				scope = casework.ScopeAll
			}
			p, err = a.Cases.Inbox(ctx, tx, actor, casework.InboxQuery{Scope: scope, Kind: city.KindID(in.Kind), Limit: in.Limit, After: in.After})
		} else {
			p, err = a.Cases.Mine(ctx, tx, actor, in.Limit, in.After)
		}
		if err != nil {
			return err
		}
		next = p.Next
		for _, c := range p.Cases {
			b := a.caseOf(c)
			if actor.Kind == city.Resident {
				if err := a.addCredentials(ctx, tx, actor, b); err != nil {
					return err
				}
			}
			bodies = append(bodies, b)
		}
		return nil
	})
	return listOf(bodies, next), err
}

type actionBody struct {
	Action    string           `json:"action" example:"accept"`
	Version   int              `json:"version,omitempty"`
	Task      string           `json:"task,omitempty"`
	Reason    string           `json:"reason,omitempty"`
	Appeal    string           `json:"appeal,omitempty"`
	Note      string           `json:"note,omitempty"`
	Opinion   string           `json:"opinion,omitempty" enum:"agree,disagree,"`
	Points    []casework.Point `json:"points,omitempty"`
	Procedure string           `json:"procedure,omitempty"`
	Assignee  city.AccountID   `json:"assignee,omitzero"`
	Bodies    []city.BodyID    `json:"bodies,omitempty" doc:"Of whistle: whom to call to the spot."`
	Until     time.Time        `json:"until,omitzero" doc:"Of suspend_ledger: when it goes on."`
	// Params are what the option takes.
	Params map[string]string `json:"params,omitempty"`
	Step   string            `json:"step,omitempty" maxLength:"40" doc:"Of progress: how far somebody has come."`
	// Answers and Materials of a correction.
	Answers   map[string]any          `json:"answers,omitempty"`
	Materials map[string]materialBody `json:"materials,omitempty"`
}

type actIn struct {
	ByNumber
	Body actionBody
}

func (a *API) act(ctx context.Context, actor city.Actor, in *actIn) (*body[*caseBody], error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Action == casework.ActSupply {
		return a.supply(ctx, actor, n, in)
	}
	_, err = a.Cases.Do(ctx, actor, n, casework.Action{Name: b.Action, Version: b.Version, Key: readerFrom(ctx).key, Task: b.Task, Reason: b.Reason,
		Appeal: b.Appeal, Note: b.Note, Opinion: b.Opinion, Points: b.Points, Procedure: b.Procedure, Assignee: b.Assignee, Bodies: b.Bodies, Until: b.Until, Params: b.Params, Step: b.Step})
	return a.after(ctx, actor, n, err)
}

// after answers with the case as it stands now, also beside a conflict.
func (a *API) after(ctx context.Context, actor city.Actor, n city.CaseNumber, err error) (*body[*caseBody], error) {
	if err != nil && city.KindOf(err) != city.KindConflict {
		return nil, err
	}
	b, readErr := a.whole(ctx, actor, n)
	switch {
	case err != nil && readErr == nil:
		return nil, withCase{err, b}
	case err != nil:
		return nil, err
	}
	return &body[*caseBody]{b}, readErr
}
