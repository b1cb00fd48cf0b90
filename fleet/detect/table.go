package detect

import (
	"cmp"
	"io"
	"slices"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
)

// Matter is what was noticed of one thing: the last finding of its key, from when the
// first began.
type Matter struct {
	Finding
	Times int // that it was noticed
}

// Found is what a table of positions holds.
type Found struct {
	Readings int // rows that could be read
	Vehicles int
	Strange  int // vehicles that nobody registered; only what they do to others is noticed
	Unsorted int // vehicles whose rows were not in time order; they were put in order
	Refused  [track.Reasons]int
	Bad      []*city.Error // why rows could not be read: of each reason the first, that names its line
	BadRows  []int         // how many of each
	Matters  []Matter      // in the order of their beginnings
}

// Source is a table of positions (see track.Rows) and what is on record beside it.
type Source struct {
	Open     func() (io.ReadCloser, error) // anew each time
	Columns  map[string]string
	Progress func(read int64) // may be nil
	Book     func(city.Date) *register.Book
	Ground   Ground
}

// tabled is one vehicle of a table.
type tabled struct {
	Vehicle
	rows     int
	last     int64 // moment of the last row
	readings []track.Reading
	unsorted bool
	refused  [track.Reasons]int
	days     map[city.Date]bool
	stays    []track.Event
	found    []Finding
}

// Table looks for everything that the rules know in a table of positions, as they
// would have been told while the vehicles drove. Rows of one vehicle need not be in
// order. What is held is the stays, and the rows of vehicles that are out of order.
// A vehicle counts as silent where a later row, of its own or of another, says how long
// it was.
func (r *Rules) Table(src Source) (*Found, error) {
	t := tableWatch{rules: r, Source: src, byID: map[string]*tabled{}}
	out := &Found{}
	reasons := map[string]int{}
	bad := func(err *city.Error) {
		i, ok := reasons[err.Message.Key]
		if !ok {
			i = len(out.Bad)
			reasons[err.Message.Key] = i
			out.Bad, out.BadRows = append(out.Bad, err), append(out.BadRows, 0)
		}
		out.BadRows[i]++
	}
	err := track.Rows(src.Open, src.Columns, src.Progress, func(id []byte, p track.Point) {
		out.Readings++
		v := t.of(id)
		v.rows++
		if v.unsorted {
			return
		}
		if v.rows > 1 && p.At < v.last {
			out.Unsorted++
			v.unsorted = true
			return
		}
		v.last = p.At
		t.take(v, track.Reading{Point: p})
	}, bad)
	if err == nil && out.Unsorted > 0 {
		err = track.Rows(src.Open, src.Columns, src.Progress, func(id []byte, p track.Point) {
			if v := t.of(id); v.unsorted {
				v.readings = append(v.readings, track.Reading{Point: p})
			}
		}, func(*city.Error) {})
	}
	if err != nil {
		return nil, err
	}
	end := int64(0)
	for _, v := range t.all {
		if v.unsorted {
			readings := v.readings
			*v = tabled{Vehicle: r.Vehicle(v.ID), rows: v.rows, unsorted: true}
			slices.SortStableFunc(readings, func(a, b track.Reading) int { return cmp.Compare(a.At, b.At) })
			for _, p := range readings {
				t.take(v, p)
			}
		}
		if last, ok := v.Track.Stays.Last(); ok {
			end = max(end, last.At)
		}
	}
	var found []Finding
	days := map[city.Date]bool{}
	for _, v := range t.all {
		out.Vehicles++
		for why, n := range v.refused {
			out.Refused[why] += n
		}
		for day := range v.days {
			days[day] = true
		}
		if last, ok := v.Track.Stays.Last(); ok {
			reg := t.at(last.At).Vehicle(v.ID)
			if f, ok := r.Quiet(&v.Vehicle, reg, end); ok {
				v.found = append(v.found, f)
			}
			if reg == nil {
				out.Strange++
			}
		}
		found = append(found, v.found...)
	}
	out.Matters = matters(t.remember(days, found))
	return out, nil
}

// tableWatch is how a table is gone through.
type tableWatch struct {
	rules *Rules
	Source
	all      []*tabled
	byID     map[string]*tabled
	now      *tabled
	book     *register.Book
	from, to int64 // of the book's day
	seen     Seen
}

func (t *tableWatch) of(id []byte) *tabled {
	if t.now != nil && string(id) == string(t.now.ID) {
		return t.now
	}
	v := t.byID[string(id)]
	if v == nil {
		v = &tabled{Vehicle: t.rules.Vehicle(register.VehicleID(id))}
		t.byID[string(v.ID)] = v
		t.all = append(t.all, v)
	}
	t.now = v
	return v
}

// at is the book of a moment's day.
func (t *tableWatch) at(us int64) *register.Book {
	if t.book == nil {
		t.book = t.Book(city.Date{Year: 1970, Month: 1, Day: 1}) // for its zone
	}
	if us < t.from || us >= t.to {
		day := dayOf(t.book, us)
		t.book = t.Book(day)
		t.from, t.to = startOf(t.book, day), startOf(t.book, day.AddDays(1))
	}
	return t.book
}

func (t *tableWatch) take(v *tabled, p track.Reading) {
	book := t.at(p.At)
	reg := book.Vehicle(v.ID)
	if f, ok := t.rules.Quiet(&v.Vehicle, reg, p.At); ok {
		v.found = append(v.found, f)
	}
	v.found = t.rules.Push(book, t.Ground, &v.Vehicle, reg, p, &t.seen, v.found)
	v.refused[t.seen.Why]++
	if t.seen.Why != track.Fine {
		return
	}
	if v.days == nil {
		v.days = map[city.Date]bool{}
	}
	v.days[book.Day()] = true
	for _, e := range t.seen.Events {
		if e.Kind == track.Stay {
			v.stays = append(v.stays, e)
		}
	}
}

// remember goes through days and stays in the order of time, for the rules about what
// repeats, meets or contradicts itself.
func (t *tableWatch) remember(days map[city.Date]bool, found []Finding) []Finding {
	type stayed struct {
		id register.VehicleID
		track.Event
	}
	var stays []stayed
	for _, v := range t.all {
		for _, e := range v.stays {
			stays = append(stays, stayed{v.ID, e})
		}
	}
	slices.SortFunc(stays, func(a, b stayed) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.id, b.id), cmp.Compare(a.Start, b.Start))
	})
	order := make([]city.Date, 0, len(days))
	for day := range days {
		order = append(order, day)
	}
	slices.SortFunc(order, func(a, b city.Date) int { return cmp.Compare(number(a), number(b)) })
	memory := NewMemory(t.rules, t.Ground)
	for _, day := range order {
		book := t.Book(day)
		found = memory.Check(book, found)
		for end := startOf(book, day.AddDays(1)); len(stays) > 0 && stays[0].End < end; stays = stays[1:] {
			began := t.at(stays[0].Start)
			found = memory.Stay(began, began.Vehicle(stays[0].id), stays[0].Event, found)
		}
	}
	return found
}

// matters makes one of all that was found of a matter.
func matters(found []Finding) []Matter {
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Rule, b.Rule)) })
	at := map[[2]string]int{}
	var list []Matter
	for _, f := range found {
		key := [2]string{f.Rule, f.Key}
		i, ok := at[key]
		if !ok {
			at[key] = len(list)
			list = append(list, Matter{f, 1})
			continue
		}
		f.From = min(f.From, list[i].From)
		list[i] = Matter{f, list[i].Times + 1}
	}
	slices.SortStableFunc(list, func(a, b Matter) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Key, b.Key))
	})
	return list
}
