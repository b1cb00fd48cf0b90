package app

import (
	"context"
	"os"
	"time"

	"yiwang/city"
	"yiwang/notify"
)

// probeTime bounds the look at one channel.
const probeTime = 10 * time.Second

// channels looks whether what carries messages can be reached: a mail server as far
// as signing in, a webhook as far as an answer. Nothing is sent but the letter that
// was asked for.
func (d *doctor) channels(ctx context.Context) {
	if d.stands() != nil {
		return // said of the database
	}
	s, err := channelSettings(d.Data, d.site.Channels, false)
	if err != nil {
		d.failed("channels", err)
		return
	}
	if !s.MailOn() && !s.WebhookOn() {
		d.say("channels", OK, "cli.doctor.channels_none")
	}
	env := d.Env
	if env == nil {
		env = os.Getenv
	}
	only := func(check string, s notify.Settings) (outside, bool) {
		out, err := openChannels(d.Data, s, env, d.Clock)
		if err != nil {
			d.failed(check, err)
		}
		return out, err == nil
	}
	if s.MailOn() {
		if out, ok := only("mail", notify.Settings{Mail: s.Mail}); ok {
			d.mail(ctx, out.mail, s.Mail.Options().Addr)
		}
	}
	if s.WebhookOn() {
		if out, ok := only("webhook", notify.Settings{Webhook: s.Webhook}); ok {
			ctx, cancel := context.WithTimeout(ctx, probeTime)
			defer cancel()
			if err := out.webhook.Probe(ctx); err != nil {
				d.say("webhook", Fail, "cli.doctor.webhook_fails", "why", err.Error())
			} else {
				d.say("webhook", OK, "cli.doctor.webhook")
			}
		}
	}
	if d.SendTest != "" && !s.MailOn() {
		d.say("test_letter", Fail, "cli.doctor.letter_nowhere")
	}
}

func (d *doctor) mail(ctx context.Context, m *notify.Mail, addr string) {
	short, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if err := m.Probe(short); err != nil {
		d.say("mail", Fail, "cli.doctor.mail_fails", "addr", addr, "why", err.Error())
		return
	}
	d.say("mail", OK, "cli.doctor.mail", "addr", addr)
	if d.SendTest == "" {
		return
	}
	long, cancel := context.WithTimeout(ctx, 2*probeTime)
	defer cancel()
	err := m.Send(long, notify.Message{ID: city.NewEventID().String() + ".test", At: d.now, To: d.SendTest, Lang: d.Lang,
		Subject: city.Say(d.Lang, "cli.doctor.letter.subject", "city", d.site.Name), Text: city.Say(d.Lang, "cli.doctor.letter.text", "city", d.site.Name)})
	if err != nil {
		d.say("test_letter", Fail, "cli.doctor.letter_fails", "why", err.Error())
		return
	}
	d.say("test_letter", OK, "cli.doctor.letter_sent", "to", d.SendTest)
}
