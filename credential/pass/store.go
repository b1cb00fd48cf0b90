package pass

import (
	"context"
	"fmt"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// row is somebody's state that isn't the ordinary one.
type row struct {
	person city.PersonID
	state  string
	until  time.Time
	at     time.Time
	setter city.AccountID
	key    journal.KeyID
	why    []byte
}

const rowColumns = `person, state, until, at, setter, key_id, why`

func scanRow(r db.Row) (x row, err error) {
	var until, at int64
	err = r.Scan(&x.person, &x.state, &until, &at, &x.setter, &x.key, &x.why)
	x.until, x.at = city.FromMicros(until), city.FromMicros(at)
	return x, err
}

func stateRow(ctx context.Context, tx *db.Tx, purpose string, person city.PersonID) (row, error) {
	return scanRow(tx.QueryRow(ctx, `SELECT `+rowColumns+` FROM pass_states WHERE purpose = $1 AND person = $2`, purpose, person))
}

// saveState keeps a state in the place of what was read before, the zero row for none.
// Where that has changed since, the transaction ends with casework.ErrAgain: of two
// that change one state at once none loses the other's key.
func saveState(tx *db.Tx, purpose string, x, was row) {
	same := func(n int64) error {
		if n != 1 {
			return fmt.Errorf("pass: a state under %s: %w", purpose, casework.ErrAgain)
		}
		return nil
	}
	args := []any{purpose, x.person, x.state, city.Micros(x.until), city.Micros(x.at), x.setter, x.key, x.why}
	if was.key.IsZero() {
		tx.Later(`INSERT INTO pass_states (purpose, person, state, until, at, setter, key_id, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (purpose, person) DO NOTHING`, same, args...)
		return
	}
	tx.Later(`UPDATE pass_states SET state = $3, until = $4, contested = 0, at = $5, setter = $6, key_id = $7, why = $8
WHERE purpose = $1 AND person = $2 AND key_id = $9 AND at = $10 AND until = $11`, same, append(args, was.key, city.Micros(was.at), city.Micros(was.until))...)
}

// dropState removes a state that nobody has changed since it was read.
func dropState(ctx context.Context, tx *db.Tx, x doomed) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM pass_states WHERE purpose = $1 AND person = $2 AND key_id = $3 AND until = $4`, x.purpose, x.person, x.key, x.until)
	return n == 1, err
}

// markContested notes the first contest of a state; n is 0 for a further one.
func markContested(ctx context.Context, tx *db.Tx, purpose string, person city.PersonID) (n int64, err error) {
	return tx.Exec(ctx, `UPDATE pass_states SET contested = 1 WHERE purpose = $1 AND person = $2 AND contested = 0`, purpose, person)
}

// doomed is a state whose key goes with it.
type doomed struct {
	purpose string
	person  city.PersonID
	key     journal.KeyID
	until   int64 // as it is kept
}

func scanDoomed(r db.Row) (x doomed, err error) {
	err = r.Scan(&x.purpose, &x.person, &x.key, &x.until)
	return x, err
}

func lapsed(ctx context.Context, tx *db.Tx, now time.Time, limit int) ([]doomed, error) {
	return db.All(ctx, tx, scanDoomed, `SELECT purpose, person, key_id, until FROM pass_states WHERE until <= $1 ORDER BY until LIMIT $2`, city.Micros(now), limit)
}

func statesOf(ctx context.Context, tx *db.Tx, purpose string, limit int) ([]doomed, error) {
	return db.All(ctx, tx, scanDoomed, `SELECT purpose, person, key_id, until FROM pass_states WHERE purpose = $1 ORDER BY person LIMIT $2`, purpose, limit)
}

func countOne(tx *db.Tx, purpose, what string) {
	tx.Later(`INSERT INTO pass_counts (purpose, what, n) VALUES ($1, $2, 1) ON CONFLICT (purpose, what) DO UPDATE SET n = pass_counts.n + 1`, nil, purpose, what)
}

func counts(ctx context.Context, tx *db.Tx, purpose string) (map[string]int64, error) {
	type pair struct {
		what string
		n    int64
	}
	list, err := db.All(ctx, tx, func(r db.Row) (p pair, err error) { err = r.Scan(&p.what, &p.n); return p, err },
		`SELECT what, n FROM pass_counts WHERE purpose = $1 ORDER BY what`, purpose)
	out := map[string]int64{}
	for _, p := range list {
		out[p.what] = p.n
	}
	return out, err
}

func endedAt(ctx context.Context, tx *db.Tx, purpose string) (at time.Time, states int64, err error) {
	var us int64
	err = tx.QueryRow(ctx, `SELECT at, states FROM pass_ended WHERE purpose = $1`, purpose).Scan(&us, &states)
	return city.FromMicros(us), states, err
}

func saveEnded(tx *db.Tx, purpose string, at time.Time, states int64) {
	tx.Later(`INSERT INTO pass_ended (purpose, at, states) VALUES ($1, $2, $3)`, nil, purpose, city.Micros(at), states)
}
