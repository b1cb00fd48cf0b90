package access

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

func insertUse(tx *db.Tx, u Use) {
	fields, _ := json.Marshal(u.Fields) // strings always encode
	tx.Later(`INSERT INTO data_uses (id, person, at, body, post, account, purpose, case_no, fields)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, nil,
		u.ID, u.Person, city.Micros(u.At), string(u.Body), string(u.Post), u.Account, u.Purpose, string(u.Case), string(fields))
}

// fieldsSince lists what the same account was recorded to have used, in the same
// post, case and purpose, since the moment.
func fieldsSince(ctx context.Context, tx *db.Tx, u Use, since time.Time) (map[string]bool, int, error) {
	seen := map[string]bool{}
	rows, err := db.All(ctx, tx, func(r db.Row) (fields []string, err error) {
		var text string
		if err = r.Scan(&text); err == nil {
			err = json.Unmarshal([]byte(text), &fields)
		}
		return fields, err
	}, `SELECT fields FROM data_uses WHERE account = $1 AND case_no = $2 AND at > $3 AND person = $4 AND purpose = $5 AND post = $6`,
		u.Account, string(u.Case), city.Micros(since), u.Person, u.Purpose, string(u.Post))
	for _, fields := range rows {
		for _, f := range fields {
			seen[f] = true
		}
	}
	return seen, len(rows), err
}

// usesOf gives at least limit uses where there are so many: those of one moment
// are never parted, so that the moment alone tells where the next page begins.
func usesOf(ctx context.Context, tx *db.Tx, person city.PersonID, before time.Time, limit int) ([]Use, error) {
	bound := int64(math.MaxInt64)
	if !before.IsZero() {
		bound = city.Micros(before)
	}
	oldest, err := db.One[int64](ctx, tx, `SELECT coalesce(min(at), 0) FROM (SELECT at FROM data_uses
WHERE person = $1 AND at < $2 ORDER BY at DESC LIMIT $3) AS page`, person, bound, limit)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, tx, func(r db.Row) (Use, error) { return scanUse(r, person) },
		`SELECT id, at, body, post, account, purpose, case_no, fields FROM data_uses
WHERE person = $1 AND at < $2 AND at >= $3 ORDER BY at DESC, id DESC`, person, bound, oldest)
}

func useOf(ctx context.Context, tx *db.Tx, person city.PersonID, id city.EventID) (Use, error) {
	return scanUse(tx.QueryRow(ctx, `SELECT id, at, body, post, account, purpose, case_no, fields FROM data_uses
WHERE id = $1 AND person = $2`, id, person), person)
}

func scanUse(r db.Row, person city.PersonID) (Use, error) {
	u := Use{Person: person}
	var at int64
	var fields string
	err := r.Scan(&u.ID, &at, &u.Body, &u.Post, &u.Account, &u.Purpose, &u.Case, &fields)
	if err == nil {
		u.At = city.FromMicros(at)
		err = json.Unmarshal([]byte(fields), &u.Fields)
	}
	return u, err
}
