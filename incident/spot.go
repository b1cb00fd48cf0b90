package incident

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"sync"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// spots let one report of a class at a time open a matter in a place, so that two
// who report the same thing at the same moment find each other though neither is
// stored yet. They are of this process: two nodes may open two, which an operator
// joins. The zero value is ready.
type spots struct {
	once    sync.Once
	seed    maphash.Seed
	stripes [1 << 12]sync.Mutex
}

// cell is some wide square of the map where a class may be reported; a few of them
// cover everything that is near a place.
type cell struct {
	class city.ItemCode
	x, y  int32
}

// wide is the side of a cell in radii of what counts as near, so that mostly one
// covers it.
const wide = 20

// spot is the cells that a report must have to itself to open a matter; none
// where nothing is looked for.
func (s *Service) spot(r Report, class city.ItemCode) (cells []cell) {
	p := geo.Point{Lat: r.Place.Lat, Lon: r.Place.Lon}
	if class == "" || p.IsZero() || r.Apart || r.Join != "" {
		return nil
	}
	side := wide * s.Settings.Metres / 111_000 // degrees
	at := func(degrees float64) int32 { return int32(math.Floor(degrees / side)) }
	b := geo.Around(p, s.Settings.Metres)
	for _, c := range []cell{{class, at(b.West), at(b.South)}, {class, at(b.East), at(b.South)}, {class, at(b.West), at(b.North)}, {class, at(b.East), at(b.North)}} {
		if !slices.Contains(cells, c) {
			cells = append(cells, c)
		}
	}
	return cells
}

// mostLooks is how often a report looks again after somebody closed the matter
// that it was to join.
const mostLooks = 4

// step runs fn in a transaction that has the cells to itself until it is durable,
// or until fn calls leave because it opens nothing. It runs again where what it
// had read has changed.
func (s *spots) step(ctx context.Context, d *db.DB, cells []cell, fn func(ctx context.Context, tx *db.Tx, leave func()) error) (err error) {
	for range mostLooks {
		leave := s.enter(cells)
		err = d.Step(ctx, func(ctx context.Context, tx *db.Tx) error { return fn(ctx, tx, leave) })
		leave()
		if !errors.Is(err, casework.ErrAgain) {
			break
		}
	}
	return err
}

// enter waits for the cells; what it returns gives them back and may be called
// more than once.
func (s *spots) enter(cells []cell) (leave func()) {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	var held []int
	for _, c := range cells {
		held = append(held, int(maphash.Comparable(s.seed, c)%uint64(len(s.stripes))))
	}
	slices.Sort(held) // everybody in one order
	held = slices.Compact(held)
	for _, i := range held {
		s.stripes[i].Lock()
	}
	return sync.OnceFunc(func() {
		for _, i := range held {
			s.stripes[i].Unlock()
		}
	})
}
