package tlog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/tlog"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var told = []tlog.Told{
	{Type: "case.opened", Data: []string{"item"}},
	{Type: "case.*", With: "result", Data: []string{"item", "result"}},
	{Type: "rule.published"},
}

// town is a database with a journal that a log follows.
type town struct {
	testing.TB
	d   *db.DB
	j   *journal.Journal
	dir string
	key *tlog.Key
	log *tlog.Log
}

func newTown(t testing.TB, d *db.DB) *town {
	t.Helper()
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	key, err := tlog.NewKey("city.example/log")
	must(t, err)
	w := &town{TB: t, d: d, j: journal.New(d, v), dir: filepath.Join(t.TempDir(), "log"), key: key}
	w.log = w.node("")
	w.j.Follow(w.log)
	return w
}

// node is a further process of the city.
func (w *town) node(policy string) *tlog.Log {
	w.Helper()
	l, err := tlog.New(tlog.Options{DB: w.d, Journal: w.j, Clock: city.WallClock{}, Dir: w.dir, Key: w.key, Told: told, Policy: []byte(policy), Log: slog.New(slog.DiscardHandler)})
	must(w, err)
	return l
}

func (w *town) update(f func(context.Context, *db.Tx) error) {
	w.Helper()
	must(w, w.d.Update(context.Background(), f))
}

func (w *town) view(f func(context.Context, *db.Tx) error) {
	w.Helper()
	must(w, w.d.View(context.Background(), f))
}

// happens appends events and lets the follower read them.
func (w *town) happens(events ...journal.Event) {
	w.Helper()
	w.update(func(ctx context.Context, tx *db.Tx) error {
		for _, e := range events {
			if e.At.IsZero() {
				e.At = time.Now()
			}
			if err := w.j.Append(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	must(w, w.j.CatchUp(context.Background()))
}

// runs lets a log append until the function is called.
func runs(l *tlog.Log) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (w *town) state(l *tlog.Log) (s tlog.State) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		s, err = l.State(ctx, tx)
		return err
	})
	return s
}

// until waits for a state of the log; a test that waits in vain ends with its
// package's time.
func (w *town) until(l *tlog.Log, what string, ok func(tlog.State) bool) tlog.State {
	w.Helper()
	for n := 0; ; n++ {
		s := w.state(l)
		if ok(s) {
			return s
		}
		if n == 3000 {
			w.Fatalf("%s: in vain; the log stands at %+v", what, s)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *town) published(n uint64) tlog.State {
	w.Helper()
	return w.until(w.log, fmt.Sprintf("%d entries published", n), func(s tlog.State) bool { return s.Size >= n })
}

func (w *town) about(subject string) (all []tlog.Entry) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		all, err = w.log.About(ctx, tx, tlog.Topic{Subject: subject})
		return err
	})
	return all
}

func (w *town) receipt(e tlog.Entry) (text []byte, err error) {
	w.view(func(ctx context.Context, tx *db.Tx) error {
		text, err = w.log.Receipt(ctx, tx, e)
		return nil
	})
	return text, err
}

func (w *town) keys() tlog.Keys { return tlog.Keys{Logs: []note.Verifier{w.key.Verifier()}} }

func opened(n int) journal.Event {
	return journal.Event{Type: "case.opened", Subject: fmt.Sprintf("JH-2026-%06d", n), Actor: city.SystemActor("test"), Data: map[string]any{"item": "food", "due": "secret-to-the-log"}}
}

func TestReceipts(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		stop := runs(w.log)
		defer stop()
		xiulan := city.NewPersonID()
		filed := opened(1)
		filed.To = []journal.Recipient{{Person: xiulan}}
		granted := journal.Event{Type: "case.grant", Subject: filed.Subject, Actor: city.SystemActor("test"), To: filed.To, Data: map[string]any{"item": "food", "result": "granted"}}
		w.happens(filed,
			journal.Event{Type: "case.comment", Subject: filed.Subject, Actor: city.SystemActor("test"), Data: map[string]any{"item": "food"}},
			granted,
			journal.Event{Type: "rule.published", Subject: "senior-allowance", Actor: city.SystemActor("test"), Public: map[string]any{"digest": "ab<12>"}})
		s := w.published(3)
		if s.Size != 3 || s.Waiting != 0 || s.Alarm != "" {
			t.Fatalf("the log stands at %+v", s)
		}

		all := w.about(filed.Subject)
		if len(all) != 2 || all[0].Type != "case.opened" || all[1].Type != "case.grant" {
			t.Fatalf("entries of the case: %+v", all)
		}
		text, err := w.receipt(all[1])
		must(t, err)
		if !tlog.LooksLikeReceipt(string(text)) {
			t.Errorf("no receipt: %s", text)
		}
		r := tlog.Verify(string(text), w.keys(), time.Now())
		if !r.Valid || r.Reason != tlog.ReasonOK || r.Index != 1 || r.Size != 3 || r.Log != "city.example/log" {
			t.Fatalf("the receipt: %+v", r)
		}
		if got := string(r.Statement.Facts); r.Statement.Subject != filed.Subject || got != `{"item":"food","result":"granted"}` {
			t.Errorf("the statement: %+v, facts %s", r.Statement, got)
		}
		crlf := "\ufeff\r\n" + strings.ReplaceAll(string(text), "\n", "\r\n") + "\r\n"
		if got := tlog.Verify(crlf, w.keys(), time.Now()); !got.Valid {
			t.Errorf("the same with other line ends: %s", got.Reason)
		}
		rule, err := w.receipt(w.about("senior-allowance")[0])
		must(t, err)
		if got := tlog.Verify(string(rule), w.keys(), time.Now()); !got.Valid || string(got.Statement.Facts) != `{"digest":"ab\u003c12\u003e"}` {
			t.Errorf("the rule's receipt: %+v %s", got, got.Statement.Facts)
		}

		refused := func(name, text string, keys tlog.Keys, at time.Time, want tlog.Reason) {
			t.Helper()
			if got := tlog.Verify(text, keys, at); got.Valid || got.Reason != want || got.Statement != nil && want != tlog.ReasonNotYetWritten && want != tlog.ReasonFewWitnesses {
				t.Errorf("%s: %+v, want %s", name, got, want)
			}
		}
		other, err := tlog.NewKey("city.example/log")
		must(t, err)
		stranger, err := tlog.NewKey("elsewhere.example/log")
		must(t, err)
		refused("no key", string(text), tlog.Keys{}, time.Now(), tlog.ReasonUnknownLog)
		refused("a stranger's key", string(text), tlog.Keys{Logs: []note.Verifier{stranger.Verifier()}}, time.Now(), tlog.ReasonUnknownLog)
		refused("a false key of the name", string(text), tlog.Keys{Logs: []note.Verifier{other.Verifier()}}, time.Now(), tlog.ReasonBadSignature)
		refused("the index of another", strings.Replace(string(text), "index 1\n", "index 0\n", 1), w.keys(), time.Now(), tlog.ReasonNotInLog)
		refused("a clock a day behind", string(text), w.keys(), time.Now().Add(-24*time.Hour), tlog.ReasonNotYetWritten)
		refused("witnesses are asked for", string(text), tlog.Keys{Logs: w.keys().Logs, Quorum: 1}, time.Now(), tlog.ReasonFewWitnesses)
		refused("without what opens it", dropLine(string(text), "extra "), w.keys(), time.Now(), tlog.ReasonNoStatement)
		refused("half of it", string(text[:len(text)/2]), w.keys(), time.Now(), tlog.ReasonDamaged)
		refused("too long", string(text)+strings.Repeat("— x AAAA\n", tlog.MaxReceipt/8), w.keys(), time.Now(), tlog.ReasonDamaged)
		refused("another statement", strings.Replace(string(text), extra(string(text)), forged(t, string(text)), 1), w.keys(), time.Now(), tlog.ReasonNotInLog)
		for range 300 { // a flipped sign anywhere
			bad := bytes.Clone(text)
			i := rand.IntN(len(bad))
			bad[i] ^= 1 << rand.IntN(7)
			if got := tlog.Verify(string(bad), w.keys(), time.Now()); got.Valid && (got.Statement.Subject != r.Statement.Subject || string(got.Statement.Facts) != string(r.Statement.Facts) || !got.Statement.At.Equal(r.Statement.At)) {
				t.Fatalf("with %q at %d it says %+v", bad[i], i, got.Statement)
			}
		}

		// who is erased takes the receipt along, and leaves the log whole
		w.update(func(ctx context.Context, tx *db.Tx) error { return w.j.Vault().Erase(ctx, tx, xiulan) })
		if _, err := w.receipt(all[1]); city.KindOf(err) != city.KindNotFound {
			t.Errorf("the receipt of somebody erased: %v", err)
		}
		if got := tlog.Verify(string(text), w.keys(), time.Now()); !got.Valid {
			t.Errorf("what was handed out before holds: %+v", got)
		}
		late := opened(2)
		late.To = filed.To
		w.happens(late)
		w.published(4)
		if _, err := w.receipt(w.about(late.Subject)[0]); city.KindOf(err) != city.KindNotFound {
			t.Errorf("what is told of somebody erased: %v", err)
		}
		w.whole(4)
	})
}

func extra(receipt string) string {
	_, rest, _ := strings.Cut(receipt, "extra ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

func forged(t *testing.T, receipt string) string {
	raw, err := base64.StdEncoding.DecodeString(extra(receipt))
	must(t, err)
	return base64.StdEncoding.EncodeToString(bytes.Replace(raw, []byte("granted"), []byte("refused"), 1))
}

func dropLine(text, prefix string) string {
	i := strings.Index(text, prefix)
	j := strings.Index(text[i:], "\n")
	return text[:i] + text[i+j+1:]
}

// whole reads the published log as a stranger does, and compares its root with one
// that is reckoned anew from its entries.
func (w *town) whole(n uint64) [][]byte {
	w.Helper()
	ctx := context.Background()
	files := client.FileFetcher{Root: w.dir}
	raw, err := files.ReadCheckpoint(ctx)
	must(w, err)
	cp, _, _, err := log.ParseCheckpoint(raw, w.key.Name(), w.key.Verifier())
	must(w, err)
	if cp.Size != n {
		w.Fatalf("the log has %d entries, want %d", cp.Size, n)
	}
	tree := testonly.New(rfc6962.DefaultHasher)
	var entries [][]byte
	for i := uint64(0); i*256 < n; i++ {
		b, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, i, n)
		must(w, err)
		entries = append(entries, b.Entries...)
	}
	for _, e := range entries {
		if len(e) != sha256.Size {
			w.Fatalf("an entry of %d bytes", len(e))
		}
		tree.AppendData(e)
	}
	if !bytes.Equal(tree.Hash(), cp.Hash) {
		w.Fatal("the root is not that of the entries")
	}
	return entries
}

func TestNothingTwiceAndNothingLost(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		const rounds, each = 4, 300
		for i := range rounds {
			stop := runs(w.log)
			events := make([]journal.Event, each)
			for k := range events {
				events[k] = opened(i*each + k)
			}
			w.happens(events...)
			if i%2 == 0 {
				w.until(w.log, "some of it published", func(s tlog.State) bool { return s.Size > uint64(i*each) })
			}
			stop()
			if i == 1 {
				must(t, w.j.Rebuild(context.Background(), "tlog")) // tells nothing again
				must(t, w.j.CatchUp(context.Background()))
			}
		}
		defer runs(w.log)()
		w.published(rounds * each)
		entries := w.whole(rounds * each)
		for i := range rounds * each {
			all := w.about(fmt.Sprintf("JH-2026-%06d", i))
			if len(all) != 1 || all[0].Index != uint64(i) {
				t.Fatalf("entries of case %d: %+v", i, all)
			}
			if i%50 != 0 { // each proof reads files
				continue
			}
			text, err := w.receipt(all[0])
			must(t, err)
			if r := tlog.Verify(string(text), w.keys(), time.Now()); !r.Valid || r.Index != uint64(i) {
				t.Fatalf("case %d: %+v", i, r)
			}
		}
		seen := map[string]bool{}
		for _, e := range entries {
			if seen[string(e)] {
				t.Fatal("an entry stands twice")
			}
			seen[string(e)] = true
		}
	})
}

func TestOneOfSeveralNodesAppends(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	second := w.node("")
	stopFirst, stopSecond := runs(w.log), runs(second)
	w.happens(opened(1), opened(2))
	w.published(2)
	stopFirst() // the other takes over
	w.happens(opened(3))
	w.published(3)
	stopSecond()
	w.whole(3)
}

func TestAnOlderDatabase(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	stop := runs(w.log)
	w.happens(opened(1), opened(2))
	w.published(2)
	stop()

	restored := newTown(t, dbtest.SQLite(t))
	restored.dir, restored.key = w.dir, w.key
	restored.log = restored.node("")
	restored.j.Follow(restored.log)
	restored.happens(opened(1)) // the same case with another salt
	defer runs(restored.log)()
	s := restored.until(restored.log, "an alarm", func(s tlog.State) bool { return s.Alarm != "" })
	if s.Size != 2 || !strings.Contains(s.Alarm, "older database") {
		t.Errorf("the log stands at %+v", s)
	}
	w.whole(2)
}

func TestAKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "log.key")
	if _, err := tlog.LoadKey(path, "city.example/log", false); err == nil {
		t.Error("a key out of nothing")
	}
	made, err := tlog.LoadKey(path, "city.example/log", true)
	must(t, err)
	again, err := tlog.LoadKey(path, "other.example/log", true)
	must(t, err)
	if again.Public != made.Public || again.Name() != "city.example/log" {
		t.Errorf("read back %s, made %s", again.Public, made.Public)
	}
	must(t, os.Chmod(path, 0o644))
	if _, err := tlog.LoadKey(path, "", false); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that all may read: %v", err)
	}
	must(t, os.Chmod(path, 0o600))
	must(t, os.WriteFile(path, []byte("PRIVATE+KEY+x+00000000+AAAA\n"), 0o600))
	if _, err := tlog.LoadKey(path, "", false); err == nil {
		t.Error("a key that is none")
	}
}

func FuzzVerify(f *testing.F) {
	key, err := tlog.NewKey("city.example/log")
	must(f, err)
	f.Add("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 3\nAAAA\n\ncity.example/log\n4\nAAAA\n\n— city.example/log AAAA\n")
	f.Add("c2sp.org/tlog-proof@v1\n")
	keys := tlog.Keys{Logs: []note.Verifier{key.Verifier()}}
	f.Fuzz(func(t *testing.T, text string) {
		if r := tlog.Verify(text, keys, time.Now()); r.Valid || r.Statement != nil {
			t.Errorf("valid without a signature: %+v", r)
		}
	})
}

// What is public of an event may be large, or no object: the log goes on.
func TestLargeStatements(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	defer runs(w.log)()
	w.happens(
		journal.Event{Type: "rule.published", Subject: "large", Actor: city.SystemActor("test"), Public: map[string]any{"words": strings.Repeat("long ", 20_000)}},
		journal.Event{Type: "rule.published", Subject: "list", Actor: city.SystemActor("test"), Public: []int{1, 2}},
		journal.Event{Type: "rule.published", Subject: "small", Actor: city.SystemActor("test")})
	w.published(3)
	for subject, want := range map[string]string{"large": `{"sha256":"`, "list": `{"public":[1,2]}`, "small": ""} {
		text, err := w.receipt(w.about(subject)[0])
		must(t, err)
		r := tlog.Verify(string(text), w.keys(), time.Now())
		if !r.Valid || !strings.HasPrefix(string(r.Statement.Facts), want) || len(r.Statement.Facts) > 100 {
			t.Errorf("%s: %+v %.80s", subject, r, r.Statement.Facts)
		}
	}
}
