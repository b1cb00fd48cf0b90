package form

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
	"yiwang/rule"
)

func TestMergeStepReplacesOneStep(t *testing.T) {
	c := compiled(t, "tennis-club.yaml")
	known := map[string]any{"name": "李伟"}
	draft := c.Prefill(known)
	if d := cmp.Diff(map[string]any{"name": "李伟"}, draft); d != "" {
		t.Fatal(d)
	}
	draft = c.MergeStep(draft, "who", url.Values{"name": {"forged"}, "born.year": {"1990"}, "born.month": {"5"}, "born.day": {"1"}, "plays": {"clay", "hall"}, "weight": {"9"}}, known)
	want := map[string]any{"name": "李伟", "born": "1990-05-01", "plays": []string{"clay", "hall"}}
	if d := cmp.Diff(want, draft); d != "" {
		t.Fatalf("fields of another step must not slip in: %s", d)
	}
	draft = c.MergeStep(draft, "more", url.Values{"weight": {"0.3"}, "agree": {"on"}, "home.region": {"990101001"}, "home.detail": {"滨江路 1 号"}}, known)
	if draft["weight"] != 0.3 || draft["agree"] != true || draft["born"] != "1990-05-01" {
		t.Fatalf("%v", draft)
	}
	// An emptied field and an unticked box lose their answers; the rest stays.
	draft = c.MergeStep(draft, "more", url.Values{"weight": {""}, "home.region": {"990101001"}, "home.detail": {""}}, known)
	want["home"] = map[string]string{"region": "990101001"}
	if d := cmp.Diff(want, draft); d != "" {
		t.Fatal(d)
	}
	// Without clay nothing more is asked, and what was answered there is gone.
	draft = c.MergeStep(draft, "who", url.Values{"plays": {"grass"}}, known)
	if d := cmp.Diff(map[string]any{"name": "李伟", "plays": []string{"grass"}}, draft); d != "" {
		t.Fatal(d)
	}
	before := map[string]any{"plays": []string{"grass"}}
	c.MergeStep(before, "who", nil, nil)
	if len(before) != 1 || c.MergeStep(nil, "nowhere", nil, nil) == nil {
		t.Error("the answers given were changed")
	}
}

func TestConditionsSeeHiddenFieldsAsUnanswered(t *testing.T) {
	c, err := Compile(decode(t, `
id: chain
steps:
  - id: s
    title: &t {zh-Hans: 字, en: word}
    fields:
      - {id: a, type: yesno, label: *t}
      - {id: b, type: yesno, label: *t, show_when: a}
      - {id: c, type: text, label: *t, show_when: "b", required: true}
      - {id: d, type: text, label: *t, show_when: "!b"}
      - {id: n, type: integer, label: *t}
      - {id: e, type: text, label: *t, show_when: "10 / n > 1"}
      - {id: who, type: person, label: *t}
      - {id: f, type: text, label: *t, show_when: "who.name == ''"}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		answers map[string]any
		shown   string
	}{
		{nil, "a n who"},
		{map[string]any{"a": true}, "a b n who"},
		{map[string]any{"a": true, "b": true}, "a b c n who"},
		{map[string]any{"a": true, "b": false}, "a b d n who"},
		{map[string]any{"a": false, "b": true}, "a n who"}, // b is hidden: nobody answered it
		{map[string]any{"a": "perhaps"}, "a n who"},
		{map[string]any{"n": 5}, "a n e who"},
		{map[string]any{"n": 0}, "a n e who"}, // the condition fails on its value: ask
		{map[string]any{"n": "many"}, "a n who"},
		{map[string]any{"who": map[string]any{"citizen_number": "x"}}, "a n who f"},
	} {
		var ids []string
		for _, s := range c.Visible(k.answers) {
			for _, f := range s.Fields {
				ids = append(ids, f.ID)
			}
		}
		if got := strings.Join(ids, " "); got != k.shown {
			t.Errorf("%v shows %s, want %s", k.answers, got, k.shown)
		}
	}
	if fs := c.Validate(map[string]any{"a": false, "b": true}); fs != nil {
		t.Errorf("a hidden field is faulty: %v", fs)
	}
}

func TestDateBoundsCountFromToday(t *testing.T) {
	c := compiled(t, "tennis-club.yaml")
	child := map[string]any{"name": "x", "born": "2021-01-01"}
	if fs := c.ValidateStep("who", child); fs != nil {
		t.Errorf("without a day, a bound that needs one isn't looked at: %v", fs)
	}
	fs := c.On(day("2026-03-09")).ValidateStep("who", child)
	if len(fs) != 1 || fs[0].Message.In(city.English) != "It can't be after 9 March 2020." || fs[0].Message.In(city.Chinese) != "不能晚于 2020 年 3 月 9 日。" {
		t.Errorf("%v", fs)
	}
	if fs := c.On(day("2027-01-01")).ValidateStep("who", child); fs != nil {
		t.Errorf("%v", fs)
	}
	for s, want := range map[string]string{"2026-01-31": "2026-01-31", "today": "2026-03-09", "today+30d": "2026-04-08", "today-3m": "2025-12-09", "today-18y": "2008-03-09"} {
		b, err := parseBound(s)
		got, ok := b.on(day("2026-03-09"))
		if err != nil || !ok || got.String() != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"2026-02-30", "today-", "today-18", "today 1d", "now", "today-999999d"} {
		if _, err := parseBound(s); err == nil {
			t.Errorf("%q is read", s)
		}
	}
}

func TestExampleCountsFromToday(t *testing.T) {
	c := compiled(t, "tennis-club.yaml").On(day("2026-03-09"))
	got := c.Example(map[string]any{"name": "today", "born": "today-20y"}, nil)
	if d := cmp.Diff(map[string]any{"name": "today", "born": "2006-03-09"}, got); d != "" {
		t.Error(d)
	}
	got = c.Example(map[string]any{"born": time.Date(1990, 5, 1, 0, 0, 0, 0, time.UTC)}, nil) // as YAML reads it
	if d := cmp.Diff(map[string]any{"born": "1990-05-01"}, got); d != "" {
		t.Error(d)
	}
	if got := c.Clean(map[string]any{"born": "today-20y"}, nil); len(c.ValidateStep("who", got)) != 2 {
		t.Error("applicants write dates, not sums")
	}
	for _, s := range []string{"", "soon", "today+1w"} {
		if d, err := Day(s, day("2026-03-09")); err == nil {
			t.Errorf("%q is %v", s, d)
		}
	}
	if _, err := Day("today", city.Date{}); err == nil {
		t.Error("a today that nobody knows")
	}
}

func TestFaultsAreSaidInBothLanguages(t *testing.T) {
	_, err := Compile(load(t, "faulty.yaml"))
	for _, f := range rule.FaultsOf(err) {
		for _, l := range city.Langs {
			if said := f.Message.In(l); said == f.Message.Key || strings.ContainsAny(said, "{}") {
				t.Errorf("%s is said as %q in %s", f.Message.Key, said, l)
			}
		}
	}
	c := compiled(t, "every-type.yaml")
	fs := c.Validate(map[string]any{"money": "-1", "file": []string{"x"}})
	if len(fs) != 2 || fs[0].Message.In(city.Chinese) != "不能小于 0 元。" || fs[0].Message.In(city.English) != "It can't be less than ¥0." {
		t.Errorf("%v", fs)
	}
}

func TestSizesAreBounded(t *testing.T) {
	c := compiled(t, "every-type.yaml")
	huge := strings.Repeat("长", 1<<20)
	many := make([]string, 100_000)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	raw := url.Values{}
	for _, f := range c.steps[0].fields {
		raw[f.ID] = []string{huge}
		for _, p := range f.Type.Parts() {
			raw[f.ID+"."+p] = []string{huge}
		}
	}
	raw["multi"], raw["file"] = many, many
	begun := time.Now()
	got := c.CleanForm(raw, nil)
	holds(t, c, got)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	for _, f := range c.Validate(got) {
		if f.Name == "longtext" && f.Message.Key != "form.too_long" {
			t.Errorf("%v", f)
		}
	}
	anys := make([]any, len(many))
	for i := range many {
		anys[i] = many[i]
	}
	holds(t, c, c.Clean(map[string]any{"multi": anys, "text": huge, "father": map[string]any{"name": huge}, "agree": huge, "yesno": huge}, nil))
}

func TestWhatAFormTellsOthers(t *testing.T) {
	c := compiled(t, "tennis-club.yaml")
	want := map[string]rule.Type{"name": rule.String, "born": rule.Date, "plays": rule.List, "racket": rule.List, "weight": rule.Double, "home": rule.Map, "agree": rule.Bool}
	if d := cmp.Diff(want, c.Variables()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]rule.Source{"name": {Kind: rule.FromRegister, Name: "person", Field: "name"}}, c.Sources()); d != "" {
		t.Error(d)
	}
	f, ok := c.Field("racket")
	if !ok || f.MaxBytes() != 3<<20 || f.Most() != 2 || !f.AcceptsMedia("image/png") || f.AcceptsMedia("image/jpeg") || f.AcceptsMedia("") {
		t.Errorf("%+v", f)
	}
	if _, ok := c.Field("stranger"); ok {
		t.Error("found a field that isn't there")
	}
	if (Field{Type: File}).MaxBytes() != 10<<20 {
		t.Error("default size")
	}
}

func BenchmarkValidate(b *testing.B) {
	c := compiled(b, "every-type.yaml")
	answers := c.Clean(map[string]any{"text": "江海市", "integer": 12, "citizen": "11010519491231002X", "file": "018f2a6e-0000-7000-8000-000000000001", "choice": "a"}, nil)
	for b.Loop() {
		c.Validate(answers)
	}
}

func BenchmarkCompileLargestForm(b *testing.B) {
	word := city.Text{ZhHans: "字", En: "word"}
	f := Form{ID: "large", Steps: []Step{{ID: "s", Title: word}}}
	for i := range mostFields {
		fd := Field{ID: fmt.Sprint("f", i), Type: YesNo, Label: word}
		if i > 0 {
			fd.ShowWhen = fmt.Sprint("f", i-1)
		}
		f.Steps[0].Fields = append(f.Steps[0].Fields, fd)
	}
	for b.Loop() {
		if _, err := Compile(f); err != nil {
			b.Fatal(err)
		}
	}
}
