package app

import (
	"context"
	"net/http"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
	"yiwang/web/citizen"
	"yiwang/web/desk"
	"yiwang/web/pass"
)

// lends lists who gave the actor leave to act in everything for them.
func (a *App) lends(ctx context.Context, tx *db.Tx, actor city.Actor) (ids []city.PersonID, err error) {
	own := actor
	own.OnBehalf, own.Firm = city.PersonID{}, city.FirmID{}
	all, err := a.Identity.Principals(ctx, tx, own)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.Choice.Delegation.IsZero() || len(x.Items) > 0 {
			continue
		}
		lent, err := a.Identity.ActFor(ctx, tx, own, x.Choice)
		if err != nil {
			return nil, err
		}
		ids = append(ids, lent.OnBehalf)
	}
	return ids, nil
}

// passPages serves pass codes.
func (a *App) passPages(atDesk *desk.Deps, mux *http.ServeMux) {
	atDesk.More = append(atDesk.More, desk.Elsewhere{NavItem: web.NavItem{Section: "passes", Key: "desk.nav.passes", Href: pass.PathDesk}, May: a.Passes.May})
	deps := *atDesk
	pass.New(pass.Deps{DB: a.DB, Passes: a.Passes, Clock: a.Clock, Zone: a.Pack.Zone, CasePath: func(n city.CaseNumber) string { return citizen.CasePath(n, "") },
		Frame: func(ctx context.Context, actor city.Actor, section string) web.DeskDoc {
			return desk.Frame(ctx, deps, actor, section)
		}}).Routes(mux)
}
