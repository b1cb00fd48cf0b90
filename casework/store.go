package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// never sorts cases without a due date behind all others.
const never = math.MaxInt64

// caseRow is the current row of a case.
type caseRow struct {
	id        city.CaseID
	number    city.CaseNumber
	kind      city.KindID
	version   int
	item      city.ItemCode
	region    city.RegionCode
	applicant city.PersonID
	firm      city.FirmID
	openedAt  time.Time
	parent    city.CaseID
	key       journal.KeyID
	title     []byte
	state     State

	// Derived from the state for inboxes and timers.
	body     string
	post     string
	assignee city.AccountID
	due      time.Time
	alarm    time.Time
	tasks    []Task // the working tasks behind the first
	hadTasks bool   // rows stand in case_tasks
}

// rulePost stands in the inbox column of cases that wait for a rule.
const rulePost = "@rule"

func (c *caseRow) derive(k *Kind, cal *city.Calendar) {
	s := &c.state
	c.due = s.Due(k, cal)
	c.alarm = alarm(k, s, c.due, cal)
	c.post, c.assignee, c.tasks = "", city.AccountID{}, nil
	if st, ok := k.Stage(s.Stage); ok && st.Rule != "" {
		c.post = rulePost
	}
	if w := s.Working(k); len(w) > 0 {
		c.body, c.post, c.assignee, c.tasks = string(w[0].Body), string(w[0].Post), w[0].Assignee, w[1:]
	} else if b := s.Params["body"]; c.body == "" {
		c.body = b
	}
}

func sortable(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return city.Micros(t)
}

// store queues the rows of one action. The action's row comes first: its key
// (case, seq) is what makes two actions on the same state exclude each other.
func (c *caseRow) store(ctx context.Context, tx *db.Tx, k *Kind, r Record, sealed []byte, idem string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	state, err := json.Marshal(c.state)
	if err != nil {
		return err
	}
	var key any
	if idem != "" {
		key = idem
	}
	open := 0
	if c.state.Open {
		open = 1
	}
	tx.Later(`INSERT INTO case_actions (case_id, seq, at, action, data, sealed, idem) VALUES ($1, $2, $3, $4, $5, $6, $7)`, nil,
		c.id, r.Seq, city.Micros(r.At), r.Action, string(data), sealed, key)
	if r.Seq == 1 {
		tx.Later(`INSERT INTO cases (id, number, kind, kind_version, item, seq, open, stage, body, post, assignee, region,
due, alarm, applicant, firm, opened_at, closed_at, parent, key_id, title, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`, nil,
			c.id, string(c.number), string(c.kind), c.version, string(c.item), r.Seq, open, c.state.Stage, c.body, c.post, c.assignee,
			string(c.region), sortable(c.due), city.Micros(c.alarm), c.applicant, c.firm, city.Micros(c.openedAt),
			city.Micros(c.state.ClosedAt), c.parent, c.key, c.title, string(state))
	} else {
		tx.Later(`UPDATE cases SET seq = $1, open = $2, stage = $3, body = $4, post = $5, assignee = $6, due = $7, alarm = $8,
closed_at = $9, state = $10 WHERE id = $11`, nil,
			r.Seq, open, c.state.Stage, c.body, c.post, c.assignee, sortable(c.due), city.Micros(c.alarm),
			city.Micros(c.state.ClosedAt), string(state), c.id)
	}
	if c.hadTasks {
		tx.Later(`DELETE FROM case_tasks WHERE case_id = $1`, nil, c.id)
	}
	for _, a := range c.state.Barred { // inboxes ask for open cases only
		switch {
		case r.Seq == 1:
			tx.Later(`INSERT INTO case_barred (account, case_id) VALUES ($1, $2)`, nil, a, c.id)
		case open == 0:
			tx.Later(`DELETE FROM case_barred WHERE account = $1 AND case_id = $2`, nil, a, c.id)
		}
	}
	for _, t := range c.tasks {
		tx.Later(`INSERT INTO case_tasks (case_id, task, post, assignee, due) VALUES ($1, $2, $3, $4, $5)`, nil,
			c.id, t.ID, string(t.Post), t.Assignee, sortable(c.due))
	}
	return nil
}

const rowColumns = `c.id, c.number, c.kind, c.kind_version, c.item, c.region, c.applicant, c.firm, c.opened_at, c.parent,
c.key_id, c.title, c.state, c.body, c.post, c.assignee, c.due, c.alarm`

func scanCase(r db.Row) (caseRow, error) {
	var c caseRow
	var opened, due, alarm int64
	var state string
	err := r.Scan(&c.id, &c.number, &c.kind, &c.version, &c.item, &c.region, &c.applicant, &c.firm, &opened, &c.parent,
		&c.key, &c.title, &state, &c.body, &c.post, &c.assignee, &due, &alarm)
	if err != nil {
		return c, err
	}
	c.openedAt, c.alarm = city.FromMicros(opened), city.FromMicros(alarm)
	if due != never {
		c.due = city.FromMicros(due)
	}
	if err := json.Unmarshal([]byte(state), &c.state); err != nil {
		return c, fmt.Errorf("casework: state of %s: %w", c.number, err)
	}
	c.hadTasks = len(c.state.Tasks) > 1
	return c, nil
}

func found(c caseRow, err error) (caseRow, error) {
	if errors.Is(err, db.ErrNoRows) {
		return c, city.NotFound("case.not_found")
	}
	return c, err
}

func caseByNumber(ctx context.Context, tx *db.Tx, n city.CaseNumber) (caseRow, error) {
	return found(scanCase(tx.QueryRow(ctx, `SELECT `+rowColumns+` FROM cases c WHERE c.number = $1`, string(n))))
}

func caseByID(ctx context.Context, tx *db.Tx, id city.CaseID) (caseRow, error) {
	return found(scanCase(tx.QueryRow(ctx, `SELECT `+rowColumns+` FROM cases c WHERE c.id = $1`, id)))
}

func findKey(ctx context.Context, tx *db.Tx, idem string) (id city.CaseID, seq int, err error) {
	err = tx.QueryRow(ctx, `SELECT case_id, seq FROM case_actions WHERE idem = $1`, idem).Scan(&id, &seq)
	return id, seq, err
}

type storedRecord struct {
	Record
	sealed []byte
}

func actionsOf(ctx context.Context, tx *db.Tx, id city.CaseID, upTo int) ([]storedRecord, error) {
	return db.All(ctx, tx, func(r db.Row) (storedRecord, error) {
		var s storedRecord
		var at int64
		var data string
		if err := r.Scan(&s.Seq, &at, &s.Action, &data, &s.sealed); err != nil {
			return s, err
		}
		s.At = city.FromMicros(at)
		return s, json.Unmarshal([]byte(data), &s.Record)
	}, `SELECT seq, at, action, data, sealed FROM case_actions WHERE case_id = $1 AND seq <= $2 ORDER BY seq`, id, upTo)
}

// changeRow is an action with the case it belongs to.
type changeRow struct {
	storedRecord
	id     city.CaseID
	number city.CaseNumber
}

// changesOf reads the actions of cases of a kind after a place in the order of time,
// up to a moment.
func changesOf(ctx context.Context, tx *db.Tx, kind city.KindID, after ChangeCursor, until time.Time, limit int) ([]changeRow, error) {
	return db.All(ctx, tx, func(r db.Row) (c changeRow, err error) {
		var at int64
		var data string
		if err := r.Scan(&c.id, &c.number, &c.Seq, &at, &c.Action, &data); err != nil {
			return c, err
		}
		c.At = city.FromMicros(at)
		return c, json.Unmarshal([]byte(data), &c.Record)
	}, `SELECT a.case_id, c.number, a.seq, a.at, a.action, a.data FROM case_actions a JOIN cases c ON c.id = a.case_id
WHERE (a.at, a.case_id, a.seq) > ($1, $2, $3) AND a.at <= $4 AND c.kind = $5 ORDER BY a.at, a.case_id, a.seq LIMIT $6`,
		city.Micros(after.At), after.Case[:], after.Seq, city.Micros(until), string(kind), limit)
}

func claimNumbers(ctx context.Context, tx *db.Tx, name string, n int64) (int64, error) {
	end, err := db.One[int64](ctx, tx, `INSERT INTO counters (name, next) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET next = counters.next + $3 RETURNING next`, name, 1+n, n)
	return end - n, err
}

func registerKind(ctx context.Context, tx *db.Tx, id city.KindID, digest, definition string, now time.Time) (int, error) {
	var version int
	var have string
	err := tx.QueryRow(ctx, `SELECT version, digest FROM kind_versions WHERE kind = $1 ORDER BY version DESC LIMIT 1`, string(id)).Scan(&version, &have)
	if err == nil && have == digest {
		return version, nil
	}
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return 0, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO kind_versions (kind, version, digest, definition, since) VALUES ($1, $2, $3, $4, $5)`,
		string(id), version+1, digest, definition, city.Micros(now))
	return version + 1, err
}

func kindDefinition(ctx context.Context, tx *db.Tx, id city.KindID, v int) (string, error) {
	return db.One[string](ctx, tx, `SELECT definition FROM kind_versions WHERE kind = $1 AND version = $2`, string(id), v)
}

func newestCases(ctx context.Context, tx *db.Tx, limit int) ([]caseRow, error) {
	return db.All(ctx, tx, func(r db.Row) (caseRow, error) { return scanCase(r) },
		`SELECT `+rowColumns+` FROM cases c ORDER BY c.id DESC LIMIT $1`, limit)
}
