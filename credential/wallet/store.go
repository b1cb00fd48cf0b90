package wallet

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
)

func insertOffer(tx *db.Tx, s *stored) {
	tx.Later(`INSERT INTO wallet_offers (code, number, account, person, firm, pin, tries, made_at, until_at, token_until, fetched_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, nil,
		s.code, string(s.number), s.account, s.person, s.firm, s.pin, 0, city.Micros(s.made), city.Micros(s.until), 0, 0)
}

func deleteOffers(tx *db.Tx, before time.Time) {
	tx.Later(`DELETE FROM wallet_offers WHERE made_at < $1`, nil, city.Micros(before))
}

func offersSince(ctx context.Context, tx *db.Tx, n credential.Number, since time.Time) (int64, error) {
	return db.One[int64](ctx, tx, `SELECT count(*) FROM wallet_offers WHERE number = $1 AND made_at >= $2`, string(n), city.Micros(since))
}

const columns = `code, number, account, person, firm, pin, tries, made_at, until_at, token, token_until, fetched_at`

func scanOffer(r db.Row) (*stored, error) {
	var s stored
	var made, until, tokenUntil, fetched int64
	err := r.Scan(&s.code, &s.number, &s.account, &s.person, &s.firm, &s.pin, &s.tries, &made, &until, &s.token, &tokenUntil, &fetched)
	s.made, s.until, s.tokenUntil, s.fetched = city.FromMicros(made), city.FromMicros(until), city.FromMicros(tokenUntil), fetched != 0
	return &s, err
}

func offerByCode(ctx context.Context, tx *db.Tx, code []byte) (*stored, error) {
	return scanOffer(tx.QueryRow(ctx, `SELECT `+columns+` FROM wallet_offers WHERE code = $1`, code))
}

func offerByToken(ctx context.Context, tx *db.Tx, token []byte) (*stored, error) {
	return scanOffer(tx.QueryRow(ctx, `SELECT `+columns+` FROM wallet_offers WHERE token = $1`, token))
}

// countTry counts an attempt before it is looked at; false when there were enough,
// or the offer was turned in.
func countTry(ctx context.Context, tx *db.Tx, code []byte) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE wallet_offers SET tries = tries + 1 WHERE code = $1 AND tries < $2 AND token IS NULL`, code, mostTries)
	return n == 1, err
}

// takeOffer turns an offer into a token; false when somebody was first.
func takeOffer(ctx context.Context, tx *db.Tx, code, token []byte, until time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE wallet_offers SET token = $1, token_until = $2 WHERE code = $3 AND token IS NULL`,
		token, city.Micros(until), code)
	return n == 1, err
}

// fetchOffer marks a token's credential as given; false when it was before.
func fetchOffer(ctx context.Context, tx *db.Tx, token []byte, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE wallet_offers SET fetched_at = $1 WHERE token = $2 AND fetched_at = 0`, city.Micros(now), token)
	return n == 1, err
}
