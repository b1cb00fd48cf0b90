package kit

import (
	"time"

	"yiwang/city"
	"yiwang/credential/check"
)

// Lamp is how an answer looks from three steps away.
type Lamp string

const (
	Green Lamp = "done"
	Amber Lamp = "waiting" // somebody has to look
	Red   Lamp = "refused"
)

// Answer is a result in words.
type Answer struct {
	Lamp    Lamp     `json:"lamp"`
	Verdict string   `json:"verdict"`
	Why     string   `json:"why"`
	Notes   []string `json:"notes,omitempty"`
	Rows    []Row    `json:"rows,omitempty"`
	Reason  string   `json:"reason"` // check.Reason, or "kit_too_old"
}

// Row is one thing that the code says.
type Row struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// KitTooOld is the reason when nothing is judged because the kit is past its life.
const KitTooOld = "kit_too_old"

// undecided are reasons that leave open whether the thing is good.
var undecided = map[check.Reason]bool{
	check.ReasonDamaged: true, check.ReasonUnsupported: true, check.ReasonUnknownSigner: true, check.ReasonNotACode: true,
	check.ReasonNumberWrong: true, check.ReasonNumberOnly: true, check.ReasonNotYetValid: true,
	check.ReasonTooLong: true, check.ReasonTooLarge: true,
}

// Answer judges a text and says it in the reader's language. What is green is
// genuine, in force, and of a state that lets somebody in. Who is alone, without a
// network, is told since when the state is unknown; with one the lists are of the
// last minute, and it is told of when they are.
func (c *Checker) Answer(text string, at time.Time, l city.Lang, alone bool) Answer {
	if !c.Usable(at) {
		return Answer{Lamp: Amber, Reason: KitTooOld, Verdict: city.Say(l, "gate.old"), Why: city.Say(l, "gate.old.why", "at", c.kit.Made.In(c.zone))}
	}
	r := c.Check(text, at)
	a := Answer{Lamp: Red, Reason: string(r.Reason), Verdict: city.Say(l, "citizen.verdict.invalid"), Why: r.Why().In(l)}
	switch {
	case r.Valid:
		a.Lamp, a.Verdict = Green, city.Say(l, "citizen.verdict.valid")
	case undecided[r.Reason]:
		a.Lamp, a.Verdict = Amber, city.Say(l, "citizen.verdict.open")
	}
	state := ""
	if r.Valid && !r.StatusAt.IsZero() {
		state = city.Say(l, map[bool]string{false: "gate.status.of", true: "gate.status.since"}[alone], "at", r.StatusAt.In(c.zone))
	}
	for _, w := range r.Warnings {
		switch w {
		case check.WarnStatusUnknown:
			state = city.Say(l, "gate.status.since", "at", c.kit.Made.In(c.zone))
		case check.WarnStatusStale, check.WarnStatusLater:
			state = city.Say(l, "gate.status.since", "at", r.StatusAt.In(c.zone))
		default:
			a.Notes = append(a.Notes, r.Say(w).In(l))
		}
	}
	if state != "" {
		a.Notes = append(a.Notes, state)
	}
	row := func(key, value string) {
		if value != "" {
			a.Rows = append(a.Rows, Row{city.Say(l, key), value})
		}
	}
	switch {
	case r.Pass != nil:
		c.pass(&a, r, l, row)
	case r.Health != nil:
		if r.Valid && (r.Health.Positive() || r.Health.Kinds() == 0 || !r.Health.UsableOn(at)) {
			a.Lamp, a.Verdict = Amber, city.Say(l, "gate.look")
		}
		row("citizen.health.name", r.Health.Name.Given+" "+r.Health.Name.Family)
	case r.Claims != nil:
		row("gate.what", r.Claims.Name.In(l))
		row("citizen.licence.holder", r.Claims.Holder)
		row("citizen.licence.issuer", r.Claims.Issuer.In(l))
	}
	return a
}

func (c *Checker) pass(a *Answer, r check.Result, l city.Lang, row func(key, value string)) {
	p := r.Pass
	name, state, known := p.Purpose, p.State, false
	for _, x := range c.kit.Purposes {
		if x.City != p.City || x.ID != p.Purpose {
			continue
		}
		name = x.Name.In(l)
		for _, s := range x.States {
			if s.ID == p.State {
				state, known = s.Name.In(l), true
				if r.Valid && !s.Enters {
					a.Lamp, a.Verdict = Amber, city.Say(l, "citizen.verdict.pass.stop", "state", s.Name)
				}
			}
		}
	}
	if r.Valid && !known { // genuine, and nobody here knows what the state means
		a.Lamp, a.Verdict = Amber, city.Say(l, "gate.look")
	}
	row("gate.what", name)
	row("citizen.verdict.pass.state", state)
	row("citizen.licence.holder", p.Holder)
}
