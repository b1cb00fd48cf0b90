package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/city"
)

// Alerts of which no case can be made, however many, keep none behind them waiting, and
// are tried again.
func TestWhatCantBeFiledStarvesNothing(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	var waiting []alert.Alert
	for i := range 5*alertBatch + 1 {
		waiting = append(waiting, alert.Alert{ID: city.NewAlertID(), Raised: now.Add(time.Duration(i) * time.Second)})
	}
	good, broken := waiting[len(waiting)-1].ID, errors.New("no class")
	tried := map[city.AlertID]int{}
	f := filing{
		list: func(_ context.Context, last alert.Alert) (list []alert.Alert, err error) {
			for _, a := range waiting {
				if a.Raised.After(last.Raised) && len(list) < alertBatch && (a.ID != good || tried[good] == 0) {
					list = append(list, a)
				}
			}
			return list, nil
		},
		file: func(_ context.Context, a alert.Alert) error {
			tried[a.ID]++
			if a.ID == good {
				return nil
			}
			return broken
		},
	}
	if err := f.pass(t.Context(), now); !errors.Is(err, broken) || tried[good] != 1 {
		t.Errorf("%v; the newest was tried %d times", err, tried[good])
	}
	if err := f.pass(t.Context(), now.Add(time.Second)); err != nil || tried[waiting[0].ID] != 1 {
		t.Errorf("%v; the oldest was tried %d times within a second", err, tried[waiting[0].ID])
	}
	if err := f.pass(t.Context(), now.Add(alertAgain)); !errors.Is(err, broken) || tried[waiting[0].ID] != 2 || len(f.failed) != len(waiting)-1 {
		t.Errorf("%v; the oldest was tried %d times, %d are remembered", err, tried[waiting[0].ID], len(f.failed))
	}
}
