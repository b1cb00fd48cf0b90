package alert

import (
	"context"
	"errors"
	"testing"
	"time"

	"yiwang/city"
)

// Alerts of which no case can be made, however many, keep none behind them waiting, and
// are tried again.
func TestWhatCantBeFiledStarvesNothing(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	var waiting []Alert
	for i := range 5*roundBatch + 1 {
		waiting = append(waiting, Alert{ID: city.NewAlertID(), Raised: now.Add(time.Duration(i) * time.Second)})
	}
	good, broken := waiting[len(waiting)-1].ID, errors.New("no class")
	tried := map[city.AlertID]int{}
	f := Rounds{
		List: func(_ context.Context, last Alert, most int) (list []Alert, err error) {
			for _, a := range waiting {
				if a.Raised.After(last.Raised) && len(list) < most && (a.ID != good || tried[good] == 0) {
					list = append(list, a)
				}
			}
			return list, nil
		},
		File: func(_ context.Context, a Alert) error {
			tried[a.ID]++
			if a.ID == good {
				return nil
			}
			return broken
		},
	}
	if err := f.Pass(t.Context(), now); !errors.Is(err, broken) || tried[good] != 1 {
		t.Errorf("%v; the newest was tried %d times", err, tried[good])
	}
	if err := f.Pass(t.Context(), now.Add(time.Second)); err != nil || tried[waiting[0].ID] != 1 {
		t.Errorf("%v; the oldest was tried %d times within a second", err, tried[waiting[0].ID])
	}
	if err := f.Pass(t.Context(), now.Add(roundAgain)); !errors.Is(err, broken) || tried[waiting[0].ID] != 2 || f.Failed() != len(waiting)-1 {
		t.Errorf("%v; the oldest was tried %d times, %d are remembered", err, tried[waiting[0].ID], f.Failed())
	}
}
