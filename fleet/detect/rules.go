package detect

import (
	"math"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/fleet/track"
)

// Rules are the rules of a city with their numbers, ready to be used. They never
// change and are shared by all vehicles.
type Rules struct {
	on      map[string]bool
	each    struct{ fatigue, night, zone, route, pace, off bool } // of on, those that every position asks
	closed  repeat
	unknown repeat
	storage struct{ share float64 }
	meeting struct {
		metres, near float64
		long         int64
		meetings     int
	}
	waste struct {
		long         int64
		near, radius float64
	}
	route struct {
		metres float64
		long   int64
	}
	zone  struct{ long int64 }
	night struct{ long int64 }
	tired struct{ driving, daily int64 }
	pace  struct {
		motorway, other float32 // already with what is let pass
		motorwayLimit   float32
		otherLimit      float32
		long            int64
	}
	trips struct {
		days, trips int
		within      int64
	}
	silent struct{ long int64 }
	off    struct {
		metres float64
		long   int64
	}
	licence struct{ days int }

	watch *track.Watch
}

// repeat are the numbers of a rule about stays that repeat.
type repeat struct {
	long         int64
	radius, near float64
	days         int
	within       int64
}

// Value gives a parameter of a rule as the pack has it: metres, things, km/h or a
// share, seconds of a time, minutes since midnight of an hour of the day. ok is false
// where the pack has no such rule or parameter.
type Value func(rule, parameter string) (v float64, ok bool)

// all are the rules with their parameters. A rule of which the pack has none is off.
var all = map[string][]string{
	RepeatClosed:     {"distance", "time", "days", "within"},
	RepeatUnknown:    {"distance", "time", "days", "within", "near"},
	StorageBeyond:    {"share"},
	MobileRefuelling: {"distance", "time", "near", "meetings"},
	WasteElsewhere:   {"time", "distance", "near"},
	OffRoute:         {"distance", "time"},
	ForbiddenZone:    {"time"},
	NightDriving:     {"from", "to", "time", "speed"},
	Fatigue:          {"driving", "rest", "daily", "speed"},
	Speeding:         {"motorway", "other", "share", "time"},
	NonOperating:     {"days", "trips", "within"},
	Silent:           {"time"},
	MovedWhileOff:    {"distance", "time"},
	LicenceConflict:  {"days"},
}

// IDs are the rules that this program can look for, in order.
func IDs() []string {
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Parameters are what a rule needs; nil for one that the program doesn't know.
func Parameters(rule string) []string { return all[rule] }

// NewRules takes the numbers of a pack. A rule of which only some are there is a
// fault at "rule.parameter". zone is the city's.
func NewRules(value Value, zone *time.Location) (*Rules, error) {
	r := &Rules{on: map[string]bool{}}
	var faults []city.Field
	for _, id := range IDs() {
		var missing []string
		for _, p := range all[id] {
			if v, ok := value(id, p); !ok || math.IsNaN(v) || v < 0 {
				missing = append(missing, p)
			}
		}
		r.on[id] = len(missing) == 0
		if len(missing) == len(all[id]) {
			continue
		}
		for _, p := range missing {
			faults = append(faults, city.Field{Name: id + "." + p, Message: city.Message{Key: "detect.parameter"}})
		}
	}
	if len(faults) > 0 {
		return nil, city.InvalidFields(faults)
	}
	r.each.fatigue, r.each.night, r.each.zone = r.on[Fatigue], r.on[NightDriving], r.on[ForbiddenZone]
	r.each.route, r.each.pace, r.each.off = r.on[OffRoute], r.on[Speeding], r.on[MovedWhileOff]
	num := func(rule, p string) float64 { v, _ := value(rule, p); return v }
	micros := func(rule, p string) int64 { return int64(num(rule, p) * 1e6) }
	count := func(rule, p string) int { return int(num(rule, p)) }

	r.closed = repeat{micros(RepeatClosed, "time"), num(RepeatClosed, "distance"), 0, count(RepeatClosed, "days"), micros(RepeatClosed, "within")}
	r.unknown = repeat{micros(RepeatUnknown, "time"), num(RepeatUnknown, "distance"), num(RepeatUnknown, "near"), count(RepeatUnknown, "days"), micros(RepeatUnknown, "within")}
	r.storage.share = num(StorageBeyond, "share")
	r.meeting.metres, r.meeting.near = num(MobileRefuelling, "distance"), num(MobileRefuelling, "near")
	r.meeting.long, r.meeting.meetings = micros(MobileRefuelling, "time"), count(MobileRefuelling, "meetings")
	r.waste.long, r.waste.near, r.waste.radius = micros(WasteElsewhere, "time"), num(WasteElsewhere, "near"), num(WasteElsewhere, "distance")
	r.route.metres, r.route.long = num(OffRoute, "distance"), micros(OffRoute, "time")
	r.zone.long = micros(ForbiddenZone, "time")
	r.night.long = micros(NightDriving, "time")
	r.tired.driving, r.tired.daily = micros(Fatigue, "driving"), micros(Fatigue, "daily")
	over := float32(1 + num(Speeding, "share"))
	r.pace.motorwayLimit, r.pace.otherLimit = float32(num(Speeding, "motorway")), float32(num(Speeding, "other"))
	r.pace.motorway, r.pace.other = r.pace.motorwayLimit*over, r.pace.otherLimit*over
	r.pace.long = micros(Speeding, "time")
	r.trips.days, r.trips.trips, r.trips.within = count(NonOperating, "days"), count(NonOperating, "trips"), micros(NonOperating, "within")
	r.silent.long = micros(Silent, "time")
	r.off.metres, r.off.long = num(MovedWhileOff, "distance"), micros(MovedWhileOff, "time")
	r.licence.days = count(LicenceConflict, "days")
	return r, r.prepare(num, zone)
}

// base is what a stay is when nothing else is said.
var base = track.Settings{Distance: 100, Time: 3 * time.Minute, Gap: 15 * time.Minute, Keep: 256}

// prepare makes one way of seeing stays that serves every rule: as far as the
// narrowest asks and as short as the shortest.
func (r *Rules) prepare(num func(rule, p string) float64, zone *time.Location) error {
	stays, craft := base, track.Law
	for _, id := range []string{RepeatClosed, RepeatUnknown, WasteElsewhere} {
		if r.on[id] {
			stays.Distance = min(stays.Distance, num(id, "distance"))
		}
	}
	for _, id := range []string{RepeatClosed, RepeatUnknown, WasteElsewhere, MobileRefuelling} {
		if r.on[id] {
			stays.Time = min(stays.Time, time.Duration(num(id, "time")*float64(time.Second)))
		}
	}
	if r.on[MovedWhileOff] {
		stays.Gap = min(stays.Gap, time.Duration(r.off.long)*time.Microsecond)
	}
	craft.Zone, craft.Gap = zone, stays.Gap
	if r.on[NightDriving] {
		craft.NightFrom, craft.NightTo = time.Duration(num(NightDriving, "from"))*time.Minute, time.Duration(num(NightDriving, "to"))*time.Minute
	}
	if r.on[Fatigue] {
		craft.Rest, craft.Moving = time.Duration(num(Fatigue, "rest")*float64(time.Second)), num(Fatigue, "speed")
	}
	var err error
	r.watch, err = track.NewWatch(stays, track.Roads, craft)
	return err
}

// On reports whether the rule is looked for.
func (r *Rules) On(id string) bool { return r.on[id] }

// Stays is what a stay is for all rules: as far as the narrowest asks and as short as
// the shortest.
func (r *Rules) Stays() track.Settings { return r.watch.Stays.Settings }

// Back is how far back the rules look on stays, in microseconds.
func (r *Rules) Back() int64 { return max(r.closed.within, r.unknown.within, r.trips.within, day) }
