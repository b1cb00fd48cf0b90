package app

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/register"
	"yiwang/pack"
)

// Imported is what came of a table.
type Imported struct {
	Read     int    `json:"read"`
	Added    int    `json:"added"`
	Changed  int    `json:"changed"`
	Same     int    `json:"same"`
	Rejected int    `json:"rejected"`
	Rejects  string `json:"rejects,omitempty"` // the reject file; "" when nothing was rejected
}

// Table is what to import: "people", "firms", "positions" or one of register.Tables from a CSV
// or Excel file.
type Table struct {
	Kind, File string
	Columns    map[string]string // field of ours: heading in the table
	Lang       city.Lang         // of the reasons in the reject file
	Progress   Progress
}

// Import brings a table of people, firms or a register of package fleet in. What can't be taken
// goes to a reject file beside the table, with line and reasons; it holds personal
// data and is for its owner's eyes only.
func (a *App) Import(ctx context.Context, t Table) (r Imported, err error) {
	if t.Kind == "positions" {
		return a.importPositions(ctx, t)
	}
	f, err := os.Open(t.File)
	if err != nil {
		return r, city.NotFound("cli.import.no_file", "file", t.File)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	columns := map[string]string{}
	read, fields := a.Directory.ImportPeople, directory.PersonColumns
	if kind, ok := register.Tables[t.Kind]; t.Kind == "firms" {
		read, fields = a.Directory.ImportFirms, directory.FirmColumns
	} else if ok {
		columns, fields = maps.Clone(register.Headings()), register.Columns(kind)
		read = func(ctx context.Context, actor city.Actor, in directory.Import) (directory.Imported, error) {
			return a.Registers.Import(ctx, actor, kind, in)
		}
	}
	for ours, theirs := range t.Columns {
		columns[theirs] = ours
	}
	rejects := &rejectFile{name: strings.TrimSuffix(t.File, filepath.Ext(t.File)) + ".rejected.csv", fields: fields, lang: t.Lang}
	counted := &seekCounter{ReadSeeker: f}
	done, err := read(ctx, console, directory.Import{
		Rows:   directory.ReadTable(counted, columns),
		Reject: rejects.add,
		Progress: func(directory.Imported) {
			if t.Progress != nil {
				t.Progress(min(counted.at, info.Size()), info.Size())
			}
		},
	})
	r = Imported{done.Read, done.Added, done.Changed, done.Same, done.Rejected, ""}
	if e := rejects.close(err == nil || done.Read > done.Rejected); err == nil {
		err = e
	}
	if err != nil {
		return r, err
	}
	if rejects.n > 0 {
		r.Rejects = rejects.name
	}
	if done.Read > 0 && done.Rejected == done.Read {
		return r, city.Invalid("cli.import.all_rejected", "n", done.Read, "why", rejects.first, "file", rejects.name)
	}
	return r, nil
}

type seekCounter struct {
	io.ReadSeeker
	at int64
}

func (c *seekCounter) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.at += int64(n)
	return n, err
}

// rejectFile is made with the first reject and bears its name when it is whole.
type rejectFile struct {
	name   string
	fields []string
	lang   city.Lang
	f      *os.File
	w      *csv.Writer
	n      int
	first  string
	err    error
}

func (r *rejectFile) add(row directory.Row, why []city.Field) {
	if r.err != nil {
		return
	}
	reasons := make([]string, len(why))
	for i, f := range why {
		if reasons[i] = f.Message.In(r.lang); f.Name != "" {
			reasons[i] = f.Name + ": " + reasons[i]
		}
	}
	if r.f == nil {
		if r.f, r.err = os.CreateTemp(filepath.Dir(r.name), ".rejected-*"); r.err != nil { // mode 0600
			return
		}
		r.w = csv.NewWriter(r.f)
		_, r.err = r.f.WriteString("\ufeff") // for Excel
		_ = r.w.Write(append([]string{"line", "reason"}, r.fields...))
		r.first = strings.Join(reasons, "; ")
	}
	r.n++
	cells := []string{strconv.Itoa(row.Line), strings.Join(reasons, "; ")}
	for _, f := range r.fields {
		cells = append(cells, pack.Harmless(row.Cells[f]))
	}
	_ = r.w.Write(cells) // a fault shows at Flush
}

func (r *rejectFile) close(keep bool) error {
	if r.f == nil {
		return r.err
	}
	defer os.Remove(r.f.Name())
	r.w.Flush()
	err := errors.Join(r.err, r.w.Error(), r.f.Sync(), r.f.Close())
	if err == nil && keep {
		err = os.Rename(r.f.Name(), r.name)
	}
	return err
}
