package desk

import (
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/web"
)

// Ledger is the clock of a case in plain words: one sentence, the bar, and every
// entry that moved the promise.
type Ledger struct {
	Sentence city.Message
	Pieces   []web.Piece
	Rows     []web.Row
	Lines    []LedgerLine
	Step     time.Time // the limit of this step alone, where it comes first
}

// LedgerLine is one entry of the ledger.
type LedgerLine struct {
	At    time.Time
	State web.State
	Words city.Message
}

// ledger reads the clock of a case as it stands now.
func (d *Desk) ledger(c casework.Case, now time.Time) Ledger {
	r := d.Cases.Reading(c)
	l := Ledger{Sentence: clockSentence(c, r), Lines: clockLines(c)}
	if c.Open && !c.Due.IsZero() && (r.Due.IsZero() || c.Due.Before(r.Due)) {
		l.Step = c.Due
	}
	if !r.Started {
		return l
	}
	if !r.Until.IsZero() {
		now = r.Until
	}
	l.Pieces = pieces(d.Cases.Calendar(), c.State.Clock, r, now)
	l.Rows = []web.Row{
		{Name: web.Words("desk.clock.promised"), Value: limitWords(r.Limit)},
		{Name: web.Words("desk.clock.used"), Value: amount(r.Limit.Unit, r.Used)},
	}
	if left := r.Limit.N - r.Used; left >= 0 && !r.Stopped {
		l.Rows = append(l.Rows, web.Row{Name: web.Words("desk.clock.left"), Value: amount(r.Limit.Unit, left), Strong: true})
	} else if left < 0 {
		l.Rows = append(l.Rows, web.Row{Name: web.Words("desk.clock.over"), Value: amount(r.Limit.Unit, -left), Strong: true})
	}
	return l
}

// clockSentence says it all at once: "paused 3 working days for the site
// inspection; due Thursday 26 November".
func clockSentence(c casework.Case, r casework.Reading) city.Message {
	var args []any
	say := func(key string) city.Message { return city.Message{Key: key, Args: args} }
	args = append(args, "limit", limitWords(r.Limit), "used", amount(r.Limit.Unit, r.Used))
	if !r.Started {
		if c.State.Promise.IsZero() {
			return say("desk.clock.none")
		}
		args[1] = limitWords(c.State.Promise)
		return say("desk.clock.not_started")
	}
	var pauses []city.Text
	for _, p := range r.Pauses {
		if p.To.IsZero() && r.Paused || p.Days == 0 {
			continue
		}
		pauses = append(pauses, web.Words("desk.clock.pause", "amount", amount(dayUnit(r.Limit.Unit), p.Days), "why", pauseReason(p.Reason)))
	}
	args = append(args, "pauses", joined(pauses), "due", r.Due, "since", r.Since)
	switch {
	case r.Stopped && r.Breach:
		return say("desk.clock.done.late")
	case r.Stopped:
		return say("desk.clock.done")
	case r.Paused:
		last := r.Pauses[len(r.Pauses)-1]
		args = append(args, "why", pauseReason(r.Reason), "from", last.From)
		if r.Reason == casework.ActSupplement && !c.State.AnswerBy.IsZero() {
			args = append(args, "answer_by", c.State.AnswerBy)
			return say("desk.clock.paused.supplement")
		}
		return say("desk.clock.paused")
	case c.State.Has(casework.FlagOverdue) || r.Breach:
		return say("desk.clock.overdue")
	case len(pauses) > 0:
		return say("desk.clock.running.paused")
	}
	return say("desk.clock.running")
}

// dayUnit is the unit in which pauses are counted: days, whatever the limit.
func dayUnit(u city.Unit) city.Unit {
	if u == city.NaturalDays {
		return u
	}
	return city.WorkingDays
}

func pauseReason(reason string) city.Text {
	if reason == casework.ActSupplement {
		return web.Words("desk.clock.why.supplement")
	}
	return procedureName(reason)
}

func procedureName(id string) city.Text {
	if t, ok := city.LookupText("case.procedure." + id); ok {
		return t
	}
	return web.Plain(id)
}

// clockLines says each entry of the ledger, oldest first.
func clockLines(c casework.Case) []LedgerLine {
	var out []LedgerLine
	for _, e := range c.State.Clock {
		l := LedgerLine{At: e.At, State: web.StateWorking}
		switch e.Kind {
		case casework.ClockStart:
			l.Words = city.Message{Key: "desk.clock.line.start", Args: []any{"limit", limitWords(e.Limit)}}
		case casework.ClockSuspend:
			l.State, l.Words = web.StatePaused, city.Message{Key: "desk.clock.line.suspend", Args: []any{"why", pauseReason(e.Reason)}}
		case casework.ClockResume:
			l.Words = city.Message{Key: "desk.clock.line.resume"}
		case casework.ClockExtend:
			l.State, l.Words = web.StateWaiting, city.Message{Key: "desk.clock.line.extend", Args: []any{"limit", limitWords(e.Limit)}}
		case casework.ClockBreach:
			l.State, l.Words = web.StateOverdue, city.Message{Key: "desk.clock.line.breach"}
		case casework.ClockStop:
			l.State, l.Words = web.StateDone, city.Message{Key: "desk.clock.line.stop"}
		}
		out = append(out, l)
	}
	return out
}

// pieces lays the ledger on a bar: what was used and what was paused in the order
// it happened, then what is left or over.
func pieces(cal *city.Calendar, clock casework.Clock, r casework.Reading, now time.Time) []web.Piece {
	day := 0.0 // office hours of a day
	for _, h := range cal.Office {
		day += float64(h.To-h.From) / 60
	}
	length := func(from, to time.Time) float64 {
		switch r.Limit.Unit {
		case city.WorkingHours:
			return cal.OfficeTime(from, to).Hours()
		case city.EmergencyHours:
			return to.Sub(from).Hours()
		case city.NaturalDays:
			return to.Sub(from).Hours() / 24
		}
		return cal.OfficeTime(from, to).Hours() / day // parts of days, so that the bar moves within the day
	}
	var out []web.Piece
	budget := float64(r.Limit.N)
	use := func(amount float64) {
		within := min(amount, max(budget, 0))
		if within > 0 {
			out = append(out, web.Piece{Kind: web.PieceUsed, Amount: within})
		}
		if over := amount - within; over > 0 && r.Breach {
			out = append(out, web.Piece{Kind: web.PieceOver, Amount: over})
		}
		budget -= amount
	}
	from, paused, running := time.Time{}, false, false
	step := func(to time.Time) {
		switch {
		case !running:
		case paused:
			out = append(out, web.Piece{Kind: web.PiecePaused, Amount: max(length(from, to), 0.1)})
		default:
			use(length(from, to))
		}
		from = to
	}
	for _, e := range clock {
		if e.At.After(now) {
			break
		}
		switch e.Kind {
		case casework.ClockStart:
			from, running = e.At, true
		case casework.ClockSuspend:
			step(e.At)
			paused = true
		case casework.ClockResume:
			step(e.At)
			paused = false
		case casework.ClockStop:
			step(e.At)
			running = false
		}
	}
	step(now)
	if budget > 0 && !r.Stopped {
		out = append(out, web.Piece{Kind: web.PieceLeft, Amount: budget})
	}
	return out
}
