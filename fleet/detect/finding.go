package detect

import (
	"fmt"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// The rules, by the ids that a city's pack gives them parameters under.
const (
	RepeatClosed     = "repeat_stay_closed"
	RepeatUnknown    = "repeat_stay_unknown"
	StorageBeyond    = "storage_beyond"
	MobileRefuelling = "mobile_refuelling"
	WasteElsewhere   = "waste_elsewhere"
	OffRoute         = "off_route"
	ForbiddenZone    = "forbidden_zone"
	NightDriving     = "night_driving"
	Fatigue          = "fatigue"
	Speeding         = "speeding"
	NonOperating     = "non_operating"
	Silent           = "silent"
	MovedWhileOff    = "moved_while_off"
	LicenceConflict  = "licence"
)

// Finding is what was noticed. Times are microseconds UTC since 1970.
type Finding struct {
	Rule     string
	Kind     string // of LicenceConflict: expired, scope, staff, quantity or retired
	Subject  string // "vehicle:AB1234", "site:hx-01", "storage:hx-01-t3", "place:31.9330,121.0400"
	Key      string // the matter; the same again is the same matter
	From, To int64
	At       geo.Point
	Sure     float64 // 0 to 1
	Numbers  Numbers // what the sentence of the rule is filled with
	Names    Names
	Evidence []Evidence
}

// Numbers are measures by the names that sentences use: n, days, vehicles, minutes,
// hours, metres, km, speed, limit, amount.
type Numbers map[string]float64

// Names are things by the names that sentences use: vehicle, other, site, firm,
// substance, zone, licence. Values are identifiers of registers.
type Names map[string]string

// Evidence is a piece of what a finding rests on: a piece of a track, or a record as
// it stood.
type Evidence struct {
	What     string // track, stay, gap, meeting or record
	Vehicle  register.VehicleID
	From, To int64 // of the piece of the track
	At       geo.Point
	Record   register.Ref
	Numbers  Numbers
}

// mostEvidence bounds the pieces of one finding; the newest are kept.
const mostEvidence = 24

func bounded(list []Evidence) []Evidence { return list[max(0, len(list)-mostEvidence):] }

func record(r register.Ref) Evidence { return Evidence{What: "record", Record: r} }

func subject(v register.VehicleID) string { return "vehicle:" + string(v) }

func keyOf(parts ...any) string {
	s := ""
	for i, p := range parts {
		if i > 0 {
			s += "|"
		}
		s += fmt.Sprint(p)
	}
	return s
}

func placeName(p geo.Point) string { return fmt.Sprintf("%.4f,%.4f", p.Lat, p.Lon) }

const (
	second = int64(1e6)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// dayOf is the local day of a moment.
func dayOf(b *register.Book, us int64) city.Date {
	return city.DateOf(city.FromMicros(us).In(b.Location()))
}
