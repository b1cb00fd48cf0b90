package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
)

func TestSettings(t *testing.T) {
	good := func() notify.Settings {
		return notify.Settings{
			Mail:    &notify.MailSettings{Host: "mail.jianghai.example", From: "江海一网 <notice@jianghai.example>", User: "city", PasswordFile: "secrets/mail"},
			Webhook: &notify.WebhookSettings{URL: "https://bus.jianghai.example/hook?t=1", SecretFile: "secrets/hook", Who: []string{"posts", "residents"}}}
	}
	for at, spoil := range map[string]func(*notify.Settings){
		"":                      func(*notify.Settings) {},
		"mail.host":             func(s *notify.Settings) { s.Mail.Host = "mail example" },
		"mail.port":             func(s *notify.Settings) { s.Mail.Port = 70000 },
		"mail.from":             func(s *notify.Settings) { s.Mail.From = "江海一网\r\nBcc: a@b.example" },
		"mail.tls":              func(s *notify.Settings) { s.Mail.TLS = "open" }, // to another machine
		"mail.user":             func(s *notify.Settings) { s.Mail.User = "" },
		"mail.password_file":    func(s *notify.Settings) { s.Mail.PasswordFile = "../../etc/passwd" },
		"webhook.url":           func(s *notify.Settings) { s.Webhook.URL = "http://bus.example/" },
		"webhook.secret_file":   func(s *notify.Settings) { s.Webhook.SecretFile = "/etc/passwd" },
		"webhook.who":           func(s *notify.Settings) { s.Webhook.Who = nil },
		"webhook.who.1":         func(s *notify.Settings) { s.Webhook.Who[1] = "everybody" },
		"webhook.who.1, twice":  func(s *notify.Settings) { s.Webhook.Who[1] = "posts" },
		", mail is off":         func(s *notify.Settings) { s.Mail = &notify.MailSettings{Off: true} },
		", webhook is off":      func(s *notify.Settings) { s.Webhook = &notify.WebhookSettings{Off: true, URL: "x"} },
		", to the same machine": func(s *notify.Settings) { s.Mail.Host, s.Mail.TLS = "127.0.0.1", "open" },
	} {
		s := good()
		spoil(&s)
		want, _, _ := strings.Cut(at, ",")
		found := s.Check()
		if want == "" && len(found) > 0 || want != "" && (len(found) != 1 || found[0].Name != want) {
			t.Errorf("%s: %v", at, found)
		}
		for _, f := range found {
			if said := f.Message.In(city.English); strings.Contains(said, "notify.") || strings.Contains(said, "{") {
				t.Errorf("%s is said as %q", f.Name, said)
			}
		}
	}
	for _, c := range []struct {
		m    notify.MailSettings
		addr string
		tls  notify.MailTLS
	}{{notify.MailSettings{Host: "a"}, "a:587", notify.MailStartTLS}, {notify.MailSettings{Host: "a", TLS: "tls"}, "a:465", notify.MailDirect},
		{notify.MailSettings{Host: "::1", Port: 25, TLS: "open"}, "[::1]:25", notify.MailOpen}, {notify.MailSettings{Host: "a", TLS: "starttls"}, "a:587", notify.MailStartTLS}} {
		if o := c.m.Options(); o.Addr != c.addr || o.TLS != c.tls {
			t.Errorf("%+v: %+v", c.m, o)
		}
	}
	pack := good()
	own := notify.Settings{Mail: &notify.MailSettings{Off: true}}
	if both := own.Over(pack); both.MailOn() || !both.WebhookOn() || own.Webhook != nil {
		t.Errorf("%+v", both)
	}
}

// What concerns a post goes to its mailbox and to the webhook that is for posts, and
// leads to where the post works; posts without a mailbox read it on screen.
func TestPostsHearOutside(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		hook := &receiver{}
		server := httptest.NewServer(http.HandlerFunc(hook.ServeHTTP))
		defer server.Close()
		mail := &memo{name: "email"}
		w := newTown(t, d)
		h, err := notify.NewWebhook("webhook", server.URL, secret, w.clock)
		must(t, err)
		settings := notify.WebhookSettings{Who: []string{notify.ToPosts}}
		box := map[city.PostID]string{"club.warden": "warden@club.example"}
		w = newTown(t, d, mail, h)
		w.reaches = func(channel string, to notify.Box) bool {
			if channel == "webhook" {
				return settings.For(to)
			}
			return !to.Person.IsZero() || box[to.Post] != ""
		}
		w.mailboxes = box
		ann := resident()
		w.reached[ann.Person] = []notify.Contact{{Channel: "email", Address: "ann@home.example"}, {Channel: "webhook", Address: "1"}}
		w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person}, journal.Recipient{Post: "club.warden"}, journal.Recipient{Post: "club.coach"}))
		w.carry()
		var to []string
		for _, m := range mail.got {
			to = append(to, m.To)
		}
		if got := fmt.Sprint(to); got != "[ann@home.example warden@club.example]" && got != "[warden@club.example ann@home.example]" {
			t.Errorf("mail to %v", to)
		}
		if len(hook.got) != 2 || hook.forged != 0 || !strings.HasPrefix(hook.got[0]["to"], "post:club.") {
			t.Errorf("the webhook got %v, %d forged", hook.got, hook.forged)
		}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			mine, err := w.Mine(ctx, tx, ann, "JH-2026-000001-1", 0)
			if len(mine) != 1 || len(mine[0].By) != 2 || mine[0].Box.Person != ann.Person || mine[0].By[1].Outcome() != "sent" || mine[0].By[0].Outcome() != "sent" {
				t.Errorf("what ann was told: %+v", mine)
			}
			return err
		}))
	})
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		d    notify.Delivery
		want string
	}{
		{notify.Delivery{Channel: notify.Screen, State: notify.MessageSent}, "sent"},
		{notify.Delivery{Channel: notify.Screen, State: notify.MessageSent, Read: true}, "arrived"},
		{notify.Delivery{State: notify.MessageWaiting}, "waiting"},
		{notify.Delivery{State: notify.MessageWaiting, Tries: 3}, "again"},
		{notify.Delivery{State: notify.MessageFailed, Tries: 1}, "refused"},
		{notify.Delivery{State: notify.MessageFailed, Tries: 10}, "unreachable"},
		{notify.Delivery{State: notify.MessageNowhere}, "no_address"},
	} {
		if got := c.d.Outcome(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.d, got, c.want)
		}
	}
}
