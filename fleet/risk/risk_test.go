package risk

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

func formula(t *testing.T) *Formula {
	t.Helper()
	raw, err := os.ReadFile("../../cities/jianghai/risk.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := &Formula{}
	if err := yaml.Unmarshal(raw, f); err != nil {
		t.Fatal(err)
	}
	if faults := f.Check(); len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	return f
}

var (
	works = city.Region{Code: "990101001001", Level: city.LevelCommunity, Lat: 31.93, Lon: 121.04, Population: 5000}
	field = city.Region{Code: "990101001002", Level: city.LevelCommunity, Lat: 31.96, Lon: 121.04}
	today = city.Date{Year: 2026, Month: 11, Day: 27}
	zone  = time.FixedZone("CST", 8*3600)
	end   = today.AddDays(1).In(zone)
)

const uscc register.USCC = "91990101MA0001X26C"

func entry[K ~string](id K) register.Entry[K] { return register.Entry[K]{ID: id} }

func ends() register.Records {
	at := geo.Point{Lat: works.Lat, Lon: works.Lon}
	return register.Records{
		Firms:      []*register.Firm{{Entry: entry(uscc), Status: register.FirmActive}},
		Sites:      []*register.Site{{Entry: entry[register.SiteID]("tank"), Firm: uscc, Name: both("Tank farm"), Link: register.Storing, Status: register.Operating, Area: register.Area{Centre: at, Radius: 50}}},
		Substances: []*register.Substance{{Entry: entry[register.SubstanceID]("UN1978"), Name: both("Propane"), UN: 1978, Class: "2.1"}},
		Storages: []*register.Storage{{Entry: entry[register.StorageID]("t1"), Site: "tank", Kind: register.Tank, Substance: "UN1978",
			Capacity: register.Quantity{Amount: 200, Unit: register.Tonnes}, Stock: register.Quantity{Amount: 100, Unit: register.Tonnes}, Declared: today}},
		Licences: []*register.Licence{{Entry: entry[register.LicenceID]("l"), Firm: uscc, Site: "tank", Link: register.Storing, Status: register.LicenceValid, From: today.AddDays(-100), To: today.AddDays(100)}},
		Equipment: []*register.Equipment{{Entry: entry[register.EquipmentID]("e1"), Site: "tank", Kind: "pressure_vessel", Due: today.AddDays(10)},
			{Entry: entry[register.EquipmentID]("e2"), Site: "tank", Kind: "pipeline", Due: today.AddDays(10)}},
	}
}

func input(r register.Records) Input {
	return Input{Book: register.NewBook(today, zone, r), End: end, Communities: []city.Region{works, field}}
}

// one computes the community with the tanks.
func one(f *Formula, in Input) Risk { return f.All(in)[0] }

func (r Risk) value(p Part) Value {
	return r.Parts[slices.IndexFunc(r.Parts, func(v Value) bool { return v.Part == p })]
}

// The number follows from the formula as it is printed.
func TestTheIndexIsItsFormula(t *testing.T) {
	f := formula(t)
	in := input(ends())
	in.Passing = map[city.RegionCode]float64{works.Code: 8 * 3600}
	in.Officers = map[city.RegionCode]float64{works.Code: 2}
	r := one(f, in)
	if v := r.value(Stored); v.Amount != 2 || v.Score != 0.5 || len(v.Behind) != 1 || v.Behind[0].Ref != "storage:t1@0" {
		t.Errorf("100 t of a class of which 50 count as one: %+v", v)
	}
	if v := r.value(Passing); v.Amount != 8 || v.Score != 0.5 {
		t.Errorf("eight hours: %+v", v)
	}
	if v := r.value(People); v.Score != 0.5 {
		t.Errorf("5,000 people: %+v", v)
	}
	if v := r.value(Officers); v.Score != 0.5 {
		t.Errorf("two officers: %+v", v)
	}
	if v := r.value(Inspections); !v.Known || v.Score != 0 {
		t.Errorf("all inspected: %+v", v)
	}
	if v := r.value(Returned); v.Known {
		t.Errorf("nothing was confirmed, so nothing can have come back: %+v", v)
	}
	for _, c := range Components {
		sum, weights := 0.0, 0.0
		for _, v := range r.Parts {
			if v.Of == c {
				sum += v.Weight * v.Score
				weights += v.Weight
			}
		}
		if math.Abs(weights-1) > 1e-3 || math.Abs(sum-r.Of(c)) > 1e-3 {
			t.Errorf("%s is %f, its parts give %f with weights of %f", c, r.Of(c), sum, weights)
		}
	}
	if want := 100 * math.Pow(r.Hazard*r.Exposure*(f.Least+(1-f.Least)*r.Control), f.Power); math.Abs(want-float64(r.Index)) > 0.5 {
		t.Errorf("the index is %d, the formula gives %f", r.Index, want)
	}
	if r.Level != f.Level(r.Index) || r.Index == 0 {
		t.Errorf("%d is %s", r.Index, r.Level)
	}
	if empty := f.All(in)[1]; empty.Index != 0 || empty.Level != Green {
		t.Errorf("a field without anything: %+v", empty)
	}
}

// Whatever gets worse never lowers the number, and whatever gets better never raises it.
func TestWorseIsNeverLess(t *testing.T) {
	f := formula(t)
	was := one(f, input(ends()))
	for what, worse := range map[string]func(*register.Records, *Input){
		"more in store":         func(r *register.Records, _ *Input) { r.Storages[0].Stock.Amount = 180 },
		"more than licensed":    func(r *register.Records, _ *Input) { r.Storages[0].Stock.Amount = 300 },
		"licence expired":       func(r *register.Records, _ *Input) { r.Licences[0].To = today.AddDays(-1) },
		"closed and full":       func(r *register.Records, _ *Input) { r.Sites[0].Status = register.Closed },
		"the firm is gone":      func(r *register.Records, _ *Input) { r.Firms[0].Status = register.FirmRevoked },
		"an inspection ran out": func(r *register.Records, _ *Input) { r.Equipment[0].Due = today.AddDays(-1) },
		"an inspection failed":  func(r *register.Records, _ *Input) { r.Equipment[1].Failed = true },
		"an accident":           func(r *register.Records, _ *Input) { r.Events = accident(3, today.AddDays(-30)) },
		"something noticed":     func(_ *register.Records, in *Input) { in.Alerts = noticed(24*time.Hour, 0, false) },
		"open for too long":     func(_ *register.Records, in *Input) { in.Alerts = noticed(20*24*time.Hour, 0, false) },
		"confirmed":             func(_ *register.Records, in *Input) { in.Alerts = noticed(20*24*time.Hour, 10*24*time.Hour, true) },
		"a restaurant": func(r *register.Records, _ *Input) {
			r.POIs = []*register.POI{{Entry: entry[register.POIID]("p"), At: geo.Point{Lat: works.Lat, Lon: works.Lon}, Name: both("p")}}
		},
		"trucks all day":         func(_ *register.Records, in *Input) { in.Passing = map[city.RegionCode]float64{works.Code: 200 * 3600} },
		"nobody on duty":         func(_ *register.Records, in *Input) { in.Officers = map[city.RegionCode]float64{works.Code: 0} },
		"more people live there": func(_ *register.Records, in *Input) { in.Communities[0].Population = 20000 },
	} {
		r := ends()
		in := input(r)
		worse(&r, &in)
		in.Book = register.NewBook(today, zone, r)
		now := one(f, in)
		if now.Hazard < was.Hazard || now.Exposure < was.Exposure || now.Hazard == was.Hazard && now.Exposure == was.Exposure && now.Control == was.Control {
			t.Errorf("%s: hazard %v to %v, exposure %v to %v, control %v to %v", what, was.Hazard, now.Hazard, was.Exposure, now.Exposure, was.Control, now.Control)
		}
		if what != "confirmed" && now.Index < was.Index { // a confirmed finding that doesn't come back is control at work
			t.Errorf("%s: %d after %d", what, now.Index, was.Index)
		}
	}
}

func accident(grade int, day city.Date) []*register.Event {
	return []*register.Event{{Entry: entry[register.EventID]("ev"), Kind: register.Leak, Day: day, Site: "tank", Grade: grade, What: both("A leak")}}
}

func noticed(ago, settled time.Duration, confirmed bool) []Alert {
	a := Alert{Ref: "alert:1", Matter: "m", Text: both("Noticed"), At: geo.Point{Lat: works.Lat, Lon: works.Lon}, Sure: 0.8, Raised: end.Add(-ago)}
	if settled > 0 {
		a.Settled, a.Confirmed = end.Add(-settled), confirmed
	}
	return []Alert{a}
}

// What was noticed counts as it stood at the end of the day, also when that day is long
// over and the matter settled since.
func TestAlertsAsTheyStood(t *testing.T) {
	f := formula(t)
	day := 24 * time.Hour
	ask := func(alerts ...Alert) Risk {
		in := input(ends())
		in.Alerts = alerts
		return one(f, in)
	}
	open := noticed(2*day, 0, false)[0]
	later := open
	later.Settled, later.Confirmed = end.Add(3*day), true
	if a, b := ask(open), ask(later); a.value(Found).Amount != 0.8 || b.value(Found).Amount != 0.8 || b.value(Returned).Known {
		t.Errorf("settled after the day: %+v, %+v", a.value(Found), b.value(Found))
	}
	future := open
	future.Raised = end.Add(time.Hour)
	refuted := noticed(9*day, 3*day, false)[0]
	old := noticed(200*day, 150*day, true)[0]
	if r := ask(future, refuted, old); r.value(Found).Amount != 0 || r.value(Overdue).Amount != 0 {
		t.Errorf("raised later, refuted or long ago: %+v", r.value(Found))
	}
	confirmed := noticed(30*day, 20*day, true)[0]
	if r := ask(confirmed); r.value(Found).Amount != 1 || !r.value(Returned).Known || r.value(Returned).Amount != 0 {
		t.Errorf("confirmed: %+v %+v", r.value(Found), r.value(Returned))
	}
	again := noticed(5*day, 0, false)[0]
	again.Ref = "alert:2"
	if r := ask(confirmed, again); r.value(Returned).Amount != 1 || r.value(Returned).Behind[0].Ref != "alert:1" {
		t.Errorf("it came back: %+v", r.value(Returned))
	}
	elsewhere := noticed(2*day, 0, false)[0]
	elsewhere.At = geo.Move(elsewhere.At, 90, 50_000)
	if r := ask(elsewhere); r.value(Found).Amount != 0 {
		t.Errorf("50 km away: %+v", r.value(Found))
	}
	in := input(ends())
	in.Book = register.NewBook(today, zone, func() register.Records { r := ends(); r.Events = accident(1, today.AddDays(-f.EventDays-1)); return r }())
	if r := one(f, in); r.value(Found).Amount != 0 {
		t.Errorf("an accident of long ago: %+v", r.value(Found))
	}
}

func TestWhatStandsBehindIsBounded(t *testing.T) {
	f := formula(t)
	in := input(ends())
	for i := range 40 {
		a := noticed(time.Hour, 0, false)[0]
		a.Sure = float64(i) / 40
		in.Alerts = append(in.Alerts, a)
	}
	v := one(f, in).value(Found)
	if len(v.Behind) != mostBehind || v.Others != 39-mostBehind || v.Behind[0].Amount < v.Behind[1].Amount {
		t.Errorf("%d listed, %d more", len(v.Behind), v.Others)
	}
}

func TestFormulasThatCannotBe(t *testing.T) {
	for at, spoil := range map[string]func(*Formula){
		"power":              func(f *Formula) { f.Power = 0 },
		"least":              func(f *Formula) { f.Least = 1 },
		"levels.orange":      func(f *Formula) { f.Levels[Orange] = 70 },
		"hazard":             func(f *Formula) { f.Hazard[Stored] = Weighing{0.9, 1} },
		"hazard.stored.half": func(f *Formula) { f.Hazard[Stored] = Weighing{0.4, 0} },
		"exposure.people":    func(f *Formula) { delete(f.Exposure, People) },
		"control.stored":     func(f *Formula) { f.Control[Stored] = Weighing{0, 1} },
		"thresholds.0":       func(f *Formula) { f.Thresholds[0].Class = "12" },
		"grades":             func(f *Formula) { f.Grades = nil },
		"troubles.beyond":    func(f *Formula) { delete(f.Troubles, Beyond) },
		"places.0.lat":       func(f *Formula) { f.Places[0].Lat = 91 },
		"places.1.kind":      func(f *Formula) { f.Places[1].Kind = "castle" },
		"kinds.1.id":         func(f *Formula) { f.Kinds[1].ID = f.Kinds[0].ID },
		"keep_days":          func(f *Formula) { f.KeepDays = 0 },
	} {
		f := formula(t)
		spoil(f)
		if faults := f.Check(); !slices.ContainsFunc(faults, func(x city.Field) bool { return x.Name == at }) {
			t.Errorf("%s: %+v", at, faults)
		}
	}
	if faults := new(Formula).Check(); len(faults) < 15 {
		t.Errorf("an empty formula has %d faults", len(faults))
	}
}
