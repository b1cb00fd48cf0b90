package web

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/geo"
)

// Options make a Site. Zero values work, but for City.Name.
type Options struct {
	City  City
	Clock city.Clock   // default: the machine's
	Log   *slog.Logger // default: slog's
	// Visitor says who asks. It is called once a request, for pages only; an
	// error becomes the page. Nil means that nobody ever signs in.
	Visitor func(*http.Request) (Visitor, error)
	// Origins that may post to us beside our own, such as "https://id.example".
	Origins []string
	// Roads are what maps are drawn of; nil where the city has none, and lists
	// stand in their place.
	Roads *geo.Roads
	Demo  bool
}

// Site serves the pages of one city. It is safe for concurrent use.
type Site struct {
	o      Options
	assets *assets
	cross  *http.CrossOriginProtection
}

// New prepares a site: reads the embedded styles and scripts, and checks the
// city's own colours.
func New(o Options) (*Site, error) {
	if o.Clock == nil {
		o.Clock = city.WallClock{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &o.City
	if c.Zone == nil {
		c.Zone = time.FixedZone("UTC+8", 8*3600)
	}
	for p, def := range map[*string]string{&c.Mark: "一网", &c.MarkColour: "#b8322a", &c.River: "#0d5c75", &c.Hotline: "12345"} {
		if *p == "" {
			*p = def
		}
	}
	if m := c.Name.Missing(); len(m) > 0 {
		return nil, fmt.Errorf("web: the city has no name in %v", m)
	}
	palette, err := cityPalette(*c)
	if err != nil {
		return nil, err
	}
	s := &Site{o: o, cross: http.NewCrossOriginProtection()}
	for _, origin := range o.Origins {
		if err := s.cross.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("web: trusted origin %q: %w", origin, err)
		}
	}
	if s.assets, err = loadAssets(palette); err != nil {
		return nil, err
	}
	return s, nil
}

// Wrap goes around the whole of the pages: it sets the security headers,
// refuses posts from other sites, puts the View into the context and turns a
// panic into the page of an internal fault.
func (s *Site) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w, r)
		if strings.HasPrefix(r.URL.Path, staticPrefix) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "private, no-store")
		h.Set("Vary", "Cookie, Accept-Language")
		v := &View{
			Lang: chooseLang(w, r), Elder: chooseElder(w, r), City: s.o.City,
			Path: r.URL.EscapedPath(), Query: r.URL.Query(), Now: s.o.Clock.Now().In(s.o.City.Zone),
			Demo: s.o.Demo, site: s,
		}
		v.Actor = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}
		r = r.WithContext(With(r.Context(), v))
		defer func() {
			if x := recover(); x != nil {
				if x == http.ErrAbortHandler {
					panic(x)
				}
				Fail(w, r, fmt.Errorf("panic: %v\n%s", x, debug.Stack()))
			}
		}()
		if err := s.cross.Check(r); err != nil {
			Fail(w, r, &city.Error{Kind: city.KindForbidden, Message: city.Message{Key: "web.error.cross_origin"}, Err: err})
			return
		}
		if s.o.Visitor != nil {
			vis, err := s.o.Visitor(r)
			if err != nil {
				Fail(w, r, err)
				return
			}
			if vis.Actor.Kind != "" {
				v.Visitor = vis
			}
		}
		next.ServeHTTP(w, r)
	})
}

// secure sets the headers that every answer carries. Neither scripts nor styles
// stand inside pages, so the policy needs no exception.
func secure(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "+
		"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// Page makes a handler of a function that may fail; its error becomes a page.
func Page(f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			Fail(w, r, err)
		}
	})
}

// NotFound answers for addresses that lead nowhere.
func NotFound(w http.ResponseWriter, r *http.Request) {
	Fail(w, r, city.NotFound("error.not_found"))
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render writes a page. It is made in full before the first byte goes out, so
// a fault half-way becomes an error page and not half a page.
func Render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := c.Render(r.Context(), b); err != nil {
		return fmt.Errorf("render %s: %w", r.URL.Path, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := b.WriteTo(w); err != nil {
		// The reader has gone away; there is nobody left to tell.
		ViewOf(r.Context()).site.o.Log.Debug("page not delivered", "path", r.URL.Path, "err", err)
	}
	return nil
}

// Redirect sends the reader on after something was done (303), so that going
// back or reloading does it no second time. Only addresses of our own are taken.
func Redirect(w http.ResponseWriter, r *http.Request, to string) error {
	if !Local(to) {
		return errors.New("redirect to a foreign address: " + to)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// Local reports whether the address is a page of ours, so that a link crafted
// by a stranger can't send people elsewhere after signing in.
func Local(to string) bool {
	return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\r\n\t")
}

// cityPalette is a stylesheet that puts the city's own colours in place of
// ours. Their contrast is checked: a city can't choose to be unreadable.
func cityPalette(c City) (string, error) {
	deep, err := city.MixColours(c.River, "#000000", 0.22)
	if err != nil {
		return "", fmt.Errorf("web: the city's river: %w", err)
	}
	wash, err := city.MixColours(c.River, "#ffffff", 0.9)
	if err != nil {
		return "", fmt.Errorf("web: the city's river: %w", err)
	}
	for _, p := range [][3]string{
		{"river", c.River, "#ffffff"}, {"river", c.River, "#f4f3ef"}, {"river", c.River, wash}, {"mark", c.MarkColour, "#ffffff"},
	} {
		ratio, err := city.Contrast(p[1], p[2])
		if err != nil {
			return "", fmt.Errorf("web: the city's %s: %w", p[0], err)
		}
		if ratio < 4.5 {
			return "", fmt.Errorf("web: the city's %s %s has contrast %.2f on %s, text needs 4.5", p[0], p[1], ratio, p[2])
		}
	}
	return fmt.Sprintf(":root{--river:%s;--river-deep:%s;--river-wash:%s;--mark:%s}\n", c.River, deep, wash, c.MarkColour), nil
}
