package fleet_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	registers "yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/pack"
	"yiwang/web"
	pages "yiwang/web/fleet"
)

var zone = time.FixedZone("CST", 8*3600)

func officer(body city.BodyID, posts ...city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Posts: posts}
}

type town struct {
	*testing.T
	http http.Handler
	who  city.Actor
	acc  *access.Access
	book *register.Book
}

func (w *town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newTown has Jianghai's own registers on 27 November 2026.
func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t}
	p, faults := pack.Load("../../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	d, clock := dbtest.SQLite(t), city.NewSetClock(time.Date(2026, 11, 27, 9, 0, 0, 0, zone))
	raw, err := os.ReadFile("../../cities/jianghai/access/fleet.cedar")
	w.ok(err)
	w.acc, err = access.New(map[string][]byte{"fleet.cedar": raw, "firm.cedar": []byte(`permit(principal is System, action == Action::"firm.add", resource);`)})
	w.ok(err)
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	w.ok(err)
	j := journal.New(d, v)
	dir, err := directory.New(directory.Options{DB: d, Access: w.acc, Journal: j, Clock: clock, Calendar: p.Calendar, Regions: p.Regions, Bodies: p.Bodies})
	w.ok(err)
	r, err := registers.New(context.Background(), registers.Options{DB: d, Journal: j, Access: w.acc, Clock: clock, Directory: dir, Zone: zone})
	w.ok(err)
	_, err = r.Seed(context.Background(), city.SystemActor("test"), p.Registers.Firms, p.Registers.Records)
	w.ok(err)
	w.book = r.Book()
	site, err := web.New(web.Options{City: web.City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Zone: zone}, Clock: clock, Roads: p.Roads,
		Visitor: func(*http.Request) (web.Visitor, error) { return web.Visitor{Actor: w.who}, nil }})
	w.ok(err)
	mux := http.NewServeMux()
	pages.New(pages.Deps{DB: d, Access: w.acc, Registers: r, Region: func(c city.RegionCode) city.Text { return city.Text{ZhHans: string(c), En: string(c)} },
		Frame: func(context.Context, city.Actor, string) web.DeskDoc { return web.DeskDoc{} }}).Routes(mux)
	w.http = site.Wrap(mux)
	return w
}

var inspector = officer("emergency-management", "emergency-management.inspector")

func (w *town) ask(who city.Actor, path string, want int) *html.Node {
	w.Helper()
	w.who = who
	r := httptest.NewRequest("GET", "http://jianghai.example"+path, nil)
	r.Header.Set("Accept-Language", "en")
	out := httptest.NewRecorder()
	w.http.ServeHTTP(out, r)
	if out.Code != want {
		w.Fatalf("%s: %d, want %d: %.600s", path, out.Code, want, out.Body)
	}
	root, err := html.Parse(out.Body)
	w.ok(err)
	return root
}

func words(n *html.Node) string {
	if n == nil {
		return ""
	}
	if n.Type == html.TextNode {
		return n.Data
	}
	var all strings.Builder
	for c := range n.ChildNodes() {
		all.WriteString(words(c) + " ")
	}
	return strings.Join(strings.Fields(all.String()), " ")
}

func all(root *html.Node, selector string) (out []string) {
	for _, n := range cascadia.QueryAll(root, cascadia.MustCompile(selector)) {
		out = append(out, words(n))
	}
	return out
}

func TestSitesAreListedAndNarrowed(t *testing.T) {
	w := newTown(t)
	page := w.ask(inspector, pages.PathSites, 200)
	if rows := all(page, "main tbody tr"); len(rows) != len(w.book.Sites()) {
		t.Errorf("%d rows of %d sites", len(rows), len(w.book.Sites()))
	}
	page = w.ask(inspector, pages.PathSites+"?link=disposal", 200)
	if rows := all(page, "main tbody tr"); len(rows) != 2 || !strings.Contains(rows[0], "Disposal") {
		t.Errorf("%q", rows)
	}
	if now := all(page, `.chips [aria-current="true"]`); len(now) != 1 || now[0] != "Disposal" {
		t.Errorf("chosen: %q", now)
	}
	if rows := all(w.ask(inspector, pages.PathSites+"?q=nowhere", 200), "main tbody tr"); len(rows) != 0 {
		t.Errorf("%q", rows)
	}
	page = w.ask(inspector, pages.PathVehicles+"?use=hazmat", 200)
	rows := all(page, "main tbody tr")
	if len(rows) != 50 || len(all(page, ".pager [rel=next]")) != 1 {
		t.Errorf("%d rows on the first page", len(rows))
	}
	link := cascadia.Query(page, cascadia.MustCompile(".pager [rel=next]"))
	next := ""
	for _, a := range link.Attr {
		if a.Key == "href" {
			next = a.Val
		}
	}
	if second := all(w.ask(inspector, next, 200), "main tbody tr"); len(second) == 0 || second[0] == rows[0] {
		t.Errorf("the second page begins %q", second)
	}
}

func TestASiteOnTwoDays(t *testing.T) {
	w := newTown(t)
	page := w.ask(inspector, pages.SitePath("hx-changdi", city.Date{}), 200)
	if tags := strings.Join(all(page, "header .tag"), "; "); tags != "Closed; No licence in force" {
		t.Errorf("today: %s", tags)
	}
	if said := strings.Join(all(page, "main table tbody tr"), "\n"); !strings.Contains(said, "Cancelled") || !strings.Contains(said, "site:hx-changdi@2") || !strings.Contains(said, "Worked at night") {
		t.Errorf("today:\n%s", said)
	}
	if facts := strings.Join(all(page, "dl.sheet div"), "; "); !strings.Contains(facts, "长堤助剂厂") || !strings.Contains(facts, "Production") {
		t.Errorf("facts: %s", facts)
	}
	if n := len(all(page, "figure.map")); n != 1 {
		t.Errorf("%d maps", n)
	}
	then := city.Date{Year: 2024, Month: 5, Day: 1}
	page = w.ask(inspector, pages.SitePath("hx-changdi", then), 200)
	if tags := strings.Join(all(page, "header .tag"), "; "); !strings.HasPrefix(tags, "Operating") {
		t.Errorf("then: %s", tags)
	}
	if said := strings.Join(all(page, ".notice"), "; "); !strings.Contains(said, "1 May 2024") {
		t.Errorf("the page doesn't say of which day it is: %s", said)
	}
	w.ask(inspector, pages.SitePath("hx-changdi", city.Date{Year: 2000, Month: 1, Day: 1}), 404)
	w.ask(inspector, pages.SitePath("nowhere", city.Date{}), 404)
	w.ask(inspector, pages.PathSites+"?on=yesterday", 422)
	page = w.ask(inspector, pages.SitePath("wh-gang", city.Date{}), 200)
	if said := strings.Join(all(page, "main table"), "\n"); !strings.Contains(said, "Petrol (UN1203) 12000 t") || !strings.Contains(said, "Tank") || !strings.Contains(said, "Inspection counts") {
		t.Errorf("the tank farm:\n%s", said)
	}
}

func TestAVehicle(t *testing.T) {
	w := newTown(t)
	var v *register.Vehicle
	for _, s := range w.book.Sheets() {
		if v = w.book.Vehicle(s.Vehicle); v != nil {
			break
		}
	}
	page := w.ask(inspector, pages.VehiclePath(v.ID, city.Date{}), 200)
	said := words(cascadia.Query(page, cascadia.MustCompile("main")))
	for _, want := range []string{string(v.ID), "Dangerous goods", "In use", v.Terminal, v.Permit.Number, "In force", w.book.FirmName(v.Firm), string(w.book.SheetsOf(v.ID)[0].ID), "km", "250 m", "vehicle:" + string(v.ID) + "@1"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page doesn't say %q: %s", want, said)
		}
	}
	if strings.Contains(said, string(w.book.SheetsOf(v.ID)[0].Driver)) {
		t.Error("the page shows the digest of the driver's certificate")
	}
	page = w.ask(inspector, pages.VehiclePath(v.ID, city.Date{Year: 2031, Month: 1, Day: 1}), 200)
	if said := words(cascadia.Query(page, cascadia.MustCompile("dl.sheet"))); !strings.Contains(said, "Expired") {
		t.Errorf("in 2031: %s", said)
	}
	w.ask(inspector, pages.PathVehicles+"/"+url.PathEscape("nobody"), 404)
}

func TestWhoMayLook(t *testing.T) {
	w := newTown(t)
	for _, who := range []city.Actor{inspector, officer("transport", "transport.clerk"), officer("audit", "audit.auditor"), officer("operations-center", "operations-center.commander")} {
		w.ask(who, pages.PathSites, 200)
		if !pages.May(w.acc, who) {
			t.Errorf("no entry in the menu for %v", who.Posts)
		}
	}
	for _, who := range []city.Actor{officer("civil-affairs", "civil-affairs.clerk"), officer("operations-center", "operations-center.operator"), {Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID()}} {
		for _, path := range []string{pages.PathSites, pages.PathVehicles, pages.SitePath("wh-gang", city.Date{})} {
			w.ask(who, path, 403)
		}
		if pages.May(w.acc, who) {
			t.Errorf("an entry in the menu for %v", who.Posts)
		}
	}
}
