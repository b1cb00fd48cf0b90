package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
)

// streets is the whole program over one database, with people who report what is
// wrong where nothing was reported yet, and officers who mend and check it.
type streets struct {
	app     *app.App
	classes []incident.Class
	corner  geo.Point // south-west
	rows    uint64    // of the grid of spots, and its columns
	columns uint64
	turn    *atomic.Uint64 // the next spot and class
}

var (
	passer   = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}
	operator = officerIn("operations-center.operator")
	verifier = officerIn("operations-center.reviewer")
	auditor  = officerIn("audit.auditor")
)

func officerIn(post city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: post.Body(),
		Posts: []city.PostID{post}, Channel: city.ChannelWeb}
}

// spacing between spots is wider than what makes two reports one matter.
const spacing = 60.0

func newStreets(ctx context.Context, o Options, data string, turn *atomic.Uint64) (*streets, error) {
	a, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: data, Database: o.Database, Demo: true})
	if err != nil {
		return nil, err
	}
	s := &streets{app: a, turn: turn}
	for _, c := range a.Incidents.Classes() {
		if !slices.ContainsFunc(c.Fields, func(f incident.Field) bool { return f.Required }) {
			s.classes = append(s.classes, c)
		}
	}
	var box geo.Box
	for i, r := range a.Directory.Communities() {
		p := geo.Point{Lat: r.Lat, Lon: r.Lon}
		if i == 0 {
			box = geo.Around(p, 1)
		}
		box = box.Extend(p)
	}
	s.corner = geo.Point{Lat: box.South, Lon: box.West}
	s.rows = uint64(geo.Distance(s.corner, geo.Point{Lat: box.North, Lon: box.West}) / spacing)
	s.columns = uint64(geo.Distance(s.corner, geo.Point{Lat: box.South, Lon: box.East}) / spacing)
	if len(s.classes) == 0 || s.rows*s.columns == 0 {
		return nil, errors.Join(errors.New("bench: the city has no classes or no places"), a.DB.Close())
	}
	return s, nil
}

// stride is prime, so that spots follow each other all over the city.
const stride = 7_368_787

// next is a report of something in a place where nothing of its class was
// reported yet: it is looked for and not found.
func (s *streets) next() incident.Report {
	for {
		n := s.turn.Add(1)
		class := s.classes[n%uint64(len(s.classes))]
		cell := n / uint64(len(s.classes)) * stride % (s.rows * s.columns)
		at := geo.Move(geo.Move(s.corner, 0, spacing*float64(cell/s.columns)), 90, spacing*float64(cell%s.columns))
		r := incident.Report{Class: class.Code, Text: "The cover at the gate is loose, and old people walk here", Place: city.Place{Lat: at.Lat, Lon: at.Lon, Address: "88 Riverside Road"},
			Reporter: incident.Reporter{Phone: "13900990002", Email: "lin@example.org"}}
		if _, err := s.app.Incidents.Locate(r.Place); err == nil { // some spots lie in the next city
			return r
		}
	}
}

func (s *streets) report(ctx context.Context) (incident.Receipt, error) {
	for {
		r, err := s.app.Incidents.Report(ctx, passer, s.next())
		if err != nil || !r.Joined {
			return r, err
		}
	}
}

func (s *streets) act(ctx context.Context, who city.Actor, n city.CaseNumber, name string) (casework.Case, error) {
	c, err := s.app.Cases.Do(ctx, who, n, casework.Action{Name: name, Note: "It is fastened"})
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return c, err
}

// mender is whoever mends things of a class.
func (s *streets) mender(code city.ItemCode) city.Actor {
	c, _ := s.app.Incidents.Class(code)
	return officerIn(c.Post)
}

// lifecycle is a matter from the report to its end, in three commits: reported
// and sent to whoever mends such things, done, found to be right by somebody else.
func (s *streets) lifecycle(ctx context.Context) error {
	r, err := s.report(ctx)
	if err != nil {
		return err
	}
	return s.finish(ctx, r)
}

func (s *streets) finish(ctx context.Context, r incident.Receipt) error {
	_, err := s.act(ctx, s.mender(r.Class), r.Number, "done")
	if err != nil {
		return err
	}
	c, err := s.act(ctx, verifier, r.Number, "passed")
	if err == nil && (c.Open || c.Result != "resolved") {
		err = fmt.Errorf("bench: matter %s is %s", c.Number, c.Stage)
	}
	return err
}

// byOperator is the same where the words are too few to tell the class: an
// operator reads them and sends the matter on, in a commit of its own.
func (s *streets) byOperator(ctx context.Context) error {
	want := s.next()
	class := want.Class
	want.Class, want.Text = "", "Come and look, please"
	r, err := s.app.Incidents.Report(ctx, passer, want)
	if err != nil {
		return err
	}
	if r.Class != "" {
		return fmt.Errorf("bench: the words were enough for %s", r.Class)
	}
	if _, err := s.app.Incidents.Dispatch(ctx, operator, r.Number, incident.To{Class: class}); err != nil {
		return fmt.Errorf("dispatch: %w", err)
	}
	r.Class = class
	return s.finish(ctx, r)
}

const (
	seedBatch   = 1000
	seedWorkers = 64
	openShare   = 20 // one of so many is open still
)

// seed stores matters by the same calls, over the year that has passed: 19 of 20
// reported, mended and checked, the last twentieth reported just now and open.
func (s *streets) seed(ctx context.Context, o Options, stored int) error {
	if stored == 0 {
		return nil
	}
	clock := city.NewSetClock(time.Now())
	twin, err := s.app.Twin(ctx, clock)
	if err != nil {
		return err
	}
	past := *s
	past.app = twin
	began, now := time.Now(), time.Now()
	open := stored / openShare
	for done := 0; done < stored; {
		n := min(seedBatch, stored-done)
		then := now
		if closed := stored - open; done < closed {
			n = min(n, closed-done)
			then = now.Add(-365 * 24 * time.Hour * time.Duration(closed-done) / time.Duration(closed))
		}
		clock.Set(then)
		receipts := make([]incident.Receipt, n)
		if err := together(n, func(i int) (err error) { receipts[i], err = past.report(ctx); return err }); err != nil {
			return err
		}
		if done < stored-open {
			clock.Set(then.Add(time.Duration(20+rand.IntN(60)) * time.Minute))
			if err := together(n, func(i int) error { return past.finish(ctx, receipts[i]) }); err != nil {
				return err
			}
		}
		done += n
		if o.Progress != nil {
			fmt.Fprintf(o.Progress, "\rstoring matters: %d of %d, %.0f/s ", done, stored, float64(done)/time.Since(began).Seconds())
		}
	}
	if o.Progress != nil {
		fmt.Fprintln(o.Progress)
	}
	return nil
}

// together calls f for 0 to n-1 on many workers and gives the first error.
func together(n int, f func(i int) error) error {
	var turn atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, seedWorkers)
	for range min(n, seedWorkers) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := turn.Add(1) - 1; i < int64(n); i = turn.Add(1) - 1 {
				if err := f(int(i)); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// crowd puts officers on duty in one post, each in another place.
func (s *streets) crowd(ctx context.Context, post city.PostID, n int) (crowd []city.Actor, err error) {
	for len(crowd) < n {
		err := s.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for range min(500, n-len(crowd)) {
				a, at := officerIn(post), s.next().Place
				if _, err := s.app.Directory.GoOnDuty(ctx, tx, a, directory.Shift{Post: post, Until: time.Now().Add(8 * time.Hour)}); err != nil {
					return err
				}
				if _, err := s.app.Directory.Stand(ctx, tx, a, directory.Fix{Point: geo.Point{Lat: at.Lat, Lon: at.Lon}}); err != nil {
					return err
				}
				crowd = append(crowd, a)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return crowd, nil
}

// view reads with f, many times one after the other, and gives how long each took.
func (s *streets) view(ctx context.Context, times int, f func(context.Context, *db.Tx) error) ([]time.Duration, error) {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		if err := s.app.DB.View(ctx, f); err != nil {
			return nil, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took, nil
}
