package serviceitem

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// text is NULL when empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func insertVersion(ctx context.Context, tx *db.Tx, code city.ItemCode, digest, definition string, at time.Time) (fresh bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO item_versions (item, digest, definition, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (item, digest) DO NOTHING`, string(code), digest, definition, city.Micros(at))
	return n == 1, err
}

func definitionOf(ctx context.Context, tx *db.Tx, code city.ItemCode, digest string) (string, error) {
	return db.One[string](ctx, tx, `SELECT definition FROM item_versions WHERE item = $1 AND digest = $2`, string(code), digest)
}

func nextNumber(ctx context.Context, tx *db.Tx, name string) (int64, error) {
	n, err := db.One[int64](ctx, tx, `INSERT INTO item_counters (name, next) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET next = item_counters.next + 1 RETURNING next`, name, 2)
	return n - 1, err
}

// Applications.

func insertApplication(tx *db.Tx, c casework.Case, a Application, ch city.Channel, once string) {
	tx.Later(`INSERT INTO applications (case_no, case_id, item, digest, channel, filed_at, once) VALUES ($1, $2, $3, $4, $5, $6, $7)`, nil,
		string(c.Number), c.ID, string(a.Item), a.Digest, string(ch), city.Micros(a.Filed), text(once))
}

func caseOnce(ctx context.Context, tx *db.Tx, once string) (city.CaseNumber, error) {
	return db.One[city.CaseNumber](ctx, tx, `SELECT case_no FROM applications WHERE once = $1`, once)
}

// isApplication reports whether the case was opened by File.
func isApplication(ctx context.Context, tx *db.Tx, n city.CaseNumber) (bool, error) {
	_, err := db.One[string](ctx, tx, `SELECT item FROM applications WHERE case_no = $1`, string(n))
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Drafts.

type draftRow struct {
	Draft
	sealed []byte
}

const draftColumns = `id, owner, counter, applicant, firm, item, step, version, created_at, changed_at, expires_at, case_no, key_id, sealed`

func scanDraft(r db.Row) (draftRow, error) {
	var d draftRow
	var created, changed, expires int64
	err := r.Scan(&d.ID, &d.owner, &d.counter, &d.Of.Person, &d.Of.Firm, &d.Item, &d.Step, &d.Version, &created, &changed, &expires,
		&d.Case, &d.key, &d.sealed)
	d.Created, d.Changed, d.Expires = city.FromMicros(created), city.FromMicros(changed), city.FromMicros(expires)
	return d, err
}

func insertDraft(tx *db.Tx, d *Draft, sealed []byte) {
	tx.Later(`INSERT INTO drafts (`+draftColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, nil,
		d.ID, d.owner, string(d.counter), d.Of.Person, d.Of.Firm, string(d.Item), d.Step, d.Version, city.Micros(d.Created),
		city.Micros(d.Changed), city.Micros(d.Expires), "", d.key, sealed)
}

func draftByID(ctx context.Context, tx *db.Tx, id city.DraftID) (draftRow, error) {
	return scanDraft(tx.QueryRow(ctx, `SELECT `+draftColumns+` FROM drafts WHERE id = $1`, id))
}

func draftsOf(ctx context.Context, tx *db.Tx, owner city.PersonID, now time.Time) ([]draftRow, error) {
	return db.All(ctx, tx, scanDraft, `SELECT `+draftColumns+` FROM drafts
WHERE owner IS NOT NULL AND owner = $1 AND case_no = '' AND expires_at > $2 ORDER BY changed_at DESC, id`, owner, city.Micros(now))
}

func countDrafts(ctx context.Context, tx *db.Tx, owner city.PersonID, now time.Time) (int, error) {
	return db.One[int](ctx, tx, `SELECT count(*) FROM drafts WHERE owner IS NOT NULL AND owner = $1 AND case_no = '' AND expires_at > $2`,
		owner, city.Micros(now))
}

// updateDraft keeps a draft if nobody has changed it since.
func updateDraft(tx *db.Tx, d *Draft, was int, sealed []byte) {
	tx.Later(`UPDATE drafts SET step = $1, version = $2, changed_at = $3, expires_at = $4, sealed = $5
WHERE id = $6 AND version = $7 AND case_no = ''`, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("service.draft.changed")
		}
		return nil
	}, d.Step, d.Version, city.Micros(d.Changed), city.Micros(d.Expires), sealed, d.ID, was)
}

// sendDraft turns a draft into a pointer to its case: the answers lie there now.
func sendDraft(tx *db.Tx, d *Draft, n city.CaseNumber) {
	tx.Later(`UPDATE drafts SET case_no = $1, sealed = NULL WHERE id = $2 AND version = $3 AND case_no = ''`, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("service.draft.changed")
		}
		return nil
	}, string(n), d.ID, d.Version)
}

// dropDraft deletes a draft with the rows of its files, and names their blobs.
func dropDraft(ctx context.Context, tx *db.Tx, id city.DraftID) ([]city.BlobID, error) {
	ids, err := db.All(ctx, tx, scanBlobID, `SELECT id FROM uploads WHERE draft IS NOT NULL AND draft = $1 AND case_no = ''`, id)
	if err != nil {
		return nil, err
	}
	tx.Later(`DELETE FROM uploads WHERE draft IS NOT NULL AND draft = $1 AND case_no = ''`, nil, id)
	tx.Later(`DELETE FROM drafts WHERE id = $1`, nil, id)
	return ids, nil
}

func scanBlobID(r db.Row) (id city.BlobID, err error) { return id, r.Scan(&id) }

// expired lists some drafts and files that have expired, the files of the drafts
// among them.
func expired(ctx context.Context, tx *db.Tx, now time.Time, limit int) ([]city.DraftID, []city.BlobID, error) {
	drafts, err := db.All(ctx, tx, func(r db.Row) (id city.DraftID, err error) { return id, r.Scan(&id) },
		`SELECT id FROM drafts WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`, city.Micros(now), limit)
	if err != nil {
		return nil, nil, err
	}
	files, err := db.All(ctx, tx, scanBlobID, `SELECT id FROM uploads WHERE case_no = '' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`,
		city.Micros(now), limit)
	for _, d := range drafts {
		if err != nil {
			break
		}
		var of []city.BlobID
		of, err = db.All(ctx, tx, scanBlobID, `SELECT id FROM uploads WHERE draft IS NOT NULL AND draft = $1 AND case_no = ''`, d)
		files = append(files, of...)
	}
	return drafts, files, err
}

func deleteDraft(tx *db.Tx, id city.DraftID) { tx.Later(`DELETE FROM drafts WHERE id = $1`, nil, id) }

// expireAll makes everything of an applicant expire at once, files of cases too.
func expireAll(tx *db.Tx, applicant city.PersonID) {
	tx.Later(`UPDATE drafts SET expires_at = $1, sealed = NULL WHERE applicant IS NOT NULL AND applicant = $2`, nil, 0, applicant)
	tx.Later(`UPDATE uploads SET expires_at = $1, case_no = '' WHERE applicant IS NOT NULL AND applicant = $2`, nil, 0, applicant)
}

// Uploads.

const uploadColumns = `id, owner, counter, applicant, firm, item, draft, case_no, media, size, ready, created_at, expires_at, key_id, sealed`

func insertUpload(tx *db.Tx, u *uploadRow) {
	tx.Later(`INSERT INTO uploads (`+uploadColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`, nil,
		u.id, u.owner, string(u.counter), u.of.Person, u.of.Firm, string(u.item), u.draft, "", u.media, u.size, 0,
		city.Micros(u.created), city.Micros(u.expires), u.key, u.sealed)
}

func uploadByID(ctx context.Context, tx *db.Tx, id city.BlobID) (*uploadRow, error) {
	var u uploadRow
	var ready, created, expires int64
	err := tx.QueryRow(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE id = $1`, id).Scan(&u.id, &u.owner, &u.counter, &u.of.Person,
		&u.of.Firm, &u.item, &u.draft, &u.caseNo, &u.media, &u.size, &ready, &created, &expires, &u.key, &u.sealed)
	u.ready, u.created, u.expires = ready == 1, city.FromMicros(created), city.FromMicros(expires)
	return &u, err
}

func countUploads(ctx context.Context, tx *db.Tx, owner city.PersonID) (int, error) {
	return db.One[int](ctx, tx, `SELECT count(*) FROM uploads WHERE case_no = '' AND owner = $1`, owner)
}

// finishUpload says that the bytes are safe.
func finishUpload(tx *db.Tx, u *uploadRow) {
	tx.Later(`UPDATE uploads SET ready = $1, size = $2, sealed = $3, expires_at = $4 WHERE id = $5`, func(rows int64) error {
		if rows == 0 {
			return fmt.Errorf("serviceitem: the row of upload %s is gone", u.id)
		}
		return nil
	}, 1, u.size, u.sealed, city.Micros(u.created.Add(uploadLife)), u.id)
}

func deleteUpload(tx *db.Tx, id city.BlobID) {
	tx.Later(`DELETE FROM uploads WHERE id = $1 AND case_no = ''`, nil, id)
}

func prolongUploads(tx *db.Tx, id city.DraftID, until time.Time) {
	tx.Later(`UPDATE uploads SET expires_at = $1 WHERE draft IS NOT NULL AND draft = $2 AND case_no = '' AND ready = 1`, nil,
		city.Micros(until), id)
}

// linkUpload gives a file to a case, once.
func linkUpload(tx *db.Tx, id city.BlobID, n city.CaseNumber) {
	tx.Later(`UPDATE uploads SET case_no = $1 WHERE id = $2 AND case_no = '' AND ready = 1`, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("service.upload.gone")
		}
		return nil
	}, string(n), id)
}

// lockParty waits until nobody else decides about the person and the firm, on any
// node, until the transaction ends. SQLite has one writer anyway.
func lockParty(ctx context.Context, tx *db.Tx, of Party) error {
	if tx.Engine() != db.Postgres {
		return nil
	}
	var keys []int64
	for _, id := range []string{of.Person.String(), of.Firm.String()} {
		if id != "" {
			sum := sha256.Sum256([]byte("decide " + id))
			keys = append(keys, int64(binary.BigEndian.Uint64(sum[:8])))
		}
	}
	slices.Sort(keys) // always in the same order
	for _, k := range keys {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, k); err != nil {
			return err
		}
	}
	return nil
}
