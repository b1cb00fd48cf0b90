package tlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// files reads what is published.
func (l *Log) files() client.FileFetcher { return client.FileFetcher{Root: l.Dir} }

// Checkpoint is what is published last, a signed note; nil before the first.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	raw, err := l.files().ReadCheckpoint(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// State says how the log stands.
type State struct {
	Origin    string
	Public    string // the verifier key
	Size      uint64 // of the published checkpoint
	Root      []byte
	Waiting   int64 // entries that no published checkpoint covers yet
	Since     time.Time
	Witnesses []Watcher
	Alarm     string // why nothing is appended, for who operates the city; "" is none
}

// Watcher is a witness that the city has named.
type Watcher struct {
	Name string
	Seen time.Time // when it signed the checkpoint that is published; zero where it has not
}

// State reads how the log stands. Waiting and Since tell when witnesses keep a
// checkpoint from being published.
func (l *Log) State(ctx context.Context, tx *db.Tx) (State, error) {
	s := State{Origin: l.Key.Name(), Public: l.Key.Public}
	l.mu.Lock()
	s.Alarm = l.alarm
	l.mu.Unlock()
	raw, err := l.Checkpoint(ctx)
	if err != nil {
		return s, err
	}
	keys := l.Keys()
	var seen []Witnessed
	if raw != nil {
		cp, n, reason := keys.open(raw)
		if reason != ReasonOK {
			return s, fmt.Errorf("tlog: the published checkpoint: %s", reason)
		}
		s.Size, s.Root, seen = cp.Size, cp.Hash, keys.witnessed(n)
	}
	for _, v := range keys.Witnesses {
		w := Watcher{Name: v.Name()}
		for _, x := range seen {
			if x.Name == w.Name {
				w.Seen = x.At
			}
		}
		s.Witnesses = append(s.Witnesses, w)
	}
	slices.SortFunc(s.Witnesses, func(a, b Watcher) int { return strings.Compare(a.Name, b.Name) })
	var first int64
	s.Waiting, first, err = waiting(ctx, tx, int64(s.Size))
	if s.Waiting > 0 {
		s.Since = city.FromMicros(first)
	}
	return s, err
}

// Entry is a statement's place in the log.
type Entry struct {
	Index   uint64
	Type    string
	Subject string
	At      time.Time
}

// Topic is what one may ask the log about: a subject, and the sorts of events about it
// that are meant. Things of different sorts may bear the same name.
type Topic struct {
	Subject string
	Types   []string // such as "algorithm.published", or "credential.*" for all of that noun; none means every sort
}

// About lists the entries about a topic, in the order of the log. Who may ask is
// for the caller to say, who knows whose the subject is.
func (l *Log) About(ctx context.Context, tx *db.Tx, t Topic) ([]Entry, error) {
	all, err := about(ctx, tx, t.Subject)
	return slices.DeleteFunc(all, func(e Entry) bool { return !t.takes(e.Type) }), err
}

func (t Topic) takes(typ string) bool {
	return len(t.Types) == 0 || slices.ContainsFunc(t.Types, func(pattern string) bool { return matches(pattern, typ) })
}

// matches says whether a type is the one meant, or of the noun that is.
func matches(pattern, typ string) bool {
	noun, all := strings.CutSuffix(pattern, "*")
	return pattern == typ || all && strings.HasPrefix(typ, noun)
}

// Receipt is the proof that an entry stands in the log, with what opens it
// (c2sp.org/tlog-proof@v1). Until a checkpoint covers the entry it is unavailable,
// for some seconds or until the witnesses are back; after the person was erased it
// is not found.
func (l *Log) Receipt(ctx context.Context, tx *db.Tx, e Entry) ([]byte, error) {
	r, err := readEntry(ctx, tx, int64(e.Index))
	if errors.Is(err, db.ErrNoRows) {
		return nil, city.NotFound("tlog.entry", "index", e.Index)
	}
	if err != nil {
		return nil, err
	}
	open := r.open
	if !r.key.IsZero() && len(open) > 0 {
		open, err = l.Journal.Vault().UnsealBytes(ctx, tx, r.key, r.open)
	}
	switch {
	case errors.Is(err, journal.ErrErased) || err == nil && len(open) == 0:
		return nil, city.NotFound("tlog.erased", "index", e.Index)
	case err != nil:
		return nil, err
	}
	raw, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	var cp log.Checkpoint
	if raw != nil {
		if _, err := cp.Unmarshal(raw); err != nil {
			return nil, err
		}
	}
	if cp.Size <= e.Index {
		return nil, pending()
	}
	path, err := l.prove(ctx, e.Index, cp.Size)
	if err != nil {
		return nil, err
	}
	return proof.TLogProof{Index: e.Index, Hashes: path, Checkpoint: raw, ExtraData: open}.Marshal(), nil
}

// pending says that an entry waits for the next checkpoint.
func pending() error {
	e := city.Unavailable(nil, publishEvery*2)
	e.Message = city.Message{Key: "tlog.pending"}
	return e
}

func (l *Log) prove(ctx context.Context, index, size uint64) ([][sha256.Size]byte, error) {
	b, err := client.NewProofBuilder(ctx, size, l.files().ReadTile)
	if err != nil {
		return nil, err
	}
	hashes, err := b.InclusionProof(ctx, index)
	path := make([][sha256.Size]byte, len(hashes))
	for i, h := range hashes {
		path[i] = [sha256.Size]byte(h)
	}
	return path, err
}

// Published is how many entries the published checkpoint covers: of entries before
// that place receipts can be had.
func (l *Log) Published(ctx context.Context) (uint64, error) {
	raw, err := l.Checkpoint(ctx)
	if err != nil || raw == nil {
		return 0, err
	}
	var cp log.Checkpoint
	_, err = cp.Unmarshal(raw)
	return cp.Size, err
}

// Keys are what receipts of this log are checked with.
func (l *Log) Keys() Keys {
	return Keys{Logs: []note.Verifier{l.Key.Verifier()}, Witnesses: l.watching()}
}

func (l *Log) watching() (all []note.Verifier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.watchers.Endpoints() {
		all = append(all, v)
	}
	return all
}

// EntryAbout is the entry about a topic at a place of the log; a negative place asks
// for the newest. It is unavailable where nothing was told yet: what has happened is
// on its way.
func (l *Log) EntryAbout(ctx context.Context, tx *db.Tx, t Topic, index int64) (Entry, error) {
	all, err := l.About(ctx, tx, t)
	if err != nil {
		return Entry{}, err
	}
	if index < 0 {
		if len(all) == 0 {
			return Entry{}, pending()
		}
		return all[len(all)-1], nil
	}
	for _, e := range all {
		if e.Index == uint64(index) {
			return e, nil
		}
	}
	return Entry{}, city.NotFound("tlog.entry", "index", index)
}

// ReceiptAbout is the receipt of the entry that EntryAbout finds, with its errors.
func (l *Log) ReceiptAbout(ctx context.Context, tx *db.Tx, t Topic, index int64) ([]byte, error) {
	e, err := l.EntryAbout(ctx, tx, t, index)
	if err != nil {
		return nil, err
	}
	return l.Receipt(ctx, tx, e)
}
