package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/track"
	"yiwang/pack"
)

type trackDetectCmd struct {
	In   string `required:"" help:"A table with the columns id, time, lat, lon and, if known, speed (km/h): CSV, or - for standard input. Ids are plates as registered." type:"path"`
	City string `required:"" help:"The city's folder: its registers, rules and roads." type:"path"`
	Map  string `help:"Columns of the table for fields of ours, such as id=plate;speed=v."`
	JSON bool   `name:"json" help:"One JSON object a line for programs."`
}

// matterLine is what was noticed of one matter, as programs read it.
type matterLine struct {
	Rule     string             `json:"rule"`
	Kind     string             `json:"kind,omitempty"`
	Subject  string             `json:"subject"`
	Key      string             `json:"key"`
	From     string             `json:"from"`
	To       string             `json:"to"`
	Lat      float64            `json:"lat"`
	Lon      float64            `json:"lon"`
	Sure     float64            `json:"sure"`
	Times    int                `json:"times"`
	Numbers  map[string]float64 `json:"numbers"`
	Names    map[string]string  `json:"names"`
	Text     string             `json:"text"`
	Evidence []evidenceLine     `json:"evidence"`
}

type evidenceLine struct {
	What    string             `json:"what"`
	Vehicle string             `json:"vehicle,omitempty"`
	From    string             `json:"from,omitempty"`
	To      string             `json:"to,omitempty"`
	Lat     float64            `json:"lat,omitempty"`
	Lon     float64            `json:"lon,omitempty"`
	Record  string             `json:"record,omitempty"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

func (c *trackDetectCmd) Run(e *env) error {
	columns, err := columnsOf(c.Map)
	if err != nil {
		return err
	}
	if info, err := os.Stat(c.City); err != nil || !info.IsDir() {
		return exit{exitUsage, city.Say(e.lang, "pack.no_folder", "dir", c.City)}
	}
	p, faults := pack.Load(c.City)
	if len(faults) > 0 {
		return e.packFaults(app.PackFaults(faults))
	}
	file, err := app.NewTrackFile(p)
	if err != nil {
		return err
	}
	unreadable := exit{exitUsage, city.Say(e.lang, "cli.verify.file", "file", c.In)}
	path, size, done, err := again(c.In)
	if err != nil {
		return unreadable
	}
	defer done()
	var progress func(int64)
	if bar := e.percent(""); bar != nil {
		progress = func(read int64) { bar(read, size) }
	}
	found, err := file.Detect(func() (io.ReadCloser, error) { return os.Open(path) }, columns, progress)
	if city.KindOf(err) == city.KindInternal {
		return unreadable
	} else if err != nil {
		return err
	}
	out := bufio.NewWriter(e.out)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, m := range found.Matters {
		rule, text := file.Say(m)
		if c.JSON {
			err = lines.Encode(lineOf(m, text.In(e.lang)))
		} else {
			in := func(us int64) string { return city.FromMicros(us).In(p.Zone).Format("2006-01-02 15:04") }
			_, err = fmt.Fprintf(out, "%s  %s  %3.0f%%  %s: %s\n", in(m.From), in(m.To), 100*m.Sure, rule.In(e.lang), text.In(e.lang))
		}
		if err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return c.account(e, found)
}

// account says what was read and what was not: beside the table, or where programs
// don't read.
func (c *trackDetectCmd) account(e *env, f *detect.Found) error {
	to := e.out
	if c.JSON {
		to = e.err
	}
	say := func(key string, args ...any) { fmt.Fprintln(to, city.Say(e.lang, key, args...)) }
	say("cli.track.noticed", "matters", len(f.Matters), "positions", f.Readings, "vehicles", f.Vehicles)
	if f.Strange > 0 {
		say("cli.track.strange", "vehicles", f.Strange)
	}
	if f.Unsorted > 0 {
		say("cli.track.unsorted", "objects", f.Unsorted)
	}
	for why, n := range f.Refused {
		if r := track.Reason(why); r != track.Fine && n > 0 {
			say("cli.track.refused", "n", n, "reason", city.Message{Key: "track.reason." + r.String()})
		}
	}
	for i, err := range f.Bad {
		say("cli.track.bad", "rows", f.BadRows[i], "why", err.Message)
	}
	return nil
}

func lineOf(m detect.Matter, text string) matterLine {
	l := matterLine{Rule: m.Rule, Kind: m.Kind, Subject: m.Subject, Key: m.Key, From: moments(m.From), To: moments(m.To), Lat: decimals(m.At.Lat), Lon: decimals(m.At.Lon),
		Sure: math.Round(100*m.Sure) / 100, Times: m.Times, Numbers: m.Numbers, Names: m.Names, Text: text, Evidence: []evidenceLine{}}
	for _, x := range m.Evidence {
		v := evidenceLine{What: x.What, Vehicle: string(x.Vehicle), Lat: decimals(x.At.Lat), Lon: decimals(x.At.Lon), Numbers: x.Numbers}
		if x.From != 0 || x.To != 0 {
			v.From, v.To = moments(x.From), moments(x.To)
		}
		if x.Record.Kind != "" {
			v.Record = x.Record.String()
		}
		l.Evidence = append(l.Evidence, v)
	}
	return l
}
