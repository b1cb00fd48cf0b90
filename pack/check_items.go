package pack

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/rule"
	"yiwang/serviceitem"
)

func (l *loader) checkItems() {
	by := map[string]string{}
	for i, d := range l.items.docs {
		it := &l.items.vals[i]
		d.atFields(it.Check())
		l.checkCodes(d, it, by)
		l.checkItemNames(d, it)
		compiled := l.city.Forms[it.Form]
		if compiled == nil {
			continue // unknown, or its own faults were told
		}
		for j, s := range it.Scenarios {
			_, err := rule.CompileCondition(s.When, compiled.Variables())
			d.atErr(fmt.Sprintf("scenarios.%d.when", j), err)
		}
		l.checkUploads(d, it, compiled)
		l.checkRuleAnswers(d, it, compiled)
		l.checkIssues(d, it, compiled)
		l.checkExample(d, it, compiled)
	}
}

func (l *loader) checkCodes(d *document, it *serviceitem.Item, by map[string]string) {
	for _, c := range [][2]string{{"local_code", it.LocalCode}, {"handling_code", it.HandlingCode}} {
		key, code := c[0], c[1]
		if code == "" {
			continue
		}
		if other := by[code]; other != "" {
			d.at(key, "pack.taken", "id", code, "file", other)
		} else {
			by[code] = d.file
		}
		if it.CodeProfile == "" {
			if len(code) > 64 {
				d.at(key, "pack.code_long")
			}
			continue
		}
		if re, err := regexp.Compile("^(?:" + l.known.profiles[it.CodeProfile] + ")$"); err == nil && l.known.profiles[it.CodeProfile] != "" && !re.MatchString(code) {
			d.at(key, "pack.code_profile", "code", code, "profile", it.CodeProfile)
		}
	}
	if it.CodeProfile != "" && l.known.profiles[it.CodeProfile] == "" && l.site != nil {
		d.at("code_profile", "pack.no_profile", "id", it.CodeProfile)
	}
}

// checkItemNames checks that everything exists that an item names.
func (l *loader) checkItemNames(d *document, it *serviceitem.Item) {
	body := func(path string, id city.BodyID) {
		if !l.known.body(id) {
			d.at(path, "pack.no_body", "id", string(id))
		}
	}
	licence := func(path string, id city.CredentialType) {
		if id != "" && !l.known.credential(id) {
			d.at(path, "pack.no_credential", "id", string(id))
		}
	}
	body("body", it.Body)
	for i, b := range it.BodiesJoint {
		body(fmt.Sprintf("bodies_joint.%d", i), b)
	}
	if !l.known.form(it.Form) {
		d.at("form", "pack.no_form", "id", string(it.Form))
	}
	if it.Rule != "" && !l.known.rule(it.Rule) {
		d.at("rule", "pack.no_rule", "id", string(it.Rule))
	}
	licence("credential", it.Credential)
	for i, m := range it.Materials {
		licence(fmt.Sprintf("materials.%d.credential", i), m.Credential)
	}
	for i, p := range it.Enquiry.Places {
		if !l.known.counters[p] && l.site != nil {
			d.at(fmt.Sprintf("enquiry.places.%d", i), "pack.no_counter", "id", p)
		}
	}
	kind := l.known.kinds[it.Kind]
	switch {
	case kind != nil:
		l.checkParams(d, it, kind)
	case !l.known.kind(it.Kind):
		d.at("kind", "pack.no_kind", "id", string(it.Kind))
	}
}

// Params are what a case of the item is opened with: the item's own, and body,
// rule and credential.
func Params(it *serviceitem.Item) map[string]string {
	p := maps.Clone(it.Params)
	if p == nil {
		p = map[string]string{}
	}
	p["body"] = string(it.Body)
	if it.Rule != "" {
		p["rule"] = string(it.Rule)
	}
	if it.Credential != "" {
		p["credential"] = string(it.Credential)
	}
	return p
}

func (l *loader) checkParams(d *document, it *serviceitem.Item, k *casework.Kind) {
	params, wanted := Params(it), k.Parameters()
	for _, name := range wanted {
		switch {
		case params[name] != "":
		case name == "rule", name == "credential":
			d.at(name, "pack.param_missing", "param", name, "kind", string(k.ID))
		default:
			d.at("params", "pack.param_missing", "param", name, "kind", string(k.ID))
		}
	}
	for _, name := range sortedKeys(it.Params) {
		switch {
		case name == "body", name == "rule", name == "credential":
			d.at("params."+name, "pack.param_own", "param", name)
		case !slices.Contains(wanted, name):
			d.at("params."+name, "pack.param_idle", "param", name, "kind", string(k.ID))
		}
	}
	if it.Rule != "" && !slices.Contains(wanted, "rule") {
		d.at("rule", "pack.param_idle", "param", "rule", "kind", string(k.ID))
	}
	// the path at which a value was given
	given := func(s string) string {
		name, isParam := strings.CutPrefix(s, "$")
		switch {
		case !isParam:
			return "kind"
		case name == "body" || name == "rule" || name == "credential":
			return name
		}
		return "params." + name
	}
	value := func(s string) string {
		if name, ok := strings.CutPrefix(s, "$"); ok {
			return params[name]
		}
		return s
	}
	for _, s := range k.Stages {
		for _, t := range s.Tasks {
			b, p := value(t.Body), value(t.Post)
			switch {
			case b == "" || p == "":
			case !l.known.body(city.BodyID(b)):
				if t.Body != "$body" && strings.HasPrefix(t.Body, "$") {
					d.at(given(t.Body), "pack.no_body", "id", b)
				}
			case !l.known.post(city.BodyID(b), p) && (strings.HasPrefix(t.Body, "$") || strings.HasPrefix(t.Post, "$")):
				at := given(t.Body)
				if strings.HasPrefix(t.Post, "$") {
					at = given(t.Post)
				}
				d.at(at, "pack.kind_post", "id", b+"."+p, "kind", string(k.ID), "stage", s.ID)
			}
		}
		for _, o := range s.Outcomes {
			for _, e := range o.Effects {
				l.checkEffect(d, it, k, s.ID, e, value, given)
			}
		}
	}
}

// checkEffect checks that a licence that a kind gives is described by the item.
func (l *loader) checkEffect(d *document, it *serviceitem.Item, k *casework.Kind, stage string, e casework.Effect, value, given func(string) string) {
	if e.Name != "issue" {
		return
	}
	id := city.CredentialType(value(e.With["type"]))
	if id == "" {
		return // a missing parameter, told already
	}
	if !slices.ContainsFunc(it.Issues, func(s serviceitem.Issue) bool { return s.Credential == id }) && id != it.Credential {
		d.at(given(e.With["type"]), "pack.issue_missing", "id", string(id), "kind", string(k.ID), "stage", stage)
	}
}

// checkUploads checks that each upload of the form is a material and each
// material that the applicant brings by upload has a field.
func (l *loader) checkUploads(d *document, it *serviceitem.Item, c *form.Compiled) {
	for i, m := range it.Materials {
		if m.FormField == "" {
			continue
		}
		f, ok := c.Field(m.FormField)
		switch at := fmt.Sprintf("materials.%d.form_field", i); {
		case !ok:
			d.at(at, "pack.no_field", "id", m.FormField, "form", string(it.Form))
		case f.Type != form.File:
			d.at(at, "pack.field_no_file", "id", m.FormField)
		case f.Material != m.ID:
			d.at(at, "pack.material_differs", "id", m.FormField, "material", f.Material)
		}
	}
	for _, s := range c.Form().Steps {
		for _, f := range s.Fields {
			if f.Material != "" && !slices.ContainsFunc(it.Materials, func(m serviceitem.Material) bool { return m.ID == f.Material }) {
				d.at("materials", "pack.material_missing", "id", f.Material, "field", f.ID)
			}
		}
	}
}

// checkRuleAnswers checks that the form asks what the item's rule wants to know.
func (l *loader) checkRuleAnswers(d *document, it *serviceitem.Item, c *form.Compiled) {
	def := l.known.rules[it.Rule]
	if def == nil {
		return
	}
	vars := c.Variables()
	for _, f := range def.Facts {
		src, err := rule.ParseSource(f.Source)
		switch {
		case err != nil:
		case src.Kind == rule.FromAnswer && vars[src.Field] == "":
			d.at("rule", "pack.answer_missing", "fact", f.Name, "field", src.Field, "form", string(it.Form))
		case src.Kind == rule.FromAnswer && vars[src.Field] != f.Type:
			d.at("rule", "pack.source_type", "source", f.Source, "have", string(vars[src.Field]), "want", string(f.Type))
		case src.Kind == rule.FromRegister && src.Name == "firm" && !slices.Contains(it.For, serviceitem.ForFirm):
			d.at("rule", "pack.fact_firm", "fact", f.Name)
		}
	}
}

// checkIssues checks that each licence is filled in completely.
func (l *loader) checkIssues(d *document, it *serviceitem.Item, c *form.Compiled) {
	for i, s := range it.Issues {
		at := fmt.Sprintf("issues.%d", i)
		t := l.known.credentials[s.Credential]
		if t == nil {
			if !l.known.credential(s.Credential) {
				d.at(at+".credential", "pack.no_credential", "id", string(s.Credential))
			}
			continue
		}
		for _, f := range t.Fields {
			if s.Fields[f.ID] == "" {
				d.at(at+".fields", "pack.issue_field_missing", "field", f.ID, "id", string(t.ID))
			}
		}
		for _, id := range sortedKeys(s.Fields) {
			if _, ok := t.Field(id); !ok {
				d.at(at+".fields."+id, "pack.no_licence_field", "id", string(t.ID), "field", id)
				continue
			}
			l.checkItemSource(d, at+".fields."+id, s.Fields[id], it, c)
		}
		for _, key := range sortedKeys(s.Founds) {
			l.checkItemSource(d, at+".founds."+key, s.Founds[key], it, c)
		}
	}
}

func (l *loader) checkItemSource(d *document, path, source string, it *serviceitem.Item, c *form.Compiled) {
	src, err := rule.ParseSource(source)
	switch {
	case err != nil:
		d.at(path, "pack.source", "source", source)
	case src.Kind == rule.FromAnswer:
		if _, ok := c.Field(src.Field); !ok {
			d.at(path, "pack.no_field", "id", src.Field, "form", string(it.Form))
		}
	default:
		l.checkSource(d, path, src, "")
	}
}

// exampleToday is the day on which examples are checked; dates in them count from
// the day they are shown.
var exampleToday = city.Date{Year: 2026, Month: 6, Day: 15}

// checkExample sends the example through the form, as a resident would.
func (l *loader) checkExample(d *document, it *serviceitem.Item, c *form.Compiled) {
	on := c.On(exampleToday)
	for _, id := range sortedKeys(it.Example.Answers) {
		if _, ok := c.Field(id); !ok {
			d.at("example.answers."+id, "pack.no_field", "id", id, "form", string(it.Form))
		}
	}
	answers := on.Example(it.Example.Answers, nil)
	for _, id := range sortedKeys(it.Example.Answers) {
		if _, ok := c.Field(id); ok && answers[id] == nil {
			d.at("example.answers."+id, "pack.example_dropped", "field", id)
		}
	}
	for _, f := range on.Validate(answers) {
		name, _, _ := strings.Cut(f.Name, ".")
		field, _ := c.Field(name)
		if field.Type == form.File && it.Example.Materials[field.Material] != "" {
			continue
		}
		if line, ok := d.line("example.answers."+f.Name, 0); ok {
			d.faults.put(Fault{d.file, line, city.Message{Key: "pack.example", Args: []any{"field", f.Name, "why", f.Message}}})
		}
	}
	for _, id := range sortedKeys(it.Example.Materials) {
		l.checkExampleFile(d, it, c, id)
	}
}

func (l *loader) checkExampleFile(d *document, it *serviceitem.Item, c *form.Compiled, material string) {
	at, file := "example.materials."+material, it.Example.Materials[material]
	if !l.known.examples[file] {
		d.at(at, "pack.no_file", "file", file)
		return
	}
	i := slices.IndexFunc(it.Materials, func(m serviceitem.Material) bool { return m.ID == material })
	if i < 0 {
		return // told by the item
	}
	most := int64(mostOther)
	if f, ok := c.Field(it.Materials[i].FormField); ok {
		most = min(most, f.MaxBytes())
	}
	if _, err := readFile(l.fsys, file, most); errors.Is(err, errTooLarge) {
		d.at(at, "pack.too_large", "max", sayBytes(int(most)))
	} else if err != nil {
		d.at(at, "pack.unreadable", "detail", plainError(err))
	}
}
