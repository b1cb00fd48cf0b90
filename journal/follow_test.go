package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// diary is a follower that writes down what it sees, in the database and in
// order. The table has no unique key, so that a second delivery would show.
type diary struct {
	name string
	fail func(e journal.Recorded) error // nil never fails
}

const diaryTable = `CREATE TABLE diary (who TEXT NOT NULL, n BIGINT NOT NULL, subject TEXT NOT NULL)`

func (f *diary) Name() string { return f.name }

func (f *diary) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM diary WHERE who = $1`, f.name)
	if err != nil {
		return err
	}
	for _, e := range events {
		if _, err := tx.Exec(ctx, `INSERT INTO diary (who, n, subject) VALUES ($1, $2, $3)`, f.name, n, e.Subject); err != nil {
			return err
		}
		n++
		if f.fail != nil {
			if err := f.fail(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *diary) Reset(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM diary WHERE who = $1`, f.name)
	return err
}

func written(t testing.TB, d *db.DB, who string) (subjects []string) {
	t.Helper()
	must(t, d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		subjects, err = db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) },
			`SELECT subject FROM diary WHERE who = $1 ORDER BY n`, who)
		return err
	}))
	return subjects
}

func exec(sql string) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error { _, err := tx.Exec(ctx, sql); return err }
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it never came to this: %s", what)
}

func say(t testing.TB, d *db.DB, j *journal.Journal, subjects ...string) {
	t.Helper()
	for _, s := range subjects {
		must(t, d.Update(context.Background(), inTx(j, journal.Event{At: noon, Type: "n.n", Subject: s})))
	}
}

func numbers(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = strconv.Itoa(i)
	}
	return s
}

// Many writers whose transactions differ in length, some of which get their
// place early and commit late or not at all: whatever was committed reaches the
// follower once, in an order that never goes back, and one writer's events in
// the order of its commits.
func TestNoEventIsSkippedOrSeenTwice(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(diaryTable)))
		j := journal.New(d, vault(t))
		var mu sync.Mutex
		var seen []journal.Position
		j.Follow(&diary{name: "diary", fail: func(e journal.Recorded) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e.Position)
			return nil
		}})
		must(t, j.Start(ctx))

		const writers = 8
		boom := errors.New("changed my mind")
		committed := make([][]string, writers)
		stop := time.Now().Add(2 * time.Second)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 1))
				for i := 0; time.Now().Before(stop) && i < 400; i++ {
					early := rng.IntN(3) == 0 // takes its place before it dawdles
					late := w == 0 && d.Engine() == db.Postgres
					fail := rng.IntN(7) == 0
					events := 1 + rng.IntN(4)
					mine := []string{}
					err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
						for k := range events {
							s := fmt.Sprintf("%d/%d/%d", w, i, k)
							if err := j.Append(ctx, tx, journal.Event{At: noon, Type: "n.n", Subject: s}); err != nil {
								return err
							}
							mine = append(mine, s)
							if early || late {
								// Sends what was queued: the row stands, uncommitted.
								if _, err := db.One[int64](ctx, tx, `SELECT count(*) FROM followers`); err != nil {
									return err
								}
							}
						}
						switch {
						case late:
							time.Sleep(time.Duration(50+rng.IntN(150)) * time.Millisecond)
						case d.Engine() == db.Postgres:
							time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond)
						}
						if fail {
							return boom
						}
						return nil
					})
					switch {
					case err == nil:
						committed[w] = append(committed[w], mine...)
					case !errors.Is(err, boom):
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		must(t, j.CatchUp(ctx))
		j.Stop()

		got := written(t, d, "diary")
		want := slices.Concat(committed...)
		t.Logf("%d events of %d writers", len(want), writers)
		perWriter := make([][]string, writers)
		for _, s := range got {
			var w, i, k int
			if _, err := fmt.Sscanf(s, "%d/%d/%d", &w, &i, &k); err != nil {
				t.Fatal(err)
			}
			perWriter[w] = append(perWriter[w], s)
		}
		for w := range writers {
			if diff := cmp.Diff(committed[w], perWriter[w]); diff != "" {
				t.Errorf("writer %d (-committed +seen):\n%s", w, diff)
			}
		}
		for i := 1; i < len(seen); i++ {
			if !seen[i-1].Before(seen[i]) {
				t.Fatalf("%v was delivered after %v", seen[i], seen[i-1])
			}
		}
	})
}

// The order of events and the moments at which followers read, in every way that
// a random walk finds: two open transactions on PostgreSQL, one reader.
func TestOrderUnderRandomInterleaving(t *testing.T) {
	d := dbtest.Postgres(t)
	ctx := context.Background()
	must(t, d.Update(ctx, exec(diaryTable)))
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		name := "walk-" + strconv.Itoa(run)
		j := journal.New(d, vault(t))
		f := &diary{name: name}
		j.Follow(f)
		must(t, j.CatchUp(ctx)) // what earlier walks left
		before := len(written(t, d, name))

		type open struct {
			subject string
			steps   chan string // "flush", "commit", "abort"
			done    chan error
		}
		var running []open
		var want []string
		next := 0
		errAbort := errors.New("abort")
		end := func(i int, how string) {
			o := running[i]
			o.steps <- how
			if err := <-o.done; err != nil && !errors.Is(err, errAbort) {
				rt.Fatal(err)
			}
			if how == "commit" {
				want = append(want, o.subject)
			}
			running = slices.Delete(running, i, i+1)
		}
		look := func() {
			// One step as a follower makes it; what is not yet safe is left for later.
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			if err := j.CatchUp(short); err != nil && short.Err() == nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"begin", "begin", "end", "end", "look"}).Draw(rt, "step") {
			case "begin":
				if len(running) == 3 {
					continue
				}
				o := open{subject: fmt.Sprintf("%d/%d", run, next), steps: make(chan string), done: make(chan error, 1)}
				next++
				stands := make(chan struct{})
				go func() {
					o.done <- d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
						err := j.Append(ctx, tx, journal.Event{At: noon, Type: "n.n", Subject: o.subject})
						if err == nil {
							_, err = db.One[int64](ctx, tx, `SELECT count(*) FROM followers`)
						}
						close(stands)
						if how := <-o.steps; err == nil && how == "abort" {
							err = errAbort
						}
						return err
					})
				}()
				<-stands
				running = append(running, o)
			case "end":
				if len(running) > 0 {
					end(rapid.IntRange(0, len(running)-1).Draw(rt, "which"), rapid.SampledFrom([]string{"commit", "commit", "abort"}).Draw(rt, "how"))
				}
			case "look":
				look()
			}
		}
		for len(running) > 0 {
			end(0, "commit")
		}
		must(t, j.CatchUp(ctx))
		got := written(t, d, name)[before:]
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got, cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			rt.Fatalf("(-committed +seen):\n%s", diff)
		}
	})
}

// Two nodes over one database: each event is handled by one of them, once.
func TestTwoNodes(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(diaryTable)))
		nodes := []*journal.Journal{journal.New(d, vault(t)), journal.New(d, vault(t))}
		var handled [2]atomic.Int64
		for i, j := range nodes {
			j.Follow(&diary{name: "diary", fail: func(journal.Recorded) error { handled[i].Add(1); return nil }})
			must(t, j.Start(ctx))
		}
		want := numbers(300)
		for i := range want {
			say(t, d, nodes[i%2], want[i])
		}
		for _, j := range nodes {
			must(t, j.CatchUp(ctx))
		}
		for _, j := range nodes {
			j.Stop()
		}
		if diff := cmp.Diff(want, written(t, d, "diary")); diff != "" {
			t.Error(diff)
		}
		t.Logf("handled %d and %d", handled[0].Load(), handled[1].Load())

		// A node that starts later goes on where the others stood.
		third := journal.New(d, vault(t))
		third.Follow(&diary{name: "diary"})
		say(t, d, third, "300")
		must(t, third.CatchUp(ctx))
		if diff := cmp.Diff(numbers(301), written(t, d, "diary")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFailingFollowerHoldsUpNobodyElse(t *testing.T) {
	for name, fault := range map[string]func() error{
		"error": func() error { return errors.New("the disk is on fire") },
		"panic": func() error { panic("at the disco") },
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				ctx := context.Background()
				must(t, d.Update(ctx, exec(diaryTable)))
				j := journal.New(d, vault(t))
				var mended atomic.Bool
				j.Follow(&diary{name: "good"})
				j.Follow(&diary{name: "bad", fail: func(e journal.Recorded) error {
					if e.Subject == "3" && !mended.Load() {
						return fault()
					}
					return nil
				}})
				must(t, j.Start(ctx))
				defer j.Stop()
				say(t, d, j, numbers(6)...)
				eventually(t, "the good follower has everything", func() bool { return len(written(t, d, "good")) == 6 })
				var bad journal.FollowerState
				eventually(t, "the failure is on record", func() bool {
					states, err := j.Followers(ctx)
					must(t, err)
					i := slices.IndexFunc(states, func(s journal.FollowerState) bool { return s.Name == "bad" })
					bad = states[i]
					return bad.Failures >= 2
				})
				if bad.Fault == "" {
					t.Error("nobody is told why")
				}
				for _, s := range written(t, d, "bad") {
					if s == "3" {
						t.Error("a failed batch left something")
					}
				}
				mended.Store(true)
				eventually(t, "the mended follower has everything", func() bool { return len(written(t, d, "bad")) == 6 })
				if diff := cmp.Diff(numbers(6), written(t, d, "bad")); diff != "" {
					t.Error(diff)
				}
				states, err := j.Followers(ctx)
				must(t, err)
				for _, s := range states {
					if s.Failures != 0 || s.Fault != "" {
						t.Errorf("%+v still counts as failing", s)
					}
				}
			})
		})
	}
}

func TestRebuildGivesTheSame(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(diaryTable)))
		j := journal.New(d, vault(t))
		j.Follow(&diary{name: "diary"})
		if err := j.Rebuild(ctx, "nobody"); err == nil {
			t.Error("a follower that does not exist was rebuilt")
		}
		say(t, d, j, numbers(40)...)
		must(t, j.Rebuild(ctx, "diary")) // before it ever ran
		must(t, j.CatchUp(ctx))
		first := written(t, d, "diary")
		if diff := cmp.Diff(numbers(40), first); diff != "" {
			t.Fatal(diff)
		}
		must(t, j.Rebuild(ctx, "diary"))
		if n := len(written(t, d, "diary")); n != 0 {
			t.Errorf("%d rows outlived the reset", n)
		}
		must(t, j.CatchUp(ctx))
		if diff := cmp.Diff(first, written(t, d, "diary")); diff != "" {
			t.Error(diff)
		}
	})
}

// Rebuilding while events are delivered loses none and doubles none.
func TestRebuildWhileRunning(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		must(t, d.Update(ctx, exec(diaryTable)))
		nodes := []*journal.Journal{journal.New(d, vault(t)), journal.New(d, vault(t))}
		for _, j := range nodes {
			j.Follow(&diary{name: "diary"})
			must(t, j.Start(ctx))
		}
		var wg sync.WaitGroup
		wg.Go(func() { say(t, d, nodes[0], numbers(250)...) })
		for range 12 {
			must(t, nodes[1].Rebuild(ctx, "diary"))
			time.Sleep(10 * time.Millisecond)
		}
		wg.Wait()
		for _, j := range nodes {
			must(t, j.CatchUp(ctx))
		}
		for _, j := range nodes {
			j.Stop()
		}
		if diff := cmp.Diff(numbers(250), written(t, d, "diary")); diff != "" {
			t.Error(diff)
		}
	})
}

// Stop waits for what is being handled, and a second start goes on from there.
func TestStopAndGoOn(t *testing.T) {
	d := dbtest.SQLite(t)
	ctx := context.Background()
	must(t, d.Update(ctx, exec(diaryTable)))
	for i := range 3 {
		j := journal.New(d, vault(t))
		j.Follow(&diary{name: "diary"})
		must(t, j.Start(ctx))
		say(t, d, j, numbers(30)[10*i:10*i+10]...)
		if i == 1 {
			must(t, j.CatchUp(ctx))
		}
		j.Stop()
		j.Stop() // twice does no harm
	}
	j := journal.New(d, vault(t))
	j.Follow(&diary{name: "diary"})
	must(t, j.CatchUp(ctx))
	if diff := cmp.Diff(numbers(30), written(t, d, "diary")); diff != "" {
		t.Error(diff)
	}
}
