package serviceitem

import (
	"context"
	"fmt"
	"math"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type ratingRow struct {
	Rating
	key    journal.KeyID
	sealed []byte
}

func insertRating(tx *db.Tx, r *Rating, key journal.KeyID, sealed []byte) {
	tx.Later(`INSERT INTO ratings (case_no, item, body, channel, level, active, at, follow_up, set_aside, key_id, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, nil,
		string(r.Case), string(r.Item), string(r.Body), string(r.Channel), int(r.Level), 1, city.Micros(r.At), string(r.FollowUp), 0, key, sealed)
}

const ratingColumns = `case_no, item, body, channel, level, at, follow_up, set_aside, key_id, sealed`

func scanRating(r db.Row) (ratingRow, error) {
	var row ratingRow
	var at, aside int64
	err := r.Scan(&row.Case, &row.Item, &row.Body, &row.Channel, &row.Level, &at, &row.FollowUp, &aside, &row.key, &row.sealed)
	row.At, row.SetAside = city.FromMicros(at), aside == 1
	return row, err
}

func ratingOf(ctx context.Context, tx *db.Tx, n city.CaseNumber) (ratingRow, error) {
	return scanRating(tx.QueryRow(ctx, `SELECT `+ratingColumns+` FROM ratings WHERE case_no = $1`, string(n)))
}

func ratingByFollowUp(ctx context.Context, tx *db.Tx, n city.CaseNumber) (ratingRow, error) {
	return scanRating(tx.QueryRow(ctx, `SELECT `+ratingColumns+` FROM ratings WHERE follow_up <> '' AND follow_up = $1`, string(n)))
}

func markAside(tx *db.Tx, n city.CaseNumber) {
	tx.Later(`UPDATE ratings SET set_aside = $1 WHERE case_no = $2`, nil, 1, string(n))
}

type ratingCount struct {
	level            Level
	active, setAside bool
	n                int
}

func countRatings(ctx context.Context, tx *db.Tx, s RatingScope) ([]ratingCount, error) {
	var args []any
	bind := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where := "at >= " + bind(city.Micros(s.From))
	until := int64(math.MaxInt64)
	if !s.Until.IsZero() {
		until = city.Micros(s.Until)
	}
	where += " AND at < " + bind(until)
	if s.Item != "" {
		where += " AND item = " + bind(string(s.Item))
	}
	if s.Body != "" {
		where += " AND body = " + bind(string(s.Body))
	}
	return db.All(ctx, tx, func(r db.Row) (c ratingCount, err error) {
		var active, aside int64
		err = r.Scan(&c.level, &active, &aside, &c.n)
		c.active, c.setAside = active == 1, aside == 1
		return c, err
	}, `SELECT level, active, set_aside, count(*) FROM ratings WHERE `+where+` GROUP BY level, active, set_aside`, args...)
}
