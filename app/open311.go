package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
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

func (a *App) open311() http.Handler {
	pace := identity.NewPace()
	return open311.New(open311.Options{Desk: street{a}, Clock: a.Clock, Zone: a.Pack.Zone, Origin: a.Origin, Code: string(a.Pack.Site.Code),
		Changed: a.Clock.Now(), // a pack is read once, when the program starts
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

// File takes a report. Keys of different owners don't meet. Addresses of pictures
// elsewhere stand behind the words, where officers read them; nothing is fetched.
func (s street) File(ctx context.Context, actor city.Actor, r open311.Report) (city.CaseNumber, error) {
	in := incident.Report{Class: r.Code, Text: withLinks(r.Text, r.Links), Place: r.Place, Source: "open311", Key: r.Key, Answers: r.Values, Photos: raw(r.Photos),
		Reporter: incident.Reporter{Name: r.Name, Phone: r.Phone, Email: r.Email, Lang: r.Lang}}
	receipt, err := s.a.Incidents.Report(ctx, actor, in)
	return receipt.Number, asked(err)
}

func withLinks(text string, links []string) string {
	return strings.TrimSpace(text + "\n" + strings.Join(links, "\n"))
}

func raw(photos []open311.Photo) (out [][]byte) {
	for _, p := range photos {
		out = append(out, p.Bytes)
	}
	return out
}

// asked names fields as Open311 does.
func asked(err error) error {
	var e *city.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	names := map[string]string{"text": "description", "photo": "media", "place": "lat", "address": "address_string", "name": "first_name", "region": "address_id", "class": "service_code",
		"changed": "updated_after"}
	said := *e
	said.Fields = slices.Clone(e.Fields)
	for i, f := range said.Fields {
		if code, ok := strings.CutPrefix(f.Name, "answers."); ok {
			said.Fields[i].Name = "attribute[" + code + "]"
		} else if name := names[f.Name]; name != "" {
			said.Fields[i].Name = name
		}
	}
	return &said
}

// Remark adds a report to an open case.
func (s street) Remark(ctx context.Context, actor city.Actor, r open311.Remark) (string, error) {
	in := incident.Report{Text: withLinks(r.Text, r.Links), At: r.At, Join: r.Number, Source: "open311.update:" + string(r.Number), Key: r.Key, Photos: raw(r.Photos),
		Reporter: incident.Reporter{Name: r.Name, Phone: r.Phone, Email: r.Email}}
	receipt, err := s.a.Incidents.Report(ctx, actor, in)
	var e *city.Error
	if errors.As(err, &e) && slices.ContainsFunc(e.Fields, func(f city.Field) bool { return f.Name == "join" }) {
		return "", city.NotFound("open311.no_request", "id", string(r.Number))
	}
	return receipt.Report.String(), asked(err)
}

// Requests are public ones, newest first.
func (s street) Requests(ctx context.Context, q open311.Query) (out []open311.Request, err error) {
	ask := incident.PublicQuery{Classes: q.Codes, Since: q.Since, Until: q.Until, Changed: q.ChangedSince, Skip: q.Skip, Limit: q.Limit}
	if q.Open != q.Closed {
		ask.Open = &q.Open
	}
	if q.Near > 0 {
		ask.Near, ask.Metres = geo.Point{Lat: q.Lat, Lon: q.Lon}, q.Near
	}
	if len(q.Numbers) > 0 {
		ask = incident.PublicQuery{Numbers: q.Numbers, Limit: q.Limit}
	}
	err = s.a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = nil
		list, _, err := s.a.Incidents.Public(ctx, tx, stranger, ask)
		for _, p := range list {
			note := city.Text{ZhHans: p.Stage.ZhHans + ": " + p.Tell.ZhHans, En: p.Stage.En + ": " + p.Tell.En}
			out = append(out, open311.Request{Number: p.Number, Code: p.Class, Open: p.Open, Note: note, Body: s.a.bodyName(p.Body), Reported: p.At,
				Changed: p.Updated, Due: p.Due, Place: p.Place})
		}
		return err
	})
	return out, asked(err)
}

// Updates are the public steps of public matters between two moments.
func (s street) Updates(ctx context.Context, since, until time.Time, limit int) (out []open311.Update, err error) {
	err = s.a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = nil
		list, err := s.a.Incidents.Updates(ctx, tx, stranger, since, until, limit)
		for _, u := range list {
			out = append(out, open311.Update{ID: u.ID, Number: u.Number, At: u.At, Text: u.Tell, Open: u.Open})
		}
		return err
	})
	return out, err
}
