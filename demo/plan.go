package demo

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"yiwang/city"
)

// plan is an application that somebody will file.
type plan struct {
	n       int // its place in the history
	at      time.Time
	item    city.ItemCode
	who     int // of the residents
	firm    int // of the firms, -1 for none
	counter bool
	goes    fate
}

// planner decides who applies for what, day by day.
type planner struct {
	d      *Demo
	people []resident
	firms  []firm
	items  []city.ItemCode // that the pack has and the lists know, in order
	weight float64         // of all together
	groups map[string][]int
	turn   map[city.ItemCode]int // how many have had their turn, where nobody applies twice
}

func (d *Demo) planner(people []resident, firms []firm) *planner {
	p := &planner{d: d, people: people, firms: firms, groups: map[string][]int{}, turn: map[city.ItemCode]int{}}
	for _, code := range slices.Sorted(maps.Keys(d.words.Items)) {
		if _, ok := d.now.Pack.Item(code); ok {
			p.items = append(p.items, code)
			p.weight += d.words.Items[code].Weight
		}
	}
	in := func(group string, i int) { p.groups[group] = append(p.groups[group], i) }
	for i := range people {
		r := &people[i]
		here := r.away == ""
		switch {
		case r.age >= 80 && here || r.age == 79 && i%3 == 0:
			in("elders", i)
		case r.age >= 24 && r.age < 56 && here && r.job < 0 && i%2 == 0:
			in("founders", i)
		}
		if r.age >= 18 && r.age < 76 && here {
			in("adults", i)
		}
		if r.age >= 17 && r.age < 60 && !here {
			in("newcomers", i)
		}
		if r.age >= 22 && r.age < 37 && r.spouse < 0 && here {
			in("singles", i)
		}
		if r.female && r.spouse >= 0 && r.age >= 23 && r.age < 42 && here {
			in("mothers", i)
		}
	}
	for i := range firms {
		in(firms[i].group, i)
	}
	r := d.chance(streamPlan)
	for _, g := range slices.Sorted(maps.Keys(p.groups)) {
		list := p.groups[g]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return p
}

// history plans every day from the first to the last.
func (p *planner) history(from time.Time, to city.Date) []plan {
	var all []plan
	first := city.DateOf(from)
	for k := 0; ; k++ {
		day := first.AddDays(k)
		if to.Before(day) {
			break
		}
		r := rand.New(rand.NewPCG(p.d.seed, streamPlan<<32+uint64(k)))
		var list []plan
		for range poisson(r, p.d.Size.PerDay*p.rush(day)) {
			if pl, ok := p.one(r, p.moment(r, day)); ok && pl.at.After(from) {
				list = append(list, pl)
			}
		}
		sort.SliceStable(list, func(i, j int) bool { return list[i].at.Before(list[j].at) })
		all = append(all, list...)
	}
	for i := range all {
		all[i].n = i
	}
	return all
}

// rush says how busy a day is: Mondays and the days after holidays most, Fridays
// least; on days off a few apply from home.
func (p *planner) rush(day city.Date) float64 {
	cal := p.d.now.Pack.Calendar
	if !cal.IsWorkday(day) {
		return 0.14
	}
	f := map[time.Weekday]float64{time.Monday: 1.35, time.Tuesday: 1.12, time.Wednesday: 1, time.Thursday: 0.95, time.Friday: 0.8}[day.Weekday()]
	if f == 0 {
		f = 0.7 // a weekend that is worked
	}
	if yesterday := day.AddDays(-1); !cal.IsWorkday(yesterday) && day.Weekday() != time.Monday {
		f *= 1.4
	}
	return f
}

// moment of a day: two peaks in office hours, and the evening on the sofa.
func (p *planner) moment(r *rand.Rand, day city.Date) time.Time {
	hour := 0.0
	workday := p.d.now.Pack.Calendar.IsWorkday(day)
	switch k := r.IntN(100); {
	case workday && k < 45:
		hour = 10.2 + r.NormFloat64()*0.9
	case workday && k < 78:
		hour = 15 + r.NormFloat64()
	case k < 96:
		hour = 20 + r.NormFloat64()*1.2
	default:
		hour = 7 + r.Float64()*16
	}
	hour = math.Min(23.9, math.Max(6, hour))
	return day.In(p.d.now.Pack.Zone).Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Millisecond)
}

// one plans an application at the moment; false when nobody is left for it.
func (p *planner) one(r *rand.Rand, at time.Time) (plan, bool) {
	k := r.Float64() * p.weight
	code := p.items[len(p.items)-1]
	for _, c := range p.items {
		if k -= p.d.words.Items[c].Weight; k < 0 {
			code = c
			break
		}
	}
	it := p.d.words.Items[code]
	pl := plan{at: at, item: code, firm: -1, goes: it.fate(r), counter: r.IntN(100) < it.Counter && p.d.now.Pack.Calendar.Open(at)}
	group := p.groups[it.Who]
	if len(group) == 0 || it.Once && p.turn[code] >= len(group) {
		return pl, false
	}
	i := group[r.IntN(len(group))]
	if it.Once {
		i = group[p.turn[code]]
		p.turn[code]++
	}
	if isFirm(p, it.Who) {
		pl.firm, pl.who = i, p.firms[i].legal
	} else {
		pl.who = i
	}
	return pl, true
}

func isFirm(p *planner, group string) bool {
	_, ok := p.d.words.Firms.Groups[group]
	return ok
}

// fate draws how a case goes.
func (it *itemPlan) fate(r *rand.Rand) fate {
	k := r.Float64() * 100
	for _, f := range fates {
		if k -= it.Goes[f]; k < 0 {
			return f
		}
	}
	return goesWell
}

// poisson draws how often something happens that happens so often on average.
func poisson(r *rand.Rand, mean float64) int {
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for p *= r.Float64(); p > limit; p *= r.Float64() {
		n++
	}
	return n
}
