package notify

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// messageRow is a message of the outbox.
type messageRow struct {
	notice  city.NoticeID
	channel string
	state   State
	tries   int
	next    time.Time
	done    time.Time
	fault   string
}

func insertMessage(tx *db.Tx, id city.NoticeID, channel string, at time.Time) {
	tx.Later(`INSERT INTO notice_messages (notice, channel, state, tries, next_at, done_at, fault)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (notice, channel) DO NOTHING`, nil,
		id, channel, string(MessageWaiting), 0, city.Micros(at), 0, "")
}

func scanMessage(r db.Row) (m messageRow, err error) {
	return m, r.Scan(&m.notice, &m.channel, &m.state, &m.tries, (*micros)(&m.next), (*micros)(&m.done), &m.fault)
}

const messageColumns = `notice, channel, state, tries, next_at, done_at, fault`

func dueMessages(ctx context.Context, tx *db.Tx, now time.Time, limit int) ([]messageRow, error) {
	return db.All(ctx, tx, scanMessage, `SELECT `+messageColumns+` FROM notice_messages
WHERE state = 'waiting' AND next_at <= $1 ORDER BY next_at LIMIT $2`, city.Micros(now), limit)
}

func messagesOf(ctx context.Context, tx *db.Tx, id city.NoticeID) ([]messageRow, error) {
	return db.All(ctx, tx, scanMessage, `SELECT `+messageColumns+` FROM notice_messages WHERE notice = $1 ORDER BY channel`, id)
}

// claim takes a message until the moment, if nobody else has; its tries count up.
func claim(ctx context.Context, tx *db.Tx, m messageRow, until time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE notice_messages SET tries = tries + 1, next_at = $1
WHERE notice = $2 AND channel = $3 AND state = 'waiting' AND tries = $4`, city.Micros(until), m.notice, m.channel, m.tries)
	return n == 1, err
}

// settle writes how a try ended, if the claim still stands.
func settle(tx *db.Tx, m messageRow) {
	tx.Later(`UPDATE notice_messages SET state = $1, next_at = $2, done_at = $3, fault = $4
WHERE notice = $5 AND channel = $6 AND state = 'waiting' AND tries = $7`, nil,
		string(m.state), city.Micros(m.next), city.Micros(m.done), m.fault, m.notice, m.channel, m.tries)
}

// removeMessages removes messages about notices before the one named, but for
// those that are still to be sent.
func removeMessages(ctx context.Context, tx *db.Tx, before city.NoticeID, most int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM notice_messages WHERE (notice, channel) IN
(SELECT notice, channel FROM notice_messages WHERE notice < $1 AND state <> 'waiting' ORDER BY notice LIMIT $2)`, before, most)
}
