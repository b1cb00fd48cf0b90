package report

import (
	"net"
	"net/http"
	"net/url"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path       = "/report"
	PathGuess  = "/report/guess" // POST: the part of the form that follows the typing
	PathKept   = "/report/kept/" // and a photo that was sent and is not reported yet
	PathDone   = "/report/done"  // number and code, a moment after reporting
	PathFollow = "/report/follow"
	PathRate   = "/report/follow/rate"
	PathReopen = "/report/follow/reopen"
	PathLeave  = "/report/follow/leave"
	PathPhoto  = "/report/follow/photo/" // and its id
	PathList   = "/report/list"
)

// FollowPath asks for the code of the matter, or shows it to whoever gave the code
// before.
func FollowPath(n city.CaseNumber) string {
	return PathFollow + "?number=" + url.QueryEscape(string(n))
}

// SeenPath is the matter as everybody may see it.
func SeenPath(n city.CaseNumber) string { return Path + "/" + url.PathEscape(string(n)) }

// Deps are what the pages are made of. All are needed but where a word says
// otherwise.
type Deps struct {
	DB        *db.DB
	Incidents *incident.Service
	Directory *directory.Directory
	Clock     city.Clock

	Secure bool // people reach us by https, perhaps through a proxy
	// Address says where a request comes from, for the limit on tries; nil takes
	// the connection's. Behind a proxy that is the proxy's.
	Address func(*http.Request) string
	Checks  *identity.Pace // of those who give a number and a code; nil makes one
	Reports *identity.Pace // of those who report without signing in; nil makes one
}

// Pages serves what reporters see. It is safe for concurrent use.
type Pages struct {
	Deps
	shelf *shelf
}

// New makes the pages.
func New(d Deps) *Pages {
	if d.Address == nil {
		d.Address = addressOf
	}
	if d.Checks == nil {
		d.Checks = identity.NewPace()
	}
	if d.Reports == nil {
		d.Reports = identity.NewPace()
	}
	return &Pages{Deps: d, shelf: newShelf()}
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Routes mounts every page. The mux must be served inside web.Site.Wrap.
func (p *Pages) Routes(mux *http.ServeMux) {
	get := func(path string, f handler) { mux.Handle("GET "+path, web.Page(f)) }
	post := func(path string, f handler) { mux.Handle("POST "+path, web.Page(f)) }

	get(Path, p.formPage)
	post(Path, p.send)
	post(PathGuess, p.guess)
	get(PathKept+"{photo}", p.kept)
	get(PathDone, p.done)

	get(PathFollow, p.follow)
	post(PathFollow, p.lookUp)
	post(PathRate, p.rate)
	post(PathReopen, p.reopen)
	post(PathLeave, p.leave)
	get(PathPhoto+"{photo}", p.photo)

	get(PathList, p.list)
	get(Path+"/{number}", p.seen)
}

type handler = func(w http.ResponseWriter, r *http.Request) error
