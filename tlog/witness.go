package tlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
	"yiwang/internal/db"
)

// Refusal is why a witness doesn't sign (C2SP tlog-witness).
type Refusal int

const (
	RefusedFormat    Refusal = iota + 1 // the request can't be read, or its old size is beyond the checkpoint
	RefusedUnknown                      // the log isn't watched here
	RefusedSignature                    // the log has not signed the checkpoint
	RefusedSize                         // what was signed here last has another size, or another root
	RefusedProof                        // the checkpoint doesn't contain what was signed here last
)

// Refused is the error of a witness that doesn't sign.
type Refused struct {
	Why  Refusal
	Size uint64 // what was signed here last; for RefusedSize
}

func (r *Refused) Error() string { return fmt.Sprintf("the witness refuses (%d)", r.Why) }

// MaxAddCheckpoint bounds a request to a witness, in bytes.
const MaxAddCheckpoint = 64 << 10

// Witness watches logs of other cities: it signs a checkpoint only when it grew out
// of the one signed before, and keeps two that can't both be true as evidence. It is
// safe for concurrent use, on several nodes too.
type Witness struct {
	db     *db.DB
	clock  city.Clock
	signer note.Signer
	public string

	mu   sync.Mutex
	logs map[string]note.Verifier // guarded by mu
}

// NewWitness watches the logs with these verifier keys (C2SP signed-note). The key
// must be no log's own.
func NewWitness(d *db.DB, clock city.Clock, key *Key, logs []string) (*Witness, error) {
	w := &Witness{db: d, clock: clock, logs: map[string]note.Verifier{}}
	var err error
	if w.signer, w.public, err = key.cosigner(); err != nil {
		return nil, err
	}
	for _, text := range logs {
		if err := w.Watch(text); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Watch lets the witness watch one more log, by its verifier key. The same again
// changes nothing; another key of a log that is watched is refused.
func (w *Witness) Watch(key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("the log's key %q: %w", key, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if have, twice := w.logs[v.Name()]; twice && have.KeyHash() != v.KeyHash() {
		return fmt.Errorf("the log %s has two keys", v.Name())
	}
	w.logs[v.Name()] = v
	return nil
}

func (w *Witness) log(origin string) (note.Verifier, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := w.logs[origin]
	return v, ok
}

func (w *Witness) origins() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for origin := range w.logs {
		all = append(all, origin)
	}
	return all
}

// Public is the verifier key of the witness, for the policies of those it watches.
func (w *Witness) Public() string { return w.public }

// Add answers a request of C2SP tlog-witness's add-checkpoint: signature lines, or
// an error of type *Refused. What is signed is on the disk before.
func (w *Witness) Add(ctx context.Context, request []byte) ([]byte, error) {
	old, path, checkpoint, err := parseAdd(request)
	if err != nil {
		return nil, &Refused{Why: RefusedFormat}
	}
	origin, _, _ := bytes.Cut(checkpoint, []byte("\n"))
	v, ok := w.log(string(origin))
	if !ok {
		return nil, &Refused{Why: RefusedUnknown}
	}
	cp, _, n, err := log.ParseCheckpoint(checkpoint, v.Name(), v)
	switch {
	case err != nil:
		return nil, &Refused{Why: RefusedSignature}
	case old > cp.Size || cp.Size > 1<<62:
		return nil, &Refused{Why: RefusedFormat}
	}
	var refused *Refused
	var fork []byte // what was signed before and contradicts
	now := city.Micros(w.clock.Now())
	err = w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		refused, fork = nil, nil
		have, err := readWitnessed(ctx, tx, v.Name())
		if err != nil {
			return err
		}
		if refused, fork = judge(have, old, cp, path); refused != nil {
			if fork != nil {
				insertFork(tx, v.Name(), now, fork, checkpoint)
			}
			return nil
		}
		moveWitnessed(tx, v.Name(), old, witnessRow{cp.Size, cp.Hash, checkpoint}, now)
		return nil
	})
	switch {
	case errors.Is(err, db.ErrNoRows): // another request was faster
		var have witnessRow
		err = w.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			have, err = readWitnessed(ctx, tx, v.Name())
			return err
		})
		if err == nil {
			err = &Refused{Why: RefusedSize, Size: have.size}
		}
		return nil, err
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	}
	signed, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		return nil, err
	}
	_, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	return lines, nil
}

// judge says whether a checkpoint grew out of the one signed before. A contradiction
// that the log itself has signed comes back as the checkpoint it contradicts.
func judge(have witnessRow, old uint64, cp *log.Checkpoint, path [][]byte) (*Refused, []byte) {
	switch {
	case old != have.size:
		if cp.Size == have.size && len(have.root) > 0 && !bytes.Equal(cp.Hash, have.root) {
			return &Refused{Why: RefusedSize, Size: have.size}, have.checkpoint
		}
		return &Refused{Why: RefusedSize, Size: have.size}, nil
	case old == cp.Size:
		if len(have.root) > 0 && !bytes.Equal(cp.Hash, have.root) {
			return &Refused{Why: RefusedSize, Size: have.size}, have.checkpoint
		}
		if len(path) > 0 || old == 0 && !bytes.Equal(cp.Hash, rfc6962.DefaultHasher.EmptyRoot()) {
			return &Refused{Why: RefusedProof}, nil
		}
	case old == 0:
		if len(path) > 0 {
			return &Refused{Why: RefusedProof}, nil
		}
	case merkle.VerifyConsistency(rfc6962.DefaultHasher, old, cp.Size, path, have.root, cp.Hash) != nil:
		return &Refused{Why: RefusedProof}, have.checkpoint
	}
	return nil, nil
}

// parseAdd reads "old SIZE", a consistency proof line by line, a blank line and the
// checkpoint.
func parseAdd(request []byte) (old uint64, path [][]byte, checkpoint []byte, err error) {
	bad := errors.New("not a request to a witness")
	if len(request) > MaxAddCheckpoint {
		return 0, nil, nil, bad
	}
	head, checkpoint, ok := bytes.Cut(request, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, bad
	}
	lines := strings.Split(string(head), "\n")
	digits, ok := strings.CutPrefix(lines[0], "old ")
	if !ok || len(lines)-1 > maxPath || digits != "0" && strings.HasPrefix(digits, "0") || strings.HasPrefix(digits, "+") {
		return 0, nil, nil, bad
	}
	if old, err = strconv.ParseUint(digits, 10, 63); err != nil {
		return 0, nil, nil, bad
	}
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(l)
		if err != nil || len(h) != rfc6962.DefaultHasher.Size() {
			return 0, nil, nil, bad
		}
		path = append(path, h)
	}
	return old, path, checkpoint, nil
}

// Fork is evidence: two checkpoints that one log signed and that can't both be true,
// or of which the second doesn't contain the first.
type Fork struct {
	Origin       string
	At           time.Time
	Ours, Theirs []byte
}

// Forks lists the evidence, newest first.
func (w *Witness) Forks(ctx context.Context, tx *db.Tx) ([]Fork, error) { return forks(ctx, tx, 100) }

// Seen is a log that is watched, and what was signed of it last.
type Seen struct {
	Origin string
	Size   uint64
	At     time.Time // zero: nothing yet
}

// Watched lists the logs that are watched.
func (w *Witness) Watched(ctx context.Context, tx *db.Tx) ([]Seen, error) {
	rows, err := allWitnessed(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := []Seen{}
	for _, r := range rows {
		if _, ok := w.log(r.Origin); ok {
			out = append(out, r)
		}
	}
	for _, origin := range w.origins() {
		if !slices.ContainsFunc(out, func(s Seen) bool { return s.Origin == origin }) {
			out = append(out, Seen{Origin: origin})
		}
	}
	slices.SortFunc(out, func(a, b Seen) int { return strings.Compare(a.Origin, b.Origin) })
	return out, nil
}
