package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

func registerType(ctx context.Context, tx *db.Tx, id city.CredentialType, digest, definition string, now time.Time) (int, error) {
	var version int
	var have string
	err := tx.QueryRow(ctx, `SELECT version, digest FROM credential_types WHERE type = $1 ORDER BY version DESC LIMIT 1`,
		string(id)).Scan(&version, &have)
	if err == nil && have == digest {
		return version, nil
	}
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return 0, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO credential_types (type, version, digest, definition, since) VALUES ($1, $2, $3, $4, $5)`,
		string(id), version+1, digest, definition, city.Micros(now))
	return version + 1, err
}

func typeDefinition(ctx context.Context, tx *db.Tx, id city.CredentialType, version int) (string, error) {
	return db.One[string](ctx, tx, `SELECT definition FROM credential_types WHERE type = $1 AND version = $2`, string(id), version)
}

type storedKey struct {
	id          KeyID
	algorithm   Algorithm
	certificate []byte
}

func keysStored(ctx context.Context, tx *db.Tx) ([]storedKey, error) {
	return db.All(ctx, tx, func(r db.Row) (storedKey, error) {
		var k storedKey
		var id []byte
		if err := r.Scan(&id, &k.algorithm, &k.certificate); err != nil {
			return k, err
		}
		if len(id) != len(k.id) {
			return k, fmt.Errorf("key id of %d bytes", len(id))
		}
		copy(k.id[:], id)
		return k, nil
	}, `SELECT id, algorithm, certificate FROM credential_keys ORDER BY since, id`)
}

func insertKey(tx *db.Tx, id KeyID, a Algorithm, certificate []byte, now time.Time) {
	tx.Later(`INSERT INTO credential_keys (id, algorithm, certificate, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING`, nil, id[:], string(a), certificate, city.Micros(now))
}

// claimSerials takes the next n running numbers and returns the first.
func claimSerials(ctx context.Context, tx *db.Tx, n int64) (int64, error) {
	end, err := db.One[int64](ctx, tx, `INSERT INTO credential_counters (name, next) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET next = credential_counters.next + $3 RETURNING next`, "serial", 1+n, n)
	return end - n, err
}

func insertCredential(tx *db.Tx, c *Credential, cause, data string, sealed []byte) {
	tx.Later(`INSERT INTO credentials (id, number, type, type_version, body, person, firm, region, case_no, cause, status, seq,
changed_at, issued_at, begins, expires, list, list_index, data, key_id, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`, nil,
		c.ID, string(c.Number), string(c.Type), c.version, string(c.Body), c.Holder.Person, c.Holder.Firm, string(c.Region),
		string(c.Case), cause, string(c.Status), c.seq, city.Micros(c.Changed), city.Micros(c.Changed),
		city.Micros(c.begins), city.Micros(c.expires), c.list, c.index, data, c.key, sealed)
}

// updateStatus moves a licence from the state was, and refuses when it has left
// that state meanwhile.
func updateStatus(ctx context.Context, tx *db.Tx, c *Credential, was Status, e Event, cause string, sealed []byte) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var key any
	if cause != "" {
		key = cause
	}
	n, err := tx.Exec(ctx, `UPDATE credentials SET status = $1, seq = $2, changed_at = $3 WHERE id = $4 AND seq = $5 AND status = $6`,
		string(c.Status), c.seq+1, city.Micros(c.Changed), c.ID, c.seq, string(was))
	if err != nil {
		return err
	}
	if n != 1 {
		return city.Conflict("credential.change.meanwhile", "number", string(c.Number))
	}
	tx.Later(`INSERT INTO credential_changes (credential, seq, at, status, cause, data, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`, nil,
		c.ID, c.seq+1, city.Micros(c.Changed), string(c.Status), key, string(data), sealed)
	countListChange(tx, c.list)
	countPlacesChange(tx, c.ID, c.list)
	return nil
}

func changeExists(ctx context.Context, tx *db.Tx, id city.CredentialID, cause string) (bool, error) {
	n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM credential_changes WHERE credential = $1 AND cause = $2`, id, cause)
	return n > 0, err
}

const columns = `id, number, type, type_version, body, person, firm, region, case_no, status, seq,
changed_at, begins, expires, list, list_index, data, key_id, sealed`

// scanCredential reads a row; what is sealed stays so until Registry.open.
func scanCredential(r db.Row) (*Credential, error) {
	var c Credential
	var changed, begins, expires int64
	var data string
	err := r.Scan(&c.ID, &c.Number, &c.Type, &c.version, &c.Body, &c.Holder.Person, &c.Holder.Firm, &c.Region, &c.Case,
		&c.Status, &c.seq, &changed, &begins, &expires, &c.list, &c.index, &data, &c.key, &c.sealed)
	if err != nil {
		return nil, err
	}
	c.Changed, c.begins, c.expires = city.FromMicros(changed), city.FromMicros(begins), city.FromMicros(expires)
	var k kept
	if err := json.Unmarshal([]byte(data), &k); err != nil {
		return nil, fmt.Errorf("credential: %s: %w", c.Number, err)
	}
	c.Name, c.Issuer, c.Issued, c.From, c.Until, c.Fields = k.Name, k.Issuer, k.Issued, k.From, k.Until, k.Fields
	return &c, nil
}

func credentialByNumber(ctx context.Context, tx *db.Tx, n Number) (*Credential, error) {
	c, err := scanCredential(tx.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE number = $1`, string(n)))
	if errors.Is(err, db.ErrNoRows) {
		return nil, city.NotFound("credential.not_found", "number", string(n))
	}
	return c, err
}

// stoppedAtPlace finds the licence at a place of a status list if it isn't valid.
func stoppedAtPlace(ctx context.Context, tx *db.Tx, list int64, index int) (*Credential, error) {
	c, err := scanCredential(tx.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE list = $1 AND list_index = $2 AND status <> '01'`, list, index))
	if errors.Is(err, db.ErrNoRows) {
		return nil, city.NotFound("error.not_found")
	}
	return c, err
}

// holderAtPlace is the person who holds the licence at a place; zero for none.
func holderAtPlace(ctx context.Context, tx *db.Tx, list, index int64) (city.PersonID, error) {
	c, err := scanCredential(tx.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE list = $1 AND list_index = $2`, list, index))
	if errors.Is(err, db.ErrNoRows) {
		return city.PersonID{}, nil
	}
	if err != nil {
		return city.PersonID{}, err
	}
	return c.Holder.Person, nil
}

func credentialByCause(ctx context.Context, tx *db.Tx, cause string) (*Credential, error) {
	c, err := scanCredential(tx.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE cause = $1`, cause))
	if errors.Is(err, db.ErrNoRows) {
		return nil, city.NotFound("error.not_found")
	}
	return c, err
}

// MostOfHolder bounds what ByHolder reads of one holder: nobody holds more in
// earnest. Where somebody has more, Held still finds every type.
const MostOfHolder = 500

// credentialsOf reads the newest of a holder; with a type only that one's, the
// valid ones first.
func credentialsOf(ctx context.Context, tx *db.Tx, h Holder, t city.CredentialType) ([]*Credential, error) {
	column, id := "person", any(h.Person)
	if !h.Firm.IsZero() {
		column, id = "firm", h.Firm
	}
	if t == "" {
		return db.All(ctx, tx, scanCredential, `SELECT `+columns+` FROM credentials WHERE `+column+` = $1
ORDER BY issued_at DESC, number LIMIT $2`, id, MostOfHolder)
	}
	return db.All(ctx, tx, scanCredential, `SELECT `+columns+` FROM credentials WHERE `+column+` = $1 AND type = $2
ORDER BY CASE WHEN status = '01' THEN 0 ELSE 1 END, issued_at DESC, number LIMIT $3`, id, string(t), MostOfHolder)
}

func credentialsOfCase(ctx context.Context, tx *db.Tx, n city.CaseNumber) ([]*Credential, error) {
	return db.All(ctx, tx, scanCredential, `SELECT `+columns+` FROM credentials WHERE case_no = $1 AND case_no <> ''
ORDER BY issued_at, number LIMIT $2`, string(n), MostOfHolder)
}

type storedEvent struct {
	Event
	sealed []byte
}

func changesOf(ctx context.Context, tx *db.Tx, id city.CredentialID) ([]storedEvent, error) {
	return db.All(ctx, tx, func(r db.Row) (storedEvent, error) {
		var e storedEvent
		var at int64
		var data string
		if err := r.Scan(&at, &data, &e.sealed); err != nil {
			return e, err
		}
		e.At = city.FromMicros(at)
		return e, json.Unmarshal([]byte(data), &e.Event)
	}, `SELECT at, data, sealed FROM credential_changes WHERE credential = $1 ORDER BY seq`, id)
}

// statusAt is the state a licence was in at a past moment.
func statusAt(ctx context.Context, tx *db.Tx, id city.CredentialID, at time.Time) (Status, error) {
	s, err := db.One[string](ctx, tx, `SELECT status FROM credential_changes WHERE credential = $1 AND at <= $2
ORDER BY seq DESC LIMIT 1`, id, city.Micros(at))
	if errors.Is(err, db.ErrNoRows) {
		return StatusValid, nil // as it was issued
	}
	return Status(s), err
}

func listChanges(ctx context.Context, tx *db.Tx, list int64) (int64, error) {
	n, err := db.One[int64](ctx, tx, `SELECT changes FROM credential_lists WHERE list = $1`, list)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// lastList is the newest list that holds anything.
func lastList(ctx context.Context, tx *db.Tx) (int64, error) {
	next, err := db.One[int64](ctx, tx, `SELECT next FROM credential_counters WHERE name = $1`, "serial")
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return (next - 1) / ListLen, err
}

func fillList(ctx context.Context, tx *db.Tx, list int64, bits StatusBits) error {
	rows, err := tx.Query(ctx, `SELECT list_index, status FROM credentials WHERE list = $1 AND status <> '01'`, list)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var s Status
		if err := rows.Scan(&i, &s); err != nil {
			return err
		}
		bits.Set(i, s.Bit())
	}
	return rows.Err()
}
