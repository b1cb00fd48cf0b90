package web

import (
	"fmt"
	"strconv"

	"yiwang/city"
	"yiwang/form"
)

// FieldContext is what a page knows beside the form and its answers.
type FieldContext struct {
	Lang    city.Lang
	Faults  []city.Field         // names are field ids, perhaps with Prefix before them
	Prefix  string               // such as "answers."
	Sources map[string]city.Text // by field id, for what the city filled in
	Known   map[string]bool      // field ids whose locked value the city knows
	Regions []Option             // for regions and addresses, deepest level, grouped
	Files   map[string][]UploadedFile
}

// FieldsOf shows the fields of a step with the answers so far. Rest are the
// faults that name none of them.
func FieldsOf(fields []form.Field, answers map[string]any, c FieldContext) (out []Field, rest []city.Field) {
	for _, f := range fields {
		out = append(out, fieldOf(f, answers[f.ID], c))
	}
	return out, FaultsOf(out, c.Faults, c.Prefix)
}

func fieldOf(f form.Field, answer any, c FieldContext) Field {
	o := Field{
		Name: f.ID, Type: FieldType(f.Type), Label: f.Label, Hint: f.Hint, Required: f.Required,
		Locked: f.Locked && c.Known[f.ID], Source: c.Sources[f.ID], Unit: f.Unit,
		Autocomplete: autocompletes[f.ID], Uploaded: c.Files[f.ID],
	}
	switch f.Type {
	case form.Text, form.LongText:
		o.Max = f.Most()
	case form.File:
		o.Accept, o.MaxMB, o.Multiple = f.Accept, int(f.MaxBytes()>>20), f.Most() > 1
	case form.Statement:
		o.Label = f.Text
		if o.Label.IsZero() {
			o.Label = f.Label
		}
	case form.Region, form.Address:
		o.Options = c.Regions
	}
	for _, p := range f.Options {
		o.Options = append(o.Options, Option{Value: p.ID, Label: p.Label, Hint: p.Hint})
	}
	o.Value, o.Values, o.Parts = typed(f.Type, answer)
	if o.Locked {
		o.Value = SayAnswer(c.Lang, f, answer, c.Regions)
	}
	return o
}

// autocompletes are the purposes that browsers know, by the ids that forms use
// for the applicant's own data.
var autocompletes = map[string]string{
	"name": "name", "phone": "tel", "mobile": "tel", "email": "email", "birth_date": "bday",
	"address": "street-address", "address_detail": "street-address", "postcode": "postal-code", "company_name": "organization",
}

// typed is an answer as it stands in inputs.
func typed(t form.FieldType, answer any) (value string, values []string, parts map[string]string) {
	switch a := answer.(type) {
	case nil:
		return "", nil, nil
	case []string:
		return "", a, nil
	case []any:
		for _, v := range a {
			values = append(values, fmt.Sprint(v))
		}
		return "", values, nil
	case map[string]string:
		return "", nil, a
	case map[string]any:
		parts = map[string]string{}
		for k, v := range a {
			parts[k] = fmt.Sprint(v)
		}
		return "", nil, parts
	case bool:
		return strconv.FormatBool(a), nil, nil
	case int64:
		if t == form.Money {
			return yuan(a), nil, nil
		}
		return strconv.FormatInt(a, 10), nil, nil
	case float64:
		if t == form.Money && a == float64(int64(a)) {
			return yuan(int64(a)), nil, nil
		}
		return strconv.FormatFloat(a, 'f', -1, 64), nil, nil
	}
	s := fmt.Sprint(answer)
	if t == form.Date {
		parts = dateAsTyped(s)
	}
	return s, nil, parts
}

// dateAsTyped cuts a date that isn't one back into what was typed, so that a
// wrong month is shown again in its box.
func dateAsTyped(s string) map[string]string {
	if _, err := city.ParseDate(s); err == nil {
		return nil
	}
	parts := map[string]string{"year": "", "month": "", "day": ""}
	for _, name := range []string{"year", "month", "day"} {
		i := 0
		for i < len(s) && s[i] != '-' {
			i++
		}
		parts[name] = s[:i]
		s = s[min(i+1, len(s)):]
	}
	return parts
}

func yuan(fen int64) string {
	if fen%100 == 0 {
		return strconv.FormatInt(fen/100, 10)
	}
	return strconv.FormatFloat(float64(fen)/100, 'f', 2, 64)
}

// SayAnswer says an answer as people read it: the label of a choice, a date in
// words, money with its unit. Regions are the options to name a region by.
func SayAnswer(l city.Lang, f form.Field, answer any, regions []Option) string {
	value, values, parts := typed(f.Type, answer)
	label := func(id string, options []Option) string {
		for _, o := range options {
			if o.Value == id {
				if g := o.Group.In(l); g != "" {
					return g + " " + o.Label.In(l)
				}
				return o.Label.In(l)
			}
		}
		return id
	}
	var own []Option
	for _, o := range f.Options {
		own = append(own, Option{Value: o.ID, Label: o.Label})
	}
	switch f.Type {
	case form.Choice:
		return label(value, own)
	case form.MultiChoice:
		s := ""
		for i, v := range values {
			if i > 0 {
				s += city.Say(l, "web.list.and")
			}
			s += label(v, own)
		}
		return s
	case form.YesNo, form.Statement:
		switch value {
		case "true":
			return city.Say(l, "web.yes")
		case "false":
			return city.Say(l, "web.no")
		}
		return ""
	case form.Money:
		if n, ok := answer.(int64); ok {
			return city.SayMoney(l, n)
		}
	case form.Date:
		if d, err := city.ParseDate(value); err == nil {
			return city.SayFullDate(l, d.In(zoneless))
		}
	case form.Region:
		return label(value, regions)
	case form.Address:
		if parts["region"] == "" {
			return parts["detail"]
		}
		return label(parts["region"], regions) + " " + parts["detail"]
	case form.Person:
		if parts["citizen_number"] == "" {
			return parts["name"]
		}
		return parts["name"] + " " + parts["citizen_number"]
	case form.Integer, form.Decimal:
		if u := f.Unit.In(l); u != "" && value != "" {
			return value + " " + u
		}
	}
	return value
}
