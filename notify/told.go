package notify

import (
	"context"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// Screen is the channel of the box itself.
const Screen = "screen"

// Delivery is one way by which a notice went to its reader.
type Delivery struct {
	Channel string // Screen, "sms", "email", "webhook"
	State   State  // of the box: sent, and arrived when Read
	Tries   int
	At      time.Time // when it was sent or given up; zero while it waits
	Next    time.Time // when it is tried again; zero unless it waits
	Read    bool      // on screen: the only channel that knows whether it arrived
	Fault   string    // for operators: what the other side said
}

// Outcome is what became of a delivery, in a word that programs read: waiting, again
// (it failed and will be tried again), sent (handed over; whether it arrived is not
// known), arrived, refused (the other side will never take it), unreachable (given
// up after many tries) or no_address.
func (d Delivery) Outcome() string {
	switch {
	case d.Read:
		return "arrived"
	case d.State == MessageSent:
		return "sent"
	case d.State == MessageNowhere:
		return "no_address"
	case d.State == MessageFailed && d.Tries >= mostTries:
		return "unreachable"
	case d.State == MessageFailed:
		return "refused"
	case d.Tries > 0:
		return "again"
	}
	return "waiting"
}

// Told is a notice with what became of it.
type Told struct {
	Notice
	By []Delivery
}

// About lists who was told what about a subject (a case's number), newest first,
// by which channels, and whether it arrived: for those who may see the matter.
func (n *Notify) About(ctx context.Context, tx *db.Tx, actor city.Actor, subject string, limit int) ([]Told, error) {
	what := access.Resource{Type: "Notices", ID: subject}
	if err := n.access.Ask(ctx, actor, "notices.trace", what); err != nil {
		return nil, err
	}
	if err := n.mayTrace(ctx, tx, actor, what); err != nil {
		return nil, err
	}
	rows, err := about(ctx, tx, subject, bounded(limit))
	if err != nil {
		return nil, err
	}
	return n.trace(ctx, tx, rows)
}

// mayTrace refuses those who may neither see the matter nor look into every office's.
func (n *Notify) mayTrace(ctx context.Context, tx *db.Tx, actor city.Actor, what access.Resource) error {
	refused := error(city.NotFound("error.not_found"))
	if n.sees != nil {
		err := n.sees(ctx, tx, actor, what.ID)
		if k := city.KindOf(err); k != city.KindForbidden && k != city.KindNotFound {
			return err
		}
		refused = err
	}
	if n.access.Ask(ctx, actor, "notices.audit", what) != nil {
		return refused
	}
	return nil
}

// Mine lists what the actor was told about a subject, with what became of it.
func (n *Notify) Mine(ctx context.Context, tx *db.Tx, actor city.Actor, subject string, limit int) ([]Told, error) {
	boxes, err := n.allowed(ctx, actor, "notices.read")
	if err != nil {
		return nil, err
	}
	var rows []noticeRow
	for _, b := range boxes {
		some, err := aboutIn(ctx, tx, subject, b, bounded(limit))
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b noticeRow) int { return b.compare(a) })
	return n.trace(ctx, tx, rows[:min(len(rows), bounded(limit))])
}

func bounded(limit int) int {
	if limit <= 0 || limit > largestPage {
		return largestPage
	}
	return limit
}

// trace adds to each notice what became of it.
func (n *Notify) trace(ctx context.Context, tx *db.Tx, rows []noticeRow) ([]Told, error) {
	out := make([]Told, 0, len(rows))
	for _, r := range rows {
		notice, err := n.notice(ctx, tx, r)
		if err != nil {
			return nil, err
		}
		notice.Read = r.read
		t := Told{Notice: notice}
		if notice.Box.Reporter.IsZero() { // whose box nobody opens
			t.By = append(t.By, Delivery{Channel: Screen, State: MessageSent, At: notice.At, Read: r.read})
		}
		messages, err := messagesOf(ctx, tx, r.id)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			d := Delivery{Channel: m.channel, State: m.state, Tries: m.tries, Fault: m.fault}
			if m.state == MessageWaiting {
				d.Next = m.next.In(n.zone)
			} else {
				d.At = m.done.In(n.zone)
			}
			t.By = append(t.By, d)
		}
		out = append(out, t)
	}
	return out, nil
}
