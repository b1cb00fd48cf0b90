package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// answered is what came back for a request.
type answered struct {
	status int
	header http.Header
	body   []byte
}

var crowd = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ask sends a request whatever comes of it; in is JSON, or bytes as they are.
func (p *place) ask(method, path string, in any, header ...string) answered {
	p.Helper()
	var body io.Reader
	kind := "application/json"
	switch in := in.(type) {
	case nil:
	case io.Reader:
		body = in
	case []byte:
		body, kind = bytes.NewReader(in), "application/octet-stream"
	default:
		raw, err := json.Marshal(in)
		p.ok(err)
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, p.url+path, body)
	p.ok(err)
	if in != nil {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := crowd.Do(r)
	if err != nil {
		p.Errorf("%s %s: %v", method, path, err)
		return answered{}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.Errorf("%s %s: %v", method, path, err)
	}
	return answered{res.StatusCode, res.Header, raw}
}

func (p *place) read(a answered, into any) {
	p.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		p.Fatalf("%d %q: %v", a.status, a.body, err)
	}
}

type problemBody struct {
	Title, Detail, Code string
	Status              int
	Case                *apiCase
	Errors              []struct{ Location, Message, Code string }
}

// example is the item's application that the resident can send.
func (p *place) example(code string) map[string]any {
	p.Helper()
	var item struct{ Example map[string]any }
	p.call("", http.MethodGet, "/api/v1/items/"+code, nil, http.StatusOK, &item)
	return item.Example
}

// team gives tokens of so many officers with one post.
func (p *place) team(post city.PostID, n int) (tokens []string) {
	p.Helper()
	hash, err := p.app.Identity.Hash(context.Background(), "demo")
	p.ok(err)
	p.ok(p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		for i := range n {
			number := city.NewCitizenNumber("990102", city.Date{Year: 1985, Month: 2, Day: 1 + i%28}, 100+i, false)
			who, err := p.app.Directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: number, Name: "同事", Region: "990102001001"})
			if err != nil {
				return err
			}
			if err := p.app.Directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: who}); err != nil {
				return err
			}
			_, err = p.app.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: city.Officer, Person: who, Login: fmt.Sprintf("colleague-%d", i), Password: hash})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for i := range n {
		tokens = append(tokens, p.signIn(fmt.Sprintf("colleague-%d", i)))
	}
	return tokens
}

func soak(few, many int) int {
	if os.Getenv("YIWANG_SOAK") == "1" {
		return many
	}
	return few
}

func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "") })
	t.Run("postgres", func(t *testing.T) { test(t, dbtest.MigratedURL(t)) })
}

// Twenty officers act on one case in the same instant: one is accepted, nineteen
// get 409 and the case as it stands, and the case has moved one step.
func TestTwentyOfficersOneCase(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		resident, officers := p.signIn("resident"), p.team("market-regulation.clerk", 20)
		example := p.example("food-permit")
		rounds := soak(12, 300)
		for round := range rounds {
			var c apiCase
			p.call(resident, http.MethodPost, "/api/v1/applications", example, http.StatusCreated, &c)
			got := make([]answered, len(officers))
			var all sync.WaitGroup
			start := make(chan struct{})
			for i, token := range officers {
				all.Add(1)
				go func() {
					defer all.Done()
					<-start
					got[i] = p.ask(http.MethodPost, "/api/v1/cases/"+c.Number+"/actions", map[string]any{"action": "accept", "version": c.Version}, "Authorization", "Bearer "+token)
				}()
			}
			close(start)
			all.Wait()
			won := 0
			for _, a := range got {
				switch a.status {
				case http.StatusOK:
					won++
				case http.StatusConflict:
					var pr problemBody
					if p.read(a, &pr); pr.Case == nil || pr.Case.Stage != "inspection" || pr.Case.Version != c.Version+1 || pr.Detail == "" {
						t.Errorf("round %d: 409 with %s", round, a.body)
					}
				default:
					t.Errorf("round %d: %d %s", round, a.status, a.body)
				}
			}
			var now struct {
				Version int
				History []struct{ Action string }
			}
			p.call(resident, http.MethodGet, "/api/v1/cases/"+c.Number, nil, http.StatusOK, &now)
			accepted := 0
			for _, h := range now.History {
				if h.Action == "accept" {
					accepted++
				}
			}
			if won != 1 || accepted != 1 || now.Version != c.Version+1 {
				t.Fatalf("round %d: %d were told yes, the case was accepted %d times and has version %d after %d", round, won, accepted, now.Version, c.Version)
			}
		}
		t.Logf("%d rounds, %d accepted, %d told 409 with the fresh case", rounds, rounds, 19*rounds)
	})
}

// The database goes away for five seconds. Everything that needs it says 503 and
// when to come back, in the reader's language; nothing that was refused is there
// afterwards; the program goes on by itself.
func TestDatabaseGoneForFiveSeconds(t *testing.T) {
	srv := dbtest.PostgresServer(t)
	p := newPlace(t, srv.URL())
	resident, clerk := p.signIn("resident"), p.signIn("food-clerk")
	filing, instant := p.example("food-permit"), p.example("senior-allowance")
	var c apiCase
	p.call(resident, http.MethodPost, "/api/v1/applications", filing, http.StatusCreated, &c)
	count := func() (n int) {
		p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
			n, err = db.One[int](ctx, tx, `SELECT (SELECT COUNT(*) FROM cases) + (SELECT COUNT(*) FROM case_actions) + (SELECT COUNT(*) FROM uploads)`)
			return err
		}))
		return n
	}
	before := count()
	var papers struct{ Items []struct{ Number string } }
	p.call(resident, http.MethodGet, "/api/v1/credentials", nil, http.StatusOK, &papers)
	if len(papers.Items) == 0 {
		t.Fatal("the resident holds nothing to check")
	}
	refused := func(method, path string, in any, token, key string) {
		t.Helper()
		began := time.Now()
		a := p.ask(method, path, in, "Authorization", "Bearer "+token, "Idempotency-Key", key, "Accept-Language", "zh-Hans")
		var pr problemBody
		p.read(a, &pr)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !chinese(pr.Detail) || pr.Code != "error.unavailable" {
			t.Errorf("%s %s without a database: %d, Retry-After %q: %s", method, path, a.status, a.header.Get("Retry-After"), a.body)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s %s without a database took %s", method, path, took)
		}
	}
	p.ok(srv.Stop())
	gone := time.Now()
	tries := 0
	for time.Since(gone) < 5*time.Second {
		for _, key := range []string{"", "kept through the night"} {
			refused("POST", "/api/v1/applications", instant, resident, key)
			refused("POST", "/api/v1/cases/"+c.Number+"/actions", map[string]any{"action": "accept"}, clerk, key)
			refused("POST", "/api/v1/uploads?item=food-permit&material=floor_plan&name=plan.pdf&for=firm", []byte("%PDF-1.4\n%%EOF\n"), resident, key)
			refused("POST", "/api/v1/sessions", map[string]any{"login": "resident", "password": "demo"}, "", key)
		}
		refused("POST", "/api/v1/verify", map[string]any{"code": papers.Items[0].Number}, resident, "") // once: it has a pace
		refused("GET", "/api/v1/cases/"+c.Number, nil, resident, "")
		refused("GET", "/api/v1/cases", nil, resident, "")
		refused("GET", "/api/v1/credentials", nil, resident, "")
		tries += 12
		for _, path := range []string{"/matters", "/matters/" + c.Number, "/desk", "/readyz"} {
			a := p.ask("GET", path, nil, "Cookie", "yiwang="+clerk, "Accept-Language", "zh-Hans")
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("GET %s without a database: %d, Retry-After %q", path, a.status, a.header.Get("Retry-After"))
			}
			tries++
		}
		if t.Failed() {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	p.ok(srv.Start())
	back := time.Now()
	for p.ask("GET", "/readyz", nil).status != http.StatusOK {
		if time.Since(back) > 10*time.Second {
			t.Fatal("not ready again ten seconds after the database is back")
		}
		time.Sleep(50 * time.Millisecond)
	}
	ready := time.Since(back)
	if after := count(); after != before {
		t.Errorf("%d rows of cases, actions and uploads before, %d after what was refused", before, after)
	}
	p.key = "kept through the night"
	p.call(clerk, http.MethodPost, "/api/v1/cases/"+c.Number+"/actions", map[string]any{"action": "accept"}, http.StatusOK, &c)
	var granted apiCase
	p.call(resident, http.MethodPost, "/api/v1/applications", instant, http.StatusCreated, &granted)
	p.key = ""
	for end := time.Now().Add(2 * time.Minute); granted.Stage == "auto"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is decided any more")
		}
		p.call(resident, http.MethodGet, "/api/v1/cases/"+granted.Number, nil, http.StatusOK, &granted)
	}
	t.Logf("%d requests refused with 503, ready again %s after the database, nothing created or changed", tries, ready.Round(time.Millisecond))
}

func chinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// A full disk: new work is refused in clear words, reading goes on, and when there
// is room again so does everything.
func TestFullDisk(t *testing.T) {
	p := newPlace(t, "", func(o *app.Options) { o.MaxPages = 2000 })
	resident := p.signIn("resident")
	filing := p.example("marriage-appointment")
	var c apiCase
	p.call(resident, http.MethodPost, "/api/v1/applications", filing, http.StatusCreated, &c)
	ctx := context.Background()
	p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE other_things (data BLOB)`)
		return err
	}))
	for _, size := range []int{64 << 10, 4 << 10, 100} {
		var err error
		for err == nil {
			err = p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO other_things (data) VALUES ($1)`, make([]byte, size))
				return err
			})
		}
		if city.KindOf(err) != city.KindUnavailable {
			t.Fatal(err)
		}
	}
	for _, lang := range []string{"zh-Hans", "en"} {
		a := p.ask("POST", "/api/v1/applications", filing, "Authorization", "Bearer "+resident, "Accept-Language", lang)
		var pr problemBody
		p.read(a, &pr)
		if a.status != http.StatusServiceUnavailable || pr.Code != "error.disk_full" || a.header.Get("Retry-After") == "" || chinese(pr.Detail) != (lang == "zh-Hans") {
			t.Errorf("filing on a full disk: %d %s", a.status, a.body)
		}
	}
	for range 20 {
		for _, path := range []string{"/api/v1/cases", "/api/v1/cases/" + c.Number, "/api/v1/credentials", "/api/v1/uses", "/api/v1/items"} {
			p.call(resident, http.MethodGet, path, nil, http.StatusOK, nil)
		}
		for _, path := range []string{"/", "/matters", "/matters/" + c.Number, "/licences", "/items/food-permit"} {
			if a := p.ask("GET", path, nil, "Cookie", "yiwang="+resident); a.status != http.StatusOK {
				t.Fatalf("GET %s on a full disk: %d", path, a.status)
			}
		}
	}
	var list struct{ Items []apiCase }
	p.call(resident, http.MethodGet, "/api/v1/cases", nil, http.StatusOK, &list)
	p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := db.One[int](ctx, tx, `SELECT COUNT(*) FROM cases`)
		if n != 1 {
			t.Errorf("%d cases stand, one was acknowledged", n)
		}
		return err
	}))
	p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DROP TABLE other_things`)
		return err
	}))
	p.call(resident, http.MethodPost, "/api/v1/applications", filing, http.StatusCreated, &c)
}

// A database of a newer version is left alone.
func TestNewerDatabaseRefusesToStart(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		o := app.Options{CityFS: cities.Jianghai(), Data: t.TempDir(), Database: database, Demo: true}
		a, err := app.New(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)`, 999999, true)
			return err
		})
		if err := errors.Join(err, a.DB.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := app.New(ctx, o); !errors.Is(err, db.ErrNewerSchema) {
			t.Fatalf("started: %v", err)
		}
	})
}

// What is wrong is said at the field, in the reader's language, all at once; and
// nothing was kept of it.
func TestBadInputIsToldAtTheField(t *testing.T) {
	p := newPlace(t, "")
	resident := p.signIn("resident")
	with := func(code string, answers map[string]any) map[string]any {
		e := p.example(code)
		for k, v := range answers {
			e["answers"].(map[string]any)[k] = v
		}
		return e
	}
	withPlan := func(name string, content []byte) map[string]any {
		e := p.example("food-permit")
		e["materials"].(map[string]any)["floor_plan"] = map[string]any{"name": name, "content": base64.StdEncoding.EncodeToString(content)}
		return e
	}
	upload := "/api/v1/uploads?item=food-permit&material=floor_plan&for=firm&name="
	huge := append([]byte("%PDF-1.4\n"), make([]byte, 40<<20-20)...)
	for _, tt := range []struct {
		name, path string
		in         any
		status     int
		at, code   string
	}{
		{"check digit of a citizen number", "/api/v1/applications", with("newborn-registration", map[string]any{"other_parent": map[string]any{"name": "周明", "citizen_number": "990101199011080311"}}), 422, "answers.other_parent.citizen_number", "form.citizen_check"},
		{"citizen number born on 30 February", "/api/v1/applications", with("newborn-registration", map[string]any{"other_parent": map[string]any{"name": "周明", "citizen_number": "99010119900230031X"}}), 422, "answers.other_parent.citizen_number", "form.citizen_date"},
		{"check digit of a company number", "/api/v1/applications", with("residence-permit", map[string]any{"ground": "job", "employer_uscc": "91990101MA0001X26D"}), 422, "answers.employer_uscc", "form.uscc_check"},
		{"30 February", "/api/v1/applications", with("newborn-registration", map[string]any{"born_on": "2026-02-30"}), 422, "answers.born_on", "form.date_impossible"},
		{"a date in the future", "/api/v1/applications", with("newborn-registration", map[string]any{"born_on": "2999-01-01"}), 422, "answers.born_on", "form.date_late"},
		{"words for a number", "/api/v1/applications", with("food-permit", map[string]any{"staff": "many"}), 422, "answers.staff", "form.integer"},
		{"a choice that nobody offered", "/api/v1/applications", with("food-permit", map[string]any{"business": "casino"}), 422, "answers.business", "form.choice"},
		{"a PDF that is none", "/api/v1/applications", withPlan("plan.pdf", []byte("MZ\x90\x00 program")), 422, "materials.floor_plan", "service.upload.not_pdf"},
		{"a PDF cut off", "/api/v1/applications", withPlan("plan.pdf", []byte("%PDF-1.7\nhalf of it")), 422, "materials.floor_plan", "service.upload.cut_off"},
		{"a file too large, inside", "/api/v1/applications", withPlan("plan.pdf", huge[:12<<20]), 422, "materials.floor_plan", "service.upload.too_large"},
		{"a PDF that is none, uploaded", upload + "plan.pdf", []byte("<html>"), 422, "", "service.upload.not_pdf"},
		{"nothing, uploaded", upload + "plan.pdf", []byte{}, 422, "body", "api.fault.empty"},
		{"40 MB, uploaded", upload + "plan.pdf", huge, 413, "", "service.upload.too_large"},
		{"50 MB, uploaded", upload + "plan.pdf", append(huge, make([]byte, 10<<20)...), 413, "", "api.too_large"},
		{"a program called a picture", upload + "plan.png", []byte("MZ\x90\x00"), 422, "", "service.upload.not_picture"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, lang := range []string{"zh-Hans", "en"} {
				for _, key := range []string{"", tt.name + lang} {
					a := p.ask("POST", tt.path, tt.in, "Authorization", "Bearer "+resident, "Accept-Language", lang, "Idempotency-Key", key)
					var pr problemBody
					p.read(a, &pr)
					said, at := pr.Detail, pr.Code
					if tt.at != "" {
						said, at = "", ""
						for _, e := range pr.Errors {
							if e.Location == tt.at {
								said, at = e.Message, e.Code
							}
						}
					}
					if a.status != tt.status || at != tt.code || chinese(said) != (lang == "zh-Hans") || len(said) < 10 {
						t.Errorf("%s: %d %.600s", lang, a.status, a.body)
					}
				}
			}
		})
	}
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		for _, table := range []string{"cases", "applications", "uploads"} {
			n, err := db.One[int](ctx, tx, `SELECT COUNT(*) FROM `+table)
			if err != nil {
				return err
			}
			if n != 0 {
				t.Errorf("%d %s stand after nothing but refusals", n, table)
			}
		}
		return nil
	}))
}

// One application sent by two hands at once, with one key, is one case.
func TestSentTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		resident := p.signIn("resident")
		filing := p.example("food-permit")
		for round := range soak(5, 50) {
			numbers := map[string]bool{}
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 8 {
				all.Add(1)
				go func() {
					defer all.Done()
					for range 100 {
						a := p.ask("POST", "/api/v1/applications", filing, "Authorization", "Bearer "+resident, "Idempotency-Key", fmt.Sprint("sent twice ", round))
						var pr struct{ Number, Code string }
						p.read(a, &pr)
						if a.status == http.StatusConflict && pr.Code == "api.key_running" {
							time.Sleep(10 * time.Millisecond)
							continue
						}
						if a.status != http.StatusCreated || a.header.Get("Location") != "/api/v1/cases/"+pr.Number {
							t.Errorf("%d, Location %q: %s", a.status, a.header.Get("Location"), a.body)
						}
						mu.Lock()
						numbers[pr.Number] = true
						mu.Unlock()
						return
					}
					t.Error("never answered")
				}()
			}
			all.Wait()
			if len(numbers) != 1 {
				t.Fatalf("one application became %d cases: %v", len(numbers), numbers)
			}
		}
	})
}

// Many applications for one allowance, sent at once: the rule grants one, and
// gives the others to an officer, since the person has it by then.
func TestOneAllowanceHoweverOftenAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		resident := p.signIn("resident")
		filing := p.example("senior-allowance")
		var all sync.WaitGroup
		for range 12 {
			all.Add(1)
			go func() {
				defer all.Done()
				if a := p.ask("POST", "/api/v1/applications", filing, "Authorization", "Bearer "+resident); a.status != http.StatusCreated {
					t.Errorf("%d %s", a.status, a.body)
				}
			}()
		}
		all.Wait()
		var granted, officer int
		for end := time.Now().Add(2 * time.Minute); granted+officer < 12 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
				if granted, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM credentials WHERE type = 'senior-allowance'`); err != nil {
					return err
				}
				officer, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM cases WHERE stage = 'received'`)
				return err
			}))
		}
		if granted != 1 || officer != 11 {
			t.Errorf("12 applications for one allowance: %d granted, %d given to an officer", granted, officer)
		}
	})
}
