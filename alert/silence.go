package alert

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Silence holds back what a rule finds, or what is found about a subject, until a
// time: it is kept and counted, and no case comes of it. It ends by itself.
type Silence struct {
	ID      city.SilenceID
	Rule    string // "" is every rule, of the subject
	Subject string // "" is everything, of the rule
	Begun   time.Time
	Until   time.Time
	Ended   time.Time // before Until, by hand; zero otherwise
	By      city.AccountID
	Post    city.PostID // in which it was ordered
	Reason  string      // "" where it was erased
	Held    int         // findings that came while it lasted
}

// Lasts reports whether the silence is in effect.
func (s Silence) Lasts(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Until) }

const (
	longReason   = 500 // characters
	mostSilences = 200 // that are listed
)

// Silence holds back what is to come of a rule, a subject, or a rule about a
// subject. What is open already stays open.
func (b *Board) Silence(ctx context.Context, actor city.Actor, s Silence) (Silence, error) {
	s.Reason, s.Subject = strings.TrimSpace(strings.ToValidUTF8(s.Reason, "")), strings.TrimSpace(s.Subject)
	now := b.now()
	var faults []city.Field
	bad := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	if _, ok := b.names[s.Rule]; s.Rule != "" && !ok {
		bad("rule", "alert.no_rule", "id", clip(s.Rule))
	}
	switch {
	case s.Rule == "" && s.Subject == "":
		bad("rule", "alert.silence_all")
	case s.Subject != "" && !soundSubject(s.Subject):
		bad("subject", "alert.subject")
	}
	if !s.Until.After(now) || s.Until.Sub(now) > longestSilence {
		bad("until", "alert.silence_until", "days", int(longestSilence.Hours()/24))
	}
	if s.Reason == "" {
		bad("reason", "case.needs.reason")
	} else if utf8.RuneCountInString(s.Reason) > longReason {
		bad("reason", "case.too_long", "max", longReason)
	}
	if err := b.access.Ask(ctx, actor, "alert.silence", b.ruleResource(s.Rule)); err != nil {
		return Silence{}, err
	}
	if len(faults) > 0 {
		return Silence{}, city.InvalidFields(faults)
	}
	s.ID, s.Begun, s.Ended, s.By, s.Held = city.NewSilenceID(), now, time.Time{}, actor.Account, 0
	s.Until = city.FromMicros(city.Micros(s.Until))
	s.Post = ""
	if len(actor.Posts) > 0 {
		s.Post = actor.Posts[0]
	}
	err := b.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		vault := b.journal.Vault()
		key, err := vault.NewKey(ctx, tx, city.PersonID{})
		if err != nil {
			return err
		}
		sealed, err := vault.Seal(ctx, tx, key, s.Reason)
		if err != nil {
			return err
		}
		insertSilence(tx, s, key, sealed)
		return b.journal.Append(ctx, tx, journal.Event{At: now, Type: "alert.silence_begun", Subject: s.ID.String(), Actor: actor,
			Data: map[string]any{"silence": s.ID, "rule": s.Rule, "until": s.Until}})
	})
	return s, err
}

// EndSilence ends a silence before its time. One that has ended stays as it is.
func (b *Board) EndSilence(ctx context.Context, actor city.Actor, id city.SilenceID) error {
	now := b.now()
	return b.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		s, err := silenceByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) {
			return city.NotFound("alert.no_silence")
		}
		if err != nil {
			return err
		}
		if err := b.access.Ask(ctx, actor, "alert.silence", b.ruleResource(s.Rule)); err != nil {
			return err
		}
		n, err := endSilence(ctx, tx, id, now)
		if err != nil || n == 0 {
			return err
		}
		return b.journal.Append(ctx, tx, journal.Event{At: now, Type: "alert.silence_ended", Subject: id.String(), Actor: actor,
			Data: map[string]any{"silence": id, "rule": s.Rule}})
	})
}

// Silences lists those that last, and those that ended within the last 30 days, the
// ones that last longest first: of rules whose alerts the actor may see, and those that
// were ordered in a post of theirs.
func (b *Board) Silences(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Silence, error) {
	if _, err := b.reach(ctx, actor); err != nil {
		return nil, err
	}
	var rules []string
	for rule := range b.names {
		if b.access.Decide(actor, "alert.read", b.ruleResource(rule)).Allowed {
			rules = append(rules, rule)
		}
	}
	all := b.access.Decide(actor, "alert.read", access.Resource{Type: "Alert"}).Allowed
	rows, err := silencesSince(ctx, tx, b.now().Add(-30*24*time.Hour), all, rules, actor.Posts)
	if err != nil {
		return nil, err
	}
	out := make([]Silence, 0, len(rows))
	for _, r := range rows {
		err := b.journal.Vault().Unseal(ctx, tx, r.key, r.sealed, &r.Silence.Reason)
		if err != nil && !errors.Is(err, journal.ErrErased) {
			return nil, err
		}
		if now := b.now(); r.Begun.After(now) { // by a clock that was wrong: so lasting takes it
			r.Begun, r.Until = now, now.Add(r.Until.Sub(r.Begun))
		}
		out = append(out, r.Silence)
	}
	return out, nil
}
