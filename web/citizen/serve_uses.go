package citizen

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/notify"
	"yiwang/web"
)

const usesPage, noticesPage = 30, 30

// oneself is the actor for themselves, whomever the session acts for: one's own
// data and leaves are nobody else's.
func oneself(a city.Actor) city.Actor {
	a.OnBehalf, a.Delegation, a.Items, a.Firm = city.PersonID{}, city.DelegationID{}, nil, city.FirmID{}
	return a
}

func (p *Pages) uses(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	after := r.URL.Query().Get("after")
	var before time.Time // from now
	if us, err := strconv.ParseInt(after, 10, 64); err == nil {
		before = city.FromMicros(us)
	}
	v := Uses{Pages: web.Pages{First: after == ""}}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		uses, err := p.Access.Uses(ctx, tx, oneself(a), a.Person, before, usesPage+1)
		if err != nil {
			return err
		}
		if len(uses) > usesPage {
			last := uses[usesPage-1]
			for len(uses) > 0 && uses[len(uses)-1].At.Before(last.At) {
				uses = uses[:len(uses)-1]
			}
			v.Pages.Next = strconv.FormatInt(city.Micros(last.At), 10)
		}
		for _, u := range uses {
			v.Looks = append(v.Looks, p.withReceipt(u))
		}
		v.Pages.Shown = len(uses)
		return nil
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, UsesPage(v))
}

// noticeLines are the reader's notices, with the page that each is about.
func (p *Pages) noticeLines(a city.Actor, page notify.Page) []Notice {
	var out []Notice
	for _, n := range page.Items {
		fresh := !n.Read && p.Clock.Now().Sub(n.At) < unreadFor
		out = append(out, Notice{At: n.At, Text: n.Text, Href: noticeHref(a, n), New: fresh})
	}
	return out
}

// unreadFor is how long a notice counts as unread, as notify counts.
const unreadFor = 60 * 24 * time.Hour

func noticeHref(a city.Actor, n notify.Notice) string {
	if a.Kind == city.Officer {
		return OfficePath(n.Type, n.Subject)
	}
	return NoticePath(n.Type, n.Subject)
}

// OfficePath is the page of the desk that a notice to a post or to an officer
// speaks of.
func OfficePath(typ, subject string) string {
	noun, _, _ := strings.Cut(typ, ".")
	switch noun {
	case "case", "incident":
		return "/desk/cases/" + url.PathEscape(subject)
	case "sensor":
		return "/desk"
	}
	return NoticePath(typ, subject)
}

// NoticePath is the page that a notice to somebody speaks of, by the type and the
// subject of its event; messages that leave the house lead there, too.
func NoticePath(typ, subject string) string {
	noun, verb, _ := strings.Cut(typ, ".")
	switch noun {
	case "incident":
		return PathReport + "/follow?number=" + url.QueryEscape(subject)
	case "case":
		return CasePath(city.CaseNumber(subject), "")
	case "credential":
		return LicencePath(subject, "")
	case "delegation", "firm":
		return PathDelegations
	case "token":
		return PathTokens
	case "pass":
		return "/passes"
	case "officer":
		return "/desk"
	case "log":
		return "/log"
	}
	if noun == "account" && verb == "code_issued" { // whoever reads it can't sign in yet
		return PathActivate
	}
	return PathAccount
}

func (p *Pages) notices(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	after := r.URL.Query().Get("after")
	v := Notices{Pages: web.Pages{First: after == ""}, Action: PathNotices}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		page, err := p.Notices.List(ctx, tx, a, after, noticesPage)
		v.Notices = p.noticeLines(a, page)
		v.Pages.Next, v.Pages.Shown = page.Next, len(page.Items)
		return err
	})
	if err != nil {
		return err
	}
	v.Unread = web.ViewOf(r.Context()).Unread
	return web.Render(w, r, http.StatusOK, NoticesPage(v))
}

func (p *Pages) readNotices(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error { return p.Notices.MarkAllRead(ctx, tx, a) })
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathNotices)
}
