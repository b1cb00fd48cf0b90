package citizen

import (
	"slices"
	"strings"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/web"
)

// steps are what happened, the newest first and before it where the matter stands
// now. What an office does within itself (taking, handing over, notes) stays
// there.
func (p *Pages) steps(d dossier) []web.Step {
	var out []web.Step
	for _, rec := range d.records {
		if s, ok := p.happened(d, rec); ok {
			out = append(out, s)
		}
	}
	if d.c.Open {
		s := p.state(d.c)
		now := web.Step{State: s.State, Title: d.c.StageName, At: d.c.State.Entered, Where: p.body(d.c.Body)}
		if d.c.State.Paused != "" {
			now.Title, now.At = s.Word, pausedAt(d.c)
			now.Where = web.Words("citizen.step.clock_paused")
		}
		out = append(out, now)
	}
	slices.Reverse(out)
	return out
}

func pausedAt(c casework.Case) time.Time {
	for _, e := range slices.Backward(c.State.Clock) {
		if e.Kind == casework.ClockSuspend {
			return e.At
		}
	}
	return c.State.Entered
}

// happened says one action as the applicant should read it; ok is false for what
// is not theirs to read.
func (p *Pages) happened(d dossier, rec casework.Record) (s web.Step, ok bool) {
	s = web.Step{State: web.StateDone, At: rec.At, Where: p.who(rec.By), Said: strings.Join(sayings(rec.Words), " ")}
	if rec.Action != casework.ActOpen {
		s.Title = web.Words("citizen.did." + rec.Action)
	}
	switch rec.Action {
	case casework.ActOpen:
		s.Title, s.Where = web.Words("citizen.did.open"), web.Words("citizen.channel."+string(rec.By.Channel))
	case casework.ActClaim, casework.ActRelease, casework.ActAssign:
		return s, false
	case casework.ActComment:
		return s, rec.By.Kind == city.Resident
	case casework.ActSupplement:
		s.State, s.Title = web.StateWaiting, web.Words("citizen.todo.title", "n", len(rec.Words.Points))
		var points []string
		for _, pt := range rec.Words.Points {
			points = append(points, pt.Text)
		}
		s.Said = strings.Join(points, " ")
	case casework.ActSpecialProcedure:
		s.State = web.StatePaused
		s.Title = web.Words("citizen.did.special_procedure", "procedure", web.Words("case.procedure."+rec.Procedure))
	case casework.ActExtendReview:
		s.State, s.Text = web.StateWaiting, city.Message{Key: "citizen.step.extended", Args: []any{"limit", limit(rec.Limit)}}
	case casework.ActCompleteTask: // what offices think of it is said once, with the decision
		s.Said = ""
	case casework.ActOverdue:
		s.State, s.Where = web.StateOverdue, city.Text{}
	case casework.ActLapse, casework.ActUrge:
		s.State = web.StateWaiting
	case casework.ActSupply, casework.ActResume:
	case casework.ActWithdraw, casework.ActTerminate:
		s.State = web.StateEnded
	default:
		p.outcome(d, rec, &s)
	}
	return s, true
}

// outcome says a decision of the kind: how the matter ended, or the pack's word
// for it.
func (p *Pages) outcome(d dossier, rec casework.Record, s *web.Step) {
	k, _ := p.kindOf(d.c)
	if said, ok := city.LookupText("citizen.did." + rec.Action); ok {
		s.Title = said
	} else {
		s.Title = web.Plain(rec.Action)
		if st, ok := k.Stage(rec.Stage); ok {
			for _, o := range st.Outcomes {
				if o.Action == rec.Action {
					s.Title = o.Label
				}
			}
		}
	}
	if !d.c.Open && rec.Seq == d.records[len(d.records)-1].Seq {
		end := p.state(d.c)
		s.State, s.Title, s.Said = end.State, end.Word, "" // the words stand with the decision
	}
}

// who says who acted: an office and post, a rule, or the applicant's own side.
func (p *Pages) who(b casework.By) city.Text {
	switch {
	case b.Kind == city.System && strings.HasPrefix(b.Part, "rule:"):
		return web.Words("citizen.by.rule")
	case b.Kind == city.System:
		return web.Words("citizen.by.program")
	case b.Kind == city.Resident && b.OnBehalf:
		return web.Words("citizen.by.delegate")
	case b.Kind == city.Resident:
		return web.Words("citizen.by.applicant")
	case b.Post == "":
		return p.body(b.Body)
	}
	return web.Words("citizen.by.post", "body", p.body(b.Body), "post", p.post(b.Post))
}

// clock is the promise of the matter: in a sentence, as a bar, and what the bar
// shows in words.
func (p *Pages) clock(c casework.Case) *web.Clock {
	rd := p.Cases.Reading(c)
	promise := c.State.Promise
	switch {
	case promise.IsZero():
		return nil
	case !c.Open && !rd.Started: // decided before the promise began to run, or taken back
		if c.ClosedAt.Sub(c.OpenedAt) > time.Hour {
			return nil
		}
		return &web.Clock{Promise: city.Message{Key: "citizen.clock.instant", Args: []any{"limit", limit(promise)}}}
	}
	v := &web.Clock{Due: rd.Due}
	if !rd.Started {
		v.Promise = city.Message{Key: "citizen.clock.before", Args: []any{"limit", limit(promise)}}
		v.Due = c.Due
		return v
	}
	unit := rd.Limit.Unit
	used := limit(city.Limit{N: rd.Used, Unit: unit})
	if rd.Used == 0 {
		used = web.Words("citizen.clock.none")
	}
	key := "citizen.clock.running"
	if rd.Stopped {
		key, v.Due = "citizen.clock.stopped", time.Time{}
	}
	v.Promise = city.Message{Key: key, Args: []any{"limit", limit(rd.Limit), "used", used}}
	v.Rows = append(v.Rows, web.Row{Name: web.Words("citizen.clock.used"), Value: used})
	var pauses []city.Text
	for _, x := range rd.Pauses {
		pauses = append(pauses, web.Words("citizen.clock.pause", "why", pauseWord(x.Reason), "days", limit(city.Limit{N: x.Days, Unit: unit})))
	}
	if len(pauses) > 0 {
		v.Rows = append(v.Rows, web.Row{Name: web.Words("citizen.clock.paused"), Value: joinTexts(pauses)})
	}
	if rd.Breach {
		v.Rows = append(v.Rows, web.Row{Name: web.Words("citizen.clock.over"), Value: web.Words("citizen.clock.over.yes"), Strong: true})
	}
	if rd.Paused {
		v.Paused = web.Words("citizen.clock.waits", "why", pauseWord(rd.Reason))
	}
	v.Pieces = p.pieces(c, rd)
	return v
}

func pauseWord(reason string) city.Text {
	if reason == casework.FlagSupplement {
		return web.Words("citizen.pause.supplement")
	}
	return web.Words("case.procedure." + reason)
}

func joinTexts(list []city.Text) city.Text {
	var out city.Text
	for i, t := range list {
		if i > 0 {
			out.ZhHans += city.Say(city.Chinese, "web.list.and")
			out.En += city.Say(city.English, "web.list.and")
		}
		out.ZhHans += t.ZhHans
		out.En += t.En
	}
	return out
}

// pieces spread the bar from the start to the end: office time where the limit
// counts that, plain time otherwise.
func (p *Pages) pieces(c casework.Case, rd casework.Reading) []web.Piece {
	cal := p.Cases.Calendar()
	length := func(from, to time.Time) float64 {
		if !to.After(from) {
			return 0
		}
		if rd.Limit.Unit == city.WorkingDays || rd.Limit.Unit == city.WorkingHours {
			return cal.OfficeTime(from, to).Hours()
		}
		return to.Sub(from).Hours()
	}
	now := p.Clock.Now()
	if rd.Stopped {
		now = rd.Until
	}
	var out []web.Piece
	add := func(kind web.PieceKind, amount float64) {
		if amount > 0 {
			out = append(out, web.Piece{Kind: kind, Amount: amount})
		}
	}
	at := rd.Since
	for _, x := range rd.Pauses {
		add(web.PieceUsed, length(at, x.From))
		if at = x.To; at.IsZero() {
			at = now
		}
		add(web.PiecePaused, length(x.From, at))
	}
	over := time.Time{}
	if rd.Breach && !rd.Due.IsZero() && rd.Due.Before(now) {
		over, now = now, rd.Due
	}
	add(web.PieceUsed, length(at, now))
	add(web.PieceOver, length(now, over))
	switch {
	case rd.Stopped || !over.IsZero():
	case !rd.Due.IsZero():
		add(web.PieceLeft, length(now, rd.Due))
	default: // paused: what is left is what was not used
		day := 24.0
		if rd.Limit.Unit == city.WorkingDays {
			day = 0
			for _, h := range cal.Office {
				day += float64(h.To-h.From) / 60
			}
		}
		add(web.PieceLeft, float64(rd.Limit.N-rd.Used)*day)
	}
	return out
}
