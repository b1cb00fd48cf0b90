package casework

import (
	"time"

	"yiwang/city"
)

// EntryKind is what an entry of the clock's ledger does.
type EntryKind string

const (
	ClockStart   EntryKind = "start"
	ClockSuspend EntryKind = "suspend"
	ClockResume  EntryKind = "resume"
	ClockExtend  EntryKind = "extend"
	ClockBreach  EntryKind = "breach"
	ClockStop    EntryKind = "stop"
)

// Entry is one line of the clock's ledger.
type Entry struct {
	At     time.Time  `json:"at"`
	Kind   EntryKind  `json:"kind"`
	Limit  city.Limit `json:"limit,omitzero"`   // of start and extend
	Reason string     `json:"reason,omitempty"` // supplement, or the special procedure
}

// Clock is the promise's ledger. It is only ever appended to, and what it says
// about any past moment can be computed again.
type Clock []Entry

// Reading is what the ledger says at one moment.
type Reading struct {
	Started bool
	Paused  bool
	Stopped bool
	Reason  string     // why it is paused
	Limit   city.Limit // promise and extensions of the same unit together
	Due     time.Time  // zero before the start and while paused
	Used    int        // working days used of limits in days, else whole hours
	Pauses  []Pause    // in order
	Since   time.Time  // start
	Until   time.Time  // stop
	Breach  bool       // the limit was passed before the stop
}

// Pause is a time that the promise did not run.
type Pause struct {
	Reason   string
	From, To time.Time // To is zero while it lasts
	Days     int       // working days (or natural days) that it took out
}

// At reads the ledger as of the moment: later entries are left out.
//
// Day limits count days: the day of the start is free, a pause from day a to day
// b takes out the working days a ≤ d < b. Hour limits are counted to the minute.
func (c Clock) At(cal *city.Calendar, now time.Time) Reading {
	var r Reading
	var extra []city.Limit
	for _, e := range c {
		if e.At.After(now) {
			break
		}
		switch e.Kind {
		case ClockStart: // a second one begins anew: the case was reopened
			r, extra = Reading{Started: true, Since: e.At, Limit: e.Limit, Breach: r.Breach}, nil
		case ClockExtend:
			extra = append(extra, e.Limit)
		case ClockSuspend:
			r.Paused, r.Reason = true, e.Reason
			r.Pauses = append(r.Pauses, Pause{Reason: e.Reason, From: e.At})
		case ClockResume:
			r.Paused, r.Reason = false, ""
			if n := len(r.Pauses); n > 0 && r.Pauses[n-1].To.IsZero() {
				r.Pauses[n-1].To = e.At
			}
		case ClockBreach:
			r.Breach = true
		case ClockStop:
			r.Stopped, r.Until, r.Paused = true, e.At, false
		}
	}
	if !r.Started {
		return r
	}
	for i := range r.Pauses {
		p := &r.Pauses[i]
		to := p.To
		if to.IsZero() {
			to = now
		}
		p.Days = days(cal, r.Limit.Unit, p.From, to)
	}
	end := now
	if r.Stopped {
		end = r.Until
	}
	for _, l := range extra {
		if l.Unit == r.Limit.Unit {
			r.Limit.N += l.N
		}
	}
	r.Used = r.used(cal, end)
	if !r.Paused {
		r.Due = r.due(cal, extra)
	}
	return r
}

func days(cal *city.Calendar, u city.Unit, from, to time.Time) int {
	a, b := city.DateOf(from.In(cal.Zone)), city.DateOf(to.In(cal.Zone))
	if u == city.NaturalDays {
		return int(b.In(time.UTC).Sub(a.In(time.UTC)).Hours() / 24)
	}
	return cal.WorkdaysBetween(a, b)
}

func (r *Reading) due(cal *city.Calendar, extra []city.Limit) time.Time {
	limit := r.Limit
	start := r.Since
	switch limit.Unit {
	case city.WorkingDays, city.NaturalDays:
		for _, p := range r.Pauses {
			limit.N += p.Days
		}
		due := cal.Due(start, limit)
		for _, l := range extra {
			if l.Unit != limit.Unit {
				due = cal.Due(due, l)
			}
		}
		return due
	}
	// Hours: what was used before each pause no longer has to be waited for.
	left := time.Duration(limit.N) * time.Hour
	from := start
	for _, p := range r.Pauses {
		left -= span(cal, limit.Unit, from, p.From)
		from = p.To
	}
	due := addSpan(cal, limit.Unit, from, left)
	for _, l := range extra {
		if l.Unit != limit.Unit {
			due = cal.Due(due, l)
		}
	}
	return due
}

func (r *Reading) used(cal *city.Calendar, end time.Time) int {
	switch r.Limit.Unit {
	case city.WorkingDays, city.NaturalDays:
		n := days(cal, r.Limit.Unit, r.Since, end)
		for _, p := range r.Pauses {
			n -= p.Days
		}
		return max(n, 0)
	}
	d := span(cal, r.Limit.Unit, r.Since, end)
	for _, p := range r.Pauses {
		to := p.To
		if to.IsZero() {
			to = end
		}
		d -= span(cal, r.Limit.Unit, p.From, to)
	}
	return int(d / time.Hour)
}

func span(cal *city.Calendar, u city.Unit, from, to time.Time) time.Duration {
	if u == city.WorkingHours {
		return cal.OfficeTime(from, to)
	}
	return to.Sub(from)
}

func addSpan(cal *city.Calendar, u city.Unit, from time.Time, d time.Duration) time.Time {
	if u == city.WorkingHours {
		return cal.AddOffice(from, d)
	}
	return from.Add(d)
}
