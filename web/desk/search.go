package desk

import (
	"context"
	"net/http"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// Search is what was found.
type Search struct {
	Query  string
	Hits   []Found
	Fault  city.Message // why nothing was searched
	Asking bool         // nothing was asked for yet
}

// Found is one thing that was found.
type Found struct {
	Hit
	Href string
}

// mostHits is how many things one search shows; who needs more asks narrower.
const mostHits = 50

// searchPage goes straight to a number that was typed in full, and searches for
// everything else.
func (d *Desk) searchPage(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := d.Actor(r), r.Context()
	q := strings.TrimLeft(strings.TrimSpace(r.URL.Query().Get("q")), "/ ") // the key that leads here is easily pressed twice
	s := Search{Query: q, Asking: q == ""}
	n, err := city.ParseCaseNumber(q)
	switch {
	case err == nil:
		return web.Redirect(w, r, CasePath(n, ""))
	case strings.HasPrefix(q, "1.2.156."):
		return web.Redirect(w, r, LicencePath(q, "", ""))
	case s.Asking:
	case strings.Count(q, "-") == 3: // meant as a number, and mistyped
		if e, ok := err.(*city.Error); ok {
			s.Fault = e.Message
		}
	case d.Search == nil:
		s.Fault = city.Message{Key: "desk.search.none"}
	}
	var counts casework.Counts
	err = d.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if counts, err = d.Cases.InboxCounts(ctx, tx, actor); err != nil || s.Asking || s.Fault.Key != "" {
			return err
		}
		hits, err := d.Search(ctx, tx, actor, q, mostHits)
		for _, h := range hits {
			if it, ok := d.item(h.Item); ok && h.Type == "case" {
				h.Title = it.Name
			}
			s.Hits = append(s.Hits, Found{h, hitPath(h)})
		}
		return err
	})
	if err != nil {
		return err
	}
	doc := d.frame(ctx, actor, "", &counts)
	doc.Search = q
	return web.Render(w, r, http.StatusOK, searchPage(doc, s))
}

// foundKey says how many there are, or that there may be more than are shown.
func foundKey(n int) string {
	if n >= mostHits {
		return "desk.search.found.most"
	}
	return "desk.search.found"
}

func hitPath(h Hit) string {
	if h.Type == "credential" {
		return LicencePath(h.Number, "", "")
	}
	return CasePath(city.CaseNumber(h.Number), "")
}
