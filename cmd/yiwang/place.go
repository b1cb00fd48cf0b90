package main

import (
	"errors"
	"time"

	"yiwang/app"
	"yiwang/city"
)

// placeFlags say where a city's state lies.
type placeFlags struct {
	Data     string `default:"data" help:"Data folder: database, keys, uploads." type:"path"`
	Database string `help:"postgres://… in place of the SQLite file in the data folder." env:"YIWANG_DATABASE"`
}

func (f placeFlags) place() app.Place { return app.Place{Data: f.Data, Database: f.Database} }

// cityFlags are for what needs the city's own rules, too.
type cityFlags struct {
	placeFlags
	City string `help:"The city's folder; default is the one served last from the data folder." type:"path"`
}

// with opens a city that is there, for one piece of work.
func (f cityFlags) with(e *env, work func(*app.App) error) (err error) {
	dir := f.City
	if dir == "" {
		dir = f.place().City()
	}
	if dir == "" {
		return exit{exitUsage, city.Say(e.lang, "cli.place.which_city", "path", f.Data)}
	}
	a, err := app.New(e.ctx, app.Options{City: dir, Data: f.Data, Database: f.Database, Existing: true})
	if err != nil {
		return e.packFaults(err)
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	return work(a)
}

type backupCmd struct {
	File string `arg:"" help:"The file to write; it must not be there yet." type:"path"`
	JSON bool   `name:"json" help:"One JSON object for programs."`
	placeFlags
}

func (c *backupCmd) Run(e *env) error {
	m, err := app.Backup(e.ctx, c.place(), c.File, e.percent(""))
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(m)
	}
	e.say("cli.backup.done", "rows", m.Rows(), "files", m.Files(), "file", c.File)
	return nil
}

type restoreCmd struct {
	File string `arg:"" help:"A file that backup wrote." type:"path"`
	JSON bool   `name:"json" help:"One JSON object for programs."`
	placeFlags
}

func (c *restoreCmd) Run(e *env) error {
	m, err := app.Restore(e.ctx, c.File, c.place(), e.percent(""))
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(m)
	}
	e.say("cli.restore.done", "rows", m.Rows(), "files", m.Files(), "at", m.Made.Local().Format(time.DateTime), "path", c.Data)
	return nil
}

type migrateCmd struct {
	JSON bool `name:"json" help:"One JSON object for programs."`
	placeFlags
}

func (c *migrateCmd) Run(e *env) error {
	from, to, err := app.Migrate(e.ctx, c.place())
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(map[string]int64{"from": from, "to": to})
	}
	if from == to {
		e.say("cli.migrate.same", "version", to)
	} else {
		e.say("cli.migrate.done", "from", from, "to", to)
	}
	return nil
}

type doctorCmd struct {
	Cases    int    `default:"1000" help:"How many of the newest cases are computed anew."`
	SendTest string `placeholder:"ADDRESS" help:"Send a letter to this e-mail address by the city's mail server."`
	JSON     bool   `name:"json" help:"One JSON object for programs."`
	cityFlags
}

func (c *doctorCmd) Run(e *env) error {
	found := app.Examine(e.ctx, app.Examination{Place: c.place(), City: c.City, Cases: c.Cases, Clock: city.WallClock{}, SendTest: c.SendTest, Lang: e.lang})
	worst := app.OK
	type line struct {
		Check  string    `json:"check"`
		Status app.Grade `json:"status"`
		Text   string    `json:"text"`
	}
	lines := make([]line, len(found))
	for i, f := range found {
		lines[i] = line{f.Check, f.Grade, f.Message.In(e.lang)}
		if f.Grade == app.Fail || worst == app.OK {
			worst = f.Grade
		}
	}
	if c.JSON {
		if err := e.json(map[string]any{"status": worst, "checks": lines}); err != nil {
			return err
		}
	} else {
		for _, l := range lines {
			e.line("%-4s  %-16s  %s", l.Status, l.Check, l.Text)
		}
	}
	if worst == app.Fail {
		return exit{code: exitFound}
	}
	return nil
}
