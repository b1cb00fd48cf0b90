// Package receipt offers receipts of the public log on the pages of what they are
// about, and hands them out.
package receipt

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/tlog"
	"yiwang/web"
)

// Offer is what a page says of the receipts about its thing. The zero value says
// nothing.
type Offer struct {
	Lines   []Line // newest first
	Awaited bool   // something was said that the log has not yet published
}

// Line is one receipt that can be had.
type Line struct {
	At   time.Time
	What city.Text
	Href string
}

// most is how many receipts a page offers; older ones are asked for by their place.
const most = 20

// About lists the receipts about a topic, each at the address with its place as
// parameter "entry". Who may read the page has been asked. A nil log offers none.
func About(ctx context.Context, tx *db.Tx, l *tlog.Log, t tlog.Topic, address string) (o Offer, err error) {
	if l == nil {
		return o, nil
	}
	all, err := l.About(ctx, tx, t)
	if err != nil {
		return o, err
	}
	size, err := l.Published(ctx)
	if err != nil {
		return o, err
	}
	o.Awaited = len(all) == 0
	for i := len(all) - 1; i >= 0 && len(o.Lines) < most; i-- {
		e := all[i]
		if e.Index >= size {
			o.Awaited = true
			continue
		}
		o.Lines = append(o.Lines, Line{At: e.At, What: web.Words(tlog.Said(e.Type)), Href: address + "?entry=" + strconv.FormatUint(e.Index, 10)})
	}
	return o, nil
}

// Send hands out the receipt about a topic that the request asks for by "entry", the
// newest without it, as a file of this name. Whether the reader may have it is asked
// before. Without a log nothing is found.
func Send(w http.ResponseWriter, r *http.Request, d *db.DB, l *tlog.Log, t tlog.Topic, name string) error {
	index := int64(-1)
	if asked := r.URL.Query().Get("entry"); asked != "" {
		n, err := strconv.ParseUint(asked, 10, 62)
		if err != nil {
			return city.NotFound("error.not_found")
		}
		index = int64(n)
	}
	if l == nil {
		return city.NotFound("error.not_found")
	}
	var text []byte
	err := d.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		text, err = l.ReceiptAbout(ctx, tx, t, index)
		return err
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(name)+`.tlog-proof"`)
	h.Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}

// fileName keeps of a name what may stand in the header and in every file system.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '-'
	}, name)
}
