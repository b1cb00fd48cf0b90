package grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/grant"
	"yiwang/internal/db"
	"yiwang/web"
	"yiwang/web/citizen"
)

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB       *db.DB
	Licences *credential.Registry
	Grants   *grant.Service
	Clock    city.Clock
	Zone     *time.Location
	Body     func(city.BodyID) city.Text // how people know a body
}

// Pages serves holders. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages. The mux must be served inside web.Site.Wrap.
func (p *Pages) Routes(mux *http.ServeMux) {
	page := func(method, under string, f func(http.ResponseWriter, *http.Request, city.Actor, credential.Number) error) {
		mux.Handle(method+" "+citizen.PathLicences+"/{number}/grants"+under, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			a := web.ViewOf(r.Context()).Actor
			if a.Kind != city.Resident {
				return city.Unauthenticated("error.sign_in")
			}
			n, err := credential.ParseNumber(r.PathValue("number"))
			if err != nil {
				return city.NotFound("error.not_found")
			}
			w.Header().Set("Cache-Control", "no-store")
			return f(w, r, a, n)
		}))
	}
	page("GET", "", p.list)
	for kind := range spans {
		page("GET", "/"+string(kind), p.ask)
		page("POST", "/"+string(kind), p.make)
	}
	page("GET", "/{id}", p.show)
	page("GET", "/{id}/copy.pdf", p.copy)
	page("POST", "/{id}/end", p.end)
}

func path(n credential.Number, under string) string {
	return citizen.LicencePath(string(n), "grants") + under
}

// Listed is a grant in a list.
type Listed struct {
	grant.Grant
	Href  string
	State web.Tagged
	Uses  []Used
	Open  bool
}

// Used is a use in words.
type Used struct {
	Says city.Message
	Last time.Time
}

// List is the page of all grants of a licence.
type List struct {
	Licence credential.Credential
	Open    bool // the licence is in force
	Now     []Listed
	Past    []Listed
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	var v List
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		if v.Licence, err = p.Licences.Get(ctx, tx, a, n); err != nil {
			return err
		}
		all, err := p.Grants.Of(ctx, tx, a, v.Licence)
		for _, g := range all {
			if l := p.listed(g); l.Open {
				v.Now = append(v.Now, l)
			} else {
				v.Past = append(v.Past, l)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	v.Open = v.Licence.InForce(p.Clock.Now())
	return web.Render(w, r, http.StatusOK, listPage(v))
}

func (p *Pages) listed(g grant.Grant) Listed {
	l := Listed{Grant: g, Href: path(g.Number, "/"+g.ID.String()), Open: g.Open(p.Clock.Now())}
	switch {
	case l.Open:
		l.State = web.Tagged{State: web.StateDone, Word: web.Words("grant.state.open")}
	case !g.Ended.IsZero():
		l.State = web.Tagged{State: web.StateRefused, Word: web.Words("grant.state.ended")}
	default:
		l.State = web.Tagged{State: web.StateEnded, Word: web.Words("grant.state.over")}
	}
	for _, u := range g.Uses {
		l.Uses = append(l.Uses, Used{city.Message{Key: "grant.use." + string(u.What), Args: []any{"n", u.Times, "body", p.Body(u.Body)}}, u.Last})
	}
	return l
}

// Ask is the form for a new grant.
type Ask struct {
	Licence credential.Credential
	Kind    credential.GrantKind
	Open    bool // the licence is in force
	Fields  []web.Field
	Others  []city.Field
}

// spans are how long a grant may last, in days after today.
var spans = map[credential.GrantKind][]int{
	credential.GrantShow: {0, 7, grant.LongestShow},
	credential.GrantCopy: {7, 30, 90},
}

// otherDay is the choice of a day of one's own.
const otherDay = "day"

func (p *Pages) form(ctx context.Context, tx *db.Tx, r *http.Request, a city.Actor, n credential.Number) (v Ask, err error) {
	v.Kind = credential.GrantKind(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	if v.Licence, err = p.Licences.Get(ctx, tx, a, n); err != nil {
		return v, err
	}
	v.Open = v.Licence.InForce(p.Clock.Now())
	purpose := web.Field{Name: "purpose", Type: web.FieldChoice, Label: web.Words("grant.ask.purpose"), Required: true}
	for _, id := range grant.Purposes {
		purpose.Options = append(purpose.Options, web.Option{Value: id, Label: web.Words("grant.purpose." + id)})
	}
	purpose.Options = append(purpose.Options, web.Option{Value: grant.OwnWords, Label: web.Words("grant.ask.own.choice")})
	audience := web.Field{Name: "audience", Type: web.FieldText, Label: web.Words("grant.ask.audience"), Hint: web.Words("grant.ask.audience.hint"),
		Required: v.Kind == credential.GrantCopy, Max: 40}
	until := web.Field{Name: "span", Type: web.FieldChoice, Label: web.Words("grant.ask.until"), Required: true, Value: strconv.Itoa(spans[v.Kind][0])}
	today := city.DateOf(p.Clock.Now().In(p.Zone))
	for _, days := range spans[v.Kind] {
		day := p.last(v.Licence, today.AddDays(days))
		until.Options = append(until.Options, web.Option{Value: strconv.Itoa(days), Label: web.Words("grant.ask.days", "n", days), Hint: web.Words("grant.ask.last", "day", day.In(p.Zone))})
	}
	until.Options[0].Label = spanName(spans[v.Kind][0])
	v.Fields = []web.Field{purpose, {Name: "own", Type: web.FieldText, Label: web.Words("grant.ask.own"), Hint: web.Words("grant.ask.own.hint"), Max: 40}, audience}
	if v.Kind == credential.GrantShow {
		fields := web.Field{Name: "fields", Type: web.FieldMultiChoice, Label: web.Words("grant.ask.fields"), Hint: web.Words("grant.ask.fields.hint")}
		if t, ok := p.Licences.Type(v.Licence.Type); ok {
			for _, f := range t.Fields {
				if f.OnPage && v.Licence.Fields[f.ID] != "" {
					fields.Options = append(fields.Options, web.Option{Value: f.ID, Label: f.Name})
				}
			}
		}
		fields.Options = append(fields.Options, web.Option{Value: grant.FieldNumber, Label: web.Words("grant.ask.number")})
		v.Fields = append(v.Fields, fields)
	} else {
		until.Options = append(until.Options, web.Option{Value: otherDay, Label: web.Words("grant.ask.day.choice")})
	}
	v.Fields = append(v.Fields, until)
	if v.Kind == credential.GrantCopy {
		v.Fields = append(v.Fields, web.Field{Name: "until", Type: web.FieldDate, Label: web.Words("grant.ask.day"), Hint: web.Words("grant.ask.day.hint")})
	}
	return v, nil
}

func spanName(days int) city.Text {
	if days == 0 {
		return web.Words("grant.ask.today")
	}
	return web.Words("grant.ask.days", "n", days)
}

// last is the day, or the licence's last one where that comes before.
func (p *Pages) last(c credential.Credential, day city.Date) city.Date {
	if !c.Until.IsZero() && c.Until.Before(day) {
		return c.Until
	}
	return day
}

func (p *Pages) ask(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	var v Ask
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		v, err = p.form(ctx, tx, r, a, n)
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, askPage(v))
}

func (p *Pages) make(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	var v Ask
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		v, err = p.form(ctx, tx, r, a, n)
		return err
	})
	if err != nil {
		return err
	}
	q := grant.Request{Number: n, Kind: v.Kind, Purpose: sent.Get("purpose"), Own: sent.Get("own"), Audience: sent.Get("audience"), Fields: sent["fields"]}
	if days, err := strconv.Atoi(sent.Get("span")); err == nil && slices.Contains(spans[v.Kind], days) {
		q.Until = p.last(v.Licence, city.DateOf(p.Clock.Now().In(p.Zone)).AddDays(days))
	} else if sent.Get("span") == otherDay && v.Kind == credential.GrantCopy {
		q.Until = dayOf(sent)
	}
	g, err := p.Grants.Make(r.Context(), a, q)
	if faults := fieldsOf(err); len(faults) > 0 {
		v.answer(sent, faults)
		return web.Render(w, r, http.StatusUnprocessableEntity, askPage(v))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, path(n, "/"+g.ID.String()), http.StatusSeeOther)
	return nil
}

// dayOf reads the day that was typed; none when it is no day.
func dayOf(sent url.Values) city.Date {
	part := func(name string) int {
		n, _ := strconv.Atoi(sent.Get("until." + name))
		return n
	}
	d, err := city.ParseDate(fmt.Sprintf("%04d-%02d-%02d", part("year"), part("month"), part("day")))
	if err != nil {
		return city.Date{}
	}
	return d
}

// answer puts back what was sent, with what is wrong about it.
func (v *Ask) answer(sent url.Values, faults []city.Field) {
	for i := range v.Fields {
		f := &v.Fields[i]
		f.Value, f.Values = sent.Get(f.Name), sent[f.Name]
		if f.Type == web.FieldDate {
			f.Parts = map[string]string{}
			for _, part := range []string{"year", "month", "day"} {
				f.Parts[part] = sent.Get(f.Name + "." + part)
			}
		}
	}
	for _, x := range faults {
		if x.Name == "until" && sent.Get("span") != otherDay {
			x.Name = "span"
		}
		at := slices.IndexFunc(v.Fields, func(f web.Field) bool { return f.Name == x.Name })
		if at < 0 {
			v.Others = append(v.Others, x)
			continue
		}
		v.Fields[at].Fault = x.Message
	}
}

func fieldsOf(err error) []city.Field {
	var e *city.Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// Shown is the page of one grant.
type Shown struct {
	Listed
	Licence credential.Credential
	Code    grant.Code // of one that is shown on a screen
	Copy    string     // address of the annotated copy
	Why     city.Message
}

// readID reads the grant of the address, which must be of the licence beside it.
func (p *Pages) readID(ctx context.Context, r *http.Request, a city.Actor, n credential.Number) (g grant.Grant, err error) {
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return g, city.NotFound("grant.unknown")
	}
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if g, err = p.Grants.Get(ctx, tx, a, id); err == nil && g.Number != n {
			err = city.NotFound("grant.unknown")
		}
		return err
	})
	return g, err
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	g, err := p.readID(r.Context(), r, a, n)
	if err != nil {
		return err
	}
	var v Shown
	if g.Open(p.Clock.Now()) && g.Kind == credential.GrantShow {
		switch v.Code, err = p.Grants.Show(r.Context(), a, g.ID); city.KindOf(err) {
		case city.KindConflict: // the licence, or the grant meanwhile
			var e *city.Error
			errors.As(err, &e)
			v.Why = e.Message
		default:
			if err != nil {
				return err
			}
		}
		if g, err = p.readID(r.Context(), r, a, n); err != nil {
			return err
		}
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		v.Licence, err = p.Licences.Get(ctx, tx, a, n)
		return err
	})
	if err != nil {
		return err
	}
	v.Listed = p.listed(g)
	switch {
	case !v.Open || g.Kind != credential.GrantCopy:
	case v.Licence.InForce(p.Clock.Now()):
		v.Copy = v.Href + "/copy.pdf"
	default:
		v.Why = city.Message{Key: "grant.not_in_force"}
	}
	return web.Render(w, r, http.StatusOK, showPage(v))
}

func (p *Pages) copy(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	g, err := p.readID(r.Context(), r, a, n)
	if err != nil {
		return err
	}
	sheet, code, err := p.Grants.Copy(r.Context(), a, g.ID)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Length", strconv.Itoa(len(sheet)))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": code.Licence.Name.ZhHans + "-" + g.Purpose.ZhHans + ".pdf"}))
	_, err = bytes.NewReader(sheet).WriteTo(w)
	return err
}

func (p *Pages) end(w http.ResponseWriter, r *http.Request, a city.Actor, n credential.Number) error {
	g, err := p.readID(r.Context(), r, a, n)
	if err != nil {
		return err
	}
	if _, err := p.Grants.End(r.Context(), a, g.ID); err != nil {
		return err
	}
	http.Redirect(w, r, path(n, "/"+g.ID.String()), http.StatusSeeOther)
	return nil
}
