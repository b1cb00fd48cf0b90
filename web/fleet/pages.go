package fleet

import (
	"context"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/city"
	registers "yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses of the pages. An identifier follows; ?on=2026-03-09 is another day.
const (
	PathSites    = "/desk/registers/sites"
	PathVehicles = "/desk/registers/vehicles"
)

// perPage is how many lines a list has.
const perPage = 50

// Deps are what the pages stand on. All are needed, but a city that watches no
// vehicles has no Vehicles, and then Alerts, Land and the paths may be missing, too.
type Deps struct {
	DB        *db.DB
	Access    *access.Access
	Registers *registers.Registers
	Vehicles  *registers.Monitor
	Alerts    *alert.Board
	Land      *web.Land
	// AlertPath is where an alert is opened, AlertsPath where those about something
	// are listed.
	AlertPath  func(city.AlertID) string
	AlertsPath func(subject string) string
	// Frame is what stands around the pages of officers.
	Frame  func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
	Region func(city.RegionCode) city.Text
}

// Pages serves the registers. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages.
func (p *Pages) Routes(mux *http.ServeMux) {
	mux.Handle("GET "+PathSites, web.Page(p.sites))
	mux.Handle("GET "+PathSites+"/{id}", web.Page(p.site))
	mux.Handle("GET "+PathVehicles, web.Page(p.vehicles))
	mux.Handle("GET "+PathVehicles+"/{id}", web.Page(p.vehicle))
	if p.Vehicles != nil {
		mux.Handle("GET "+PathDays+"/{id}", web.Page(p.day))
		mux.Handle("GET "+pathLand, web.Page(p.land))
	}
}

// May reports whether somebody may look things up here, for the menu.
func May(a *access.Access, actor city.Actor) bool {
	return actor.Kind == city.Officer && a.Decide(actor, "register.read", access.Resource{Type: "Register", ID: "fleet"}).Allowed
}

// SitePath and VehiclePath lead to a record; the zero day is today.
func SitePath(id register.SiteID, on city.Date) string { return pathOn(PathSites, string(id), on) }
func VehiclePath(id register.VehicleID, on city.Date) string {
	return pathOn(PathVehicles, string(id), on)
}

func pathOn(path, id string, on city.Date) string {
	path += "/" + url.PathEscape(id)
	if !on.IsZero() {
		path += "?on=" + on.String()
	}
	return path
}

// asked is what every page is asked: of which day, and what is looked for.
type asked struct {
	On   city.Date // zero: today
	Q    string
	Book *register.Book
}

func (p *Pages) ask(r *http.Request) (a asked, err error) {
	q := r.URL.Query()
	if s := q.Get("on"); s != "" {
		if a.On, err = city.ParseDate(s); err != nil {
			return a, city.Invalid("directory.date", "date", s)
		}
	}
	if a.Q = q.Get("q"); len(a.Q) > 200 {
		a.Q = a.Q[:200]
	}
	a.Book, err = p.Registers.On(r.Context(), web.ViewOf(r.Context()).Actor, a.On)
	return a, err
}

// Listed is a page with a list.
type Listed struct {
	Doc     web.DeskDoc
	Asked   asked
	Path    string
	Title   string
	Search  string // what the field looks in
	Narrows []Narrow
	Columns []web.Column
	Rows    [][]templ.Component
	Pages   web.Pages
	Other   web.Link // the other register
}

// Narrow is a choice that narrows a list.
type Narrow struct {
	Words   string
	Href    string
	Current bool
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request, l Listed) error {
	ctx := r.Context()
	l.Doc = p.Frame(ctx, web.ViewOf(ctx).Actor, "registers")
	l.Doc.Title = l.Title
	l.Pages.First, l.Pages.Shown = r.URL.Query().Get("after") == "", len(l.Rows)
	return web.Render(w, r, http.StatusOK, listPage(l))
}

// narrows are the choices of a list by one of its columns; the first is all.
func narrows[T ~string](r *http.Request, param string, words func(T) string, values ...T) []Narrow {
	now := r.URL.Query().Get(param)
	all := []Narrow{{web.T(r.Context(), "registers.all"), narrowed(r, param, ""), now == ""}}
	for _, v := range values {
		all = append(all, Narrow{words(v), narrowed(r, param, string(v)), now == string(v)})
	}
	return all
}

func narrowed(r *http.Request, param, value string) string {
	q := r.URL.Query()
	q.Del("after")
	if q.Del(param); value != "" {
		q.Set(param, value)
	}
	if len(q) == 0 {
		return r.URL.Path
	}
	return r.URL.Path + "?" + q.Encode()
}

func (p *Pages) sites(w http.ResponseWriter, r *http.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	ctx, q := r.Context(), r.URL.Query()
	found, next := a.Book.FindSites(register.SiteQuery{Text: a.Q, Link: register.Link(q.Get("link")), After: register.SiteID(q.Get("after")), Limit: perPage})
	l := Listed{Asked: a, Path: PathSites, Title: web.T(ctx, "registers.sites"), Search: web.T(ctx, "registers.sites.search"),
		Narrows: narrows(r, "link", func(l register.Link) string { return web.T(ctx, "registers.link."+string(l)) }, register.Links...),
		Columns: columns("registers.site", "registers.firm", "registers.link", "registers.status", "registers.licences"),
		Pages:   web.Pages{Next: string(next)}, Other: web.Link{Text: web.Words("registers.vehicles"), Href: PathVehicles}}
	for _, s := range found {
		l.Rows = append(l.Rows, []templ.Component{leads(SitePath(s.ID, a.On), web.In(ctx, s.Name)), web.Text(a.Book.FirmName(s.Firm)),
			web.Text(web.T(ctx, "registers.link."+string(s.Link))), web.Tag(siteTag(s.Status)), web.Tag(licencesTag(a.Book, s))})
	}
	return p.list(w, r, l)
}

func (p *Pages) vehicles(w http.ResponseWriter, r *http.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	ctx, q := r.Context(), r.URL.Query()
	found, next := a.Book.FindVehicles(register.VehicleQuery{Text: a.Q, Use: register.VehicleUse(q.Get("use")), After: register.VehicleID(q.Get("after")), Limit: perPage})
	l := Listed{Asked: a, Path: PathVehicles, Title: web.T(ctx, "registers.vehicles"), Search: web.T(ctx, "registers.vehicles.search"),
		Narrows: narrows(r, "use", func(u register.VehicleUse) string { return web.T(ctx, "registers.use."+string(u)) }, uses...),
		Columns: columns("registers.plate", "registers.firm", "registers.use", "registers.status", "registers.permit"),
		Pages:   web.Pages{Next: string(next)}, Other: web.Link{Text: web.Words("registers.sites"), Href: PathSites}}
	for _, v := range found {
		l.Rows = append(l.Rows, []templ.Component{leads(VehiclePath(v.ID, a.On), string(v.ID)), web.Text(a.Book.FirmName(v.Firm)),
			web.Text(web.T(ctx, "registers.use."+string(v.Use))), web.Tag(vehicleTag(v.Status)), permitCell(v, a.Book.Day())})
	}
	return p.list(w, r, l)
}

func columns(keys ...string) (all []web.Column) {
	for _, k := range keys {
		all = append(all, web.Column{Name: web.Words(k)})
	}
	return all
}
