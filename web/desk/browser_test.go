package desk

import (
	"context"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/story"
	"yiwang/serviceitem"
)

// An officer takes a case on its way without touching the mouse, and with the
// keys switched off without a slip of the finger.
func TestTheDeskByKeyboard(t *testing.T) {
	story.Available(t)
	w := newWorld(t)
	first, second := w.opened(), w.opened()
	srv := httptest.NewServer(w.http)
	defer srv.Close()
	w.who = porter
	v := story.Visit(t, srv.URL, story.View{Size: story.Laptop, Lang: city.Chinese})
	v.Go("/desk")
	v.Press("j")
	v.ExpectAt(CasePath(first.Number, ""))
	v.Press("j")
	v.ExpectAt(CasePath(second.Number, ""))
	v.Press("k")
	v.ExpectAt(CasePath(first.Number, ""))
	v.Press("s")
	v.ExpectAt(CasePath(first.Number, "supplement"))
	v.Expect("只能要求一次")
	v.Press("\t") // from the head of the form to its first field, and on to the words
	v.Press("\t")
	v.Press("as written") // letters typed into a field are letters
	v.Expect("第 1 处")
	v.Press("\t\t\t\t")
	v.Press(kb.Escape)
	v.Press(kb.Escape)
	v.ExpectAt(CasePath(first.Number, ""))
	v.Press("a")
	v.Expect("已记下：受理")
	if got := v.Attr(":focus", "class"); got != "notice done" {
		t.Errorf("after the step the focus is on %q", got)
	}
	v.Press("/")
	v.Press(string(second.Number) + kb.Enter)
	v.ExpectAt(CasePath(second.Number, ""))
	v.Click("关掉快捷键")
	v.Press("x")
	v.ExpectAt(CasePath(second.Number, ""))
	v.Reload("打开快捷键", 5*time.Second)
}

// The same without a script: every step is a form.
func TestTheDeskWithoutScript(t *testing.T) {
	story.Available(t)
	w := newWorld(t)
	c := w.opened()
	srv := httptest.NewServer(w.http)
	defer srv.Close()
	w.who = porter
	v := story.Visit(t, srv.URL, story.View{Size: story.Phone, Lang: city.English, NoScript: true})
	v.Go("/desk")
	v.Click("Open the most urgent")
	v.Click("Do not accept")
	v.Expect("The applicant reads: Not taken in")
	v.Click("Do not accept")
	v.Expect("Please give the reason")
	v.Fill("Reason", "No identity card")
	v.Click("Do not accept")
	v.Expect("Recorded: Do not accept", "No identity card", "there is nothing left to do")
	v.ExpectAt(CasePath(c.Number, ""))
}

// TestDeskInABrowser looks at the desk as officers do: axe finds nothing, nothing
// scrolls sideways. YIWANG_SCREENSHOTS names a folder for pictures.
func TestDeskInABrowser(t *testing.T) {
	story.Available(t)
	w := newWorld(t)
	w.clock.Set(date("2026-11-12 10:00"))
	w.opened()
	w.clock.Set(date("2026-11-17 10:00"))
	paused := w.opened()
	w.clock.Set(date("2026-11-18 10:00"))
	c := w.opened()
	w.opened()
	w.do(porter, paused, casework.Action{Name: "supplement", Points: []casework.Point{{Field: "racket", Text: "照片看不清，请重拍"}}})
	w.do(porter, c, casework.Action{Name: "comment", Note: "后厨排水改好了，查看时对照图 2。"})
	trial := w.opened()
	w.do(porter, trial, casework.Action{Name: "accept"})
	w.clock.Set(date("2026-11-19 10:00"))
	w.do(coach, trial, casework.Action{Name: "special_procedure", Procedure: "site_inspection", Note: "周五上午，两人同去"})
	w.clock.Set(date("2026-11-24 11:00"))
	w.do(coach, trial, casework.Action{Name: "resume", Note: "和平面图一致"})
	w.clock.Set(date("2026-11-24 14:20"))
	_, card := w.granted()
	draft, err := w.items.Begin(context.Background(), atTheCounter(porter), "tennis", serviceitem.Party{Person: w.me})
	w.ok(err)
	srv := httptest.NewServer(w.http)
	defer srv.Close()

	views := []story.View{{Size: story.Laptop, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English}}
	if os.Getenv("YIWANG_SOAK") != "" || os.Getenv("YIWANG_SCREENSHOTS") != "" {
		views = append(views, story.View{Size: story.Phone, Lang: city.Chinese}, story.View{Size: story.Laptop, Lang: city.English},
			story.View{Size: story.Desk, Lang: city.Chinese}, story.View{Size: story.Desk, Lang: city.English})
	}
	for _, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			v := story.Visit(t, srv.URL, view)
			show := func(a city.Actor, path, name string) {
				w.who = a
				v.Go(path)
				v.Screenshot(name)
			}
			show(porter, "/desk?lang="+string(view.Lang), "inbox")
			show(porter, CasePath(c.Number, "")+"?scope=post", "case")
			show(porter, CasePath(c.Number, "supplement")+"?scope=post", "supplement")
			show(porter, CasePath(c.Number, "not_accepted")+"?scope=post", "refuse")
			show(porter, CasePath(paused.Number, "")+"?scope=post", "waiting")
			show(coach, CasePath(trial.Number, ""), "ledger")
			show(elder2, "/desk", "empty")
			show(porter, PathCounter, "counter")
			show(porter, DraftPath(draft.ID, ""), "intake")
			show(porter, DraftPath(draft.ID, "discard"), "discard")
			show(porter, CasePath(c.Number, "receipt"), "receipt")
			show(president, LicencePath(string(card.Number), "", ""), "licence")
			show(president, LicencePath(string(card.Number), "revoke", ""), "revoke")
			show(porter, "/desk/search?q=x", "search")
		})
	}
}
