package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"yiwang/city"
)

// lines is standard error, read while it is written.
type lines struct {
	mu sync.Mutex
	s  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.String()
}

// What breaks in the made-up history is said while the city goes on, and not again.
func TestBrokenHistoryIsSaidAtOnce(t *testing.T) {
	errs := &lines{}
	e := &env{err: errs, lang: city.English, terminal: true}
	ctx, stop := context.WithCancel(context.Background())
	broken := func(_ context.Context, progress func(done, total int)) error {
		progress(3, 10)
		return errors.New("application 4 has no place")
	}
	told, lived := "", false
	well := e.live(ctx, broken, func(ctx context.Context) error {
		told, lived = errs.String(), true
		stop()
		<-ctx.Done()
		return ctx.Err()
	})
	if well || !lived {
		t.Errorf("went well: %v, the city lives: %v", well, lived)
	}
	if !strings.Contains(told, "\nThe history broke off") || !strings.Contains(told, "application 4 has no place") {
		t.Errorf("said by then: %q", told)
	}
	if errs.String() != told {
		t.Errorf("said again: %q", errs.String())
	}

	// the end of the program is nobody's fault
	errs, ctx2 := &lines{}, context.Context(nil)
	ctx2, stop = context.WithCancel(context.Background())
	stop()
	e.err = errs
	if !e.live(ctx2, func(ctx context.Context, _ func(int, int)) error { return ctx.Err() }, func(ctx context.Context) error { return ctx.Err() }) || errs.String() != "" {
		t.Errorf("the end is told as a fault: %q", errs.String())
	}

	// nor is it quiet when the present ends too early
	e.live(context.Background(), func(context.Context, func(int, int)) error { return nil }, func(context.Context) error { return errors.New("nobody left") })
	if !strings.Contains(errs.String(), "nobody left") {
		t.Errorf("said: %q", errs.String())
	}
}
