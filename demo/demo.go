// Package demo fills a city with made-up people who live in it: the persons of
// the sign-ins, residents, firms and officers, three months of what they applied
// for, and after that a few cases a minute. It does nothing that a face of the
// program could not do: it calls what the domain packages export, in the name of
// the people it made up.
//
// What is random follows from the seed, so the same seed makes the same city;
// identifiers, keys and signatures are fresh each time.
package demo

import (
	"context"
	"embed"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/demo/nantong"
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

// Parts are the packages of the city, built on one clock.
type Parts struct {
	Pack        *pack.City
	DB          *db.DB
	Journal     *journal.Journal
	Directory   *directory.Directory
	Identity    *identity.Identity
	Algorithms  *algorithm.Register
	Credentials *credential.Registry
	Items       *serviceitem.Service
	Cases       *casework.Engine
	Incidents   *incident.Service // nil where the city takes no reports
	Registers   *fleet.Registers  // of vehicles and where they go
	Vehicles    *fleet.Monitor    // nil where the city watches no vehicles
	Tracks      *history.Log      // of these
	Alerts      *alert.Board
	Clock       city.Clock
}

// Size is how large the city is.
type Size struct {
	Residents int
	Firms     int
	Days      int     // of history
	PerDay    float64 // applications filed on an ordinary working day
	Troubles  float64 // things that go wrong in the streets on such a day
	Campaign  nantong.Size
}

// FullSize is a city in which screens have something to show.
var FullSize = Size{Residents: 2000, Firms: 300, Days: 92, PerDay: 24, Troubles: 13, Campaign: nantong.Full}

// Demo is a made-up city. Its methods are called one after the other: Cast,
// Populate, Campaign, Live. Drive and Watch may run beside the others once Cast is
// done.
type Demo struct {
	now   Parts // on the wall clock
	then  Parts // over the same database, on past
	past  *city.SetClock
	seed  uint64
	Size  Size // set it before Cast; the same each time
	began time.Time
	cast  castFile
	words words

	crowd *crowd            // once Populate has entered them
	open  []city.CaseNumber // cases of theirs that are open, when fresh is true
	fresh bool

	mu       sync.Mutex
	officers map[city.PostID][]officer // guarded by mu
}

// Began is when the history of a city of full size begins that is made at now. The
// keys that sign licences have to be valid from then on.
func Began(now time.Time) time.Time { return began(now, FullSize.Days) }

func began(now time.Time, days int) time.Time {
	return city.DateOf(now).AddDays(-days).In(now.Location()).Add(8 * time.Hour)
}

// New makes nothing yet. then are the same packages as now, built a second time over
// the same database on the clock past, which stands still until the city moves
// it: history is made at the moments when it happened.
func New(now, then Parts, past *city.SetClock, seed int64) (*Demo, error) {
	d := &Demo{now: now, then: then, past: past, seed: uint64(seed), Size: FullSize, officers: map[city.PostID][]officer{}}
	for name, into := range map[string]any{"cast": &d.cast, "people": &d.words.People, "firms": &d.words.Firms, "items": &d.words.Items, "words": &d.words.Said, "incidents": &d.words.Streets, "campaign": &d.words.Campaign} {
		if err := read(name+".yaml", into); err != nil {
			return nil, err
		}
	}
	return d, nil
}

//go:embed data
var data embed.FS

// read reads one of the lists that the city is made up from.
func read(name string, into any) error {
	raw, err := data.ReadFile("data/" + name)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("demo: data/%s: %w", name, err)
	}
	return nil
}

// program is who makes the city up where nobody in it acts.
var program = city.SystemActor("demo")

// chance is a stream of chance of its own: what is drawn from one changes nothing
// in another.
func (d *Demo) chance(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(d.seed, stream)) }

const (
	streamAdmin uint64 = iota + 1
	streamOfficers
	streamPeople
	streamFirms
	streamPlan
	streamLive
	streamCase // and all above
)

// at moves the past to the moment and does something in a transaction.
func (d *Demo) at(ctx context.Context, t time.Time, do func(context.Context, *db.Tx) error) error {
	return d.then.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d.past.Set(t)
		return do(ctx, tx)
	})
}

// today is the day in the city.
func (d *Demo) today() city.Date { return city.DateOf(d.now.Clock.Now().In(d.now.Pack.Zone)) }

func notFound(err error) bool { return city.KindOf(err) == city.KindNotFound }

// errOtherSeed says that the data folder holds another city.
func (d *Demo) errOtherSeed() error { return city.Conflict("demo.other_seed", "seed", int64(d.seed)) }
