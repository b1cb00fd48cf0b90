package casework

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"yiwang/city"
	"yiwang/internal/db"
)

// numbers hands out case numbers from blocks claimed in the database, so that
// filing doesn't wait on one shared counter. A crash leaves a gap, never a
// number twice.
type numbers struct {
	db     *db.DB
	prefix string

	mu      sync.Mutex
	blocks  map[int][]block // by year
	filling map[int]bool
}

type block struct{ next, end int64 }

const (
	blockSize = 200
	lowWater  = 100
)

func newNumbers(d *db.DB, prefix string) *numbers {
	return &numbers{db: d, prefix: prefix, blocks: map[int][]block{}, filling: map[int]bool{}}
}

// next takes a number from memory, and only when there is none left from the
// database in the caller's transaction.
func (n *numbers) next(ctx context.Context, tx *db.Tx, year int) (city.CaseNumber, error) {
	if v, ok := n.take(year); ok {
		return city.NewCaseNumber(n.prefix, year, v), nil
	}
	v, err := claimNumbers(ctx, tx, n.counter(year), 1)
	if err != nil {
		return "", err
	}
	return city.NewCaseNumber(n.prefix, year, v), nil
}

func (n *numbers) counter(year int) string { return fmt.Sprintf("case:%s:%d", n.prefix, year) }

func (n *numbers) take(year int) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	left := int64(0)
	for _, b := range n.blocks[year] {
		left += b.end - b.next
	}
	if left < lowWater && !n.filling[year] {
		n.filling[year] = true
		go n.fill(year)
	}
	bs := n.blocks[year]
	for len(bs) > 0 && bs[0].next == bs[0].end {
		bs = bs[1:]
	}
	n.blocks[year] = bs
	if len(bs) == 0 {
		return 0, false
	}
	v := bs[0].next
	bs[0].next++
	return v, true
}

func (n *numbers) fill(year int) {
	var first int64
	err := n.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		first, err = claimNumbers(ctx, tx, n.counter(year), blockSize)
		return err
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filling[year] = false
	if err != nil {
		slog.Warn("no block of case numbers", "err", err)
		return
	}
	n.blocks[year] = append(n.blocks[year], block{first, first + blockSize})
}
