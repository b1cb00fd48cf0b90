package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"yiwang/city"
)

// City is what the shell has to know of the city it stands for.
type City struct {
	Code       string
	Name       city.Text
	Hotline    string // the number that a person answers, "12345"
	Mark       string // one or two characters inside the seal, "一网"
	MarkColour string // "#b8322a"; white is read on it
	River      string // "#0d5c75"; the colour of actions and links
	Zone       *time.Location
	Reports    bool // takes reports of what is wrong in the streets
}

// Visitor is who a request comes from, as the session says.
type Visitor struct {
	Actor     city.Actor
	ActingFor string // name of the person or firm acted for, "" for oneself
	Unread    int    // notices not read yet
}

// View is one request as its page sees it: the reader, the language, the place
// and the moment. It is made by Site.Wrap and never changed afterwards, except
// Path by a handler whose page is read at another address than it was posted to.
type View struct {
	Visitor
	Lang  city.Lang
	Elder bool // elder mode: larger type, larger targets, fewer things
	City  City
	Path  string     // address of the page, to come back to
	Query url.Values // of the address
	Now   time.Time  // in the city's zone; one for the whole page
	Demo  bool       // a made-up city; the shell says so

	site *Site
}

type viewKey struct{}

// With puts the view into the context.
func With(ctx context.Context, v *View) context.Context {
	return context.WithValue(ctx, viewKey{}, v)
}

// ViewOf is the view of the request. A component rendered outside Site.Wrap or
// With is a fault of the program.
func ViewOf(ctx context.Context) *View {
	v, ok := ctx.Value(viewKey{}).(*View)
	if !ok {
		panic("web: no view in the context; the handler is not inside Site.Wrap")
	}
	return v
}

// HasView reports whether the context carries a view.
func HasView(ctx context.Context) bool {
	_, ok := ctx.Value(viewKey{}).(*View)
	return ok
}

// SignedIn reports whether somebody is signed in.
func (v *View) SignedIn() bool {
	return v.Actor.Kind == city.Resident || v.Actor.Kind == city.Officer
}

// Here is the address of the page with one parameter of its query set, or taken
// out when value is "".
func (v *View) Here(param, value string) string {
	q := url.Values{}
	for k, vs := range v.Query {
		if k != "lang" && k != "elder" {
			q[k] = vs
		}
	}
	if value == "" {
		q.Del(param)
	} else {
		q.Set(param, value)
	}
	if len(q) == 0 {
		return v.Path
	}
	return v.Path + "?" + q.Encode()
}

// OtherLang is the language that the switch offers.
func (v *View) OtherLang() city.Lang {
	if v.Lang == city.English {
		return city.Chinese
	}
	return city.English
}

// T says a text of the catalogue in the reader's language; arguments as in
// city.Say.
func T(ctx context.Context, key string, args ...any) string {
	return city.Say(ViewOf(ctx).Lang, key, zoned(ctx, args)...)
}

// In gives a text in the reader's language.
func In(ctx context.Context, t city.Text) string { return t.In(ViewOf(ctx).Lang) }

// Tell says a message in the reader's language.
func Tell(ctx context.Context, m city.Message) string { return T(ctx, m.Key, m.Args...) }

// Words is a text of the catalogue in every language, for parts that take a
// Text: a field of ours beside fields of the pack.
func Words(key string, args ...any) city.Text {
	return city.Text{ZhHans: city.Say(city.Chinese, key, args...), En: city.Say(city.English, key, args...)}
}

// Plain is a text that is the same in every language: a name, a number, what
// somebody typed.
func Plain(s string) city.Text { return city.Text{ZhHans: s, En: s} }

// zoned moves moments among the arguments into the city's zone, so that they
// are said as the city's clocks show them.
func zoned(ctx context.Context, args []any) []any {
	v := ViewOf(ctx)
	if v.City.Zone == nil {
		return args
	}
	var out []any
	for i, a := range args {
		if t, ok := a.(time.Time); ok {
			if out == nil {
				out = append([]any(nil), args...)
			}
			out[i] = t.In(v.City.Zone)
		}
	}
	if out == nil {
		return args
	}
	return out
}

const (
	langCookie  = "yw_lang"
	elderCookie = "yw_elder"
	yearSeconds = 365 * 24 * 3600
)

// chooseLang takes ?lang=, then the cookie, then Accept-Language. A choice in
// the address is kept in the cookie.
func chooseLang(w http.ResponseWriter, r *http.Request) city.Lang {
	for _, l := range city.Langs {
		if r.URL.Query().Get("lang") == string(l) {
			keepChoice(w, r, langCookie, string(l))
			return l
		}
	}
	if c, err := r.Cookie(langCookie); err == nil {
		for _, l := range city.Langs {
			if c.Value == string(l) {
				return l
			}
		}
	}
	return city.LangOf(r.Header.Get("Accept-Language"))
}

// chooseElder takes ?elder=, then the cookie.
func chooseElder(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Query().Get("elder") {
	case "1":
		keepChoice(w, r, elderCookie, "1")
		return true
	case "0":
		keepChoice(w, r, elderCookie, "0")
		return false
	}
	c, err := r.Cookie(elderCookie)
	return err == nil && c.Value == "1"
}

func keepChoice(w http.ResponseWriter, r *http.Request, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: yearSeconds,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
}
