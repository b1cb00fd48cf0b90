package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Contact is a way to reach somebody outside: which channel, where, in which
// language.
type Contact struct {
	Channel string
	Address string
	Lang    city.Lang
}

// Message is what a channel carries.
type Message struct {
	ID      string // the same for every try, so that a receiver can tell repeats
	At      time.Time
	To      string
	Lang    city.Lang
	Subject string
	Text    string
}

// Channel carries messages to people. Send returns nil once the message is
// handed over, an error wrapping ErrPermanent where trying again is of no use,
// and any other error where it is. A crash may repeat a message; its ID tells.
type Channel interface {
	Name() string
	Send(ctx context.Context, m Message) error
}

// ErrPermanent marks faults that another try won't mend: no such address.
var ErrPermanent = errors.New("notify: can't be delivered")

// State is what became of a message.
type State string

const (
	MessageWaiting State = "waiting" // to be sent, or sent again
	MessageSent    State = "sent"    // handed over
	MessageFailed  State = "failed"  // given up
	MessageNowhere State = "nowhere" // the recipient can't be reached by this channel
)

const (
	atOnce    = 50              // messages of one round
	lease     = 5 * time.Minute // within which the tries of what was claimed at once must end
	claimed   = 10              // messages claimed at once
	sendTime  = 20 * time.Second
	firstWait = 30 * time.Second // after the first failure; doubles
	mostTries = 10               // in about four hours
	idle      = 5 * time.Second  // for messages of other nodes
)

// Start carries out the outbox until Stop.
func (n *Notify) Start(ctx context.Context) error {
	if len(n.channels) == 0 {
		return nil
	}
	ctx, n.stop = context.WithCancel(context.WithoutCancel(ctx))
	n.stopped.Go(func() {
		for ctx.Err() == nil {
			sent, err := n.Carry(ctx)
			if err != nil && ctx.Err() == nil {
				slog.Error("messages could not be sent", "err", err)
			}
			if err != nil || sent < atOnce {
				t := time.NewTimer(idle)
				select {
				case <-n.wake:
				case <-t.C:
				case <-ctx.Done():
				}
				t.Stop()
			}
		}
	})
	return nil
}

// Stop waits for the messages that are being sent.
func (n *Notify) Stop() {
	if n.stop != nil {
		n.stop()
	}
	n.stopped.Wait()
}

func (n *Notify) hurry() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Carry sends the messages that are due now, one round of them, and says how
// many it tried. Nodes that do so at once share them.
func (n *Notify) Carry(ctx context.Context) (tried int, err error) {
	program := city.SystemActor("notify")
	if err := n.access.Ask(ctx, program, "notices.send", access.Resource{Type: "Outbox", ID: "outbox"}); err != nil {
		return 0, err
	}
	now := n.clock.Now()
	var due []messageRow
	err = n.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		due, err = dueMessages(ctx, tx, now, atOnce)
		return err
	})
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(due, claimed) {
		var ours []messageRow
		err := n.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, m := range some {
				mine, err := claim(ctx, tx, m, now.Add(lease))
				if err != nil {
					return err
				}
				if mine {
					ours = append(ours, m)
				}
			}
			return nil
		})
		if err != nil {
			return tried, err
		}
		for _, m := range ours {
			m.tries++
			tried++
			n.try(ctx, &m)
			if ctx.Err() != nil && m.state == MessageWaiting {
				return tried, ctx.Err() // the claims run out and somebody tries again
			}
			err = n.db.Compose(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
				settle(tx, m)
				return nil
			})
			if err != nil {
				return tried, err
			}
		}
	}
	return tried, nil
}

// try sends a message and puts down how that ended.
func (n *Notify) try(ctx context.Context, m *messageRow) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	msg, channel, state, err := n.prepare(ctx, *m)
	if err == nil && state == MessageWaiting {
		if err = channel.Send(ctx, msg); err == nil {
			state = MessageSent
		}
	}
	now := n.clock.Now()
	m.state, m.done, m.fault = state, now, ""
	if err == nil {
		return
	}
	m.fault = err.Error()
	if msg.To != "" { // an address stands in no log
		m.fault = strings.ReplaceAll(m.fault, msg.To, "…")
	}
	if errors.Is(err, ErrPermanent) || m.tries >= mostTries {
		m.state = MessageFailed
		slog.Error("a message was given up", "notice", m.notice.String(), "channel", m.channel, "tries", m.tries, "err", m.fault)
		return
	}
	m.state, m.done = MessageWaiting, time.Time{}
	m.next = now.Add(firstWait << (m.tries - 1))
	slog.Warn("a message was not sent and will be tried again", "notice", m.notice.String(), "channel", m.channel, "tries", m.tries, "err", m.fault)
}

// prepare writes the message in the recipient's language.
func (n *Notify) prepare(ctx context.Context, m messageRow) (msg Message, channel Channel, state State, err error) {
	for _, c := range n.channels {
		if c.Name() == m.channel {
			channel = c
		}
	}
	if channel == nil {
		return msg, nil, MessageFailed, fmt.Errorf("%w: there is no channel %q any more", ErrPermanent, m.channel)
	}
	state = MessageWaiting
	err = n.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := noticeByID(ctx, tx, m.notice)
		if errors.Is(err, db.ErrNoRows) {
			return errors.New("the notice is being rebuilt")
		}
		if err != nil {
			return err
		}
		notice, err := n.notice(ctx, tx, row)
		if err != nil {
			return err
		}
		var to *Contact
		if n.contacts != nil {
			all, err := n.contacts(ctx, tx, journal.Recipient{Person: notice.Box.Person, Firm: notice.Box.Firm, Post: notice.Box.Post,
				Body: notice.Box.Body, Region: row.region, Reporter: notice.Box.Reporter})
			if err != nil && city.KindOf(err) != city.KindNotFound { // who is in no register has no address
				return err
			}
			for i := range all {
				if all[i].Channel == m.channel && all[i].Address != "" {
					to = &all[i]
					break
				}
			}
		}
		if to == nil {
			state = MessageNowhere
			return nil
		}
		msg = n.write(notice, *to, m.channel)
		return nil
	})
	return msg, channel, state, err
}

func (n *Notify) write(notice Notice, to Contact, channel string) Message {
	lang := to.Lang
	if lang == "" {
		lang = city.Chinese
	}
	text := notice.Text.In(lang)
	if n.link != nil {
		if link := n.link(notice.Box, notice.Type, notice.Subject); link != "" {
			text = city.Say(lang, "notify.message.link", "text", text, "link", link)
		}
	}
	m := Message{ID: notice.ID.String() + "." + channel, At: notice.At, To: to.Address, Lang: lang,
		Subject: city.Say(lang, "notify.message.subject.plain", "city", n.city),
		Text:    city.Say(lang, "notify.message.text", "city", n.city, "text", text)}
	if number := notice.number(); number != "" {
		m.Subject = city.Say(lang, "notify.message.subject", "city", n.city, "number", number)
	}
	return m
}
