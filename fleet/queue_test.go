package fleet

import (
	"context"
	"testing"

	"yiwang/fleet/history"
)

// Nothing is lost or changes its order, and whoever finds the queue full waits until
// there is room or nobody wants it any more.
func TestQueue(t *testing.T) {
	q := newQueue()
	ctx, cancel := context.WithCancel(t.Context())
	const n = 3 * waiting
	done := make(chan bool, 1)
	go func() {
		all := true
		for i := range int64(n) {
			all = all && q.put(ctx, history.Position{At: i})
		}
		done <- all
	}()
	var list []history.Position
	for next := int64(0); next < n; {
		<-q.some
		list = q.take(list)
		if len(list) == 0 || len(list) > waiting {
			t.Fatalf("%d at once", len(list))
		}
		for _, p := range list {
			if p.At != next {
				t.Fatalf("%d came, not %d", p.At, next)
			}
			next++
		}
	}
	if !<-done {
		t.Error("one was not taken")
	}
	for i := range int64(waiting) {
		if !q.put(ctx, history.Position{At: i}) {
			t.Fatal(i)
		}
	}
	go func() { done <- q.put(ctx, history.Position{}) }()
	cancel()
	if <-done {
		t.Error("one more than there is room for")
	}
}
