package serviceitem

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"yiwang/city"
)

// Listed is a service item that another system lists and whose guide is still to
// be written here: people can find it and see who handles it.
type Listed struct {
	Code     string // local code, of whatever length the source uses
	Name     string // in the source's language, mostly Chinese
	Type     string // 事项类型, one of Types
	BodyName string
	BodyCode string // as in the source, which need not be a USCC
	MainItem string // 主项; "" when the source doesn't sort it
	Area     string
}

// TypeName says a type of items (事项类型).
func TypeName(code string, l city.Lang) string { return city.Say(l, "serviceitem.type."+code) }

// TypeOf reads a type as sources write it: "1", "01" or "行政许可".
func TypeOf(s string) (code string, ok bool) {
	if len(s) == 1 {
		s = "0" + s
	}
	for _, t := range Types {
		if s == t || s == TypeName(t, city.Chinese) {
			return t, true
		}
	}
	return "", false
}

// Reject is why a listed item can't be taken; programs read it in reject files.
type Reject string

const (
	RejectNoCode    Reject = "no_code"
	RejectCode      Reject = "bad_code"
	RejectNoName    Reject = "no_name"
	RejectName      Reject = "bad_name"
	RejectNoBody    Reject = "no_body"
	RejectType      Reject = "unknown_type"
	RejectTwice     Reject = "code_twice"
	RejectColumns   Reject = "too_many_columns"
	RejectCharacter Reject = "bad_character"
)

// Rejects are all of them.
var Rejects = []Reject{RejectNoCode, RejectCode, RejectNoName, RejectName, RejectNoBody, RejectType, RejectTwice,
	RejectColumns, RejectCharacter}

// In says the reason in the language.
func (r Reject) In(l city.Lang) string { return city.Say(l, "serviceitem.reject."+string(r)) }

// listedCode: codes are as long and as odd as their sources make them (STANDARDS
// 1.1), but stand in addresses.
var listedCode = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)

const (
	longestName = 300  // characters
	longestCell = 1000 // bytes
)

// Check finds why the item can't be taken, or "".
func (it Listed) Check() Reject {
	for _, s := range []string{it.Code, it.Name, it.Type, it.BodyName, it.BodyCode, it.MainItem, it.Area} {
		if len(s) > longestCell || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
			return RejectCharacter
		}
	}
	switch {
	case it.Code == "":
		return RejectNoCode
	case !listedCode.MatchString(it.Code):
		return RejectCode
	case it.Name == "":
		return RejectNoName
	case utf8.RuneCountInString(it.Name) > longestName:
		return RejectName
	case it.BodyName == "":
		return RejectNoBody
	}
	if _, ok := TypeOf(it.Type); !ok {
		return RejectType
	}
	return ""
}
