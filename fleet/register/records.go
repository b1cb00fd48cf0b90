package register

// Records are versions of records, in any order.
type Records struct {
	Firms        []*Firm
	Sites        []*Site
	Licences     []*Licence
	Storages     []*Storage
	Equipment    []*Equipment
	Certificates []*Certificate
	Vehicles     []*Vehicle
	Vessels      []*Vessel
	Routes       []*Route
	Substances   []*Substance
	Sheets       []*Sheet
	Events       []*Event
	POIs         []*POI
	Zones        []*Zone
}

// Add puts a version with the others of its register.
func (r *Records) Add(v Record) {
	switch v := v.(type) {
	case *Firm:
		r.Firms = append(r.Firms, v)
	case *Site:
		r.Sites = append(r.Sites, v)
	case *Licence:
		r.Licences = append(r.Licences, v)
	case *Storage:
		r.Storages = append(r.Storages, v)
	case *Equipment:
		r.Equipment = append(r.Equipment, v)
	case *Certificate:
		r.Certificates = append(r.Certificates, v)
	case *Vehicle:
		r.Vehicles = append(r.Vehicles, v)
	case *Vessel:
		r.Vessels = append(r.Vessels, v)
	case *Route:
		r.Routes = append(r.Routes, v)
	case *Substance:
		r.Substances = append(r.Substances, v)
	case *Sheet:
		r.Sheets = append(r.Sheets, v)
	case *Event:
		r.Events = append(r.Events, v)
	case *POI:
		r.POIs = append(r.POIs, v)
	case *Zone:
		r.Zones = append(r.Zones, v)
	}
}

// All are the versions of all registers, each register after those that its records
// name.
func (r *Records) All() (all []Record) {
	for _, list := range [][]Record{some(r.Firms), some(r.Substances), some(r.Sites), some(r.Licences), some(r.Storages), some(r.Equipment), some(r.Certificates),
		some(r.Vehicles), some(r.Vessels), some(r.Routes), some(r.Sheets), some(r.Events), some(r.POIs), some(r.Zones)} {
		all = append(all, list...)
	}
	return all
}

func some[R Record](list []R) []Record {
	out := make([]Record, len(list))
	for i, r := range list {
		out[i] = r
	}
	return out
}
