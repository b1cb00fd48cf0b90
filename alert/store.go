package alert

import (
	"context"
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
