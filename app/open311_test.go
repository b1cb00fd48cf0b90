package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
)

// A conversation in Open311 with the whole city behind the door: what is sent
// becomes a case, its steps are the updates, and what is closed is closed.
func TestOpen311WithTheCityBehindIt(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database, func(o *app.Options) { o.Demo = true })
		ask := func(method, path string, form url.Values, want int) string {
			t.Helper()
			r, err := http.NewRequest(method, p.url+"/open311/v2/"+path, strings.NewReader(form.Encode()))
			p.ok(err)
			if method == "POST" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			res, err := http.DefaultClient.Do(r)
			p.ok(err)
			defer res.Body.Close()
			raw, err := io.ReadAll(res.Body)
			p.ok(err)
			if res.StatusCode != want {
				t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, raw)
			}
			return string(raw)
		}
		if got := ask("GET", "services.xml", nil, 200); !strings.Contains(got, "<service_code>c0101</service_code>") {
			t.Errorf("no covers among the services: %.300s", got)
		}
		report := url.Values{"service_code": {"c0101"}, "lat": {"31.933"}, "long": {"121.04"}, "description": {"The cover is broken"}, "phone": {"13900990003"}}
		ask("POST", "requests.json", report, 403)
		report.Set("api_key", "nonsense")
		ask("POST", "requests.json", report, 403)
		report.Set("api_key", "demo")
		var filed []struct {
			Number string `json:"service_request_id"`
		}
		p.ok(json.Unmarshal([]byte(ask("POST", "requests.json", report, 200)), &filed))
		if len(filed) != 1 || filed[0].Number == "" {
			t.Fatalf("filed %v", filed)
		}
		n := filed[0].Number
		if got := ask("GET", "requests/"+n+".xml", nil, 200); !strings.Contains(got, "<status>open</status>") || strings.Contains(got, "13900990003") {
			t.Errorf("the request: %s", got)
		}
		far := url.Values{"service_code": {"c0101"}, "lat": {"39.9"}, "long": {"116.4"}, "description": {"far"}, "api_key": {"demo"}}
		if got := ask("POST", "requests.xml", far, 400); !strings.Contains(got, "0990-12345") {
			t.Errorf("outside the city: %s", got)
		}
		_, err := p.app.Cases.Do(context.Background(), program, city.CaseNumber(n), casework.Action{Name: "done", Note: "too dark for a picture"})
		p.ok(err)
		_, err = p.app.Cases.Do(context.Background(), program, city.CaseNumber(n), casework.Action{Name: "passed"})
		p.ok(err)
		if got := ask("GET", "requests/"+n+".json", nil, 200); !strings.Contains(got, `"closed"`) {
			t.Errorf("closed: %s", got)
		}
		since := url.QueryEscape(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
		until := url.QueryEscape(time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		if got := ask("GET", "servicerequestupdates.json?start_date="+since+"&end_date="+until, nil, 200); strings.Count(got, n) < 4 {
			t.Errorf("its steps: %s", got)
		}
	})
}
