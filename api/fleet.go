package api

import (
	"context"
	"net/url"

	"yiwang/city"
	records "yiwang/fleet/register"
	"yiwang/geo"
)

// placeBody is a place in WGS-84 degrees.
type placeBody struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

func placesOf(list []geo.Point) []placeBody {
	out := make([]placeBody, len(list))
	for i, p := range list {
		out[i] = placeBody(p)
	}
	return out
}

type firmBody struct {
	USCC string `json:"uscc"`
	Name string `json:"name,omitempty"`
}

type permitBody struct {
	Number   string            `json:"number"`
	Classes  []records.Class   `json:"classes" doc:"Classes and divisions of dangerous goods (GB 6944)."`
	Quantity *records.Quantity `json:"quantity,omitempty"`
	From     string            `json:"from"`
	To       string            `json:"to" doc:"The last day."`
	InForce  bool              `json:"in_force" doc:"On the day asked for."`
}

type vehicleBody struct {
	Plate     string                `json:"plate"`
	Record    string                `json:"record" doc:"The version of the record, such as vehicle:A12345@2."`
	Firm      *firmBody             `json:"firm,omitempty"`
	Terminal  string                `json:"terminal,omitempty" doc:"Telephone number of its terminal."`
	Use       records.VehicleUse    `json:"use"`
	Operating bool                  `json:"operating" doc:"May carry for others."`
	Status    records.VehicleStatus `json:"status" enum:"active,retired"`
	Permit    *permitBody           `json:"permit,omitempty"`
	Routes    []routeBody           `json:"routes,omitempty" doc:"Declared ones; with a single vehicle."`
	Sheets    []sheetBody           `json:"sheets,omitempty" doc:"Of the days around the one asked for; with a single vehicle."`
}

type routeBody struct {
	ID       string      `json:"id"`
	From     string      `json:"from,omitempty" doc:"A site."`
	To       string      `json:"to,omitempty"`
	Corridor float64     `json:"corridor" doc:"Metres to either side of the line."`
	Line     []placeBody `json:"line"`
}

type sheetBody struct {
	Number    string           `json:"number"`
	Kind      string           `json:"kind" enum:"transport,waste"`
	Day       string           `json:"day"`
	From      string           `json:"from"`
	To        string           `json:"to"`
	Substance string           `json:"substance"`
	Quantity  records.Quantity `json:"quantity"`
}

// book is the book of the day that was asked for, "" being today.
func (a *API) book(ctx context.Context, actor city.Actor, on string) (*records.Book, error) {
	var day city.Date
	if on != "" {
		var err error
		if day, err = city.ParseDate(on); err != nil {
			return nil, city.Invalid("directory.date", "date", on)
		}
	}
	return a.Registers.On(ctx, actor, day)
}

func firmOf(b *records.Book, id records.USCC) *firmBody {
	if id == "" {
		return nil
	}
	f := &firmBody{USCC: string(id)}
	if known := b.Firm(id); known != nil {
		f.Name = known.Name
	}
	return f
}

func vehicleOf(b *records.Book, v *records.Vehicle) vehicleBody {
	out := vehicleBody{Plate: string(v.ID), Record: v.Ref().String(), Firm: firmOf(b, v.Firm), Terminal: v.Terminal, Use: v.Use, Operating: v.Operating, Status: v.Status}
	if p := v.Permit; p.Given() {
		out.Permit = &permitBody{Number: p.Number, Classes: p.Classes, From: p.From.String(), To: p.To.String(), InForce: p.InForce(b.Day())}
		if !p.Quantity.IsZero() {
			out.Permit.Quantity = &p.Quantity
		}
	}
	return out
}

type vehiclesQuery struct {
	On    string `query:"on" maxLength:"10" doc:"As it stood on this day, 2026-03-09; today where it is left out."`
	Q     string `query:"q" maxLength:"100" doc:"Part of a plate, a terminal's number or the firm's name."`
	Use   string `query:"use" maxLength:"20"`
	Firm  string `query:"firm" maxLength:"18" doc:"Unified social credit code."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After string `query:"after" maxLength:"100"`
}

// listVehicles lists what is on record of vehicles, by plate.
func (a *API) listVehicles(ctx context.Context, actor city.Actor, in *vehiclesQuery) (*list[vehicleBody], error) {
	b, err := a.book(ctx, actor, in.On)
	if err != nil {
		return nil, err
	}
	found, next := b.FindVehicles(records.VehicleQuery{Text: in.Q, Use: records.VehicleUse(in.Use), Firm: records.USCC(in.Firm), Limit: in.Limit, After: records.VehicleID(in.After)})
	out := make([]vehicleBody, len(found))
	for i, v := range found {
		out[i] = vehicleOf(b, v)
	}
	return listOf(out, string(next)), nil
}

type plateIn struct {
	On    string `query:"on" maxLength:"10" doc:"As it stood on this day, 2026-03-09; today where it is left out."`
	Plate string `path:"plate" maxLength:"200"`
}

// getVehicle shows what is on record of one vehicle.
func (a *API) getVehicle(ctx context.Context, actor city.Actor, in *plateIn) (*body[vehicleBody], error) {
	b, err := a.book(ctx, actor, in.On)
	if err != nil {
		return nil, err
	}
	plate := in.Plate
	if plain, err := url.PathUnescape(plate); err == nil {
		plate = plain
	}
	v := b.Vehicle(records.VehicleID(plate))
	if v == nil {
		return nil, city.NotFound("register.no_vehicle")
	}
	out := vehicleOf(b, v)
	for _, r := range b.RoutesOf(v.ID) {
		out.Routes = append(out.Routes, routeBody{ID: string(r.ID), From: string(r.From), To: string(r.To), Corridor: r.Corridor, Line: placesOf(r.Line)})
	}
	for _, s := range b.SheetsOf(v.ID) {
		out.Sheets = append(out.Sheets, sheetBody{string(s.ID), string(s.Kind), s.Day.String(), string(s.From), string(s.To), string(s.Substance), s.Quantity})
	}
	return &body[vehicleBody]{out}, nil
}

type licenceBody struct {
	Number  string                `json:"number"`
	Type    city.CredentialType   `json:"type"`
	Link    records.Link          `json:"link"`
	Status  records.LicenceStatus `json:"status" enum:"valid,suspended,withdrawn,cancelled,revoked"`
	From    string                `json:"from"`
	To      string                `json:"to,omitempty" doc:"The last day; absent without term."`
	InForce bool                  `json:"in_force" doc:"On the day asked for."`
	Scope   []records.Allowance   `json:"scope"`
}

type siteBody struct {
	ID       string             `json:"id"`
	Record   string             `json:"record" doc:"The version of the record, such as site:hx-01@2."`
	Firm     *firmBody          `json:"firm,omitempty"`
	Name     city.Text          `json:"name"`
	Link     records.Link       `json:"link" enum:"production,trade,storage,transport,use,disposal"`
	Status   records.SiteStatus `json:"status" enum:"operating,closed,suspended,unlicensed"`
	Middle   placeBody          `json:"middle"`
	Border   []placeBody        `json:"border,omitempty"`
	Radius   float64            `json:"radius,omitempty" doc:"Metres around the middle, where there is no border."`
	Region   city.RegionCode    `json:"region,omitempty"`
	Address  string             `json:"address,omitempty"`
	Licences []licenceBody      `json:"licences"`
}

type sitesQuery struct {
	On     string `query:"on" maxLength:"10" doc:"As it stood on this day, 2026-03-09; today where it is left out."`
	Q      string `query:"q" maxLength:"100" doc:"Part of an identifier, a name, an address or the firm's name."`
	Link   string `query:"link" maxLength:"20"`
	Status string `query:"status" maxLength:"20"`
	Firm   string `query:"firm" maxLength:"18" doc:"Unified social credit code."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After  string `query:"after" maxLength:"100"`
}

// listSites lists what is on record of sites with their licences, by identifier.
func (a *API) listSites(ctx context.Context, actor city.Actor, in *sitesQuery) (*list[siteBody], error) {
	b, err := a.book(ctx, actor, in.On)
	if err != nil {
		return nil, err
	}
	found, next := b.FindSites(records.SiteQuery{Text: in.Q, Link: records.Link(in.Link), Status: records.SiteStatus(in.Status), Firm: records.USCC(in.Firm), Limit: in.Limit, After: records.SiteID(in.After)})
	out := make([]siteBody, len(found))
	for i, s := range found {
		out[i] = siteBody{ID: string(s.ID), Record: s.Ref().String(), Firm: firmOf(b, s.Firm), Name: s.Name, Link: s.Link, Status: s.Status,
			Middle: placeBody(s.Area.Middle()), Border: placesOf(s.Area.Border), Radius: s.Area.Radius, Region: s.Region, Address: s.Address, Licences: []licenceBody{}}
		for _, l := range b.LicencesAt(s.ID) {
			say := licenceBody{Number: string(l.ID), Type: l.Type, Link: l.Link, Status: l.Status, From: l.From.String(), InForce: l.InForce(b.Day()), Scope: l.Scope}
			if !l.To.IsZero() {
				say.To = l.To.String()
			}
			if say.Scope == nil {
				say.Scope = []records.Allowance{}
			}
			out[i].Licences = append(out[i].Licences, say)
		}
	}
	return listOf(out, string(next)), nil
}
