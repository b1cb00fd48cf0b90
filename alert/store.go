package alert

import (
	"context"
	"math"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

type deviceRow struct {
	device      string
	quarantined time.Time
	reason      string
	clockOff    bool
}

func deviceRows(ctx context.Context, tx *db.Tx) ([]deviceRow, error) {
	return db.All(ctx, tx, func(row db.Row) (r deviceRow, err error) {
		var at, off int64
		err = row.Scan(&r.device, &at, &r.reason, &off)
		r.quarantined, r.clockOff = city.FromMicros(at), off != 0
		return r, err
	}, `SELECT device, quarantined, reason, clock_off FROM alert_devices`)
}

func flagOf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func saveDevice(tx *db.Tx, r deviceRow, now time.Time) {
	tx.Later(`INSERT INTO alert_devices (device, quarantined, reason, clock_off, changed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (device) DO UPDATE SET quarantined = excluded.quarantined, reason = excluded.reason, clock_off = excluded.clock_off, changed = excluded.changed`,
		nil, r.device, city.Micros(r.quarantined), r.reason, flagOf(r.clockOff), city.Micros(now))
}

// quarantineDevice says how many rows it changed: none when it stands so already.
func quarantineDevice(ctx context.Context, tx *db.Tx, r deviceRow, now time.Time) (int64, error) {
	return tx.Exec(ctx, `INSERT INTO alert_devices (device, quarantined, reason, clock_off, changed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (device) DO UPDATE SET quarantined = excluded.quarantined, reason = excluded.reason, changed = excluded.changed
WHERE alert_devices.quarantined = 0`, r.device, city.Micros(r.quarantined), r.reason, flagOf(r.clockOff), city.Micros(now))
}

// A value is stored in thousandths of its unit.
const alertColumns = `id, rule, device, thousandths, raised, cleared, case_number`

func scanAlert(row db.Row) (a Alert, err error) {
	var thousandths, raised, cleared int64
	err = row.Scan(&a.ID, &a.Rule, &a.Device, &thousandths, &raised, &cleared, (*string)(&a.Case))
	a.Value = float64(thousandths) / 1000
	a.Raised, a.Cleared = city.FromMicros(raised), city.FromMicros(cleared)
	return a, err
}

// insertAlert fails with db.ErrDuplicate while one of the rule and device is open.
func insertAlert(tx *db.Tx, a Alert) {
	tx.Later(`INSERT INTO alerts (`+alertColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, nil,
		a.ID, a.Rule, a.Device, int64(math.Round(a.Value*1000)), city.Micros(a.Raised), city.Micros(a.Cleared), string(a.Case))
}

func clearAlert(ctx context.Context, tx *db.Tx, id city.AlertID, at time.Time) (int64, error) {
	return tx.Exec(ctx, `UPDATE alerts SET cleared = $1 WHERE id = $2 AND cleared = 0`, city.Micros(at), id)
}

func noteCase(tx *db.Tx, id city.AlertID, number city.CaseNumber) {
	tx.Later(`UPDATE alerts SET case_number = $1 WHERE id = $2 AND case_number = ''`, nil, string(number), id)
}

func openAlerts(ctx context.Context, tx *db.Tx) ([]Alert, error) {
	return db.All(ctx, tx, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE cleared = 0`)
}

func openAlert(ctx context.Context, tx *db.Tx, rule, device string) (id city.AlertID, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM alerts WHERE rule = $1 AND device = $2 AND cleared = 0`, rule, device).Scan(&id)
	return id, err
}

func unfiled(ctx context.Context, tx *db.Tx, limit int) ([]Alert, error) {
	return db.All(ctx, tx, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE case_number = '' ORDER BY raised, id LIMIT $1`, limit)
}
