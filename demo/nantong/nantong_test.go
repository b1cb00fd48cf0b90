package nantong

import (
	"slices"
	"testing"

	"yiwang/fleet/register"
	"yiwang/fleet/track"
)

// What is hidden is as many as the size says, and the full size is what was published.
func TestAsManyAsPublished(t *testing.T) {
	town := New(7, Full, Nantong)
	n, cases := map[string]int{}, map[string]int{}
	kinds := map[string]int{}
	for _, p := range town.Planted {
		n[p.Rule]++
		cases[p.Case]++
		if p.Kind != "" {
			kinds[p.Kind]++
		}
		if p.To <= p.From {
			t.Errorf("%+v ends before it begins", p)
		}
	}
	if got := n["repeat_stay_closed"] + n["repeat_stay_unknown"]; got != 296 {
		t.Errorf("%d stays", got)
	}
	for rule, want := range map[string]int{"licence": 848, "fatigue": 261, "non_operating": 410, "night_driving": 1, "off_route": 1} {
		if n[rule] != want {
			t.Errorf("%s: %d, want %d", rule, n[rule], want)
		}
	}
	for kind, want := range map[string]int{IllegalProduction: 8, Restart: 2, IllegalStorage: 3, MobileRefuelling: 4, WasteElsewhere: 3} {
		if cases[kind] != want {
			t.Errorf("%s: %d, want %d", kind, cases[kind], want)
		}
	}
	if len(kinds) != 5 || town.Vehicles() != 2000 {
		t.Errorf("kinds %v, %d vehicles", kinds, town.Vehicles())
	}
}

// The same seed makes the same readings, another one others; readings go forward and
// none but the wrong ones are outside the city.
func TestReadings(t *testing.T) {
	a, b, c := New(3, Small, Nantong), New(3, Small, Nantong), New(4, Small, Nantong)
	same, bad, all := true, 0, 0
	for _, day := range a.Days()[:3] {
		for i := range a.Vehicles() {
			x, y := a.Day(i, day, nil), b.Day(i, day, nil)
			if !slices.Equal(x, y) {
				t.Fatalf("vehicle %d on day %d differs", i, day)
			}
			same = same && slices.Equal(x, c.Day(i, day, nil))
			for j, r := range x {
				all++
				if j > 0 && (r.At < x[j-1].At || r.At == x[j-1].At && r != x[j-1]) {
					t.Fatalf("vehicle %d goes back in time on day %d", i, day)
				}
				if r.Lat < 31.8 || r.Lat > 32.2 || r.Lon < 120.65 || r.Lon > 121.15 {
					bad++
				}
			}
			if n := len(x); n > 0 && (x[0].At < a.micros(day, 0) || x[n-1].At > a.micros(day+1, 0)) {
				t.Errorf("vehicle %d leaves day %d", i, day)
			}
		}
	}
	if same {
		t.Error("another seed makes the same readings")
	}
	if bad == 0 || bad > all/100 {
		t.Errorf("%d of %d readings are outside", bad, all)
	}
}

// Every matter rests on what is on record: a vehicle that is hidden is registered,
// and stood, drove or has a sheet on its day.
func TestWhatIsHiddenIsThere(t *testing.T) {
	town := New(5, Small, Nantong)
	books := map[int]*register.Book{}
	for _, day := range town.Days() {
		books[day] = town.Book(day)
	}
	for _, p := range town.Planted {
		if p.Rule != "fatigue" && p.Rule != "licence" {
			continue
		}
		there := false
		for day, b := range books {
			if town.micros(day, 0) != p.From {
				continue
			}
			id := register.VehicleID(p.Subject[len("vehicle:"):])
			if b.Vehicle(id) == nil {
				t.Errorf("%s isn't on record", p.Subject)
			}
			if p.Rule == "licence" {
				there = len(b.SheetsOf(id)) > 0
				continue
			}
			for i := range town.Vehicles() {
				if town.ID(i) == id {
					there = driven(town.Day(i, day, nil)) > 4*3600
				}
			}
		}
		if !there {
			t.Errorf("%s of %s isn't there", p.Rule, p.Subject)
		}
	}
}

// driven is how many seconds a vehicle moved, by what its terminal says of speed.
func driven(readings []track.Reading) (seconds int64) {
	for i := 1; i < len(readings); i++ {
		if readings[i].Speed > 0 {
			seconds += (readings[i].At - readings[i-1].At) / 1e6
		}
	}
	return seconds
}
