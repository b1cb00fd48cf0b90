package command

import (
	"context"
	"errors"
	"net/http"

	"yiwang/alert"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Chosen is the matter that somebody pointed at: where it stands, how it came there,
// and whom one could send.
type Chosen struct {
	Card
	Steps []web.Step
	Task  string
	Near  []Candidate
	Fault city.Message

	holder city.AccountID // who has the task
}

// Candidate is somebody who could be sent.
type Candidate struct {
	Account city.AccountID
	Post    city.Text
	Why     city.Text // how far, what they have in hand
	Free    bool
	Key     string // makes the button count once
}

// shownNear are so many of those who could be sent.
const shownNear = 4

// shownSteps are so many of the last things that happened to a matter.
const shownSteps = 6

// matter serves what stands below the map when a matter was chosen.
func (p *Pages) matter(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	if err != nil {
		return city.NotFound("error.not_found")
	}
	c, err := p.choose(r.Context(), actor, n)
	if err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, c)
}

// show answers the page's own script with the part that it puts below the map, and
// everybody else with a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, c Chosen) error {
	if r.Header.Get(partHeader) != "" {
		return web.Render(w, r, status, chosen(c))
	}
	return web.Render(w, r, status, matterPage(frame(r.Context(), ""), c))
}

// partHeader is sent by the page's own script.
const partHeader = "X-Command-Part"

func (p *Pages) choose(ctx context.Context, actor city.Actor, n city.CaseNumber) (out Chosen, err error) {
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := p.Cases.Get(ctx, tx, actor, n)
		if err != nil {
			return err
		}
		out.Card = p.card(c, incident.Spot{}, p.Clock.Now())
		history, err := p.Cases.History(ctx, tx, actor, n)
		if err != nil {
			return err
		}
		kind, _ := p.Cases.Kind(c.Kind)
		for _, h := range history[max(0, len(history)-shownSteps):] {
			out.Steps = append(out.Steps, web.Step{At: h.At, Title: web.Did(kind, h), State: web.StateDone})
		}
		if len(c.Working) > 0 {
			out.holder = c.Working[0].Assignee
		}
		if !out.Send || !p.Incidents.Handles(c.Kind) {
			out.Send = false
			return nil
		}
		out.Task = c.Working[0].ID
		near, err := p.Incidents.Candidates(ctx, tx, actor, n, out.Task)
		if k := city.KindOf(err); k == city.KindForbidden || k == city.KindConflict {
			out.Send = false
			return nil
		} else if err != nil {
			return err
		}
		for _, x := range near[:min(len(near), shownNear)] {
			out.Near = append(out.Near, Candidate{Account: x.Account, Post: p.postName(x.Post), Why: x.Why, Free: x.Free, Key: city.NewEventID().String()})
		}
		return nil
	})
	return out, err
}

// send gives a matter to somebody on duty, once however often the button is pressed.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	n, err := city.ParseCaseNumber(sent.Get("number"))
	if err != nil {
		return city.Invalid("error.not_found")
	}
	to, err := city.ParseID[struct{}](sent.Get("account"))
	if err != nil {
		return city.Invalid("command.nobody")
	}
	minutes := minutesOf(sent.Get("minutes"))
	var why city.Text
	if v := sent.Get("vehicle"); v != "" {
		if why, err = p.errand(r.Context(), actor, register.VehicleID(v), city.AccountID(to), minutes); err != nil {
			return err
		}
	}
	about, _ := alert.ParseID(sent.Get("alert"))
	c, err := p.Cases.Do(r.Context(), actor, n, casework.Action{Name: casework.ActAssign, Task: sent.Get("task"), Assignee: city.AccountID(to), Key: sent.Get("key"), Why: why})
	switch city.KindOf(err) {
	case "":
	case city.KindConflict, city.KindInvalid: // somebody was faster: the page says so and shows how it stands now
		if !about.IsZero() {
			return p.sentAbout(w, r, actor, about, minutes, http.StatusConflict, messageOf(err))
		}
		out, again := p.choose(r.Context(), actor, n)
		if again != nil {
			return again
		}
		out.Fault = messageOf(err)
		return p.show(w, r, http.StatusConflict, out)
	}
	if err != nil {
		return err
	}
	if !about.IsZero() {
		return p.sentAbout(w, r, actor, about, minutes, http.StatusOK, city.Message{})
	}
	if r.Header.Get(partHeader) == "" {
		return web.Redirect(w, r, pathMatter+"/"+string(c.Number))
	}
	out, err := p.choose(r.Context(), actor, c.Number)
	if err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, out)
}

// sentAbout shows how the alert stands for whose matter somebody was sent.
func (p *Pages) sentAbout(w http.ResponseWriter, r *http.Request, actor city.Actor, id city.AlertID, minutes, status int, fault city.Message) error {
	if r.Header.Get(partHeader) == "" && fault.Key == "" {
		return web.Redirect(w, r, alertPath(id))
	}
	s, err := p.seeAlert(r.Context(), actor, id, minutes)
	if err != nil {
		return err
	}
	s.Fault = fault
	return p.showSight(w, r, status, s)
}

func messageOf(err error) city.Message {
	if e := (*city.Error)(nil); errors.As(err, &e) {
		return e.Message
	}
	return city.Message{Key: "command.faster"}
}
