package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("UTC+8", 8*3600))

func testSite(t *testing.T, log io.Writer, visitor func(*http.Request) (Visitor, error)) *Site {
	t.Helper()
	s, err := New(Options{
		City:    City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}},
		Clock:   city.NewSetClock(noon),
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Visitor: visitor,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// page serves one handler inside the site.
func page(s *Site, f func(http.ResponseWriter, *http.Request) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", s.Static())
	mux.Handle("/", Page(f))
	return s.Wrap(mux)
}

func hello(w http.ResponseWriter, r *http.Request) error {
	return Render(w, r, http.StatusOK, Resident(Doc{Title: "x"}))
}

func do(h http.Handler, method, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestPagesCarryTheSecurityHeaders(t *testing.T) {
	w := do(page(testSite(t, io.Discard, nil), hello), "GET", "/")
	h := w.Header()
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy allows something unsafe: %s", csp)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Cache-Control") != "private, no-store" {
		t.Errorf("headers: %v", h)
	}
	if m := regexp.MustCompile(`(?i)\sstyle=|<style|<script>|\son[a-z]+=|https?://`).FindString(w.Body.String()); m != "" {
		t.Errorf("the page holds %q, which the policy forbids", m)
	}
}

func TestLanguageIsChosenByAddressThenCookieThenBrowser(t *testing.T) {
	h := page(testSite(t, io.Discard, nil), hello)
	lang := func(w *httptest.ResponseRecorder) string {
		return regexp.MustCompile(`<html lang="([^"]+)"`).FindStringSubmatch(w.Body.String())[1]
	}
	english := header("Accept-Language", "en-GB,en;q=0.9")
	if got := lang(do(h, "GET", "/")); got != "zh-Hans" {
		t.Errorf("nobody asked: %s", got)
	}
	if got := lang(do(h, "GET", "/", english)); got != "en" {
		t.Errorf("the browser asked for English: %s", got)
	}
	w := do(h, "GET", "/?lang=zh-Hans", english)
	if got := lang(w); got != "zh-Hans" {
		t.Errorf("the address asked for Chinese: %s", got)
	}
	kept := w.Result().Cookies()
	if len(kept) != 1 || !kept[0].HttpOnly {
		t.Fatalf("cookies: %v", kept)
	}
	if got := lang(do(h, "GET", "/", english, func(r *http.Request) { r.AddCookie(kept[0]) })); got != "zh-Hans" {
		t.Errorf("the cookie said Chinese: %s", got)
	}
	if got := do(h, "GET", "/?lang=tlh").Result().Cookies(); len(got) != 0 {
		t.Errorf("a language we don't speak was kept: %v", got)
	}
}

func TestElderModeIsOneClickAwayAndComesBackToTheSamePage(t *testing.T) {
	h := page(testSite(t, io.Discard, nil), hello)
	body := do(h, "GET", "/items?q=%E6%B4%A5%E8%B4%B4").Body.String()
	if want := `href="/items?elder=1&amp;q=%E6%B4%A5%E8%B4%B4"`; !strings.Contains(body, want) {
		t.Errorf("no link %s", want)
	}
	w := do(h, "GET", "/items?elder=1&q=a")
	if !strings.Contains(w.Body.String(), `<html lang="zh-Hans" class="elder"`) {
		t.Error("elder mode did not come on")
	}
	if want := `href="/items?elder=0&amp;q=a"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no link back %s", want)
	}
	c := w.Result().Cookies()[0]
	if body := do(h, "GET", "/matters", func(r *http.Request) { r.AddCookie(c) }).Body.String(); !strings.Contains(body, `class="elder"`) {
		t.Error("elder mode did not stay")
	}
}

func TestEachKindOfErrorHasItsAnswer(t *testing.T) {
	for kind, status := range kinds {
		if kind == city.KindInternal || kind == city.KindUnauthenticated {
			continue
		}
		h := page(testSite(t, io.Discard, nil), func(http.ResponseWriter, *http.Request) error {
			return &city.Error{Kind: kind, Message: city.Message{Key: "error.not_found"}, RetryAfter: 1500 * time.Millisecond}
		})
		w := do(h, "GET", "/x?lang=en")
		title, _ := city.LookupText("web.error." + string(kind) + ".title")
		if w.Code != status || !strings.Contains(w.Body.String(), templ.EscapeString(title.En)) {
			t.Errorf("%s: status %d, want %d; titled %q: %v", kind, w.Code, status, title.En, strings.Contains(w.Body.String(), title.En))
		}
		if w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: Retry-After %q", kind, w.Header().Get("Retry-After"))
		}
	}
}

func TestAFaultOfOursIsLoggedUnderTheIDThatThePersonIsShown(t *testing.T) {
	for name, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"error": func(http.ResponseWriter, *http.Request) error { return errors.New("secret table missing") },
		"panic": func(http.ResponseWriter, *http.Request) error { panic("secret table missing") },
		"half a page": func(w http.ResponseWriter, r *http.Request) error {
			return Render(w, r, 200, templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, "<h1>begun")
				return errors.New("secret table missing")
			}))
		},
	} {
		var log bytes.Buffer
		w := do(page(testSite(t, &log, nil), f), "GET", "/")
		id := regexp.MustCompile(`quote-id">([^<]+)<`).FindStringSubmatch(w.Body.String())
		if w.Code != 500 || id == nil || !strings.Contains(log.String(), id[1]) || !strings.Contains(log.String(), "secret table") {
			t.Errorf("%s: status %d, id %v, log %s", name, w.Code, id, log.String())
		}
		if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "begun") {
			t.Errorf("%s: the person was shown the inside", name)
		}
	}
}

func TestSigningInLeadsBackAndLosesNothing(t *testing.T) {
	h := page(testSite(t, io.Discard, nil), func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return err
		}
		return city.Unauthenticated("error.sign_in")
	})
	w := do(h, "GET", "/matters?after=3")
	if w.Code != 303 || w.Header().Get("Location") != "/sign-in?back=%2Fmatters%3Fafter%3D3" {
		t.Errorf("GET: %d %s", w.Code, w.Header().Get("Location"))
	}
	r := httptest.NewRequest("POST", "/apply/1/place", strings.NewReader("address=%E6%BB%A8%E6%B1%9F%E8%B7%AF&kinds=a&kinds=b&password=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	body := rec.Body.String()
	for _, want := range []string{`name="address" value="滨江路"`, `name="kinds" value="a"`, `name="kinds" value="b"`, `action="/apply/1/place"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lost %s", want)
		}
	}
	if rec.Code != 401 || strings.Contains(body, `name="password"`) {
		t.Errorf("status %d; password kept: %v", rec.Code, strings.Contains(body, `name="password"`))
	}
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	done := false
	h := page(testSite(t, io.Discard, nil), func(w http.ResponseWriter, r *http.Request) error { done = true; return hello(w, r) })
	if w := do(h, "POST", "/", header("Sec-Fetch-Site", "cross-site")); w.Code != 403 || done {
		t.Errorf("cross-site post: %d, done %v", w.Code, done)
	}
	if w := do(h, "POST", "/", header("Sec-Fetch-Site", "same-origin")); w.Code != 200 || !done {
		t.Errorf("own post: %d, done %v", w.Code, done)
	}
}

func TestAVisitorWhoCannotBeReadIsNotAStranger(t *testing.T) {
	h := page(testSite(t, io.Discard, func(*http.Request) (Visitor, error) {
		return Visitor{}, city.Unavailable(errors.New("down"), time.Second)
	}), hello)
	if w := do(h, "GET", "/"); w.Code != 503 {
		t.Errorf("status %d, want 503", w.Code)
	}
}

func TestOnlyOwnAddressesAreRedirectedTo(t *testing.T) {
	for to, want := range map[string]bool{
		"/": true, "/matters?x=1": true, "": false, "//evil.example": false, "https://evil.example": false,
		"/\\evil.example": false, "/a\r\nX: y": false, "evil": false,
	} {
		if Local(to) != want {
			t.Errorf("Local(%q) = %v", to, !want)
		}
	}
	if got := SignInPath("//evil.example"); got != "/sign-in" {
		t.Errorf("sign-in would lead to %s", got)
	}
}

func TestStaticFilesAreHashedZippedAndKept(t *testing.T) {
	s := testSite(t, io.Discard, nil)
	h := page(s, hello)
	for _, name := range []string{"yiwang.css", "yiwang.js", "favicon.svg"} {
		url := s.assets.url(name)
		w := do(h, "GET", url, header("Accept-Encoding", "br, gzip"))
		if w.Code != 200 || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s: %d %v", url, w.Code, w.Header())
		}
		if w.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, s.assets.files[name].body) {
				t.Errorf("%s: zipped it is something else (%v)", name, err)
			}
		}
		if again := do(h, "GET", url, header("Accept-Encoding", "gzip"), header("If-None-Match", w.Header().Get("ETag"))); again.Code != 304 {
			t.Errorf("%s again: %d", name, again.Code)
		}
		if plain := do(h, "GET", "/static/"+name, header("Accept-Encoding", "gzip;q=0")); plain.Header().Get("Cache-Control") != "no-cache" || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("plain %s: %v", name, plain.Header())
		}
	}
	if w := do(h, "GET", "/static/css/10-tokens.css"); w.Code != 404 {
		t.Errorf("a part of the stylesheet is served: %d", w.Code)
	}
	if w := do(h, "GET", "/static/placeholder.txt"); w.Code != 404 {
		t.Errorf("the placeholder is served: %d", w.Code)
	}
}
