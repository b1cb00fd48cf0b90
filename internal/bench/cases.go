// Package bench holds the program's own benchmarks, which `yiwang bench` runs.
// Every figure is measured beside what it is compared with, in the same run and
// on the same database, so the ratios mean something on a noisy machine.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/access"
	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// Options of a benchmark.
type Options struct {
	Database string        // URL of an empty database; "" is SQLite in a temporary folder
	Stored   int           // cases stored before the second half; 0 leaves it out
	Span     time.Duration // how long each figure is measured
	JSON     bool          // one object in place of lines, where the benchmark has it
	Out      io.Writer     // figures
	Progress io.Writer     // what is being done

	Burst     int           // reports of Incidents' burst, 0 for 20,000 in 10 s
	BurstSpan time.Duration // in which they come
	Seeds     int           // cities of Nantong, 0 for 5
	Entries   int           // of Log, 0 for 200,000
	OnDuty    int           // officers among whom Incidents chooses whom to send, 0 for 5,000
	Fleet     FleetSize
}

// Cases measures durable case lifecycles on the engine alone and through the
// whole program, filing, and an officer's pages; on an empty store and beside
// many stored cases.
func Cases(ctx context.Context, o Options) error {
	if o.Span == 0 {
		o.Span = 5 * time.Second
	}
	engine := "sqlite"
	if o.Database != "" {
		engine = "postgres"
	}
	fmt.Fprintf(o.Out, "cases on %s, %s a figure, %d processors\n", engine, o.Span, runtime.GOMAXPROCS(0))
	data, err := os.MkdirTemp("", "yiwang-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	folder := func(name string) string {
		if o.Database != "" { // one database, so one folder for its keys
			return data
		}
		return filepath.Join(data, name)
	}
	empty, err := measure(ctx, o, folder("empty"), 0, 0)
	if err == nil && o.Stored > 0 {
		_, err = measure(ctx, o, folder("stored"), o.Stored, empty)
	}
	return err
}

// measure prints all figures beside so many stored cases and returns the engine's
// lifecycles a second; empty is what they were on the empty store.
func measure(ctx context.Context, o Options, data string, stored int, empty float64) (best float64, err error) {
	t, err := newTown(ctx, o, data)
	if err != nil {
		return 0, err
	}
	running := false
	defer func() {
		if running {
			err = errors.Join(err, t.app.Stop())
		} else {
			err = errors.Join(err, t.app.DB.Close())
		}
	}()
	s, err := newStage(ctx, t.app)
	if err != nil {
		return 0, err
	}
	if err := s.seed(ctx, o, stored); err != nil {
		return 0, err
	}
	fmt.Fprintf(o.Out, "\nwith %d stored cases\n", stored)
	best, bare, err := s.figures(ctx, o)
	if err != nil {
		return 0, err
	}
	if stored > 0 {
		fmt.Fprintf(o.Out, "  lifecycle, empty / with %d stored %*.2f\n", stored, 24-len(fmt.Sprint(stored)), empty/best)
	}
	began := time.Now()
	if o.Progress != nil {
		fmt.Fprintln(o.Progress, "waiting for those who follow the journal")
	}
	if err := t.app.Journal.CatchUp(ctx); err != nil {
		return 0, err
	}
	if o.Progress != nil {
		fmt.Fprintf(o.Progress, "they caught up in %s\n", time.Since(began).Round(time.Second))
	}
	if err := t.app.Start(ctx); err != nil {
		return 0, err
	}
	running = true
	return best, t.figures(ctx, o, bare)
}

// stage is an engine with one plain kind on a database.
type stage struct {
	db     *db.DB
	engine *casework.Engine
}

var officer = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "human-resources", Posts: []city.PostID{"human-resources.clerk", "human-resources.approver"}}

func resident() city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID()}
}

const policies = `
permit(principal is Resident, action, resource) when { resource has applicant && resource.applicant == principal.applicant };
permit(principal is Officer, action in [Action::"case.inbox"], resource);
permit(principal is Officer, action in [Action::"case.read", Action::"case.act"], resource) when { principal.posts.containsAny(resource.posts) };
`

func newStage(ctx context.Context, a *app.App) (*stage, error) {
	d := a.DB
	acc, err := access.New(map[string][]byte{"bench.cedar": []byte(policies)})
	if err != nil {
		return nil, err
	}
	text := city.Text{ZhHans: "-", En: "-"}
	kind := casework.Kind{ID: "bench", Name: text, First: "received",
		Results: []casework.Result{{ID: "approved", Name: text, Tell: text}},
		Stages: []casework.Stage{
			{ID: "received", Name: text, Tell: text, Tasks: []casework.TaskDef{{ID: "accept", Body: "$body", Post: "clerk"}},
				Limit: city.Limit{N: 5, Unit: city.WorkingDays}, Allow: casework.Allow{Withdraw: true},
				Outcomes: []casework.Outcome{{Action: "accept", Label: text, Next: "decision", Clock: "start", Set: []string{"accepted"}}}},
			{ID: "decision", Name: text, Tell: text, Tasks: []casework.TaskDef{{ID: "decide", Body: "$body", Post: "approver"}},
				Outcomes: []casework.Outcome{{Action: "approve", Label: text, Next: casework.End, Result: "approved", Clock: "stop"}}},
		}}
	cal := &city.Calendar{Zone: time.FixedZone("CST", 8*3600), Office: []city.Hours{{From: 540, To: 720}, {From: 810, To: 1020}}}
	e, err := casework.New(ctx, casework.Options{DB: d, Journal: a.Journal, Access: acc, Clock: city.WallClock{},
		Calendar: cal, Prefix: "B", Kinds: []casework.Kind{kind}})
	if err != nil {
		return nil, err
	}
	if err := bareTable(ctx, d); err != nil {
		return nil, err
	}
	err = d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, sql := range []string{`DROP TABLE IF EXISTS bench_cases`,
			`CREATE TABLE bench_cases (k BYTEA NOT NULL PRIMARY KEY, version BIGINT NOT NULL, state TEXT NOT NULL)`} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	return &stage{db: d, engine: e}, err
}

func opening(p city.PersonID) casework.Opening {
	return casework.Opening{Kind: "bench", Item: "bench", Applicant: p, Params: map[string]string{"body": "human-resources"},
		Promise: city.Limit{N: 10, Unit: city.WorkingDays}, Region: "990101001001", Title: "Lin Xiaoman",
		Payload: map[string]any{"name": "Lin Xiaoman", "address": "88 Riverside Road", "area": 86, "kinds": []string{"hot", "cold"}}}
}

func (s *stage) open(ctx context.Context, a city.Actor) (c casework.Case, err error) {
	err = s.db.Step(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err = s.engine.Open(ctx, tx, a, opening(a.Person))
		return err
	})
	return c, err
}

func (s *stage) lifecycle(ctx context.Context) error {
	c, err := s.open(ctx, resident())
	for _, name := range []string{casework.ActClaim, "accept", "approve"} {
		if err != nil {
			return err
		}
		_, err = s.engine.Do(ctx, officer, c.Number, casework.Action{Name: name})
	}
	return err
}

// byHand is the same lifecycle as plain compare-and-set SQL: no rules, no
// journal, no clock, four transactions.
func (s *stage) byHand(ctx context.Context) error {
	id := city.NewCaseID()
	if err := s.exec(ctx, `INSERT INTO bench_cases (k, version, state) VALUES ($1, $2, $3)`, id, 1, "received"); err != nil {
		return err
	}
	for v := 1; v < 4; v++ {
		err := s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE bench_cases SET version = $1, state = $2 WHERE k = $3 AND version = $4`, v+1, "next", id, v)
			if err == nil && n != 1 {
				err = errors.New("lost the race")
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) exec(ctx context.Context, sql string, args ...any) error {
	return s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { tx.Later(sql, nil, args...); return nil })
}

// rate runs f on n workers for the span and gives the count a second.
func rate(ctx context.Context, n int, span time.Duration, f func(context.Context) error) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var count atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, n)
	start := time.Now()
	for range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Since(start) < span {
				if err := f(ctx); err != nil {
					errs <- err
					cancel()
					return
				}
				count.Add(1)
			}
		}()
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	return float64(count.Load()) / took, nil
}

// line measures one figure and prints it.
func line(ctx context.Context, o Options, name string, n int, of string, f func(context.Context) error) (float64, error) {
	r, err := rate(ctx, n, o.Span, f)
	if err == nil {
		fmt.Fprintf(o.Out, "  %-44s %2d %-11s %8.0f /s\n", name, n, of, r)
	}
	return r, err
}

// figures measures the engine alone: best is its lifecycles a second, bare the
// store's commits.
func (s *stage) figures(ctx context.Context, o Options) (best, bare float64, err error) {
	commit := func(ctx context.Context) error { return bareCommit(ctx, s.db) }
	if _, err = line(ctx, o, "store: durable single-row commits", 1, "worker", commit); err != nil {
		return 0, 0, err
	}
	if bare, err = line(ctx, o, "store: durable single-row commits", 32, "workers", commit); err != nil {
		return 0, 0, err
	}
	hand, err := line(ctx, o, "lifecycle by hand, compare-and-set", 32, "workers", s.byHand)
	if err != nil {
		return 0, 0, err
	}
	opened, err := line(ctx, o, "engine: open", 32, "workers", func(ctx context.Context) error { _, err := s.open(ctx, resident()); return err })
	if err != nil {
		return 0, 0, err
	}
	for _, n := range []int{1, 8, 32} {
		r, err := line(ctx, o, "engine: open, claim, accept, approve", n, "workers", s.lifecycle)
		if err != nil {
			return 0, 0, err
		}
		best = max(best, r)
	}
	fmt.Fprintf(o.Out, "  open / store's commits %34.2f\n", opened/bare)
	fmt.Fprintf(o.Out, "  lifecycle / by hand %37.2f\n", best/hand)
	return best, bare, s.inbox(ctx, o)
}

func (s *stage) inbox(ctx context.Context, o Options) error {
	var took []time.Duration
	for range 200 {
		t := time.Now()
		err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := s.engine.Inbox(ctx, tx, officer, casework.InboxQuery{Scope: casework.ScopeAll, Limit: 30}); err != nil {
				return err
			}
			_, err := s.engine.InboxCounts(ctx, tx, officer)
			return err
		})
		if err != nil {
			return err
		}
		took = append(took, time.Since(t))
	}
	slices.Sort(took)
	fmt.Fprintf(o.Out, "  inbox page with counts: median %s, p95 %s\n", took[100].Round(time.Microsecond), took[190].Round(time.Microsecond))
	return nil
}

// seed stores cases through the engine, many in one transaction: 19 of 20 are
// withdrawn again, so that they are closed as most cases of a city are.
func (s *stage) seed(ctx context.Context, o Options, stored int) error {
	const batch = 500
	start := time.Now()
	for done := 0; done < stored; done += batch {
		n := min(batch, stored-done)
		err := s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for i := range n {
				a := resident()
				c, err := s.engine.Open(ctx, tx, a, opening(a.Person))
				if err != nil {
					return err
				}
				if i%20 == 0 {
					continue
				}
				if _, err := s.engine.Act(ctx, tx, a, c.Number, casework.Action{Name: casework.ActWithdraw}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if o.Progress != nil {
			fmt.Fprintf(o.Progress, "\rstoring cases: %d of %d, %.0f/s ", done+n, stored, float64(done+n)/time.Since(start).Seconds())
		}
	}
	if o.Progress != nil && stored > 0 {
		fmt.Fprintln(o.Progress)
	}
	return nil
}

func stepAction(name string) casework.Action { return casework.Action{Name: name} }
