package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type personRow struct {
	key     journal.KeyID
	version int64
	sealed  []byte
}

func (d *Directory) digests(p Person) (number, phone any) {
	if p.CitizenNumber != "" {
		number = d.vault.Digest("citizen_number", p.CitizenNumber)
	}
	if p.Phone != "" {
		phone = d.vault.Digest("phone", p.Phone)
	}
	return number, phone
}

func (d *Directory) insertPerson(ctx context.Context, tx *db.Tx, p Person, now time.Time) error {
	key, err := d.vault.NewKey(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	sealed, err := d.vault.Seal(ctx, tx, key, p)
	if err != nil {
		return err
	}
	number, phone := d.digests(p)
	tx.Later(`INSERT INTO people (id, key_id, number_digest, phone_digest, version, changed, erased, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, nil, p.ID, key, number, phone, 1, city.Micros(now), 0, sealed)
	return nil
}

func (d *Directory) updatePerson(ctx context.Context, tx *db.Tx, p Person, row personRow, now time.Time) error {
	sealed, err := d.vault.Seal(ctx, tx, row.key, p)
	if err != nil {
		return err
	}
	number, phone := d.digests(p)
	tx.Later(`UPDATE people SET number_digest = $1, phone_digest = $2, version = version + 1, changed = $3, sealed = $4
WHERE id = $5 AND version = $6`, sameVersion, number, phone, city.Micros(now), sealed, p.ID, row.version)
	return nil
}

// sameVersion refuses to write over what somebody else has just changed.
func sameVersion(rows int64) error {
	if rows != 1 {
		return city.Conflict("directory.changed_meanwhile")
	}
	return nil
}

func selectPerson(ctx context.Context, tx *db.Tx, id city.PersonID) (r personRow, err error) {
	err = tx.QueryRow(ctx, `SELECT key_id, version, sealed FROM people WHERE id = $1`, id).Scan(&r.key, &r.version, &r.sealed)
	return r, err
}

func personByDigest(ctx context.Context, tx *db.Tx, digest []byte) (city.PersonID, error) {
	return db.One[city.PersonID](ctx, tx, `SELECT id FROM people WHERE number_digest = $1`, digest)
}

func peopleByPhone(ctx context.Context, tx *db.Tx, digest []byte) ([]city.PersonID, error) {
	return db.All(ctx, tx, scanID[city.PersonID], `SELECT id FROM people WHERE phone_digest = $1 ORDER BY id LIMIT 100`, digest)
}

func scanID[T any](r db.Row) (id T, err error) { return id, r.Scan(&id) }

// byDigest finds many at once: table and column are our own words. Answers are by
// the digest's bytes.
func byDigest[T any](ctx context.Context, tx *db.Tx, query string, digests [][]byte) (map[string]T, error) {
	const room = 200 // one statement text for every batch
	found := map[string]T{}
	places := make([]string, room)
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	sql := query + " (" + strings.Join(places, ", ") + ")"
	for len(digests) > 0 {
		n := min(room, len(digests))
		args := make([]any, room)
		for i := range args {
			if i < n {
				args[i] = digests[i]
			} else {
				args[i] = []byte{}
			}
		}
		digests = digests[n:]
		type pair struct {
			digest []byte
			id     T
		}
		list, err := db.All(ctx, tx, func(r db.Row) (p pair, err error) { return p, r.Scan(&p.digest, &p.id) }, sql, args...)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			found[string(p.digest)] = p.id
		}
	}
	return found, nil
}

func peopleByDigests(ctx context.Context, tx *db.Tx, digests [][]byte) (map[string]city.PersonID, error) {
	return byDigest[city.PersonID](ctx, tx, `SELECT number_digest, id FROM people WHERE number_digest IN`, digests)
}

func firmsByDigests(ctx context.Context, tx *db.Tx, digests [][]byte) (map[string]city.FirmID, error) {
	return byDigest[city.FirmID](ctx, tx, `SELECT uscc_digest, id FROM firms WHERE uscc_digest IN`, digests)
}

func insertRelation(tx *db.Tx, person, relative city.PersonID, kind Relation) {
	tx.Later(`INSERT INTO relations (person, relative, kind) VALUES ($1, $2, $3)
ON CONFLICT (person, relative, kind) DO NOTHING`, nil, person, relative, string(kind))
}

func relativesOf(ctx context.Context, tx *db.Tx, id city.PersonID) ([]Relative, error) {
	return db.All(ctx, tx, func(r db.Row) (x Relative, err error) { return x, r.Scan(&x.Person, &x.Kind) },
		`SELECT relative, kind FROM relations WHERE person = $1 ORDER BY kind, relative`, id)
}

// clearPerson leaves the identifier, on which journal and cases rest, and nothing else.
func clearPerson(ctx context.Context, tx *db.Tx, id city.PersonID, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE people SET number_digest = NULL, phone_digest = NULL, sealed = NULL, version = version + 1, erased = $1
WHERE id = $2`, city.Micros(now), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return db.ErrNoRows
	}
	tx.Later(`DELETE FROM relations WHERE person = $1`, nil, id)
	tx.Later(`DELETE FROM relations WHERE relative = $1`, nil, id)
	tx.Later(`DELETE FROM firm_people WHERE person = $1`, nil, id)
	tx.Later(`DELETE FROM post_holders WHERE person = $1`, nil, id)
	tx.Later(`DELETE FROM duties WHERE person = $1`, nil, id)
	return nil
}

type firmRow = personRow // firms are kept alike

func (d *Directory) insertFirm(ctx context.Context, tx *db.Tx, f Firm, now time.Time) error {
	key, err := d.vault.NewKey(ctx, tx, city.PersonID{})
	if err != nil {
		return err
	}
	sealed, err := d.vault.Seal(ctx, tx, key, f)
	if err != nil {
		return err
	}
	tx.Later(`INSERT INTO firms (id, key_id, uscc_digest, version, changed, sealed) VALUES ($1, $2, $3, $4, $5, $6)`,
		nil, f.ID, key, d.vault.Digest("uscc", f.USCC), 1, city.Micros(now), sealed)
	return nil
}

func (d *Directory) updateFirm(ctx context.Context, tx *db.Tx, f Firm, row firmRow, now time.Time) error {
	sealed, err := d.vault.Seal(ctx, tx, row.key, f)
	if err != nil {
		return err
	}
	tx.Later(`UPDATE firms SET uscc_digest = $1, version = version + 1, changed = $2, sealed = $3 WHERE id = $4 AND version = $5`,
		sameVersion, d.vault.Digest("uscc", f.USCC), city.Micros(now), sealed, f.ID, row.version)
	return nil
}

func selectFirm(ctx context.Context, tx *db.Tx, id city.FirmID) (r firmRow, err error) {
	err = tx.QueryRow(ctx, `SELECT key_id, version, sealed FROM firms WHERE id = $1`, id).Scan(&r.key, &r.version, &r.sealed)
	return r, err
}

func firmByDigest(ctx context.Context, tx *db.Tx, digest []byte) (city.FirmID, error) {
	return db.One[city.FirmID](ctx, tx, `SELECT id FROM firms WHERE uscc_digest = $1`, digest)
}

func upsertFirmPerson(tx *db.Tx, firm city.FirmID, person city.PersonID, role FirmRole, from, until time.Time) {
	tx.Later(`INSERT INTO firm_people (firm, person, role, from_at, until_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (firm, person, role) DO UPDATE SET from_at = excluded.from_at, until_at = excluded.until_at`,
		nil, firm, person, string(role), city.Micros(from), city.Micros(until))
}

// endLegal ends whoever is the legal representative, but for the one named.
func endLegal(tx *db.Tx, firm city.FirmID, but city.PersonID, now time.Time) {
	tx.Later(`UPDATE firm_people SET until_at = $1 WHERE firm = $2 AND role = $3 AND (until_at = 0 OR until_at > $4) AND person <> $5`,
		nil, city.Micros(now), firm, string(Legal), city.Micros(now), but[:])
}

func endFirmPerson(tx *db.Tx, firm city.FirmID, person city.PersonID, role FirmRole, now time.Time, check func(int64) error) {
	tx.Later(`UPDATE firm_people SET until_at = $1 WHERE firm = $2 AND person = $3 AND role = $4 AND (until_at = 0 OR until_at > $5)`,
		check, city.Micros(now), firm, person, string(role), city.Micros(now))
}

func scanFirmPerson(r db.Row) (x FirmPerson, err error) {
	var from, until int64
	err = r.Scan(&x.Firm, &x.Person, &x.Role, &from, &until)
	x.From, x.Until = city.FromMicros(from), city.FromMicros(until)
	return x, err
}

const firmPeopleNow = `SELECT firm, person, role, from_at, until_at FROM firm_people
WHERE from_at <= $1 AND (until_at = 0 OR until_at > $2) AND `

func peopleOfFirm(ctx context.Context, tx *db.Tx, firm city.FirmID, now time.Time) ([]FirmPerson, error) {
	return db.All(ctx, tx, scanFirmPerson, firmPeopleNow+`firm = $3 ORDER BY role DESC, person`, city.Micros(now), city.Micros(now), firm)
}

func firmsOfPerson(ctx context.Context, tx *db.Tx, person city.PersonID, now time.Time) ([]FirmPerson, error) {
	return db.All(ctx, tx, scanFirmPerson, firmPeopleNow+`person = $3 ORDER BY role DESC, firm`, city.Micros(now), city.Micros(now), person)
}

func upsertHolder(tx *db.Tx, h Holding) {
	tx.Later(`INSERT INTO post_holders (post, person, region, from_at, until_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (post, person, region) DO UPDATE SET from_at = excluded.from_at, until_at = excluded.until_at`,
		nil, string(h.Post), h.Person, string(h.Region), city.Micros(h.From), city.Micros(h.Until))
}

func endHolder(tx *db.Tx, post city.PostID, person city.PersonID, now time.Time, check func(int64) error) {
	tx.Later(`UPDATE post_holders SET until_at = $1 WHERE post = $2 AND person = $3 AND (until_at = 0 OR until_at > $4)`,
		check, city.Micros(now), string(post), person, city.Micros(now))
}

func scanHolding(r db.Row) (h Holding, err error) {
	var from, until int64
	err = r.Scan(&h.Post, &h.Person, &h.Region, &from, &until)
	h.From, h.Until = city.FromMicros(from), city.FromMicros(until)
	return h, err
}

const holdersNow = `SELECT post, person, region, from_at, until_at FROM post_holders
WHERE from_at <= $1 AND (until_at = 0 OR until_at > $2) AND `

func holdersOf(ctx context.Context, tx *db.Tx, post city.PostID, now time.Time) ([]Holding, error) {
	return db.All(ctx, tx, scanHolding, holdersNow+`post = $3 ORDER BY person, region`, city.Micros(now), city.Micros(now), string(post))
}

func holdingsOf(ctx context.Context, tx *db.Tx, person city.PersonID, now time.Time) ([]Holding, error) {
	return db.All(ctx, tx, scanHolding, holdersNow+`person = $3 ORDER BY post, region`, city.Micros(now), city.Micros(now), person)
}
