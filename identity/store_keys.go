package identity

import (
	"context"
	"encoding/json"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

type passkeyRow struct {
	id      PasskeyID
	account city.AccountID
	version int64
	created time.Time
	used    time.Time
	sealed  []byte
}

func insertPasskey(tx *db.Tx, id PasskeyID, account city.AccountID, credential, sealed []byte, now time.Time) {
	tx.Later(`INSERT INTO passkeys (id, account, credential, version, created, used, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		nil, id, account, credential, 1, city.Micros(now), 0, sealed)
}

const passkeyColumns = `SELECT id, account, version, created, used, sealed FROM passkeys `

func scanPasskey(r db.Row) (p passkeyRow, err error) {
	var created, used int64
	err = r.Scan(&p.id, &p.account, &p.version, &created, &used, &p.sealed)
	p.created, p.used = city.FromMicros(created), city.FromMicros(used)
	return p, err
}

func passkeyByCredential(ctx context.Context, tx *db.Tx, credential []byte) (passkeyRow, error) {
	return scanPasskey(tx.QueryRow(ctx, passkeyColumns+`WHERE credential = $1`, credential))
}

func passkeysOf(ctx context.Context, tx *db.Tx, account city.AccountID) ([]passkeyRow, error) {
	return db.All(ctx, tx, scanPasskey, passkeyColumns+`WHERE account = $1 ORDER BY created, id`, account)
}

// usePasskey writes the key's new counter, unless the key was used in between.
func usePasskey(tx *db.Tx, p passkeyRow, sealed []byte, now time.Time, check func(int64) error) {
	tx.Later(`UPDATE passkeys SET version = version + 1, used = $1, sealed = $2 WHERE id = $3 AND version = $4`,
		check, city.Micros(now), sealed, p.id, p.version)
}

func deletePasskey(tx *db.Tx, account city.AccountID, id PasskeyID, check func(int64) error) {
	tx.Later(`DELETE FROM passkeys WHERE id = $1 AND account = $2`, check, id, account)
}

// spendChallenge reports whether this is the challenge's first use.
func spendChallenge(ctx context.Context, tx *db.Tx, digest []byte, expires time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO used_challenges (digest, expires) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`,
		digest, city.Micros(expires))
	return n == 1, err
}

func insertDelegation(tx *db.Tx, d Delegation) {
	items, _ := json.Marshal(d.Items) // strings always encode
	tx.Later(`INSERT INTO delegations (id, giver, taker, items, given, until_at, accepted, ended, ended_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, nil, d.ID, d.Giver, d.Taker, string(items),
		city.Micros(d.Given), city.Micros(d.Until), 0, 0, "")
}

const delegationColumns = `SELECT id, giver, taker, items, given, until_at, accepted, ended, ended_by FROM delegations `

func scanDelegation(r db.Row) (d Delegation, err error) {
	var given, until, accepted, ended int64
	var items string
	if err = r.Scan(&d.ID, &d.Giver, &d.Taker, &items, &given, &until, &accepted, &ended, &d.EndedBy); err != nil {
		return d, err
	}
	d.Given, d.Until = city.FromMicros(given), city.FromMicros(until)
	d.Accepted, d.Ended = city.FromMicros(accepted), city.FromMicros(ended)
	return d, json.Unmarshal([]byte(items), &d.Items)
}

func delegationByID(ctx context.Context, tx *db.Tx, id city.DelegationID) (Delegation, error) {
	return scanDelegation(tx.QueryRow(ctx, delegationColumns+`WHERE id = $1`, id))
}

func delegationsOf(ctx context.Context, tx *db.Tx, person city.PersonID) ([]Delegation, error) {
	return db.All(ctx, tx, scanDelegation, delegationColumns+`WHERE giver = $1 OR taker = $2 ORDER BY given DESC, id DESC LIMIT 500`, person, person)
}

func (i *Identity) acceptDelegation(tx *db.Tx, id city.DelegationID, now time.Time, check func(int64) error) {
	i.moved(tx)
	tx.Later(`UPDATE delegations SET accepted = $1 WHERE id = $2 AND accepted = 0 AND ended = 0 AND until_at > $3`,
		check, city.Micros(now), id, city.Micros(now))
}

func (i *Identity) endDelegation(tx *db.Tx, id city.DelegationID, by string, now time.Time, check func(int64) error) {
	i.moved(tx)
	tx.Later(`UPDATE delegations SET ended = $1, ended_by = $2 WHERE id = $3 AND ended = 0`, check, city.Micros(now), by, id)
}

func (i *Identity) endDelegationsOf(tx *db.Tx, person city.PersonID, now time.Time) {
	i.moved(tx)
	tx.Later(`UPDATE delegations SET ended = $1, ended_by = $2 WHERE (giver = $3 OR taker = $4) AND ended = 0`,
		nil, city.Micros(now), "erased", person, person)
}
