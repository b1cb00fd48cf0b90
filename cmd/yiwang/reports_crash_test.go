package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
	"yiwang/scorecard"
)

// The program is killed in the middle of a burst of reports, over its own door
// and over Open311, while the timer works off matters that nobody took in time.
// Each report that was acknowledged is there once; one that got no answer, sent
// again with its key, is there once; every escalation happened once; and what
// those who follow the journal have derived is what they derive from zero.
func TestKillDuringABurstOfReports(t *testing.T) {
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
			b := &reporting{burst: &burst{T: t, data: data, database: database, p: story.Program{Args: args, Data: data}.Start(t)}, sent: map[string]*sent{}}
			b.signIn("resident")
			b.p.Kill()
			for n := range rounds {
				b.round(n)
			}
			b.fromZero()
			b.Logf("%d reports, %d acknowledged before a kill, %d of these joined another; %d got no answer and were sent again; %d matters escalated step by step, %d of the steps after a kill in their midst; nothing lost, nothing twice",
				len(b.sent), b.acknowledged, b.joined, b.unanswered, len(b.late), b.after)
		})
	}
}

// reporting is the many who report in one test.
type reporting struct {
	*burst
	sent   map[string]*sent // by idempotency key; guarded by mu
	late   []city.CaseNumber
	spots  int // places used
	joined int

	killed time.Time
	after  int // steps that the timer took with late matters after the kill before which they were due
}

// sent is one report and what was answered.
type sent struct {
	open311 bool
	body    string
	number  city.CaseNumber // "" until it was acknowledged
	code    string          // Open311 gives none
}

// spot is a place where nothing was reported yet, well over 50 m from the others.
func (b *reporting) spot() city.Place {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spots++
	return city.Place{Lat: 31.90 + 0.001*float64(b.spots%50), Lon: 121.00 + 0.001*float64(b.spots/50)}
}

// elsewhere takes the city's parts while no program serves it, or beside one.
func (b *reporting) elsewhere(do func(ctx context.Context, a *app.App)) {
	b.Helper()
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
	do(ctx, a)
}

// lateness files matters of a month ago, which the timer works off now.
func (b *reporting) lateness(ctx context.Context, a *app.App, round string, n int) {
	b.Helper()
	twin, err := a.Twin(ctx, city.NewSetClock(time.Now().Add(-30*24*time.Hour)))
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		got, err := twin.Incidents.Report(ctx, city.Actor{Kind: city.Anonymous, Channel: city.ChannelPhone},
			incident.Report{Class: "c0101", Text: "The cover is broken", Place: b.spot(), Apart: true, Key: fmt.Sprintf("late %s/%d", round, i)})
		if err != nil {
			b.Fatal(err)
		}
		b.late = append(b.late, got.Number)
	}
}

const (
	lateOnes  = 60 // matters a round that nobody took in time
	steps     = 4  // that the timer takes with each, after a warning
	reporters = 8
	few       = 12 // reports by Open311 in a round: it holds an address to a pace
)

// round files what will be late, sends reports until the program is killed, starts
// it again and looks.
func (b *reporting) round(n int) {
	b.Helper()
	began := time.Now()
	b.elsewhere(func(ctx context.Context, a *app.App) { b.lateness(ctx, a, fmt.Sprint(n), lateOnes) })
	b.p.Restart()
	started := time.Now()
	enough := b.acknowledged + 20 + rand.N(100)
	kill := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for who := range reporters {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 1000 {
				s := b.write(i, who == 0 && i < few)
				acknowledged, alive := b.report(fmt.Sprintf("round %d, reporter %d, report %d", n, who, i), s)
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
		b.Error("too few reports in two minutes")
	}
	time.Sleep(rand.N(30 * time.Millisecond))
	b.p.Kill()
	all.Wait()
	killed := time.Now()
	b.killed = killed
	b.p.Restart()
	again := 0
	for key, s := range b.sent {
		if s.number == "" {
			again++
			b.again(key, s)
		}
	}
	b.unanswered += again
	if b.Failed() {
		b.FailNow()
	}
	b.elsewhere(func(ctx context.Context, a *app.App) { b.look(ctx, a, n) })
	b.p.Kill()
	b.Logf("round %d: ready after %s, %s of reports, %d without an answer, all right after %s", n, started.Sub(began).Round(time.Millisecond),
		killed.Sub(started).Round(time.Millisecond), again, time.Since(killed).Round(time.Millisecond))
}

// write makes the i-th report of somebody; every fifth is of what many see.
func (b *reporting) write(i int, open311 bool) *sent {
	at := b.spot()
	if i%5 == 4 {
		at = city.Place{Lat: 31.933, Lon: 121.040}
	}
	s := &sent{open311: open311, body: fmt.Sprintf(`{"class": "c0101", "text": "The cover is broken", "phone": "13900990003", "place": {"lat": %v, "lon": %v}}`, at.Lat, at.Lon)}
	if open311 {
		s.body = url.Values{"api_key": {"demo"}, "service_code": {"c0101"}, "description": {"The cover is broken"},
			"lat": {fmt.Sprint(at.Lat)}, "long": {fmt.Sprint(at.Lon)}}.Encode()
	}
	return s
}

// send sends a report once and gives what was answered; status 0 where nothing
// whole came.
func (b *reporting) send(key string, s *sent) (status int, number city.CaseNumber, code string, joined bool) {
	if !s.open311 {
		var got struct {
			Number city.CaseNumber
			Code   string
			Joined bool
			Detail string
		}
		if status = b.post("/api/v1/incidents", key, []byte(s.body), &got); status != 0 && status != http.StatusCreated && got.Code != "api.key_running" {
			b.Errorf("%s: %d %s", key, status, got.Detail)
		}
		if status != http.StatusCreated {
			return status, "", got.Code, false
		}
		return status, got.Number, got.Code, got.Joined
	}
	r, err := http.NewRequest(http.MethodPost, b.p.URL+"/open311/v2/requests.json", strings.NewReader(s.body))
	if err != nil {
		b.Error(err)
		return 0, "", "", false
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Idempotency-Key", key)
	res, err := client.Do(r)
	if err != nil {
		return 0, "", "", false
	}
	defer res.Body.Close()
	var got []struct {
		Number city.CaseNumber `json:"service_request_id"`
	}
	raw := new(bytes.Buffer)
	if _, err := raw.ReadFrom(res.Body); err != nil {
		return 0, "", "", false
	}
	if err := json.Unmarshal(raw.Bytes(), &got); err != nil || res.StatusCode != http.StatusOK || len(got) != 1 || got[0].Number == "" {
		b.Errorf("%s: %d %s", key, res.StatusCode, raw)
		return res.StatusCode, "", "", false
	}
	return res.StatusCode, got[0].Number, "", false
}

// report sends one report and remembers what was answered.
func (b *reporting) report(key string, s *sent) (acknowledged int, alive bool) {
	_, number, code, joined := b.send(key, s)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent[key] = s
	if number != "" {
		s.number, s.code = number, code
		b.acknowledged++
		if joined {
			b.joined++
		}
	}
	return b.acknowledged, number != ""
}

// again repeats a report that got no answer, and repeats it once more.
func (b *reporting) again(key string, s *sent) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(250 * time.Millisecond) {
		var status int
		if status, s.number, s.code, _ = b.send(key, s); s.number != "" {
			break
		}
		if status != http.StatusConflict || time.Now().After(end) {
			b.Errorf("%s again: %d", key, status)
			return
		}
	}
	if _, number, code, _ := b.send(key, s); number != s.number || code != s.code {
		b.Errorf("%s, sent again, is %s and then %s", key, s.number, number)
	}
}

var follower = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}

// look holds everything sent so far against the database.
func (b *reporting) look(ctx context.Context, a *app.App, n int) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		waits := b.waiting(ctx, a)
		if left := b.ringing(ctx, a); waits == "" && left > 0 {
			waits = fmt.Sprintf("the timer has %d cases before it", left)
		}
		if waits == "" {
			break
		}
		if time.Now().After(end) {
			b.Fatalf("round %d: %s", n, waits)
		}
	}
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		reports, err := db.One[int](ctx, tx, `SELECT COUNT(*) FROM incident_reports`)
		if err == nil && reports != len(b.sent)+len(b.late) {
			b.Errorf("round %d: %d reports were sent and %d filed late, %d are stored", n, len(b.sent), len(b.late), reports)
		}
		if err != nil {
			return err
		}
		codes := map[string]string{}
		for key, s := range b.sent {
			if s.code == "" {
				p, _, err := a.Incidents.Public(ctx, tx, follower, incident.PublicQuery{Numbers: []city.CaseNumber{s.number}})
				if err != nil || len(p) != 1 {
					b.Errorf("%q is %s, of which %d are public (%v)", key, s.number, len(p), err)
				}
				continue
			}
			if other, twice := codes[s.code]; twice {
				b.Errorf("%q and %q have one code", key, other)
			}
			codes[s.code] = key
			f, err := a.Incidents.Follow(ctx, tx, follower, s.number, s.code)
			if err != nil || f.Words != "The cover is broken" || !f.Case.Open {
				b.Errorf("%q is %s: %+v, %v", key, s.number, f.Case, err)
			}
		}
		for _, number := range b.late {
			if err := b.escalated(ctx, tx, a, number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatalf("round %d: %v", n, err)
	}
	if b.Failed() {
		b.FailNow()
	}
}

var system = city.SystemActor("test")

// ringing is how many cases the timer has before it still.
func (b *reporting) ringing(ctx context.Context, a *app.App) (left int) {
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		left, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM cases WHERE open = 1 AND alarm > 0 AND alarm <= $1`, city.Micros(time.Now()))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return left
}

// escalated checks that the timer took every step with a late matter, each once
// and in order, that one supervision order came of it, and that the row is what
// the actions fold to.
func (b *reporting) escalated(ctx context.Context, tx *db.Tx, a *app.App, number city.CaseNumber) error {
	f, err := a.Cases.CaseFile(ctx, tx, system, number)
	if err != nil {
		return fmt.Errorf("case %s: %w", number, err)
	}
	took := ""
	for _, r := range f.Records {
		if r.By.Part == "timer" {
			took += " " + r.Action
			if r.At.After(b.killed) {
				b.after++
			}
		}
	}
	want := " " + casework.ActWarn + strings.Repeat(" "+casework.ActOverdue, steps)
	if took != want || f.State.Step != steps {
		b.Errorf("the timer took%s with case %s and came to step %d, want%s", took, number, f.State.Step, want)
	}
	orders, err := a.Cases.Children(ctx, tx, system, f.ID)
	if err != nil {
		return err
	}
	if len(orders) != 1 || orders[0].Kind != "supervision" {
		b.Errorf("%d orders came of case %s: %+v", len(orders), number, orders)
	}
	folded, err := a.Cases.StateAt(ctx, tx, system, number, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	stored, err := json.Marshal(f.State)
	if err != nil {
		return err
	}
	if anew, err := json.Marshal(folded); err != nil || !bytes.Equal(stored, anew) {
		b.Errorf("case %s is stored as\n%s\nand folds to\n%s (%v)", number, stored, anew, err)
	}
	return nil
}

// derived is everything that those who follow the journal keep: notices by
// recipient, matter and event, how each matter stands, and the figures.
func derived(ctx context.Context, a *app.App) (rows map[string]int, err error) {
	rows = map[string]int{}
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, sql := range []string{
			`SELECT 'notice ' || recipient || ' ' || type || ' ' || subject || ' ' || data FROM notices`,
			`SELECT 'matter ' || number || ' ' || body || ' ' || street || ' ' || state FROM scorecard_cases`,
		} {
			all, err := db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) }, sql)
			if err != nil {
				return err
			}
			for _, s := range all {
				rows[s]++
			}
		}
		until := scorecard.MonthOf(time.Now(), a.Pack.Zone)
		for _, by := range []scorecard.By{scorecard.ByBody, scorecard.ByStreet, scorecard.ByItem, scorecard.ByMonth} {
			lines, err := a.Scores.Figures(ctx, tx, system, scorecard.Query{Sort: scorecard.Incidents, From: until - 11, Until: until}, by)
			if err != nil {
				return err
			}
			for _, l := range lines {
				for _, d := range scorecard.Definitions() {
					n, of := l.Share(d)
					rows[fmt.Sprintf("figure %s %s %d of %d", l.Key, d.ID, n, of)]++
				}
				rows[fmt.Sprintf("figure %s opened %d", l.Key, l.Count(scorecard.Opened))]++
			}
		}
		return nil
	})
	return rows, err
}

// fromZero makes those who follow begin from zero: they come to the same.
func (b *reporting) fromZero() {
	b.Helper()
	b.elsewhere(func(ctx context.Context, a *app.App) { fromZero(ctx, b.T, a, len(b.late)*steps) })
}

func fromZero(ctx context.Context, t *testing.T, a *app.App, least int) {
	t.Helper()
	before, err := derived(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notify", "scorecard"} {
		if err := a.Journal.Rebuild(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Journal.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := derived(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, before, after)
	if len(before) < least {
		t.Errorf("those who follow keep only %d rows", len(before))
	}
}

// differ says in which rows two lists differ, a few of them.
func differ(t *testing.T, before, after map[string]int) {
	t.Helper()
	said := 0
	for _, pair := range []struct {
		what       string
		these, the map[string]int
	}{{"was there and is not derived from zero", before, after}, {"is derived from zero and was not there", after, before}} {
		for row, n := range pair.these {
			if pair.the[row] != n && said < 10 {
				said++
				t.Errorf("%d times and %d: %s: %s", n, pair.the[row], pair.what, row)
			}
		}
	}
}
