package notify

import (
	"context"
	"encoding/binary"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// sweepBatch is how many rows one transaction removes.
const sweepBatch = 500

// Sweep removes notices past their time, with the notes of who read them, and
// messages that were settled long ago. It goes in small steps, so that nobody
// waits for it, and says how many rows that were. The program calls it now and
// then.
func (n *Notify) Sweep(ctx context.Context, actor city.Actor) (removed int64, err error) {
	if err := n.access.Ask(ctx, actor, "notices.sweep", access.Resource{Type: "Outbox", ID: "outbox"}); err != nil {
		return 0, err
	}
	now := n.clock.Now()
	for _, s := range []struct {
		remove func(context.Context, *db.Tx, city.NoticeID, int) (int64, error)
		before time.Time
	}{
		{removeMessages, now.Add(-min(n.keep, n.keepSent))},
		{removeReads, now.Add(-n.keep)},
		{removeNotices, now.Add(-n.keep)},
	} {
		for ctx.Err() == nil {
			var k int64
			err := n.db.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				k, err = s.remove(ctx, tx, firstOf(s.before), sweepBatch)
				return err
			})
			if err != nil {
				return removed, err
			}
			if removed += k; k < sweepBatch {
				break
			}
		}
	}
	return removed, ctx.Err()
}

// firstOf is the least identifier that a notice of the moment can have.
func firstOf(t time.Time) (id city.NoticeID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(id[:6], ms[2:])
	return id
}
