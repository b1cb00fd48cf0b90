package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/internal/db"
)

// Days are stored as 2026-03-09; "" is no bound.
func dayText(d city.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func generation(ctx context.Context, tx *db.Tx) (int64, error) {
	list, err := db.All(ctx, tx, func(row db.Row) (n int64, err error) { return n, row.Scan(&n) },
		`SELECT n FROM fleet_generations WHERE name = $1`, "registers")
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0], nil
}

func bumpGeneration(tx *db.Tx) {
	tx.Later(`INSERT INTO fleet_generations (name, n) VALUES ($1, 1)
ON CONFLICT (name) DO UPDATE SET n = fleet_generations.n + 1`, nil, "registers")
}

// bodyOf is a record as stored: without its version, so that two of the same
// content are alike.
func bodyOf(rec register.Record) (string, error) {
	version := rec.Ref().Version
	rec.Stamp(0)
	raw, err := json.Marshal(rec)
	rec.Stamp(version)
	return string(raw), err
}

func readBody(kind register.Kind, version int, body string) (register.Record, error) {
	rec := register.New(kind)
	if rec == nil {
		return nil, fmt.Errorf("fleet: a record of the unknown register %q", kind)
	}
	if err := json.Unmarshal([]byte(body), rec); err != nil {
		return nil, fmt.Errorf("fleet: a record of %s: %w", kind, err)
	}
	rec.Stamp(version)
	return rec, nil
}

func scanRecord(row db.Row) (register.Record, error) {
	var kind, body string
	var version int
	if err := row.Scan(&kind, &version, &body); err != nil {
		return nil, err
	}
	return readBody(register.Kind(kind), version, body)
}

// insertRecord fails with db.ErrDuplicate where the version stands already.
func insertRecord(tx *db.Tx, rec register.Record, body string, now time.Time) {
	ref := rec.Ref()
	since, until := rec.Span()
	day := ""
	if s, ok := rec.(*register.Sheet); ok {
		day = dayText(s.Day)
	}
	tx.Later(`INSERT INTO fleet_records (kind, id, version, since, until, day, changed, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, nil, string(ref.Kind), ref.ID, ref.Version, dayText(since), dayText(until), day, city.Micros(now), body)
}

// governing loads what a book of the day needs: of each record the newest version
// begun by then, and sheets of the days around.
func governing(ctx context.Context, tx *db.Tx, day city.Date) (r register.Records, err error) {
	d := dayText(day)
	list, err := db.All(ctx, tx, scanRecord, `SELECT kind, version, body FROM fleet_records AS f
WHERE day = '' AND since <= $1 AND (until = '' OR until >= $2)
AND version = (SELECT MAX(v.version) FROM fleet_records AS v WHERE v.kind = f.kind AND v.id = f.id AND v.since <= $3)`, d, d, d)
	if err != nil {
		return r, err
	}
	sheets, err := db.All(ctx, tx, scanRecord, `SELECT kind, version, body FROM fleet_records AS f
WHERE day >= $1 AND day <= $2 AND since <= $3 AND (until = '' OR until >= $4)
AND version = (SELECT MAX(v.version) FROM fleet_records AS v WHERE v.kind = f.kind AND v.id = f.id AND v.since <= $5)`,
		dayText(day.AddDays(-sheetsBefore)), dayText(day.AddDays(sheetsAfter)), d, d, d)
	for _, rec := range append(list, sheets...) {
		r.Add(rec)
	}
	return r, err
}

// standing is the newest version of a record.
type standing struct {
	id      string
	version int
	since   string
	body    string
}

// newest finds the newest versions of records of a register, by identifier.
func newest(ctx context.Context, tx *db.Tx, kind register.Kind, ids []string) (map[string]standing, error) {
	const room = 200 // one statement text for every batch
	places := make([]string, room)
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+2)
	}
	query := `SELECT id, version, since, body FROM fleet_records AS f WHERE kind = $1 AND id IN (` + strings.Join(places, ", ") + `)
AND version = (SELECT MAX(v.version) FROM fleet_records AS v WHERE v.kind = f.kind AND v.id = f.id)`
	found := map[string]standing{}
	for len(ids) > 0 {
		n := min(room, len(ids))
		args := make([]any, room+1)
		args[0] = string(kind)
		for i := range room {
			if args[i+1] = ""; i < n {
				args[i+1] = ids[i]
			}
		}
		ids = ids[n:]
		list, err := db.All(ctx, tx, func(row db.Row) (s standing, err error) {
			return s, row.Scan(&s.id, &s.version, &s.since, &s.body)
		}, query, args...)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			found[s.id] = s
		}
	}
	return found, nil
}

// versionsOf lists all versions of one record, the newest first.
func versionsOf(ctx context.Context, tx *db.Tx, kind register.Kind, id string) ([]Version, error) {
	return db.All(ctx, tx, func(row db.Row) (v Version, err error) {
		var version int
		var changed int64
		var body string
		if err := row.Scan(&version, &changed, &body); err != nil {
			return v, err
		}
		v.Changed = city.FromMicros(changed)
		v.Record, err = readBody(kind, version, body)
		return v, err
	}, `SELECT version, changed, body FROM fleet_records WHERE kind = $1 AND id = $2 ORDER BY version DESC LIMIT 200`, string(kind), id)
}
