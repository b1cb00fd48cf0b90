package command

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/web"
)

// Shape is how a vehicle is drawn, since colour alone tells too few people apart.
type Shape int

// The shapes; their numbers go to the browser (command-fleet.js).
const (
	Diamond Shape = iota // dangerous goods: the shape of their placards
	Square               // coaches and buses
	Dot                  // everything else
)

func shapeOf(u register.VehicleUse) Shape {
	switch u {
	case register.UseHazmat, register.UseWaste:
		return Diamond
	case register.UseCoach, register.UseCharter, register.UseBus:
		return Square
	}
	return Dot
}

// Motion is what a vehicle does, as far as its terminal tells.
type Motion string

const (
	Moving   Motion = "moving"
	Standing Motion = "standing" // heard, and not moving
	Silent   Motion = "silent"   // not heard for a while, though its engine ran
	Parked   Motion = "parked"   // not heard since its engine was switched off
)

const (
	quietAfter = 15 * time.Minute // a gap, where nothing else is said (STANDARDS, section 10)
	slowest    = 5                // km/h of one that moves
	shownFor   = 24 * time.Hour   // after which a vehicle leaves the map
)

func motionOf(l fleet.Live, now time.Time) Motion {
	engine := l.Status&1 != 0 // JT/T 808 table 24, bit 0
	switch quiet := now.Sub(city.FromMicros(l.At)) > quietAfter; {
	case quiet && engine:
		return Silent
	case quiet:
		return Parked
	case l.Speed >= slowest:
		return Moving
	}
	return Standing
}

// Vehicle is one of those on the map, in words.
type Vehicle struct {
	Plate  register.VehicleID
	Use    city.Text
	Shape  Shape
	Motion Motion
	Speed  int // km/h
	At     geo.Point
	Heard  time.Time
}

// Fleet is how the vehicles stand that the map shows.
type Fleet struct {
	Known  bool // there are terminals that are listened to, and the reader may see where they are
	List   []Vehicle
	Counts []FleetCount
}

// FleetCount counts the vehicles of a shape by what they do.
type FleetCount struct {
	Shape                            Shape
	Moving, Standing, Silent, Parked int
}

// Driving are those heard lately.
func (c FleetCount) Driving() int { return c.Moving + c.Standing }

func (f Fleet) of(s Shape) FleetCount {
	for _, c := range f.Counts {
		if c.Shape == s {
			return c
		}
	}
	return FleetCount{Shape: s}
}

func (f Fleet) all() (c FleetCount) {
	for _, x := range f.Counts {
		c.Moving, c.Standing, c.Silent, c.Parked = c.Moving+x.Moving, c.Standing+x.Standing, c.Silent+x.Silent, c.Parked+x.Parked
	}
	return c
}

// seesVehicles reports whether there are any to see, for this reader.
func (p *Pages) seesVehicles(actor city.Actor) bool {
	return p.Vehicles != nil && p.Access.Decide(actor, "position.read", access.Resource{Type: "Fleet"}).Allowed
}

// fleetNow lists the vehicles of the map: silent ones first, then dangerous goods, by
// plate.
func (p *Pages) fleetNow(ctx context.Context, actor city.Actor, now time.Time) (f Fleet, err error) {
	if !p.seesVehicles(actor) {
		return f, nil
	}
	live, _, err := p.Vehicles.Live(ctx, actor, 0)
	if err != nil {
		return f, err
	}
	f.Known = true
	counts := map[Shape]*FleetCount{}
	for _, l := range live {
		if now.Sub(city.FromMicros(l.At)) > shownFor {
			continue
		}
		v := vehicleOf(l, now)
		c := counts[v.Shape]
		if c == nil {
			c = &FleetCount{Shape: v.Shape}
			counts[v.Shape] = c
		}
		*map[Motion]*int{Moving: &c.Moving, Standing: &c.Standing, Silent: &c.Silent, Parked: &c.Parked}[v.Motion]++
		f.List = append(f.List, v)
	}
	for _, s := range []Shape{Diamond, Square, Dot} {
		if c := counts[s]; c != nil {
			f.Counts = append(f.Counts, *c)
		}
	}
	slices.SortFunc(f.List, func(a, b Vehicle) int {
		return cmp.Or(-order(a.Motion == Silent, b.Motion == Silent), cmp.Compare(a.Shape, b.Shape), cmp.Compare(a.Plate, b.Plate))
	})
	return f, nil
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func vehicleOf(l fleet.Live, now time.Time) Vehicle {
	return Vehicle{Plate: register.VehicleID(l.Vehicle), Use: useName(l.Use), Shape: shapeOf(l.Use), Motion: motionOf(l, now), Speed: int(math.Round(float64(l.Speed))),
		At: geo.Point{Lat: l.Lat, Lon: l.Lon}, Heard: city.FromMicros(l.At)}
}

func useName(u register.VehicleUse) city.Text {
	if u == "" {
		return web.Words("command.vehicle.unknown")
	}
	return web.Words("registers.use." + string(u))
}

// vehiclePath is where a vehicle is told of.
func vehiclePath(id register.VehicleID) string {
	return pathVehicles + "/" + url.PathEscape(string(id))
}

// dayPath is where a vehicle's day can be followed.
func dayPath(id register.VehicleID, day city.Date) string {
	return "/desk/vehicles/" + url.PathEscape(string(id)) + "?day=" + day.String()
}

// How often positions go out, and how many rounds a reader may have missed before it
// gets all of them again.
const (
	moveEvery   = time.Second
	keptChanges = 30
)

// changes is what of the vehicles has moved, found once a round for all who look.
type changes struct {
	mu     sync.Mutex
	made   time.Time
	tick   uint64
	recent []change // oldest first
}

type change struct {
	from, to uint64 // ticks of the monitor
	list     []byte // rows in JSON, without brackets
}

// moved gives what has moved after a tick as the browser takes it, and the tick to ask
// with next; "" where nothing has. Tick 0 brings every vehicle.
func (p *Pages) moved(ctx context.Context, actor city.Actor, after uint64) (data string, next uint64, err error) {
	now := p.Clock.Now()
	whole := func() (string, uint64, error) {
		live, tick, err := p.Vehicles.Live(ctx, actor, 0)
		if err != nil {
			return "", after, err
		}
		return wrapped(rowsOf(live, now), now, true), tick, nil
	}
	if after == 0 {
		return whole()
	}
	c := &p.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.made) > moveEvery*9/10 || now.Before(c.made) {
		if c.tick == 0 {
			c.tick = after
		}
		live, tick, err := p.Vehicles.Live(ctx, actor, c.tick)
		if err != nil {
			return "", after, err
		}
		c.made = now
		if list := rowsOf(live, now); len(list) > 0 {
			c.recent = append(c.recent, change{c.tick, tick, list})
			c.recent = c.recent[max(0, len(c.recent)-keptChanges):]
		}
		c.tick = tick
	}
	if len(c.recent) > 0 && after < c.recent[0].from {
		return whole()
	}
	var list []byte
	for _, x := range c.recent {
		if x.to > after {
			if len(list) > 0 {
				list = append(list, ',')
			}
			list = append(list, x.list...)
		}
	}
	if len(list) == 0 {
		return "", max(after, c.tick), nil
	}
	return wrapped(list, now, false), max(after, c.tick), nil
}

// rowsOf are positions as small as JSON lets them be: plate, shape, longitude and
// latitude in millionths of a degree, heading, km/h, seconds since 1970 and whether
// the engine runs.
func rowsOf(live []fleet.Live, now time.Time) (out []byte) {
	for _, l := range live {
		if now.Sub(city.FromMicros(l.At)) > shownFor {
			continue
		}
		row, err := json.Marshal([]any{l.Vehicle, shapeOf(l.Use), int64(math.Round(l.Lon * 1e6)), int64(math.Round(l.Lat * 1e6)), l.Heading, int(math.Round(float64(l.Speed))), l.At / 1e6, l.Status & 1})
		if err != nil {
			continue // a speed that is no number; history keeps none
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, row...)
	}
	return out
}

func wrapped(list []byte, now time.Time, all bool) string {
	head, _ := json.Marshal(map[string]any{"at": now.UnixMilli(), "all": all})
	return string(head[:len(head)-1]) + `,"list":[` + string(list) + `]}`
}
