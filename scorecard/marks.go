package scorecard

import (
	"slices"
	"time"

	"yiwang/city"
)

// Mark is one thing that is true of a case.
type Mark int

// The marks. Their numbers are stored.
const (
	Opened        Mark = iota // every case
	Filed                     // it left the first stage to be dealt with, or was answered there
	IntakeLate                // the limit of the first stage passed
	NotAccepted               // ended so
	Merged                    // a duplicate: ended in another case
	Dispatched                // sent to a body
	GivenBack                 // which said that it was the wrong one
	Handled                   // closed with a result of its own
	Counted                   // handled, or overdue
	OnTime                    // handled, and no limit passed while its body had it
	Late                      // a limit passed after it was filed, while its body had it
	Rework                    // verification failed at least once
	Reopened                  // at least once
	Joined                    // more people reported the same
	Rated                     // handled, and somebody said how it went
	AskedContact              // somebody said whether there was contact in time
	Responded                 // there was
	AskedSolved               // somebody said whether it is solved
	Resolved                  // it is
	Levelled                  // somebody gave a level
	Satisfied                 // of 1 to 3: satisfied at least by and large (GB/T 39046-2020, A.8)
	Silent                    // handled, and nobody said anything
	OpenNow                   // not closed
	Overdue                   // open though a limit passed while its body had it
	ClosedOnce                // closed, now or before it was reopened
	Checked                   // somebody verified it, or a limit passed before they did
	CheckedInTime             // and no limit passed meanwhile
	CheckOverdue              // it waits to be verified though a limit passed
	marks
)

// caseState is what is remembered of a case, as stored.
type caseState struct {
	Opened    int64  `json:"o,omitempty"` // microseconds, as all times here
	First     string `json:"f,omitempty"` // the first stage
	Stage     string `json:"s,omitempty"`
	Due       int64  `json:"d,omitempty"`
	Sent      int64  `json:"n,omitempty"` // when it first left the first stage
	Done      int64  `json:"e,omitempty"` // when the work was last said to be done
	Closed    int64  `json:"c,omitempty"`
	Result    string `json:"r,omitempty"`
	Intake    bool   `json:"i,omitempty"` // a limit passed in the first stage
	Late      bool   `json:"l,omitempty"` // and after it
	Missed    bool   `json:"m,omitempty"` // in the stage where it is
	Entered   int64  `json:"g,omitempty"` // when it came to the stage where it is
	Held      int64  `json:"h,omitempty"` // how long its body had it, in stays that are over
	Checked   bool   `json:"k,omitempty"`
	CheckLate bool   `json:"z,omitempty"` // a limit passed while it was verified
	Sentto    bool   `json:"t,omitempty"`
	Back      bool   `json:"b,omitempty"`
	Rework    bool   `json:"w,omitempty"`
	Reopened  bool   `json:"p,omitempty"`
	Joined    bool   `json:"j,omitempty"`
	Rated     bool   `json:"a,omitempty"`
	Responded *bool  `json:"x,omitempty"`
	Resolved  *bool  `json:"y,omitempty"`
	Level     int    `json:"v,omitempty"`
}

// unhandled are the results of cases that nobody had to solve.
var unhandled = []string{"merged", "not_accepted", "withdrawn", "terminated"}

// marks folds what is remembered.
func (s *caseState) marks() (set uint64) {
	add := func(m Mark, yes bool) {
		if yes {
			set |= 1 << m
		}
	}
	if s.Opened == 0 { // heard of before it was opened
		return 0
	}
	closed := s.Closed != 0
	handled := closed && !slices.Contains(unhandled, s.Result)
	filed := s.Sent != 0 || handled
	checking := s.Stage == checkStage
	overdue := !closed && (s.Missed && !checking || s.Late && checking)
	add(Opened, true)
	add(Filed, filed)
	add(IntakeLate, s.Intake)
	add(NotAccepted, closed && s.Result == "not_accepted")
	add(Merged, closed && s.Result == "merged")
	add(Dispatched, s.Sentto)
	add(GivenBack, s.Back)
	add(Handled, handled)
	add(Counted, handled || overdue)
	add(OnTime, handled && !s.Late && (s.Sent != 0 || !s.Intake))
	add(Late, s.Late)
	add(Rework, s.Rework)
	add(Reopened, s.Reopened)
	add(Joined, s.Joined)
	add(Rated, handled && s.Rated)
	add(AskedContact, s.Responded != nil)
	add(Responded, s.Responded != nil && *s.Responded)
	add(AskedSolved, s.Resolved != nil)
	add(Resolved, s.Resolved != nil && *s.Resolved)
	add(Levelled, s.Level > 0)
	add(Satisfied, s.Level >= 1 && s.Level <= 3)
	add(Silent, handled && !s.Rated)
	add(OpenNow, !closed)
	add(Overdue, overdue)
	add(ClosedOnce, closed || s.Reopened)
	add(Checked, s.Checked || s.CheckLate)
	add(CheckedInTime, s.Checked && !s.CheckLate)
	add(CheckOverdue, !closed && checking && s.CheckLate)
	return set
}

// A Span is a time that is measured of a case.
type Span int

// The spans of a case.
const (
	ToDispatch Span = iota // from the opening until it left the first stage
	ToDone                 // from the opening until the work was last said to be done; rework counts
	Held                   // how long its body had it: neither the first stage of an incident nor verification
	spans
)

// spans gives what is known of them; negative is nothing.
func (s *caseState) spans() (d [spans]time.Duration) {
	since := func(at int64) time.Duration {
		if at == 0 || s.Opened == 0 || at < s.Opened {
			return -1
		}
		return time.Duration(at-s.Opened) * time.Microsecond
	}
	d[ToDispatch], d[ToDone], d[Held] = since(s.Sent), -1, -1
	if s.marks()&(1<<Handled) != 0 {
		done := s.Done
		if done == 0 {
			done = s.Closed
		}
		d[ToDone] = since(done)
		if s.Held > 0 {
			d[Held] = time.Duration(s.Held) * time.Microsecond
		}
	}
	return d
}

// Definition is a figure: the share of cases with all of Of and none of Without
// among those with Among.
type Definition struct {
	ID      string // glossary id where there is one
	Of      Mark
	Without Mark // 0: nothing is left out
	Among   Mark
	Less    bool // less is better
	Name    city.Message
	Formula city.Message
}

// Definitions are the figures, in the order of a report. Silence is no rating: it
// is in none of the three rates and has a figure of its own.
func Definitions() []Definition {
	return []Definition{
		{"filing_rate", Filed, 0, Opened, false, say("scorecard.filing"), say("scorecard.filing.how")},
		{"accurate_dispatch_rate", Dispatched, GivenBack, Dispatched, false, say("scorecard.accurate"), say("scorecard.accurate.how")},
		{"on_time_rate", OnTime, 0, Counted, false, say("scorecard.on_time"), say("scorecard.on_time.how")},
		{"check_on_time_rate", CheckedInTime, 0, Checked, false, say("scorecard.check"), say("scorecard.check.how")},
		{"response_rate", Responded, 0, AskedContact, false, say("scorecard.response"), say("scorecard.response.how")},
		{"resolution_rate", Resolved, 0, AskedSolved, false, say("scorecard.resolution"), say("scorecard.resolution.how")},
		{"satisfaction_rate", Satisfied, 0, Levelled, false, say("scorecard.satisfaction"), say("scorecard.satisfaction.how")},
		{"active_rating_rate", Rated, 0, Handled, false, say("scorecard.active"), say("scorecard.active.how")},
		{"silent_rate", Silent, 0, Handled, true, say("scorecard.silent"), say("scorecard.silent.how")},
		{"rework_rate", Rework, 0, Filed, true, say("scorecard.rework"), say("scorecard.rework.how")},
		{"reopen_rate", Reopened, 0, ClosedOnce, true, say("scorecard.reopen"), say("scorecard.reopen.how")},
		{"duplicate_rate", Merged, 0, Opened, true, say("scorecard.duplicate"), say("scorecard.duplicate.how")},
	}
}

func say(key string) city.Message { return city.Message{Key: key} }

// DefinitionOf finds a figure.
func DefinitionOf(id string) (Definition, bool) {
	for _, d := range Definitions() {
		if d.ID == id {
			return d, true
		}
	}
	return Definition{}, false
}
