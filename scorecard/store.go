package scorecard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// caseRow is a case as counted.
type caseRow struct {
	number city.CaseNumber
	cell
	state caseState
	known bool
}

// cell is where a case is counted.
type cell struct {
	sort   Sort
	month  Month
	body   string
	street string
	item   string
}

func readCase(ctx context.Context, tx *db.Tx, n city.CaseNumber) (r caseRow, err error) {
	r.number = n
	var month int64
	var state string
	err = tx.QueryRow(ctx, `SELECT month, sort, body, street, item, state FROM scorecard_cases WHERE number = $1`, string(n)).
		Scan(&month, (*string)(&r.sort), &r.body, &r.street, &r.item, &state)
	if errors.Is(err, db.ErrNoRows) {
		return r, nil
	}
	if err == nil {
		r.known, r.month = true, Month(month)
		err = json.Unmarshal([]byte(state), &r.state)
	}
	return r, err
}

func writeCase(tx *db.Tx, r *caseRow) error {
	state, err := json.Marshal(&r.state)
	if err != nil {
		return err
	}
	tx.Later(`INSERT INTO scorecard_cases (number, month, sort, body, street, item, marks, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (number) DO UPDATE SET month = excluded.month, sort = excluded.sort, body = excluded.body,
  street = excluded.street, item = excluded.item, marks = excluded.marks, state = excluded.state`, nil,
		string(r.number), int64(r.month), string(r.sort), r.body, r.street, r.item, int64(r.state.marks()), string(state))
	return nil
}

func readCell(ctx context.Context, tx *db.Tx, c cell) (sums counts, err error) {
	var raw []byte
	err = tx.QueryRow(ctx, `SELECT counts FROM scorecard_cells WHERE sort = $1 AND month = $2 AND body = $3 AND street = $4 AND item = $5`,
		string(c.sort), int64(c.month), c.body, c.street, c.item).Scan(&raw)
	if errors.Is(err, db.ErrNoRows) {
		return sums, nil
	}
	if err == nil {
		err = sums.unpack(raw)
	}
	return sums, err
}

func writeCell(tx *db.Tx, c cell, sums *counts) {
	tx.Later(`INSERT INTO scorecard_cells (sort, month, body, street, item, counts)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (sort, month, body, street, item) DO UPDATE SET counts = excluded.counts`, nil,
		string(c.sort), int64(c.month), c.body, c.street, c.item, sums.pack())
}

func deleteAll(ctx context.Context, tx *db.Tx) error {
	for _, q := range []string{`DELETE FROM scorecard_cases`, `DELETE FROM scorecard_cells`} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// where writes the conditions of a query; $ numbers follow the arguments.
func (q Query) where() (string, []any) {
	var b strings.Builder
	args := []any{string(q.Sort), int64(q.From), int64(q.Until)}
	b.WriteString(` WHERE sort = $1 AND month >= $2 AND month <= $3`)
	for _, f := range []struct{ column, value string }{{"body", string(q.Body)}, {"street", string(q.Street)}, {"item", string(q.Item)}} {
		if f.value != "" {
			args = append(args, f.value)
			fmt.Fprintf(&b, ` AND %s = $%d`, f.column, len(args))
		}
	}
	return b.String(), args
}

// eachCell calls f with every cell of the query and its packed sums.
func eachCell(ctx context.Context, tx *db.Tx, q Query, f func(cell, []byte) error) error {
	where, args := q.where()
	rows, err := tx.Query(ctx, `SELECT sort, month, body, street, item, counts FROM scorecard_cells`+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c cell
		var month int64
		var raw []byte
		if err := rows.Scan((*string)(&c.sort), &month, &c.body, &c.street, &c.item, &raw); err != nil {
			return err
		}
		c.month = Month(month)
		if err := f(c, raw); err != nil {
			return err
		}
	}
	return rows.Err()
}

// casesBehind lists cases with all marks of with and none of without, by month and
// number, after the given place.
func casesBehind(ctx context.Context, tx *db.Tx, q Query, with, without uint64, month Month, after string, limit int) (out []caseRow, err error) {
	where, args := q.where()
	args = append(args, int64(with), int64(with), int64(without), int64(month), int64(month), after, limit)
	n := len(args)
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT number, month, sort, body, street, item, state FROM scorecard_cases%s
AND marks & $%d = $%d AND marks & $%d = 0 AND (month > $%d OR month = $%d AND number > $%d)
ORDER BY sort, month, number LIMIT $%d`, where, n-6, n-5, n-4, n-3, n-2, n-1, n), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r caseRow
		var month int64
		var state string
		if err := rows.Scan((*string)(&r.number), &month, (*string)(&r.sort), &r.body, &r.street, &r.item, &state); err != nil {
			return nil, err
		}
		r.month = Month(month)
		if err := json.Unmarshal([]byte(state), &r.state); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// insertPublished keeps what was published of a month; a second time is
// db.ErrDuplicate.
func insertPublished(tx *db.Tx, m Month, at time.Time, post city.PostID, sums string) {
	tx.Later(`INSERT INTO scorecard_published (month, at, post, sums) VALUES ($1, $2, $3, $4)`, nil,
		int64(m), city.Micros(at), string(post), sums)
}

type publishedRow struct {
	month Month
	at    time.Time
	post  city.PostID
	sums  string
}

// publishedRows lists what was published from one month to another, the newest
// first.
func publishedRows(ctx context.Context, tx *db.Tx, from, until Month, limit int) (out []publishedRow, err error) {
	rows, err := tx.Query(ctx, `SELECT month, at, post, sums FROM scorecard_published WHERE month >= $1 AND month <= $2 ORDER BY month DESC LIMIT $3`,
		int64(from), int64(until), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r publishedRow
		var month, at int64
		if err := rows.Scan(&month, &at, (*string)(&r.post), &r.sums); err != nil {
			return nil, err
		}
		r.month, r.at = Month(month), city.FromMicros(at)
		out = append(out, r)
	}
	return out, rows.Err()
}
