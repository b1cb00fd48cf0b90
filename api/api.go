// Package api is the JSON face: what DESIGN promises to programs outside. Every
// path stands in routes.go, its OpenAPI 3.1 description is generated from the
// handlers, and faults are problem+json (RFC 9457) in the reader's language.
package api

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/semaphore"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/intercept"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/notify"
	"yiwang/scorecard"
	"yiwang/search"
	"yiwang/serviceitem"
	"yiwang/tlog"
)

// Deps are the parts the API speaks for; all are needed.
type Deps struct {
	DB          *db.DB
	Journal     *journal.Journal
	Access      *access.Access
	Directory   *directory.Directory
	Identity    *identity.Identity
	Cases       *casework.Engine
	Algorithms  *algorithm.Register
	Credentials *credential.Registry
	Items       *serviceitem.Service
	Search      *search.Index
	Notices     *notify.Notify
	Alerts      *alert.Board
	Sensors     *alert.Watch
	Clock       city.Clock
	Name        city.Text          // of the city
	Cookie      string             // name of the session cookie
	Incidents   *incident.Service  // nil where the city takes no reports
	Reach       *intercept.Service // nil where the city has no map of its roads
	Registers   *fleet.Registers
	Vehicles    *fleet.Monitor // nil where the city watches none
	PublicLog   *tlog.Log      // nil where none is kept
	Scores      *scorecard.Scorecard
	Risks       *fleet.Index // nil where the city has no formula of risk
	// Checks bounds how often one address may check licences; nil makes one.
	Checks *identity.Pace
	// Fetch gets the status list by which another region says how the code's licence
	// stands, where there is one to be had; nil gets none.
	Fetch func(ctx context.Context, code string)
	// Checked notes a check for the holder, where the one who checked is an office; nil
	// notes none.
	Checked func(context.Context, city.Actor, credential.Result) (told bool, err error)
	// Address says where a request comes from; nil takes the connection's.
	Address func(*http.Request) string
}

// API serves the JSON face.
type API struct {
	Deps
	huma    huma.API
	mux     *http.ServeMux
	process string          // this one, among those that run or ran
	open    map[string]bool // patterns that may be called without signing in
	passing map[string]bool // patterns whose answers are not kept for repeats
	cross   *http.CrossOriginProtection
	room    *semaphore.Weighted // bytes of bodies that may lie in memory
	strange heard               // keys of those whom we don't know
	reports *identity.Pace      // of strangers who report
	duty    *identity.Pace      // of shifts and places, by account
}

// maxBody bounds a JSON body, uploads have a bound of their own; the times are
// for slow lines, and for those who only pretend to send.
const (
	maxBody  = 1 << 20
	bodyTime = 30 * time.Second
	fileTime = 5 * time.Minute
)

// New prepares every route.
func New(d Deps) *API {
	if d.Checks == nil {
		d.Checks = identity.NewPace()
	}
	if d.Address == nil {
		d.Address = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	a := &API{Deps: d, mux: http.NewServeMux(), process: city.NewEventID().String(), open: map[string]bool{}, passing: map[string]bool{}, cross: http.NewCrossOriginProtection(),
		room: semaphore.NewWeighted(mostInMemory), reports: identity.NewPace(), duty: identity.NewPace()}
	c := huma.DefaultConfig("Yiwang", "1")
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/api/openapi", "", "/api/schemas"
	c.Info.Description = "The public interface of a city on Yiwang. Faults are problem+json (RFC 9457); every POST under /api/v1 honours Idempotency-Key; lists answer {items, next}."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A session's or an API token."},
		"session": {Type: "apiKey", In: "cookie", Name: d.Cookie, Description: "The session of the pages."},
	}
	c.CreateHooks = nil // no $schema member in answers
	for _, id := range []any{city.CaseID{}, city.PersonID{}, city.FirmID{}, city.AccountID{}, city.CredentialID{}, city.DelegationID{},
		city.BlobID{}, city.EventID{}, city.RunID{}, city.DraftID{}, city.Date{}} { // they travel as text
		c.Components.Schemas.RegisterTypeAlias(reflect.TypeOf(id), reflect.TypeFor[string]())
	}
	c.Formats = map[string]huma.Format{"application/json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readJSON}}
	c.Formats["json"] = c.Formats["application/json"]
	// The library asks for its faults in these places only: for an answer, and for
	// what an answer looks like.
	huma.NewErrorWithContext = problemOf
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return problemOf(nil, status, msg, errs...)
	}
	a.huma = humago.New(a.mux, c)
	a.huma.UseMiddleware(a.reader)
	a.routes()
	return a
}

// ServeHTTP answers a request; a POST goes through the keeper of idempotency
// keys first.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	defer a.caught(w, r)
	if err := a.cross.Check(r); err != nil {
		a.fail(w, r, &city.Error{Kind: city.KindForbidden, Message: city.Message{Key: "web.error.cross_origin"}, Err: err})
		return
	}
	if a.lost(w, r) {
		return
	}
	body := &held{ReadCloser: r.Body, room: a.room}
	defer body.release()
	r = r.WithContext(r.Context()) // the server looks at its own request's body when all is done
	r.Body = body
	if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/v1/") && r.Header.Get("Idempotency-Key") != "" {
		_, pattern := a.mux.Handler(r)
		a.once(w, r, a.open[pattern] || a.passing[pattern])
		return
	}
	a.mux.ServeHTTP(w, r)
}

type readerKey struct{}

// reader is who asks and in which language; made once a request.
type reader struct {
	actor city.Actor
	lang  city.Lang
	token string
	err   error // why the session is no good

	key     string // of idempotency
	address string // of the caller, for the limits on sign-ins and checks
}

// reader finds out who asks. Whoever has to sign in first hears so before
// anything of what they sent is read.
func (a *API) reader(ctx huma.Context, next func(huma.Context)) {
	r := a.readerOf(ctx.Context(), ctx.Header("Authorization"), ctx.Header("Cookie"), ctx.Header("Accept-Language"))
	request, w := humago.Unwrap(ctx)
	r.key, r.address = ctx.Header("Idempotency-Key"), a.Address(request)
	if len(ctx.Operation().Security) > 0 {
		err := r.err
		if err == nil && r.actor.Kind == city.Anonymous {
			err = city.Unauthenticated("error.sign_in")
		}
		if err != nil {
			a.writeProblem(w, sayProblem(ctx.Context(), r.lang, err))
			return
		}
	}
	next(huma.WithValue(ctx, readerKey{}, r))
}

func (a *API) readerOf(ctx context.Context, authorization, cookies, accept string) reader {
	r := reader{lang: city.LangOf(accept), actor: city.Actor{Kind: city.Anonymous, Channel: city.ChannelAPI}}
	if scheme, token, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "bearer") {
		r.token = strings.TrimSpace(token)
	} else if parsed, err := http.ParseCookie(cookies); err == nil {
		for _, c := range parsed {
			if c.Name == a.Cookie {
				r.token = c.Value
			}
		}
	}
	if r.token == "" {
		return r
	}
	known, err := a.Identity.Actor(ctx, r.token)
	if err != nil {
		r.err = err
		return r
	}
	r.actor = known.Actor
	r.actor.Channel = city.ChannelAPI
	return r
}

func readerFrom(ctx context.Context) reader {
	r, _ := ctx.Value(readerKey{}).(reader)
	return r
}

// route describes one operation; handle gets the actor and answers or fails.
type route struct {
	method, path, id, summary string
	status                    int
	open                      bool     // may be called without signing in
	still                     bool     // needs no database
	passing                   bool     // changes nothing, and says what nobody should keep: a repeat asks again
	file                      bool     // takes a file's bytes and no JSON
	media                     []string // of the file that it answers with
	maxBody                   int64    // of what is sent; 0 is the usual
	errors                    []int    // what it can answer beside what all can
}

func register[I, O any](a *API, rt route, handle func(ctx context.Context, actor city.Actor, in *I) (*O, error)) {
	op := huma.Operation{Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, DefaultStatus: rt.status,
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTime, Errors: rt.errors}
	if rt.maxBody > 0 {
		op.MaxBodyBytes, op.BodyReadTimeout = rt.maxBody, fileTime
	}
	a.open[rt.method+" "+rt.path], a.passing[rt.method+" "+rt.path] = rt.open, rt.passing
	if !rt.open {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict)
	}
	if len(rt.media) > 0 {
		file := map[string]*huma.MediaType{}
		for _, m := range rt.media {
			file[m] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
		op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: file}}
	}
	if rt.method == http.MethodPost {
		op.Errors = append(op.Errors, http.StatusForbidden, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
		if !rt.file {
			op.Errors = append(op.Errors, http.StatusUnsupportedMediaType)
		}
		op.Parameters = []*huma.Param{{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(maxKey)},
			Description: "A repeat with the same key and the same body gets the first answer; with another body it is refused (422)."}}
	}
	op.Errors = append(op.Errors, http.StatusInternalServerError)
	if !rt.still {
		op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, readerFrom(ctx).actor, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if rt.method == http.MethodGet && !slices.Contains(op.Errors, http.StatusUnprocessableEntity) { // the library says so of every address with a hole in it
		delete(a.huma.OpenAPI().Paths[rt.path].Get.Responses, "422")
	}
}

// list is a page of a list; Next goes into ?after= for the one behind it.
type list[T any] struct {
	Body struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty" doc:"Send it as ?after= for the next page; absent on the last."`
	}
}

func listOf[T any](items []T, next string) *list[T] {
	l := &list[T]{}
	l.Body.Items, l.Body.Next = items, next
	if items == nil {
		l.Body.Items = []T{}
	}
	return l
}

type body[T any] struct{ Body T }
