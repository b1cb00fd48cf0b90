package notify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Name is the follower's name.
func (n *Notify) Name() string { return "notify" }

// Reset forgets the notices. What was read and what was sent stays on record.
func (n *Notify) Reset(ctx context.Context, tx *db.Tx) error { return deleteNotices(ctx, tx) }

// Handle writes notices, and messages for those that can't wait.
func (n *Notify) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	done, err := progress(ctx, tx)
	if err != nil {
		return err
	}
	now := n.clock.Now()
	sent := false
	for _, e := range events {
		fresh := done.Before(e.Position) && now.Sub(e.At) < n.stale
		queued, err := n.tell(ctx, tx, e, fresh)
		if err != nil {
			return fmt.Errorf("event %d of type %s: %w", e.Position.ID, e.Type, err)
		}
		sent = sent || queued
	}
	if last := events[len(events)-1].Position; done.Before(last) {
		setProgress(tx, last)
	}
	if sent {
		tx.AfterCommit(n.hurry)
	}
	return nil
}

// tell writes one event's notices and reports whether messages wait to be sent.
func (n *Notify) tell(ctx context.Context, tx *db.Tx, e journal.Recorded, fresh bool) (queued bool, err error) {
	if len(e.To) == 0 {
		return false, nil
	}
	p, err := read(e.Data)
	if err != nil {
		// It will not be better at the next try, and others wait behind it.
		slog.ErrorContext(ctx, "an event's data can't be read; nobody is told of it", "type", e.Type, "subject", e.Subject, "err", err)
		return false, nil
	}
	var sealed []byte
	opened := false
	for _, to := range e.To {
		box, ok := boxOf(to)
		if !ok {
			continue
		}
		s, known := choose(e.Type, p, box)
		if !known {
			n.unheard(ctx, e.Type)
		}
		if s.silent() {
			continue
		}
		if !opened {
			if sealed, err = n.personal(ctx, tx, e); err != nil {
				return queued, err
			}
			opened = true
		}
		data := string(e.Data)
		if data == "" {
			data = "{}"
		}
		row := noticeRow{id: noticeID(e, box), recipient: box.String(), at: e.At, position: e.Position,
			typ: e.Type, subject: e.Subject, body: string(p.Body), data: data, sealed: sealed}
		if box.official() { // a person is told wherever the matter lies
			row.region = to.Region
		}
		if sealed != nil {
			row.key = e.Key
		}
		insertNotice(tx, row)
		if !fresh || !s.urgent {
			continue
		}
		for _, c := range n.channels {
			if n.reaches(c.Name(), box) {
				insertMessage(tx, row.id, c.Name(), n.clock.Now())
				queued = true
			}
		}
	}
	return queued, nil
}

// personal gives the words that the event has for its notices, sealed again
// under the same key; nil when it has none or its person was erased.
func (n *Notify) personal(ctx context.Context, tx *db.Tx, e journal.Recorded) ([]byte, error) {
	var v struct {
		Notice map[string]string `json:"notice"`
	}
	_, err := n.journal.Open(ctx, tx, e, &v)
	if errors.Is(err, journal.ErrErased) {
		return nil, nil
	}
	if err != nil || len(v.Notice) == 0 {
		return nil, err
	}
	return n.journal.Vault().Seal(ctx, tx, e.Key, v.Notice)
}

// noticeID follows from event and box: a rebuild makes the same notice. It sorts
// by time, as other identifiers do.
func noticeID(e journal.Recorded, b Box) city.NoticeID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d.%d.%s", e.Position.Tx, e.Position.ID, b))
	var id city.NoticeID
	copy(id[:], sum[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(e.At.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x80 // version 8: a form of our own
	id[8] = id[8]&0x3f | 0x80
	return id
}
