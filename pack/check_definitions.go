package pack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/form"
	"yiwang/rule"
)

func (l *loader) checkCredentials() {
	by := map[string]string{}
	for i, d := range l.credentials.docs {
		t := &l.credentials.vals[i]
		d.atFields(t.Check())
		if !l.known.body(t.Issuer) && t.Issuer != "" {
			d.at("issuer", "pack.no_body", "id", string(t.Issuer))
		}
		if len(t.Code) == 21 {
			if err := city.CheckUSCC(t.Code[:18]); err != nil {
				d.at("code", "pack.type_code", "code", t.Code)
			}
			if other := by[t.Code]; other != "" {
				d.at("code", "pack.taken", "id", t.Code, "file", other)
			} else {
				by[t.Code] = d.file
			}
		}
	}
}

func (l *loader) checkRules(ctx context.Context) {
	for i, d := range l.rules.docs {
		def := l.rules.vals[i]
		if !l.known.body(def.Owner) && def.Owner != "" {
			d.at("owner", "pack.no_body", "id", string(def.Owner))
		}
		for j, f := range def.Facts {
			at := fmt.Sprintf("facts.%d", j)
			if src, err := rule.ParseSource(f.Source); err == nil && src.Kind != rule.FromAnswer {
				l.checkSource(d, at+".source", src, f.Type)
			}
			if !f.Label.IsZero() {
				d.text(at+".label", f.Label)
			}
		}
		r, err := rule.Compile(def)
		if err != nil {
			d.atErr("", err)
			continue
		}
		l.runTests(ctx, d, r)
		l.city.Rules = append(l.city.Rules, r)
	}
}

// runTests runs the examples of a rule and asks for those that are missing: every
// clause must be seen to decide.
func (l *loader) runTests(ctx context.Context, d *document, r *rule.Rule) {
	for _, f := range r.RunTests(ctx) {
		if line, ok := d.line(fmt.Sprintf("tests.%d", f.Index), 0); ok {
			d.faults.put(Fault{d.file, line, f.Message()})
		}
	}
	untested, err := r.Untested(ctx)
	if err != nil {
		d.atErr("tests", err)
		return
	}
	newest := len(r.Definition().Versions) - 1
	for _, id := range untested {
		if id == string(rule.Grant) {
			d.at("tests", "pack.grant_untested")
			continue
		}
		for k, c := range r.Definition().Versions[newest].Clauses {
			if c.ID == id {
				d.at(fmt.Sprintf("versions.%d.clauses.%d", newest, k), "pack.clause_untested", "clause", id)
			}
		}
	}
}

// Attributes of the register that a source may name, and their types.
var (
	personAttributes = map[string]rule.Type{
		"name": rule.String, "citizen_number": rule.String, "birth_date": rule.Date, "sex": rule.String, "nationality": rule.String,
		"region": rule.String, "region_name": rule.String, "address": rule.String, "phone": rule.String,
	}
	firmAttributes = map[string]rule.Type{
		"name": rule.String, "uscc": rule.String, "kind": rule.String, "legal_representative": rule.String, "region": rule.String,
		"region_name": rule.String, "address": rule.String, "phone": rule.String, "scope": rule.String, "status": rule.String,
		"founded": rule.Date, "capital_fen": rule.Int,
	}
)

var licenceTypes = map[string]rule.Type{
	"text": rule.String, "date": rule.Date, "integer": rule.Int, "money": rule.Int, "decimal": rule.Double, "yesno": rule.Bool,
}

// checkSource checks that what a source names exists and, unless want is "", is of
// that type. Answers are checked where the form is known.
func (l *loader) checkSource(d *document, path string, src rule.Source, want rule.Type) {
	var have rule.Type
	switch src.Kind {
	case rule.FromRegister:
		attributes := personAttributes
		if src.Name == "firm" {
			attributes = firmAttributes
		}
		if have = attributes[src.Field]; have == "" {
			d.at(path, "pack.no_attribute", "source", src.String(), "known", strings.Join(sortedKeys(attributes), ", "))
			return
		}
	case rule.FromLicence:
		t := l.known.credentials[city.CredentialType(src.Name)]
		if t == nil {
			if !l.known.credential(city.CredentialType(src.Name)) {
				d.at(path, "pack.no_credential", "id", src.Name)
			}
			return
		}
		if have = licenceFieldType(t, src.Field); have == "" {
			d.at(path, "pack.no_licence_field", "id", src.Name, "field", src.Field)
			return
		}
	default:
		return
	}
	if want != "" && want.Valid() && have != want {
		d.at(path, "pack.source_type", "source", src.String(), "have", string(have), "want", string(want))
	}
}

func licenceFieldType(t *credential.Type, field string) rule.Type {
	if field == "exists" {
		return rule.Bool
	}
	f, ok := t.Field(field)
	if !ok {
		return ""
	}
	if have, ok := licenceTypes[f.Type]; ok {
		return have
	}
	return rule.String // the field's own type is told as a fault of the licence
}

func (l *loader) checkForms() {
	for i, d := range l.forms.docs {
		f := l.forms.vals[i]
		c, err := form.Compile(f, form.Regions(l.known.region))
		d.atErr("", err)
		if err == nil {
			l.city.Forms[f.ID] = c
		}
		for s, step := range f.Steps {
			for k, field := range step.Fields {
				src, err := rule.ParseSource(field.Prefill)
				if err != nil {
					continue // no prefill, or told by the form itself
				}
				want := field.Type.VariableType()
				if field.Type == form.Region || want == rule.Map || want == rule.List {
					want = "" // filled in from a text
				}
				l.checkSource(d, fmt.Sprintf("steps.%d.fields.%d.prefill", s, k), src, want)
			}
		}
	}
}

// neededKinds are those that the program itself opens.
var neededKinds = []city.KindID{"bad_review", "review"}

func (l *loader) checkKinds() {
	for i, d := range l.kinds.docs {
		k := &l.kinds.vals[i]
		for _, f := range k.Check() {
			d.at(f.Path, "pack.kind", "detail", f.Message)
		}
		for s, stage := range k.Stages {
			for t, task := range stage.Tasks {
				at := fmt.Sprintf("stages.%d.tasks.%d", s, t)
				if strings.HasPrefix(task.Body, "$") || task.Body == "" {
					continue
				}
				if !l.known.body(city.BodyID(task.Body)) {
					d.at(at+".body", "pack.no_body", "id", task.Body)
				} else if !strings.HasPrefix(task.Post, "$") && !l.known.post(city.BodyID(task.Body), task.Post) {
					d.at(at+".post", "pack.no_post", "id", task.Body+"."+task.Post)
				}
			}
			if stage.Rule != "" && !strings.HasPrefix(stage.Rule, "$") && !l.known.rule(city.RuleID(stage.Rule)) {
				d.at(fmt.Sprintf("stages.%d.rule", s), "pack.no_rule", "id", stage.Rule)
			}
		}
	}
	for _, id := range neededKinds {
		if len(l.items.docs) > 0 && !slices.ContainsFunc(l.files["kinds"], func(f string) bool { return f == "kinds/"+string(id)+".yaml" }) {
			l.faults.add("kinds/"+string(id)+".yaml", 0, "pack.file_missing")
		}
	}
}
