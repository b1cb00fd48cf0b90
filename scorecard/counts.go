package scorecard

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// counts are sums over cases: how many have each mark, how many have marks Of and
// Without of a definition both, and histograms of the spans.
type counts struct {
	marks   [marks]int64
	correct int64 // dispatched and not given back
	times   [spans]map[int]int64
}

// steps is how many steps of the histogram double a time: each is 4.4% wide.
const steps = 16

func bucket(d time.Duration) int {
	return int(math.Round(steps * math.Log2(1+d.Seconds())))
}

// middle is the time that a step stands for, at most 2.2% from what was measured.
func middle(b int) time.Duration {
	return time.Duration((math.Exp2(float64(b)/steps) - 1) * float64(time.Second)).Round(time.Second)
}

// add counts a case in (n is 1) or out (-1).
func (c *counts) add(s *caseState, n int64) {
	set := s.marks()
	if set == 0 {
		return
	}
	for m := range marks {
		if set&(1<<m) != 0 {
			c.marks[m] += n
		}
	}
	if set&(1<<Dispatched) != 0 && set&(1<<GivenBack) == 0 {
		c.correct += n
	}
	for i, d := range s.spans() {
		if d >= 0 {
			c.put(i, bucket(d), n)
		}
	}
}

func (c *counts) put(span, bucket int, n int64) {
	if c.times[span] == nil {
		c.times[span] = map[int]int64{}
	}
	if c.times[span][bucket] += n; c.times[span][bucket] == 0 {
		delete(c.times[span], bucket)
	}
}

// quantile is the nearest-rank quantile of a span; false when nothing was measured.
func (c *counts) quantile(s Span, q float64) (time.Duration, bool) {
	total := int64(0)
	var at []int
	for b, n := range c.times[s] {
		total += n
		at = append(at, b)
	}
	if total == 0 {
		return 0, false
	}
	slices.Sort(at)
	rank := max(int64(math.Ceil(q*float64(total))), 1)
	for _, b := range at {
		if rank -= c.times[s][b]; rank <= 0 {
			return middle(b), true
		}
	}
	return middle(at[len(at)-1]), true
}

// pack writes the sums as varints: the number of marks, the marks, what was
// correct, the number of histograms, and each as its length and pairs.
func (c *counts) pack() []byte {
	b := binary.AppendVarint(nil, int64(marks))
	for _, n := range c.marks {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendVarint(b, c.correct)
	b = binary.AppendVarint(b, int64(spans))
	for _, h := range c.times {
		b = binary.AppendVarint(b, int64(len(h)))
		for k, n := range h {
			b = binary.AppendVarint(b, int64(k))
			b = binary.AppendVarint(b, n)
		}
	}
	return b
}

var errSums = errors.New("scorecard: stored sums can't be read; rebuild the follower")

// unpack adds packed sums.
func (c *counts) unpack(b []byte) error {
	ok := true
	next := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			ok, b = false, nil
			return 0
		}
		b = b[n:]
		return v
	}
	have := next()
	for m := int64(0); ok && m < have; m++ {
		if n := next(); m < int64(marks) {
			c.marks[m] += n
		}
	}
	c.correct += next()
	have = next()
	for i := int64(0); ok && i < have; i++ {
		for n := next(); ok && n > 0; n-- {
			k, many := next(), next()
			if i < int64(spans) {
				c.put(int(i), int(k), many)
			}
		}
	}
	if !ok {
		return errSums
	}
	return nil
}
