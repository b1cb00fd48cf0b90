package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/intercept"
	"yiwang/geo"
	"yiwang/internal/db"
)

// FleetSize is how much of everything Fleet measures with; zero values stand for the
// numbers that a city asks for.
type FleetSize struct {
	Points    int // of each track whose stays are found at once; 1,048,576
	Vehicles  int // that are connected at one time; 100,000
	Sent      int // positions of each of those; 10
	Driving   int // vehicles among them that the way of a position is measured with; 2,000
	Positions int // of each of those; 100
	Zones     int // polygons that each position is held against; 1,000
	Alerts    int // vehicles that leave their route, to see how soon it shows; 20
	Places    int // from which the reachable area is asked for; 100
}

func (s *FleetSize) fill() {
	for _, v := range []struct {
		at    *int
		usual int
	}{{&s.Points, 1 << 20}, {&s.Vehicles, 100_000}, {&s.Sent, 10}, {&s.Driving, 2000}, {&s.Positions, 100}, {&s.Zones, 1000}, {&s.Alerts, 20}, {&s.Places, 100}} {
		if *v.at <= 0 {
			*v.at = v.usual
		}
	}
	s.Driving, s.Alerts = min(s.Driving, s.Vehicles), min(s.Alerts, s.Vehicles)
}

// Fleet measures what watching vehicles takes: the stays of whole tracks, a
// position's way from the bytes of its frame to the decision, the memory of many
// vehicles, how soon an alert shows, and the reachable area.
func Fleet(ctx context.Context, o Options) error {
	o.Fleet.fill()
	if o.Span == 0 {
		o.Span = 5 * time.Second
	}
	engine := "sqlite"
	if o.Database != "" {
		engine = "postgres"
	}
	if !o.JSON {
		fmt.Fprintf(o.Out, "fleet on %s, %s a figure, %d processors\n", engine, o.Span, runtime.GOMAXPROCS(0))
	}
	data, err := os.MkdirTemp("", "yiwang-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	f := &figures{o: o}
	if err := f.batch(ctx); err != nil {
		return err
	}
	runtime.GC()
	debug.FreeOSMemory()
	if err := f.watched(ctx, data); err != nil {
		return err
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(map[string]any{"bench": "fleet", "engine": engine, "processors": runtime.GOMAXPROCS(0), "figures": f.all})
	}
	return nil
}

// head writes what the figures below it are about.
func (f *figures) head(format string, args ...any) {
	if !f.o.JSON {
		fmt.Fprintf(f.o.Out, "\n"+format+"\n", args...)
	}
}

// doing tells whoever waits what is being done.
func (f *figures) doing(format string, args ...any) {
	if f.o.Progress != nil {
		fmt.Fprintf(f.o.Progress, format+"\n", args...)
	}
}

// morning is a clock that goes as the machine's does, and began at ten in the
// morning of the city: no rule about nights plays a part then.
type morning struct{ ahead time.Duration }

func newMorning(zone *time.Location) morning {
	now := time.Now()
	y, m, d := now.In(zone).Date()
	return morning{time.Date(y, m, d, 10, 0, 0, 0, zone).Sub(now)}
}

func (m morning) Now() time.Time { return time.Now().Add(m.ahead) }

// watched measures what needs the whole program.
func (f *figures) watched(ctx context.Context, data string) (err error) {
	clock := newMorning(time.FixedZone("UTC+8", 8*3600))
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: data, Database: f.o.Database, Demo: true, Clock: clock, Log: quiet})
	if err != nil {
		return err
	}
	stop := a.DB.Close
	defer func() { err = errors.Join(err, stop()) }()
	if a.Vehicles == nil || a.Reach == nil {
		return errors.New("bench: the city watches no vehicles, or has no map")
	}
	f.doing("registering %d vehicles and %d zones", f.o.Fleet.Vehicles, f.o.Fleet.Zones)
	t, err := newTraffic(a.Pack, f.o.Fleet, clock.Now())
	if err != nil {
		return err
	}
	if _, err := a.Registers.Seed(ctx, program, nil, t.records()); err != nil {
		return err
	}
	a.Risks = nil // makes up for past days when the program starts: not what is measured here
	f.doing("starting")
	if err := a.Start(ctx); err != nil {
		return err
	}
	stop = a.Stop
	w := &watch{figures: f, app: a, clock: clock, traffic: t}
	for _, part := range []func(context.Context) error{w.memory, w.way, w.sockets, w.alerts, w.reach} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// reach measures how long it takes to find where a vehicle can be, with its outline,
// the junctions and who on duty can be there before it.
func (w *watch) reach(ctx context.Context) error {
	posts := w.app.Pack.Site.Interception.Posts
	rnd := rand.New(rand.NewPCG(5, 5))
	onRoad := func() geo.Point {
		r := &w.app.Pack.Roads.Roads[rnd.IntN(len(w.app.Pack.Roads.Roads))]
		return r.Line[rnd.IntN(len(r.Line))]
	}
	if err := w.onDuty(ctx, posts, onRoad); err != nil {
		return err
	}
	graph := geo.NewGraph(w.app.Pack.Roads)
	nodes, arcs := graph.Size()
	w.head("the reachable area, from %d places on %d junctions and ends with %d directed pieces of road", w.o.Fleet.Places, nodes, arcs)
	pace := w.app.Pack.Speeds.At(10*60, true)
	for _, minutes := range []int{5, 10, 30} {
		within := time.Duration(minutes) * time.Minute
		var took, bare []time.Duration
		reached := 0
		for range w.o.Fleet.Places {
			at := onRoad()
			spot, ok := graph.Snap(at, -1)
			if !ok {
				return fmt.Errorf("bench: no road at %s", at)
			}
			began := time.Now()
			n := graph.Count(spot, pace, within)
			bare = append(bare, time.Since(began))
			began = time.Now()
			err := w.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				a, err := w.app.Reach.Reachable(ctx, tx, program, intercept.Question{At: at, Heading: -1, Within: within})
				if err == nil && (len(a.Pieces) == 0 || len(a.Area) == 0) {
					err = fmt.Errorf("bench: nothing can be reached from %s", at)
				}
				return err
			})
			if err != nil {
				return err
			}
			took = append(took, time.Since(began))
			reached += n
		}
		slices.Sort(took)
		slices.Sort(bare)
		w.spread(fmt.Sprintf("reachable in %d minutes, with outline and who is near", minutes), took)
		w.spread(fmt.Sprintf("… bare Dijkstra, %d junctions reached on average", reached/w.o.Fleet.Places), bare)
	}
	return nil
}

// onDuty puts some officers of each post on duty, on roads all over the city.
func (w *watch) onDuty(ctx context.Context, posts []city.PostID, place func() geo.Point) error {
	return w.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, post := range posts {
			for range 10 {
				a := officerIn(post)
				if _, err := w.app.Directory.GoOnDuty(ctx, tx, a, directory.Shift{Post: post, Until: w.clock.Now().Add(8 * time.Hour)}); err != nil {
					return err
				}
				if _, err := w.app.Directory.Stand(ctx, tx, a, directory.Fix{Point: place()}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
