package web

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
)

// kinds is the one table from the kind of an error to its answer; the words are
// web.error.<kind>.title and .help.
var kinds = map[city.Kind]int{
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

// Status is the status that a page about the error has.
func Status(err error) int {
	if s, ok := kinds[problemOf(err).Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Problem is an error as its page shows it.
type Problem struct {
	Kind    city.Kind
	Message city.Message // what happened
	Fields  []city.Field
	ID      string        // to quote, for internal faults only
	After   time.Duration // when to try again, 0 when there is no telling
	Kept    []KeptAnswer  // what had been sent, to be sent again
}

// saysMore tells whether the message adds anything to the heading of its kind.
func (p Problem) saysMore() bool { return p.Message.Key != "" && p.Message.Key != "error.not_found" }

// KeptAnswer is one value of a form that could not be taken yet.
type KeptAnswer struct{ Name, Value string }

func problemOf(err error) Problem {
	var e *city.Error
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return Problem{Kind: e.Kind, Message: e.Message, Fields: e.Fields, After: e.RetryAfter}
	case errors.As(err, &big):
		return Problem{Kind: city.KindTooLarge, Message: city.Message{Key: "web.error.too_large.body", Args: []any{"mb", big.Limit >> 20}}}
	}
	return Problem{Kind: city.KindInternal}
}

// Fail answers with the page for the error. A fault of ours is logged with an
// id that the person can quote; the person is never shown its text. A reader who
// has to sign in first is sent there and comes back; if a form had been sent, the
// page keeps its answers.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	v := ViewOf(r.Context())
	log := v.site.o.Log
	p := problemOf(err)
	status, known := kinds[p.Kind]
	if !known {
		p.Kind, status = city.KindInternal, http.StatusInternalServerError
	}
	switch p.Kind {
	case city.KindInternal:
		p.ID = faultID()
		p.Message = city.Message{Key: "error.internal", Args: []any{"id", p.ID}}
		log.Error("internal fault", "id", p.ID, "method", r.Method, "path", r.URL.Path, "err", err)
	case city.KindUnavailable:
		log.Warn("unavailable", "method", r.Method, "path", r.URL.Path, "err", err)
		p.Kept = sent(w, r)
	case city.KindRateLimited:
		p.Kept = sent(w, r)
	case city.KindUnauthenticated:
		if r.Method == http.MethodGet {
			http.Redirect(w, r, SignInPath(v.Here("", "")), http.StatusSeeOther)
			return
		}
		p.Kept = kept(r.PostForm)
	}
	if p.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.After+time.Second-1)/time.Second)))
	}
	if err := Render(w, r, status, ProblemPage(p)); err != nil {
		log.Error("error page", "id", p.ID, "err", err)
		http.Error(w, T(r.Context(), "error.internal", "id", p.ID), http.StatusInternalServerError)
	}
}

// SignInPath leads to the sign-in page and back to the address afterwards.
func SignInPath(back string) string {
	if back == "" || back == "/" || !Local(back) {
		return "/sign-in"
	}
	return "/sign-in?back=" + url.QueryEscape(back)
}

// sent are the answers of a form that we can't take now; a form that can't be read
// has none.
func sent(w http.ResponseWriter, r *http.Request) []KeptAnswer {
	if r.Method != http.MethodPost {
		return nil
	}
	form, err := ReadForm(w, r, nil)
	if err != nil {
		return nil
	}
	return kept(form)
}

// kept are the answers of a form in the order of their names; passwords are not
// kept.
func kept(form url.Values) []KeptAnswer {
	var out []KeptAnswer
	for name, values := range form {
		if strings.Contains(name, "password") {
			continue
		}
		for _, v := range values {
			out = append(out, KeptAnswer{name, v})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// faultID is eight letters and digits that can be read over the telephone.
func faultID() string {
	var b [5]byte
	if _, err := rand.Read(b[:]); err != nil {
		return fmt.Sprintf("%X", time.Now().UnixNano())
	}
	s := base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").EncodeToString(b[:])
	return s[:4] + "-" + s[4:]
}
