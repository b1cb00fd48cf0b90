package nantong

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// Size is how large the city is and how much is hidden in it.
type Size struct {
	Vehicles int // in traffic; those that are retired come on top
	Months   int // each of 30 days, of which the first Days are sampled
	Days     int

	Closed       int // plants that should stand still and don't
	Unknown      int // places that nobody registered
	Licence      int // records that contradict each other
	Fatigue      int
	NonOperating int
	Night        int
	Route        int
	Refuelling   int
	Waste        int
	Storage      int
	Restarts     int // of Closed, those that were confirmed as a plant that began again
	Illegal      int // of Unknown, those that were confirmed as a plant that was never allowed
}

// Full are the numbers that Nantong published for eight months: 296 stays, 848
// contradictions of licences, 261 of fatigue, 410 vehicles that carried without
// leave, one at night and one off its route, and 20 confirmed cases: 8 of illegal
// production, 2 of a restart, 3 of storage, 4 of mobile refuelling, 3 of waste.
var Full = Size{Vehicles: 2000, Months: 8, Days: 6, Closed: 156, Unknown: 140, Licence: 848, Fatigue: 261, NonOperating: 410,
	Night: 1, Route: 1, Refuelling: 4, Waste: 3, Storage: 3, Restarts: 2, Illegal: 8}

// Small is about a tenth of Full in three months, for tests.
var Small = Size{Vehicles: 200, Months: 3, Days: 6, Closed: 16, Unknown: 14, Licence: 85, Fatigue: 26, NonOperating: 41,
	Night: 1, Route: 1, Refuelling: 2, Waste: 2, Storage: 2, Restarts: 1, Illegal: 2}

// The confirmed cases by kind.
const (
	IllegalProduction = "illegal_production"
	Restart           = "restart"
	IllegalStorage    = "storage"
	MobileRefuelling  = "mobile_refuelling"
	WasteElsewhere    = "waste"
)

// Planted is one hidden matter.
type Planted struct {
	Rule    string    // id of the rule that should notice it
	Kind    string    // of licence: which contradiction
	Subject string    // as findings name it; "" is whatever is within 150 m of At
	At      geo.Point // where there is no subject
	From    int64     // when, µs UTC; To is the end
	To      int64
	Case    string // kind of the confirmed case behind it; mostly none
}

// Town is the city.
type Town struct {
	Planted []Planted

	size     Size
	rnd      *rand.Rand
	slots    []spot
	records  register.Records
	sheets   map[int][]*register.Sheet // by day
	fleet    []*vehicle
	special  map[[2]int]special // by vehicle and day
	plants   []*register.Site   // that work
	at       map[register.SiteID]spot
	diners   []spot
	stations []spot
	treaters []*register.Site
	jams     []spot
	seed     uint64
	first    city.Date
	names    Names
	prefix   string
	firm     int // how many there are
	ground
}

// Zone is the city's time.
var Zone = time.FixedZone("UTC+8", 8*3600)

// Setting is where and when the city is, and how things are called there.
type Setting struct {
	First  city.Date // the first sampled day
	Middle geo.Point
	Names  Names
	Prefix string               // of what has a number of this city's own
	Wet    func(geo.Point) bool // where nothing can stand; nil is nowhere
}

// Names says how things are called. What the detectors find doesn't hang on it.
type Names interface {
	Vehicle(n int) register.VehicleID
	Firm(n int) (code register.USCC, name string)
	Site(firm int, id string, link register.Link) city.Text
	Thing(id string) city.Text // a place to stop, a zone or a substance
}

// numbers is for when nobody reads them.
type numbers struct{}

func (numbers) Vehicle(n int) register.VehicleID { return register.VehicleID(fmt.Sprintf("F%05d", n)) }
func (numbers) Firm(n int) (register.USCC, string) {
	id := fmt.Sprintf("FIRM%014d", n)
	return register.USCC(id), id
}
func (numbers) Site(_ int, id string, _ register.Link) city.Text {
	return city.Text{ZhHans: id, En: id}
}
func (numbers) Thing(id string) city.Text { return city.Text{ZhHans: id, En: id} }

// Nantong is where the benchmark has it; there things go by their numbers.
var Nantong = Setting{First: city.Date{Year: 2026, Month: time.January, Day: 5}, Middle: geo.Point{Lat: 32.0, Lon: 120.9}, Names: numbers{}}

const (
	blocks = 14     // along each side of the city
	block  = 2000.0 // metres between roads
	lane   = 300.0  // between neighbouring places of a block
	wide   = block * blocks
	most   = 1030.0 // radius of a zone: it reaches a little over the roads around its block
	closed = 5      // blocks with a zone
)

// spot is a place in metres east and north of the city's corner.
type spot struct{ x, y float64 }

// ground is where spots lie on the earth.
type ground struct{ middle geo.Point }

const degree = math.Pi * geo.Earth / 180 // metres of a degree of latitude

func (g ground) point(s spot) geo.Point {
	return geo.Point{Lat: g.middle.Lat + (s.y-wide/2)/degree, Lon: g.middle.Lon + (s.x-wide/2)/(degree*math.Cos(g.middle.Lat*math.Pi/180))}
}

func (s spot) near(o spot) float64 { return math.Hypot(s.x-o.x, s.y-o.y) }

// vehicle is one in traffic.
type vehicle struct {
	n       int
	reg     *register.Vehicle
	base    spot   // where it stands at night
	goes    []spot // where it goes to
	sites   []*register.Site
	routed  bool
	busy    float64 // share of days on which it is on the road
	driver  register.CertificateID
	escort  register.CertificateID
	treater *register.Site
}

// New makes the city of a seed. It panics when the size leaves no room for what is
// to be hidden, which is a fault of whoever chose it.
func New(seed uint64, size Size, in Setting) *Town {
	t := &Town{size: size, seed: seed, first: in.First, names: in.Names, prefix: in.Prefix, ground: ground{in.Middle}, rnd: rand.New(rand.NewPCG(seed, 1)), sheets: map[int][]*register.Sheet{}, special: map[[2]int]special{}, at: map[register.SiteID]spot{}}
	t.layOut(in.Wet)
	t.firms()
	t.vehicles()
	t.plant()
	t.paper()
	return t
}

// Days are the sampled days, counted from the first of all.
func (t *Town) Days() []int {
	var days []int
	for m := range t.size.Months {
		for d := range t.size.Days {
			days = append(days, m*30+d)
		}
	}
	return days
}

func (t *Town) date(day int) city.Date { return t.first.AddDays(day) }

func (t *Town) micros(day int, seconds float64) int64 {
	return city.Micros(t.date(day).In(Zone)) + int64(seconds*1e6)
}

// Book is what is on record on a day.
func (t *Town) Book(day int) *register.Book {
	r := t.records
	r.Sheets = t.sheets[day]
	return register.NewBook(t.date(day), Zone, r)
}

// Records are all versions of all records but the papers of journeys, of which only
// those are there that one of the references names.
func (t *Town) Records(named map[register.Ref]bool) register.Records {
	r := t.records
	for _, day := range t.Days() {
		for _, s := range t.sheets[day] {
			if named[s.Ref()] {
				r.Sheets = append(r.Sheets, s)
			}
		}
	}
	return r
}

func (t *Town) tank(i int) register.StorageID {
	return register.StorageID(fmt.Sprintf("%stank-%d", t.prefix, i))
}

// Vehicles is how many are in traffic; they are numbered from 0.
func (t *Town) Vehicles() int { return len(t.fleet) }

// ID is a vehicle's.
func (t *Town) ID(vehicle int) register.VehicleID { return t.fleet[vehicle].reg.ID }

// Roads are the city's roads: a grid.
func (t *Town) Roads() *geo.Roads {
	r := &geo.Roads{}
	for i := 0; i <= blocks; i++ {
		at := float64(i) * block
		for _, ends := range [][2]spot{{{at, 0}, {at, wide}}, {{0, at}, {wide, at}}} {
			r.Roads = append(r.Roads, geo.Road{ID: fmt.Sprint("r", len(r.Roads)), Class: geo.Primary, Line: []geo.Point{t.point(ends[0]), t.point(ends[1])}})
		}
	}
	return r
}

// Middle is the city's.
func (t *Town) Middle() geo.Point { return t.middle }

// layOut lays out zones, and free places far enough from each other.
func (t *Town) layOut(wet func(geo.Point) bool) {
	shut := map[[2]int]bool{}
	for len(shut) < closed {
		b := [2]int{t.rnd.IntN(blocks), t.rnd.IntN(blocks)}
		if shut[b] {
			continue
		}
		shut[b] = true
		c := spot{(float64(b[0]) + 0.5) * block, (float64(b[1]) + 0.5) * block}
		id := fmt.Sprint(t.prefix, "zone-", len(shut))
		t.records.Add(&register.Zone{Entry: entry(register.ZoneID(id)), Name: t.names.Thing(id), Area: register.Area{Centre: t.point(c), Radius: most}, Hours: []register.Hours{{From: 7 * 60, To: 22 * 60}}})
	}
	for bx := range blocks {
		for by := range blocks {
			if shut[[2]int{bx, by}] {
				continue
			}
			for i := range 6 {
				for j := range 6 {
					if s := (spot{float64(bx)*block + 250 + float64(i)*lane, float64(by)*block + 250 + float64(j)*lane}); wet == nil || !wet(t.point(s)) {
						t.slots = append(t.slots, s)
					}
				}
			}
		}
	}
	t.rnd.Shuffle(len(t.slots), func(i, j int) { t.slots[i], t.slots[j] = t.slots[j], t.slots[i] })
	for range 6 {
		t.jams = append(t.jams, spot{float64(2+t.rnd.IntN(blocks-4)) * block, float64(2+t.rnd.IntN(blocks-4)) * block})
	}
}

// free takes a place that nobody has.
func (t *Town) free() spot {
	s := t.slots[len(t.slots)-1]
	t.slots = t.slots[:len(t.slots)-1]
	return s
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func entry[K ~string](id K) register.Entry[K] { return register.Entry[K]{ID: id, Version: 1} }

func tonnes(n float64) register.Quantity { return register.Quantity{Amount: n, Unit: register.Tonnes} }
