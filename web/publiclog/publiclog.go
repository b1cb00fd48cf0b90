// Package publiclog serves the page of the public log: what it is, its latest
// checkpoint, who watches it, whom the city watches, and where a receipt is checked.
package publiclog

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yiwang/internal/db"
	"yiwang/tlog"
	"yiwang/web"
)

// Deps are what the page shows. Witness is nil where the city watches no other's log.
type Deps struct {
	DB      *db.DB
	Log     *tlog.Log
	Witness *tlog.Witness
	Verify  string // address of the page where a receipt is checked
	Origin  string // how people reach the program
}

// Page is what stands on it.
type Page struct {
	State   tlog.State
	Watched []tlog.Seen
	Forks   []tlog.Fork
	Verify  string
	Base    string // of what programs read
}

// patience is how long entries may wait to be published before the page says so.
const patience = 30 * time.Second

// late says that witnesses keep the log from being published.
func (p Page) late(now time.Time) bool {
	return p.State.Waiting > 0 && len(p.State.Witnesses) > 0 && now.Sub(p.State.Since) > patience
}

func (p Page) root() string { return base64.StdEncoding.EncodeToString(p.State.Root) }

// New gives the page. It must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	return web.Page(func(w http.ResponseWriter, r *http.Request) error {
		page := Page{Verify: d.Verify, Base: d.Origin + r.URL.Path}
		err := d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			if page.State, err = d.Log.State(ctx, tx); err != nil || d.Witness == nil {
				return err
			}
			if page.Watched, err = d.Witness.Watched(ctx, tx); err != nil {
				return err
			}
			page.Forks, err = d.Witness.Forks(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		return web.Render(w, r, http.StatusOK, logPage(page))
	})
}

func watcherRows(all []tlog.Watcher) [][]templ.Component {
	var rows [][]templ.Component
	for _, x := range all {
		seen := web.When(x.Seen)
		if x.Seen.IsZero() {
			seen = web.Tag(web.Tagged{State: web.StateWaiting, Word: web.Words("publiclog.not_signed")})
		}
		rows = append(rows, []templ.Component{web.Text(x.Name), seen})
	}
	return rows
}

func watchedRows(ctx context.Context, all []tlog.Seen) [][]templ.Component {
	var rows [][]templ.Component
	for _, x := range all {
		seen := web.When(x.At)
		if x.At.IsZero() {
			seen = web.Text(web.T(ctx, "publiclog.not_seen"))
		}
		rows = append(rows, []templ.Component{web.Text(x.Origin), web.Text(strconv.FormatUint(x.Size, 10)), seen})
	}
	return rows
}

func columns(keys ...string) []web.Column {
	all := make([]web.Column, len(keys))
	for i, k := range keys {
		all[i] = web.Column{Name: web.Words(k)}
	}
	return all
}
