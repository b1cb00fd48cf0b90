package main

import (
	"slices"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/check"
)

type keyCmd struct {
	Show   keyShowCmd   `cmd:"" help:"The keys that sign licences, and those that did."`
	Change keyChangeCmd `cmd:"" help:"Let a new key take over; what the old one signed is judged by its day."`
}

type keyShowCmd struct {
	JSON bool `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *keyShowCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		all, err := a.LicenceKeys(e.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"keys": all})
		}
		for _, k := range all {
			where := city.Say(e.lang, "cli.key.file")
			switch {
			case k.AgentSocket != "":
				where = city.Say(e.lang, "cli.key.agent", "socket", k.AgentSocket, "key", k.AgentKeyName)
			case k.Missing:
				where = city.Say(e.lang, "cli.key.missing")
			}
			e.line("%s  %s  %s", k.ID, k.Algorithm, where)
			key, at := keyState(k, a.Clock.Now())
			e.line("  %s", city.Say(e.lang, key, "at", at.In(a.Pack.Zone)))
		}
		return nil
	})
}

// keyState is what a key does at the moment, as a text and its time.
func keyState(k app.LicenceKey, now time.Time) (key string, at time.Time) {
	switch {
	case !k.Compromised.IsZero():
		return "cli.key.compromised", k.Compromised
	case !k.Retired.IsZero() && !now.Before(k.Retired):
		return "cli.key.retired", k.Retired
	case !now.Before(k.Until):
		return "cli.key.over", k.Until
	case now.Before(k.From):
		return "cli.key.begins", k.From
	case !k.Retired.IsZero():
		return "cli.key.retires", k.Retired
	}
	return "cli.key.signs", now
}

type keyChangeCmd struct {
	Algorithm   string        `default:"EdDSA" help:"EdDSA, ES256 or SM2, for a new key in a file."`
	Agent       string        `placeholder:"SOCKET" help:"Use a key in this SSH agent instead, such as one in a smart card." type:"path"`
	Fingerprint string        `placeholder:"SHA256:…" help:"Which key of the agent, as ssh-add -l prints it."`
	Begins      time.Duration `default:"0s" help:"Take over after so long, such as 25h, so that other regions have read of it before."`
	StolenSince string        `placeholder:"TIME" help:"The old key was in other hands since then: nothing that it signed afterwards counts. ISO 8601; without a zone UTC."`
	JSON        bool          `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *keyChangeCmd) Run(e *env) error {
	q := app.KeyChange{Algorithm: credential.Algorithm(c.Algorithm), Agent: c.Agent, Fingerprint: c.Fingerprint}
	switch {
	case (c.Agent == "") != (c.Fingerprint == ""):
		return exit{exitUsage, city.Say(e.lang, "cli.key.usage.agent")}
	case !slices.Contains(check.Algorithms, q.Algorithm):
		return exit{exitUsage, city.Say(e.lang, "cli.key.usage.algorithm", "algorithm", c.Algorithm)}
	case c.Begins < 0 || c.Begins > 365*24*time.Hour:
		return exit{exitUsage, city.Say(e.lang, "cli.key.usage.begins")}
	}
	if c.StolenSince != "" {
		var err error
		if q.StolenSince, err = moment(c.StolenSince); err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.at", "text", c.StolenSince)}
		}
	}
	return c.with(e, func(a *app.App) error {
		if c.Begins > 0 {
			q.Begins = a.Clock.Now().Add(c.Begins)
		}
		k, stolen, err := a.ChangeKey(e.ctx, q)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"key": k, "withdrawn": stolen})
		}
		e.say("cli.key.changed", "key", k.ID.String(), "algorithm", string(k.Algorithm), "at", k.From.In(a.Pack.Zone))
		for _, id := range stolen {
			e.say("cli.key.stolen", "key", id.String(), "at", q.StolenSince.In(a.Pack.Zone))
		}
		return nil
	})
}
