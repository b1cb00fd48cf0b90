package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"yiwang/city"
	"yiwang/internal/db"
)

func insert(tx *db.Tx, at int64, typ, subject, body string, key KeyID, sealed, commitment []byte, unique string) {
	var uniq any
	if unique != "" {
		uniq = unique
	}
	tx.Later(`INSERT INTO journal (at, type, subject, body, key_id, sealed, commitment, uniq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, nil, at, typ, subject, body, key, sealed, commitment, uniq)
}

func insertKey(tx *db.Tx, id KeyID, person city.PersonID, wrapped []byte) {
	tx.Later(`INSERT INTO seal_keys (id, person, wrapped) VALUES ($1, $2, $3)`, nil, id, person, wrapped)
}

func wrappedKey(ctx context.Context, tx *db.Tx, id KeyID) ([]byte, error) {
	return db.One[[]byte](ctx, tx, `SELECT wrapped FROM seal_keys WHERE id = $1`, id)
}

// keysAtOnce is how many keys one statement asks for.
const keysAtOnce = 50

var wrappedKeysSQL = func() string {
	sql := `SELECT id, wrapped FROM seal_keys WHERE id IN ($1`
	for n := 2; n <= keysAtOnce; n++ {
		sql += fmt.Sprintf(", $%d", n)
	}
	return sql + ")"
}()

type wrapped struct {
	id      KeyID
	wrapped []byte
}

// wrappedKeys reads keys, at most keysAtOnce; where there are fewer, the last
// stands again, so that it is always the same statement.
func wrappedKeys(ctx context.Context, tx *db.Tx, ids []KeyID) ([]wrapped, error) {
	args := make([]any, keysAtOnce)
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)]
	}
	return db.All(ctx, tx, func(r db.Row) (w wrapped, err error) { return w, r.Scan(&w.id, &w.wrapped) }, wrappedKeysSQL, args...)
}

func keysOf(ctx context.Context, tx *db.Tx, person city.PersonID) ([]KeyID, error) {
	return db.All(ctx, tx, func(r db.Row) (id KeyID, err error) { return id, r.Scan(&id) },
		`SELECT id FROM seal_keys WHERE person = $1`, person)
}

func deleteKey(ctx context.Context, tx *db.Tx, id KeyID) error {
	_, err := tx.Exec(ctx, `DELETE FROM seal_keys WHERE id = $1`, id)
	return err
}

func deleteKeys(ctx context.Context, tx *db.Tx, person city.PersonID) error {
	_, err := tx.Exec(ctx, `DELETE FROM seal_keys WHERE person = $1`, person)
	return err
}

const columns = `tx, id, at, type, subject, body, key_id, sealed, commitment`

// read gives events after p in order, at most limit. On PostgreSQL it stops
// below the oldest transaction that still runs: none of those can appear before
// the position reached.
func read(ctx context.Context, tx *db.Tx, p Position, limit int) ([]Recorded, error) {
	if tx.Engine() == db.Postgres {
		return db.All(ctx, tx, scanRecorded, `SELECT `+columns+` FROM journal
WHERE (tx, id) > ($1, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY tx, id LIMIT `+strconv.Itoa(limit), p.Tx, p.ID)
	}
	return db.All(ctx, tx, scanRecorded, `SELECT `+columns+` FROM journal WHERE id > $1 ORDER BY id LIMIT `+strconv.Itoa(limit), p.ID)
}

func scanRecorded(r db.Row) (Recorded, error) {
	var e Recorded
	var at int64
	var text string
	if err := r.Scan(&e.Position.Tx, &e.Position.ID, &at, &e.Type, &e.Subject, &text, &e.Key, &e.sealed, &e.Commitment); err != nil {
		return e, err
	}
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return e, fmt.Errorf("journal: event %d: %w", e.Position.ID, err)
	}
	e.At, e.Actor, e.To, e.Public, e.Data = city.FromMicros(at), b.Actor, b.To, b.Public, b.Data
	return e, nil
}

func ensureFollower(ctx context.Context, tx *db.Tx, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO followers (name, tx, id, failures, fault) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO NOTHING`, name, 0, 0, 0, "")
	return err
}

func cursor(ctx context.Context, tx *db.Tx, name string) (Position, error) {
	var p Position
	err := tx.QueryRow(ctx, `SELECT tx, id FROM followers WHERE name = $1`, name).Scan(&p.Tx, &p.ID)
	return p, err
}

// advance moves the cursor if nobody else has; the row stays locked until the
// commit, so one node at a time handles a follower's events.
func advance(ctx context.Context, tx *db.Tx, name string, from, to Position) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE followers SET tx = $1, id = $2, failures = $3, fault = $4
WHERE name = $5 AND tx = $6 AND id = $7`, to.Tx, to.ID, 0, "", name, from.Tx, from.ID)
	return n == 1, err
}

// rewind puts the cursor before the first event. Unlike advance it takes the row
// from whoever holds it, waiting for what is being handled.
func rewind(ctx context.Context, tx *db.Tx, name string) error {
	_, err := tx.Exec(ctx, `UPDATE followers SET tx = $1, id = $2, failures = $3, fault = $4 WHERE name = $5`, 0, 0, 0, "", name)
	return err
}

// last is the position of the last event that this transaction sees.
func last(ctx context.Context, tx *db.Tx) (Position, error) {
	var p Position
	order := `tx DESC, id DESC`
	if tx.Engine() == db.SQLite {
		order = `id DESC`
	}
	err := tx.QueryRow(ctx, `SELECT tx, id FROM journal ORDER BY `+order+` LIMIT 1`).Scan(&p.Tx, &p.ID)
	if errors.Is(err, db.ErrNoRows) {
		err = nil
	}
	return p, err
}

func behind(ctx context.Context, tx *db.Tx, p Position, limit int) (n, first int64, err error) {
	where, args := `id > $1 ORDER BY id LIMIT $2`, []any{p.ID, limit}
	if tx.Engine() == db.Postgres {
		where, args = `(tx, id) > ($1, $2) ORDER BY tx, id LIMIT $3`, []any{p.Tx, p.ID, limit}
	}
	err = tx.QueryRow(ctx, `SELECT count(*), COALESCE(min(at), 0) FROM (SELECT at FROM journal WHERE `+where+`) j`, args...).Scan(&n, &first)
	return n, first, err
}

func newest(ctx context.Context, tx *db.Tx) (int64, error) {
	p, err := last(ctx, tx)
	if err != nil || p == (Position{}) {
		return 0, err
	}
	return db.One[int64](ctx, tx, `SELECT at FROM journal WHERE tx = $1 AND id = $2`, p.Tx, p.ID)
}

func someKey(ctx context.Context, tx *db.Tx) (id KeyID, wrapped []byte, err error) {
	err = tx.QueryRow(ctx, `SELECT id, wrapped FROM seal_keys ORDER BY id DESC LIMIT 1`).Scan(&id, &wrapped)
	return id, wrapped, err
}

func noteFailure(ctx context.Context, tx *db.Tx, name, fault string) error {
	_, err := tx.Exec(ctx, `UPDATE followers SET failures = failures + 1, fault = $1 WHERE name = $2`, fault, name)
	return err
}

func allFollowers(ctx context.Context, tx *db.Tx) ([]FollowerState, error) {
	return db.All(ctx, tx, func(r db.Row) (s FollowerState, err error) {
		return s, r.Scan(&s.Name, &s.Position.Tx, &s.Position.ID, &s.Failures, &s.Fault)
	}, `SELECT name, tx, id, failures, fault FROM followers ORDER BY name`)
}

// Empty reports whether nothing was ever sealed in the database, so that a
// master key may be made for it.
func Empty(ctx context.Context, tx *db.Tx) (bool, error) {
	n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM (SELECT 1 AS x FROM seal_keys LIMIT 1) k`)
	return n == 0, err
}
