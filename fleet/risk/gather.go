package risk

import (
	"slices"
	"time"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// Input is all that an index of a day rests on.
type Input struct {
	Book        *register.Book // of the day
	End         time.Time      // of the day, or now where it isn't over
	Communities []city.Region
	Alerts      []Alert
	// Passing is how many seconds a day vehicles with dangerous goods were in a
	// community in the days before; nil where nobody watches vehicles.
	Passing map[city.RegionCode]float64
	// Officers are how many officers on duty are near each community; nil where that
	// isn't known of the day.
	Officers map[city.RegionCode]float64
}

// Alert is what a program noticed, by what it is and where.
type Alert struct {
	Ref       string // "alert:…"
	Case      city.CaseNumber
	Matter    string // the same for what is noticed again
	Text      city.Text
	At        geo.Point
	Region    city.RegionCode // where there is no point
	Sure      float64
	Raised    time.Time
	Settled   time.Time // zero: not yet
	Confirmed bool      // somebody looked, and it was so
	Refuted   bool      // it wasn't, or went by itself
}

// Ground knows which community a place belongs to: that whose middle is nearest.
type Ground struct {
	middles *geo.Grid[city.RegionCode]
	reach   float64
}

// NewGround makes it of communities; one without a middle has no places.
func NewGround(communities []city.Region, reach float64) *Ground {
	g := &Ground{geo.NewGrid[city.RegionCode](2000), reach}
	for _, c := range communities {
		if p := (geo.Point{Lat: c.Lat, Lon: c.Lon}); !p.IsZero() {
			g.middles.Put(c.Code, p)
		}
	}
	return g
}

// Community is that of a place; "" for one out of reach of all.
func (g *Ground) Community(p geo.Point) city.RegionCode {
	if p.IsZero() || g.middles.Len() == 0 {
		return ""
	}
	near := g.middles.Nearest(p, 1, nil)
	if len(near) == 0 || near[0].Distance > g.reach {
		return ""
	}
	return near[0].Key
}

// Near counts officers near the middle of each community that has one, by where they
// stand.
func (f *Formula) Near(communities []city.Region, officers []geo.Point) map[city.RegionCode]float64 {
	out := map[city.RegionCode]float64{}
	for _, c := range communities {
		middle := geo.Point{Lat: c.Lat, Lon: c.Lon}
		if middle.IsZero() {
			continue
		}
		out[c.Code] = 0
		for _, o := range officers {
			if !o.IsZero() && geo.Distance(middle, o) <= f.OfficersReach {
				out[c.Code]++
			}
		}
	}
	return out
}

// gathering is the amounts of all communities while they are summed up.
type gathering struct {
	f   *Formula
	in  *Input
	g   *Ground
	all map[city.RegionCode]Amounts
}

// Gather sums up what is on record, for each community.
func (f *Formula) Gather(in Input) map[city.RegionCode]Amounts {
	w := &gathering{f, &in, NewGround(in.Communities, f.Reach), map[city.RegionCode]Amounts{}}
	for _, c := range in.Communities {
		w.all[c.Code] = Amounts{}
		for _, p := range []Part{Stored, Trouble, Found, Sensitive, Visited, Overdue} {
			w.all[c.Code][p] = &Amount{Known: true}
		}
		if c.Population > 0 {
			w.all[c.Code][People] = &Amount{Value: float64(c.Population), Known: true}
		}
		if in.Passing != nil {
			w.all[c.Code][Passing] = &Amount{Value: in.Passing[c.Code] / 3600, Known: true}
		}
	}
	w.sites()
	w.alerts()
	w.places()
	w.near()
	return w.all
}

func (w *gathering) add(c city.RegionCode, p Part, b Behind) {
	a := w.all[c]
	if a == nil {
		return
	}
	if a[p] == nil {
		a[p] = &Amount{Known: true}
	}
	if a[p].Value += b.Amount; b.Amount > 0 {
		a[p].Behind = append(a[p].Behind, b)
	}
}

// community is that of a site: the one on record, or the nearest.
func (w *gathering) community(s *register.Site) city.RegionCode {
	if w.all[s.Region] != nil {
		return s.Region
	}
	return w.g.Community(s.Area.Middle())
}

func (w *gathering) sites() {
	b := w.in.Book
	inspected := map[city.RegionCode][2]float64{} // overdue, all
	for _, s := range b.Sites() {
		c := w.community(s)
		if w.all[c] == nil {
			continue
		}
		full, beyond := false, false
		for _, t := range b.StoragesAt(s.ID) {
			if sub := b.Substance(t.Substance); sub != nil {
				q := t.Stock
				if q.IsZero() {
					q = t.Capacity
				}
				full = full || q.Amount > 0
				tonnes, ok := q.Tonnes(w.f.TonnesPerM3)
				limit, known := w.f.threshold(sub.ID, sub.Class)
				if ok && known {
					w.add(c, Stored, Behind{Ref: t.Ref().String(), Name: joined(s.Name, sub.Name), Amount: tonnes / limit})
				}
			}
			beyond = beyond || t.Beyond()
		}
		w.trouble(c, s, full, beyond)
		for _, e := range b.EquipmentAt(s.ID) {
			n := inspected[c]
			n[1]++
			if e.Failed || e.Due.Before(b.Day()) {
				n[0]++
				w.add(c, Inspections, Behind{Ref: s.Ref().String(), Name: joined(s.Name, city.Text{ZhHans: e.Name, En: e.Name}), Amount: 1})
			}
			inspected[c] = n
		}
		for _, e := range b.EventsAt(s.ID) {
			if since := b.Day().AddDays(-w.f.EventDays); !e.Day.Before(since) && !b.Day().Before(e.Day) && e.Grade >= 1 && e.Grade <= len(w.f.Grades) {
				w.add(c, Found, Behind{Ref: s.Ref().String(), Case: e.Case, Name: joined(s.Name, e.What), Why: "event", Amount: w.f.Grades[e.Grade-1]})
			}
		}
	}
	for c, n := range inspected {
		w.add(c, Inspections, Behind{})
		w.all[c][Inspections].Value = n[0] / n[1]
	}
}

func (w *gathering) trouble(c city.RegionCode, s *register.Site, full, beyond bool) {
	tell := func(t TroubleID) {
		w.add(c, Trouble, Behind{Ref: s.Ref().String(), Name: s.Name, Why: string(t), Amount: w.f.Troubles[t]})
	}
	b := w.in.Book
	works := s.Status == register.Operating || s.Status == register.Unlicensed
	licensed := slices.ContainsFunc(slices.Concat(b.LicencesAt(s.ID), b.LicencesOf(s.Firm)), func(l *register.Licence) bool {
		return (l.Site == s.ID || l.Site == "") && l.Link == s.Link && l.InForce(b.Day())
	})
	if works && !licensed {
		tell(NoLicence)
	}
	if !works && full {
		tell(StillFull)
	}
	if beyond {
		tell(Beyond)
	}
	if firm := b.Firm(s.Firm); (works || full) && (firm == nil || firm.Status != register.FirmActive) {
		tell(FirmGone)
	}
}

// alerts are what was noticed: open as of the end of the day, or confirmed lately.
func (w *gathering) alerts() {
	day := 24 * time.Hour
	since, late := w.in.End.Add(-time.Duration(w.f.FindingDays)*day), w.in.End.Add(-time.Duration(w.f.OverdueDays)*day)
	again := map[string][]time.Time{}
	for _, a := range w.in.Alerts {
		again[a.Matter] = append(again[a.Matter], a.Raised)
	}
	confirmed := map[city.RegionCode]float64{}
	for _, a := range w.in.Alerts {
		c := a.Region
		if !a.At.IsZero() {
			c = w.g.Community(a.At)
		}
		if w.all[c] == nil || a.Raised.After(w.in.End) {
			continue
		}
		settled := !a.Settled.IsZero() && !a.Settled.After(w.in.End)
		b := Behind{Ref: a.Ref, Case: a.Case, Name: a.Text}
		switch {
		case !settled:
			b.Why, b.Amount = "open", a.Sure
			w.add(c, Found, b)
			if a.Raised.Before(late) {
				b.Why, b.Amount = "", 1
				w.add(c, Overdue, b)
			}
		case a.Confirmed && !a.Settled.Before(since):
			b.Why, b.Amount = "confirmed", 1
			w.add(c, Found, b)
			confirmed[c]++
			if slices.ContainsFunc(again[a.Matter], func(t time.Time) bool { return t.After(a.Settled) && !t.After(w.in.End) }) {
				b.Why = ""
				w.add(c, Returned, b)
			}
		}
	}
	for c, n := range confirmed {
		w.add(c, Returned, Behind{})
		w.all[c][Returned].Value /= n
	}
}

func (w *gathering) places() {
	weights := map[string]Kind{}
	for _, k := range w.f.Kinds {
		weights[k.ID] = k
	}
	for i := range w.f.Places {
		p := &w.f.Places[i]
		if k := weights[p.Kind]; k.Weight > 0 && p.Kind != FireStation {
			w.add(w.g.Community(p.At()), Sensitive, Behind{Ref: "kind:" + p.Kind, Name: p.Name, Amount: k.Weight})
		}
	}
	for _, p := range w.in.Book.POIs() {
		w.add(w.g.Community(p.At), Visited, Behind{Ref: "", Name: p.Name, Amount: 1})
	}
}

// near is what stands around the middle of each community.
func (w *gathering) near() {
	for _, c := range w.in.Communities {
		middle := geo.Point{Lat: c.Lat, Lon: c.Lon}
		if middle.IsZero() {
			continue
		}
		if n, known := w.in.Officers[c.Code]; known {
			w.all[c.Code][Officers] = &Amount{Value: n, Known: true}
		}
		var best *Place
		far := 0.0
		for i := range w.f.Places {
			if p := &w.f.Places[i]; p.Kind == FireStation {
				if d := geo.Distance(middle, p.At()); best == nil || d < far {
					best, far = p, d
				}
			}
		}
		if best != nil {
			w.all[c.Code][Station] = &Amount{Value: far, Known: true, Behind: []Behind{{Ref: "kind:" + FireStation, Name: best.Name, Amount: far}}}
		}
	}
}

// joined is a name with what belongs to it.
func joined(a, b city.Text) city.Text {
	switch {
	case b.IsZero():
		return a
	case b.En == "":
		b.En = b.ZhHans
	}
	return city.Text{ZhHans: a.ZhHans + " · " + b.ZhHans, En: a.En + " · " + b.En}
}

// All computes the index of each community, in the order in which they are given.
func (f *Formula) All(in Input) []Risk {
	amounts := f.Gather(in)
	out := make([]Risk, 0, len(in.Communities))
	for _, c := range in.Communities {
		out = append(out, f.Compute(c.Code, in.Book.Day(), amounts[c.Code]))
	}
	return out
}
