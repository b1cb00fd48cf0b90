package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"time"
)

// Mail is a channel to a mail server.
type Mail struct{ o MailOptions }

// MailOptions say where messages are handed over. The zero TLS is right for
// every server but one on the same machine.
type MailOptions struct {
	Addr     string // host:port of the server that takes our mail
	From     string // "Jianghai <notice@jianghai.example>"
	User     string // "" signs in nowhere
	Password string
	TLS      MailTLS
	Config   *tls.Config // nil means the machine's certificates
}

// MailTLS is how the way to the server is kept private.
type MailTLS string

const (
	MailStartTLS MailTLS = ""     // begin in the open, then STARTTLS; a server that can't is refused
	MailDirect   MailTLS = "tls"  // TLS from the first byte, usually port 465
	MailOpen     MailTLS = "open" // none; only a loopback address is accepted
)

// NewMail checks the options and makes the channel "email".
func NewMail(o MailOptions) (*Mail, error) {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("notify: mail server %q: %w", o.Addr, err)
	}
	if _, err := mail.ParseAddress(o.From); err != nil {
		return nil, fmt.Errorf("notify: sender %q: %w", o.From, err)
	}
	switch o.TLS {
	case MailStartTLS, MailDirect:
	case MailOpen:
		if !near(host) {
			return nil, fmt.Errorf("notify: mail to %s must not go in the open", o.Addr)
		}
	default:
		return nil, fmt.Errorf("notify: unknown TLS mode %q for mail", o.TLS)
	}
	return &Mail{o}, nil
}

// Name is the channel's name.
func (m *Mail) Name() string { return "email" }

// Send hands the message to the server. Its Message-ID is the message's own, so
// that one sent again can be told from a new one.
func (m *Mail) Send(ctx context.Context, msg Message) error {
	from, err := mail.ParseAddress(m.o.From)
	if err != nil {
		return err
	}
	to, err := mail.ParseAddress(msg.To)
	if err != nil {
		return fmt.Errorf("%w: the address can't be read", ErrPermanent) // which it is, is nobody else's to know
	}
	return m.hand(ctx, from.Address, to.Address, compose(msg, from, to))
}

// final marks the server's "no" to this recipient or this letter. A "no" to us (a
// wrong password, say) is mended by an administrator and tried again. Servers like
// to repeat the address in their answer, so only its code is kept.
func final(err error) error {
	var refused *textproto.Error
	switch {
	case !errors.As(err, &refused):
		return err
	case refused.Code >= 500:
		return fmt.Errorf("%w: the mail server answered %d", ErrPermanent, refused.Code)
	}
	return fmt.Errorf("notify: the mail server answered %d", refused.Code)
}

// Probe goes as far as signing in, and sends nothing. What it says names the step
// that failed.
func (m *Mail) Probe(ctx context.Context) error {
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Quit()
}

// open dials the server, makes the way private and signs in.
func (m *Mail) open(ctx context.Context) (c *smtp.Client, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.o.Addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return nil, err
		}
	}
	host, _, _ := net.SplitHostPort(m.o.Addr)
	conf := &tls.Config{ServerName: host}
	if m.o.Config != nil {
		conf = m.o.Config.Clone()
		if conf.ServerName == "" {
			conf.ServerName = host
		}
	}
	way := conn
	if m.o.TLS == MailDirect {
		way = tls.Client(conn, conf)
	}
	if c, err = smtp.NewClient(way, host); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if m.o.TLS == MailStartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, errors.New("notify: the mail server offers no STARTTLS")
		}
		if err := c.StartTLS(conf); err != nil {
			return nil, fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if m.o.User != "" {
		if err := c.Auth(smtp.PlainAuth("", m.o.User, m.o.Password, host)); err != nil {
			return nil, fmt.Errorf("AUTH: %w", err)
		}
	}
	return c, nil
}

func (m *Mail) hand(ctx context.Context, from, to string, letter []byte) error {
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return final(err)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return final(err)
	}
	// It is handed over; a server that then hangs up rudely changes nothing.
	_ = c.Quit()
	return nil
}

// compose writes the letter: plain text, in an encoding that every server takes.
func compose(m Message, from, to *mail.Address) []byte {
	domain := from.Address
	if i := bytes.LastIndexByte([]byte(domain), '@'); i >= 0 {
		domain = domain[i+1:]
	}
	var b bytes.Buffer
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	line("From", from.String())
	line("To", to.String())
	line("Subject", mime.BEncoding.Encode("utf-8", m.Subject))
	line("Date", m.At.Format(time.RFC1123Z))
	line("Message-ID", "<"+m.ID+"@"+domain+">")
	line("Auto-Submitted", "auto-generated")
	line("Content-Language", string(m.Lang))
	line("MIME-Version", "1.0")
	line("Content-Type", "text/plain; charset=utf-8")
	line("Content-Transfer-Encoding", "base64")
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(m.Text + "\r\n"))
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}
