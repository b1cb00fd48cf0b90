package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

const (
	statusActive = "active"
	statusLocked = "locked"
)

type accountRow struct {
	Account
	loginDigest []byte
	password    Hashed
	key         journal.KeyID
	sealed      []byte
}

type accountSecret struct {
	Login string `json:"login,omitempty"`
}

func (i *Identity) insertAccount(ctx context.Context, tx *db.Tx, a Account, h Hashed, now time.Time) error {
	key, err := i.vault.NewKey(ctx, tx, a.Person)
	if err != nil {
		return err
	}
	sealed, err := i.vault.Seal(ctx, tx, key, accountSecret{Login: a.Login})
	if err != nil {
		return err
	}
	var login any
	if a.Login != "" {
		login = i.vault.Digest("login", a.Login)
	}
	tx.Later(`INSERT INTO accounts (id, kind, person, status, login_digest, password, created, changed, key_id, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, nil,
		a.ID, string(a.Kind), a.Person, statusActive, login, string(h), city.Micros(now), city.Micros(now), key, sealed)
	return nil
}

const accountColumns = `SELECT id, kind, person, status, login_digest, password, created, key_id, sealed FROM accounts `

func scanAccount(r db.Row) (a accountRow, err error) {
	var created int64
	var status string
	err = r.Scan(&a.ID, &a.Kind, &a.Person, &status, &a.loginDigest, &a.password, &created, &a.key, &a.sealed)
	a.Locked, a.Created = status != statusActive, city.FromMicros(created)
	return a, err
}

func accountByID(ctx context.Context, tx *db.Tx, id city.AccountID) (accountRow, error) {
	return scanAccount(tx.QueryRow(ctx, accountColumns+`WHERE id = $1`, id))
}

func accountByLogin(ctx context.Context, tx *db.Tx, digest []byte) (accountRow, error) {
	return scanAccount(tx.QueryRow(ctx, accountColumns+`WHERE login_digest = $1`, digest))
}

func accountOf(ctx context.Context, tx *db.Tx, person city.PersonID, kind city.ActorKind) (accountRow, error) {
	return scanAccount(tx.QueryRow(ctx, accountColumns+`WHERE person = $1 AND kind = $2`, person, string(kind)))
}

func (i *Identity) setLogin(ctx context.Context, tx *db.Tx, row accountRow, login string) error {
	sealed, err := i.vault.Seal(ctx, tx, row.key, accountSecret{Login: login})
	if err != nil {
		return err
	}
	tx.Later(`UPDATE accounts SET login_digest = $1, sealed = $2 WHERE id = $3`, nil, i.vault.Digest("login", login), sealed, row.ID)
	return nil
}

func (i *Identity) setPassword(tx *db.Tx, id city.AccountID, h Hashed, now time.Time) {
	i.moved(tx)
	tx.Later(`UPDATE accounts SET password = $1, changed = $2 WHERE id = $3`, nil, string(h), city.Micros(now), id)
}

func (i *Identity) setStatus(tx *db.Tx, id city.AccountID, status string, now time.Time) {
	i.moved(tx)
	tx.Later(`UPDATE accounts SET status = $1, changed = $2 WHERE id = $3`, nil, status, city.Micros(now), id)
}

func (i *Identity) deleteAccount(tx *db.Tx, id city.AccountID) {
	i.moved(tx)
	for _, sql := range []string{
		`DELETE FROM sessions WHERE account = $1`, `DELETE FROM api_tokens WHERE account = $1`, `DELETE FROM passkeys WHERE account = $1`,
		`DELETE FROM activation_codes WHERE account = $1`, `DELETE FROM accounts WHERE id = $1`,
	} {
		tx.Later(sql, nil, id)
	}
}

func insertCode(tx *db.Tx, digest []byte, id city.AccountID, until time.Time) {
	tx.Later(`INSERT INTO activation_codes (digest, account, expires) VALUES ($1, $2, $3)`, nil, digest, id, city.Micros(until))
}

func deleteCodes(tx *db.Tx, id city.AccountID) {
	tx.Later(`DELETE FROM activation_codes WHERE account = $1`, nil, id)
}

func accountByCode(ctx context.Context, tx *db.Tx, digest []byte, now time.Time) (city.AccountID, error) {
	return db.One[city.AccountID](ctx, tx, `SELECT account FROM activation_codes WHERE digest = $1 AND expires > $2`, digest, city.Micros(now))
}

// countTry adds one failure, or gives until when the subject must wait and adds
// none. Failures before since are forgotten.
func countTry(ctx context.Context, tx *db.Tx, subject []byte, now, since time.Time) (failures int64, until time.Time, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO attempts (subject, failures, last_at, until_at) VALUES ($1, 1, $2, 0)
ON CONFLICT (subject) DO UPDATE SET
  failures = CASE WHEN attempts.last_at < $3 THEN 1 ELSE attempts.failures + 1 END, last_at = $4
WHERE attempts.until_at <= $5`, subject, city.Micros(now), city.Micros(since), city.Micros(now), city.Micros(now))
	if err != nil {
		return 0, until, err
	}
	var us int64
	err = tx.QueryRow(ctx, `SELECT failures, until_at FROM attempts WHERE subject = $1`, subject).Scan(&failures, &us)
	if n == 1 {
		return failures, time.Time{}, err
	}
	return failures, city.FromMicros(us), err
}

func setTryWait(tx *db.Tx, subject []byte, until time.Time) {
	tx.Later(`UPDATE attempts SET until_at = $1 WHERE subject = $2`, nil, city.Micros(until), subject)
}

func forgetTry(tx *db.Tx, subject []byte) {
	tx.Later(`DELETE FROM attempts WHERE subject = $1`, nil, subject)
}

func uncountTry(tx *db.Tx, subject []byte) {
	tx.Later(`UPDATE attempts SET failures = failures - 1, until_at = 0 WHERE subject = $1 AND failures > 0`, nil, subject)
}

// sessionRow is a session or an API token as read by its secret.
type sessionRow struct {
	Session
	id        [16]byte
	assurance city.Assurance
	scopes    []string
	sealed    []byte
}

func insertSession(tx *db.Tx, s Session, sure city.Assurance, digest, sealed []byte) {
	tx.Later(`INSERT INTO sessions (id, digest, account, method, channel, assurance, created, seen, expires, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, nil, s.ID, digest, s.Account, string(s.Method), string(s.Channel), int64(sure),
		city.Micros(s.Created), city.Micros(s.Seen), city.Micros(s.Expires), sealed)
}

const sessionColumns = `SELECT id, account, method, channel, assurance, created, seen, expires, delegation, firm, sealed FROM sessions `

func scanSession(r db.Row) (s sessionRow, err error) {
	var created, seen, expires, sure int64
	err = r.Scan(&s.ID, &s.Account, &s.Method, &s.Channel, &sure, &created, &seen, &expires, &s.ActingAs.Delegation, &s.ActingAs.Firm, &s.sealed)
	s.id, s.assurance = s.ID, city.Assurance(sure)
	s.Created, s.Seen, s.Expires = city.FromMicros(created), city.FromMicros(seen), city.FromMicros(expires)
	return s, err
}

func sessionByDigest(ctx context.Context, tx *db.Tx, digest []byte) (sessionRow, error) {
	return scanSession(tx.QueryRow(ctx, sessionColumns+`WHERE digest = $1`, digest))
}

func sessionsOf(ctx context.Context, tx *db.Tx, account city.AccountID, now time.Time) ([]sessionRow, error) {
	return db.All(ctx, tx, scanSession, sessionColumns+`WHERE account = $1 AND expires > $2 ORDER BY created DESC, id DESC LIMIT 200`, account, city.Micros(now))
}

func touchSession(tx *db.Tx, id [16]byte, now time.Time) {
	tx.Later(`UPDATE sessions SET seen = $1 WHERE id = $2`, nil, city.Micros(now), id[:])
}

func (i *Identity) setChoice(tx *db.Tx, id SessionID, c Choice) {
	i.moved(tx)
	tx.Later(`UPDATE sessions SET delegation = $1, firm = $2 WHERE id = $3`, nil, c.Delegation, c.Firm, id)
}

func (i *Identity) setChoiceOf(tx *db.Tx, account city.AccountID, id SessionID, c Choice, check func(int64) error) {
	i.moved(tx)
	tx.Later(`UPDATE sessions SET delegation = $1, firm = $2 WHERE id = $3 AND account = $4`, check, c.Delegation, c.Firm, id, account)
}

func (i *Identity) endSession(tx *db.Tx, account city.AccountID, id SessionID, check func(int64) error) {
	i.moved(tx)
	tx.Later(`DELETE FROM sessions WHERE id = $1 AND account = $2`, check, id, account)
}

func (i *Identity) endSessionByDigest(tx *db.Tx, digest []byte) {
	i.moved(tx)
	tx.Later(`DELETE FROM sessions WHERE digest = $1`, nil, digest)
}

// endSessions ends all of the account's sessions but keep.
func (i *Identity) endSessions(tx *db.Tx, account city.AccountID, keep SessionID) {
	i.moved(tx)
	tx.Later(`DELETE FROM sessions WHERE account = $1 AND id <> $2`, nil, account, keep[:])
}

func insertToken(tx *db.Tx, t Token, account city.AccountID, digest, sealed []byte) error {
	scopes, err := json.Marshal(t.Scopes)
	if err != nil {
		return err
	}
	tx.Later(`INSERT INTO api_tokens (id, digest, account, scopes, created, used, expires, delegation, firm, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, nil, t.ID, digest, account, string(scopes),
		city.Micros(t.Created), 0, city.Micros(t.Expires), t.ActingAs.Delegation, t.ActingAs.Firm, sealed)
	return nil
}

func tokenByDigest(ctx context.Context, tx *db.Tx, digest []byte) (s sessionRow, err error) {
	var id TokenID
	var used, expires int64
	var scopes string
	err = tx.QueryRow(ctx, `SELECT id, account, scopes, used, expires, delegation, firm FROM api_tokens WHERE digest = $1`, digest).
		Scan(&id, &s.Account, &scopes, &used, &expires, &s.ActingAs.Delegation, &s.ActingAs.Firm)
	if err != nil {
		return s, err
	}
	s.id, s.assurance, s.Method = id, city.AssurancePassword, ByToken
	s.Seen, s.Expires = city.FromMicros(used), city.FromMicros(expires)
	s.scopes = []string{} // never nil: nil would be everything
	if err := json.Unmarshal([]byte(scopes), &s.scopes); err != nil {
		return s, fmt.Errorf("identity: scopes of token %s: %w", id, err)
	}
	return s, nil
}

func touchToken(tx *db.Tx, id [16]byte, now time.Time) {
	tx.Later(`UPDATE api_tokens SET used = $1 WHERE id = $2`, nil, city.Micros(now), id[:])
}

type tokenRow struct {
	Token
	sealed []byte
}

func tokensOf(ctx context.Context, tx *db.Tx, account city.AccountID, now time.Time) ([]tokenRow, error) {
	return db.All(ctx, tx, func(r db.Row) (t tokenRow, err error) {
		var created, used, expires int64
		var scopes string
		err = r.Scan(&t.ID, &scopes, &created, &used, &expires, &t.ActingAs.Delegation, &t.ActingAs.Firm, &t.sealed)
		if err == nil {
			err = json.Unmarshal([]byte(scopes), &t.Scopes)
		}
		t.Created, t.Used, t.Expires = city.FromMicros(created), city.FromMicros(used), city.FromMicros(expires)
		return t, err
	}, `SELECT id, scopes, created, used, expires, delegation, firm, sealed FROM api_tokens
WHERE account = $1 AND expires > $2 ORDER BY created DESC, id DESC`, account, city.Micros(now))
}

func (i *Identity) endToken(tx *db.Tx, account city.AccountID, id TokenID, check func(int64) error) {
	i.moved(tx)
	tx.Later(`DELETE FROM api_tokens WHERE id = $1 AND account = $2`, check, id, account)
}

func sweep(ctx context.Context, tx *db.Tx, now time.Time) (sum int64, err error) {
	us := city.Micros(now)
	for _, s := range []struct {
		sql string
		arg int64
	}{
		{`DELETE FROM sessions WHERE expires <= $1`, us},
		{`DELETE FROM api_tokens WHERE expires <= $1`, us},
		{`DELETE FROM activation_codes WHERE expires <= $1`, us},
		{`DELETE FROM used_challenges WHERE expires <= $1`, us},
		{`DELETE FROM attempts WHERE last_at < $1`, city.Micros(now.Add(-lookupLimit.quiet))},
	} {
		n, err := tx.Exec(ctx, s.sql, s.arg)
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}
