package demo

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
)

// incidentsFile is data/incidents.yaml. {road} in its sentences is the road where
// something is.
type incidentsFile struct {
	Address  string                         `yaml:"address"`
	Crews    []crew                         `yaml:"crews"`
	Channels map[city.Channel]int           `yaml:"channels"` // of a hundred
	Classes  map[city.ItemCode]*troublePlan `yaml:"classes"`
	Echoes   []string                       `yaml:"echoes"`
	Wonder   []string                       `yaml:"wonder"` // who asks about what was reported before
	Asks     []ask                          `yaml:"asks"`
	Refuses  []ask                          `yaml:"refuses"`
	Back     []string                       `yaml:"back"`
	Failed   []string                       `yaml:"failed"`
	Passed   []string                       `yaml:"passed"`
	Suspend  []string                       `yaml:"suspend"`
	Whistle  []string                       `yaml:"whistle"`
	Whistled []city.BodyID                  `yaml:"whistled"`
	Called   []string                       `yaml:"called"`
	Merged   []string                       `yaml:"merged"`
	Reopen   []string                       `yaml:"reopen"`
	Orders   []string                       `yaml:"orders"` // what is said of what is late, by whoever answers for it and who reads that
	Rated    map[int][]string               `yaml:"rated"`  // by level
	Burst    burst                          `yaml:"burst"`
}

// crew are the officers of a post beside the one whom it always has.
type crew struct {
	Post     city.PostID `yaml:"post"`
	Officers int         `yaml:"officers"`
}

// troublePlan says how often things of a class go wrong and what people say.
type troublePlan struct {
	Weight float64  `yaml:"weight"`
	Rain   float64  `yaml:"rain"`  // how many times as often on a day of rain
	Night  float64  `yaml:"night"` // as common by night, of by day
	Said   []string `yaml:"said"`
	Done   []string `yaml:"done"`
}

// ask is what an operator answers at once, or can't take.
type ask struct {
	Class  city.ItemCode `yaml:"class"`
	Type   string        `yaml:"type"`
	Said   string        `yaml:"said"`
	Ground string        `yaml:"ground"`
	Answer string        `yaml:"answer"`
}

// burst is one evening of heavy rain in a street.
type burst struct {
	Street  city.RegionCode       `yaml:"street"`
	Classes map[city.ItemCode]int `yaml:"classes"`
	Flooded struct {
		Class   city.ItemCode `yaml:"class"`
		Places  int           `yaml:"places"`
		Reports int           `yaml:"reports"`
	} `yaml:"flooded"`
}

// Streams of chance of what goes wrong, far above those of applications.
const (
	streamTroubles uint64 = 1<<40 + iota<<36 // and a day
	streamTrouble                            // and its number
	streamStreets                            // the present
)

// end is how a matter goes.
type end string

const (
	endsWell  end = "good"
	reworked  end = "rework"
	givenBack end = "back"
	onLedger  end = "suspend"
	endsLate  end = "late"
	withHelp  end = "whistle"
	takenUp   end = "reopen"
	leftAlone end = "waits"  // nobody made up takes it: it is for who signs in
	unchecked end = "checks" // done, and nobody made up checks it
	unhelped  end = "called" // others were called who are not made up
)

// spot is a place in the city.
type spot struct {
	at      geo.Point
	region  city.RegionCode
	road    string
	address string
}

// trouble is something that goes wrong, and how it goes on.
type trouble struct {
	key     string
	n       int
	at      time.Time
	class   city.ItemCode
	channel city.Channel
	spot    spot
	text    string
	ask     *ask // instead of a class
	plain   bool // nobody says the class; the words decide
	echoes  []time.Duration
	wonders bool // somebody asks about it later, and is joined to it
	goes    end
}

// streets are where things go wrong: the pieces of road around each community's
// middle.
type streets struct {
	places []directory.RegionDef
	pieces map[city.RegionCode][]piece
	format string
}

type piece struct {
	a, b geo.Point
	road string
}

const aroundMiddle = 900 // metres from a community's middle to its streets

func (d *Demo) streets() *streets {
	s := &streets{pieces: map[city.RegionCode][]piece{}, format: d.words.Streets.Address}
	var walk func(r directory.RegionDef)
	walk = func(r directory.RegionDef) {
		if len(r.Children) == 0 && r.Lat != 0 {
			s.places = append(s.places, r)
		}
		for _, c := range r.Children {
			walk(c)
		}
	}
	walk(d.now.Pack.Regions)
	for _, r := range s.places {
		middle := geo.Point{Lat: r.Lat, Lon: r.Lon}
		roads, _ := d.now.Pack.Roads.In(geo.Around(middle, aroundMiddle), geo.Residential)
		for _, road := range roads {
			for i := 1; i < len(road.Line); i++ {
				if a, b := road.Line[i-1], road.Line[i]; road.Class != geo.Motorway && geo.Distance(middle, a) < aroundMiddle && geo.Distance(middle, b) < aroundMiddle {
					s.pieces[r.Code] = append(s.pieces[r.Code], piece{a, b, road.Name.ZhHans})
				}
			}
		}
	}
	return s
}

// in finds a spot in one of the regions that begin with the code.
func (s *streets) in(r *rand.Rand, region city.RegionCode) spot {
	var among []directory.RegionDef
	for _, p := range s.places {
		if strings.HasPrefix(string(p.Code), string(region)) {
			among = append(among, p)
		}
	}
	if len(among) == 0 {
		return spot{region: region}
	}
	c := pick(r, among)
	out := spot{at: geo.Move(geo.Point{Lat: c.Lat, Lon: c.Lon}, r.Float64()*360, r.Float64()*400), region: c.Code, road: c.Name.ZhHans}
	if list := s.pieces[c.Code]; len(list) > 0 {
		p, f := pick(r, list), r.Float64()
		out.at = geo.Move(geo.Point{Lat: p.a.Lat + f*(p.b.Lat-p.a.Lat), Lon: p.a.Lon + f*(p.b.Lon-p.a.Lon)}, r.Float64()*360, r.Float64()*12)
		out.road = p.road
	}
	out.address = strings.NewReplacer("{road}", out.road, "{n}", strconv.Itoa(1+r.IntN(220))).Replace(s.format)
	return out
}

// troubles plans what goes wrong from the city's beginning to a day.
func (d *Demo) troubles(to city.Date) []trouble {
	s := d.streets()
	first := city.DateOf(d.began)
	evening := first.AddDays(max(1, d.Size.Days*3/4))
	var all []trouble
	for k := 0; ; k++ {
		day := first.AddDays(k)
		if to.Before(day) {
			break
		}
		r := rand.New(rand.NewPCG(d.seed, streamTroubles+uint64(k)))
		rain := r.IntN(7) == 0 || day == evening
		mean := d.Size.Troubles
		if !d.now.Pack.Calendar.IsWorkday(day) {
			mean *= 0.62
		}
		if rain {
			mean *= 1.4
		}
		var list []trouble
		for range poisson(r, mean) {
			if t := d.trouble(r, s, day, rain); t.at.After(d.began) {
				list = append(list, t)
			}
		}
		if day == evening && d.Size.Troubles > 0 {
			list = append(list, d.flood(r, s, day)...)
		}
		sort.SliceStable(list, func(i, j int) bool { return list[i].at.Before(list[j].at) })
		all = append(all, list...)
	}
	for i := range all {
		all[i].n, all[i].key = i, fmt.Sprintf("demo:incident:%d", i)
	}
	return all
}

// hour of a day: people notice on their way to work and home, some about noon, few
// by night; on days off later in the morning.
func rushHour(r *rand.Rand, workday bool) float64 {
	h := 0.0
	switch k := r.IntN(100); {
	case workday && k < 36:
		h = 8.3 + r.NormFloat64()*0.9
	case workday && k < 70, !workday && k < 40:
		h = 18.4 + r.NormFloat64()*1.3
	case k < 80:
		h = 11.5 + r.NormFloat64()*1.8
	case k < 95:
		h = 14.5 + r.NormFloat64()*3
	default:
		h = r.Float64() * 6
	}
	return math.Min(23.9, math.Max(0, h))
}

// trouble makes something up that goes wrong on a day.
func (d *Demo) trouble(r *rand.Rand, s *streets, day city.Date, rain bool) trouble {
	f := &d.words.Streets
	hour := rushHour(r, d.now.Pack.Calendar.IsWorkday(day))
	t := trouble{at: day.In(d.now.Pack.Zone).Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Millisecond), channel: d.way(r), spot: s.in(r, "")}
	if r.IntN(100) < 7 {
		list := f.Asks
		if r.IntN(3) == 0 {
			list = f.Refuses
		}
		a := pick(r, list)
		t.ask, t.text, t.channel = &a, a.Said, city.ChannelPhone
		return t
	}
	t.class = d.whatClass(r, hour, rain)
	p := f.Classes[t.class]
	t.text = strings.ReplaceAll(pick(r, p.Said), "{road}", t.spot.road)
	t.plain = t.channel == city.ChannelWeb && r.IntN(2) == 0
	for _, e := range []struct {
		of   int
		goes end
	}{{6, reworked}, {4, givenBack}, {4, onLedger}, {8, endsLate}, {3, withHelp}, {2, takenUp}, {73, endsWell}} {
		if k := r.IntN(100); t.goes == "" && k < e.of {
			t.goes = e.goes
		}
	}
	if t.goes == "" {
		t.goes = endsWell
	}
	if r.IntN(100) < 14 {
		for range 1 + r.IntN(3) {
			t.echoes = append(t.echoes, time.Duration(8+r.IntN(300))*time.Minute)
		}
	}
	t.wonders = r.IntN(100) < 4
	return t
}

// way is how somebody reports.
func (d *Demo) way(r *rand.Rand) city.Channel {
	k := r.IntN(100)
	for _, c := range slices.Sorted(maps.Keys(d.words.Streets.Channels)) {
		if k -= d.words.Streets.Channels[c]; k < 0 {
			return c
		}
	}
	return city.ChannelPhone
}

func (d *Demo) whatClass(r *rand.Rand, hour float64, rain bool) city.ItemCode {
	night := hour < 6 || hour > 21.5
	weigh := func(p *troublePlan) float64 {
		w := p.Weight
		if rain && p.Rain > 0 {
			w *= p.Rain
		}
		if night && p.Night > 0 {
			w *= p.Night
		} else if night {
			w *= 0.3
		}
		return w
	}
	codes := slices.Sorted(maps.Keys(d.words.Streets.Classes))
	sum := 0.0
	for _, c := range codes {
		sum += weigh(d.words.Streets.Classes[c])
	}
	k := r.Float64() * sum
	for _, c := range codes {
		if k -= weigh(d.words.Streets.Classes[c]); k < 0 {
			return c
		}
	}
	return codes[0]
}

// flood is one evening of heavy rain: the same few places reported again and
// again, and everything around them.
func (d *Demo) flood(r *rand.Rand, s *streets, day city.Date) []trouble {
	b := d.words.Streets.Burst
	dusk := day.In(d.now.Pack.Zone).Add(18*time.Hour + 20*time.Minute)
	make1 := func(class city.ItemCode, within time.Duration) trouble {
		t := trouble{class: class, at: dusk.Add(time.Duration(r.Int64N(int64(within)))).Truncate(time.Millisecond), channel: d.way(r), spot: s.in(r, b.Street), goes: endsWell}
		t.text = strings.ReplaceAll(pick(r, d.words.Streets.Classes[class].Said), "{road}", t.spot.road)
		switch r.IntN(10) {
		case 0:
			t.goes = reworked
		case 1, 2:
			t.goes = endsLate
		}
		return t
	}
	var list []trouble
	for _, class := range slices.Sorted(maps.Keys(b.Classes)) {
		for range b.Classes[class] {
			list = append(list, make1(class, 200*time.Minute))
		}
	}
	for range b.Flooded.Places {
		t := make1(b.Flooded.Class, 60*time.Minute)
		for range b.Flooded.Reports {
			t.echoes = append(t.echoes, time.Duration(1+r.IntN(50))*time.Minute)
		}
		t.goes = endsWell
		list = append(list, t)
	}
	return list
}

// forSignIns are today's matters that nobody made up takes, so that whoever signs in
// finds something to do.
func (d *Demo) forSignIns(now time.Time) []trouble {
	r := rand.New(rand.NewPCG(d.seed, streamTroubles-1))
	s := d.streets()
	f := &d.words.Streets
	var all []trouble
	add := func(class city.ItemCode, region city.RegionCode, goes end, ago time.Duration) {
		p := f.Classes[class]
		t := trouble{at: now.Add(-ago).Truncate(time.Millisecond), class: class, channel: city.ChannelWeb, spot: s.in(r, region), goes: goes}
		t.text = strings.ReplaceAll(pick(r, p.Said), "{road}", t.spot.road)
		t.n, t.key = 1<<20+len(all), fmt.Sprintf("demo:today:%s:%d", city.DateOf(now.In(d.now.Pack.Zone)), len(all))
		all = append(all, t)
	}
	home := city.RegionCode("")
	for _, in := range d.cast.SignIns {
		if in.Region != "" {
			home = in.Region
		}
	}
	for i, w := range f.Wonder { // with no class: for the operator
		sp := s.in(r, "")
		all = append(all, trouble{n: 1<<20 + len(all), key: fmt.Sprintf("demo:today:%s:w%d", city.DateOf(now.In(d.now.Pack.Zone)), i), goes: leftAlone, channel: city.ChannelWeb,
			at: now.Add(-time.Duration(9+17*i) * time.Minute).Truncate(time.Millisecond), spot: sp, plain: true, text: strings.ReplaceAll(w, "{road}", sp.road)})
	}
	add("e0605", home, leftAlone, 95*time.Minute)
	add("e0605", home, leftAlone, 25*time.Minute)
	add("c0103", home, unchecked, 6*time.Hour)
	add("e0501", home, unchecked, 3*time.Hour)
	add("c0101", "", leftAlone, 40*time.Minute)
	add("c0202", "", leftAlone, 5*time.Hour)
	add("e0603", "", leftAlone, 4*time.Hour)
	add("c0204", "", leftAlone, 27*time.Hour)
	add("e0101", "", leftAlone, 50*time.Hour)
	add("c0108", "", unhelped, 3*time.Hour)
	return slices.DeleteFunc(all, func(t trouble) bool { return t.class != "" && f.Classes[t.class] == nil })
}
