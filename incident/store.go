package incident

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

type incidentRow struct {
	id     city.CaseID
	number city.CaseNumber
	class  city.ItemCode
	typ    Type
	at     geo.Point
	region city.RegionCode
	public int
	open   int
	opened time.Time
	// reports counts those who joined: what was read of them stands as long as it does.
	reports int
	fresh   bool                // made in this transaction, and
	made    []journal.Recipient // with these reports
}

// noteMade adds a report to those of a matter that this transaction has made; of
// another it changes nothing.
func noteMade(tx *db.Tx, n city.CaseNumber, report city.ReportID) {
	if in, ok := tx.Kept(keptIncident(n)).(incidentRow); ok && in.fresh {
		in.made = append(in.made, journal.Recipient{Reporter: report})
		tx.Keep(keptIncident(n), in)
	}
}

// keptIncident is the key of a matter's row as this transaction leaves it.
type keptIncident city.CaseNumber

type reportRow struct {
	id      city.ReportID
	caseID  city.CaseID
	number  city.CaseNumber
	once    string
	code    []byte
	joined  bool
	channel city.Channel
	source  string
	at      time.Time
	noticed time.Time
	place   geo.Point
	person  city.PersonID
	key     journal.KeyID
	sealed  []byte
	ratedAt int64
	rating  string
	phone   bool   // they left a telephone number
	caller  []byte // digest of the number that a call came from; nil otherwise
	callAt  time.Time
	calls   int
}

type photoRow struct {
	id     city.BlobID
	caseID city.CaseID
	report city.ReportID // zero: an officer took it
	once   string
	role   Role
	round  int
	at     time.Time
	key    journal.KeyID
}

func (r photoRow) photo() Photo { return Photo{ID: r.id, Role: r.role, At: r.at, Report: r.report} }

// millionths of a degree, about 11 cm.
func millionths(degrees float64) int64 { return int64(math.Round(degrees * 1e6)) }

func degrees(millionths int64) float64 { return float64(millionths) / 1e6 }

func insertIncident(tx *db.Tx, r incidentRow) {
	r.open, r.reports, r.fresh = 1, 1, true
	tx.Keep(keptIncident(r.number), r)
	tx.Later(`INSERT INTO incidents (case_id, number, class, type, lat, lon, region, public, open, opened_at, reports)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, 1)`, nil,
		r.id, string(r.number), string(r.class), string(r.typ), millionths(r.at.Lat), millionths(r.at.Lon), string(r.region), r.public, city.Micros(r.opened))
}

func insertReport(tx *db.Tx, r reportRow) {
	var once, person, caller any
	if r.caller != nil {
		caller = r.caller
	}
	if r.once != "" {
		once = r.once
	}
	if !r.person.IsZero() {
		person = r.person
	}
	joined, phone := 0, 0
	if r.joined {
		joined = 1
	}
	if r.phone {
		phone = 1
	}
	tx.Later(`INSERT INTO incident_reports (id, case_id, number, once, code, joined, channel, source, at, noticed, lat, lon, person, key_id, sealed, rated_at, rating, phone, caller)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, '', $16, $17)`, nil,
		r.id, r.caseID, string(r.number), once, r.code, joined, string(r.channel), r.source, city.Micros(r.at), city.Micros(r.noticed),
		millionths(r.place.Lat), millionths(r.place.Lon), person, r.key, r.sealed, phone, caller)
}

func changeClass(tx *db.Tx, in incidentRow, class city.ItemCode, public int) {
	in.class, in.public = class, public
	tx.Keep(keptIncident(in.number), in)
	tx.Later(`UPDATE incidents SET class = $1, public = $2 WHERE case_id = $3`, nil, string(class), public, in.id)
}

// join counts n more reports of a matter that is open; otherwise the step is
// refused with casework.ErrAgain.
func join(tx *db.Tx, id city.CaseID, n int) {
	tx.Later(`UPDATE incidents SET reports = reports + $1 WHERE case_id = $2 AND open = 1`, touchedOne, n, id)
}

func touchedOne(rows int64) error {
	if rows != 1 {
		return fmt.Errorf("%w: a matter, or who reported it", casework.ErrAgain)
	}
	return nil
}

// setOpen opens or closes a matter and gives its class and those who reported it up to then.
// Nobody joins unnoticed in between: a composed step is refused with
// casework.ErrAgain where somebody did, another has the row to itself from here on.
func setOpen(ctx context.Context, tx *db.Tx, id city.CaseID, n city.CaseNumber, open int) (class city.ItemCode, to []journal.Recipient, err error) {
	if !tx.Composed() {
		if _, err := tx.Exec(ctx, `UPDATE incidents SET open = $1 WHERE case_id = $2`, open, id); err != nil {
			return "", nil, err
		}
	}
	reports, class, to, err := reportersOf(ctx, tx, id, n)
	if err == nil && tx.Composed() {
		tx.Later(`UPDATE incidents SET open = $1 WHERE case_id = $2 AND reports = $3`, touchedOne, open, id, reports)
	}
	return class, to, err
}

// moveReports gives all reports of one matter, with what they show, to another, and
// tells how many they were.
func moveReports(ctx context.Context, tx *db.Tx, from, to city.CaseID, n city.CaseNumber) (int, error) {
	tx.Later(`UPDATE incident_photos SET case_id = $1 WHERE case_id = $2 AND report IS NOT NULL`, nil, to, from)
	rows, err := tx.Exec(ctx, `UPDATE incident_reports SET case_id = $1, number = $2, joined = 1 WHERE case_id = $3`, to, string(n), from)
	return int(rows), err
}

// rateReport keeps a rating where there is none; otherwise the step is refused with
// casework.ErrAgain.
func rateReport(tx *db.Tx, id city.ReportID, at int64, rating string, sealed []byte) {
	tx.Later(`UPDATE incident_reports SET rated_at = $1, rating = $2, sealed = $3, call_at = 0 WHERE id = $4 AND rated_at = 0`, touchedOne, at, rating, sealed, id)
}

const incidentColumns = `case_id, number, class, type, lat, lon, region, public, open, opened_at, reports`

func scanIncident(r db.Row) (in incidentRow, err error) {
	var lat, lon, opened int64
	var number, class, typ, region string
	err = r.Scan(&in.id, &number, &class, &typ, &lat, &lon, &region, &in.public, &in.open, &opened, &in.reports)
	in.number, in.class, in.typ, in.region = city.CaseNumber(number), city.ItemCode(class), Type(typ), city.RegionCode(region)
	in.at, in.opened = geo.Point{Lat: degrees(lat), Lon: degrees(lon)}, city.FromMicros(opened)
	return in, err
}

func incidentByNumber(ctx context.Context, tx *db.Tx, n city.CaseNumber) (incidentRow, error) {
	if in, ok := tx.Kept(keptIncident(n)).(incidentRow); ok {
		return in, nil
	}
	return scanIncident(tx.QueryRow(ctx, `SELECT `+incidentColumns+` FROM incidents WHERE number = $1`, string(n)))
}

// openAround reads the open matters of a class whose point lies in the box.
func openAround(ctx context.Context, tx *db.Tx, class city.ItemCode, b geo.Box, since time.Time) ([]incidentRow, error) {
	return db.All(ctx, tx, scanIncident, `SELECT `+incidentColumns+` FROM incidents
WHERE open = 1 AND lat <> 0 AND type <> '`+string(found)+`' AND class = $1 AND lat BETWEEN $2 AND $3 AND lon BETWEEN $4 AND $5 AND opened_at >= $6 LIMIT 100`,
		string(class), millionths(b.South), millionths(b.North), millionths(b.West), millionths(b.East), city.Micros(since))
}

// publicOf reads what everybody may see, newest first; of a place the box around it.
func publicOf(ctx context.Context, tx *db.Tx, q PublicQuery, skip, limit int) ([]incidentRow, error) {
	args := []any{}
	bind := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where := "public = 1"
	if !q.Since.IsZero() {
		where += " AND opened_at >= " + bind(city.Micros(q.Since))
	}
	if !q.Until.IsZero() {
		where += " AND opened_at <= " + bind(city.Micros(q.Until))
	}
	for _, list := range []struct {
		column string
		values []string
	}{{"class", texts(q.Classes)}, {"number", texts(q.Numbers)}} {
		for i, v := range list.values {
			if i == 0 {
				where += " AND " + list.column + " IN (" + bind(v)
			} else {
				where += ", " + bind(v)
			}
		}
		if len(list.values) > 0 {
			where += ")"
		}
	}
	if q.Region != "" { // a code covers all codes it begins
		where += " AND region LIKE " + bind(string(q.Region)+"%")
	}
	if q.Open != nil {
		open := 0
		if *q.Open {
			open = 1
		}
		where += " AND open = " + bind(open)
	}
	if !q.Near.IsZero() {
		b := geo.Around(q.Near, q.Metres)
		where += " AND lat <> 0 AND lat BETWEEN " + bind(millionths(b.South)) + " AND " + bind(millionths(b.North))
		where += " AND lon BETWEEN " + bind(millionths(b.West)) + " AND " + bind(millionths(b.East))
	}
	if !q.after.IsZero() {
		at := bind(city.Micros(q.after))
		where += " AND (opened_at, number) < (" + at + ", " + bind(string(q.afterNumber)) + ")"
	}
	return db.All(ctx, tx, scanIncident, `SELECT `+incidentColumns+` FROM incidents WHERE `+where+
		` ORDER BY opened_at DESC, number DESC LIMIT `+bind(limit)+` OFFSET `+bind(skip), args...)
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

const reportColumns = `id, case_id, number, code, joined, channel, source, at, noticed, lat, lon, key_id, sealed, rated_at, rating, phone, call_at, calls`

func scanReport(r db.Row) (row reportRow, err error) {
	var joined, at, noticed, lat, lon, phone, callAt int64
	var number, channel string
	err = r.Scan(&row.id, &row.caseID, &number, &row.code, &joined, &channel, &row.source, &at, &noticed, &lat, &lon, &row.key, &row.sealed, &row.ratedAt, &row.rating, &phone, &callAt, &row.calls)
	row.number, row.channel, row.joined = city.CaseNumber(number), city.Channel(channel), joined == 1
	row.at, row.noticed = city.FromMicros(at), city.FromMicros(noticed)
	row.place = geo.Point{Lat: degrees(lat), Lon: degrees(lon)}
	row.phone, row.callAt = phone == 1, city.FromMicros(callAt)
	return row, err
}

func reportByOnce(ctx context.Context, tx *db.Tx, once string) (reportRow, error) {
	return scanReport(tx.QueryRow(ctx, `SELECT `+reportColumns+` FROM incident_reports WHERE once = $1 AND once IS NOT NULL`, once))
}

func reportByCode(ctx context.Context, tx *db.Tx, code []byte) (reportRow, error) {
	return scanReport(tx.QueryRow(ctx, `SELECT `+reportColumns+` FROM incident_reports WHERE code = $1`, code))
}

func reportByID(ctx context.Context, tx *db.Tx, id city.ReportID) (reportRow, error) {
	return scanReport(tx.QueryRow(ctx, `SELECT `+reportColumns+` FROM incident_reports WHERE id = $1`, id))
}

// reportBy is the first report that a person made of a matter.
func reportBy(ctx context.Context, tx *db.Tx, id city.CaseID, person city.PersonID) (reportRow, error) {
	return scanReport(tx.QueryRow(ctx, `SELECT `+reportColumns+` FROM incident_reports WHERE case_id = $1 AND person = $2 ORDER BY at, id LIMIT 1`, id, person))
}

// mostReports are so many of one matter as are read whole at once; a burst pipe in
// a whole district is reported by thousands.
const mostReports = 1000

func reportsOf(ctx context.Context, tx *db.Tx, id city.CaseID) ([]reportRow, error) {
	return db.All(ctx, tx, scanReport, `SELECT `+reportColumns+` FROM incident_reports WHERE case_id = $1 ORDER BY at, id LIMIT `+strconv.Itoa(mostReports), id)
}

// reportersOf reads how many reports a matter has, its class and who made them, in
// one statement and so of one moment.
func reportersOf(ctx context.Context, tx *db.Tx, id city.CaseID, n city.CaseNumber) (count int, class city.ItemCode, to []journal.Recipient, err error) {
	if in, ok := tx.Kept(keptIncident(n)).(incidentRow); ok && in.fresh {
		return in.reports, in.class, in.made, nil
	}
	rows, err := tx.Query(ctx, reportersSQL, id)
	if err != nil {
		return 0, "", nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var report city.ReportID // NULL where nobody reported it
		if err := rows.Scan(&count, (*string)(&class), &report); err != nil {
			return 0, "", nil, err
		}
		if !report.IsZero() {
			to = append(to, journal.Recipient{Reporter: report})
		}
	}
	return count, class, to, rows.Err()
}

const reportersSQL = `SELECT i.reports, i.class, r.id FROM incidents i LEFT JOIN incident_reports r ON r.case_id = i.case_id
WHERE i.case_id = $1 ORDER BY r.at, r.id`

func countReports(ctx context.Context, tx *db.Tx, id city.CaseID) (int, error) {
	return db.One[int](ctx, tx, `SELECT count(*) FROM incident_reports WHERE case_id = $1`, id)
}

// joinRow is a report that joined a public matter.
type joinRow struct {
	id     city.ReportID
	number city.CaseNumber
	at     time.Time
}

func publicJoins(ctx context.Context, tx *db.Tx, since, until time.Time, limit int) ([]joinRow, error) {
	return db.All(ctx, tx, func(r db.Row) (j joinRow, err error) {
		var at int64
		err = r.Scan(&j.id, &j.number, &at)
		j.at = city.FromMicros(at)
		return j, err
	}, `SELECT r.id, r.number, r.at FROM incident_reports r JOIN incidents i ON i.number = r.number
WHERE r.joined = 1 AND r.at >= $1 AND r.at <= $2 AND i.public = 1 AND r.at >= i.opened_at ORDER BY r.at, r.id LIMIT $3`,
		city.Micros(since), city.Micros(until), limit)
}

// openAnywhere reads open matters that have a point, in the order of the index.
func openAnywhere(ctx context.Context, tx *db.Tx, most int) ([]incidentRow, error) {
	return db.All(ctx, tx, scanIncident, `SELECT `+incidentColumns+` FROM incidents WHERE open = 1 AND lat <> 0 LIMIT $1`, most)
}

// openedByHour counts from the first hour on. The ids of cases carry the time at
// which they were made, so older ones need not be read.
func openedByHour(ctx context.Context, tx *db.Tx, first time.Time, hours int) ([]int, error) {
	type count struct{ hour, n int }
	list, err := db.All(ctx, tx, func(r db.Row) (c count, err error) { return c, r.Scan(&c.hour, &c.n) },
		`SELECT CAST((opened_at - $1) / 3600000000 AS INTEGER) AS hour, count(*) FROM incidents
WHERE case_id >= $2 AND opened_at >= $3 GROUP BY 1`, city.Micros(first), city.NewCaseID().Floor(time.Duration(hours)*time.Hour), city.Micros(first))
	counts := make([]int, hours)
	for _, c := range list {
		if c.hour < hours {
			counts[c.hour] += c.n
		}
	}
	return counts, err
}
