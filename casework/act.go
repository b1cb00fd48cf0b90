package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// Action is something an actor wants to do with a case.
type Action struct {
	Name      string         // an outcome of the stage, or an action of the engine
	Version   int            // the version that was looked at; 0 acts on whatever stands
	Key       string         // idempotency: a repeat returns the first answer
	Task      string         // which task, where the actor could mean several
	Reason    string         // where the outcome needs it, and for extend_review, terminate
	Appeal    string         // what the applicant can do if they disagree
	Note      string         // of comment, complete_task, resume
	Opinion   string         // of complete_task: agree, disagree
	Points    []Point        // of supplement: everything to correct, at once
	Procedure string         // of special_procedure
	Assignee  city.AccountID // of assign
	Payload   any            // of supply: the corrected application, whole
	Verdict   string         // of an automatic outcome: the run that decided
}

const (
	maxWords  = 4000 // characters of one text
	maxPoints = 50
)

// Do acts in a transaction of its own and is what faces call: it turns two
// people's race into city.KindConflict, whoever of them was slower.
func (e *Engine) Do(ctx context.Context, actor city.Actor, n city.CaseNumber, a Action) (c Case, err error) {
	step := func(ctx context.Context, tx *db.Tx) error {
		c, err = e.Act(ctx, tx, actor, n, a)
		return err
	}
	_, remembered := e.rows.get(n)
	if err = e.db.Step(ctx, step); errors.Is(err, db.ErrDuplicate) && remembered {
		e.rows.forget(n) // another node may have moved the case on
		err = e.db.Step(ctx, step)
	}
	if errors.Is(err, db.ErrDuplicate) {
		if a.Key != "" { // perhaps it was our own repeat that won
			var again *Case
			if e.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				_, _, _, again, err = e.consider(ctx, tx, actor, n, a)
				return err
			}) == nil && again != nil {
				return *again, nil
			}
		}
		return Case{}, conflict(err)
	}
	if err != nil {
		return Case{}, err
	}
	return c, nil
}

func conflict(cause error) error {
	e := city.Conflict("case.changed")
	e.Err = cause
	return e
}

// Act moves the case on in the caller's transaction. Every condition is checked
// here, at the moment of action: what no longer fits is city.KindConflict with
// the reason. Where a race is lost only at the commit, Update returns
// db.ErrDuplicate; Do translates it.
func (e *Engine) Act(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, a Action) (Case, error) {
	row, k, task, again, err := e.consider(ctx, tx, actor, n, a)
	if err != nil {
		return Case{}, err
	}
	if again != nil {
		return *again, nil
	}
	s := &row.state
	now := e.now()
	r := Record{Seq: s.Seq + 1, At: now, Action: a.Name, Stage: s.Stage, By: byOf(actor, task.Post), Task: task.ID, Opinion: a.Opinion,
		Procedure: a.Procedure, Assignee: a.Assignee, Verdict: a.Verdict,
		Words: Words{Reason: a.Reason, Note: a.Note, Points: a.Points, Appeal: a.Appeal}}
	st, _ := k.Stage(s.Stage)
	switch a.Name {
	case ActSupplement:
		r.AnswerBy = e.cal.Due(now, st.Allow.Supplement.Limit)
	case ActExtendReview:
		r.Limit = *st.Allow.ExtendReview
	case ActSupply:
		if a.Payload != nil {
			if r.Words.Payload, err = jsonOf(a.Payload); err != nil {
				return Case{}, err
			}
		}
	}
	var effects []Effect
	if st != nil {
		if o, ok := st.outcome(a.Name); ok {
			effects = o.Effects
		}
	}
	if len(effects) > 0 && tx.Composed() {
		return Case{}, db.ErrNotComposed
	}
	row.state = apply(k, row.state, r)
	key := ""
	if a.Key != "" {
		key = actKey(row.id, a.Key)
	}
	if err := e.write(ctx, tx, k, &row, r, key, key != ""); err != nil {
		return Case{}, err
	}
	c := e.view(k, row)
	if err := e.announce(ctx, tx, actor, k, c, r, nil); err != nil {
		return Case{}, err
	}
	for i, f := range effects {
		with := make(map[string]string, len(f.With))
		for name, v := range f.With {
			with[name] = param(s.Params, v)
		}
		call := EffectCall{Key: fmt.Sprintf("%s/%d/%d", row.id, r.Seq, i), Case: c, Record: r, Actor: actor, With: with}
		if err := e.effects[f.Name](ctx, tx, call); err != nil {
			return Case{}, err
		}
	}
	return c, nil
}

// consider reads the case and checks everything that may speak against the
// action. A composed step begins with the row that is remembered, if any; what
// would be refused on it is looked at again on the stored one. again is the
// answer where the action is a repeat.
func (e *Engine) consider(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, a Action) (row caseRow, k *Kind, t Task, again *Case, err error) {
	may := func() (err error) {
		if k, err = e.version(ctx, tx, row.kind, row.version); err != nil {
			return err
		}
		return e.access.Ask(ctx, actor, "case.act", e.resource(k, row, a.Name))
	}
	fits := func() (err error) {
		if a.Version != 0 && a.Version != row.state.Seq {
			return city.Conflict("case.changed")
		}
		if t, err = allowed(k, &row.state, actor, a); err != nil {
			return err
		}
		return complete(k, &row.state, a)
	}
	if tx.Composed() {
		var ok bool
		if row, ok = e.rows.get(n); ok && may() == nil && fits() == nil {
			return row, k, t, nil, nil
		}
	}
	if row, err = caseByNumber(ctx, tx, n); err != nil {
		return row, k, t, nil, err
	}
	if err := may(); err != nil {
		return row, k, t, nil, err
	}
	if a.Key != "" {
		c, err := e.replay(ctx, tx, k, row, a.Key)
		if !errors.Is(err, db.ErrNoRows) {
			return row, k, t, &c, err
		}
	}
	return row, k, t, nil, fits()
}

func actKey(id city.CaseID, key string) string { return "act:" + id.String() + ":" + key }

// replay answers a repeated action with the state that the first call led to, or
// with db.ErrNoRows where it is the first.
func (e *Engine) replay(ctx context.Context, tx *db.Tx, k *Kind, row caseRow, key string) (Case, error) {
	_, seq, err := findKey(ctx, tx, actKey(row.id, key))
	if err != nil {
		return Case{}, err
	}
	records, err := actionsOf(ctx, tx, row.id, seq)
	if err != nil {
		return Case{}, err
	}
	row.state = foldStored(k, records)
	row.derive(k, e.cal)
	return e.view(k, row), nil
}

func foldStored(k *Kind, records []storedRecord) State {
	plain := make([]Record, len(records))
	for i, r := range records {
		plain[i] = r.Record
	}
	return Fold(k, plain)
}

// resource describes a case to the policies. Its posts are those of every task
// the kind has: whose turn it is now is for the engine to say, so that somebody
// who comes too late hears "conflict" and not "not allowed".
func (e *Engine) resource(k *Kind, row caseRow, verb string) access.Resource {
	var posts []city.PostID
	for _, st := range k.Stages {
		for _, t := range st.Tasks {
			posts = append(posts, city.PostID(param(row.state.Params, t.Body)+"."+param(row.state.Params, t.Post)))
		}
	}
	barred := make([]string, len(row.state.Barred))
	for i, a := range row.state.Barred {
		barred[i] = a.String()
	}
	return access.Resource{Type: "Case", ID: string(row.number), Region: row.region, Attrs: access.Attrs{
		"verb": verb, "kind": row.kind, "item": row.item, "stage": row.state.Stage, "body": row.body,
		"head": row.body + ".head", "bodies": strings.Split(joinBodies(k, row.state.Params), ","), "posts": posts,
		"applicant": row.applicant, "firm": row.firm, "open": row.state.Open, "counter": row.state.Counter, "barred": barred,
	}}
}

// allowed checks that the action fits the state, and finds the task it belongs
// to. Policies have been asked before.
func allowed(k *Kind, s *State, actor city.Actor, a Action) (Task, error) {
	if a.Name == ActComment {
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
	case ActUrge, ActTerminate:
		return Task{}, nil
	case ActOverdue:
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
		if s.SpeaksForAnother(t, actor.Account) {
			return t, city.Conflict("case.two_offices")
		}
		return t, nil
	case ActAssign:
		if slices.Contains(s.Barred, a.Assignee) {
			return t, city.Conflict("case.barred")
		}
		if s.SpeaksForAnother(t, a.Assignee) {
			return t, city.Conflict("case.two_offices")
		}
		return t, nil
	case ActRelease:
		if t.Assignee != actor.Account {
			return t, city.Conflict("case.not_yours")
		}
		return t, nil
	}
	if !t.Assignee.IsZero() && t.Assignee != actor.Account {
		return t, city.Conflict("case.taken")
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
		if a.Task != "" && t.ID != a.Task {
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
		}
	}
	switch a.Name {
	case ActComment:
		need("note", a.Note)
	case ActExtendReview, ActTerminate:
		need("reason", a.Reason)
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
	Needs      []string // fields to give: reason, appeal, note, points, procedure, opinion
	Procedures []string // of special_procedure
	Refuses    bool     // ends the case against the applicant
}

// Options lists what the actor can do with the case now, the stage's own
// outcomes first.
func (e *Engine) Options(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Option, error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	k, err := e.version(ctx, tx, row.kind, row.version)
	if err != nil {
		return nil, err
	}
	var out []Option
	try := func(name string, label city.Text, o Option) {
		if !e.access.Decide(actor, "case.act", e.resource(k, row, name)).Allowed {
			return
		}
		t, err := allowed(k, &row.state, actor, Action{Name: name})
		if err != nil {
			return
		}
		o.Action, o.Label, o.Task = name, label, t.ID
		out = append(out, o)
	}
	st, _ := k.Stage(row.state.Stage)
	if st != nil && st.Rule == "" {
		for _, o := range st.Outcomes {
			try(o.Action, o.Label, Option{Needs: o.Needs, Refuses: o.Result == "refused" || o.Result == "not_accepted"})
		}
	}
	for _, name := range []string{ActSupply, ActCompleteTask, ActResume, ActSpecialProcedure, ActSupplement, ActExtendReview, ActClaim, ActRelease, ActAssign, ActWithdraw, ActTerminate, ActUrge, ActComment} {
		label, _ := city.LookupText("case.action." + name)
		o := Option{Needs: needs[name]}
		if name == ActSpecialProcedure && st != nil {
			o.Procedures = st.Allow.SpecialProcedure
		}
		try(name, label, o)
	}
	return out, nil
}

var needs = map[string][]string{
	ActCompleteTask: {"opinion", "note"}, ActSpecialProcedure: {"procedure", "note"}, ActSupplement: {"points"},
	ActExtendReview: {"reason"}, ActTerminate: {"reason"}, ActComment: {"note"}, ActAssign: {"assignee"}, ActResume: {"note"},
}
