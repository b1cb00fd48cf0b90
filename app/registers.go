package app

import (
	"context"
	"net/http"

	"yiwang/city"
	"yiwang/web"
	"yiwang/web/desk"
	"yiwang/web/fleet"
)

// registerPages serves what is on record of dangerous goods and watched vehicles.
func (a *App) registerPages(atDesk *desk.Deps, mux *http.ServeMux) {
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "registers", Key: "desk.nav.registers", Href: fleet.PathSites},
		May: func(actor city.Actor) bool { return len(a.Pack.Registers.Records) > 0 && fleet.May(a.Access, actor) }})
	deps := *atDesk
	fleet.New(fleet.Deps{DB: a.DB, Access: a.Access, Registers: a.Registers, Region: a.regionName,
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		}}).Routes(mux)
}
