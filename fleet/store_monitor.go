package fleet

import (
	"context"
	"math"
	"time"

	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/internal/db"
)

func putStay(tx *db.Tx, v register.VehicleID, e track.Event) {
	tx.Later(`INSERT INTO fleet_stays (vehicle, start_at, end_at, lat, lon, points) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (vehicle, start_at) DO UPDATE SET end_at = excluded.end_at, lat = excluded.lat, lon = excluded.lon, points = excluded.points`, nil,
		string(v), e.Start, e.End, int64(math.Round(e.Lat*1e6)), int64(math.Round(e.Lon*1e6)), int64(e.Points))
}

// dropStays forgets what a vehicle's stays were from one moment to another, before
// they are written anew.
func dropStays(tx *db.Tx, v register.VehicleID, from, to int64) {
	tx.Later(`DELETE FROM fleet_stays WHERE vehicle = $1 AND start_at >= $2 AND start_at < $3`, nil, string(v), from, to)
}

type keptStay struct {
	vehicle register.VehicleID
	event   track.Event
}

// staysBetween gives kept stays that ended from one moment to another, in the order in
// which they did.
func staysBetween(ctx context.Context, tx *db.Tx, since, until int64) ([]keptStay, error) {
	return db.All(ctx, tx, func(r db.Row) (s keptStay, err error) {
		var vehicle string
		var lat, lon, points int64
		err = r.Scan(&vehicle, &s.event.Start, &s.event.End, &lat, &lon, &points)
		s.vehicle, s.event.Kind, s.event.Lat, s.event.Lon, s.event.Points = register.VehicleID(vehicle), track.Stay, float64(lat)/1e6, float64(lon)/1e6, int32(points)
		return s, err
	}, `SELECT vehicle, start_at, end_at, lat, lon, points FROM fleet_stays WHERE end_at >= $1 AND end_at <= $2 ORDER BY end_at, vehicle, start_at`, since, until)
}

// sayTold notes that a matter was told up to a moment; fresh is false when it was. What
// was noted later than now a wrong clock noted.
func sayTold(ctx context.Context, tx *db.Tx, f detect.Finding, now time.Time) (fresh bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO fleet_told (rule, matter, until_at, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (rule, matter) DO UPDATE SET until_at = excluded.until_at, at = excluded.at WHERE fleet_told.until_at < excluded.until_at OR fleet_told.at > excluded.at`,
		f.Rule, f.Key, f.To, city.Micros(now))
	return n > 0, err
}

// toldSince are the keys of a rule's matters that were told since a moment.
func toldSince(ctx context.Context, tx *db.Tx, rule string, since int64) ([]string, error) {
	return db.All(ctx, tx, func(r db.Row) (key string, err error) { return key, r.Scan(&key) },
		`SELECT matter FROM fleet_told WHERE rule = $1 AND at >= $2`, rule, since)
}

// forgetOld removes what no rule looks back on any more.
func forgetOld(ctx context.Context, tx *db.Tx, stays, told int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM fleet_stays WHERE end_at < $1`, stays); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM fleet_told WHERE at < $1`, told)
	return err
}
