package fleet

import (
	"context"
	"math"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"yiwang/city"
	registers "yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// Dossier is the page of one record with what belongs to it.
type Dossier struct {
	Doc   web.DeskDoc
	Asked asked
	Back  web.Link
	Title string
	Tags  []web.Tagged
	Path  string // of the record
	Facts []Fact
	Links []web.Link
	Map   web.MapView
	Parts []Part
	// History are the versions, the newest first.
	History [][]templ.Component
}

// Fact is one thing that is on record.
type Fact struct {
	Name  city.Text
	Value templ.Component
}

// Part is a table of what belongs to the record; without rows it says so.
type Part struct {
	Title   string
	Columns []web.Column
	Rows    [][]templ.Component
	None    string
}

func (d *Dossier) fact(key string, v templ.Component) {
	d.Facts = append(d.Facts, Fact{web.Words(key), v})
}

func (d *Dossier) say(key, words string) {
	if words != "" {
		d.fact(key, web.Text(words))
	}
}

func (d *Dossier) firm(b *register.Book, id register.USCC) {
	if id == "" {
		return
	}
	d.fact("registers.firm", leads(PathSites+"?q="+string(id), b.FirmName(id)))
	d.say("registers.uscc", string(id))
	if f := b.Firm(id); f != nil && f.Status != register.FirmActive {
		d.fact("registers.firm.status", web.Tag(web.Tagged{State: web.StateRefused, Word: web.Words("registers.firm." + string(f.Status))}))
	}
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, d Dossier, kind register.Kind, id string) error {
	ctx := r.Context()
	var history []registers.Version
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		history, err = p.Registers.History(ctx, tx, web.ViewOf(ctx).Actor, kind, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, v := range history {
		since, until := v.Record.Span()
		from := web.Text(web.T(ctx, "registers.ever"))
		if !since.IsZero() {
			from = leads(d.Path+"?on="+since.String(), city.SayFullDate(web.ViewOf(ctx).Lang, since.In(web.ViewOf(ctx).City.Zone)))
		}
		d.History = append(d.History, []templ.Component{web.Text(v.Record.Ref().String()), from, dayCell(until), web.When(v.Changed)})
	}
	d.Doc = p.Frame(ctx, web.ViewOf(ctx).Actor, "registers")
	d.Doc.Title = d.Title
	return web.Render(w, r, http.StatusOK, dossierPage(d))
}

func (p *Pages) site(w http.ResponseWriter, r *http.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	ctx, b := r.Context(), a.Book
	s := b.Site(register.SiteID(r.PathValue("id")))
	if s == nil {
		return city.NotFound("registers.no_site")
	}
	d := Dossier{Asked: a, Back: web.Link{Text: web.Words("registers.sites"), Href: PathSites}, Title: web.In(ctx, s.Name),
		Path: SitePath(s.ID, city.Date{}), Tags: []web.Tagged{siteTag(s.Status), licencesTag(b, s)}}
	d.firm(b, s.Firm)
	d.say("registers.link", web.T(ctx, "registers.link."+string(s.Link)))
	if s.Region != "" {
		d.say("registers.region", web.In(ctx, p.Region(s.Region)))
	}
	d.say("registers.address", s.Address)
	d.say("registers.record", s.Ref().String())
	d.Map = web.MapView{Name: "place", Title: s.Name, Centre: s.Area.Middle(), Radius: 900, NoList: true,
		Pins: []web.Pin{{At: s.Area.Middle(), Kind: web.PinPlace, Text: s.Name}}}
	licences := Part{Title: "registers.licences", None: "registers.licences.none", Columns: columns("registers.number", "registers.link", "registers.scope", "registers.from", "registers.to", "registers.status")}
	for _, l := range b.LicencesAt(s.ID) {
		licences.Rows = append(licences.Rows, licenceRow(ctx, b, l))
	}
	for _, l := range b.LicencesOf(s.Firm) {
		if l.Site == "" && l.Link == s.Link {
			licences.Rows = append(licences.Rows, licenceRow(ctx, b, l))
		}
	}
	storages := Part{Title: "registers.storages", None: "registers.storages.none", Columns: []web.Column{{Name: web.Words("registers.storage")}, {Name: web.Words("registers.substance")},
		{Name: web.Words("registers.capacity"), Number: true}, {Name: web.Words("registers.stock"), Number: true}, {Name: web.Words("registers.declared")}}}
	for _, t := range b.StoragesAt(s.ID) {
		stock := web.Text(t.Stock.String())
		if t.Beyond() {
			stock = web.Tag(web.Tagged{State: web.StateRefused, Word: web.Plain(t.Stock.String())})
		}
		storages.Rows = append(storages.Rows, []templ.Component{web.Text(strings.TrimSpace(web.T(ctx, "registers.storage."+string(t.Kind)) + " " + t.Name)),
			web.Text(substance(ctx, b, t.Substance)), web.Text(t.Capacity.String()), stock, dayCell(t.Declared)})
	}
	equipment := Part{Title: "registers.equipment", None: "registers.equipment.none", Columns: columns("registers.equipment.one", "registers.inspected", "registers.due", "registers.status")}
	for _, e := range b.EquipmentAt(s.ID) {
		tag := web.Tagged{State: web.StateDone, Word: web.Words("registers.equipment.fit")}
		if e.Failed || e.Due.Before(b.Day()) {
			tag = web.Tagged{State: web.StateOverdue, Word: web.Words("registers.equipment.due")}
		}
		name := e.Name
		if name == "" {
			name = e.Kind
		}
		equipment.Rows = append(equipment.Rows, []templ.Component{web.Text(name), dayCell(e.Inspected), dayCell(e.Due), web.Tag(tag)})
	}
	d.Parts = []Part{licences, storages, equipment, eventsOf(ctx, b.EventsAt(s.ID))}
	return p.render(w, r, d, register.KindSite, string(s.ID))
}

func (p *Pages) vehicle(w http.ResponseWriter, r *http.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	ctx, b := r.Context(), a.Book
	v := b.Vehicle(register.VehicleID(r.PathValue("id")))
	if v == nil {
		return city.NotFound("register.no_vehicle")
	}
	d := Dossier{Asked: a, Back: web.Link{Text: web.Words("registers.vehicles"), Href: PathVehicles}, Title: string(v.ID),
		Path: VehiclePath(v.ID, city.Date{}), Tags: []web.Tagged{vehicleTag(v.Status)}}
	d.firm(b, v.Firm)
	d.say("registers.use", web.T(ctx, "registers.use."+string(v.Use)))
	operating := "registers.operating.no"
	if v.Operating {
		operating = "registers.operating.yes"
	}
	d.say("registers.operating", web.T(ctx, operating))
	d.say("registers.terminal", v.Terminal)
	if m := v.Permit; m.Given() {
		d.say("registers.permit", m.Number)
		d.say("registers.classes", strings.Join(plain(m.Classes), ", "))
		d.say("registers.quantity", m.Quantity.String())
		d.fact("registers.from", dayCell(m.From))
		d.fact("registers.to", dayCell(m.To))
	}
	d.fact("registers.permit.state", permitCell(v, b.Day()))
	d.say("registers.record", v.Ref().String())
	if p.MayReplay(web.ViewOf(ctx).Actor) {
		d.Links = append(d.Links, web.Link{Text: web.Words("replay.link"), Href: DayPath(v.ID, a.On)})
	}
	routes := Part{Title: "registers.routes", None: "registers.routes.none", Columns: []web.Column{{Name: web.Words("registers.route")}, {Name: web.Words("registers.route.from")},
		{Name: web.Words("registers.route.to")}, {Name: web.Words("registers.route.km"), Number: true}, {Name: web.Words("registers.corridor"), Number: true}}}
	for _, x := range b.RoutesOf(v.ID) {
		routes.Rows = append(routes.Rows, []templ.Component{web.Text(string(x.ID)), siteCell(ctx, a, x.From), siteCell(ctx, a, x.To),
			web.Text(web.T(ctx, "registers.km", "n", kilometres(x.Line))), web.Text(web.T(ctx, "registers.metres", "n", int(x.Corridor)))})
	}
	sheets := Part{Title: "registers.sheets", None: "registers.sheets.none", Columns: columns("registers.number", "registers.sheet.day", "registers.route.from", "registers.route.to", "registers.substance", "registers.quantity")}
	for _, s := range b.SheetsOf(v.ID) {
		sheets.Rows = append(sheets.Rows, []templ.Component{web.Text(string(s.ID)), dayCell(s.Day), siteCell(ctx, a, s.From), siteCell(ctx, a, s.To),
			web.Text(substance(ctx, b, s.Substance)), web.Text(s.Quantity.String())})
	}
	d.Parts = []Part{routes, sheets, eventsOf(ctx, b.EventsOf(v.ID))}
	return p.render(w, r, d, register.KindVehicle, string(v.ID))
}

func licenceRow(ctx context.Context, b *register.Book, l *register.Licence) []templ.Component {
	var scope []string
	for _, s := range l.Scope {
		scope = append(scope, strings.TrimSpace(substance(ctx, b, s.Substance)+" "+s.Quantity.String()))
	}
	said := strings.Join(scope, web.T(ctx, "registers.and"))
	if said == "" {
		said = web.T(ctx, "registers.scope.all")
	}
	to := dayCell(l.To)
	if l.To.IsZero() {
		to = web.Text(web.T(ctx, "registers.no_term"))
	}
	return []templ.Component{web.Text(string(l.ID)), web.Text(web.T(ctx, "registers.link."+string(l.Link))), web.Text(said), dayCell(l.From), to, web.Tag(licenceTag(l, b.Day()))}
}

func eventsOf(ctx context.Context, list []*register.Event) Part {
	part := Part{Title: "registers.events", None: "registers.events.none", Columns: columns("registers.event.day", "registers.event", "registers.event.grade", "registers.event.what")}
	for _, e := range list {
		part.Rows = append(part.Rows, []templ.Component{dayCell(e.Day), web.Text(web.T(ctx, "registers.event."+string(e.Kind))),
			web.Text(web.T(ctx, "registers.grade", "n", e.Grade)), web.Text(web.In(ctx, e.What))})
	}
	return part
}

func kilometres(line []geo.Point) int {
	var m float64
	for i := 1; i < len(line); i++ {
		m += geo.Distance(line[i-1], line[i])
	}
	return int(math.Ceil(m / 1000))
}
