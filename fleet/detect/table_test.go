package detect_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

// row writes a reading as a line of a table.
func row(id string, p track.Reading) string {
	return fmt.Sprintf("%s,%s,%.7f,%.7f,%g\n", id, time.UnixMicro(p.At).UTC().Format(time.RFC3339Nano), p.Lat, p.Lon, p.Speed)
}

func table(t *testing.T, text string) *detect.Found {
	t.Helper()
	f, err := rules(t).Table(source(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func source(text string) detect.Source {
	return detect.Source{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Book: func(d city.Date) *register.Book { return book(d.In(zone)) }}
}

func told(f *detect.Found) (list []string) {
	for _, m := range f.Matters {
		list = append(list, fmt.Sprintf("%s %s", m.Rule, m.Subject))
	}
	return list
}

const tableHead = "id,time,lat,lon,speed\n"

// A lorry leaves its route; another stops at a closed plant on three days; a third
// falls silent while it drives. The rows of one are shuffled, and it makes no
// difference.
func TestTable(t *testing.T) {
	away := begin(monday, town).to(geo.Move(town, 0, 6000), 40).stop(10 * time.Minute).points
	var shut []track.Reading
	for day := range 3 {
		shut = append(shut, begin(monday.AddDate(0, 0, day), east(works, 2000)).to(works, 40).stop(20*time.Minute).to(east(works, 2000), 40).points...)
	}
	silent := begin(monday.Add(time.Hour), diner).to(dump, 40).points
	var lines []string
	for _, p := range away {
		lines = append(lines, row("H3", p))
	}
	for _, p := range shut {
		lines = append(lines, row("H1", p))
	}
	for _, p := range silent {
		lines = append(lines, row("F1", p))
	}
	f := table(t, tableHead+strings.Join(lines, ""))
	want := []string{"off_route vehicle:H3", "repeat_stay_closed site:works", "silent vehicle:F1"}
	if got := told(f); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if f.Readings != len(lines) || f.Vehicles != 3 || f.Unsorted != 0 || f.Strange != 0 || len(f.Bad) != 0 {
		t.Errorf("%+v", f)
	}
	if m := f.Matters[1]; m.From >= city.Micros(monday.AddDate(0, 0, 1)) || m.Numbers["days"] != 3 || len(m.Evidence) == 0 {
		t.Errorf("%+v", m)
	}

	shuffled := slices.Clone(lines)
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	g := table(t, tableHead+strings.Join(shuffled, ""))
	if g.Unsorted != 3 || !slices.EqualFunc(f.Matters, g.Matters, func(a, b detect.Matter) bool {
		return a.Key == b.Key && a.From == b.From && a.To == b.To && a.At == b.At && a.Times == b.Times && len(a.Evidence) == len(b.Evidence)
	}) {
		t.Errorf("shuffled: %d unsorted, %q", g.Unsorted, told(g))
	}
}

// What can't be read or believed is counted, and the rest is looked at.
func TestTableCountsWhatItLeavesOut(t *testing.T) {
	var text strings.Builder
	text.WriteString(tableHead)
	drive := begin(monday, town).to(geo.Move(town, 0, 6000), 40).stop(10 * time.Minute).points
	for i, p := range drive {
		text.WriteString(row("H3", p))
		switch i {
		case 5:
			text.WriteString(row("H3", p)) // once more
		case 6:
			p.At, p.Lat, p.Lon = p.At+1, 0, 0
			text.WriteString(row("H3", p))
		case 7:
			text.WriteString("H3,yesterday,32,120,0\nH3,2026-11-02T08:00:00Z,99,120,0\n")
		case 8:
			text.WriteString("H3,today,32,120,0\nH3,2026-11-02T08:00:00Z,32,120,fast\nH3\n")
		case 9:
			text.WriteString(row("X9", p)) // on no register
		}
	}
	f := table(t, text.String())
	if got := told(f); !slices.Equal(got, []string{"off_route vehicle:H3"}) {
		t.Errorf("%q", got)
	}
	if f.Vehicles != 2 || f.Strange != 1 || f.Readings != len(drive)+3 || f.Refused[track.Duplicate] != 1 || f.Refused[track.Zero] != 1 || f.Refused[track.Fine] != len(drive)+1 {
		t.Errorf("%+v", f)
	}
	var why []string
	for i, err := range f.Bad {
		why = append(why, fmt.Sprintf("%s %d", err.Message.Key, f.BadRows[i]))
	}
	if want := []string{"track.table.time 2", "track.table.lat 1", "track.table.speed 1", "track.table.short 1"}; !slices.Equal(why, want) {
		t.Errorf("%q, want %q", why, want)
	}
	for _, none := range []string{"", "id,time,lat\nH3,2026-11-02T08:00:00Z,32\n", tableHead + strings.Repeat("7", 100_000)} {
		if _, err := rules(t).Table(source(none)); city.KindOf(err) != city.KindInvalid {
			t.Errorf("%.20q: %v", none, err)
		}
	}
	if f := table(t, "id,time,lat,lon\nH3,2026-11-02T08:00:00Z,32,121\n"); f.Readings != 1 || len(f.Matters) != 0 {
		t.Errorf("without speeds: %+v", f)
	}
	if _, err := rules(t).Table(detect.Source{Open: source(tableHead).Open, Columns: map[string]string{"speed": "v"}, Book: source("").Book}); city.KindOf(err) != city.KindInvalid {
		t.Errorf("a column that isn't there: %v", err)
	}
}

// Records that contradict each other are told on the days that the table has.
func TestTableReadsSheets(t *testing.T) {
	sheet := &register.Sheet{Entry: entry[register.SheetID]("s1"), Kind: register.TransportSheet, Day: city.DateOf(monday), Vehicle: "H1", From: "plant", To: "works", Substance: "UN1017"}
	src := source(tableHead + row("H2", begin(monday, town).to(east(town, 500), 40).points[0]))
	src.Book = func(d city.Date) *register.Book { return book(d.In(zone), sheet) }
	f, err := rules(t).Table(src)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(f); len(got) == 0 || !strings.HasPrefix(got[0], "licence vehicle:H1") {
		t.Errorf("%q", got)
	}
	src.Open = source(tableHead + row("H2", begin(monday.AddDate(0, 0, 1), town).to(east(town, 500), 40).points[0])).Open
	if f, err = rules(t).Table(src); err != nil || len(f.Matters) != 0 {
		t.Errorf("on the day after: %v %q", err, told(f))
	}
}
