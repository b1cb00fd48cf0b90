package algorithm

import (
	"context"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/rule"
)

// Statistics are what anybody may know of a rule's decisions.
type Statistics struct {
	Tally
	Clauses map[string]ClauseTally // by clause
	Months  []MonthTally           // oldest first
}

// Tally counts decisions.
type Tally struct {
	Runs      int
	Granted   int
	ToOfficer int // a clause spoke against it
	Need      int // to an officer, since facts were missing
	Reviewed  int // somebody asked a person to look again
	Corrected int // and the person found otherwise
}

// ClauseTally counts how a clause came out.
type ClauseTally struct{ Decided, Failed, Broken, Unknown int }

// MonthTally is the tally of a month, such as "2026-03".
type MonthTally struct {
	Month string
	Tally
}

const (
	countRuns      = "runs"
	countReviewed  = "reviewed"
	countCorrected = "corrected"
	countOutcome   = "outcome:"
	countDecided   = "decided:"
	countClause    = "clause:" // clause:<state>:<id>
)

// counted names what a verdict adds to, always in the same order.
func counted(v rule.Verdict) []string {
	out := []string{countRuns, countOutcome + string(v.Outcome)}
	if v.Deciding != "" {
		out = append(out, countDecided+v.Deciding)
	}
	for _, c := range v.Clauses {
		if c.State != rule.Holds {
			out = append(out, countClause+string(c.State)+":"+c.ID)
		}
	}
	return out
}

func (r *Register) month(at time.Time) string { return at.In(r.cal.Zone).Format("2006-01") }

// Statistics counts a rule's decisions. They are public: nothing in them leads to
// a person.
func (r *Register) Statistics(ctx context.Context, tx *db.Tx, id city.RuleID) (Statistics, error) {
	counts, err := countsOf(ctx, tx, id)
	if err != nil {
		return Statistics{}, err
	}
	s := Statistics{Clauses: map[string]ClauseTally{}}
	for _, c := range counts {
		if n := len(s.Months); n == 0 || s.Months[n-1].Month != c.month {
			s.Months = append(s.Months, MonthTally{Month: c.month})
		}
		s.Tally.add(c.what, c.n)
		s.Months[len(s.Months)-1].add(c.what, c.n)
		s.addClause(c.what, c.n)
	}
	return s, nil
}

func (t *Tally) add(what string, n int) {
	switch what {
	case countRuns:
		t.Runs += n
	case countOutcome + string(rule.Grant):
		t.Granted += n
	case countOutcome + string(rule.ToOfficer):
		t.ToOfficer += n
	case countOutcome + string(rule.Need):
		t.Need += n
	case countReviewed:
		t.Reviewed += n
	case countCorrected:
		t.Corrected += n
	}
}

func (s *Statistics) addClause(what string, n int) {
	add := func(prefix string, into func(*ClauseTally)) {
		if len(what) > len(prefix) && what[:len(prefix)] == prefix {
			id := what[len(prefix):]
			t := s.Clauses[id]
			into(&t)
			s.Clauses[id] = t
		}
	}
	add(countDecided, func(t *ClauseTally) { t.Decided += n })
	add(countClause+string(rule.Fails)+":", func(t *ClauseTally) { t.Failed += n })
	add(countClause+string(rule.Broken)+":", func(t *ClauseTally) { t.Broken += n })
	add(countClause+string(rule.Unknown)+":", func(t *ClauseTally) { t.Unknown += n })
}

// NoteReview says that a person looks again at the run, in the case given. A
// run is reviewed once.
func (r *Register) NoteReview(ctx context.Context, tx *db.Tx, actor city.Actor, id city.RunID, review city.CaseNumber) error {
	row, err := found(runByID(ctx, tx, id))
	if err != nil {
		return err
	}
	if err := r.access.Ask(ctx, actor, "run.review", row.resource()); err != nil {
		return err
	}
	if row.Review == review {
		return nil
	}
	setReview(tx, id, review)
	now := r.clock.Now()
	count(tx, row.rule, r.month(now), countReviewed)
	return r.note(ctx, tx, actor, row, "algorithm.reviewed", now, map[string]any{"review": review})
}

// NoteFinding says what the review found. Where no run is reviewed in the case,
// nothing happens.
func (r *Register) NoteFinding(ctx context.Context, tx *db.Tx, actor city.Actor, review city.CaseNumber, f Finding) error {
	if err := r.access.Ask(ctx, actor, "run.find", access.Resource{Type: "Run", Attrs: access.Attrs{"review": string(review)}}); err != nil {
		return err
	}
	rows, err := runsOfReview(ctx, tx, review)
	if err != nil {
		return err
	}
	now := r.clock.Now()
	for _, row := range rows {
		if row.Finding != "" {
			continue
		}
		setFinding(tx, row.ID, f)
		if f == Corrected {
			count(tx, row.rule, r.month(now), countCorrected)
		}
		if err := r.note(ctx, tx, actor, row, "algorithm.found", now, map[string]any{"finding": f}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Register) note(ctx context.Context, tx *db.Tx, actor city.Actor, row runRow, event string, at time.Time, more map[string]any) error {
	public := map[string]any{"rule": row.rule}
	data := map[string]any{"rule": row.rule, "run": row.ID, "case": row.Case}
	for k, v := range more {
		data[k] = v
	}
	if f, ok := more["finding"]; ok {
		public["finding"] = f
	}
	return r.journal.Append(ctx, tx, journal.Event{At: at, Type: event, Subject: row.ID.String(), Actor: actor, Public: public, Data: data})
}
