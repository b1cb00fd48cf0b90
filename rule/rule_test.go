package rule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/city"
)

const allowance = `
id: senior-allowance
name: {zh-Hans: 高龄津贴, en: Senior allowance}
purpose: {zh-Hans: 发放高龄津贴, en: Pay an allowance to the very old}
owner: civil-affairs
facts:
  - {name: birth_date, type: date, source: "register:person.birth_date"}
  - {name: household_region, type: string, source: "register:person.region"}
  - {name: already_receives, type: bool, source: "licence:senior-allowance.exists"}
  - {name: bank_account, type: string, source: "answer:bank_account", label: {zh-Hans: 银行账号, en: bank account}}
  - {name: hardship, type: bool, source: "exchange:hardship-list.listed"}
versions:
  - from: 2020-01-01
    clauses:
      - id: age
        when: "years(birth_date, today) >= 90"
        legal: {zh-Hans: 旧办法第三条, en: "Old Measures, art. 3"}
        text: {zh-Hans: 年满 90 周岁, en: at least 90 years old}
  - from: 2026-01-01
    until: 2030-12-31
    clauses:
      - id: age
        when: "years(birth_date, today) >= 80"
        legal: {zh-Hans: 《江海市高龄津贴办法》第三条, en: "Jianghai Senior Allowance Measures, art. 3"}
        text: {zh-Hans: 年满 80 周岁, en: at least 80 years old}
        otherwise: {zh-Hans: 未满 80 周岁, en: younger than 80}
      - id: household
        when: "hardship || household_region.startsWith('9901')"
        legal: {zh-Hans: 第四条, en: art. 4}
        text: {zh-Hans: 本市户籍或列为困难对象, en: household of this city or listed as in hardship}
      - id: once
        when: "!already_receives"
        legal: {zh-Hans: 第五条, en: art. 5}
        text: {zh-Hans: 未领取过, en: not received already}
      - id: account
        when: "bank_account.matches('^[0-9]{16,19}$')"
        legal: {zh-Hans: 第六条, en: art. 6}
        text: {zh-Hans: 有银行账号, en: a bank account}
tests:
  - {name: granted, today: 2026-03-01, facts: {birth_date: 1940-05-01, household_region: "990101001", hardship: false, already_receives: false, bank_account: "6222020200112233445"}, verdict: grant}
  - {name: young, today: 2026-03-01, facts: {birth_date: 1950-05-01}, verdict: to_officer, clause: age}
  - {name: no account, today: 2026-03-01, facts: {birth_date: "1940-05-01", hardship: true, already_receives: false}, verdict: need, need: [bank_account]}
  - {name: elsewhere, today: 2026-03-01, facts: {birth_date: 1940-05-01, household_region: "1101", hardship: false}, verdict: to_officer, clause: household}
  - {name: twice, today: 2026-03-01, facts: {already_receives: true}, verdict: to_officer, clause: once}
  - {name: bad account, today: 2026-03-01, facts: {bank_account: "12"}, verdict: to_officer, clause: account}
  - {name: old law, today: 2021-03-01, facts: {birth_date: 1940-05-01}, verdict: to_officer, clause: age}
`

func parse(t *testing.T, src string) Definition {
	t.Helper()
	var def Definition
	dec := yaml.NewDecoder(bytes.NewReader([]byte(src)))
	dec.KnownFields(true)
	if err := dec.Decode(&def); err != nil {
		t.Fatal(err)
	}
	return def
}

func mustCompile(t testing.TB, def Definition) *Rule {
	t.Helper()
	r, err := Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func day(s string) city.Date {
	d, err := city.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestDefinitionRunsItsTests(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	if fs := r.RunTests(context.Background()); fs != nil {
		t.Errorf("failures: %+v", fs)
	}
	left, err := r.Untested(context.Background())
	if err != nil || left != nil {
		t.Errorf("untested %v, %v", left, err)
	}
}

func TestFailingTestSaysWhatItGot(t *testing.T) {
	def := parse(t, allowance)
	def.Tests = []Test{{Name: "wrong", Today: day("2026-03-01"), Facts: map[string]any{"birth_date": day("1990-01-01")}, Verdict: Need, Need: []string{"hardship"}}}
	r := mustCompile(t, def)
	want := []TestFailure{{0, "wrong", "need hardship", "to_officer age"}}
	if d := cmp.Diff(want, r.RunTests(context.Background())); d != "" {
		t.Error(d)
	}
	left, err := r.Untested(context.Background())
	if d := cmp.Diff([]string{"grant", "household", "once", "account"}, left); d != "" || err != nil {
		t.Error(d, err)
	}
}

func facts(kv ...any) map[string]Fact {
	m := map[string]Fact{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i].(string)] = Fact{Value: kv[i+1], Source: "test:" + kv[i].(string), Ref: "r1", At: time.Unix(1_770_000_000, 0).UTC()}
	}
	return m
}

func TestVerdictExplainsItself(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	v, err := r.Evaluate(context.Background(), day("2026-03-01"),
		facts("birth_date", day("1947-01-01"), "hardship", true, "stranger", 1, "already_receives", "perhaps", "bank_account", nil))
	if err != nil {
		t.Fatal(err)
	}
	if v.Outcome != ToOfficer || v.Deciding != "age" || v.Version != day("2026-01-01") || v.Digest == "" {
		t.Errorf("verdict %+v", v)
	}
	var states []State
	for _, c := range v.Clauses {
		states = append(states, c.State)
	}
	if d := cmp.Diff([]State{Fails, Holds, Broken, Unknown}, states); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"bank_account"}, v.Missing); d != "" {
		t.Error(d)
	}
	c, ok := v.DecidingClause()
	if !ok || c.Sentence().En != "younger than 80" {
		t.Errorf("deciding %+v", c)
	}
	if _, there := v.Facts["stranger"]; there || len(v.Facts) != 3 {
		t.Errorf("facts used %v", v.Facts)
	}
	if v.Facts["birth_date"].Ref != "r1" {
		t.Error("where the fact came from is lost")
	}
}

func TestBrokenClauseGoesToOfficer(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	v, err := r.Evaluate(context.Background(), day("2026-03-01"),
		facts("birth_date", "not a day", "hardship", true, "already_receives", false, "bank_account", "6222020200112233445"))
	if err != nil {
		t.Fatal(err)
	}
	if v.Outcome != ToOfficer || v.Deciding != "age" || v.Clauses[0].State != Broken || v.Clauses[0].Error == "" {
		t.Errorf("%+v", v)
	}
}

func TestNoVersionInForceGoesToOfficer(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	for _, d := range []string{"2019-12-31", "2031-01-01"} {
		v, err := r.Evaluate(context.Background(), day(d), nil)
		if err != nil || v.Outcome != ToOfficer || v.Deciding != "" || !v.Version.IsZero() {
			t.Errorf("%s: %+v, %v", d, v, err)
		}
	}
}

func TestReplayFromStoredVerdict(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	first, err := r.Evaluate(context.Background(), day("2026-03-01"),
		facts("birth_date", day("1940-05-01"), "household_region", "990101", "hardship", false, "already_receives", false, "bank_account", "6222020200112233445"))
	if err != nil || first.Outcome != Grant {
		t.Fatal(first, err)
	}
	raw, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var stored Verdict
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	again, err := r.Evaluate(context.Background(), stored.Today, stored.Facts)
	if err != nil {
		t.Fatal(err)
	}
	raw2, _ := json.Marshal(again)
	if d := cmp.Diff(string(raw), string(raw2)); d != "" {
		t.Error(d)
	}
}

func TestEvaluateStopsWithItsContext(t *testing.T) {
	r := mustCompile(t, parse(t, allowance))
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("shutting down")
	cancel(why)
	if v, err := r.Evaluate(ctx, day("2026-03-01"), nil); err == nil || v.Outcome != "" {
		t.Errorf("%+v, %v", v, err)
	}
}
