package report

import (
	"context"
	"net/http"
	"time"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// List is what everybody may know of the streets.
type List struct {
	Filters []web.Field
	Rows    []Row
	Pages   web.Pages
	Sifted  bool // the reader asked for some of them only
}

// Row is a matter in the list.
type Row struct {
	Number city.CaseNumber
	Name   city.Text
	Where  city.Text
	At     time.Time
	State  web.Tagged
	Tell   city.Text
	Then   city.Message
	Point  geo.Point // zero when nobody said where exactly
	Open   bool
}

// pin is the matter on a map.
func (r Row) pin() web.Pin {
	kind := web.PinOther
	if !r.Open {
		kind = web.PinDone
	}
	return web.Pin{At: r.Point, Kind: kind, Text: r.Name, Href: SeenPath(r.Number)}
}

// pins are those whose place is known.
func pins(rows []Row) (out []web.Pin) {
	for _, r := range rows {
		if !r.Point.IsZero() {
			out = append(out, r.pin())
		}
	}
	return out
}

// Seen is a matter as everybody may see it.
type Seen struct {
	Row
	Office city.Text
	Steps  []web.Step
}

const listed = 20 // on a page

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	region, class, state := cut(q.Get("region"), 20), cut(q.Get("class"), 20), cut(q.Get("state"), 10)
	ask := incident.PublicQuery{Limit: listed, After: cut(q.Get("after"), 200)}
	if p.Directory.HasRegion(city.RegionCode(region)) {
		ask.Region = city.RegionCode(region)
	}
	if _, ok := p.Incidents.Class(city.ItemCode(class)); ok {
		ask.Classes = []city.ItemCode{city.ItemCode(class)}
	}
	if state == "open" || state == "closed" {
		open := state == "open"
		ask.Open = &open
	}
	page := List{Sifted: ask.Region != "" || ask.Classes != nil || ask.Open != nil, Filters: []web.Field{
		{Name: "region", Type: web.FieldRegion, Label: web.Words("report.list.region"), Required: true, Value: region, Options: p.places()},
		{Name: "class", Type: web.FieldRegion, Label: web.Words("report.list.class"), Required: true, Value: class, Options: p.publicClasses()},
		{Name: "state", Type: web.FieldRegion, Label: web.Words("report.list.state"), Required: true, Value: state, Options: []web.Option{
			{Value: "open", Label: web.Words("report.list.open")}, {Value: "closed", Label: web.Words("report.list.closed")}}},
	}}
	list, next, err := p.public(r, ask)
	if err != nil {
		return err
	}
	for _, in := range list {
		page.Rows = append(page.Rows, p.row(in))
	}
	page.Pages = web.Pages{First: ask.After == "", Next: next, Shown: len(list)}
	return web.Render(w, r, http.StatusOK, ListPage(page))
}

func (p *Pages) public(r *http.Request, q incident.PublicQuery) (list []incident.PublicIncident, next string, err error) {
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		list, next, err = p.Incidents.Public(ctx, tx, web.ViewOf(ctx).Actor, q)
		return err
	})
	return list, next, err
}

func (p *Pages) row(in incident.PublicIncident) Row {
	overdue := in.Open && !in.Due.IsZero() && in.Due.Before(p.Clock.Now())
	return Row{Number: in.Number, Name: p.name(in.Class, city.Text{}), Where: p.where(in.Place.Region), At: in.At, Open: in.Open, Point: geo.Point{Lat: in.Place.Lat, Lon: in.Place.Lon},
		State: stateOf(in.Open, in.Stage, "", false, overdue), Tell: in.Tell, Then: p.sentence(in.Open, in.Body, in.Due, time.Time{}, overdue)}
}

// where is a region with what it lies in, below the city.
func (p *Pages) where(code city.RegionCode) (t city.Text) {
	for _, x := range p.Directory.RegionPath(code) {
		if x.Level == city.LevelStreet || x.Level == city.LevelCommunity || x.Code == code {
			if !t.IsZero() {
				t.ZhHans, t.En = t.ZhHans+" ", ", "+t.En
			}
			t.ZhHans, t.En = t.ZhHans+x.Name.ZhHans, x.Name.En+t.En
		}
	}
	return t
}

// places are the narrowest ones, each group behind the whole that it lies in.
func (p *Pages) places() []web.Option {
	var out []web.Option
	var whole city.RegionCode
	for _, c := range p.communities() {
		if r, ok := p.Directory.Region(city.RegionCode(c.Value)); ok && r.Parent != "" && r.Parent != whole {
			whole = r.Parent
			out = append(out, web.Option{Value: string(whole), Label: web.Words("report.list.whole", "name", c.Group), Group: c.Group})
		}
		out = append(out, c)
	}
	return out
}

func (p *Pages) publicClasses() []web.Option {
	var out []web.Option
	for _, o := range p.allClasses() {
		if c, ok := p.Incidents.Class(city.ItemCode(o.Value)); ok && c.Public {
			out = append(out, o)
		}
	}
	return out
}

// seen is one matter of the list.
func (p *Pages) seen(w http.ResponseWriter, r *http.Request) error {
	n, err := city.ParseCaseNumber(cut(r.PathValue("number"), 40))
	if err != nil {
		return city.NotFound("case.not_found")
	}
	list, _, err := p.public(r, incident.PublicQuery{Numbers: []city.CaseNumber{n}})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return city.NotFound("case.not_found")
	}
	in := list[0]
	return web.Render(w, r, http.StatusOK, SeenPage(Seen{Row: p.row(in), Office: p.body(in.Body), Steps: p.steps(in.Steps, in.Open)}))
}
