package casework

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/internal/db"
)

// allowed checks that the action fits the state, and finds the task it belongs
// to. Policies have been asked before.
func allowed(k *Kind, s *State, actor city.Actor, a Action) (Task, error) {
	if a.Name == ActComment {
		return Task{}, nil
	}
	if a.Name == ActReopen {
		if s.Open || k.Reopen == nil {
			return Task{}, city.Conflict("case.not_now")
		}
		return Task{}, nil
	}
	if !s.Open {
		return Task{}, city.Conflict("case.closed")
	}
	st, ok := k.Stage(s.Stage)
	if !ok {
		return Task{}, fmt.Errorf("casework: kind %s has no stage %q", k.ID, s.Stage)
	}
	switch a.Name {
	case ActSupply:
		if !s.Has(FlagSupplement) {
			return Task{}, city.Conflict("case.not_asked")
		}
		return Task{}, nil
	case ActWithdraw:
		if !st.Allow.Withdraw {
			return Task{}, city.Conflict("case.not_now")
		}
		return Task{}, nil
	case ActUrge, ActTerminate, ActOverdue, ActWarn:
		return Task{}, nil
	case ActReview:
		if s.Paused != ActSuspendLedger {
			return Task{}, city.Conflict("case.not_now")
		}
		return Task{}, nil
	case ActLapse:
		if !s.Has(FlagSupplement) || s.Has(FlagSupplementLapsed) {
			return Task{}, city.Conflict("case.not_now")
		}
		return Task{}, nil
	}
	if st.Rule != "" {
		if _, ok := st.outcome(a.Name); ok && actor.Kind == city.System {
			return Task{}, nil
		}
		return Task{}, city.Conflict("case.rule_first")
	}
	t, err := mine(k, s, actor, a)
	if err != nil {
		return t, err
	}
	switch a.Name {
	case ActClaim:
		if !t.Assignee.IsZero() {
			return t, city.Conflict("case.taken")
		}
		return t, s.unfit(st, t, actor.Account)
	case ActAssign:
		if slices.Contains(s.Barred, a.Assignee) {
			return t, city.Conflict("case.barred")
		}
		return t, s.unfit(st, t, a.Assignee)
	case ActRelease:
		if t.Assignee.IsZero() || t.Assignee != actor.Account && actor.Kind != city.System {
			return t, city.Conflict("case.not_yours")
		}
		return t, nil
	}
	if !t.Assignee.IsZero() && t.Assignee != actor.Account {
		return t, city.Conflict("case.taken")
	}
	if t.Called {
		return t, calledUp(t, a.Name)
	}
	switch a.Name {
	case ActResume:
		if s.Paused == "" || s.Paused == ActSupplement {
			return t, city.Conflict("case.not_paused")
		}
		return t, nil
	}
	if s.Paused != "" {
		if s.Paused == ActSupplement {
			return t, city.Conflict("case.waits_for_applicant")
		}
		return t, city.Conflict("case.paused")
	}
	switch a.Name {
	case ActCheckIn:
		return t, city.Conflict("case.not_your_task")
	case ActWhistle:
		if st.Allow.Whistle == nil {
			return t, city.Conflict("case.not_now")
		}
	case ActSuspendLedger:
		if st.Allow.SuspendLedger == nil {
			return t, city.Conflict("case.not_now")
		}
	case ActProgress:
		if len(st.Allow.Progress) == 0 {
			return t, city.Conflict("case.not_now")
		}
		if s.movedBy(st, t, actor.Account) {
			return t, city.Conflict("case.own_work")
		}
	case ActSupplement:
		if st.Allow.Supplement == nil {
			return t, city.Conflict("case.not_now")
		}
		if s.Asked {
			return t, city.Conflict("case.asked_once")
		}
	case ActSpecialProcedure:
		if len(st.Allow.SpecialProcedure) == 0 {
			return t, city.Conflict("case.not_now")
		}
	case ActExtendReview:
		if st.Allow.ExtendReview == nil || !s.running() {
			return t, city.Conflict("case.not_now")
		}
		if s.Has(FlagExtended) {
			return t, city.Conflict("case.extended_once")
		}
	case ActCompleteTask:
		if st.Next == "" {
			return t, city.Conflict("case.not_now")
		}
		if s.SpeaksForAnother(t, actor.Account) {
			return t, city.Conflict("case.two_offices")
		}
	default:
		o, ok := st.outcome(a.Name)
		if !ok {
			return t, city.Conflict("case.not_now")
		}
		if slices.ContainsFunc(o.Unless, s.Has) {
			return t, city.Conflict("case.only_once")
		}
		if slices.ContainsFunc(s.Tasks, func(t Task) bool { return t.Called && !t.Done }) {
			return t, city.Conflict("case.whistle_open")
		}
		if s.movedBy(st, t, actor.Account) {
			return t, city.Conflict("case.own_work")
		}
		if o.After != "" && !slices.Contains(s.Procedures, o.After) {
			return t, city.Conflict("case.first", "procedure", procedureName(o.After))
		}
	}
	return t, nil
}

// mine finds the working task that the actor means. The program itself, and
// somebody who only assigns, may mean any.
func mine(k *Kind, s *State, actor city.Actor, a Action) (Task, error) {
	anyPost := actor.Kind == city.System || a.Name == ActAssign
	var other bool
	for _, t := range s.Working(k) {
		if a.Task != "" && t.ID != a.Task || !concerns(a.Name, t) {
			continue
		}
		if anyPost || actor.Holds(t.Post) {
			if t.Assignee.IsZero() || t.Assignee == actor.Account || a.Task != "" || anyPost {
				return t, nil
			}
		}
		other = true
	}
	if other { // a task stands, held by somebody else or of another post
		for _, t := range s.Working(k) {
			if actor.Holds(t.Post) {
				return t, city.Conflict("case.taken")
			}
		}
	}
	for _, t := range s.Tasks {
		if actor.Holds(t.Post) && t.Done {
			return t, city.Conflict("case.task_done")
		}
	}
	return Task{}, city.Conflict("case.not_your_task")
}

// concerns reports whether the action can be about the task: those whom a whistle
// called check in and sign off, and leave the stage's decisions to others.
func concerns(action string, t Task) bool {
	switch action {
	case ActClaim, ActRelease, ActAssign, ActCompleteTask:
		return true
	}
	return t.Called == (action == ActCheckIn)
}

// calledUp says what speaks against an action on a task that a whistle called.
func calledUp(t Task, action string) error {
	if action == ActCheckIn && !t.In.IsZero() {
		return city.Conflict("case.checked_in")
	}
	if action == ActCompleteTask && t.In.IsZero() {
		return city.Conflict("case.check_in_first")
	}
	return nil
}

// movedBy reports whether somebody moved the case on from a stage whose work the
// task judges.
func (s *State) movedBy(st *Stage, t Task, who city.AccountID) bool {
	i := slices.IndexFunc(st.Tasks, func(d TaskDef) bool { return d.ID == t.ID })
	return i >= 0 && !who.IsZero() && slices.ContainsFunc(st.Tasks[i].Not, func(stage string) bool { return s.Movers[stage] == who })
}

// unfit says why somebody can't have the task: they have the part of another
// office, or would judge their own work.
func (s *State) unfit(st *Stage, t Task, who city.AccountID) error {
	switch {
	case s.SpeaksForAnother(t, who):
		return city.Conflict("case.two_offices")
	case s.movedBy(st, t, who):
		return city.Conflict("case.own_work")
	}
	return nil
}

// inTime checks what depends on the moment.
func (e *Engine) inTime(k *Kind, s *State, a Action) error {
	now := e.now()
	switch a.Name {
	case ActReopen:
		if now.After(e.cal.Due(s.ClosedAt, k.Reopen.Within)) {
			return city.Conflict("case.reopen_late")
		}
	case ActProgress:
		st, _ := k.Stage(s.Stage)
		if n := len(st.Allow.Progress) - len(st.ahead(s.Progress)); slices.ContainsFunc(st.Allow.Progress[:n], func(p Progress) bool { return p.ID == a.Step }) {
			return city.Conflict("case.only_once")
		}
	case ActSuspendLedger:
		st, _ := k.Stage(s.Stage)
		if last := e.cal.Due(now, *st.Allow.SuspendLedger); !a.Until.After(now) || a.Until.After(last) {
			return city.InvalidFields([]city.Field{{Name: "until", Message: city.Message{Key: "case.needs.until", Args: []any{"last", last.In(e.cal.Zone)}}}})
		}
	}
	return nil
}

// complete checks what the action has to say.
func complete(k *Kind, s *State, a Action) error {
	var fs []city.Field
	need := func(name, text string) {
		if strings.TrimSpace(text) == "" {
			fs = append(fs, city.Field{Name: name, Message: city.Message{Key: "case.needs." + name}})
		}
	}
	short := func(name, text string) {
		if utf8.RuneCountInString(text) > maxWords {
			fs = append(fs, city.Field{Name: name, Message: city.Message{Key: "case.too_long", Args: []any{"max", maxWords}}})
		}
	}
	st, ok := k.Stage(s.Stage)
	if ok {
		if o, ok := st.outcome(a.Name); ok {
			if slices.Contains(o.Needs, "reason") {
				need("reason", a.Reason)
			}
			if slices.Contains(o.Needs, "appeal") {
				need("appeal", a.Appeal)
			}
			for _, name := range o.Takes {
				need(name, a.Params[name])
				if _, err := city.ParseLimit(a.Params[name]); err != nil && a.Params[name] != "" && k.isLimit(name) {
					fs = append(fs, city.Field{Name: name, Message: city.Message{Key: "case.needs.limit"}})
				}
				if list := o.Choices[name]; list != nil && a.Params[name] != "" && !slices.ContainsFunc(list, func(c Choice) bool { return c.ID == a.Params[name] }) {
					fs = append(fs, city.Field{Name: name, Message: city.Message{Key: "case.needs.choice"}})
				}
			}
			for name, v := range a.Params {
				if !slices.Contains(o.Takes, name) {
					fs = append(fs, city.Field{Name: name, Message: city.Message{Key: "case.takes_no", Args: []any{"name", name}}})
				}
				short(name, v)
			}
		}
	}
	switch a.Name {
	case ActComment:
		need("note", a.Note)
	case ActExtendReview, ActTerminate, ActSuspendLedger, ActReopen:
		need("reason", a.Reason)
	case ActWhistle:
		if len(a.Bodies) == 0 || len(a.Bodies) > maxCalled || slices.Contains(a.Bodies, "") {
			fs = append(fs, city.Field{Name: "bodies", Message: city.Message{Key: "case.needs.bodies", Args: []any{"max", maxCalled}}})
		}
		need("note", a.Note)
	case ActSupplement:
		if len(a.Points) == 0 || len(a.Points) > maxPoints {
			fs = append(fs, city.Field{Name: "points", Message: city.Message{Key: "case.needs.points"}})
		}
		for i, p := range a.Points {
			if strings.TrimSpace(p.Text) == "" {
				fs = append(fs, city.Field{Name: fmt.Sprintf("points.%d", i), Message: city.Message{Key: "case.needs.points"}})
			}
			short(fmt.Sprintf("points.%d", i), p.Text)
		}
	case ActSpecialProcedure:
		if !slices.Contains(st.Allow.SpecialProcedure, a.Procedure) {
			fs = append(fs, city.Field{Name: "procedure", Message: city.Message{Key: "case.needs.procedure"}})
		}
	case ActProgress:
		if _, ok := st.progress(a.Step); !ok {
			fs = append(fs, city.Field{Name: "step", Message: city.Message{Key: "case.needs.step"}})
		}
	case ActCompleteTask:
		if a.Opinion != "agree" && a.Opinion != "disagree" {
			fs = append(fs, city.Field{Name: "opinion", Message: city.Message{Key: "case.needs.opinion"}})
		}
		if a.Opinion == "disagree" {
			need("note", a.Note)
		}
	case ActAssign:
		if a.Assignee.IsZero() {
			fs = append(fs, city.Field{Name: "assignee", Message: city.Message{Key: "case.needs.assignee"}})
		}
	}
	short("reason", a.Reason)
	short("note", a.Note)
	short("appeal", a.Appeal)
	if len(fs) > 0 {
		return city.InvalidFields(fs)
	}
	return nil
}

func procedureName(p string) city.Text {
	t, _ := city.LookupText("case.procedure." + p)
	return t
}

// Option is an action that an actor can take now.
type Option struct {
	Action     string
	Label      city.Text
	Task       string
	Needs      []string            // fields to give: reason, appeal, note, points, procedure, opinion
	Wants      []string            // texts that may be given: reason, note
	Procedures []string            // of special_procedure
	Takes      []string            // parameters to give
	Choices    map[string][]Choice // the only values of some of them
	Steps      []Progress          // of progress: those that are still to come
	Refuses    bool                // ends the case against the applicant
}

// Options lists what the actor can do with the case now, the stage's own
// outcomes first.
func (e *Engine) Options(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Option, error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	return e.options(ctx, tx, actor, row)
}

func (e *Engine) options(ctx context.Context, tx *db.Tx, actor city.Actor, row caseRow) ([]Option, error) {
	k, err := e.version(ctx, tx, row.kind, row.version)
	if err != nil {
		return nil, err
	}
	var out []Option
	try := func(name string, label city.Text, o Option) {
		t, err := allowed(k, &row.state, actor, Action{Name: name})
		if err != nil || name == ActReopen && e.inTime(k, &row.state, Action{Name: name}) != nil ||
			!e.access.Decide(actor, "case.act", e.resource(k, row, name)).Allowed {
			return
		}
		o.Action, o.Label, o.Task = name, label, t.ID
		out = append(out, o)
	}
	st, _ := k.Stage(row.state.Stage)
	if st != nil && st.Rule == "" {
		for _, o := range st.Outcomes {
			try(o.Action, o.Label, Option{Needs: o.Needs, Wants: o.Wants, Takes: o.Takes, Choices: o.Choices, Refuses: o.Result == "refused" || o.Result == "not_accepted"})
		}
	}
	for _, name := range []string{ActSupply, ActReopen, ActProgress, ActCheckIn, ActCompleteTask, ActResume, ActSpecialProcedure, ActSupplement, ActWhistle, ActSuspendLedger, ActExtendReview, ActClaim, ActRelease, ActAssign, ActWithdraw, ActTerminate, ActUrge, ActComment} {
		label, _ := city.LookupText("case.action." + name)
		o := Option{Needs: needs[name]}
		if name == ActSpecialProcedure && st != nil {
			o.Procedures = st.Allow.SpecialProcedure
		}
		if name == ActProgress && st != nil {
			o.Steps = st.ahead(row.state.Progress)
		}
		try(name, label, o)
	}
	return out, nil
}

var needs = map[string][]string{
	ActCompleteTask: {"opinion", "note"}, ActSpecialProcedure: {"procedure", "note"}, ActSupplement: {"points"},
	ActExtendReview: {"reason"}, ActTerminate: {"reason"}, ActComment: {"note"}, ActAssign: {"assignee"}, ActResume: {"note"},
	ActWhistle: {"bodies", "note"}, ActSuspendLedger: {"until", "reason"}, ActReopen: {"reason"}, ActProgress: {"step"},
}
