package main

import (
	"fmt"
	"os"
	"strings"

	"yiwang/app"
	"yiwang/city"
	"yiwang/pack"
)

type checkCmd struct {
	Dir string `arg:"" help:"The city's folder." type:"path"`
}

func (c *checkCmd) Run(e *env) error {
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		return exit{exitUsage, city.Say(e.lang, "pack.no_folder", "dir", c.Dir)}
	}
	p, faults := pack.Load(c.Dir)
	for _, f := range faults {
		fmt.Fprintln(e.out, f.In(e.lang))
	}
	if len(faults) > 0 {
		return exit{code: exitFound}
	}
	e.say("cli.check.fine", "name", p.Site.Name, "items", len(p.Items), "listed", len(p.Listed), "kinds", len(p.Kinds), "rules", len(p.Rules))
	return nil
}

type importCmd struct {
	Kind   string `arg:"" enum:"items,people,firms,incidents,roads,substances,sites,licences,storages,equipment,certificates,vehicles,vessels,routes,sheets,events,poi,zones,positions" help:"What the file holds: items; people, firms or incidents; roads; or of dangerous goods and watched vehicles substances, sites, licences, storages, equipment, certificates, vehicles, vessels, routes, sheets, events, poi or zones; or positions, where vehicles were."`
	File   string `arg:"" help:"A table: CSV or Excel; for roads an OpenStreetMap file: XML or PBF, gzip or not." type:"path"`
	Map    string `help:"Columns of the table for fields of ours, such as name=title;code=nr; for incidents a mapping file, or the id of one of the city's."`
	DryRun bool   `help:"For incidents: say what would come of the table and file nothing."`
	JSON   bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *importCmd) Run(e *env) error {
	if c.Kind == "incidents" {
		return c.incidents(e)
	}
	if c.Kind == "roads" {
		return c.roads(e)
	}
	columns, err := columnsOf(c.Map)
	if err != nil {
		return err
	}
	if c.Kind != "items" {
		return c.register(e, columns)
	}
	if c.City == "" {
		return exit{exitUsage, city.Say(e.lang, "cli.import.which_city")}
	}
	o := pack.ImportOptions{Columns: columns}
	if e.terminal {
		o.Progress = func(done, total int) {
			fmt.Fprintf(e.err, "\r%s", bar(done, total))
			if done == total {
				fmt.Fprintln(e.err)
			}
		}
	}
	r, err := pack.ImportItems(e.ctx, c.File, c.City, o)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(app.Imported{Read: r.Rows, Added: r.Added, Changed: r.Changed, Same: r.Same, Rejected: r.Rejected, Rejects: r.Rejects})
	}
	e.say("cli.import.done", "rows", r.Rows, "added", r.Added, "changed", r.Changed, "same", r.Same, "rejected", r.Rejected, "total", r.Total, "file", r.Catalog)
	if r.Rejects != "" {
		e.say("cli.import.rejects", "file", r.Rejects)
	}
	return nil
}

// roads puts the roads of an OpenStreetMap file into a pack.
func (c *importCmd) roads(e *env) error {
	if c.City == "" {
		return exit{exitUsage, city.Say(e.lang, "cli.import.which_city")}
	}
	r, err := pack.ImportRoads(e.ctx, c.File, c.City, e.percent(""))
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(map[string]any{"roads": r.Roads, "metres": int64(r.Metres), "named": r.Named, "closed": r.Closed, "outside": r.Outside, "cut": r.Cut, "file": r.File})
	}
	e.say("cli.import.roads", "roads", r.Roads, "km", int64(r.Metres/1000), "named", r.Named, "file", r.File, "closed", r.Closed, "outside", r.Outside, "cut", r.Cut)
	return nil
}

// register imports people, firms or what is on record about goods and vehicles into a city.
func (c *importCmd) register(e *env, columns map[string]string) error {
	return c.with(e, func(a *app.App) error {
		r, err := a.Import(e.ctx, app.Table{Kind: c.Kind, File: c.File, Columns: columns, Lang: e.lang, Progress: e.percent("")})
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(r)
		}
		e.say("cli.import.registered", "rows", r.Read, "added", r.Added, "changed", r.Changed, "same", r.Same, "rejected", r.Rejected)
		if r.Rejects != "" {
			e.say("cli.import.rejects", "file", r.Rejects)
		}
		return nil
	})
}

// columnsOf reads "name=title;code=nr".
func columnsOf(s string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range strings.Split(s, ";") {
		if pair == "" {
			continue
		}
		ours, theirs, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, city.Invalid("cli.import.map", "text", pair)
		}
		out[ours] = theirs
	}
	return out, nil
}

// incidents files a table of reports, or says what would come of it.
func (c *importCmd) incidents(e *env) error {
	t := app.IncidentTable{File: c.File, Mapping: c.Map, Lang: e.lang, Progress: e.percent("")}
	if !c.DryRun {
		return c.with(e, func(a *app.App) error {
			r, err := a.ImportIncidents(e.ctx, t)
			if err != nil {
				return e.packFaults(err)
			}
			return c.routed(e, "cli.import.filed", r, a.Pack)
		})
	}
	if c.City == "" {
		return exit{exitUsage, city.Say(e.lang, "cli.import.which_city")}
	}
	p, faults := pack.Load(c.City)
	if len(faults) > 0 {
		return e.packFaults(app.PackFaults(faults))
	}
	r, err := app.RouteIncidents(e.ctx, p, t, nil)
	if err != nil {
		return e.packFaults(err)
	}
	return c.routed(e, "cli.import.routed", r, p)
}

// routed says which body got how many.
func (c *importCmd) routed(e *env, key string, r app.Routed, p *pack.City) error {
	if c.JSON {
		return e.json(r)
	}
	e.say(key, "rows", r.Read, "fit", r.Added, "rejected", r.Rejected)
	for _, b := range p.Bodies {
		if n := r.Bodies[b.ID]; n > 0 {
			e.line("  %6d  %s", n, b.Name.In(e.lang))
		}
	}
	if r.Rejects != "" {
		e.say("cli.import.rejects", "file", r.Rejects)
	}
	return nil
}

// bar draws progress over thirty places.
func bar(done, total int) string {
	const width = 30
	if total <= 0 {
		total = 1
	}
	full := min(done*width/total, width)
	s := make([]rune, width)
	for i := range s {
		s[i] = '·'
		if i < full {
			s[i] = '█'
		}
	}
	return fmt.Sprintf("%s %d/%d ", string(s), done, total)
}
