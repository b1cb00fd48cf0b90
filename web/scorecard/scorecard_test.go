package scorecard_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/scorecard"
	"yiwang/web"
	pages "yiwang/web/scorecard"
)

var (
	zone  = time.FixedZone("CST", 8*3600)
	chief = officer("operations-center", "operations-center.commander")
	audit = officer("audit", "audit.auditor")
	clerk = officer("urban", "urban.clerk")
)

func officer(body city.BodyID, posts ...city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Posts: posts}
}

type town struct {
	*testing.T
	http http.Handler
	who  city.Actor
	s    *scorecard.Scorecard
	j    *journal.Journal
	db   *db.DB
	at   *city.SetClock
}

func (w *town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newTown has a month of seven matters: six of one body, one of which is overdue,
// and one that nobody took.
func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t, db: dbtest.SQLite(t), at: city.NewSetClock(time.Date(2026, 10, 5, 9, 0, 0, 0, zone))}
	raw, err := os.ReadFile("../../cities/jianghai/access/scorecard.cedar")
	w.ok(err)
	a, err := access.New(map[string][]byte{"scorecard.cedar": raw})
	w.ok(err)
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	w.ok(err)
	w.j = journal.New(w.db, v)
	w.s = scorecard.New(scorecard.Options{DB: w.db, Journal: w.j, Access: a, Clock: w.at, Zone: zone})
	w.j.Follow(w.s)
	for i := range 7 {
		n := fmt.Sprintf("JH2026100000%d", i)
		w.happens(n, "open", "", "received", "operations-center", nil)
		switch {
		case i == 6:
			w.happens(n, "overdue", "received", "received", "operations-center", nil)
			continue
		case i == 5:
			w.happens(n, "dispatch", "received", "handling", "urban", nil)
			w.happens(n, "overdue", "handling", "handling", "urban", nil)
			continue
		}
		w.happens(n, "dispatch", "received", "handling", "urban", nil)
		w.happens(n, "done", "handling", "verify", "operations-center", nil)
		w.happens(n, "passed", "verify", "end", "operations-center", map[string]any{"result": "resolved"})
	}
	w.ok(w.j.CatchUp(context.Background()))
	w.at.Set(time.Date(2026, 11, 3, 9, 0, 0, 0, zone))
	site, err := web.New(web.Options{City: web.City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Zone: zone}, Clock: w.at,
		Visitor: func(*http.Request) (web.Visitor, error) { return web.Visitor{Actor: w.who}, nil }})
	w.ok(err)
	name := func(s string) city.Text { return city.Text{ZhHans: "名" + s, En: "Name " + s} }
	mux := http.NewServeMux()
	pages.New(pages.Deps{DB: w.db, Scores: w.s, Press: paper.NewPress(web.Fonts(), os.DirFS("/usr/share/fonts/truetype")), Clock: w.at,
		Frame:  func(context.Context, city.Actor, string) web.DeskDoc { return web.DeskDoc{} },
		Body:   func(b city.BodyID) city.Text { return name(string(b)) },
		Short:  func(b city.BodyID) city.Text { return name("short-" + string(b)) },
		Item:   func(c city.ItemCode) city.Text { return name(string(c)) },
		Region: func(c city.RegionCode) city.Text { return name(string(c)) },
		Post:   func(p city.PostID) city.Text { return name(string(p)) }, Origin: "https://jianghai.example"}).Routes(mux)
	w.http = site.Wrap(mux)
	return w
}

func (w *town) happens(n, action, from, stage, body string, more map[string]any) {
	w.Helper()
	data := map[string]any{"number": n, "kind": "incident", "item": "c0101", "action": action, "from": from, "stage": stage, "body": body, "region": "990101001002"}
	for k, v := range more {
		data[k] = v
	}
	typ := "case." + action
	if action == "open" {
		typ = "case.opened"
	}
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		return w.j.Append(ctx, tx, journal.Event{At: w.at.Now(), Type: typ, Subject: n, Data: data})
	}))
	w.at.Advance(time.Hour)
}

func (w *town) ask(who city.Actor, method, path string, want int) *httptest.ResponseRecorder {
	w.Helper()
	w.who = who
	r := httptest.NewRequest(method, "http://jianghai.example"+path, nil)
	r.Header.Set("Accept-Language", "zh-CN")
	out := httptest.NewRecorder()
	w.http.ServeHTTP(out, r)
	if out.Code != want {
		w.Fatalf("%s %s: %d, want %d: %.800s", method, path, out.Code, want, out.Body)
	}
	return out
}

// tables reads the tables of a page: caption, then rows of cells.
func (w *town) tables(page string) (out [][][]string) {
	w.Helper()
	root, err := html.Parse(strings.NewReader(page))
	w.ok(err)
	for _, table := range cascadia.QueryAll(root, cascadia.MustCompile("main table")) {
		rows := [][]string{{words(cascadia.Query(table, cascadia.MustCompile("caption")))}}
		for _, tr := range cascadia.QueryAll(table, cascadia.MustCompile("tr")) {
			var cells []string
			for _, c := range cascadia.QueryAll(tr, cascadia.MustCompile("th, td")) {
				cells = append(cells, words(c))
			}
			rows = append(rows, cells)
		}
		out = append(out, rows)
	}
	return out
}

func words(n *html.Node) string {
	if n == nil {
		return ""
	}
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

// The page and the spreadsheet say the same, cell by cell, and the printed form is
// made of the same lines.
func TestEveryFormOfTheReportAgrees(t *testing.T) {
	w := newTown(t)
	page := w.ask(audit, "GET", "/desk/scorecard/2026-10", 200).Body.String()
	shown := w.tables(page)
	if len(shown) != 9 {
		t.Fatalf("%d tables", len(shown))
	}
	for _, want := range []string{"2026 年 10 月行政问效月报", "/desk/scorecard/2026-10.pdf", "/desk/scorecard/cases?", "名urban", "名990101001", "名c0101", "核查按时率", "没有评价的"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f, err := excelize.OpenReader(w.ask(audit, "GET", "/desk/scorecard/2026-10.xlsx", 200).Body)
	w.ok(err)
	defer f.Close()
	sheets := f.GetSheetList()
	if len(sheets) != len(shown) {
		t.Fatalf("sheets %v", sheets)
	}
	for i, name := range sheets {
		rows, err := f.GetRows(name)
		w.ok(err)
		for len(rows) > 0 && (len(rows[0]) == 0 || rows[0][0] != shown[i][0][0]) {
			rows = rows[1:] // the sentences above
		}
		if got, want := fmt.Sprint(rows), fmt.Sprint(shown[i]); got != want {
			t.Errorf("sheet %s\n%s\nthe page\n%s", name, got, want)
		}
	}
	if pdf := w.ask(audit, "GET", "/desk/scorecard/2026-10.pdf", 200); !bytes.HasPrefix(pdf.Body.Bytes(), []byte("%PDF-")) {
		t.Errorf("printed: %.40q", pdf.Body)
	}
	late := shown[8]
	if len(late) != 4 || late[2][0] != "JH20261000005" || late[2][3] != "在部门手上" || late[3][3] != "还没有派出" {
		t.Errorf("what is late: %v", late)
	}
}

func TestWhoReadsTheReport(t *testing.T) {
	w := newTown(t)
	own := w.ask(clerk, "GET", "/desk/scorecard/2026-10", 200).Body.String()
	if strings.Contains(own, "名operations-center</") || !strings.Contains(own, "body=urban") {
		t.Error("an officer reads more than their own body's")
	}
	w.ask(clerk, "GET", "/desk/scorecard/2026-10?body=operations-center", 403)
	w.ask(clerk, "POST", "/desk/scorecard/2026-10/publish", 403)
	w.ask(audit, "GET", "/desk/scorecard/2026-13", 422)
	w.ask(audit, "GET", "/desk/scorecard/2026-10.exe", 422)
}

// Published by those who may, once, for everybody, without counts that are small.
func TestPublishing(t *testing.T) {
	w := newTown(t)
	nobody := city.Actor{Kind: city.Anonymous}
	if page := w.ask(nobody, "GET", "/scorecard", 200).Body.String(); !strings.Contains(page, "还没有发布过") {
		t.Error("something is published already")
	}
	w.ask(nobody, "GET", "/scorecard/2026-10", 404)
	if strings.Contains(w.ask(audit, "GET", "/desk/scorecard/2026-10", 200).Body.String(), "/publish") {
		t.Error("an auditor is offered to publish")
	}
	if !strings.Contains(w.ask(chief, "GET", "/desk/scorecard/2026-10", 200).Body.String(), "/publish") {
		t.Error("the commander is not offered to publish")
	}
	w.ask(chief, "POST", "/desk/scorecard/2026-11/publish", 409)
	w.ask(chief, "POST", "/desk/scorecard/2026-10/publish", 303)
	w.ask(chief, "POST", "/desk/scorecard/2026-10/publish", 409)
	after := w.ask(chief, "GET", "/desk/scorecard/2026-10", 200).Body.String()
	if strings.Contains(after, "/publish") || !strings.Contains(after, "名operations-center.commander") {
		t.Error("the report does not say that it was published, and by whom")
	}
	page := w.ask(nobody, "GET", "/scorecard/2026-10", 200).Body.String()
	if strings.Contains(page, "JH2026") || strings.Contains(page, "/desk/") {
		t.Error("a case stands on the public page")
	}
	for _, table := range w.tables(page) {
		for _, row := range table[2:] {
			for _, cell := range row[1:] {
				if len(cell) == 1 && cell < "5" {
					t.Errorf("a small count: %v", row)
				}
			}
		}
	}
	if !strings.Contains(page, "&lt;5") || !strings.Contains(page, "2026 年 10 月") {
		t.Error("small counts, or the month, are not said")
	}
}

// Each number of the page of figures opens the cases that it counts; who may not
// read a case compares offices still.
func TestEachFigureOpensItsCases(t *testing.T) {
	w := newTown(t)
	page := w.ask(audit, "GET", "/desk/scorecard?month=2026-10", 200).Body.String()
	for _, want := range []string{"名short-urban", "按时办结率", "怎么算的", "没评的不算满意", "去年同月"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	link := func(page, body string, mark scorecard.Mark) string {
		root, err := html.Parse(strings.NewReader(page))
		w.ok(err)
		for _, a := range cascadia.QueryAll(root, cascadia.MustCompile("tbody a")) {
			to := ""
			for _, x := range a.Attr {
				if x.Key == "href" {
					to = x.Val
				}
			}
			if strings.Contains(to, "body="+body+"&") && strings.Contains(to, fmt.Sprintf("with=%d&", mark)) {
				if words(a) == "" || words(a)[0] == '0' {
					t.Errorf("%q leads to cases that don't exist", words(a))
				}
				return to
			}
		}
		return ""
	}
	all, late := link(page, "urban", scorecard.Opened), link(page, "urban", scorecard.Overdue)
	if all == "" || late == "" {
		t.Fatal("the numbers lead nowhere")
	}
	behind := w.ask(audit, "GET", late, 200).Body.String()
	if !strings.Contains(behind, `href="/desk/cases/JH20261000005"`) || strings.Contains(behind, "JH20261000004") {
		t.Errorf("behind the number of what is overdue: %s", behind)
	}
	if n := strings.Count(w.ask(audit, "GET", all, 200).Body.String(), `href="/desk/cases/`); n != 6 {
		t.Errorf("%d cases behind a 6", n)
	}
	if page := w.ask(audit, "GET", "/desk/scorecard?month=2026-10&by=month", 200).Body.String(); !strings.Contains(page, ">2026 年 10 月</th>") {
		t.Error("a month has no line")
	}
	w.ask(audit, "GET", "/desk/scorecard?month=2026-10&by=street", 200)

	other := officer("transport", "transport.clerk")
	page = w.ask(other, "GET", "/desk/scorecard?month=2026-10", 200).Body.String()
	if !strings.Contains(page, "名short-urban") || strings.Contains(page, "scorecard/cases") {
		t.Error("another body's officer can't compare, or is led to lists")
	}
	for _, path := range []string{all, "/desk/scorecard?by=street", "/desk/scorecard?body=urban"} {
		w.ask(other, "GET", path, 403)
	}
	for path, code := range map[string]int{"?month=2026-99": 422, "?month=x": 422, "?sort=x": 422, "/cases?with=99&without=0": 422, "/cases?with=x": 422, "/cases?with=0&without=0&after=!": 422} {
		w.ask(audit, "GET", "/desk/scorecard"+path, code)
	}
	w.ask(city.Actor{Kind: city.Anonymous}, "GET", "/desk/scorecard", 303)
}
