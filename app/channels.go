package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/notify"
	"yiwang/pack"
	"yiwang/web/citizen"
)

// Where secrets of channels come from when no file is named, or in place of it.
const (
	mailPassword  = "YIWANG_MAIL_PASSWORD"
	webhookSecret = "YIWANG_WEBHOOK_SECRET"
	longestSecret = 4096 // bytes of a file
)

// outside are the channels that lead out of the house, besides the spool.
type outside struct {
	settings notify.Settings
	mail     *notify.Mail
	webhook  *notify.Webhook
}

// channelSettings are what the pack says, and over it what the operator says in the
// data folder. A made-up city writes to nobody because its pack says so.
func channelSettings(data string, of notify.Settings, demo bool) (notify.Settings, error) {
	if demo {
		of = notify.Settings{}
	}
	own, faults := pack.ReadChannels(os.DirFS(data))
	if len(faults) > 0 {
		return own, PackFaults(faults)
	}
	return own.Over(of), nil
}

// openChannels makes the channels of the settings. A secret that is missing is an
// error that names the file and never what stands in it.
func openChannels(data string, s notify.Settings, env func(string) string, clock city.Clock) (out outside, err error) {
	out.settings = s
	if s.MailOn() {
		o := s.Mail.Options()
		if o.User != "" {
			secret, err := secretOf(data, s.Mail.PasswordFile, env(mailPassword), mailPassword)
			if err != nil {
				return out, err
			}
			o.Password = string(secret)
		}
		if out.mail, err = notify.NewMail(o); err != nil {
			return out, err
		}
	}
	if s.WebhookOn() {
		secret, err := secretOf(data, s.Webhook.SecretFile, env(webhookSecret), webhookSecret)
		if err != nil {
			return out, err
		}
		if out.webhook, err = notify.NewWebhook("webhook", s.Webhook.URL, secret, clock); err != nil {
			return out, err
		}
	}
	return out, nil
}

// secretOf is what the environment says, or the file of the data folder without the
// line's end. A file that others may read is refused, as a key would be.
func secretOf(data, file, said, name string) ([]byte, error) {
	if said != "" {
		return []byte(said), nil
	}
	if file == "" {
		return nil, city.Invalid("cli.channels.no_secret", "name", name)
	}
	root, err := os.OpenRoot(data)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	path := filepath.Join(data, file)
	f, err := root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, city.Invalid("cli.channels.no_file", "path", path, "name", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, city.Invalid("cli.doctor.folder_open", "path", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
	if err != nil {
		return nil, err
	}
	secret := strings.TrimRight(string(raw), "\r\n")
	if secret == "" || len(raw) > longestSecret {
		return nil, city.Invalid("cli.channels.bad_file", "path", path)
	}
	return []byte(secret), nil
}

// list are the channels in the order in which people expect them.
func (o outside) list(data string) []notify.Channel {
	all := []notify.Channel{notify.NewSpool("sms", filepath.Join(data, "spool", "sms"))}
	if o.mail != nil {
		all = append(all, o.mail)
	}
	if o.webhook != nil {
		all = append(all, o.webhook)
	}
	return all
}

// reaches tells whether messages to a box go by a channel: posts have no telephone,
// and the register knows nobody's e-mail.
func (a *App) reaches(channel string, to notify.Box) bool {
	switch channel {
	case "sms":
		return !to.Person.IsZero() || !to.Firm.IsZero() || !to.Reporter.IsZero()
	case "email":
		return !to.Reporter.IsZero() || a.mailbox(to.Post, to.Body) != ""
	case "webhook":
		return a.outside.settings.Webhook.For(to)
	}
	return false
}

// mailbox is where a post reads its mail: its own address, or its body's.
func (a *App) mailbox(post city.PostID, body city.BodyID) string {
	if post != "" {
		body = post.Body()
	}
	b, ok := a.Pack.Body(body)
	if !ok {
		return ""
	}
	for _, p := range b.Posts {
		if post != "" && string(body)+"."+p.ID == string(post) && p.Mailbox != "" {
			return p.Mailbox
		}
	}
	return b.Mailbox
}

// contacts tells where somebody is reached outside the program: a reporter where
// they said, a person by text message under the number they gave, a post at its
// mailbox. A webhook gets the telephone or mailbox to pass the message on to, or the
// name of the post.
func (a *App) contacts(ctx context.Context, tx *db.Tx, to journal.Recipient) (ways []notify.Contact, err error) {
	var phone, email, name string
	lang := city.Chinese
	switch {
	case !to.Reporter.IsZero() && a.Incidents != nil:
		r, err := a.Incidents.Contact(ctx, tx, city.SystemActor("notify"), to.Reporter)
		if err != nil {
			return nil, err
		}
		phone, email, lang = r.Phone, r.Email, r.Lang
	case !to.Person.IsZero():
		facts, err := a.Directory.PersonFacts(ctx, tx, to.Person)
		if err != nil {
			return nil, err
		}
		phone, _ = facts["phone"].(string)
	case to.Post != "" || to.Body != "":
		email, name = a.mailbox(to.Post, to.Body), "post:"+string(to.Post)
		if to.Post == "" {
			name = "body:" + string(to.Body)
		}
	}
	add := func(channel, address string) {
		if address != "" {
			ways = append(ways, notify.Contact{Channel: channel, Address: address, Lang: lang})
		}
	}
	add("sms", phone)
	add("email", email)
	for _, address := range []string{name, phone, email} {
		if address != "" {
			add("webhook", address)
			break
		}
	}
	return ways, nil
}

// noticePath is the page that a message leads to: for whoever reported without an
// account the page that asks for number and code, for a post the desk's.
func noticePath(to notify.Box, typ, subject string) string {
	switch {
	case !to.Reporter.IsZero():
		return citizen.NoticePath("incident", subject)
	case to.Post != "" || to.Body != "" || to.Region != "":
		return citizen.OfficePath(typ, subject)
	}
	return citizen.NoticePath(typ, subject)
}
