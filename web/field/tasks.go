package field

import (
	"context"
	"net/http"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/web"
)

// Tasks is what waits for an officer: what they have taken first, then what their
// posts have, each the most urgent first.
type Tasks struct {
	Mine, Open []Line
	More       bool // there are more than are shown
	Shift      Shift
}

// Line is a task in the list.
type Line struct {
	Number  city.CaseNumber
	Name    city.Text
	Subject string
	Where   city.Text
	Stage   city.Text
	Left    web.Left
	Href    string
	Keep    bool // kept on the telephone, to be read without a signal
}

// Shift is whether the officer is on duty, and how they go on it.
type Shift struct {
	On    []OnDuty
	Posts []web.Option // to go on duty in
	Key   string
	Fault city.Message
}

// OnDuty is a shift that runs.
type OnDuty struct {
	Post  city.PostID
	Name  city.Text
	Until time.Time
}

const (
	shownMine = 30
	shownOpen = 30
	keptTasks = 12 // reading a matter is on record, so not all are fetched
)

func (p *Pages) tasks(ctx context.Context, tx *db.Tx, actor city.Actor) (t Tasks, err error) {
	mine, moreMine, err := p.inbox(ctx, tx, actor, casework.ScopeMine, shownMine)
	if err != nil {
		return t, err
	}
	open, moreOpen, err := p.inbox(ctx, tx, actor, casework.ScopePost, shownOpen)
	if err != nil {
		return t, err
	}
	t.Mine, t.Open, t.More = p.lines(ctx, mine), p.lines(ctx, open), moreMine || moreOpen
	for i := range t.Mine[:min(keptTasks, len(t.Mine))] {
		t.Mine[i].Keep = true
	}
	t.Shift, err = p.shift(ctx, tx, actor)
	return t, err
}

// inbox reads what waits, of all kinds that are dealt with outside, the most urgent
// first; what has no time runs last.
func (p *Pages) inbox(ctx context.Context, tx *db.Tx, actor city.Actor, scope casework.Scope, most int) (list []casework.Case, more bool, err error) {
	for _, kind := range p.Incidents.Kinds() {
		page, err := p.Cases.Inbox(ctx, tx, actor, casework.InboxQuery{Scope: scope, Kind: kind, Limit: most})
		if err != nil {
			return nil, false, err
		}
		list, more = append(list, page.Cases...), more || page.Next != ""
	}
	slices.SortStableFunc(list, func(a, b casework.Case) int {
		if a.Due.IsZero() != b.Due.IsZero() {
			if b.Due.IsZero() {
				return -1
			}
			return 1
		}
		return a.Due.Compare(b.Due)
	})
	return list[:min(most, len(list))], more || len(list) > most, nil
}

func (p *Pages) lines(ctx context.Context, cases []casework.Case) []Line {
	now := web.ViewOf(ctx).Now
	list := make([]Line, len(cases))
	for i, c := range cases {
		list[i] = Line{Number: c.Number, Name: p.className(c), Subject: c.Title, Where: p.Directory.RegionName(c.Region), Stage: p.stands(c),
			Left: web.LeftOf(p.Cases.Calendar(), c, now), Href: PathTasks + string(c.Number)}
	}
	return list
}

// className is what a matter is called: its class, once it has one.
func (p *Pages) className(c casework.Case) city.Text {
	if class, ok := p.Incidents.Class(c.Item); ok {
		return class.Name
	}
	return c.KindName
}

// stands is the stage, or how far somebody has come in it.
func (p *Pages) stands(c casework.Case) city.Text {
	if step, ok := p.progress(c); ok {
		return step.Name
	}
	return c.StageName
}

func (p *Pages) progress(c casework.Case) (casework.Progress, bool) {
	if k, ok := p.Cases.Kind(c.Kind); ok && c.State.Progress != "" {
		if st, ok := k.Stage(c.Stage); ok {
			if i := slices.IndexFunc(st.Allow.Progress, func(s casework.Progress) bool { return s.ID == c.State.Progress }); i >= 0 {
				return st.Allow.Progress[i], true
			}
		}
	}
	return casework.Progress{}, false
}

func (p *Pages) shift(ctx context.Context, tx *db.Tx, actor city.Actor) (s Shift, err error) {
	watches, err := p.Directory.Watches(ctx, tx, actor)
	if err != nil {
		return s, err
	}
	s.Key = city.NewEventID().String()
	for _, id := range actor.Posts {
		post, ok := p.Directory.Post(id)
		if !ok {
			continue
		}
		name := p.postName(post)
		if i := slices.IndexFunc(watches, func(w directory.Watch) bool { return w.Post == id }); i >= 0 {
			s.On = append(s.On, OnDuty{Post: id, Name: name, Until: watches[i].Until})
		} else {
			s.Posts = append(s.Posts, web.Option{Value: string(id), Label: name})
		}
	}
	return s, nil
}

func (p *Pages) postName(post directory.Post) city.Text {
	b, _ := p.Directory.Body(post.Body)
	return city.Text{ZhHans: b.Short.ZhHans + " " + post.Name.ZhHans, En: b.Short.En + ", " + post.Name.En}
}

func (p *Pages) tasksPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	return p.showTasks(w, r, actor, http.StatusOK, city.Message{})
}

func (p *Pages) showTasks(w http.ResponseWriter, r *http.Request, actor city.Actor, status int, fault city.Message) error {
	var t Tasks
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = p.tasks(ctx, tx, actor)
		return err
	})
	if err != nil {
		return err
	}
	t.Shift.Fault = fault
	return web.Render(w, r, status, tasksView(t))
}
