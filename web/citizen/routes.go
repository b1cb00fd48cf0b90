package citizen

import (
	"context"
	"net/http"

	"golang.org/x/sync/semaphore"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/notify"
	"yiwang/pack"
	"yiwang/search"
	"yiwang/serviceitem"
	"yiwang/tlog"
	"yiwang/web"
)

// Deps are what the pages are made of. All are needed but where a word says
// otherwise.
type Deps struct {
	DB          *db.DB
	Journal     *journal.Journal
	Access      *access.Access
	Pack        *pack.City
	Directory   *directory.Directory
	Identity    *identity.Identity
	Cases       *casework.Engine
	Items       *serviceitem.Service
	Credentials *credential.Registry
	Algorithms  *algorithm.Register
	Search      *search.Index
	Notices     *notify.Notify
	PublicLog   *tlog.Log // nil where none is kept
	Clock       city.Clock

	Cookie string // name of the session's cookie; "yiwang" when empty
	Secure bool   // people reach us by https, perhaps through a proxy
	Demo   bool   // lists the demonstration's people at sign-in
	// Address says where a request comes from, for the limit on tries; nil takes
	// the connection's. Behind a proxy that is the proxy's.
	Address func(*http.Request) string
	// Fetch gets the status list by which another region says how the code's licence
	// stands, where there is one to be had; nil gets none.
	Fetch func(ctx context.Context, code string)
	// Checked notes a check for the holder, where the one who checked is an office, and
	// says whether it did; nil notes none.
	Checked func(context.Context, city.Actor, credential.Result) (told bool, err error)
	Checks  *identity.Pace // of whoever checks without signing in; nil makes one
}

// Pages serves what residents and firms see. It is safe for concurrent use.
type Pages struct {
	Deps
	own      *http.ServeMux      // the same routes, to go on after a sign-in
	pictures *semaphore.Weighted // that are being opened
}

// New makes the pages.
func New(d Deps) *Pages {
	if d.Cookie == "" {
		d.Cookie = "yiwang"
	}
	if d.Address == nil {
		d.Address = addressOf
	}
	if d.Checks == nil {
		d.Checks = identity.NewPace()
	}
	p := &Pages{Deps: d, own: http.NewServeMux(), pictures: semaphore.NewWeighted(picturesAtOnce)}
	p.Routes(p.own)
	return p
}

// Routes mounts every page. The mux must be served inside web.Site.Wrap, whose
// Options.Visitor is Pages.Visitor.
func (p *Pages) Routes(mux *http.ServeMux) {
	get := func(path string, f handler) { mux.Handle("GET "+path, p.page(f)) }
	post := func(path string, f handler) { mux.Handle("POST "+path, p.page(f)) }

	// who asks
	get(PathSignIn, p.signInPage)
	post(PathSignIn, p.signIn)
	post(PathSignInPasskey, p.signInPasskey)
	get(PathSignOut, p.signOutPage)
	post(PathSignOut, p.signOut)
	get(PathActivate, p.activatePage)
	post(PathActivate, p.activate)

	// finding out
	get("/{$}", p.home)
	get(PathItems, p.search)
	get(PathItems+"/{code}", p.guide)
	get("/events/{id}", p.event)
	get(PathCounters, p.counters)
	get(PathAlgorithms, p.rules)
	get(PathAlgorithms+"/{rule}", p.rule)
	get(PathAlgorithms+"/{rule}/receipt", p.ruleReceipt)

	// applying
	get(PathItems+"/{code}/apply", p.resume)
	post(PathItems+"/{code}/apply", p.begin)
	get("/apply/{draft}", p.goOn)
	get("/apply/{draft}/{step}", p.step)
	post("/apply/{draft}/{step}", p.saveStep)
	get("/files/{file}", p.file)

	// following
	get(PathMatters, p.matters)
	get(PathMatters+"/{number}", p.matter)
	get(PathMatters+"/{number}/receipt", p.receipt)
	get(PathMatters+"/{number}/supply", p.supplyPage)
	post(PathMatters+"/{number}/supply", p.supply)
	get(PathMatters+"/{number}/withdraw", p.withdrawPage)
	post(PathMatters+"/{number}/withdraw", p.withdraw)
	get(PathMatters+"/{number}/review", p.reviewPage)
	post(PathMatters+"/{number}/review", p.review)
	post(PathMatters+"/{number}/rate", p.rate)
	post(PathMatters+"/{number}/urge", p.urge)

	// what the city holds
	get(PathLicences, p.licences)
	get(PathLicences+"/{number}", p.licence)
	get(PathLicences+"/{number}/pdf", p.licencePDF)
	get(PathLicences+"/{number}/receipt", p.licenceReceipt)
	get(PathUses, p.uses)
	get(PathUses+"/{use}/receipt", p.oneUseReceipt)

	// anybody checks
	get(PathVerify, p.verifyPage)
	post(PathVerify, p.verify)
	get(PathStatusList+"{list}", p.statusList)
	get(PathTrustPEM, p.trustPEM)
	get(PathTrustZip, p.trustZip)

	// oneself
	get(PathAccount, p.account)
	post(PathPassword, p.changePassword)
	post(PathPasskeys, p.addPasskey)
	post(PathPasskeys+"/{id}/remove", p.removePasskey)
	post(PathSessions+"/end", p.endOtherSessions)
	post(PathSessions+"/{id}/end", p.endSession)
	get(PathTokens, p.tokens)
	post(PathTokens, p.createToken)
	post(PathTokens+"/{id}/end", p.endToken)
	get(PathNotices, p.notices)
	post(PathNotices, p.readNotices)
	get(PathDelegations, p.delegations)
	post(PathDelegations, p.giveLeave)
	post(PathDelegations+"/{id}/accept", p.acceptLeave)
	get(PathFamily+"/{person}", p.familyPage)
	post(PathFamily+"/{person}", p.giveFamily)
	get(PathDelegations+"/{id}/end", p.endLeavePage)
	post(PathDelegations+"/{id}/end", p.endLeave)
	post(PathActing, p.actFor)

	mux.HandleFunc("/", web.NotFound)
}

type handler func(w http.ResponseWriter, r *http.Request) error

// page turns a handler's error into its page. Somebody who sent a form and is no
// longer signed in is asked to sign in, with the form kept; somebody who acts for
// the wrong person is asked to act for the right one.
func (p *Pages) page(f handler) http.Handler {
	return web.Page(func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		switch kind := city.KindOf(err); {
		case r.Method == http.MethodPost && kind == city.KindUnauthenticated:
			return p.askToSignIn(w, r)
		case r.Method != http.MethodPost && kind == city.KindForbidden:
			return p.offerToAct(w, r, err)
		}
		return err
	})
}

// resident is who asks; somebody who has to sign in first hears so.
func resident(r *http.Request) (city.Actor, error) {
	a := web.ViewOf(r.Context()).Actor
	if a.Kind != city.Resident && a.Kind != city.Officer {
		return a, city.Unauthenticated("error.sign_in")
	}
	return a, nil
}
