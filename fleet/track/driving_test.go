package track

import (
	"math"
	"slices"
	"testing"
	"time"

	"yiwang/geo"
)

// trip drives and stands along the equator of a city, point by point.
type trip struct {
	at     time.Time
	metres float64
	every  time.Duration
	speeds bool
	points []Point
}

func (tr *trip) put(speed float64) {
	g := geo.Move(geo.Point{Lat: 32, Lon: 120}, 90, tr.metres)
	p := Point{At: tr.at.UnixMicro(), Lat: g.Lat, Lon: g.Lon}
	if tr.speeds {
		p.Flags, p.Speed = HasSpeed, float32(speed)
	}
	tr.points = append(tr.points, p)
}

func (tr *trip) drive(long time.Duration, kmh float64) *trip {
	for range int(long / tr.every) {
		tr.at = tr.at.Add(tr.every)
		tr.metres += kmh / 3.6 * tr.every.Seconds()
		tr.put(kmh)
	}
	return tr
}

func (tr *trip) stand(long time.Duration) *trip { return tr.drive(long, 0) }

func (tr *trip) silent(long time.Duration, metres float64) *trip {
	tr.at, tr.metres = tr.at.Add(long-tr.every), tr.metres+metres
	return tr.drive(tr.every, 0)
}

var nantong = time.FixedZone("", 8*3600)

func told(c Roadcraft, points []Point) ([]Event, *Driving) {
	d := NewDriving(&c)
	var out []Event
	for _, p := range points {
		out = d.Push(p, false, out)
	}
	return out, &d
}

func of(kind Kind, events []Event) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Kind != kind })
}

func TestDrivingFromRestToRest(t *testing.T) {
	const h, m = time.Hour, time.Minute
	for name, tt := range map[string]struct {
		go_   func(*trip)
		want  []time.Duration // driven in each stretch that ended
		open  time.Duration   // driven in the one that goes on
		rests []time.Duration
		seen  bool // whether the first stretch was seen throughout
	}{
		"four hours, then a rest":            {func(tr *trip) { tr.stand(30*m).drive(4*h, 60).stand(30*m).drive(h, 60) }, []time.Duration{4 * h}, h, []time.Duration{30 * m, 30 * m}, true},
		"a rest that is too short":           {func(tr *trip) { tr.drive(2*h, 60).stand(19*m).drive(2*h+m, 60) }, nil, 4*h + m, nil, true},
		"a rest that just suffices":          {func(tr *trip) { tr.drive(2*h, 60).stand(21*m).drive(2*h, 60) }, []time.Duration{2 * h}, 2 * h, []time.Duration{21 * m}, true},
		"lights and jams":                    {func(tr *trip) { tr.drive(h, 40).stand(2*m).drive(h, 20).stand(10*m).drive(h, 60) }, nil, 3 * h, nil, true},
		"silence long enough to have rested": {func(tr *trip) { tr.drive(2*h, 60).silent(40*m, 40_000).drive(h, 60) }, []time.Duration{2 * h}, h, []time.Duration{40 * m}, true},
		"silence and standing beside it":     {func(tr *trip) { tr.drive(2*h, 60).silent(16*m, 0).stand(5*m).drive(h, 60) }, []time.Duration{2 * h}, h, []time.Duration{21 * m}, true},
		"silence too short to have rested":   {func(tr *trip) { tr.drive(2*h, 60).silent(16*m, 16_000).drive(h, 60).stand(21 * m) }, []time.Duration{3 * h}, 0, nil, false},
		"nothing but standing":               {func(tr *trip) { tr.stand(3 * h) }, nil, 0, nil, false},
	} {
		for _, every := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
			for _, speeds := range []bool{true, false} {
				tr := &trip{at: time.Date(2026, 3, 2, 8, 0, 0, 0, nantong), every: every, speeds: speeds}
				tr.put(0)
				tt.go_(tr)
				out, d := told(Law, tr.points)
				// where a stretch begins and ends is known to a step
				slack := 4 * max(Law.Step, every)
				check := func(what string, got, want time.Duration) {
					if (got - want).Abs() > slack {
						t.Errorf("%s, every %s: %s %s, want %s", name, every, what, got, want)
					}
				}
				drives, rests := of(Drive, out), of(Rest, out)
				if len(drives) != len(tt.want) || len(rests) != len(tt.rests) {
					t.Errorf("%s, every %s: %d stretches and %d rests, want %d and %d", name, every, len(drives), len(rests), len(tt.want), len(tt.rests))
					continue
				}
				for i, e := range drives {
					check("driven", time.Duration(e.Driven)*time.Microsecond, tt.want[i])
					if i == 0 && e.Whole != tt.seen {
						t.Errorf("%s: seen throughout is %v", name, e.Whole)
					}
				}
				for i, e := range rests {
					check("rested", e.Long(), tt.rests[i])
				}
				open, going := d.Stretch()
				check("driving", time.Duration(open.Driven)*time.Microsecond, tt.open)
				if going != (tt.open > 0) {
					t.Errorf("%s: driving is %v", name, going)
				}
			}
		}
	}
}

// Where the reading in which it came to stand is missing, or the one in which it drove
// off, the rest is as long as it was: the way is driven as fast as the terminal says.
func TestARestWhoseEndsAreMissing(t *testing.T) {
	for _, missing := range []int{0, 1, 2, 3} {
		tr := &trip{at: time.Date(2026, 3, 2, 8, 0, 0, 0, nantong), every: 30 * time.Second, speeds: true}
		tr.put(0)
		tr.drive(2*time.Hour, 60)
		from := len(tr.points) - missing
		tr.every = 2 * time.Minute
		tr.stand(22 * time.Minute)
		to := len(tr.points)
		tr.every = 30 * time.Second
		tr.drive(time.Hour, 60)
		points := slices.Delete(slices.Clone(tr.points), to, to+missing)
		points = slices.Delete(points, from, from+missing)
		out, d := told(Law, points)
		drives := of(Drive, out)
		if len(drives) != 1 {
			t.Errorf("without %d: %d stretches", missing, len(drives))
			continue
		}
		if got := time.Duration(drives[0].Driven) * time.Microsecond; (got - 2*time.Hour).Abs() > time.Minute {
			t.Errorf("without %d: driven for %s", missing, got)
		}
		rests := of(Rest, out)
		if got := rests[len(rests)-1].Long(); (got - 22*time.Minute).Abs() > time.Minute {
			t.Errorf("without %d: rested for %s", missing, got)
		}
		if open, _ := d.Stretch(); (time.Duration(open.Driven)*time.Microsecond - time.Hour).Abs() > time.Minute {
			t.Errorf("without %d: driving for %d s since", missing, open.Driven/1e6)
		}
	}
}

// Jitter is no driving, with and without the terminal's word.
func TestStandingWithJitter(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 10 * time.Second} {
		for _, speeds := range []bool{true, false} {
			tr := &trip{at: time.Unix(0, 0), every: every, speeds: speeds}
			for i := range 3000 {
				tr.metres = 4 * math.Sin(float64(i)*2.1)
				tr.drive(every, 0)
			}
			out, d := told(Law, tr.points)
			if _, going := d.Stretch(); going || len(of(Drive, out)) > 0 {
				t.Errorf("every %s, speeds %v: a lorry that stands drove", every, speeds)
			}
		}
	}
}

func TestNightsAndDays(t *testing.T) {
	c := Law
	c.Zone = nantong
	drove := func(e Event) time.Duration { return time.Duration(e.Driven) * time.Microsecond }
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= time.Minute }
	local := func(at int64) string { return time.UnixMicro(at).In(nantong).Format("02 15:04") }

	// from 21:00 to 03:00, the night being 22:00 to 06:00
	c.NightFrom, c.NightTo = 22*time.Hour, 6*time.Hour
	tr := &trip{at: time.Date(2026, 3, 2, 21, 0, 0, 0, nantong), every: 30 * time.Second, speeds: true}
	tr.put(0)
	tr.drive(6*time.Hour, 72)
	_, d := told(c, tr.points)
	if tonight, ok := d.Tonight(); !ok || !near(drove(tonight), 5*time.Hour) || local(tonight.Start) != "02 22:00" {
		t.Errorf("tonight: %+v", tonight)
	}
	tr.stand(30 * time.Minute)
	var out []Event
	out, d = told(c, tr.points)
	nights, days := of(Night, out), of(Day, out)
	if len(nights) != 1 || !near(drove(nights[0]), 5*time.Hour) || local(nights[0].Start) != "02 22:00" || local(nights[0].End) != "03 03:00" ||
		math.Abs(nights[0].Metres-5*72_000) > 2000 {
		t.Errorf("nights: %+v", nights)
	}
	if len(days) != 1 || !near(drove(days[0]), 3*time.Hour) || local(days[0].Start) != "02 00:00" || local(days[0].End) != "03 00:00" || math.Abs(days[0].Metres-3*72_000) > 2000 {
		t.Errorf("days: %+v", days)
	}
	if today := d.Today(); !near(drove(today), 3*time.Hour) {
		t.Errorf("today: %+v", today)
	}

	// from 23:00 to 07:00, the night being 00:00 to 05:00, with a rest in it
	c.NightFrom, c.NightTo = 0, 5*time.Hour
	tr = &trip{at: time.Date(2026, 3, 2, 23, 0, 0, 0, nantong), every: 30 * time.Second}
	tr.put(0)
	tr.drive(3*time.Hour, 60).stand(time.Hour).drive(4*time.Hour, 60)
	out, _ = told(c, tr.points)
	nights = of(Night, out)
	if len(nights) != 2 || !near(drove(nights[0]), 2*time.Hour) || !near(drove(nights[1]), 2*time.Hour) || local(nights[0].Start) != "03 00:00" || local(nights[1].End) != "03 05:00" {
		t.Errorf("nights: %+v", nights)
	}

	// no night at all
	c.NightFrom, c.NightTo = 0, 0
	out, _ = told(c, tr.points)
	if len(of(Night, out)) > 0 {
		t.Errorf("nights where there is none: %+v", of(Night, out))
	}
}

func TestSpeeding(t *testing.T) {
	r := ready(t, usual)
	p := NewPace(r)
	at := func(min float64, speed float32) Point {
		return Point{At: int64(min * 60e6), Lat: 32, Lon: 120, Speed: speed, Flags: HasSpeed}
	}
	type step struct {
		p     Point
		limit float32
	}
	var out []Event
	for _, s := range []step{
		{at(0, 79), 80}, {at(1, 81), 80}, {at(2, 95), 80}, {at(3, 90), 80}, {at(4, 80), 80}, // 1 to 3
		{at(5, 90), 0}, {at(6, 90), 60}, {at(7, 90), 40}, // another limit
		{at(30, 90), 40}, // a silence
		{Point{At: 31 * 60e6, Lat: 32, Lon: 120, Speed: 200}, 40}, // nobody measured that
		{at(32, 41), 40}, {at(33, 42), 40},
	} {
		if e := p.Push(s.p, s.limit, false); e.Kind != Nothing {
			out = append(out, e)
		}
	}
	want := []Event{
		{Kind: Speeding, Whole: true, Points: 3, Start: 60e6, End: 180e6, Lat: 32, Lon: 120, ToLat: 32, ToLon: 120, Peak: 95, Limit: 80},
		{Kind: Speeding, Whole: true, Points: 1, Start: 360e6, End: 360e6, Lat: 32, Lon: 120, ToLat: 32, ToLon: 120, Peak: 90, Limit: 60},
		{Kind: Speeding, Whole: true, Points: 1, Start: 420e6, End: 420e6, Lat: 32, Lon: 120, ToLat: 32, ToLon: 120, Peak: 90, Limit: 40},
		{Kind: Speeding, Whole: true, Points: 1, Start: 1800e6, End: 1800e6, Lat: 32, Lon: 120, ToLat: 32, ToLon: 120, Peak: 90, Limit: 40},
	}
	if !slices.Equal(out, want) {
		t.Errorf("%+v", out)
	}
	if e, ok := p.Open(); !ok || e.Points != 2 || e.Peak != 42 {
		t.Errorf("open: %+v", e)
	}
	if e := p.Push(at(34, 60), 40, true); e.Points != 2 {
		t.Errorf("cut: %+v", e)
	}
}
