package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
)

const faultyRule = `
id: Faulty Rule
name: {zh-Hans: 坏, en: bad}
purpose: {zh-Hans: 坏}
facts:
  - {name: born, type: date, source: "register:person.birth_date", label: {en: born}}
  - {name: born, type: date, source: "register:dog.birth_date"}
  - {name: Today, type: date, source: "answer:"}
  - {name: income, type: money, source: "answer:income"}
  - {name: region, type: string, source: "licence:x"}
versions:
  - until: 2020-01-01
    clauses: []
  - from: 2026-01-01
    until: 2025-12-31
    clauses:
      - {id: age, when: "years(born, todai) >= 80", legal: &w {zh-Hans: 字, en: word}, text: *w}
      - {id: age, when: "region", legal: *w, text: {zh-Hans: 字}}
      - {id: "", when: "", legal: *w, text: *w, otherwise: {en: no}}
      - {id: two, when: "born <\n income", legal: *w, text: *w}
  - {from: 2026-01-01, clauses: [{id: ok, when: "true", legal: *w, text: *w}]}
tests:
  - {facts: {nobody: 1, born: soon, today: 2026-01-01}, verdict: refuse}
  - {name: t, today: 2026-01-01, verdict: grant, clause: age, need: [born]}
  - {name: t, today: 2026-01-01, verdict: to_officer, clause: nobody}
  - {name: t, today: 2026-01-01, verdict: need, need: [nobody]}
`

func TestFaultsOfDefinition(t *testing.T) {
	_, err := Compile(parse(t, faultyRule))
	var got []string
	for _, f := range FaultsOf(err) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d:%d %s %s", f.Path, f.Line, f.Column, f.Message.Key, f.Clause)))
		for _, l := range city.Langs {
			if said := f.Message.In(l); said == f.Message.Key || strings.ContainsAny(said, "{}") {
				t.Errorf("%s is said as %q in %s", f.Message.Key, said, l)
			}
		}
	}
	want := strings.Split(strings.TrimSpace(`
id 0:0 rule.id_invalid
purpose 0:0 rule.text_missing
owner 0:0 rule.owner_missing
facts.0.label 0:0 rule.text_missing
facts.1.name 0:0 rule.name_twice
facts.1.source 0:0 rule.source_invalid
facts.2.name 0:0 rule.name_invalid
facts.2.source 0:0 rule.source_invalid
facts.3.type 0:0 rule.type_unknown
facts.4.source 0:0 rule.source_invalid
versions.0.from 0:0 rule.from_missing
versions.0.clauses 0:0 rule.no_clauses
versions.1.until 0:0 rule.until_order
versions.1.clauses.0.when 1:13 rule.undeclared_like age
versions.1.clauses.1.id 0:0 rule.clause_twice age
versions.1.clauses.1.when 1:1 rule.not_bool age
versions.1.clauses.1.text 0:0 rule.text_missing age
versions.1.clauses.2.id 0:0 rule.id_invalid
versions.1.clauses.2.when 0:0 rule.expression_empty
versions.1.clauses.2.otherwise 0:0 rule.text_missing
versions.1.clauses.3.when 2:2 rule.undeclared two
versions.2.from 0:0 rule.from_order
tests.0.name 0:0 rule.test_name
tests.0.today 0:0 rule.test_today
tests.0.verdict 0:0 rule.test_verdict
tests.0.facts.born 0:0 rule.test_fact
tests.0.facts.nobody 0:0 rule.undeclared
tests.0.facts.today 0:0 rule.undeclared
tests.1.clause 0:0 rule.test_clause
tests.1.need.0 0:0 rule.test_need
tests.2.clause 0:0 rule.test_clause
tests.3.need.0 0:0 rule.test_need
`), "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !strings.Contains(err.Error(), "versions.1.clauses.0.when (clause age) 1:13: todai has not been declared; did you mean today?") {
		t.Errorf("%v", err)
	}
}

func TestWhatNoClauseReadsIsAFault(t *testing.T) {
	def := parse(t, allowance)
	def.Facts = append(def.Facts, FactDecl{Name: "income", Type: Int, Source: "answer:income"})
	_, err := Compile(def)
	fs := FaultsOf(err)
	if len(fs) != 1 || fs[0].Path != "facts.5" || fs[0].Message.Key != "rule.fact_unused" {
		t.Errorf("%v", err)
	}
	if _, err := Compile(Definition{}); len(FaultsOf(err)) < 4 {
		t.Errorf("an empty definition: %v", err)
	}
}

func TestNeedsOfAVersion(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	names := func(fs []FactDecl) []string {
		var out []string
		for _, f := range fs {
			out = append(out, f.Name)
		}
		return out
	}
	if d := cmp.Diff([]string{"birth_date"}, names(r.Needs(day("2021-01-01")))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"birth_date", "household_region", "already_receives", "bank_account", "hardship"}, names(r.Needs(day("2026-01-01")))); d != "" {
		t.Error(d)
	}
	if n := r.Needs(day("2019-01-01")); n != nil {
		t.Errorf("needs %v before it is in force", n)
	}
	by := r.Sources()
	if d := cmp.Diff([]string{"birth_date", "household_region"}, names(by[FromRegister])); d != "" || len(by) != 4 {
		t.Error(d, by)
	}
	if by[FromAnswer][0].Label.En != "bank account" {
		t.Error("label lost")
	}
}

func TestDigestFollowsTheWordsOfTheVersion(t *testing.T) {
	digests := map[string]bool{}
	def := parse(t, allowance)
	for _, change := range []func(){
		func() {},
		func() { def.Versions[1].Clauses[0].When = "years(birth_date, today) >= 81" },
		func() { def.Versions[1].Clauses[0].Otherwise.En = "not 80 yet" },
		func() { def.Versions[1].Until = city.Date{} },
	} {
		change()
		v, err := mustCompile(t, def).Evaluate(t.Context(), day("2026-03-01"), nil)
		if err != nil {
			t.Fatal(err)
		}
		digests[v.Digest] = true
	}
	if len(digests) != 4 {
		t.Errorf("%d digests of 4 versions", len(digests))
	}
	def.Name.En = "Another name"
	v, err := mustCompile(t, def).Evaluate(t.Context(), day("2026-03-01"), nil)
	if err != nil || !digests[v.Digest] {
		t.Error("the digest follows what the version doesn't say")
	}
}

func TestParseSource(t *testing.T) {
	for _, s := range []string{"answer:bank_account", "register:person.birth_date", "register:firm.uscc", "licence:food-permit.exists", "exchange:hardship-list.listed"} {
		src, err := ParseSource(s)
		if err != nil || src.String() != s {
			t.Errorf("%s: %+v, %v", s, src, err)
		}
	}
	for _, s := range []string{"", "answer:", "answer:A", "answer:a.b", "register:person", "register:person.", "register:dog.name", "licence:.x", "exchange:x", "rumour:x.y", "licence:a.b.c"} {
		if src, err := ParseSource(s); err == nil {
			t.Errorf("%q is read as %+v", s, src)
		}
	}
}

func TestFaultsOf(t *testing.T) {
	if FaultsOf(nil) != nil || Faults(nil).Err() != nil {
		t.Error("no fault is a fault")
	}
	fs := FaultsOf(fmt.Errorf("reading: %w", fmt.Errorf("disk on fire"))).Under("a.0")
	if len(fs) != 1 || fs[0].Path != "a.0" || !strings.Contains(fs.Error(), "disk on fire") {
		t.Errorf("%v", fs)
	}
	if fs := fs.Under("b"); fs[0].Path != "b.a.0" {
		t.Errorf("%v", fs)
	}
}
