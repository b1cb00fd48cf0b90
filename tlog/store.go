package tlog

import (
	"context"
	"errors"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// entryRow is a statement with its place.
type entryRow struct {
	seq        int64
	position   journal.Position
	at         int64
	typ        string
	subject    string
	key        journal.KeyID
	open       []byte // sealed under key, where there is one; nil: erased before it was told
	commitment []byte
}

func (r entryRow) insert(tx *db.Tx) {
	tx.Later(`INSERT INTO log_entries (seq, tx, id, at, type, subject, key_id, open, commitment)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, nil, r.seq, r.position.Tx, r.position.ID, r.at, r.typ, r.subject, r.key, r.open, r.commitment)
}

// end is the next free place, and the event that was told last.
func end(ctx context.Context, tx *db.Tx) (next int64, last journal.Position, err error) {
	err = tx.QueryRow(ctx, `SELECT seq, tx, id FROM log_entries ORDER BY seq DESC LIMIT 1`).Scan(&next, &last.Tx, &last.ID)
	if errors.Is(err, db.ErrNoRows) {
		return 0, last, nil
	}
	return next + 1, last, err
}

func commitments(ctx context.Context, tx *db.Tx, from, limit int64) ([][]byte, error) {
	return db.All(ctx, tx, func(r db.Row) (c []byte, err error) { return c, r.Scan(&c) },
		`SELECT commitment FROM log_entries WHERE seq >= $1 ORDER BY seq LIMIT $2`, from, limit)
}

// waiting counts the entries from a place on, and says when the first came.
func waiting(ctx context.Context, tx *db.Tx, from int64) (n, first int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(max(seq) + 1 - min(seq), 0), COALESCE(min(at), 0) FROM log_entries WHERE seq >= $1`, from).Scan(&n, &first)
	return n, first, err
}

func about(ctx context.Context, tx *db.Tx, subject string) ([]Entry, error) {
	return db.All(ctx, tx, func(r db.Row) (e Entry, err error) {
		var seq, at int64
		err = r.Scan(&seq, &at, &e.Type, &e.Subject)
		e.Index, e.At = uint64(seq), city.FromMicros(at)
		return e, err
	}, `SELECT seq, at, type, subject FROM log_entries WHERE subject = $1 ORDER BY seq`, subject)
}

func readEntry(ctx context.Context, tx *db.Tx, seq int64) (r entryRow, err error) {
	r.seq = seq
	err = tx.QueryRow(ctx, `SELECT key_id, open FROM log_entries WHERE seq = $1`, seq).Scan(&r.key, &r.open)
	return r, err
}

func keyOf(ctx context.Context, tx *db.Tx, person city.PersonID) (journal.KeyID, error) {
	return db.One[journal.KeyID](ctx, tx, `SELECT key_id FROM log_keys WHERE person = $1`, person)
}

func insertKey(tx *db.Tx, person city.PersonID, key journal.KeyID) {
	tx.Later(`INSERT INTO log_keys (person, key_id) VALUES ($1, $2)`, nil, person, key)
}

// witnessRow is the last checkpoint of another city's log that was signed here.
type witnessRow struct {
	size       uint64
	root       []byte
	checkpoint []byte
}

func readWitnessed(ctx context.Context, tx *db.Tx, origin string) (r witnessRow, err error) {
	var size int64
	err = tx.QueryRow(ctx, `SELECT size, root, checkpoint FROM log_witnessed WHERE origin = $1`, origin).Scan(&size, &r.root, &r.checkpoint)
	if errors.Is(err, db.ErrNoRows) {
		return r, nil
	}
	r.size = uint64(size)
	return r, err
}

// moveWitnessed notes what is about to be signed. It fails with db.ErrNoRows where
// another request was faster.
func moveWitnessed(tx *db.Tx, origin string, old uint64, r witnessRow, at int64) {
	one := func(n int64) error {
		if n == 0 {
			return db.ErrNoRows
		}
		return nil
	}
	tx.Later(`INSERT INTO log_witnessed (origin, size, root, checkpoint, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, checkpoint = excluded.checkpoint, at = excluded.at
WHERE log_witnessed.size = $6`, one, origin, int64(r.size), r.root, r.checkpoint, at, int64(old))
}

func insertFork(tx *db.Tx, origin string, at int64, ours, theirs []byte) {
	tx.Later(`INSERT INTO log_forks (origin, at, ours, theirs) VALUES ($1, $2, $3, $4) ON CONFLICT (origin, at) DO NOTHING`, nil, origin, at, ours, theirs)
}

func forks(ctx context.Context, tx *db.Tx, limit int64) ([]Fork, error) {
	return db.All(ctx, tx, func(r db.Row) (f Fork, err error) {
		var at int64
		err = r.Scan(&f.Origin, &at, &f.Ours, &f.Theirs)
		f.At = city.FromMicros(at)
		return f, err
	}, `SELECT origin, at, ours, theirs FROM log_forks ORDER BY at DESC LIMIT $1`, limit)
}

func allWitnessed(ctx context.Context, tx *db.Tx) ([]Seen, error) {
	return db.All(ctx, tx, func(r db.Row) (s Seen, err error) {
		var size, at int64
		err = r.Scan(&s.Origin, &size, &at)
		s.Size, s.At = uint64(size), city.FromMicros(at)
		return s, err
	}, `SELECT origin, size, at FROM log_witnessed ORDER BY origin`)
}
