package app_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"yiwang/app"
	"yiwang/city"
	"yiwang/tlog"
)

// receiptOf waits until the log has published what was said last about a matter.
func (p *place) receiptOf(token, number string) string {
	p.Helper()
	return p.receiptAt(token, "/api/v1/cases/"+number+"/receipt")
}

// receiptAt waits until there is a receipt at an address.
func (p *place) receiptAt(token, address string) string {
	p.Helper()
	for n := 0; ; n++ {
		a := p.ask("GET", address, nil, bearer(token)...)
		switch {
		case a.status == http.StatusOK:
			return string(a.body)
		case a.status != http.StatusServiceUnavailable || n == 1500:
			p.Fatalf("the receipt %s: %d %s", address, a.status, a.body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// licence waits for the first licence of whoever is signed in, and gives its number.
func (p *place) licence(token string) string {
	p.Helper()
	for n := 0; ; n++ {
		var list struct{ Items []struct{ Number string } }
		p.call(token, "GET", "/api/v1/credentials", nil, http.StatusOK, &list)
		switch {
		case len(list.Items) > 0:
			return list.Items[0].Number
		case n == 1500:
			p.Fatal("no licence came")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// filed applies for the mother's allowance.
func (p *place) filed(token string) string {
	p.Helper()
	var c struct {
		Number string `json:"number"`
	}
	p.call(token, "POST", "/api/v1/applications", p.example("senior-allowance"), http.StatusCreated, &c)
	return c.Number
}

// A resident applies and holds a receipt; a stranger checks it with nothing but the
// log's key, on the page, over the interface and alone.
func TestAReceiptForAStranger(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		resident := p.signIn("resident")
		number := p.filed(resident)
		receipt := p.receiptOf(resident, number)

		raw := p.ask("GET", "/log/checkpoint", nil)
		if raw.status != 200 || raw.header.Get("Content-Type") != "text/plain; charset=utf-8" || !bytes.HasPrefix(raw.body, []byte(p.app.PublicLog.Key.Name()+"\n")) {
			t.Fatalf("the checkpoint: %d %v %s", raw.status, raw.header, raw.body)
		}
		key, err := note.NewVerifier(p.app.PublicLog.Key.Public)
		p.ok(err)
		r := tlog.Verify(receipt, tlog.Keys{Logs: []note.Verifier{key}}, time.Now())
		if !r.Valid || r.Statement.Subject != number {
			t.Fatalf("alone: %+v", r)
		}

		var said struct {
			Valid   bool
			Kind    string
			Reason  string
			Receipt tlog.Checked
		}
		p.call("", "POST", "/api/v1/verify", map[string]string{"code": receipt}, 200, &said)
		if !said.Valid || said.Kind != "receipt" || said.Reason != "ok" || said.Receipt.Statement.Subject != number {
			t.Errorf("over the interface: %+v", said)
		}
		forged := strings.Replace(receipt, "index ", "index 1", 1)
		p.call("", "POST", "/api/v1/verify", map[string]string{"code": forged}, 200, &said)
		if said.Valid || said.Reason != "not_in_log" {
			t.Errorf("forged: %+v", said)
		}
		page := p.page("", "/verify", url.Values{"code": {strings.ReplaceAll(receipt, "\n", "\r\n")}}, 200)
		p.says(page, "这份收据是真的", number)
		page = p.page("", "/verify", url.Values{"code": {forged}}, 200)
		p.says(page, "这份收据不能相信")
		p.says(p.page("", "/log", nil, 200), "公开账本", p.app.PublicLog.Key.Public)
		elder := p.signIn("elder") // whose matter it is; the daughter applied for her
		matter := p.page(elder, "/matters/"+number, nil, 200)
		p.says(matter, "下载收据")
		offered := regexp.MustCompile(`/matters/[^"]*/receipt\?entry=\d+`).FindString(matter)
		if got := p.page(elder, offered, nil, 200); !tlog.LooksLikeReceipt(got) {
			t.Errorf("from the matter's page: %s", got)
		}

		// Whatever the log vouches for has its receipt at its own place.
		rule := p.page("", "/algorithms/senior-allowance", nil, 200)
		p.says(rule, "下载收据", "规则的写法公布了")
		if got := p.page("", "/algorithms/senior-allowance/receipt", nil, 200); !tlog.LooksLikeReceipt(got) {
			t.Errorf("of a rule: %s", got)
		}
		p.page("", "/algorithms/senior-allowance/receipt?entry=x", nil, 404)
		p.page("", "/algorithms/senior-allowance/receipt?entry=999999", nil, 404)
		p.page("", "/algorithms/nothing/receipt", nil, 404)
		p.page("", "/scorecard/2020-01/receipt", nil, 404)
		licence := "/licences/" + url.PathEscape(p.licence(elder))
		for n := 0; n < 1500 && !strings.Contains(p.page(elder, licence, nil, 200), "下载收据"); n++ {
			time.Sleep(20 * time.Millisecond)
		}
		got := p.page(elder, licence+"/receipt", nil, 200)
		p.says(p.page("", "/verify", url.Values{"code": {got}}, 200), "这份收据是真的", "发了一张证照")
		p.page(p.signIn("food-clerk"), licence+"/receipt", nil, 403)

		// nobody else gets it, and what isn't there is not found
		if a := p.ask("GET", "/api/v1/cases/"+number+"/receipt", nil); a.status != http.StatusUnauthorized {
			t.Errorf("a stranger asks for it: %d", a.status)
		}
		p.call(p.signIn("food-clerk"), "GET", "/api/v1/cases/"+number+"/receipt", nil, http.StatusForbidden, nil)
		p.call(resident, "GET", "/api/v1/cases/"+number+"/receipt?entry=9999999", nil, http.StatusNotFound, nil)
		part := ".p/" + strings.Split(string(raw.body), "\n")[1]
		for path, want := range map[string]int{"/log/tile/0/000": 404, "/log/tile/0/000" + part: 200, "/log/tile/entries/000" + part: 200, "/log/tile/../../city.db": 404, "/log/tile/0/%2e%2e/%2e%2e/treeState": 404,
			"/log/tile/64/000": 404, "/log/tile/0/000.p/256": 404, "/log/tile/0/x000/000": 404, "/log/.state/treeState": 404} {
			if a := p.ask("GET", path, nil); a.status != want && a.status/100 != 3 { // a path with dots is sent on to what it means
				t.Errorf("%s: %d, want %d", path, a.status, want)
			}
		}
	})
}

// Two cities watch each other: neither publishes what the other hasn't seen, and a
// checkpoint that contradicts an earlier one is caught and shown.
func TestTwoCitiesWatchEachOther(t *testing.T) {
	gates := [2]*gate{newGate(t), newGate(t)}
	var data [2]string
	var logs, watchers [2]*tlog.Key
	for i, g := range gates {
		data[i] = t.TempDir()
		host := strings.TrimPrefix(g.URL, "http://")
		var err error
		if logs[i], err = tlog.LoadKey(filepath.Join(data[i], "keys", "log.key"), host+"/log", true); err != nil {
			t.Fatal(err)
		}
		if watchers[i], err = tlog.LoadKey(filepath.Join(data[i], "keys", "witness.key"), host+"/witness", true); err != nil {
			t.Fatal(err)
		}
	}
	var places [2]*place
	for i := range gates {
		other := 1 - i
		public, err := watchers[other].WitnessKey()
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"watched-logs":     "# the neighbour\n" + logs[other].Public + "\n",
			"witnesses.policy": "witness neighbour " + public + " " + gates[other].URL + "/witness\nquorum neighbour\n",
		} {
			if err := os.WriteFile(filepath.Join(data[i], name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		places[i] = newPlace(t, "", func(o *app.Options) { o.Data, o.Origin = data[i], gates[i].URL })
		gates[i].open(places[i].app.Handler())
	}
	p := places[0]
	resident := p.signIn("resident")
	receipt := p.receiptOf(resident, p.filed(resident)) // waits for the neighbour to have signed
	keys := p.app.PublicLog.Keys()
	keys.Quorum = 1
	if r := tlog.Verify(receipt, keys, time.Now()); !r.Valid || len(r.Witnesses) != 1 || r.Witnesses[0].Name != watchers[1].Name() {
		t.Errorf("the receipt: %+v", r)
	}
	p.says(p.page("", "/log", nil, 200), watchers[1].Name())

	// somebody who has the first city's key shows the second another story
	seen := places[1].ask("GET", "/log", nil)
	if seen.status != 200 || bytes.Contains(seen.body, []byte("can&#39;t both be true")) {
		t.Fatalf("the second city's page: %d", seen.status)
	}
	checkpoint := string(p.ask("GET", "/log/checkpoint", nil).body)
	lines := strings.SplitN(checkpoint, "\n", 4)
	forged, err := note.Sign(&note.Note{Text: lines[0] + "\n" + lines[1] + "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}, logs[0])
	p.ok(err)
	var answer answered
	for { // the true log may grow meanwhile
		answer = places[1].ask("POST", "/witness/add-checkpoint", []byte("old "+lines[1]+"\n\n"+string(forged)))
		size := strings.TrimSpace(string(answer.body))
		if answer.status != http.StatusConflict || size == lines[1] {
			break
		}
		lines[1] = size
		forged, err = note.Sign(&note.Note{Text: lines[0] + "\n" + size + "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}, logs[0])
		p.ok(err)
	}
	if answer.status != http.StatusConflict || answer.header.Get("Content-Type") != "text/x.tlog.size" {
		t.Errorf("the forged checkpoint: %d %s", answer.status, answer.body)
	}
	page := places[1].page("", "/log", nil, 200)
	places[1].says(page, "前后对不上", lines[0])
	// who runs the second city hears of it, once, and monitoring counts it
	p = places[1]
	_, admin := p.person(city.Officer, "log-keeper", "data-bureau.admin")
	for n := 0; !strings.Contains(p.page(admin, "/notices", nil, 200), "前后对不上"); n++ {
		if n == 1500 {
			t.Fatal("nobody was told")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := p.page("", "/metrics", nil, 200); !strings.Contains(got, `yiwang_public_log_forks{log="`+lines[0]+`"} 1`) || !strings.Contains(got, "yiwang_public_log_stopped 0") {
		t.Errorf("metrics: %s", got)
	}
	for path, want := range map[string]int{"old 0\n\nnobody.example/log\n1\nAAAA\n\n— x AAAA\n": 404, "nonsense": 400} {
		if a := places[1].ask("POST", "/witness/add-checkpoint", []byte(path)); a.status != want {
			t.Errorf("%q: %d, want %d", path, a.status, want)
		}
	}
}

// gate is an address that is known before the city behind it stands.
type gate struct {
	*httptest.Server
	behind chan http.Handler
}

func newGate(t *testing.T) *gate {
	g := &gate{behind: make(chan http.Handler, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case h := <-g.behind:
			g.behind <- h
			h.ServeHTTP(w, r)
		default:
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})}}
	g.Start()
	t.Cleanup(g.Close)
	return g
}

func (g *gate) open(h http.Handler) { g.behind <- h }
