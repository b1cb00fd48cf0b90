package app

import (
	"context"
	"net/http"

	"yiwang/city"
	"yiwang/web"
	"yiwang/web/alerts"
	"yiwang/web/command"
	"yiwang/web/desk"
	"yiwang/web/hotline"
)

// hotline serves the pages of those who answer calls and see what is overdue.
func (a *App) hotline(atDesk *desk.Deps, mux *http.ServeMux) {
	atDesk.More = []desk.Elsewhere{
		{NavItem: web.NavItem{Section: "hotline", Key: "desk.nav.hotline", Href: hotline.Path}, May: func(actor city.Actor) bool { return hotline.Answers(a.Access, actor) }},
		{NavItem: web.NavItem{Section: "command", Key: "command.nav", Href: command.Path}, May: func(actor city.Actor) bool { return command.May(a.Access, actor) }},
		{NavItem: web.NavItem{Section: "late", Key: "desk.nav.late", Href: hotline.PathLate}, May: func(actor city.Actor) bool { return hotline.MaySeeLate(a.Access, actor) }},
	}
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "alerts", Key: "desk.nav.alerts", Href: alerts.Path}, May: a.Alerts.MaySee})
	deps := *atDesk
	noticed := alerts.New(alerts.Deps{DB: a.DB, Board: a.Alerts, Directory: a.Directory, Incidents: a.Incidents,
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		},
		CasePath: func(n city.CaseNumber) string { return desk.CasePath(n, "") }, VehicleDay: a.vehicleDay})
	mux.Handle(alerts.Path, noticed)
	mux.Handle(alerts.Path+"/", noticed)
	calls := hotline.New(hotline.Deps{DB: a.DB, Access: a.Access, Directory: a.Directory, Cases: a.Cases, Incidents: a.Incidents, Items: a.Items, Knowledge: a.Pack.Knowledge,
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		},
		CasePath: func(n city.CaseNumber) string { return desk.CasePath(n, "") }})
	mux.Handle(hotline.Path, calls)
	mux.Handle(hotline.Path+"/", calls)
	mux.Handle(hotline.PathLate, calls)
	wall := command.New(command.Deps{DB: a.DB, Access: a.Access, Directory: a.Directory, Cases: a.Cases, Incidents: a.Incidents, Scores: a.Scores, Sensors: a.Sensors,
		Roads: a.Pack.Roads, Vehicles: a.Vehicles, Registers: a.Registers, Board: a.Alerts, Reach: a.Reach, Journal: a.Journal, Algorithms: a.Algorithms,
		Clock: a.Clock, CasePath: func(n city.CaseNumber) string { return desk.CasePath(n, "") }, Closing: a.closing})
	mux.Handle(command.Path, wall)
	mux.Handle(command.Path+"/", wall)
}
