package tlog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/tlog"
)

// watched is a log of another city that a witness watches, as a tree in memory.
type watched struct {
	testing.TB
	key  *tlog.Key
	tree *testonly.Tree
}

func newWatched(t testing.TB, n int) *watched {
	t.Helper()
	key, err := tlog.NewKey("other.example/log")
	must(t, err)
	w := &watched{t, key, testonly.New(rfc6962.DefaultHasher)}
	w.grow(n, "entry")
	return w
}

func (w *watched) grow(n int, word string) {
	for i := range n {
		w.tree.AppendData(fmt.Appendf(nil, "%s %d", word, i))
	}
}

func (w *watched) checkpoint(size uint64) []byte {
	w.Helper()
	raw, err := note.Sign(&note.Note{Text: string(log.Checkpoint{Origin: w.key.Name(), Size: size, Hash: w.tree.HashAt(size)}.Marshal())}, w.key)
	must(w, err)
	return raw
}

func (w *watched) proof(from, to uint64) (lines string) {
	w.Helper()
	if from == 0 || from == to {
		return ""
	}
	path, err := w.tree.ConsistencyProof(from, to)
	must(w, err)
	for _, h := range path {
		lines += base64.StdEncoding.EncodeToString(h) + "\n"
	}
	return lines
}

func (w *watched) request(from, to uint64) []byte {
	w.Helper()
	return fmt.Appendf(nil, "old %d\n%s\n%s", from, w.proof(from, to), w.checkpoint(to))
}

func newWitness(t testing.TB, d *db.DB, logs ...string) *tlog.Witness {
	t.Helper()
	key, err := tlog.NewKey("witness.example")
	must(t, err)
	w, err := tlog.NewWitness(d, city.WallClock{}, key, logs)
	must(t, err)
	return w
}

func TestWitness(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		other := newWatched(t, 40)
		w := newWitness(t, d, other.key.Public)
		v, err := fnote.NewVerifierForCosignatureV1(w.Public())
		must(t, err)
		signs := func(from, to uint64) {
			t.Helper()
			lines, err := w.Add(ctx, other.request(from, to))
			must(t, err)
			if _, err := note.Open(append(other.checkpoint(to), lines...), note.VerifierList(v)); err != nil {
				t.Errorf("the cosignature of %d: %v in %q", to, err, lines)
			}
		}
		refuses := func(what string, request []byte, why tlog.Refusal, size uint64) {
			t.Helper()
			lines, err := w.Add(ctx, request)
			var r *tlog.Refused
			if !errors.As(err, &r) || r.Why != why || r.Size != size || lines != nil {
				t.Errorf("%s: %v %q, want refusal %d of %d", what, err, lines, why, size)
			}
		}
		forks := func() (all []tlog.Fork) {
			t.Helper()
			must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				all, err = w.Forks(ctx, tx)
				return err
			}))
			return all
		}
		refuses("a first one that isn't the first", other.request(3, 5), tlog.RefusedSize, 0)
		signs(0, 5)
		signs(5, 5) // the same again
		signs(5, 17)
		refuses("an old one", other.request(5, 20), tlog.RefusedSize, 17)
		refuses("a smaller one", fmt.Appendf(nil, "old 17\n\n%s", other.checkpoint(12)), tlog.RefusedFormat, 0)
		refuses("no proof", bytes.Replace(other.request(17, 20), []byte(other.proof(17, 20)), nil, 1), tlog.RefusedProof, 0)
		refuses("a proof where none is due", fmt.Appendf(nil, "old 17\n%s\n%s", other.proof(5, 17), other.checkpoint(17)), tlog.RefusedProof, 0)
		before := len(forks()) // a proof that doesn't fit is kept with its checkpoint, too
		stranger := newWatched(t, 3)
		refuses("a false signature", stranger.request(0, 3), tlog.RefusedSignature, 0)
		unknown, err := tlog.NewKey("nobody.example/log")
		must(t, err)
		stranger.key = unknown
		refuses("a log that isn't watched", stranger.request(0, 3), tlog.RefusedUnknown, 0)
		for what, text := range map[string]string{"nothing": "", "no proof part": "old 3\n" + string(other.checkpoint(5)), "a signed number": "old +17\n\n" + string(other.checkpoint(20)),
			"zeros": "old 017\n\n" + string(other.checkpoint(20)), "words": "old seventeen\n\n" + string(other.checkpoint(20)), "a short hash": "old 17\nAAAA\n\n" + string(other.checkpoint(20)),
			"a long proof": "old 17\n" + strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n", 64) + "\n" + string(other.checkpoint(20))} {
			refuses(what, []byte(text), tlog.RefusedFormat, 0)
		}
		refuses("endless", bytes.Repeat([]byte("old 17\n"), tlog.MaxAddCheckpoint), tlog.RefusedFormat, 0)

		// the log forks: two trees of one size, both signed
		liar := newWatched(t, 5)
		liar.key = other.key
		liar.grow(12, "another")
		refuses("another tree of the same size", liar.request(17, 17), tlog.RefusedSize, 17)
		if all := forks(); len(all) != before+1 || !bytes.Equal(all[0].Ours, other.checkpoint(17)) || !bytes.Equal(all[0].Theirs, liar.checkpoint(17)) || all[0].Origin != "other.example/log" {
			t.Errorf("evidence: %d, %+v", len(all)-before, all)
		}
		liar.grow(10, "more")
		refuses("a tree that forgot", liar.request(17, 25), tlog.RefusedProof, 0)
		if all := forks(); len(all) != before+2 {
			t.Errorf("evidence: %+v", all)
		}
		signs(17, 40) // the true one goes on
		var seen []tlog.Seen
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			seen, err = w.Watched(ctx, tx)
			return err
		}))
		if len(seen) != 1 || seen[0].Size != 40 || seen[0].At.IsZero() {
			t.Errorf("watched: %+v", seen)
		}
	})
}

// Whoever asks at once with two trees gets one of them signed.
func TestWitnessSignsOneOfTwo(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		other, liar := newWatched(t, 9), newWatched(t, 2)
		liar.key = other.key
		liar.grow(7, "another")
		w := newWitness(t, d, other.key.Public)
		var signed [2]atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				one := []*watched{other, liar}[i%2]
				if lines, err := w.Add(context.Background(), one.request(0, 9)); err == nil && lines != nil {
					signed[i%2].Add(1)
				} else if r := new(tlog.Refused); err != nil && !errors.As(err, &r) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a, b := signed[0].Load(), signed[1].Load(); a+b != 1 {
			t.Errorf("signed %d times, and %d times another tree", a, b)
		}
	})
}

// What the quorum has not signed is not published; how it stands is seen.
func TestWitnessesGatePublication(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	watcher := newWitness(t, dbtest.SQLite(t), w.key.Public)
	var down atomic.Bool
	down.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if down.Load() || r.URL.Path != "/add-checkpoint" {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		lines, err := watcher.Add(r.Context(), body)
		if refused := new(tlog.Refused); errors.As(err, &refused) {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(map[tlog.Refusal]int{tlog.RefusedSize: 409}[refused.Why])
			fmt.Fprintf(rw, "%d\n", refused.Size)
			return
		}
		if err != nil {
			t.Error(err)
		}
		_, _ = rw.Write(lines)
	}))
	defer server.Close()
	l := w.node("witness neighbour " + watcher.Public() + " " + server.URL + "\nquorum neighbour\n")
	w.log = l
	stop := runs(l)
	defer func() { stop() }()
	w.happens(opened(1))
	s := w.until(l, "an entry that waits", func(s tlog.State) bool { return s.Waiting == 1 })
	if s.Size != 0 || s.Since.IsZero() || len(s.Witnesses) != 1 || !s.Witnesses[0].Seen.IsZero() {
		t.Errorf("without its witness the log stands at %+v", s)
	}
	if _, err := w.receipt(w.about("JH-2026-000001")[0]); city.KindOf(err) != city.KindUnavailable {
		t.Errorf("a receipt that no witness stands behind: %v", err)
	}
	down.Store(false)
	w.until(l, "the witness", func(s tlog.State) bool { return s.Size == 1 && !s.Witnesses[0].Seen.IsZero() })
	text, err := w.receipt(w.about("JH-2026-000001")[0])
	must(t, err)
	v, err := fnote.NewVerifierForCosignatureV1(watcher.Public())
	must(t, err)
	keys := w.keys()
	keys.Witnesses, keys.Quorum = []note.Verifier{v}, 1
	if r := tlog.Verify(string(text), keys, time.Now()); !r.Valid || len(r.Witnesses) != 1 || r.Witnesses[0].Name != "witness.example" || time.Since(r.Witnesses[0].At) > time.Hour {
		t.Errorf("the receipt: %+v", r)
	}
}

func FuzzAddCheckpoint(f *testing.F) {
	other := newWatched(f, 9)
	w := newWitness(f, dbtest.SQLite(f), other.key.Public)
	f.Add(other.request(0, 3))
	f.Add(other.request(3, 9))
	f.Add([]byte("old 0\n\nother.example/log\n"))
	f.Fuzz(func(t *testing.T, request []byte) {
		lines, err := w.Add(context.Background(), request)
		if err != nil {
			if r := new(tlog.Refused); !errors.As(err, &r) || lines != nil {
				t.Errorf("%v %q", err, lines)
			}
		}
	})
}
