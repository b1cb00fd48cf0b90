package desk

import (
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/web"
)

// Event is one entry of a case's history.
type Event struct {
	web.Step
	Who     city.Text
	Opinion city.Text
	Points  []Correction
	Words   []Said
}

// Correction is one point of a request for correction.
type Correction struct {
	Field city.Text // label of the form's field; empty when it is about none
	Text  string
}

// Said is a text somebody wrote, with what it is.
type Said struct {
	What city.Text // "理由", "意见"; empty for a plain note
	Text []string
}

// Note is an internal note: the applicant doesn't see it.
type Note struct {
	Who  city.Text
	Mine bool
	web.Step
	Text []string
}

// history says what happened, the newest first, and takes the notes out: they
// are for colleagues.
func (d *Desk) history(c casework.Case, records []casework.Record, label func(field string) city.Text, self city.AccountID) (events []Event, notes []Note) {
	k, _ := d.Cases.Kind(c.Kind)
	for i := len(records) - 1; i >= 0; i-- {
		r := records[i]
		if r.Action == casework.ActComment {
			notes = append(notes, Note{Who: d.who(r.By), Mine: !self.IsZero() && r.By.Account == self, Step: web.Step{At: r.At}, Text: paragraphs(r.Words.Note)})
			continue
		}
		e := Event{Who: d.who(r.By), Step: web.Step{At: r.At, Title: web.Did(k, r), State: stateOf(k, r)}}
		if r.Action == casework.ActOpen {
			e.Where = channel(r.By.Channel)
		}
		switch r.Action {
		case casework.ActSpecialProcedure:
			e.Text = city.Message{Key: "desk.did.special_procedure.what", Args: []any{"procedure", procedureName(r.Procedure)}}
		case casework.ActSupplement:
			e.Text = city.Message{Key: "desk.did.supplement.until", Args: []any{"until", r.AnswerBy}}
		case casework.ActExtendReview:
			e.Text = city.Message{Key: "desk.did.extend_review.by", Args: []any{"limit", limitWords(r.Limit)}}
		}
		if !r.Words.Why.IsZero() {
			e.Text = city.Message{Key: "desk.did.why", Args: []any{"why", r.Words.Why}}
		}
		if r.Opinion != "" {
			e.Opinion = web.Words("desk.opinion." + r.Opinion)
		}
		for _, p := range r.Words.Points {
			e.Points = append(e.Points, Correction{Field: label(p.Field), Text: p.Text})
		}
		for _, s := range []Said{
			{web.Words("desk.said.reason"), paragraphs(r.Words.Reason)},
			{city.Text{}, paragraphs(r.Words.Note)},
			{web.Words("desk.said.appeal"), paragraphs(r.Words.Appeal)},
		} {
			if len(s.Text) > 0 {
				e.Words = append(e.Words, s)
			}
		}
		events = append(events, e)
	}
	return events, notes
}

// refuses reports whether a result ends a case against the applicant.
func refuses(result string) bool { return result == "refused" || result == "not_accepted" }

func stateOf(k *casework.Kind, r casework.Record) web.State {
	switch r.Action {
	case casework.ActSupplement, casework.ActSpecialProcedure, casework.ActExtendReview, casework.ActUrge:
		return web.StateWaiting
	case casework.ActOverdue, casework.ActLapse:
		return web.StateRefused
	case casework.ActWithdraw, casework.ActTerminate:
		return web.StateEnded
	}
	if o, ok := web.OutcomeOf(k, r.Stage, r.Action); ok {
		switch {
		case refuses(o.Result):
			return web.StateRefused
		case o.Next == casework.End || o.Result != "":
			return web.StateDone
		}
	}
	if r.Opinion == "disagree" {
		return web.StateRefused
	}
	return web.StateWorking
}

// who says who acted: the post, never the name.
func (d *Desk) who(by casework.By) city.Text {
	switch by.Kind {
	case city.Resident:
		if by.OnBehalf {
			return web.Words("desk.who.delegate")
		}
		return web.Words("desk.who.applicant")
	case city.Officer:
		if by.Post != "" {
			return d.postName(by.Post)
		}
		return d.bodyName(by.Body)
	}
	if strings.HasPrefix(by.Part, "rule") {
		return web.Words("desk.who.rule")
	}
	if by.Part == "timer" {
		return web.Words("desk.who.clock")
	}
	return web.Words("desk.who.program")
}

func channel(c city.Channel) city.Text {
	if t, ok := city.LookupText("desk.channel." + string(c)); ok {
		return t
	}
	return web.Plain(string(c))
}
