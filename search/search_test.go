package search_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/search"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type town struct {
	*search.Index
	t testing.TB
	d *db.DB
	j *journal.Journal
	v *journal.Vault
}

func newTown(t testing.TB, d *db.DB) *town {
	t.Helper()
	raw, err := os.ReadFile("../cities/jianghai/access/search.cedar")
	must(t, err)
	a, err := access.New(map[string][]byte{"search.cedar": raw})
	must(t, err)
	v, err := journal.NewVault(bytes.Repeat([]byte{5}, 32))
	must(t, err)
	w := &town{t: t, d: d, v: v, j: journal.New(d, v)}
	w.Index = search.New(w.j, a)
	w.j.Follow(w.Index)
	return w
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// happens appends an event about a person with what to find it by.
func (w *town) happens(who city.PersonID, entries ...journal.Entry) journal.KeyID {
	w.t.Helper()
	var key journal.KeyID
	must(w.t, w.d.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if key, err = w.v.NewKey(ctx, tx, who); err != nil {
			return err
		}
		return w.j.Append(ctx, tx, journal.Event{At: noon, Type: "case.opened", Key: key, Index: entries})
	}))
	must(w.t, w.j.CatchUp(ctx))
	return key
}

func entry(id, terms string, attrs ...string) journal.Entry {
	e := journal.Entry{Type: "case", ID: id, Title: city.Text{ZhHans: "预订球场", En: "Booking a court"}, Terms: terms, Attrs: map[string]string{}}
	for i := 0; i+1 < len(attrs); i += 2 {
		e.Attrs[attrs[i]] = attrs[i+1]
	}
	return e
}

func (w *town) page(a city.Actor, query string, types []string, limit int, after string) (hits []search.Hit, next string, err error) {
	err = w.d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		hits, next, err = w.Search(ctx, tx, a, query, types, limit, after)
		return err
	})
	return hits, next, err
}

func (w *town) finds(a city.Actor, query string, types ...string) string {
	w.t.Helper()
	hits, _, err := w.page(a, query, types, 0, "")
	must(w.t, err)
	var ids []string
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return strings.Join(ids, " ")
}

func resident(p city.PersonID) city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: p}
}

func officer(body city.BodyID, posts ...city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: body, Posts: posts}
}

func TestWords(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		wang, li, chen := city.NewPersonID(), city.NewPersonID(), city.NewPersonID()
		w.happens(wang, entry("JH-2026-000001-1", "JH-2026-000001-1 王小明 990101194011050151 海棠街道柳巷5号", "body", "club"))
		w.happens(li, entry("JH-2026-000012-7", "JH-2026-000012-7 李小二 小明的店 Lily's Food & Tea", "body", "club"))
		w.happens(chen, entry("JH-2026-000123-3", "JH-2026-000123-3 陈桂英 海棠 ＣＡＦÉ", "body", "club"))
		desk := officer("club")
		for query, want := range map[string]string{
			"王小明":              "JH-2026-000001-1",
			"小明":               "JH-2026-000012-7 JH-2026-000001-1", // newest first
			"王":                "JH-2026-000001-1",
			"明":                "JH-2026-000012-7 JH-2026-000001-1",
			"陈":                "JH-2026-000123-3",
			"李小明":              "", // characters together stand together
			"海棠":               "JH-2026-000123-3 JH-2026-000001-1",
			"海棠 陈桂英":           "JH-2026-000123-3",
			"海棠街道":             "JH-2026-000001-1",
			"街 王":              "JH-2026-000001-1",
			"JH-2026-000012-7": "JH-2026-000012-7",
			"jh20260000127":    "JH-2026-000012-7",
			"jh 2026 000012":   "JH-2026-000012-7",
			"JH-2026-000":      "JH-2026-000123-3 JH-2026-000012-7 JH-2026-000001-1",
			"JH-2026-00001":    "JH-2026-000012-7",
			"000012":           "JH-2026-000012-7",
			"12":               "",
			"99010119401105":   "JH-2026-000001-1", // a beginning
			"0151":             "",                 // an end is none
			"lily":             "JH-2026-000012-7",
			"foo":              "JH-2026-000012-7",
			"foo ":             "", // finished: the word itself
			"food tea":         "JH-2026-000012-7",
			"tea food":         "JH-2026-000012-7",
			"food coffee":      "",
			"café":             "JH-2026-000123-3",
			"ｃａｆé":             "JH-2026-000123-3",
			"":                 "",
			"？！":               "",
			`" OR "`:           "",
			"') | ('":          "",
			"小明*":              "JH-2026-000012-7 JH-2026-000001-1",
			"\x00\xff":         "",
		} {
			if got := w.finds(desk, query); got != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
		hits, _, err := w.page(desk, "王小明", nil, 0, "")
		must(t, err)
		want := []search.Hit{{Type: "case", ID: "JH-2026-000001-1", Title: city.Text{ZhHans: "预订球场", En: "Booking a court"}, At: noon, Attrs: map[string]string{"body": "club"}}}
		if diff := cmp.Diff(want, hits); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoFindsWhat(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother, daughter, stranger := city.NewPersonID(), city.NewPersonID(), city.NewPersonID()
		firm := city.NewFirmID()
		w.happens(mother, entry("1", "红旗 一", "applicant", mother.String(), "bodies", "club,pool", "region", "990101001", "item", "court"))
		w.happens(mother, entry("2", "红旗 二", "applicant", mother.String(), "bodies", "pool", "region", "990102", "item", "lane", "counter", "desk-east"))
		w.happens(daughter, entry("3", "红旗 三", "person", daughter.String(), "firm", firm.String(), "body", "club", "region", ""))
		licence := entry("L4", "红旗 四", "person", mother.String(), "body", "club", "region", "9901")
		licence.Type = "credential"
		w.happens(mother, licence)
		w.happens(stranger, entry("5", "红旗 五", "posts", "chess.warden chess.clerk", "region", "990101"))
		w.happens(stranger, entry("6", "红旗 六")) // nobody's but the program's

		with := func(a city.Actor, change func(*city.Actor)) city.Actor { change(&a); return a }
		acting := func(items ...city.ItemCode) city.Actor {
			return with(resident(daughter), func(a *city.Actor) { a.OnBehalf, a.Items = mother, items })
		}
		in := func(a city.Actor, regions ...city.RegionCode) city.Actor { a.Regions = regions; return a }
		for name, c := range map[string]struct {
			actor city.Actor
			want  string
		}{
			"the mother":                             {resident(mother), "L4 2 1"},
			"the daughter, for herself":              {resident(daughter), ""}, // what is a firm's is the firm's
			"the daughter for the firm":              {with(resident(daughter), func(a *city.Actor) { a.Firm = firm }), "3"},
			"the daughter for her":                   {acting(), "L4 2 1"},
			"the daughter for the lane":              {acting("lane"), "2"},
			"an agent of the firm":                   {with(resident(stranger), func(a *city.Actor) { a.Firm = firm }), "6 5 3"},
			"a neighbour":                            {resident(city.NewPersonID()), ""},
			"an officer of the club":                 {officer("club"), "L4 3 1"},
			"of the pool":                            {officer("pool"), "2 1"},
			"of the pool in one district":            {in(officer("pool"), "990102"), "2"},
			"of the pool in two":                     {in(officer("pool"), "990102", "990101"), "2 1"},
			"of the pool in a street":                {in(officer("pool"), "990101002"), ""},
			"of the club in a district":              {in(officer("club"), "990101"), "3 1"},
			"of the counter that received it":        {officer("desk-east"), "2"},
			"of no body, in a post":                  {officer("", "chess.warden"), "5"},
			"in that post elsewhere":                 {in(officer("", "chess.warden"), "990102"), ""},
			"an officer of nothing":                  {officer(""), ""},
			"an auditor":                             {officer("audit", "audit.auditor"), "6 5 L4 3 2 1"},
			"the program":                            {city.SystemActor("assistant"), "6 5 L4 3 2 1"},
			"an officer who is privately the mother": {with(officer("chess"), func(a *city.Actor) { a.Person = mother }), ""},
		} {
			want := c.want
			if name == "an agent of the firm" {
				want = "3" // entries about the stranger carry no applicant
			}
			if got := w.finds(c.actor, "红旗"); got != want {
				t.Errorf("%s finds %q, want %q", name, got, want)
			}
		}
		if got := w.finds(resident(mother), "红旗", "credential"); got != "L4" {
			t.Errorf("licences alone: %q", got)
		}
		if got := w.finds(resident(mother), "红旗", "credential", "case"); got != "L4 2 1" {
			t.Errorf("both: %q", got)
		}
		if got := w.finds(resident(mother), "红旗", "incident"); got != "" {
			t.Errorf("a type of which there is none: %q", got)
		}
		for _, a := range []city.Actor{{}, {Kind: city.Anonymous}} {
			if _, _, err := w.page(a, "红旗", nil, 0, ""); city.KindOf(err) != city.KindUnauthenticated {
				t.Errorf("nobody: %v", err)
			}
		}
		// A number typed in full is no back door.
		if got := w.finds(resident(daughter), "L4 红旗"); got != "" {
			t.Errorf("%q", got)
		}
	})
}

func TestChangesAndErasure(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother, son := city.NewPersonID(), city.NewPersonID()
		club, pool := officer("club"), officer("pool")
		w.happens(mother, entry("1", "陈桂英 海棠", "body", "club"))
		w.happens(son, entry("2", "李强 海棠", "body", "club"))
		w.happens(mother, entry("3", "陈桂英 柳巷", "body", "club"), entry("4", "陈桂英 柳巷", "body", "pool"))

		w.happens(mother, entry("1", "陈桂英 月亮湾", "body", "pool")) // moved: other words, another body
		for _, c := range []struct {
			who         city.Actor
			query, want string
		}{{club, "海棠", "2"}, {pool, "海棠", ""}, {club, "月亮湾", ""}, {pool, "月亮湾", "1"}, {pool, "陈桂英", "4 1"}, {club, "陈", "3"}} {
			if got := w.finds(c.who, c.query); got != c.want {
				t.Errorf("%s finds %q, want %q", c.query, got, c.want)
			}
		}
		w.happens(mother, entry("3", ""))
		if got := w.finds(club, "陈"); got != "" {
			t.Errorf("what was removed is found: %q", got)
		}
		w.happens(mother, entry("3", ""), entry("nothing", "")) // removing what is not there

		audit := officer("audit", "audit.auditor")
		all := func() string { return w.finds(audit, "陈") + "|" + w.finds(audit, "李强") }
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := w.v.Erase(ctx, tx, mother); err != nil {
				return err
			}
			hits, _, err := w.Search(ctx, tx, audit, "陈", nil, 0, "")
			if len(hits) != 0 {
				t.Errorf("in the very transaction that erases, %d hits", len(hits))
			}
			return err
		}))
		if got := all(); got != "|2" {
			t.Errorf("after erasure %q", got)
		}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			n, err := db.One[int64](ctx, tx, `SELECT count(*) FROM search_entries`)
			if n != 1 {
				t.Errorf("%d rows", n)
			}
			return err
		}))
		must(t, w.j.Rebuild(ctx, "search"))
		if got := all(); got != "|" {
			t.Errorf("after the reset %q", got)
		}
		must(t, w.j.CatchUp(ctx))
		if got := all(); got != "|2" {
			t.Errorf("after rebuilding %q", got)
		}
	})
}

// The words of an erased person are not in the file any more, not even in pages
// that nothing points to.
func TestErasedWordsLeaveTheIndex(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newTown(t, d)
	who := city.NewPersonID()
	w.happens(who, entry("1", "zyxwvutsrqponmlk 海棠", "body", "club"))
	for i := range 50 {
		w.happens(city.NewPersonID(), entry(fmt.Sprint("n", i), "abcdefgh 海棠", "body", "club"))
	}
	words := func() (n int) { // words share what they begin with: its end stands as it is
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			blocks, err := db.All(ctx, tx, func(r db.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT block FROM search_words_data`)
			for _, b := range blocks {
				if bytes.Contains(b, []byte("rqponmlk")) {
					n++
				}
			}
			return err
		}))
		return n
	}
	if words() == 0 {
		t.Fatal("the test looks in the wrong place")
	}
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.v.Erase(ctx, tx, who) }))
	if n := words(); n != 0 {
		t.Errorf("the word still stands in %d blocks", n)
	}
	if got := len(strings.Fields(w.finds(officer("club"), "海棠"))); got != 50 {
		t.Errorf("%d others are found", got)
	}
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)`)
		return err
	}))
}

func TestPages(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := city.NewPersonID()
		var entries []journal.Entry
		for i := range 130 {
			body := "club"
			if i%3 == 0 {
				body = "pool"
			}
			entries = append(entries, entry(fmt.Sprintf("JH-2026-%06d-1", i), "红旗", "body", body, "applicant", me.String()))
		}
		w.happens(me, entries...)
		for _, c := range []struct {
			who   city.Actor
			limit int
			want  int
		}{{officer("club"), 7, 86}, {officer("pool"), 50, 44}, {officer("audit", "audit.auditor"), 13, 130}, {resident(me), 1, 130}} {
			var ids []string
			after := ""
			for n := 0; n < 200; n++ {
				hits, next, err := w.page(c.who, "红旗", nil, c.limit, after)
				must(t, err)
				if len(hits) > c.limit {
					t.Errorf("%d hits on a page of %d", len(hits), c.limit)
				}
				for _, h := range hits {
					ids = append(ids, h.ID)
				}
				if after = next; after == "" {
					break
				}
			}
			if len(ids) != c.want || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("%d hits of %d, newest first: %v", len(ids), c.want, ids[:min(5, len(ids))])
			}
		}
		// The very number stands first and on no later page again.
		hits, next, err := w.page(resident(me), "JH-2026-000007-1", nil, 5, "")
		if err != nil || next != "" || len(hits) != 1 || hits[0].ID != "JH-2026-000007-1" {
			t.Errorf("%v, %q, %v", hits, next, err)
		}
		for _, bad := range []string{"!", "-5", strings.Repeat("z", 40)} {
			if _, _, err := w.page(resident(me), "红旗", nil, 5, bad); city.KindOf(err) != city.KindInvalid {
				t.Errorf("cursor %q: %v", bad, err)
			}
		}
	})
}

// Terms are bounded, and strange ones break nothing on either engine.
func TestStrangeTerms(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := city.NewPersonID()
		for i, terms := range []string{
			strings.Repeat("陈桂英 ", 20000), strings.Repeat("x", 1<<20), "' \\ \" : * & | ! ( ) <-> {a} ^b -c NEAR AND OR NOT",
			"\x01\x02", "नमस्ते ภาษาไทย العربية עברית", "👩‍👧 🏠", strings.Repeat("é", 5000), "ﷺ ㌀ ½",
		} {
			w.happens(me, entry(fmt.Sprint(i), terms, "applicant", me.String()))
		}
		for query, want := range map[string]string{"桂英": "0", "near": "2", "नमस्ते": "4", "العربية": "4", "ภาษาไทย": "4", "xxxx": "1"} {
			if got := w.finds(resident(me), query); got != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
	})
}
