package main

import (
	"fmt"

	"yiwang/pack"
)

type checkCmd struct {
	Dir string `arg:"" help:"The city's folder." type:"path"`
}

func (c *checkCmd) Run(e *env) error {
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
	Kind string            `arg:"" enum:"items" help:"What the table holds: items."`
	File string            `arg:"" help:"A table: CSV or Excel." type:"path"`
	City string            `required:"" help:"The city's folder." type:"path"`
	Map  map[string]string `help:"Columns of the table for fields of ours, such as name=title;code=nr."`
}

func (c *importCmd) Run(e *env) error {
	o := pack.ImportOptions{Columns: c.Map}
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
	e.say("cli.import.done", "rows", r.Rows, "added", r.Added, "changed", r.Changed, "same", r.Same, "rejected", r.Rejected, "total", r.Total, "file", r.Catalog)
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
