package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident"
	"yiwang/pack"
)

// IncidentTable is a foreign table of reports with what makes them ours.
type IncidentTable struct {
	File     string
	Mapping  string    // a file, or the id of one of the pack's; "" where the pack has one
	Lang     city.Lang // of the reasons in the reject file
	Progress Progress
}

// Routed is what came of a table of reports: how many each body gets.
type Routed struct {
	Imported
	Bodies map[city.BodyID]int `json:"bodies"`
}

// inBatch is how many rows are filed together.
const inBatch = 200

// RouteIncidents reads a table of reports by its mapping. Every row has a class and
// the body that mends it, or stands in the reject file beside the table with its
// reason. Rows go to file in batches, which says for each why it wasn't taken, and
// with nil nothing is filed: what would come of the table is all that is wanted.
func RouteIncidents(ctx context.Context, p *pack.City, t IncidentTable, file func(context.Context, []pack.IncidentRow) ([]error, error)) (r Routed, err error) {
	r.Bodies = map[city.BodyID]int{}
	m, err := mappingOf(p, t.Mapping)
	if err != nil {
		return r, err
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
	for _, c := range m.Columns() {
		columns[c] = c
	}
	rejects := &rejectFile{name: strings.TrimSuffix(t.File, filepath.Ext(t.File)) + ".rejected.csv", fields: m.Columns(), lang: t.Lang}
	counted := &seekCounter{ReadSeeker: f}
	var rows []pack.IncidentRow
	var lines []directory.Row
	reject := func(row directory.Row, why []city.Field) {
		r.Rejected++
		rejects.add(row, why)
	}
	send := func() error {
		faults := make([]error, len(rows))
		if file != nil && len(rows) > 0 {
			if faults, err = file(ctx, rows); err != nil {
				return err
			}
		}
		for i, row := range rows {
			if faults[i] != nil {
				reject(lines[i], fieldsOf(faults[i]))
				continue
			}
			r.Added++
			if c, ok := p.Class(row.Class); ok {
				r.Bodies[c.Body]++
			}
		}
		rows, lines = rows[:0], lines[:0]
		if t.Progress != nil {
			t.Progress(min(counted.at, info.Size()), info.Size())
		}
		return ctx.Err()
	}
	for row, rowErr := range directory.ReadTable(counted, columns) {
		if rowErr != nil && row.Line == 0 {
			err = rowErr
			break
		}
		r.Read++
		if rowErr != nil {
			reject(row, fieldsOf(rowErr))
			continue
		}
		mapped, why := m.Row(row.Cells, p.Zone)
		if len(why) > 0 {
			reject(row, why)
			continue
		}
		rows, lines = append(rows, mapped), append(lines, row)
		if len(rows) == inBatch {
			if err = send(); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = send()
	}
	if e := rejects.close(err == nil || r.Read > r.Rejected); err == nil {
		err = e
	}
	if rejects.n > 0 {
		r.Rejects = rejects.name
	}
	if err == nil && r.Read > 0 && r.Rejected == r.Read {
		return r, city.Invalid("cli.import.all_rejected", "n", r.Read, "why", rejects.first, "file", rejects.name)
	}
	return r, err
}

func mappingOf(p *pack.City, name string) (pack.Mapping, error) {
	if name == "" && len(p.Mappings) == 1 {
		return p.Mappings[0], nil
	}
	if i := slices.IndexFunc(p.Mappings, func(m pack.Mapping) bool { return m.ID == name }); i >= 0 {
		return p.Mappings[i], nil
	}
	raw, err := os.ReadFile(name)
	if err != nil || name == "" {
		return pack.Mapping{}, city.NotFound("cli.import.no_mapping", "file", name)
	}
	m, faults := p.ReadMapping(filepath.Base(name), raw)
	if len(faults) > 0 {
		return m, PackFaults(faults)
	}
	return m, nil
}

// fieldsOf is why a row wasn't taken, for a reject file.
func fieldsOf(err error) []city.Field {
	var e *city.Error
	switch {
	case !errors.As(err, &e):
		return []city.Field{{Message: city.Message{Key: "error.internal", Args: []any{"id", err.Error()}}}}
	case len(e.Fields) > 0:
		return e.Fields
	}
	return []city.Field{{Message: e.Message}}
}

// ImportIncidents files a table of reports. The same row twice is one report, so an
// import that broke off may be repeated.
func (a *App) ImportIncidents(ctx context.Context, t IncidentTable) (Routed, error) {
	if a.Incidents == nil {
		return Routed{}, city.Invalid("cli.import.no_incidents")
	}
	return RouteIncidents(ctx, a.Pack, t, func(ctx context.Context, rows []pack.IncidentRow) ([]error, error) {
		faults := make([]error, len(rows))
		for i, r := range rows {
			_, err := a.Incidents.Report(ctx, console, incident.Report{Type: incident.Type(r.Type), Class: r.Class, Text: r.Text, Place: r.Place, At: r.At,
				Key: r.Key, Source: "import", Apart: true, Reporter: incident.Reporter{Name: r.Name, Phone: r.Phone, Email: r.Email}})
			if k := city.KindOf(err); k == city.KindUnavailable || k == city.KindInternal {
				return nil, err
			}
			faults[i] = err
		}
		return faults, nil
	})
}
