package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Track gives where the vehicle was from one moment to another (the second not
// included), in the order of time, each position once, wherever it lies by now.
// What was appended before the call is in it, but for what stood in a damaged file:
// that is set aside and counted. After an error nothing follows.
func (l *Log) Track(ctx context.Context, vehicle string, from, to int64) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		if from >= to {
			return
		}
		fresh, err := l.fresh(ctx, vehicle, from, to) // before the parts: a segment goes when its parts are there
		if err != nil {
			yield(Position{}, err)
			return
		}
		days, err := l.days()
		if err != nil {
			yield(Position{}, err)
			return
		}
		first, last := dayOf(from), dayOf(to-1)
		days = slices.DeleteFunc(days, func(day string) bool { return day < first || day > last })
		days = slices.AppendSeq(days, maps.Keys(fresh))
		slices.Sort(days)
		for _, day := range slices.Compact(days) {
			settled, err := l.settled(ctx, day, vehicle, from, to)
			if err != nil {
				yield(Position{}, err)
				return
			}
			all := append(settled, fresh[day]...)
			slices.SortFunc(all, func(a, b Position) int { return compare(&a, &b) })
			for i := range all {
				if i > 0 && all[i].same(&all[i-1]) {
					continue
				}
				if !yield(all[i], nil) {
					return
				}
			}
		}
	}
}

// fresh is what the segments hold of the vehicle, by day.
func (l *Log) fresh(ctx context.Context, vehicle string, from, to int64) (map[string][]Position, error) {
	byDay := map[string][]Position{}
	found, err := l.segments()
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := l.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("history: %s: %w", name, err)
		}
		scan(b, func(v []byte, p *Position) {
			if p.At >= from && p.At < to && string(v) == vehicle {
				q := *p
				q.Vehicle = vehicle
				if q.Check() == nil {
					byDay[dayOf(q.At)] = append(byDay[dayOf(q.At)], q)
				}
			}
		})
	}
	return byDay, nil
}

// read gives the bytes of a segment, of the one being written those that are on
// the disk for certain.
func (l *Log) read(name string) ([]byte, error) {
	most := int64(math.MaxInt64)
	l.segment.Lock()
	if l.f != nil && l.name+segmentSuffix == name {
		most = l.size
	}
	l.segment.Unlock()
	f, err := os.Open(filepath.Join(l.dir, segmentsDir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readWhole(f, most)
}

// settled is what the parts of a day hold of the vehicle. Parts may be merged while
// they are read; then reading begins anew.
func (l *Log) settled(ctx context.Context, day, vehicle string, from, to int64) ([]Position, error) {
	for range 10 {
		all, err := l.settledOnce(ctx, day, vehicle, from, to)
		if !errors.Is(err, fs.ErrNotExist) {
			return all, err
		}
	}
	return nil, fmt.Errorf("history: the parts of %s change faster than they can be read", day)
}

func (l *Log) settledOnce(ctx context.Context, day, vehicle string, from, to int64) ([]Position, error) {
	found, err := l.parts(day)
	if err != nil {
		return nil, err
	}
	var all []Position
	for _, name := range found {
		path := filepath.Join(l.dir, day, name)
		p, err := openPart(path)
		if err == nil {
			err = p.of(ctx, vehicle, func(q *Position) {
				if q.At >= from && q.At < to {
					all = append(all, *q)
				}
			})
			p.close()
		}
		if damage(err) {
			err = l.setAside(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
