// Package gate is the page that checks codes without a network: at a door, in the
// rain, one after the other. What judges is the program's own checker, which the
// browser runs (cmd/gate) by a kit of keys and status lists (credential/kit). Nothing
// that is checked leaves the device; it keeps counts alone.
package gate

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/kit"
	"yiwang/credential/pass"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses. The worker lies where it answers for all of them.
const (
	Path       = "/verify/gate"
	PathKit    = "/verify/kit"
	pathWorker = "/verify/worker.js"
)

// Deps are what the page needs.
type Deps struct {
	DB       *db.DB
	Registry *credential.Registry
	Purposes []pass.Purpose
	City     string // division code
	Clock    city.Clock
	Zone     *time.Location
	Verify   string // address of the page where the city itself answers
}

// Routes adds the addresses. They must be served inside web.Site.Wrap.
func Routes(mux *http.ServeMux, d Deps) {
	mux.Handle("GET "+Path, web.Page(func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1))
		return web.Render(w, r, http.StatusOK, gatePage(d.Verify))
	}))
	mux.Handle("GET "+PathKit, web.Page(d.kit))
	mux.HandleFunc("GET "+pathWorker, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(worker) // a reader who has gone away asks again
	})
}

//go:embed worker.js
var worker []byte

// kit gives what checking takes. Anybody may have it: it tells whose keys are
// believed and states without names.
func (d Deps) kit(w http.ResponseWriter, r *http.Request) error {
	now := d.Clock.Now()
	_, offset := now.In(d.Zone).Zone()
	k := kit.Kit{Made: now.UTC(), Offset: offset, Keys: d.Registry.TrustPEM(), Vouched: kit.Of(d.Registry.Others())}
	err := d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		k.Lists, err = d.Registry.StatusLists(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range d.Registry.Health().Keys() {
		k.Health = append(k.Health, key.DER())
	}
	for _, p := range d.Purposes {
		x := kit.Purpose{City: d.City, ID: p.ID, Name: p.Name, Ends: p.Over(d.Zone)}
		for _, s := range p.States {
			x.States = append(x.States, kit.State{ID: s.ID, Name: s.Name, Enters: s.Enters})
		}
		k.Purposes = append(k.Purposes, x)
	}
	body, err := json.Marshal(k)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a reader who has gone away asks again
	return nil
}
