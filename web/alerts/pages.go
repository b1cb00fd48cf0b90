package alerts

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path         = "/desk/alerts"
	PathSilences = Path + "/silences"
)

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB        *db.DB
	Board     *alert.Board
	Directory *directory.Directory
	Incidents *incident.Service
	// Frame is what stands around a page of the desk.
	Frame func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
	// CasePath is where a case is opened.
	CasePath func(city.CaseNumber) string
	// VehicleDay is where a vehicle's day is replayed; "" where the officer may not see
	// it.
	VehicleDay func(actor city.Actor, vehicle string, at time.Time) string
}

type pages struct{ Deps }

// New gives the pages. They must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	p := &pages{d}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, city.Actor) error) {
		mux.Handle(pattern, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			return f(w, r, web.ViewOf(r.Context()).Actor)
		}))
	}
	page("GET "+Path, p.list)
	page("GET "+Path+"/{id}", p.one)
	page("GET "+PathSilences, p.silences)
	page("POST "+PathSilences, p.silence)
	page("POST "+PathSilences+"/{id}/end", p.endSilence)
	mux.HandleFunc("/", web.NotFound)
	return mux
}

// List is what programs noticed.
type List struct {
	Rows    []Row
	Filters []web.Field
	Subject string
	Pages   web.Pages
}

// Row is an alert in the list.
type Row struct {
	Href  string
	Rule  city.Text
	State web.Tagged
	Says  city.Text
	About city.Text
	Where city.Text
	Times int
	Last  time.Time
	Case  city.CaseNumber
}

const aPage = 40

func (p *pages) list(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx, get := r.Context(), r.URL.Query().Get
	q := alert.Query{Rule: get("rule"), State: alert.State(get("state")), Region: city.RegionCode(get("street")), Subject: get("subject"), Limit: aPage, After: get("after")}
	if n, err := strconv.Atoi(get("days")); err == nil && n > 0 && n <= 366 {
		q.Since = web.ViewOf(ctx).Now.AddDate(0, 0, -n)
	}
	l := List{Filters: p.filters(get), Subject: q.Subject}
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		page, err := p.Board.List(ctx, tx, actor, q)
		for _, a := range page.Alerts {
			l.Rows = append(l.Rows, p.row(a))
		}
		l.Pages = web.Pages{Next: page.Next, First: q.After == "", Shown: len(page.Alerts)}
		return err
	})
	if err != nil {
		return err
	}
	doc := p.Frame(ctx, actor, "alerts")
	doc.Title = web.T(ctx, "alerts.title")
	return web.Render(w, r, http.StatusOK, listPage(doc, l))
}

func (p *pages) row(a alert.Alert) Row {
	return Row{Href: OnePath(a.ID), Rule: p.ruleName(a.Rule), State: web.AlertState(a.State), Says: a.Text, About: web.SubjectWords(a.Subject),
		Where: p.where(a), Times: a.Times, Last: a.Last, Case: a.Case}
}

func (p *pages) ruleName(id string) city.Text {
	if name, ok := p.Board.RuleName(id); ok {
		return name
	}
	return web.Plain(id)
}

// where is the community of an alert, found from its point where nobody named one.
func (p *pages) where(a alert.Alert) city.Text {
	if a.Place.Region == "" {
		if at, err := p.Incidents.Locate(a.Place); err == nil {
			return p.Directory.RegionName(at.Region)
		}
		return web.Words("alerts.outside")
	}
	return p.Directory.RegionName(a.Place.Region)
}

func (p *pages) filters(get func(string) string) []web.Field {
	rule := web.Field{Name: "rule", Type: web.FieldRegion, Label: web.Words("alerts.rule"), Value: get("rule"), Options: p.rules()}
	state := web.Field{Name: "state", Type: web.FieldRegion, Label: web.Words("alerts.state"), Value: get("state")}
	for _, s := range alert.States {
		state.Options = append(state.Options, web.Option{Value: string(s), Label: web.AlertState(s).Word})
	}
	street := web.Field{Name: "street", Type: web.FieldRegion, Label: web.Words("alerts.street"), Value: get("street")}
	seen := map[city.RegionCode]bool{}
	for _, c := range p.Directory.Communities() {
		if !seen[c.Parent] {
			seen[c.Parent] = true
			street.Options = append(street.Options, web.Option{Value: string(c.Parent), Label: p.Directory.RegionName(c.Parent)})
		}
	}
	days := web.Field{Name: "days", Type: web.FieldRegion, Label: web.Words("alerts.since"), Value: get("days")}
	for _, n := range []int{1, 7, 30, 90} {
		days.Options = append(days.Options, web.Option{Value: strconv.Itoa(n), Label: web.Words("alerts.days", "n", n)})
	}
	return []web.Field{rule, state, street, days}
}

func (p *pages) rules() (list []web.Option) {
	for _, r := range p.Board.Rules() {
		list = append(list, web.Option{Value: r.ID, Label: r.Name})
	}
	return list
}

// One is an alert with what it rests on.
type One struct {
	Found    web.Found
	Subject  string
	Where    city.Text
	Case     city.CaseNumber
	CaseHref string
	Silence  string // address of the form that silences the like; "" where the officer may not
	Others   string // address of the alerts about the same
	Day      string // address of the day of the vehicle that it is about; "" where there is none
}

func (p *pages) one(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	id, err := alert.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	ctx := r.Context()
	var a alert.Alert
	var list []alert.Sighting
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, list, err = p.Board.Get(ctx, tx, actor, id)
		return err
	})
	if err != nil {
		return err
	}
	o := One{Found: web.FoundOf(p.Board, a, list, p.Incidents.OutcomeName), Subject: a.Subject, Where: p.where(a), Case: a.Case, Others: AboutPath(a.Subject)}
	if id, ok := strings.CutPrefix(a.Subject, "vehicle:"); ok {
		o.Day = p.VehicleDay(actor, id, a.Last)
	}
	for i := range o.Found.Evidence {
		at := &o.Found.Evidence[i]
		for j := range at.Pieces {
			if id, ok := strings.CutPrefix(at.Pieces[j].About, "vehicle:"); ok {
				at.Pieces[j].Href = p.VehicleDay(actor, id, at.Alert.From)
			}
		}
	}
	if a.Case != "" {
		o.CaseHref = p.CasePath(a.Case)
	}
	if p.Board.MaySilence(actor, a.Rule) {
		o.Silence = path(PathSilences, "rule", a.Rule, "subject", a.Subject)
	}
	doc := p.Frame(ctx, actor, "alerts")
	doc.Title = web.In(ctx, o.Found.Rule)
	return web.Render(w, r, http.StatusOK, onePage(doc, o))
}

// Silences are those that last and those that have ended lately.
type Silences struct {
	Rows   []Held
	Form   []web.Field // nil where the officer may not
	Others []city.Field
	Done   city.Text
}

// Held is a silence in the list.
type Held struct {
	Rule    city.Text
	Subject city.Text
	Until   time.Time
	Ended   time.Time
	Lasts   bool
	Post    city.Text
	Reason  string
	Held    int
	End     string // address that ends it; "" where the officer may not
	Href    string // to what was held back
}

func (p *pages) silences(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	return p.showSilences(w, r, actor, r.URL.Query().Get, http.StatusOK, nil)
}

func (p *pages) showSilences(w http.ResponseWriter, r *http.Request, actor city.Actor, get func(string) string, status int, faults []city.Field) error {
	ctx := r.Context()
	now := web.ViewOf(ctx).Now
	var s Silences
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := p.Board.Silences(ctx, tx, actor)
		for _, x := range list {
			h := Held{Rule: web.Words("alerts.every_rule"), Until: x.Until, Ended: x.Ended, Lasts: x.Lasts(now), Reason: x.Reason, Held: x.Held,
				Href: path(Path, "rule", x.Rule, "subject", x.Subject, "state", string(alert.Silenced))}
			if x.Rule != "" {
				h.Rule = p.ruleName(x.Rule)
			}
			if x.Subject != "" {
				h.Subject = web.SubjectWords(x.Subject)
			}
			if post, ok := p.Directory.Post(x.Post); ok {
				b, _ := p.Directory.Body(post.Body)
				h.Post = city.Text{ZhHans: b.Short.ZhHans + " " + post.Name.ZhHans, En: b.Short.En + ", " + post.Name.En}
			}
			if h.Lasts && p.Board.MaySilence(actor, x.Rule) {
				h.End = PathSilences + "/" + x.ID.String() + "/end"
			}
			s.Rows = append(s.Rows, h)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.Form, s.Others = p.form(actor, get, faults)
	if get("done") != "" {
		s.Done = web.Words("alerts.silence.done")
	}
	doc := p.Frame(ctx, actor, "alerts")
	doc.Title = web.T(ctx, "alerts.silences")
	return web.Render(w, r, status, silencesPage(doc, s))
}

// form asks what to hold back; nil for whoever may hold back nothing.
func (p *pages) form(actor city.Actor, get func(string) string, faults []city.Field) (fields []web.Field, others []city.Field) {
	var rules []web.Option
	for _, o := range p.rules() {
		if p.Board.MaySilence(actor, o.Value) {
			rules = append(rules, o)
		}
	}
	if len(rules) == 0 {
		return nil, faults
	}
	days := web.Field{Name: "until", Type: web.FieldRegion, Label: web.Words("alerts.silence.until"), Required: true, Value: get("until")}
	for _, n := range []int{1, 3, 7, 30, 90} {
		days.Options = append(days.Options, web.Option{Value: strconv.Itoa(n), Label: web.Words("alerts.silence.days", "n", n)})
	}
	fields = []web.Field{
		{Name: "rule", Type: web.FieldRegion, Label: web.Words("alerts.rule"), Options: rules, Value: get("rule")},
		{Name: "subject", Type: web.FieldText, Label: web.Words("alerts.silence.subject"), Hint: web.Words("alerts.silence.subject.hint"), Max: 120, Value: get("subject")},
		days,
		{Name: "reason", Type: web.FieldLongText, Label: web.Words("alerts.silence.reason"), Hint: web.Words("alerts.silence.reason.hint"), Required: true, Max: 500, Value: get("reason")},
	}
	for _, bad := range faults {
		if i := slices.IndexFunc(fields, func(f web.Field) bool { return f.Name == bad.Name }); i >= 0 {
			fields[i].Fault = bad.Message
		} else {
			others = append(others, bad)
		}
	}
	return fields, others
}

func (p *pages) silence(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	s := alert.Silence{Rule: form.Get("rule"), Subject: form.Get("subject"), Reason: form.Get("reason")}
	if n, err := strconv.Atoi(form.Get("until")); err == nil && n > 0 && n < 400 {
		s.Until = web.ViewOf(r.Context()).Now.AddDate(0, 0, n)
	}
	_, err = p.Board.Silence(r.Context(), actor, s)
	if faults := faultsOf(err); faults != nil {
		return p.showSilences(w, r, actor, form.Get, http.StatusUnprocessableEntity, faults)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathSilences+"?done=1")
}

func (p *pages) endSilence(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	id, err := silenceID(r.PathValue("id"))
	if err != nil {
		return city.NotFound("alert.no_silence")
	}
	if err := p.Board.EndSilence(r.Context(), actor, id); err != nil {
		return err
	}
	return web.Redirect(w, r, PathSilences+"?done=1")
}
