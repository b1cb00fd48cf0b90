package web

import (
	"context"
	"strings"

	"yiwang/city"
)

// FieldType is a kind of input; the names are those of form definitions.
type FieldType string

const (
	FieldText          FieldType = "text"
	FieldLongText      FieldType = "longtext"
	FieldInteger       FieldType = "integer"
	FieldDecimal       FieldType = "decimal"
	FieldMoney         FieldType = "money"
	FieldDate          FieldType = "date" // three inputs: NAME.year, NAME.month, NAME.day
	FieldPhone         FieldType = "phone"
	FieldCitizenNumber FieldType = "citizen_number"
	FieldUSCC          FieldType = "uscc"
	FieldEmail         FieldType = "email"
	FieldChoice        FieldType = "choice"
	FieldMultiChoice   FieldType = "multichoice"
	FieldYesNo         FieldType = "yesno" // values "true" and "false"
	FieldRegion        FieldType = "region"
	FieldAddress       FieldType = "address" // NAME.region and NAME.detail
	FieldPerson        FieldType = "person"  // two inputs: NAME.name, NAME.citizen_number
	FieldFile          FieldType = "file"
	FieldStatement     FieldType = "statement" // a box to tick, value "true"
	FieldPassword      FieldType = "password"
)

// Field is one question of a form as it is shown, with the answer so far. Name
// is the name that is posted.
type Field struct {
	Name      string
	ID        string // where several forms of a page have a field of that name; "" is Name
	Type      FieldType
	Label     city.Text
	Hint      city.Text
	Fault     city.Message // empty Key when there is none
	FaultPart string       // of a field with several inputs: the one at fault, "" for all
	Required  bool         // what is not required is marked as optional

	Value  string            // as typed; of a date "2006-01-02" if it was one
	Values []string          // chosen options of a multichoice
	Parts  map[string]string // of a date, person or address, by the names after the point

	Locked bool      // the city knows it: shown, not asked
	Source city.Text // where the city knows it from

	Options      []Option
	Any          city.Text // what no choice means; the field is then not marked as optional
	Autocomplete string    // WHATWG token such as "name" or "tel"
	Max          int       // characters
	Accept       []string
	MaxMB        int
	Multiple     bool // of a file: several may be given
	Uploaded     []UploadedFile
	Unit         city.Text // behind a number: "人", "平方米"
}

// Option is one answer to choose. Options with a Group stand under it.
type Option struct {
	Value string
	Label city.Text
	Hint  city.Text
	Group city.Text
}

// UploadedFile is a file that was sent before. Its ID is posted back as
// NAME.remove to take it away.
type UploadedFile struct {
	ID   string
	Name string
	Size int64
	Href string
}

// FieldID is the id of the field's first input, to link faults to.
func FieldID(name string) string {
	return "f-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
}

func (f Field) id() string {
	if f.ID != "" {
		return FieldID(f.ID)
	}
	return FieldID(f.Name)
}

// part is what was typed into one input of a field that has several.
func (f Field) part(name string) string {
	if v, ok := f.Parts[name]; ok {
		return v
	}
	if f.Type == FieldDate {
		if d, err := city.ParseDate(f.Value); err == nil {
			switch name {
			case "year":
				return itoa(d.Year)
			case "month":
				return itoa(int(d.Month))
			case "day":
				return itoa(d.Day)
			}
		}
	}
	return ""
}

func (f Field) chosen(value string) bool {
	if f.Type == FieldMultiChoice {
		for _, v := range f.Values {
			if v == value {
				return true
			}
		}
		return false
	}
	return f.Value == value
}

// described lists the ids that explain the input to a screen reader.
func (f Field) described() string {
	var ids []string
	if !f.Hint.IsZero() || f.Type == FieldFile {
		ids = append(ids, f.id()+"-hint")
	}
	if f.Fault.Key != "" {
		ids = append(ids, f.id()+"-fault")
	}
	return strings.Join(ids, " ")
}

// grouped reports whether the field is a set of inputs under a legend.
func (f Field) grouped() bool {
	switch f.Type {
	case FieldDate, FieldChoice, FieldMultiChoice, FieldYesNo, FieldPerson, FieldAddress:
		return true
	}
	return false
}

// optionGroup is a run of options under one heading.
type optionGroup struct {
	Name    city.Text
	Options []Option
}

func (f Field) groups() []optionGroup {
	var out []optionGroup
	for _, o := range f.Options {
		if len(out) == 0 || out[len(out)-1].Name != o.Group {
			out = append(out, optionGroup{Name: o.Group})
		}
		g := &out[len(out)-1]
		g.Options = append(g.Options, o)
	}
	return out
}

// acceptAttr is the accept attribute for file names without their dots.
func (f Field) acceptAttr() string {
	var out []string
	for _, a := range f.Accept {
		out = append(out, "."+strings.TrimPrefix(a, "."))
		if a == "jpeg" {
			out = append(out, ".jpg")
		}
	}
	return strings.Join(out, ",")
}

func (f Field) acceptWords(ctx context.Context) string {
	var out []string
	for _, a := range f.Accept {
		out = append(out, strings.ToUpper(a))
	}
	return strings.Join(out, T(ctx, "web.list.and"))
}

// dateParts are year, month and day in the order the language says them.
func dateParts(l city.Lang) []string {
	if l == city.English {
		return []string{"day", "month", "year"}
	}
	return []string{"year", "month", "day"}
}

// FaultsOf puts faults to the fields they name, and returns those that name
// none of them. Prefix is cut from the names first, such as "answers.".
func FaultsOf(fields []Field, faults []city.Field, prefix string) (rest []city.Field) {
	for _, x := range faults {
		name := strings.TrimPrefix(x.Name, prefix)
		found := false
		for i := range fields {
			if fields[i].Name == name || strings.HasPrefix(name, fields[i].Name+".") {
				fields[i].Fault, found = x.Message, true
				fields[i].FaultPart = strings.TrimPrefix(strings.TrimPrefix(name, fields[i].Name), ".")
			}
		}
		if !found {
			rest = append(rest, x)
		}
	}
	return rest
}
