package fleet

import (
	"context"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/register"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make Registers; all are needed.
type Options struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Directory *directory.Directory
	Zone      *time.Location // the city's
}

// Registers are the registers of dangerous goods and watched vehicles. They are
// safe for concurrent use.
type Registers struct {
	db        *db.DB
	journal   *journal.Journal
	access    *access.Access
	clock     city.Clock
	directory *directory.Directory
	zone      *time.Location

	now   atomic.Pointer[shelved]
	moved chan struct{} // after a commit of this process that changed something

	loading sync.Mutex // of books; guards earlier
	earlier map[city.Date]*shelved
	asked   int64 // times that books of other days were asked for
}

// shelved is a book with the state of the registers that it was made from.
type shelved struct {
	book       *register.Book
	generation int64
	last       int64 // of asked, when it was asked for last
}

// Bounds of what is loaded around a book's day, and of how many other days' books
// are kept: a week, since positions come so late, and the two days before it that a
// track is read back.
const (
	sheetsBefore = 30 // days
	sheetsAfter  = 7
	otherDays    = 9
)

// New makes the registers and loads today's book.
func New(ctx context.Context, o Options) (*Registers, error) {
	r := &Registers{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, directory: o.Directory, zone: o.Zone,
		moved: make(chan struct{}, 1), earlier: map[city.Date]*shelved{}}
	return r, r.Reload(ctx)
}

// all names the registers for policies.
func all(k register.Kind) access.Resource {
	return access.Resource{Type: "Register", ID: "fleet", Attrs: access.Attrs{"kind": string(k)}}
}

func (r *Registers) today() city.Date { return city.DateOf(r.clock.Now().In(r.zone)) }

// Book is today's book as last loaded, for the program's own parts; it costs
// nothing. What somebody is shown comes from On.
func (r *Registers) Book() *register.Book { return r.now.Load().book }

// On is the book of a day; the zero day is today.
func (r *Registers) On(ctx context.Context, actor city.Actor, day city.Date) (*register.Book, error) {
	if err := r.access.Ask(ctx, actor, "register.read", all("")); err != nil {
		return nil, err
	}
	if day.IsZero() || day == r.today() {
		if now := r.now.Load(); now.book.Day() == r.today() {
			return now.book, nil
		}
		if err := r.Reload(ctx); err != nil {
			return nil, err
		}
		return r.Book(), nil
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	s, err := r.load(ctx, day, r.earlier[day])
	if err != nil {
		return nil, err
	}
	if r.earlier[day] == nil && len(r.earlier) >= otherDays {
		oldest := day
		for d, o := range r.earlier {
			if oldest == day || o.last < r.earlier[oldest].last {
				oldest = d
			}
		}
		delete(r.earlier, oldest)
	}
	r.asked++
	s.last, r.earlier[day] = r.asked, s
	return s.book, nil
}

// Reload makes today's book anew if the registers or the day have changed.
func (r *Registers) Reload(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	s, err := r.load(ctx, r.today(), r.now.Load())
	if err != nil {
		return err
	}
	r.now.Store(s)
	return nil
}

// load makes a day's book, or gives have back when that is still true.
func (r *Registers) load(ctx context.Context, day city.Date, have *shelved) (*shelved, error) {
	s := &shelved{}
	err := r.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if s.generation, err = generation(ctx, tx); err != nil {
			return err
		}
		if have != nil && have.generation == s.generation && have.book.Day() == day {
			s = have
			return nil
		}
		records, err := governing(ctx, tx, day)
		if err != nil {
			return err
		}
		for _, f := range records.Firms {
			if err := r.fill(ctx, tx, f); err != nil {
				return err
			}
		}
		s.book = register.NewBook(day, r.zone, records)
		return nil
	})
	return s, err
}

// fill takes name and status from the directory.
func (r *Registers) fill(ctx context.Context, tx *db.Tx, f *register.Firm) error {
	f.Status = register.FirmUnknown
	id, err := r.directory.FirmByUSCC(ctx, tx, string(f.ID))
	if err == nil {
		var facts map[string]any
		if facts, err = r.directory.FirmFacts(ctx, tx, id); err == nil {
			f.Name, _ = facts["name"].(string)
			status, _ := facts["status"].(string)
			f.Status = register.FirmStatus(status)
		}
	}
	if city.KindOf(err) == city.KindNotFound {
		return nil
	}
	return err
}

// Run keeps today's book true until the context ends: at once after a change of
// this process, within a few seconds after one of another, and from midnight on.
// A fault leaves the last book standing and goes to note.
func (r *Registers) Run(ctx context.Context, every time.Duration, note func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.moved:
		}
		if err := r.Reload(ctx); err != nil && ctx.Err() == nil {
			note(err)
		}
	}
}

// changed tells this process and others that books are no longer true.
func (r *Registers) changed(tx *db.Tx) {
	bumpGeneration(tx)
	tx.AfterCommit(func() {
		select {
		case r.moved <- struct{}{}:
		default:
		}
	})
}

// CertificateID is what a certificate goes by here: a keyed digest of its number,
// from which nobody without the city's key learns the number.
func (r *Registers) CertificateID(number string) register.CertificateID {
	return register.CertificateID(hex.EncodeToString(r.journal.Vault().Digest("certificate", number)[:16]))
}
