package desk

import (
	"context"
	"strings"
	"testing"

	"yiwang/city"
)

func TestEachFigureOpensItsCases(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	w.ok(w.journal.CatchUp(context.Background()))

	p := w.get(porter, PathScores+"?sort=application&month=2026-11").is(200)
	p.says("main", "收到", "按时办结率", "怎么算的", "没评的不算满意", "去年同月")
	link := ""
	for _, a := range p.all("tbody a") {
		if strings.Contains(attr(a, "href"), "with=0&") && words(a) == "1" {
			link = attr(a, "href")
		}
	}
	if link == "" {
		t.Fatal("the number of cases leads nowhere")
	}
	behind := w.get(porter, link).is(200)
	behind.says("main", string(c.Number))
	if to := attr(behind.one("tbody a"), "href"); to != CasePath(c.Number, "") {
		t.Errorf("a case's link is %q", to)
	}
	w.get(porter, PathScores+"?month=2026-11&sort=application&by=month").is(200).says("tbody", "2026 年 11 月")

	// Others compare bodies and open nothing.
	other := officer("federation", "沈一", "elder")
	p = w.get(other, PathScores+"?sort=application&month=2026-11").is(200)
	if n := len(p.all("tbody a")); n != 0 {
		t.Errorf("another body's officer is led to %d lists", n)
	}
	for _, path := range []string{link, PathScores + "?by=street", PathScores + "?sort=application&body=club"} {
		if p := w.get(other, path); p.Code != 403 {
			t.Errorf("%s: %d", path, p.Code)
		}
	}
	auditor := officer("audit", "何江", "auditor")
	w.get(auditor, link).is(200).says("main", string(c.Number))
	w.get(auditor, PathScores+"?by=street&sort=application&month=2026-11").is(200)
	for path, code := range map[string]int{"?month=2026-99": 422, "?month=x": 422, "?sort=x": 422, "/cases?with=99&without=0": 422, "/cases?with=x": 422, "/cases?with=0&without=0&after=!": 422} {
		if p := w.get(auditor, PathScores+path); p.Code != code {
			t.Errorf("%s: %d, want %d", path, p.Code, code)
		}
	}
	if p := w.get(city.Actor{}, PathScores); p.Code != 303 {
		t.Errorf("nobody: %d", p.Code)
	}
}
