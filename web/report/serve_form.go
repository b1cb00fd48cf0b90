package report

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/incident/picture"
	"yiwang/internal/db"
	"yiwang/web"
)

const source = "page" // of reports that come by this form

const mostBody = incident.MostPhotos*incident.MostPhotoSize + 2<<20 // bytes of a form with its photos

// formPage is the empty form; ?join=NUMBER comes from a matter that the reader
// sees, too, ?lat=&lon= from a place on a map.
func (p *Pages) formPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	s := sent{key: rand.Text(), join: cut(q.Get("join"), 40), lat: cut(q.Get("lat"), 24), lon: cut(q.Get("lon"), 24)}
	f, err := p.form(r, s)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, FormPage(f))
}

// guess is the part of the page that follows the typing.
func (p *Pages) guess(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	f, err := p.form(r, sentOf(v))
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, GuessPart(f.Guess))
}

// form is the form as it was sent, without faults.
func (p *Pages) form(r *http.Request, s sent) (f Form, err error) {
	v := web.ViewOf(r.Context())
	f = Form{Key: s.key, Picked: s.point(), Mine: v.Actor.Kind == city.Resident,
		Place: []web.Field{
			{Name: "address", Type: web.FieldText, Label: web.Words("report.address"), Hint: web.Words("report.address.hint"), Value: s.address, Autocomplete: "off", Max: 200},
			{Name: "region", Type: web.FieldRegion, Label: web.Words("report.region"), Value: s.region, Options: p.communities()},
		},
		Photo: web.Field{Name: "photos", Type: web.FieldFile, Label: web.Words("report.photos"), Multiple: true},
		Text:  web.Field{Name: "text", Type: web.FieldLongText, Label: web.Words("report.text"), Hint: web.Words("report.text.hint"), Required: true, Value: s.text, Max: 5000},
		Contact: []web.Field{
			{Name: "phone", Type: web.FieldPhone, Label: web.Words("report.phone"), Value: s.phone, Max: 30},
			{Name: "email", Type: web.FieldEmail, Label: web.Words("report.email"), Value: s.email, Max: 200},
		},
	}
	for _, id := range s.kept {
		if p.shelf.get(id, p.Clock.Now()) != nil {
			f.Photos = append(f.Photos, KeptPhoto{ID: id, Href: PathKept + id})
		}
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		if s.join != "" {
			list, _, err := p.Incidents.Public(ctx, tx, v.Actor, incident.PublicQuery{Numbers: []city.CaseNumber{city.CaseNumber(s.join)}})
			if err != nil {
				return err
			}
			if len(list) == 1 && list[0].Open {
				line, _ := p.line(list[0].Class)
				f.Join, f.Joined = list[0].Number, &web.Link{Text: line.Name, Href: SeenPath(list[0].Number)}
			}
			s.join = string(f.Join)
		}
		f.Guess, err = p.guessOf(ctx, tx, v.Actor, s)
		return err
	})
	return f, err
}

// communities are the narrowest places one can choose without a map, under what
// they lie in.
func (p *Pages) communities() []web.Option {
	var out []web.Option
	var walk func(r city.Region)
	walk = func(r city.Region) {
		inside := p.Directory.RegionChildren(r.Code)
		if len(inside) == 0 {
			out = append(out, web.Option{Value: string(r.Code), Label: r.Name, Group: p.Directory.RegionName(r.Parent)})
		}
		for _, c := range inside {
			walk(c)
		}
	}
	if r, ok := p.Directory.Region(p.Directory.City()); ok {
		walk(r)
	}
	return out
}

// send takes a report. Without a script it is sent twice: the first time shows
// what it may be.
func (p *Pages) send(w http.ResponseWriter, r *http.Request) error {
	a := web.ViewOf(r.Context()).Actor
	now := p.Clock.Now()
	var paced *city.Error
	if a.Kind == city.Anonymous {
		if err := p.Reports.Try(p.Address(r), now); err != nil && !errors.As(err, &paced) {
			return err
		}
	}
	photos := taken{now: now, shelf: p.shelf}
	take := photos.taker(r.Context())
	if paced != nil { // no work for whoever sends too much
		take = nil
	}
	v, err := web.ReadFormUpTo(w, r, mostBody, take)
	if err != nil {
		return err
	}
	s := sentOf(v)
	gone := photos.add(&s)
	f, err := p.form(r, s)
	if err != nil {
		return err
	}
	if receipt, ok, err := p.filed(r, s); ok || err != nil { // pressed twice: what the form finds near is what it became
		return p.receipt(w, r, receipt, err)
	}
	if paced != nil {
		f.Wait = max(paced.RetryAfter, time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int((f.Wait+time.Second-1)/time.Second)))
		return web.Render(w, r, http.StatusTooManyRequests, FormPage(f))
	}
	if s.do == "look" || s.drop != "" {
		f.Look = f.Guess.Shown != ""
		return web.Render(w, r, http.StatusOK, FormPage(f))
	}
	faults := append(photos.faults, gone...)
	faults = append(faults, p.missing(s, &f)...)
	if len(faults) == 0 && f.Join == "" && s.shown != f.Guess.Shown && f.Guess.Shown != "" && f.Guess.Chosen == orHotline(f.Guess.Shown) {
		f.Look = true // the words were guessed at only now
		return web.Render(w, r, http.StatusOK, FormPage(f))
	}
	var receipt incident.Receipt
	if len(faults) == 0 {
		receipt, err = p.Incidents.Report(r.Context(), a, p.reportOf(r, s, f))
		var refused *city.Error
		if errors.As(err, &refused) && refused.Kind == city.KindInvalid && len(refused.Fields) > 0 {
			faults = refused.Fields
		} else if err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		p.blame(&f, faults)
		return web.Render(w, r, http.StatusUnprocessableEntity, FormPage(f))
	}
	return p.receipt(w, r, receipt, nil)
}

// filed finds what the same form became before.
func (p *Pages) filed(r *http.Request, s sent) (receipt incident.Receipt, ok bool, err error) {
	if s.key == "" {
		return receipt, false, nil
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		receipt, ok, err = p.Incidents.Filed(ctx, tx, web.ViewOf(ctx).Actor, source, s.key)
		return err
	})
	return receipt, ok, err
}

// receipt leads to number and code.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request, receipt incident.Receipt, err error) error {
	if err != nil {
		return err
	}
	p.remember(w, r, pair{Number: receipt.Number, Code: receipt.Code})
	return web.Redirect(w, r, PathDone)
}

func orHotline(shown string) string {
	if shown == guessNone {
		return classHotline
	}
	return shown
}

// missing is what has to be said before a report is taken.
func (p *Pages) missing(s sent, f *Form) (faults []city.Field) {
	need := func(is bool, name, key string) {
		if is {
			faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key}})
		}
	}
	need(f.Join == "" && s.point().IsZero() && s.region == "" && strings.TrimSpace(s.address) == "", "address", "report.where")
	need(strings.TrimSpace(s.text) == "", "text", "incident.text.empty")
	if c := f.Guess.class(); f.Guess.Chosen != "" && f.Guess.Chosen != classHotline {
		_, known := p.Incidents.Class(c)
		need(!known, "class", "report.class.choose")
	}
	need(len(f.Guess.Similar) > 0 && f.Guess.Same == "", "same", "report.same.say")
	return faults
}

// reportOf is the report that the form makes.
func (p *Pages) reportOf(r *http.Request, s sent, f Form) incident.Report {
	v := web.ViewOf(r.Context())
	out := incident.Report{Class: f.Guess.class(), Offered: f.Guess.Offered, Text: s.text, Place: s.place(), Key: s.key, Source: source, Join: f.Join, Apart: f.Guess.Same == sameNone, Unsure: f.Guess.Chosen == classHotline,
		Reporter: incident.Reporter{Phone: s.phone, Email: s.email, Lang: v.Lang}}
	if v.Actor.Kind == city.Resident {
		out.Reporter.Name = v.Actor.Name
	}
	out.Answers = map[string]string{}
	for _, q := range f.Guess.Questions {
		code := strings.TrimPrefix(q.Name, answersPrefix)
		out.Answers[code] = s.answer(q, code, v.City.Zone)
	}
	for _, id := range s.kept {
		if jpeg := p.shelf.get(id, p.Clock.Now()); jpeg != nil {
			out.Photos = append(out.Photos, jpeg)
		}
	}
	if f.Guess.Same != "" && f.Guess.Same != sameNone {
		out.Join = city.CaseNumber(f.Guess.Same)
	}
	return out
}

// blame puts faults to their fields, the place outside the city to the map.
func (p *Pages) blame(f *Form, faults []city.Field) {
	faults = web.FaultsOf(f.Place, faults, "")
	faults = web.FaultsOf(f.Contact, faults, "")
	faults = web.FaultsOf(f.Guess.Questions, faults, "")
	one := []web.Field{f.Photo, f.Text, {Name: "class"}, {Name: "same"}}
	faults = web.FaultsOf(one, faults, "")
	f.Photo, f.Text, f.Guess.Fault, f.Guess.SameFault = one[0], one[1], one[2].Fault, one[3].Fault
	f.Guess.Open = f.Guess.Open || f.Guess.Fault.Key != ""
	for _, x := range faults {
		switch x.Name {
		case "place": // told where the place is chosen
			f.Place[0].Fault = x.Message
			if x.Message.Key == "incident.place.outside" {
				f.Outside = p.Incidents.Settings.Neighbours
			}
		case "join":
			f.Guess.SameFault = x.Message
		case "photo":
			f.Photo.Fault = x.Message
		default:
			f.Others = append(f.Others, x)
		}
	}
}

// taken are photos as they come in.
type taken struct {
	now    time.Time
	shelf  *shelf
	ids    []string
	n      int
	faults []city.Field
}

func (t *taken) fault(key string, args ...any) {
	t.faults = append(t.faults, city.Field{Name: "photos", Message: city.Message{Key: key, Args: args}})
}

// taker reads photos, cleans them and puts them onto the shelf. One that is none is
// a fault of the form; the others stay.
func (t *taken) taker(ctx context.Context) web.Taker {
	return func(field, name string, content io.Reader) error {
		if field != "photos" {
			return nil
		}
		if t.n++; t.n > incident.MostPhotos {
			if t.n == incident.MostPhotos+1 {
				t.fault("report.photos.many", "max", incident.MostPhotos)
			}
			return nil
		}
		raw, err := io.ReadAll(io.LimitReader(content, incident.MostPhotoSize+1))
		if err != nil {
			return err
		}
		jpeg, err := picture.Clean(ctx, raw)
		if faults := fieldsOf(err); len(faults) > 0 {
			t.fault("report.photos.one.fault", "n", t.n, "why", faults[0].Message)
			return nil
		}
		if err != nil {
			return err
		}
		t.ids = append(t.ids, t.shelf.put(jpeg, t.now))
		return nil
	}
}

// add puts the new photos behind those that were sent before, and says which of
// these are gone.
func (t *taken) add(s *sent) (faults []city.Field) {
	were := len(s.kept)
	s.kept = slices.DeleteFunc(s.kept, func(id string) bool { return t.shelf.get(id, t.now) == nil })
	if n := were - len(s.kept); n > 0 {
		faults = append(faults, city.Field{Name: "photos", Message: city.Message{Key: "report.photos.gone", Args: []any{"n", n}}})
	}
	s.kept = append(s.kept, t.ids...)
	if len(s.kept) > incident.MostPhotos {
		s.kept = s.kept[:incident.MostPhotos]
		faults = append(faults, city.Field{Name: "photos", Message: city.Message{Key: "report.photos.many", Args: []any{"max", incident.MostPhotos}}})
	}
	return faults
}

// kept gives back a photo that was sent and is not reported yet.
func (p *Pages) kept(w http.ResponseWriter, r *http.Request) error {
	jpeg := p.shelf.get(r.PathValue("photo"), p.Clock.Now())
	if jpeg == nil {
		return city.NotFound("error.not_found")
	}
	return web.SendPhoto(w, jpeg)
}
