package incident

import (
	"context"

	"yiwang/city"
	"yiwang/internal/db"
)

// askByCall says from when on those who reported a matter, left a number and have
// not rated are to be called; 0 is never.
func askByCall(tx *db.Tx, id city.CaseID, at int64) {
	tx.Later(`UPDATE incident_reports SET call_at = $1, calls = 0 WHERE case_id = $2 AND phone = 1 AND rated_at = 0`, nil, at, id)
}

// noteCall notes one call more of somebody who still is to be called; otherwise the
// step is refused with casework.ErrAgain.
func noteCall(tx *db.Tx, id city.ReportID, at int64, calls int) {
	tx.Later(`UPDATE incident_reports SET call_at = $1, calls = $2 WHERE id = $3 AND calls = $4 AND call_at > 0`, touchedOne, at, calls, id, calls-1)
}

// toCall reads whom to call, those waiting longest first, behind a moment and id.
func toCall(ctx context.Context, tx *db.Tx, from int64, after city.ReportID, until int64, limit int) ([]reportRow, error) {
	return db.All(ctx, tx, scanReport, `SELECT `+reportColumns+` FROM incident_reports
WHERE call_at > 0 AND (call_at, id) > ($1, $2) AND call_at <= $3 ORDER BY call_at, id LIMIT $4`, from, after, until, limit)
}

// reportsByCaller reads what was called about from a number, the latest first.
func reportsByCaller(ctx context.Context, tx *db.Tx, digest []byte, limit int) ([]reportRow, error) {
	return db.All(ctx, tx, scanReport, `SELECT `+reportColumns+` FROM incident_reports
WHERE caller = $1 AND caller IS NOT NULL ORDER BY at DESC, id DESC LIMIT $2`, digest, limit)
}

// openPlaceless reads the open matters of a class that have no point, in a region
// and those within it, whose codes begin with its own.
func openPlaceless(ctx context.Context, tx *db.Tx, class city.ItemCode, region city.RegionCode, limit int) ([]incidentRow, error) {
	return db.All(ctx, tx, scanIncident, `SELECT `+incidentColumns+` FROM incidents
WHERE open = 1 AND lat = 0 AND class = $1 AND region >= $2 AND region <= $3 LIMIT $4`, string(class), string(region), string(region)+"999999999", limit)
}
