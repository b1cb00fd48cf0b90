package serviceitem

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/rule"
)

// sight is what the city knows about an applicant, read once for one purpose: the
// register and the licences that may be looked at.
type sight struct {
	s        *Service
	of       Party
	body     city.BodyID                    // for which it is read
	may      func(city.CredentialType) bool // licences of which types may be read
	person   map[string]any                 // nil until read
	firm     map[string]any
	licences map[heldOf][]credential.Credential // in force, newest first
	read     []string                           // what was read about the person, for the trace
}

func (s *Service) sight(of Party, body city.BodyID, may func(city.CredentialType) bool) *sight {
	return &sight{s: s, of: of, body: body, may: may, licences: map[heldOf][]credential.Credential{}}
}

func anyLicence(city.CredentialType) bool { return true }
func noLicence(city.CredentialType) bool  { return false }

// value reads what a source other than an answer gives. It is nil where the city
// knows nothing, or may not look.
func (v *sight) value(ctx context.Context, tx *db.Tx, src rule.Source) (value any, ref string, err error) {
	switch src.Kind {
	case rule.FromRegister:
		facts, err := v.register(ctx, tx, src.Name)
		if err != nil {
			return nil, "", err
		}
		if src.Name == "person" {
			v.note("register:person." + src.Field)
		}
		return facts[src.Field], "", nil
	case rule.FromLicence:
		t := city.CredentialType(src.Name)
		if !v.may(t) {
			return nil, "", nil
		}
		held, err := v.held(ctx, tx, t)
		if err != nil {
			return nil, "", err
		}
		if src.Field == "exists" {
			if len(held) > 0 {
				ref = string(held[0].Number)
			}
			return len(held) > 0, ref, nil
		}
		if len(held) == 0 {
			return nil, "", nil
		}
		return licenceField(held[0], src.Field), string(held[0].Number), nil
	}
	return nil, "", nil // exchanges are a source to come
}

// register reads the applicant's record; of a person who applies for no firm, the
// firm's is empty.
func (v *sight) register(ctx context.Context, tx *db.Tx, of string) (facts map[string]any, err error) {
	into := &v.person
	if of == "firm" {
		into = &v.firm
	}
	if *into != nil {
		return *into, nil
	}
	switch {
	case of == "person":
		facts, err = v.s.Directory.PersonFacts(ctx, tx, v.of.Person)
	case !v.of.Firm.IsZero():
		facts, err = v.s.Directory.FirmFacts(ctx, tx, v.of.Firm)
	}
	if city.KindOf(err) == city.KindNotFound { // erased meanwhile, or never registered
		facts, err = nil, nil
	}
	if facts == nil {
		facts = map[string]any{}
	}
	*into = facts
	return facts, err
}

// held lists the applicant's licences of a type that are in force.
func (v *sight) held(ctx context.Context, tx *db.Tx, t city.CredentialType) ([]credential.Credential, error) {
	h, ok := v.s.holder(v.of, t)
	if !ok {
		return nil, nil
	}
	if !h.Person.IsZero() {
		v.note("licence:" + string(t))
	}
	of := heldOf{h, t}
	found, read := v.licences[of]
	if !read {
		var err error
		if found, err = v.s.Licences.Held(ctx, tx, program(v.body), h, t); err != nil {
			return nil, err
		}
		v.licences[of] = found
	}
	return found, nil
}

// heldOf is whose licences of which type: no others are opened.
type heldOf struct {
	holder credential.Holder
	typ    city.CredentialType
}

func (v *sight) note(what string) {
	if !slices.Contains(v.read, what) {
		v.read = append(v.read, what)
	}
}

// trace records what was read about the person, so that they see it.
func (v *sight) trace(ctx context.Context, tx *db.Tx, actor city.Actor, purpose string, n city.CaseNumber) error {
	if len(v.read) == 0 {
		return nil
	}
	slices.Sort(v.read)
	return access.RecordUse(ctx, tx, v.s.Journal, actor, access.Use{Person: v.of.Person, At: v.s.Clock.Now(),
		Purpose: purpose, Case: n, Fields: v.read})
}

// holder says who of the applicant holds licences of the type: the firm, or the
// person. It is false where a person without a firm is asked for a firm's.
func (s *Service) holder(of Party, t city.CredentialType) (credential.Holder, bool) {
	def, ok := s.Licences.Type(t)
	switch {
	case !ok:
		return credential.Holder{}, false
	case def.Holder == credential.HolderPerson:
		return credential.Holder{Person: of.Person}, true
	}
	return credential.Holder{Firm: of.Firm}, !of.Firm.IsZero()
}

// licenceField reads a field of a licence; those that every licence has come
// after its own.
func licenceField(c credential.Credential, field string) any {
	if v, ok := c.Fields[field]; ok && v != "" {
		return v
	}
	switch field {
	case "number":
		return string(c.Number)
	case "issued":
		return c.Issued.String()
	case "until":
		if !c.Until.IsZero() {
			return c.Until.String()
		}
	}
	return nil
}

// known gives what the city knows of the form's fields, and where from.
func (v *sight) known(ctx context.Context, tx *db.Tx, it *item) (map[string]any, map[string]Mark, error) {
	values, marks := map[string]any{}, map[string]Mark{}
	for id, src := range it.sources {
		value, ref, err := v.value(ctx, tx, src)
		if err != nil {
			return nil, nil, err
		}
		if value == nil {
			continue
		}
		values[id] = asAnswer(value)
		marks[id] = Mark{Source: src.String(), Ref: ref}
	}
	return values, marks, nil
}

// asAnswer gives a fact of the register in the form in which answers are kept.
func asAnswer(v any) any {
	if d, ok := v.(city.Date); ok {
		return d.String()
	}
	return v
}

// marksOf keeps the marks of answers that still are what the city knows.
func marksOf(answers, known map[string]any, marks map[string]Mark) map[string]Mark {
	out := map[string]Mark{}
	for id, m := range marks {
		if a, ok := answers[id]; ok && sayAnswer(a) == sayAnswer(known[id]) {
			out[id] = m
		}
	}
	return out
}

// facts reads what the rule wants to know about an application: its answers, the
// register, and licences. A paper of the application is read only when it was
// fetched with the applicant's yes; what is no paper of it is read on the ground
// of the rule.
func (v *sight) facts(ctx context.Context, tx *db.Tx, decls []rule.FactDecl, a Application, at time.Time) (map[string]rule.Fact, error) {
	out := map[string]rule.Fact{}
	for _, d := range decls {
		src, err := rule.ParseSource(d.Source)
		if err != nil {
			return nil, err
		}
		f := rule.Fact{Source: d.Source, At: at}
		if src.Kind == rule.FromAnswer {
			f.Value, f.At = a.Answers[src.Field], a.Filed
		} else if f.Value, f.Ref, err = v.value(ctx, tx, src); err != nil {
			return nil, err
		}
		if s, ok := f.Value.(string); ok && src.Kind == rule.FromLicence {
			f.Value = parseAs(d.Type, s)
		}
		if f.Value != nil {
			out[d.Name] = f
		}
	}
	return out, nil
}

// parseAs reads a licence's value, which is kept as text. What can't be read
// stays as it is: the rule then says that the fact is broken, and a person looks.
func parseAs(t rule.Type, s string) any {
	switch t {
	case rule.Bool:
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	case rule.Int:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	case rule.Double:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case rule.List:
		return strings.FieldsFunc(s, func(r rune) bool { return r == '、' || r == ',' })
	}
	return s
}

// papersMay allows licences that are no paper of the application, and those that
// were fetched for it.
func papersMay(it *item, given []Given) func(city.CredentialType) bool {
	return func(t city.CredentialType) bool {
		paper := false
		for _, m := range it.Materials {
			if m.Credential != t {
				continue
			}
			paper = true
			if slices.ContainsFunc(given, func(g Given) bool { return g.Material == m.ID && g.How == Fetched }) {
				return true
			}
		}
		return !paper
	}
}
