package command

import (
	"context"
	"slices"
	"strings"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// Noticed is an alert that nobody has judged yet, as a card and as a place on the map.
type Noticed struct {
	ID      city.AlertID
	Rule    city.Text
	Says    city.Text
	State   web.Tagged
	Cargo   city.Text // what the vehicle carries, where a sheet says so
	At      geo.Point
	Since   time.Time
	Vehicle register.VehicleID // "": it is about something else
	Case    city.CaseNumber
	Papers  bool // found in the registers: nothing is on the road
	Percent int  // how sure
}

// Alerts are those that wait for somebody.
type Alerts struct {
	Known  bool      // the reader sees alerts
	List   []Noticed // the newest, those on the road before those in the papers
	Counts map[string]int
}

// N is how many there are.
func (a Alerts) N() (n int) {
	for _, k := range a.Counts {
		n += k
	}
	return n
}

// top are those that stand on the wall in words.
func (a Alerts) top(n int) []Noticed { return a.List[:min(n, len(a.List))] }

const (
	mostAlerts  = 200 // on the map
	shownAlerts = 4   // in words beside the map
)

// pathDeskAlerts is where all alerts stand.
const pathDeskAlerts = "/desk/alerts"

func alertPath(id city.AlertID) string     { return pathAlerts + "/" + id.String() }
func deskAlertPath(id city.AlertID) string { return pathDeskAlerts + "/" + id.String() }

// alertsNow lists what waits. Whoever sees no alerts gets none, and it is no fault.
func (p *Pages) alertsNow(ctx context.Context, tx *db.Tx, actor city.Actor, book *register.Book) (out Alerts, err error) {
	if p.Board == nil || !p.Board.MaySee(actor) {
		return out, nil
	}
	out.Known = true
	if out.Counts, err = p.Board.Waiting(ctx, tx, actor); err != nil {
		return out, err
	}
	page, err := p.Board.List(ctx, tx, actor, alert.Query{Waiting: true, Limit: mostAlerts})
	if err != nil {
		return out, err
	}
	for _, a := range page.Alerts {
		out.List = append(out.List, p.noticed(a, book))
	}
	slices.SortStableFunc(out.List, func(a, b Noticed) int { return order(a.Papers, b.Papers) })
	return out, nil
}

// noticed is an alert as a card; with a book it says what the vehicle carries.
func (p *Pages) noticed(a alert.Alert, book *register.Book) Noticed {
	n := Noticed{ID: a.ID, Says: a.Text, State: web.AlertState(a.State), At: geo.Point{Lat: a.Place.Lat, Lon: a.Place.Lon}, Since: a.Since, Vehicle: vehicleIn(a.Subject),
		Case: a.Case, Papers: a.Rule == detect.LicenceConflict, Percent: int(a.Sure*100 + 0.5)}
	var ok bool
	if n.Rule, ok = p.Board.RuleName(a.Rule); !ok {
		n.Rule = web.Plain(a.Rule)
	}
	if n.Vehicle != "" && book != nil {
		n.Cargo = cargoOf(book, n.Vehicle)
	}
	return n
}

// vehicleIn is the vehicle that an alert is about; "" where it is about something else.
func vehicleIn(subject string) register.VehicleID {
	id, _ := strings.CutPrefix(subject, "vehicle:")
	if id == subject {
		return ""
	}
	return register.VehicleID(id)
}

// cargoOf says what a vehicle carries on the day of the book, by its sheets.
func cargoOf(b *register.Book, id register.VehicleID) city.Text {
	var out city.Text
	for _, s := range b.SheetsOf(id) {
		if s.Day != b.Day() {
			continue
		}
		name := web.Plain(string(s.Substance))
		if x := b.Substance(s.Substance); x != nil {
			name = x.Name
		}
		said := web.Words("command.cargo", "name", name, "amount", amount(s.Quantity))
		if out.IsZero() {
			out = said
		} else {
			out = web.Words("command.cargo.and", "a", out, "b", said)
		}
	}
	return out
}

// amount says a quantity: "17 吨".
func amount(q register.Quantity) city.Text {
	if q.IsZero() {
		return web.Words("command.cargo.unknown")
	}
	return web.Words("command.unit."+string(q.Unit), "n", q.Amount)
}

// alertPlaces are the alerts as the map takes them.
func alertPlaces(ctx context.Context, a Alerts) collection {
	c := collection{Type: "FeatureCollection", Features: []feature{}}
	for _, n := range a.List {
		if !n.At.IsZero() {
			c.Features = append(c.Features, feature{"Feature", map[string]any{"id": n.ID.String(), "name": web.In(ctx, n.Rule), "vehicle": string(n.Vehicle), "papers": n.Papers}, geometry{"Point", at(n.At)}})
		}
	}
	return c
}
