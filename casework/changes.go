package casework

import (
	"context"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// Change is something that was done in a case, without its words.
type Change struct {
	Record
	Case   city.CaseID
	Number city.CaseNumber
	Ended  bool // it closed the case
}

// ChangeCursor is a place in the order of all changes: by time, then by case. Its
// zero value but for At is before everything of that moment.
type ChangeCursor struct {
	At   time.Time
	Case city.CaseID
	Seq  int
}

// Cursor is the place right behind the change.
func (c Change) Cursor() ChangeCursor { return ChangeCursor{c.At, c.Case, c.Seq} }

// mostChanges bounds what Changes gives at once.
const mostChanges = 1000

// Changes lists what was done in cases of a kind behind a place and up to a moment,
// the oldest first. It is for programs that know which cases anybody may hear of.
func (e *Engine) Changes(ctx context.Context, tx *db.Tx, actor city.Actor, kind city.KindID, after ChangeCursor, until time.Time, limit int) ([]Change, error) {
	if err := e.access.Ask(ctx, actor, "case.changes", access.Resource{Type: "Inbox", ID: string(kind)}); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > mostChanges {
		limit = mostChanges
	}
	rows, err := changesOf(ctx, tx, kind, after, until, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Change, len(rows))
	k, known := e.Kind(kind)
	for i, r := range rows {
		out[i] = Change{Record: r.Record, Case: r.id, Number: r.number, Ended: known && k.Ends(r.Record)}
	}
	return out, nil
}

// Ends reports whether a recorded action closed its case.
func (k *Kind) Ends(r Record) bool {
	if r.Action == ActTerminate || r.Action == ActWithdraw {
		return true
	}
	st, ok := k.Stage(r.Stage)
	if !ok {
		return false
	}
	for _, o := range st.Outcomes {
		if o.Action == r.Action {
			return o.Next == End
		}
	}
	return false
}
