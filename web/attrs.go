package web

import (
	"fmt"
	"strconv"

	"github.com/a-h/templ"
)

func itoa(n int) string { return strconv.Itoa(n) }

func countFaults(fields []Field) int {
	n := 0
	for _, f := range fields {
		if f.Fault.Key != "" {
			n++
		}
	}
	return n
}

func describedBy(f Field) templ.Attributes {
	if d := f.described(); d != "" {
		return templ.Attributes{"aria-describedby": d}
	}
	return nil
}

// invalid marks an input at fault; part is its name in a field with several.
func invalid(f Field, part string) templ.Attributes {
	if f.Fault.Key != "" && (f.FaultPart == "" || f.FaultPart == part) {
		return templ.Attributes{"aria-invalid": "true"}
	}
	return nil
}

// inputAttrs are the attributes that every single input shares. The browser's
// own checks are left off: our faults are in the reader's words.
func inputAttrs(f Field) templ.Attributes {
	a := templ.Attributes{}
	if d := f.described(); d != "" {
		a["aria-describedby"] = d
	}
	if f.Fault.Key != "" {
		a["aria-invalid"] = "true"
	}
	if f.Required {
		a["aria-required"] = "true"
	}
	if f.Max > 0 && f.Type != FieldInteger && f.Type != FieldDecimal && f.Type != FieldMoney {
		a["maxlength"] = itoa(f.Max)
	}
	auto := f.Autocomplete
	switch f.Type {
	case FieldPhone:
		if auto == "" {
			auto = "tel"
		}
	case FieldEmail:
		if auto == "" {
			auto = "email"
		}
	case FieldCitizenNumber, FieldUSCC:
		a["autocapitalize"], a["spellcheck"] = "characters", "false"
		if auto == "" {
			auto = "off"
		}
	case FieldAddress:
		if auto == "" {
			auto = "street-address"
		}
	}
	if auto != "" {
		a["autocomplete"] = auto
	}
	return a
}

func inputType(t FieldType) string {
	switch t {
	case FieldPhone:
		return "tel"
	case FieldEmail:
		return "email"
	case FieldPassword:
		return "password"
	}
	return "text"
}

func inputMode(t FieldType) string {
	switch t {
	case FieldInteger:
		return "numeric"
	case FieldDecimal, FieldMoney:
		return "decimal"
	case FieldPhone:
		return "tel"
	case FieldEmail:
		return "email"
	}
	return "text"
}

func inputWidth(f Field) string {
	switch f.Type {
	case FieldPhone:
		return "w10"
	case FieldCitizenNumber, FieldUSCC:
		return "w20 id"
	case FieldEmail, FieldPassword:
		return "w20"
	}
	if f.Max > 0 && f.Max <= 20 {
		return "w20"
	}
	return ""
}

func choiceType(t FieldType) string {
	if t == FieldMultiChoice {
		return "checkbox"
	}
	return "radio"
}

// choiceID is the id of the ith choice; the first carries the field's own, so
// that the summary of faults leads to it.
func choiceID(f Field, i int) string {
	if i == 0 {
		return f.id()
	}
	return f.id() + "-" + itoa(i)
}

func partID(f Field, i int, part string) string {
	if i == 0 {
		return f.id()
	}
	return f.id() + "-" + part
}

func dateWidth(part string) string {
	if part == "year" {
		return "w4"
	}
	return "w2"
}

func dateLength(part string) string {
	if part == "year" {
		return "4"
	}
	return "2"
}

func dateAttrs(f Field, part string) templ.Attributes {
	a := templ.Attributes{"autocomplete": "off"}
	if f.Autocomplete == "bday" {
		a["autocomplete"] = "bday-" + part
	}
	if m := invalid(f, part); m != nil {
		a["aria-invalid"] = "true"
	}
	return a
}

// SaySize says the size of a file.
func SaySize(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
