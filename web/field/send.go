package field

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/web"
)

// sent is a form as it came in, perhaps hours after it was made.
type sent struct {
	form   url.Values
	photos map[string][][]byte // by the field's name
	key    string
	made   time.Time // zero where the form doesn't say
	actor  city.AccountID
}

const (
	mostPhotos = 6 // of one form
	longestKey = 100
)

// read takes a form with its pictures. Each carries a key, by which it counts once;
// one that somebody else made on the same telephone waits until they sign in.
func read(w http.ResponseWriter, r *http.Request, actor city.Actor) (sent, error) {
	s := sent{photos: map[string][][]byte{}, actor: actor.Account}
	n := 0
	form, err := web.ReadForm(w, r, func(field, name string, content io.Reader) error {
		if n++; n > mostPhotos {
			return fault("photo", "incident.photo.many", "max", mostPhotos)
		}
		raw, err := io.ReadAll(io.LimitReader(content, incident.MostPhotoSize+1))
		if err == nil && len(raw) > 0 {
			s.photos[field] = append(s.photos[field], raw)
		}
		return err
	})
	if err != nil {
		return s, err
	}
	s.form, s.key = form, form.Get("key")
	if s.key == "" || len(s.key) > longestKey || !utf8.ValidString(s.key) {
		return s, city.Invalid("web.form.broken")
	}
	if by := form.Get("account"); by != "" && by != actor.Account.String() {
		return s, city.Unauthenticated("field.other")
	}
	if at, err := time.Parse(time.RFC3339, form.Get("made")); err == nil {
		if now := web.ViewOf(r.Context()).Now; !at.After(now) && now.Sub(at) < 30*24*time.Hour {
			s.made = at
		}
	}
	return s, nil
}

func fault(name, key string, args ...any) error {
	return city.InvalidFields([]city.Field{{Name: name, Message: city.Message{Key: key, Args: args}}})
}

func (s sent) text(name string) string { return strings.TrimSpace(s.form.Get(name)) }

// late is from when on it is worth saying that something was done before it was
// sent.
const late = 5 * time.Minute

// action is what the form wants done with a case. What was done without a signal
// and arrives late says so, beside the words that were given.
func (s sent) action(r *http.Request, name string) casework.Action {
	a := casework.Action{Name: name, Key: s.actor.String() + ":" + name + ":" + s.key, Task: s.text("task"), Reason: s.text("reason"), Appeal: s.text("appeal"), Note: s.text("note"),
		Opinion: s.text("opinion"), Step: s.text("step")}
	for field := range s.form {
		if take, ok := strings.CutPrefix(field, takePrefix); ok && s.text(field) != "" {
			if a.Params == nil {
				a.Params = map[string]string{}
			}
			a.Params[take] = s.text(field)
		}
	}
	for _, b := range s.form["bodies"] {
		a.Bodies = append(a.Bodies, city.BodyID(b))
	}
	if us, err := strconv.ParseInt(s.text("entered"), 10, 64); err == nil && us > 0 {
		a.Entered = city.FromMicros(us)
	}
	if now := web.ViewOf(r.Context()).Now; a.Note != "" && !s.made.IsZero() && now.Sub(s.made) > late {
		if said := a.Note + "\n" + web.T(r.Context(), "field.made", "at", s.made); utf8.RuneCountInString(said) <= longest {
			a.Note = said
		}
	}
	return a
}

// roles are the pictures a form may carry, by the name of the field.
var roles = []incident.Role{incident.RoleBefore, incident.RoleAfter, incident.RoleSeen}

func photoField(role incident.Role) string { return "photo_" + string(role) }
