package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Told is a sort of event that the log vouches for, and which of its data a
// statement repeats beside what anybody may see of it.
type Told struct {
	Type string   // of the event; ending in ".*" all of that noun
	With string   // a datum that the event must have, such as "result"; "" is none
	Data []string // keys of Recorded.Data: codes, times and numbers
}

// Options make a Log. All are needed but Policy and Log.
type Options struct {
	DB      *db.DB
	Journal *journal.Journal
	Clock   city.Clock
	Dir     string // of the tiles; one per city, shared by its nodes
	Key     *Key
	Told    []Told
	// Policy says who watches, in Sigsum's policy format: `witness NAME KEY URL`,
	// `group`, `quorum`. What the quorum has not signed is not published. nil: nobody
	// is asked.
	Policy []byte
	// Unwitnessed lets a checkpoint be published that the witnesses have not signed in
	// time: for demonstrations, whose neighbour may be gone.
	Unwitnessed bool
	Log         *slog.Logger
}

// Timing of what is appended and published.
const (
	publishEvery = 500 * time.Millisecond
	gatherFor    = 50 * time.Millisecond // entries of one batch
	lookEvery    = 500 * time.Millisecond
	standBy      = 2 * time.Second  // before it is tried again to be the one that appends
	longest      = 30 * time.Second // before what stopped the log is looked at again; at first standBy
	portion      = 4096             // entries read from the database at once
	askWitnesses = 5 * time.Second
)

// Log is the city's public log. It is safe for concurrent use.
type Log struct {
	Options
	wake chan struct{}

	mu       sync.Mutex // guards the following, Policy and Unwitnessed
	watchers witness.Group
	alarm    string             // why nothing is appended
	anew     context.CancelFunc // ends the appending that goes on; it begins again by the new policy
}

// New gives the log. Nothing is appended before Run.
func New(o Options) (*Log, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	l := &Log{Options: o, wake: make(chan struct{}, 1)}
	if len(o.Policy) > 0 {
		var err error
		if l.watchers, err = witness.ParsePolicy(o.Policy); err != nil {
			return nil, fmt.Errorf("who watches the log: %w", err)
		}
	}
	return l, os.MkdirAll(o.Dir, 0o755)
}

// AskBy lets the log ask by another policy who has to sign its checkpoints; unwitnessed
// is as in Options.
func (l *Log) AskBy(policy []byte, unwitnessed bool) error {
	group, err := witness.ParsePolicy(policy)
	if err != nil {
		return fmt.Errorf("who watches the log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Policy, l.Unwitnessed, l.watchers = policy, unwitnessed, group
	if l.anew != nil {
		l.anew()
	}
	return nil
}

// Name is the follower's name.
func (l *Log) Name() string { return "tlog" }

// Handle gives each statement its place, in the transaction that moves the cursor:
// once, whatever happens before it stands in the tree.
func (l *Log) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	var next int64
	var last journal.Position
	begun := false
	for _, e := range events {
		keys, ok := l.tells(e)
		if !ok {
			continue
		}
		if !begun {
			var err error
			if next, last, err = end(ctx, tx); err != nil {
				return err
			}
			begun = true
		}
		if !last.Before(e.Position) {
			continue // it was told before the follower was sent back
		}
		r, err := l.record(ctx, tx, e, keys)
		if err != nil {
			return err
		}
		r.seq = next
		r.insert(tx)
		next++
	}
	if begun {
		tx.AfterCommit(l.more)
	}
	return nil
}

// Reset forgets nothing: what a log has said it can't take back.
func (l *Log) Reset(context.Context, *db.Tx) error { return nil }

func (l *Log) more() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Log) tells(e journal.Recorded) (keys []string, ok bool) {
	for _, t := range l.Told {
		if !matches(t.Type, e.Type) {
			continue
		}
		if t.With != "" {
			var data map[string]json.RawMessage
			if json.Unmarshal(e.Data, &data) != nil || data[t.With] == nil {
				continue
			}
		}
		return t.Data, true
	}
	return nil, false
}

func (l *Log) record(ctx context.Context, tx *db.Tx, e journal.Recorded, keys []string) (entryRow, error) {
	facts := map[string]json.RawMessage{}
	if len(e.Public) > 0 && json.Unmarshal(e.Public, &facts) != nil { // no object
		facts = map[string]json.RawMessage{"public": e.Public}
	}
	if len(keys) > 0 && len(e.Data) > 0 {
		var data map[string]json.RawMessage
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return entryRow{}, err
		}
		for _, k := range keys {
			if v, ok := data[k]; ok {
				facts[k] = v
			}
		}
	}
	s := Statement{Type: e.Type, Subject: e.Subject, At: e.At.UTC(), Body: e.Actor.Body, Sealed: e.Commitment}
	if len(facts) > 0 {
		var err error
		if s.Facts, err = json.Marshal(facts); err != nil {
			return entryRow{}, err
		}
		if len(s.Facts) > maxFacts { // one event must not keep all later ones from the log
			sum := sha256.Sum256(s.Facts)
			s.Facts = fmt.Appendf(nil, `{"sha256":%q}`, base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	d, err := disclose(s)
	if err != nil {
		return entryRow{}, err
	}
	c := d.Commitment()
	r := entryRow{position: e.Position, at: city.Micros(e.At), typ: e.Type, subject: e.Subject, open: d.Bytes(), commitment: c[:]}
	if r.key, err = l.keyFor(ctx, tx, e); err != nil || r.key.IsZero() {
		return r, err
	}
	switch sealed, err := l.Journal.Vault().SealBytes(ctx, tx, r.key, r.open); {
	case errors.Is(err, journal.ErrErased): // before it could be told: the entry stays closed
		r.open = nil
	case err != nil:
		return r, err
	default:
		r.open = sealed
	}
	return r, nil
}

// Run appends and publishes until the context ends. Of all nodes of a city one does
// it at a time; the others stand by.
func (l *Log) Run(ctx context.Context) {
	wait := standBy
	for ctx.Err() == nil {
		round, end := context.WithCancel(ctx)
		l.mu.Lock()
		l.anew = end
		l.mu.Unlock()
		err := l.sequence(round)
		changed := round.Err() != nil
		end()
		switch {
		case ctx.Err() != nil:
			return
		case changed:
			continue
		case err == nil:
			return
		case errors.Is(err, errTaken):
			wait = standBy
		default:
			l.note(err)
			l.Log.ErrorContext(ctx, "nothing is appended to the public log", "again_in", wait, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, longest)
	}
}

var errTaken = errors.New("another node appends")

func (l *Log) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarm = ""
	if err != nil {
		l.alarm = err.Error()
	}
}

// claim takes the right to append. It is given back by closing the file, which also
// the end of the process does.
func (l *Log) claim() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(l.Dir, ".sequencer"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errTaken
		}
		return nil, err
	}
	return f, nil
}

// sequence appends what the database has beyond the tree, in its order.
func (l *Log) sequence(ctx context.Context) (err error) {
	f, err := l.claim()
	if err != nil {
		return err
	}
	defer f.Close()
	// What was handed over is appended before the end: an answer of tessera that its
	// own end overtakes never comes.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	driver, err := posix.New(work, posix.Config{Path: l.Dir})
	if err != nil {
		return err
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(l.Key).WithBatching(portion, gatherFor).
		WithCheckpointInterval(publishEvery).WithCheckpointRepublishInterval(0)
	l.mu.Lock()
	policy, unwitnessed := l.Policy, l.Unwitnessed
	l.mu.Unlock()
	if len(policy) > 0 {
		group, err := tessera.NewWitnessGroupFromPolicy(policy)
		if err != nil {
			return err
		}
		opts = opts.WithWitnesses(group, &tessera.WitnessOptions{Timeout: askWitnesses, FailOpen: unwitnessed})
	}
	appender, _, tree, err := tessera.NewAppender(work, driver, opts)
	if err != nil {
		return err
	}
	size, err := tree.IntegratedSize(ctx)
	if err != nil {
		return err
	}
	if err := l.sameStory(ctx, tree, size); err != nil {
		return err
	}
	l.note(nil)
	for ctx.Err() == nil {
		var rows [][]byte
		err := l.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			rows, err = commitments(ctx, tx, int64(size), portion)
			return err
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			select {
			case <-ctx.Done():
			case <-l.wake:
			case <-time.After(lookEvery):
			}
			continue
		}
		placed := make([]tessera.IndexFuture, len(rows))
		for i, c := range rows {
			placed[i] = appender.Add(work, tessera.NewEntry(c))
		}
		for i, f := range placed {
			at, err := f()
			if err != nil {
				return err
			}
			if at.Index != size+uint64(i) {
				return fmt.Errorf("entry %d stands at %d in the tree", size+uint64(i), at.Index)
			}
		}
		size += uint64(len(rows))
	}
	return nil
}

// sameStory refuses to append where the tree holds what the database doesn't: after
// an older database was restored, say. Going on would make entries that nobody can
// open, or receipts that don't hold.
func (l *Log) sameStory(ctx context.Context, tree tessera.LogReader, size uint64) error {
	if size == 0 {
		return nil
	}
	var ours [][]byte
	err := l.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		ours, err = commitments(ctx, tx, int64(size-1), 1)
		return err
	})
	if err != nil {
		return err
	}
	if len(ours) == 0 {
		return fmt.Errorf("the tree has %d entries and the database fewer: was an older database restored beside a newer log?", size)
	}
	bundle, err := client.GetEntryBundle(ctx, tree.ReadEntryBundle, (size-1)/layout.EntryBundleWidth, size)
	if err != nil {
		return err
	}
	if n := len(bundle.Entries); n == 0 || !bytes.Equal(bundle.Entries[(size-1)%layout.EntryBundleWidth], ours[0]) {
		return fmt.Errorf("entry %d of the tree is not the one of the database", size-1)
	}
	return nil
}

// keyFor is what a statement is sealed under: the key of its event, or one of the
// person that the event is told to. Zero where it concerns nobody in particular.
func (l *Log) keyFor(ctx context.Context, tx *db.Tx, e journal.Recorded) (journal.KeyID, error) {
	if !e.Key.IsZero() {
		return e.Key, nil
	}
	for _, to := range e.To {
		if to.Person.IsZero() {
			continue
		}
		kept := personKey(to.Person)
		if key, ok := tx.Kept(kept).(journal.KeyID); ok {
			return key, nil
		}
		key, err := keyOf(ctx, tx, to.Person)
		if errors.Is(err, db.ErrNoRows) {
			if key, err = l.Journal.Vault().NewKey(ctx, tx, to.Person); err == nil {
				insertKey(tx, to.Person, key)
			}
		}
		if err == nil {
			tx.Keep(kept, key)
		}
		return key, err
	}
	return journal.KeyID{}, nil
}

// personKey is where a transaction keeps the key it made for a person.
type personKey city.PersonID
