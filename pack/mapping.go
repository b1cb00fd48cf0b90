package pack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/directory"
)

// Mapping says how rows of a foreign table become reports of incidents
// (import/*.yaml of a pack, or a file of that shape).
type Mapping struct {
	ID     string                 `yaml:"id"`
	Source string                 `yaml:"source"` // stands before each row's key, so that two tables don't meet
	Fields map[string]MappedField `yaml:"fields"`
}

// MappedField makes one field of ours out of columns.
type MappedField struct {
	Columns   []string          `yaml:"columns"`
	Join      string            `yaml:"join"`      // between the columns that say something
	Empty     []string          `yaml:"empty"`     // cells that say nothing, such as N/A
	Values    map[string]string `yaml:"values"`    // their words: ours; what isn't there is rejected
	Otherwise string            `yaml:"otherwise"` // for words that aren't there, in place of a rejection
	Formats   []string          `yaml:"formats"`   // of times, as Go writes them
	Optional  bool              `yaml:"optional"`  // the table may lack the columns
}

// IncidentRow is what a row says, in our words.
type IncidentRow struct {
	Key   string // source and key: the same row twice is one report
	Class city.ItemCode
	Type  string
	Text  string
	Place city.Place
	At    time.Time // zero: the table doesn't say
	Name  string
	Phone string
	Email string
}

// The fields that a mapping may fill, in the order of reject files.
var mappedFields = []string{"key", "class", "type", "text", "address", "region", "lat", "lon", "at", "name", "phone", "email"}

// Bounds of what a row may say, in characters.
var longestField = map[string]int{"key": 120, "text": 4000, "address": 200, "name": 100, "phone": 40, "email": 200}

// Columns are the headings that the mapping reads.
func (m Mapping) Columns() (all []string) {
	for _, f := range m.Fields {
		for _, c := range f.Columns {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	slices.Sort(all)
	return all
}

// check finds faults of the mapping against the pack.
func (m Mapping) check(class func(city.ItemCode) bool, region func(city.RegionCode) bool) (found []city.Field) {
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	if m.Source == "" || strings.ContainsAny(m.Source, ": ") {
		add("source", "pack.mapping_source")
	}
	for _, name := range []string{"key", "text"} {
		if len(m.Fields[name].Columns) == 0 {
			add("fields", "pack.mapping_needs", "field", name)
		}
	}
	if len(m.Fields["address"].Columns)+len(m.Fields["region"].Columns)+len(m.Fields["lat"].Columns) == 0 {
		add("fields", "pack.mapping_needs", "field", "region")
	}
	if len(m.Fields["lat"].Columns) != len(m.Fields["lon"].Columns) {
		add("fields", "pack.mapping_needs", "field", "lat, lon")
	}
	for _, name := range sortedKeys(m.Fields) {
		f, at := m.Fields[name], "fields."+name
		if !slices.Contains(mappedFields, name) {
			add(at, "pack.mapping_field", "field", name, "known", strings.Join(mappedFields, ", "))
			continue
		}
		if len(f.Columns) == 0 {
			add(at+".columns", "pack.mapping_columns")
		}
		known := func(v string) bool {
			switch name {
			case "class":
				return class(city.ItemCode(v))
			case "region":
				return region(city.RegionCode(v))
			}
			return true
		}
		for _, theirs := range sortedKeys(f.Values) {
			if v := f.Values[theirs]; v != "" && !known(v) {
				add(at+".values."+theirs, "pack.mapping_value", "field", name, "value", v)
			}
		}
		if f.Otherwise != "" && !known(f.Otherwise) {
			add(at+".otherwise", "pack.mapping_value", "field", name, "value", f.Otherwise)
		}
		if (name == "at") != (len(f.Formats) > 0) {
			add(at+".formats", "pack.mapping_formats")
		}
	}
	return found
}

// Row reads a row. zone is the table's where its times name none. What can't be
// understood is said field by field, and the row is nothing then.
func (m Mapping) Row(cells map[string]string, zone *time.Location) (r IncidentRow, why []city.Field) {
	bad := func(field, key string, args ...any) {
		why = append(why, city.Field{Name: field, Message: city.Message{Key: key, Args: args}})
	}
	said := map[string]string{}
	for _, name := range mappedFields {
		f, ok := m.Fields[name]
		if !ok {
			continue
		}
		v, key := f.read(cells)
		if key != "" {
			bad(name, key, "value", short(v))
			continue
		}
		if most := longestField[name]; most > 0 && len([]rune(v)) > most {
			bad(name, "pack.row_long", "max", most)
			continue
		}
		said[name] = v
	}
	degree := func(name string, most float64) float64 {
		if said[name] == "" {
			return 0
		}
		v, err := strconv.ParseFloat(said[name], 64)
		if err != nil || !(v >= -most && v <= most) {
			bad(name, "pack.row_degrees", "value", short(said[name]))
		}
		return v
	}
	r = IncidentRow{Class: city.ItemCode(said["class"]), Type: said["type"], Text: said["text"], Name: said["name"], Phone: said["phone"], Email: said["email"],
		Place: city.Place{Address: said["address"], Region: city.RegionCode(said["region"]), Lat: degree("lat", 90), Lon: degree("lon", 180)}}
	if said["key"] == "" {
		bad("key", "pack.row_no_key")
	}
	r.Key = fmt.Sprintf("%s:%s", m.Source, said["key"])
	if r.Text == "" && len(why) == 0 {
		bad("text", "pack.row_no_text")
	}
	if r.Place == (city.Place{}) && len(why) == 0 {
		bad("region", "pack.row_no_place")
	}
	if at := said["at"]; at != "" {
		var err error
		if r.At, err = moment(at, m.Fields["at"].Formats, zone); err != nil {
			bad("at", "pack.row_time", "value", short(at))
		}
	}
	if len(why) > 0 {
		return IncidentRow{}, why
	}
	return r, nil
}

// read puts the columns of a field together and translates them; key says what is
// wrong.
func (f MappedField) read(cells map[string]string) (v, key string) {
	var parts []string
	for _, c := range f.Columns {
		cell, ok := cells[c]
		if !ok && !f.Optional {
			return c, "pack.row_no_column"
		}
		if cell = strings.TrimSpace(cell); cell != "" && !slices.Contains(f.Empty, cell) {
			parts = append(parts, cell)
		}
	}
	join := f.Join
	if join == "" {
		join = " "
	}
	v = strings.Join(parts, join)
	if f.Values == nil {
		return v, ""
	}
	if ours, ok := f.Values[v]; ok {
		return ours, ""
	}
	if f.Otherwise != "" {
		return f.Otherwise, ""
	}
	return v, "pack.row_unknown"
}

func moment(s string, formats []string, zone *time.Location) (t time.Time, err error) {
	for _, form := range formats {
		if t, err = time.ParseInLocation(form, s, zone); err == nil && t.Year() >= 1970 && t.Year() < 9999 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// ReadMapping reads a mapping file from outside the pack and checks it against
// the city.
func (c *City) ReadMapping(file string, raw []byte) (m Mapping, found []Fault) {
	fs := &faults{}
	if len(raw) > mostYAML {
		fs.add(file, 0, "pack.too_large", "max", sayBytes(mostYAML))
		return m, fs.sorted()
	}
	d := parseDocument(file, raw, fs)
	if d != nil {
		d.decode(&m)
		d.atFields(m.check(func(code city.ItemCode) bool { _, ok := c.Class(code); return ok }, c.hasRegion))
	}
	return m, fs.sorted()
}

func (c *City) hasRegion(code city.RegionCode) bool {
	var in func(directory.RegionDef) bool
	in = func(r directory.RegionDef) bool { return r.Code == code || slices.ContainsFunc(r.Children, in) }
	return in(c.Regions)
}
