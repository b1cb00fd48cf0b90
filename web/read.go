package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"yiwang/city"
)

const (
	mostFields = 1 << 20  // bytes of what was typed into one form
	mostBody   = 64 << 20 // bytes of a form with files
)

// Taker takes a file of a form as it comes in; what it leaves unread is skipped.
type Taker func(field, name string, content io.Reader) error

// ReadForm reads what was sent. Files go to take while they arrive and are nowhere
// kept in between; nil skips them. Reading twice gives the same.
func ReadForm(w http.ResponseWriter, r *http.Request, take Taker) (url.Values, error) {
	return ReadFormUpTo(w, r, mostBody, take)
}

// ReadFormUpTo is ReadForm for a form that with its files may have so many bytes.
func ReadFormUpTo(w http.ResponseWriter, r *http.Request, most int64, take Taker) (url.Values, error) {
	if r.PostForm != nil {
		return r.PostForm, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		r.Body = http.MaxBytesReader(w, r.Body, mostFields)
		if err := r.ParseForm(); err != nil {
			return nil, unread(err)
		}
		return r.PostForm, nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, unread(err)
	}
	form, left := url.Values{}, mostFields
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unread(err)
		}
		if _, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition")); params != nil {
			if _, isFile := params["filename"]; isFile {
				if file := part.FileName(); file != "" && take != nil { // without a name nothing was chosen
					if err := take(part.FormName(), file, part); err != nil {
						return nil, unread(err)
					}
				}
				continue
			}
		}
		b, err := io.ReadAll(io.LimitReader(part, int64(left)+1))
		if err != nil {
			return nil, unread(err)
		}
		if left -= len(b); left < 0 {
			return nil, &http.MaxBytesError{Limit: mostFields}
		}
		form.Add(part.FormName(), string(b))
	}
	r.PostForm = form
	return form, nil
}

// unread keeps errors that have an answer of their own; any other is a form that
// broke off on its way.
func unread(err error) error {
	var big *http.MaxBytesError
	var said *city.Error
	if errors.As(err, &big) || errors.As(err, &said) {
		return err
	}
	e := city.Invalid("web.form.broken")
	e.Err = err
	return e
}
