package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func hexOf(b []byte) []byte { return []byte(hex.EncodeToString(b)) }

func answerOf(ctx context.Context, tx *db.Tx, name string) (answer, error) {
	var a answer
	var at int64
	err := tx.QueryRow(ctx, `SELECT digest, status, kind, key_id, body, at FROM api_answers WHERE name = $1`, name).Scan(&a.digest, &a.status, &a.kind, &a.key, &a.body, &at)
	a.at = city.FromMicros(at)
	return a, err
}

func reserve(ctx context.Context, tx *db.Tx, name, digest, process string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO api_answers (name, digest, status, kind, body, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		name, digest, 0, process, []byte{}, city.Micros(now))
	return err
}

func keep(ctx context.Context, tx *db.Tx, name string, a answer) error {
	_, err := tx.Exec(ctx, `UPDATE api_answers SET status = $1, kind = $2, key_id = $3, body = $4, at = $5 WHERE name = $6`,
		a.status, a.kind, a.key, a.body, city.Micros(a.at), name)
	return err
}

func stillRunning(ctx context.Context, tx *db.Tx, name string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE api_answers SET at = $1 WHERE name = $2 AND status = 0`, city.Micros(now), name)
	return err
}

func dropAnswer(ctx context.Context, tx *db.Tx, name string) error {
	_, err := tx.Exec(ctx, `DELETE FROM api_answers WHERE name = $1`, name)
	return err
}

func forgetAnswers(ctx context.Context, tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM api_answers WHERE at < $1`, city.Micros(before))
	return err
}
