package credential

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/city"
)

const permit = `
id: food-permit
code: "11990100MB0000011X012"
name: {zh-Hans: 食品经营许可证, en: Food business licence}
issuer: market-regulation
holder: firm
valid: {years: 5}
algorithm: SM2
fields:
  - {id: premises, name: {zh-Hans: 经营场所, en: Premises}, type: text, on_page: true}
  - {id: head, name: {zh-Hans: 负责人, en: Person in charge}, type: text, personal: true, on_page: true}
`

func parseType(t *testing.T, text string) (*Type, error) {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	var ty Type
	err := dec.Decode(&ty)
	return &ty, err
}

func TestTypeFromPack(t *testing.T) {
	ty, err := parseType(t, permit)
	if err != nil {
		t.Fatal(err)
	}
	if faults := ty.Check(); len(faults) > 0 {
		t.Errorf("%+v", faults)
	}
	if f, ok := ty.Field("head"); !ok || !f.Personal || ty.Algorithm != SM2 || ty.Valid.Years != 5 {
		t.Errorf("%+v", ty)
	}
	out, err := yaml.Marshal(ty)
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseType(t, string(out))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ty, back); diff != "" {
		t.Error(diff)
	}
}

// The demonstration city's own types have no fault.
func TestTypesOfJianghai(t *testing.T) {
	files, err := filepath.Glob("../cities/jianghai/credentials/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ty, err := parseType(t, string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, f := range ty.Check() {
			t.Errorf("%s: %s: %s", name, f.Name, f.Message.In(city.English))
		}
	}
}

func TestTypeFaults(t *testing.T) {
	for _, c := range []struct{ from, to, path string }{
		{"id: food-permit", "id: ''", "id"},
		{"X012", "X0123", "code"},
		{"11990100MB", "11990100mb", "code"},
		{"en: Food business licence", "en: ''", "name.en"},
		{"issuer: market-regulation", "issuer: ''", "issuer"},
		{"holder: firm", "holder: dog", "holder"},
		{"{years: 5}", "{years: 5, days: 3}", "valid"},
		{"{years: 5}", "{}", "valid"},
		{"{years: 5}", "{days: -1}", "valid"},
		{"{years: 5}", "{years: 500}", "valid"},
		{"algorithm: SM2", "algorithm: RSA", "algorithm"},
		{"algorithm: SM2", "name_in_code: loud", "name_in_code"},
		{"id: premises", "id: Premises", "fields.0.id"},
		{"id: head", "id: premises", "fields.1.id"},
		{"en: Premises", "en: ' '", "fields.0.name.en"},
		{"type: text, on_page", "type: float, on_page", "fields.0.type"},
	} {
		ty, err := parseType(t, strings.Replace(permit, c.from, c.to, 1))
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		faults := ty.Check()
		if len(faults) != 1 || faults[0].Name != c.path {
			t.Errorf("%s: %+v, want one at %s", c.to, faults, c.path)
			continue
		}
		for _, l := range city.Langs {
			if s := faults[0].Message.In(l); strings.HasPrefix(s, "credential.") || strings.Contains(s, "{") {
				t.Errorf("not for people: %s", s)
			}
		}
	}
	if _, err := parseType(t, strings.Replace(permit, "{years: 5}", "always", 1)); err == nil || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("%v", err)
	}
	if ty, err := parseType(t, strings.Replace(permit, "{years: 5}", "forever", 1)); err != nil || !ty.Valid.Forever {
		t.Errorf("%+v %v", ty, err)
	}
}

func TestValidity(t *testing.T) {
	for _, c := range []struct {
		v           Validity
		from, until string
	}{
		{Validity{Years: 5}, "2026-11-23", "2031-11-22"},
		{Validity{Years: 1}, "2026-01-01", "2026-12-31"},
		{Validity{Years: 1}, "2027-03-01", "2028-02-29"},
		{Validity{Years: 1}, "2028-02-29", "2029-02-28"},
		{Validity{Years: 4}, "2028-02-29", "2032-02-28"},
		{Validity{Days: 1}, "2026-11-23", "2026-11-23"},
		{Validity{Days: 30}, "2026-11-23", "2026-12-22"},
	} {
		from, err := city.ParseDate(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.v.Until(from).String(); got != c.until {
			t.Errorf("%+v from %s until %s, want %s", c.v, c.from, got, c.until)
		}
	}
	if d := (Validity{Forever: true}).Until(city.Date{Year: 2026, Month: 1, Day: 1}); !d.IsZero() {
		t.Error(d)
	}
}

func TestNameInCode(t *testing.T) {
	for name, masked := range map[string]string{"林小满": "林*满", "王芳": "王*", "欧阳明月": "欧*月", "李": "李", "": ""} {
		if got := MaskName(name); got != masked {
			t.Errorf("%s is masked as %s", name, got)
		}
	}
	person, firm := Type{Holder: HolderPerson}, Type{Holder: HolderFirm}
	if person.nameInCode("林小满") != "林*满" || firm.nameInCode("好再来饭店") != "好再来饭店" {
		t.Error("defaults")
	}
	person.NameInCode, firm.NameInCode = NameFull, NameNone
	if person.nameInCode("林小满") != "林小满" || firm.nameInCode("好再来饭店") != "" {
		t.Error("the pack's choice")
	}
}

func TestEveryStateHasItsNameAndReason(t *testing.T) {
	for _, l := range city.Langs {
		for _, st := range Statuses {
			if s := st.Name(l); strings.HasPrefix(s, "credential.") || s == "" {
				t.Errorf("status %s has no name in %s", st, l)
			}
			if r := st.reason(); (r == ReasonOK) != (st == StatusValid) {
				t.Errorf("status %s gives %s", st, r)
			}
		}
	}
}
