package alert_test

import (
	"context"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// lasts is a finding that began at noon and goes on for so many minutes.
func lasts(minutes int) alert.Finding {
	f := fed(0)
	f.To = noon.Add(time.Duration(minutes) * time.Minute)
	return f
}

// What goes on longer than what held it back has its case when that is over, though it
// began no second time.
func TestWhatOutlastsASilence(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		if _, err := w.b.Silence(context.Background(), keeper, alert.Silence{Rule: "feeding", Until: noon.Add(2 * time.Hour), Reason: "a feast"}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
		a, _ := w.raises(lasts(60))
		w.raises(lasts(70))
		w.is("held in the silence", a.State, alert.Silenced)
		w.clock.Advance(90 * time.Minute)
		open, joined := w.raises(lasts(150))
		if !joined || open.ID != a.ID || open.State != alert.Open || open.Times != 1 {
			t.Errorf("after the silence: %+v, joined %v", open, joined)
		}
		w.is("cases to come", len(w.unfiled()), 1)

		if err := w.resolves(a.ID, alert.Outcome{Confirmed: true, What: "bread"}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(20 * time.Hour)
		if again, joined := w.raises(lasts(22 * 60)); !joined || again.ID != a.ID {
			t.Errorf("within the rule's silence after the outcome: %+v", again)
		}
		w.clock.Advance(5 * time.Hour)
		if again, joined := w.raises(lasts(27 * 60)); joined || again.ID == a.ID || again.State != alert.Open {
			t.Errorf("a day after the outcome it goes on: %+v, joined %v", again, joined)
		}
	})
}

func TestASensorThatStaysAboveOutlastsASilence(t *testing.T) {
	for name, restart := range map[string]bool{"one process": false, "begun anew in between": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dbtest.SQLite(t))
			if _, err := w.b.Silence(context.Background(), program, alert.Silence{Rule: "flat", Until: noon.Add(30 * time.Minute), Reason: "works"}); err != nil {
				t.Fatal(err)
			}
			for range 29 {
				w.reads("tunnel", "battery", 5)
				w.clock.Advance(time.Minute)
			}
			w.is("cases in the silence", len(w.unfiled()), 0)
			if restart {
				w.restart()
			}
			for range 5 {
				w.reads("tunnel", "battery", 4)
				w.clock.Advance(time.Minute)
			}
			if list := w.unfiled(); len(list) != 1 || list[0].State != alert.Open || list[0].Times != 1 || !list[0].Since.Equal(noon) {
				t.Errorf("after the silence: %+v", list)
			}
			w.is("raised", w.events("alert.raised"), 1)
			w.view(func(ctx context.Context, tx *db.Tx) error {
				list, err := w.b.Silences(ctx, tx, operator)
				if err == nil && list[0].Held != 1 {
					t.Errorf("%d held, though it is one", list[0].Held)
				}
				return err
			})
		})
	}
}

// An hour in which the clock was a year ahead holds nothing back for a year.
func TestWhatAWrongClockDated(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		a, _ := w.raises(fed(0))
		w.clock.Set(noon.AddDate(1, 0, 0))
		if err := w.resolves(a.ID, alert.Outcome{Confirmed: true, What: "bread"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.b.Silence(context.Background(), keeper, alert.Silence{Rule: "feeding", Subject: "vehicle:Z2", Until: w.clock.Now().Add(2 * time.Hour), Reason: "a feast"}); err != nil {
			t.Fatal(err)
		}
		w.reads("tunnel", "battery", 50)

		w.clock.Set(noon.Add(time.Hour))
		second := func(minute int) alert.Finding {
			f := fed(minute)
			f.Subject, f.Key = "vehicle:Z2", "Z2@pond"
			return f
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			list, err := w.b.Silences(ctx, tx, keeper)
			if err == nil && (len(list) != 1 || !list[0].Until.Equal(noon.Add(3*time.Hour))) {
				t.Errorf("%+v", list)
			}
			return err
		})
		again, _ := w.raises(fed(60))
		silenced, _ := w.raises(second(60))
		w.is("within the rule's silence", again.State, alert.Silenced)
		w.is("within the silence", silenced.State, alert.Silenced)
		w.reads("tunnel", "battery", 5)
		w.is("raised, by a sensor that was heard in the future, too", w.events("alert.raised"), 2)

		w.clock.Advance(2 * time.Hour)
		silenced, _ = w.raises(second(180))
		w.is("as long as it was to be", silenced.State, alert.Open)
		w.clock.Advance(22 * time.Hour)
		again, _ = w.raises(fed(25 * 60))
		w.is("a day after", again.State, alert.Open)
	})
}
