package desk

import (
	"context"
	"net/http/httptest"
	"os"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/story"
	"yiwang/serviceitem"
)

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
