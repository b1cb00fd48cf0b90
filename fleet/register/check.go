package register

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/geo"
)

// Bounds of what a record may say, far above what one needs.
const (
	longestKey    = 64
	longestName   = 100
	mostBorder    = 2_000
	mostLine      = 20_000
	mostInList    = 500
	widestArea    = 2.0 // degrees from edge to edge
	widestCircle  = 10_000.0
	leastCorridor = 10.0
	mostCorridor  = 5_000.0
)

// wrong gathers what is wrong with a record.
type wrong []city.Field

func (w *wrong) add(field, key string, args ...any) {
	*w = append(*w, city.Field{Name: field, Message: city.Message{Key: key, Args: args}})
}

func (e *Entry[K]) check() (w wrong) {
	if !okKey(string(e.ID)) {
		w.add("id", "register.id", "max", longestKey)
	}
	if !e.Until.IsZero() && e.Until.Before(e.Since) {
		w.add("until", "register.span")
	}
	return w
}

// okKey reports whether an identifier can be written in an address and in a Ref.
func okKey(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= longestKey && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.()/", r)
	})
}

func oneOf[T ~string](w *wrong, field string, v T, known ...T) {
	if !slices.Contains(known, v) {
		list := make([]string, len(known))
		for i, k := range known {
			list[i] = string(k)
		}
		w.add(field, "register.one_of", "value", short(string(v)), "known", strings.Join(list, ", "))
	}
}

func short(s string) string {
	if r := []rune(s); len(r) > longestKey {
		return string(r[:longestKey]) + "…"
	}
	return s
}

func (w *wrong) needs(field, v string) {
	if v == "" {
		w.add(field, "register.missing")
	}
}

func (w *wrong) name(field string, t city.Text) {
	for _, s := range []string{t.ZhHans, t.En} {
		if n := utf8.RuneCountInString(s); n == 0 || n > longestName {
			w.add(field, "register.name", "max", longestName)
			return
		}
	}
}

func (w *wrong) long(field, s string) {
	if utf8.RuneCountInString(s) > longestName {
		w.add(field, "register.long", "max", longestName)
	}
}

func (w *wrong) area(field string, a Area) {
	if len(a.Border) == 0 {
		if a.Centre.IsZero() || !a.Centre.Valid() || !(a.Radius > 0 && a.Radius <= widestCircle) {
			w.add(field, "register.circle", "max", int(widestCircle))
		}
		return
	}
	if len(a.Border) < 3 || len(a.Border) > mostBorder {
		w.add(field, "register.border", "max", mostBorder)
		return
	}
	if !w.points(field, a.Border) {
		return
	}
	if b := geo.BoxOf(a.Border); b.East-b.West > widestArea || b.North-b.South > widestArea {
		w.add(field, "register.wide", "max", int(widestArea))
	}
}

func (w *wrong) points(field string, list []geo.Point) bool {
	for i, p := range list {
		if !p.Valid() {
			w.add(field, "register.point", "n", i+1)
			return false
		}
	}
	return true
}

func (w *wrong) quantity(field string, q Quantity, needed bool) {
	if q.IsZero() && !needed && q.Amount == 0 {
		return
	}
	if !q.Valid() {
		w.add(field, "register.quantity")
	}
}

func (w *wrong) classes(field string, list []Class) {
	if len(list) > len(classes) {
		w.add(field, "register.many", "max", len(classes))
		return
	}
	for _, c := range list {
		w.class(field, c)
	}
}

func (w *wrong) class(field string, c Class) {
	if !classes[c] {
		w.add(field, "register.class", "value", short(string(c)))
	}
}

func (w *wrong) days(from, to city.Date) {
	if from.IsZero() {
		w.add("from", "register.missing")
	}
	if !to.IsZero() && to.Before(from) {
		w.add("to", "register.span")
	}
}

func (w *wrong) firm(field string, code USCC) {
	if err := city.CheckUSCC(string(code)); err != nil {
		var e *city.Error
		errors.As(err, &e)
		w.add(field, e.Message.Key, e.Message.Args...)
	}
}

func (w *wrong) permit(p Permit) {
	if !p.Given() {
		if len(p.Classes) > 0 || !p.Quantity.IsZero() || !p.To.IsZero() {
			w.add("permit.number", "register.missing")
		}
		return
	}
	w.long("permit.number", p.Number)
	if len(p.Classes) == 0 {
		w.add("permit.classes", "register.missing")
	}
	w.classes("permit.classes", p.Classes)
	w.quantity("permit.quantity", p.Quantity, false)
	if p.From.IsZero() || p.To.IsZero() {
		w.add("permit.to", "register.missing")
	} else if p.To.Before(p.From) {
		w.add("permit.to", "register.span")
	}
}

// Phone writes a terminal's telephone number as the registers do: digits without
// leading zeros, which terminals put in front. ok is false for what is no number.
func Phone(s string) (phone string, ok bool) {
	s = strings.TrimLeft(s, "0")
	return s, len(s) >= 1 && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

func (w *wrong) terminal(s string) {
	if phone, ok := Phone(s); s != "" && (!ok || phone != s) {
		w.add("terminal", "register.terminal")
	}
}

func (f *Firm) Check() []city.Field {
	w := f.check()
	w.firm("id", f.ID)
	for _, l := range f.Links {
		oneOf(&w, "links", l, Links...)
	}
	if len(f.Links) > len(Links) {
		w.add("links", "register.many", "max", len(Links))
	}
	return w
}

func (s *Site) Check() []city.Field {
	w := s.check()
	w.firm("firm", s.Firm)
	w.name("name", s.Name)
	oneOf(&w, "link", s.Link, Links...)
	oneOf(&w, "status", s.Status, Operating, Closed, Suspended, Unlicensed)
	w.area("area", s.Area)
	w.long("address", s.Address)
	return w
}

func checkLicenceStatus(w *wrong, s LicenceStatus) {
	oneOf(w, "status", s, LicenceValid, LicenceSuspended, LicenceWithdrawn, LicenceCancelled, LicenceRevoked)
}

func (l *Licence) Check() []city.Field {
	w := l.check()
	w.firm("firm", l.Firm)
	w.needs("type", string(l.Type))
	w.long("type", string(l.Type))
	oneOf(&w, "link", l.Link, Links...)
	checkLicenceStatus(&w, l.Status)
	w.days(l.From, l.To)
	if len(l.Scope) > mostInList {
		w.add("scope", "register.many", "max", mostInList)
		return w
	}
	seen := map[SubstanceID]bool{}
	for i, a := range l.Scope {
		w.quantity(fmt.Sprintf("scope.%d.quantity", i), a.Quantity, false)
		if a.Substance == "" || seen[a.Substance] {
			w.add(fmt.Sprintf("scope.%d.substance", i), "register.substance_once")
		}
		seen[a.Substance] = true
	}
	return w
}

func (s *Storage) Check() []city.Field {
	w := s.check()
	w.needs("site", string(s.Site))
	w.needs("substance", string(s.Substance))
	oneOf(&w, "kind", s.Kind, Tank, Warehouse, Yard)
	w.long("name", s.Name)
	w.quantity("capacity", s.Capacity, true)
	w.quantity("stock", s.Stock, false)
	if s.Stock.IsZero() != s.Declared.IsZero() {
		w.add("declared", "register.declared")
	}
	return w
}

func (e *Equipment) Check() []city.Field {
	w := e.check()
	w.needs("site", string(e.Site))
	w.needs("kind", e.Kind)
	w.long("kind", e.Kind)
	w.long("name", e.Name)
	if e.Due.IsZero() {
		w.add("due", "register.missing")
	}
	if e.Due.Before(e.Inspected) {
		w.add("due", "register.span")
	}
	return w
}

func (c *Certificate) Check() []city.Field {
	w := c.check()
	w.firm("firm", c.Firm)
	oneOf(&w, "role", c.Role, Driver, Escort, Loader, Manager, Operator)
	checkLicenceStatus(&w, c.Status)
	w.days(c.From, c.To)
	if c.To.IsZero() {
		w.add("to", "register.missing")
	}
	return w
}

func (v *Vehicle) Check() []city.Field {
	w := v.check()
	if v.Firm != "" {
		w.firm("firm", v.Firm)
	}
	w.terminal(v.Terminal)
	oneOf(&w, "use", v.Use, UseHazmat, UseCoach, UseCharter, UseBus, UseTaxi, UseRideHailing, UseMuckTruck, UseWaste, UseFreight, UsePrivate)
	oneOf(&w, "status", v.Status, Active, Retired)
	w.permit(v.Permit)
	return w
}

func (v *Vessel) Check() []city.Field {
	w := v.check()
	w.firm("firm", v.Firm)
	w.name("name", v.Name)
	w.terminal(v.Terminal)
	oneOf(&w, "status", v.Status, Active, Retired)
	w.permit(v.Permit)
	return w
}

func (r *Route) Check() []city.Field {
	w := r.check()
	if len(r.Vehicles) == 0 {
		w.add("vehicles", "register.missing")
	}
	if len(r.Vehicles) > mostInList {
		w.add("vehicles", "register.many", "max", mostInList)
	}
	if !(r.Corridor >= leastCorridor && r.Corridor <= mostCorridor) {
		w.add("corridor", "register.corridor", "min", int(leastCorridor), "max", int(mostCorridor))
	}
	if len(r.Line) < 2 || len(r.Line) > mostLine {
		w.add("line", "register.line", "max", mostLine)
	} else {
		w.points("line", r.Line)
	}
	return w
}

func (s *Substance) Check() []city.Field {
	w := s.check()
	w.name("name", s.Name)
	w.class("class", s.Class)
	if s.UN < 0 || s.UN > 9999 || s.UN == 0 && !s.Waste {
		w.add("un", "register.un")
	}
	if s.UN > 0 && !s.Waste && string(s.ID) != fmt.Sprintf("UN%04d", s.UN) {
		w.add("id", "register.un_id", "id", fmt.Sprintf("UN%04d", s.UN))
	}
	if s.Packing < 0 || s.Packing > 3 {
		w.add("packing", "register.packing")
	}
	return w
}

func (s *Sheet) Check() []city.Field {
	w := s.check()
	oneOf(&w, "kind", s.Kind, TransportSheet, WasteSheet)
	if s.Day.IsZero() {
		w.add("day", "register.missing")
	}
	w.needs("vehicle", string(s.Vehicle))
	w.needs("from", string(s.From))
	w.needs("to", string(s.To))
	w.needs("substance", string(s.Substance))
	w.quantity("quantity", s.Quantity, true)
	return w
}

func (e *Event) Check() []city.Field {
	w := e.check()
	oneOf(&w, "kind", e.Kind, Accident, Leak, Fire, Finding)
	if e.Day.IsZero() {
		w.add("day", "register.missing")
	}
	if e.Firm == "" && e.Site == "" && e.Vehicle == "" {
		w.add("site", "register.event_whose")
	}
	if e.Grade < 1 || e.Grade > 4 {
		w.add("grade", "register.grade")
	}
	if !e.What.IsZero() {
		w.name("what", e.What)
	}
	return w
}

func (p *POI) Check() []city.Field {
	w := p.check()
	oneOf(&w, "kind", p.Kind, Restaurant, PetrolStation, ServiceArea, Parking)
	w.name("name", p.Name)
	w.area("at", Area{Centre: p.At, Radius: p.Radius})
	return w
}

func (z *Zone) Check() []city.Field {
	w := z.check()
	w.name("name", z.Name)
	w.area("area", z.Area)
	w.classes("classes", z.Classes)
	if len(z.Hours) > 24 {
		w.add("hours", "register.many", "max", 24)
	}
	for _, h := range z.Hours {
		if h.From < 0 || h.From >= 1440 || h.To < 0 || h.To > 1440 || h.From == h.To {
			w.add("hours", "register.hours")
			break
		}
	}
	return w
}
