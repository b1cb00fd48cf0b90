package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// play leads one case through its stages, as officers and applicants would. What
// happens follows from the case as it stands, its fate and its chance, so that a
// play can be taken up at any point.
type play struct {
	d     *Demo
	parts Parts
	rand  *rand.Rand
	it    *itemPlan
	def   serviceitem.Item
	goes  fate
	owner city.Actor // the applicant, acting for whom the case is
	now   time.Time  // of the last thing that happened
	// tardy is the stage, counted from 0, in which a slow case lies too long.
	tardy int
	stage int // stages entered so far
	seen  string
	left  *[]city.CaseNumber // takes the cases that are open in the end, when set
	// opened, when set, takes the cases that come of this one; otherwise they are
	// played to their end at once.
	opened func(city.CaseNumber)
}

// move is the next thing that happens in a case.
type move struct {
	at  time.Time
	by  city.Actor
	act casework.Action
	do  func(ctx context.Context, tx *db.Tx) (casework.Case, error) // in place of act
}

// run plays the case until it is over, waits for somebody outside, or the past
// ends. It moves the clock; everything happens in the caller's transaction.
func (p *play) run(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time) (casework.Case, error) {
	return p.lead(ctx, tx, c, until, p.next)
}

// lead is run with another who finds what happens next.
func (p *play) lead(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time, next func(context.Context, *db.Tx, casework.Case) (*move, error)) (casework.Case, error) {
	for c.Open {
		m, err := next(ctx, tx, c)
		if err != nil {
			return c, err
		}
		at := until.Add(time.Hour)
		if m != nil {
			at = m.at
		}
		if c, err = p.timer(ctx, tx, c, at, until); err != nil {
			return c, err
		}
		if at.After(until) {
			if p.left != nil {
				*p.left = append(*p.left, c.Number)
			}
			return c, nil
		}
		if c, err = p.take(ctx, tx, c, *m); err != nil {
			return c, fmt.Errorf("demo: %s %s, %s in %s: %w", c.Item, c.Number, m.act.Name, c.Stage, err)
		}
		p.now = m.at
	}
	return c, nil
}

// take makes a move.
func (p *play) take(ctx context.Context, tx *db.Tx, c casework.Case, m move) (casework.Case, error) {
	p.clock(m.at)
	if m.do != nil {
		return m.do(ctx, tx)
	}
	return p.parts.Cases.Act(ctx, tx, m.by, c.Number, m.act)
}

// clock moves the past; there is nothing to move in the present.
func (p *play) clock(t time.Time) {
	if p.parts.Clock == city.Clock(p.d.past) {
		p.d.past.Set(t)
	}
}

// timer does what time alone brought about before the next move.
func (p *play) timer(ctx context.Context, tx *db.Tx, c casework.Case, next, until time.Time) (casework.Case, error) {
	for {
		at, name := p.parts.Cases.Alarm(c)
		if at.IsZero() || at.After(next) || at.After(until) {
			return c, nil
		}
		if at.Before(p.now) {
			at = p.now
		}
		p.clock(at)
		var err error
		if c, err = p.parts.Cases.Act(ctx, tx, city.SystemActor("timer"), c.Number, casework.Action{Name: name, Version: c.Version}); err != nil {
			return c, err
		}
		p.now = at
	}
}

// next finds what happens next in the case; nil when it waits for somebody whom
// the demonstration doesn't play.
func (p *play) next(ctx context.Context, tx *db.Tx, c casework.Case) (*move, error) {
	k, ok := p.parts.Cases.Kind(c.Kind)
	if !ok {
		return nil, fmt.Errorf("demo: no kind %q", c.Kind)
	}
	st, ok := k.Stage(c.Stage)
	if !ok {
		return nil, fmt.Errorf("demo: kind %s has no stage %q", c.Kind, c.Stage)
	}
	if entered := c.Stage + c.State.Entered.String(); entered != p.seen {
		p.seen = entered
		p.stage++
	}
	switch {
	case st.Rule != "":
		return &move{at: p.now.Add(time.Duration(900+p.rand.IntN(2400)) * time.Millisecond), do: func(ctx context.Context, tx *db.Tx) (casework.Case, error) {
			return p.parts.Items.DecideIn(ctx, tx, program, c.Number)
		}}, nil
	case c.State.Has(casework.FlagSupplement):
		return p.answer(ctx, tx, c)
	case p.goes == withdrawn && st.Allow.Withdraw && p.stage >= 2 && p.owner.Kind == city.Resident:
		return &move{at: p.waking(p.now.Add(time.Duration(4+p.rand.IntN(60)) * time.Hour)), by: p.owner, act: casework.Action{Name: casework.ActWithdraw}}, nil
	}
	if len(c.Working) == 0 {
		return nil, nil
	}
	t := c.Working[p.rand.IntN(len(c.Working))]
	by, err := p.officer(ctx, tx, c, t)
	if err != nil || by.Account.IsZero() {
		return nil, err
	}
	return p.work(ctx, tx, c, st, t, by)
}

// officer finds who works on the task: whoever has taken it, or somebody of the
// post. Nobody where a sign-in of the demonstration has it.
func (p *play) officer(ctx context.Context, tx *db.Tx, c casework.Case, t casework.Task) (city.Actor, error) {
	list, err := p.d.officersFor(ctx, tx, t.Post, c.Region)
	list = slices.DeleteFunc(list, func(o officer) bool { return slices.Contains(c.State.Barred, o.Account) })
	if err != nil || len(list) == 0 {
		return city.Actor{}, err
	}
	if t.Assignee.IsZero() {
		return list[p.rand.IntN(len(list))].Actor, nil
	}
	for _, o := range list {
		if o.Account == t.Assignee {
			return o.Actor, nil
		}
	}
	return city.Actor{}, nil
}

// work is what an officer does with a task.
func (p *play) work(ctx context.Context, tx *db.Tx, c casework.Case, st *casework.Stage, t casework.Task, by city.Actor) (*move, error) {
	act := func(at time.Time, a casework.Action) *move {
		a.Task = t.ID
		return &move{at: at, by: by, act: a}
	}
	span := p.span(c, st)
	switch {
	case c.State.Paused != "": // a special procedure
		return act(p.office(time.Duration(4+p.rand.IntN(16))*time.Hour), casework.Action{Name: casework.ActResume, Note: pick(p.rand, p.d.words.Said.Inspected)}), nil
	case t.Assignee.IsZero() && len(c.Working) == 1: // first somebody takes it and looks
		at := p.office(time.Duration(float64(span) * (0.1 + 0.5*p.rand.Float64())))
		if p.late(c) && p.rand.IntN(2) == 0 && at.Before(c.Due) { // nobody took it in time
			at = p.officeAfter(c.Due.Add(time.Duration(1+p.rand.IntN(6*24)) * time.Hour))
		}
		return &move{at: at, do: func(ctx context.Context, tx *db.Tx) (casework.Case, error) {
			if _, err := p.parts.Cases.Look(ctx, tx, by, c.Number, "purpose.handle"); err != nil {
				return c, err
			}
			return p.parts.Cases.Act(ctx, tx, by, c.Number, casework.Action{Name: casework.ActClaim, Task: t.ID})
		}}, nil
	}
	at := p.office(time.Duration(float64(span) * (0.1 + 0.4*p.rand.Float64())))
	if p.late(c) && at.Before(c.Due) {
		late := c.Due.Add(time.Duration(1+p.rand.IntN(3*24)) * time.Hour)
		if p.owner.Kind == city.Resident && !c.State.Has(casework.FlagUrged) && p.rand.IntN(3) == 0 {
			return &move{at: p.waking(late.Add(-time.Hour)), by: p.owner, act: casework.Action{Name: casework.ActUrge}}, nil
		}
		p.tardy = -1
		at = p.officeAfter(late)
	}
	said := p.d.words.Said
	switch {
	case st.Allow.Supplement != nil && !c.State.Asked && (p.goes == corrected || p.goes == lapsed):
		return act(at, casework.Action{Name: casework.ActSupplement, Points: p.points()}), nil
	case st.Allow.ExtendReview != nil && p.goes == extended && !c.State.Has(casework.FlagExtended) && running(c):
		return act(at, casework.Action{Name: casework.ActExtendReview, Reason: pick(p.rand, said.Extend)}), nil
	case len(st.Allow.SpecialProcedure) > 0 && len(c.State.Procedures) == 0 && (needsProcedure(st) || p.it != nil && p.rand.IntN(100) < p.it.Inspects):
		return act(at, casework.Action{Name: casework.ActSpecialProcedure, Procedure: st.Allow.SpecialProcedure[0]}), nil
	case st.Next != "":
		a := casework.Action{Name: casework.ActCompleteTask, Opinion: "agree", Note: pick(p.rand, said.Agree)}
		if p.goes == refused && p.rand.IntN(2) == 0 {
			a.Opinion, a.Note = "disagree", pick(p.rand, said.Disagree)
		}
		return act(at, a), nil
	}
	o := p.outcome(c, st)
	if o == nil {
		return nil, fmt.Errorf("demo: nothing can be decided in stage %s of kind %s", st.ID, c.Kind)
	}
	a := casework.Action{Name: o.Action}
	if slices.Contains(o.Needs, "reason") {
		a.Reason = p.reason(o)
	}
	if slices.Contains(o.Needs, "appeal") {
		if a.Appeal = p.def.Appeal.ZhHans; a.Appeal == "" {
			a.Appeal = said.Appeal
		}
	}
	return act(at, a), nil
}

// late reports whether this is the stage in which a slow case lies too long.
func (p *play) late(c casework.Case) bool {
	return p.goes == slow && p.stage-1 == p.tardy && !c.Due.IsZero()
}

// outcome is what the stage ends with: what the fate wants, what the lists say, or
// the first, which is the good one.
func (p *play) outcome(c casework.Case, st *casework.Stage) *casework.Outcome {
	with := map[fate]string{refused: "refused", notAccepted: "not_accepted", missed: "missed"}
	for i := range st.Outcomes {
		if r, ok := with[p.goes]; ok && st.Outcomes[i].Result == r {
			return &st.Outcomes[i]
		}
	}
	weights := p.d.words.Said.Choose[c.Kind][st.ID]
	k := 10 * p.rand.Float64()
	for i := range st.Outcomes {
		if k -= weights[st.Outcomes[i].Action]; len(weights) > 0 && k < 0 {
			return &st.Outcomes[i]
		}
	}
	if len(st.Outcomes) == 0 {
		return nil
	}
	return &st.Outcomes[0]
}

func (p *play) reason(o *casework.Outcome) string {
	if p.it != nil {
		switch {
		case o.Result == "refused" && len(p.it.Refuse) > 0:
			return pick(p.rand, p.it.Refuse)
		case o.Result == "not_accepted" && len(p.it.NotAccepted) > 0:
			return pick(p.rand, p.it.NotAccepted)
		}
	}
	if list := p.d.words.Said.Reasons[o.Action]; len(list) > 0 {
		return pick(p.rand, list)
	}
	return pick(p.rand, p.d.words.Said.Comment)
}

func (p *play) points() []casework.Point {
	n := 1 + p.rand.IntN(len(p.it.Points))
	var out []casework.Point
	for _, i := range p.rand.Perm(len(p.it.Points))[:n] {
		out = append(out, casework.Point{Field: p.it.Points[i].Field, Text: p.it.Points[i].Text})
	}
	return out
}

// answer is what comes of a request for correction: the applicant supplies, or
// never does and the head ends the case.
func (p *play) answer(ctx context.Context, tx *db.Tx, c casework.Case) (*move, error) {
	if p.goes == lapsed || c.State.Has(casework.FlagSupplementLapsed) {
		at := p.now
		if !c.State.AnswerBy.IsZero() {
			at = c.State.AnswerBy
		}
		list, err := p.d.officersFor(ctx, tx, city.PostID(string(c.Body)+".head"), c.Region)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return &move{at: p.officeAfter(at.Add(time.Duration(20+p.rand.IntN(50)) * time.Hour)), by: list[0].Actor,
			act: casework.Action{Name: casework.ActTerminate, Reason: pick(p.rand, p.d.words.Said.Terminate)}}, nil
	}
	if p.owner.Kind != city.Resident {
		return nil, nil
	}
	return &move{at: p.waking(p.now.Add(time.Duration(3+p.rand.IntN(90)) * time.Hour)), do: func(ctx context.Context, tx *db.Tx) (casework.Case, error) {
		return p.parts.Items.SupplyIn(ctx, tx, p.owner, c.Number, serviceitem.Correction{})
	}}, nil
}

// officeHours is how long a working day is.
const officeHours = 390 * time.Minute

// span is the office time that the stage has.
func (p *play) span(c casework.Case, st *casework.Stage) time.Duration {
	l := st.Limit
	if l.IsZero() {
		l = c.State.Promise
		l.N = max(1, l.N/3)
	}
	if l.IsZero() {
		return 2 * officeHours
	}
	switch l.Unit {
	case city.WorkingDays:
		return time.Duration(l.N) * officeHours
	case city.NaturalDays: // an appointment within a month or two is mostly one within the week
		return time.Duration(min(l.N, 9)) * officeHours
	}
	return time.Duration(l.N) * time.Hour
}

// office is the moment so much office time after the last thing that happened.
func (p *play) office(d time.Duration) time.Time {
	jitter := time.Duration(p.rand.IntN(50_000)) * time.Millisecond
	return p.parts.Cases.Calendar().AddOffice(p.now, max(d, 3*time.Minute)+jitter)
}

func (p *play) officeAfter(t time.Time) time.Time {
	return p.parts.Cases.Calendar().AddOffice(t, time.Duration(5+p.rand.IntN(90))*time.Minute)
}

// waking moves what somebody does at home out of the night.
func (p *play) waking(t time.Time) time.Time {
	t = t.In(p.d.now.Pack.Zone)
	if h := t.Hour(); h < 7 || h >= 23 {
		t = city.DateOf(t).In(p.d.now.Pack.Zone).Add(time.Duration(8*60+p.rand.IntN(13*60)) * time.Minute)
		if t.Before(p.now) {
			t = t.AddDate(0, 0, 1)
		}
	}
	return maxTime(t, p.now.Add(time.Minute))
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// running reports whether the promise of the case has begun and is not paused.
func running(c casework.Case) bool {
	n := len(c.State.Clock)
	return n > 0 && c.State.Paused == "" && c.State.Clock[n-1].Kind != casework.ClockStop
}

// needsProcedure reports whether an outcome of the stage comes after a procedure.
func needsProcedure(st *casework.Stage) bool {
	return slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool { return o.After != "" })
}
