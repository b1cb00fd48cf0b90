package fleet

import (
	"context"
	"encoding/json"
	"time"

	"yiwang/city"
	"yiwang/fleet/risk"
	"yiwang/internal/db"
)

func putRisk(tx *db.Tx, r risk.Risk, now time.Time) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tx.Later(`INSERT INTO fleet_risks (region, day, score, at, body) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (region, day) DO UPDATE SET score = excluded.score, at = excluded.at, body = excluded.body`, nil,
		string(r.Region), dayText(r.Day), int64(r.Index), city.Micros(now), string(body))
	return nil
}

type keptRisk struct {
	risk risk.Risk
	at   time.Time
}

func scanRisk(row db.Row) (k keptRisk, err error) {
	var at int64
	var body string
	if err := row.Scan(&at, &body); err != nil {
		return k, err
	}
	k.at = city.FromMicros(at)
	return k, json.Unmarshal([]byte(body), &k.risk)
}

// risksOn are those of a day, the highest first.
func risksOn(ctx context.Context, tx *db.Tx, day city.Date) ([]keptRisk, error) {
	return db.All(ctx, tx, scanRisk, `SELECT at, body FROM fleet_risks WHERE day = $1 ORDER BY score DESC, region`, dayText(day))
}

func riskOf(ctx context.Context, tx *db.Tx, region city.RegionCode, day city.Date) ([]keptRisk, error) {
	return db.All(ctx, tx, scanRisk, `SELECT at, body FROM fleet_risks WHERE region = $1 AND day = $2`, string(region), dayText(day))
}

// scoresSince are the daily values of a community in the order of days.
func scoresSince(ctx context.Context, tx *db.Tx, region city.RegionCode, since city.Date) ([]DailyRisk, error) {
	return db.All(ctx, tx, func(row db.Row) (d DailyRisk, err error) {
		var day string
		var score int64
		if err := row.Scan(&day, &score); err != nil {
			return d, err
		}
		d.Index = int(score)
		d.Day, err = city.ParseDate(day)
		return d, err
	}, `SELECT day, score FROM fleet_risks WHERE region = $1 AND day >= $2 ORDER BY day`, string(region), dayText(since))
}

// computedOn says when each day since was computed, by its earliest value.
func computedOn(ctx context.Context, tx *db.Tx, since city.Date) (map[city.Date]time.Time, error) {
	return daysWith(ctx, tx, `SELECT day, MIN(at) FROM fleet_risks WHERE day >= $1 GROUP BY day`, since)
}

// passedOn says when the passing of each day since was summed up.
func passedOn(ctx context.Context, tx *db.Tx, since city.Date) (map[city.Date]time.Time, error) {
	return daysWith(ctx, tx, `SELECT day, at FROM fleet_passing WHERE region = '' AND day >= $1`, since)
}

func daysWith(ctx context.Context, tx *db.Tx, query string, since city.Date) (map[city.Date]time.Time, error) {
	out := map[city.Date]time.Time{}
	_, err := db.All(ctx, tx, func(row db.Row) (d city.Date, err error) {
		var day string
		var at int64
		if err := row.Scan(&day, &at); err != nil {
			return d, err
		}
		if d, err = city.ParseDate(day); err == nil {
			out[d] = city.FromMicros(at)
		}
		return d, err
	}, query, dayText(since))
	return out, err
}

func putPassing(tx *db.Tx, day city.Date, seconds map[city.RegionCode]int64, now time.Time) {
	tx.Later(`DELETE FROM fleet_passing WHERE day = $1`, nil, dayText(day))
	put := func(region city.RegionCode, n int64) {
		tx.Later(`INSERT INTO fleet_passing (day, region, seconds, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (day, region) DO UPDATE SET seconds = excluded.seconds, at = excluded.at`, nil, dayText(day), string(region), n, city.Micros(now))
	}
	put("", 0)
	for region, n := range seconds {
		put(region, n)
	}
}

// passingFrom sums up from one day to another, both included, and says how many of
// them were summed up.
func passingFrom(ctx context.Context, tx *db.Tx, from, to city.Date) (seconds map[city.RegionCode]int64, days int, err error) {
	seconds = map[city.RegionCode]int64{}
	_, err = db.All(ctx, tx, func(row db.Row) (n int64, err error) {
		var region string
		var times int64
		if err := row.Scan(&region, &n, &times); err != nil {
			return 0, err
		}
		if region == "" {
			days = int(times)
		} else {
			seconds[city.RegionCode(region)] = n
		}
		return n, nil
	}, `SELECT region, SUM(seconds), COUNT(*) FROM fleet_passing WHERE day >= $1 AND day <= $2 GROUP BY region`, dayText(from), dayText(to))
	return seconds, days, err
}

func forgetRisks(tx *db.Tx, before city.Date) {
	tx.Later(`DELETE FROM fleet_risks WHERE day < $1`, nil, dayText(before))
	tx.Later(`DELETE FROM fleet_passing WHERE day < $1`, nil, dayText(before))
}
