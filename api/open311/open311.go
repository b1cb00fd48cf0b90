// Package open311 speaks Open311 GeoReport v2, in XML and JSON, with the service
// request updates that FixMyStreet added (docs/divergences.md says where it goes
// its own way). Everything on the wire is fixed by that specification; what a
// request is, and who may see what of it, is the Desk's.
package open311

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
)

// Options make the door; all are needed but Changed.
type Options struct {
	Desk    Desk
	Clock   city.Clock
	Zone    *time.Location
	Origin  string    // how clients reach the program, "https://city.example"
	Code    string    // jurisdiction_id, such as the city's division code
	Contact city.Text // whom to ask, in the discovery document
	Changed time.Time // of the services; zero leaves it out
	// Key finds out who bears an api_key: city.KindForbidden for an unknown one.
	Key func(ctx context.Context, key string) (city.Actor, error)
	// Haste refuses an address that files too much too fast.
	Haste func(r *http.Request) error
}

// Door answers below /open311/.
type Door struct {
	Options
	mux *http.ServeMux
}

// Bounds of the specification, and of what is taken from outside.
const (
	mostDays     = 90
	mostRows     = 1000
	mostSkipped  = 100_000
	mostForm     = 1 << 20
	mostWithFile = 32 << 20
	mostPhotos   = 5
	mostPhoto    = 20 << 20
	farthest     = 50_000 // metres around a point
)

const (
	base     = "/open311/v2"
	trial    = "/open311/test/v2" // takes no report: it says what it would have said
	xmlPlain = "text/xml"
	jsPlain  = "application/json"
)

// New prepares the door.
func New(o Options) *Door {
	d := &Door{Options: o, mux: http.NewServeMux()}
	for _, at := range []string{base, trial} {
		d.on("GET "+at+"/{what}", d.get)
		d.on("GET "+at+"/services/{what}", d.definition)
		d.on("GET "+at+"/requests/{what}", d.one)
		d.on("GET "+at+"/tokens/{what}", d.token)
		d.on("POST "+at+"/{what}", d.post)
	}
	return d
}

// exchange is one request and what is known of it.
type exchange struct {
	r     *http.Request
	w     http.ResponseWriter
	name  string // the last word of the path without its format
	xml   bool
	plain bool // content types without charset
	lang  city.Lang
}

// ServeHTTP answers a request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Vary", "Accept-Language")
	x := &exchange{r: r, w: w, xml: !strings.HasSuffix(r.URL.Path, ".json"), lang: city.LangOf(r.Header.Get("Accept-Language"))}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			d.fail(x, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	_, pattern := d.mux.Handler(r)
	if pattern == "" && r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD, POST")
		d.errors(x, http.StatusMethodNotAllowed, city.Say(x.lang, "open311.method"))
		return
	}
	if pattern == "" {
		d.fail(x, city.NotFound("open311.address"))
		return
	}
	d.mux.ServeHTTP(w, r)
}

// on registers a handler for addresses that end in .xml or .json.
func (d *Door) on(pattern string, f func(*exchange) error) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{r: r, w: w, lang: city.LangOf(r.Header.Get("Accept-Language"))}
		name, format, ok := cutLast(r.PathValue("what"), ".")
		x.name, x.xml = name, format != "json"
		if !ok || format != "xml" && format != "json" || name == "" {
			d.fail(x, city.NotFound("open311.address"))
			return
		}
		err := plainText(r)
		if err == nil {
			err = d.jurisdiction(r.URL.Query()["jurisdiction_id"])
		}
		if err == nil {
			err = f(x)
		}
		if err != nil {
			d.fail(x, err)
		}
	})
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// jurisdiction is ours or left out: one program is one city.
func (d *Door) jurisdiction(said []string) error {
	for _, j := range said {
		if j != "" && j != d.Code {
			return city.NotFound("open311.jurisdiction", "id", clip(j), "ours", d.Code)
		}
	}
	return nil
}

func (d *Door) get(x *exchange) error {
	switch x.name {
	case "discovery":
		return d.discovery(x)
	case "services":
		return d.services(x)
	case "requests":
		return d.requests(x)
	case "servicerequestupdates":
		return d.updates(x)
	}
	return city.NotFound("open311.address")
}

func (d *Door) discovery(x *exchange) error {
	x.plain = true
	changed := moment(d.Changed, d.Zone)
	v := discoveryWire{Changeset: changed, Contact: d.Contact.In(x.lang), KeyService: city.Say(x.lang, "open311.keys", "contact", d.Contact)}
	for _, e := range []struct{ at, kind string }{{base, "production"}, {trial, "test"}} {
		v.Endpoints = append(v.Endpoints, endpointWire{Specification: "http://wiki.open311.org/GeoReport_v2", URL: d.Origin + e.at,
			Changeset: changed, Type: e.kind, Formats: []string{xmlPlain, jsPlain}})
	}
	return x.answer(http.StatusOK, v)
}

func (d *Door) services(x *exchange) error {
	out := listOf[serviceWire]{root: "services"}
	for _, s := range d.Desk.Services() {
		words := make([]string, len(s.Keywords))
		for i, k := range s.Keywords {
			words[i] = strings.ReplaceAll(k, ",", "") // commas part them
		}
		out.items = append(out.items, serviceWire{Code: string(s.Code), Name: s.Name.In(x.lang), Description: maybe(s.About.In(x.lang)),
			Metadata: len(s.Attributes) > 0, Type: "realtime", Keywords: maybe(strings.Join(words, ",")), Group: maybe(s.Group.In(x.lang))})
	}
	return x.answer(http.StatusOK, out)
}

func (d *Door) service(code string) (Service, error) {
	for _, s := range d.Desk.Services() {
		if string(s.Code) == code {
			return s, nil
		}
	}
	return Service{}, city.NotFound("open311.no_service", "code", clip(code))
}

func (d *Door) definition(x *exchange) error {
	s, err := d.service(x.name)
	if err != nil {
		return err
	}
	v := definitionWire{Code: string(s.Code), Attributes: listOf[attributeWire]{root: "attributes"}}
	for i, a := range s.Attributes {
		w := attributeWire{Variable: true, Code: a.Code, Datatype: a.Datatype, Required: a.Required, DatatypeHelp: maybe(a.Help.In(x.lang)),
			Order: i + 1, Description: a.Label.In(x.lang)}
		if len(a.Values) > 0 {
			w.Values = &listOf[valueWire]{root: "values"}
		}
		for _, c := range a.Values {
			w.Values.items = append(w.Values.items, valueWire{Key: c.Key, Name: c.Name.In(x.lang)})
		}
		v.Attributes.items = append(v.Attributes.items, w)
	}
	return x.answer(http.StatusOK, v)
}

// answer writes a value in the format of the address.
func (x *exchange) answer(status int, v any) error {
	var b []byte
	var err error
	if x.xml {
		b, err = xml.MarshalIndent(v, "", "  ")
		b = append(append([]byte(`<?xml version="1.0" encoding="utf-8"?>`+"\n"), b...), '\n')
	} else {
		b, err = json.Marshal(v)
		b = append(b, '\n')
	}
	if err != nil {
		return err
	}
	kind := jsPlain
	if x.xml {
		kind = xmlPlain
	}
	if !x.plain {
		kind += "; charset=utf-8"
	}
	x.w.Header().Set("Content-Type", kind)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(b)
	return nil
}

// statusOf is what the specification has for kinds of error: a bad api_key is 403,
// what a client sent wrong is 400.
var statusOf = map[city.Kind]int{
	city.KindInvalid:         http.StatusBadRequest,
	city.KindUnauthenticated: http.StatusForbidden,
	city.KindForbidden:       http.StatusForbidden,
	city.KindNotFound:        http.StatusNotFound,
	city.KindConflict:        http.StatusConflict,
	city.KindTooLarge:        http.StatusRequestEntityTooLarge,
	city.KindRateLimited:     http.StatusTooManyRequests,
	city.KindUnavailable:     http.StatusServiceUnavailable,
	city.KindInternal:        http.StatusInternalServerError,
}

// fail says an error in the client's format; each field that is wrong is an error
// of its own.
func (d *Door) fail(x *exchange, err error) {
	x.plain = false
	var e *city.Error
	status := statusOf[city.KindOf(err)]
	if !errors.As(err, &e) {
		id := city.NewEventID().String()
		slog.ErrorContext(x.r.Context(), "internal fault", "id", id, "err", err)
		d.errors(x, status, city.Say(x.lang, "error.internal", "id", id))
		return
	}
	if e.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(e.RetryAfter.Seconds()))))
	}
	var said []string
	for _, f := range e.Fields {
		said = append(said, f.Name+": "+f.Message.In(x.lang))
	}
	if len(said) == 0 {
		said = []string{e.Message.In(x.lang)}
	}
	d.errors(x, status, said...)
}

func (d *Door) errors(x *exchange, status int, said ...string) {
	out := listOf[errorWire]{root: "errors"}
	for _, s := range said {
		out.items = append(out.items, errorWire{Code: status, Description: s})
	}
	if err := x.answer(status, out); err != nil {
		slog.ErrorContext(x.r.Context(), "an error could not be said", "err", err)
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
