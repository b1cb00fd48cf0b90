package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/history"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/pack"
	"yiwang/serviceitem"
)

// now is a Monday morning.
var now = time.Date(2026, 11, 23, 10, 30, 0, 0, time.FixedZone("CST", 8*3600))

// small is a city that is quickly made.
var small = Size{Residents: 120, Firms: 20, Days: 40, PerDay: 3, Troubles: 2}

type world struct {
	*testing.T
	ctx      context.Context
	db       *db.DB
	dir      string
	pack     *pack.City
	journal  *journal.Journal
	access   *access.Access
	now      *city.SetClock
	live     Parts
	then     Parts
	pastTime *city.SetClock
	tracks   *history.Log
}

// newWorld puts the packages of the city together as the program does, twice.
func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{T: t, ctx: context.Background(), db: d, dir: t.TempDir(), now: city.NewSetClock(now), pastTime: city.NewSetClock(now)}
	p, faults := pack.LoadFS(os.DirFS("../cities/jianghai"))
	for _, f := range faults {
		t.Fatal(f.In(city.English))
	}
	w.pack = p
	vault, err := journal.NewVault(make([]byte, 32))
	w.ok(err)
	w.journal = journal.New(d, vault)
	w.access, err = access.New(p.Policies)
	w.ok(err)
	w.live, w.then = w.build(w.now), w.build(w.pastTime)
	w.ok(w.live.Algorithms.Publish(w.ctx, program))
	w.ok(w.live.Items.Publish(w.ctx, program))
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) build(clock city.Clock) Parts {
	w.Helper()
	p, parts := w.pack, Parts{Pack: w.pack, DB: w.db, Journal: w.journal, Clock: clock}
	var err error
	parts.Directory, err = directory.New(directory.Options{DB: w.db, Access: w.access, Journal: w.journal, Clock: clock,
		Calendar: p.Calendar, Regions: p.Regions, Bodies: p.Bodies})
	w.ok(err)
	parts.Identity, err = identity.New(identity.Options{DB: w.db, Access: w.access, Journal: w.journal, Directory: parts.Directory,
		Clock: clock, AnyPassword: true})
	w.ok(err)
	parts.Algorithms, err = algorithm.New(w.ctx, algorithm.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock,
		Calendar: p.Calendar, Rules: p.Rules})
	w.ok(err)
	issuers := map[city.BodyID]credential.Issuer{}
	for _, b := range p.Bodies {
		issuers[b.ID] = credential.Issuer{Code: b.USCC, Name: b.Name}
	}
	parts.Credentials, err = credential.New(w.ctx, credential.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock,
		Zone: p.Zone, City: string(p.Site.Code), Name: p.Site.Name, Mark: p.Site.Mark.Text, Types: p.Credentials, Issuers: issuers,
		Keys: filepath.Join(w.dir, "keys"), KeysFrom: Began(now), ListURL: "https://jianghai.example/status/", CheckURL: "https://jianghai.example/verify"})
	w.ok(err)
	blobs, err := serviceitem.OpenBlobs(filepath.Join(w.dir, "blobs"))
	w.ok(err)
	parts.Items, err = serviceitem.New(serviceitem.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock,
		Calendar: p.Calendar, Directory: parts.Directory, Rules: parts.Algorithms, Licences: parts.Credentials, Blobs: blobs,
		Items: p.Items, Forms: p.Forms, Listed: p.Listed, Files: p.Files, Hotline: p.Site.Hotline, BadRatings: p.Site.BadRatings,
		PersonOf: func(ctx context.Context, tx *db.Tx, id city.AccountID) (city.PersonID, error) {
			a, err := parts.Identity.ReadAccount(ctx, tx, program, id)
			return a.Person, err
		}})
	w.ok(err)
	effects := parts.Items.Effects()
	maps.Copy(effects, pass.New(pass.Options{}).Effects())
	parts.Alerts = alert.NewBoard(alert.BoardOptions{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock, Zone: p.Zone, Detection: p.Detection, Sensors: p.Sensors})
	parts.Incidents = incident.New(incident.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock, Directory: parts.Directory,
		Groups: p.Groups, Settings: p.Site.Incidents, Blobs: blobs, Alerts: parts.Alerts})
	parts.Registers, err = fleet.New(w.ctx, fleet.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock, Directory: parts.Directory, Zone: p.Zone})
	w.ok(err)
	if w.tracks == nil {
		w.tracks, err = history.Open(filepath.Join(w.dir, "tracks"), history.Options{Clock: clock})
		w.ok(err)
		w.Cleanup(func() { w.ok(w.tracks.Close()) })
	}
	parts.Tracks = w.tracks
	parts.Vehicles, err = fleet.NewMonitor(fleet.MonitorOptions{DB: w.db, Access: w.access, Clock: clock, Zone: p.Zone, Registers: parts.Registers, History: w.tracks, Board: parts.Alerts})
	w.ok(err)
	maps.Copy(effects, parts.Incidents.Effects())
	parts.Cases, err = casework.New(w.ctx, casework.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: clock,
		Calendar: p.Calendar, Prefix: p.Site.NumberPrefix, Kinds: p.Kinds, Effects: effects})
	w.ok(err)
	w.ok(parts.Items.Bind(parts.Cases))
	w.ok(parts.Incidents.Bind(parts.Cases))
	return parts
}

func (w *world) demo(seed int64) *Demo {
	w.Helper()
	d, err := New(w.live, w.then, w.pastTime, seed)
	w.ok(err)
	d.Size = small
	return d
}

func (w *world) see(do func(ctx context.Context, tx *db.Tx) error) {
	w.Helper()
	w.ok(w.db.View(w.ctx, do))
}

func (w *world) signIn(login string) city.Actor {
	w.Helper()
	_, a, err := w.live.Identity.SignIn(w.ctx, city.Actor{Channel: city.ChannelWeb}, identity.SignIn{Login: login, Password: Password, From: identity.From{Address: "192.0.2.1", Device: "test"}})
	w.ok(err)
	return a
}

func filing(code city.ItemCode, s serviceitem.Sample) serviceitem.Filing {
	return serviceitem.Filing{Item: code, Answers: s.Answers, Materials: s.Materials}
}

// said is an error with its fields.
func said(err error) string {
	out := err.Error()
	var e *city.Error
	if errors.As(err, &e) {
		for _, f := range e.Fields {
			out += "; " + f.Name + ": " + f.Message.In(city.English)
		}
	}
	return out
}

func (w *world) quiet() {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.Cleanup(func() { slog.SetDefault(before) })
}

// cases lists every application of the made-up people and firms.
func (w *world) cases(m *Demo) []casework.Case {
	w.Helper()
	c := m.makeUp()
	w.ok(m.enterPeople(w.ctx, c, func(int) {}))
	w.ok(m.enterFirms(w.ctx, c))
	var all []casework.Case
	w.see(func(ctx context.Context, tx *db.Tx) error {
		mine := func(a city.Actor) error {
			for after := ""; ; {
				page, err := w.live.Cases.Mine(ctx, tx, a, 200, after)
				if err != nil {
					return err
				}
				for _, c := range page.Cases {
					if c.Kind != w.pack.Site.Incidents.Kind {
						all = append(all, c)
					}
				}
				if after = page.Next; after == "" {
					return nil
				}
			}
		}
		for _, id := range c.ids {
			if err := mine(city.Actor{Kind: city.Resident, Person: id}); err != nil {
				return err
			}
		}
		for _, id := range c.firmIDs {
			if err := mine(city.Actor{Kind: city.Resident, Person: city.NewPersonID(), Firm: id}); err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[city.CaseID]bool{}
	return slices.DeleteFunc(all, func(c casework.Case) bool {
		was := seen[c.ID]
		seen[c.ID] = true
		return was
	})
}

// describe tells what the city looks like.
func (w *world) describe(m *Demo) {
	byKind, byItem, byDay, flags := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	actions := 0
	for _, c := range w.cases(m) {
		end := c.Result
		if c.Open {
			end = "open:" + c.Stage
		}
		byKind[string(c.Kind)+" "+end]++
		byItem[string(c.Item)+" "+end]++
		byDay[c.OpenedAt.In(w.pack.Zone).Weekday().String()]++
		actions += c.Version
		for _, f := range c.Flags {
			flags[f]++
			if c.Open {
				flags["open "+f]++
			}
		}
		if slices.ContainsFunc(c.State.Clock, func(e casework.Entry) bool { return e.Kind == casework.ClockBreach }) {
			flags["breached"]++
		}
	}
	for _, m := range []map[string]int{byKind, byItem, byDay, flags} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			w.Logf("%5d  %s", m[k], k)
		}
	}
	w.Logf("%d actions", actions)
	w.see(func(ctx context.Context, tx *db.Tx) error {
		s, err := w.live.Items.Score(ctx, tx, serviceitem.RatingScope{})
		w.Logf("ratings %+v stars %.2f", s, s.Stars())
		for _, login := range []string{"clerk", "approver", "inspector", "fire-rescue.reviewer", "civil-affairs.approver"} {
			n, err := w.live.Cases.InboxCounts(ctx, tx, w.signIn(login))
			w.Logf("%s: %+v %v", login, n, err)
		}
		return err
	})
}
