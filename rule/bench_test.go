package rule

import (
	"context"
	"fmt"
	"testing"

	"yiwang/city"
)

// twenty is a rule of twenty clauses as packs write them.
func twenty(t testing.TB) (*Rule, map[string]Fact) {
	words := city.Text{ZhHans: "字", En: "word"}
	def := Definition{ID: "twenty", Name: words, Purpose: words, Owner: "body", Versions: []Version{{From: day("2026-01-01")}}}
	given := map[string]Fact{}
	for i := range 5 {
		for _, f := range []struct {
			name, when string
			typ        Type
			value      any
		}{
			{"born", "years(%s, today) >= 80", Date, day("1940-05-01")},
			{"region", "%s.startsWith('9901')", String, "990101001"},
			{"receives", "!%s", Bool, false},
			{"income", "%s < 2000000 || today > date('2030-01-01')", Int, 1_000_000},
		} {
			name := fmt.Sprintf("%s%d", f.name, i)
			def.Facts = append(def.Facts, FactDecl{Name: name, Type: f.typ, Source: "answer:" + name})
			def.Versions[0].Clauses = append(def.Versions[0].Clauses,
				Clause{ID: name, When: fmt.Sprintf(f.when, name), Legal: words, Text: words})
			given[name] = Fact{Value: f.value}
		}
	}
	return mustCompile(t, def), given
}

func BenchmarkEvaluateTwentyClauses(b *testing.B) {
	r, given := twenty(b)
	ctx, today := context.Background(), day("2026-03-01")
	missing := map[string]Fact{}
	for k, v := range given {
		missing[k] = v
	}
	delete(missing, "region3")
	for _, k := range []struct {
		name  string
		facts map[string]Fact
		want  Outcome
	}{{"grant", given, Grant}, {"need", missing, Need}} {
		b.Run(k.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := r.Evaluate(ctx, today, k.facts); err != nil || v.Outcome != k.want {
					b.Fatal(v, err)
				}
			}
		})
	}
}

func BenchmarkCompileTwentyClauses(b *testing.B) {
	r, _ := twenty(b)
	for b.Loop() {
		if _, err := Compile(r.Definition()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConditionHolds(b *testing.B) {
	c, err := CompileCondition("kinds.exists(k, k == 'hot') && staff > 3", map[string]Type{"kinds": List, "staff": Int})
	if err != nil {
		b.Fatal(err)
	}
	vars := map[string]any{"kinds": []string{"cold", "hot"}, "staff": 5}
	for b.Loop() {
		if ok, err := c.Holds(vars); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
