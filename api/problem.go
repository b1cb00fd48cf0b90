package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"yiwang/city"
)

// problem is the body of every fault (RFC 9457).
type problem struct {
	Type   string         `json:"type" doc:"urn:yiwang:problem: and the kind: invalid, unauthenticated, forbidden, not_found, conflict, too_large, rate_limited, unavailable, internal"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail" doc:"A sentence in the reader's language."`
	Code   string         `json:"code,omitempty" doc:"The key of the sentence, for programs."`
	ID     string         `json:"id,omitempty" doc:"To quote, where the fault is ours."`
	Errors []problemField `json:"errors,omitempty"`
	Case   *caseBody      `json:"case,omitempty" doc:"With a conflict: the case as it stands now."`

	retry int
}

type problemField struct {
	Location string `json:"location" doc:"The field, dotted."`
	Message  string `json:"message"`
	Code     string `json:"code,omitempty"`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds the hint when to try again.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="yiwang"`)
	}
	return h
}

// statusOf is the one table from kinds of error to statuses.
var statusOf = map[city.Kind]int{
	city.KindInvalid:         http.StatusUnprocessableEntity,
	city.KindUnauthenticated: http.StatusUnauthorized,
	city.KindForbidden:       http.StatusForbidden,
	city.KindNotFound:        http.StatusNotFound,
	city.KindConflict:        http.StatusConflict,
	city.KindTooLarge:        http.StatusRequestEntityTooLarge,
	city.KindRateLimited:     http.StatusTooManyRequests,
	city.KindUnavailable:     http.StatusServiceUnavailable,
	city.KindInternal:        http.StatusInternalServerError,
}

func kindOfStatus(status int) city.Kind {
	for k, s := range statusOf {
		if s == status {
			return k
		}
	}
	if status >= 500 {
		return city.KindInternal
	}
	return city.KindInvalid
}

func newProblem(l city.Lang, kind city.Kind) *problem {
	return &problem{Type: "urn:yiwang:problem:" + string(kind), Status: statusOf[kind], Title: city.Say(l, "api.title."+string(kind))}
}

// withCase is an error together with the case as it stands.
type withCase struct {
	error
	body *caseBody
}

func (w withCase) Unwrap() error { return w.error }

// problem says an error in the reader's language; what is nobody's fault but
// ours is logged under an id.
func (a *API) problem(ctx context.Context, err error) *problem {
	return sayProblem(ctx, readerFrom(ctx).lang, err)
}

func sayProblem(ctx context.Context, l city.Lang, err error) *problem {
	var ready *problem
	if errors.As(err, &ready) {
		return ready
	}
	p := newProblem(l, city.KindOf(err))
	var e *city.Error
	if !errors.As(err, &e) {
		p.ID = city.NewEventID().String()
		p.Detail = city.Say(l, "error.internal", "id", p.ID)
		slog.ErrorContext(ctx, "internal fault", "id", p.ID, "err", err)
		return p
	}
	p.Detail, p.Code = e.Message.In(l), e.Message.Key
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, problemField{Location: f.Name, Message: f.Message.In(l), Code: f.Message.Key})
	}
	if e.RetryAfter > 0 {
		p.retry = max(1, int(e.RetryAfter.Seconds()))
	}
	var w withCase
	if errors.As(err, &w) {
		p.Case = w.body
	}
	return p
}

// problemOf makes the library's own faults (unreadable JSON, wrong types,
// unknown paths of the body) problems of ours.
func problemOf(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	l := city.English
	var c context.Context = context.Background()
	if ctx != nil {
		c = ctx.Context()
		l = city.LangOf(ctx.Header("Accept-Language"))
	}
	switch {
	case slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, errNoRoom) }):
		p := sayProblem(c, l, city.Unavailable(errNoRoom, sayRunning))
		ctx.SetHeader("Retry-After", strconv.Itoa(p.retry))
		return p
	case msg == "cannot read request body": // whoever sent it went away
		status = http.StatusRequestTimeout
	case status == http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	}
	p := newProblem(l, kindOfStatus(status))
	p.Status = status
	say := func(key string, args ...any) { p.Detail, p.Code = city.Say(l, key, args...), key }
	switch {
	case status == http.StatusRequestEntityTooLarge && ctx != nil && ctx.Operation() != nil:
		say("api.too_large", "mb", ctx.Operation().MaxBodyBytes>>20)
		return p
	case status == http.StatusRequestTimeout:
		return brokeOff(l)
	case status >= 500:
		p.ID = city.NewEventID().String()
		say("error.internal", "id", p.ID)
		p.Code = ""
		slog.ErrorContext(c, "internal fault", "id", p.ID, "msg", msg, "errs", errs)
		return p
	}
	say("api.malformed")
	for _, err := range errs {
		var d huma.ErrorDetailer
		at, what := "body", ""
		if errors.As(err, &d) {
			at, what = d.ErrorDetail().Location, d.ErrorDetail().Message
		} else if err != nil {
			what = err.Error()
		}
		p.Errors = append(p.Errors, faultOf(l, at, what))
	}
	if len(p.Errors) == 0 && msg != "" {
		p.Errors = []problemField{faultOf(l, "body", msg)}
	}
	return p
}

// brokeOff is said when what was sent ended half-way.
func brokeOff(l city.Lang) *problem {
	p := newProblem(l, city.KindInvalid)
	p.Status, p.Code, p.Detail = http.StatusRequestTimeout, "api.broke_off", city.Say(l, "api.broke_off")
	return p
}

// faultOf says in the reader's language what the library found. Its own words
// stand behind where ours don't cover them.
func faultOf(l city.Lang, at, what string) problemField {
	key, arg := "api.fault.other", what
	after := func(prefix string) bool {
		rest, ok := strings.CutPrefix(what, prefix)
		if ok {
			arg = rest
		}
		return ok
	}
	switch {
	case after("expected required property "):
		key, arg = "api.fault.required", strings.TrimSuffix(arg, " to be present")
	case what == "unexpected property":
		key = "api.fault.unknown"
	case after("expected length <= "):
		key = "api.fault.too_long"
	case after("expected length >= "):
		key = "api.fault.too_short"
	case after("expected number >= "):
		key = "api.fault.least"
	case after("expected number <= "):
		key = "api.fault.most"
	case after("expected value to be one of "):
		key, arg = "api.fault.one_of", strings.Trim(arg, `"`)
	case what == "expected integer", what == "invalid integer":
		key = "api.fault.integer"
	case what == "expected string", what == "expected object", what == "expected array", what == "expected boolean", what == "expected number":
		key, arg = "api.fault."+strings.TrimPrefix(what, "expected "), ""
	case what == "request body is required":
		key = "api.fault.empty"
	case after("required ") && strings.HasSuffix(arg, " parameter is missing"):
		key, arg = "api.fault.required", at
	case after("unknown content type: "):
		key = "api.fault.media"
	case what == errTwice.Error():
		key = "api.fault.twice"
	case what == errDeep.Error():
		key, arg = "api.fault.deep", strconv.Itoa(mostDeep)
	case what == errNoText.Error():
		key = "api.fault.no_text"
	case strings.HasPrefix(what, "invalid character ") || what == "unexpected end of JSON input" || what == "unexpected EOF":
		key = "api.fault.no_json"
	}
	return problemField{Location: at, Message: city.Say(l, key, "what", arg), Code: key}
}
