package track

import (
	"cmp"
	"slices"
)

// Watch is what a fleet is watched for. It never changes and is shared by all
// vehicles.
type Watch struct {
	Stays *Rule
	noise Noise
	craft Roadcraft
}

// NewWatch checks the thresholds and makes them ready.
func NewWatch(stays Settings, n Noise, c Roadcraft) (*Watch, error) {
	r, err := NewRule(stays)
	if err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Watch{r, n, c}, nil
}

// Reading is a point as it came in.
type Reading struct {
	Point
	Received int64   // microseconds UTC; 0 where nobody knows
	Limit    float32 // km/h allowed there; 0 is anything
}

// Vehicle is all that is remembered of one vehicle: about 1.2 KB, and 16 bytes for
// each coordinate that the Keep of its Settings allows (20 more from 65 on). It is not safe for
// concurrent use. A copy of the struct shares memory with it; Clone doesn't.
type Vehicle struct {
	Filter  Filter
	Stays   Stays
	Driving Driving
	Pace    Pace
	held    Reading // a stray one that waits for the next
}

// Vehicle begins to watch one. The driver may change: set Driving to NewDriving.
func (w *Watch) Vehicle() Vehicle {
	return Vehicle{Filter: NewFilter(&w.noise), Stays: w.Stays.Stays(), Driving: NewDriving(&w.craft), Pace: NewPace(w.Stays)}
}

// Driver begins the driving and resting of another driver.
func (w *Watch) Driver() Driving { return NewDriving(&w.craft) }

// Push takes what came in next and adds to out what it brought to an end. A reading
// that isn't Fine changed nothing but a counter; a Stray one may count with the next.
func (v *Vehicle) Push(r Reading, out []Event) ([]Event, Reason) {
	said := v.Filter.Take(r.Point, r.Received)
	if said.Freed {
		out = v.take(v.held, said.FreedCut, out)
	}
	switch said.Why {
	case Fine:
		out = v.take(r, said.Cut, out)
	case Stray:
		v.held = r
	}
	return out, said.Why
}

func (v *Vehicle) take(r Reading, cut bool, out []Event) []Event {
	var e Event
	if cut {
		e = v.Stays.Cut(r.Point)
	} else {
		e = v.Stays.Push(r.Point)
	}
	if e.Kind != Nothing {
		out = append(out, e)
	}
	out = v.Driving.Push(r.Point, cut, out)
	if e := v.Pace.Push(r.Point, r.Limit, cut); e.Kind != Nothing {
		out = append(out, e)
	}
	return out
}

// Clone is a copy that shares nothing with v but the thresholds.
func (v *Vehicle) Clone() Vehicle {
	c := *v
	c.Stays = v.Stays.Clone()
	return c
}

// Correction is what late readings change.
type Correction struct {
	Gone     []Event   // said before, and not so
	New      []Event   // not said before, and so
	Readings []Reading // all of them in time order, for the next time
	Refused  int       // late ones that were not taken; the vehicle's Filter counts why
}

// Correct takes in readings that came late. base is the vehicle as it was before
// the first of the kept readings, which are those that came since, also the ones
// that were not taken; a late one from before base's last point is too late and
// refused. It gives the vehicle as it would be had everything come in time, and how
// the events since base differ. base is not changed.
func (w *Watch) Correct(base *Vehicle, kept, late []Reading) (Vehicle, Correction) {
	type arrived struct {
		Reading
		late bool
	}
	all := make([]arrived, 0, len(kept)+len(late))
	for _, r := range kept {
		all = append(all, arrived{r, false})
	}
	for _, r := range late {
		all = append(all, arrived{r, true})
	}
	// where the moment is the same, who came first counts
	slices.SortStableFunc(all, func(a, b arrived) int { return cmp.Compare(a.At, b.At) })

	var before, after []Event
	then, now := base.Clone(), base.Clone()
	for _, r := range kept {
		before, _ = then.Push(r, before)
	}
	c := Correction{Readings: make([]Reading, 0, len(all))}
	for _, r := range all {
		var why Reason
		if after, why = now.Push(r.Reading, after); why != Fine && r.late {
			c.Refused++
		}
		c.Readings = append(c.Readings, r.Reading)
	}
	c.Gone, c.New = differ(before, after)
	return now, c
}

// differ gives what stands in one list and not in the other, in order; what stands
// twice has to stand twice.
func differ(before, after []Event) (gone, fresh []Event) {
	times := map[Event]int{}
	for _, e := range after {
		times[e]++
	}
	for _, e := range before {
		if times[e] > 0 {
			times[e]--
		} else {
			gone = append(gone, e)
		}
	}
	clear(times)
	for _, e := range before {
		times[e]++
	}
	for _, e := range after {
		if times[e] > 0 {
			times[e]--
		} else {
			fresh = append(fresh, e)
		}
	}
	return gone, fresh
}
