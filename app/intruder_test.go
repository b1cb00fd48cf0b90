package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// refusal is what somebody hears who must not: 401, 403 or 404, and nothing of
// what it is about.
func (p *place) refusal(who, token, method, path string, in any, secrets ...string) {
	p.Helper()
	header := bearer(token)
	if !strings.HasPrefix(path, "/api/") {
		header = []string{"Cookie", "yiwang=" + token}
	}
	a := p.ask(method, path, in, header...)
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
	case http.StatusSeeOther:
		if !strings.HasPrefix(a.header.Get("Location"), "/sign-in") {
			p.Errorf("%s: %s %s leads to %s", who, method, path, a.header.Get("Location"))
		}
	default:
		p.Errorf("%s: %s %s: %d %.300s", who, method, path, a.status, a.body)
	}
	for _, s := range secrets {
		if strings.Contains(string(a.body), s) {
			p.Errorf("%s: %s %s tells %q: %d", who, method, path, s, a.status)
		}
	}
}

// everyNoun are the addresses of what belongs to somebody: a case, its licence, an
// upload and a draft.
func (p *place) everyNoun(who, token, number, licence, upload, draft string, secrets ...string) {
	p.Helper()
	v1 := "/api/v1/"
	refuse := func(method, path string, in any) { p.Helper(); p.refusal(who, token, method, path, in, secrets...) }
	refuse("GET", v1+"cases/"+number, nil)
	for _, action := range []string{"withdraw", "urge", "comment", "accept", "supply", "approve"} {
		refuse("POST", v1+"cases/"+number+"/actions", map[string]any{"action": action, "note": "x", "reason": "x", "answers": map[string]any{}})
	}
	refuse("POST", v1+"cases/"+number+"/rating", map[string]any{"level": 1})
	refuse("POST", v1+"cases/"+number+"/review", map[string]any{"reason": "x"})
	for _, page := range []string{"", "/supply", "/withdraw", "/review"} {
		refuse("GET", "/matters/"+number+page, nil)
	}
	if licence != "" {
		refuse("GET", v1+"credentials/"+licence, nil)
		refuse("POST", v1+"credentials/"+licence+"/status", map[string]any{"action": "revoke", "reason": "x"})
		refuse("GET", "/licences/"+licence, nil)
		refuse("GET", "/licences/"+licence+"/pdf", nil)
	}
	if upload != "" {
		refuse("GET", v1+"uploads/"+upload, nil)
		refuse("GET", "/files/"+upload, nil)
		refuse("POST", v1+"uploads?case="+number+"&material=floor_plan&name=p.pdf", []byte("%PDF-1.4\n%%EOF\n"))
	}
	if draft != "" {
		refuse("POST", v1+"applications", map[string]any{"draft": draft})
		refuse("POST", v1+"uploads?draft="+draft+"&material=floor_plan&name=p.pdf", []byte("%PDF-1.4\n%%EOF\n"))
		refuse("GET", "/apply/"+draft, nil)
		refuse("GET", "/apply/"+draft+"/check", nil)
	}
}

// own makes what belongs to the resident: a firm's case with a file, one of her
// own, a licence, a draft.
func (p *place) own() (number, licence, upload, draft string) {
	p.Helper()
	resident := p.signIn("resident")
	var list struct{ Items []struct{ Number string } }
	p.call(resident, "GET", "/api/v1/credentials", nil, 200, &list)
	var c apiCase
	p.call(resident, "POST", "/api/v1/applications", p.example("marriage-appointment"), 201, &c)
	a := p.ask("POST", "/api/v1/uploads?item=residence-permit&material=lease&name=plan.pdf", []byte("%PDF-1.4\n%%EOF\n"), bearer(resident)...)
	var file struct{ ID string }
	if p.read(a, &file); file.ID == "" {
		p.Fatalf("%d %s", a.status, a.body)
	}
	known, err := p.app.Identity.Actor(context.Background(), resident)
	p.ok(err)
	d, err := p.app.Items.Begin(context.Background(), known.Actor, "residence-permit", serviceitem.Party{Person: p.daughter})
	p.ok(err)
	return c.Number, list.Items[0].Number, file.ID, d.ID.String()
}

// Who has no part in a thing gets nothing of it, whoever else they are.
func TestStrangersGetNothing(t *testing.T) {
	p := newPlace(t, "")
	number, licence, upload, draft := p.own()
	_, other := p.person(city.Resident, "neighbour")
	_, transport := p.person(city.Officer, "transport", "transport.clerk")
	_, admin := p.person(city.Officer, "administrator", "data-bureau.admin")
	for who, token := range map[string]string{"nobody": "", "a nonsense token": "yws_nonsense", "another resident": other, "the one who gave leave": p.signIn("elder"),
		"an officer of another body": transport, "an administrator": admin} {
		p.everyNoun(who, token, number, licence, upload, draft, "林小满", "990101199205200287")
	}
	var list struct{ Items []any }
	for _, path := range []string{"cases", "credentials", "uses"} {
		if p.call(other, "GET", "/api/v1/"+path, nil, 200, &list); len(list.Items) != 0 {
			t.Errorf("another resident's %s: %v", path, list.Items)
		}
	}
	if p.call(transport, "GET", "/api/v1/cases", nil, 200, &list); len(list.Items) != 0 {
		t.Errorf("another body's inbox: %v", list.Items)
	}
	for _, whom := range []string{"firm", "delegator", p.firm.String(), p.mother.String(), p.daughter.String(), `x","y":"`} {
		for _, path := range []string{"cases?for=", "credentials?for="} {
			if a := p.ask("GET", "/api/v1/"+path+strings.ReplaceAll(whom, `"`, "%22"), nil, bearer(other)...); a.status != 422 {
				t.Errorf("for %s: %d %s", whom, a.status, a.body)
			}
		}
		if a := p.ask("POST", "/api/v1/applications", map[string]any{"item": "food-permit", "for": whom}, bearer(other)...); a.status != 422 {
			t.Errorf("for %s: %d %s", whom, a.status, a.body)
		}
	}
	// What is somebody else's can't be put into an application of one's own.
	stolen := map[string]any{"item": "residence-permit", "answers": map[string]any{"ground": "home", "home_right": "rent"}, "materials": map[string]any{"lease": map[string]any{"uploads": []string{upload}}}}
	a := p.ask("POST", "/api/v1/applications", stolen, bearer(other)...)
	var pr problemBody
	if p.read(a, &pr); a.status != 422 || !strings.Contains(string(a.body), "service.upload.gone") {
		t.Errorf("somebody else's file: %d %s", a.status, a.body)
	}
}

// An agent who no longer stands for the firm has no part in what they filed for it.
func TestAgentWhoLeft(t *testing.T) {
	p := newPlace(t, "")
	id, agent := p.person(city.Resident, "agent")
	legal := city.Actor{Kind: city.Resident, Person: p.daughter, Assurance: city.AssurancePassword}
	p.in(func(ctx context.Context, tx *db.Tx) error {
		return p.app.Directory.SetAgent(ctx, tx, legal, p.firm, id, time.Time{})
	})
	filing := p.example("food-permit")
	a := p.ask("POST", "/api/v1/uploads?item=food-permit&material=floor_plan&for=firm&name=plan.pdf", []byte("%PDF-1.4\n%%EOF\n"), bearer(agent)...)
	var file struct{ ID string }
	p.read(a, &file)
	filing["materials"].(map[string]any)["health_certificate"] = map[string]any{"name": "health.pdf", "content": []byte("%PDF-1.4\n%%EOF\n")}
	filing["materials"].(map[string]any)["floor_plan"] = map[string]any{"uploads": []string{file.ID}}
	var c apiCase
	p.call(agent, "POST", "/api/v1/applications", filing, 201, &c)
	p.call(agent, "GET", "/api/v1/cases/"+c.Number, nil, 200, nil)
	p.call(agent, "GET", "/api/v1/uploads/"+file.ID, nil, 200, nil)
	var papers struct{ Items []struct{ Number string } }
	p.call(agent, "GET", "/api/v1/credentials?for=firm", nil, 200, &papers)

	p.in(func(ctx context.Context, tx *db.Tx) error {
		return p.app.Directory.EndAgent(ctx, tx, legal, p.firm, id)
	})
	p.everyNoun("the agent who left", agent, c.Number, papers.Items[0].Number, file.ID, "", "小满厨房")
	if a := p.ask("POST", "/api/v1/applications", filing, bearer(agent)...); a.status != 422 {
		t.Errorf("filed for the firm: %d %s", a.status, a.body)
	}
	p.call(p.signIn("resident"), "GET", "/api/v1/cases/"+c.Number, nil, 200, nil)
	p.call(p.signIn("resident"), "GET", "/api/v1/uploads/"+file.ID, nil, 200, nil)
}

// Whose leave has ended has no part in what they filed for the other.
func TestLeaveThatEnded(t *testing.T) {
	p := newPlace(t, "")
	resident := p.signIn("resident")
	var c apiCase
	p.call(resident, "POST", "/api/v1/applications", p.example("senior-allowance"), 201, &c)
	for end := time.Now().Add(2 * time.Minute); c.Status != "closed" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		p.call(resident, "GET", "/api/v1/cases/"+c.Number, nil, 200, &c)
	}
	// The leave is for one item: nothing else of hers is within reach.
	var all struct {
		Items []struct{ Number, Type string }
	}
	p.call(p.signIn("elder"), "GET", "/api/v1/credentials", nil, 200, &all)
	for _, l := range all.Items {
		if l.Type != "senior-allowance" {
			p.refusal("who has leave for one item", resident, "GET", "/api/v1/credentials/"+l.Number, nil, "林秀兰")
		}
	}
	if a := p.ask("GET", "/api/v1/credentials?for=delegator", nil, bearer(resident)...); a.status != 403 {
		t.Errorf("her papers: %d %s", a.status, a.body)
	}
	if a := p.ask("POST", "/api/v1/applications", map[string]any{"item": "own-property-certificate", "for": "delegator", "answers": map[string]any{}}, bearer(resident)...); a.status != 403 && a.status != 422 {
		t.Errorf("another item for her: %d %s", a.status, a.body)
	}
	giver := city.Actor{Kind: city.Resident, Person: p.mother, Assurance: city.AssurancePassword}
	p.in(func(ctx context.Context, tx *db.Tx) error {
		known, err := p.app.Identity.Actor(ctx, resident)
		if err != nil {
			return err
		}
		list, err := p.app.Identity.Principals(ctx, tx, known.Actor)
		for _, x := range list {
			if err == nil && !x.Choice.Delegation.IsZero() {
				err = p.app.Identity.EndDelegation(ctx, tx, giver, x.Choice.Delegation)
			}
		}
		return err
	})
	p.everyNoun("whose leave has ended", resident, c.Number, c.Credentials[0].Number, "", "", "林秀兰")
	if a := p.ask("POST", "/api/v1/applications", p.example("senior-allowance"), bearer(resident)...); a.status != 422 {
		t.Errorf("filed for her: %d %s", a.status, a.body)
	}
}

// A token does what its scopes say and nothing more, and never makes another.
func TestTokensStaySmall(t *testing.T) {
	p := newPlace(t, "")
	number, licence, upload, draft := p.own()
	full := p.signIn("resident")
	known, err := p.app.Identity.Actor(context.Background(), full)
	p.ok(err)
	make := func(scopes ...string) (secret string) {
		p.in(func(ctx context.Context, tx *db.Tx) (err error) {
			secret, _, err = p.app.Identity.CreateToken(ctx, tx, known.Actor, identity.NewToken{Name: "x", Scopes: scopes, Expires: time.Now().AddDate(0, 1, 0)})
			return err
		})
		return secret
	}
	reader := make("case.read", "case.mine")
	p.call(reader, "GET", "/api/v1/cases/"+number, nil, 200, nil)
	p.call(reader, "GET", "/api/v1/cases", nil, 200, nil)
	for _, path := range []string{"credentials", "credentials/" + licence, "uses", "uploads/" + upload} {
		p.refusal("a token that reads cases", reader, "GET", "/api/v1/"+path, nil)
	}
	p.refusal("a token that reads cases", reader, "POST", "/api/v1/cases/"+number+"/actions", map[string]any{"action": "withdraw"})
	p.refusal("a token that reads cases", reader, "POST", "/api/v1/applications", map[string]any{"draft": draft})
	p.refusal("a token that reads cases", reader, "POST", "/api/v1/applications", p.example("marriage-appointment"))

	whole := make("*")
	agent, err := p.app.Identity.Actor(context.Background(), whole)
	p.ok(err)
	err = p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, _, err := p.app.Identity.CreateToken(ctx, tx, agent.Actor, identity.NewToken{Name: "y", Scopes: []string{"*"}, Expires: time.Now().AddDate(1, 0, 0)})
		return err
	})
	if city.KindOf(err) != city.KindForbidden {
		t.Errorf("a token made a token: %v", err)
	}
}

// Characters that mean nothing, in every place of an address or a form where text
// goes: an answer, never a fault of ours, on either database.
func TestOddCharacters(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		resident, officer := p.signIn("resident"), p.signIn("approver")
		for _, odd := range []string{"%00", "%ff%fe", "a%00b", "%ed%a0%80", "%e2%80%ae", "%27%22%3b--", "..%2f..%2f", "%25%5f*", strings.Repeat("%e6%b1%9f", 900)} {
			for _, token := range []string{resident, officer} {
				for _, address := range []string{"/api/v1/items?q=", "/api/v1/items?after=", "/api/v1/items/", "/api/v1/cases?after=", "/api/v1/cases?kind=", "/api/v1/cases?for=",
					"/api/v1/cases/", "/api/v1/credentials/", "/api/v1/uploads/", "/api/v1/uses?after=", "/api/v1/algorithms/", "/api/v1/credentials?for="} {
					if a := p.ask("GET", address+odd, nil, bearer(token)...); a.status >= 500 {
						t.Errorf("GET %s%.40s: %d %.200s", address, odd, a.status, a.body)
					}
				}
				for _, address := range []string{"/items?q=", "/search?q=", "/items/", "/items/%s/apply", "/apply/", "/matters/", "/licences/", "/licences?number=", "/files/", "/verify?code=", "/events/", "/algorithms/",
					"/credentials/status/", "/notices?after=", "/uses?after=", "/matters?after=", "/sign-in?back=", "/family/", "/?lang=",
					"/desk?kind=", "/desk?after=", "/desk?scope=", "/desk/search?q=", "/desk/cases/", "/desk/licences?number=", "/desk/licences/", "/desk/counter/", "/desk/counter?number=", "/static/"} {
					where := address + odd
					if strings.Contains(address, "%s") {
						where = strings.Replace(address, "%s", odd, 1)
					}
					if a := p.ask("GET", where, nil, "Cookie", "yiwang="+token); a.status >= 500 {
						t.Errorf("GET %.80s: %d", where, a.status)
					}
				}
				for path, field := range map[string]string{"/sign-in": "login", "/verify": "code", "/desk/counter": "number", "/account/password": "old", "/account/tokens": "name", "/account/delegations": "number",
					"/acting": "choice", "/activate": "code", "/items/senior-allowance/apply": "scenario"} {
					a := p.ask("POST", path, strings.NewReader(field+"="+odd+"&password="+odd), "Cookie", "yiwang="+token, "Content-Type", "application/x-www-form-urlencoded")
					if a.status >= 500 {
						t.Errorf("POST %s %s=%.40s: %d", path, field, odd, a.status)
					}
				}
			}
		}
	})
}
