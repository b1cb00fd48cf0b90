package notify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
)

// arrival is a letter as a mail server saw it.
type arrival struct {
	from, to, data string
	private        bool // came over TLS
	user           string
}

// mailServer is a server that others wrote, as a city would have one: mail is taken
// after STARTTLS and from those who signed in. Mailboxes that begin with "gone" are
// refused for good, with "full" for now.
type mailServer struct {
	t    *testing.T
	addr string
	conf *tls.Config
	pool *x509.CertPool

	mu      sync.Mutex
	letters []arrival
	away    bool
}

// certified makes a certificate for this machine and a pool that trusts it.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	m := &mailServer{t: t}
	m.conf, m.pool = certified(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m.addr = l.Addr().String()
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{m: m, c: c}, nil }))
	s.Domain, s.TLSConfig, s.ErrorLog = "mail.example", m.conf, log.New(io.Discard, "", 0)
	go s.Serve(&doorway{l, m}) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { s.Close() })
	return m
}

// doorway hangs up on whoever calls while the server is away: its port stays ours.
type doorway struct {
	net.Listener
	m *mailServer
}

func (d *doorway) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.m.mu.Lock()
		away := d.m.away
		d.m.mu.Unlock()
		if !away {
			return c, nil
		}
		c.Close()
	}
}

func (m *mailServer) set(away bool) {
	m.mu.Lock()
	m.away = away
	m.mu.Unlock()
}

func (m *mailServer) got() []arrival {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]arrival(nil), m.letters...)
}

// channel is our side of it.
func (m *mailServer) channel(password string) *notify.Mail {
	m.t.Helper()
	c, err := notify.NewMail(notify.MailOptions{Addr: m.addr, From: "江海一网 <notice@jianghai.example>", User: "city", Password: password,
		Config: &tls.Config{RootCAs: m.pool}})
	must(m.t, err)
	return c
}

type mailSession struct {
	m *mailServer
	c *smtp.Conn
	l arrival
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "city" || password != "right" {
			return smtp.ErrAuthFailed
		}
		s.l.user = user
		return nil
	}), nil
}

func (s *mailSession) Reset()        { s.l.from, s.l.to = "", "" }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.l.user == "" {
		return smtp.ErrAuthRequired
	}
	s.l.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "gone"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox " + to}
	case strings.HasPrefix(to, "full"):
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: to + " is full"}
	}
	s.l.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.l.data = string(raw)
	_, s.l.private = s.c.TLSConnectionState()
	s.m.mu.Lock()
	s.m.letters = append(s.m.letters, s.l)
	s.m.mu.Unlock()
	return nil
}

// A letter by a real server: over STARTTLS, signed in, in Chinese.
func TestMailByARealServer(t *testing.T) {
	office := newMailServer(t)
	msg := notify.Message{ID: "n1.email", At: time.Now(), To: "lin@home.example", Lang: city.Chinese, Subject: "江海：JH-2026-000001-1 有新消息", Text: "井盖修好了，请您看看。"}
	m := office.channel("right")
	must(t, m.Send(ctx, msg))
	got := office.got()
	if len(got) != 1 || !got[0].private || got[0].user != "city" || got[0].from != "notice@jianghai.example" || got[0].to != "lin@home.example" {
		t.Fatalf("%+v", got)
	}
	subject, text := opened(t, got[0])
	if subject != msg.Subject || !strings.Contains(text, msg.Text) {
		t.Errorf("%q, %q", subject, text)
	}

	for _, c := range []struct {
		name, to  string
		m         *notify.Mail
		permanent bool
	}{
		{"nobody lives there", "gone@home.example", m, true},
		{"the mailbox is full", "full@home.example", m, false},
		{"a wrong password", "lin@home.example", office.channel("wrong"), false},
	} {
		msg.To = c.to
		err := c.m.Send(ctx, msg)
		if err == nil || permanent(err) != c.permanent || strings.Contains(err.Error(), "home.example") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	stranger, err := notify.NewMail(notify.MailOptions{Addr: office.addr, From: "n@j.example", User: "city", Password: "right"})
	must(t, err)
	msg.To = "lin@home.example"
	var unknown *tls.CertificateVerificationError
	if err := stranger.Send(ctx, msg); !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	direct, err := notify.NewMail(notify.MailOptions{Addr: office.addr, From: "n@j.example", TLS: notify.MailDirect, Config: &tls.Config{RootCAs: office.pool}})
	must(t, err)
	if err := direct.Send(ctx, msg); err == nil || permanent(err) {
		t.Errorf("TLS at once to a server that begins in the open: %v", err)
	}
	if n := len(office.got()); n != 1 {
		t.Errorf("%d letters came, of which one was meant to", n)
	}
}

func opened(t *testing.T, l arrival) (subject, text string) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(l.data))
	must(t, err)
	subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	must(t, err)
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, read.Body))
	must(t, err)
	return subject, string(body)
}

// What an address or a subject brings along becomes no header and no recipient.
func TestMailTakesNoHeadersFromOutside(t *testing.T) {
	office := newMailServer(t)
	m := office.channel("right")
	msg := notify.Message{ID: "n1.email", At: time.Now(), To: "lin@home.example", Subject: "hello\r\nBcc: all@home.example\r\n\r\nnew body", Text: "x\r\n.\r\nMAIL FROM:<a@b.example>"}
	must(t, m.Send(ctx, msg))
	for _, to := range []string{"lin@home.example\r\nRCPT TO:<all@home.example>", "lin@home.example, all@home.example", "\"a\r\nBcc: b\"@home.example", "lin@home.example\x00"} {
		bad := msg
		bad.To = to
		if err := m.Send(ctx, bad); !permanent(err) {
			t.Errorf("%q: %v", to, err)
		}
	}
	got := office.got()
	if len(got) != 1 || got[0].to != "lin@home.example" {
		t.Fatalf("%+v", got)
	}
	read, err := mail.ReadMessage(strings.NewReader(got[0].data))
	must(t, err)
	if read.Header.Get("Bcc") != "" {
		t.Errorf("%v", read.Header)
	}
	if _, text := opened(t, got[0]); text != msg.Text+"\r\n" {
		t.Errorf("text %q", text)
	}
}

func TestProbe(t *testing.T) {
	office := newMailServer(t)
	must(t, office.channel("right").Probe(ctx))
	if err := office.channel("wrong").Probe(ctx); err == nil || !strings.HasPrefix(err.Error(), "AUTH: ") {
		t.Errorf("a wrong password: %v", err)
	}
	office.set(true)
	if err := office.channel("right").Probe(ctx); err == nil {
		t.Error("a server that is down was reached")
	}
	if n := len(office.got()); n != 0 {
		t.Errorf("%d letters came of looking", n)
	}
}

// A server that goes away and comes back: what waits is sent then, once; what was
// refused for good is not tried again; and who may see the matter reads what became
// of each.
func TestOutboxWithARealServer(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		office := newMailServer(t)
		w := newTown(t, d, office.channel("right"))
		ann, ben := resident(), resident()
		w.reached[ann.Person] = []notify.Contact{{Channel: "email", Address: "ann@home.example", Lang: city.Chinese}}
		w.reached[ben.Person] = []notify.Contact{{Channel: "email", Address: "gone@home.example", Lang: city.English}}
		office.set(true)
		w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person}, journal.Recipient{Person: ben.Person}))
		w.carry()
		if states := w.states("email"); states["ann@home.example"] != notify.MessageWaiting || states["gone@home.example"] != notify.MessageWaiting {
			t.Errorf("with the server away: %v", states)
		}
		office.set(false)
		for range 4 {
			w.clock.Advance(10 * time.Minute)
			w.carry()
		}
		got := office.got()
		if len(got) != 1 || got[0].to != "ann@home.example" {
			t.Fatalf("%+v", got)
		}
		if subject, text := opened(t, got[0]); !strings.Contains(subject, "JH-2026-000001-1") || !strings.Contains(text, "收到了") {
			t.Errorf("%q, %q", subject, text)
		}
		if states := w.states("email"); states["ann@home.example"] != notify.MessageSent || states["gone@home.example"] != notify.MessageFailed {
			t.Errorf("with the server back: %v", states)
		}
	})
}

// states are what became of the messages about the first case, by address.
func (w *town) states(channel string) map[string]notify.State {
	w.t.Helper()
	out := map[string]notify.State{}
	must(w.t, w.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := w.About(ctx, tx, officer("club"), "JH-2026-000001-1", 10)
		for _, told := range all {
			for _, by := range told.By {
				for _, c := range w.reached[told.Box.Person] {
					if by.Channel == channel && c.Channel == channel {
						out[c.Address] = by.State
					}
				}
			}
		}
		return err
	}))
	return out
}
