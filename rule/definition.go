package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"yiwang/city"
)

// Definition is a rule as a city pack writes it.
type Definition struct {
	ID       city.RuleID `yaml:"id" json:"id"`
	Name     city.Text   `yaml:"name" json:"name"`
	Purpose  city.Text   `yaml:"purpose" json:"purpose"`
	Owner    city.BodyID `yaml:"owner" json:"owner"`
	Facts    []FactDecl  `yaml:"facts" json:"facts"`       // every fact that a clause may name
	Versions []Version   `yaml:"versions" json:"versions"` // oldest first
	Tests    []Test      `yaml:"tests" json:"tests"`
}

// FactDecl declares a fact: its name in clauses, its type, and where it comes
// from, as ParseSource reads it.
type FactDecl struct {
	Name   string    `yaml:"name" json:"name"`
	Type   Type      `yaml:"type" json:"type"`
	Source string    `yaml:"source" json:"source"`
	Label  city.Text `yaml:"label" json:"label,omitzero"` // what people call it; optional
}

// Version is the rule as it stands from a day on, until the day before the next
// version, or to its last day when that comes earlier.
type Version struct {
	From    city.Date `yaml:"from" json:"from"`
	Until   city.Date `yaml:"until" json:"until,omitzero"` // last day in force; zero means until replaced
	Clauses []Clause  `yaml:"clauses" json:"clauses"`
}

// Clause is one condition of a rule.
type Clause struct {
	ID        string    `yaml:"id" json:"id"`
	When      string    `yaml:"when" json:"when"`                    // CEL
	Legal     city.Text `yaml:"legal" json:"legal"`                  // where the law says so
	Text      city.Text `yaml:"text" json:"text"`                    // the condition as a sentence
	Otherwise city.Text `yaml:"otherwise" json:"otherwise,omitzero"` // said when it doesn't hold; Text when empty
}

// Test is an example that the rule must decide as written.
type Test struct {
	Name    string         `yaml:"name" json:"name"`
	Today   city.Date      `yaml:"today" json:"today"`
	Facts   map[string]any `yaml:"facts" json:"facts"`
	Verdict Outcome        `yaml:"verdict" json:"verdict"`
	Clause  string         `yaml:"clause" json:"clause,omitempty"` // the deciding clause, for to_officer
	Need    []string       `yaml:"need" json:"need,omitempty"`     // the missing facts, for need
}

// SourceKind says what sort of place a fact comes from.
type SourceKind string

const (
	FromAnswer   SourceKind = "answer"   // the applicant's form
	FromRegister SourceKind = "register" // the directory: person or firm
	FromLicence  SourceKind = "licence"  // a licence that the applicant holds
	FromExchange SourceKind = "exchange" // another body's data resource
)

// Source is where a fact comes from: "answer:<field>",
// "register:person.<attribute>", "register:firm.<attribute>",
// "licence:<type>.<field>" ("exists" being a field of every type), or
// "exchange:<resource>.<field>".
type Source struct {
	Kind  SourceKind
	Name  string // person or firm, licence type, resource; "" for answers
	Field string
}

// ParseSource reads a source; whether what it names exists is the pack's to say.
func ParseSource(s string) (Source, error) {
	kind, rest, _ := strings.Cut(s, ":")
	src := Source{Kind: SourceKind(kind), Field: rest}
	if src.Kind != FromAnswer {
		src.Name, src.Field, _ = strings.Cut(rest, ".")
	}
	ok := wordPattern.MatchString(src.Field)
	switch src.Kind {
	case FromAnswer:
	case FromRegister:
		ok = ok && (src.Name == "person" || src.Name == "firm")
	case FromLicence, FromExchange:
		ok = ok && wordPattern.MatchString(src.Name)
	default:
		ok = false
	}
	if !ok {
		return Source{}, fmt.Errorf("not a source: %q", s)
	}
	return src, nil
}

func (s Source) String() string {
	if s.Kind == FromAnswer {
		return string(s.Kind) + ":" + s.Field
	}
	return string(s.Kind) + ":" + s.Name + "." + s.Field
}

// Rule is a compiled definition. It never changes and is safe for concurrent use.
type Rule struct {
	def      Definition
	types    map[string]Type // facts and today
	versions []version
}

type version struct {
	Version
	digest  string
	names   []string       // facts that its clauses name, in the order declared
	index   map[string]int // of these and today
	clauses []clause
}

type clause struct {
	Clause
	p     *program
	facts []string // facts it names, in the order declared
}

// Compile checks a definition and compiles its clauses, a program each. The error
// is Faults, all of them.
func Compile(def Definition) (*Rule, error) {
	r := &Rule{def: def, types: map[string]Type{"today": Date}}
	var fs Faults
	r.checkHead(&fs)
	l, err := newLanguage(r.types)
	if err != nil {
		fs.AddErr("facts", err)
		return nil, fs
	}
	named := map[string]bool{}
	for i, v := range def.Versions {
		path := fmt.Sprintf("versions.%d", i)
		switch {
		case v.From.IsZero():
			fs.Add(path+".from", "rule.from_missing")
		case i > 0 && !def.Versions[i-1].From.Before(v.From):
			fs.Add(path+".from", "rule.from_order")
		}
		if !v.Until.IsZero() && v.Until.Before(v.From) {
			fs.Add(path+".until", "rule.until_order")
		}
		r.versions = append(r.versions, r.compileVersion(l, path, v, &fs))
		for _, n := range r.versions[i].names {
			named[n] = true
		}
	}
	if len(fs) == 0 { // with a clause that doesn't compile, nothing is known about its facts
		for i, f := range def.Facts {
			if !named[f.Name] {
				fs.Add(fmt.Sprintf("facts.%d", i), "rule.fact_unused", "name", f.Name)
			}
		}
	}
	r.checkTests(&fs)
	if len(fs) > 0 {
		return nil, fs
	}
	return r, nil
}

// checkHead also fills the types of the facts.
func (r *Rule) checkHead(fs *Faults) {
	def := r.def
	if !wordPattern.MatchString(string(def.ID)) {
		fs.Add("id", "rule.id_invalid", "id", string(def.ID))
	}
	fs.CheckText("name", def.Name)
	fs.CheckText("purpose", def.Purpose)
	if def.Owner == "" {
		fs.Add("owner", "rule.owner_missing")
	}
	if len(def.Versions) == 0 {
		fs.Add("versions", "rule.no_versions")
	}
	for i, f := range def.Facts {
		path := fmt.Sprintf("facts.%d", i)
		_, twice := r.types[f.Name]
		switch {
		case !ValidName(f.Name):
			fs.Add(path+".name", "rule.name_invalid", "name", f.Name)
		case twice:
			fs.Add(path+".name", "rule.name_twice", "name", f.Name)
		case !f.Type.Valid():
			fs.Add(path+".type", "rule.type_unknown", "name", f.Name, "type", string(f.Type))
		default:
			r.types[f.Name] = f.Type
		}
		if _, err := ParseSource(f.Source); err != nil {
			fs.Add(path+".source", "rule.source_invalid", "source", f.Source)
		}
		if !f.Label.IsZero() {
			fs.CheckText(path+".label", f.Label)
		}
	}
}

func (r *Rule) compileVersion(l *language, path string, v Version, fs *Faults) version {
	out := version{Version: v, digest: r.digest(v)}
	if len(v.Clauses) == 0 {
		fs.Add(path+".clauses", "rule.no_clauses")
	}
	ids := map[string]bool{}
	for i, c := range v.Clauses {
		at := fmt.Sprintf("%s.clauses.%d", path, i)
		var own Faults
		switch {
		case !wordPattern.MatchString(c.ID):
			own.Add("id", "rule.id_invalid", "id", c.ID)
		case ids[c.ID]:
			own.Add("id", "rule.clause_twice", "id", c.ID)
		}
		ids[c.ID] = true
		p, err := l.compileBool(c.When)
		own.AddErr("when", err)
		own.CheckText("legal", c.Legal)
		own.CheckText("text", c.Text)
		if !c.Otherwise.IsZero() {
			own.CheckText("otherwise", c.Otherwise)
		}
		for j := range own {
			own[j].Clause = c.ID
		}
		*fs = append(*fs, own.Under(at)...)
		if p != nil {
			out.clauses = append(out.clauses, clause{c, p, r.inOrder(p.names)})
			out.names = append(out.names, p.names...)
		}
	}
	out.names = r.inOrder(out.names)
	out.index = indexOf(append([]string{"today"}, out.names...))
	return out
}

// inOrder sorts names of facts as the definition declares them, each once, and
// leaves out what is no fact.
func (r *Rule) inOrder(names []string) []string {
	var out []string
	for _, f := range r.def.Facts {
		if slices.Contains(names, f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

// digest is a fingerprint of a version together with the types of the facts that
// exist, so that a replay can tell whether the rule is still the one that spoke.
func (r *Rule) digest(v Version) string {
	raw, err := json.Marshal(struct {
		Version Version
		Types   map[string]Type
	}{v, r.types})
	if err != nil {
		panic(err) // plain strings and dates always marshal
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// ID, Definition: what was compiled. The definition must not be changed.
func (r *Rule) ID() city.RuleID        { return r.def.ID }
func (r *Rule) Definition() Definition { return r.def }

// VersionOn is the version in force on the day.
func (r *Rule) VersionOn(day city.Date) (Version, bool) {
	if v := r.on(day); v != nil {
		return v.Version, true
	}
	return Version{}, false
}

func (r *Rule) on(day city.Date) *version {
	for i := len(r.versions) - 1; i >= 0; i-- {
		v := &r.versions[i]
		if day.Before(v.From) {
			continue
		}
		if !v.Until.IsZero() && v.Until.Before(day) {
			return nil
		}
		return v
	}
	return nil
}

// Needs lists the facts that the version in force on the day names, as declared:
// what has to be fetched, and nothing more.
func (r *Rule) Needs(day city.Date) []FactDecl {
	v := r.on(day)
	if v == nil {
		return nil
	}
	var out []FactDecl
	for _, f := range r.def.Facts {
		if slices.Contains(v.names, f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// Sources lists the facts of all versions by the kind of place they come from,
// for checking a pack. The order is the definition's.
func (r *Rule) Sources() map[SourceKind][]FactDecl {
	out := map[SourceKind][]FactDecl{}
	for _, f := range r.def.Facts {
		src, err := ParseSource(f.Source)
		if err != nil {
			panic(err) // checked by Compile
		}
		out[src.Kind] = append(out[src.Kind], f)
	}
	return out
}
