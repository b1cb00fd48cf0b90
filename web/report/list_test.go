package report_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/web/report"
)

// Everybody sees what may be public, by place, kind and state, page after page;
// nobody sees words, addresses or what is not public.
func TestTheList(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newStreets(t, d, "jianghai")
		var hidden incident.Class
		for _, c := range w.incidents.Classes() {
			if !c.Public {
				hidden = c
				break
			}
		}
		secret := "赵某家门口，电话 13900990077"
		for i := range 22 {
			w.clock.Advance(time.Minute)
			w.reports(incident.Report{Class: "c0101", Text: secret, Apart: true, Place: city.Place{Region: "990101001001", Address: "海棠里 6 幢"}, Key: string(rune('a' + i)), Source: "test"})
		}
		other := w.reports(incident.Report{Class: "c0103", Text: "路灯不亮", Place: city.Place{Region: "990102001001"}})
		private := w.reports(incident.Report{Class: hidden.Code, Text: secret, Place: city.Place{Region: "990101001001"}})
		v := w.visit().get(report.PathList).expect(http.StatusOK, "Haitangli Community, Haitang Street", "Street lamps")
		if n := len(v.all(".list > li")); n != 20 {
			t.Errorf("%d on the first page", n)
		}
		for _, bad := range []string{secret, "13900990077", "海棠里 6 幢", string(private.Number)} {
			if strings.Contains(string(v.body), bad) {
				t.Errorf("the list tells %q", bad)
			}
		}
		v.get(attr(v.one(`.pager a[rel="next"]`), "href")).expect(http.StatusOK)
		if n := len(v.all(".list > li")); n != 3 {
			t.Errorf("%d on the second page", n)
		}
		for query, want := range map[string]int{
			"region=990102001": 1, "region=990102001001": 1, "region=990101": 20, "region=990103001001": 0, "class=c0103": 1, "state=closed": 0, "state=open&class=c0103": 1,
			"region=990102001&class=c0101": 0, "region=99010%25": 20, "class=%00": 20, "state=x": 20,
		} {
			v.get(report.PathList + "?" + query).expect(http.StatusOK)
			if n := len(v.all(".list > li")); n != want {
				t.Errorf("%s shows %d, want %d", query, n, want)
			}
		}
		if v.get(report.PathList + "?after=x"); v.status != http.StatusUnprocessableEntity {
			t.Errorf("a key that is none: %d", v.status)
		}
		v.get(report.SeenPath(other.Number)).expect(http.StatusOK, "Street lamps", "Urban Management", "I see this, too")
		for _, n := range []string{string(private.Number), "JH-2026-999999-" + checkDigit("JH", 2026, 999999), "x", "JH-1"} {
			if v.get(report.Path + "/" + n); v.status != http.StatusNotFound {
				t.Errorf("%s: %d", n, v.status)
			}
		}
		// a matter that is not public, or none, is not joined by its number
		v.get(report.Path+"?join="+string(private.Number)).expect(http.StatusOK, "Where is it?")
		// over: it says so, and nobody joins it
		class, _ := w.incidents.Class("c0103")
		w.mends(other.Number, class.Post)
		v.get(report.PathList+"?state=closed").expect(http.StatusOK, "Street lamps")
		v.get(report.SeenPath(other.Number)).expect(http.StatusOK)
		if strings.Contains(v.text("main"), "I see this, too") {
			t.Error("what is over can be joined")
		}
	})
}

// Another city is another folder: its places and classes are offered, without a
// map where it has none.
func TestAnotherCity(t *testing.T) {
	w := newStreets(t, dbtest.SQLite(t), "hudson")
	v := w.visit().get(report.Path).expect(http.StatusOK, "Manhattan Community Board 1")
	v.fill(report.Path, with(send, map[string]string{"text": "a rat in the kitchen of a restaurant", "region": "990201001"})).expect(http.StatusOK, "One more step")
	v.fill(report.Path, send).expect(http.StatusOK, "We have it")
	v.get(report.PathList).expect(http.StatusOK)
}
