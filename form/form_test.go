package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/city"
	"yiwang/rule"
)

func load(t testing.TB, name string) Form {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(raw))
}

func decode(t testing.TB, src string) Form {
	t.Helper()
	var f Form
	dec := yaml.NewDecoder(bytes.NewReader([]byte(src)))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

func compiled(t testing.TB, name string, settings ...Setting) *Compiled {
	t.Helper()
	c, err := Compile(load(t, name), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keyOf(err error) string {
	var e *city.Error
	if errors.As(err, &e) {
		return e.Message.Key
	}
	return fmt.Sprint(err)
}

func day(s string) city.Date {
	d, err := city.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }

func TestYAMLBecomesStruct(t *testing.T) {
	label := func(s string) city.Text { return city.Text{ZhHans: s, En: s} }
	want := Form{ID: "tennis-club", Steps: []Step{
		{ID: "who", Title: label("who"), Hint: label("hint"), Fields: []Field{
			{ID: "name", Type: Text, Label: label("name"), Required: true, Max: ptr(50.0), Prefill: "register:person.name", Locked: true},
			{ID: "born", Type: Date, Label: label("born"), From: "1900-01-01", To: "today-6y"},
			{ID: "plays", Type: MultiChoice, Label: label("plays"), Min: ptr(1.0), Max: ptr(2.0), Options: []Option{
				{ID: "clay", Label: label("clay"), Hint: label("red")}, {ID: "grass", Label: label("grass")}, {ID: "hall", Label: label("hall")},
			}},
		}},
		{ID: "more", Title: label("more"), ShowWhen: "plays.exists(p, p == 'clay')", Fields: []Field{
			{ID: "racket", Type: File, Label: label("racket"), Accept: []string{"pdf", "png"}, MaxMB: 3, MaxFiles: 2, Material: "racket_photo"},
			{ID: "weight", Type: Decimal, Label: label("weight"), Decimals: ptr(1), Unit: label("kg")},
			{ID: "home", Type: Address, Label: label("home"), Level: city.LevelStreet},
			{ID: "agree", Type: Statement, Label: label("agree"), Required: true, Text: label("I agree")},
		}},
	}}
	if d := cmp.Diff(want, load(t, "tennis-club.yaml")); d != "" {
		t.Error(d)
	}
	if _, err := Compile(want); err != nil {
		t.Error(err)
	}
}

const father = "440524188001010014" // an example of GB 11643

func TestCleanFormOfEveryType(t *testing.T) {
	c := compiled(t, "every-type.yaml")
	raw := url.Values{
		"text":     {"  江海　市１２  号 "},
		"longtext": {"a  \r\n\r\nb\u202e\x00"},
		"integer":  {"１，２００"}, "decimal": {" 36.50 "}, "money": {"￥1,234.5元"},
		"born.year": {"2026"}, "born.month": {"3"}, "born.day": {"9"},
		"phone": {"+86 138-0013-8000"}, "citizen": {" 11010519491231002x"}, "company": {"11100000-000013338w"},
		"email": {"Li.Wei@EXAMPLE.cn"}, "choice": {"a"}, "multi": {"c", "a", "c"}, "yesno": {"no", "yes"},
		"region": {"９９０１０１"}, "home.region": {"990101001"}, "home.detail": {"滨江路 1 号"},
		"father.name": {"张　三"}, "father.citizen_number": {father},
		"file": {"018F2A6E-0000-7000-8000-000000000001"}, "agree": {"on"},
		"stranger": {"x"}, "__proto__": {"y"},
	}
	want := map[string]any{
		"text": "江海 市12 号", "longtext": "a\n\nb", "integer": int64(1200), "decimal": 36.5, "money": int64(123450),
		"born": "2026-03-09", "phone": "13800138000", "citizen": "11010519491231002X", "company": "11100000000013338W",
		"email": "Li.Wei@example.cn", "choice": "a", "multi": []string{"a", "c"}, "yesno": true, "region": "990101",
		"home":   map[string]string{"region": "990101001", "detail": "滨江路 1 号"},
		"father": map[string]string{"name": "张 三", "citizen_number": father},
		"file":   []string{"018f2a6e-0000-7000-8000-000000000001"}, "agree": true,
	}
	got := c.CleanForm(raw, nil)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if fs := c.Validate(got); fs != nil {
		t.Errorf("faults: %v", fs)
	}
	stored, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, c.Clean(back, nil)); d != "" {
		t.Errorf("after JSON: %s", d)
	}
	if fs := c.Validate(back); fs != nil {
		t.Errorf("faults after JSON: %v", fs)
	}
}

func TestEveryFaultIsSaidAtItsField(t *testing.T) {
	exists := func(r city.RegionCode) bool { return strings.HasPrefix(string(r), "9901") }
	c := compiled(t, "every-type.yaml", Regions(exists)).On(day("2026-03-09"))
	for _, k := range []struct {
		field string
		value any
		name  string // of the fault, field when ""
		key   string // "" means no fault
	}{
		{"text", strings.Repeat("长", 21), "", "form.too_long"},
		{"text", "abc", "", "form.too_short"},
		{"coded", "xyz", "", "form.pattern"},
		{"coded", "AB-12", "", ""},
		{"longtext", strings.Repeat("长", 2001), "", "form.too_long"},
		{"integer", "twelve", "", "form.integer"},
		{"integer", 12.5, "", "form.integer"},
		{"integer", "0", "", "form.range"},
		{"integer", json.Number("5001"), "", "form.range"},
		{"integer", 5000, "", ""},
		{"decimal", "1e9", "", "form.decimal"},
		{"decimal", "1.234", "", "form.decimals"},
		{"decimal", -0.5, "", "form.min"},
		{"decimal", "0", "", ""},
		{"money", "12.345", "", "form.money"},
		{"money", 12.5, "", "form.money"},
		{"money", "-1", "", "form.min"},
		{"money", "100000.01", "", "form.max"},
		{"money", "100000", "", ""},
		{"born", "2026-02-30", "", "form.date_impossible"},
		{"born", "2026年2月30日", "", "form.date_impossible"},
		{"born", "20260230", "", "form.date_impossible"},
		{"born", "last year", "", "form.date"},
		{"born", "1899-12-31", "", "form.date_early"},
		{"born", "2026-03-10", "", "form.date_late"},
		{"born", "2026/3/9", "", ""},
		{"phone", "12345", "", "form.phone"},
		{"phone", "０１０ 1234 5678", "", ""},
		{"phone", "+44 20 7946 0000", "", ""},
		{"citizen", "1101051949123100", "", "form.citizen_length"},
		{"citizen", "11010519491231002Y", "", "form.citizen_characters"},
		{"citizen", "11010519490231002X", "", "form.citizen_date"},
		{"citizen", "110105194912310022", "", "form.citizen_check"},
		{"citizen", NewCitizenNumber("990101", day("2026-03-10"), 1, true), "", "form.citizen_date"},
		{"company", "123", "", "form.uscc_length"},
		{"company", "I1100000000013338W", "", "form.uscc_characters"},
		{"company", "111000000000133380", "", "form.uscc_check"},
		{"company", "11A00000000013338W", "", "form.uscc_region"},
		{"email", "nobody", "", "form.email"},
		{"choice", "z", "", "form.choice"},
		{"multi", []any{"a", "z"}, "", "form.choice"},
		{"multi", []string{"a", "b", "c"}, "", "form.too_many"},
		{"multi2", []string{"a"}, "", "form.too_few"},
		{"yesno", "perhaps", "", "form.yesno"},
		{"region", "1101", "", "form.region"},
		{"region", "9901", "", "form.region_district"},
		{"home", map[string]any{"region": "990101", "detail": "1"}, "home.region", "form.region_street"},
		{"home", map[string]any{"detail": "1"}, "home.region", "form.part_region"},
		{"home", map[string]any{"region": "990101001"}, "home.detail", "form.part_detail"},
		{"father", map[string]any{"name": "张三"}, "father.citizen_number", "form.part_citizen_number"},
		{"father", map[string]any{"citizen_number": father}, "father.name", "form.part_name"},
		{"father", map[string]any{"name": strings.Repeat("长", 201), "citizen_number": father}, "father.name", "form.too_long"},
		{"file", "floor plan.pdf", "", "form.file"},
		{"file", []string{"018f2a6e-0000-7000-8000-000000000001", "018f2a6e-0000-7000-8000-000000000002"}, "", "form.too_many_files"},
		{"must", "", "", "form.required"},
		{"must_choose", nil, "", "form.required_choice"},
		{"must_add", []string{}, "", "form.required_file"},
		{"must_agree", false, "", "form.required_statement"},
	} {
		answers := map[string]any{
			"must": "x", "must_choose": "a", "must_add": "018f2a6e-0000-7000-8000-000000000001", "must_agree": true,
			k.field: k.value,
		}
		fs := c.Validate(c.Clean(answers, nil))
		if k.key == "" {
			if len(fs) > 0 {
				t.Errorf("%s = %v: %v", k.field, k.value, fs)
			}
			continue
		}
		name := k.name
		if name == "" {
			name = k.field
		}
		if len(fs) != 1 || fs[0].Name != name || fs[0].Message.Key != k.key {
			t.Errorf("%s = %v: want %s at %s, got %v", k.field, k.value, k.key, name, fs)
			continue
		}
		for _, l := range city.Langs {
			said := fs[0].Message.In(l)
			if said == k.key || strings.ContainsAny(said, "{}") {
				t.Errorf("%s is said as %q in %s", k.key, said, l)
			}
		}
	}
}

func TestHiddenFieldsDropOut(t *testing.T) {
	c := compiled(t, "tennis-club.yaml")
	answers := c.Clean(map[string]any{"plays": []string{"grass"}, "weight": 3, "agree": true}, nil)
	if d := cmp.Diff(map[string]any{"plays": []string{"grass"}}, answers); d != "" {
		t.Error(d)
	}
	steps := c.Visible(answers)
	if len(steps) != 1 || steps[0].ID != "who" {
		t.Errorf("visible %+v", steps)
	}
	answers["plays"] = []string{"clay"}
	if steps = c.Visible(answers); len(steps) != 2 || len(steps[1].Fields) != 4 {
		t.Errorf("visible %+v", steps)
	}
	fs := c.ValidateStep("more", answers)
	if len(fs) != 1 || fs[0].Name != "agree" {
		t.Errorf("faults of the step: %v", fs)
	}
}

func TestLockedFieldsCannotBeOverwritten(t *testing.T) {
	c := compiled(t, "tennis-club.yaml")
	known := map[string]any{"name": "李伟", "born": "1950-01-01"}
	got := c.Clean(map[string]any{"name": "somebody else", "born": "1960-01-01"}, known)
	if d := cmp.Diff(map[string]any{"name": "李伟", "born": "1960-01-01"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"name": "somebody"}, c.Clean(map[string]any{"name": "somebody"}, nil)); d != "" {
		t.Errorf("what the city doesn't know stays open: %s", d)
	}
}

func TestFaultsOfDefinition(t *testing.T) {
	_, err := Compile(load(t, "faulty.yaml"))
	var got []string
	for _, f := range rule.FaultsOf(err) {
		got = append(got, f.Path+" "+f.Message.Key)
	}
	want := strings.Split(strings.TrimSpace(faultyWant), "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
