package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

var zone = time.FixedZone("UTC+8", 8*3600)

// numbers are those of a city that has every rule.
var numbers = map[string]map[string]float64{
	detect.RepeatClosed:     {"distance": 100, "time": 600, "days": 3, "within": 720 * 3600},
	detect.RepeatUnknown:    {"distance": 100, "time": 1200, "days": 3, "within": 720 * 3600, "near": 200},
	detect.StorageBeyond:    {"share": 0.05},
	detect.MobileRefuelling: {"distance": 30, "time": 480, "near": 150, "meetings": 2},
	detect.WasteElsewhere:   {"time": 600, "distance": 100, "near": 300},
	detect.OffRoute:         {"distance": 500, "time": 300},
	detect.ForbiddenZone:    {"time": 120},
	detect.NightDriving:     {"from": 120, "to": 300, "time": 900, "speed": 10},
	detect.Fatigue:          {"driving": 4 * 3600, "rest": 1200, "daily": 8 * 3600, "speed": 5},
	detect.Speeding:         {"motorway": 80, "other": 60, "share": 0.1, "time": 60},
	detect.NonOperating:     {"days": 5, "trips": 3, "within": 336 * 3600},
	detect.Silent:           {"time": 24 * 3600},
	detect.MovedWhileOff:    {"distance": 3000, "time": 600},
	detect.LicenceConflict:  {"days": 30},
}

func rules(t testing.TB) *detect.Rules {
	t.Helper()
	r, err := detect.NewRules(func(rule, p string) (float64, bool) { v, ok := numbers[rule][p]; return v, ok }, zone)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	town    = geo.Point{Lat: 31.95, Lon: 121.05}
	plant   = east(town, 5000)
	works   = east(town, 9000) // closed
	dump    = geo.Move(town, 0, 8000)
	treat   = geo.Move(town, 180, 7000)
	diner   = geo.Move(town, 90, -1500)
	monday  = time.Date(2026, 11, 2, 8, 0, 0, 0, zone)
	permits = register.Permit{Number: "P1", Classes: []register.Class{"3"}, Quantity: register.Quantity{Amount: 30, Unit: register.Tonnes}, To: city.Date{Year: 2027, Month: 1, Day: 1}}
)

func east(p geo.Point, metres float64) geo.Point { return geo.Move(p, 90, metres) }

func entry[K ~string](id K) register.Entry[K] { return register.Entry[K]{ID: id, Version: 1} }

// book is a small city on a day.
func book(day time.Time, more ...register.Record) *register.Book {
	var r register.Records
	site := func(id register.SiteID, at geo.Point, link register.Link, st register.SiteStatus) {
		r.Add(&register.Site{Entry: entry(id), Firm: "91990101MA0001X26C", Name: city.Text{ZhHans: string(id), En: string(id)}, Link: link, Status: st, Area: register.Area{Centre: at, Radius: 80}})
	}
	site("plant", plant, register.Use, register.Operating)
	site("works", works, register.Production, register.Closed)
	site("treat", treat, register.Use, register.Operating)
	r.Add(&register.POI{Entry: entry[register.POIID]("diner"), Kind: register.Restaurant, At: diner, Radius: 50})
	r.Add(&register.Substance{Entry: entry[register.SubstanceID]("UN1203"), Class: "3", UN: 1203})
	r.Add(&register.Substance{Entry: entry[register.SubstanceID]("UN1017"), Class: "2.3", UN: 1017})
	vehicle := func(id register.VehicleID, use register.VehicleUse, operating bool) {
		v := &register.Vehicle{Entry: entry(id), Use: use, Operating: operating, Status: register.Active}
		if use == register.UseHazmat || use == register.UseWaste {
			v.Permit = permits
		}
		r.Add(v)
	}
	vehicle("H1", register.UseHazmat, true)
	vehicle("H2", register.UseHazmat, true)
	vehicle("H3", register.UseHazmat, true)
	vehicle("W1", register.UseWaste, true)
	vehicle("C1", register.UseCoach, true)
	vehicle("F1", register.UseFreight, true)
	vehicle("P1", register.UsePrivate, false)
	r.Add(&register.Zone{Entry: entry[register.ZoneID]("old-town"), Area: register.Area{Centre: geo.Move(town, 45, 3000), Radius: 600}, Hours: []register.Hours{{From: 7 * 60, To: 22 * 60}}})
	r.Add(&register.Route{Entry: entry[register.RouteID]("r3"), Vehicles: []register.VehicleID{"H3"}, Corridor: 100, Line: []geo.Point{town, plant}})
	for _, x := range more {
		r.Add(x)
	}
	return register.NewBook(city.DateOf(day.In(zone)), zone, r)
}

// drive is a way that is driven: waypoints with speeds, stops with times.
type drive struct {
	at     time.Time
	place  geo.Point
	points []track.Reading
	every  time.Duration
}

func begin(at time.Time, p geo.Point) *drive {
	return &drive{at: at, place: p, every: 15 * time.Second}
}

func (d *drive) put(kmh float64) {
	us := city.Micros(d.at)
	wobble := geo.Move(d.place, float64(len(d.points)*77%360), float64(len(d.points)%5)) // receivers are never still
	d.points = append(d.points, track.Reading{Point: track.Point{At: us, Lat: wobble.Lat, Lon: wobble.Lon, Speed: float32(kmh), Flags: track.HasSpeed}, Received: us})
}

func (d *drive) to(p geo.Point, kmh float64) *drive {
	far := geo.Distance(d.place, p)
	n := max(1, int(far/(kmh/3.6*d.every.Seconds())))
	from, bearing := d.place, geo.Bearing(d.place, p)
	for i := 1; i <= n; i++ {
		d.at = d.at.Add(time.Duration(far / float64(n) / (kmh / 3.6) * float64(time.Second)))
		d.place = geo.Move(from, bearing, far*float64(i)/float64(n))
		d.put(kmh)
	}
	d.place = p
	return d
}

func (d *drive) stop(long time.Duration) *drive {
	for end := d.at.Add(long); d.at.Before(end); {
		d.at = d.at.Add(d.every)
		d.put(0)
	}
	return d
}

func (d *drive) silent(long time.Duration) *drive { d.at = d.at.Add(long); return d }

// watcher is a city that watches.
type watcher struct {
	rules  *detect.Rules
	memory *detect.Memory
	ground detect.Ground
	seen   map[register.VehicleID]*detect.Vehicle
	found  []detect.Finding
}

func newWatcher(t testing.TB, g detect.Ground) *watcher {
	r := rules(t)
	return &watcher{rules: r, memory: detect.NewMemory(r, g), ground: g, seen: map[register.VehicleID]*detect.Vehicle{}}
}

func (w *watcher) watch(b *register.Book, id register.VehicleID, points []track.Reading) {
	v := w.seen[id]
	if v == nil {
		x := w.rules.Vehicle(id)
		v = &x
		w.seen[id] = v
	}
	var seen detect.Seen
	for _, p := range points {
		w.found = w.rules.Push(b, w.ground, v, b.Vehicle(id), p, &seen, w.found)
		for _, e := range seen.Events {
			w.found = w.memory.Stay(b, b.Vehicle(id), e, w.found)
		}
	}
}

// matters are the different matters found, "rule subject" each once.
func (w *watcher) matters() []string {
	seen := map[string]bool{}
	var out []string
	for _, f := range w.found {
		if k := f.Rule + " " + f.Key; !seen[k] {
			seen[k] = true
			out = append(out, strings.TrimSpace(f.Rule+" "+f.Kind)+" "+f.Subject)
		}
	}
	slices.Sort(out)
	return out
}

func (w *watcher) expect(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := w.matters(); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	for _, f := range w.found {
		if len(f.Evidence) == 0 || f.Sure <= 0 || f.Sure > 1 || f.To < f.From || f.Key == "" {
			t.Errorf("a finding without what it rests on: %+v", f)
		}
	}
}

func TestWhatAVehicleDoes(t *testing.T) {
	zoneAt := geo.Move(town, 45, 3000)
	for _, c := range []struct {
		name string
		id   register.VehicleID
		way  *drive
		want []string
	}{
		{"through the old town by day", "H1", begin(monday, town).to(zoneAt, 20).stop(3*time.Minute).to(geo.Move(town, 45, 6000), 40), []string{"forbidden_zone vehicle:H1"}},
		{"through it at night", "H1", begin(monday.Add(15*time.Hour), town).to(zoneAt, 20).stop(3*time.Minute).to(geo.Move(town, 45, 6000), 40), nil},
		{"a coach may", "C1", begin(monday, town).to(zoneAt, 20).stop(3*time.Minute).to(geo.Move(town, 45, 6000), 40), nil},
		{"past its edge for a moment", "H1", begin(monday, geo.Move(zoneAt, 0, -1200)).to(geo.Move(geo.Move(zoneAt, 90, 560), 0, 0), 60).to(geo.Move(zoneAt, 90, 3000), 60), nil},
		{"slowly along its border", "H1", begin(monday, geo.Move(geo.Move(zoneAt, 0, 585), 270, 1000)).to(geo.Move(geo.Move(zoneAt, 0, 585), 90, 1000), 5), nil},
		{"slowly across it, not by its middle", "H1", begin(monday, geo.Move(geo.Move(zoneAt, 0, 500), 270, 1000)).to(geo.Move(geo.Move(zoneAt, 0, 500), 90, 1000), 5), []string{"forbidden_zone vehicle:H1"}},
		{"off its route", "H3", begin(monday, town).to(east(town, 2000), 40).to(geo.Move(east(town, 2000), 0, 6000), 40), []string{"off_route vehicle:H3"}},
		{"on its route", "H3", begin(monday, town).to(plant, 40).stop(time.Hour).to(town, 40), nil},
		{"a short way round", "H3", begin(monday, town).to(east(town, 2000), 40).to(geo.Move(east(town, 2000), 0, 700), 40).to(east(town, 2500), 40).to(plant, 40), nil},
		{"at night", "H1", begin(monday.Add(18*time.Hour), town).to(east(town, 20000), 40), []string{"night_driving vehicle:H1"}},
		{"a lorry with gravel at night", "F1", begin(monday.Add(18*time.Hour), town).to(east(town, 20000), 40), nil},
		{"to the yard at two", "H1", begin(monday.Add(17*time.Hour+40*time.Minute), town).to(east(town, 20000), 40), nil},
		{"four and a half hours", "F1", begin(monday, town).to(east(town, 200000), 44.4), []string{"fatigue vehicle:F1"}},
		{"with a rest between", "F1", begin(monday, town).to(east(town, 100000), 44.4).stop(22*time.Minute).to(east(town, 200000), 44.4), nil},
		{"with a rest that is too short", "F1", begin(monday, town).to(east(town, 100000), 44.4).stop(15*time.Minute).to(east(town, 200000), 44.4), []string{"fatigue vehicle:F1"}},
		{"nine hours in a day", "F1", begin(monday.Add(-7*time.Hour), town).to(east(town, 130000), 44.4).stop(time.Hour).to(town, 44.4).stop(time.Hour).to(east(town, 140000), 44.4), []string{"fatigue vehicle:F1"}},
		{"too fast", "H1", begin(monday, town).to(east(town, 4000), 75), []string{"speeding vehicle:H1"}},
		{"fast as many do", "H1", begin(monday, town).to(east(town, 4000), 64), nil},
		{"switched off and elsewhere", "H1", begin(monday, town).to(east(town, 2000), 40).silent(25*time.Minute).to(east(town, 9000), 2000).to(east(town, 10000), 40), []string{"moved_while_off vehicle:H1"}},
		{"switched off in the yard", "H1", begin(monday, town).to(plant, 40).silent(3 * time.Hour).stop(time.Minute), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWatcher(t, detect.Ground{})
			w.watch(book(monday), c.id, c.way.points)
			w.expect(t, c.want...)
		})
	}
}

func TestSilence(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	b := book(monday)
	w.watch(b, "H1", begin(monday, town).to(plant, 40).points)
	w.watch(b, "H2", begin(monday, town).to(plant, 40).stop(time.Hour).points)
	w.watch(b, "H3", begin(monday, town).to(plant, 40).stop(15*time.Second).points) // it said that it stands, and was switched off
	now := city.Micros(monday.Add(30 * time.Hour))
	for id, want := range map[register.VehicleID]bool{"H1": true, "H2": false, "H3": false} {
		f, ok := w.rules.Quiet(w.seen[id], b.Vehicle(id), now)
		if ok != want || ok && f.Key == "" {
			t.Errorf("%s: %v %+v", id, ok, f)
		}
		if _, ok := w.rules.Quiet(w.seen[id], b.Vehicle(id), city.Micros(monday.Add(5*time.Hour))); ok {
			t.Errorf("%s is silent after five hours", id)
		}
	}
}

// Several days at one place: what a day's round has besides is the same each time.
func TestWhatRepeats(t *testing.T) {
	hidden := geo.Move(town, 300, 6000)
	for _, c := range []struct {
		name string
		days int
		at   geo.Point
		long time.Duration
		want []string
	}{
		{"a closed plant", 3, works, 40 * time.Minute, []string{"repeat_stay_closed site:works"}},
		{"a closed plant, twice", 2, works, 40 * time.Minute, nil},
		{"a hidden workshop", 4, hidden, 40 * time.Minute, []string{"repeat_stay_unknown place:" + fmt.Sprintf("%.4f,%.4f", hidden.Lat, hidden.Lon)}},
		{"five minutes by the road", 5, hidden, 6 * time.Minute, nil},
		{"lunch", 5, diner, 40 * time.Minute, nil},
		{"its customer", 5, plant, 40 * time.Minute, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWatcher(t, detect.Ground{})
			for d := range c.days {
				day := monday.AddDate(0, 0, 2*d)
				w.watch(book(day), "H1", begin(day, town).to(c.at, 40).stop(c.long).to(town, 40).points)
			}
			got := w.matters()
			if len(got) != len(c.want) || len(got) > 0 && got[0][:20] != c.want[0][:20] {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestAHiddenWorkshopThatThreeVehiclesVisitIsOneMatter(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	hidden := geo.Move(town, 300, 6000)
	for i, id := range []register.VehicleID{"H1", "H2", "H3"} {
		at := geo.Move(hidden, float64(i*120), 30)
		w.watch(book(monday), id, begin(monday.Add(time.Duration(i)*2*time.Hour), geo.Move(town, 300, 3000)).to(at, 40).stop(30*time.Minute).to(geo.Move(town, 300, 3000), 40).points)
	}
	for i := range 3 { // and again next week
		day := monday.AddDate(0, 0, 7+i)
		w.watch(book(day), "H1", begin(day, town).to(hidden, 40).stop(30*time.Minute).to(town, 40).points)
	}
	n := 0
	for _, m := range w.matters() {
		if strings.HasPrefix(m, "repeat_stay_unknown") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d matters: %q", n, w.matters())
	}
	last := w.found[len(w.found)-1]
	if last.Numbers["vehicles"] != 3 || last.Numbers["days"] != 4 || last.Numbers["n"] != 6 {
		t.Errorf("the last finding counts %v", last.Numbers)
	}
}

func TestATankerThatFillsOthers(t *testing.T) {
	lane := geo.Move(town, 250, 4000)
	meet := func(w *watcher, start time.Time, other register.VehicleID) {
		w.watch(book(monday), other, begin(start, geo.Move(lane, 0, 2000)).to(geo.Move(lane, 90, 12), 40).stop(20*time.Minute).to(geo.Move(lane, 0, 2000), 40).points)
	}
	w := newWatcher(t, detect.Ground{})
	w.watch(book(monday), "H1", begin(monday, town).to(lane, 40).stop(40*time.Minute).to(town, 40).points)
	meet(w, monday.Add(3*time.Minute), "F1")
	w.expect(t)
	w.watch(book(monday), "H1", begin(monday.Add(4*time.Hour), town).to(lane, 40).stop(40*time.Minute).to(town, 40).points)
	meet(w, monday.Add(4*time.Hour+3*time.Minute), "C1")
	w.expect(t, "mobile_refuelling vehicle:H1")

	jam := newWatcher(t, detect.Ground{})
	for i, id := range []register.VehicleID{"F1", "C1", "P1", "H2", "H1", "W1"} {
		jam.watch(book(monday), id, begin(monday.Add(time.Duration(i)*30*time.Second), geo.Move(lane, 0, 2000)).to(geo.Move(lane, 0, float64(10*i)), 40).stop(25*time.Minute).to(geo.Move(lane, 180, 2000), 40).points)
	}
	for _, m := range jam.matters() {
		if strings.HasPrefix(m, "mobile_refuelling") {
			t.Errorf("in a jam: %s", m)
		}
	}
}

// Whoever of a queue is read first, nobody in it fills anybody.
func TestNobodyInAQueueFillsAnybody(t *testing.T) {
	lane := geo.Move(town, 250, 4000)
	ids := []register.VehicleID{"H1", "F1", "H2", "C1", "W1"}
	for first := range ids {
		w := newWatcher(t, detect.Ground{})
		for _, start := range []time.Time{monday, monday.Add(5 * time.Hour)} {
			for i := range ids {
				w.watch(book(monday), ids[(first+i)%len(ids)], begin(start.Add(time.Duration(i)*20*time.Second), geo.Move(lane, 0, 2000)).to(geo.Move(lane, 0, float64(8*i)), 40).stop(15*time.Minute).to(geo.Move(lane, 180, 2000), 40).points)
			}
		}
		for _, m := range w.matters() {
			if strings.HasPrefix(m, "mobile_refuelling") {
				t.Errorf("%s first: %s", ids[first], m)
			}
		}
	}
}

// Two that stand beside each other and move on by some metres met once.
func TestMovingOnALittleIsOneMeeting(t *testing.T) {
	lane := geo.Move(town, 250, 4000)
	w := newWatcher(t, detect.Ground{})
	for i, id := range []register.VehicleID{"H1", "F1"} {
		at := geo.Move(lane, 90, float64(10*i))
		w.watch(book(monday), id, begin(monday, geo.Move(lane, 0, 2000)).to(at, 40).stop(15*time.Minute).to(geo.Move(at, 0, -120), 10).stop(15*time.Minute).to(geo.Move(lane, 180, 2000), 40).points)
	}
	w.expect(t)
}

// A first place after a silence that nothing agrees with moved nobody.
func TestAWrongPlaceAfterASilence(t *testing.T) {
	d := begin(monday, town).to(plant, 40).stop(10 * time.Minute).silent(40 * time.Minute)
	d.place = east(plant, 30000)
	d.put(0)
	d.place = plant
	w := newWatcher(t, detect.Ground{})
	w.watch(book(monday), "F1", d.stop(10*time.Minute).to(town, 40).points)
	w.expect(t)
}

// A wrong place in the middle of a visit to a closed plant leaves it one visit, and
// nothing else is noticed with it.
func TestAWrongPlaceDuringAVisit(t *testing.T) {
	for _, off := range []float64{150, 280, 3000} {
		w := newWatcher(t, detect.Ground{})
		for n := range 3 {
			day := monday.AddDate(0, 0, n)
			d := begin(day, plant).to(works, 40).stop(8 * time.Minute)
			d.at = d.at.Add(2 * time.Minute)
			d.place = east(works, off)
			d.put(0)
			d.place = works
			d.at = d.at.Add(2 * time.Minute)
			w.watch(book(day), "H1", d.stop(3*time.Minute).to(plant, 40).points)
		}
		w.expect(t, "repeat_stay_closed site:works")
	}
}

// Who was on the road for four hours on Monday may still be there for nine on Tuesday.
func TestTiredOnTwoDays(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	w.watch(book(monday), "F1", begin(monday, town).to(east(town, 200000), 44.4).stop(5*time.Minute).points)
	tuesday := monday.AddDate(0, 0, 1)
	w.watch(book(tuesday), "F1", begin(tuesday.Add(-6*time.Hour), east(town, 200000)).to(east(town, 70000), 44.4).stop(time.Hour).to(east(town, 200000), 44.4).stop(time.Hour).to(east(town, 60000), 44.4).points)
	w.expect(t, "fatigue vehicle:F1", "fatigue vehicle:F1")
}

// Who had parked before nothing more was heard isn't silent.
func TestParkedForThreeMinutes(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	b := book(monday)
	w.watch(b, "H1", begin(monday, town).to(plant, 40).stop(3*time.Minute).points)
	if f, ok := w.rules.Quiet(w.seen["H1"], b.Vehicle("H1"), city.Micros(monday.Add(30*time.Hour))); ok {
		t.Errorf("told %+v", f)
	}
}

func TestWasteGoesElsewhere(t *testing.T) {
	sheet := &register.Sheet{Entry: entry[register.SheetID]("s1"), Kind: register.WasteSheet, Day: city.DateOf(monday), Vehicle: "W1", From: "plant", To: "treat", Substance: "UN1203", Quantity: register.Quantity{Amount: 5, Unit: register.Tonnes}}
	b := book(monday, sheet)
	honest := newWatcher(t, detect.Ground{})
	honest.watch(b, "W1", begin(monday, town).to(plant, 40).stop(30*time.Minute).to(diner, 40).stop(30*time.Minute).to(treat, 40).stop(30*time.Minute).to(dump, 40).stop(20*time.Minute).to(town, 40).points)
	honest.expect(t)
	w := newWatcher(t, detect.Ground{})
	w.watch(b, "W1", begin(monday, town).to(plant, 40).stop(30*time.Minute).to(dump, 40).stop(20*time.Minute).to(treat, 40).stop(30*time.Minute).to(town, 40).points)
	w.expect(t, "waste_elsewhere vehicle:W1")
}

func TestAPrivateVehicleThatCarries(t *testing.T) {
	station := geo.Move(town, 20, 7000)
	round := func(d *drive, n int) *drive {
		for range n {
			d.to(station, 40).stop(6*time.Minute).to(town, 40).stop(6 * time.Minute)
		}
		return d
	}
	for _, c := range []struct {
		name       string
		days, trip int
		want       []string
	}{{"five days, four ways a day", 5, 4, []string{"non_operating vehicle:P1"}}, {"to work and back", 9, 1, nil}, {"a moving day", 1, 6, nil}, {"eight days are one matter", 8, 4, []string{"non_operating vehicle:P1"}}} {
		w := newWatcher(t, detect.Ground{})
		for d := range c.days {
			day := monday.AddDate(0, 0, d)
			w.watch(book(day), "P1", round(begin(day, town).stop(5*time.Minute), c.trip).to(diner, 40).points)
		}
		if got := w.matters(); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRecordsThatContradict(t *testing.T) {
	day := city.DateOf(monday)
	next := func(n int) city.Date { return day.AddDays(n) }
	driver := &register.Certificate{Entry: entry[register.CertificateID]("d1"), Role: register.Driver, Status: register.LicenceValid, To: next(100)}
	escort := &register.Certificate{Entry: entry[register.CertificateID]("e1"), Role: register.Escort, Status: register.LicenceValid, To: next(100)}
	old := &register.Certificate{Entry: entry[register.CertificateID]("d2"), Role: register.Driver, Status: register.LicenceValid, To: next(-1)}
	gone := &register.Vehicle{Entry: entry[register.VehicleID]("H9"), Use: register.UseHazmat, Operating: true, Status: register.Retired, Permit: permits}
	late := &register.Vehicle{Entry: entry[register.VehicleID]("H8"), Use: register.UseHazmat, Operating: true, Status: register.Active, Permit: register.Permit{Number: "P8", Classes: []register.Class{"3"}, To: next(-3)}}
	full := &register.Storage{Entry: entry[register.StorageID]("t1"), Site: "plant", Substance: "UN1203", Capacity: register.Quantity{Amount: 100, Unit: register.Tonnes}, Stock: register.Quantity{Amount: 120, Unit: register.Tonnes}, Declared: day}
	nearly := &register.Storage{Entry: entry[register.StorageID]("t2"), Site: "plant", Substance: "UN1203", Capacity: register.Quantity{Amount: 100, Unit: register.Tonnes}, Stock: register.Quantity{Amount: 104, Unit: register.Tonnes}, Declared: day}
	n := 0
	sheet := func(v register.VehicleID, sub register.SubstanceID, tonnes float64, d, e register.CertificateID) register.Record {
		n++
		return &register.Sheet{Entry: entry(register.SheetID(fmt.Sprint("s", n))), Kind: register.TransportSheet, Day: day, Vehicle: v, From: "plant", To: "treat", Substance: sub, Quantity: register.Quantity{Amount: tonnes, Unit: register.Tonnes}, Driver: d, Escort: e}
	}
	w := newWatcher(t, detect.Ground{})
	b := book(monday, driver, escort, old, gone, late, full, nearly,
		sheet("H1", "UN1203", 20, "d1", "e1"), // as it should be
		sheet("H2", "UN1017", 20, "d1", "e1"), sheet("H3", "UN1203", 42000.0/1000, "d1", "e1"), sheet("H1", "UN1203", 20, "d2", "e1"), sheet("H2", "UN1203", 20, "d1", ""),
		sheet("H9", "UN1203", 20, "d1", "e1"), sheet("H8", "UN1203", 20, "d1", "e1"))
	w.found = w.memory.Check(b, w.found)
	w.found = w.memory.Check(b, w.found) // looking twice finds nothing more
	w.expect(t, "licence scope vehicle:H2", "licence quantity vehicle:H3", "licence staff vehicle:H1", "licence staff vehicle:H2", "licence retired vehicle:H9", "licence expired vehicle:H8", "storage_beyond storage:t1")
}

// A track that is read anew after a late batch tells the same matters.
func TestReadAnew(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	way := begin(monday, town).to(east(town, 2000), 40).to(geo.Move(east(town, 2000), 0, 6000), 40).points
	w.watch(book(monday), "H3", way)
	delete(w.seen, "H3")
	w.watch(book(monday), "H3", way)
	w.expect(t, "off_route vehicle:H3")
}

func TestRulesOfAPack(t *testing.T) {
	r, err := detect.NewRules(func(rule, p string) (float64, bool) {
		if rule != detect.Fatigue {
			return 0, false
		}
		v, ok := numbers[rule][p]
		return v, ok
	}, zone)
	if err != nil || !r.On(detect.Fatigue) || r.On(detect.OffRoute) {
		t.Errorf("one rule alone: %v", err)
	}
	_, err = detect.NewRules(func(rule, p string) (float64, bool) { v, ok := numbers[rule][p]; return v, ok && p != "daily" }, zone)
	if city.KindOf(err) != city.KindInvalid {
		t.Errorf("a rule without one of its numbers: %v", err)
	}
	for _, id := range detect.IDs() {
		if len(detect.Parameters(id)) == 0 {
			t.Errorf("%s has no parameters", id)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	var extra []register.Record
	for i := range 1000 {
		extra = append(extra, &register.Zone{Entry: entry(register.ZoneID(fmt.Sprint("z", i))), Area: register.Area{Border: []geo.Point{geo.Move(town, float64(i), float64(1000+i*20)), geo.Move(town, float64(i)+1, float64(1200+i*20)), geo.Move(town, float64(i)+2, float64(1000+i*20))}}})
	}
	bk := book(monday, extra...)
	r := rules(b)
	points := begin(monday, town).to(plant, 40).stop(10*time.Minute).to(town, 40).points
	span := points[len(points)-1].At - points[0].At + 60_000_000
	v := r.Vehicle("H3")
	reg := bk.Vehicle("H3")
	var seen detect.Seen
	var out []detect.Finding
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := points[i%len(points)]
		p.At += int64(i/len(points)) * span
		p.Received = p.At
		out = r.Push(bk, detect.Ground{}, &v, reg, p, &seen, out[:0])
	}
}

// wrong puts the last reading somewhere else.
func (d *drive) wrong(metres float64) *drive {
	r := &d.points[len(d.points)-1]
	p := geo.Move(r.Place(), 0, metres)
	r.Lat, r.Lon = p.Lat, p.Lon
	return d
}

// What receivers get wrong once is held against nobody.
func TestOneWrongPlace(t *testing.T) {
	rim := geo.Move(geo.Move(town, 45, 3000), 90, 585) // 15 m within the border
	for name, tt := range map[string]struct {
		id   register.VehicleID
		d    *drive
		want []string
	}{
		"before a silence":          {"H1", begin(monday, town).to(plant, 40).stop(5 * time.Minute).wrong(5000).silent(40 * time.Minute).stop(5 * time.Minute), nil},
		"along the border":          {"H1", begin(monday, rim).stop(time.Minute).wrong(-70).stop(5 * time.Minute), nil},
		"within, and not by errors": {"H1", begin(monday, rim).stop(time.Minute).to(geo.Move(rim, 270, 100), 10).stop(5 * time.Minute), []string{"forbidden_zone vehicle:H1"}},
		"in a rest":                 {"F1", begin(monday, town).to(geo.Move(town, 0, 100_000), 50).stop(12*time.Minute).wrong(300).stop(12*time.Minute).to(town, 50), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatcher(t, detect.Ground{})
			w.watch(book(monday), tt.id, tt.d.points)
			w.expect(t, tt.want...)
		})
	}
}

// Whoever said at last that it stood isn't silent, though it had moved just before.
func TestStoodAtLast(t *testing.T) {
	r := rules(t)
	b := book(monday)
	d := begin(monday, town).to(plant, 40)
	for _, stood := range []bool{false, true} {
		if stood {
			d.at = d.at.Add(10 * time.Second)
			d.put(0)
		}
		v := r.Vehicle("F1")
		var seen detect.Seen
		for _, p := range d.points {
			r.Push(b, detect.Ground{}, &v, b.Vehicle("F1"), p, &seen, nil)
		}
		if _, silent := r.Quiet(&v, b.Vehicle("F1"), city.Micros(d.at.Add(25*time.Hour))); silent == stood {
			t.Errorf("stood %v, silent %v", stood, silent)
		}
	}
}

// What goes on is said again every hour, as the same matter with the same beginning.
func TestWhatGoesOnIsSaidAgain(t *testing.T) {
	w := newWatcher(t, detect.Ground{})
	w.watch(book(monday), "H3", begin(monday, town).to(geo.Move(town, 0, 6000), 40).stop(3*time.Hour).points)
	var told []detect.Finding
	for _, f := range w.found {
		if f.Rule == detect.OffRoute {
			told = append(told, f)
		}
	}
	if len(told) != 4 {
		t.Fatalf("said %d times in three hours", len(told))
	}
	for i := 1; i < len(told); i++ {
		if told[i].Key != told[0].Key || told[i].From != told[0].From || told[i].To-told[i-1].To < time.Hour.Microseconds() {
			t.Errorf("%+v after %+v", told[i], told[i-1])
		}
	}
}
