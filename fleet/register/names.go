package register

import "fmt"

// naming gathers what a record names; "" is nothing.
type naming []Named

func (n *naming) add(field string, k Kind, id string) {
	if id != "" {
		*n = append(*n, Named{field, k, id})
	}
}

func (f *Firm) Names() []Named      { return nil }
func (s *Substance) Names() []Named { return nil }
func (p *POI) Names() []Named       { return nil }
func (z *Zone) Names() []Named      { return nil }

func (s *Site) Names() (n []Named) {
	(*naming)(&n).add("firm", KindFirm, string(s.Firm))
	return n
}

func (l *Licence) Names() (n []Named) {
	in := (*naming)(&n)
	in.add("firm", KindFirm, string(l.Firm))
	in.add("site", KindSite, string(l.Site))
	for i, a := range l.Scope {
		in.add(fmt.Sprintf("scope.%d.substance", i), KindSubstance, string(a.Substance))
	}
	return n
}

func (s *Storage) Names() (n []Named) {
	in := (*naming)(&n)
	in.add("site", KindSite, string(s.Site))
	in.add("substance", KindSubstance, string(s.Substance))
	return n
}

func (e *Equipment) Names() (n []Named) {
	(*naming)(&n).add("site", KindSite, string(e.Site))
	return n
}

func (c *Certificate) Names() (n []Named) {
	(*naming)(&n).add("firm", KindFirm, string(c.Firm))
	return n
}

func (v *Vehicle) Names() (n []Named) {
	(*naming)(&n).add("firm", KindFirm, string(v.Firm))
	return n
}

func (v *Vessel) Names() (n []Named) {
	(*naming)(&n).add("firm", KindFirm, string(v.Firm))
	return n
}

func (r *Route) Names() (n []Named) {
	in := (*naming)(&n)
	for i, v := range r.Vehicles {
		in.add(fmt.Sprintf("vehicles.%d", i), KindVehicle, string(v))
	}
	in.add("from", KindSite, string(r.From))
	in.add("to", KindSite, string(r.To))
	return n
}

// Names leaves driver and escort out: that a certificate is missing is what
// somebody has to hear of, no fault of the sheet.
func (s *Sheet) Names() (n []Named) {
	in := (*naming)(&n)
	in.add("vehicle", KindVehicle, string(s.Vehicle))
	in.add("from", KindSite, string(s.From))
	in.add("to", KindSite, string(s.To))
	in.add("substance", KindSubstance, string(s.Substance))
	return n
}

func (e *Event) Names() (n []Named) {
	in := (*naming)(&n)
	in.add("firm", KindFirm, string(e.Firm))
	in.add("site", KindSite, string(e.Site))
	in.add("vehicle", KindVehicle, string(e.Vehicle))
	return n
}
