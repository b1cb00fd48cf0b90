package desk

import (
	"bytes"
	"context"
	"fmt"
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
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/identity"
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
	licences *credential.Registry
	items    *serviceitem.Service
	identity *identity.Identity
	who      city.Actor // signed in
	http     http.Handler
	me       city.PersonID
	number   string // my citizen number
}

type club struct {
	Regions  directory.RegionDef
	Bodies   []directory.BodyDef
	Kinds    []casework.Kind
	Types    []credential.Type
	Item     serviceitem.Item
	Form     form.Form
	Rule     rule.Definition
	Policies string
}

var program = city.SystemActor("test")

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{TB: t, db: dbtest.SQLite(t), clock: city.NewSetClock(monday)}
	raw, err := os.ReadFile("testdata/club.yaml")
	w.ok(err)
	uscc := city.NewUSCC("11", "990100", 1)
	var c club
	w.ok(yaml.Unmarshal(bytes.ReplaceAll(raw, []byte("USCC1"), []byte(uscc)), &c))
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
	w.identity, err = identity.New(identity.Options{DB: w.db, Access: w.access, Journal: w.journal, Directory: w.dir, Clock: w.clock, AnyPassword: true})
	w.ok(err)
	compiled, err := rule.Compile(c.Rule)
	w.ok(err)
	w.register, err = algorithm.New(ctx, algorithm.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal, Rules: []*rule.Rule{compiled}})
	w.ok(err)
	w.ok(w.register.Publish(ctx, program))
	w.licences, err = credential.New(ctx, credential.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Zone: zone, City: "9901",
		Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Types: c.Types, Keys: t.TempDir(), ListURL: "http://localhost/status/",
		Issuers: map[city.BodyID]credential.Issuer{"club": {Code: uscc, Name: c.Bodies[0].Name}}})
	w.ok(err)
	blobs, err := serviceitem.OpenBlobs(t.TempDir())
	w.ok(err)
	f, err := form.Compile(c.Form, form.Regions(w.dir.HasRegion))
	w.ok(err)
	w.items, err = serviceitem.New(serviceitem.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal, Directory: w.dir,
		Rules: w.register, Licences: w.licences, Blobs: blobs, Items: []serviceitem.Item{c.Item}, Forms: map[city.FormID]*form.Compiled{"tennis": f},
		Hotline: "12345", BadReview: "complaint"})
	w.ok(err)
	w.engine, err = casework.New(ctx, casework.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal,
		Prefix: "TC", Kinds: c.Kinds, Effects: w.items.Effects()})
	w.ok(err)
	w.ok(w.items.Bind(w.engine))
	w.ok(w.items.Publish(ctx, program))
	w.people()

	site, err := web.New(web.Options{City: web.City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Zone: zone}, Clock: w.clock,
		Log:     slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Visitor: func(*http.Request) (web.Visitor, error) { return web.Visitor{Actor: w.who}, nil }})
	w.ok(err)
	mux := http.NewServeMux()
	mux.Handle("GET /static/", site.Static())
	desk := New(Deps{DB: w.db, Access: w.access, Directory: w.dir, Identity: w.identity, Cases: w.engine, Items: w.items, Algorithms: w.register, Credentials: w.licences})
	mux.Handle("/desk", desk)
	mux.Handle("/desk/", desk)
	w.http = site.Wrap(mux)
	return w
}

// people enters who comes to the desk and who sits at it.
func (w *world) people() {
	w.Helper()
	// A test that ends inside a transaction would never end.
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		born := city.Date{Year: 1998, Month: 5, Day: 4}
		w.number = city.NewCitizenNumber("990101", born, 1, true)
		if w.me, err = w.dir.AddPerson(ctx, tx, program, directory.Person{Name: "林小满", CitizenNumber: w.number, Region: "990101"}); err != nil {
			return err
		}
		_, err = w.licences.Issue(ctx, tx, program, credential.Request{Cause: "health", Type: "health-certificate", From: city.Date{Year: 2026, Month: 1, Day: 1}, Until: city.Date{Year: 2027, Month: 1, Day: 1},
			Holder: credential.Holder{Person: w.me, Name: "林小满", Code: w.number}, Fields: map[string]string{"result": "good"}})
		if err != nil {
			return err
		}
		for i, a := range []*city.Actor{&porter, &porter2} {
			if a.Person, err = w.dir.AddPerson(ctx, tx, program, directory.Person{Name: a.Name, BirthDate: born, Region: "990101"}); err != nil {
				return err
			}
			if err := w.dir.Appoint(ctx, tx, program, directory.Holding{Post: a.Posts[0], Person: a.Person}); err != nil {
				return err
			}
			a.Account, err = w.identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: city.Officer, Person: a.Person, Login: fmt.Sprint("porter", i)})
			if err != nil {
				return err
			}
		}
		return nil
	}))
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
	return map[string]any{"region": "990101", "court": []string{"clay", "grass"}, "years": 3}
}

// racket is a small PDF, whole enough to be taken.
const racket = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"

// file applies as the resident does.
func (w *world) file(answers map[string]any) casework.Case {
	w.Helper()
	c, err := w.items.File(context.Background(), w.resident(), serviceitem.Filing{Item: "tennis", Answers: answers, Materials: map[string]serviceitem.Handed{
		"racket_photo": {Inline: []serviceitem.InlineFile{{Name: "球拍.pdf", Content: []byte(racket)}}},
		"health":       {Fetch: true},
		"letter":       {Later: true},
	}})
	w.ok(err)
	return c
}

// opened is a case that waits at the front desk: the rule has looked at it.
func (w *world) opened() casework.Case {
	w.Helper()
	c := w.file(answers())
	_, err := w.items.Decide(context.Background())
	w.ok(err)
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = w.engine.Get(ctx, tx, system, c.Number)
		return err
	}))
	return c
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
