package casework

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Escalation of a case past its due date, in working days after it: the flag,
// then the post's superior is told again and again.
var escalation = []int{0, 1, 3, 5}

// alarm is when the timer must look at the case next; zero is never.
func alarm(s *State, due time.Time, cal *city.Calendar) time.Time {
	if !s.Open {
		return time.Time{}
	}
	if s.Has(FlagSupplement) && !s.Has(FlagSupplementLapsed) {
		return s.AnswerBy
	}
	if due.IsZero() || s.Step >= len(escalation) {
		return time.Time{}
	}
	if n := escalation[s.Step]; n > 0 {
		return cal.Due(due, city.Limit{N: n, Unit: city.WorkingDays})
	}
	return due
}

// Alarm says when time alone will bring something about in the case, and which
// action that is; the zero time when nothing will.
func (e *Engine) Alarm(c Case) (at time.Time, action string) {
	return alarm(&c.State, c.Due, e.cal), timed(&c.State)
}

// timed is what the timer does to a case whose alarm has come.
func timed(s *State) string {
	if s.Has(FlagSupplement) && !s.Has(FlagSupplementLapsed) {
		return ActLapse
	}
	return ActOverdue
}

// Tick does what time alone brings about: limits that passed and corrections
// that nobody answered. It begins with what has been due longest, includes cases
// nobody has taken, and takes each step once however many nodes tick. It returns
// the number of steps taken.
func (e *Engine) Tick(ctx context.Context) (int, error) {
	now := e.now()
	steps := 0
	for {
		var rows []caseRow
		err := e.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			rows, err = ringing(ctx, tx, city.Micros(now), 100)
			return err
		})
		if err != nil || len(rows) == 0 {
			return steps, err
		}
		progress := false
		for _, r := range rows {
			_, err := e.Do(ctx, city.SystemActor("timer"), r.number, Action{Name: timed(&r.state), Version: r.state.Seq})
			switch {
			case err == nil:
				steps++
				progress = true
			case city.KindOf(err) == city.KindConflict: // another node, or an officer, was faster
				progress = true
			default:
				return steps, err
			}
		}
		if !progress {
			return steps, errors.New("casework: the timer makes no progress")
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
