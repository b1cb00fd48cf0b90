package pack

import (
	"errors"
	"path"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// Registers is what a city's folder says of dangerous goods and watched vehicles
// (registers/*.csv): a beginning that is loaded into the database once. Certificates
// go by their numbers here.
type Registers struct {
	Firms   []directory.Firm
	Records []register.Record // each after those that it names
}

// farthest is how far from the city's communities a place of its registers may
// lie, in metres: goods come from elsewhere.
const farthest = 200_000

// firmColumns are those of registers/firms.csv besides the register's own.
var firmColumns = []string{"name", "kind", "legal", "region", "address", "phone", "scope", "founded", "status"}

// checkRegisters reads the tables of registers/, which a city need not have.
func (l *loader) checkRegisters() {
	r := &registerReader{loader: l, at: map[register.Record]Fault{}, once: map[string]int{}, known: map[string]bool{},
		near: middles(l.regionsDef, nil)}
	byKind := map[register.Kind][]register.Record{}
	for _, name := range l.files["registers"] {
		kind, ok := register.Tables[strings.TrimSuffix(path.Base(name), ".csv")]
		if !ok {
			l.faults.add(name, 0, "pack.register_table", "known", strings.Join(sortedKeys(register.Tables), ", "))
			continue
		}
		byKind[kind] = r.table(name, kind)
	}
	for _, kind := range register.Kinds {
		for _, rec := range byKind[kind] {
			r.names(rec)
		}
		l.city.Registers.Records = append(l.city.Registers.Records, byKind[kind]...)
	}
}

type registerReader struct {
	*loader
	at    map[register.Record]Fault // where a record stands
	once  map[string]int            // line of a version
	known map[string]bool           // records by register and identifier
	near  []geo.Point
}

func (r *registerReader) table(name string, kind register.Kind) (all []register.Record) {
	b, err := readFile(r.fsys, name, mostTable)
	switch {
	case errors.Is(err, errTooLarge):
		r.faults.add(name, 0, "pack.too_large", "max", sayBytes(mostTable))
		return nil
	case err != nil:
		r.faults.add(name, 0, "pack.unreadable", "detail", plainError(err))
		return nil
	}
	if line := firstBadText(b); line > 0 {
		r.faults.add(name, line, "pack.not_utf8")
		return nil
	}
	rows, err := readTable(b)
	if err != nil || len(rows) == 0 {
		m := city.Message{Key: "pack.empty"}
		var e *city.Error
		if errors.As(err, &e) {
			m = e.Message
		}
		r.faults.put(Fault{name, 1, m})
		return nil
	}
	known := register.Columns(kind)
	if kind == register.KindFirm {
		known = append(known, firmColumns...)
	}
	heading := rows[0].cells
	for i, h := range heading {
		heading[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
		if !slices.Contains(known, heading[i]) {
			r.faults.add(name, rows[0].line, "pack.register_column", "column", heading[i], "known", strings.Join(known, ", "))
		}
	}
	for _, row := range rows[1:] {
		if len(row.cells) > len(heading) {
			r.faults.add(name, row.line, "directory.table_cells", "n", len(row.cells), "max", len(heading))
			continue
		}
		of := map[string]string{}
		for i, c := range row.cells {
			of[heading[i]] = c
		}
		if rec := r.row(name, row.line, kind, of); rec != nil {
			all = append(all, rec)
		}
	}
	return all
}

func (r *registerReader) row(name string, line int, kind register.Kind, of map[string]string) register.Record {
	rec, bad := register.FromRow(kind, of, func(number string) register.CertificateID { return register.CertificateID(number) })
	r.known[string(kind)+":"+rec.Key()] = true // even if it is wrong: those that name it are not
	for _, f := range bad {
		r.faults.add(name, line, "pack.cell", "column", f.Name, "why", f.Message)
	}
	if len(bad) > 0 {
		return nil
	}
	ref := rec.Ref().String()
	if first, twice := r.once[ref]; twice {
		r.faults.add(name, line, "pack.register_twice", "id", rec.Key(), "version", rec.Ref().Version, "line", first)
		return nil
	}
	r.once[ref] = line
	r.at[rec] = Fault{File: name, Line: line}
	if p, ok := placeOf(rec); ok && len(r.near) > 0 && !slices.ContainsFunc(r.near, func(m geo.Point) bool { return geo.Distance(m, p) <= farthest }) {
		r.faults.add(name, line, "pack.register_far", "km", farthest/1000)
	}
	if s, ok := rec.(*register.Site); ok && s.Region != "" && !r.loader.known.region(s.Region) {
		r.faults.add(name, line, "pack.no_region", "id", string(s.Region))
	}
	if f, ok := rec.(*register.Firm); ok {
		r.firm(name, line, f, of)
	}
	return rec
}

// firm takes what the directory wants to know from a row of firms.csv.
func (r *registerReader) firm(name string, line int, f *register.Firm, of map[string]string) {
	d := directory.Firm{USCC: string(f.ID), Name: strings.TrimSpace(of["name"]), Kind: of["kind"], Legal: of["legal"], Region: city.RegionCode(of["region"]),
		Address: of["address"], Phone: of["phone"], Scope: of["scope"], Status: directory.FirmStatus(of["status"])}
	if d.Region != "" && !r.loader.known.region(d.Region) {
		r.faults.add(name, line, "pack.no_region", "id", string(d.Region))
	}
	if d.Name == "" {
		r.faults.add(name, line, "pack.cell", "column", "name", "why", city.Message{Key: "register.missing"})
	}
	switch d.Status {
	case "", directory.FirmActive, directory.FirmRevoked, directory.FirmCancelled:
	default:
		r.faults.add(name, line, "pack.cell", "column", "status", "why", city.Message{Key: "directory.firm_status"})
	}
	if s := of["founded"]; s != "" {
		day, err := city.ParseDate(s)
		if err != nil {
			r.faults.add(name, line, "pack.cell", "column", "founded", "why", city.Message{Key: "directory.date", Args: []any{"date", short(s)}})
		}
		d.Founded = day
	}
	if f.Ref().Version == 1 {
		r.city.Registers.Firms = append(r.city.Registers.Firms, d)
	}
}

// names holds what the record names against what is there.
func (r *registerReader) names(rec register.Record) {
	at := r.at[rec]
	for _, n := range rec.Names() {
		if !r.known[string(n.Kind)+":"+n.ID] {
			r.faults.add(at.File, at.Line, "pack.cell", "column", n.Column(rec.Ref().Kind), "why",
				city.Message{Key: "register.unknown", Args: []any{"id", n.ID, "kind", city.Message{Key: "register.kind." + string(n.Kind)}}})
		}
	}
}

// placeOf is where a record's place lies, if it has one.
func placeOf(rec register.Record) (geo.Point, bool) {
	switch v := rec.(type) {
	case *register.Site:
		return v.Area.Middle(), true
	case *register.Zone:
		return v.Area.Middle(), true
	case *register.POI:
		return v.At, true
	case *register.Route:
		return v.Line[0], true
	}
	return geo.Point{}, false
}
