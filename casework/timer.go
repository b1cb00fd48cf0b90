package casework

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Escalation of a case past its due date, in working days after it: the flag,
// then the post's superior is told again and again.
var escalation = []int{0, 1, 3, 5}

// alarm is when the timer must look at the case next; zero is never.
func alarm(k *Kind, s *State, due time.Time, cal *city.Calendar) time.Time {
	switch {
	case !s.Open:
		return time.Time{}
	case s.Paused == ActSuspendLedger:
		return s.Until
	case s.Has(FlagSupplement) && !s.Has(FlagSupplementLapsed):
		return s.AnswerBy
	case due.IsZero() || s.Step >= len(escalation):
		return time.Time{}
	}
	if k.Warn > 0 && s.Step == 0 && !s.Has(FlagWarned) {
		return s.warnAt(k, due, cal)
	}
	if n := escalation[s.Step]; n > 0 {
		return cal.Due(due, city.Limit{N: n, Unit: city.WorkingDays})
	}
	return due
}

// warnAt is the moment at which the kind's share has passed of the time between
// the due date and what the limit last ran from: the stage's beginning, or the end
// of the last pause.
func (s *State) warnAt(k *Kind, due time.Time, cal *city.Calendar) time.Time {
	from := s.Entered
	for _, p := range s.Lost {
		if p.To.After(from) {
			from = p.To
		}
	}
	for _, e := range s.Clock {
		if e.Kind == ClockStart && e.At.After(from) {
			from = e.At
		}
	}
	unit := s.Promise.Unit
	if st, ok := k.Stage(s.Stage); ok && !s.limit(st).IsZero() {
		unit = s.limit(st).Unit
	}
	if unit == city.WorkingDays || unit == city.WorkingHours {
		return cal.AddOffice(from, cal.OfficeTime(from, due)*time.Duration(k.Warn)/100)
	}
	return from.Add(due.Sub(from) * time.Duration(k.Warn) / 100)
}

// Alarm says when time alone will bring something about in the case, and which
// action that is; the zero time when nothing will.
func (e *Engine) Alarm(c Case) (at time.Time, action string) {
	e.mu.RLock()
	k := e.old[kindVersion{c.Kind, c.KindVersion}] // read with the case
	e.mu.RUnlock()
	if k == nil {
		return time.Time{}, ""
	}
	return alarm(k, &c.State, c.Due, e.cal), timed(k, &c.State)
}

// timed is what the timer does to a case whose alarm has come.
func timed(k *Kind, s *State) string {
	switch {
	case s.Paused == ActSuspendLedger:
		return ActReview
	case s.Has(FlagSupplement) && !s.Has(FlagSupplementLapsed):
		return ActLapse
	case k.Warn > 0 && s.Step == 0 && !s.Has(FlagWarned):
		return ActWarn
	}
	return ActOverdue
}

// Tick does what time alone brings about: limits that passed and corrections
// that nobody answered. It begins with what has been due longest, includes cases
// nobody has taken, and takes each step once however many nodes tick. A case with
// which it can't go on holds up no other: it is tried again at the next tick, and
// told in the error. It returns the number of steps taken.
func (e *Engine) Tick(ctx context.Context) (steps int, err error) {
	type look struct {
		number city.CaseNumber
		seq    int
	}
	now := e.now()
	var stuck error
	beaten, failed := map[look]bool{}, map[city.CaseNumber]bool{}
	for {
		var rows []caseRow
		var names []string
		err := e.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			rows, err = ringing(ctx, tx, city.Micros(now), 100)
			for i := range rows {
				k, err := e.version(ctx, tx, rows[i].kind, rows[i].version)
				if err != nil {
					return err
				}
				names = append(names, timed(k, &rows[i].state))
			}
			return err
		})
		if err != nil {
			return steps, err
		}
		progress := false
		for i, r := range rows {
			if failed[r.number] {
				continue
			}
			at := look{r.number, r.state.Seq}
			_, err := e.Do(ctx, city.SystemActor("timer"), r.number, Action{Name: names[i], Version: r.state.Seq})
			switch kind := city.KindOf(err); {
			case err == nil:
				steps++
				progress = true
			case kind == city.KindConflict && !beaten[at]: // another node, or an officer, was faster
				beaten[at] = true
				progress = true
			case kind == city.KindUnavailable || ctx.Err() != nil:
				return steps, errors.Join(stuck, err)
			default:
				failed[r.number] = true
				stuck = errors.Join(stuck, fmt.Errorf("%s of %s: %w", names[i], r.number, err))
			}
		}
		if !progress {
			return steps, stuck
		}
	}
}

// Run ticks until the context ends.
func (e *Engine) Run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if _, err := e.Tick(ctx); err != nil && ctx.Err() == nil {
			slog.Error("timer", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
