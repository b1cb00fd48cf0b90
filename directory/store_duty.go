package directory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// upsertWatch begins a shift, or moves the end of one that still runs: its
// beginning and the last place stay then.
func upsertWatch(tx *db.Tx, w Watch, now time.Time) {
	regions := ""
	if len(w.Regions) > 0 {
		regions = ","
		for _, r := range w.Regions {
			regions += string(r) + ","
		}
	}
	tx.Later(`DELETE FROM duties WHERE account = $1 AND post = $2 AND until_at <= $3`, nil, w.Account, string(w.Post), city.Micros(now))
	tx.Later(`INSERT INTO duties (account, post, person, regions, since, until_at, lat, lon, placed) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0)
ON CONFLICT (account, post) DO UPDATE SET regions = excluded.regions, until_at = excluded.until_at`, nil,
		w.Account, string(w.Post), w.Person, regions, city.Micros(w.Since), city.Micros(w.Until))
}

func deleteWatch(tx *db.Tx, of city.AccountID, post city.PostID, check func(int64) error) {
	tx.Later(`DELETE FROM duties WHERE account = $1 AND post = $2`, check, of, string(post))
}

// endWatches lets the shifts of a person run out now, and forgets the places.
func endWatches(tx *db.Tx, person city.PersonID, post city.PostID, now time.Time) {
	tx.Later(`UPDATE duties SET until_at = $1, lat = 0, lon = 0, placed = 0 WHERE person = $2 AND post = $3 AND until_at > $4`, nil,
		city.Micros(now), person, string(post), city.Micros(now))
}

// placeWatch moves somebody, unless a later place has come in the meantime.
func placeWatch(tx *db.Tx, w Watch, f Fix) {
	tx.Later(`UPDATE duties SET lat = $1, lon = $2, placed = $3 WHERE account = $4 AND post = $5 AND placed < $6`, nil,
		millionths(f.Lat), millionths(f.Lon), city.Micros(f.At), w.Account, string(w.Post), city.Micros(f.At))
}

func millionths(degrees float64) int64 { return int64(math.Round(degrees * 1e6)) }

const watchColumns = `account, post, person, regions, since, until_at, lat, lon, placed`

func scanWatch(r db.Row) (w Watch, err error) {
	var post, regions string
	var since, until, lat, lon, placed int64
	err = r.Scan(&w.Account, &post, &w.Person, &regions, &since, &until, &lat, &lon, &placed)
	w.Post, w.Since, w.Until, w.Placed = city.PostID(post), city.FromMicros(since), city.FromMicros(until), city.FromMicros(placed)
	w.At = geo.Point{Lat: float64(lat) / 1e6, Lon: float64(lon) / 1e6}
	for code := range strings.FieldsFuncSeq(regions, func(c rune) bool { return c == ',' }) {
		w.Regions = append(w.Regions, city.RegionCode(code))
	}
	return w, err
}

// watchOf is the row of an account in a post, whether its time is over or not; nil
// when there is none.
func watchOf(ctx context.Context, tx *db.Tx, of city.AccountID, post city.PostID) (*Watch, error) {
	w, err := scanWatch(tx.QueryRow(ctx, `SELECT `+watchColumns+` FROM duties WHERE account = $1 AND post = $2`, of, string(post)))
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	return &w, err
}

func watchesOf(ctx context.Context, tx *db.Tx, of city.AccountID, now time.Time) ([]Watch, error) {
	return db.All(ctx, tx, scanWatch, `SELECT `+watchColumns+` FROM duties WHERE account = $1 AND until_at > $2 ORDER BY post`, of, city.Micros(now))
}

func watchesRunOut(ctx context.Context, tx *db.Tx, now time.Time, most int) ([]Watch, error) {
	return db.All(ctx, tx, scanWatch, `SELECT `+watchColumns+` FROM duties WHERE until_at <= $1 ORDER BY until_at, account, post`+limit(most), city.Micros(now))
}

// holdWatches reads who of some is on duty. On PostgreSQL their rows are locked until
// the transaction ends, all in one order; on SQLite writers come one after the other
// anyway.
func holdWatches(ctx context.Context, tx *db.Tx, post city.PostID, of []city.AccountID, now time.Time, wait bool) (map[city.AccountID]bool, error) {
	on := map[city.AccountID]bool{}
	if len(of) == 0 {
		return on, nil
	}
	a := &asked{}
	a.where = "post = " + a.bind(string(post)) + " AND account IN ("
	for i, id := range of {
		if i > 0 {
			a.where += ", "
		}
		a.where += a.bind(id)
	}
	a.where += ") AND until_at > " + a.bind(city.Micros(now)) + " ORDER BY account"
	if tx.Engine() == db.Postgres {
		a.where += " FOR UPDATE"
		if !wait {
			a.where += " SKIP LOCKED"
		}
	}
	ids, err := db.All(ctx, tx, scanID[city.AccountID], "SELECT account FROM duties WHERE "+a.where, a.args...)
	for _, id := range ids {
		on[id] = true
	}
	return on, err
}

// asked builds a query's conditions and numbers its arguments in order.
type asked struct {
	where string
	args  []any
}

func (a *asked) bind(v any) string {
	a.args = append(a.args, v)
	return "$" + strconv.Itoa(len(a.args))
}

// limit stands in the text: SQLite prepares a statement anew for each value of a
// bound one.
func limit(n int) string { return " LIMIT " + strconv.Itoa(n) }

// onShift are the conditions that all share: post, time and region.
func (d *Directory) onShift(q Around, now time.Time) *asked {
	a := &asked{}
	a.where = "post = " + a.bind(string(q.Post)) + " AND until_at > " + a.bind(city.Micros(now))
	if q.Region != "" {
		a.where += " AND (regions = ''"
		for n := 4; n <= len(q.Region); n++ {
			if n == 4 || n == 6 || n == 9 || n == 12 {
				a.where += " OR replace(regions, " + a.bind(","+string(q.Region[:n])+",") + ", '') <> regions"
			}
		}
		a.where += ")"
	}
	return a
}

// watchesNear reads those nearest to the place, in the box or anywhere, with some
// more than asked for: on the plane in which the database compares them, two who
// are equally far may change places.
func watchesNear(ctx context.Context, tx *db.Tx, d *Directory, q Around, b *geo.Box, now time.Time) ([]Watch, error) {
	a := d.onShift(q, now)
	a.where += " AND placed > " + a.bind(city.Micros(now.Add(-freshPlace)))
	if b != nil {
		a.where += " AND lat BETWEEN " + a.bind(millionths(b.South)) + " AND " + a.bind(millionths(b.North)) +
			" AND lon BETWEEN " + a.bind(millionths(b.West)) + " AND " + a.bind(millionths(b.East))
	}
	lat, lon := millionths(q.At.Lat), millionths(q.At.Lon)
	cos := math.Cos(q.At.Lat * math.Pi / 180)
	order := fmt.Sprintf("(lat - %s) * (lat - %s) + CAST(%s AS DOUBLE PRECISION) * (lon - %s) * (lon - %s)", a.bind(lat), a.bind(lat), a.bind(cos*cos), a.bind(lon), a.bind(lon))
	return db.All(ctx, tx, scanWatch, "SELECT "+watchColumns+" FROM duties WHERE "+a.where+" ORDER BY "+order+limit(q.Most+8), a.args...)
}

// watchesAnywhere reads who is on duty, wherever, those who began first.
func watchesAnywhere(ctx context.Context, tx *db.Tx, d *Directory, q Around, now time.Time, most int) ([]Watch, error) {
	a := d.onShift(q, now)
	order := " ORDER BY since, account"
	if !q.At.IsZero() { // only whether they are few
		order = ""
	}
	return db.All(ctx, tx, scanWatch, "SELECT "+watchColumns+" FROM duties WHERE "+a.where+order+limit(most), a.args...)
}

// watchesLost reads those of whom nobody knows where they are.
func watchesLost(ctx context.Context, tx *db.Tx, d *Directory, q Around, now time.Time, most int) ([]Watch, error) {
	a := d.onShift(q, now)
	a.where += " AND placed <= " + a.bind(city.Micros(now.Add(-freshPlace)))
	return db.All(ctx, tx, scanWatch, "SELECT "+watchColumns+" FROM duties WHERE "+a.where+" ORDER BY since, account"+limit(most), a.args...)
}

// watchesAll reads everybody on duty, those who began first.
func watchesAll(ctx context.Context, tx *db.Tx, now time.Time, most int) ([]Watch, error) {
	return db.All(ctx, tx, scanWatch, "SELECT "+watchColumns+" FROM duties WHERE until_at > $1 ORDER BY since, account, post"+limit(most), city.Micros(now))
}
