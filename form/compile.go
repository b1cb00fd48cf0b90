package form

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/rule"
)

// Compiled is a checked form. It never changes and is safe for concurrent use.
type Compiled struct {
	form    Form
	steps   []step
	fields  map[string]*field
	vars    map[string]rule.Type
	regions func(city.RegionCode) bool // nil: any code of the right form
	today   city.Date                  // zero: bounds that name today aren't looked at
}

type step struct {
	Step
	show   *rule.Condition // nil: always
	fields []*field
}

type field struct {
	Field
	show     *rule.Condition // nil: always
	pattern  *regexp.Regexp
	from, to bound
	source   rule.Source
}

// Setting changes how a form is compiled.
type Setting func(*Compiled)

// Regions makes the form accept only regions that exist.
func Regions(exists func(city.RegionCode) bool) Setting {
	return func(c *Compiled) { c.regions = exists }
}

// Compile checks a form and compiles its conditions. The error is rule.Faults,
// all of them, with paths such as "steps.0.fields.2.show_when".
func Compile(f Form, settings ...Setting) (*Compiled, error) {
	c := &Compiled{form: f, fields: map[string]*field{}, vars: map[string]rule.Type{}}
	for _, set := range settings {
		set(c)
	}
	var fs rule.Faults
	if !idPattern.MatchString(string(f.ID)) {
		fs.Add("id", "form.id_invalid", "id", string(f.ID))
	}
	if len(f.Steps) == 0 {
		fs.Add("steps", "form.no_steps")
	}
	if len(f.Steps) > mostSteps {
		fs.Add("steps", "form.too_many_steps", "max", mostSteps)
		return nil, fs
	}
	stepIDs := map[string]bool{}
	for i, s := range f.Steps {
		path := fmt.Sprintf("steps.%d", i)
		switch {
		case !idPattern.MatchString(s.ID):
			fs.Add(path+".id", "form.id_invalid", "id", s.ID)
		case stepIDs[s.ID]:
			fs.Add(path+".id", "form.id_twice", "id", s.ID)
		}
		stepIDs[s.ID] = true
		fs.CheckText(path+".title", s.Title)
		checkOptional(&fs, path+".hint", s.Hint)
		if len(s.Fields) == 0 {
			fs.Add(path+".fields", "form.no_fields")
		}
		cs := step{Step: s, show: c.condition(&fs, path+".show_when", s.ShowWhen)}
		for j, fd := range s.Fields {
			if len(c.fields) >= mostFields {
				fs.Add(path+".fields", "form.too_many_fields", "max", mostFields)
				return nil, fs
			}
			cs.fields = append(cs.fields, c.compileField(&fs, fmt.Sprintf("%s.fields.%d", path, j), fd))
		}
		c.steps = append(c.steps, cs)
	}
	if len(fs) > 0 {
		return nil, fs
	}
	return c, nil
}

// condition compiles over the fields declared so far; a name that is declared
// only later gets a fault of its own.
func (c *Compiled) condition(fs *rule.Faults, path, expr string) *rule.Condition {
	if expr == "" {
		return nil
	}
	cond, err := rule.CompileCondition(expr, maps.Clone(c.vars))
	for _, f := range rule.FaultsOf(err).Under(path) {
		if f.Unknown != "" && c.declared(f.Unknown) {
			f.Message = city.Message{Key: "form.later", Args: []any{"name", f.Unknown}}
		}
		*fs = append(*fs, f)
	}
	return cond
}

func (c *Compiled) declared(id string) bool {
	for _, s := range c.form.Steps {
		for _, f := range s.Fields {
			if f.ID == id {
				return true
			}
		}
	}
	return false
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func checkOptional(fs *rule.Faults, path string, t city.Text) {
	if !t.IsZero() {
		fs.CheckText(path, t)
	}
}

func (c *Compiled) compileField(fs *rule.Faults, path string, fd Field) *field {
	f := &field{Field: fd, show: c.condition(fs, path+".show_when", fd.ShowWhen)}
	switch {
	case !rule.ValidName(fd.ID):
		fs.Add(path+".id", "rule.name_invalid", "name", fd.ID)
	case c.fields[fd.ID] != nil:
		fs.Add(path+".id", "form.id_twice", "id", fd.ID)
	case !fd.Type.Valid():
		fs.Add(path+".type", "form.type_unknown", "type", string(fd.Type))
	default:
		c.vars[fd.ID] = fd.Type.VariableType()
	}
	if c.fields[fd.ID] == nil {
		c.fields[fd.ID] = f
	}
	fs.CheckText(path+".label", fd.Label)
	checkOptional(fs, path+".hint", fd.Hint)
	checkOptional(fs, path+".unit", fd.Unit)
	f.checkSettings(fs, path)
	f.checkOptions(fs, path)
	f.checkFile(fs, path)
	if fd.Type == Statement {
		fs.CheckText(path+".text", fd.Text)
	}
	var err error
	if fd.Pattern != "" {
		if f.pattern, err = regexp.Compile(`^(?:` + fd.Pattern + `)$`); err != nil || len(fd.Pattern) > 500 {
			fs.Add(path+".pattern", "form.pattern_wrong", "pattern", fd.Pattern)
		}
		fs.CheckText(path+".pattern_text", fd.PatternText)
	}
	if f.from, err = parseBound(fd.From); err != nil {
		fs.Add(path+".from", "form.bound_wrong", "bound", fd.From)
	}
	if f.to, err = parseBound(fd.To); err != nil {
		fs.Add(path+".to", "form.bound_wrong", "bound", fd.To)
	}
	if fd.Prefill != "" {
		f.source, err = rule.ParseSource(fd.Prefill)
		if err != nil || f.source.Kind == rule.FromAnswer || fd.Type == File || fd.Type == Statement {
			fs.Add(path+".prefill", "form.prefill_wrong", "source", fd.Prefill)
		}
	} else if fd.Locked {
		fs.Add(path+".locked", "form.locked_alone")
	}
	return f
}

// settings lists which types each setting is for; one that would do nothing is a
// fault, not a surprise.
func (f *field) checkSettings(fs *rule.Faults, path string) {
	for _, s := range []struct {
		name  string
		given bool
		types []FieldType
	}{
		{"min", f.Min != nil, []FieldType{Text, LongText, Integer, Decimal, Money, MultiChoice}},
		{"max", f.Max != nil, []FieldType{Text, LongText, Integer, Decimal, Money, MultiChoice}},
		{"decimals", f.Decimals != nil, []FieldType{Decimal}},
		{"unit", !f.Unit.IsZero(), []FieldType{Integer, Decimal}},
		{"from", f.From != "", []FieldType{Date}},
		{"to", f.To != "", []FieldType{Date}},
		{"pattern", f.Pattern != "", []FieldType{Text}},
		{"level", f.Level != "", []FieldType{Region, Address}},
		{"options", len(f.Options) > 0, []FieldType{Choice, MultiChoice}},
		{"accept", len(f.Accept) > 0, []FieldType{File}},
		{"max_mb", f.MaxMB != 0, []FieldType{File}},
		{"max_files", f.MaxFiles != 0, []FieldType{File}},
		{"material", f.Material != "", []FieldType{File}},
		{"text", !f.Text.IsZero(), []FieldType{Statement}},
	} {
		if s.given && f.Type.Valid() && !slices.Contains(s.types, f.Type) {
			fs.Add(path+"."+s.name, "form.setting_idle", "setting", s.name, "type", string(f.Type))
		}
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if f.Min != nil {
		lo = *f.Min
	}
	if f.Max != nil {
		hi = *f.Max
	}
	whole := f.Type != Decimal
	counts := whole && f.Type != Integer && f.Type != Money
	switch {
	case lo > hi, math.IsNaN(lo), math.IsNaN(hi), counts && (lo < 0 && f.Min != nil || hi < 1):
		fs.Add(path+".max", "form.bounds_wrong")
	case f.Min != nil && (math.IsInf(lo, 0) || math.Abs(lo) > 1e15 || whole && lo != math.Trunc(lo)):
		fs.Add(path+".min", "form.bounds_wrong")
	case f.Max != nil && (math.IsInf(hi, 0) || math.Abs(hi) > 1e15 || whole && hi != math.Trunc(hi)):
		fs.Add(path+".max", "form.bounds_wrong")
	case counts && f.Max != nil && hi > mostText:
		fs.Add(path+".max", "form.bounds_wrong")
	}
	if f.Decimals != nil && (*f.Decimals < 1 || *f.Decimals > 6) {
		fs.Add(path+".decimals", "form.decimals_wrong")
	}
	switch f.Level {
	case "", city.LevelDistrict, city.LevelStreet, city.LevelCommunity:
	default:
		fs.Add(path+".level", "form.level_wrong", "level", string(f.Level))
	}
}

func (f *field) checkOptions(fs *rule.Faults, path string) {
	if f.Type != Choice && f.Type != MultiChoice {
		return
	}
	if len(f.Options) == 0 || len(f.Options) > mostChosen {
		fs.Add(path+".options", "form.no_options", "max", mostChosen)
	}
	seen := map[string]bool{}
	for i, o := range f.Options {
		at := fmt.Sprintf("%s.options.%d", path, i)
		switch {
		case !idPattern.MatchString(o.ID):
			fs.Add(at+".id", "form.id_invalid", "id", o.ID)
		case seen[o.ID]:
			fs.Add(at+".id", "form.id_twice", "id", o.ID)
		}
		seen[o.ID] = true
		fs.CheckText(at+".label", o.Label)
		checkOptional(fs, at+".hint", o.Hint)
	}
}

func (f *field) checkFile(fs *rule.Faults, path string) {
	if f.Type != File {
		return
	}
	if len(f.Accept) == 0 {
		fs.Add(path+".accept", "form.no_accept")
	}
	for i, a := range f.Accept {
		if MediaTypes[a] == "" {
			fs.Add(fmt.Sprintf("%s.accept.%d", path, i), "form.accept_unknown", "accept", a)
		}
	}
	if f.MaxMB < 0 || f.MaxMB > mostMB {
		fs.Add(path+".max_mb", "form.max_mb_wrong", "max", mostMB)
	}
	if f.MaxFiles < 0 || f.MaxFiles > mostFiles {
		fs.Add(path+".max_files", "form.max_files_wrong", "max", mostFiles)
	}
}

// bound is a day, fixed or counted from today.
type bound struct {
	given   bool
	day     city.Date // zero: counted from today
	n       int
	measure byte // d, m, y
}

var boundPattern = regexp.MustCompile(`^today(?:([+-][0-9]{1,5})([dmy]))?$`)

func parseBound(s string) (bound, error) {
	if s == "" {
		return bound{}, nil
	}
	if m := boundPattern.FindStringSubmatch(s); m != nil {
		b := bound{given: true, measure: 'd'}
		if m[1] != "" {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return bound{}, err
			}
			b.n, b.measure = n, m[2][0]
		}
		return b, nil
	}
	d, err := city.ParseDate(s)
	return bound{given: true, day: d}, err
}

// on gives the day meant; ok is false when there is no bound, or when it counts
// from a today that isn't known.
func (b bound) on(today city.Date) (day city.Date, ok bool) {
	switch {
	case !b.given:
		return city.Date{}, false
	case !b.day.IsZero():
		return b.day, true
	case today.IsZero():
		return city.Date{}, false
	}
	t := today.In(time.UTC)
	switch b.measure {
	case 'y':
		t = t.AddDate(b.n, 0, 0)
	case 'm':
		t = t.AddDate(0, b.n, 0)
	default:
		t = t.AddDate(0, 0, b.n)
	}
	return city.DateOf(t), true
}

// Day reads a day as a pack writes it: "2026-01-31", or counted from today, such
// as "today", "today-18y", "today+30d".
func Day(s string, today city.Date) (city.Date, error) {
	b, err := parseBound(s)
	if err != nil {
		return city.Date{}, err
	}
	d, ok := b.on(today)
	if !ok {
		return city.Date{}, fmt.Errorf("not a day: %q", s)
	}
	return d, nil
}

// On is the form on a day: dates are checked against bounds that count from it,
// and nobody was born after it.
func (c *Compiled) On(today city.Date) *Compiled {
	d := *c
	d.today = today
	return &d
}

// Form is what was compiled. It must not be changed.
func (c *Compiled) Form() Form { return c.form }

// Field finds a field by its id.
func (c *Compiled) Field(id string) (Field, bool) {
	if f := c.fields[id]; f != nil {
		return f.Field, true
	}
	return Field{}, false
}

// Variables are the names and types as which conditions and rules see the
// answers.
func (c *Compiled) Variables() map[string]rule.Type { return maps.Clone(c.vars) }

// Sources says for each field with a prefill where the city knows it from.
func (c *Compiled) Sources() map[string]rule.Source {
	out := map[string]rule.Source{}
	for id, f := range c.fields {
		if f.Prefill != "" {
			out[id] = f.source
		}
	}
	return out
}
