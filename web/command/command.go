package command

import (
	"context"
	"net/http"
	"sync/atomic"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/intercept"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/scorecard"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path = "/command"

	pathTable    = Path + "/table"
	pathLand     = Path + "/land"
	pathLive     = Path + "/live"
	pathMatter   = Path + "/matter"
	pathSend     = Path + "/send"
	pathVehicles = Path + "/vehicles"
	pathAlerts   = Path + "/alerts"
)

// Deps are what the pages stand on. A city may lack Sensors, Roads, Reach, Vehicles,
// Registers and Board; all others are needed.
type Deps struct {
	DB        *db.DB
	Access    *access.Access
	Directory *directory.Directory
	Cases     *casework.Engine
	Incidents *incident.Service
	Scores    *scorecard.Scorecard
	Sensors   *alert.Watch
	Roads     *geo.Roads
	Vehicles  *fleet.Monitor
	Registers *fleet.Registers
	Board     *alert.Board
	Reach     *intercept.Service
	Journal   *journal.Journal
	// Algorithms knows how often the rules of detection were right.
	Algorithms *algorithm.Register
	Clock      city.Clock
	// CasePath is where a case is opened at the desk.
	CasePath func(city.CaseNumber) string
	// Closing ends what is being streamed, so that the program can stop.
	Closing <-chan struct{}
}

// Pages serves the command centre. It is safe for concurrent use.
type Pages struct {
	Deps
	land    *web.Land
	streams atomic.Int64
	changes changes
	records records
}

// New gives the pages. They must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	p := &Pages{Deps: d, land: web.DrawLand(d.Roads, d.Directory.Communities())}
	mux := http.NewServeMux()
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request, city.Actor) error{
		"GET " + Path:                      p.page,
		"GET " + pathTable:                 p.table,
		"GET " + pathLand:                  p.serveLand,
		"GET " + pathLive:                  p.live,
		"GET " + pathMatter + "/{number}":  p.matter,
		"POST " + pathSend:                 p.send,
		"GET " + pathVehicles + "/{plate}": p.vehicle,
		"GET " + pathAlerts + "/{id}":      p.alert,
	} {
		mux.Handle(pattern, p.forCommand(f))
	}
	mux.HandleFunc("/", web.NotFound)
	return mux
}

// May reports whether an officer sees the command centre.
func May(a *access.Access, actor city.Actor) bool {
	return actor.Kind == city.Officer && a.Decide(actor, "command.see", access.Resource{Type: "Command"}).Allowed
}

// forCommand lets in whoever may see the command centre; strangers sign in first.
func (p *Pages) forCommand(f func(http.ResponseWriter, *http.Request, city.Actor) error) http.Handler {
	return web.Page(func(w http.ResponseWriter, r *http.Request) error {
		v := web.ViewOf(r.Context())
		if !v.SignedIn() {
			return web.Redirect(w, r, web.SignInPath(v.Here("", "")))
		}
		if err := p.Access.Ask(r.Context(), v.Actor, "command.see", access.Resource{Type: "Command"}); err != nil {
			return err
		}
		return f(w, r, v.Actor)
	})
}

// Theme is a view of the same city under one heading.
type Theme string

// The themes (专题图).
const (
	Overview    Theme = "overview"
	Hazmat      Theme = "hazmat"
	Streets     Theme = "incidents"
	Services    Theme = "services"
	Environment Theme = "environment"
)

var themes = []Theme{Overview, Hazmat, Streets, Services, Environment}

func themeOf(s string) Theme {
	for _, t := range themes {
		if string(t) == s {
			return t
		}
	}
	return Overview
}

func (t Theme) href() string {
	if t == Overview {
		return Path
	}
	return Path + "?theme=" + string(t)
}

// frame is what stands around a page.
func frame(ctx context.Context, t Theme) web.WallDoc {
	d := web.WallDoc{Title: web.T(ctx, "command.title"), Section: string(t), Table: pathTable, Clock: clock(ctx, web.ViewOf(ctx).Now)}
	for _, x := range themes {
		d.Nav = append(d.Nav, web.NavItem{Section: string(x), Key: "command.theme." + string(x), Href: x.href()})
	}
	return d
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	t := themeOf(r.URL.Query().Get("theme"))
	s, err := p.see(r.Context(), actor, t)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, wallPage(frame(r.Context(), t), t, s))
}

func (p *Pages) table(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	s, err := p.see(r.Context(), actor, Overview)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, tablePage(frame(r.Context(), ""), s))
}
