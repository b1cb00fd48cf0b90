package alert

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Reading is what a device measured.
type Reading struct {
	Device string
	At     time.Time // by the device's clock; zero is now
	Values map[string]float64
}

const (
	mostValues   = 32
	absurdWithin = time.Hour
	heldAgain    = time.Minute // before what a silence held back and goes on is shown to the board again
)

// Observe takes readings in order. For each it says why it doesn't count, or nil;
// the error beside them is a refusal of all, or of those from there on when the
// database is away: then nothing that was refused is remembered, and they may be
// sent again.
func (w *Watch) Observe(ctx context.Context, actor city.Actor, readings []Reading) ([]error, error) {
	if err := w.access.Ask(ctx, actor, "reading.send", sensors); err != nil {
		return nil, err
	}
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	out := make([]error, len(readings))
	for i, r := range readings {
		err := w.take(ctx, actor, r)
		var known *city.Error
		if err != nil && (!errors.As(err, &known) || known.Kind == city.KindUnavailable) {
			return out[:i], err
		}
		out[i] = err
	}
	return out, nil
}

func (w *Watch) take(ctx context.Context, actor city.Actor, r Reading) error {
	h := w.devices[r.Device]
	if h == nil {
		return city.NotFound("alert.no_device", "device", r.Device)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := w.clock.Now()
	h.by(now)
	if !h.quarantined.IsZero() {
		return city.Forbidden("alert.in_quarantine", "device", r.Device)
	}
	if m := now.Truncate(time.Minute); !m.Equal(h.minute) {
		h.minute, h.inMinute = m, 0
	}
	if h.inMinute++; h.inMinute > w.def.Quarantine.PerMinute {
		if err := w.quarantine(ctx, actor, h, "flood", now); err != nil {
			return err
		}
		return city.RateLimited("alert.flood", "max", w.def.Quarantine.PerMinute)
	}
	if bad := w.wrong(h, r); bad != nil {
		if now.Sub(h.absurdSince) > absurdWithin {
			h.absurd, h.absurdSince = 0, now
		}
		if h.absurd++; h.absurd >= w.def.Quarantine.Absurd {
			if err := w.quarantine(ctx, actor, h, "absurd", now); err != nil {
				return err
			}
		}
		return bad
	}
	at, off := r.At, false
	if at.IsZero() {
		at = now
	} else if at.After(now.Add(w.def.Clock.Ahead)) || at.Before(now.Add(-w.def.Clock.Behind)) {
		at, off = now, true
	} else if at.After(now) {
		at = now
	}
	if off != h.clockOff {
		if err := w.flag(ctx, h, off, now); err != nil {
			return err
		}
	}
	if at.Before(h.last) { // it comes late: newer ones have been looked at
		return nil
	}
	for _, rule := range w.rules[h.device.Kind] {
		if v, ok := r.Values[rule.Value]; ok {
			if err := w.judge(ctx, actor, h, rule, v, at, now); err != nil {
				return err
			}
		}
	}
	h.last = at
	if h.values == nil {
		h.values = map[string]float64{}
	}
	for k, v := range r.Values {
		h.values[k] = v
	}
	return nil
}

// wrong says why a reading can't be true.
func (w *Watch) wrong(h *heard, r Reading) error {
	if len(r.Values) == 0 || len(r.Values) > mostValues {
		return city.Invalid("alert.reading_empty", "max", mostValues)
	}
	for id, v := range r.Values {
		def, ok := w.kinds[h.device.Kind].value(id)
		switch {
		case !ok:
			return city.Invalid("alert.no_value", "id", clip(id), "kind", h.device.Kind)
		case math.IsNaN(v) || v < def.Least || v > def.Most:
			return city.Invalid("alert.absurd", "id", id, "least", def.Least, "most", def.Most)
		}
	}
	return nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

// judge moves a device's standing with a rule. What is remembered changes only
// after the database has taken it.
func (w *Watch) judge(ctx context.Context, actor city.Actor, h *heard, r Rule, v float64, at, now time.Time) error {
	t := h.threshold(r.ID)
	switch {
	case r.beyond(v):
		if t.since.IsZero() {
			t.since = at
		}
		switch {
		case t.held && now.Sub(t.asked) >= heldAgain: // it goes on: perhaps nothing holds it back any more
		case !t.open.IsZero(), at.Sub(t.since) < r.For, !t.cleared.IsZero() && now.Sub(t.cleared) < r.Silence:
			return nil
		default:
			t.from = at
		}
		a, err := w.raise(ctx, actor, h, r, v, t.from, at)
		if err != nil {
			return err
		}
		t.open, t.held, t.asked = a.ID, a.State == Silenced, now
	case r.short(v):
		if !t.open.IsZero() {
			if err := w.settle(ctx, actor, t.open); err != nil {
				return err
			}
			t.open, t.held, t.cleared = city.AlertID{}, false, now
		}
		t.since = time.Time{}
	}
	return nil
}

// raise commits an alert, or finds the one that another node has raised. A device may
// raise whatever it may measure: it was asked when its readings came.
func (w *Watch) raise(ctx context.Context, actor city.Actor, h *heard, r Rule, v float64, from, at time.Time) (a Alert, err error) {
	if err := w.access.Ask(ctx, actor, "reading.send", sensors); err != nil {
		return Alert{}, err
	}
	if at.Before(from) {
		at = from
	}
	err = w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, _, err = w.board.take(ctx, tx, actor, Alert{Rule: r.ID, Key: h.device.ID, Subject: sensorSubject + h.device.ID, Class: r.Class, Place: h.device.Place,
			Text: w.say(r, h.device, strconv.FormatFloat(v, 'f', -1, 64)), Sure: 1},
			Sighting{From: from, To: at, Evidence: []Evidence{{What: "reading", From: city.Micros(at), Numbers: map[string]float64{"value": v}}}}, 0)
		return err
	})
	return a, err
}

// settle clears an alert.
func (w *Watch) settle(ctx context.Context, actor city.Actor, id city.AlertID) error {
	return w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.board.clear(ctx, tx, actor, id) })
}

// quarantine stops listening to a device and has the operator told, once.
func (w *Watch) quarantine(ctx context.Context, actor city.Actor, h *heard, reason string, now time.Time) error {
	err := w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := quarantineDevice(ctx, tx, deviceRow{device: h.device.ID, quarantined: now, reason: reason, clockOff: h.clockOff}, now)
		if err != nil || n == 0 { // another node has told already
			return err
		}
		return w.journal.Append(ctx, tx, journal.Event{At: now, Type: "sensor.quarantined", Subject: h.device.ID, Actor: actor, To: w.told(),
			Data: map[string]any{"device": h.device.ID, "name": h.device.Name, "kind": h.device.Kind, "reason": reason}})
	})
	if err == nil {
		h.quarantined, h.reason = now, reason
	}
	return err
}

// flag notes that a device's clock is wrong, or right again.
func (w *Watch) flag(ctx context.Context, h *heard, off bool, now time.Time) error {
	err := w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		saveDevice(tx, deviceRow{device: h.device.ID, clockOff: off}, now)
		return nil
	})
	if err == nil {
		h.clockOff = off
	}
	return err
}
