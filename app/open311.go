package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"yiwang/api/open311"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
)

// street is the city's side of the Open311 door.
type street struct{ a *App }

// stranger is whoever reads what anybody may read.
var stranger = city.Actor{Kind: city.Anonymous, Channel: city.ChannelAPI}

// mostScanned is how many public matters a question looks through at most, the
// newest first.
const mostScanned = 2000

func (a *App) open311() http.Handler {
	pace := identity.NewPace()
	return open311.New(open311.Options{Desk: street{a}, Clock: a.Clock, Zone: a.Pack.Zone, Origin: a.Origin, Code: string(a.Pack.Site.Code),
		Contact: city.Text{ZhHans: a.Pack.Site.Hotline, En: a.Pack.Site.Hotline},
		Key:     a.open311Key, Haste: func(r *http.Request) error { return pace.Try(a.address(r), a.Clock.Now()) }})
}

// open311Key is whoever bears the key: an API token, or in the demonstration the
// word demo.
func (a *App) open311Key(ctx context.Context, key string) (actor city.Actor, err error) {
	if a.Demo && key == "demo" {
		return stranger, nil
	}
	known, err := a.Identity.Actor(ctx, key)
	if city.KindOf(err) == city.KindUnauthenticated || err == nil && known.Actor.Kind == city.Anonymous {
		return city.Actor{}, city.Forbidden("open311.key_wrong")
	}
	actor = known.Actor
	actor.Channel = city.ChannelAPI
	return actor, err
}

// Services are the classes that the public sees.
func (s street) Services() (out []open311.Service) {
	for _, g := range s.a.Pack.Groups {
		for _, c := range g.Classes {
			if !c.Public {
				continue
			}
			v := open311.Service{Code: c.Code, Name: c.Name, About: c.About, Group: g.Name, Keywords: c.Examples}
			for _, f := range c.Fields {
				at := open311.Attribute{Code: f.Code, Datatype: f.Datatype, Required: f.Required, Label: f.Label, Help: f.Help}
				for _, choice := range f.Values {
					at.Values = append(at.Values, open311.Choice(choice))
				}
				v.Attributes = append(v.Attributes, at)
			}
			out = append(out, v)
		}
	}
	return out
}

// File takes a report. Keys of different owners don't meet. Answers to a class's
// questions and addresses of pictures are put behind the words.
func (s street) File(ctx context.Context, actor city.Actor, r open311.Report) (city.CaseNumber, error) {
	in := incident.Report{Class: r.Code, Text: r.Text, Place: r.Place, Source: "open311", Key: r.Key,
		Reporter: incident.Reporter{Name: r.Name, Phone: r.Phone, Email: r.Email, Lang: r.Lang}}
	for _, code := range slices.Sorted(maps.Keys(r.Values)) {
		in.Text += fmt.Sprintf("\n%s: %s", code, r.Values[code])
	}
	for _, link := range r.Links {
		in.Text += "\n" + link
	}
	receipt, err := s.a.Incidents.Report(ctx, actor, in)
	return receipt.Number, err
}

// Remark adds a report to an open case.
func (s street) Remark(ctx context.Context, actor city.Actor, r open311.Remark) (string, error) {
	in := incident.Report{Text: r.Text, At: r.At, Join: r.Number, Source: "open311.update:" + string(r.Number), Key: r.Key,
		Reporter: incident.Reporter{Name: r.Name, Phone: r.Phone, Email: r.Email}}
	receipt, err := s.a.Incidents.Report(ctx, actor, in)
	return receipt.Report.String(), err
}

// each gives public matters, newest first, until f has enough.
func (s street) each(ctx context.Context, q incident.PublicQuery, f func(incident.PublicIncident) bool) error {
	q.Limit = 200
	return s.a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for seen := 0; seen < mostScanned; {
			list, next, err := s.a.Incidents.Public(ctx, tx, stranger, q)
			if err != nil {
				return err
			}
			for _, p := range list {
				if !f(p) {
					return nil
				}
			}
			if seen += len(list); next == "" {
				return nil
			}
			q.After = next
		}
		return nil
	})
}

// Requests are public ones, newest first.
func (s street) Requests(ctx context.Context, q open311.Query) (out []open311.Request, err error) {
	ask := incident.PublicQuery{Classes: q.Codes, Since: q.Since, Until: q.Until}
	if q.Open != q.Closed {
		ask.Open = &q.Open
	}
	if len(q.Numbers) > 0 {
		ask = incident.PublicQuery{Numbers: q.Numbers}
	}
	skip := q.Skip
	err = s.each(ctx, ask, func(p incident.PublicIncident) bool {
		at := geo.Point{Lat: p.Place.Lat, Lon: p.Place.Lon}
		if p.Updated.Before(q.ChangedSince) || q.Near > 0 && (at.IsZero() || geo.Distance(at, geo.Point{Lat: q.Lat, Lon: q.Lon}) > q.Near) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		note := city.Text{ZhHans: p.Stage.ZhHans + ": " + p.Tell.ZhHans, En: p.Stage.En + ": " + p.Tell.En}
		out = append(out, open311.Request{Number: p.Number, Code: p.Class, Open: p.Open, Note: note, Body: s.a.bodyName(p.Body), Reported: p.At,
			Changed: p.Updated, Due: p.Due, Place: p.Place})
		return len(out) < q.Limit
	})
	return out, err
}

// Updates are the public steps of public matters between two moments.
func (s street) Updates(ctx context.Context, since, until time.Time, limit int) (out []open311.Update, err error) {
	err = s.each(ctx, incident.PublicQuery{Until: until}, func(p incident.PublicIncident) bool {
		for i, step := range p.Steps {
			if step.At.Before(since) || step.At.After(until) {
				continue
			}
			out = append(out, open311.Update{ID: fmt.Sprintf("%s-%d", p.Number, i+1), Number: p.Number, At: step.At, Text: step.Tell,
				Open: p.Open || i < len(p.Steps)-1})
		}
		return true
	})
	slices.SortStableFunc(out, func(a, b open311.Update) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return out[:min(len(out), limit)], err
}
