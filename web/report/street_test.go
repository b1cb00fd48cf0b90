package report_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
	"yiwang/journal"
	"yiwang/pack"
	"yiwang/serviceitem"
	"yiwang/web"
	"yiwang/web/report"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

var (
	zone   = time.FixedZone("Asia/Shanghai", 8*3600)
	monday = time.Date(2026, 11, 23, 10, 0, 0, 0, zone)

	haitang = map[string]string{"place.lat": "31.933", "place.lon": "121.040"} // in Haitang Street
)

// cities are read once: a pack never changes.
var cities = map[string]func() (*pack.City, []pack.Fault){
	"jianghai": sync.OnceValues(func() (*pack.City, []pack.Fault) { return pack.Load("../../cities/jianghai") }),
	"hudson":   sync.OnceValues(func() (*pack.City, []pack.Fault) { return pack.Load("../../cities/hudson") }),
}

// streets are a city with its pages for reporters.
type streets struct {
	testing.TB
	db        *db.DB
	clock     *city.SetClock
	cases     *casework.Engine
	incidents *incident.Service
	url       string
	visitor   city.Actor // who is signed in; nobody when empty
}

func newStreets(t testing.TB, d *db.DB, name string) *streets {
	t.Helper()
	ctx := context.Background()
	w := &streets{TB: t, db: d, clock: city.NewSetClock(monday)}
	p, faults := cities[name]()
	for _, f := range faults {
		t.Fatal(f)
	}
	vault, err := journal.NewVault(make([]byte, 32))
	w.ok(err)
	events := journal.New(d, vault)
	asks, err := access.New(p.Policies)
	w.ok(err)
	dir, err := directory.New(directory.Options{DB: d, Access: asks, Journal: events, Clock: w.clock, Calendar: p.Calendar, Regions: p.Regions, Bodies: p.Bodies})
	w.ok(err)
	blobs, err := serviceitem.OpenBlobs(t.TempDir())
	w.ok(err)
	settings := p.Site.Incidents
	settings.Inspection = "" // nothing notices anything here
	w.incidents = incident.New(incident.Options{DB: d, Journal: events, Access: asks, Clock: w.clock, Directory: dir, Groups: p.Groups, Settings: settings, Blobs: blobs})
	kinds := slices.DeleteFunc(slices.Clone(p.Kinds), func(k casework.Kind) bool {
		return k.ID != p.Site.Incidents.Kind && k.ID != p.Site.Incidents.Supervision
	})
	w.cases, err = casework.New(ctx, casework.Options{DB: d, Journal: events, Access: asks, Clock: w.clock, Calendar: p.Calendar,
		Prefix: p.Site.NumberPrefix, Kinds: kinds, Effects: w.incidents.Effects()})
	w.ok(err)
	w.ok(w.incidents.Bind(w.cases))
	site, err := web.New(web.Options{Roads: p.Roads, City: web.City{Code: string(p.Site.Code), Name: p.Site.Name, Hotline: p.Site.Hotline, Zone: p.Zone, Reports: true}, Clock: w.clock,
		Log: slog.New(slog.NewTextHandler(lines{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Visitor: func(*http.Request) (web.Visitor, error) {
			return web.Visitor{Actor: w.visitor}, nil
		}})
	w.ok(err)
	mux := http.NewServeMux()
	report.New(report.Deps{DB: d, Incidents: w.incidents, Directory: dir, Clock: w.clock}).Routes(mux)
	mux.HandleFunc("/", web.NotFound)
	mux.Handle("GET /static/", site.Static())
	mux.Handle("GET "+web.MapPath, site.Map())
	srv := httptest.NewServer(site.Wrap(mux))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func jianghai(t testing.TB) *streets { return newStreets(t, dbtest.SQLite(t), "jianghai") }

type lines struct{ testing.TB }

func (l lines) Write(b []byte) (int, error) {
	l.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (w *streets) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *streets) reports(r incident.Report) incident.Receipt {
	w.Helper()
	got, err := w.incidents.Report(context.Background(), city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}, r)
	w.ok(err)
	return got
}

func (w *streets) acts(n city.CaseNumber, post city.PostID, a casework.Action) {
	w.Helper()
	actor := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: post.Body(), Posts: []city.PostID{post}, Channel: city.ChannelPhone}
	if _, err := w.cases.Do(context.Background(), actor, n, a); err != nil {
		w.Fatalf("%s on %s: %v", a.Name, n, err)
	}
}

// mends has the matter mended, with a picture of how it is now, and checked.
func (w *streets) mends(n city.CaseNumber, post city.PostID) {
	w.Helper()
	actor := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: post.Body(), Posts: []city.PostID{post}, Channel: city.ChannelMobile}
	_, err := w.incidents.AddPhoto(context.Background(), actor, n, incident.NewPhoto{Role: incident.RoleAfter, Raw: photo(64, 48), Key: "after"})
	w.ok(err)
	_, err = w.cases.Do(context.Background(), actor, n, casework.Action{Name: "done"})
	w.ok(err)
	w.acts(n, "operations-center.reviewer", casework.Action{Name: "passed"})
}

// photo is a picture as a telephone takes it.
func photo(w, h int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), 90, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// reader is somebody whose browser runs no scripts.
type reader struct {
	*streets
	client *http.Client
	lang   city.Lang

	status int
	head   http.Header
	at     string
	been   []string // every address that was asked for
	body   []byte
	doc    *html.Node
}

func (w *streets) visit() *reader {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.ok(err)
	v := &reader{streets: w, lang: city.English}
	v.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		v.been = append(v.been, r.URL.String())
		return nil
	}}
	return v
}

func (v *reader) send(method, path, kind string, body io.Reader) *reader {
	v.Helper()
	r, err := http.NewRequest(method, v.url+path, body)
	v.ok(err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept-Language", string(v.lang))
	v.been = append(v.been, r.URL.String())
	res, err := v.client.Do(r)
	v.ok(err)
	defer res.Body.Close()
	v.status, v.head, v.at = res.StatusCode, res.Header, res.Request.URL.RequestURI()
	v.body, err = io.ReadAll(res.Body)
	v.ok(err)
	if strings.HasPrefix(v.head.Get("Content-Type"), "text/html") {
		v.doc, err = html.Parse(bytes.NewReader(v.body))
		v.ok(err)
		v.sane()
	}
	return v
}

// keys are names of texts that were not found.
var keys = regexp.MustCompile(`\b(report|incident|case|web|error)\.[a-z_]+\b`)

// sane is what no page may lack or say.
func (v *reader) sane() {
	v.Helper()
	said := v.text("html")
	if key := keys.FindString(said); key != "" {
		v.Errorf("%s says %q", v.at, key)
	}
	for _, bad := range []string{"%!", "<nil>", "{n", "{due", "{body", "{class", "**"} {
		if i := strings.Index(said, bad); i >= 0 {
			v.Errorf("%s says %q", v.at, said[max(0, i-40):min(len(said), i+40)])
		}
	}
	if n := len(v.all("h1")); n > 1 || n == 0 && len(v.all("header")) > 0 { // a part of a page has none
		v.Errorf("%s has %d h1", v.at, n)
	}
	for _, n := range v.all("[style], style, script:not([src]), [onclick]") {
		v.Errorf("%s: %s holds what the content policy forbids", v.at, n.Data)
	}
	ids := map[string]bool{}
	for _, n := range v.all("[id]") {
		if ids[attr(n, "id")] {
			v.Errorf("%s: id %q stands twice", v.at, attr(n, "id"))
		}
		ids[attr(n, "id")] = true
	}
	for _, n := range v.all("[aria-describedby], label[for], .faults a") {
		for _, id := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "for") + " " + strings.TrimPrefix(attr(n, "href"), "#")) {
			if !ids[id] {
				v.Errorf("%s: %s leads to #%s, which is not there", v.at, n.Data, id)
			}
		}
	}
	level := 0
	for _, n := range v.all("h1, h2, h3, h4") {
		l := int(n.Data[1] - '0')
		if l > level+1 {
			v.Errorf("%s: after h%d comes h%d", v.at, level, l)
		}
		level = l
	}
}

func (v *reader) get(path string) *reader {
	v.Helper()
	return v.send(http.MethodGet, path, "", nil)
}

// fill sends the form at the address as it stands, with values in place of those
// that it has, and photos.
func (v *reader) fill(action string, values map[string]string, photos ...[]byte) *reader {
	v.Helper()
	form := v.one(`form[action="` + action + `"]`)
	typed := url.Values{}
	for _, in := range all(form, "input[name], textarea[name], select[name]") {
		name := attr(in, "name")
		switch {
		case in.Data == "textarea":
			typed.Set(name, strings.TrimPrefix(words(in), "\n"))
		case in.Data == "select":
			for _, o := range all(in, "option[selected]") {
				typed.Set(name, attr(o, "value"))
			}
		case attr(in, "type") == "file":
		case attr(in, "type") == "radio" || attr(in, "type") == "checkbox":
			if has(in, "checked") {
				typed.Add(name, attr(in, "value"))
			}
		default:
			typed.Add(name, attr(in, "value"))
		}
	}
	for name, value := range values {
		typed.Set(name, value)
	}
	if attr(form, "enctype") != "multipart/form-data" {
		return v.send(http.MethodPost, action, "application/x-www-form-urlencoded", strings.NewReader(typed.Encode()))
	}
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, list := range typed {
		for _, value := range list {
			v.ok(m.WriteField(name, value))
		}
	}
	for i, raw := range photos {
		part, err := m.CreateFormFile("photos", "photo"+string(rune('a'+i))+".jpg")
		v.ok(err)
		_, err = part.Write(raw)
		v.ok(err)
	}
	v.ok(m.Close())
	return v.send(http.MethodPost, action, m.FormDataContentType(), &b)
}

func (v *reader) expect(status int, texts ...string) *reader {
	v.Helper()
	if v.status != status {
		v.Fatalf("%s: status %d, want %d: %.600s", v.at, v.status, status, v.text("main"))
	}
	for _, want := range texts {
		if !strings.Contains(v.text("html"), want) {
			v.Errorf("%s doesn't say %q: %.600s", v.at, want, v.text("main"))
		}
	}
	return v
}

func (v *reader) all(selector string) []*html.Node { return all(v.doc, selector) }

func (v *reader) one(selector string) *html.Node {
	v.Helper()
	list := v.all(selector)
	if len(list) == 0 {
		v.Fatalf("%s has no %s: %s", v.at, selector, v.text("main"))
	}
	return list[0]
}

func (v *reader) text(selector string) string {
	var out []string
	for _, n := range v.all(selector) {
		out = append(out, strings.Join(strings.Fields(words(n)), " "))
	}
	return strings.Join(out, " ")
}

func all(n *html.Node, selector string) []*html.Node {
	return cascadia.QueryAll(n, cascadia.MustCompile(selector))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func words(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}
