package desk

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// inline are the media types that a browser shows safely by itself.
var inline = map[string]bool{"application/pdf": true, "image/jpeg": true, "image/png": true, "image/webp": true}

// file shows a file that belongs to the case. Bytes from outside run nothing:
// the policy allows no script, and the type is the one the bytes turned out to be.
func (d *Desk) file(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	var id city.BlobID
	if err := id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("blob")))); err != nil || d.Files == nil || d.Items == nil {
		return city.NotFound("error.not_found")
	}
	m, err := d.material(r.Context(), v, id)
	if err != nil {
		return err
	}
	f, err := d.Files.Open(r.Context(), m.Blob)
	if err != nil {
		return err
	}
	defer f.Close()
	how := "attachment"
	if inline[m.Media] {
		how = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", m.Media)
	h.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": m.Name}))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; object-src 'self'; sandbox")
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// material finds a file among those of the case, for an officer who may read it.
func (d *Desk) material(ctx context.Context, v visit, id city.BlobID) (Material, error) {
	var records []casework.Record
	err := d.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := d.Engine.Look(ctx, tx, v.actor, v.number, purpose); err != nil {
			return err
		}
		var err error
		records, err = d.Engine.History(ctx, tx, v.actor, v.number)
		return err
	})
	if err != nil {
		return Material{}, err
	}
	for _, r := range records {
		if len(r.Words.Payload) == 0 {
			continue
		}
		a, err := d.Items.Application(r.Words.Payload)
		if err != nil {
			return Material{}, err
		}
		for _, m := range a.Materials {
			if m.Blob == id && !id.IsZero() {
				if m.Media == "" {
					m.Media = "application/octet-stream"
				}
				return m, nil
			}
		}
	}
	return Material{}, city.NotFound("error.not_found")
}
