package desk

import (
	"net/http"

	"yiwang/city"
	"yiwang/web"
)

// Desk serves the officer's pages.
type Desk struct{ Deps }

// New gives every page under /desk.
func New(deps Deps) http.Handler {
	if deps.Actor == nil {
		deps.Actor = func(r *http.Request) city.Actor { return web.ViewOf(r.Context()).Actor }
	}
	d := &Desk{deps}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, web.Page(f))
	}

	page("GET /desk", d.inboxPage)
	page("GET /desk/inbox", d.inboxPart) // the list alone, to be fetched again
	page("GET /desk/search", d.searchPage)

	page("GET /desk/cases/{number}", d.casePage)
	page("GET /desk/cases/{number}/files/{blob}", d.file)
	page("GET /desk/cases/{number}/receipt", d.receiptPage)
	page("GET /desk/cases/{number}/photos/{photo}", d.photo)
	page("GET /desk/cases/{number}/{action}", d.actionPage)
	page("POST /desk/cases/{number}/{action}", d.act)

	page("GET /desk/counter", d.counterPage)
	page("POST /desk/counter", d.begin)
	page("GET /desk/counter/{draft}", d.intakePage)
	page("POST /desk/counter/{draft}", d.intake)
	page("GET /desk/counter/{draft}/discard", d.discardPage)
	page("POST /desk/counter/{draft}/discard", d.discard)
	page("GET /desk/counter/{draft}/files/{blob}", d.draftFile)

	page("GET /desk/licences", d.licencesPage)
	page("GET /desk/licences/{number}", d.licencePage)
	page("GET /desk/licences/{number}/{change}", d.changePage)
	page("POST /desk/licences/{number}/{change}", d.change)

	mux.HandleFunc("/", web.NotFound)
	return mux
}
