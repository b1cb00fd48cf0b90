package nantong

import (
	"fmt"

	"yiwang/city"
	"yiwang/fleet/register"
)

var (
	longAgo = city.Date{Year: 2020, Month: 1, Day: 1}
	always  = city.Date{Year: 2030, Month: 1, Day: 1}
)

// newFirm puts another firm on record.
func (t *Town) newFirm() register.USCC {
	id, name := t.names.Firm(t.firm)
	t.firm++
	t.records.Add(&register.Firm{Entry: entry(id), Name: name, Status: register.FirmActive})
	return id
}

func (t *Town) site(id string, firm register.USCC, at spot, link register.Link, st register.SiteStatus) *register.Site {
	s := &register.Site{Entry: entry(register.SiteID(t.prefix + id)), Firm: firm, Name: t.names.Site(t.firm-1, id, link), Link: link, Status: st, Area: register.Area{Centre: t.point(at), Radius: 40 + 20*t.rnd.Float64()}}
	t.records.Add(s)
	t.at[s.ID] = at
	return s
}

func (t *Town) licence(s *register.Site, to city.Date) {
	t.records.Add(&register.Licence{Entry: entry(register.LicenceID("lic-" + string(s.ID))), Firm: s.Firm, Site: s.ID, Type: licenceOf[s.Link], Link: s.Link, Status: register.LicenceValid, From: longAgo, To: to})
}

// licenceOf is the sort of licence that a site needs.
var licenceOf = map[register.Link]city.CredentialType{register.Production: "safety-production-licence", register.Trade: "hazmat-trading-licence",
	register.Storing: "hazmat-storage-licence", register.Use: "hazmat-use-licence", register.Transport: "hazmat-transport-permit", register.Disposal: "hazardous-waste-licence"}

// firms makes plants that work, places to stop, and substances.
func (t *Town) firms() {
	for _, s := range []struct {
		id    register.SubstanceID
		class register.Class
		un    int
	}{{"UN1203", "3", 1203}, {"UN1017", "2.3", 1017}, {"UN1830", "8", 1830}, {"900-249-08", "9", 0}} {
		t.records.Add(&register.Substance{Entry: entry(s.id), Name: t.names.Thing(string(s.id)), Class: s.class, UN: s.un, Waste: s.un == 0})
	}
	links := []register.Link{register.Production, register.Trade, register.Storing, register.Use}
	for i := range max(20, t.size.Vehicles/12) {
		s := t.site(fmt.Sprintf("plant-%d", i), t.newFirm(), t.free(), links[i%4], register.Operating)
		t.licence(s, always)
		t.plants = append(t.plants, s)
		declared := t.date(0)
		stock := 20 + 75*t.rnd.Float64()
		if i%10 == 0 {
			stock = 104 // a little more, as scales err
		}
		t.records.Add(&register.Storage{Entry: entry(t.tank(i)), Site: s.ID, Kind: register.Tank, Substance: "UN1203", Capacity: tonnes(100), Stock: tonnes(stock), Declared: declared})
	}
	for i := range 3 {
		s := t.site(fmt.Sprintf("treat-%d", i), t.newFirm(), t.free(), register.Disposal, register.Operating)
		t.licence(s, always)
		t.treaters = append(t.treaters, s)
	}
	poi := func(kind register.POIKind, n int) (all []spot) {
		for i := range n {
			at, id := t.free(), fmt.Sprintf("%s%s-%d", t.prefix, kind, i)
			t.records.Add(&register.POI{Entry: entry(register.POIID(id)), Name: t.names.Thing(id), Kind: kind, At: t.point(at), Radius: 50})
			all = append(all, at)
		}
		return all
	}
	t.diners = append(poi(register.Restaurant, 60), poi(register.ServiceArea, 10)...)
	t.stations = poi(register.PetrolStation, 30)
}

// vehicles makes 25 % for dangerous goods, 3 % for waste, 7 % coaches, 27 % lorries
// and the rest private.
func (t *Town) vehicles() {
	n := t.size.Vehicles
	share := func(percent int) int { return max(4, n*percent/100) }
	uses := []struct {
		use register.VehicleUse
		n   int
	}{{register.UseHazmat, share(25)}, {register.UseWaste, share(3)}, {register.UseCoach, share(7)}, {register.UseFreight, share(27)}}
	var yards []*register.Site
	for i := range max(4, n/50) {
		yards = append(yards, t.site(fmt.Sprintf("yard-%d", i), t.newFirm(), t.free(), register.Transport, register.Operating))
		t.licence(yards[i], always)
	}
	for _, u := range uses {
		for range u.n {
			v := t.vehicle(u.use)
			yard := pick(t.rnd, yards)
			v.base, v.reg.Firm, v.busy = t.at[yard.ID], yard.Firm, 0.6
			if v.reg.Permit.Given() {
				v.driver, v.escort = t.certificate(v, register.Driver, "", always), t.certificate(v, register.Escort, "", always)
			}
			for range 5 {
				s := pick(t.rnd, t.plants)
				v.sites = append(v.sites, s)
				v.goes = append(v.goes, t.at[s.ID])
			}
			if v.reg.Use == register.UseWaste {
				v.treater = pick(t.rnd, t.treaters)
			}
		}
	}
	for len(t.fleet) < n {
		v := t.vehicle(register.UsePrivate)
		v.base, v.busy = t.free(), 0.5
		for range 8 {
			v.goes = append(v.goes, t.slots[t.rnd.IntN(len(t.slots)/2)]) // shops, friends, work: some are others' too
		}
	}
	for i, v := range t.of(register.UseHazmat) {
		if i%12 == 0 { // its way to one customer and back is declared
			v.routed = true
			v.goes, v.sites = v.goes[:1], v.sites[:1]
			r := &register.Route{Entry: entry(register.RouteID("route-" + string(v.reg.ID))), Vehicles: []register.VehicleID{v.reg.ID}, Corridor: 100}
			for _, s := range way(v.base, v.goes[0]) {
				r.Line = append(r.Line, t.point(s))
			}
			t.records.Add(r)
		}
	}
}

func (t *Town) vehicle(use register.VehicleUse) *vehicle {
	v := &vehicle{n: len(t.fleet), reg: &register.Vehicle{Entry: entry(t.names.Vehicle(len(t.fleet))), Use: use, Operating: use != register.UsePrivate, Status: register.Active}}
	if use == register.UseHazmat || use == register.UseWaste {
		v.reg.Permit = register.Permit{Number: "P" + string(v.reg.ID), Classes: []register.Class{"3", "8"}, Quantity: tonnes(30), From: longAgo, To: always}
		if use == register.UseWaste {
			v.reg.Permit.Classes = []register.Class{"9"}
		}
	}
	t.fleet = append(t.fleet, v)
	t.records.Add(v.reg)
	return v
}

func (t *Town) certificate(v *vehicle, role register.Role, more string, to city.Date) register.CertificateID {
	id := register.CertificateID(fmt.Sprintf("%s-%s%s", v.reg.ID, role, more))
	t.records.Add(&register.Certificate{Entry: entry(id), Firm: v.reg.Firm, Role: role, Status: register.LicenceValid, From: longAgo, To: to})
	return id
}

func (t *Town) of(use register.VehicleUse) (all []*vehicle) {
	for _, v := range t.fleet {
		if v.reg.Use == use {
			all = append(all, v)
		}
	}
	return all
}

// paper writes what every load of every day needs, and with it what contradicts
// itself: each vehicle and kind at most once, so that each is a matter of its own.
func (t *Town) paper() {
	days := t.Days()
	goods := append(t.of(register.UseHazmat), t.of(register.UseWaste)...)
	wrong := map[[2]int]string{}
	for range t.size.Licence * 4 / 5 { // the fifth kind is below
		for tries := 0; ; tries++ {
			v, day, kind := pick(t.rnd, goods), pick(t.rnd, days), pick(t.rnd, []string{"expired", "scope", "staff", "quantity"})
			if wrong[[2]int{v.n, day}] != "" || !t.once(v, kind) {
				if tries > 1e5 {
					panic("nantong: too many contradictions for so few vehicles")
				}
				continue
			}
			wrong[[2]int{v.n, day}] = kind
			t.hide(v, "licence", day, day, "").Kind = kind
			break
		}
	}
	for _, day := range days {
		for _, v := range goods {
			kind := wrong[[2]int{v.n, day}]
			if kind != "" || t.moves(v, day) {
				t.sheet(v, day, kind)
			}
		}
	}
	for i := range t.size.Licence - t.size.Licence*4/5 { // vehicles that were scrapped and still stand on a sheet
		day := pick(t.rnd, days)
		owner := pick(t.rnd, t.of(register.UseHazmat))
		reg := *owner.reg
		reg.ID, reg.Status = t.names.Vehicle(len(t.fleet)+i), register.Retired
		t.records.Add(&reg)
		v := *owner
		v.reg = &reg
		t.sheet(&v, day, "")
		t.hide(&v, "licence", day, day, "").Kind = "retired"
	}
}

func (t *Town) once(v *vehicle, kind string) bool {
	for i := range t.Planted {
		if t.Planted[i].Kind == kind && t.Planted[i].Subject == subject(v) {
			return false
		}
	}
	return true
}

func (t *Town) sheet(v *vehicle, day int, wrong string) {
	s := &register.Sheet{Entry: entry(register.SheetID(fmt.Sprintf("%ss%d-%s", t.prefix, day, v.reg.ID))), Kind: register.TransportSheet, Day: t.date(day), Vehicle: v.reg.ID, From: v.sites[0].ID, To: v.sites[len(v.sites)-1].ID,
		Substance: pick(t.rnd, []register.SubstanceID{"UN1203", "UN1830"}), Quantity: tonnes(float64(10 + t.rnd.IntN(21))), Driver: v.driver, Escort: v.escort}
	if v.reg.Use == register.UseWaste {
		s.Kind, s.To, s.Substance = register.WasteSheet, v.treater.ID, "900-249-08"
	}
	switch wrong {
	case "expired": // and renewed the day after
		old := *v.reg
		old.Permit.To = t.date(day - 1)
		old.Version, old.Since = 2*day+10, t.date(day)
		fresh := *v.reg
		fresh.Version, fresh.Since = 2*day+11, t.date(day+1)
		t.records.Add(&old)
		t.records.Add(&fresh)
	case "scope":
		s.Substance = "UN1017"
	case "staff":
		switch t.rnd.IntN(3) {
		case 0:
			s.Driver = t.certificate(v, register.Driver, "-old", t.date(day-1))
		case 1:
			s.Driver = v.escort
		default:
			s.Driver = "nobody"
		}
	case "quantity":
		s.Quantity = tonnes(31 + 5*t.rnd.Float64())
	default:
		if t.rnd.IntN(40) == 0 { // today is its last day
			s.Driver = t.certificate(v, register.Driver, fmt.Sprint("-last", day), t.date(day))
		}
	}
	t.sheets[day] = append(t.sheets[day], s)
}
