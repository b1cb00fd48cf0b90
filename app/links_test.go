package app_test

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/notify"
	"yiwang/web/citizen"
)

var link = regexp.MustCompile(`https?://[^\s，。]+`)

// open reads a page as somebody who is signed in, or not.
func (p *place) open(token, path string) (status int, at, page string) {
	p.Helper()
	r, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	p.ok(err)
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "yiwang", Value: token})
	}
	res, err := http.DefaultClient.Do(r)
	p.ok(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	p.ok(err)
	return res.StatusCode, res.Request.URL.Path, string(raw)
}

// What people are sent leads to the page that it speaks of: a matter and its
// licence as they happen, and every other kind of message.
func TestMessagesLeadSomewhere(t *testing.T) {
	p := newPlace(t, "")
	resident, approver := p.signIn("resident"), p.signIn("approver")
	var item struct{ Example map[string]any }
	p.call("", http.MethodGet, "/api/v1/items/senior-allowance", nil, http.StatusOK, &item)
	var c apiCase
	p.call(resident, http.MethodPost, "/api/v1/applications", item.Example, http.StatusCreated, &c)
	for range 1200 {
		if c.Status == "closed" {
			break
		}
		time.Sleep(50 * time.Millisecond)
		p.call(resident, http.MethodGet, "/api/v1/cases/"+c.Number, nil, http.StatusOK, &c)
	}
	if len(c.Credentials) != 1 {
		t.Fatalf("%+v", c)
	}
	licence := c.Credentials[0].Number
	p.call(approver, http.MethodPost, "/api/v1/credentials/"+licence+"/status", map[string]string{"action": "revoke", "reason": "moved away"}, http.StatusOK, nil)

	// what lies in the spool for the mother
	spool := notify.NewSpool("sms", filepath.Join(p.app.Data, "spool", "sms"))
	seen, want := map[string]bool{}, []string{citizen.CasePath(city.CaseNumber(c.Number), ""), citizen.LicencePath(licence, "")}
	for range 1200 {
		list, err := spool.Latest(50)
		p.ok(err)
		for _, m := range list {
			if to := strings.TrimPrefix(link.FindString(m.Text), p.app.Origin); to != "" {
				seen[to] = true
			}
		}
		if seen[want[0]] && seen[want[1]] {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !seen[want[0]] || !seen[want[1]] {
		t.Errorf("the messages lead to %v", seen)
	}

	// and every kind of message, in the hands of whoever gets it
	elder := p.signIn("elder")
	told := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine})
	for _, typ := range append(notify.Outside(), "case.approve", "case.refuse") {
		subject := city.NewAccountID().String()
		switch noun, _, _ := strings.Cut(typ, "."); noun {
		case "case":
			subject = c.Number
		case "credential":
			subject = licence
		case "incident":
			subject = string(told.Number)
		}
		path := citizen.NoticePath(typ, subject)
		status, at, page := p.open(elder, path)
		if typ == "account.code_issued" {
			status, at, page = p.open("", path)
		}
		if want, _, _ := strings.Cut(path, "?"); status != http.StatusOK || at != want {
			t.Errorf("%s leads to %s: %d at %s", typ, path, status, at)
		}
		if (strings.HasPrefix(typ, "case.") || strings.HasPrefix(typ, "credential.") || strings.HasPrefix(typ, "incident.")) && !strings.Contains(page, subject) {
			t.Errorf("%s: %s is not about %s", typ, path, subject)
		}
	}
}
