package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/scorecard"
)

// Figure is one thing measured, for programs.
type Figure struct {
	Stored int     `json:"stored"` // matters in store beforehand
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // /s, M points/s, µs, ms, s, KB, MB, ratio or count
	Value  float64 `json:"value"`
}

// figures collects and prints what is measured beside so many stored matters.
type figures struct {
	o      Options
	stored int
	all    []Figure
}

func (f *figures) put(name, unit string, v float64) {
	f.all = append(f.all, Figure{f.stored, name, unit, v})
	if !f.o.JSON {
		digits := 0
		switch {
		case unit == "ratio" || unit == "ms" || unit == "µs":
			digits = 2
		case unit == "s" || unit == "KB" || unit == "M points/s":
			digits = 1
		}
		fmt.Fprintf(f.o.Out, "  %-62s %10.*f %s\n", name, digits, v, map[bool]string{true: "", false: unit}[unit == "ratio" || unit == "count"])
	}
}

// rate measures how often a second f is done on n workers.
func (f *figures) rate(ctx context.Context, name string, n int, do func(context.Context) error) (float64, error) {
	r, err := rate(ctx, n, f.o.Span, do)
	if err == nil {
		f.put(fmt.Sprintf("%s, %d at once", name, n), "/s", r)
	}
	return r, err
}

// spread puts the middle and the 95th percentile of sorted times.
func (f *figures) spread(name string, took []time.Duration) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	f.put(name+", median", "ms", ms(took[len(took)/2]))
	f.put(name+", p95", "ms", ms(took[len(took)*95/100]))
}

// Incidents measures whole lives of matters (reported, sent on, mended, checked,
// ended) on an empty store and beside many stored ones, a burst of reports with
// everybody who follows, the search for what was reported before, a year's
// figures, and the choice of whom to send.
func Incidents(ctx context.Context, o Options) error {
	if o.Span == 0 {
		o.Span = 5 * time.Second
	}
	if o.Burst == 0 {
		o.Burst, o.BurstSpan = 20_000, 10*time.Second
	}
	if o.OnDuty == 0 {
		o.OnDuty = 5000
	}
	engine := "sqlite"
	if o.Database != "" {
		engine = "postgres"
	}
	if !o.JSON {
		fmt.Fprintf(o.Out, "incidents on %s, %s a figure, %d processors\n", engine, o.Span, runtime.GOMAXPROCS(0))
	}
	data, err := os.MkdirTemp("", "yiwang-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	f := &figures{o: o}
	var turn atomic.Uint64
	best := map[int]float64{}
	for _, stored := range slices.Compact([]int{0, o.Stored}) {
		folder := data
		if o.Database == "" {
			folder = filepath.Join(data, fmt.Sprint(stored))
		}
		f.stored = stored
		if best[stored], err = f.incidents(ctx, folder, &turn); err != nil {
			return err
		}
	}
	if o.Stored > 0 {
		f.put("lifecycle, empty / stored", "ratio", best[0]/best[o.Stored])
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(map[string]any{"bench": "incidents", "engine": engine, "processors": runtime.GOMAXPROCS(0), "figures": f.all})
	}
	return nil
}

// incidents puts all figures beside so many stored matters and gives the best of
// the lifecycles a second.
func (f *figures) incidents(ctx context.Context, data string, turn *atomic.Uint64) (best float64, err error) {
	s, err := newStreets(ctx, f.o, data, turn)
	if err != nil {
		return 0, err
	}
	stop := s.app.DB.Close
	defer func() { err = errors.Join(err, stop()) }()
	if err := s.seed(ctx, f.o, f.stored); err != nil {
		return 0, err
	}
	if !f.o.JSON {
		fmt.Fprintf(f.o.Out, "\nwith %d stored matters\n", f.stored)
	}
	bare, err := f.bare(ctx, s.app.DB)
	if err != nil {
		return 0, err
	}
	if _, err := f.rate(ctx, "reported and sent on", 32, func(ctx context.Context) error { _, err := s.report(ctx); return err }); err != nil {
		return 0, err
	}
	for _, n := range []int{1, 8, 32} {
		r, err := f.rate(ctx, "lifecycle: report with dispatch, done, passed", n, s.lifecycle)
		if err != nil {
			return 0, err
		}
		best = max(best, r)
	}
	slow, err := f.rate(ctx, "lifecycle: report, dispatch by an operator, done, passed", 32, s.byOperator)
	if err != nil {
		return 0, err
	}
	f.put("lifecycles × 3 commits / bare commits", "ratio", best*3/bare)
	f.put("lifecycles by an operator × 4 commits / bare commits", "ratio", slow*4/bare)
	if err := f.similar(ctx, s); err != nil {
		return 0, err
	}
	began := time.Now()
	if f.o.Progress != nil {
		fmt.Fprintln(f.o.Progress, "waiting for those who follow the journal")
	}
	if err := s.app.Journal.CatchUp(ctx); err != nil {
		return 0, err
	}
	f.put("those who follow read all of it in", "s", time.Since(began).Seconds())
	if err := f.year(ctx, s); err != nil {
		return 0, err
	}
	if err := s.app.Start(ctx); err != nil {
		return 0, err
	}
	stop = s.app.Stop
	if _, err := f.rate(ctx, "lifecycle with everybody who follows", 32, s.lifecycle); err != nil {
		return 0, err
	}
	if err := f.burst(ctx, s); err != nil {
		return 0, err
	}
	return best, f.dispatch(ctx, s)
}

// dispatch measures how long it takes to find who is to be sent among many on
// duty in one post, all over the city.
func (f *figures) dispatch(ctx context.Context, s *streets) error {
	post := s.classes[0].Post
	crowd, err := s.crowd(ctx, post, f.o.OnDuty)
	if err != nil {
		return err
	}
	var reports []incident.Report
	for range 200 {
		reports = append(reports, s.next())
	}
	i := 0
	took, err := s.view(ctx, len(reports), func(ctx context.Context, tx *db.Tx) error {
		at := reports[i].Place
		i++
		where, err := s.app.Incidents.Locate(at)
		if err != nil {
			return err
		}
		found, err := s.app.Incidents.Nearest(ctx, tx, program, post, where.Region, geo.Point{Lat: at.Lat, Lon: at.Lon}, 1)
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("bench: of %d on duty nobody is near %v", f.o.OnDuty, at)
		}
		return err
	})
	if err != nil {
		return err
	}
	f.spread(fmt.Sprintf("whom to send, of %d on duty", f.o.OnDuty), took)
	return s.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, a := range crowd {
			if err := s.app.Directory.EndDuty(ctx, tx, a, post); err != nil {
				return err
			}
		}
		return nil
	})
}

// bare measures what the store does of the smallest durable commits.
func (f *figures) bare(ctx context.Context, d *db.DB) (float64, error) {
	if err := bareTable(ctx, d); err != nil {
		return 0, err
	}
	commit := func(ctx context.Context) error { return bareCommit(ctx, d) }
	if _, err := f.rate(ctx, "store: durable single-row commits", 1, commit); err != nil {
		return 0, err
	}
	return f.rate(ctx, "store: durable single-row commits", 32, commit)
}

// similar measures the search for what was reported before, at places where
// something was.
func (f *figures) similar(ctx context.Context, s *streets) error {
	var known []incident.Report
	for range 200 {
		r := s.next()
		if _, err := s.app.Incidents.Report(ctx, passer, r); err != nil {
			return err
		}
		known = append(known, r)
	}
	i, found := 0, 0
	took, err := s.view(ctx, len(known), func(ctx context.Context, tx *db.Tx) error {
		r := known[i]
		i++
		list, err := s.app.Incidents.Similar(ctx, tx, operator, r.Class, geo.Point{Lat: r.Place.Lat, Lon: r.Place.Lon})
		found += len(list)
		return err
	})
	if err == nil && found < len(known) {
		err = fmt.Errorf("bench: of %d matters %d were found again", len(known), found)
	}
	if err == nil {
		f.spread("search for what was reported before", took)
	}
	return err
}

// year measures the figures of the last twelve months, by office.
func (f *figures) year(ctx context.Context, s *streets) error {
	until := scorecard.MonthOf(time.Now(), s.app.Pack.Zone)
	q := scorecard.Query{Sort: scorecard.Incidents, From: until - 11, Until: until}
	counted := int64(0)
	took, err := s.view(ctx, 20, func(ctx context.Context, tx *db.Tx) error {
		lines, err := s.app.Scores.Figures(ctx, tx, auditor, q, scorecard.ByBody)
		counted = 0
		for _, l := range lines {
			counted += l.Count(scorecard.Opened)
		}
		return err
	})
	if err == nil && counted < int64(f.stored)*9/10 { // the year began within a month
		err = fmt.Errorf("bench: the year's figures count %d matters of %d", counted, f.stored)
	}
	if err == nil {
		f.spread("figures of a year by office", took)
	}
	return err
}

// burst sends reports at an even pace whether or not earlier ones were answered,
// every fourth of them of something that was reported a moment ago, and waits
// until everybody who follows has read them.
func (f *figures) burst(ctx context.Context, s *streets) error {
	n, span := f.o.Burst, f.o.BurstSpan
	reports := make([]incident.Report, n)
	for i := range reports {
		if i%4 == 3 {
			reports[i] = reports[i-3]
		} else {
			reports[i] = s.next()
		}
	}
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	var failed, joined int
	took := make([]time.Duration, n)
	began := time.Now()
	for i := range reports {
		time.Sleep(time.Until(began.Add(span * time.Duration(i) / time.Duration(n))))
		wg.Add(1)
		go func() {
			defer wg.Done()
			at := time.Now()
			r, err := s.app.Incidents.Report(ctx, passer, reports[i])
			mu.Lock()
			defer mu.Unlock()
			took[i] = time.Since(at)
			if err != nil {
				failed++
				first = err
			}
			if r.Joined {
				joined++
			}
		}()
	}
	wg.Wait()
	f.put(fmt.Sprintf("burst: %d reports in %s, errors", n, span), "count", float64(failed))
	f.put("burst: joined to what was reported before", "count", float64(joined))
	f.put("burst: all answered after", "s", time.Since(began).Seconds())
	slices.Sort(took)
	f.spread("burst: an answer", took)
	err := s.app.Journal.CatchUp(ctx)
	f.put("burst: read by everybody who follows after", "s", time.Since(began).Seconds())
	if first != nil {
		return errors.Join(fmt.Errorf("bench: %d of %d reports failed, the last: %w", failed, n, first), err)
	}
	return err
}

func bareTable(ctx context.Context, d *db.DB) error {
	return d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `DROP TABLE IF EXISTS bench_rows`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `CREATE TABLE bench_rows (k BYTEA NOT NULL PRIMARY KEY, v TEXT NOT NULL)`)
		return err
	})
}

func bareCommit(ctx context.Context, d *db.DB) error {
	return d.Update(ctx, func(_ context.Context, tx *db.Tx) error {
		tx.Later(`INSERT INTO bench_rows (k, v) VALUES ($1, $2)`, nil, city.NewCaseID(), "v")
		return nil
	})
}
