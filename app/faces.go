package app

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"yiwang/api"
	"yiwang/api/publiclog"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential/paper"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/notify"
	"yiwang/scorecard"
	"yiwang/search"
	"yiwang/web"
	"yiwang/web/citizen"
	"yiwang/web/desk"
	"yiwang/web/field"
	"yiwang/web/gate"
	grantpages "yiwang/web/grant"
	ledger "yiwang/web/publiclog"
	"yiwang/web/report"
	monthly "yiwang/web/scorecard"
	trustpage "yiwang/web/trust"
)

// cookie is the session's; the prefix makes browsers refuse it from elsewhere
// where the address is secure.
func (a *App) cookie() string {
	if strings.HasPrefix(a.Origin, "https://") {
		return "__Host-yiwang"
	}
	return "yiwang"
}

func (a *App) followers() {
	p := a.Pack
	a.Notices = notify.New(notify.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Zone: p.Zone, City: p.Site.Name,
		Names: notify.Names{
			Item: func(c city.ItemCode) city.Text {
				if it, ok := p.Item(c); ok {
					return it.Name
				}
				if class, ok := p.Class(c); ok {
					return class.Name
				}
				return city.Text{}
			},
			Kind: func(id city.KindID) city.Text {
				if k, ok := p.Kind(id); ok {
					return k.Name
				}
				return city.Text{}
			},
			Stage: func(id city.KindID, stage string) city.Text {
				if k, ok := p.Kind(id); ok {
					if st, ok := k.Stage(stage); ok {
						return st.Name
					}
				}
				return city.Text{}
			},
			Result: func(id city.KindID, result string) city.Text {
				if k, ok := p.Kind(id); ok {
					r, _ := k.Result(result)
					return r.Name
				}
				return city.Text{}
			},
			Body: a.bodyName,
			Post: func(id city.PostID) city.Text {
				p, _ := a.Directory.Post(id)
				return p.Name
			},
		},
		Contacts: a.contacts, Reaches: a.reaches,
		Keep: days(p.Site.Keep.Notices), KeepSent: days(p.Site.Keep.Messages),
		Channels: a.outside.list(a.Data),
		Sees: func(ctx context.Context, tx *db.Tx, actor city.Actor, subject string) error {
			_, err := a.Cases.Get(ctx, tx, actor, city.CaseNumber(subject))
			return err
		},
		Link: func(to notify.Box, typ, subject string) string { return a.Origin + noticePath(to, typ, subject) },
	})
	a.Search = search.New(a.Journal, a.Access)
	a.Search.IndexItems(a.searchable())
	a.Scores = scorecard.New(scorecard.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Zone: p.Zone})
	a.Journal.Follow(a.Notices)
	a.Journal.Follow(a.Scores)
	a.Journal.Follow(a.Search)
	a.Journal.Follow(a.Items.Eraser())
	a.Journal.Follow(a.Algorithms.Follower())
}

// itemName is the name of an item or of a class of incidents.
func (a *App) itemName(code city.ItemCode) city.Text {
	if it, ok := a.Pack.Item(code); ok {
		return it.Name
	}
	if c, ok := a.Pack.Class(code); ok {
		return c.Name
	}
	return city.Text{ZhHans: string(code), En: string(code)}
}

func (a *App) shortName(id city.BodyID) city.Text {
	if b, ok := a.Pack.Body(id); ok {
		return b.Short
	}
	return city.Text{ZhHans: string(id), En: string(id)}
}

func (a *App) bodyName(id city.BodyID) city.Text {
	if b, ok := a.Pack.Body(id); ok {
		return b.Name
	}
	return city.Text{ZhHans: string(id), En: string(id)}
}

// postName is a post with its body, as people say it.
func (a *App) postName(id city.PostID) city.Text {
	p, ok := a.Directory.Post(id)
	if !ok {
		return city.Text{ZhHans: string(id), En: string(id)}
	}
	b := a.bodyName(id.Body())
	return city.Text{ZhHans: b.ZhHans + p.Name.ZhHans, En: b.En + ", " + p.Name.En}
}

// press prints, with the fonts of the program's folder or of the machine.
func (a *App) press() *paper.Press {
	return paper.NewPress(web.Fonts(), os.DirFS("/usr/share/fonts/truetype"))
}

// faces builds every page and address.
func (a *App) faces(ctx context.Context) error {
	s := a.Pack.Site
	secure := strings.HasPrefix(a.Origin, "https://")
	checks := identity.NewPace() // one for both faces
	pages := citizen.New(citizen.Deps{DB: a.DB, Journal: a.Journal, Access: a.Access, Pack: a.Pack, Directory: a.Directory, Identity: a.Identity, PublicLog: a.PublicLog,
		Cases: a.Cases, Items: a.Items, Credentials: a.Credentials, Algorithms: a.Algorithms, Search: a.Search, Notices: a.Notices,
		Clock: a.Clock, Cookie: a.cookie(), Secure: secure, Demo: a.Demo, Address: a.address, Checks: checks, Fetch: a.fetchStatus, Checked: a.Grants.Report})
	var err error
	a.Site, err = web.New(web.Options{Clock: a.Clock, Log: a.Log, Demo: a.Demo, Roads: a.Pack.Roads, Visitor: pages.Visitor, City: web.City{Code: string(s.Code), Name: s.Name,
		Hotline: s.Hotline, Mark: s.Mark.Text, MarkColour: s.Mark.Colour, River: s.River, Zone: a.Pack.Zone, Reports: a.Incidents != nil}})
	if err != nil {
		return err
	}
	json := api.New(api.Deps{DB: a.DB, Vehicles: a.Vehicles, PublicLog: a.PublicLog, Journal: a.Journal, Access: a.Access, Directory: a.Directory, Identity: a.Identity, Cases: a.Cases,
		Algorithms: a.Algorithms, Credentials: a.Credentials, Items: a.Items, Search: a.Search, Notices: a.Notices, Alerts: a.Alerts, Sensors: a.Sensors, Registers: a.Registers, Scores: a.Scores, Risks: a.Risks, Incidents: a.Incidents, Reach: a.Reach, Clock: a.Clock, Name: s.Name, Cookie: a.cookie(),
		Address: a.address, Checks: checks, Fetch: a.fetchStatus, Checked: a.Grants.Report})

	inner := http.NewServeMux()
	pages.Routes(inner)
	inner.Handle("/static/", a.Site.Static())
	inner.Handle("GET "+web.MapPath, a.Site.Map())
	if a.Incidents != nil {
		report.New(report.Deps{DB: a.DB, Incidents: a.Incidents, Directory: a.Directory, Clock: a.Clock, Secure: secure, Address: a.address, Checks: checks}).Routes(inner)
	}
	atDesk := desk.Deps{DB: a.DB, Access: a.Access, Directory: a.Directory, Identity: a.Identity, Cases: a.Cases, Items: a.Items,
		Algorithms: a.Algorithms, Credentials: a.Credentials, Notices: a.Notices, Incidents: a.Incidents, ItemName: a.itemName, OnDuty: a.onDuty, Search: a.found}
	if a.Incidents != nil {
		a.hotline(&atDesk, inner)
	}
	a.registerPages(&atDesk, inner)
	a.terminalPages(&atDesk, inner)
	a.riskPages(&atDesk, inner)
	a.passPages(&atDesk, inner)
	officers := desk.New(atDesk)
	inner.Handle("/desk", officers)
	inner.Handle("/desk/", officers)
	monthly.New(monthly.Deps{DB: a.DB, Scores: a.Scores, Press: a.press(), Clock: a.Clock, Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
		return desk.Frame(ctx, atDesk, actor, section)
	}, Body: a.bodyName, Short: a.shortName, Item: a.itemName,
		Region: a.regionName, Post: a.postName, Log: a.PublicLog, Origin: a.Origin}).Routes(inner)
	if a.Incidents != nil {
		outside := field.New(field.Deps{DB: a.DB, Directory: a.Directory, Cases: a.Cases, Incidents: a.Incidents})
		inner.Handle(field.Path, outside)
		inner.Handle(field.Path+"/", outside)
	}
	inner.Handle("GET "+trustpage.Path, trustpage.New(trustpage.Deps{DB: a.DB, Book: a.Trust, Clock: a.Clock, Zone: a.Pack.Zone, Verify: citizen.PathVerify, Origin: a.Origin}))
	gate.Routes(inner, gate.Deps{DB: a.DB, Registry: a.Credentials, Purposes: a.Pack.Passes, City: string(a.Pack.Site.Code), Clock: a.Clock, Zone: a.Pack.Zone, Verify: citizen.PathVerify})
	outer := http.NewServeMux()
	outer.Handle("/api/", json)
	a.wallets(inner, outer, checks)
	grantpages.New(grantpages.Deps{DB: a.DB, Licences: a.Credentials, Grants: a.Grants, Clock: a.Clock, Zone: a.Pack.Zone, Body: a.bodyName}).Routes(inner)
	if a.PublicLog != nil {
		if err := publiclog.Routes(outer, publiclog.Deps{Log: a.PublicLog, Witness: a.Witness}); err != nil {
			return err
		}
		inner.Handle("GET "+publiclog.Path, ledger.New(ledger.Deps{DB: a.DB, Log: a.PublicLog, Witness: a.Witness, Verify: citizen.PathVerify, Origin: a.Origin}))
	}
	if a.Demo {
		outer.HandleFunc("POST "+demoMeetPath, a.meetDemo)
	}
	outer.Handle("GET "+trustListPath, http.HandlerFunc(a.ownTrustList))
	if a.Incidents != nil {
		outer.Handle("/open311/", a.open311())
	}
	outer.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { status(w, http.StatusOK, "ok") })
	outer.HandleFunc("GET /readyz", a.readyz)
	outer.Handle("GET /metrics", a.metrics())
	outer.Handle("/", a.Site.Wrap(inner))
	a.handler = outer
	return nil
}

// onDuty lists who could be sent for a task, where cases are such that somebody is
// sent.
func (a *App) onDuty(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, task string) ([]incident.Candidate, error) {
	if a.Incidents == nil || !a.Incidents.Handles(c.Kind) {
		return nil, nil
	}
	return a.Incidents.Candidates(ctx, tx, actor, c.Number, task)
}

// address says where a request comes from. The connection tells; where it is a
// proxy of ours, what that proxy says of whoever asked it counts, and nothing
// that was written before it.
func (a *App) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.proxy(host); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = hop.Unmap().String()
	}
	return host
}

func (a *App) proxy(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

func status(w http.ResponseWriter, code int, word string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": word})
}

// readyz says whether the program should be given work: it was started, and the
// database answers.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	ready := a.ready
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case !ready:
		status(w, http.StatusServiceUnavailable, "starting")
	case a.DB.Ping(ctx) != nil:
		w.Header().Set("Retry-After", "5")
		status(w, http.StatusServiceUnavailable, "database unavailable")
	default:
		status(w, http.StatusOK, "ready")
	}
}

// searchable is the catalogue as the search for items wants it: what can be
// applied for here, and what is only listed.
func (a *App) searchable() []search.Item {
	var out []search.Item
	for i := range a.Pack.Items {
		it := &a.Pack.Items[i]
		out = append(out, search.Item{Code: it.Code, Name: it.Name, Summary: it.Summary, Guide: it.Guide,
			Keywords: map[city.Lang][]string{city.Chinese: it.Keywords.ZhHans, city.English: it.Keywords.En}})
	}
	for _, l := range a.Pack.Listed {
		out = append(out, search.Item{Code: city.ItemCode(l.Code), Name: city.Text{ZhHans: l.Name, En: l.Name}})
	}
	return out
}

// found searches for the desk: cases and licences that the officer may see.
func (a *App) found(ctx context.Context, tx *db.Tx, actor city.Actor, query string, limit int) ([]desk.Hit, error) {
	hits, _, err := a.Search.Search(ctx, tx, actor, query, []string{"case", "credential"}, limit, "")
	out := make([]desk.Hit, len(hits))
	for i, h := range hits {
		out[i] = desk.Hit{Type: h.Type, Number: h.ID, Title: h.Title, Item: city.ItemCode(h.Attrs["item"]), At: h.At}
	}
	return out, err
}
