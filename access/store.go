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

func lookedSince(ctx context.Context, tx *db.Tx, u Use, since time.Time) (bool, error) {
	n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM data_uses
WHERE account = $1 AND case_no = $2 AND at > $3 AND person = $4 AND purpose = $5`,
		u.Account, string(u.Case), city.Micros(since), u.Person, u.Purpose)
	return n > 0, err
}

func usesOf(ctx context.Context, tx *db.Tx, person city.PersonID, before time.Time, limit int) ([]Use, error) {
	bound := int64(math.MaxInt64)
	if !before.IsZero() {
		bound = city.Micros(before)
	}
	return db.All(ctx, tx, func(r db.Row) (Use, error) {
		u := Use{Person: person}
		var at int64
		var fields string
		err := r.Scan(&u.ID, &at, &u.Body, &u.Post, &u.Account, &u.Purpose, &u.Case, &fields)
		if err == nil {
			u.At = city.FromMicros(at)
			err = json.Unmarshal([]byte(fields), &u.Fields)
		}
		return u, err
	}, `SELECT id, at, body, post, account, purpose, case_no, fields FROM data_uses
WHERE person = $1 AND at < $2 ORDER BY at DESC LIMIT $3`, person, bound, limit)
}
