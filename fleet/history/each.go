package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Each calls each for what is kept of all vehicles from one moment to another (the
// second not included), in no order. A position may come more than once: whoever
// calls must not count, but mark. The position holds only during the call.
func (l *Log) Each(ctx context.Context, from, to int64, each func(*Position)) error {
	if from >= to {
		return nil
	}
	found, err := l.segments() // before the parts, as in Track
	if err != nil {
		return err
	}
	for _, name := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := l.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("history: %s: %w", name, err)
		}
		scan(b, func(v []byte, p *Position) {
			if p.At < from || p.At >= to {
				return
			}
			q := *p
			if q.Vehicle = string(v); q.Check() == nil {
				each(&q)
			}
		})
	}
	days, err := l.days()
	if err != nil {
		return err
	}
	first, last := dayOf(from), dayOf(to-1)
	for _, day := range days {
		if day < first || day > last {
			continue
		}
		if err := l.eachOf(ctx, day, from, to, each); err != nil {
			return err
		}
	}
	return nil
}

// eachOf reads the parts of a day. Parts may be merged while they are read; then
// reading begins anew.
func (l *Log) eachOf(ctx context.Context, day string, from, to int64, each func(*Position)) error {
	for range 10 {
		err := l.eachOnce(ctx, day, from, to, each)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("history: the parts of %s change faster than they can be read", day)
}

func (l *Log) eachOnce(ctx context.Context, day string, from, to int64, each func(*Position)) (err error) {
	found, err := l.parts(day)
	if err != nil {
		return err
	}
	for _, name := range found {
		path := filepath.Join(l.dir, day, name)
		err := l.eachIn(ctx, path, from, to, each)
		if damage(err) {
			err = l.setAside(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) eachIn(ctx context.Context, name string, from, to int64, each func(*Position)) error {
	p, err := openPart(name)
	if err != nil {
		return err
	}
	defer p.close()
	for q, err := range p.all(ctx) {
		if err != nil {
			return err
		}
		if q.At >= from && q.At < to {
			each(&q)
		}
	}
	return nil
}
