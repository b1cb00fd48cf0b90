package form

import (
	"yiwang/city"
	"yiwang/rule"
)

// FieldType is what sort of answer a field takes.
type FieldType string

const (
	Text          FieldType = "text"     // one line
	LongText      FieldType = "longtext" // several lines
	Integer       FieldType = "integer"
	Decimal       FieldType = "decimal"
	Money         FieldType = "money"
	Date          FieldType = "date"
	Phone         FieldType = "phone"
	CitizenNumber FieldType = "citizen_number" // GB 11643
	USCC          FieldType = "uscc"           // GB 32100
	Email         FieldType = "email"
	Choice        FieldType = "choice"
	MultiChoice   FieldType = "multichoice"
	YesNo         FieldType = "yesno"
	Region        FieldType = "region"  // a division code
	Address       FieldType = "address" // a division and the rest of the address
	Person        FieldType = "person"  // somebody else: name and citizen number
	File          FieldType = "file"
	Statement     FieldType = "statement" // a text to agree to
)

// variableTypes says as what conditions see the answer to a field.
var variableTypes = map[FieldType]rule.Type{
	Text: rule.String, LongText: rule.String, Integer: rule.Int, Decimal: rule.Double, Money: rule.Int,
	Date: rule.Date, Phone: rule.String, CitizenNumber: rule.String, USCC: rule.String, Email: rule.String,
	Choice: rule.String, MultiChoice: rule.List, YesNo: rule.Bool, Region: rule.String, Address: rule.Map,
	Person: rule.Map, File: rule.List, Statement: rule.Bool,
}

// Valid reports whether there is such a type.
func (t FieldType) Valid() bool { return variableTypes[t] != "" }

// VariableType is the type as which conditions and rules see an answer.
func (t FieldType) VariableType() rule.Type { return variableTypes[t] }

// Parts names the parts of a compound answer in order, or nil.
func (t FieldType) Parts() []string {
	switch t {
	case Person:
		return []string{"name", "citizen_number"}
	case Address:
		return []string{"region", "detail"}
	}
	return nil
}

// Form is a form as a city pack writes it.
type Form struct {
	ID    city.FormID `yaml:"id" json:"id"`
	Steps []Step      `yaml:"steps" json:"steps"`
}

// Step is one page of a form.
type Step struct {
	ID       string    `yaml:"id" json:"id"`
	Title    city.Text `yaml:"title" json:"title"`
	Hint     city.Text `yaml:"hint" json:"hint,omitzero"`
	ShowWhen string    `yaml:"show_when" json:"show_when,omitempty"` // CEL over answers to earlier steps
	Fields   []Field   `yaml:"fields" json:"fields"`
}

// Field is one question.
type Field struct {
	ID       string    `yaml:"id" json:"id"`
	Type     FieldType `yaml:"type" json:"type"`
	Label    city.Text `yaml:"label" json:"label"`
	Hint     city.Text `yaml:"hint" json:"hint,omitzero"`
	Required bool      `yaml:"required" json:"required,omitempty"`
	ShowWhen string    `yaml:"show_when" json:"show_when,omitempty"` // CEL over answers to earlier fields

	// Min and Max bound characters (text, longtext), the number (integer, decimal),
	// fen (money) or how many are chosen (multichoice). Without them text has at
	// most 200 characters, longtext 2,000.
	Min *float64 `yaml:"min" json:"min,omitempty"`
	Max *float64 `yaml:"max" json:"max,omitempty"`
	// Decimals is how many digits may stand behind the point; 2 when absent.
	Decimals *int `yaml:"decimals" json:"decimals,omitempty"`
	// Unit stands behind a number: square metres, people.
	Unit city.Text `yaml:"unit" json:"unit,omitzero"`
	// From and To bound a date: "2026-01-31", "today", "today-18y", "today+30d"
	// (d, m or y).
	From string `yaml:"from" json:"from,omitempty"`
	To   string `yaml:"to" json:"to,omitempty"`
	// Pattern is a regular expression (RE2) that a text must match as a whole;
	// PatternText says in words what is wanted.
	Pattern     string    `yaml:"pattern" json:"pattern,omitempty"`
	PatternText city.Text `yaml:"pattern_text" json:"pattern_text,omitzero"`
	// Level is how precise a region or address must be: district, street, community.
	Level city.RegionLevel `yaml:"level" json:"level,omitempty"`

	Options []Option `yaml:"options" json:"options,omitempty"` // choice, multichoice

	Accept   []string `yaml:"accept" json:"accept,omitempty"`       // file: keys of MediaTypes
	MaxMB    int      `yaml:"max_mb" json:"max_mb,omitempty"`       // file: megabytes each; 10 when absent
	MaxFiles int      `yaml:"max_files" json:"max_files,omitempty"` // file: how many; 1 when absent
	Material string   `yaml:"material" json:"material,omitempty"`   // file: the item's material that it is

	Prefill string `yaml:"prefill" json:"prefill,omitempty"` // where the city knows it from, as rule.ParseSource reads it
	Locked  bool   `yaml:"locked" json:"locked,omitempty"`   // what the city knows can't be changed here

	Text city.Text `yaml:"text" json:"text,omitzero"` // statement: what is agreed to
}

// Option is one answer that can be chosen.
type Option struct {
	ID    string    `yaml:"id" json:"id"`
	Label city.Text `yaml:"label" json:"label"`
	Hint  city.Text `yaml:"hint" json:"hint,omitzero"`
}

// MediaTypes are the kinds of file that a field may accept, with the type that
// their bytes must turn out to be.
var MediaTypes = map[string]string{
	"pdf":  "application/pdf",
	"jpeg": "image/jpeg",
	"png":  "image/png",
	"webp": "image/webp",
	"ofd":  "application/ofd",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// Defaults and bounds.
const (
	defaultText     = 200
	defaultLongText = 2000
	defaultMB       = 10
	mostMB          = 50
	mostFiles       = 20
	mostText        = 20000
	mostChosen      = 200
	mostSteps       = 60
	mostFields      = 300
)

// AcceptsMedia reports whether a file of the media type may be given.
func (f Field) AcceptsMedia(mediaType string) bool {
	for _, a := range f.Accept {
		if MediaTypes[a] == mediaType {
			return true
		}
	}
	return false
}

// MaxBytes is how large one file may be.
func (f Field) MaxBytes() int64 {
	if f.MaxMB == 0 {
		return defaultMB << 20
	}
	return int64(f.MaxMB) << 20
}

// Most is how many characters or files the field takes, defaults applied; 0 for
// types that have no such bound.
func (f Field) Most() int {
	switch f.Type {
	case Text, LongText:
		switch {
		case f.Max != nil:
			return int(*f.Max)
		case f.Type == Text:
			return defaultText
		}
		return defaultLongText
	case File:
		return max(f.MaxFiles, 1)
	}
	return 0
}
