// Package pass serves pass codes: residents show and print them, for themselves and for
// whom they look after, and contest a wrong one; officers set states, and look one up
// for somebody who carries no code.
package pass

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path     = "/passes" // and the purpose; then /paper.pdf or /contest
	PathDesk = "/desk/passes"
)

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB       *db.DB
	Passes   *pass.Service
	Clock    city.Clock
	Zone     *time.Location
	CasePath func(city.CaseNumber) string // of residents
	// Frame is what stands around a page of the desk.
	Frame func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
}

// Pages serves pass codes. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages. The mux must be served inside web.Site.Wrap.
func (p *Pages) Routes(mux *http.ServeMux) {
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, city.Actor) error) {
		mux.Handle(pattern, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			a := web.ViewOf(r.Context()).Actor
			if a.Kind == city.Anonymous {
				return city.Unauthenticated("error.sign_in")
			}
			return f(w, r, a)
		}))
	}
	page("GET "+Path, p.list)
	page("GET "+Path+"/{purpose}", p.show)
	page("GET "+Path+"/{purpose}/paper.pdf", p.paper)
	page("GET "+Path+"/{purpose}/contest", p.askContest)
	page("POST "+Path+"/{purpose}/contest", p.contest)
	page("GET "+PathDesk, p.desk)
	page("POST "+PathDesk+"/look-up", p.lookUp)
	page("POST "+PathDesk+"/set", p.set)
}

func purposePath(id, rest string) string { return Path + "/" + url.PathEscape(id) + rest }

// Listed is a purpose in the list.
type Listed struct {
	Href  string
	Name  city.Text
	About city.Text
	Ends  time.Time // its last day
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request, _ city.Actor) error {
	var open []Listed
	for _, x := range p.Passes.Purposes() {
		open = append(open, Listed{purposePath(x.ID, ""), x.Name, x.About, x.Ends.In(p.Zone)})
	}
	var over []Over
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, x := range p.Passes.All() {
			at, states, done, err := p.Passes.Ended(ctx, tx, x.ID)
			if err != nil {
				return err
			}
			if done {
				over = append(over, Over{x.Name, x.Ends.In(p.Zone), at, states})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, listPage(open, over))
}

// Over is a purpose that has ended and was erased.
type Over struct {
	Name   city.Text
	Ends   time.Time // its last day
	Erased time.Time
	States int64
}

// Shown is the page of one purpose.
type Shown struct {
	Purpose *pass.Purpose
	Code    pass.Code
	Members []Tab
	Paper   string // where the sheet of everybody is printed; "" where none is
	Contest string // where the state is contested; "" for the ordinary one
}

// Tab leads to the code of one of the family.
type Tab struct {
	Href    string
	Name    string
	Current bool
}

// of finds whose code is meant: the value of ?for=, counted from 0 in the order of
// the members, so that no address names anybody.
func of(r *http.Request, all []pass.Member) int {
	for i := range all {
		if r.URL.Query().Get("for") == strconv.Itoa(i) {
			return i
		}
	}
	return 0
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	v := Shown{}
	var err error
	if v.Purpose, err = p.Passes.Purpose(r.PathValue("purpose")); err != nil {
		return err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		all, err := p.Passes.Members(ctx, tx, a)
		if err != nil {
			return err
		}
		at := of(r, all)
		for i, m := range all {
			v.Members = append(v.Members, Tab{purposePath(v.Purpose.ID, "?for="+strconv.Itoa(i)), m.Name, i == at})
		}
		v.Code, err = p.Passes.Show(ctx, tx, a, v.Purpose.ID, all[at].Person, credential.OnScreen)
		if v.Code.Why != "" || !v.Code.Until.IsZero() {
			v.Contest = purposePath(v.Purpose.ID, "/contest?for="+strconv.Itoa(at))
		}
		return err
	})
	if err != nil {
		return err
	}
	if v.Purpose.Paper > 0 {
		v.Paper = purposePath(v.Purpose.ID, "/paper.pdf")
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.Render(w, r, http.StatusOK, showPage(v))
}

// paper prints a sheet with everybody's codes.
func (p *Pages) paper(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	var out []byte
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		all, err := p.Passes.Members(ctx, tx, a)
		if err != nil {
			return err
		}
		var ids []city.PersonID
		for _, m := range all {
			ids = append(ids, m.Person)
		}
		out, err = p.Passes.Sheet(ctx, tx, a, r.PathValue("purpose"), ids[:min(len(ids), 6)])
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `inline; filename="pass.pdf"`)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(out)
	return err
}

// Contest is the form in which somebody says that a state is wrong.
type Contest struct {
	Purpose *pass.Purpose
	For     string
	Back    string
	Why     web.Field
}

func (p *Pages) contestForm(r *http.Request) (Contest, error) {
	x, err := p.Passes.Purpose(r.PathValue("purpose"))
	if err != nil {
		return Contest{}, err
	}
	who := r.URL.Query().Get("for")
	return Contest{Purpose: x, For: who, Back: purposePath(x.ID, "?for="+url.QueryEscape(who)),
		Why: web.Field{Name: "why", Type: web.FieldLongText, Label: web.Words("pass.contest.why"), Hint: web.Words("pass.contest.hint"), Required: true, Max: 500}}, nil
}

func (p *Pages) askContest(w http.ResponseWriter, r *http.Request, _ city.Actor) error {
	c, err := p.contestForm(r)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, contestPage(c))
}

func (p *Pages) contest(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	c, err := p.contestForm(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	var who city.PersonID
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		all, err := p.Passes.Members(ctx, tx, a)
		if err == nil {
			who = all[of(r, all)].Person
		}
		return err
	})
	if err != nil {
		return err
	}
	opened, err := p.Passes.Contest(r.Context(), a, c.Purpose.ID, who, sent.Get("why"))
	if faults := fieldsOf(err); len(faults) > 0 {
		c.Why.Value, c.Why.Fault = sent.Get("why"), faults[0].Message
		return web.Render(w, r, http.StatusUnprocessableEntity, contestPage(c))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, p.CasePath(opened.Number), http.StatusSeeOther)
	return nil
}

// Desk is what officers see.
type Desk struct {
	Purposes []DeskPurpose
	Found    *pass.Found
	Of       city.Text // the purpose that was looked up
	Done     bool      // a state was set
	Fields   []web.Field
	Others   []city.Field
}

// DeskPurpose is a purpose with what the officer may do in it.
type DeskPurpose struct {
	pass.Purpose
	Sets   bool
	Counts map[string]int64 // nil where the officer may not see them
	LookUp []web.Field
	Set    []web.Field
}

func (p *Pages) deskPage(w http.ResponseWriter, r *http.Request, a city.Actor, status int, v Desk, sent url.Values, faults []city.Field) error {
	if !p.Passes.May(a) {
		return city.Forbidden("error.forbidden")
	}
	fault := func(purpose, form, name string) (m city.Message) {
		if sent.Get("purpose") != purpose || sent.Get("form") != form {
			return m
		}
		for _, f := range faults {
			if f.Name == name {
				return f.Message
			}
		}
		return m
	}
	value := func(purpose, form, name string) string {
		if sent.Get("purpose") == purpose && sent.Get("form") == form && len(faults) > 0 {
			return sent.Get(name)
		}
		return ""
	}
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, x := range p.Passes.Purposes() {
			d := DeskPurpose{Purpose: x, Sets: p.Passes.MaySet(a, x)}
			counts, err := p.Passes.Counts(ctx, tx, a, x)
			if err != nil && city.KindOf(err) != city.KindForbidden {
				return err
			}
			d.Counts = counts
			field := func(form, name string, t web.FieldType, label string) web.Field {
				return web.Field{Name: name, ID: x.ID + "-" + form + "-" + name, Type: t, Label: web.Words(label), Required: true,
					Value: value(x.ID, form, name), Fault: fault(x.ID, form, name)}
			}
			d.LookUp = []web.Field{field("look-up", "number", web.FieldCitizenNumber, "pass.desk.number"), field("look-up", "how", web.FieldChoice, "pass.desk.how")}
			d.LookUp[1].Options = []web.Option{{Value: pass.WithLeave, Label: web.Words("pass.desk.leave")}, {Value: pass.ByCard, Label: web.Words("pass.desk.card")}}
			if d.Sets {
				d.Set = []web.Field{field("set", "number", web.FieldCitizenNumber, "pass.desk.number"), field("set", "state", web.FieldChoice, "pass.desk.state"),
					field("set", "days", web.FieldInteger, "pass.desk.days"), field("set", "reason", web.FieldLongText, "pass.desk.reason")}
				for _, st := range x.States {
					d.Set[1].Options = append(d.Set[1].Options, web.Option{Value: st.ID, Label: st.Name})
				}
				d.Set[2].Required, d.Set[3].Max = false, 500
			}
			v.Purposes = append(v.Purposes, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	doc := p.Frame(r.Context(), a, "passes")
	doc.Title = web.T(r.Context(), "pass.desk.title")
	w.Header().Set("Cache-Control", "no-store")
	return web.Render(w, r, status, deskPage(doc, v))
}

func (p *Pages) desk(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	return p.deskPage(w, r, a, http.StatusOK, Desk{Done: r.URL.Query().Get("done") == "1"}, nil, nil)
}

func (p *Pages) lookUp(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	sent.Set("form", "look-up")
	found, err := p.Passes.LookUp(r.Context(), a, sent.Get("purpose"), sent.Get("number"), sent.Get("how"))
	if faults := fieldsOf(err); len(faults) > 0 {
		return p.deskPage(w, r, a, http.StatusUnprocessableEntity, Desk{}, sent, faults)
	}
	if err != nil {
		return err
	}
	v := Desk{Found: &found}
	if x, err := p.Passes.Purpose(sent.Get("purpose")); err == nil {
		v.Of = x.Name
	}
	return p.deskPage(w, r, a, http.StatusOK, v, sent, nil)
}

func (p *Pages) set(w http.ResponseWriter, r *http.Request, a city.Actor) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	sent.Set("form", "set")
	in := pass.Setting{Purpose: sent.Get("purpose"), Number: sent.Get("number"), State: sent.Get("state"), Reason: sent.Get("reason")}
	if n, err := strconv.Atoi(strings.TrimSpace(sent.Get("days"))); err == nil && n > 0 && n <= 366 {
		in.Until = p.Clock.Now().Add(time.Duration(n) * 24 * time.Hour)
	}
	err = p.Passes.Set(r.Context(), a, in)
	if faults := fieldsOf(err); len(faults) > 0 {
		return p.deskPage(w, r, a, http.StatusUnprocessableEntity, Desk{}, sent, faults)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, PathDesk+"?done=1", http.StatusSeeOther)
	return nil
}

// fieldsOf are the fields that an error points at; until is asked for in days.
func fieldsOf(err error) []city.Field {
	var e *city.Error
	if !errors.As(err, &e) {
		return nil
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		if fields[i].Name == "until" {
			fields[i].Name = "days"
		}
	}
	return fields
}
