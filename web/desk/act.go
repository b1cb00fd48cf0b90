package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// maxForm bounds what one form of the desk may send.
const maxForm = 1 << 20

// typed is what an officer sent with an action.
type typed struct {
	sent   bool
	key    string
	words  map[string]string
	points []casework.Point
	takes  map[string]string // parameters of an outcome, by name
	bodies []string          // to call to the spot
	until  map[string]string // a day, by its parts
	more   int               // rows asked for beyond those filled in
}

// casePage shows a case with its next steps.
func (d *Desk) casePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	o, err := d.open(r.Context(), v)
	if err != nil {
		return err
	}
	if done := r.URL.Query().Get("done"); done != "" {
		o.matter.Said, o.matter.Next = d.said(o, v, done)
	}
	return d.show(w, r, http.StatusOK, v, o)
}

// said repeats what the officer has just done, if it is what stands last in the
// case; nobody else's link makes the page say anything.
func (d *Desk) said(o *opened, v visit, action string) (*Said, string) {
	for i := len(o.records) - 1; i >= 0 && i >= len(o.records)-2; i-- { // a rule may have followed at once
		r := o.records[i]
		if r.Action != action || r.By.Account != v.actor.Account || v.actor.Account.IsZero() {
			continue
		}
		k, _ := d.Cases.Kind(o.c.Kind)
		next := ""
		for _, row := range o.inbox.Rows {
			if row.Number != o.c.Number {
				next = row.Href
				break
			}
		}
		return &Said{What: web.Did(k, r)}, next
	}
	return nil, ""
}

func (d *Desk) show(w http.ResponseWriter, r *http.Request, status int, v visit, o *opened) error {
	return web.Render(w, r, status, casePage(d.frame(r.Context(), v.actor, "inbox", &o.inbox.Counts), o.inbox, o.matter))
}

// actionPage opens the form of an action beside the case.
func (d *Desk) actionPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	o, err := d.open(r.Context(), v)
	if err != nil {
		return err
	}
	op, ok := option(o, r.PathValue("action"))
	if !ok {
		o.matter.Conflict = &Conflict{Why: notNow(o.c)}
		return d.show(w, r, http.StatusConflict, v, o)
	}
	var before typed
	if into := r.URL.Query().Get("into"); slices.Contains(op.Takes, "into") {
		before.takes = map[string]string{"into": into} // chosen on the page
	}
	if err := d.openForm(r.Context(), v, o, op, before, nil); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, v, o)
}

func option(o *opened, action string) (casework.Option, bool) {
	i := slices.IndexFunc(o.options, func(op casework.Option) bool { return op.Action == action })
	if i < 0 {
		return casework.Option{}, false
	}
	return o.options[i], true
}

func notNow(c casework.Case) city.Message {
	if !c.Open {
		return city.Message{Key: "case.closed"}
	}
	return city.Message{Key: "case.not_now"}
}

// openForm puts the form of an option into the page.
func (d *Desk) openForm(ctx context.Context, v visit, o *opened, op casework.Option, t typed, faults []city.Field) error {
	var colleagues []colleague
	if op.Action == casework.ActAssign {
		err := d.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			colleagues, err = d.colleagues(ctx, tx, v.actor, o.c, op.Task)
			return err
		})
		if err != nil {
			return err
		}
	}
	f := d.stepForm(o, v, op, t, colleagues, web.ViewOf(ctx).Lang)
	f.Others = web.FaultsOf(f.Fields, pointFaults(f, t, faults), "")
	if op.Action == casework.ActComment {
		note := &o.matter.Steps.Note
		note.Fields, note.Others, note.Hidden = f.Fields, f.Others, f.Hidden
		return nil
	}
	o.matter.Steps.Form = f
	return nil
}

// colleague is somebody whom a case can be given to.
type colleague struct {
	account city.AccountID
	name    string
	duty    bool      // on duty now
	why     city.Text // how far they are and what they have in hand, of who is on duty
}

// colleagues are those on duty for a task, the best to send first, and then those
// who hold its post and cover the case's region.
func (d *Desk) colleagues(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, task string) ([]colleague, error) {
	var out []colleague
	if d.OnDuty != nil {
		list, err := d.OnDuty(ctx, tx, actor, c, task)
		if err != nil && city.KindOf(err) != city.KindForbidden { // who may assign, and not see where people are
			return nil, err
		}
		for _, o := range list {
			out = append(out, colleague{o.Account, o.Name, true, o.Why})
		}
	}
	for _, t := range c.Working {
		if t.ID != task {
			continue
		}
		held, err := d.Directory.OfficersOf(ctx, tx, t.Post, c.Region)
		if err != nil {
			return nil, err
		}
		for _, o := range held {
			a, ok, err := d.Identity.AccountOf(ctx, tx, o.Person, city.Officer)
			if err != nil {
				return nil, err
			}
			if !ok || a.ID == t.Assignee || slices.ContainsFunc(out, func(c colleague) bool { return c.account == a.ID }) {
				continue
			}
			name, err := d.Directory.PersonName(ctx, tx, o.Person)
			if err != nil {
				return nil, err
			}
			out = append(out, colleague{account: a.ID, name: name})
		}
	}
	return out, nil
}

// pointFaults puts faults of points to their rows and returns the others.
func pointFaults(f *StepForm, t typed, faults []city.Field) (rest []city.Field) {
	for _, x := range faults {
		n, isPoint := strings.CutPrefix(x.Name, "points")
		if !isPoint || len(f.Points) == 0 {
			rest = append(rest, x)
			continue
		}
		i, err := strconv.Atoi(strings.TrimPrefix(n, "."))
		if err != nil || i >= len(f.Points) {
			i = 0
		}
		f.Points[i].Text.Fault = x.Message
	}
	return rest
}

func pointName(i int, part string) string { return fmt.Sprintf("points.%d.%s", i, part) }

// readForm reads what an officer sent. Rows that say nothing are left out, and
// the others move up.
func readForm(form url.Values) (casework.Action, typed, error) {
	t := typed{sent: true, key: form.Get("key"), words: map[string]string{}}
	for _, name := range []string{"reason", "appeal", "note", "opinion", "procedure", "step", "assignee"} {
		t.words[name] = strings.TrimSpace(form.Get(name))
	}
	for i := 0; i < 60 && form.Has(pointName(i, "text")); i++ {
		p := casework.Point{Field: form.Get(pointName(i, "field")), Text: strings.TrimSpace(form.Get(pointName(i, "text")))}
		if p.Text != "" {
			t.points = append(t.points, p)
		}
	}
	if form.Has("more") {
		t.more = 3
	}
	a := casework.Action{Key: t.key, Task: form.Get("task"), Reason: t.words["reason"], Appeal: t.words["appeal"], Note: t.words["note"],
		Opinion: t.words["opinion"], Procedure: t.words["procedure"], Step: t.words["step"], Points: t.points}
	if s := form.Get("version"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return a, t, city.Invalid("error.cursor")
		}
		a.Version = n
	}
	if s := t.words["assignee"]; s != "" {
		if err := a.Assignee.UnmarshalJSON([]byte(strconv.Quote(s))); err != nil {
			a.Assignee = city.AccountID{} // the engine asks for one
		}
	}
	return a, t, nil
}

// act does what the officer asked for. What is refused comes back with the fresh
// case and everything that was typed.
func (d *Desk) act(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return formError(err)
	}
	a, t, err := readForm(r.PostForm)
	if err != nil {
		return err
	}
	readTakes(r.PostForm, &t, &a, d.Cases.Calendar().Zone)
	a.Name = r.PathValue("action")
	if a.Name == casework.ActComment {
		a.Version = 0 // a note fits whatever stands
	}
	if t.more == 0 {
		_, err = d.Cases.Do(r.Context(), v.actor, v.number, a)
	}
	switch kind := city.KindOf(err); {
	case err == nil && t.more == 0:
		return web.Redirect(w, r, v.at.at(CasePath(v.number, ""), "done", a.Name))
	case err != nil && kind != city.KindInvalid && kind != city.KindConflict:
		return err
	}
	o, failed := d.open(r.Context(), v)
	if failed != nil {
		return failed
	}
	status := http.StatusOK
	var e *city.Error
	if errors.As(err, &e) {
		status = web.Status(err)
	}
	if city.KindOf(err) == city.KindConflict {
		o.matter.Conflict = &Conflict{Why: e.Message}
	}
	op, ok := option(o, a.Name)
	if !ok {
		if o.matter.Conflict == nil {
			o.matter.Conflict = &Conflict{Why: notNow(o.c)}
		}
		o.matter.Conflict.Typed = kept(t)
		return d.show(w, r, http.StatusConflict, v, o)
	}
	var faults []city.Field
	if e != nil {
		faults = takeFaults(op, e.Fields)
	}
	if d.asks(o.c, op) {
		if err := d.openForm(r.Context(), v, o, op, t, faults); err != nil {
			return err
		}
	}
	return d.show(w, r, status, v, o)
}

// kept is what was typed for an action that can't be taken any more.
func kept(t typed) []Said {
	var out []Said
	for _, name := range []string{"reason", "note", "appeal"} {
		if p := paragraphs(t.words[name]); len(p) > 0 {
			out = append(out, Said{What: web.Words("desk.said." + name), Text: p})
		}
	}
	var points []string
	for _, p := range t.points {
		points = append(points, paragraphs(p.Text)...)
	}
	if len(points) > 0 {
		out = append(out, Said{What: web.Words("desk.need.points"), Text: points})
	}
	return out
}

func formError(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return err
	}
	return &city.Error{Kind: city.KindInvalid, Message: city.Message{Key: "desk.form.broken"}, Err: err}
}
