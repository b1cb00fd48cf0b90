package alert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

func definition() alert.Definition {
	return alert.Definition{
		Operator:   "centre.operator",
		Quarantine: alert.Quarantine{Absurd: 3, PerMinute: 10},
		Clock:      alert.Clock{Ahead: 5 * time.Minute, Behind: 24 * time.Hour},
		Kinds: []alert.Kind{{ID: "water", Name: both("water"), Values: []alert.Value{
			{ID: "level", Name: both("level"), Unit: "cm", Least: -50, Most: 500},
			{ID: "battery", Name: both("battery"), Unit: "%", Least: 0, Most: 100},
		}}},
		Rules: []alert.Rule{
			{ID: "high", Kind: "water", Value: "level", Raise: 15, Clear: 5, For: 2 * time.Minute, Silence: 10 * time.Minute, Class: "e0401", Text: both("{device}: {value} {unit}")},
			{ID: "flat", Kind: "water", Value: "battery", Raise: 10, Clear: 20, Class: "c0101", Text: both("{device} is flat")},
		},
		Devices: []alert.Device{
			{ID: "bridge", Kind: "water", Name: both("Bridge"), Place: city.Place{Region: "990101001001"}},
			{ID: "tunnel", Kind: "water", Name: both("Tunnel"), Place: city.Place{Lat: 30, Lon: 121}},
		},
	}
}

type world struct {
	*testing.T
	d     *db.DB
	j     *journal.Journal
	clock *city.SetClock
	acc   *access.Access
	w     *alert.Watch
	b     *alert.Board
	rules alert.Detection
}

var (
	gateway  = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Scopes: []string{"reading.send"}, Channel: city.ChannelAPI}
	operator = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Posts: []city.PostID{"centre.operator"}, Channel: city.ChannelWeb}
	program  = city.SystemActor("test")
)

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	acc, err := access.New(map[string][]byte{"a.cedar": []byte(`
permit(principal is System, action, resource);
permit(principal is Officer, action == Action::"reading.send", resource);
permit(principal is Officer, action in [Action::"alert.read", Action::"alert.silence"], resource is Alert) when { resource has body && principal.bodies.contains(resource.body) };
permit(principal is Officer, action == Action::"alert.read", resource is Alert) when { principal.posts.contains("centre.operator") };
permit(principal is Officer, action in [Action::"sensor.read", Action::"sensor.release"], resource) when { principal.posts.contains("centre.operator") };`)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, d: d, j: journal.New(d, v), clock: city.NewSetClock(noon), acc: acc, rules: detection()}
	w.restart()
	return w
}

// restart makes the watch and the board anew, as after a kill.
func (w *world) restart() { w.w, w.b = w.another() }

func (w *world) another() (*alert.Watch, *alert.Board) {
	w.Helper()
	board := alert.NewBoard(alert.BoardOptions{DB: w.d, Journal: w.j, Access: w.acc, Clock: w.clock, Detection: w.rules, Sensors: definition()})
	watch, err := alert.New(context.Background(), alert.Options{DB: w.d, Journal: w.j, Access: w.acc, Clock: w.clock, Definition: definition(), Board: board})
	if err != nil {
		w.Fatal(err)
	}
	return watch, board
}

// reads sends one reading and gives the key of what was wrong with it.
func (w *world) reads(device, value string, v float64) string {
	return w.sends(alert.Reading{Device: device, Values: map[string]float64{value: v}})
}

func (w *world) sends(r alert.Reading) string {
	w.Helper()
	faults, err := w.w.Observe(context.Background(), gateway, []alert.Reading{r})
	if err != nil {
		w.Fatal(err)
	}
	return keyOf(faults[0])
}

func keyOf(err error) string {
	var e *city.Error
	if errors.As(err, &e) {
		return e.Message.Key
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// events counts the events of a type.
func (w *world) events(typ string) (n int) {
	w.Helper()
	err := w.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		all, err := w.j.Read(ctx, tx, journal.Position{}, 10_000)
		for _, e := range all {
			if e.Type == typ {
				n++
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) unfiled() (out []alert.Alert) {
	w.Helper()
	err := w.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = w.b.Unfiled(ctx, tx, program, 100)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) is(what string, got, want any) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestThresholdWithHysteresis(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.reads("bridge", "level", 20)
		w.is("alerts at once", len(w.unfiled()), 0)
		w.clock.Advance(time.Minute)
		w.reads("bridge", "level", 10) // between the thresholds: nothing changes
		w.clock.Advance(time.Minute)
		w.reads("bridge", "level", 30)
		w.is("alerts after two minutes", len(w.unfiled()), 1)
		for range 5 {
			w.clock.Advance(time.Minute)
			w.reads("bridge", "level", 40)
			w.reads("bridge", "level", 8)
		}
		w.is("alerts while it wavers", w.events("alert.raised"), 1)
		w.reads("bridge", "level", 5)
		w.is("cleared", w.events("alert.cleared"), 1)
		w.clock.Advance(time.Minute)
		w.reads("bridge", "level", 50)
		w.clock.Advance(5 * time.Minute)
		w.reads("bridge", "level", 50)
		w.is("alerts in the silence", w.events("alert.raised"), 1)
		w.clock.Advance(5 * time.Minute)
		w.reads("bridge", "level", 60)
		w.is("alerts after the silence", w.events("alert.raised"), 2)
		w.reads("tunnel", "battery", 9)
		w.is("low values", w.events("alert.raised"), 3)
		w.reads("tunnel", "battery", 20)
		w.is("low values cleared", w.events("alert.cleared"), 2)

		a := w.unfiled()[0]
		if a.Text.En != "Bridge: 30 cm" || a.Place.Region != "990101001001" || a.Class != "e0401" || a.Subject != "sensor:bridge" || a.State != alert.Cleared {
			t.Errorf("%+v", a)
		}
		a.Text = city.Text{} // kept before alerts had their words
		if old, ok := w.w.Describe(a); !ok || old.Text.En != "Bridge: … cm" || old.Place.Region != "990101001001" {
			t.Errorf("%+v, %v", old, ok)
		}
	})
}

// A kill loses what was in memory and not what was raised; two nodes raise one.
func TestRaisedOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other, _ := w.another()
		w.reads("tunnel", "battery", 3)
		w.restart()
		w.reads("tunnel", "battery", 2)
		low := []alert.Reading{{Device: "tunnel", Values: map[string]float64{"battery": 1}}}
		for range 2 {
			if faults, err := other.Observe(context.Background(), gateway, low); err != nil || faults[0] != nil {
				t.Fatal(faults, err)
			}
		}
		w.is("raised", w.events("alert.raised"), 1)
		a := w.unfiled()[0]
		for _, n := range []city.CaseNumber{"JH-2026-000001-1", "JH-2026-000002-2"} {
			if err := d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error { return w.b.Filed(ctx, tx, program, a.ID, n) }); err != nil {
				t.Fatal(err)
			}
		}
		w.is("unfiled", len(w.unfiled()), 0)
		w.reads("tunnel", "battery", 50)
		faults, err := other.Observe(context.Background(), gateway, []alert.Reading{{Device: "tunnel", Values: map[string]float64{"battery": 60}}})
		if err != nil || faults[0] != nil {
			t.Fatal(faults, err)
		}
		w.is("cleared", w.events("alert.cleared"), 1)
	})
}

// Of several nodes the one that hears that it has passed clears what another has
// raised, and the other raises the next.
func TestClearedByAnotherNode(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other, _ := w.another()
		on := func(n *alert.Watch, battery float64) {
			w.clock.Advance(15 * time.Second)
			if faults, err := n.Observe(context.Background(), gateway, []alert.Reading{{Device: "tunnel", Values: map[string]float64{"battery": battery}}}); err != nil || faults[0] != nil {
				t.Fatal(faults, err)
			}
		}
		on(w.w, 3)
		on(other, 50)
		w.is("cleared by the other", w.events("alert.cleared"), 1)
		on(w.w, 4)
		w.is("raised again", w.events("alert.raised"), 2)

		a := w.unfiled()[1]
		if err := w.resolves(a.ID, alert.Outcome{Confirmed: true, What: "flat"}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			on(w.w, 4)
		}
		w.is("what was confirmed and goes on", w.events("alert.raised"), 2)
	})
}

func TestSensorGoesMad(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i, bad := range []alert.Reading{
			{Device: "bridge", Values: map[string]float64{"level": 1e9}},
			{Device: "bridge", Values: map[string]float64{"level": math.NaN()}},
			{Device: "bridge", Values: map[string]float64{"colour": 3}},
		} {
			if key := w.sends(bad); key != "alert.absurd" && key != "alert.no_value" {
				t.Errorf("%d: %q", i, key)
			}
		}
		w.is("in quarantine", w.reads("bridge", "level", 100), "alert.in_quarantine")
		w.restart()
		for range 50 {
			w.is("after a restart", w.reads("bridge", "level", 100), "alert.in_quarantine")
		}
		w.is("the operator is told", w.events("sensor.quarantined"), 1)
		w.is("alerts", w.events("alert.raised"), 0)

		for range 10 {
			w.is("at a rate that's allowed", w.reads("tunnel", "level", 0), "")
		}
		w.is("one too many", w.reads("tunnel", "level", 0), "alert.flood")
		w.is("told of the flood", w.events("sensor.quarantined"), 2)
		states, err := w.w.States(context.Background(), operator)
		if err != nil || states[0].Reason != "absurd" || states[1].Reason != "flood" || states[1].Values["level"] != 0 {
			t.Errorf("%+v, %v", states, err)
		}
		if err := w.w.Release(context.Background(), gateway, "bridge"); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a device releases itself: %v", err)
		}
		for range 2 {
			if err := w.w.Release(context.Background(), operator, "bridge"); err != nil {
				t.Fatal(err)
			}
		}
		w.is("released", w.events("sensor.released"), 1)
		w.is("heard again", w.reads("bridge", "level", 0), "")
		w.restart()
		w.is("heard after a restart", w.reads("bridge", "level", 0), "")
		w.is("a stranger", w.reads("nobody", "level", 0), "alert.no_device")
		w.is("nothing in it", w.sends(alert.Reading{Device: "bridge"}), "alert.reading_empty")
	})
}

// A few odd readings spread over days are no madness.
func TestOddReadingsAreForgotten(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for range 9 {
		w.is("odd", w.reads("bridge", "level", 1e9), "alert.absurd")
		w.clock.Advance(50 * time.Minute)
	}
}

func TestClockTwoDaysAhead(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ahead := func(level float64) alert.Reading {
			return alert.Reading{Device: "bridge", At: w.clock.Now().Add(48 * time.Hour), Values: map[string]float64{"level": level}}
		}
		w.is("taken", w.sends(ahead(20)), "")
		w.clock.Advance(3 * time.Minute)
		w.is("taken", w.sends(ahead(20)), "")
		alerts := w.unfiled()
		if len(alerts) != 1 || !alerts[0].Raised.Equal(w.clock.Now()) {
			t.Errorf("raised by the city's clock: %+v", alerts)
		}
		w.restart()
		states, err := w.w.States(context.Background(), operator)
		if err != nil || !states[0].ClockOff || states[1].ClockOff {
			t.Errorf("flagged: %+v, %v", states, err)
		}
		w.is("right again", w.sends(alert.Reading{Device: "bridge", At: w.clock.Now(), Values: map[string]float64{"level": 20}}), "")
		if states, _ = w.w.States(context.Background(), operator); states[0].ClockOff {
			t.Error("still flagged")
		}
		w.is("late", w.sends(alert.Reading{Device: "bridge", At: w.clock.Now().Add(-time.Hour), Values: map[string]float64{"level": 0}}), "")
		w.is("late readings clear nothing", w.events("alert.cleared"), 0)
	})
}

func TestWhoMay(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	nobody := city.Actor{Kind: city.Anonymous}
	if _, err := w.w.Observe(context.Background(), nobody, nil); city.KindOf(err) != city.KindUnauthenticated {
		t.Error(err)
	}
	if _, err := w.w.States(context.Background(), gateway); city.KindOf(err) != city.KindForbidden {
		t.Error(err)
	}
	if err := w.w.Release(context.Background(), operator, "nothing"); city.KindOf(err) != city.KindNotFound {
		t.Error(err)
	}
}

func TestDefinitionFaults(t *testing.T) {
	if d := definition(); len(d.Check()) != 0 {
		t.Errorf("%v", d.Check())
	}
	for at, spoil := range map[string]func(*alert.Definition){
		"quarantine.absurd":     func(d *alert.Definition) { d.Quarantine.Absurd = 0 },
		"quarantine.per_minute": func(d *alert.Definition) { d.Quarantine.PerMinute = -1 },
		"clock.ahead":           func(d *alert.Definition) { d.Clock.Ahead = 0 },
		"clock.behind":          func(d *alert.Definition) { d.Clock.Behind = 1e18 },
		"kinds.0.id":            func(d *alert.Definition) { d.Kinds[0].ID, d.Rules, d.Devices = "Water", nil, nil },
		"kinds.0.name":          func(d *alert.Definition) { d.Kinds[0].Name.En = "" },
		"kinds.0.values":        func(d *alert.Definition) { d.Kinds[0].Values, d.Rules = nil, nil },
		"kinds.0.values.1.id":   func(d *alert.Definition) { d.Kinds[0].Values[1].ID, d.Rules = "level", nil },
		"kinds.0.values.0.most": func(d *alert.Definition) { d.Kinds[0].Values[0].Most, d.Rules = math.Inf(1), nil },
		"rules.0.kind":          func(d *alert.Definition) { d.Rules[0].Kind = "fire" },
		"rules.0.value":         func(d *alert.Definition) { d.Rules[0].Value = "x" },
		"rules.0.raise":         func(d *alert.Definition) { d.Rules[0].Raise = math.NaN() },
		"rules.0.clear":         func(d *alert.Definition) { d.Rules[0].Clear = 15 },
		"rules.0.for":           func(d *alert.Definition) { d.Rules[0].For = -1 },
		"rules.0.silence":       func(d *alert.Definition) { d.Rules[0].Silence = -1 },
		"rules.0.class":         func(d *alert.Definition) { d.Rules[0].Class = "" },
		"rules.1.id":            func(d *alert.Definition) { d.Rules[1].ID = "high" },
		"devices.0.kind":        func(d *alert.Definition) { d.Devices[0].Kind = "fire" },
		"devices.1.id":          func(d *alert.Definition) { d.Devices[1].ID = "bridge" },
		"devices.1.place":       func(d *alert.Definition) { d.Devices[1].Place = city.Place{} },
	} {
		d := definition()
		spoil(&d)
		var found []string
		for _, f := range d.Check() {
			found = append(found, f.Name)
			if s := f.Message.In(city.English); s == "" || strings.Contains(s, "{") {
				t.Errorf("%s: %q", f.Name, s)
			}
		}
		if fmt.Sprint(found) != "["+at+"]" {
			t.Errorf("%s: %v", at, found)
		}
	}
}
