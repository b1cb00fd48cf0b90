package alert

import (
	"context"
	"strconv"
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
}

// Watch listens to sensors. It is safe for concurrent use. Several nodes on one
// database each hear what is sent to them; an alert that one has raised the
// others find and don't raise again.
type Watch struct {
	db      *db.DB
	journal *journal.Journal
	access  *access.Access
	clock   city.Clock
	def     Definition
	kinds   map[string]Kind
	rules   map[string][]Rule // by kind
	byID    map[string]Rule
	devices map[string]*heard
	order   []string // of devices, as in the pack
}

// New makes the watch and remembers what the database knows: which alerts are
// open and which devices are in quarantine.
func New(ctx context.Context, o Options) (*Watch, error) {
	w := &Watch{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, def: o.Definition,
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
		open, err := openAlerts(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range open {
			if h := w.devices[a.Device]; h != nil {
				h.threshold(a.Rule).open = a.ID
			}
		}
		return nil
	})
	return w, err
}

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

// Alert is one thing that sensors found.
type Alert struct {
	ID      city.AlertID
	Rule    string
	Device  string
	Value   float64 // that raised it
	Raised  time.Time
	Cleared time.Time       // zero: it still is so
	Case    city.CaseNumber // that came of it; "" not yet
}

// State is how a device stands, for operators.
type State struct {
	Device      Device
	Last        time.Time // zero: silent since the program started
	Values      map[string]float64
	Quarantined time.Time
	Reason      string // "absurd" or "flood"
	ClockOff    bool   // its clock is wrong; the city's time counts
	Open        []city.AlertID
}

// States lists the devices in the order of the pack.
func (w *Watch) States(ctx context.Context, actor city.Actor) ([]State, error) {
	if err := w.access.Ask(ctx, actor, "sensor.read", sensors); err != nil {
		return nil, err
	}
	out := make([]State, 0, len(w.order))
	for _, id := range w.order {
		h := w.devices[id]
		h.mu.Lock()
		s := State{Device: h.device, Last: h.last, Values: map[string]float64{}, Quarantined: h.quarantined, Reason: h.reason, ClockOff: h.clockOff}
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

// Unfiled lists alerts of which no case has come yet, oldest first.
func (w *Watch) Unfiled(ctx context.Context, tx *db.Tx, actor city.Actor, limit int) ([]Alert, error) {
	if err := w.access.Ask(ctx, actor, "sensor.read", sensors); err != nil {
		return nil, err
	}
	return unfiled(ctx, tx, limit)
}

// Filed notes the case that came of an alert. The first one stays.
func (w *Watch) Filed(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID, number city.CaseNumber) error {
	if err := w.access.Ask(ctx, actor, "alert.file", access.Resource{Type: "Alert", ID: id.String()}); err != nil {
		return err
	}
	noteCase(tx, id, number)
	return nil
}

// Say gives what an alert says, in both languages, with its place and class.
// ok is false for one whose rule or device the pack no longer has.
func (w *Watch) Say(a Alert) (what city.Text, place city.Place, class city.ItemCode, ok bool) {
	r, known := w.byID[a.Rule]
	h := w.devices[a.Device]
	if !known || h == nil {
		return what, place, class, false
	}
	v, _ := w.kinds[r.Kind].value(r.Value)
	say := func(l city.Lang) string {
		return strings.NewReplacer("{device}", h.device.Name.In(l), "{value}", strconv.FormatFloat(a.Value, 'f', -1, 64), "{unit}", v.Unit).Replace(r.Text.In(l))
	}
	return city.Text{ZhHans: say(city.Chinese), En: say(city.English)}, h.device.Place, r.Class, true
}

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
