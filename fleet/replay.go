package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Replay is what a vehicle did on one day of the city's calendar, as its positions
// say: where it was, and what it did, one step after the other.
type Replay struct {
	Vehicle  register.VehicleID
	From, To time.Time     // of the day, the second not included
	Points   []track.Point // those of the day that count, in the order of time
	Steps    []Step
	Quarters []Quarter
	Refused  [track.Reasons]int // positions of the day that don't count, by why
	More     bool               // there are more positions than are read
}

// StepKind is what a vehicle did for a while.
type StepKind string

const (
	Drove  StepKind = "drove"
	Stayed StepKind = "stayed" // stood, as the rules of detection see it
	Quiet  StepKind = "quiet"  // nothing was heard of it
)

// Step is a piece of a day. Steps don't overlap; before the first and after the last
// nothing was heard.
type Step struct {
	Kind      StepKind
	No        int // of a stay, the first of the day is 1
	From, To  time.Time
	At, Until geo.Point // where it began and ended; of a stay, where it stood, twice
	Metres    float64   // driven, or between the ends of a silence
	Peak      float32   // km/h, as the terminal measured
}

// Long is how long the step took.
func (s Step) Long() time.Duration { return s.To.Sub(s.From) }

// Quarter is a quarter of an hour of the day, the first begins with it.
type Quarter struct {
	Peak   float32 // km/h, as the terminal measured
	Metres float64
	Heard  bool
}

const (
	quarter = 15 * time.Minute
	// A stay over midnight is seen whole when it began so long before; what lasts into
	// the next day is seen so far.
	before, after = 6 * time.Hour, time.Hour
	mostReplayed  = 200_000 // positions: more than one a second for two days
)

// Replay reads a day of a vehicle; that somebody looked is on record, once in a
// quarter of an hour. A vehicle that nobody knows has a day without anything.
func (m *Monitor) Replay(ctx context.Context, actor city.Actor, v register.VehicleID, day city.Date) (Replay, error) {
	if err := m.Access.Ask(ctx, actor, "position.read", access.Resource{Type: "Fleet"}); err != nil {
		return Replay{}, err
	}
	r := Replay{Vehicle: v, From: day.In(m.Zone), To: day.AddDays(1).In(m.Zone)}
	if err := m.looked(ctx, actor, v, day); err != nil {
		return r, err
	}
	r.Quarters = make([]Quarter, (r.To.Sub(r.From)+quarter-1)/quarter)
	from, to := city.Micros(r.From), city.Micros(r.To)
	watched, stays := m.rules.Vehicle(v), m.rules.Stays()
	var events, done []track.Event
	n := 0
	for p, err := range m.History.Track(ctx, string(v), from-before.Microseconds(), to+after.Microseconds()) {
		if err != nil {
			return r, err
		}
		if n++; n > mostReplayed {
			r.More = true
			break
		}
		x := readingOf(&p)
		last, heard := watched.Track.Stays.Last()
		var run track.Event
		if heard && x.At-last.At > stays.Gap.Microseconds() {
			run, _ = watched.Track.Stays.Open()
		}
		var why track.Reason
		events, why = watched.Track.Push(x, events[:0])
		within := x.At >= from && x.At < to
		if why != track.Fine {
			if within {
				r.Refused[why]++
			}
			continue
		}
		for _, e := range events {
			if e.Kind == track.Gap && run.Long() >= stays.Time { // whoever parks and switches off has stood all the same
				done = append(done, run)
			}
			if e.Kind == track.Stay || e.Kind == track.Gap {
				done = append(done, e)
			}
		}
		if within {
			r.Points = append(r.Points, x.Point)
		}
	}
	if e, ok := watched.Track.Stays.Open(); ok && e.Long() >= stays.Time {
		done = append(done, e)
	}
	r.steps(done)
	r.pace()
	return r, nil
}

// looked puts on record that somebody looks at a day of a vehicle. A look of the
// program is none.
func (m *Monitor) looked(ctx context.Context, actor city.Actor, v register.VehicleID, day city.Date) error {
	if actor.Kind == city.System {
		return nil
	}
	j, now := m.Registers.journal, m.Clock.Now()
	err := m.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		return j.Append(ctx, tx, journal.Event{At: now, Type: "track.seen", Subject: "vehicle:" + string(v), Actor: actor, Data: map[string]any{"day": day},
			Unique: fmt.Sprintf("track.seen:%s:%s:%s:%d", actor.Account, v, day, now.Unix()/int64(quarter.Seconds()))})
	})
	if errors.Is(err, db.ErrDuplicate) {
		return nil
	}
	return err
}

// steps puts driving between stays and silences, and cuts all to the day.
func (r *Replay) steps(done []track.Event) {
	from, to := city.Micros(r.From), city.Micros(r.To)
	slices.SortStableFunc(done, func(a, b track.Event) int { return int(min(1, max(-1, a.Start-b.Start))) })
	at, stays := int64(0), 0
	if len(r.Points) > 0 {
		at = r.Points[0].At
	}
	for _, e := range done {
		start, end := max(e.Start, from), min(e.End, to)
		if start >= end {
			continue
		}
		if at != 0 && at < start {
			r.drove(at, start)
		}
		s := Step{Kind: Stayed, From: city.FromMicros(start), To: city.FromMicros(end), At: e.Place(), Until: e.Place()}
		if e.Kind == track.Gap {
			s.Kind, s.Until = Quiet, geo.Point{Lat: e.ToLat, Lon: e.ToLon}
			s.Metres = geo.Distance(s.At, s.Until)
		} else {
			stays++
			s.No = stays
		}
		r.Steps = append(r.Steps, s)
		at = max(at, end)
	}
	if n := len(r.Points); n > 0 && at < r.Points[n-1].At {
		r.drove(at, r.Points[n-1].At)
	}
}

// drove adds what was driven from one moment to another, if anything was.
func (r *Replay) drove(from, to int64) {
	first, _ := slices.BinarySearchFunc(r.Points, from, func(p track.Point, at int64) int { return int(min(1, max(-1, p.At-at))) })
	s := Step{Kind: Drove, From: city.FromMicros(from), To: city.FromMicros(to)}
	for i := first; i < len(r.Points) && r.Points[i].At <= to; i++ {
		p := r.Points[i]
		if i == first {
			s.At = p.Place()
		} else {
			s.Metres += geo.Distance(r.Points[i-1].Place(), p.Place())
		}
		s.Until, s.Peak = p.Place(), max(s.Peak, p.Speed)
	}
	if s.At.IsZero() {
		return
	}
	r.Steps = append(r.Steps, s)
}

// pace sums up the quarters of the day.
func (r *Replay) pace() {
	from := city.Micros(r.From)
	quiet := make(map[int64]bool) // moments at which a silence ended
	for _, s := range r.Steps {
		if s.Kind == Quiet {
			quiet[city.Micros(s.To)] = true
		}
	}
	for i, p := range r.Points {
		q := &r.Quarters[(p.At-from)/quarter.Microseconds()]
		q.Heard, q.Peak = true, max(q.Peak, p.Speed)
		if i > 0 && !quiet[p.At] {
			q.Metres += geo.Distance(r.Points[i-1].Place(), p.Place())
		}
	}
}

// Metres is how far the vehicle was driven while it was heard.
func (r *Replay) Metres() (sum float64) {
	for _, s := range r.Steps {
		if s.Kind == Drove {
			sum += s.Metres
		}
	}
	return sum
}

// Spent is how long the vehicle did a thing, and how often.
func (r *Replay) Spent(k StepKind) (long time.Duration, times int) {
	for _, s := range r.Steps {
		if s.Kind == k {
			long += s.Long()
			times++
		}
	}
	return long, times
}
