package field

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/web"
)

// Answer is what the outbox hears of something it sent.
type Answer struct {
	// State is done; refused, where sending again would change nothing; signin,
	// where whoever made it has to sign in first; or later.
	State   string   `json:"state"`
	Message string   `json:"message"`          // in the reader's language
	Faults  []string `json:"faults,omitempty"` // what is wrong, one sentence each
	Href    string   `json:"href,omitempty"`   // where to go on
}

// asks reports whether the outbox sent the request and wants an Answer.
func asks(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

func reply(w http.ResponseWriter, status int, a Answer) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(a)
}

// done answers a form that was carried out.
func done(w http.ResponseWriter, r *http.Request, href, message string) error {
	if asks(r) {
		return reply(w, http.StatusOK, Answer{State: "done", Message: message, Href: href})
	}
	return web.Redirect(w, r, href)
}

// tell says to the outbox why something was not taken.
func tell(w http.ResponseWriter, r *http.Request, err error) error {
	status := web.Status(err)
	a := Answer{State: "refused", Message: web.T(r.Context(), "field.refused")}
	var e *city.Error
	if errors.As(err, &e) {
		if a.Message = web.Tell(r.Context(), e.Message); e.Message.Key == "" {
			a.Message = web.T(r.Context(), "field.refused")
		}
		for _, f := range e.Fields {
			a.Faults = append(a.Faults, web.Tell(r.Context(), f.Message))
		}
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
		}
	}
	switch status {
	case http.StatusUnauthorized:
		a.State = "signin"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		a.State = "later"
	case http.StatusInternalServerError:
		a.State = "later"
		slog.ErrorContext(r.Context(), "what was sent from the field failed", "path", r.URL.Path, "err", err)
	case http.StatusRequestEntityTooLarge:
		a.Message = web.T(r.Context(), "field.too_large")
	}
	return reply(w, status, a)
}
