package city_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yiwang/city"
)

var zone = time.FixedZone("CST", 8*3600)

func office() []city.Hours {
	return []city.Hours{{From: 9 * 60, To: 12 * 60}, {From: 13*60 + 30, To: 17 * 60}}
}

func when(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		panic(err)
	}
	return t
}

// published reads the outside table of statutory holidays.
func published(t *testing.T) *city.Calendar {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "holidays", "chinese-days.json"))
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the table of published holidays is not beside the project")
	}
	var f struct{ Holidays, Workdays map[string]string }
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	c := &city.Calendar{Zone: zone, Office: office(), Holidays: map[city.Date]city.Text{}, Workdays: map[city.Date]city.Text{}}
	for from, to := range map[*map[string]string]map[city.Date]city.Text{&f.Holidays: c.Holidays, &f.Workdays: c.Workdays} {
		for day, names := range *from {
			d, err := city.ParseDate(day)
			if err != nil {
				t.Fatal(err)
			}
			n := strings.Split(names, ",")
			to[d] = city.Text{En: n[0], ZhHans: n[1]}
		}
	}
	return c
}

// Deadlines that people had to count by hand around the Spring Festival and the
// National Day of 2026.
func TestDueAroundPublishedHolidays(t *testing.T) {
	c := published(t)
	for _, tt := range []struct {
		from  string
		limit city.Limit
		want  string
	}{
		{"2026-02-13 10:00", city.Limit{N: 1, Unit: city.WorkingDays}, "2026-02-14 17:00"},    // Saturday the 14th is worked
		{"2026-02-14 10:00", city.Limit{N: 1, Unit: city.WorkingDays}, "2026-02-24 17:00"},    // 15 to 23 are the festival
		{"2026-09-30 16:59", city.Limit{N: 3, Unit: city.WorkingDays}, "2026-10-10 17:00"},    // 8, 9 and Saturday the 10th
		{"2026-09-28 09:00", city.Limit{N: 5, Unit: city.NaturalDays}, "2026-10-08 17:00"},    // ends on a day off: next workday
		{"2026-11-23 11:00", city.Limit{N: 2, Unit: city.WorkingHours}, "2026-11-23 14:30"},   // over lunch
		{"2026-11-20 16:30", city.Limit{N: 1, Unit: city.WorkingHours}, "2026-11-23 09:30"},   // over the weekend
		{"2026-11-21 23:00", city.Limit{N: 2, Unit: city.EmergencyHours}, "2026-11-22 01:00"}, // nights count
		{"2026-11-22 12:00", city.Limit{N: 1, Unit: city.WorkingHours}, "2026-11-23 10:00"},   // begun on a Sunday
	} {
		if got := c.Due(when(tt.from), tt.limit); !got.Equal(when(tt.want)) {
			t.Errorf("%d %s from %s: due %s, want %s", tt.limit.N, tt.limit.Unit, tt.from, got.Format("2006-01-02 15:04"), tt.want)
		}
	}
	if !c.Published(2025) || c.Published(2031) {
		t.Error("which years are published is wrong")
	}
}

// Whatever the holidays, a due date in working days has exactly that many
// workdays behind the start, and lies on a workday.
func TestDueCountsWorkdays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &city.Calendar{Zone: zone, Office: office(), Holidays: map[city.Date]city.Text{}, Workdays: map[city.Date]city.Text{}}
		first := city.Date{Year: 2026, Month: 1, Day: 1}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 200), 0, 40).Draw(t, "holidays") {
			c.Holidays[first.AddDays(n)] = city.Text{}
		}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 200), 0, 20).Draw(t, "workdays") {
			c.Workdays[first.AddDays(n)] = city.Text{}
		}
		start := first.AddDays(rapid.IntRange(0, 120).Draw(t, "start")).In(zone).Add(time.Duration(rapid.IntRange(0, 1439).Draw(t, "minute")) * time.Minute)
		n := rapid.IntRange(1, 30).Draw(t, "n")
		due := c.Due(start, city.Limit{N: n, Unit: city.WorkingDays})
		if got := c.WorkdaysBetween(city.DateOf(start).AddDays(1), city.DateOf(due).AddDays(1)); got != n || !c.IsWorkday(city.DateOf(due)) {
			t.Fatalf("%d workdays from %s gave %s, which is %d", n, start, due, got)
		}
		h := rapid.IntRange(1, 60).Draw(t, "hours")
		late := c.Due(start, city.Limit{N: h, Unit: city.WorkingHours})
		if got := c.OfficeTime(start, late); got != time.Duration(h)*time.Hour {
			t.Fatalf("%d office hours from %s gave %s, which is %s", h, start, late, got)
		}
	})
}

func TestEndlessHolidaysEnd(t *testing.T) {
	c := &city.Calendar{Zone: zone, Office: office(), Holidays: map[city.Date]city.Text{}}
	for d := (city.Date{Year: 2026, Month: 1, Day: 1}); d.Year < 2100; d = d.AddDays(1) {
		c.Holidays[d] = city.Text{}
	}
	for _, u := range []city.Unit{city.WorkingDays, city.NaturalDays, city.WorkingHours} {
		_ = c.Due(when("2026-01-01 10:00"), city.Limit{N: 3, Unit: u})
	}
}
