package fleet

import (
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	var x turns
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	given := func(tries int, every time.Duration) (n int) {
		for range tries {
			if x.take(now) {
				n++
			}
			now = now.Add(every)
		}
		return n
	}
	if n := given(100, time.Second); n != mostAnew {
		t.Errorf("%d at once", n)
	}
	if n := given(3600, time.Second); n != int(time.Hour/anewEvery) {
		t.Errorf("%d in the hour after", n)
	}
	now = now.Add(24 * time.Hour)
	if n := given(mostAnew+5, 0); n != mostAnew {
		t.Errorf("%d after a day's rest", n)
	}
	now = now.Add(-time.Hour) // the clock is set back
	if x.take(now) {
		t.Error("a clock that is set back gives a turn")
	}
}
