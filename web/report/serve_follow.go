package report

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// followed reads the matter of a pair.
func (p *Pages) followed(r *http.Request, k pair) (f incident.Followed, err error) {
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		f, err = p.Incidents.Follow(ctx, tx, web.ViewOf(ctx).Actor, k.Number, k.Code)
		return err
	})
	return f, err
}

// done shows number and code to whoever has just reported.
func (p *Pages) done(w http.ResponseWriter, r *http.Request) error {
	k, ok := p.remembered(r)
	if !ok {
		return web.Redirect(w, r, PathFollow)
	}
	f, err := p.followed(r, k)
	if err != nil {
		return err
	}
	c := f.Case
	line, _ := p.line(f.Class)
	return web.Render(w, r, http.StatusOK, DonePage(Done{Number: k.Number, Code: k.Code, Name: line.Name, Tell: c.Tell, Office: p.body(c.Body), Due: c.Due, Joined: f.Joined,
		Mine: web.ViewOf(r.Context()).Actor.Kind == city.Resident && !f.Joined}))
}

// follow shows the matter that the reader proved to be theirs, or asks for number
// and code. ?number= names the matter that a notice spoke of.
func (p *Pages) follow(w http.ResponseWriter, r *http.Request) error {
	asked := cut(r.URL.Query().Get("number"), 40)
	k, ok := p.remembered(r)
	if !ok || asked != "" && asked != string(k.Number) {
		if own, err := p.own(r, asked); err != nil {
			return err
		} else if own.Code != "" {
			p.remember(w, r, own)
			return p.show(w, r, http.StatusOK, own, nil)
		}
		return web.Render(w, r, http.StatusOK, FindPage(Find{Number: asked}))
	}
	return p.show(w, r, http.StatusOK, k, nil)
}

// own is the pair of what the reader reported while signed in; without a code when
// that is none of theirs.
func (p *Pages) own(r *http.Request, number string) (k pair, err error) {
	a := web.ViewOf(r.Context()).Actor
	if number == "" || a.Kind != city.Resident {
		return k, nil
	}
	k.Number = city.CaseNumber(number)
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		k.Code, err = p.Incidents.CodeOf(ctx, tx, a, k.Number)
		return err
	})
	if city.KindOf(err) == city.KindNotFound {
		return pair{}, nil
	}
	return k, err
}

// show is the page of the matter; with what was sent and at fault put into it.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, k pair, with func(*Matter)) error {
	f, err := p.followed(r, k)
	if city.KindOf(err) == city.KindNotFound { // erased since
		p.forget(w, r)
		return web.Render(w, r, http.StatusNotFound, FindPage(Find{Number: string(k.Number), Fault: messageOf(err)}))
	}
	if err != nil {
		return err
	}
	m := p.matter(k.Number, f)
	if with != nil {
		with(&m)
	}
	return web.Render(w, r, status, MatterPage(m))
}

// lookUp takes number and code. A wrong code and a number that nobody has are one
// answer, and nobody tries many.
func (p *Pages) lookUp(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	typed := cut(v.Get("number"), 40)
	if err := p.Checks.Try(p.Address(r), p.Clock.Now()); err != nil {
		return err
	}
	n, err := city.ParseCaseNumber(typed)
	if err != nil {
		return web.Render(w, r, http.StatusUnprocessableEntity, FindPage(Find{Number: typed, Part: messageOf(err)}))
	}
	k := pair{n, strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(cut(v.Get("code"), 40)))}
	if _, err := p.followed(r, k); city.KindOf(err) == city.KindNotFound {
		return web.Render(w, r, http.StatusNotFound, FindPage(Find{Number: typed, Fault: messageOf(err)}))
	} else if err != nil {
		return err
	}
	p.remember(w, r, k)
	return web.Redirect(w, r, PathFollow)
}

// leave forgets the matter, for those who share a device.
func (p *Pages) leave(w http.ResponseWriter, r *http.Request) error {
	p.forget(w, r)
	return web.Redirect(w, r, PathFollow)
}

// rate takes what a reporter says of how it went.
func (p *Pages) rate(w http.ResponseWriter, r *http.Request) error {
	k, ok := p.remembered(r)
	if !ok {
		return web.Redirect(w, r, PathFollow)
	}
	v, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	box := RateBox{Responded: cut(v.Get("responded"), 8), Resolved: cut(v.Get("resolved"), 8), Words: v.Get("words")}
	box.Level, _ = strconv.Atoi(v.Get("level")) // what is no level is none
	err = p.Incidents.Rate(r.Context(), web.ViewOf(r.Context()).Actor, k.Number, k.Code, incident.Rating{
		Responded: yesNo(box.Responded), Resolved: yesNo(box.Resolved), Level: box.Level, Words: box.Words, By: "page"})
	if faults := fieldsOf(err); len(faults) > 0 {
		return p.show(w, r, http.StatusUnprocessableEntity, k, func(m *Matter) {
			if m.Rate == nil {
				return
			}
			for _, x := range faults {
				if x.Name == "words" {
					box.Wording = x.Message
				} else {
					box.Fault = city.Message{Key: "report.rate.none"}
				}
			}
			box.Rated = m.Rate.Rated
			m.Rate = &box
		})
	}
	if err != nil && city.KindOf(err) != city.KindConflict { // rated before, or taken up again meanwhile: the page shows it
		return err
	}
	return web.Redirect(w, r, PathFollow)
}

func yesNo(s string) *bool {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return nil
	}
	return &b
}

// reopen has the matter taken up again.
func (p *Pages) reopen(w http.ResponseWriter, r *http.Request) error {
	k, ok := p.remembered(r)
	if !ok {
		return web.Redirect(w, r, PathFollow)
	}
	v, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	reason := v.Get("reason")
	err = p.Incidents.Reopen(r.Context(), web.ViewOf(r.Context()).Actor, k.Number, k.Code, reason)
	kind := city.KindOf(err)
	if kind == city.KindInvalid || kind == city.KindConflict {
		fault := messageOf(err)
		if faults := fieldsOf(err); len(faults) > 0 {
			fault = faults[0].Message
			if fault.Key == "case.needs.reason" {
				fault = city.Message{Key: "report.reopen.reason.missing"}
			}
		}
		return p.show(w, r, web.Status(err), k, func(m *Matter) {
			if m.Reopen == nil {
				m.Reopen = &ReopenBox{}
			}
			m.Reopen.Reason, m.Reopen.Fault = reason, fault
		})
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathFollow)
}

// photo is a picture of the matter that the reader proved to be theirs.
func (p *Pages) photo(w http.ResponseWriter, r *http.Request) error {
	k, ok := p.remembered(r)
	id, err := city.ParseID[struct{}](r.PathValue("photo"))
	if !ok || err != nil {
		return city.NotFound("error.not_found")
	}
	jpeg, err := p.Incidents.FollowedPhoto(r.Context(), web.ViewOf(r.Context()).Actor, k.Number, k.Code, city.BlobID(id))
	if err != nil {
		return err
	}
	return web.SendPhoto(w, jpeg)
}
