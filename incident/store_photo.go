package incident

import (
	"context"

	"yiwang/city"
	"yiwang/internal/db"
)

func insertPhoto(tx *db.Tx, r photoRow) {
	var once, report any
	if r.once != "" {
		once = r.once
	}
	if !r.report.IsZero() {
		report = r.report
	}
	tx.Later(`INSERT INTO incident_photos (id, case_id, report, once, role, round, at, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, nil,
		r.id, r.caseID, report, once, string(r.role), r.round, city.Micros(r.at), r.key)
}

func deletePhoto(tx *db.Tx, id city.BlobID) {
	tx.Later(`DELETE FROM incident_photos WHERE id = $1`, nil, id)
}

const photoColumns = `id, case_id, report, role, round, at, key_id`

func scanPhoto(r db.Row) (p photoRow, err error) {
	var role string
	var at int64
	var report []byte
	err = r.Scan(&p.id, &p.caseID, &report, &role, &p.round, &at, &p.key)
	copy(p.report[:], report)
	p.role, p.at = Role(role), city.FromMicros(at)
	return p, err
}

// mostShown bounds the pictures of one matter that are listed; thousands may have
// reported it.
const mostShown = 400

func photosOf(ctx context.Context, tx *db.Tx, id city.CaseID) ([]photoRow, error) {
	return db.All(ctx, tx, scanPhoto, `SELECT `+photoColumns+` FROM incident_photos WHERE case_id = $1 ORDER BY at, id LIMIT $2`, id, mostShown)
}

func countPhotos(ctx context.Context, tx *db.Tx, id city.CaseID) (int, error) {
	return db.One[int](ctx, tx, `SELECT count(*) FROM incident_photos WHERE case_id = $1 AND report IS NULL`, id)
}

func photoByID(ctx context.Context, tx *db.Tx, id city.BlobID) (photoRow, error) {
	return scanPhoto(tx.QueryRow(ctx, `SELECT `+photoColumns+` FROM incident_photos WHERE id = $1`, id))
}

func photoByOnce(ctx context.Context, tx *db.Tx, once string) (photoRow, error) {
	return scanPhoto(tx.QueryRow(ctx, `SELECT `+photoColumns+` FROM incident_photos WHERE once = $1 AND once IS NOT NULL`, once))
}

func photosAfter(ctx context.Context, tx *db.Tx, after city.BlobID, limit int) ([]photoRow, error) {
	return db.All(ctx, tx, scanPhoto, `SELECT `+photoColumns+` FROM incident_photos WHERE id > $1 ORDER BY id LIMIT $2`, after[:], limit)
}
