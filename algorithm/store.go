package algorithm

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/rule"
)

func insertVersion(ctx context.Context, tx *db.Tx, id city.RuleID, digest, definition string, at time.Time) (fresh bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO algorithm_versions (rule, digest, definition, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (rule, digest) DO NOTHING`, string(id), digest, definition, city.Micros(at))
	return n == 1, err
}

func definitionOf(ctx context.Context, tx *db.Tx, w wording) (string, error) {
	return db.One[string](ctx, tx, `SELECT definition FROM algorithm_versions WHERE rule = $1 AND digest = $2`, string(w.rule), w.digest)
}

// runRow is a run as it is stored.
type runRow struct {
	Run
	rule     city.RuleID
	outcome  rule.Outcome
	deciding string
	data     record
	sealed   []byte
}

func (r *runRow) resource() access.Resource {
	return runResource(Matter{Case: r.Case, Item: r.Item, Applicant: r.Applicant, Firm: r.Firm, Body: r.Body, Region: r.region}, r.rule)
}

func insertRun(tx *db.Tx, r Run, m Matter, data string, sealed []byte) {
	var once any
	if m.Once != "" {
		once = m.Once
	}
	tx.Later(`INSERT INTO algorithm_runs (id, rule, digest, at, case_no, applicant, firm, body, region, outcome, deciding,
data, key_id, sealed, once, review, finding, item) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`, nil,
		r.ID, string(r.Verdict.Rule), r.Digest, city.Micros(r.At), string(r.Case), r.Applicant, r.Firm, string(r.Body), string(r.region),
		string(r.Verdict.Outcome), r.Verdict.Deciding, data, r.key, sealed, once, "", "", string(r.Item))
}

const runColumns = `id, rule, digest, at, case_no, applicant, firm, body, region, outcome, deciding, data, key_id, sealed, review, finding, item`

func scanRun(r db.Row) (runRow, error) {
	var row runRow
	var at int64
	var data string
	err := r.Scan(&row.ID, &row.rule, &row.Digest, &at, &row.Case, &row.Applicant, &row.Firm, &row.Body, &row.region, &row.outcome,
		&row.deciding, &data, &row.key, &row.sealed, &row.Review, &row.Finding, &row.Item)
	if err != nil {
		return row, err
	}
	row.At = city.FromMicros(at)
	if err := json.Unmarshal([]byte(data), &row.data); err != nil {
		return row, fmt.Errorf("algorithm: run %s: %w", row.ID, err)
	}
	return row, nil
}

func runByID(ctx context.Context, tx *db.Tx, id city.RunID) (runRow, error) {
	return scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+` FROM algorithm_runs WHERE id = $1`, id))
}

func runByOnce(ctx context.Context, tx *db.Tx, once string) (runRow, error) {
	return scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+` FROM algorithm_runs WHERE once = $1`, once))
}

func runsOfCase(ctx context.Context, tx *db.Tx, n city.CaseNumber) ([]runRow, error) {
	return db.All(ctx, tx, scanRun, `SELECT `+runColumns+` FROM algorithm_runs WHERE case_no = $1 ORDER BY at, id`, string(n))
}

func runsOfReview(ctx context.Context, tx *db.Tx, n city.CaseNumber) ([]runRow, error) {
	return db.All(ctx, tx, scanRun, `SELECT `+runColumns+` FROM algorithm_runs WHERE review <> '' AND review = $1 ORDER BY at, id`, string(n))
}

func runsOfApplicant(ctx context.Context, tx *db.Tx, p city.PersonID, before time.Time, limit int) ([]runRow, error) {
	bound := int64(math.MaxInt64)
	if !before.IsZero() {
		bound = city.Micros(before)
	}
	return db.All(ctx, tx, scanRun, `SELECT `+runColumns+` FROM algorithm_runs
WHERE applicant IS NOT NULL AND applicant = $1 AND at < $2 ORDER BY at DESC, id DESC LIMIT $3`, p, bound, limit)
}

func setReview(tx *db.Tx, id city.RunID, review city.CaseNumber) {
	tx.Later(`UPDATE algorithm_runs SET review = $1 WHERE id = $2 AND review = ''`, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("algorithm.reviewed_once")
		}
		return nil
	}, string(review), id)
}

func setFinding(tx *db.Tx, id city.RunID, f Finding) {
	tx.Later(`UPDATE algorithm_runs SET finding = $1 WHERE id = $2`, nil, string(f), id)
}

// count adds one to each of the counters.
func count(tx *db.Tx, id city.RuleID, month string, what ...string) {
	for _, w := range what {
		addCount(tx, counter{id, month, w}, 1)
	}
}

type monthCount struct {
	month, what string
	n           int
}

func countsOf(ctx context.Context, tx *db.Tx, id city.RuleID) ([]monthCount, error) {
	return db.All(ctx, tx, func(r db.Row) (c monthCount, err error) {
		return c, r.Scan(&c.month, &c.what, &c.n)
	}, `SELECT month, what, n FROM algorithm_counts WHERE rule = $1 ORDER BY month, what`, string(id))
}
