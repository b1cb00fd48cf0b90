package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

type noticeRow struct {
	id        city.NoticeID
	recipient string
	region    city.RegionCode
	at        time.Time
	position  journal.Position
	typ       string
	subject   string
	body      string
	data      string
	key       journal.KeyID
	sealed    []byte
	read      bool
}

// compare orders by time, then by identifier.
func (r noticeRow) compare(s noticeRow) int {
	if c := r.at.Compare(s.at); c != 0 {
		return c
	}
	return cmp.Compare(string(r.id[:]), string(s.id[:]))
}

const noticeColumns = `id, recipient, region, at, tx, event, type, subject, body, data, key_id, sealed`

func (r *noticeRow) columns() []any {
	return []any{&r.id, &r.recipient, &r.region, (*micros)(&r.at), &r.position.Tx, &r.position.ID, &r.typ, &r.subject, &r.body, &r.data, &r.key, &r.sealed}
}

// micros scans a stored moment.
type micros time.Time

func (m *micros) Scan(src any) error {
	us, ok := src.(int64)
	if !ok {
		return fmt.Errorf("moment stored as %T", src)
	}
	*m = micros(city.FromMicros(us))
	return nil
}

func insertNotice(tx *db.Tx, r noticeRow) {
	tx.Later(`INSERT INTO notices (`+noticeColumns+`)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING`, nil,
		r.id, r.recipient, string(r.region), city.Micros(r.at), r.position.Tx, r.position.ID, r.typ, r.subject, r.body, r.data, r.key, r.sealed)
}

func deleteNotices(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM notices`)
	return err
}

func noticeByID(ctx context.Context, tx *db.Tx, id city.NoticeID) (r noticeRow, err error) {
	err = tx.QueryRow(ctx, `SELECT `+noticeColumns+` FROM notices WHERE id = $1`, id).Scan(r.columns()...)
	return r, err
}

// within adds the condition that a row's region lies in one of the regions; no
// regions are the whole city, and no region is covered by all.
func within(q *strings.Builder, args *[]any, regions []city.RegionCode) {
	if len(regions) == 0 {
		return
	}
	q.WriteString(` AND (region = ''`)
	for _, r := range regions {
		*args = append(*args, len(r), string(r))
		fmt.Fprintf(q, ` OR substr(region, 1, $%d) = $%d`, len(*args)-1, len(*args))
	}
	q.WriteString(`)`)
}

func noticesIn(ctx context.Context, tx *db.Tx, b Box, regions []city.RegionCode, reader city.AccountID, before cursor, limit int) ([]noticeRow, error) {
	bound := int64(math.MaxInt64)
	if !before.at.IsZero() {
		bound = city.Micros(before.at)
	}
	var q strings.Builder
	args := []any{reader, b.String(), bound, before.id[:]}
	q.WriteString(`SELECT ` + noticeColumns + `, EXISTS (SELECT 1 FROM notice_reads r WHERE r.account = $1 AND r.notice = notices.id)
FROM notices WHERE recipient = $2 AND (at, id) < ($3, $4)`)
	within(&q, &args, regions)
	args = append(args, limit)
	fmt.Fprintf(&q, ` ORDER BY at DESC, id DESC LIMIT $%d`, len(args))
	return db.All(ctx, tx, func(row db.Row) (r noticeRow, err error) { return r, row.Scan(append(r.columns(), &r.read)...) }, q.String(), args...)
}

func unreadIn(ctx context.Context, tx *db.Tx, b Box, regions []city.RegionCode, reader city.AccountID, mark journal.Position, since time.Time, most int) (int, error) {
	var q strings.Builder
	args := []any{b.String(), city.Micros(since), mark.Tx, mark.ID, reader}
	q.WriteString(`SELECT count(*) FROM (SELECT 1 FROM notices WHERE recipient = $1 AND at >= $2 AND (tx, event) > ($3, $4)
AND NOT EXISTS (SELECT 1 FROM notice_reads r WHERE r.account = $5 AND r.notice = notices.id)`)
	within(&q, &args, regions)
	args = append(args, most)
	fmt.Fprintf(&q, ` ORDER BY at DESC LIMIT $%d) AS unread`, len(args))
	n, err := db.One[int64](ctx, tx, q.String(), args...)
	return int(n), err
}

// about lists the newest notices about a subject.
func about(ctx context.Context, tx *db.Tx, subject string, limit int) ([]noticeRow, error) {
	return db.All(ctx, tx, func(row db.Row) (r noticeRow, err error) { return r, row.Scan(append(r.columns(), &r.read)...) },
		`SELECT `+noticeColumns+`, EXISTS (SELECT 1 FROM notice_reads r WHERE r.notice = notices.id)
FROM notices WHERE subject = $1 ORDER BY at DESC, id DESC LIMIT $2`, subject, limit)
}

// aboutIn lists those of one box; read counts for whoever read it, as there.
func aboutIn(ctx context.Context, tx *db.Tx, subject string, b Box, limit int) ([]noticeRow, error) {
	return db.All(ctx, tx, func(row db.Row) (r noticeRow, err error) { return r, row.Scan(append(r.columns(), &r.read)...) },
		`SELECT `+noticeColumns+`, EXISTS (SELECT 1 FROM notice_reads r WHERE r.notice = notices.id)
FROM notices WHERE subject = $1 AND recipient = $2 ORDER BY at DESC, id DESC LIMIT $3`, subject, b.String(), limit)
}

func insertRead(tx *db.Tx, reader city.AccountID, id city.NoticeID, at time.Time) {
	tx.Later(`INSERT INTO notice_reads (account, notice, at) VALUES ($1, $2, $3) ON CONFLICT (account, notice) DO NOTHING`, nil,
		reader, id, city.Micros(at))
}

func marksOf(ctx context.Context, tx *db.Tx, reader city.AccountID) (map[string]journal.Position, error) {
	marks := map[string]journal.Position{}
	_, err := db.All(ctx, tx, func(r db.Row) (struct{}, error) {
		var box string
		var p journal.Position
		err := r.Scan(&box, &p.Tx, &p.ID)
		marks[box] = p
		return struct{}{}, err
	}, `SELECT recipient, tx, event FROM notice_marks WHERE account = $1`, reader)
	return marks, err
}

func setMark(tx *db.Tx, reader city.AccountID, b Box, p journal.Position, at time.Time) {
	tx.Later(`INSERT INTO notice_marks (account, recipient, tx, event, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account, recipient) DO UPDATE SET tx = excluded.tx, event = excluded.event, at = excluded.at`, nil,
		reader, b.String(), p.Tx, p.ID, city.Micros(at))
}

func progress(ctx context.Context, tx *db.Tx) (p journal.Position, err error) {
	err = tx.QueryRow(ctx, `SELECT tx, event FROM notice_progress WHERE name = $1`, "notify").Scan(&p.Tx, &p.ID)
	if errors.Is(err, db.ErrNoRows) {
		err = nil
	}
	return p, err
}

func setProgress(tx *db.Tx, p journal.Position) {
	tx.Later(`INSERT INTO notice_progress (name, tx, event) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET tx = excluded.tx, event = excluded.event`, nil, "notify", p.Tx, p.ID)
}

func removeNotices(ctx context.Context, tx *db.Tx, before city.NoticeID, most int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE id < $1 ORDER BY id LIMIT $2)`, before, most)
}

func removeReads(ctx context.Context, tx *db.Tx, before city.NoticeID, most int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM notice_reads WHERE (account, notice) IN
(SELECT account, notice FROM notice_reads WHERE notice < $1 ORDER BY notice LIMIT $2)`, before, most)
}
