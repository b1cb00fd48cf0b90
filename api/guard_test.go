package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"
)

type said struct {
	Type, Title, Detail, Code, ID string
	Status                        int
	Errors                        []struct{ Location, Message, Code string }
}

func problemIn(t *testing.T, w *httptest.ResponseRecorder) (p said) {
	t.Helper()
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%d as %q: %s", w.Code, ct, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if p.Status != w.Code || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, "urn:yiwang:problem:") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	return p
}

// Whatever is wrong with a request, the answer is problem+json; and who has to sign
// in hears that before what they sent is read.
func TestEveryFaultIsAProblem(t *testing.T) {
	a := bare()
	deep := `{"code":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	for _, tt := range []struct {
		method, path, body string
		header             []string
		status             int
		code, at           string
	}{
		{"GET", "/api/", "", nil, 404, "api.no_address", ""},
		{"GET", "/api/v1/nothing", "", nil, 404, "api.no_address", ""},
		{"POST", "/api/v1/nothing", "{}", []string{"Idempotency-Key", "k"}, 404, "api.no_address", ""},
		{"PUT", "/api/v1/items", "{}", nil, 405, "api.no_method", ""},
		{"PATCH", "/api/v1/cases/JH-2026-000001-0", "{}", nil, 405, "api.no_method", ""},
		{"OPTIONS", "/api/v1/verify", "", nil, 405, "api.no_method", ""},
		{"DELETE", "/api/openapi.json", "", nil, 405, "api.no_method", ""},
		{"POST", "/api/v1/verify", `{"code":"x"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, "web.error.cross_origin", ""},
		{"POST", "/api/v1/sessions", `{}`, []string{"Origin", "https://evil.example"}, 403, "web.error.cross_origin", ""},
		{"DELETE", "/api/v1/sessions", ``, []string{"Sec-Fetch-Site", "same-site"}, 403, "web.error.cross_origin", ""},
		{"POST", "/api/v1/verify", `{"code":"x"}`, []string{"Content-Type", "text/plain"}, 415, "api.malformed", "api.fault.media"},
		{"POST", "/api/v1/verify", `code=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "api.malformed", "api.fault.media"},
		{"POST", "/api/v1/verify", ``, nil, 422, "api.malformed", "api.fault.empty"},
		{"POST", "/api/v1/verify", `{`, nil, 422, "api.malformed", "api.fault.no_json"},
		{"POST", "/api/v1/verify", `{"code":"x"}{}`, nil, 422, "api.malformed", "api.fault.no_json"},
		{"POST", "/api/v1/verify", `{"code":1}`, nil, 422, "api.malformed", "api.fault.string"},
		{"POST", "/api/v1/verify", `[]`, nil, 422, "api.malformed", "api.fault.object"},
		{"POST", "/api/v1/verify", `{}`, nil, 422, "api.malformed", "api.fault.required"},
		{"POST", "/api/v1/verify", `{"code":"x","more":1}`, nil, 422, "api.malformed", "api.fault.unknown"},
		{"POST", "/api/v1/verify", `{"code":"x","code":"y"}`, nil, 422, "api.malformed", "api.fault.twice"},
		{"POST", "/api/v1/verify", "{\"code\":\"\xff\xfe\"}", nil, 422, "api.malformed", "api.fault.no_text"},
		{"POST", "/api/v1/verify", `{"code":"\u0000"}`, nil, 422, "api.malformed", "api.fault.no_text"},
		{"POST", "/api/v1/verify", deep, nil, 422, "api.malformed", "api.fault.deep"},
		{"POST", "/api/v1/verify", `{"code":"` + strings.Repeat("x", 140_000) + `"}`, nil, 422, "api.malformed", "api.fault.too_long"},
		{"POST", "/api/v1/verify", `{"code":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "api.too_large", ""},
		{"POST", "/api/v1/verify", `{"code":"` + strings.Repeat("x", maxBody) + `"}`, []string{"Idempotency-Key", "k"}, 413, "api.too_large", ""},
		{"POST", "/api/v1/verify", `{"code":"x"}`, []string{"Idempotency-Key", strings.Repeat("k", maxKey+1)}, 422, "api.key_too_long", ""},
		{"GET", "/api/v1/items?q=%00", "", nil, 422, "api.fault.no_text", ""},
		{"GET", "/api/v1/items?q=%ff", "", nil, 422, "api.fault.no_text", ""},
		{"GET", "/api/v1/items?q=%zz", "", nil, 422, "api.fault.no_text", ""},
		{"GET", "/api/v1/items/%00", "", nil, 404, "api.no_address", ""},
		{"GET", "/api/v1/items?limit=0", "", nil, 422, "api.malformed", "api.fault.least"},
		{"GET", "/api/v1/items?limit=1000", "", nil, 422, "api.malformed", "api.fault.most"},
		{"GET", "/api/v1/items?limit=x", "", nil, 422, "api.malformed", "api.fault.integer"},
		{"GET", "/api/v1/cases", "", nil, 401, "error.sign_in", ""},
		{"GET", "/api/v1/cases?limit=0", "", nil, 401, "error.sign_in", ""},
		{"GET", "/api/v1/uploads/x", "", nil, 401, "error.sign_in", ""},
		{"DELETE", "/api/v1/sessions", "", nil, 401, "error.sign_in", ""},
		{"POST", "/api/v1/applications", `{"item":`, nil, 401, "error.sign_in", ""},
		{"POST", "/api/v1/applications", deep, []string{"Idempotency-Key", "k2"}, 401, "error.sign_in", ""},
		{"POST", "/api/v1/uploads", "", nil, 401, "error.sign_in", ""},
	} {
		for _, lang := range []string{"en", "zh-Hans"} {
			w := ask(a, tt.method, tt.path, tt.body, append([]string{"Accept-Language", lang, "Content-Type", "application/json"}, tt.header...)...)
			p := problemIn(t, w)
			fault := ""
			if len(p.Errors) > 0 {
				fault = p.Errors[0].Code
			}
			if w.Code != tt.status || p.Code != tt.code || tt.at != "" && fault != tt.at {
				t.Errorf("%s %s %.40q: %d %s", tt.method, tt.path, tt.body, w.Code, w.Body)
			}
			han := strings.ContainsFunc(p.Detail, func(r rune) bool { return r > 0x2e80 })
			if han != (lang == "zh-Hans") {
				t.Errorf("%s %s in %s: %q", tt.method, tt.path, lang, p.Detail)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" || w.Code == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: %d with %v", tt.method, tt.path, w.Code, w.Header())
			}
		}
	}
}

// A body is not waited for where nobody is signed in.
func TestStrangersBodiesAreNotRead(t *testing.T) {
	for _, key := range []string{"", "k"} {
		read := false
		body := readerFunc(func(p []byte) (int, error) { read = true; return 0, io.EOF })
		r := httptest.NewRequest("POST", "/api/v1/applications", body)
		r.Header.Set("Idempotency-Key", key)
		w := httptest.NewRecorder()
		bare().ServeHTTP(w, r)
		if p := problemIn(t, w); p.Status != http.StatusUnauthorized || read {
			t.Errorf("%d, and the body was read: %v", p.Status, read)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A panic is a fault of ours with an id to quote, and says nothing of itself.
func TestPanicIsAProblem(t *testing.T) {
	a := bare()
	a.mux.HandleFunc("GET /api/v1/burst", func(http.ResponseWriter, *http.Request) { panic("secret of the house") })
	w := ask(a, "GET", "/api/v1/burst", "")
	if p := problemIn(t, w); p.Status != http.StatusInternalServerError || p.ID == "" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%s", w.Body)
	}
}

// More bytes than there is room for are refused for now, and the room is given
// back when a request ends.
func TestBodiesHaveRoom(t *testing.T) {
	a := bare()
	a.room = semaphore.NewWeighted(100)
	for _, header := range [][]string{nil, {"Idempotency-Key", "k"}} {
		w := ask(a, "POST", "/api/v1/verify", `{"code":"`+strings.Repeat("x", 200)+`"}`, append(header, "Content-Type", "application/json")...)
		if p := problemIn(t, w); p.Status != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %s", header, w.Body)
		}
		if w := ask(a, "POST", "/api/v1/verify", `{"code":1}`, "Content-Type", "application/json"); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("what came after: %d %s", w.Code, w.Body)
		}
		if !a.room.TryAcquire(100) {
			t.Error("room was not given back")
		}
		a.room.Release(100)
	}
}

// A stranger's key with something else is refused, in memory that is bounded.
func TestKeysOfStrangers(t *testing.T) {
	var h heard
	for i, call := range []struct {
		key, body string
		another   bool
	}{{"a", "1", false}, {"a", "1", false}, {"a", "2", true}, {"b", "2", false}} {
		if got := h.before(call.key, call.body); got != call.another {
			t.Errorf("call %d: another body %v, want %v", i, got, call.another)
		}
	}
	for i := range 3 * mostHeard {
		h.before(string(rune(i+0x4e00)), "x")
	}
	if len(h.what) > mostHeard {
		t.Errorf("%d are remembered", len(h.what))
	}
}

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]error{
		`{"a":1,"b":{"a":[{"a":1},{"a":2}]},"c":"a"}`: nil,
		`["a","a",["a"]]`:        nil,
		`"a"`:                    nil,
		`{"a":{"x":1,"x":2}}`:    errTwice,
		`[{"a":1,"b":2,"a":{}}]`: errTwice,
		`{"a":1,"\u0061":2}`:     errTwice,
		`{"\u0000":1}`:           errNoText,
		"[\"\xc3\x28\"]":         errNoText,
		strings.Repeat("[", mostDeep) + strings.Repeat("]", mostDeep):     nil,
		strings.Repeat("[", mostDeep+1) + strings.Repeat("]", mostDeep+1): errDeep,
		strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000):   errDeep,
	} {
		if got := plainJSON([]byte(text)); !errors.Is(got, want) {
			t.Errorf("%.60s: %v, want %v", text, got, want)
		}
	}
}

// What is let through reads the same twice: written again, it is what was meant.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}],"c":"\u00e9"}`, `{"a":1,"a":2}`, `[[[]]]`, "\"\xff\"", `1e999`, `{"a":1}x`, `{1:2}`, `nul`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if readJSON(data, &v) != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w any
		if err := readJSON(again, &w); err != nil {
			t.Fatalf("%q was let through and becomes %q: %v", data, again, err)
		}
		if more, _ := json.Marshal(w); !bytes.Equal(again, more) {
			t.Fatalf("%q, then %q", again, more)
		}
	})
}
