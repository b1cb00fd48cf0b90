package incident

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Callback is somebody to call about what was done with their report (回访).
type Callback struct {
	Report city.ReportID
	Number city.CaseNumber
	Class  city.ItemCode
	Joined bool
	Closed time.Time
	Tries  int // calls that nobody answered
}

// Call is a callback with what the operator has to know to make it.
type Call struct {
	Callback
	Case     casework.Case
	Reporter Reporter // empty after erasure
	Words    string
	Address  string
	Answer   string // the office's own words with which the matter ended
}

const (
	// askWithin is how long after the end somebody is called; later they hardly
	// remember, and reopening is over.
	askWithin = 30 * 24 * time.Hour
	// mostTries is after how many calls without an answer somebody is left in peace,
	// and tryAgain how long to wait between two of them.
	mostTries = 3
	tryAgain  = 4 * time.Hour
)

// Callbacks lists whom to call, longest waiting first, with the cursor of the next
// page: those who left a number, whose matter has ended and who have not said how
// it went. Nobody's words or number are among it.
func (s *Service) Callbacks(ctx context.Context, tx *db.Tx, actor city.Actor, limit int, after string) (list []Callback, next string, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.callback", access.Resource{Type: "Incident"}); err != nil {
		return nil, "", err
	}
	if limit <= 0 || limit > 100 {
		limit = 30
	}
	from, id := city.Micros(s.now().Add(-askWithin)), city.ReportID{}
	if after != "" {
		raw, err := base64.RawURLEncoding.DecodeString(after)
		var at int64
		var text string
		if _, scan := fmt.Sscanf(string(raw), "%d %s", &at, &text); err != nil || scan != nil || id.UnmarshalJSON([]byte(`"`+text+`"`)) != nil {
			return nil, "", city.Invalid("error.cursor")
		}
		from = at
	}
	rows, err := toCall(ctx, tx, from, id, city.Micros(s.now()), limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", city.Micros(last.callAt), last.id))
	}
	for _, r := range rows {
		c, err := s.callback(ctx, tx, actor, r)
		if err != nil {
			return nil, "", err
		}
		list = append(list, c.Callback)
	}
	return list, next, nil
}

func (s *Service) callback(ctx context.Context, tx *db.Tx, actor city.Actor, r reportRow) (c Call, err error) {
	if c.Case, err = s.cases.Get(ctx, tx, program(actor), r.number); err != nil {
		return c, err
	}
	in, err := incidentByNumber(ctx, tx, r.number)
	c.Callback = Callback{Report: r.id, Number: r.number, Class: in.class, Joined: r.joined, Closed: c.Case.ClosedAt, Tries: r.calls}
	return c, missing(err)
}

// Call shows an operator whom to call, with their number and words; the look is on
// record. What needs no call any more is city.KindConflict.
func (s *Service) Call(ctx context.Context, tx *db.Tx, actor city.Actor, report city.ReportID) (c Call, err error) {
	row, err := s.toAsk(ctx, tx, actor, report)
	if err != nil {
		return c, err
	}
	if _, err := s.cases.Look(ctx, tx, actor, row.number, "purpose.callback"); err != nil {
		return c, err
	}
	if err := s.looked(ctx, tx, actor, "purpose.callback", row.number); err != nil {
		return c, err
	}
	if c, err = s.callback(ctx, tx, actor, row); err != nil {
		return c, err
	}
	var words said
	if err := s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &words); err != nil && !errors.Is(err, journal.ErrErased) {
		return c, err
	}
	c.Reporter, c.Words, c.Address = words.Reporter, words.Text, words.Address
	records, err := s.cases.History(ctx, tx, program(actor), row.number)
	for _, r := range records {
		if r.Words.Reason != "" && s.ends(c.Case.Kind, r) {
			c.Answer = r.Words.Reason
		}
	}
	return c, err
}

// toAsk reads the report of somebody who is to be called.
func (s *Service) toAsk(ctx context.Context, tx *db.Tx, actor city.Actor, report city.ReportID) (reportRow, error) {
	if err := s.Access.Ask(ctx, actor, "incident.callback", access.Resource{Type: "Incident"}); err != nil {
		return reportRow{}, err
	}
	row, err := reportByID(ctx, tx, report)
	if err == nil && row.callAt.IsZero() {
		err = city.Conflict("incident.callback.over")
	}
	return row, missing(err)
}

// RateByCall keeps what a reporter says of how it went when an operator calls them.
func (s *Service) RateByCall(ctx context.Context, actor city.Actor, report city.ReportID, r Rating) error {
	r.By = "call"
	if err := r.check(); err != nil {
		return err
	}
	return raced(s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := s.toAsk(ctx, tx, actor, report)
		if err != nil {
			return err
		}
		return s.rate(ctx, tx, actor, row, r)
	}))
}

// Unanswered notes that somebody was called and did not answer, or would not: they
// are tried again later, and after the third time left in peace. Tries is how
// often they had been called when the operator looked; a repeat counts once.
func (s *Service) Unanswered(ctx context.Context, actor city.Actor, report city.ReportID, tries int) error {
	return raced(s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := s.toAsk(ctx, tx, actor, report)
		if err != nil || row.calls != tries {
			return err
		}
		now, again := s.now(), int64(0)
		if row.calls+1 < mostTries {
			again = city.Micros(now.Add(tryAgain))
		}
		noteCall(tx, row.id, again, row.calls+1)
		return s.Journal.Append(ctx, tx, journal.Event{At: now, Type: "incident.unanswered", Subject: string(row.number), Actor: actor,
			Data: map[string]any{"number": row.number, "report": row.id, "calls": row.calls + 1}})
	}))
}
