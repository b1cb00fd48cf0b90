package fleet

import (
	"context"
	"sync"

	"yiwang/fleet/history"
)

// queue holds positions that wait for a shard. Whoever takes takes all at once, so
// that neither side pays for a channel with every position.
type queue struct {
	some chan struct{} // says that there are some

	mu    sync.Mutex // guards those below
	list  []history.Position
	freed chan struct{} // closed when there is room again; nil while nobody waits for it
}

func newQueue() *queue { return &queue{some: make(chan struct{}, 1)} }

// put adds a position. Where too many wait it waits itself; false when the context
// ends first.
func (q *queue) put(ctx context.Context, p history.Position) bool {
	for {
		q.mu.Lock()
		if len(q.list) < waiting {
			q.list = append(q.list, p)
			first := len(q.list) == 1
			q.mu.Unlock()
			if first {
				select {
				case q.some <- struct{}{}:
				default:
				}
			}
			return true
		}
		if q.freed == nil {
			q.freed = make(chan struct{})
		}
		freed := q.freed
		q.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

// take gives all that wait, in order. spare is what take gave before and is used
// again.
func (q *queue) take(spare []history.Position) []history.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = spare[:0]
	if q.freed != nil {
		close(q.freed)
		q.freed = nil
	}
	return list
}

// waits reports whether there is something to take.
func (q *queue) waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list) > 0
}
