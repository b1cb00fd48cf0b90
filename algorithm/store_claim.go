package algorithm

import (
	"context"
	"errors"

	"yiwang/city"
	"yiwang/internal/db"
)

func readClaim(ctx context.Context, tx *db.Tx, k claimKey) (c claimRow, err error) {
	err = tx.QueryRow(ctx, `SELECT month, did, says, found, why FROM algorithm_claims WHERE rule = $1 AND subject = $2`, string(k.rule), k.subject).
		Scan(&c.month, &c.did, &c.says, &c.is, &c.why)
	if errors.Is(err, db.ErrNoRows) {
		return claimRow{}, nil
	}
	return c, err
}

func writeClaim(tx *db.Tx, k claimKey, c claimRow) {
	tx.Later(`INSERT INTO algorithm_claims (rule, subject, month, did, says, found, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (rule, subject) DO UPDATE SET found = excluded.found, why = excluded.why`, nil,
		string(k.rule), k.subject, c.month, c.did, c.says, c.is, c.why)
}

// counter is one row of the counts.
type counter struct {
	rule        city.RuleID
	month, what string
}

func addCount(tx *db.Tx, c counter, n int) {
	tx.Later(`INSERT INTO algorithm_counts (rule, month, what, n) VALUES ($1, $2, $3, $4)
ON CONFLICT (rule, month, what) DO UPDATE SET n = algorithm_counts.n + excluded.n`, nil, string(c.rule), c.month, c.what, n)
}

// deleteClaims forgets the claims and what was counted of them.
func deleteClaims(ctx context.Context, tx *db.Tx) error {
	for _, q := range []string{`DELETE FROM algorithm_claims`,
		`DELETE FROM algorithm_counts WHERE what LIKE 'said:%' OR what LIKE 'right:%' OR what LIKE 'wrong:%' OR what LIKE 'why:%'`} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// sinceOf is when a wording was put on record, in microseconds.
func sinceOf(ctx context.Context, tx *db.Tx, w wording) (int64, error) {
	return db.One[int64](ctx, tx, `SELECT since FROM algorithm_versions WHERE rule = $1 AND digest = $2`, string(w.rule), w.digest)
}
