package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"yiwang/city"
	vehicles "yiwang/fleet"
	"yiwang/fleet/gateway"
	"yiwang/fleet/register"
	"yiwang/web"
	"yiwang/web/alerts"
	"yiwang/web/desk"
	"yiwang/web/fleet"
	"yiwang/web/risk"
)

// registerPages serves what is on record of dangerous goods and watched vehicles.
func (a *App) registerPages(atDesk *desk.Deps, mux *http.ServeMux) {
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "registers", Key: "desk.nav.registers", Href: fleet.PathSites},
		May: func(actor city.Actor) bool { return len(a.Pack.Registers.Records) > 0 && fleet.May(a.Access, actor) }})
	deps := *atDesk
	a.records = fleet.New(fleet.Deps{DB: a.DB, Access: a.Access, Registers: a.Registers, Region: a.regionName, Vehicles: a.Vehicles, Alerts: a.Alerts,
		Land: web.DrawLand(a.Pack.Roads, a.Directory.Communities()), AlertPath: alerts.OnePath, AlertsPath: alerts.AboutPath,
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		}})
	a.records.Routes(mux)
}

// terminalPages serve what vehicle terminals send, and a word to a driver.
func (a *App) terminalPages(atDesk *desk.Deps, mux *http.ServeMux) {
	if a.Vehicles == nil {
		return
	}
	deps := *atDesk
	pages := &fleet.Terminals{Access: a.Access, Gateway: func() *gateway.Gateway { return a.terminals },
		Texts: &vehicles.Texts{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Registers: a.Registers,
			Send: func(ctx context.Context, phone, text string) error { return a.terminals.Send(ctx, phone, text) }},
		Aside: func() int { return a.Tracks.Counts().Aside },
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		}}
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "terminals", Key: "desk.nav.terminals", Href: fleet.PathTerminals}, May: pages.MayHear})
	pages.Routes(mux)
}

// riskPages serves how dangerous communities are.
func (a *App) riskPages(atDesk *desk.Deps, mux *http.ServeMux) {
	if a.Risks == nil {
		return
	}
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "risk", Key: "desk.nav.risk", Href: risk.Path}, May: a.Risks.May})
	deps := *atDesk
	risk.New(risk.Deps{DB: a.DB, Index: a.Risks, Directory: a.Directory, Link: a.behind, CasePath: func(n city.CaseNumber) string { return desk.CasePath(n, "") },
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		}}).Routes(mux)
}

// behind leads to what stands behind a number: the page of a site, or an alert.
func (a *App) behind(actor city.Actor, ref string, day city.Date) string {
	sort, id, _ := strings.Cut(ref, ":")
	if sort == "alert" {
		if a.Alerts.MaySee(actor) {
			return alerts.Path + "/" + id
		}
		return ""
	}
	if !fleet.May(a.Access, actor) {
		return ""
	}
	if day == a.Risks.Today() {
		day = city.Date{}
	}
	id, _, _ = strings.Cut(id, "@")
	switch register.Kind(sort) {
	case register.KindSite:
		return fleet.SitePath(register.SiteID(id), day)
	case register.KindStorage:
		if s := a.Registers.Book().Storage(register.StorageID(id)); s != nil {
			return fleet.SitePath(s.Site, day)
		}
	}
	return ""
}

// vehicleDay is where a vehicle's day is replayed, for those who may see it.
func (a *App) vehicleDay(actor city.Actor, vehicle string, at time.Time) string {
	if a.records == nil || !a.records.MayReplay(actor) {
		return ""
	}
	return fleet.DayPath(register.VehicleID(vehicle), city.DateOf(at.In(a.Pack.Zone)))
}
