package credential

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/city"
)

// Type is a licence type as a city pack defines it (证照类型). Definitions are
// data; a licence keeps the names it was issued with.
type Type struct {
	ID   city.CredentialType `yaml:"id" json:"id"`
	Code string              `yaml:"code" json:"code"` // 证照类型代码: the defining body's USCC and 3 digits
	Name city.Text           `yaml:"name" json:"name"`
	// Issuer is the body in whose name the licence is given.
	Issuer city.BodyID `yaml:"issuer" json:"issuer"`
	Holder HolderKind  `yaml:"holder" json:"holder"`
	Valid  Validity    `yaml:"valid" json:"valid"`
	// Algorithm signs the code; EdDSA when the pack says nothing.
	Algorithm Algorithm `yaml:"algorithm" json:"algorithm"`
	// NameInCode says how much of the holder's name a stranger reads from the
	// code: full, masked (林*满) or none. Without a word, a firm's name is shown
	// in full and a person's masked.
	NameInCode NameInCode `yaml:"name_in_code,omitempty" json:"name_in_code,omitempty"`
	Fields     []FieldDef `yaml:"fields" json:"fields"`
}

// HolderKind says who may hold licences of a type.
type HolderKind string

const (
	HolderPerson HolderKind = "person"
	HolderFirm   HolderKind = "firm"
)

// NameInCode is how much of the holder's name the code carries.
type NameInCode string

const (
	NameFull   NameInCode = "full"
	NameMasked NameInCode = "masked"
	NameNone   NameInCode = "none"
)

// FieldDef is one field that a licence of the type carries beside the standard
// ones. Values are texts: dates as 2006-01-02, money in fen.
type FieldDef struct {
	ID   string    `yaml:"id" json:"id"`
	Name city.Text `yaml:"name" json:"name"`
	Type string    `yaml:"type" json:"type"` // one of FieldTypes
	// Personal values are sealed under the holder's key and gone when it is.
	Personal bool `yaml:"personal" json:"personal,omitempty"`
	// OnPage puts the field on the face of the licence, screen and paper.
	OnPage bool `yaml:"on_page" json:"on_page,omitempty"`
}

// FieldTypes are the types a field may have.
var FieldTypes = []string{"text", "date", "integer", "decimal", "money", "yesno", "region", "uscc", "citizen_number", "phone"}

// Validity is how long a licence holds: a number of years or days, or for ever
// (长期). In YAML {years: 5}, {days: 30} or forever.
type Validity struct {
	Years   int  `yaml:"years" json:"years,omitempty"`
	Days    int  `yaml:"days" json:"days,omitempty"`
	Forever bool `yaml:"-" json:"forever,omitempty"`
}

// UnmarshalYAML reads the word forever or a mapping.
func (v *Validity) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "forever" {
			return fmt.Errorf("line %d: valid is {years: n}, {days: n} or forever, not %q", n.Line, n.Value)
		}
		*v = Validity{Forever: true}
		return nil
	}
	type plain Validity
	return n.Decode((*plain)(v))
}

// MarshalYAML writes what UnmarshalYAML reads.
func (v Validity) MarshalYAML() (any, error) {
	if v.Forever {
		return "forever", nil
	}
	if v.Years > 0 {
		return map[string]int{"years": v.Years}, nil
	}
	return map[string]int{"days": v.Days}, nil
}

// Until is the last day of a licence that begins on the day from; the zero Date
// for one that holds for ever. Five years from 1 March end on the last day of
// February; a year from 29 February ends on 28 February.
func (v Validity) Until(from city.Date) city.Date {
	switch {
	case v.Forever:
		return city.Date{}
	case v.Years > 0:
		same := city.Date{Year: from.Year + v.Years, Month: from.Month, Day: from.Day}
		if d := city.DateOf(same.In(time.UTC)); d != same { // 29 February of a common year
			return city.Date{Year: same.Year, Month: time.February, Day: 28}
		}
		return same.AddDays(-1)
	}
	return from.AddDays(v.Days - 1)
}

var (
	typeCodePattern = regexp.MustCompile(`^[0-9A-Z]{18}[0-9]{3}$`)
	fieldIDPattern  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// Check lists the faults of a definition, each with the path of the value.
// Whether the issuer exists is for the pack to say.
func (t *Type) Check() []city.Field {
	var faults []city.Field
	fault := func(path, key string, args ...any) {
		faults = append(faults, city.Field{Name: path, Message: city.Message{Key: key, Args: args}})
	}
	if t.ID == "" {
		fault("id", "credential.type.id")
	}
	if !typeCodePattern.MatchString(t.Code) {
		fault("code", "credential.type.code", "code", t.Code)
	}
	for _, l := range t.Name.Missing() {
		fault("name."+string(l), "credential.type.text", "lang", string(l))
	}
	if t.Issuer == "" {
		fault("issuer", "credential.type.issuer")
	}
	if t.Holder != HolderPerson && t.Holder != HolderFirm {
		fault("holder", "credential.type.holder", "holder", string(t.Holder))
	}
	if v := t.Valid; !v.Forever && (v.Years < 0 || v.Days < 0 || (v.Years > 0) == (v.Days > 0) || v.Years > 100 || v.Days > 36600) {
		fault("valid", "credential.type.valid")
	}
	if t.Algorithm != "" && !t.Algorithm.Known() {
		fault("algorithm", "credential.type.algorithm", "algorithm", string(t.Algorithm))
	}
	switch t.NameInCode {
	case "", NameFull, NameMasked, NameNone:
	default:
		fault("name_in_code", "credential.type.name_in_code", "value", string(t.NameInCode))
	}
	seen := map[string]bool{}
	for i, f := range t.Fields {
		at := "fields." + strconv.Itoa(i)
		if !fieldIDPattern.MatchString(f.ID) {
			fault(at+".id", "credential.type.field_id", "field", f.ID)
		} else if seen[f.ID] {
			fault(at+".id", "credential.type.field_twice", "field", f.ID)
		}
		seen[f.ID] = true
		for _, l := range f.Name.Missing() {
			fault(at+".name."+string(l), "credential.type.text", "lang", string(l))
		}
		if !slices.Contains(FieldTypes, f.Type) {
			fault(at+".type", "credential.type.field_type", "type", f.Type)
		}
	}
	return faults
}

// Field finds a field by its id.
func (t *Type) Field(id string) (FieldDef, bool) {
	for _, f := range t.Fields {
		if f.ID == id {
			return f, true
		}
	}
	return FieldDef{}, false
}

// algorithm signs the codes of this type.
// SignedWith is the algorithm of the type's codes.
func (t *Type) SignedWith() Algorithm { return t.algorithm() }

func (t *Type) algorithm() Algorithm {
	if t.Algorithm == "" {
		return EdDSA
	}
	return t.Algorithm
}

// nameInCode is what a stranger reads of the name.
func (t *Type) nameInCode(name string) string {
	how := t.NameInCode
	if how == "" {
		how = NameFull
		if t.Holder == HolderPerson {
			how = NameMasked
		}
	}
	switch how {
	case NameFull:
		return name
	case NameMasked:
		return MaskName(name)
	}
	return ""
}

// MaskName hides the middle of a person's name: 林小满 is 林*满, 王芳 is 王*.
func MaskName(name string) string {
	r := []rune(name)
	switch {
	case len(r) <= 1:
		return name
	case len(r) == 2:
		return string(r[0]) + "*"
	}
	return string(r[0]) + "*" + string(r[len(r)-1])
}

// Status is the state of a licence (证照状态), with the codes of the standard.
type Status string

const (
	StatusValid       Status = "01" // 有效
	StatusSuspended   Status = "02" // 暂扣
	StatusRevoked     Status = "03" // 撤销
	StatusCancelled   Status = "04" // 注销
	StatusLapsed      Status = "05" // 失效
	StatusTransferred Status = "06" // 办理转出
	StatusWithdrawn   Status = "07" // 吊销
	StatusOther       Status = "99" // 其他
)

// Statuses are all of them, in order.
var Statuses = []Status{StatusValid, StatusSuspended, StatusRevoked, StatusCancelled, StatusLapsed,
	StatusTransferred, StatusWithdrawn, StatusOther}

// Name says the status in the reader's language.
func (s Status) Name(l city.Lang) string { return city.Say(l, "credential.status."+string(s)) }

// Bit is what the status list says of a licence in this state: it knows fewer.
func (s Status) Bit() ListStatus {
	switch s {
	case StatusValid:
		return ListValid
	case StatusSuspended:
		return ListSuspended
	}
	return ListInvalid
}

// reason is why a licence in this state doesn't check as valid.
func (s Status) reason() Reason {
	switch s {
	case StatusValid:
		return ReasonOK
	case StatusSuspended:
		return ReasonSuspended
	case StatusRevoked:
		return ReasonRevoked
	case StatusCancelled:
		return ReasonCancelled
	case StatusLapsed:
		return ReasonLapsed
	case StatusTransferred:
		return ReasonTransferred
	case StatusWithdrawn:
		return ReasonWithdrawn
	}
	return ReasonOther
}
