package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"yiwang/city"
)

// fail answers a request that reaches no operation.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.writeProblem(w, sayProblem(r.Context(), city.LangOf(r.Header.Get("Accept-Language")), err))
}

// caught makes a panic a fault of ours that can be quoted.
func (a *API) caught(w http.ResponseWriter, r *http.Request) {
	if x := recover(); x != nil {
		if x == http.ErrAbortHandler {
			panic(x)
		}
		a.fail(w, r, fmt.Errorf("panic: %v\n%s", x, debug.Stack()))
	}
}

// isText reports whether people could have written it: databases take nothing else
// for text.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// lost answers for addresses that lead nowhere or can't be read, and for methods
// they don't take.
func (a *API) lost(w http.ResponseWriter, r *http.Request) bool {
	if query, err := url.QueryUnescape(r.URL.RawQuery); err != nil || !isText(query) {
		a.fail(w, r, city.Invalid("api.fault.no_text"))
		return true
	}
	if !isText(r.URL.Path) {
		a.fail(w, r, city.NotFound("api.no_address"))
		return true
	}
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		return false
	}
	p := &probe{header: http.Header{}}
	h.ServeHTTP(p, r)
	switch p.status {
	case http.StatusNotFound:
		a.fail(w, r, city.NotFound("api.no_address"))
	case http.StatusMethodNotAllowed:
		w.Header()["Allow"] = p.header["Allow"]
		said := sayProblem(r.Context(), city.LangOf(r.Header.Get("Accept-Language")), city.Invalid("api.no_method", "methods", p.header.Get("Allow")))
		said.Status = p.status
		a.writeProblem(w, said)
	default: // another spelling of the address
		return false
	}
	return true
}

// probe is who asks only for status and headers.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// mostInMemory bounds what all bodies together take while they are read and
// handled; an upload may be 40 MB.
const mostInMemory = 512 << 20

var errNoRoom = errors.New("api: too much is being sent at once")

// held counts a body's bytes as they arrive, so that whoever only announces much
// takes no room from others.
type held struct {
	io.ReadCloser
	room *semaphore.Weighted
	n    int64
}

func (h *held) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 && !h.room.TryAcquire(int64(n)) {
		return 0, errNoRoom
	}
	h.n += int64(n)
	return n, err
}

func (h *held) release() { h.room.Release(h.n) }

// Faults of JSON that its reader would let pass: it would choose one of two
// members, and put other characters in place of broken ones.
var (
	errTwice  = errors.New("a member stands twice")
	errDeep   = fmt.Errorf("more than %d levels deep", mostDeep)
	errNoText = errors.New("not UTF-8, or a character without meaning")
)

const mostDeep = 64

// readJSON is json.Unmarshal for bytes from outside, strict where two readers
// could understand something different. The library reads a body twice, first
// into an any.
func readJSON(data []byte, v any) error {
	if _, first := v.(*any); first {
		if err := plainJSON(data); err != nil {
			return err
		}
	}
	return json.Unmarshal(data, v)
}

func plainJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errNoText
	}
	type level struct {
		names map[string]bool // of an object
		value bool            // what comes next is no name
	}
	var open []level
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if s, ok := t.(string); ok && !isText(s) {
			return errNoText
		}
		in := len(open) - 1
		switch name, isText := t.(string); {
		case t == json.Delim('}') || t == json.Delim(']'):
			open = open[:in]
			continue
		case in >= 0 && open[in].names != nil && !open[in].value:
			if !isText {
				return json.Unmarshal(data, new(any)) // the reader's own words
			}
			if open[in].names[name] {
				return errTwice
			}
			open[in].names[name] = true
			open[in].value = true
			continue
		}
		if in >= 0 {
			open[in].value = false
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
		if len(open) > mostDeep {
			return errDeep
		}
	}
}
