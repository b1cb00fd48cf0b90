package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

const alertColumns = `id, rule, matter, subject, kind, state, outcome, body, class, region, lat, lon, address, words, sure, times, raised, since, last, settled, case_number`

// words are what an alert says, as its row keeps it.
type words struct {
	Text city.Text `json:"text,omitzero"`
	Why  city.Text `json:"why,omitzero"`
}

func scanAlert(r db.Row) (a Alert, err error) {
	var said string
	var lat, lon, sure, raised, since, last, settled int64
	err = r.Scan(&a.ID, &a.Rule, &a.Key, &a.Subject, &a.Kind, (*string)(&a.State), &a.Outcome, (*string)(&a.Body), (*string)(&a.Class),
		(*string)(&a.Place.Region), &lat, &lon, &a.Place.Address, &said, &sure, &a.Times, &raised, &since, &last, &settled, (*string)(&a.Case))
	if err != nil {
		return a, err
	}
	var w words
	if said != "" {
		if err := json.Unmarshal([]byte(said), &w); err != nil {
			return a, fmt.Errorf("alert %s: %w", a.ID, err)
		}
	}
	a.Text, a.Why, a.Sure = w.Text, w.Why, float64(sure)/1000
	a.Place.Lat, a.Place.Lon = float64(lat)/1e6, float64(lon)/1e6
	a.Raised, a.Since, a.Last, a.Settled = city.FromMicros(raised), city.FromMicros(since), city.FromMicros(last), city.FromMicros(settled)
	return a, nil
}

func wordsOf(a Alert) (string, error) {
	raw, err := json.Marshal(words{a.Text, a.Why})
	return string(raw), err
}

func millionths(degrees float64) int64 { return int64(math.Round(degrees * 1e6)) }

// insertAlert says how many rows it made: none while one of the rule and matter is
// not settled.
func insertAlert(ctx context.Context, tx *db.Tx, a Alert) (int64, error) {
	said, err := wordsOf(a)
	if err != nil {
		return 0, err
	}
	return tx.Exec(ctx, `INSERT INTO alerts (`+alertColumns+`, wants_case)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
ON CONFLICT (rule, matter) WHERE settled = 0 DO NOTHING`,
		a.ID, a.Rule, a.Key, a.Subject, a.Kind, string(a.State), a.Outcome, string(a.Body), string(a.Class), string(a.Place.Region),
		millionths(a.Place.Lat), millionths(a.Place.Lon), a.Place.Address, said, int64(math.Round(a.Sure*1000)), a.Times,
		city.Micros(a.Raised), city.Micros(a.Since), city.Micros(a.Last), city.Micros(a.Settled), string(a.Case), flagOf(a.State == Open))
}

// newestOf is the last alert of a rule and matter, settled or not.
func newestOf(ctx context.Context, tx *db.Tx, rule, matter string) (Alert, error) {
	return scanAlert(tx.QueryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE rule = $1 AND matter = $2 ORDER BY settled = 0 DESC, raised DESC, id DESC LIMIT 1`, rule, matter))
}

// lastSettled is when the last alert of a rule and matter was settled; zero: none was.
func lastSettled(ctx context.Context, tx *db.Tx, rule, matter string) (time.Time, error) {
	at, err := db.One[int64](ctx, tx, `SELECT COALESCE(max(settled), 0) FROM alerts WHERE rule = $1 AND matter = $2`, rule, matter)
	return city.FromMicros(at), err
}

// settledBy takes outcomes that are dated later than that for outcomes of now.
func settledBy(ctx context.Context, tx *db.Tx, rule, matter string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE alerts SET settled = $1 WHERE rule = $2 AND matter = $3 AND settled > $4`, city.Micros(now), rule, matter, city.Micros(now))
	return err
}

func alertByID(ctx context.Context, tx *db.Tx, id city.AlertID) (Alert, error) {
	return scanAlert(tx.QueryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE id = $1`, id))
}

func alertByCase(ctx context.Context, tx *db.Tx, n city.CaseNumber) (Alert, error) {
	return scanAlert(tx.QueryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE case_number = $1 AND case_number <> '' ORDER BY raised, id LIMIT 1`, string(n)))
}

// lockOpen holds an alert until the end of the transaction; 0 says that it is
// settled.
func lockOpen(ctx context.Context, tx *db.Tx, id city.AlertID) (int64, error) {
	return tx.Exec(ctx, `UPDATE alerts SET times = times WHERE id = $1 AND settled = 0`, id)
}

// updateFound writes what a further finding changes.
func updateFound(ctx context.Context, tx *db.Tx, a Alert) error {
	said, err := wordsOf(a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE alerts SET state = $1, region = $2, lat = $3, lon = $4, address = $5, words = $6, sure = $7, times = $8, since = $9, last = $10,
wants_case = CASE WHEN $11 = 1 AND case_number = '' THEN 1 ELSE wants_case END WHERE id = $12`,
		string(a.State), string(a.Place.Region), millionths(a.Place.Lat), millionths(a.Place.Lon), a.Place.Address, said, int64(math.Round(a.Sure*1000)), a.Times,
		city.Micros(a.Since), city.Micros(a.Last), flagOf(a.State == Open), a.ID)
	return err
}

// settleAlert ends an alert, unless it has ended so that it can't end again: what was
// cleared may still be found to be so or not.
func settleAlert(ctx context.Context, tx *db.Tx, id city.AlertID, s State, outcome string, at time.Time) (int64, error) {
	return tx.Exec(ctx, `UPDATE alerts SET state = $1, outcome = $2, settled = $3 WHERE id = $4 AND (settled = 0 OR state = 'cleared' AND $5 <> 'cleared')`,
		string(s), outcome, city.Micros(at), id, string(s))
}

func noteCase(ctx context.Context, tx *db.Tx, id city.AlertID, number city.CaseNumber) (int64, error) {
	return tx.Exec(ctx, `UPDATE alerts SET case_number = $1, wants_case = 0, state = CASE WHEN state = 'open' THEN 'filed' ELSE state END WHERE id = $2 AND case_number = ''`,
		string(number), id)
}

func unfiled(ctx context.Context, tx *db.Tx, after Alert, limit int) ([]Alert, error) {
	return db.All(ctx, tx, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE wants_case = 1 AND (raised, id) > ($1, $2) ORDER BY raised, id LIMIT $3`,
		city.Micros(after.Raised), after.ID, limit)
}

func openOfSensors(ctx context.Context, tx *db.Tx) ([]Alert, error) {
	return db.All(ctx, tx, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE settled = 0 AND subject LIKE 'sensor:%'`)
}

// listAlerts reads one page and one row more, newest first.
func listAlerts(ctx context.Context, tx *db.Tx, q Query, r reach, after cursor) ([]Alert, error) {
	args := []any{}
	bind := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	where := "1 = 1"
	for _, f := range []struct{ column, value string }{{"state", string(q.State)}, {"rule", q.Rule}, {"subject", q.Subject}, {"kind", q.Kind}, {"body", string(q.Body)}} {
		if f.value != "" {
			where += " AND " + f.column + " = " + bind(f.value)
		}
	}
	if q.Region != "" {
		where += " AND " + under(bind, q.Region)
	}
	if q.Waiting {
		where += waitingOnly
	}
	if !q.Since.IsZero() {
		where += " AND raised >= " + bind(city.Micros(q.Since))
	}
	if !q.Until.IsZero() {
		where += " AND raised < " + bind(city.Micros(q.Until))
	}
	if b := q.Within; b != nil {
		where += " AND (lat <> 0 OR lon <> 0) AND lat BETWEEN " + bind(millionths(b.South)) + " AND " + bind(millionths(b.North))
		where += " AND lon BETWEEN " + bind(millionths(b.West)) + " AND " + bind(millionths(b.East))
	}
	where += r.where(bind)
	if after.set {
		where += " AND (raised, id) < (" + bind(after.raised) + ", " + bind(after.id) + ")"
	}
	return db.All(ctx, tx, scanAlert, `SELECT `+alertColumns+` FROM alerts WHERE `+where+` ORDER BY raised DESC, id DESC LIMIT `+bind(q.Limit+1), args...)
}

// waitingOnly are alerts that nobody has judged and nothing holds back.
const waitingOnly = " AND state IN ('open', 'filed')"

func under(bind func(any) string, code city.RegionCode) string {
	return "substr(region, 1, " + bind(len(code)) + ") = " + bind(string(code))
}

// where leaves out what the reach doesn't have.
func (r reach) where(bind func(any) string) string {
	if r.all {
		return ""
	}
	where := " AND body IN ("
	for i, body := range r.bodies {
		if i > 0 {
			where += ", "
		}
		where += bind(string(body))
	}
	where += ")"
	for i, code := range r.regions {
		if i == 0 {
			where += " AND (region = ''"
		}
		where += " OR " + under(bind, code)
	}
	if len(r.regions) > 0 {
		where += ")"
	}
	return where
}

func countWaiting(ctx context.Context, tx *db.Tx, r reach) (map[string]int, error) {
	args := []any{}
	where := r.where(func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	})
	type count struct {
		rule string
		n    int
	}
	rows, err := db.All(ctx, tx, func(r db.Row) (c count, err error) { return c, r.Scan(&c.rule, &c.n) },
		`SELECT rule, count(*) FROM alerts WHERE 1 = 1`+waitingOnly+where+` GROUP BY rule`, args...)
	out := map[string]int{}
	for _, c := range rows {
		out[c.rule] = c.n
	}
	return out, err
}

// addSighting says how many rows it made: none when the alert was found so before,
// whose evidence it replaces.
func addSighting(ctx context.Context, tx *db.Tx, id city.AlertID, s Sighting) (int64, error) {
	raw, err := json.Marshal(s.Evidence)
	if err != nil {
		return 0, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO alert_evidence (alert, since, until, data) VALUES ($1, $2, $3, $4) ON CONFLICT (alert, since) DO NOTHING`,
		id, city.Micros(s.From), city.Micros(s.To), string(raw))
	if err == nil && n == 0 {
		_, err = tx.Exec(ctx, `UPDATE alert_evidence SET until = $1, data = $2 WHERE alert = $3 AND since = $4`, city.Micros(s.To), string(raw), id, city.Micros(s.From))
	}
	return n, err
}

// seenUntil is until when the sighting that began then was so; ok is false for one
// that is not kept.
func seenUntil(ctx context.Context, tx *db.Tx, id city.AlertID, from time.Time) (until time.Time, ok bool, err error) {
	at, err := db.One[int64](ctx, tx, `SELECT COALESCE(max(until), 0) FROM alert_evidence WHERE alert = $1 AND since = $2`, id, city.Micros(from))
	return city.FromMicros(at), at != 0, err
}

// sightedBy counts the sightings that are kept and began at the time or before.
func sightedBy(ctx context.Context, tx *db.Tx, id city.AlertID, at time.Time) (int64, error) {
	return db.One[int64](ctx, tx, `SELECT count(*) FROM alert_evidence WHERE alert = $1 AND since <= $2`, id, city.Micros(at))
}

// dropSighting forgets the second of those kept, since there are too many.
func dropSighting(ctx context.Context, tx *db.Tx, id city.AlertID) error {
	_, err := tx.Exec(ctx, `DELETE FROM alert_evidence WHERE alert = $1 AND since =
(SELECT min(since) FROM alert_evidence WHERE alert = $2 AND since > (SELECT min(since) FROM alert_evidence WHERE alert = $3))`, id, id, id)
	return err
}

func sightingsOf(ctx context.Context, tx *db.Tx, id city.AlertID) ([]Sighting, error) {
	return db.All(ctx, tx, func(r db.Row) (s Sighting, err error) {
		var since, until int64
		var raw string
		if err = r.Scan(&since, &until, &raw); err != nil {
			return s, err
		}
		s.From, s.To = city.FromMicros(since), city.FromMicros(until)
		return s, json.Unmarshal([]byte(raw), &s.Evidence)
	}, `SELECT since, until, data FROM alert_evidence WHERE alert = $1 ORDER BY since LIMIT `+strconv.Itoa(mostSightings+1), id)
}

func insertSilence(tx *db.Tx, s Silence, key journal.KeyID, sealed []byte) {
	tx.Later(`INSERT INTO alert_silences (id, rule, subject, begun, until, ended, account, post, key_id, sealed, held) VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, 0)`, nil,
		s.ID, s.Rule, s.Subject, city.Micros(s.Begun), city.Micros(s.Until), s.By, string(s.Post), key, sealed)
}

type silenceRow struct {
	Silence
	key    journal.KeyID
	sealed []byte
}

const silenceColumns = `id, rule, subject, begun, until, ended, account, post, key_id, sealed, held`

func scanSilence(r db.Row) (s silenceRow, err error) {
	var begun, until, ended int64
	err = r.Scan(&s.ID, &s.Rule, &s.Subject, &begun, &until, &ended, &s.By, (*string)(&s.Post), &s.key, &s.sealed, &s.Held)
	s.Begun, s.Until, s.Ended = city.FromMicros(begun), city.FromMicros(until), city.FromMicros(ended)
	return s, err
}

func silenceByID(ctx context.Context, tx *db.Tx, id city.SilenceID) (silenceRow, error) {
	return scanSilence(tx.QueryRow(ctx, `SELECT `+silenceColumns+` FROM alert_silences WHERE id = $1`, id))
}

// silencesSince lists silences that ended then or later, unless all are asked for only
// those of the rules and of the posts.
func silencesSince(ctx context.Context, tx *db.Tx, since time.Time, all bool, rules []string, posts []city.PostID) ([]silenceRow, error) {
	args := []any{city.Micros(since)}
	where := "until >= $1"
	if !all {
		in := "1 = 0"
		for _, rule := range rules {
			args = append(args, rule)
			in += " OR rule = $" + strconv.Itoa(len(args))
		}
		for _, post := range posts {
			args = append(args, string(post))
			in += " OR post = $" + strconv.Itoa(len(args))
		}
		where += " AND (" + in + ")"
	}
	return db.All(ctx, tx, scanSilence, `SELECT `+silenceColumns+` FROM alert_silences WHERE `+where+` ORDER BY until DESC, id DESC LIMIT `+strconv.Itoa(mostSilences), args...)
}

// lasting is the silence that holds back what a rule finds of a subject; the zero ID
// when none does. One that a wrong clock began later than now begins now, and is no
// longer than it was to be.
func lasting(ctx context.Context, tx *db.Tx, rule, subject string, now time.Time) (city.SilenceID, error) {
	us := city.Micros(now)
	for {
		found, err := db.All(ctx, tx, scanSilence, `SELECT `+silenceColumns+` FROM alert_silences
WHERE until > $1 AND ended = 0 AND (rule = '' OR rule = $2) AND (subject = '' OR subject = $3) ORDER BY begun DESC, until DESC, id LIMIT 1`, us, rule, subject)
		if err != nil || len(found) == 0 {
			return city.SilenceID{}, err
		}
		if !found[0].Begun.After(now) {
			return found[0].ID, nil
		}
		if _, err := tx.Exec(ctx, `UPDATE alert_silences SET until = until - begun + $1, begun = $2 WHERE begun > $3`, us, us, us); err != nil {
			return city.SilenceID{}, err
		}
	}
}

func endSilence(ctx context.Context, tx *db.Tx, id city.SilenceID, at time.Time) (int64, error) {
	return tx.Exec(ctx, `UPDATE alert_silences SET ended = $1 WHERE id = $2 AND ended = 0 AND until > $3`, city.Micros(at), id, city.Micros(at))
}

func countHeld(tx *db.Tx, id city.SilenceID) {
	tx.Later(`UPDATE alert_silences SET held = held + 1 WHERE id = $1`, nil, id)
}
