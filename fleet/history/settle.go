package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yiwang/city"
)

// Settled is what Settle did.
type Settled struct {
	Segments  int   // that became Parquet and are gone
	Parts     int   // files that were made of them
	Positions int64 // in these, each once
	Repeated  int64 // that were told more than once within a segment
	Torn      int64 // bytes at the ends of segments that a crash cut off; nobody was told they were kept
	Damaged   int   // segments with damage in the middle, and parts that can't be read; they are set aside, their names end in .damaged
	Merged    int   // days whose many parts became one
	Expired   int64 // positions older than what is kept
	Days      int   // folders of days that are not kept longer
}

const (
	dayPrefix     = "day="
	damagedSuffix = ".damaged"

	mostParts = 8         // of a day that is over; more are merged
	dayIsOver = time.Hour // so long after its end
	atOnce    = 64        // parts that are merged at once
)

// dayOf is the folder of a moment.
func dayOf(at int64) string { return dayPrefix + city.FromMicros(at).Format(time.DateOnly) }

// Settle makes Parquet of segments that are written no longer, merges the parts of
// days that are over, and removes what is older than is kept. What can't be done with
// one file keeps it from no other; the error tells of all of them. To be called now and
// then; what it was doing when the program died is done again.
func (l *Log) Settle(ctx context.Context) (s Settled, err error) {
	l.settling.Lock()
	defer l.settling.Unlock()
	defer func() { err = errors.Join(err, l.countAside()) }()
	now := l.o.Clock.Now()
	l.segment.Lock()
	if l.f != nil && l.over(now) {
		l.leave()
	}
	l.segment.Unlock()
	keep := ""
	if l.o.Keep > 0 {
		keep = dayOf(city.Micros(now.AddDate(0, 0, -l.o.Keep)))
	}
	segments, err := l.segments()
	if err != nil {
		return s, err
	}
	var faults []error
	for _, name := range segments {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := l.settle(name, keep, &s); err != nil {
			faults = append(faults, fmt.Errorf("history: %s: %w", name, err))
		}
	}
	days, err := l.days()
	if err != nil {
		return s, errors.Join(append(faults, err)...)
	}
	for _, day := range days {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		switch {
		case day < keep:
			if err := os.RemoveAll(filepath.Join(l.dir, day)); err != nil {
				faults = append(faults, fmt.Errorf("history: %w", err))
				continue
			}
			s.Days++
		case day < dayOf(city.Micros(now.Add(-dayIsOver))):
			merged, err := l.merge(ctx, day, &s)
			if err != nil {
				faults = append(faults, fmt.Errorf("history: %s: %w", day, err))
			}
			if merged {
				s.Merged++
			}
		}
	}
	if l.o.Keep > 0 {
		faults = append(faults, l.dropAside(now.AddDate(0, 0, -l.o.Keep)))
	}
	return s, errors.Join(faults...)
}

// segments are the names of the segments there are, the oldest first.
func (l *Log) segments() ([]string, error) {
	return list(filepath.Join(l.dir, segmentsDir), func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), segmentSuffix) })
}

// days are the folders of days.
func (l *Log) days() ([]string, error) {
	return list(l.dir, func(e fs.DirEntry) bool {
		text, ok := strings.CutPrefix(e.Name(), dayPrefix)
		_, err := time.Parse(time.DateOnly, text)
		return ok && err == nil && e.IsDir()
	})
}

// parts are the files of a day.
func (l *Log) parts(day string) ([]string, error) {
	return list(filepath.Join(l.dir, day), func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), partSuffix) && !strings.HasPrefix(e.Name(), ".")
	})
}

// list gives the names that fit, sorted; a folder that isn't there is empty.
func list(dir string, fit func(fs.DirEntry) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if fit(e) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// settle makes parts of a segment and removes it. One that somebody writes is left.
func (l *Log) settle(name, keep string, s *Settled) error {
	path := filepath.Join(l.dir, segmentsDir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if l.writing(name) || !lock(f) {
		return nil
	}
	b, err := readWhole(f, math.MaxInt64)
	if err != nil {
		return err
	}
	var all []Position
	vehicles := names{}
	tail, damaged := scan(b, func(vehicle []byte, p *Position) {
		q := *p
		q.Vehicle = vehicles.of(vehicle)
		if day := dayOf(q.At); day < keep {
			s.Expired++
		} else if q.Check() == nil { // else nobody could have appended it
			all = append(all, q)
		}
	})
	slices.SortFunc(all, func(a, b Position) int { return compare(&a, &b) })
	whole := len(all)
	all = slices.CompactFunc(all, func(a, b Position) bool { return a.same(&b) })
	byDay := map[string]int{}
	for i := range all {
		byDay[dayOf(all[i].At)]++
	}
	for day, n := range byDay {
		if err := l.makeDay(day); err != nil {
			return err
		}
		part := filepath.Join(l.dir, day, strings.TrimSuffix(name, segmentSuffix)+partSuffix)
		written, err := writePart(part, daily(all, day), nil)
		if err != nil {
			return err
		}
		if written != int64(n) {
			return fmt.Errorf("%d of %d positions of %s were written", written, n, day)
		}
		s.Parts++
	}
	if damaged > 0 {
		err = os.Rename(path, path+damagedSuffix)
		s.Damaged++
	} else {
		err = os.Remove(path)
	}
	s.Segments++
	s.Positions += int64(len(all))
	s.Repeated += int64(whole - len(all))
	s.Torn += int64(tail)
	return errors.Join(err, syncDir(filepath.Join(l.dir, segmentsDir)))
}

// writing reports whether it is this process that writes the segment.
func (l *Log) writing(name string) bool {
	l.segment.Lock()
	defer l.segment.Unlock()
	return l.f != nil && l.name+segmentSuffix == name
}

func (l *Log) makeDay(day string) error {
	err := os.Mkdir(filepath.Join(l.dir, day), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return errors.Join(err, syncDir(l.dir))
}

// daily gives those of a day.
func daily(all []Position, day string) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		for _, p := range all {
			if dayOf(p.At) == day && !yield(p, nil) {
				return
			}
		}
	}
}

// merge makes one part of a day's many. The new one says which it replaces, so
// that a crash in between leaves none of them twice for long.
func (l *Log) merge(ctx context.Context, day string, s *Settled) (bool, error) {
	dir := filepath.Join(l.dir, day)
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	if !lock(d) {
		return false, nil
	}
	found, err := l.parts(day)
	if err != nil {
		return false, err
	}
	if len(found) <= mostParts {
		return false, l.replaced(dir, found, s)
	}
	if err := l.replaced(dir, found, s); err != nil {
		return false, err
	}
	if found, err = l.parts(day); err != nil || len(found) <= mostParts {
		return false, err
	}
	slices.SortStableFunc(found, func(a, b string) int { return int(sizeOf(dir, a) - sizeOf(dir, b)) })
	found = found[:min(len(found), atOnce)]
	name := "merged-" + city.NewEventID().String() + partSuffix
	_, err = writePart(filepath.Join(dir, name), merged(ctx, dir, found), found)
	var bad unread
	if errors.As(err, &bad) && damage(err) { // the others are merged the next time
		s.Damaged++
		return false, l.setAside(filepath.Join(dir, bad.name))
	}
	if err != nil {
		return false, err
	}
	return true, remove(dir, found)
}

func sizeOf(dir, name string) int64 {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	return info.Size()
}

// replaced removes parts that a merged one replaces and that a crash left.
func (l *Log) replaced(dir string, found []string, s *Settled) error {
	for _, name := range found {
		if !strings.HasPrefix(name, "merged-") {
			continue
		}
		p, err := openPart(filepath.Join(dir, name))
		if damage(err) {
			s.Damaged++
			if err := l.setAside(filepath.Join(dir, name)); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		old, _ := p.pq.Lookup(replaces)
		p.close()
		if err := remove(dir, strings.Split(old, "/")); err != nil {
			return err
		}
	}
	return nil
}

func remove(dir string, parts []string) error {
	for _, name := range parts {
		if name == "" || name != filepath.Base(name) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(dir)
}

// merged gives the positions of all parts in order, each once.
func merged(ctx context.Context, dir string, found []string) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		type source struct {
			name string
			next func() (Position, error, bool)
			head Position
		}
		var open []*source
		for _, name := range found {
			p, err := openPart(filepath.Join(dir, name))
			if err != nil {
				yield(Position{}, unread{name, err})
				return
			}
			defer p.close()
			next, stop := iter.Pull2(p.all(ctx))
			defer stop()
			open = append(open, &source{name: name, next: next})
		}
		ahead := func(s *source) (bool, error) {
			p, err, ok := s.next()
			s.head = p
			if err != nil {
				err = unread{s.name, err}
			}
			return ok && err == nil, err
		}
		waiting := open[:0]
		for _, s := range open {
			ok, err := ahead(s)
			if err != nil {
				yield(Position{}, err)
				return
			}
			if ok {
				waiting = append(waiting, s)
			}
		}
		var last Position
		for len(waiting) > 0 {
			least := 0
			for i := range waiting {
				if compare(&waiting[i].head, &waiting[least].head) < 0 {
					least = i
				}
			}
			s := waiting[least]
			if p := s.head; !p.same(&last) {
				if last = p; !yield(p, nil) {
					return
				}
			}
			ok, err := ahead(s)
			if err != nil {
				yield(Position{}, err)
				return
			}
			if !ok {
				waiting = slices.Delete(waiting, least, least+1)
			}
		}
	}
}
