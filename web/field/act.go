package field

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// act does what an officer asked for, once however often it comes. The pictures
// are kept first: they hold good whatever becomes of the rest.
func (p *Pages) act(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	if err != nil {
		return err
	}
	s, err := read(w, r, actor)
	if err != nil {
		return err
	}
	name := r.PathValue("action")
	for _, role := range roles {
		for _, raw := range s.photos[photoField(role)] {
			_, err := p.Incidents.AddPhoto(r.Context(), actor, n, incident.NewPhoto{Role: role, Raw: raw, Key: photoKey(s.key, role, raw)})
			if err != nil {
				return p.again(w, r, actor, n, name, s, at(err, "photo", photoField(role)))
			}
		}
	}
	if err := p.do(r, actor, n, name, s); err != nil {
		return p.again(w, r, actor, n, name, s, err)
	}
	return done(w, r, PathTasks+string(n)+"?did="+name, web.In(r.Context(), did(name)))
}

// photoKey names a picture of a form: another one in its place is another picture.
func photoKey(key string, role incident.Role, raw []byte) string {
	sum := sha256.Sum256(raw)
	return key + ":" + string(role) + ":" + hex.EncodeToString(sum[:12])
}

// mostTries are how often a race against somebody else's unrelated step is run.
const mostTries = 3

// do acts on a case of the streets. Whoever lost a race tries again: what stands
// then is looked at anew.
func (p *Pages) do(r *http.Request, actor city.Actor, n city.CaseNumber, name string, s sent) error {
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		c, err := p.Cases.Get(ctx, tx, actor, n)
		if err == nil && !p.Incidents.Handles(c.Kind) {
			err = city.NotFound("error.not_found")
		}
		return err
	})
	for range mostTries {
		if err != nil {
			return err
		}
		_, err = p.Cases.Do(r.Context(), actor, n, s.action(r, name))
		if e := (*city.Error)(nil); !errors.As(err, &e) || e.Message.Key != "case.changed" || e.Err == nil {
			return err
		}
		err = nil
	}
	return city.Conflict("case.changed")
}

// at gives a fault the name of the field it belongs to here.
func at(err error, from, to string) error {
	var e *city.Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Fields = slices.Clone(e.Fields)
	for i := range c.Fields {
		if c.Fields[i].Name == from {
			c.Fields[i].Name = to
		}
	}
	return &c
}

// again shows the task as it stands now, with why something was not taken and all
// that was typed.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, actor city.Actor, n city.CaseNumber, name string, s sent, err error) error {
	var e *city.Error
	kind := city.KindOf(err)
	if asks(r) || !errors.As(err, &e) || kind != city.KindInvalid && kind != city.KindConflict {
		return err
	}
	t, failed := p.task(r.Context(), actor, n)
	if failed != nil {
		return failed
	}
	if kind == city.KindConflict {
		t.Conflict = e.Message
	}
	for i := range t.Forms {
		f := &t.Forms[i]
		if f.Action != name {
			continue
		}
		f.Open, f.Key = true, s.key
		left := e.Fields
		for j := range f.Fields {
			x := &f.Fields[j]
			x.Value, x.Values = s.text(x.Name), s.form[x.Name]
			left = slices.DeleteFunc(slices.Clone(left), func(bad city.Field) bool {
				mine := bad.Name == x.Name || takePrefix+bad.Name == x.Name || strings.HasPrefix(bad.Name, x.Name+".")
				if mine {
					x.Fault = bad.Message
				}
				return mine
			})
		}
		for j := range f.Photos {
			x := &f.Photos[j]
			left = slices.DeleteFunc(slices.Clone(left), func(bad city.Field) bool {
				if bad.Name == x.Name {
					x.Fault = bad.Message
				}
				return bad.Name == x.Name
			})
		}
		f.Others = left
		if e.Message.Key != "" && len(e.Fields) == 0 && kind == city.KindInvalid {
			f.Others = []city.Field{{Message: e.Message}}
		}
	}
	return web.Render(w, r, web.Status(err), taskView(t))
}
