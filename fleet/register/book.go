package register

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"yiwang/city"
	"yiwang/geo"
)

// Book is what is on record on one day.
type Book struct {
	day    city.Date
	zone   *time.Location
	serial uint64

	firms        shelf[USCC, *Firm]
	sites        shelf[SiteID, *Site]
	licences     shelf[LicenceID, *Licence]
	storages     shelf[StorageID, *Storage]
	equipment    shelf[EquipmentID, *Equipment]
	certificates shelf[CertificateID, *Certificate]
	vehicles     shelf[VehicleID, *Vehicle]
	vessels      shelf[VesselID, *Vessel]
	routes       shelf[RouteID, *Route]
	substances   shelf[SubstanceID, *Substance]
	sheets       shelf[SheetID, *Sheet]
	events       shelf[EventID, *Event]
	pois         shelf[POIID, *POI]
	zones        shelf[ZoneID, *Zone]

	terminals      map[string]*Vehicle
	doubled        []Doubled
	sitesOf        map[USCC][]*Site
	vehiclesOf     map[USCC][]*Vehicle
	certificatesOf map[USCC][]*Certificate
	licencesOf     map[USCC][]*Licence
	licencesAt     map[SiteID][]*Licence
	storagesAt     map[SiteID][]*Storage
	equipmentAt    map[SiteID][]*Equipment
	routesOf       map[VehicleID][]*Route
	sheetsOf       map[VehicleID][]*Sheet
	eventsAt       map[SiteID][]*Event
	eventsOf       map[VehicleID][]*Event

	siteGrid, poiGrid, zoneGrid grid
}

// shelf holds the records of one register in the order of their identifiers.
type shelf[K ~string, R Record] struct {
	list []R
	byID map[K]R
}

func newShelf[K ~string, R Record](day city.Date, versions []R) shelf[K, R] {
	s := shelf[K, R]{list: Governing(day, versions)}
	slices.SortFunc(s.list, func(a, b R) int { return cmp.Compare(a.Key(), b.Key()) })
	s.byID = make(map[K]R, len(s.list))
	for _, r := range s.list {
		s.byID[K(r.Key())] = r
	}
	return s
}

// Doubled are two vehicles on record with one terminal.
type Doubled struct {
	Terminal    string
	Used, Other *Vehicle // Used is the one that the terminal speaks for
}

// books counts those of this process.
var books atomic.Uint64

// NewBook makes the book of a day from versions of records, of which it picks
// those that govern the day. zone is the city's. The records are the book's from
// then on.
func NewBook(day city.Date, zone *time.Location, r Records) *Book {
	b := &Book{day: day, zone: zone, serial: books.Add(1),
		firms: newShelf[USCC](day, r.Firms), sites: newShelf[SiteID](day, r.Sites), licences: newShelf[LicenceID](day, r.Licences),
		storages: newShelf[StorageID](day, r.Storages), equipment: newShelf[EquipmentID](day, r.Equipment),
		certificates: newShelf[CertificateID](day, r.Certificates), vehicles: newShelf[VehicleID](day, r.Vehicles),
		vessels: newShelf[VesselID](day, r.Vessels), routes: newShelf[RouteID](day, r.Routes),
		substances: newShelf[SubstanceID](day, r.Substances), sheets: newShelf[SheetID](day, r.Sheets),
		events: newShelf[EventID](day, r.Events), pois: newShelf[POIID](day, r.POIs), zones: newShelf[ZoneID](day, r.Zones),
	}
	b.sitesOf = group(b.sites.list, func(s *Site) USCC { return s.Firm })
	b.vehiclesOf = group(b.vehicles.list, func(v *Vehicle) USCC { return v.Firm })
	b.certificatesOf = group(b.certificates.list, func(c *Certificate) USCC { return c.Firm })
	b.licencesOf = group(b.licences.list, func(l *Licence) USCC { return l.Firm })
	b.licencesAt = group(b.licences.list, func(l *Licence) SiteID { return l.Site })
	b.storagesAt = group(b.storages.list, func(s *Storage) SiteID { return s.Site })
	b.equipmentAt = group(b.equipment.list, func(e *Equipment) SiteID { return e.Site })
	b.sheetsOf = group(b.sheets.list, func(s *Sheet) VehicleID { return s.Vehicle })
	b.eventsAt = group(b.events.list, func(e *Event) SiteID { return e.Site })
	b.eventsOf = group(b.events.list, func(e *Event) VehicleID { return e.Vehicle })
	b.routesOf = map[VehicleID][]*Route{}
	for _, r := range b.routes.list {
		r.path = newPath(r.Line)
		for _, v := range r.Vehicles {
			b.routesOf[v] = append(b.routesOf[v], r)
		}
	}
	b.findTerminals()
	b.siteGrid = newGrid(areas(b.sites.list, func(s *Site) *Area { s.Area.prepare(); return &s.Area }), 250)
	b.poiGrid = newGrid(areas(b.pois.list, func(p *POI) *Area { return &Area{Centre: p.At, Radius: p.Radius} }), 250)
	b.zoneGrid = newGrid(areas(b.zones.list, func(z *Zone) *Area { z.Area.prepare(); return &z.Area }), 25)
	return b
}

func group[K ~string, R any](list []R, of func(R) K) map[K][]R {
	out := map[K][]R{}
	for _, r := range list {
		if k := of(r); k != "" {
			out[k] = append(out[k], r)
		}
	}
	return out
}

func areas[R any](list []R, of func(R) *Area) []*Area {
	out := make([]*Area, len(list))
	for i, r := range list {
		out[i] = of(r)
	}
	return out
}

// findTerminals gives each terminal the vehicle last registered with it: one in
// use before one that is retired.
func (b *Book) findTerminals() {
	b.terminals = map[string]*Vehicle{}
	for _, v := range b.vehicles.list {
		if v.Terminal == "" {
			continue
		}
		other := b.terminals[v.Terminal]
		if other == nil {
			b.terminals[v.Terminal] = v
			continue
		}
		if (v.Status == Active) != (other.Status == Active) && v.Status == Active || v.Status == other.Status && other.Since.Before(v.Since) {
			b.terminals[v.Terminal] = v
			v, other = other, v
		}
		if v.Status == Active { // a terminal that moved on from a retired vehicle is in order
			b.doubled = append(b.doubled, Doubled{v.Terminal, other, v})
		}
	}
}

// Day is the day of the book.
func (b *Book) Day() city.Date { return b.day }

// Serial tells this book from every other of the process; it is never 0. Whoever
// remembers something of a book knows by it that there is another now.
func (b *Book) Serial() uint64 { return b.serial }

// Location is the city's time zone.
func (b *Book) Location() *time.Location { return b.zone }

// Minute is the minute of the city's day, 0 to 1439, of a moment in microseconds.
func (b *Book) Minute(us int64) int {
	t := time.UnixMicro(us).In(b.zone)
	return t.Hour()*60 + t.Minute()
}

// The lists of the book, by identifier. They must not be changed.

func (b *Book) Firms() []*Firm               { return b.firms.list }
func (b *Book) Sites() []*Site               { return b.sites.list }
func (b *Book) Licences() []*Licence         { return b.licences.list }
func (b *Book) Storages() []*Storage         { return b.storages.list }
func (b *Book) Equipment() []*Equipment      { return b.equipment.list }
func (b *Book) Certificates() []*Certificate { return b.certificates.list }
func (b *Book) Vehicles() []*Vehicle         { return b.vehicles.list }
func (b *Book) Vessels() []*Vessel           { return b.vessels.list }
func (b *Book) Routes() []*Route             { return b.routes.list }
func (b *Book) Substances() []*Substance     { return b.substances.list }
func (b *Book) Sheets() []*Sheet             { return b.sheets.list }
func (b *Book) Events() []*Event             { return b.events.list }
func (b *Book) POIs() []*POI                 { return b.pois.list }
func (b *Book) Zones() []*Zone               { return b.zones.list }

// Doubled lists vehicles in use that share a terminal.
func (b *Book) Doubled() []Doubled { return b.doubled }

// Firm and its siblings find a record by its identifier; nil when there is none.
func (b *Book) Firm(id USCC) *Firm                        { return b.firms.byID[id] }
func (b *Book) Site(id SiteID) *Site                      { return b.sites.byID[id] }
func (b *Book) Licence(id LicenceID) *Licence             { return b.licences.byID[id] }
func (b *Book) Storage(id StorageID) *Storage             { return b.storages.byID[id] }
func (b *Book) Certificate(id CertificateID) *Certificate { return b.certificates.byID[id] }
func (b *Book) Vehicle(id VehicleID) *Vehicle             { return b.vehicles.byID[id] }
func (b *Book) Vessel(id VesselID) *Vessel                { return b.vessels.byID[id] }
func (b *Book) Route(id RouteID) *Route                   { return b.routes.byID[id] }
func (b *Book) Substance(id SubstanceID) *Substance       { return b.substances.byID[id] }
func (b *Book) Sheet(id SheetID) *Sheet                   { return b.sheets.byID[id] }
func (b *Book) POI(id POIID) *POI                         { return b.pois.byID[id] }
func (b *Book) Zone(id ZoneID) *Zone                      { return b.zones.byID[id] }

// VehicleByTerminal finds the vehicle that a terminal speaks for, by its
// telephone number as Phone writes it; nil when none is on record.
func (b *Book) VehicleByTerminal(phone string) *Vehicle { return b.terminals[phone] }

// SitesOf and its siblings list what belongs to somebody or something.
func (b *Book) SitesOf(firm USCC) []*Site               { return b.sitesOf[firm] }
func (b *Book) VehiclesOf(firm USCC) []*Vehicle         { return b.vehiclesOf[firm] }
func (b *Book) CertificatesOf(firm USCC) []*Certificate { return b.certificatesOf[firm] }
func (b *Book) LicencesOf(firm USCC) []*Licence         { return b.licencesOf[firm] }
func (b *Book) LicencesAt(site SiteID) []*Licence       { return b.licencesAt[site] }
func (b *Book) StoragesAt(site SiteID) []*Storage       { return b.storagesAt[site] }
func (b *Book) EquipmentAt(site SiteID) []*Equipment    { return b.equipmentAt[site] }
func (b *Book) EventsAt(site SiteID) []*Event           { return b.eventsAt[site] }
func (b *Book) EventsOf(v VehicleID) []*Event           { return b.eventsOf[v] }
func (b *Book) RoutesOf(v VehicleID) []*Route           { return b.routesOf[v] }

// SheetsOf lists the vehicle's sheets that the book has, of the days around its own.
func (b *Book) SheetsOf(v VehicleID) []*Sheet { return b.sheetsOf[v] }

// SiteHit is a site and how far away it is in metres, 0 within it.
type SiteHit struct {
	Site     *Site
	Distance float64
}

// SitesNear adds to into the sites no further than so many metres from p, the
// nearest first. It allocates only when into has no room.
func (b *Book) SitesNear(into []SiteHit, p geo.Point, metres float64) []SiteHit {
	start := len(into)
	b.siteGrid.near(p, metres, func(i int32) {
		s := b.sites.list[i]
		for _, h := range into[start:] {
			if h.Site == s {
				return
			}
		}
		if d := s.Area.Distance(p); d <= metres {
			into = append(into, SiteHit{s, d})
		}
	})
	slices.SortFunc(into[start:], func(a, b SiteHit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Site.ID, b.Site.ID))
	})
	return into
}

// NearestSite is the site nearest to p within so many metres, and how far away it
// is; nil when there is none.
func (b *Book) NearestSite(p geo.Point, metres float64) (*Site, float64) {
	var best *Site
	least := math.Inf(1)
	b.siteGrid.near(p, metres, func(i int32) {
		s := b.sites.list[i]
		if d := s.Area.Distance(p); d <= metres && (d < least || d == least && best != nil && s.ID < best.ID) {
			best, least = s, d
		}
	})
	return best, least
}

// NearestPOI is the place where anybody may stop that is nearest to p within so
// many metres, and how far away it is; nil when there is none. kinds are those
// that count; none are all.
func (b *Book) NearestPOI(p geo.Point, metres float64, kinds ...POIKind) (*POI, float64) {
	var best *POI
	least := math.Inf(1)
	from := at(p)
	b.poiGrid.near(p, metres, func(i int32) {
		o := b.pois.list[i]
		if len(kinds) > 0 && !slices.Contains(kinds, o.Kind) {
			return
		}
		if d := math.Max(0, from.to(o.At)-o.Radius); d <= metres && (d < least || d == least && best != nil && o.ID < best.ID) {
			best, least = o, d
		}
	})
	return best, least
}

// ZonesAt adds to into the zones that p lies in, whatever their hours, by
// identifier. It allocates only when into has no room.
func (b *Book) ZonesAt(into []*Zone, p geo.Point) []*Zone {
	start := len(into)
	for _, it := range b.zoneGrid.at(p) {
		if z := b.zones.list[it.area]; it.whole || z.Area.Contains(p) {
			into = append(into, z)
		}
	}
	for _, i := range b.zoneGrid.large {
		if z := b.zones.list[i]; z.Area.Contains(p) {
			into = append(into, z)
		}
	}
	if len(into)-start > 1 {
		slices.SortFunc(into[start:], func(a, b *Zone) int { return cmp.Compare(a.ID, b.ID) })
	}
	return into
}

// OffRoute is how many metres p lies beyond the corridor of the declared route
// that fits best, 0 within one. The route is nil when the vehicle has declared none.
func (b *Book) OffRoute(v VehicleID, p geo.Point) (*Route, float64) { return Beyond(b.routesOf[v], p) }

// Beyond is OffRoute of routes that somebody has looked up already.
func Beyond(routes []*Route, p geo.Point) (*Route, float64) {
	var best *Route
	least := math.Inf(1)
	for _, r := range routes {
		if d := r.path.distance(p, r.Line, r.Corridor) - r.Corridor; d < least {
			best, least = r, d
		}
		if least <= 0 {
			return best, 0
		}
	}
	return best, least
}
