package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
)

// The program is killed in the middle of what vehicle terminals tell, time after
// time on the same data. Every position that was acknowledged stands once in its
// vehicle's track; what got no answer is told again, as a terminal does; and the
// alerts are those of a city that was never killed, each once.
func TestKillWhileTerminalsTalk(t *testing.T) {
	rounds := 5
	if os.Getenv("YIWANG_SOAK") == "1" {
		rounds = 50
	}
	for name, url := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": dbtest.MigratedURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := free.Addr().String()
			_ = free.Close()
			data, database := t.TempDir(), url(t)
			args := []string{"demo", "--quiet", "--jt808", addr}
			if database != "" {
				args = append(args, "--database", database)
			}
			f := &fleetUnderFire{T: t, addr: addr, data: data, database: database, p: story.Program{Args: args, Data: data}.Start(t)}
			f.p.Kill()
			f.plan()
			for n := range rounds {
				f.round(n, rounds)
			}
			f.rest()
			f.look()
		})
	}
}

// fleetUnderFire is the vehicles of one test.
type fleetUnderFire struct {
	*testing.T
	p                    *story.Running
	addr, data, database string
	trucks               []*truck
	total                int
	acknowledged         atomic.Int64
}

// truck is a vehicle with what it is going to tell, in order. What stands before
// told was acknowledged.
type truck struct {
	plate, phone string
	plan         []jt808.Position
	told         int
}

const (
	trucksTalking = 20
	planned       = 480 // positions each, 20 s apart
	each          = 20 * time.Second
)

// plan drives each vehicle through a zone that is closed to dangerous goods, then
// away from every route, at speeds of a motorway. Vehicles stay out of each other's
// way, so that what one does is no matter of another.
func (f *fleetUnderFire) plan() {
	f.city(f.data, f.database, false, func(ctx context.Context, a *app.App) {
		book := a.Registers.Book()
		zone := book.Zone("z-haitang")
		if zone == nil {
			f.Fatal("the pack has no such zone")
		}
		from := time.Now().Add(-planned*each - 10*time.Minute).Truncate(time.Second)
		for _, v := range book.Vehicles() {
			if v.Terminal == "" || len(f.trucks) == trucksTalking {
				continue
			}
			x := &truck{plate: string(v.ID), phone: v.Terminal}
			place := geo.Move(zone.Area.Middle(), float64(len(f.trucks)*18), 9000)
			back := float64(len(f.trucks)*18) + 180
			for i := range planned {
				speed := 40.0
				if i > planned/2 {
					speed = 130
				}
				place = geo.Move(place, back, speed/3.6*each.Seconds())
				x.plan = append(x.plan, jt808.Position{Time: from.Add(time.Duration(i) * each), Lat: int64(place.Lat * 1e6), Lon: int64(place.Lon * 1e6), Speed: uint16(speed * 10), Status: 3})
			}
			f.trucks = append(f.trucks, x)
			f.total += planned
		}
	})
	if len(f.trucks) != trucksTalking {
		f.Fatalf("%d vehicles with terminals", len(f.trucks))
	}
}

// city takes the city's parts beside no program, at work or only to be looked at.
func (f *fleetUnderFire) city(data, database string, works bool, do func(ctx context.Context, a *app.App)) {
	f.Helper()
	ctx := context.Background()
	a, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: data, Database: database, Demo: true})
	if err != nil {
		f.Fatal(err)
	}
	end := a.DB.Close
	if works {
		if err := a.Start(ctx); err != nil {
			f.Fatal(err)
		}
		end = a.Stop
	} else if err := a.Registers.Reload(ctx); err != nil {
		f.Fatal(err)
	}
	defer func() {
		if a.Tracks != nil && !works {
			_ = a.Tracks.Close()
		}
		if err := end(); err != nil {
			f.Error(err)
		}
	}()
	do(ctx, a)
}

// round lets all tell until the program is killed.
func (f *fleetUnderFire) round(n, rounds int) {
	f.Helper()
	f.p.Restart()
	goal := int64(f.total * (n + 1) / (rounds + 1))
	kill := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for _, x := range f.trucks {
		all.Go(func() {
			if err := f.talk(x, len(x.plan), func() {
				if f.acknowledged.Load() >= goal {
					once.Do(func() { close(kill) })
				}
			}); err == nil && x.told < len(x.plan) {
				f.Errorf("%s fell silent", x.plate)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-kill:
	case <-done:
	case <-time.After(2 * time.Minute):
		f.Error("too few positions in a minute")
	}
	time.Sleep(rand.N(20 * time.Millisecond))
	f.p.Kill()
	<-done
	if f.Failed() {
		f.FailNow()
	}
	f.Logf("round %d: %d positions of %d acknowledged", n, f.acknowledged.Load(), f.total)
}

// rest lets all tell what is left.
func (f *fleetUnderFire) rest() {
	f.Helper()
	f.p.Restart()
	var all sync.WaitGroup
	for _, x := range f.trucks {
		all.Go(func() {
			if err := f.talk(x, len(x.plan), func() {}); err != nil {
				f.Errorf("%s: %v", x.plate, err)
			}
		})
	}
	all.Wait()
	time.Sleep(rand.N(20 * time.Millisecond))
	f.p.Kill() // with the last still on their way to the rules
	if f.Failed() {
		f.FailNow()
	}
}

// talk tells what wasn't acknowledged, one after the other or, of what a kill left,
// in a batch; an error says that the program is gone.
func (f *fleetUnderFire) talk(x *truck, until int, after func()) error {
	conn, err := net.Dial("tcp", f.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	phone, err := jt808.ParsePhone(x.phone)
	if err != nil {
		return err
	}
	in := jt808.NewScanner(conn)
	serial := uint16(0)
	says := func(m jt808.Message) (jt808.Message, error) {
		raw, _, err := jt808.Encode(nil, jt808.Header{Phone: phone, Serial: serial}, m)
		serial++
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(2 * time.Minute))
		}
		if err == nil {
			_, err = conn.Write(raw)
		}
		if err != nil {
			return nil, err
		}
		wire, err := in.Next()
		if err != nil {
			return nil, err
		}
		var frame jt808.Frame
		if err := frame.Decode(wire); err != nil {
			return nil, err
		}
		return frame.Message()
	}
	reply, err := says(jt808.Register{Colour: 2})
	if err != nil {
		return err
	}
	leave, ok := reply.(jt808.RegisterReply)
	if !ok {
		return fmt.Errorf("registered: %+v", reply)
	}
	if _, err := says(jt808.Authenticate{Code: leave.Code}); err != nil {
		return err
	}
	for first := true; x.told < until; first = false {
		n := 1
		var m jt808.Message = x.plan[x.told]
		if first && x.told > 0 && x.told+5 < until { // what a terminal kept while there was no network
			n = 5
			b := jt808.Batch{Kind: 1}
			for _, p := range x.plan[x.told : x.told+n] {
				b.Records = append(b.Records, jt808.Record{Position: p})
			}
			m = b
		}
		answer, err := says(m)
		if err != nil {
			return err
		}
		if r, ok := answer.(jt808.Reply); !ok || r.Result != jt808.Done {
			return fmt.Errorf("position %d of %s: %+v", x.told, x.plate, answer)
		}
		x.told += n
		f.acknowledged.Add(int64(n))
		after()
	}
	return nil
}

// raised is an alert as it must come out of the same positions again.
type raised struct {
	Rule, Subject, Key string
	From               time.Time
}

// look compares tracks with the plan, and alerts with those of a city that was never
// killed.
func (f *fleetUnderFire) look() {
	f.Helper()
	want := f.undisturbed()
	f.city(f.data, f.database, true, func(ctx context.Context, a *app.App) {
		var got []raised
		for n := 0; n < 300; n++ {
			if got = f.alerts(ctx, a); len(got) >= len(want) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second) // for what would come twice
		got = f.alerts(ctx, a)
		if !slices.Equal(got, want) {
			f.Errorf("alerts:\n%v\nof a city that was never killed:\n%v", got, want)
		}
		for _, x := range f.trucks {
			track, more, err := a.Vehicles.Track(ctx, city.SystemActor("test"), register.VehicleID(x.plate), x.plan[0].Time, x.plan[len(x.plan)-1].Time.Add(time.Second), 2*planned)
			if err != nil || more {
				f.Fatalf("%s: %v", x.plate, err)
			}
			if len(track) != len(x.plan) {
				f.Errorf("%s: %d positions, %d were acknowledged", x.plate, len(track), len(x.plan))
				continue
			}
			for i, p := range track {
				if p.At != city.Micros(x.plan[i].Time) || int64(p.Lat*1e6+0.5) != x.plan[i].Lat {
					f.Errorf("%s: position %d is %+v", x.plate, i, p)
					break
				}
			}
		}
		f.Logf("%d positions of %d vehicles, each acknowledged and there once; %d alerts, each once", f.total, len(f.trucks), len(got))
	})
}

// undisturbed is what the rules say of the same positions in a city of its own.
func (f *fleetUnderFire) undisturbed() (all []raised) {
	f.Helper()
	f.city(f.TempDir(), "", true, func(ctx context.Context, a *app.App) {
		for i := range planned {
			var ps []history.Position
			for _, x := range f.trucks {
				p := x.plan[i]
				ps = append(ps, history.Position{Vehicle: x.plate, At: city.Micros(p.Time), Received: city.Micros(time.Now()), Lat: float64(p.Lat) / 1e6, Lon: float64(p.Lon) / 1e6,
					Speed: float32(p.Speed) / 10, Status: uint32(p.Status)})
			}
			if err := a.Vehicles.Record(ctx, city.SystemActor("test"), ps); err != nil {
				f.Fatal(err)
			}
		}
		for quiet := 0; quiet < 20; { // two seconds without another
			time.Sleep(100 * time.Millisecond)
			now := f.alerts(ctx, a)
			if quiet++; len(now) != len(all) {
				quiet = 0
			}
			all = now
		}
	})
	seen := map[string]bool{}
	for _, r := range all {
		seen[r.Rule] = true
	}
	if !seen[detect.ForbiddenZone] || !seen[detect.OffRoute] || !seen[detect.Speeding] {
		f.Fatalf("the plan raises too little: %v", all)
	}
	return all
}

// alerts lists what vehicles did, without what depends on when it is looked at.
func (f *fleetUnderFire) alerts(ctx context.Context, a *app.App) (all []raised) {
	f.Helper()
	if err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		q := alert.Query{Limit: 200}
		for {
			page, err := a.Alerts.List(ctx, tx, city.SystemActor("test"), q)
			if err != nil {
				return err
			}
			for _, x := range page.Alerts {
				if strings.HasPrefix(x.Subject, "vehicle:") && x.Rule != detect.Silent {
					all = append(all, raised{x.Rule, x.Subject, x.Key, x.Since.UTC()})
				}
			}
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
	}); err != nil {
		f.Fatal(err)
	}
	slices.SortFunc(all, func(a, b raised) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}
