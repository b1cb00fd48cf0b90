package citizen

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"yiwang/city"
)

const (
	mostFields = 1 << 20  // bytes of what was typed into one form
	mostBody   = 64 << 20 // bytes of a form with files
)

// taker takes a file of a form as it comes in; what it leaves unread is skipped.
type taker func(field, name string, content io.Reader) error

// readForm reads what was sent. Files go to take while they arrive and are nowhere
// kept in between; nil skips them. Reading twice gives the same.
func readForm(w http.ResponseWriter, r *http.Request, take taker) (url.Values, error) {
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
	r.Body = http.MaxBytesReader(w, r.Body, mostBody)
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
	e := city.Invalid("citizen.form.broken")
	e.Err = err
	return e
}

// kept is a form that was sent when nobody was signed in any more. It travels in
// the sign-in page and is sent again afterwards. It is readable: only the person
// who typed it has the page.
type kept struct {
	Path string     `json:"path"`
	Form url.Values `json:"form"`
}

func (k kept) String() string {
	b, err := json.Marshal(k)
	if err != nil { // texts only
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseKept(s string) (k kept, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &k) != nil {
		return k, false
	}
	return k, strings.HasPrefix(k.Path, "/")
}

// keep takes a form apart from what must not stand in a page.
func keep(path string, form url.Values) kept {
	k := kept{Path: path, Form: url.Values{}}
	for name, v := range form {
		if !strings.Contains(name, "password") && name != "current" && name != "keep" {
			k.Form[name] = v
		}
	}
	return k
}
