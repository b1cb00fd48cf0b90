// Package api is the JSON face: what DESIGN promises to programs outside. Every
// path stands in routes.go, its OpenAPI 3.1 description is generated from the
// handlers, and faults are problem+json (RFC 9457) in the reader's language.
package api

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/search"
	"yiwang/serviceitem"
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
	Clock       city.Clock
	Name        city.Text // of the city
	Cookie      string    // name of the session cookie
}

// API serves the JSON face.
type API struct {
	Deps
	huma    huma.API
	mux     *http.ServeMux
	process string // this one, among those that run or ran
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
	a := &API{Deps: d, mux: http.NewServeMux(), process: city.NewEventID().String()}
	c := huma.DefaultConfig("Yiwang", "1")
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/api/openapi", "", "/api/schemas"
	c.Info.Description = "The public interface of a city on Yiwang. Faults are problem+json (RFC 9457); every POST under /api/v1 honours Idempotency-Key; lists answer {items, next}."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A session's or an API token."},
		"session": {Type: "apiKey", In: "cookie", Name: d.Cookie, Description: "The session of the pages."},
	}
	c.CreateHooks = nil // no $schema member in answers
	for _, id := range []any{city.CaseID{}, city.PersonID{}, city.FirmID{}, city.AccountID{}, city.CredentialID{}, city.DelegationID{},
		city.BlobID{}, city.RunID{}, city.DraftID{}, city.Date{}} { // they travel as text
		c.Components.Schemas.RegisterTypeAlias(reflect.TypeOf(id), reflect.TypeFor[string]())
	}
	// The library asks for its faults in this one place only.
	huma.NewErrorWithContext = problemOf
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
	keyed := r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/v1/") && r.Header.Get("Idempotency-Key") != ""
	if keyed && r.URL.Path != "/api/v1/sessions" { // a token is told once and kept nowhere
		a.once(w, r)
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

	address string // of the caller, for the limit on sign-ins
}

func (a *API) reader(ctx huma.Context, next func(huma.Context)) {
	r := a.readerOf(ctx.Context(), ctx.Header("Authorization"), ctx.Header("Cookie"), ctx.Header("Accept-Language"))
	r.address, _, _ = net.SplitHostPort(ctx.RemoteAddr())
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
	open                      bool // may be called without signing in
	maxBody                   int64
}

func register[I, O any](a *API, rt route, handle func(ctx context.Context, actor city.Actor, in *I) (*O, error)) {
	op := huma.Operation{Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, DefaultStatus: rt.status,
		MaxBodyBytes: maxBody, Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable}}
	op.BodyReadTimeout = bodyTime
	if rt.maxBody > 0 {
		op.MaxBodyBytes, op.BodyReadTimeout = rt.maxBody, fileTime
	}
	if !rt.open {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		rd := readerFrom(ctx)
		if rd.err != nil && !rt.open {
			return nil, a.problem(ctx, rd.err)
		}
		out, err := handle(ctx, rd.actor, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
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
