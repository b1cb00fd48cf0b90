package detect

import (
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/fleet/register"
)

// The kinds of contradictions between records.
const (
	Expired  = "expired"
	Scope    = "scope"
	Staff    = "staff"
	Quantity = "quantity"
	Retired  = "retired"
)

// Check reads the records of a day and adds to out what contradicts itself: sheets of
// vehicles that may not carry what they say, and more stored than is licensed. To be
// called once a day, or again when records changed.
func (m *Memory) Check(b *register.Book, out []Finding) []Finding {
	if m.rules.on[LicenceConflict] {
		for _, sheet := range b.Sheets() {
			if sheet.Day == b.Day() {
				out = m.sheet(b, sheet, out)
			}
		}
	}
	if m.rules.on[StorageBeyond] {
		for _, s := range b.Storages() {
			out = m.stored(b, s, out)
		}
	}
	return out
}

func (m *Memory) sheet(b *register.Book, s *register.Sheet, out []Finding) []Finding {
	v := b.Vehicle(s.Vehicle)
	start := startOf(b, s.Day)
	tell := func(kind string, names Names, rests ...register.Ref) {
		f := Finding{Rule: LicenceConflict, Kind: kind, Subject: subject(s.Vehicle), Key: m.lasts(kind, s), From: start, To: start + day, Sure: 0.95, Names: Names{"vehicle": string(s.Vehicle), "substance": string(s.Substance)},
			Numbers: Numbers{}}
		for _, id := range []register.SiteID{s.To, s.From} { // where it was loaded, if that is on record
			if site := b.Site(id); site != nil {
				f.At = site.Area.Middle()
			}
		}
		for k, v := range names {
			f.Names[k] = v
		}
		f.Evidence = append(f.Evidence, record(s.Ref()))
		for _, r := range rests {
			f.Evidence = append(f.Evidence, record(r))
		}
		out = append(out, f)
	}
	if v == nil { // a vehicle that nobody knows has no permit that counts
		tell(Expired, nil)
		return out
	}
	if v.Status == register.Retired {
		tell(Retired, nil, v.Ref())
	}
	if !v.Permit.InForce(s.Day) || !m.carrier(b, v.Firm) {
		tell(Expired, Names{"licence": v.Permit.Number, "firm": string(v.Firm)}, v.Ref())
	}
	if sub := b.Substance(s.Substance); v.Permit.Given() && (sub == nil || !v.Permit.Covers(sub.Class)) {
		refs := []register.Ref{v.Ref()}
		if sub != nil {
			refs = append(refs, sub.Ref())
		}
		tell(Scope, nil, refs...)
	}
	if more, known := s.Quantity.MoreThan(v.Permit.Quantity); more && known {
		tell(Quantity, nil, v.Ref())
	}
	var wrong []register.Ref
	bad := false
	for _, of := range []struct {
		id   register.CertificateID
		role register.Role
	}{{s.Driver, register.Driver}, {s.Escort, register.Escort}} {
		c := b.Certificate(of.id)
		switch {
		case of.id == "" && s.Kind == register.WasteSheet && of.role == register.Escort: // waste needs none on every way
		case c == nil:
			bad = true
		case c.Role != of.role || !c.InForce(s.Day):
			bad = true
			wrong = append(wrong, c.Ref())
		}
	}
	if bad {
		tell(Staff, nil, wrong...)
	}
	return out
}

// carrier reports whether a firm may carry at all: of its licences for transport, if
// any is on record, one is in force.
func (m *Memory) carrier(b *register.Book, firm register.USCC) bool {
	some := false
	for _, l := range b.LicencesOf(firm) {
		if l.Link != register.Transport {
			continue
		}
		if l.InForce(b.Day()) {
			return true
		}
		some = true
	}
	return !some
}

// lasts gives the key of a contradiction: that of one vehicle and one kind is one
// matter for so many days.
func (m *Memory) lasts(kind string, s *register.Sheet) string {
	id := keyOf(s.Vehicle, kind)
	today := number(s.Day)
	l, ok := m.permits[id]
	if !ok || today-l.first >= m.rules.licence.days {
		l.first = today
	}
	l.last = max(l.last, today)
	m.permits[id] = l
	return keyOf(id, l.first)
}

// Recall takes a matter that was told before, so that a contradiction of papers that
// goes on is the same matter after the memory was made anew. Of one vehicle and kind the
// newest that isn't later than today counts.
func (m *Memory) Recall(rule, key string, today city.Date) {
	i := strings.LastIndexByte(key, '|')
	if rule != LicenceConflict || i < 0 {
		return
	}
	first, err := strconv.Atoi(key[i+1:])
	id := key[:i]
	if err != nil || first > number(today) || m.permits[id].first > first {
		return
	}
	m.permits[id] = lasting{first, max(first, m.permits[id].last)}
}

func (m *Memory) stored(b *register.Book, s *register.Storage, out []Finding) []Finding {
	limit := s.Capacity
	limit.Amount *= 1 + m.rules.storage.share
	if more, known := s.Stock.MoreThan(limit); !more || !known {
		return out
	}
	site := b.Site(s.Site)
	if site == nil {
		return out
	}
	start := startOf(b, s.Declared)
	return append(out, Finding{Rule: StorageBeyond, Subject: "storage:" + string(s.ID), Key: keyOf(s.ID, s.Version), From: start, To: start + day, At: site.Area.Middle(), Sure: 0.85,
		Numbers: Numbers{"amount": s.Stock.Amount, "limit": s.Capacity.Amount}, Names: Names{"site": string(site.ID), "firm": string(site.Firm), "substance": string(s.Substance), "unit": string(s.Capacity.Unit)},
		Evidence: []Evidence{record(s.Ref()), record(site.Ref())}})
}

// number counts days, so that they can be compared.
func number(d city.Date) int { return int(d.In(time.UTC).Unix() / 86400) }

// startOf is the first moment of a day in the city.
func startOf(b *register.Book, d city.Date) int64 {
	if d.IsZero() {
		d = b.Day()
	}
	return city.Micros(d.In(b.Location()))
}
