package command

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// Sight is what stands below the map when somebody pointed at a vehicle or an alert:
// who it is, what was noticed and why, where it can be soon, and who can be there
// before it.
type Sight struct {
	Path    string // of the same again
	Minutes int
	Alert   *Evidence
	Truck   *Truck
	Ahead   *Ahead
	Matter  *Chosen // that came of the alert
	Fault   city.Message
	Drawn   Drawing
}

// Evidence is an alert with what it rests on.
type Evidence struct {
	Card  Noticed
	Found web.Found
	Desk  string // address of its own page

	book *register.Book // nil for whoever may not read the registers
}

// called is a record of the registers by its name, where the reader may know it;
// everything else stays as it is.
func (e Evidence) called(t city.Text) city.Text {
	ref, ok := register.ParseRef(t.ZhHans)
	if !ok {
		return t
	}
	name := web.Plain(ref.ID)
	if e.book != nil {
		switch ref.Kind {
		case register.KindZone:
			if z := e.book.Zone(register.ZoneID(ref.ID)); z != nil {
				name = z.Name
			}
		case register.KindSite:
			if x := e.book.Site(register.SiteID(ref.ID)); x != nil {
				name = x.Name
			}
		case register.KindSubstance:
			if x := e.book.Substance(register.SubstanceID(ref.ID)); x != nil {
				name = x.Name
			}
		case register.KindFirm:
			name = web.Plain(e.book.FirmName(register.USCC(ref.ID)))
		}
	}
	return web.Words("command.record", "name", name, "n", ref.Version)
}

// Truck is who a vehicle is, as far as the registers and its terminal tell. Drivers
// are not among it.
type Truck struct {
	Vehicle
	Heading  city.Text // "" where it stands
	Firm     string
	FirmHref string
	Permit   city.Message
	Cargo    city.Text
	Record   string // address of its record; "" where it is on none
	Day      string // address of its day
}

// How far back the way of a vehicle is drawn, and of how many positions at most.
const (
	trackFor  = 3 * time.Hour
	mostTrack = 5000
)

const minutesUsual = 5

// minutesOffered are the times that reachable areas are offered for.
var minutesOffered = []int{3, 5, 10, 15}

func minutesOf(s string) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= 30 {
		return n
	}
	return minutesUsual
}

func (p *Pages) vehicle(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	s := Sight{Path: vehiclePath(register.VehicleID(r.PathValue("plate"))), Minutes: minutesOf(r.URL.Query().Get("minutes"))}
	if err := p.seeVehicle(r.Context(), actor, register.VehicleID(r.PathValue("plate")), &s, true); err != nil {
		return err
	}
	return p.showSight(w, r, http.StatusOK, s)
}

func (p *Pages) alert(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	id, err := alert.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	s, err := p.seeAlert(r.Context(), actor, id, minutesOf(r.URL.Query().Get("minutes")))
	if err != nil {
		return err
	}
	return p.showSight(w, r, http.StatusOK, s)
}

func (p *Pages) showSight(w http.ResponseWriter, r *http.Request, status int, s Sight) error {
	if r.Header.Get(partHeader) != "" {
		return web.Render(w, r, status, sight(s))
	}
	return web.Render(w, r, status, sightPage(frame(r.Context(), ""), s))
}

// seeAlert gathers what is known of an alert and, where it is about a vehicle, of that.
func (p *Pages) seeAlert(ctx context.Context, actor city.Actor, id city.AlertID, minutes int) (s Sight, err error) {
	s = Sight{Path: alertPath(id), Minutes: minutes}
	if p.Board == nil {
		return s, city.NotFound("alert.missing")
	}
	var a alert.Alert
	var list []alert.Sighting
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, list, err = p.Board.Get(ctx, tx, actor, id)
		return err
	})
	if err != nil {
		return s, err
	}
	book := p.bookFor(ctx, actor)
	e := Evidence{Card: p.noticed(a, book), Found: web.FoundOf(p.Board, a, list, p.Incidents.OutcomeName), Desk: deskAlertPath(id), book: book}
	s.Alert = &e
	if !e.Card.At.IsZero() {
		s.Drawn.spot(e.Card.At)
	}
	if a.Case != "" {
		c, err := p.choose(ctx, actor, a.Case)
		switch city.KindOf(err) {
		case "":
			s.Matter = &c
		case city.KindForbidden, city.KindNotFound: // the alert is theirs to see, the matter isn't
		default:
			return s, err
		}
	}
	if v := e.Card.Vehicle; v != "" {
		if err := p.seeVehicle(ctx, actor, v, &s, false); err != nil && city.KindOf(err) != city.KindNotFound && city.KindOf(err) != city.KindForbidden {
			return s, err
		}
	}
	if len(list) > 0 {
		if err := p.drawEvidence(ctx, actor, book, list[len(list)-1], &s.Drawn); err != nil {
			return s, err
		}
	}
	return s, nil
}

// seeVehicle adds what is known of a vehicle. With find, the alert about it that is
// newest and waits stands beside it.
func (p *Pages) seeVehicle(ctx context.Context, actor city.Actor, id register.VehicleID, s *Sight, find bool) error {
	if p.Vehicles == nil {
		return city.NotFound("error.not_found")
	}
	l, ok, err := p.Vehicles.Where(ctx, actor, id)
	if err != nil {
		return err
	}
	if !ok {
		return city.NotFound("command.vehicle.unheard")
	}
	if find {
		if err := p.alertAbout(ctx, actor, id, s); err != nil {
			return err
		}
		if s.Alert != nil { // it has told of the vehicle as well
			return nil
		}
	}
	now := p.Clock.Now()
	t := Truck{Vehicle: vehicleOf(l, now), Day: dayPath(id, city.DateOf(now.In(web.ViewOf(ctx).City.Zone)))}
	if t.Motion == Moving {
		t.Heading = web.Words("command.heading." + strconv.Itoa((int(l.Heading)+22)/45%8))
	}
	if b := p.bookFor(ctx, actor); b != nil {
		t.onRecord(b, id)
	}
	s.Truck = &t
	s.Drawn.Vehicle = string(id)
	track, _, err := p.Vehicles.Track(ctx, actor, id, now.Add(-trackFor), now.Add(time.Minute), mostTrack)
	if err != nil {
		return err
	}
	s.Drawn.track(track, "way")
	return p.lookAhead(ctx, actor, l, s)
}

// onRecord adds what the registers say.
func (t *Truck) onRecord(b *register.Book, id register.VehicleID) {
	t.Cargo = cargoOf(b, id)
	v := b.Vehicle(id)
	if v == nil {
		return
	}
	t.Record = "/desk/registers/vehicles/" + url.PathEscape(string(id))
	if v.Firm != "" {
		t.Firm, t.FirmHref = b.FirmName(v.Firm), "/desk/registers/vehicles?q="+url.QueryEscape(string(v.Firm))
	}
	switch {
	case v.Permit.InForce(b.Day()):
		t.Permit = city.Message{Key: "command.permit", Args: []any{"number", v.Permit.Number, "amount", amount(v.Permit.Quantity)}}
	case v.Permit.Given():
		t.Permit = city.Message{Key: "command.permit.over", Args: []any{"number", v.Permit.Number}}
	case t.Shape == Diamond:
		t.Permit = city.Message{Key: "command.permit.none"}
	}
}

// bookFor is today's book for whoever may read the registers; nil for others.
func (p *Pages) bookFor(ctx context.Context, actor city.Actor) *register.Book {
	if p.Registers == nil {
		return nil
	}
	b, err := p.Registers.On(ctx, actor, city.Date{})
	if err != nil { // not allowed, or not to be had just now: the page stands without
		return nil
	}
	return b
}

// alertAbout finds the newest alert about a vehicle that waits for somebody.
func (p *Pages) alertAbout(ctx context.Context, actor city.Actor, id register.VehicleID, s *Sight) error {
	if p.Board == nil || !p.Board.MaySee(actor) {
		return nil
	}
	var page alert.Page
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		page, err = p.Board.List(ctx, tx, actor, alert.Query{Subject: "vehicle:" + string(id), Waiting: true, Limit: 10})
		return err
	})
	if err != nil || len(page.Alerts) == 0 {
		return err
	}
	i := slices.IndexFunc(page.Alerts, func(a alert.Alert) bool { return !p.noticed(a, nil).Papers })
	got, err := p.seeAlert(ctx, actor, page.Alerts[max(i, 0)].ID, s.Minutes)
	if err != nil || got.Truck == nil {
		return err
	}
	got.Path, got.Fault = s.Path, s.Fault
	*s = got
	return nil
}

// drawEvidence draws what the newest sighting of an alert rests on: pieces of tracks,
// places, and closed areas.
func (p *Pages) drawEvidence(ctx context.Context, actor city.Actor, book *register.Book, last alert.Sighting, d *Drawing) error {
	for _, e := range last.Evidence {
		at := geo.Point{Lat: e.Lat, Lon: e.Lon}
		if ref, ok := register.ParseRef(e.Record); ok && ref.Kind == register.KindZone && book != nil {
			if z := book.Zone(register.ZoneID(ref.ID)); z != nil {
				d.zone(z)
			}
		}
		if !at.IsZero() {
			d.Pieces.Features = append(d.Pieces.Features, feature{"Feature", map[string]any{"kind": "spot"}, geometry{"Point", [2]float64{at.Lon, at.Lat}}})
		}
		v := vehicleIn(e.Subject)
		if v == "" || e.To <= e.From || !p.seesVehicles(actor) {
			continue
		}
		track, _, err := p.Vehicles.Track(ctx, actor, v, city.FromMicros(e.From), city.FromMicros(e.To+1), mostTrack)
		if err != nil {
			return err
		}
		d.track(track, "piece")
	}
	return nil
}
