package alert

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a watch; all are needed.
type Options struct {
	DB         *db.DB
	Journal    *journal.Journal
	Access     *access.Access
	Clock      city.Clock
	Definition Definition // checked
	Board      *Board     // where alerts are kept
}

// Watch listens to sensors. It is safe for concurrent use. Several nodes on one
// database each hear what is sent to them; an alert that one has raised the
// others find and don't raise again, and whichever hears that it has passed clears it.
type Watch struct {
	db      *db.DB
	journal *journal.Journal
	access  *access.Access
	clock   city.Clock
	def     Definition
	board   *Board
	kinds   map[string]Kind
	rules   map[string][]Rule // by kind
	byID    map[string]Rule
	devices map[string]*heard
	order   []string // of devices, as in the pack

	mu     sync.Mutex // guards looked
	looked time.Time  // when it was seen what other nodes have raised and cleared
}

// New makes the watch and remembers what the database knows: which alerts are
// open and which devices are in quarantine.
func New(ctx context.Context, o Options) (*Watch, error) {
	w := &Watch{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, def: o.Definition, board: o.Board,
		kinds: map[string]Kind{}, rules: map[string][]Rule{}, byID: map[string]Rule{}, devices: map[string]*heard{}}
	for _, k := range o.Definition.Kinds {
		w.kinds[k.ID] = k
	}
	for _, r := range o.Definition.Rules {
		w.rules[r.Kind] = append(w.rules[r.Kind], r)
		w.byID[r.ID] = r
	}
	for _, d := range o.Definition.Devices {
		w.devices[d.ID] = &heard{device: d, rules: map[string]*threshold{}}
		w.order = append(w.order, d.ID)
	}
	err := o.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := deviceRows(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if h := w.devices[r.device]; h != nil {
				h.quarantined, h.reason, h.clockOff = r.quarantined, r.reason, r.clockOff
			}
		}
		open, err := openOfSensors(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range open {
			if h := w.devices[strings.TrimPrefix(a.Subject, sensorSubject)]; h != nil {
				h.threshold(a.Rule).adopt(a)
			}
		}
		return nil
	})
	w.looked = o.Clock.Now()
	return w, err
}

// lookAgain is how long it takes at most until a node knows what others have raised
// and cleared.
const lookAgain = 10 * time.Second

// look takes over what other nodes have raised, so that whichever hears that it has
// passed clears it, and lets go of what they have cleared. What somebody has judged
// stays until it has passed.
func (w *Watch) look(ctx context.Context) error {
	now := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := now.Sub(w.looked); d >= 0 && d < lookAgain {
		return nil
	}
	return w.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		open, err := openOfSensors(ctx, tx)
		if err != nil {
			return err
		}
		raised := map[city.AlertID]bool{}
		for _, a := range open {
			raised[a.ID] = true
			if h := w.devices[strings.TrimPrefix(a.Subject, sensorSubject)]; h != nil {
				h.mu.Lock()
				if t := h.threshold(a.Rule); t.open.IsZero() {
					t.adopt(a)
				}
				h.mu.Unlock()
			}
		}
		for _, h := range w.devices {
			h.mu.Lock()
			for _, t := range h.rules {
				if t.open.IsZero() || raised[t.open] {
					continue
				}
				a, err := alertByID(ctx, tx, t.open)
				if err == nil && a.State == Cleared {
					*t = threshold{cleared: a.Settled}
				} else if err != nil && !errors.Is(err, db.ErrNoRows) { // no row: it was raised since the list was read
					h.mu.Unlock()
					return err
				}
			}
			h.mu.Unlock()
		}
		w.looked = now
		return nil
	})
}

// adopt makes an alert the one that is open.
func (t *threshold) adopt(a Alert) { t.open, t.held, t.from = a.ID, a.State == Silenced, a.Since }

// heard is what is known of a device since the program started.
type heard struct {
	device Device

	mu          sync.Mutex
	quarantined time.Time // zero: it is listened to
	reason      string
	clockOff    bool
	last        time.Time // of the newest reading that counted
	values      map[string]float64
	absurd      int
	absurdSince time.Time
	minute      time.Time
	inMinute    int
	rules       map[string]*threshold
}

// threshold is how a device stands with a rule.
type threshold struct {
	since   time.Time // beyond Raise since then; zero: it isn't
	open    city.AlertID
	held    bool      // a silence held it back when it was shown last
	from    time.Time // what it was raised with
	asked   time.Time // when it was shown to the board last
	cleared time.Time
}

func (h *heard) threshold(rule string) *threshold {
	t := h.rules[rule]
	if t == nil {
		t = &threshold{}
		h.rules[rule] = t
	}
	return t
}

// by lets nothing be later than now, as what a wrong clock noted would be.
func (h *heard) by(now time.Time) {
	clamp := func(t *time.Time) {
		if t.After(now) {
			*t = now
		}
	}
	clamp(&h.last)
	clamp(&h.absurdSince)
	for _, t := range h.rules {
		clamp(&t.since)
		clamp(&t.asked)
		clamp(&t.cleared)
	}
}

// DeviceState is how a device stands, for operators.
type DeviceState struct {
	Device      Device
	Last        time.Time // zero: silent since the program started
	Values      map[string]float64
	Quarantined time.Time
	Reason      string // "absurd" or "flood"
	ClockOff    bool   // its clock is wrong; the city's time counts
	Open        []city.AlertID
}

// States lists the devices in the order of the pack.
func (w *Watch) States(ctx context.Context, actor city.Actor) ([]DeviceState, error) {
	if err := w.access.Ask(ctx, actor, "sensor.read", sensors); err != nil {
		return nil, err
	}
	out := make([]DeviceState, 0, len(w.order))
	for _, id := range w.order {
		h := w.devices[id]
		h.mu.Lock()
		s := DeviceState{Device: h.device, Last: h.last, Values: map[string]float64{}, Quarantined: h.quarantined, Reason: h.reason, ClockOff: h.clockOff}
		for k, v := range h.values {
			s.Values[k] = v
		}
		for _, t := range h.rules {
			if !t.open.IsZero() {
				s.Open = append(s.Open, t.open)
			}
		}
		h.mu.Unlock()
		out = append(out, s)
	}
	return out, nil
}

var sensors = access.Resource{Type: "Register", ID: "sensors"}

// Device finds a device of the pack, and its kind.
func (w *Watch) Device(id string) (Device, Kind, bool) {
	h := w.devices[id]
	if h == nil {
		return Device{}, Kind{}, false
	}
	return h.device, w.kinds[h.device.Kind], true
}

// Describe says what an alert of a sensor says that was kept without its words, as it
// was before all watchers shared a board. ok is false for one whose rule or device
// the pack no longer has.
func (w *Watch) Describe(a Alert) (out Alert, ok bool) {
	r, known := w.byID[a.Rule]
	h := w.devices[strings.TrimPrefix(a.Subject, sensorSubject)]
	if !known || h == nil {
		return a, false
	}
	a.Text, a.Place, a.Class = w.say(r, h.device, "…"), h.device.Place, r.Class
	return a, true
}

// say is the text of a rule for a device and what it measured.
func (w *Watch) say(r Rule, d Device, value string) city.Text {
	v, _ := w.kinds[r.Kind].value(r.Value)
	in := func(l city.Lang) string {
		return strings.NewReplacer("{device}", d.Name.In(l), "{value}", value, "{unit}", v.Unit).Replace(r.Text.In(l))
	}
	return city.Text{ZhHans: in(city.Chinese), En: in(city.English)}
}

// sensorSubject begins the subject of alerts that sensors raise.
const sensorSubject = "sensor:"

// Release listens to a device again.
func (w *Watch) Release(ctx context.Context, actor city.Actor, device string) error {
	if err := w.access.Ask(ctx, actor, "sensor.release", access.Resource{Type: "Device", ID: device}); err != nil {
		return err
	}
	h := w.devices[device]
	if h == nil {
		return city.NotFound("alert.no_device", "device", device)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.quarantined.IsZero() {
		return nil
	}
	now := w.clock.Now()
	err := w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		saveDevice(tx, deviceRow{device: device, clockOff: h.clockOff}, now)
		return w.journal.Append(ctx, tx, journal.Event{At: now, Type: "sensor.released", Subject: device, Actor: actor,
			To: w.told(), Data: map[string]any{"device": device, "name": h.device.Name}})
	})
	if err != nil {
		return err
	}
	h.quarantined, h.reason, h.absurd, h.inMinute = time.Time{}, "", 0, 0
	return nil
}

func (w *Watch) told() []journal.Recipient {
	if w.def.Operator == "" {
		return nil
	}
	return []journal.Recipient{{Post: w.def.Operator}}
}
