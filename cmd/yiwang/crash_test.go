package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

// The program is killed in the middle of a burst of filings and started again,
// time after time on the same data. Whatever was acknowledged is there; a filing
// that got no answer, sent again with its key, is one case; every case that a
// rule decides is decided; each granted one has one licence.
func TestKillDuringABurst(t *testing.T) {
	rounds := 5
	if os.Getenv("YIWANG_SOAK") == "1" {
		rounds = 50
	}
	for name, url := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": dbtest.MigratedURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, database := t.TempDir(), url(t)
			args := []string{"demo", "--quiet"}
			if database != "" {
				args = append(args, "--database", database)
			}
			b := &burst{T: t, data: data, database: database, p: story.Program{Args: args, Data: data}.Start(t), filings: map[string]*filed{}}
			b.signIn("resident")
			for n := range rounds {
				b.round(n)
			}
			b.sum()
		})
	}
}

// burst is the many applicants of one test.
type burst struct {
	*testing.T
	p              *story.Running
	data, database string
	token          string
	items          []json.RawMessage // applications to send

	mu      sync.Mutex
	filings map[string]*filed // by idempotency key

	acknowledged, unanswered, stood, granted int
}

// filed is what became of a filing.
type filed struct {
	body   json.RawMessage
	number string // "" until it was acknowledged
}

var client = &http.Client{Timeout: 20 * time.Second}

// post gives status 0 where no whole answer came.
func (b *burst) post(path, key string, body []byte, out any) (status int) {
	r, err := http.NewRequest(http.MethodPost, b.p.URL+path, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	return b.send(r, out)
}

func (b *burst) send(r *http.Request, out any) int {
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	} else { // somebody else each time, where a proxy of ours is believed
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", rand.N(256), rand.N(256)))
	}
	res, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	if err := json.Unmarshal(raw, out); err != nil && res.StatusCode < 500 {
		b.Errorf("%s: %d with %q", r.URL.Path, res.StatusCode, raw)
	}
	return res.StatusCode
}

func (b *burst) get(path string, out any) {
	b.Helper()
	r, err := http.NewRequest(http.MethodGet, b.p.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	if got := b.send(r, out); got != http.StatusOK {
		b.Fatalf("GET %s: %d", path, got)
	}
}

// signIn is needed once: a session survives, too. It also learns what to send:
// mostly what a rule grants as often as it is asked for.
func (b *burst) signIn(login string) {
	var s struct{ Token string }
	body := fmt.Appendf(nil, `{"login": %q, "password": "demo"}`, login)
	if got := b.post("/api/v1/sessions", "", body, &s); got != http.StatusOK {
		b.Fatalf("sign in: %d", got)
	}
	b.token = s.Token
	for _, code := range []string{"own-property-certificate", "own-property-certificate", "own-property-certificate", "senior-allowance", "one-person-company"} {
		var item struct{ Example json.RawMessage }
		b.get("/api/v1/items/"+code, &item)
		b.items = append(b.items, item.Example)
	}
}

const applicants = 8

// round files until the program is killed, starts it again and looks.
func (b *burst) round(n int) {
	b.Helper()
	began := time.Now()
	enough := b.acknowledged + rand.N(40)
	var all sync.WaitGroup
	kill := make(chan struct{})
	var once sync.Once
	for who := range applicants {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 1000; i++ {
				acknowledged, alive := b.file(fmt.Sprintf("round %d, applicant %d, filing %d", n, who, i), b.items[(who+i)%len(b.items)])
				if acknowledged >= enough {
					once.Do(func() { close(kill) })
				}
				if !alive {
					return
				}
			}
		}()
	}
	select {
	case <-kill:
	case <-time.After(2 * time.Minute):
		b.Error("too few filings in two minutes")
	}
	time.Sleep(rand.N(30 * time.Millisecond))
	b.p.Kill()
	all.Wait()
	killed := time.Now()
	b.p.Restart()
	restarted := time.Now()
	again := 0
	for _, key := range slices.Sorted(maps.Keys(b.filings)) {
		if f := b.filings[key]; f.number == "" {
			again++
			b.again(key, f, killed)
		}
	}
	if b.Failed() {
		b.FailNow()
	}
	b.unanswered += again
	repeated := time.Now()
	b.look(n)
	b.Logf("round %d: %s of filing, %d without an answer; up again in %s, repeated in %s, all right in %s", n, killed.Sub(began).Round(time.Millisecond),
		again, restarted.Sub(killed).Round(time.Millisecond), repeated.Sub(restarted).Round(time.Millisecond), time.Since(repeated).Round(time.Millisecond))
}

// file sends one application and remembers what was answered.
func (b *burst) file(key string, body json.RawMessage) (acknowledged int, alive bool) {
	f := &filed{body: body}
	var c struct {
		Number, Detail string
		Errors         []struct{ Location, Message string }
	}
	switch got := b.post("/api/v1/applications", key, body, &c); got {
	case 0: // the program is gone
	case http.StatusCreated:
		f.number = c.Number
	default:
		b.Errorf("%s: %d %s %v", key, got, c.Detail, c.Errors)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filings[key] = f
	if f.number != "" {
		b.acknowledged++
	}
	return b.acknowledged, f.number != ""
}

// again repeats a filing that got no answer, and repeats it once more. The key
// may still be taken by the call that died, for a while.
func (b *burst) again(key string, f *filed, killed time.Time) {
	b.Helper()
	var c, d struct {
		Number, Code, Detail string
		Errors               []struct{ Location, Message string }
		OpenedAt             time.Time `json:"opened_at"`
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(250 * time.Millisecond) {
		got := b.post("/api/v1/applications", key, f.body, &c)
		if got == http.StatusCreated {
			break
		}
		if got != http.StatusConflict || c.Code != "api.key_running" || time.Now().After(end) {
			b.Errorf("%s again: %d %s %v", key, got, c.Detail, c.Errors)
			return
		}
	}
	if got := b.post("/api/v1/applications", key, f.body, &d); got != http.StatusCreated || c.Number != d.Number {
		b.Errorf("%s, sent again, is case %s and then %d %s", key, c.Number, got, d.Number)
	}
	f.number = c.Number
	if c.OpenedAt.Before(killed) {
		b.stood++
	}
}

// look holds everything filed so far against the program and its database.
func (b *burst) look(n int) {
	b.Helper()
	want := map[string]string{}
	for key, f := range b.filings {
		if other, twice := want[f.number]; twice {
			b.Errorf("%q and %q became one case %s", key, other, f.number)
		}
		want[f.number] = key
	}
	ctx := context.Background()
	a, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: b.data, Database: b.database, Demo: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := a.DB.Close(); err != nil {
			b.Error(err)
		}
	}()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		waits := b.waiting(ctx, a)
		if waits == "" {
			break
		}
		if time.Now().After(end) {
			b.Fatalf("round %d: %s", n, waits)
		}
	}
	b.granted = 0
	system := city.SystemActor("test")
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for number := range want {
			if err := b.settled(ctx, tx, a, system, city.CaseNumber(number)); err != nil {
				return err
			}
		}
		allowances, err := db.One[int](ctx, tx, `SELECT COUNT(*) FROM credentials WHERE type = 'senior-allowance'`)
		if err == nil && allowances > 1 {
			b.Errorf("round %d: one person has %d allowances", n, allowances)
		}
		if err != nil {
			return err
		}
		stored, err := db.One[int](ctx, tx, `SELECT COUNT(*) FROM applications`)
		if err == nil && stored != len(want) {
			b.Errorf("round %d: %d filings are %d cases", n, len(want), stored)
		}
		return err
	})
	if err != nil {
		b.Errorf("round %d: %v", n, err)
	}
	for key, f := range b.filings { // as the applicant sees it, over the restarted program
		if n := len(b.filings); n < 100 || rand.IntN(n) < 100 {
			var c struct{ Number string }
			if b.get("/api/v1/cases/"+f.number, &c); c.Number != f.number {
				b.Errorf("%s: %+v", key, c)
			}
		}
	}
	if b.Failed() {
		b.FailNow()
	}
}

// waiting says what has still to be decided or delivered.
func (b *burst) waiting(ctx context.Context, a *app.App) (waits string) {
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		cs, err := a.Cases.WaitingForRule(ctx, tx, city.SystemActor("test"), 10)
		if err != nil || len(cs) > 0 {
			waits = fmt.Sprintf("undecided: %d and more", len(cs))
			return err
		}
		states, err := a.Journal.Followers(ctx)
		if err != nil {
			return err
		}
		if len(states) == 0 {
			waits = "nobody follows the journal"
		}
		for _, s := range states {
			behind, err := a.Journal.Read(ctx, tx, s.Position, 1)
			if err != nil {
				return err
			}
			if len(behind) > 0 {
				waits = fmt.Sprintf("%s is behind, with %d failures: %s", s.Name, s.Failures, s.Fault)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return waits
}

// settled checks one case: decided, its row what its actions fold to, and one
// licence where it was granted.
func (b *burst) settled(ctx context.Context, tx *db.Tx, a *app.App, as city.Actor, number city.CaseNumber) error {
	c, err := a.Cases.Get(ctx, tx, as, number)
	if err != nil {
		return fmt.Errorf("case %s: %w", number, err)
	}
	folded, err := a.Cases.StateAt(ctx, tx, as, number, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	stored, err := json.Marshal(c.State)
	if err != nil {
		return err
	}
	if anew, err := json.Marshal(folded); err != nil || !bytes.Equal(stored, anew) {
		b.Errorf("case %s is stored as\n%s\nand folds to\n%s (%v)", number, stored, anew, err)
	}
	cs, err := a.Credentials.ByCase(ctx, tx, as, number)
	if err != nil {
		return err
	}
	given := 0
	for _, x := range cs {
		if x.Status == credential.StatusValid {
			given++
		}
	}
	switch {
	case c.Result == "approved" && given == 1 && len(cs) == 1:
		b.granted++
	case c.Stage == "received" && len(cs) == 0: // given to an officer
	default:
		b.Errorf("case %s stands at %q with result %q and %d licences", number, c.Stage, c.Result, len(cs))
	}
	return nil
}

func (b *burst) sum() {
	b.Logf("%d filings, %d acknowledged before a kill, %d got no answer and were repeated (%d of them stood already); %d granted with one licence each; nothing lost, nothing twice",
		len(b.filings), b.acknowledged, b.unanswered, b.stood, b.granted)
}
