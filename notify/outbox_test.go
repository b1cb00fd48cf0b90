package notify_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
)

func TestOutboxTriesAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann, ben := resident(), resident()
		w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "13800001234"}}
		w.reached[ben.Person] = []notify.Contact{{Channel: "sms", Address: "2"}, {Channel: "email", Address: "b@b.example"}}
		broken := true
		w.sms.fail = func(msg notify.Message) error {
			if broken && msg.To == "13800001234" {
				return fmt.Errorf("%w for 13800001234", errBroken)
			}
			return nil
		}
		w.email.fail = func(notify.Message) error { return fmt.Errorf("%w: no such mailbox", notify.ErrPermanent) }
		w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person}, journal.Recipient{Person: ben.Person}))

		if n := w.carry(); n != 4 || len(w.sms.got) != 1 || w.sms.got[0].To != "2" {
			t.Fatalf("%d tried, got %v: one fault must not hold up the others", n, w.sms.got)
		}
		if n := w.carry(); n != 0 {
			t.Errorf("%d were tried again at once", n)
		}
		waited := time.Duration(0)
		tries := 1
		for tries < 5 {
			w.clock.Advance(10 * time.Second)
			waited += 10 * time.Second
			if w.carry() == 0 {
				continue
			}
			if want := 30 * time.Second << (tries - 1); waited != want {
				t.Errorf("try %d came after %v, want %v", tries+1, waited, want)
			}
			waited = 0
			tries++
		}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			faults, err := db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT fault FROM notice_messages WHERE state = 'waiting'`)
			if len(faults) != 1 || faults[0] != "broken for …" {
				t.Errorf("faults %q: an address stands in no log", faults)
			}
			return err
		}))
		broken = false
		w.clock.Advance(time.Hour)
		if n := w.carry(); n != 1 || len(w.sms.got) != 2 {
			t.Errorf("%d tried, got %v", n, w.sms.got)
		}
		w.clock.Advance(24 * time.Hour)
		if n := w.carry(); n != 0 {
			t.Errorf("%d were sent again", n)
		}
		states := map[string]string{}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			all, err := w.About(ctx, tx, officer("club"), "JH-2026-000001-1", 10)
			for _, told := range all {
				for _, by := range told.By[1:] {
					states[fmt.Sprintf("%v %s", told.Box.Person == ann.Person, by.Channel)] = fmt.Sprintf("%s %d %v", by.State, by.Tries, by.Fault != "")
				}
			}
			return err
		}))
		want := map[string]string{"true sms": "sent 6 false", "true email": "nowhere 1 false", "false sms": "sent 1 false", "false email": "failed 1 true"}
		if fmt.Sprint(states) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", states, want)
		}
	})
}

func TestOutboxGivesUp(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	ann := resident()
	w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "1"}}
	w.sms.fail = func(notify.Message) error { return errBroken }
	w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person}))
	tries := 0
	for range 30 {
		w.clock.Advance(12 * time.Hour)
		tries += w.carry()
	}
	if tries != 11 { // ten for the text message, one to find that there is no e-mail address
		t.Errorf("%d tries", tries)
	}
}

// Nodes that carry at once, and one that dies with a message in its hands.
func TestOutboxShared(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		var mu sync.Mutex
		sent := map[string]int{}
		spool := func() *notify.Notify {
			c := &memo{name: "sms", fail: func(msg notify.Message) error {
				mu.Lock()
				defer mu.Unlock()
				sent[msg.ID]++
				return nil
			}}
			return notify.New(notify.Options{DB: d, Journal: w.j, Access: accessOf(t), Clock: w.clock, Channels: []notify.Channel{c},
				Contacts: func(context.Context, *db.Tx, journal.Recipient) ([]notify.Contact, error) {
					return []notify.Contact{{Channel: "sms", Address: "1"}}, nil
				}})
		}
		j := journal.New(d, w.v)
		a, b := spool(), spool()
		j.Follow(a)
		var to []journal.Recipient
		for range 30 {
			to = append(to, journal.Recipient{Person: city.NewPersonID()})
		}
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			e := caseEvent("opened", "", "received", nil, to...)
			e.At = w.clock.Now()
			return j.Append(ctx, tx, e)
		}))
		must(t, j.CatchUp(ctx))
		var wg sync.WaitGroup
		for _, node := range []*notify.Notify{a, b} {
			wg.Go(func() {
				if _, err := node.Carry(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for id, n := range sent {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		if len(sent) != 30 {
			t.Errorf("%d of 30 were sent", len(sent))
		}

		// A node that stops in the middle leaves the message to whoever comes later.
		dying, kill := context.WithCancel(ctx)
		c := &memo{name: "sms", fail: func(notify.Message) error { kill(); return errBroken }}
		dead := notify.New(notify.Options{DB: d, Journal: w.j, Access: accessOf(t), Clock: w.clock, Channels: []notify.Channel{c},
			Contacts: func(context.Context, *db.Tx, journal.Recipient) ([]notify.Contact, error) {
				return []notify.Contact{{Channel: "sms", Address: "1"}}, nil
			}})
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			e := caseEvent("accept", "", "review", nil, to[0])
			e.At = w.clock.Now()
			return j.Append(ctx, tx, e)
		}))
		must(t, j.CatchUp(ctx))
		if _, err := dead.Carry(dying); err == nil {
			t.Error("the dying node says all is well")
		}
		if n, err := a.Carry(ctx); n != 0 || err != nil {
			t.Errorf("%d, %v: the claim still stands", n, err)
		}
		w.clock.Advance(6 * time.Minute)
		if n, err := b.Carry(ctx); n != 1 || err != nil || len(sent) != 31 {
			t.Errorf("%d, %v, %d sent", n, err, len(sent))
		}
	})
}

// The worker sends by itself soon after the event, and stops when told.
func TestWorker(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newTown(t, d)
	ann := resident()
	w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "1"}}
	arrived := make(chan struct{}, 1)
	w.sms.fail = func(notify.Message) error { arrived <- struct{}{}; return nil }
	must(t, w.Start(ctx))
	must(t, w.j.Start(ctx))
	must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		e := caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person})
		e.At = w.clock.Now()
		return w.j.Append(ctx, tx, e)
	}))
	select {
	case <-arrived:
	case <-time.After(2 * time.Minute):
		t.Error("nothing was sent")
	}
	w.j.Stop()
	w.Stop()
	w.Stop()
}

func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sms")
	s := notify.NewSpool("sms", dir)
	if got, err := s.Latest(5); err != nil || len(got) != 0 {
		t.Errorf("an empty spool: %v, %v", got, err)
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	msg := func(i int) notify.Message {
		return notify.Message{ID: fmt.Sprintf("id-%d.sms", i), At: at.AddDate(0, 0, i/3), To: "13800001234", Lang: city.Chinese, Text: fmt.Sprintf("第 %d 条\n“换行”", i)}
	}
	for i := range 7 {
		must(t, s.Send(ctx, msg(i)))
		must(t, s.Send(ctx, msg(i))) // again is once
	}
	got, err := s.Latest(5)
	must(t, err)
	var texts []string
	for _, g := range got {
		texts = append(texts, strings.Fields(g.Text)[1])
	}
	if fmt.Sprint(texts) != "[6 5 4 3 2]" || got[0] != msg(6) {
		t.Errorf("got %v, %+v", texts, got[0])
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, "*", ".*"))
	if len(files) != 7 || len(hidden) != 0 {
		t.Errorf("%d files, %d left over", len(files), len(hidden))
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: a message is nobody else's to read", info.Mode(), err)
	}
	for _, id := range []string{"", "../x", "a/b", ".hidden", `a\b`} {
		if err := s.Send(ctx, notify.Message{ID: id, At: at}); err == nil {
			t.Errorf("%q was written", id)
		}
	}
}

// postOffice is a mail server that knows a few words of SMTP.
type postOffice struct {
	addr   string
	refuse map[string]string // first word of a command → answer

	mu      sync.Mutex
	letters []letter
}

type letter struct{ from, to, data string }

func openPostOffice(t *testing.T, refuse map[string]string) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &postOffice{addr: l.Addr().String(), refuse: refuse}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(conn) })
		}
	})
	return p
}

func (p *postOffice) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 post office")
	var now letter
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		word := strings.ToUpper(strings.Fields(line + " ?")[0])
		if no := p.refuse[word]; no != "" {
			say(no)
			continue
		}
		switch word {
		case "EHLO", "HELO":
			say("250 post office")
		case "MAIL":
			now.from = line
			say("250 ok")
		case "RCPT":
			now.to = line
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(l)
			}
			now.data = b.String()
			p.mu.Lock()
			p.letters = append(p.letters, now)
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func TestMail(t *testing.T) {
	msg := notify.Message{ID: "n1.email", At: time.Date(2026, 3, 2, 9, 0, 0, 0, shanghai), To: "陈女士 <chen@home.example>", Lang: city.Chinese,
		Subject: "江海一网：JH-2026-000001-1 有新消息", Text: strings.Repeat("“预订球场”受理了。", 30) + "\n.\n.."}
	office := openPostOffice(t, nil)
	m, err := notify.NewMail(notify.MailOptions{Addr: office.addr, From: "江海市 <notice@jianghai.example>", TLS: notify.MailOpen})
	must(t, err)
	must(t, m.Send(ctx, msg))
	if len(office.letters) != 1 {
		t.Fatalf("%d letters", len(office.letters))
	}
	got := office.letters[0]
	if !strings.HasPrefix(got.from, "MAIL FROM:<notice@jianghai.example>") || got.to != "RCPT TO:<chen@home.example>" {
		t.Errorf("envelope %q, %q", got.from, got.to)
	}
	read, err := mail.ReadMessage(strings.NewReader(got.data))
	must(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != msg.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	if id := read.Header.Get("Message-ID"); id != "<n1.email@jianghai.example>" {
		t.Errorf("Message-ID %s", id)
	}
	if date := read.Header.Get("Date"); date != "Mon, 02 Mar 2026 09:00:00 +0800" {
		t.Errorf("Date %s", date)
	}
	if to, err := read.Header.AddressList("To"); err != nil || to[0].Name != "陈女士" {
		t.Errorf("To %v, %v", to, err)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, read.Body))
	if err != nil || string(body) != msg.Text+"\r\n" {
		t.Errorf("body %q, %v", body, err)
	}
	for _, line := range strings.Split(got.data, "\r\n") {
		if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("a line that not every server takes: %q", line)
		}
	}

	t.Run("nobody writes headers of their own", func(t *testing.T) {
		bad := msg
		bad.Subject = "hello\r\nBcc: all@home.example"
		must(t, m.Send(ctx, bad))
		read, err := mail.ReadMessage(strings.NewReader(office.letters[len(office.letters)-1].data))
		if err != nil || read.Header.Get("Bcc") != "" {
			t.Errorf("%v, %v", read.Header, err)
		}
		for _, to := range []string{"", "nobody", "a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example, c@d.example"} {
			bad.To = to
			if err := m.Send(ctx, bad); !permanent(err) {
				t.Errorf("%q: %v", to, err)
			}
		}
	})
	t.Run("answers of the server", func(t *testing.T) {
		for name, c := range map[string]struct {
			refuse    map[string]string
			permanent bool
		}{
			"no such mailbox":  {map[string]string{"RCPT": "550 no such mailbox <chen@home.example>"}, true},
			"mailbox is full":  {map[string]string{"RCPT": "452 full"}, false},
			"we are not known": {map[string]string{"MAIL": "530 sign in first"}, false},
			"busy":             {map[string]string{"EHLO": "421 busy", "HELO": "421 busy"}, false},
		} {
			office := openPostOffice(t, c.refuse)
			m, err := notify.NewMail(notify.MailOptions{Addr: office.addr, From: "n@j.example", TLS: notify.MailOpen})
			must(t, err)
			if err := m.Send(ctx, msg); err == nil || permanent(err) != c.permanent || len(office.letters) != 0 || strings.Contains(err.Error(), "chen@") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("in the open only on the same machine", func(t *testing.T) {
		for _, o := range []notify.MailOptions{
			{Addr: "mail.example:25", From: "n@j.example", TLS: notify.MailOpen},
			{Addr: "mail.example", From: "n@j.example"},
			{Addr: "mail.example:25", From: "nobody"},
			{Addr: "mail.example:25", From: "n@j.example", TLS: "none"},
		} {
			if _, err := notify.NewMail(o); err == nil {
				t.Errorf("%+v was taken", o)
			}
		}
		careful, err := notify.NewMail(notify.MailOptions{Addr: office.addr, From: "n@j.example"})
		must(t, err)
		before := len(office.letters)
		if err := careful.Send(ctx, msg); err == nil || permanent(err) || len(office.letters) != before {
			t.Errorf("a letter went to a server without STARTTLS: %v", err)
		}
	})
	t.Run("a server that says nothing", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer l.Close()
		mute, err := notify.NewMail(notify.MailOptions{Addr: l.Addr().String(), From: "n@j.example", TLS: notify.MailOpen})
		must(t, err)
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if err := mute.Send(short, msg); err == nil || permanent(err) {
			t.Errorf("got %v", err)
		}
	})
}
