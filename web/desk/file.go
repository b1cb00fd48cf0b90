package desk

import (
	"io"
	"mime"
	"net/http"
	"strconv"

	"yiwang/city"
	"yiwang/serviceitem"
)

// inline are the media types that a browser shows safely by itself.
var inline = map[string]bool{"application/pdf": true, "image/jpeg": true, "image/png": true, "image/webp": true}

// file shows a file of a case to an officer, with the look on record.
func (d *Desk) file(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	return d.sendFile(w, r, v.actor)
}

// sendFile sends an uploaded file. Bytes from outside run nothing: the policy
// allows no script, and the type is the one the bytes turned out to be.
func (d *Desk) sendFile(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	var id city.BlobID
	if err := id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("blob")))); err != nil {
		return city.NotFound("error.not_found")
	}
	f, content, err := d.Items.OpenUpload(r.Context(), actor, id, purpose)
	if err != nil {
		return err
	}
	defer content.Close()
	sendContent(w, r, f, content)
	return nil
}

func sendContent(w http.ResponseWriter, r *http.Request, f serviceitem.File, content io.Reader) {
	how := "attachment"
	if inline[f.Media] {
		how = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", f.Media)
	h.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": f.Name}))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; object-src 'self'; sandbox")
	if f.Size > 0 {
		h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	}
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // the reader sees that the file is not whole
	}
}
