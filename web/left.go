package web

import (
	"time"

	"yiwang/casework"
	"yiwang/city"
)

// Left is how much time a case has, in words: "超 3 小时", "剩 2 天", "暂停中".
type Left struct {
	State State // overdue, paused, waiting (today), or "" for time enough
	Words city.Message
	At    time.Time // the moment it is about; zero when there is none
}

// LeftOf counts in working days of the calendar; within the day it is due in hours
// and minutes.
func LeftOf(cal *city.Calendar, c casework.Case, now time.Time) Left {
	s := &c.State
	switch {
	case !c.Open:
		return Left{State: StateEnded, Words: city.Message{Key: "desk.left.closed"}, At: c.ClosedAt}
	case s.Has(casework.FlagSupplementLapsed):
		return Left{State: StateOverdue, Words: city.Message{Key: "desk.left.lapsed"}}
	case s.Paused == casework.ActSupplement:
		return Left{State: StatePaused, Words: city.Message{Key: "desk.left.supplement"}, At: s.AnswerBy}
	case s.Paused != "":
		return Left{State: StatePaused, Words: city.Message{Key: "desk.left.paused"}}
	case c.Due.IsZero():
		return Left{Words: city.Message{Key: "desk.left.none"}}
	}
	due := c.Due
	over := now.After(due)
	from, to := now, due
	if over {
		from, to = due, now
	}
	l := Left{At: due}
	if over {
		l.State = StateOverdue
	}
	a, b := city.DateOf(from.In(cal.Zone)), city.DateOf(to.In(cal.Zone))
	days := cal.WorkdaysBetween(a, b)
	span := to.Sub(from)
	unit, n := "days", days
	switch {
	case a == b && span < time.Hour:
		unit, n = "minutes", int(span/time.Minute)
	case a == b || days == 0 && span < 24*time.Hour:
		unit, n = "hours", int(span/time.Hour)
	case days == 0: // a weekend lies between: it counts as the day it is
		n = 1
	}
	if !over && unit != "days" {
		l.State = StateWaiting
	}
	l.Words = city.Message{Key: "desk.left." + unit, Args: []any{"n", n}}
	if over {
		l.Words.Key = "desk.over." + unit
	}
	return l
}
