package field

import (
	_ "embed"
	"net/http"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path         = "/field"
	PathTasks    = "/field/tasks/"
	PathReport   = "/field/report"
	PathDuty     = "/field/duty"
	PathPosition = "/field/position"
	pathWorker   = "/field/worker.js"
)

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB        *db.DB
	Directory *directory.Directory
	Cases     *casework.Engine
	Incidents *incident.Service
}

// Pages serves whoever works outside. It is safe for concurrent use.
type Pages struct{ Deps }

// New gives every page under /field. It must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	p := &Pages{d}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, city.Actor) error) {
		mux.Handle(pattern, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			actor, err := officer(r)
			if err == nil {
				w.Header().Set("Yiwang-Account", actor.Account.String()) // the worker keeps pages of one person
			}
			switch {
			case err == nil:
				err = f(w, r, actor)
			case r.Method == http.MethodPost: // what was typed is kept until they have signed in
				if _, broken := web.ReadForm(w, r, nil); broken != nil {
					err = broken
				}
			}
			if err != nil && asks(r) {
				return tell(w, r, err)
			}
			return err
		}))
	}
	page("GET /field", p.tasksPage)
	page("POST "+PathDuty, p.startDuty)
	page("POST "+PathDuty+"/end", p.endDuty)
	page("POST "+PathPosition, p.position)
	page("GET /field/tasks/{number}", p.taskPage)
	page("GET /field/tasks/{number}/photos/{photo}", p.photo)
	page("POST /field/tasks/{number}/{action}", p.act)
	page("GET "+PathReport, p.reportPage)
	page("POST "+PathReport, p.report)
	mux.HandleFunc("GET "+pathWorker, workerScript)
	mux.HandleFunc("/", web.NotFound)
	return mux
}

// officer is who asks: these pages are for officers alone.
func officer(r *http.Request) (city.Actor, error) {
	a := web.ViewOf(r.Context()).Actor
	switch a.Kind {
	case city.Officer:
		a.Channel = city.ChannelMobile
		return a, nil
	case city.Resident:
		return a, &city.Error{Kind: city.KindForbidden, Message: city.Message{Key: "field.officers"}}
	}
	return a, city.Unauthenticated("error.sign_in")
}

//go:embed worker.js
var worker []byte

// workerScript is the service worker. It answers for everything under /field,
// which is more than the folder it lies in.
func workerScript(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Service-Worker-Allowed", Path)
	_, _ = w.Write(worker) // a reader who has gone away asks again
}
