package notify

import (
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"yiwang/city"
)

// Settings say by which channels a city reaches people outside: what the pack says
// in city.yaml, or the operator in the data folder's channels.yaml. Secrets never
// stand in them, only the names of files that hold them.
type Settings struct {
	Mail    *MailSettings    `yaml:"mail" json:"mail,omitempty"`
	Webhook *WebhookSettings `yaml:"webhook" json:"webhook,omitempty"`
}

// MailSettings name the server that takes our mail.
type MailSettings struct {
	Off          bool   `yaml:"off" json:"off,omitempty"` // no mail, whatever else is said
	Host         string `yaml:"host" json:"host"`
	Port         int    `yaml:"port" json:"port"` // 0: 587, or 465 where TLS begins at once
	From         string `yaml:"from" json:"from"` // "Jianghai <notice@jianghai.example>"
	TLS          string `yaml:"tls" json:"tls"`   // starttls, also when empty; tls; open, to the same machine only
	User         string `yaml:"user" json:"user,omitempty"`
	PasswordFile string `yaml:"password_file" json:"-"` // in the data folder
}

// WebhookSettings name a program of somebody else's that gets messages.
type WebhookSettings struct {
	Off        bool     `yaml:"off" json:"off,omitempty"`
	URL        string   `yaml:"url" json:"-"` // it may hold a secret
	SecretFile string   `yaml:"secret_file" json:"-"`
	Who        []string `yaml:"who" json:"who"` // whose messages: residents, reporters, posts
}

// Those whom messages are for, as the webhook's settings name them.
const (
	ToResidents = "residents" // and firms
	ToReporters = "reporters"
	ToPosts     = "posts" // and bodies
)

// Over puts what the operator says in place of what the pack says, channel by
// channel.
func (s Settings) Over(pack Settings) Settings {
	if s.Mail == nil {
		s.Mail = pack.Mail
	}
	if s.Webhook == nil {
		s.Webhook = pack.Webhook
	}
	return s
}

// MailOn and WebhookOn tell whether the channel is there and not switched off.
func (s Settings) MailOn() bool { return s.Mail != nil && !s.Mail.Off }

// WebhookOn is MailOn for the webhook.
func (s Settings) WebhookOn() bool { return s.Webhook != nil && !s.Webhook.Off }

// Options are the settings as NewMail takes them; the password is added by whoever
// has read it.
func (m MailSettings) Options() MailOptions {
	o := MailOptions{Addr: m.addr(), From: m.From, User: m.User}
	switch m.TLS {
	case "", "starttls":
	default:
		o.TLS = MailTLS(m.TLS)
	}
	return o
}

func (m MailSettings) addr() string {
	port := m.Port
	switch {
	case port != 0:
	case m.TLS == string(MailDirect):
		port = 465
	default:
		port = 587
	}
	return joinHost(m.Host, port)
}

// For tells whether the webhook gets messages to the box.
func (w WebhookSettings) For(b Box) bool {
	whose := ToPosts
	switch {
	case !b.Person.IsZero(), !b.Firm.IsZero():
		whose = ToResidents
	case !b.Reporter.IsZero():
		whose = ToReporters
	}
	return slices.Contains(w.Who, whose)
}

// Check finds what is wrong with the settings, at dotted paths.
func (s Settings) Check() (found []city.Field) {
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	if m := s.Mail; m != nil && !m.Off {
		if m.Port < 0 || m.Port > 65535 {
			add("mail.port", "notify.settings.port")
		}
		if m.Host == "" || !isHost(m.Host) {
			add("mail.host", "notify.settings.host")
		}
		if _, err := mail.ParseAddress(m.From); err != nil {
			add("mail.from", "notify.settings.from")
		}
		if !slices.Contains([]string{"", "starttls", "tls", "open"}, m.TLS) {
			add("mail.tls", "notify.settings.tls", "value", m.TLS)
		} else if _, err := NewMail(m.Options()); err != nil && len(found) == 0 {
			add("mail.tls", "notify.settings.open")
		}
		if m.PasswordFile != "" && m.User == "" {
			add("mail.user", "notify.settings.user")
		}
		if !isSecretFile(m.PasswordFile) {
			add("mail.password_file", "notify.settings.file")
		}
	}
	if w := s.Webhook; w != nil && !w.Off {
		if u, err := url.Parse(w.URL); err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !near(u.Hostname())) {
			add("webhook.url", "notify.settings.url")
		}
		if !isSecretFile(w.SecretFile) {
			add("webhook.secret_file", "notify.settings.file")
		}
		if len(w.Who) == 0 {
			add("webhook.who", "notify.settings.who", "known", "residents, reporters, posts")
		}
		for i, who := range w.Who {
			if !slices.Contains([]string{ToResidents, ToReporters, ToPosts}, who) || slices.Index(w.Who, who) != i {
				add("webhook.who."+strconv.Itoa(i), "notify.settings.who", "known", "residents, reporters, posts")
			}
		}
	}
	return found
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$`)

func isHost(s string) bool { return hostPattern.MatchString(s) || net.ParseIP(s) != nil }

// isSecretFile reports whether a name stays in the data folder; none is fine, the
// secret then comes from the environment.
func isSecretFile(s string) bool { return s == "" || filepath.IsLocal(s) && len(s) < 200 }

func joinHost(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// near reports whether a host is this machine.
func near(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
