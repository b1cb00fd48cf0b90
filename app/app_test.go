package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// place is a running program with a handful of people.
type place struct {
	*testing.T
	app *app.App
	url string
	key string // sent as Idempotency-Key when set

	mother, daughter city.PersonID
	firm             city.FirmID
	people           int // that a test has added
}

var program = city.SystemActor("test")

func (p *place) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// newPlace runs Jianghai on a database with 林小满, her mother, her firm and
// officers for every post that the stories need.
func newPlace(t *testing.T, database string, set ...func(*app.Options)) *place {
	t.Helper()
	ctx := context.Background()
	p := &place{T: t}
	var err error
	o := app.Options{CityFS: cities.Jianghai(), Data: t.TempDir(), Database: database, Demo: true}
	for _, f := range set {
		f(&o)
	}
	p.app, err = app.New(ctx, o)
	p.ok(err)
	a := p.app
	p.ok(a.Start(ctx))
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(a.Handler())
	t.Cleanup(srv.Close)
	p.url = srv.URL

	hash, err := a.Identity.Hash(ctx, "demo")
	p.ok(err)
	p.ok(a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		person := func(number, name string, region city.RegionCode) city.PersonID {
			id, err := a.Directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: number, Name: name, Region: region, Address: "海棠里 6 幢", Phone: "13900990001"})
			p.ok(err)
			return id
		}
		account := func(kind city.ActorKind, who city.PersonID, login string) {
			_, err := a.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: who, Login: login, Password: hash})
			p.ok(err)
		}
		daughter := person("990101199205200287", "林小满", "990101001001")
		mother := person("990101194103120240", "林秀兰", "990101001001")
		p.mother, p.daughter = mother, daughter
		account(city.Resident, daughter, "resident")
		account(city.Resident, mother, "elder")
		firm, err := a.Directory.AddFirm(ctx, tx, program, directory.Firm{USCC: "91990101MA0001X26C", Name: "小满厨房（江海）有限公司", Legal: "林小满", Region: "990101001002", Address: "滨江路 88 号 1 层"}, daughter)
		p.ok(err)
		paper := func(cause string, typ city.CredentialType, h credential.Holder, fields map[string]string) {
			t, ok := a.Credentials.Type(typ)
			if !ok {
				p.Fatalf("no licence type %s", typ)
			}
			whole := map[string]string{}
			for _, f := range t.Fields {
				whole[f.ID] = map[string]string{"date": "2020-01-01", "integer": "1", "decimal": "1"}[string(f.Type)]
				if whole[f.ID] == "" {
					whole[f.ID] = "-"
				}
				if v, ok := fields[f.ID]; ok {
					whole[f.ID] = v
				}
			}
			_, err := a.Credentials.Issue(ctx, tx, program, credential.Request{Cause: cause, Type: typ, Holder: h, Fields: whole})
			p.ok(err)
		}
		paper("held: identity card", "resident-id-card", credential.Holder{Person: mother, Name: "林秀兰", Code: "990101194103120240"},
			map[string]string{"name": "林秀兰", "citizen_number": "990101194103120240", "birth_date": "1941-03-12"})
		p.firm = firm
		firmHolder := credential.Holder{Firm: firm, Name: "小满厨房（江海）有限公司", Code: "91990101MA0001X26C"}
		paper("held: business licence", "business-licence", firmHolder, map[string]string{"firm_name": firmHolder.Name, "uscc": firmHolder.Code,
			"legal_representative": "林小满", "address": "滨江路 88 号 1 层", "capital_wan": "50", "scope": "餐饮"})
		paper("held: health certificate", "health-certificate", credential.Holder{Person: daughter, Name: "林小满", Code: "990101199205200287"}, nil)
		paper("held: fire inspection", "fire-inspection", firmHolder, nil)
		n := 0
		officer := func(login string, posts ...city.PostID) {
			n++
			who := person(city.NewCitizenNumber("990101", city.Date{Year: 1980, Month: 1, Day: n}, n, false), "周"+login, "990101001001")
			for _, post := range posts {
				p.ok(a.Directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: who}))
			}
			account(city.Officer, who, login)
		}
		officer("clerk", "civil-affairs.clerk")
		officer("approver", "civil-affairs.approver", "civil-affairs.head", "market-regulation.approver")
		officer("food-clerk", "market-regulation.clerk")
		officer("inspector", "market-regulation.inspector", "market-regulation.reviewer")
		officer("fire", "fire-rescue.reviewer")
		officer("street", "urban-management.inspector")
		actor := city.Actor{Kind: city.Resident, Person: mother, Assurance: city.AssurancePassword}
		id, err := a.Identity.Give(ctx, tx, actor, identity.Leave{Taker: daughter, Items: []city.ItemCode{"senior-allowance"}, Until: time.Now().AddDate(0, 6, 0)})
		p.ok(err)
		return a.Identity.Accept(ctx, tx, city.Actor{Kind: city.Resident, Person: daughter, Assurance: city.AssurancePassword}, id)
	}))
	return p
}

func (p *place) signIn(login string) (token string) {
	p.Helper()
	var s struct{ Token string }
	p.call("", http.MethodPost, "/api/v1/sessions", map[string]string{"login": login, "password": "demo"}, http.StatusOK, &s)
	return s.Token
}

// call sends JSON and expects a status.
func (p *place) call(token, method, path string, in any, want int, out any) {
	p.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		p.ok(err)
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, p.url+path, body)
	p.ok(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", "en")
	if p.key != "" {
		r.Header.Set("Idempotency-Key", p.key)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	p.ok(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	p.ok(err)
	if res.StatusCode != want {
		p.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, raw)
	}
	if out != nil {
		p.ok(json.Unmarshal(raw, out))
	}
}

type apiCase struct {
	Number, Status, Stage, Result string
	Version                       int
	Flags                         []string
	Due                           *time.Time
	Clock                         *struct {
		Paused bool
		Pauses []struct{ Reason string }
	}
	Tasks       []struct{ ID, Body string }
	Credentials []struct{ Number, Status, Code string }
}

// A food-business permit through correction, pause, parallel review and
// approval; whoever comes too late gets 409 with the case as it stands.
func TestFoodPermitOverTheAPI(t *testing.T) {
	p := newPlace(t, "")
	resident, clerk, inspector, fire, approver := p.signIn("resident"), p.signIn("food-clerk"), p.signIn("inspector"), p.signIn("fire"), p.signIn("approver")
	var item struct{ Example map[string]any }
	p.call("", http.MethodGet, "/api/v1/items/food-permit", nil, http.StatusOK, &item)
	var c apiCase
	p.call(resident, http.MethodPost, "/api/v1/applications", item.Example, http.StatusCreated, &c)
	if c.Stage != "received" || c.Status != "open" {
		t.Fatalf("filed: %+v", c)
	}
	at := "/api/v1/cases/" + c.Number + "/actions"
	p.call(fire, http.MethodPost, at, map[string]any{"action": "accept"}, http.StatusConflict, nil)
	p.call(resident, http.MethodPost, at, map[string]any{"action": "accept"}, http.StatusForbidden, nil)
	p.call(clerk, http.MethodPost, at, map[string]any{"action": "supplement"}, http.StatusUnprocessableEntity, nil)
	p.call(clerk, http.MethodPost, at, map[string]any{"action": "supplement", "points": []map[string]string{{"field": "staff", "text": "How many people work there?"}}}, http.StatusOK, &c)
	answers := item.Example["answers"].(map[string]any)
	answers["staff"] = 4
	p.call(resident, http.MethodPost, at, map[string]any{"action": "supply", "answers": answers, "materials": item.Example["materials"]}, http.StatusOK, &c)
	p.call(clerk, http.MethodPost, at, map[string]any{"action": "accept"}, http.StatusOK, &c)
	var late struct {
		Status int
		Case   *apiCase
	}
	p.call(clerk, http.MethodPost, at, map[string]any{"action": "accept"}, http.StatusConflict, &late)
	if late.Case == nil || late.Case.Stage != "inspection" {
		t.Errorf("too late, and the fresh state is %+v", late.Case)
	}
	p.call(inspector, http.MethodPost, at, map[string]any{"action": "inspected"}, http.StatusConflict, nil)
	p.call(inspector, http.MethodPost, at, map[string]any{"action": "special_procedure", "procedure": "site_inspection"}, http.StatusOK, &c)
	if c.Clock == nil || !c.Clock.Paused {
		t.Errorf("the clock runs on: %+v", c.Clock)
	}
	p.call(inspector, http.MethodPost, at, map[string]any{"action": "resume", "note": "kitchen is fine"}, http.StatusOK, &c)
	p.call(inspector, http.MethodPost, at, map[string]any{"action": "inspected"}, http.StatusOK, &c)
	if len(c.Tasks) != 2 {
		t.Errorf("joint review has tasks %+v", c.Tasks)
	}
	p.call(fire, http.MethodPost, at, map[string]any{"action": "complete_task", "opinion": "agree"}, http.StatusOK, &c)
	p.call(inspector, http.MethodPost, at, map[string]any{"action": "complete_task", "opinion": "agree"}, http.StatusOK, &c)
	p.call(approver, http.MethodPost, at, map[string]any{"action": "approve"}, http.StatusOK, &c)
	if c.Result != "approved" || len(c.Credentials) != 1 {
		t.Fatalf("decided: %+v", c)
	}
	var uses struct {
		Items []struct{ Body, Post, Purpose string }
	}
	p.call(resident, http.MethodGet, "/api/v1/uses", nil, http.StatusOK, &uses)
	if len(uses.Items) == 0 {
		t.Error("four officers looked and nobody is told")
	}
}

// A POST sent twice with one key happens once; the same key with something else
// is refused.
func TestIdempotencyKeys(t *testing.T) {
	p := newPlace(t, "")
	resident := p.signIn("resident")
	var item struct{ Example map[string]any }
	p.call("", http.MethodGet, "/api/v1/items/food-permit", nil, http.StatusOK, &item)
	send := func(in any, want int) (c struct{ Number string }) {
		t.Helper()
		p.key = "one filing"
		defer func() { p.key = "" }()
		p.call(resident, http.MethodPost, "/api/v1/applications", in, want, &c)
		return c
	}
	first, again := send(item.Example, http.StatusCreated), send(item.Example, http.StatusCreated)
	if first.Number == "" || first.Number != again.Number {
		t.Errorf("one filing became %q and %q", first.Number, again.Number)
	}
	item.Example["channel"] = "mobile"
	send(item.Example, http.StatusUnprocessableEntity)
}

// What is refused is problem+json in the reader's language, with its own status.
func TestProblems(t *testing.T) {
	p := newPlace(t, "")
	resident := p.signIn("resident")
	for _, tt := range []struct {
		token, method, path string
		in                  any
		want                int
	}{
		{"", "GET", "/api/v1/cases", nil, 401},
		{"", "POST", "/api/v1/applications", map[string]any{"item": "food-permit", "answers": map[string]any{}}, 401},
		{"nonsense", "GET", "/api/v1/cases", nil, 401},
		{resident, "GET", "/api/v1/cases/JH-2026-000001-0", nil, 404},
		{resident, "GET", "/api/v1/items/nothing", nil, 404},
		{resident, "POST", "/api/v1/applications", map[string]any{"item": "residence-permit", "answers": map[string]any{}}, 422},
		{resident, "POST", "/api/v1/applications", "not an object", 422},
		{resident, "GET", "/api/v1/cases?after=!!", nil, 422},
		{"", "POST", "/api/v1/sessions", map[string]string{"login": "resident", "password": "wrong"}, 401},
	} {
		var pr struct {
			Type, Title, Detail string
			Status              int
		}
		p.call(tt.token, tt.method, tt.path, tt.in, tt.want, &pr)
		if pr.Status != tt.want || pr.Detail == "" || pr.Title == "" {
			t.Errorf("%s %s: %+v", tt.method, tt.path, pr)
		}
	}
	var spec struct {
		OpenAPI string
		Paths   map[string]any
	}
	p.call("", "GET", "/api/openapi.json", nil, 200, &spec)
	if spec.OpenAPI < "3.1" || spec.Paths["/api/v1/cases/{number}/actions"] == nil {
		t.Errorf("openapi %s with %d paths", spec.OpenAPI, len(spec.Paths))
	}
}

// The senior allowance through the API alone: filed for the mother, granted by
// the rule, checked by a stranger, revoked, checked again, rated badly.
func TestSeniorAllowanceOverTheAPI(t *testing.T) {
	for name, url := range map[string]func() string{"sqlite": func() string { return "" }, "postgres": func() string { return dbtest.MigratedURL(t) }} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, url())
			resident := p.signIn("resident")
			var item struct{ Example json.RawMessage }
			p.call("", http.MethodGet, "/api/v1/items/senior-allowance", nil, http.StatusOK, &item)
			var c struct {
				Number, Status, Stage, Result string
				Credentials                   []struct{ Number, Status, Code string }
			}
			p.call(resident, http.MethodPost, "/api/v1/applications", item.Example, http.StatusCreated, &c)
			for range 1200 {
				if c.Status == "closed" {
					break
				}
				time.Sleep(50 * time.Millisecond)
				p.call(resident, http.MethodGet, "/api/v1/cases/"+c.Number, nil, http.StatusOK, &c)
			}
			if c.Result != "approved" || len(c.Credentials) != 1 {
				t.Fatalf("the case ended as %+v", c)
			}
			var v struct {
				Valid  bool
				Reason string
			}
			p.call("", http.MethodPost, "/api/v1/verify", map[string]string{"code": c.Credentials[0].Code}, http.StatusOK, &v)
			if !v.Valid {
				t.Fatalf("the new licence is %+v", v)
			}
			approver := p.signIn("approver")
			p.call(resident, http.MethodPost, fmt.Sprintf("/api/v1/credentials/%s/status", c.Credentials[0].Number), map[string]string{"action": "revoke", "reason": "no"}, http.StatusForbidden, nil)
			p.call(approver, http.MethodPost, fmt.Sprintf("/api/v1/credentials/%s/status", c.Credentials[0].Number), map[string]string{"action": "revoke", "reason": "moved away"}, http.StatusOK, nil)
			p.call("", http.MethodPost, "/api/v1/verify", map[string]string{"code": c.Credentials[0].Code}, http.StatusOK, &v)
			if v.Valid || v.Reason != "revoked" {
				t.Fatalf("after revoking: %+v", v)
			}
			var rating struct {
				FollowUp string `json:"follow_up"`
			}
			p.call(resident, http.MethodPost, "/api/v1/cases/"+c.Number+"/rating", map[string]any{"level": 4, "text": "slow"}, http.StatusOK, &rating)
			p.call(resident, http.MethodPost, "/api/v1/cases/"+c.Number+"/rating", map[string]any{"level": 1}, http.StatusConflict, nil)
			var inbox struct{ Items []struct{ Number string } }
			p.call(approver, http.MethodGet, "/api/v1/cases", nil, http.StatusOK, &inbox)
			if len(inbox.Items) != 1 || inbox.Items[0].Number != rating.FollowUp {
				t.Errorf("the follow-up %s is not in the inbox %+v", rating.FollowUp, inbox)
			}
		})
	}
}
