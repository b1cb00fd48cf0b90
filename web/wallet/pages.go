package wallet

import (
	"context"
	"net/http"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/wallet"
	"yiwang/internal/db"
	"yiwang/web"
	"yiwang/web/citizen"
)

// Deps are what the pages are made of. All are needed.
type Deps struct {
	DB       *db.DB
	Licences *credential.Registry
	Desk     *wallet.Desk
	Clock    city.Clock
	// Try refuses an address that asks too much too fast.
	Try func(r *http.Request) error
}

// Pages serves holders and their wallets. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes mounts the holder's pages. The mux must be served inside web.Site.Wrap.
func (p *Pages) Routes(mux *http.ServeMux) {
	mux.Handle("GET "+citizen.PathLicences+"/{number}/wallet", web.Page(p.ask))
	mux.Handle("POST "+citizen.PathLicences+"/{number}/wallet", web.Page(p.offer))
}

// Ask is the page before an offer.
type Ask struct {
	Name   city.Text
	Number credential.Number
	Open   bool // the licence is in force
}

func (p *Pages) ask(w http.ResponseWriter, r *http.Request) error {
	a, n, err := holder(r)
	if err != nil {
		return err
	}
	var c credential.Credential
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		c, err = p.Licences.Get(ctx, tx, a, n)
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, AskPage(Ask{Name: c.Name, Number: n, Open: c.InForce(p.Clock.Now())}))
}

func (p *Pages) offer(w http.ResponseWriter, r *http.Request) error {
	a, n, err := holder(r)
	if err != nil {
		return err
	}
	o, err := p.Desk.Offer(r.Context(), a, n)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.Render(w, r, http.StatusOK, OfferPage(o))
}

// holder is who asks, and the licence of the address.
func holder(r *http.Request) (city.Actor, credential.Number, error) {
	a := web.ViewOf(r.Context()).Actor
	if a.Kind != city.Resident {
		return a, "", city.Unauthenticated("error.sign_in")
	}
	n, err := credential.ParseNumber(r.PathValue("number"))
	if err != nil {
		return a, "", city.NotFound("error.not_found")
	}
	return a, n, nil
}
