package register

import (
	"yiwang/city"
	"yiwang/geo"
)

// VehicleUse is what a vehicle is registered for.
type VehicleUse string

const (
	UseHazmat      VehicleUse = "hazmat"
	UseCoach       VehicleUse = "coach"
	UseCharter     VehicleUse = "charter"
	UseBus         VehicleUse = "bus"
	UseTaxi        VehicleUse = "taxi"
	UseRideHailing VehicleUse = "ride_hailing"
	UseMuckTruck   VehicleUse = "muck_truck"
	UseWaste       VehicleUse = "waste"
	UseFreight     VehicleUse = "freight"
	UsePrivate     VehicleUse = "private"
)

// VehicleStatus is whether a vehicle may be on the road at all.
type VehicleStatus string

const (
	Active  VehicleStatus = "active"
	Retired VehicleStatus = "retired"
)

// Permit is leave to carry dangerous goods with one vehicle or ship; without a
// number there is none.
type Permit struct {
	Number   string    `json:"number,omitempty"`
	Classes  []Class   `json:"classes,omitempty"`
	Quantity Quantity  `json:"quantity,omitzero"`
	From     city.Date `json:"from,omitzero"`
	To       city.Date `json:"to,omitzero"` // last day
}

// Given reports whether there is a permit.
func (p *Permit) Given() bool { return p.Number != "" }

// InForce reports whether there is a permit that counts on the day.
func (p *Permit) InForce(day city.Date) bool { return p.Given() && within(day, p.From, p.To) }

// Covers reports whether the permit's classes cover c.
func (p *Permit) Covers(c Class) bool {
	for _, mine := range p.Classes {
		if mine.Covers(c) {
			return true
		}
	}
	return false
}

// Vehicle is a vehicle as registered; its ID is the plate.
type Vehicle struct {
	Entry[VehicleID]
	Firm      USCC          `json:"firm,omitempty"`     // "": nobody's firm
	Terminal  string        `json:"terminal,omitempty"` // telephone number of its terminal, without leading zeros
	Use       VehicleUse    `json:"use"`
	Operating bool          `json:"operating"` // may carry for others
	Status    VehicleStatus `json:"status"`
	Permit    Permit        `json:"permit,omitzero"`
}

// Vessel is a ship that carries dangerous goods.
type Vessel struct {
	Entry[VesselID]
	Firm     USCC          `json:"firm"`
	Name     city.Text     `json:"name"`
	Terminal string        `json:"terminal,omitempty"`
	Status   VehicleStatus `json:"status"`
	Permit   Permit        `json:"permit,omitzero"`
}

// Route is the way that vehicles were declared to take. Corridor is how far from
// the line they may be, in metres.
type Route struct {
	Entry[RouteID]
	Vehicles []VehicleID `json:"vehicles"`
	From     SiteID      `json:"from,omitempty"`
	To       SiteID      `json:"to,omitempty"`
	Corridor float64     `json:"corridor"`
	Line     []geo.Point `json:"line"`

	path path
}

// Distance is how far p is from the line in metres, on a plane that fits the
// route. ready only in a Book.
func (r *Route) Distance(p geo.Point) float64 { return r.path.distance(p, r.Line, 0) }

// Inside reports whether p is within the corridor.
func (r *Route) Inside(p geo.Point) bool {
	return r.path.distance(p, r.Line, r.Corridor) <= r.Corridor
}

// POIKind is why people stop at a place.
type POIKind string

const (
	Restaurant    POIKind = "restaurant"
	PetrolStation POIKind = "petrol_station"
	ServiceArea   POIKind = "service_area"
	Parking       POIKind = "parking"
)

// POI is a place where anybody may stop. Radius is how far it reaches, in metres.
type POI struct {
	Entry[POIID]
	Kind   POIKind   `json:"kind"`
	Name   city.Text `json:"name"`
	At     geo.Point `json:"at"`
	Radius float64   `json:"radius"`
}

// Hours are a piece of a day in minutes from midnight of the city, From included
// and To not; From after To runs over midnight.
type Hours struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Zone is closed to dangerous goods, always or at some hours.
type Zone struct {
	Entry[ZoneID]
	Name    city.Text `json:"name"`
	Area    Area      `json:"area"`
	Hours   []Hours   `json:"hours,omitempty"`   // none: always
	Classes []Class   `json:"classes,omitempty"` // none: all
}

// ClosedAt reports whether the zone is closed at a minute of the day, 0 to 1439.
func (z *Zone) ClosedAt(minute int) bool {
	if len(z.Hours) == 0 {
		return true
	}
	for _, h := range z.Hours {
		if h.From <= h.To && h.From <= minute && minute < h.To || h.From > h.To && (minute >= h.From || minute < h.To) {
			return true
		}
	}
	return false
}

// ClosedTo reports whether the zone is closed to the class.
func (z *Zone) ClosedTo(c Class) bool {
	if len(z.Classes) == 0 {
		return true
	}
	for _, mine := range z.Classes {
		if mine.Covers(c) {
			return true
		}
	}
	return false
}

func (f *Firm) Ref() Ref        { return f.ref(KindFirm) }
func (s *Site) Ref() Ref        { return s.ref(KindSite) }
func (l *Licence) Ref() Ref     { return l.ref(KindLicence) }
func (s *Storage) Ref() Ref     { return s.ref(KindStorage) }
func (e *Equipment) Ref() Ref   { return e.ref(KindEquipment) }
func (c *Certificate) Ref() Ref { return c.ref(KindCertificate) }
func (v *Vehicle) Ref() Ref     { return v.ref(KindVehicle) }
func (v *Vessel) Ref() Ref      { return v.ref(KindVessel) }
func (r *Route) Ref() Ref       { return r.ref(KindRoute) }
func (s *Substance) Ref() Ref   { return s.ref(KindSubstance) }
func (s *Sheet) Ref() Ref       { return s.ref(KindSheet) }
func (e *Event) Ref() Ref       { return e.ref(KindEvent) }
func (p *POI) Ref() Ref         { return p.ref(KindPOI) }
func (z *Zone) Ref() Ref        { return z.ref(KindZone) }
