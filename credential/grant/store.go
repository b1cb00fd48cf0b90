package grant

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
)

func insertGrant(tx *db.Tx, g *Grant) {
	tx.Later(`INSERT INTO grants (id, number, type, kind, person, firm, made_at, until_at, list, list_index, key_id, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, nil,
		g.ID, string(g.Number), string(g.Type), string(g.Kind), g.person, g.firm, city.Micros(g.Made), city.Micros(g.Until),
		g.place.List, g.place.Index, g.key, g.sealed)
}

const columns = `id, number, type, kind, person, firm, made_at, until_at, ended_at, list, list_index, key_id, sealed`

func scanGrant(r db.Row) (g Grant, err error) {
	var made, until, ended int64
	err = r.Scan(&g.ID, &g.Number, &g.Type, &g.Kind, &g.person, &g.firm, &made, &until, &ended, &g.place.List, &g.place.Index, &g.key, &g.sealed)
	g.Made, g.Until = city.FromMicros(made), city.FromMicros(until)
	if ended != 0 {
		g.Ended = city.FromMicros(ended)
	}
	return g, err
}

func grantByID(ctx context.Context, tx *db.Tx, id city.GrantID) (Grant, error) {
	return scanGrant(tx.QueryRow(ctx, `SELECT `+columns+` FROM grants WHERE id = $1`, id))
}

func grantAt(ctx context.Context, tx *db.Tx, p credential.Place) (Grant, error) {
	return scanGrant(tx.QueryRow(ctx, `SELECT `+columns+` FROM grants WHERE list = $1 AND list_index = $2`, p.List, p.Index))
}

func grantsOf(ctx context.Context, tx *db.Tx, n credential.Number) ([]Grant, error) {
	return db.All(ctx, tx, scanGrant, `SELECT `+columns+` FROM grants WHERE number = $1 ORDER BY made_at DESC, id DESC LIMIT $2`, string(n), mostListed)
}

func madeSince(ctx context.Context, tx *db.Tx, n credential.Number, since time.Time) (int64, error) {
	return db.One[int64](ctx, tx, `SELECT count(*) FROM grants WHERE number = $1 AND made_at >= $2`, string(n), city.Micros(since))
}

// endGrant ends a grant; false when it had ended.
func endGrant(ctx context.Context, tx *db.Tx, id city.GrantID, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE grants SET ended_at = $1 WHERE id = $2 AND ended_at = 0`, city.Micros(now), id)
	return n == 1, err
}

// addUse counts a use and gives how many of its sort the day has had.
func addUse(ctx context.Context, tx *db.Tx, id city.GrantID, what What, body city.BodyID, day, now time.Time) (int64, error) {
	return db.One[int64](ctx, tx, `INSERT INTO grant_uses (grant_id, what, body, day, times, first_at, last_at) VALUES ($1, $2, $3, $4, 1, $5, $5)
ON CONFLICT (grant_id, what, body, day) DO UPDATE SET times = grant_uses.times + 1, last_at = excluded.last_at RETURNING times`,
		id, string(what), string(body), city.Micros(day), city.Micros(now))
}

func usesOf(ctx context.Context, tx *db.Tx, id city.GrantID) ([]Use, error) {
	return db.All(ctx, tx, func(r db.Row) (u Use, err error) {
		var first, last int64
		err = r.Scan(&u.What, &u.Body, &u.Times, &first, &last)
		u.First, u.Last = city.FromMicros(first), city.FromMicros(last)
		return u, err
	}, `SELECT what, body, times, first_at, last_at FROM grant_uses WHERE grant_id = $1 ORDER BY last_at DESC, what, body LIMIT 500`, id)
}
