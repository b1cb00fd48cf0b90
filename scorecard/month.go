package scorecard

import (
	"fmt"
	"strconv"
	"time"

	"yiwang/city"
)

// Month is a month of the city's calendar, counted from the year 0.
type Month int

// MonthOf is the month of a moment in the zone.
func MonthOf(t time.Time, zone *time.Location) Month {
	t = t.In(zone)
	return Month(t.Year()*12 + int(t.Month()) - 1)
}

// ParseMonth reads "2026-10".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, city.Invalid("scorecard.month")
	}
	return MonthOf(t, time.UTC), nil
}

// String writes "2026-10".
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", int(m)/12, int(m)%12+1) }

// Words says the month as people do, "October 2026".
func (m Month) Words() city.Message {
	n := int(m)%12 + 1
	return city.Message{Key: "scorecard.month.words", Args: []any{"year", strconv.Itoa(int(m) / 12),
		"month", city.Text{ZhHans: strconv.Itoa(n), En: time.Month(n).String()}}}
}

// Start is the month's first moment.
func (m Month) Start(zone *time.Location) time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, zone)
}
