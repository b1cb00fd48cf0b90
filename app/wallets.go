package app

import (
	"net/http"

	"yiwang/credential/wallet"
	"yiwang/identity"
	pages "yiwang/web/wallet"
)

// wallets lets holders take licences into wallets of others: their page inside the
// site, what the wallets ask for outside it.
func (a *App) wallets(site, outside *http.ServeMux, checks *identity.Pace) {
	desk := wallet.New(wallet.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Licences: a.Credentials, Clock: a.Clock, Name: a.Pack.Site.Name})
	p := pages.New(pages.Deps{DB: a.DB, Licences: a.Credentials, Desk: desk, Clock: a.Clock,
		Try: func(r *http.Request) error { return checks.Try(a.address(r), a.Clock.Now()) }})
	p.Routes(site)
	p.Wallets(outside)
}
