package nantong

import (
	"fmt"
	"math/rand/v2"

	"yiwang/fleet/register"
)

// what a vehicle does on a day besides its round, or in its place.
type what uint8

const (
	ordinary  what = iota
	visit          // goes to at for so many minutes
	tired          // four hours and more without a rest that is one
	long           // more than eight hours in a day, with rests
	rested         // nearly four hours, then a rest that just is one
	longish        // seven hours with rests
	dark           // drives while it is night
	darkish        // comes home a few minutes after night began
	astray         // leaves its route
	aside          // leaves it a little
	standing       // stands at at from a moment on
	dumping        // takes waste to at
	shuttling      // goes to and fro
	moving         // goes to and fro, on one day only
)

type special struct {
	what    what
	at      spot
	start   float64 // seconds of the day, of standing
	minutes float64
	rounds  int
}

func subject(v *vehicle) string { return "vehicle:" + string(v.reg.ID) }

// hide notes a matter of a vehicle.
func (t *Town) hide(v *vehicle, rule string, from, to int, kind string) *Planted {
	t.Planted = append(t.Planted, Planted{Rule: rule, Subject: subject(v), From: t.micros(from, 0), To: t.micros(to+1, 0), Case: kind})
	return &t.Planted[len(t.Planted)-1]
}

// moves reports whether a vehicle is on the road on a day.
func (t *Town) moves(v *vehicle, day int) bool {
	if _, ok := t.special[[2]int{v.n, day}]; ok {
		return true
	}
	return rand.New(rand.NewPCG(t.seed, uint64(v.n)<<20|uint64(day)<<1|1)).Float64() < v.busy
}

// take finds a vehicle of a list that does nothing special on any of the days and
// gives it that to do.
func (t *Town) take(list []*vehicle, do special, days ...int) *vehicle {
	for range 100_000 {
		v := pick(t.rnd, list)
		free := v.routed == (do.what == astray || do.what == aside)
		for _, d := range days {
			if _, taken := t.special[[2]int{v.n, d}]; taken {
				free = false
			}
		}
		if !free {
			continue
		}
		for _, d := range days {
			t.special[[2]int{v.n, d}] = do
		}
		return v
	}
	panic("nantong: too few vehicles for what is to be hidden")
}

// some picks n different days of one month, in order.
func (t *Town) some(n int) []int {
	month := t.rnd.IntN(t.size.Months) * 30
	all := t.rnd.Perm(t.size.Days)[:min(n, t.size.Days)]
	seen := map[int]bool{}
	for _, d := range all {
		seen[d] = true
	}
	var days []int
	for d := range t.size.Days {
		if seen[d] {
			days = append(days, month+d)
		}
	}
	return days
}

func (t *Town) day() int { return t.rnd.IntN(t.size.Months)*30 + t.rnd.IntN(t.size.Days) }

// visits sends lorries to a place on some days: one lorry again and again, or
// several.
func (t *Town) visits(at spot, days []int) {
	hazmat := t.of(register.UseHazmat)
	do := special{what: visit, at: at, minutes: 30 + 40*t.rnd.Float64()}
	if t.rnd.IntN(2) == 0 {
		t.take(hazmat, do, days...)
		return
	}
	for _, d := range days {
		t.take(hazmat, do, d)
	}
}

// plant hides everything and puts beside it what only looks like it.
func (t *Town) plant() {
	t.shuttles()
	t.closures()
	for i := range t.size.Unknown {
		days := t.some(4 + t.rnd.IntN(3))
		p := Planted{Rule: "repeat_stay_unknown", From: t.micros(days[0], 0), To: t.micros(days[len(days)-1]+1, 0)}
		if i < t.size.Illegal {
			p.Case = IllegalProduction
		}
		at := t.free()
		p.At = t.point(at)
		t.visits(at, days)
		t.Planted = append(t.Planted, p)
	}
	for range t.size.Unknown / 2 { // twice somewhere: a friend, a breakdown
		t.visits(t.free(), t.some(2))
	}
	t.drivers()
	t.meetings()
	for range t.size.Waste {
		day := t.day()
		t.hide(t.take(t.of(register.UseWaste), special{what: dumping, at: t.free(), minutes: 20 + 15*t.rnd.Float64()}, day), "waste_elsewhere", day, day, WasteElsewhere)
	}
	for i := range t.size.Storage {
		id := t.tank(i*3 + 1)
		day := t.day()
		for _, s := range t.records.Storages {
			if s.ID == id {
				more := *s
				more.Version, more.Since, more.Declared, more.Stock = 2, t.date(day), t.date(day), tonnes(108+60*t.rnd.Float64())
				t.records.Add(&more)
				less := more // and taken away at once when somebody asked
				less.Version, less.Since, less.Declared, less.Stock = 3, t.date(day+1), t.date(day+1), tonnes(60)
				t.records.Add(&less)
				t.Planted = append(t.Planted, Planted{Rule: "storage_beyond", Subject: "storage:" + string(id), From: t.micros(day, 0), To: t.micros(day+1, 0), Case: IllegalStorage})
				break
			}
		}
	}
}

// closures are plants that may not work: visited often, or twice only.
func (t *Town) closures() {
	for i := range t.size.Closed + t.size.Closed/2 {
		status := []register.SiteStatus{register.Closed, register.Suspended, register.Unlicensed, register.Operating}[i%4]
		s := t.site(fmt.Sprintf("shut-%d", i), t.newFirm(), t.free(), register.Production, status)
		t.licence(s, t.date(-20))
		if i >= t.size.Closed {
			t.visits(t.at[s.ID], t.some(2))
			continue
		}
		days := t.some(4 + t.rnd.IntN(3))
		p := Planted{Rule: "repeat_stay_closed", Subject: "site:" + string(s.ID), From: t.micros(days[0], 0), To: t.micros(days[len(days)-1]+1, 0)}
		if i < t.size.Restarts {
			p.Case = Restart
		}
		t.visits(t.at[s.ID], days)
		t.Planted = append(t.Planted, p)
	}
}

// shuttles are private vehicles that carry for others, and some that only seem to.
func (t *Town) shuttles() {
	private := t.of(register.UsePrivate)
	for i := range t.size.NonOperating {
		days := t.some(t.size.Days)
		v := private[i]
		for _, d := range days {
			t.special[[2]int{v.n, d}] = special{what: shuttling, rounds: 4 + t.rnd.IntN(2)}
		}
		t.hide(v, "non_operating", days[0], days[len(days)-1], "")
	}
	for range t.size.NonOperating / 3 {
		t.take(private[min(t.size.NonOperating, len(private)-1):], special{what: moving, rounds: 4 + t.rnd.IntN(3)}, t.day())
	}
}

// drivers are those that drive for too long, at night or elsewhere, and those that
// nearly do.
func (t *Town) drivers() {
	lorries := append(append(t.of(register.UseFreight), t.of(register.UseCoach)...), t.of(register.UseHazmat)...)
	for i := range t.size.Fatigue {
		day, do := t.day(), special{what: tired, minutes: 15 + 3*t.rnd.Float64()}
		if i%4 == 0 {
			do = special{what: long, minutes: 25 + 10*t.rnd.Float64()}
		}
		t.hide(t.take(lorries, do, day), "fatigue", day, day, "")
		t.take(lorries, special{what: rested, minutes: 21 + 3*t.rnd.Float64()}, t.day())
		if i%4 == 0 {
			t.take(lorries, special{what: longish, minutes: 25 + 10*t.rnd.Float64()}, t.day())
		}
	}
	hazmat := t.of(register.UseHazmat)
	for range t.size.Night {
		day := t.day()
		t.hide(t.take(hazmat, special{what: dark}, day), "night_driving", day, day, "")
	}
	for range 5 * t.size.Night {
		t.take(hazmat, special{what: darkish}, t.day())
		t.take(t.of(register.UseFreight), special{what: dark}, t.day())
	}
	for range t.size.Route {
		day := t.day()
		t.hide(t.take(hazmat, special{what: astray}, day), "off_route", day, day, "")
	}
	for range 4 * t.size.Route {
		t.take(hazmat, special{what: aside}, t.day())
	}
}

// meetings are lorries that are filled where no station is, and queues.
func (t *Town) meetings() {
	hazmat, freight := t.of(register.UseHazmat), t.of(register.UseFreight)
	for range t.size.Refuelling {
		day, at := t.day(), t.free()
		start := 9*3600 + 3600*4*t.rnd.Float64()
		t.hide(t.take(hazmat, special{what: standing, at: at, start: start, minutes: 120}, day), "mobile_refuelling", day, day, MobileRefuelling)
		for i := range 3 {
			t.take(freight, special{what: standing, at: spot{at.x + 10, at.y}, start: start + 300 + float64(i)*2100, minutes: 18}, day)
		}
	}
	for range 2 * t.size.Months { // two have a word by the road
		day, at := t.day(), t.free()
		t.take(hazmat, special{what: standing, at: at, start: 36000, minutes: 18}, day)
		t.take(freight, special{what: standing, at: spot{at.x + 10, at.y}, start: 36120, minutes: 18}, day)
	}
	for range 3 * t.size.Months { // a queue of lorries on a road, tankers among them, where there is one often
		day, at := t.day(), pick(t.rnd, t.jams)
		start := 3600 * (8 + 8*t.rnd.Float64())
		for i := range 6 {
			list := freight
			if i%2 == 0 {
				list = hazmat
			}
			t.take(list, special{what: standing, at: spot{at.x + float64(12*i), at.y}, start: start + float64(20*i), minutes: 22 + 15*t.rnd.Float64()}, day)
		}
	}
}
