package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
	"yiwang/journal"
	"yiwang/rule"
	"yiwang/serviceitem"
	"yiwang/web"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

var zone = time.FixedZone("CST", 8*3600)

// monday is a working day at 10:00.
var monday = time.Date(2026, 11, 16, 10, 0, 0, 0, zone)

// world is the tennis club with its desk.
type world struct {
	testing.TB
	db       *db.DB
	clock    *city.SetClock
	journal  *journal.Journal
	access   *access.Access
	engine   *casework.Engine
	dir      *directory.Directory
	register *algorithm.Register
	items    *clubItems
	files    clubFiles
	who      city.Actor // signed in
	http     http.Handler
	me       city.PersonID
}

type club struct {
	Regions  directory.RegionDef
	Bodies   []directory.BodyDef
	Kinds    []casework.Kind
	Item     serviceitem.Item
	Form     form.Form
	Rule     rule.Definition
	Policies string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, db: dbtest.SQLite(t), clock: city.NewSetClock(monday), files: clubFiles{}}
	raw, err := os.ReadFile("testdata/club.yaml")
	w.ok(err)
	var c club
	w.ok(yaml.Unmarshal(raw, &c))
	vault, err := journal.NewVault(make([]byte, 32))
	w.ok(err)
	w.journal = journal.New(w.db, vault)
	w.access, err = access.New(map[string][]byte{"club.cedar": []byte(c.Policies)})
	w.ok(err)
	cal := &city.Calendar{Zone: zone, Office: []city.Hours{{From: 9 * 60, To: 12 * 60}, {From: 13*60 + 30, To: 17 * 60}}}
	for i := range c.Bodies { // made-up numbers, with their check characters
		c.Bodies[i].USCC = city.NewUSCC("11", "990100", i+1)
	}
	w.dir, err = directory.New(directory.Options{DB: w.db, Access: w.access, Journal: w.journal, Clock: w.clock, Calendar: cal, Regions: c.Regions, Bodies: c.Bodies})
	w.ok(err)
	compiled, err := rule.Compile(c.Rule)
	w.ok(err)
	w.register, err = algorithm.New(context.Background(), algorithm.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal, Rules: []*rule.Rule{compiled}})
	w.ok(err)
	w.ok(w.register.Publish(context.Background(), city.SystemActor("test")))
	w.engine, err = casework.New(context.Background(), casework.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal,
		Prefix: "TC", Kinds: c.Kinds, Effects: map[string]casework.EffectFunc{
			"issue": func(context.Context, *db.Tx, casework.EffectCall) error { return nil },
		}})
	w.ok(err)
	f, err := form.Compile(c.Form)
	w.ok(err)
	w.items = &clubItems{w: w, item: c.Item, form: f}
	w.me = city.NewPersonID()

	site, err := web.New(web.Options{City: web.City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Zone: zone}, Clock: w.clock,
		Log:     slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Visitor: func(*http.Request) (web.Visitor, error) { return web.Visitor{Actor: w.who}, nil }})
	w.ok(err)
	mux := http.NewServeMux()
	mux.Handle("GET /static/", site.Static())
	mux.Handle("/desk", New(w.deps()))
	mux.Handle("/desk/", New(w.deps()))
	w.http = site.Wrap(mux)
	return w
}

func (w *world) deps() Deps {
	return Deps{DB: w.db, Engine: w.engine, Directory: w.dir, Items: w.items, Register: w.register, Files: w.files, Staff: clubStaff{},
		Actor: func(r *http.Request) city.Actor { return web.ViewOf(r.Context()).Actor }}
}

type testLog struct{ testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// clubItems stands in for the service items.
type clubItems struct {
	w    *world
	item serviceitem.Item
	form *form.Compiled
}

func (c *clubItems) Item(code city.ItemCode) (serviceitem.Item, bool) {
	return c.item, code == c.item.Code
}
func (c *clubItems) Form(code city.ItemCode) (*form.Compiled, bool) {
	return c.form, code == c.item.Code
}
func (c *clubItems) Application(payload []byte) (a Application, err error) {
	return a, json.Unmarshal(payload, &a)
}
func (c *clubItems) AtCounter(a city.Actor) []serviceitem.Item {
	if a.Holds("club.porter") {
		return []serviceitem.Item{c.item}
	}
	return nil
}
func (c *clubItems) Known(context.Context, city.Actor, Filing) (map[string]any, error) {
	return map[string]any{"name": "林小满", "born": "1998-05-04"}, nil
}
func (c *clubItems) File(ctx context.Context, a city.Actor, f Filing) (casework.Case, error) {
	return c.w.file(a, f.Person, "林小满", f.Answers, f.Key), nil
}

type clubFiles map[city.BlobID]string

func (c clubFiles) Open(_ context.Context, id city.BlobID) (io.ReadSeekCloser, error) {
	s, ok := c[id]
	if !ok {
		return nil, city.NotFound("error.not_found")
	}
	return nopCloser{strings.NewReader(s)}, nil
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

type clubStaff struct{}

func (clubStaff) Colleagues(_ context.Context, _ *db.Tx, _ city.Actor, p city.PostID, _ city.RegionCode) ([]Colleague, error) {
	return []Colleague{{Account: porter2.Account, Name: "周岚"}}, nil
}

func officer(body city.BodyID, name string, posts ...string) city.Actor {
	a := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Name: name, Channel: city.ChannelWeb}
	for _, p := range posts {
		a.Posts = append(a.Posts, city.PostID(string(body)+"."+p))
	}
	return a
}

var (
	porter    = officer("club", "陈默", "porter")
	porter2   = officer("club", "周岚", "porter")
	coach     = officer("club", "方舟", "coach")
	elder     = officer("club", "何江", "elder")
	elder2    = officer("federation", "沈一", "elder")
	president = officer("club", "顾远", "head")
	system    = city.SystemActor("rule:old-hand")
)

func (w *world) resident() city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: w.me, Channel: city.ChannelWeb, Name: "林小满"}
}

// answers are those of the ordinary application.
func answers() map[string]any {
	return map[string]any{"name": "林小满", "born": "1998-05-04", "region": "990101", "court": []string{"clay", "grass"}, "years": 3}
}

// file opens a case as serviceitem does.
func (w *world) file(a city.Actor, person city.PersonID, title string, answers map[string]any, key string) (c casework.Case) {
	w.Helper()
	blob := city.NewBlobID()
	w.files[blob] = "%PDF-1.4 racket"
	app := Application{Answers: answers,
		Sources: map[string]Source{"name": {From: "register:person.name", At: w.clock.Now()}, "born": {From: "register:person.birth_date", At: w.clock.Now()}},
		Materials: []Material{
			{ID: "racket_photo", Name: "球拍.pdf", Blob: blob, Size: 204800, Media: "application/pdf", At: w.clock.Now()},
			{ID: "health", Licence: "1.2.156.3005.2.x", At: w.clock.Now()},
		}}
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = w.engine.Open(ctx, tx, a, casework.Opening{Kind: "membership", Item: "tennis", Applicant: person, Key: key, Region: "990101",
			Params: map[string]string{"body": "club", "card": "gold", "rule": "old-hand"}, Promise: city.Limit{N: 10, Unit: city.WorkingDays},
			Title: title, Payload: app})
		return err
	}))
	return c
}

// decide lets the rule speak and gives the case to an officer.
func (w *world) decide(c casework.Case) casework.Case {
	w.Helper()
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := w.register.Run(ctx, tx, system, "old-hand", algorithm.Matter{Case: c.Number, Applicant: c.Applicant, Body: "club", Key: c.Key}, map[string]rule.Fact{
			"born":  {Value: city.Date{Year: 1998, Month: 5, Day: 4}, Source: "register:person.birth_date", At: w.clock.Now()},
			"years": {Value: int64(3), Source: "answer:years", At: w.clock.Now()},
		})
		return err
	}))
	return w.do(system, c, casework.Action{Name: "to_officer"})
}

// opened is a case that waits at the front desk.
func (w *world) opened(title string) casework.Case {
	w.Helper()
	return w.decide(w.file(city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: w.me, Channel: city.ChannelWeb}, w.me, title, answers(), ""))
}

func (w *world) do(a city.Actor, c casework.Case, act casework.Action) casework.Case {
	w.Helper()
	c, err := w.engine.Do(context.Background(), a, c.Number, act)
	w.ok(err)
	return c
}

// page is an answer of the desk, parsed.
type page struct {
	*world
	*httptest.ResponseRecorder
	doc *html.Node
}

func (w *world) send(a city.Actor, r *http.Request) *page {
	w.Helper()
	w.who = a
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	doc, err := html.Parse(bytes.NewReader(rec.Body.Bytes()))
	w.ok(err)
	return &page{w, rec, doc}
}

func (w *world) get(a city.Actor, path string) *page {
	w.Helper()
	return w.send(a, httptest.NewRequest("GET", path, nil))
}

func (w *world) post(a city.Actor, path string, form url.Values) *page {
	w.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(a, r)
}

func (p *page) all(selector string) []*html.Node {
	return cascadia.QueryAll(p.doc, cascadia.MustCompile(selector))
}

// text is what the elements say together.
func (p *page) text(selector string) string {
	var b strings.Builder
	for _, n := range p.all(selector) {
		b.WriteString(words(n))
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

func (p *page) one(selector string) *html.Node {
	p.Helper()
	list := p.all(selector)
	if len(list) != 1 {
		p.Fatalf("%d times %s in %s", len(list), selector, p.text("main"))
	}
	return list[0]
}

func (p *page) is(status int) *page {
	p.Helper()
	if p.Code != status {
		p.Fatalf("status %d, want %d: %s", p.Code, status, p.text("main"))
	}
	return p
}

func (p *page) says(selector string, all ...string) {
	p.Helper()
	said := p.text(selector)
	for _, s := range all {
		if !strings.Contains(said, s) {
			p.Errorf("%s lacks %q: %s", selector, s, said)
		}
	}
}

// form is what the form with the action would send, ready to be changed.
func (p *page) form(action string) (string, url.Values) {
	p.Helper()
	f := p.one(`form[action*="/` + action + `"]`)
	v := url.Values{}
	for _, in := range cascadia.QueryAll(f, cascadia.MustCompile("input[name], textarea[name], select[name]")) {
		switch t := attr(in, "type"); {
		case in.Data == "textarea":
			v.Set(attr(in, "name"), strings.TrimPrefix(words(in), "\n"))
		case in.Data == "select":
			for _, o := range cascadia.QueryAll(in, cascadia.MustCompile("option[selected]")) {
				v.Set(attr(in, "name"), attr(o, "value"))
			}
		case t == "radio" || t == "checkbox":
			if has(in, "checked") {
				v.Add(attr(in, "name"), attr(in, "value"))
			}
		default:
			v.Set(attr(in, "name"), attr(in, "value"))
		}
	}
	return attr(f, "action"), v
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
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
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
	return strings.Join(strings.Fields(b.String()), " ")
}
