package city

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Unit is what a time limit is counted in.
type Unit string

const (
	WorkingDays    Unit = "working_days"    // 工作日
	NaturalDays    Unit = "natural_days"    // 自然日
	WorkingHours   Unit = "working_hours"   // 工作时: office hours only
	EmergencyHours Unit = "emergency_hours" // 紧急工作时: day and night
)

// Limit is a promised or statutory time limit.
type Limit struct {
	N    int  `yaml:"n" json:"n"`
	Unit Unit `yaml:"unit" json:"unit"`
}

// IsZero reports whether there is no limit.
func (l Limit) IsZero() bool { return l.N == 0 }

// Encode writes a limit as ParseLimit reads it, such as "2 working_days".
func (l Limit) Encode() string { return fmt.Sprintf("%d %s", l.N, l.Unit) }

// ParseLimit reads "2 working_days".
func ParseLimit(s string) (Limit, error) {
	var l Limit
	n, unit, _ := strings.Cut(s, " ")
	var err error
	if l.N, err = strconv.Atoi(n); err != nil || l.N < 1 || l.N > 10000 {
		return Limit{}, fmt.Errorf("not a limit: %q", s)
	}
	switch l.Unit = Unit(unit); l.Unit {
	case WorkingDays, NaturalDays, WorkingHours, EmergencyHours:
		return l, nil
	}
	return Limit{}, fmt.Errorf("no unit of time: %q", unit)
}

// Date is a day of the civil calendar, without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day of the moment, in the zone the moment carries.
func DateOf(t time.Time) Date { return Date{t.Year(), t.Month(), t.Day()} }

// ParseDate reads "2006-01-02" and refuses days that don't exist.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return Date{}, fmt.Errorf("not a date: %q", s)
	}
	return DateOf(t), nil
}

// In is the first moment of the day in the zone.
func (d Date) In(z *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, z)
}

// AddDays is the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.In(time.UTC).AddDate(0, 0, n)) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.In(time.UTC).Weekday() }

// Before orders days.
func (d Date) Before(e Date) bool { return d.In(time.UTC).Before(e.In(time.UTC)) }

// IsZero reports whether no day is meant.
func (d Date) IsZero() bool { return d == Date{} }

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText and UnmarshalText use "2006-01-02".
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Date) UnmarshalText(b []byte) error {
	p, err := ParseDate(string(b))
	*d = p
	return err
}

// YearsBetween is the age in full years on the day of somebody born on d.
func YearsBetween(born, on Date) int {
	n := on.Year - born.Year
	if on.Month < born.Month || on.Month == born.Month && on.Day < born.Day {
		n--
	}
	return n
}

// Hours is a piece of a day's office hours, in minutes from midnight.
type Hours struct{ From, To int }

// Calendar knows which days and hours an office works. Weekends are Saturday
// and Sunday; Holidays and Workdays override them day by day, as the State
// Council's yearly notice does. A year with no published notice counts weekends
// only; Published says so.
type Calendar struct {
	Zone     *time.Location
	Holidays map[Date]Text // statutory days off, with their names
	Workdays map[Date]Text // weekend days worked to make up
	Office   []Hours       // in order, not overlapping; at least one
}

// Published reports whether the year's holidays are known.
func (c *Calendar) Published(year int) bool {
	for d := range c.Holidays {
		if d.Year == year {
			return true
		}
	}
	return false
}

// IsWorkday reports whether offices are open on the day.
func (c *Calendar) IsWorkday(d Date) bool {
	if _, ok := c.Workdays[d]; ok {
		return true
	}
	if _, ok := c.Holidays[d]; ok {
		return false
	}
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday
}

// farthest bounds every search over days: a pack whose every day is a holiday
// must not hang the program.
const farthest = 40 * 366

// Due is the moment by which something begun at start must be done. Working and
// natural days don't count the day of the start and end with the last office
// hour (民法典 第二百零一条, 第二百零三条); a natural-day limit that ends on a day off
// moves to the next workday. Hours are counted to the minute.
func (c *Calendar) Due(start time.Time, l Limit) time.Time {
	start = start.In(c.Zone)
	switch l.Unit {
	case NaturalDays:
		d := DateOf(start).AddDays(l.N)
		for i := 0; i < farthest && !c.IsWorkday(d); i++ {
			d = d.AddDays(1)
		}
		return c.closing(d)
	case EmergencyHours:
		return start.Add(time.Duration(l.N) * time.Hour)
	case WorkingHours:
		return c.AddOffice(start, time.Duration(l.N)*time.Hour)
	}
	return c.closing(c.AddWorkdays(DateOf(start), l.N))
}

// AddWorkdays is the nth workday after d; n = 0 is d itself, or the next workday
// when d is none.
func (c *Calendar) AddWorkdays(d Date, n int) Date {
	if n <= 0 {
		for i := 0; i < farthest && !c.IsWorkday(d); i++ {
			d = d.AddDays(1)
		}
		return d
	}
	for i := 0; i < farthest && n > 0; i++ {
		d = d.AddDays(1)
		if c.IsWorkday(d) {
			n--
		}
	}
	return d
}

// WorkdaysBetween counts the workdays d with from <= d < to.
func (c *Calendar) WorkdaysBetween(from, to Date) int {
	n := 0
	for i := 0; i < farthest && from.Before(to); i++ {
		if c.IsWorkday(from) {
			n++
		}
		from = from.AddDays(1)
	}
	return n
}

// OfficeTime is the office time between two moments.
func (c *Calendar) OfficeTime(from, to time.Time) time.Duration {
	from, to = from.In(c.Zone), to.In(c.Zone)
	var sum time.Duration
	day := DateOf(from)
	for i := 0; i < farthest && !day.In(c.Zone).After(to); i++ {
		if c.IsWorkday(day) {
			for _, h := range c.Office {
				a, b := c.at(day, h.From), c.at(day, h.To)
				if a.Before(from) {
					a = from
				}
				if b.After(to) {
					b = to
				}
				if b.After(a) {
					sum += b.Sub(a)
				}
			}
		}
		day = day.AddDays(1)
	}
	return sum
}

// Open reports whether the office is open at the moment.
func (c *Calendar) Open(t time.Time) bool {
	t = t.In(c.Zone)
	if !c.IsWorkday(DateOf(t)) {
		return false
	}
	m := t.Hour()*60 + t.Minute()
	for _, h := range c.Office {
		if m >= h.From && m < h.To {
			return true
		}
	}
	return false
}

// AddOffice is the moment d of office time after t.
func (c *Calendar) AddOffice(t time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return t
	}
	t = t.In(c.Zone)
	day := DateOf(t)
	for i := 0; i < farthest; i++ {
		if c.IsWorkday(day) {
			for _, h := range c.Office {
				a, b := c.at(day, h.From), c.at(day, h.To)
				if a.Before(t) {
					a = t
				}
				if !b.After(a) {
					continue
				}
				if have := b.Sub(a); have < d {
					d -= have
					continue
				}
				return a.Add(d)
			}
		}
		day = day.AddDays(1)
	}
	return t.Add(d)
}

func (c *Calendar) at(d Date, minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, minute/60, minute%60, 0, 0, c.Zone)
}

func (c *Calendar) closing(d Date) time.Time { return c.at(d, c.Office[len(c.Office)-1].To) }
