package report

import (
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/web"
)

// Done is what a reporter keeps.
type Done struct {
	Number city.CaseNumber
	Code   string
	Name   city.Text // of the class; empty while nobody has decided
	Tell   city.Text // where it stands
	Office city.Text
	Due    time.Time
	Joined bool // it was reported before
	Mine   bool // it stands with the reader's matters
}

// Find asks for number and code.
type Find struct {
	Number string
	Fault  city.Message // of both: which of them is wrong is not said
	Part   city.Message // of the number alone, which has a check digit
	Wait   time.Duration
}

// Matter is what a reporter sees of their matter.
type Matter struct {
	Number  city.CaseNumber
	Name    city.Text
	State   web.Tagged
	Tell    city.Text
	Then    city.Message
	Joined  bool
	Answer  string // the office's own words
	Steps   []web.Step
	Words   string
	Address string
	Photos  []string // addresses of those that the reporter sent
	After   []string // and of those that show it mended
	Rate    *RateBox // nil while it is under way
	Reopen  *ReopenBox
}

// RateBox asks how it went; Rated says that it was said.
type RateBox struct {
	Rated     bool
	Responded string // "true", "false" or ""
	Resolved  string
	Level     int
	Words     string
	Fault     city.Message
	Wording   city.Message // what is wrong with the words
}

// ReopenBox has a matter taken up again.
type ReopenBox struct {
	Reason string
	Fault  city.Message
}

// sentence says where a matter stands, who acts next and by when.
func (p *Pages) sentence(open bool, body city.BodyID, due, until time.Time, overdue bool) city.Message {
	office := p.body(body)
	switch {
	case !open:
		return city.Message{}
	case !until.IsZero():
		return city.Message{Key: "report.then.suspended", Args: []any{"until", until}}
	case office.IsZero():
		return city.Message{}
	case overdue && !due.IsZero():
		return city.Message{Key: "report.then.overdue", Args: []any{"body", office, "due", due}}
	case !due.IsZero():
		return city.Message{Key: "report.then.due", Args: []any{"body", office, "due", due}}
	}
	return city.Message{Key: "report.then", Args: []any{"body", office}}
}

// shapes of results that are no success.
var shapes = map[string]web.State{"not_accepted": web.StateRefused, "withdrawn": web.StateEnded, "terminated": web.StateEnded}

func stateOf(open bool, stage city.Text, result string, suspended, overdue bool) web.Tagged {
	switch {
	case !open:
		if shape, ok := shapes[result]; ok {
			return web.Tagged{State: shape, Word: stage}
		}
		return web.Tagged{State: web.StateDone, Word: stage}
	case suspended:
		return web.Tagged{State: web.StatePaused, Word: web.Words("report.state.suspended")}
	case overdue:
		return web.Tagged{State: web.StateOverdue, Word: web.Words("report.state.overdue")}
	}
	return web.Tagged{State: web.StateWorking, Word: stage}
}

// steps are what happened, the newest first.
func (p *Pages) steps(list []incident.Step, open bool) []web.Step {
	out := make([]web.Step, len(list))
	for i, s := range list {
		at := len(list) - 1 - i
		out[at] = web.Step{State: web.StateWorking, Title: s.Tell, At: s.At, Where: p.body(s.Body)}
		if i == len(list)-1 && !open {
			out[at].State = web.StateDone
		}
	}
	return out
}

func (p *Pages) name(code city.ItemCode, kind city.Text) city.Text {
	if c, ok := p.Incidents.Class(code); ok {
		return c.Name
	}
	return kind
}

// matter is a followed report as its page shows it.
func (p *Pages) matter(n city.CaseNumber, f incident.Followed) Matter {
	c := f.Case
	overdue := c.State.Has(casework.FlagOverdue)
	m := Matter{Number: n, Name: p.name(f.Class, c.KindName), Tell: c.Tell, Joined: f.Joined, Answer: f.Answer, Steps: p.steps(f.Steps, c.Open),
		Words: f.Words, Address: f.Address,
		State: stateOf(c.Open, c.StageName, c.Result, c.State.Has(casework.FlagSuspended), overdue),
		Then:  p.sentence(c.Open, c.Body, c.Due, c.State.Until, overdue)}
	for _, photo := range f.Photos {
		href := PathPhoto + photo.ID.String()
		if photo.Role == incident.RoleAfter {
			m.After = append(m.After, href)
		} else {
			m.Photos = append(m.Photos, href)
		}
	}
	if !c.Open {
		m.Rate = &RateBox{Rated: !f.MayRate}
	}
	if f.MayReopen {
		m.Reopen = &ReopenBox{}
	}
	return m
}
