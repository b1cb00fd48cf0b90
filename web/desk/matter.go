package desk

import (
	"context"
	"net/http"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Matter is a case as an officer sees it.
type Matter struct {
	Number  city.CaseNumber
	Name    city.Text
	Subject string
	Channel city.Text
	Sent    time.Time
	Tags    []web.Tagged
	Stands  city.Message // where it stands, who acts next, by when
	Erased  bool

	Said     *Said // what the officer has just done
	Next     string
	Conflict *Conflict

	Complaint *Complaint
	Streets   *Streets
	Checked   string       // at the counter: who came, "self" or "proxy"
	Asked     []Correction // the correction that is being waited for
	Parts     []Part
	Papers    []Paper
	Verdicts  []Verdict
	Opinions  []Opinion
	Licences  []LicenceLine
	Related   []Related
	Told      []Telling
	Events    []Event
	Notes     []Note
	Ledger    Ledger
	Steps     Steps

	at place
}

// Conflict is why an action was not taken, with what the officer had typed.
type Conflict struct {
	Why   city.Message
	Typed []Said // where the action can't be taken any more
}

// Opinion is the part of one post in a step that several share.
type Opinion struct {
	Who     city.Text
	State   web.State
	Word    city.Text
	Working bool // its turn has come
}

// Related is another case that belongs to this one.
type Related struct {
	Number  city.CaseNumber
	Name    city.Text
	Subject string
	Stage   city.Text
	Left    web.Left
	Parent  bool
	Href    string
}

// LicenceLine is a licence that the case has given.
type LicenceLine struct {
	Name   city.Text
	Number string
	Status web.Tagged
	Href   string
}

// purpose is what a look from the desk is for, as the person reads it.
const purpose = "purpose.handle"

// visit is one officer's visit to one case: what the handlers of a case share.
type visit struct {
	actor  city.Actor
	at     place
	number city.CaseNumber
}

func (d *Desk) visitOf(r *http.Request) (visit, error) {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	return visit{actor: d.Actor(r), at: placeOf(r), number: n}, err
}

// opened is a case with everything around it, read in one snapshot.
type opened struct {
	c       casework.Case
	inbox   Inbox
	matter  Matter
	records []casework.Record
	options []casework.Option
	item    serviceitem.Item
}

// open reads a case for the officer. The look is on record before anything is
// shown.
func (d *Desk) open(ctx context.Context, v visit) (*opened, error) {
	err := d.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := d.Cases.Look(ctx, tx, v.actor, v.number, purpose)
		return err
	})
	if err != nil {
		return nil, err
	}
	var o *opened
	err = d.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		o, err = d.read(ctx, tx, v)
		return err
	})
	return o, err
}

func (d *Desk) read(ctx context.Context, tx *db.Tx, v visit) (*opened, error) {
	o := &opened{}
	f, err := d.Cases.CaseFile(ctx, tx, v.actor, v.number)
	if err != nil {
		return nil, err
	}
	o.c, o.records, o.options = f.Case, f.Records, f.Options
	if o.inbox, err = d.inbox(ctx, tx, v.actor, v.at, v.number); err != nil {
		return nil, err
	}
	o.item, _ = d.item(o.c.Item)
	if err := d.fill(ctx, tx, v, o); err != nil {
		return nil, err
	}
	return o, nil
}

// fill makes the matter of what was read.
func (d *Desk) fill(ctx context.Context, tx *db.Tx, v visit, o *opened) (err error) {
	c, now := o.c, web.ViewOf(ctx).Now
	m := &o.matter
	*m = Matter{Number: c.Number, Name: d.nameOf(c), Subject: d.subjectOf(ctx, c), Sent: c.OpenedAt, Tags: d.tags(c, now), Stands: d.stands(c, v.actor, now),
		Ledger: d.ledger(c, now), Opinions: d.opinions(o), at: v.at}
	if len(o.records) > 0 {
		m.Channel = channel(o.records[0].By.Channel)
		m.Erased = len(o.records[0].Words.Payload) == 0
	}
	label := d.fieldLabel(c.Item)
	m.Events, m.Notes = d.history(c, o.records, label, v.actor.Account)
	if c.State.Has(casework.FlagSupplement) {
		for i := len(o.records) - 1; i >= 0 && m.Asked == nil; i-- {
			for _, p := range o.records[i].Words.Points {
				m.Asked = append(m.Asked, Correction{Field: label(p.Field), Text: p.Text})
			}
		}
	}
	if err := d.application(ctx, tx, m, o.records); err != nil {
		return err
	}
	if m.Streets, err = d.streets(ctx, tx, v, o); err != nil {
		return err
	}
	if err := d.complaint(ctx, tx, v, m, o.records); err != nil {
		return err
	}
	runs, err := d.Algorithms.RunsOf(ctx, tx, v.actor, c.Number)
	if unlessForbidden(err) != nil {
		return err
	}
	for i := len(runs) - 1; i >= 0; i-- {
		said, err := d.verdict(ctx, runs[i])
		if err != nil {
			return err
		}
		m.Verdicts = append(m.Verdicts, said)
	}
	list, err := d.Credentials.ByCase(ctx, tx, v.actor, c.Number)
	if err != nil {
		return err
	}
	for _, l := range list {
		m.Licences = append(m.Licences, LicenceLine{Name: l.Name, Number: string(l.Number), Status: licenceTag(l.Status),
			Href: LicencePath(string(l.Number), "", c.Number)})
	}
	if m.Related, err = d.related(ctx, tx, v, c, now); err != nil {
		return err
	}
	if m.Told, err = d.told(ctx, tx, v.actor, c.Number); err != nil {
		return err
	}
	m.Steps = d.steps(o, v)
	return nil
}

// related are the case this one came from, and those that came from it.
func (d *Desk) related(ctx context.Context, tx *db.Tx, v visit, c casework.Case, now time.Time) ([]Related, error) {
	var list []casework.Case
	if !c.Parent.IsZero() {
		p, err := d.Cases.ByID(ctx, tx, v.actor, c.Parent)
		switch city.KindOf(err) {
		case "":
			list = append(list, p)
		case city.KindForbidden:
		default:
			return nil, err
		}
	}
	children, err := d.Cases.Children(ctx, tx, v.actor, c.ID)
	if err != nil {
		return nil, err
	}
	var out []Related
	for _, r := range append(list, children...) {
		rel := Related{Number: r.Number, Name: d.nameOf(r), Subject: d.subjectOf(ctx, r), Stage: r.StageName, Left: web.LeftOf(d.Cases.Calendar(), r, now),
			Parent: r.ID == c.Parent, Href: v.at.at(CasePath(r.Number, ""))}
		out = append(out, rel)
	}
	return out, nil
}

// tags are the state of a case at a glance.
func (d *Desk) tags(c casework.Case, now time.Time) []web.Tagged {
	s := &c.State
	state := web.StateWorking
	switch {
	case !c.Open && refuses(c.Result):
		state = web.StateRefused
	case !c.Open && (c.Result == "withdrawn" || c.Result == "terminated"):
		state = web.StateEnded
	case !c.Open:
		state = web.StateDone
	}
	tags := []web.Tagged{{State: state, Word: c.StageName}}
	if s.Has(casework.FlagOverdue) || c.Open && !c.Due.IsZero() && now.After(c.Due) {
		tags = append(tags, web.Tagged{State: web.StateOverdue, Word: web.Words("desk.tag.overdue")})
	}
	switch {
	case s.Has(casework.FlagSupplementLapsed):
		tags = append(tags, web.Tagged{State: web.StateOverdue, Word: web.Words("desk.tag.lapsed")})
	case s.Paused == casework.ActSupplement:
		tags = append(tags, web.Tagged{State: web.StatePaused, Word: web.Words("desk.tag.supplement")})
	case s.Paused != "":
		tags = append(tags, web.Tagged{State: web.StatePaused, Word: web.Words("desk.tag.paused", "why", pauseReason(s.Paused))})
	}
	if s.Has(casework.FlagExtended) {
		tags = append(tags, web.Tagged{State: web.StateWaiting, Word: web.Words("desk.tag.extended")})
	}
	if s.Has(casework.FlagUrged) {
		tags = append(tags, web.Tagged{State: web.StateWaiting, Word: web.Words("desk.tag.urged")})
	}
	return tags
}

// stands says in one sentence where the case stands, who acts next and by when.
func (d *Desk) stands(c casework.Case, actor city.Actor, now time.Time) city.Message {
	s := &c.State
	var posts []city.Text
	mine, free := false, false
	for _, t := range c.Working {
		posts = append(posts, d.postName(t.Post))
		if actor.Holds(t.Post) {
			mine = mine || t.Assignee == actor.Account && !t.Assignee.IsZero()
			free = free || t.Assignee.IsZero() && !s.SpeaksForAnother(t, actor.Account)
		}
	}
	args := []any{"who", joined(posts), "due", c.Due, "stage", c.StageName, "by", s.AnswerBy, "at", c.ClosedAt}
	say := func(key string) city.Message { return city.Message{Key: key, Args: args} }
	switch {
	case !c.Open:
		return say("desk.stands.closed")
	case s.Has(casework.FlagSupplementLapsed):
		return say("desk.stands.lapsed")
	case s.Paused == casework.ActSupplement:
		return say("desk.stands.supplement")
	case s.Paused != "":
		return city.Message{Key: "desk.stands.paused", Args: append(args, "why", pauseReason(s.Paused))}
	case len(posts) == 0:
		return say("desk.stands.rule")
	case c.Due.IsZero() && (mine || free):
		return say("desk.stands.yours")
	case c.Due.IsZero():
		return say("desk.stands.theirs")
	case now.After(c.Due):
		if mine || free {
			return say("desk.stands.yours.late")
		}
		return say("desk.stands.theirs.late")
	case mine || free:
		return say("desk.stands.yours.due")
	}
	return say("desk.stands.theirs.due")
}

// opinions show who has said what in a step that several posts share.
func (d *Desk) opinions(o *opened) []Opinion {
	if len(o.c.State.Tasks) < 2 {
		return nil
	}
	working := map[string]bool{}
	for _, t := range o.c.Working {
		working[t.ID] = true
	}
	var out []Opinion
	for _, t := range o.c.State.Tasks {
		op := Opinion{Who: d.postName(t.Post), State: web.StateWaiting, Word: web.Words("desk.opinion.open"), Working: working[t.ID]}
		switch {
		case t.Done && t.Opinion == "disagree":
			op.State, op.Word = web.StateRefused, web.Words("desk.opinion.disagree")
		case t.Done:
			op.State, op.Word = web.StateDone, web.Words("desk.opinion.agree")
		case !t.Assignee.IsZero():
			op.State, op.Word = web.StateWorking, web.Words("desk.opinion.taken")
		case !op.Working:
			op.State, op.Word = web.StateDraft, web.Words("desk.opinion.later")
		}
		out = append(out, op)
	}
	return out
}
