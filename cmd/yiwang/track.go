package main

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"os"
	"time"

	"yiwang/city"
	"yiwang/fleet/track"
)

type trackCmd struct {
	Detect trackDetectCmd `cmd:"" help:"What the rules of a city notice in a table of positions."`
	Stays  trackStaysCmd  `cmd:"" help:"Where the objects of a table of positions stood, and how long."`
}

type trackStaysCmd struct {
	In       string        `required:"" help:"A table with the columns id, time, lat, lon: CSV, or - for standard input." type:"path"`
	Distance float64       `default:"100" help:"Metres from where a run began; who gets that far or further has left."`
	Time     time.Duration `default:"5m" help:"Who was there that long or longer stayed."`
	Gap      time.Duration `default:"15m" help:"A silence longer than this ends a run without a stay."`
	Map      string        `help:"Columns of the table for fields of ours, such as id=vehicle_id;time=timestamp."`
	JSON     bool          `name:"json" help:"One JSON object a line for programs."`
}

// stayLine is a stay as programs read it. Seven decimals are a centimetre.
type stayLine struct {
	ID    string  `json:"id"`
	Start string  `json:"start"`
	End   string  `json:"end"`
	Lat   float64 `json:"lat"`
	Lon   float64 `json:"lon"`
}

func (c *trackStaysCmd) Run(e *env) error {
	rule, err := track.NewRule(track.Settings{Distance: c.Distance, Time: c.Time, Gap: c.Gap})
	if err != nil {
		return err
	}
	columns, err := columnsOf(c.Map)
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
	found, err := rule.Table(func() (io.ReadCloser, error) { return os.Open(path) }, columns, progress)
	if city.KindOf(err) == city.KindInternal {
		return unreadable
	} else if err != nil {
		return err
	}
	out := bufio.NewWriter(e.out)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, o := range found.Objects {
		for _, s := range o.Stays {
			l := stayLine{o.ID, moments(s.Start), moments(s.End), decimals(s.Lat), decimals(s.Lon)}
			if c.JSON {
				err = lines.Encode(l)
			} else {
				_, err = out.WriteString(city.Say(e.lang, "cli.track.stay", "id", l.ID, "start", l.Start, "end", l.End, "long", s.Long().String(), "place", s.Place().String()) + "\n")
			}
			if err != nil {
				return err
			}
		}
	}
	if !c.JSON {
		out.WriteString(city.Say(e.lang, "cli.track.found", "points", found.Points, "objects", len(found.Objects), "stays", found.Stays, "gaps", found.Gaps) + "\n")
		if found.Unsorted > 0 {
			out.WriteString(city.Say(e.lang, "cli.track.unsorted", "objects", found.Unsorted) + "\n")
		}
	}
	return out.Flush()
}

// again gives a file that can be opened more than once, and its size: the one named,
// or a copy of what comes through a pipe. done takes the copy away.
func again(name string) (path string, size int64, done func(), err error) {
	in := os.Stdin
	if name != "-" {
		if in, err = os.Open(name); err != nil {
			return "", 0, nil, err
		}
		defer in.Close()
	}
	info, err := in.Stat()
	if err != nil {
		return "", 0, nil, err
	}
	if name != "-" && info.Mode().IsRegular() {
		return name, info.Size(), func() {}, nil
	}
	f, err := os.CreateTemp("", "yiwang-track-*.csv")
	if err != nil {
		return "", 0, nil, err
	}
	defer f.Close()
	done = func() { os.Remove(f.Name()) }
	if size, err = io.Copy(f, in); err != nil {
		done()
		return "", 0, nil, err
	}
	return f.Name(), size, done, nil
}

func moments(at int64) string { return time.UnixMicro(at).UTC().Format(time.RFC3339Nano) }

func decimals(degrees float64) float64 { return math.Round(degrees*1e7) / 1e7 }
