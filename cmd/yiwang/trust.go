package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
)

type trustCmd struct {
	Show     trustShowCmd     `cmd:"" help:"The regions that are believed, with the age of their lists."`
	Meet     trustMeetCmd     `cmd:"" help:"Believe another city by its address, after comparing the fingerprint of its key."`
	Import   trustImportCmd   `cmd:"" help:"Take a signed list; shows what it changes and asks."`
	Refresh  trustRefreshCmd  `cmd:"" help:"Ask the regions for newer lists."`
	Drop     trustDropCmd     `cmd:"" help:"Believe nothing of a region until its list is imported again."`
	History  trustHistoryCmd  `cmd:"" help:"What was taken, and what it changed."`
	Export   trustExportCmd   `cmd:"" help:"Write a folder for verify --trust: this city's keys and all that it believes."`
	Withdraw trustWithdrawCmd `cmd:"" help:"Say of one of the city's own keys that it signs no more."`
}

// agrees asks a question; only a clear yes is one.
func (e *env) agrees(yes bool, key string, args ...any) bool {
	if yes {
		return true
	}
	e.say(key, args...)
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return slices.Contains(strings.Fields(city.Say(e.lang, "cli.trust.yes")), strings.ToLower(strings.TrimSpace(line)))
}

func (e *env) changes(all []trustlist.Change) {
	signs := map[trustlist.ChangeSort]string{trustlist.Added: "+", trustlist.Dropped: "-", trustlist.Changed: "~"}
	for _, c := range all {
		e.line("  %s %s", signs[c.Sort], c.Says.In(e.lang))
	}
}

// changed is a change for programs.
type changed struct {
	Sort trustlist.ChangeSort `json:"sort"`
	What string               `json:"what"`
	Text string               `json:"text"`
}

func (e *env) changed(all []trustlist.Change) []changed {
	out := []changed{}
	for _, c := range all {
		out = append(out, changed{c.Sort, c.What, c.Says.In(e.lang)})
	}
	return out
}

type trustShowCmd struct {
	JSON bool `name:"json" help:"One JSON object for programs."`
	cityFlags
}

type shownRegion struct {
	Code     city.RegionCode `json:"code"`
	Name     city.Text       `json:"name"`
	Since    time.Time       `json:"since"`
	Until    time.Time       `json:"until,omitzero"`
	Dropped  time.Time       `json:"dropped,omitzero"`
	Sequence int64           `json:"sequence,omitempty"`
	Issued   time.Time       `json:"issued,omitzero"`
	Next     time.Time       `json:"next_update,omitzero"`
	Fresh    bool            `json:"fresh"`
	Keys     int             `json:"keys"`
	Licences int             `json:"licences"`
	Failing  time.Time       `json:"failing_since,omitzero"`
	Fault    string          `json:"fault,omitempty"`
}

func (c *trustShowCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		var regions []trustlist.Neighbour
		var anchors []trustlist.Anchor
		var own *trustlist.List
		err := a.DB.View(e.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if regions, err = a.Trust.Regions(ctx, tx); err != nil {
				return err
			}
			if own, err = a.Trust.Own(ctx, tx); err != nil {
				return err
			}
			anchors, err = a.Trust.Anchors(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		now := a.Clock.Now()
		shown := []shownRegion{}
		for _, n := range regions {
			s := shownRegion{Code: n.Region.Code, Name: n.Region.Name, Since: n.Region.Since, Until: n.Region.Until, Dropped: n.Dropped, Fresh: n.Fresh(now),
				Licences: len(n.Licences()), Failing: n.Failing, Fault: n.Fault}
			if l := n.Newest(); l != nil {
				s.Sequence, s.Issued, s.Next, s.Keys = l.Sequence, l.Issued, l.Next, len(l.Keys)
			}
			shown = append(shown, s)
		}
		if c.JSON {
			out := map[string]any{"regions": shown, "anchors": len(anchors)}
			if own != nil {
				out["own"] = own.Issuers.Head
			}
			return e.json(out)
		}
		zone := a.Pack.Zone
		for _, x := range anchors {
			e.say("cli.trust.anchor", "name", x.Name, "key", x.Fingerprint, "at", x.At.In(zone))
		}
		if len(shown) == 0 {
			e.say("cli.trust.none")
		}
		for _, s := range shown {
			e.line("%s  %s", s.Code, s.Name.In(e.lang))
			switch {
			case !s.Dropped.IsZero():
				e.say("cli.trust.dropped", "at", s.Dropped.In(zone))
			case s.Issued.IsZero():
				e.say("cli.trust.waiting")
			default:
				e.say("cli.trust.list", "at", s.Issued.In(zone), "n", s.Sequence, "keys", s.Keys, "licences", s.Licences)
				if !s.Fresh {
					e.say("cli.trust.stale", "at", s.Next.In(zone), "age", now.Sub(s.Issued).Truncate(time.Minute).String())
				}
			}
			if !s.Failing.IsZero() {
				e.say("cli.trust.failing", "at", s.Failing.In(zone), "why", s.Fault)
			}
		}
		if own != nil {
			e.say("cli.trust.own", "at", own.Head().Issued.In(zone), "key", fingerprintOf(own))
		}
		return nil
	})
}

func fingerprintOf(l *trustlist.List) string {
	if k := l.SelfSigned(); k != nil {
		return trustlist.Fingerprint(k.DER())
	}
	return "-"
}

type trustMeetCmd struct {
	URL string `arg:"" help:"Address of the other city, such as https://city.example."`
	Yes bool   `help:"Don't ask: the fingerprint was compared."`
	cityFlags
}

func (c *trustMeetCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		m, err := a.MeetTrust(e.ctx, c.URL, func(m app.Meeting) bool {
			e.say("cli.trust.meet", "name", m.Name, "code", string(m.Code), "keys", m.Keys)
			e.line("  %s", m.Fingerprint)
			return e.agrees(c.Yes, "cli.trust.meet.ask")
		})
		if err != nil {
			return err
		}
		e.say("cli.trust.met", "name", m.Name)
		return nil
	})
}

type trustImportCmd struct {
	List   string `arg:"" help:"A file or an address with a signed list."`
	Anchor string `placeholder:"FILE" help:"First take this anchor's key (certificate or public key), which you were given by hand." type:"path"`
	Yes    bool   `help:"Don't ask."`
	JSON   bool   `name:"json" help:"One JSON object for programs; needs --yes."`
	cityFlags
}

func (c *trustImportCmd) Run(e *env) error {
	if c.JSON && !c.Yes {
		return exit{exitUsage, city.Say(e.lang, "cli.trust.json")}
	}
	return c.with(e, func(a *app.App) error {
		raw, err := c.read(e)
		if err != nil {
			return err
		}
		if _, err := trustlist.Parse(raw); err != nil {
			return err
		}
		if c.Anchor != "" {
			der, err := app.ReadTrustKey(c.Anchor)
			if err != nil {
				return err
			}
			key, err := credential.ParseKey(der)
			if err != nil {
				return city.Invalid("trust.anchor.no_key")
			}
			if !e.agrees(c.Yes, "cli.trust.anchor.ask", "name", key.Name, "key", trustlist.Fingerprint(key.DER())) {
				return exit{exitFound, city.Say(e.lang, "trust.meet.no")}
			}
			if _, err := a.AddAnchor(e.ctx, der); err != nil {
				return err
			}
		}
		var t trustlist.Taking
		err = a.DB.View(e.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			t, err = a.Trust.Look(ctx, tx, raw)
			return err
		})
		if err != nil {
			return err
		}
		if !c.JSON {
			e.say("cli.trust.import", "name", t.Name, "n", t.List.Head().Sequence, "at", t.List.Head().Issued.In(a.Pack.Zone))
			e.changes(t.Changes)
			switch {
			case !t.News && !t.Again:
				e.say("cli.trust.import.same")
				return nil
			case len(t.Changes) == 0:
				e.say("cli.trust.import.nothing")
			}
			if !t.List.FreshAt(a.Clock.Now()) {
				e.say("cli.trust.stale", "at", t.List.Head().Next.In(a.Pack.Zone), "age", a.Clock.Now().Sub(t.List.Head().Issued).Truncate(time.Minute).String())
			}
			if !e.agrees(c.Yes, "cli.trust.import.ask") {
				return exit{exitFound, city.Say(e.lang, "trust.meet.no")}
			}
		}
		if t, err = a.ImportTrust(e.ctx, raw, c.List); err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"name": t.Name, "owner": t.Owner, "sequence": t.List.Head().Sequence, "news": t.News, "changes": e.changed(t.Changes)})
		}
		e.say("cli.trust.imported", "name", t.Name)
		return nil
	})
}

func (c *trustImportCmd) read(e *env) ([]byte, error) {
	if strings.HasPrefix(c.List, "http://") || strings.HasPrefix(c.List, "https://") {
		address, err := app.TrustAddress(c.List)
		if err != nil {
			return nil, err
		}
		return app.FetchTrustList(e.ctx, address)
	}
	f, err := os.Open(c.List)
	if err != nil {
		return nil, city.NotFound("trust.file", "file", c.List)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, trustlist.MaxList+1))
}

type trustRefreshCmd struct{ cityFlags }

func (c *trustRefreshCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		asked, failed := false, false
		err := a.RefreshTrust(e.ctx, true, func(n trustlist.Neighbour, t trustlist.Taking, err error) {
			asked = true
			switch {
			case err != nil:
				failed = true
				why := err.Error()
				var known *city.Error
				if errors.As(err, &known) {
					why = known.Message.In(e.lang)
				}
				e.say("cli.trust.refresh.failed", "name", n.Region.Name, "why", why)
			case !t.News:
				e.say("cli.trust.refresh.same", "name", n.Region.Name)
			default:
				e.say("cli.trust.refresh.new", "name", n.Region.Name, "n", t.List.Head().Sequence)
				e.changes(t.Changes)
			}
		})
		if err == nil && !asked {
			e.say("cli.trust.none")
		}
		if err == nil && failed {
			return exit{code: exitFound}
		}
		return err
	})
}

type trustDropCmd struct {
	Region string `arg:"" help:"Division code of the region."`
	cityFlags
}

func (c *trustDropCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		if err := a.DropTrust(e.ctx, city.RegionCode(c.Region)); err != nil {
			return err
		}
		e.say("cli.trust.drop.done", "code", c.Region)
		return nil
	})
}

type trustHistoryCmd struct {
	All  bool `help:"Also lists that change nothing but their time."`
	JSON bool `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *trustHistoryCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		var steps []trustlist.Step
		err := a.DB.View(e.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			steps, err = a.Trust.History(ctx, tx, c.All, 1000)
			return err
		})
		if err != nil {
			return err
		}
		if c.JSON {
			items := []map[string]any{}
			for _, s := range steps {
				items = append(items, map[string]any{"at": s.At, "sort": s.Sort, "owner": s.Owner, "name": s.Name, "sequence": s.Head.Sequence, "issued": s.Head.Issued, "source": s.Source, "changes": e.changed(s.Changes)})
			}
			return e.json(map[string]any{"items": items})
		}
		if len(steps) == 0 {
			e.say("cli.trust.none")
		}
		for _, s := range steps {
			e.say("cli.trust.step", "at", s.At.In(a.Pack.Zone), "name", s.Name, "n", s.Head.Sequence, "source", s.Source)
			e.changes(s.Changes)
		}
		return nil
	})
}

type trustExportCmd struct {
	Dir string `arg:"" help:"The folder to write." type:"path"`
	cityFlags
}

func (c *trustExportCmd) Run(e *env) error {
	return c.with(e, func(a *app.App) error {
		if err := a.ExportTrust(e.ctx, c.Dir); err != nil {
			return err
		}
		e.say("cli.trust.exported", "dir", c.Dir)
		return nil
	})
}

type trustWithdrawCmd struct {
	Key         string `arg:"" help:"Id of the key, 16 hexadecimal digits."`
	Compromised bool   `help:"It is in other hands; without it the key is only retired."`
	At          string `help:"Since when, ISO 8601; without a zone UTC. Default: now."`
	cityFlags
}

func (c *trustWithdrawCmd) Run(e *env) error {
	at := time.Now()
	if c.At != "" {
		var err error
		if at, err = moment(c.At); err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.at", "text", c.At)}
		}
	}
	var id credential.KeyID
	if id.UnmarshalText([]byte(c.Key)) != nil {
		return city.NotFound("trust.key.unknown", "key", c.Key)
	}
	return c.with(e, func(a *app.App) error {
		if err := a.WithdrawKey(e.ctx, id, c.Compromised, at); err != nil {
			return err
		}
		e.say("cli.trust.withdrawn", "key", c.Key)
		return nil
	})
}
