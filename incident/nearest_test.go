package incident_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const inspector = city.PostID("urban-management.inspector")

var (
	program = city.SystemActor("test")
	square  = geo.Point{Lat: 31.933, Lon: 121.040}
)

// streets are the incidents of Jianghai on an empty database.
type streets struct {
	*incident.Service
	db    *db.DB
	dir   *directory.Directory
	cases *casework.Engine
	clock *city.SetClock
}

func newStreets(t testing.TB, d *db.DB) *streets {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string, into any) {
		raw, err := os.ReadFile(name)
		ok(err)
		ok(yaml.Unmarshal(raw, into))
	}
	const dir = "../cities/jianghai/"
	vault, err := journal.NewVault(make([]byte, 32))
	ok(err)
	policies := map[string][]byte{}
	files, _ := filepath.Glob(dir + "access/*.cedar")
	for _, f := range files {
		policies[filepath.Base(f)], err = os.ReadFile(f)
		ok(err)
	}
	allow, err := access.New(policies)
	ok(err)
	s := &streets{db: d, clock: city.NewSetClock(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
	j := journal.New(d, vault)
	cal := &city.Calendar{Zone: time.UTC, Office: []city.Hours{{From: 9 * 60, To: 17 * 60}}}
	o := directory.Options{DB: d, Access: allow, Journal: j, Clock: s.clock, Calendar: cal}
	read(dir+"regions.yaml", &o.Regions)
	files, _ = filepath.Glob(dir + "bodies/*.yaml")
	for _, f := range files {
		var b directory.BodyDef
		read(f, &b)
		o.Bodies = append(o.Bodies, b)
	}
	s.dir, err = directory.New(o)
	ok(err)
	var groups []incident.Group
	files, _ = filepath.Glob(dir + "classes/*.yaml")
	for _, f := range files {
		var g incident.Group
		read(f, &g)
		groups = append(groups, g)
	}
	s.Service = incident.New(incident.Options{DB: d, Journal: j, Access: allow, Clock: s.clock, Directory: s.dir, Groups: groups,
		Settings: incident.Settings{Kind: "incident", Office: "operations-center", Operator: "operator", Verifier: "reviewer", Sure: 0.6, Metres: 50, Hours: 24, Reach: 15_000}})
	var kind casework.Kind
	read(dir+"kinds/incident.yaml", &kind)
	s.cases, err = casework.New(context.Background(), casework.Options{DB: d, Journal: j, Access: allow, Clock: s.clock, Calendar: cal, Prefix: "T",
		Kinds: []casework.Kind{kind}, Effects: s.Effects(), Superior: s.dir.Superior})
	ok(err)
	ok(s.Bind(s.cases))
	return s
}

func walker() city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: inspector.Body(), Posts: []city.PostID{inspector}}
}

// crowd puts so many on duty in one post, all over a city 30 km wide, each with so
// many matters in hand as busy says.
func (s *streets) crowd(t testing.TB, n int, busy func(i int) int) (all []city.Actor) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for len(all) < n {
		err := s.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			for range min(250, n-len(all)) {
				a := walker()
				if _, err := s.dir.GoOnDuty(ctx, tx, a, directory.Shift{Post: inspector, Until: s.clock.Now().Add(8 * time.Hour)}); err != nil {
					return err
				}
				p := geo.Point{Lat: square.Lat + (r.Float64()-0.5)*0.27, Lon: square.Lon + (r.Float64()-0.5)*0.31}
				if _, err := s.dir.Stand(ctx, tx, a, directory.Fix{Point: p}); err != nil {
					return err
				}
				for range busy(len(all)) {
					c, err := s.cases.Open(ctx, tx, program, casework.Opening{Kind: "incident", Item: "c0101", Region: "990101001001",
						Params: map[string]string{"office": "operations-center", "operator": "operator", "verifier": "reviewer"}})
					if err == nil {
						_, err = s.cases.Act(ctx, tx, program, c.Number, casework.Action{Name: casework.ActAssign, Assignee: a.Account})
					}
					if err != nil {
						return err
					}
				}
				all = append(all, a)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Who is sent is who a look at everybody would find: the nearest with a hand free.
func TestNearestWithAHandFree(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s := newStreets(t, d)
		busy := func(i int) int { return i % 5 } // two of five have their hands full
		s.crowd(t, 120, busy)
		r := rand.New(rand.NewPCG(5, 6))
		see := func(at geo.Point, n int) (list []incident.Candidate) {
			t.Helper()
			err := d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
				list, err = s.Nearest(ctx, tx, program, inspector, "990101001001", at, n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		everybody := see(square, 1000)
		if len(everybody) != 72 {
			t.Fatalf("%d of 120 have a hand free", len(everybody))
		}
		for range 10 {
			at := geo.Point{Lat: square.Lat + (r.Float64()-0.5)*0.3, Lon: square.Lon + (r.Float64()-0.5)*0.3}
			whole, one := see(at, 1000), see(at, 1)
			if len(whole) != 72 || len(one) != 1 || one[0].Account != whole[0].Account {
				t.Errorf("at %v: %+v is sent, the nearest is %+v", at, one, whole[0])
			}
			for i, c := range whole {
				if c.InHand > 2 || !c.Free || !c.Known || i > 0 && c.Distance < whole[i-1].Distance {
					t.Errorf("number %d: %+v after %+v", i, c, whole[max(0, i-1)])
				}
			}
		}
		s.clock.Advance(9 * time.Hour)
		if list := see(square, 5); len(list) != 0 {
			t.Errorf("all shifts are over: %+v", list)
		}
	})
}

// worked is the processor time of the program so far: on a machine that others use
// it says more than the clock. PostgreSQL's own is not in it.
func worked() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The decision among 5,000 on duty in one post: where a hand is free nearby, where
// half of them have theirs full, and where nobody has one.
func BenchmarkNearest(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		for _, c := range []struct {
			name string
			busy func(int) int
		}{{"free", func(int) int { return 0 }}, {"half busy", func(i int) int { return i % 2 * 3 }}, {"all busy", func(int) int { return 3 }}} {
			b.Run(fmt.Sprintf("%s/%s", name, c.name), func(b *testing.B) {
				s := newStreets(b, open(b))
				s.crowd(b, 5000, c.busy)
				r := rand.New(rand.NewPCG(7, 8))
				began := worked()
				for b.Loop() {
					at := geo.Point{Lat: square.Lat + (r.Float64()-0.5)*0.25, Lon: square.Lon + (r.Float64()-0.5)*0.25}
					err := s.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
						_, err := s.Nearest(ctx, tx, program, inspector, "990101001001", at, 1)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(worked()-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
