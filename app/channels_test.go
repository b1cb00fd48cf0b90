package app_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/notify"
)

// postOffice is a mail server on this machine that takes letters of who signs in.
type postOffice struct {
	mu   sync.Mutex
	to   []string
	port string
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{}
	_, o.port, _ = net.SplitHostPort(l.Addr().String())
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counterClerk{o: o}, nil }))
	s.AllowInsecureAuth, s.Domain, s.ErrorLog = true, "mail.example", log.New(io.Discard, "", 0)
	go s.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { s.Close() })
	return o
}

func (o *postOffice) got() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(slices.Values(o.to))
}

type counterClerk struct {
	o     *postOffice
	known bool
	to    string
}

func (c *counterClerk) AuthMechanisms() []string { return []string{sasl.Plain} }
func (c *counterClerk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "city" || password != "open sesame" {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}
func (c *counterClerk) Reset()        {}
func (c *counterClerk) Logout() error { return nil }
func (c *counterClerk) Mail(string, *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (c *counterClerk) Rcpt(to string, _ *smtp.RcptOptions) error { c.to = to; return nil }
func (c *counterClerk) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if strings.Contains(string(raw), "Auto-Submitted: auto-generated") {
		c.o.to = append(c.o.to, c.to)
	}
	return err
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// The operator names a mail server and a webhook in the data folder. Who reported
// with an address is written to, and so is the post whose turn it is, at its mailbox;
// the webhook gets what is for posts, signed. Whoever may see the matter sees who was
// told what.
func TestChannelsOfTheOperator(t *testing.T) {
	office := newPostOffice(t)
	type posted struct{ ID, To, Subject, Text string }
	var mu sync.Mutex
	var hooked []posted
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if r.Header.Get("Yiwang-Signature") != "v1="+notify.Sign([]byte("0123456789abcdef"), r.Header.Get("Yiwang-Timestamp"), raw) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var p posted
		if json.Unmarshal(raw, &p) == nil {
			mu.Lock()
			hooked = append(hooked, p)
			mu.Unlock()
		}
	}))
	defer hook.Close()
	p := newPlace(t, "", func(o *app.Options) {
		write(t, filepath.Join(o.Data, "channels.yaml"), "mail: {host: 127.0.0.1, port: "+office.port+", from: city@jianghai.example, tls: open, user: city, password_file: secrets/mail}\n"+
			"webhook: {url: \""+hook.URL+"/x\", who: [posts]}\n", 0o600)
		write(t, filepath.Join(o.Data, "secrets", "mail"), "open sesame\n", 0o600)
		o.Env = func(name string) string { return map[string]string{"YIWANG_WEBHOOK_SECRET": "0123456789abcdef"}[name] }
	})
	r := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine, Reporter: incident.Reporter{Email: "lin@home.example", Phone: "13900990002", Lang: city.English}})
	want := []string{"inspectors@urban.jianghai.example", "lin@home.example"}
	seen := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(hooked, func(h posted) bool {
			return h.To == "post:urban-management.inspector" && strings.Contains(h.Text, string(r.Number))
		})
	}
	for range 1200 {
		if got := office.got(); slices.Contains(got, want[0]) && slices.Contains(got, want[1]) && seen() {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := slices.Compact(office.got()); !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
		t.Errorf("letters to %v", got)
	}
	if !seen() {
		t.Errorf("the webhook got %v", hooked)
	}
	mu.Lock()
	for _, h := range hooked {
		if !strings.HasPrefix(h.To, "post:") {
			t.Errorf("the webhook is for posts, and got %+v", h)
		}
		if strings.Contains(h.To, "urban-management") && !strings.Contains(h.Text, "/desk/cases/"+string(r.Number)) {
			t.Errorf("leads nowhere: %s", h.Text)
		}
	}
	mu.Unlock()

	about := func(a city.Actor) (all []notify.Told, err error) {
		err = p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
			all, err = p.app.Notices.About(ctx, tx, a, string(r.Number), 0)
			return err
		})
		return all, err
	}
	// a letter is at the post office a moment before the city notes that it went
	outcome, waiting := map[string]string{}, true
	for deadline := time.Now().Add(2 * time.Minute); waiting && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all, err := about(at("urban-management.inspector"))
		p.ok(err)
		waiting = false
		for _, told := range all {
			for _, by := range told.By {
				waiting = waiting || by.Outcome() == "waiting" || by.Outcome() == "again" // being tried, or to be tried once more
				if !told.Box.Reporter.IsZero() && told.Type == "incident.reported" {
					outcome[by.Channel] = by.Outcome()
				}
			}
		}
	}
	if outcome["email"] != "sent" || outcome["sms"] != "sent" || outcome["webhook"] != "" {
		t.Errorf("what became of it: %v", outcome)
	}
	// the same over the API and at the desk: to officers who may see the case; a
	// resident sees what concerns them
	var list struct {
		Items []struct {
			To   string
			Text city.Text
			Ways []struct{ Channel, Outcome string }
		}
	}
	inspector, approver := p.signIn("street"), p.signIn("approver")
	path := "/api/v1/cases/" + string(r.Number) + "/notices"
	p.call(inspector, http.MethodGet, path, nil, http.StatusOK, &list)
	seenBy := map[string]string{}
	for _, n := range list.Items {
		for _, w := range n.Ways {
			if n.Text.ZhHans == "" || n.Text.En == "" {
				t.Errorf("a notice without words: %+v", n)
			}
			seenBy[n.To+" "+w.Channel] = w.Outcome
		}
	}
	if seenBy["reporter email"] != "sent" || seenBy["post webhook"] != "sent" || seenBy["post screen"] != "sent" || seenBy["reporter screen"] != "" {
		t.Errorf("over the API: %v", seenBy)
	}
	p.call(approver, http.MethodGet, path, nil, http.StatusForbidden, nil)
	p.call(p.signIn("resident"), http.MethodGet, path, nil, http.StatusForbidden, nil)
	p.call("", http.MethodGet, path, nil, http.StatusUnauthorized, nil)
	status, _, page := p.open(inspector, "/desk/cases/"+string(r.Number))
	if status != http.StatusOK || !strings.Contains(page, `id="told"`) || !strings.Contains(page, "反映的人") || strings.Contains(page, "lin@home.example") {
		t.Errorf("the desk: %d, %v", status, strings.Contains(page, `id="told"`))
	}

	if all, err := about(at("civil-affairs.clerk")); err == nil {
		t.Errorf("an officer who may not see the matter saw %d notices", len(all))
	}
	if _, err := about(nobody); err == nil {
		t.Error("anybody saw who was told what")
	}
}

// What is wrong with the operator's file is said with its line, a secret that is
// missing or that others can read is said by its name, and a made-up city takes no
// channels from its pack.
func TestChannelsRefused(t *testing.T) {
	start := func(yaml string, mode os.FileMode, demo bool) error {
		data := t.TempDir()
		if yaml != "" {
			write(t, filepath.Join(data, "channels.yaml"), yaml, 0o600)
		}
		if mode != 0 {
			write(t, filepath.Join(data, "secrets", "mail"), "open sesame", mode)
			if err := os.Chmod(filepath.Join(data, "secrets", "mail"), mode); err != nil {
				t.Fatal(err)
			}
		}
		a, err := app.New(context.Background(), app.Options{CityFS: cities.Jianghai(), Data: data, Demo: demo, Env: func(string) string { return "" }})
		if err == nil {
			err = a.DB.Close()
		}
		return err
	}
	const mail = "mail: {host: mail.example, from: a@b.example, user: city, password_file: secrets/mail}\n"
	for name, c := range map[string]struct {
		yaml string
		mode os.FileMode
		says string
	}{
		"a key that is none":      {"\nmail: {host: mail.example, from: a@b.example, password: x}\n", 0, "channels.yaml:2: "},
		"the secret in the file":  {"webhook: {url: \"https://a.example\", secret: x, who: [posts]}\n", 0, "channels.yaml:1: "},
		"no such file":            {mail, 0, "There is no "},
		"a file that others read": {mail, 0o644, "Others can read"},
		"out of the folder":       {"mail: {host: mail.example, from: a@b.example, user: city, password_file: ../mail}\n", 0, "channels.yaml:1: "},
		"no secret at all":        {"webhook: {url: \"https://a.example\", who: [posts]}\n", 0, "There is no secret"},
		"it is well":              {mail, 0o600, ""},
		"there is none":           {"", 0, ""},
		"switched off":            {"mail: {off: true}\nwebhook: {off: true}\n", 0, ""},
	} {
		err := start(c.yaml, c.mode, true)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: the secret is said", name)
		}
	}
}

// The doctor goes as far as signing in, sends a letter only when asked to, and says
// which channel is ill.
func TestDoctorLooksAtChannels(t *testing.T) {
	office := newPostOffice(t)
	hook := httptest.NewServer(http.NotFoundHandler())
	data := t.TempDir()
	a, err := app.New(context.Background(), app.Options{CityFS: cities.Jianghai(), Data: data})
	if err != nil {
		t.Fatal(err)
	}
	a.DB.Close()
	look := func(sendTo, password string) map[string]app.Grade {
		env := map[string]string{"YIWANG_MAIL_PASSWORD": password, "YIWANG_WEBHOOK_SECRET": strings.Repeat("s", 16)}
		out := map[string]app.Grade{}
		for _, f := range app.Examine(context.Background(), app.Examination{Place: app.Place{Data: data}, Cases: 1, Clock: city.WallClock{}, SendTest: sendTo, Lang: city.English,
			Env: func(name string) string { return env[name] }}) {
			out[f.Check] = f.Grade
			if said := f.Message.In(city.English); password != "" && strings.Contains(said, password) {
				t.Errorf("the password is said: %s", said)
			}
		}
		return out
	}
	if got := look("", ""); got["channels"] != app.OK || got["mail"] != "" {
		t.Errorf("without channels: %v", got)
	}
	if got := look("a@b.example", ""); got["test_letter"] != app.Fail {
		t.Errorf("a letter without a server: %v", got)
	}
	write(t, filepath.Join(data, "channels.yaml"), "mail: {host: 127.0.0.1, port: "+office.port+", from: city@jianghai.example, tls: open, user: city}\nwebhook: {url: \""+hook.URL+"\", who: [posts]}\n", 0o600)
	if got := look("", "open sesame"); got["mail"] != app.OK || got["webhook"] != app.OK || len(office.got()) != 0 {
		t.Errorf("well: %v, letters to %v", got, office.got())
	}
	if got := look("lin@home.example", "open sesame"); got["test_letter"] != app.OK || len(office.got()) != 1 {
		t.Errorf("a letter to try: %v, letters to %v", got, office.got())
	}
	hook.Close()
	if got := look("lin@home.example", "wrong password"); got["mail"] != app.Fail || got["webhook"] != app.Fail || got["test_letter"] == app.OK || len(office.got()) != 1 {
		t.Errorf("ill: %v, letters to %v", got, office.got())
	}
	write(t, filepath.Join(data, "channels.yaml"), "mail: [\n", 0o600)
	if got := look("", ""); got["channels"] != app.Fail {
		t.Errorf("a broken file: %v", got)
	}
}
