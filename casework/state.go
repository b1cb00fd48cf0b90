package casework

import (
	"maps"
	"slices"
	"time"

	"yiwang/city"
)

// Task is an open or completed task of the stage a case stands in.
type Task struct {
	ID       string         `json:"id"`
	Body     city.BodyID    `json:"body"`
	Post     city.PostID    `json:"post"`
	Assignee city.AccountID `json:"assignee,omitzero"`
	Done     bool           `json:"done,omitempty"`
	Opinion  string         `json:"opinion,omitempty"` // agree, disagree
	Called   bool           `json:"called,omitempty"`  // by a whistle: beside the stage's own tasks
	By       time.Time      `json:"by,omitzero"`       // of a called task: when to have checked in
	In       time.Time      `json:"in,omitzero"`       // when they did
}

// State is what a case's accepted actions add up to. It is a pure fold: the same
// actions give the same state, whenever and wherever it is computed.
type State struct {
	Seq        int                       `json:"seq"`
	Open       bool                      `json:"open"`
	Stage      string                    `json:"stage"`
	Tasks      []Task                    `json:"tasks,omitempty"`
	Flags      []string                  `json:"flags,omitempty"`
	Result     string                    `json:"result,omitempty"`
	Clock      Clock                     `json:"clock,omitempty"`
	Entered    time.Time                 `json:"entered"`              // when the stage was entered
	Lost       []Pause                   `json:"lost,omitempty"`       // pauses since Entered: the stage's limit doesn't run either
	Paused     string                    `json:"paused,omitempty"`     // supplement, or the special procedure that runs
	AnswerBy   time.Time                 `json:"answer_by,omitzero"`   // when the applicant has to answer a correction
	Asked      bool                      `json:"asked,omitempty"`      // a correction was asked for; only once
	Procedures []string                  `json:"procedures,omitempty"` // special procedures that took place
	Params     map[string]string         `json:"params,omitempty"`
	Promise    city.Limit                `json:"promise,omitzero"`
	Barred     []city.AccountID          `json:"barred,omitempty"`   // who shall have no part in it
	Counts     map[string]int            `json:"counts,omitempty"`   // what outcomes count, such as rework; and reopened
	Movers     map[string]city.AccountID `json:"movers,omitempty"`   // who moved it on from a stage last
	Until      time.Time                 `json:"until,omitzero"`     // of what is suspended
	Progress   string                    `json:"progress,omitempty"` // what was said last on the way to an outcome
	Step       int                       `json:"step,omitempty"`     // escalation steps taken for the present due date
	Counter    city.BodyID               `json:"counter,omitempty"`  // whose counter received it
	OpenedAt   time.Time                 `json:"opened_at"`
	ClosedAt   time.Time                 `json:"closed_at,omitzero"`
}

// Has reports whether the flag is set.
func (s *State) Has(flag string) bool { return slices.Contains(s.Flags, flag) }

func (s *State) set(flags ...string) {
	for _, f := range flags {
		if !s.Has(f) {
			s.Flags = append(s.Flags, f)
		}
	}
	slices.Sort(s.Flags)
}

func (s *State) clear(flags ...string) {
	s.Flags = slices.DeleteFunc(s.Flags, func(f string) bool { return slices.Contains(flags, f) })
}

// Record is one accepted action. The words of people lie apart, sealed.
type Record struct {
	Seq    int       `json:"-"`
	At     time.Time `json:"-"`
	Action string    `json:"-"`

	By        By                `json:"by"`
	Stage     string            `json:"stage,omitempty"` // where the case stood
	Task      string            `json:"task,omitempty"`
	Opinion   string            `json:"opinion,omitempty"`
	Procedure string            `json:"procedure,omitempty"`
	Assignee  city.AccountID    `json:"assignee,omitzero"`
	Limit     city.Limit        `json:"limit,omitzero"`
	AnswerBy  time.Time         `json:"answer_by,omitzero"`
	Params    map[string]string `json:"params,omitempty"`
	Barred    []city.AccountID  `json:"barred,omitempty"`
	Verdict   string            `json:"verdict,omitempty"` // run id of the rule that acted
	Bodies    []city.BodyID     `json:"bodies,omitempty"`  // called by a whistle
	Until     time.Time         `json:"until,omitzero"`
	Step      string            `json:"step,omitempty"` // of progress

	Words Words `json:"-"`
}

// By is who acted, as the record keeps it.
type By struct {
	Kind     city.ActorKind `json:"kind"`
	Account  city.AccountID `json:"account,omitzero"`
	Body     city.BodyID    `json:"body,omitempty"`
	Post     city.PostID    `json:"post,omitempty"`
	OnBehalf bool           `json:"on_behalf,omitempty"`
	Part     string         `json:"part,omitempty"`
	Channel  city.Channel   `json:"channel,omitempty"`
}

// Words are the personal part of an action: sealed under the case's key.
type Words struct {
	Reason  string    `json:"reason,omitempty"`
	Note    string    `json:"note,omitempty"`
	Points  []Point   `json:"points,omitempty"`
	Appeal  string    `json:"appeal,omitempty"`
	Payload []byte    `json:"payload,omitempty"` // of open and supply: what was applied for, as JSON
	Why     city.Text `json:"why,omitzero"`      // the program's own reason
}

// IsZero reports whether nothing was said.
func (w Words) IsZero() bool {
	return w.Reason == "" && w.Note == "" && len(w.Points) == 0 && w.Appeal == "" && len(w.Payload) == 0 && w.Why.IsZero()
}

// Point is one thing to correct. Field, when set, is the id of the form's field.
type Point struct {
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}

// Fold computes the state from a case's actions, in order. The kind must be the
// version that the case was opened with.
func Fold(k *Kind, records []Record) State {
	var s State
	for _, r := range records {
		s = apply(k, s, r)
	}
	return s
}

// apply is one step of the fold. It never refuses: conditions were checked when
// the action was accepted.
func apply(k *Kind, s State, r Record) State {
	s.Flags, s.Tasks, s.Clock, s.Lost = slices.Clone(s.Flags), slices.Clone(s.Tasks), slices.Clone(s.Clock), slices.Clone(s.Lost)
	s.Seq = r.Seq
	switch r.Action {
	case ActOpen:
		s.Open, s.OpenedAt, s.Params, s.Promise, s.Counter = true, r.At, r.Params, r.Limit, r.By.Body
		s.Barred = r.Barred
		s.enter(k, k.First, r.At)
	case ActClaim:
		s.task(r.Task).Assignee = r.By.Account
	case ActAssign:
		s.hand(r.Task, r.Assignee)
	case ActRelease:
		s.hand(r.Task, city.AccountID{})
	case ActProgress:
		s.hand(r.Task, r.By.Account)
		s.Progress = r.Step
	case ActComment:
	case ActUrge:
		s.set(FlagUrged)
	case ActSupplement:
		s.Asked, s.AnswerBy = true, r.AnswerBy
		s.pause(ActSupplement, r.At)
		s.set(FlagSupplement)
	case ActSupply:
		s.resume(r.At)
		s.AnswerBy = time.Time{}
		s.clear(FlagSupplement, FlagSupplementLapsed)
	case ActLapse:
		s.AnswerBy = time.Time{}
		s.set(FlagSupplementLapsed)
	case ActSpecialProcedure:
		s.pause(r.Procedure, r.At)
		s.Procedures = append(slices.Clone(s.Procedures), r.Procedure)
	case ActResume:
		s.resume(r.At)
	case ActExtendReview:
		s.Clock = append(s.Clock, Entry{At: r.At, Kind: ClockExtend, Limit: r.Limit})
		s.set(FlagExtended)
		s.clear(FlagOverdue)
		s.Step = 0
	case ActOverdue:
		s.Step++
		if s.Step == 1 {
			s.set(FlagOverdue)
			if s.running() {
				s.Clock = append(s.Clock, Entry{At: r.At, Kind: ClockBreach})
			}
		}
	case ActCompleteTask:
		t := s.task(r.Task)
		t.Done, t.Opinion, t.Assignee = true, r.Opinion, r.By.Account
		if st, ok := k.Stage(s.Stage); ok && st.Next != "" && !slices.ContainsFunc(s.Tasks, func(t Task) bool { return !t.Done }) {
			s.enter(k, st.Next, r.At)
		}
	case ActWarn:
		s.set(FlagWarned)
	case ActWhistle:
		s.call(k, r)
	case ActCheckIn:
		t := s.task(r.Task)
		t.In, t.Assignee = r.At, r.By.Account
	case ActSuspendLedger:
		s.Until = r.Until
		s.pause(ActSuspendLedger, r.At)
		s.set(FlagSuspended)
		s.clear(FlagReview)
	case ActReview:
		s.resume(r.At)
		s.set(FlagReview)
	case ActReopen:
		s.reopen(k, r.At)
	case ActWithdraw:
		s.close("withdrawn", r.At)
	case ActTerminate:
		s.close("terminated", r.At)
	default:
		if st, ok := k.Stage(s.Stage); ok {
			if o, ok := st.outcome(r.Action); ok {
				s.decide(k, o, r)
			}
		}
	}
	return s
}

// hand gives a task to somebody. What another had said of their way holds no more.
func (s *State) hand(task string, to city.AccountID) {
	if t := s.task(task); t.Assignee != to {
		t.Assignee = to
		if !t.Called {
			s.Progress = ""
		}
	}
}

// call adds a task for each body that a whistle calls and that has none open.
func (s *State) call(k *Kind, r Record) {
	st, ok := k.Stage(s.Stage)
	if !ok || st.Allow.Whistle == nil {
		return
	}
	s.set(FlagWhistled)
	for _, b := range r.Bodies {
		id := "whistle:" + string(b)
		s.Tasks = slices.DeleteFunc(s.Tasks, func(t Task) bool { return t.ID == id && t.Done })
		if s.task(id).ID == "" {
			s.Tasks = append(s.Tasks, Task{ID: id, Body: b, Post: city.PostID(string(b) + "." + param(s.Params, st.Allow.Whistle.Post)), Called: true, By: r.AnswerBy})
		}
	}
}

func (s *State) reopen(k *Kind, at time.Time) {
	s.Open, s.Result, s.ClosedAt = true, "", time.Time{}
	s.set(FlagReopened)
	s.count(FlagReopened)
	if len(s.Clock) > 0 && !s.Promise.IsZero() {
		s.Clock = append(s.Clock, Entry{At: at, Kind: ClockStart, Limit: s.Promise})
	}
	stage := k.Reopen.Stage
	if st, ok := k.Stage(stage); ok && slices.ContainsFunc(st.Tasks, func(t TaskDef) bool { return param(s.Params, t.Body) == "" || param(s.Params, t.Post) == "" }) {
		stage = k.First // it ended before anybody was named whose task it would be
	}
	s.enter(k, stage, at)
}

func (s *State) count(name string) {
	if name == "" {
		return
	}
	s.Counts = with(s.Counts, name, s.Counts[name]+1)
}

// with is a copy of the map in which the key has the value: states share what
// they don't change.
func with[V any](m map[string]V, key string, v V) map[string]V {
	c := make(map[string]V, len(m)+1)
	maps.Copy(c, m)
	c[key] = v
	return c
}

func (s *State) decide(k *Kind, o *Outcome, r Record) {
	s.set(o.Set...)
	s.count(o.Counts)
	for name, v := range r.Params {
		s.Params = with(s.Params, name, v)
	}
	if !r.By.Account.IsZero() {
		s.Movers = with(s.Movers, s.Stage, r.By.Account)
	}
	switch o.Clock {
	case "start":
		if l, err := city.ParseLimit(param(s.Params, o.Promise)); o.Promise != "" && err == nil {
			s.Promise = l
		}
		if len(s.Clock) == 0 && !s.Promise.IsZero() {
			s.Clock = append(s.Clock, Entry{At: r.At, Kind: ClockStart, Limit: s.Promise})
		}
	case "stop":
		if len(s.Clock) > 0 {
			s.Clock = append(s.Clock, Entry{At: r.At, Kind: ClockStop})
		}
	}
	if o.Result != "" {
		s.Result = o.Result
	}
	s.enter(k, o.Next, r.At)
}

// enter moves the case to a stage, with its tasks fresh.
func (s *State) enter(k *Kind, stage string, at time.Time) {
	s.clear(FlagOverdue, FlagUrged, FlagWarned, FlagReview)
	s.Step, s.Lost, s.Progress = 0, nil, ""
	if stage == End {
		s.close(s.Result, at)
		return
	}
	s.Stage, s.Entered, s.Tasks = stage, at, nil
	st, ok := k.Stage(stage)
	if !ok {
		return
	}
	for _, t := range st.Tasks {
		body := param(s.Params, t.Body)
		s.Tasks = append(s.Tasks, Task{ID: t.ID, Body: city.BodyID(body), Post: city.PostID(body + "." + param(s.Params, t.Post))})
	}
}

func (s *State) close(result string, at time.Time) {
	s.Open, s.ClosedAt, s.Stage, s.Tasks = false, at, End, nil
	s.Paused, s.AnswerBy, s.Until = "", time.Time{}, time.Time{}
	s.clear(FlagPaused, FlagSupplement, FlagOverdue, FlagUrged, FlagSuspended)
	if s.Result == "" {
		s.Result = result
	}
	if result == "withdrawn" || result == "terminated" {
		s.Result = result
	}
	if n := len(s.Clock); n > 0 && s.Clock[n-1].Kind != ClockStop {
		s.Clock = append(s.Clock, Entry{At: at, Kind: ClockStop})
	}
}

func (s *State) pause(why string, at time.Time) {
	s.Paused = why
	s.set(FlagPaused)
	s.clear(FlagOverdue)
	s.Step = 0
	s.Lost = append(s.Lost, Pause{Reason: why, From: at})
	if s.running() {
		s.Clock = append(s.Clock, Entry{At: at, Kind: ClockSuspend, Reason: why})
	}
}

func (s *State) resume(at time.Time) {
	s.Paused, s.Until = "", time.Time{}
	s.clear(FlagPaused, FlagSuspended)
	if n := len(s.Lost); n > 0 {
		s.Lost[n-1].To = at
	}
	if n := len(s.Clock); n > 0 && s.Clock[n-1].Kind == ClockSuspend {
		s.Clock = append(s.Clock, Entry{At: at, Kind: ClockResume})
	}
}

// running reports whether the promise has begun and is neither paused nor over.
func (s *State) running() bool {
	if len(s.Clock) == 0 {
		return false
	}
	switch s.Clock[len(s.Clock)-1].Kind {
	case ClockSuspend, ClockStop:
		return false
	}
	return true
}

func (s *State) task(id string) *Task {
	for i := range s.Tasks {
		if s.Tasks[i].ID == id {
			return &s.Tasks[i]
		}
	}
	return &Task{}
}

// SpeaksForAnother reports whether somebody has, or had, a task of another body in
// the stage. Opinions of several bodies are those of several people: the engine
// refuses to let such a person take or complete the task.
func (s *State) SpeaksForAnother(t Task, who city.AccountID) bool {
	return !who.IsZero() && slices.ContainsFunc(s.Tasks, func(o Task) bool { return o.Body != t.Body && o.Assignee == who })
}

// Working lists the tasks that somebody may work on now: all open ones of a
// parallel stage, the first open one of a sequence, and those that a whistle
// called.
func (s *State) Working(k *Kind) []Task {
	var own, called []Task
	for _, t := range s.Tasks {
		switch {
		case t.Done:
		case t.Called:
			called = append(called, t)
		default:
			own = append(own, t)
		}
	}
	if st, ok := k.Stage(s.Stage); ok && st.Order == Sequence && len(own) > 1 {
		own = own[:1]
	}
	return append(own, called...)
}

// limit is the stage's own, zero where it has none.
func (s *State) limit(st *Stage) city.Limit {
	if st.LimitFrom == "" {
		return st.Limit
	}
	l, _ := city.ParseLimit(param(s.Params, st.LimitFrom)) // checked when it was given
	return l
}

// Due is the moment by which something has to happen in the case now: the
// promise or the stage's own limit, whichever comes first. It is zero while the
// case is paused, closed or without limit.
func (s *State) Due(k *Kind, cal *city.Calendar) time.Time {
	if !s.Open || s.Paused != "" {
		return time.Time{}
	}
	var due time.Time
	if s.running() {
		due = s.Clock.At(cal, s.Clock[len(s.Clock)-1].At).Due
	}
	if st, ok := k.Stage(s.Stage); ok && !s.limit(st).IsZero() {
		own := Clock{{At: s.Entered, Kind: ClockStart, Limit: s.limit(st)}}
		last := s.Entered
		for _, p := range s.Lost {
			own = append(own, Entry{At: p.From, Kind: ClockSuspend}, Entry{At: p.To, Kind: ClockResume})
			last = p.To
		}
		if d := own.At(cal, last).Due; due.IsZero() || d.Before(due) {
			due = d
		}
	}
	return due
}
