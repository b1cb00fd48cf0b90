package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
	"yiwang/tlog"
)

// neighbour is a city that can be cut off.
type neighbour struct {
	*place
	cut  atomic.Bool
	lost atomic.Int64 // requests while it was
}

func newNeighbour(t *testing.T, code city.RegionCode, name city.Text) *neighbour {
	n := &neighbour{}
	g := newGate(t)
	n.place = newPlace(t, "", func(o *app.Options) { o.Origin, o.Code, o.Name = g.URL, code, name })
	h := n.app.Handler()
	g.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.cut.Load() {
			n.lost.Add(1)
			http.Error(w, "the line is cut", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(w, r)
	}))
	return n
}

// list waits for the city's own list.
func (p *place) list() *trustlist.List {
	p.Helper()
	for n := 0; ; n++ {
		a := p.ask("GET", "/trust/list", nil)
		if a.status == 200 {
			l, err := trustlist.Parse(a.body)
			p.ok(err)
			return l
		}
		if n == 500 {
			p.Fatalf("no list: %d %s", a.status, a.body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// held is the code of a licence that the resident holds.
func (p *place) held(login, typ string) (code, number string) {
	p.Helper()
	var l struct {
		Items []struct{ Type, Code, Number string }
	}
	p.call(p.signIn(login), "GET", "/api/v1/credentials", nil, 200, &l)
	for _, c := range l.Items {
		if c.Type == typ {
			return c.Code, c.Number
		}
	}
	p.Fatalf("%s holds no %s", login, typ)
	return "", ""
}

type verified struct {
	Valid    bool
	Reason   string
	Warnings []string
	Signer   *credential.Signed
	TrustAt  time.Time `json:"trust_at"`
	Since    time.Time `json:"status_unknown_since"`
}

func (p *place) verifies(code string) (v verified) {
	p.Helper()
	p.call("", "POST", "/api/v1/verify", map[string]string{"code": code}, 200, &v)
	return v
}

// A licence of the next city is checked here as one of ours: genuine, still good, who
// vouches; and honestly when the next city can't be asked.
func TestALicenceOfTheNextCity(t *testing.T) {
	ctx := context.Background()
	there := newNeighbour(t, "9902", city.Text{ZhHans: "江北市", En: "Jiangbei"})
	here := newPlace(t, "")
	code, number := there.held("resident", "health-certificate")
	if v := here.verifies(code); v.Valid || v.Reason != "unknown_signer" {
		t.Fatalf("before the cities know each other: %+v", v)
	}
	here.says(here.page("", "/trust", nil, 200), "还不认识")

	// an anchor, given by hand, says who the regions are; the next city's own list is fetched
	keys, err := credential.OpenKeys(t.TempDir())
	here.ok(err)
	anchor, err := keys.Create(credential.EdDSA, "省里", time.Now().Add(-time.Hour))
	here.ok(err)
	listKey := there.app.Trust.Signer.Certificate()
	regions, err := trustlist.SignRegions(ctx, anchor, trustlist.Regions{
		Head:      trustlist.Head{Sequence: 1, Issued: time.Now(), Next: time.Now().AddDate(1, 0, 0)},
		Authority: city.Text{ZhHans: "省数据局", En: "Province"},
		Regions: []trustlist.Region{{Code: "9902", Name: city.Text{ZhHans: "江北市", En: "Jiangbei"}, Address: there.app.Origin + "/trust/list",
			Since: time.Now().AddDate(-3, 0, 0), Keys: []trustlist.ListKey{{Key: listKey, From: time.Now().AddDate(-1, 0, 0)}}}}})
	here.ok(err)
	there.list()
	_, err = here.app.Trust.AddAnchor(ctx, city.SystemActor("console"), anchor.Certificate())
	here.ok(err)
	_, err = here.app.Trust.Import(ctx, city.SystemActor("console"), regions, "by hand")
	here.ok(err)
	here.ok(here.app.RefreshTrust(ctx, true, func(_ trustlist.Neighbour, got trustlist.Taking, err error) {
		if err != nil || !got.News {
			t.Errorf("fetched: %+v %v", got, err)
		}
	}))
	here.ok(here.app.BelieveNow(ctx))
	v := here.verifies(code)
	if !v.Valid || len(v.Warnings) > 0 || v.Signer == nil || v.Signer.Region != "9902" || v.Signer.RegionName.En != "Jiangbei" || v.TrustAt.IsZero() {
		t.Fatalf("once they do: %+v", v)
	}
	here.says(here.page("", "/verify", url.Values{"code": {code}}, 200), "江北市（9902）", "江海市卫生健康委员会")
	here.says(here.page("", "/trust", nil, 200), "江北市", "健康证明")

	// offline, with what the city exports
	dir := t.TempDir()
	here.ok(here.app.ExportTrust(ctx, dir))
	if got := offline(t, dir, code); !got.Valid || got.Signer.Region != "9902" || len(got.Warnings) > 0 {
		t.Errorf("offline: %+v", got)
	}

	// revoked there, and seen here; then the line is cut, and the last state stays known
	n, err := credential.ParseNumber(number)
	here.ok(err)
	here.ok(there.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := there.app.Credentials.Revoke(ctx, tx, program, credential.Change{Number: n, Reason: "错发"})
		return err
	}))
	here.ok(here.app.FetchStatusNow(ctx, code))
	if v := here.verifies(code); v.Reason != "revoked" {
		t.Errorf("revoked there: %+v", v)
	}
	there.cut.Store(true)
	err = here.app.RefreshTrust(ctx, true, func(_ trustlist.Neighbour, _ trustlist.Taking, err error) {
		if err == nil {
			t.Error("fetched over a line that is cut")
		}
	})
	here.ok(err)
	here.says(here.page("", "/trust", nil, 200), "取不到")
	if v := here.verifies(code); v.Reason != "revoked" {
		t.Errorf("the line is cut: %+v", v)
	}
	here.says(here.page("", "/log", nil, 200), "公开账本")

	here.ok(here.app.Trust.Drop(ctx, city.SystemActor("console"), "9902"))
	here.ok(here.app.BelieveNow(ctx))
	if v := here.verifies(code); v.Reason != "signer_dropped" {
		t.Errorf("dropped: %+v", v)
	}
}

// A city whose status list was never had says since when it isn't known.
func TestAStatusThatCantBeHad(t *testing.T) {
	ctx := context.Background()
	there := newNeighbour(t, "9902", city.Text{ZhHans: "江北市", En: "Jiangbei"})
	here := newPlace(t, "")
	code, _ := there.held("resident", "health-certificate")
	there.list()
	_, err := here.app.MeetTrust(ctx, there.app.Origin, func(app.Meeting) bool { return true })
	here.ok(err)
	here.ok(here.app.BelieveNow(ctx))
	there.cut.Store(true)
	v := here.verifies(code)
	if !v.Valid || strings.Join(v.Warnings, " ") != "status_unknown" || time.Since(v.Since) > time.Minute || v.Since.IsZero() {
		t.Errorf("never had: %+v", v)
	}
	lost := there.lost.Load()
	if again := here.verifies(code); !again.Since.Equal(v.Since) || there.lost.Load() != lost {
		t.Errorf("asked again at once: %+v, %d requests", again, there.lost.Load()-lost)
	}
	here.says(here.page("", "/verify", url.Values{"code": {code}}, 200), "取不到对方的状态表")
}

// What an operator is told about a region before a key is taken: too much, too slow
// and wrong answers are errors, and nothing is kept.
func TestMeetingStrangers(t *testing.T) {
	here := newPlace(t, "")
	for what, answer := range map[string]http.HandlerFunc{
		"nothing":  func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"a page":   func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"too much": func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, trustlist.MaxList+1)) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, here.url+"/trust/list", http.StatusFound)
		},
		"ourselves": func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(here.list().Raw) },
	} {
		srv := httptest.NewServer(answer)
		if _, err := here.app.MeetTrust(context.Background(), srv.URL, func(app.Meeting) bool { return true }); err == nil {
			t.Errorf("%s: met", what)
		}
		srv.Close()
	}
}

// offline checks with nothing but a folder.
func offline(t *testing.T, dir, code string) credential.Result {
	t.Helper()
	lists, err := trustlist.Load(os.DirFS(dir), time.Now())
	if err != nil || len(lists.Faults) > 0 {
		t.Fatal(lists.Faults, err)
	}
	trust, faults, err := credential.LoadTrust(os.DirFS(dir), func(t *credential.Trust) { err = lists.AddTo(t) })
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if !lists.Taken[f.File] {
			t.Error(f)
		}
	}
	return credential.Verify(code, trust, time.Now())
}

// Two demonstrations on one machine are made acquainted from one side: each checks the
// other's licences, and watches the other's log.
func TestTwoDemonstrationsMeet(t *testing.T) {
	ctx := context.Background()
	there, here := newNeighbour(t, "9902", city.Text{ZhHans: "江北市", En: "Jiangbei"}), newNeighbour(t, "", city.Text{})
	there.list()
	if _, err := here.app.Neighbour(ctx, there.app.Origin); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ of, at *neighbour }{{there, here}, {here, there}} {
		code, _ := x.of.held("resident", "health-certificate")
		if v := x.at.verifies(code); !v.Valid || v.Signer.Region != string(x.of.app.Code) {
			t.Errorf("a licence of %s: %+v", x.of.app.Code, v)
		}
		for n := 0; ; n++ {
			var seen []tlog.Seen
			x.at.ok(x.at.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				seen, err = x.at.app.Witness.Watched(ctx, tx)
				return err
			}))
			if len(seen) == 1 && seen[0].Size > 0 {
				break
			}
			if n == 300 {
				t.Fatalf("the log of %s isn't watched: %+v", x.of.app.Code, seen)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if a := here.ask("POST", "/trust/meet", []byte("http://elsewhere.example")); a.status != http.StatusBadRequest {
		t.Errorf("met somebody elsewhere: %d", a.status)
	}
}
