package app

import (
	"context"
	"net/http"
	"time"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/web"
	"yiwang/web/alerts"
	"yiwang/web/desk"
	"yiwang/web/fleet"
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

// vehicleDay is where a vehicle's day is replayed, for those who may see it.
func (a *App) vehicleDay(actor city.Actor, vehicle string, at time.Time) string {
	if a.records == nil || !a.records.MayReplay(actor) {
		return ""
	}
	return fleet.DayPath(register.VehicleID(vehicle), city.DateOf(at.In(a.Pack.Zone)))
}
