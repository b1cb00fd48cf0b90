package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/scorecard"
	"yiwang/tlog"
)

// contract is the description that the program gives of its own JSON face, and
// what of it has been seen to happen.
type contract struct {
	*place
	doc      map[string]any
	seen     map[string]bool // "POST /api/v1/verify 200"
	resident string          // token of one, made when needed
}

func newContract(p *place) *contract {
	c := &contract{place: p, seen: map[string]bool{}}
	p.read(p.ask("GET", "/api/openapi.json", nil), &c.doc)
	return c
}

func member(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// operations calls f for each operation of the document: "POST", its address, and
// the operation.
func (c *contract) operations(f func(method, path string, op map[string]any)) {
	for path, item := range member(c.doc, "paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			f(strings.ToUpper(method), path, op.(map[string]any))
		}
	}
}

var holes = regexp.MustCompile(`\{\w+\}`)

// operation finds the operation of an address.
func (c *contract) operation(method, address string) (path string, op map[string]any) {
	address, _, _ = strings.Cut(address, "?")
	c.operations(func(m, p string, o map[string]any) {
		if m == method && regexp.MustCompile("^"+holes.ReplaceAllString(regexp.QuoteMeta(p), "")+"$").MatchString(address) {
			path, op = p, o
		}
	})
	c.operations(func(m, p string, o map[string]any) {
		pattern := "^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(p), "[^/]+") + "$"
		if op == nil && m == method && regexp.MustCompile(pattern).MatchString(address) {
			path, op = p, o
		}
	})
	return path, op
}

// does sends a request and holds the answer against the document.
func (c *contract) does(want int, method, path string, in any, header ...string) map[string]any {
	c.Helper()
	a := c.ask(method, path, in, header...)
	if a.status != want {
		c.Errorf("%s %s: %d, want %d: %.500s", method, path, a.status, want, a.body)
		return nil
	}
	return c.holds(method, path, a)
}

func (c *contract) holds(method, path string, a answered) map[string]any {
	c.Helper()
	at, op := c.operation(method, path)
	if op == nil {
		c.Errorf("%s %s is not in the document", method, path)
		return nil
	}
	response, ok := member(op, "responses", fmt.Sprint(a.status)).(map[string]any)
	if !ok {
		c.Errorf("%s %s: %d is not in the document: %.300s", method, at, a.status, a.body)
		return nil
	}
	c.seen[fmt.Sprint(method, " ", at, " ", a.status)] = true
	media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(a.body) > 0 {
			c.Errorf("%s %s: %d answers with %d bytes that the document doesn't know of", method, at, a.status, len(a.body))
		}
		return nil
	}
	if content[media] == nil {
		c.Errorf("%s %s: %d answers as %q, the document knows %v", method, at, a.status, media, content)
		return nil
	}
	if !strings.HasSuffix(media, "json") {
		return nil
	}
	var body any
	c.read(a, &body)
	for _, f := range c.faults("", member(content[media], "schema"), body) {
		c.Errorf("%s %s: %d: %s", method, at, a.status, f)
	}
	m, _ := body.(map[string]any)
	return m
}

// faults says where a value is not what its schema says. It knows the words that
// the document uses (api holds it to them).
func (c *contract) faults(at string, schema, v any) (out []string) {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return c.faults(at, member(c.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), v)
	}
	no := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	is := ""
	switch x := v.(type) {
	case nil:
		is = "null"
	case bool:
		is = "boolean"
	case string:
		is = "string"
		switch s["format"] {
		case "date-time":
			if _, err := time.Parse(time.RFC3339, x); err != nil {
				no("%q is no moment with an offset", x)
			}
		}
	case float64:
		is = "number"
		if x == math.Trunc(x) && s["type"] != "number" {
			is = "integer"
		}
	case []any:
		is = "array"
		for i, e := range x {
			out = append(out, c.faults(fmt.Sprint(at, "[", i, "]"), s["items"], e)...)
		}
	case map[string]any:
		is = "object"
		properties, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		for _, r := range required {
			if _, ok := x[r.(string)]; !ok {
				no("%v is missing", r)
			}
		}
		for name, e := range x {
			switch more := s["additionalProperties"].(type) {
			case bool:
				if properties[name] == nil && !more {
					no("%s is not in the schema", name)
				}
			case map[string]any:
				if properties[name] == nil {
					out = append(out, c.faults(at+"."+name, more, e)...)
				}
			}
			if properties[name] != nil {
				out = append(out, c.faults(at+"."+name, properties[name], e)...)
			}
			if name != strings.ToLower(name) && !strings.Contains(at, "name") && s["additionalProperties"] == false && name != "zh-Hans" {
				no("%s is not snake_case", name)
			}
		}
	}
	types, many := s["type"].([]any)
	if !many && s["type"] != nil {
		types = []any{s["type"]}
	}
	if len(types) > 0 && !slices.Contains(types, any(is)) {
		no("is %s, want %v", is, types)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		no("%v is none of %v", v, enum)
	}
	return out
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// Every answer that the document names really happens, and has the shape that it
// says; and no other happens on the way.
func TestTheDocumentIsTrue(t *testing.T) {
	p := newPlace(t, "")
	c := newContract(p)
	resident, clerk, inspector, approver := p.signIn("resident"), p.signIn("food-clerk"), p.signIn("inspector"), p.signIn("approver")
	me, at, staff, head := bearer(resident), "/api/v1", bearer(clerk), bearer(approver)

	c.does(200, "GET", at+"/me", nil, me...)
	c.does(200, "GET", at+"/me", nil, staff...)
	c.does(200, "GET", at+"/items", nil)
	page := c.does(200, "GET", at+"/items?limit=5", nil)
	if next := c.does(200, "GET", at+"/items?limit=200&after="+page["next"].(string), nil); len(next["items"].([]any)) != 7 || next["next"] != nil {
		t.Errorf("the second page of the items: %v", next)
	}
	found := c.does(200, "GET", at+"/items?limit=1&q=licence", nil)
	if next, ok := found["next"].(string); !ok || len(c.does(200, "GET", at+"/items?limit=1&q=licence&after="+next, nil)["items"].([]any)) != 1 {
		t.Errorf("what was found has no second page: %v", found)
	}
	c.does(422, "GET", at+"/items?after=nothing", nil)
	for _, it := range c.does(200, "GET", at+"/items?limit=200", nil)["items"].([]any) {
		c.does(200, "GET", at+"/items/"+it.(map[string]any)["code"].(string), nil)
	}
	c.does(404, "GET", at+"/items/nothing", nil)
	c.does(200, "GET", at+"/algorithms", nil)

	// An application with a file, corrected, decided, rated, looked at again.
	file := "/uploads?item=food-permit&material=floor_plan&for=firm&name=plan.pdf"
	plan := c.does(200, "POST", at+file, []byte("%PDF-1.4\n%%EOF\n"), me...)
	c.does(200, "GET", at+"/uploads/"+plan["id"].(string), nil, me...)
	c.does(404, "GET", at+"/uploads/"+city.NewBlobID().String(), nil, me...)
	c.does(404, "POST", at+strings.Replace(file, "food-permit", "nothing", 1), []byte("%PDF-1.4\n%%EOF\n"), me...)
	food := p.example("food-permit")
	opened := c.does(201, "POST", at+"/applications", food, me...)
	of := at + "/cases/" + opened["number"].(string)
	c.does(404, "POST", at+"/applications", map[string]any{"item": "nothing"}, me...)
	c.does(422, "POST", at+"/applications", map[string]any{}, me...)
	c.does(200, "GET", of, nil, me...)
	c.does(200, "GET", of, nil, staff...)
	c.does(200, "GET", at+"/cases", nil, me...)
	if of := c.does(200, "GET", at+"/cases?for=firm", nil, me...); len(of["items"].([]any)) != 1 {
		t.Errorf("the firm's cases: %v", of)
	}
	papers := c.does(200, "GET", at+"/credentials?for=firm", nil, me...)["items"].([]any)
	if len(papers) != 2 {
		t.Fatalf("the firm's papers: %v", papers)
	}
	c.does(200, "GET", at+"/credentials/"+member(papers[0], "number").(string), nil, me...)
	c.does(422, "GET", at+"/credentials?for=nobody", nil, me...)
	c.does(403, "GET", at+"/credentials?for=firm", nil, staff...)
	c.does(200, "GET", at+"/cases?scope=post", nil, staff...)
	c.does(200, "POST", of+"/actions", map[string]any{"action": "supplement", "points": []any{map[string]any{"field": "staff", "text": "How many?"}}}, staff...)
	c.does(200, "POST", of+"/actions", map[string]any{"action": "supply", "answers": food["answers"], "materials": food["materials"]}, me...)
	c.does(200, "POST", of+"/actions", map[string]any{"action": "accept"}, staff...)
	if late := c.does(409, "POST", of+"/actions", map[string]any{"action": "accept"}, staff...); late["case"] == nil {
		t.Error("409 without the fresh state")
	}
	c.does(200, "POST", of+"/actions", map[string]any{"action": "special_procedure", "procedure": "site_inspection"}, bearer(inspector)...)

	c.does(404, "GET", of+"/receipt?entry=9999999", nil, me...)
	p.receiptOf(resident, opened["number"].(string)) // waits for the log
	c.does(200, "GET", of+"/receipt", nil, me...)

	allowance := c.does(201, "POST", at+"/applications", p.example("senior-allowance"), me...)
	number := allowance["number"].(string)
	for end := time.Now().Add(2 * time.Minute); allowance["status"] != "closed" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		allowance = c.does(200, "GET", at+"/cases/"+number, nil, me...)
	}
	licence := member(allowance["credentials"].([]any)[0], "number").(string)
	c.does(200, "GET", at+"/credentials/"+licence, nil, head...)
	c.does(404, "GET", at+"/credentials/nothing", nil, me...)
	c.does(200, "GET", at+"/credentials", nil, me...)
	c.does(200, "GET", at+"/uses", nil, me...)
	if v := c.does(200, "POST", at+"/verify", map[string]any{"code": member(allowance["credentials"].([]any)[0], "code")}); v["valid"] != true {
		t.Errorf("%v", v)
	}
	c.does(200, "POST", at+"/verify", map[string]any{"code": licence})
	c.does(200, "POST", at+"/verify", map[string]any{"code": "hello"})
	c.does(201, "POST", at+"/cases/"+number+"/review", map[string]any{"reason": "too little"}, me...)
	c.does(200, "POST", at+"/cases/"+number+"/rating", map[string]any{"level": 5, "text": "slow"}, me...)
	c.does(200, "POST", at+"/credentials/"+licence+"/status", map[string]any{"action": "suspend", "reason": "x"}, head...)
	c.does(409, "POST", at+"/credentials/"+licence+"/status", map[string]any{"action": "suspend", "reason": "x"}, head...)
	_, watch := p.person(city.Officer, "watch", "operations-center.clerk")
	_, carrier := p.person(city.Officer, "carrier", "transport.clerk")
	kept := c.does(200, "POST", at+"/positions", fmt.Appendf(nil, "{\"vehicle\":%q,\"at\":%q,\"lat\":31.933,\"lon\":121.04}\nnot json\n", tanker(t, p.app).ID, time.Now().Format(time.RFC3339)), bearer(carrier)...)
	if kept["taken"] != 1.0 || len(kept["refused"].([]any)) != 1 {
		t.Errorf("%v", kept)
	}
	readings := c.does(200, "POST", at+"/readings", []byte("{\"device\":\"water-laodukou\",\"values\":{\"level\":1}}\n\n{\"device\":\"nothing\",\"values\":{\"level\":1}}\nnot json\n"), bearer(watch)...)
	if readings["taken"] != 1.0 || len(readings["refused"].([]any)) != 2 {
		t.Errorf("%v", readings)
	}
	if list := c.does(200, "GET", at+"/sensors", nil, bearer(watch)...)["items"].([]any); len(list) != 6 {
		t.Errorf("%v", list)
	}
	c.does(200, "POST", at+"/sensors/water-laodukou/release", map[string]any{}, bearer(watch)...)
	c.does(404, "POST", at+"/sensors/nothing/release", map[string]any{}, bearer(watch)...)

	_, watchman := p.person(city.Officer, "watchman", "emergency-management.inspector")
	if _, err := p.app.Risks.Compute(p.Context(), city.SystemActor("test"), p.app.Risks.Today()); err != nil {
		t.Fatal(err)
	}
	if list := c.does(200, "GET", at+"/risk", nil, bearer(watchman)...)["items"].([]any); len(list) != 30 || len(member(list[0], "parts").([]any)) != 12 {
		t.Errorf("risks: %v", list)
	}
	c.does(200, "GET", at+"/risk?day=2026-01-05", nil, bearer(watchman)...)
	c.does(422, "GET", at+"/risk?day=soon", nil, bearer(watchman)...)
	c.does(403, "GET", at+"/risk", nil, me...)

	noticed, _ := p.raises(stops(time.Now().Add(-time.Hour), 3, "w1"))
	if list := c.does(200, "GET", at+"/alerts?rule=repeat_stay_unknown&since=2026-01-01T00:00:00Z", nil, bearer(watch)...)["items"].([]any); len(list) != 1 || member(list[0], "id") != noticed.ID.String() {
		t.Errorf("alerts: %v", list)
	}
	if one := c.does(200, "GET", at+"/alerts/"+noticed.ID.String(), nil, bearer(watch)...); len(one["sightings"].([]any)) != 1 || len(one["clauses"].([]any)) == 0 {
		t.Errorf("alert: %v", one)
	}
	c.does(404, "GET", at+"/alerts/"+city.NewAlertID().String(), nil, bearer(watch)...)
	c.does(422, "GET", at+"/alerts?after=x", nil, bearer(watch)...)
	_, shiftLeader := c.person(city.Officer, "shift-leader", "operations-center.approver")
	c.does(201, "POST", at+"/silences", map[string]any{"rule": "fatigue", "until": time.Now().Add(time.Hour), "reason": "a drill"}, bearer(shiftLeader)...)
	c.does(422, "POST", at+"/silences", map[string]any{"rule": "fatigue", "until": time.Now().Add(time.Hour)}, bearer(shiftLeader)...)

	_, walker := c.person(city.Officer, "walker", "urban-management.inspector")
	shift := map[string]any{"post": "urban-management.inspector", "until": time.Now().Add(time.Hour)}
	c.does(200, "POST", at+"/duty", shift, bearer(walker)...)
	if list := c.does(200, "GET", at+"/duty", nil, bearer(walker)...)["items"].([]any); len(list) != 1 || member(list[0], "post") != shift["post"] {
		t.Errorf("my shifts: %v", list)
	}
	here := map[string]any{"lat": 31.933, "lon": 121.04}
	c.does(200, "POST", at+"/position", here, bearer(walker)...)
	for path, in := range map[string]any{at + "/position": here, at + "/duty": shift} {
		paced := false
		for range 100 {
			if a := p.ask("POST", path, in, bearer(walker)...); a.status == 429 {
				c.holds("POST", path, a)
				paced = true
				break
			}
		}
		if !paced {
			t.Errorf("%s is taken at any pace", path)
		}
	}
	_, chief := c.person(city.Officer, "chief", "operations-center.commander")
	truck := map[string]any{"lat": 31.933, "lon": 121.04, "heading": 90, "minutes": 5}
	c.does(200, "POST", at+"/reachable", truck, bearer(chief)...)
	c.does(200, "POST", at+"/reachable", map[string]any{"lat": 31.933, "lon": 121.04, "minutes": 0.5, "at": "2026-11-26T08:00:00+08:00"}, bearer(chief)...)
	c.does(200, "POST", at+"/reachable", map[string]any{"vehicle": tanker(t, p.app).ID, "minutes": 5}, bearer(chief)...)
	c.does(404, "POST", at+"/reachable", map[string]any{"vehicle": "nobody", "minutes": 5}, bearer(chief)...)
	c.does(422, "POST", at+"/reachable", map[string]any{"minutes": 5}, bearer(chief)...)
	c.does(403, "POST", at+"/reachable", truck, me...)
	c.does(422, "POST", at+"/reachable", map[string]any{"lat": 39.9, "lon": 116.4, "minutes": 5}, bearer(chief)...)
	c.does(200, "POST", at+"/duty/end", map[string]any{"post": shift["post"]}, bearer(walker)...)
	cover := map[string]any{"class": "c0101", "text": "The cover is broken", "place": map[string]any{"lat": 31.933, "lon": 121.04}}
	told := c.does(201, "POST", at+"/incidents", cover, "Idempotency-Key", "cover")
	if again := c.does(201, "POST", at+"/incidents", cover, "Idempotency-Key", "cover"); again["code"] != told["code"] || again["number"] != told["number"] {
		t.Errorf("the same report again: %v, first %v", again, told)
	}
	if list := c.does(200, "GET", at+"/incidents?class=c0101", nil)["items"].([]any); len(list) != 1 || member(list[0], "number") != told["number"] {
		t.Errorf("what anybody may see: %v", list)
	}
	c.does(422, "GET", at+"/incidents?after=x", nil)
	c.does(422, "POST", at+"/incidents", map[string]any{"text": "far away", "place": map[string]any{"lat": 39.9, "lon": 116.4}}, me...)
	_, err := p.app.Cases.Do(context.Background(), program, city.CaseNumber(told["number"].(string)), casework.Action{Name: casework.ActTerminate, Reason: "x"})
	p.ok(err)
	c.does(409, "POST", at+"/incidents", map[string]any{"text": "that one", "join": told["number"]}, me...)
	trucks := c.does(200, "GET", at+"/vehicles?use=hazmat&limit=2", nil, staff...)
	plate := member(trucks["items"].([]any)[1], "plate").(string)
	if next := c.does(200, "GET", at+"/vehicles?limit=1&after="+url.QueryEscape(plate), nil, staff...)["items"].([]any); trucks["next"] != plate || len(next) != 1 || member(next[0], "plate") == plate {
		t.Errorf("pages of vehicles: %v, then %v", trucks, next)
	}
	if truck := c.does(200, "GET", at+"/vehicles/"+url.PathEscape(plate), nil, staff...); member(truck, "permit", "in_force") != true || len(truck["routes"].([]any)) == 0 {
		t.Errorf("a truck on record: %v", truck)
	}
	for on, status := range map[string]string{"2025-01-01": "operating", "2026-01-01": "closed"} {
		if sites := c.does(200, "GET", at+"/sites?q=hx-changdi&on="+on, nil, staff...)["items"].([]any); len(sites) != 1 || member(sites[0], "status") != status {
			t.Errorf("the works on %s: %v", on, sites)
		}
	}
	for _, path := range []string{"/vehicles?on=yesterday", "/vehicles/x?on=2026-02-30", "/sites?on=x"} {
		c.does(422, "GET", at+path, nil, staff...)
	}
	c.does(404, "GET", at+"/vehicles/nothing", nil, staff...)
	c.does(403, "GET", at+"/vehicles", nil, me...)
	rules := c.does(200, "GET", at+"/algorithms", nil)["items"].([]any)
	c.does(200, "GET", at+"/algorithms/"+member(rules[0], "rule").(string), nil)
	c.does(404, "GET", at+"/algorithms/nothing", nil)
	month := scorecard.MonthOf(time.Now(), p.app.Pack.Zone) - 1
	p.ok(p.app.Scores.Publish(p.Context(), city.SystemActor("test"), month))
	used := c.does(200, "GET", at+"/uses", nil, me...)["items"].([]any)
	for thing, none := range map[string]string{
		"/credentials/" + licence:                          "/credentials/nothing",
		"/uses/" + member(used[0], "id").(string):          "/uses/" + city.NewEventID().String(),
		"/algorithms/" + member(rules[0], "rule").(string): "/algorithms/nothing",
		"/scorecard/" + month.String():                     "/scorecard/2020-01",
	} {
		if text := p.receiptAt(resident, at+thing+"/receipt"); !tlog.Verify(text, p.app.PublicLog.Keys(), time.Now()).Valid {
			t.Errorf("%s: %s", thing, text)
		}
		c.does(200, "GET", at+thing+"/receipt", nil, me...)
		c.does(404, "GET", at+none+"/receipt", nil, me...)
	}
	mine := "/uses/" + member(used[0], "id").(string) + "/receipt"
	if page := p.page(resident, "/uses", nil, 200); !strings.Contains(page, `href="`+mine+`"`) {
		t.Errorf("no receipt on the page of uses: %s", text(page))
	}
	p.page(resident, mine, nil, 200)
	p.page(p.signIn("elder"), mine, nil, 404)
	p.page("", mine, nil, 303)
	c.does(422, "GET", at+"/uses?after=x", nil, me...)
	c.does(422, "GET", at+"/cases?after=x", nil, me...)
	for _, verb := range []string{"actions", "rating", "review"} {
		in := map[string]any{"actions": map[string]any{"action": "accept"}, "rating": map[string]any{"level": 1}, "review": map[string]any{"reason": "x"}}[verb]
		c.does(404, "POST", at+"/cases/JH-2026-000999-0/"+verb, in, me...)
	}
	c.does(404, "GET", at+"/cases/JH-2026-000999-0/notices", nil, me...)
	c.does(200, "GET", at+"/cases/"+number+"/notices", nil, me...)
	c.does(404, "GET", at+"/cases/JH-2026-000999-0", nil, me...)
	c.does(404, "POST", at+"/credentials/nothing/status", map[string]any{"action": "revoke", "reason": "x"}, head...)

	// Too many questions.
	c.does(200, "POST", at+"/sessions", map[string]any{"login": "resident", "password": "demo"})
	for range 5 {
		c.does(401, "POST", at+"/sessions", map[string]any{"login": "nobody", "password": "x"})
	}
	for range 2 {
		p.ask("POST", at+"/sessions", map[string]any{"login": "nobody", "password": "x"})
	}
	c.does(429, "POST", at+"/sessions", map[string]any{"login": "nobody", "password": "x"})
	for range 40 {
		p.ask("POST", at+"/verify", map[string]any{"code": "x"})
	}
	c.does(429, "POST", at+"/verify", map[string]any{"code": "x"})
	for range 40 {
		p.ask("POST", at+"/incidents", map[string]any{"text": "again and again"})
	}
	c.does(429, "POST", at+"/incidents", map[string]any{"text": "again and again"})
	c.everyOperation()
	c.does(204, "DELETE", at+"/sessions", nil, me...)

	unseen := map[string]string{"500": "a fault of ours", "503": "TestNothingWithoutADatabase"}
	c.operations(func(method, path string, op map[string]any) {
		for status := range member(op, "responses").(map[string]any) {
			if method+path+status == "POST/api/v1/sessions409" { // a password that is changed in the same instant
				continue
			}
			if !c.seen[method+" "+path+" "+status] && unseen[status] == "" {
				t.Errorf("%s %s: %s is in the document and never happened", method, path, status)
			}
		}
	})
}

// address fills the holes of a path with what is well formed and leads nowhere.
func address(path string) string {
	path = strings.Replace(path, "/uploads/{id}", "/uploads/"+city.NewBlobID().String(), 1)
	path = strings.Replace(path, "cases/{number}", "cases/JH-2026-000999-0", 1)
	path = holes.ReplaceAllString(path, "nothing")
	if strings.HasSuffix(path, "/uploads") {
		path += "?material=m&name=n.pdf&item=food-permit"
	}
	return path
}

// everyOperation provokes what can happen to any of them.
func (c *contract) everyOperation() {
	nobody := c.officerWithoutPost()
	c.operations(func(method, path string, op map[string]any) {
		where := address(path)
		_, documented := member(op, "responses", "415").(map[string]any)
		var body any
		if method == "POST" {
			if body = any(map[string]any{}); !documented {
				body = []byte("x")
			}
		}
		if op["security"] != nil {
			c.does(401, method, where, body)
			c.does(401, method, where, body, bearer("nonsense")...)
			c.does(403, method, where, body, bearer(nobody)...)
			c.does(409, method, where, body, bearer(c.leaveOver())...)
		}
		if method != "POST" {
			return
		}
		token := bearer(c.residentToken())
		c.does(403, method, where, body, "Sec-Fetch-Site", "cross-site")
		c.does(422, method, where, strings.NewReader(""), append(token, "Idempotency-Key", "of "+path)...)
		if documented {
			c.does(415, method, where, strings.NewReader("{}"), append(token, "Content-Type", "text/plain")...)
		}
		large := 2 << 20
		if strings.HasSuffix(path, "/applications") || strings.HasSuffix(path, "/actions") {
			large = 25 << 20
		} else if !documented {
			large = 41<<20 + 1
		}
		c.does(413, method, where, io.LimitReader(zeros{}, int64(large)), append(token, "Content-Type", "application/json")...)
		c.holds(method, where, c.halfWay(method, where, token[1]))
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// halfWay sends half of a request and goes away with the other half.
func (c *contract) halfWay(method, path, authorization string) answered {
	c.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	c.ok(err)
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"half\":", method, path, authorization)
	c.ok(conn.(*net.TCPConn).CloseWrite())
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	c.ok(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	c.ok(err)
	if res.StatusCode != http.StatusRequestTimeout {
		c.Errorf("%s %s, half of it: %d %s", method, path, res.StatusCode, raw)
	}
	return answered{res.StatusCode, res.Header, raw}
}

// in runs f in one transaction of the program's own.
func (p *place) in(f func(ctx context.Context, tx *db.Tx) error) {
	p.Helper()
	p.ok(p.app.DB.Update(context.Background(), f))
}

// person adds somebody with an account, of the kind, and gives id and token.
func (p *place) person(kind city.ActorKind, login string, posts ...city.PostID) (id city.PersonID, token string) {
	p.Helper()
	p.people++
	hash, err := p.app.Identity.Hash(context.Background(), "demo")
	p.ok(err)
	p.in(func(ctx context.Context, tx *db.Tx) (err error) {
		number := city.NewCitizenNumber("990103", city.Date{Year: 1970, Month: 3, Day: 1 + p.people%28}, 200+p.people, false)
		if id, err = p.app.Directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: number, Name: "何" + login, Region: "990102001001", Phone: "13900990002"}); err != nil {
			return err
		}
		for _, post := range posts {
			if err := p.app.Directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: id}); err != nil {
				return err
			}
		}
		_, err = p.app.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: id, Login: login, Password: hash})
		return err
	})
	return id, p.signIn(login)
}

func (c *contract) residentToken() string {
	if c.resident == "" {
		_, c.resident = c.person(city.Resident, "somebody")
	}
	return c.resident
}

func (c *contract) officerWithoutPost() string {
	id, token := c.person(city.Officer, "was-clerk", "market-regulation.clerk")
	c.in(func(ctx context.Context, tx *db.Tx) error {
		return c.app.Directory.Dismiss(ctx, tx, program, "market-regulation.clerk", id)
	})
	return token
}

// leaveOver is the token of a session that acted for somebody who has just ended
// the leave.
func (c *contract) leaveOver() string {
	c.Helper()
	token := c.signIn("resident")
	known, err := c.app.Identity.Actor(context.Background(), token)
	c.ok(err)
	giver := city.Actor{Kind: city.Resident, Person: c.mother, Assurance: city.AssurancePassword}
	var id city.DelegationID
	c.in(func(ctx context.Context, tx *db.Tx) (err error) {
		if id, err = c.app.Identity.Give(ctx, tx, giver, identity.Leave{Taker: known.Actor.Person, Until: time.Now().AddDate(0, 1, 0)}); err != nil {
			return err
		}
		if err := c.app.Identity.Accept(ctx, tx, known.Actor, id); err != nil {
			return err
		}
		_, err = c.app.Identity.Choose(ctx, tx, known.Actor, known.Session, identity.Choice{Delegation: id})
		return err
	})
	c.in(func(ctx context.Context, tx *db.Tx) error { return c.app.Identity.EndDelegation(ctx, tx, giver, id) })
	return token
}

// Without a database every operation that needs one says so, and when to come
// back; those that need none go on.
func TestNothingWithoutADatabase(t *testing.T) {
	srv := dbtest.PostgresServer(t)
	p := newPlace(t, srv.URL())
	c := newContract(p)
	token := bearer(p.signIn("resident"))
	rule := p.app.Algorithms.Entries()[0].Rule
	p.ok(srv.Stop())
	time.Sleep(3 * time.Second) // who bears the token is remembered for a moment
	c.operations(func(method, path string, op map[string]any) {
		var body any
		if method == "POST" {
			body = map[string]any{"login": "resident", "password": "demo"}
			if strings.HasSuffix(path, "/incidents") {
				body = map[string]any{"text": "The cover is broken"}
			}
			if strings.HasSuffix(path, "/verify") {
				body = map[string]any{"code": "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"}
			}
		}
		_, needs := member(op, "responses", "503").(map[string]any)
		where := address(strings.NewReplacer("{rule}", string(rule), "{month}", "2026-10").Replace(path))
		a := p.ask(method, where, body, append(slices.Clone(token), "Idempotency-Key", "k "+where)...)
		if needs != (a.status == http.StatusServiceUnavailable) || needs && a.header.Get("Retry-After") == "" {
			var pr problemBody
			_ = json.Unmarshal(a.body, &pr)
			t.Errorf("%s %s: %d, Retry-After %q: %.300s", method, path, a.status, a.header.Get("Retry-After"), a.body)
		}
	})
	p.ok(srv.Start())
}
