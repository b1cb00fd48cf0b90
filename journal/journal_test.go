package journal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failing followers are logged, and here they fail on purpose
	os.Exit(m.Run())
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func vault(t testing.TB) *journal.Vault {
	t.Helper()
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	return v
}

func inTx(j *journal.Journal, e journal.Event) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error { return j.Append(ctx, tx, e) }
}

// all reads every event that can be delivered now.
func all(t testing.TB, d *db.DB, j *journal.Journal) (events []journal.Recorded) {
	t.Helper()
	must(t, d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		events, err = j.Read(ctx, tx, journal.Position{}, 1<<20)
		return err
	}))
	return events
}

func TestAppend(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		j := journal.New(d, vault(t))

		t.Run("what is rolled back leaves nothing and wakes nobody", func(t *testing.T) {
			wake, done := j.Watch()
			defer done()
			boom := errors.New("boom")
			err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := j.Append(ctx, tx, journal.Event{At: noon, Type: "case.opened", Subject: "1"}); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `UPDATE followers SET failures = $1`, 0); err != nil { // sends what was queued
					return err
				}
				return boom
			})
			if !errors.Is(err, boom) || len(all(t, d, j)) != 0 {
				t.Fatalf("got %v and %d events", err, len(all(t, d, j)))
			}
			select {
			case <-wake:
				t.Error("followers were woken for nothing")
			default:
			}
			must(t, d.Update(ctx, inTx(j, journal.Event{At: noon, Type: "a.b"})))
			select {
			case <-wake:
			default:
				t.Error("a commit woke nobody")
			}
		})

		t.Run("what went in comes out, without the officer's person", func(t *testing.T) {
			person, account := city.NewPersonID(), city.NewAccountID()
			e := journal.Event{
				At: noon, Type: "case.accept", Subject: "JH-2026-000001-1",
				Actor: city.Actor{Kind: city.Officer, Account: account, Person: city.NewPersonID(), Name: "Zhou",
					Body: "civil-affairs", Posts: []city.PostID{"civil-affairs.clerk"}, Channel: city.ChannelWeb},
				To:     []journal.Recipient{{Person: person}, {Post: "civil-affairs.approver", Region: "9901"}},
				Public: map[string]any{"kind": "senior"}, Data: map[string]any{"due": 5},
			}
			must(t, d.Update(ctx, inTx(j, e)))
			events := all(t, d, j)
			got := events[len(events)-1]
			want := journal.ActorRef{Kind: city.Officer, Account: account, Body: "civil-affairs",
				Posts: []city.PostID{"civil-affairs.clerk"}, Channel: city.ChannelWeb}
			if diff := cmp.Diff(want, got.Actor); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(e.To, got.To); diff != "" {
				t.Error(diff)
			}
			if !got.At.Equal(noon) || got.Type != e.Type || got.Subject != e.Subject ||
				string(got.Public) != `{"kind":"senior"}` || string(got.Data) != `{"due":5}` || got.Commitment != nil {
				t.Errorf("got %+v", got)
			}
		})

		t.Run("a unique event happens once", func(t *testing.T) {
			e := journal.Event{At: noon, Type: "score.published", Unique: "score:2026-03"}
			must(t, d.Update(ctx, inTx(j, e)))
			before := len(all(t, d, j))
			err := d.Update(ctx, inTx(j, e))
			if !errors.Is(err, db.ErrDuplicate) || len(all(t, d, j)) != before {
				t.Errorf("got %v and %d events more", err, len(all(t, d, j))-before)
			}
			for range 2 { // without a key, repeats are two events
				must(t, d.Update(ctx, inTx(j, journal.Event{At: noon, Type: "score.seen"})))
			}
		})

		t.Run("personal values need a key", func(t *testing.T) {
			for _, e := range []journal.Event{
				{At: noon, Type: "x.y", Sealed: map[string]string{"name": "Wang"}},
				{At: noon, Type: "x.y", Index: []journal.Entry{{Type: "case", ID: "1", Terms: "Wang"}}},
			} {
				before := len(all(t, d, j))
				if err := d.Update(ctx, inTx(j, e)); err == nil || len(all(t, d, j)) != before {
					t.Errorf("it was taken: %v", err)
				}
			}
		})

		t.Run("what cannot be written down is refused", func(t *testing.T) {
			for _, e := range []journal.Event{
				{At: noon, Type: "x.y", Data: make(chan int)},
				{At: noon, Type: "x.y", Public: func() {}},
			} {
				if err := d.Update(ctx, inTx(j, e)); err == nil {
					t.Error("it was taken")
				}
			}
		})
	})
}

func TestReadInPages(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		j := journal.New(d, vault(t))
		for i := range 7 {
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				for k := range 3 {
					if err := j.Append(ctx, tx, journal.Event{At: noon, Type: "n.n", Subject: fmt.Sprint(3*i + k)}); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		var got []string
		var at journal.Position
		for {
			var page []journal.Recorded
			must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				page, err = j.Read(ctx, tx, at, 4)
				return err
			}))
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				if !at.Before(e.Position) {
					t.Fatalf("%v after %v", e.Position, at)
				}
				at = e.Position
				got = append(got, e.Subject)
			}
		}
		if len(got) != 21 {
			t.Fatalf("got %v", got)
		}
		for i, s := range got {
			if s != fmt.Sprint(i) {
				t.Fatalf("got %v", got)
			}
		}
	})
}

func TestSealAndErase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		v := vault(t)
		j := journal.New(d, v)
		wang, li := city.NewPersonID(), city.NewPersonID()
		type words struct{ Name string }

		tell := func(who city.PersonID, name string) journal.KeyID {
			t.Helper()
			var key journal.KeyID
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				if key, err = v.NewKey(ctx, tx, who); err != nil {
					return err
				}
				return j.Append(ctx, tx, journal.Event{At: noon, Type: "case.opened", Key: key, Sealed: words{name},
					Index: []journal.Entry{{Type: "case", ID: "1", Terms: name}}})
			}))
			return key
		}
		open := func(j *journal.Journal, r journal.Recorded) (w words, entries []journal.Entry, err error) {
			err = d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				entries, err = j.Open(ctx, tx, r, &w)
				return err
			})
			return w, entries, err
		}

		first := tell(wang, "王秀英")
		tell(wang, "王秀英")
		tell(li, "李强")
		events := all(t, d, j)
		fresh := journal.New(d, vault(t)) // another node, with nothing in memory
		for i, want := range []string{"王秀英", "王秀英", "李强"} {
			for _, node := range []*journal.Journal{j, fresh} {
				w, entries, err := open(node, events[i])
				if err != nil || w.Name != want || len(entries) != 1 || entries[0].Terms != want {
					t.Errorf("event %d: got %+v, %+v, %v", i, w, entries, err)
				}
			}
			if len(events[i].Commitment) != sha256.Size || bytes.Equal(events[0].Commitment, events[1].Commitment) {
				t.Error("commitments must be salted hashes: the same words twice, two commitments")
			}
		}

		t.Run("nothing personal stands in the clear", func(t *testing.T) {
			must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				rows, err := db.All(ctx, tx, func(r db.Row) (string, error) {
					var body string
					var sealed []byte
					err := r.Scan(&body, &sealed)
					return body + string(sealed), err
				}, `SELECT body, sealed FROM journal`)
				for _, r := range rows {
					if bytes.Contains([]byte(r), []byte("王秀英")) || bytes.Contains([]byte(r), []byte("李强")) {
						t.Error("a name can be read in the journal")
					}
				}
				return err
			}))
		})

		t.Run("an erasure that is rolled back erases nothing", func(t *testing.T) {
			boom := errors.New("boom")
			err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := v.Erase(ctx, tx, wang); err != nil {
					return err
				}
				if _, err := v.Seal(ctx, tx, first, "late"); !errors.Is(err, journal.ErrErased) {
					t.Errorf("sealing under a key just destroyed: %v", err)
				}
				return boom
			})
			if w, _, e := open(j, events[0]); !errors.Is(err, boom) || e != nil || w.Name != "王秀英" {
				t.Errorf("got %v, %v, %v", err, w, e)
			}
		})

		t.Run("erased is erased, others stay, order and commitments stand", func(t *testing.T) {
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return v.Erase(ctx, tx, wang) }))
			for i := range 2 {
				if w, entries, err := open(j, events[i]); !errors.Is(err, journal.ErrErased) || w.Name != "" || entries != nil {
					t.Errorf("event %d: %v, %v, %v", i, w, entries, err)
				}
				if _, _, err := open(journal.New(d, vault(t)), events[i]); !errors.Is(err, journal.ErrErased) {
					t.Errorf("event %d on a fresh node: %v", i, err)
				}
			}
			if w, _, err := open(j, events[2]); err != nil || w.Name != "李强" {
				t.Errorf("a neighbour was erased: %v, %v", w, err)
			}
			after := all(t, d, j)
			for i := range events {
				if after[i].Position != events[i].Position || !bytes.Equal(after[i].Commitment, events[i].Commitment) {
					t.Errorf("event %d changed", i)
				}
			}
			err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := v.Seal(ctx, tx, first, "again")
				return err
			})
			if !errors.Is(err, journal.ErrErased) {
				t.Errorf("sealing under an erased key: %v", err)
			}
		})

		t.Run("another master key opens nothing and says so", func(t *testing.T) {
			other, err := journal.NewVault(bytes.Repeat([]byte{8}, 32))
			must(t, err)
			if _, _, err := open(journal.New(d, other), events[2]); err == nil || errors.Is(err, journal.ErrErased) {
				t.Errorf("got %v: a wrong key is no erasure", err)
			}
		})

		t.Run("a sealed value moved under another key does not open", func(t *testing.T) {
			must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				a, err := v.NewKey(ctx, tx, li)
				must(t, err)
				b, err := v.NewKey(ctx, tx, li)
				must(t, err)
				box, err := v.SealBytes(ctx, tx, a, []byte("photo"))
				must(t, err)
				if plain, err := v.UnsealBytes(ctx, tx, a, box); err != nil || string(plain) != "photo" {
					t.Errorf("got %q, %v", plain, err)
				}
				if _, err := v.UnsealBytes(ctx, tx, b, box); err == nil {
					t.Error("it opened")
				}
				if _, err := v.UnsealBytes(ctx, tx, a, box[:5]); err == nil {
					t.Error("a torn value opened")
				}
				box[len(box)-1] ^= 1
				if _, err := v.UnsealBytes(ctx, tx, a, box); err == nil {
					t.Error("a changed value opened")
				}
				return nil
			}))
		})
	})
}

// Many keys at once: what leaves memory is read again.
func TestVaultUnderLoad(t *testing.T) {
	d := dbtest.SQLite(t)
	ctx := context.Background()
	v := vault(t)
	type sealed struct {
		key journal.KeyID
		box []byte
	}
	var boxes []sealed
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range 20000 { // more than the vault keeps
			key, err := v.NewKey(ctx, tx, city.PersonID{})
			if err != nil {
				return err
			}
			if i%500 == 0 {
				box, err := v.Seal(ctx, tx, key, i)
				if err != nil {
					return err
				}
				boxes = append(boxes, sealed{key, box})
			}
		}
		return nil
	}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				for i, b := range boxes {
					var n int
					if err := v.Unseal(ctx, tx, b.key, b.box, &n); err != nil || n != i*500 {
						return fmt.Errorf("box %d: %d, %w", i, n, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestEventsAreJSONForPeopleToo(t *testing.T) {
	raw, err := json.Marshal(journal.Recipient{Post: "health.clerk"})
	if err != nil || string(raw) != `{"post":"health.clerk"}` {
		t.Errorf("got %s, %v: empty fields are left out", raw, err)
	}
}
