package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// Action is something an actor wants to do with a case.
type Action struct {
	Name      string            // an outcome of the stage, or an action of the engine
	Version   int               // the version that was looked at; 0 acts on whatever stands
	Entered   time.Time         // when the stage that was looked at was entered; zero acts in whatever stay
	Key       string            // idempotency: a repeat returns the first answer
	Task      string            // which task, where the actor could mean several
	Reason    string            // where the outcome needs it, and for extend_review, terminate
	Appeal    string            // what the applicant can do if they disagree
	Note      string            // of comment, complete_task, resume
	Opinion   string            // of complete_task: agree, disagree
	Points    []Point           // of supplement: everything to correct, at once
	Procedure string            // of special_procedure
	Assignee  city.AccountID    // of assign
	Payload   any               // of supply: the corrected application, whole
	Verdict   string            // of an automatic outcome: the run that decided
	Bodies    []city.BodyID     // of whistle: whom to call
	Until     time.Time         // of suspend_ledger
	Params    map[string]string // what the outcome takes
	Step      string            // of progress
	Why       city.Text         // the program's own reason, in each language; people give Reason
}

const (
	maxWords  = 4000 // characters of one text
	maxPoints = 50
	maxCalled = 12 // bodies that one whistle calls
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
	if errors.Is(err, ErrAgain) {
		err = e.db.Update(ctx, step)
	}
	if errors.Is(err, ErrAgain) {
		return Case{}, conflict(err)
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
		Procedure: a.Procedure, Assignee: a.Assignee, Verdict: a.Verdict, Bodies: a.Bodies, Until: a.Until, Step: a.Step,
		Words: Words{Reason: a.Reason, Note: a.Note, Points: a.Points, Appeal: a.Appeal, Why: a.Why}}
	st, _ := k.Stage(s.Stage)
	switch a.Name {
	case ActSupplement:
		r.AnswerBy = e.cal.Due(now, st.Allow.Supplement.Limit)
	case ActExtendReview:
		r.Limit = *st.Allow.ExtendReview
	case ActWhistle:
		r.AnswerBy = e.cal.Due(now, st.Allow.Whistle.Limit)
	case ActSupply:
		if a.Payload != nil {
			if r.Words.Payload, err = jsonOf(a.Payload); err != nil {
				return Case{}, err
			}
		}
	}
	effects := k.Effects[a.Name]
	if st != nil {
		if o, ok := st.outcome(a.Name); ok {
			effects, r.Params = o.Effects, a.Params
		}
	}
	if tx.Composed() && slices.ContainsFunc(effects, func(f Effect) bool { return !e.compose[f.Name] }) {
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
	moved := &c
	for i, f := range effects {
		with := make(map[string]string, len(f.With))
		for name, v := range f.With {
			with[name] = param(s.Params, v)
		}
		call := EffectCall{Key: fmt.Sprintf("%s/%d/%d", row.id, r.Seq, i), Case: *moved, Record: r, Actor: actor, With: with, moved: moved}
		if err := e.effects[f.Name](ctx, tx, call); err != nil {
			return Case{}, err
		}
	}
	return c, nil
}

// consider reads the case and checks everything that may speak against the
// action. What this transaction has made of the case already counts as it is. A
// composed step begins with the row that is remembered, if any; what would be
// refused on it is looked at again on the stored one. again is the answer where
// the action is a repeat.
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
		if !a.Entered.IsZero() && !a.Entered.Equal(row.state.Entered) {
			return city.Conflict("case.changed")
		}
		if t, err = allowed(k, &row.state, actor, a); err != nil {
			return err
		}
		if err := e.inTime(k, &row.state, a); err != nil {
			return err
		}
		return complete(k, &row.state, a)
	}
	if kept, ok := tx.Kept(keptRow(n)).(caseRow); ok && a.Key == "" {
		row = kept
		if err = may(); err == nil {
			err = fits()
		}
		return row, k, t, nil, err
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
// who comes too late hears "conflict" and not "not allowed". Superiors are the posts
// above those whose turn it is.
func (e *Engine) resource(k *Kind, row caseRow, verb string) access.Resource {
	var posts []city.PostID
	for _, st := range k.Stages {
		for _, t := range st.Tasks {
			posts = append(posts, city.PostID(param(row.state.Params, t.Body)+"."+param(row.state.Params, t.Post)))
		}
	}
	bodies := strings.Split(joinBodies(k, row.state.Params), ",")
	for _, t := range row.state.Tasks {
		if t.Called {
			posts, bodies = append(posts, t.Post), append(bodies, string(t.Body))
		}
	}
	var superiors []city.PostID
	if e.superior != nil {
		for _, t := range row.state.Working(k) {
			if above, ok := e.superior(t.Post); ok {
				superiors = append(superiors, above)
			}
		}
	}
	barred := make([]string, len(row.state.Barred))
	for i, a := range row.state.Barred {
		barred[i] = a.String()
	}
	return access.Resource{Type: "Case", ID: string(row.number), Region: row.region, Attrs: access.Attrs{
		"verb": verb, "kind": row.kind, "item": row.item, "stage": row.state.Stage, "body": row.body,
		"head": row.body + ".head", "bodies": bodies, "posts": posts, "superiors": superiors,
		"applicant": row.applicant, "firm": row.firm, "open": row.state.Open, "counter": row.state.Counter, "barred": barred,
	}}
}
