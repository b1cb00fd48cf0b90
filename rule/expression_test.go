package rule

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
)

var vars = map[string]Type{
	"a": Bool, "b": Bool, "s": String, "n": Int, "f": Double, "d": Date, "today": Date,
	"kinds": List, "father": Map,
}

func condition(t testing.TB, expr string) *Condition {
	t.Helper()
	c, err := CompileCondition(expr, vars)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return c
}

func TestHolds(t *testing.T) {
	for _, k := range []struct {
		expr  string
		given map[string]any
		want  bool
	}{
		{"kinds.exists(k, k == 'hot')", map[string]any{"kinds": []any{"cold", "hot"}}, true},
		{"'hot' in kinds", map[string]any{"kinds": []string(nil)}, false},
		{"n > 3", map[string]any{"n": 4.0}, true}, // as it comes back from JSON
		{"n > 3", map[string]any{"n": json.Number("3")}, false},
		{"n < f", map[string]any{"n": 3, "f": 3.5}, true},
		{"f == 2.0", map[string]any{"f": 2}, true},
		{"d < today", map[string]any{"d": "2026-03-08", "today": day("2026-03-09")}, true},
		{"d >= date('2026-03-08') && d != today", map[string]any{"d": time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), "today": "2026-03-09"}, true},
		{"father.name.startsWith('张')", map[string]any{"father": map[string]any{"name": "张三"}}, true},
		{"d in [date('2026-03-08'), today]", map[string]any{"d": "2026-03-09", "today": "2026-03-09"}, true},
		{"string(d) == '2026-03-08' && type(d) == type(today)", map[string]any{"d": "2026-03-08", "today": "2026-03-09"}, true},
		{"a", map[string]any{"a": nil}, false},
		{"!a", nil, false}, // unknown is neither
	} {
		got, err := condition(t, k.expr).Holds(k.given)
		if err != nil || got != k.want {
			t.Errorf("%s with %v: %v, %v", k.expr, k.given, got, err)
		}
	}
}

func TestDateFunctions(t *testing.T) {
	for expr, want := range map[string]any{
		"years(date('1946-03-10'), date('2026-03-09'))":                                                int64(79),
		"years(date('1946-03-09'), date('2026-03-09'))":                                                int64(80),
		"years(date('2026-03-09'), date('1946-03-10'))":                                                int64(-79),
		"years(date('1944-02-29'), date('2024-02-28'))":                                                int64(79),
		"years(date('1944-02-29'), date('2024-02-29'))":                                                int64(80),
		"months(date('2026-01-31'), date('2026-03-01'))":                                               int64(1),
		"months(date('2026-03-01'), date('2026-01-31'))":                                               int64(-1),
		"months(date('2025-12-09'), date('2026-03-09'))":                                               int64(3),
		"days(date('2024-02-28'), date('2024-03-01'))":                                                 int64(2),
		"days(date('2024-03-01'), date('2024-02-28'))":                                                 int64(-2),
		"add_years(date('2024-02-29'), 1)":                                                             day("2025-02-28"),
		"add_months(date('2026-01-31'), 1)":                                                            day("2026-02-28"),
		"add_months(date('2026-01-31'), -2)":                                                           day("2025-11-30"),
		"add_days(date('2026-12-31'), 1)":                                                              day("2027-01-01"),
		"year(date('2026-03-09')) * 10000 + month(date('2026-03-09')) * 100 + day(date('2026-03-09'))": int64(20260309),
	} {
		e, err := CompileExpression(expr, nil)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got, err := e.Value(context.Background(), nil); err != nil || got != want {
			t.Errorf("%s = %v, %v", expr, got, err)
		}
	}
}

func TestMissingIsAskedOnlyWhenItMatters(t *testing.T) {
	for _, k := range []struct {
		expr    string
		given   map[string]any
		holds   bool
		missing []string
	}{
		{"a || b", map[string]any{"a": true}, true, nil},
		{"b || a", map[string]any{"a": true}, true, nil},
		{"a || b", map[string]any{"a": false}, false, []string{"b"}},
		{"a && b", map[string]any{"b": false}, false, nil},
		{"a && b", nil, false, []string{"a", "b"}},
		{"a ? b : n > 3", map[string]any{"a": false, "n": 4}, true, nil},
		{"a ? b : n > 3", map[string]any{"b": true, "n": 4}, false, []string{"a"}},
		{"years(d, today) >= 80 || 'hot' in kinds", map[string]any{"kinds": []string{"hot"}}, true, nil},
		{"kinds.all(k, k == s)", nil, false, []string{"kinds"}},
		{"kinds.all(k, k == s)", map[string]any{"kinds": []string{}}, true, nil},
		{"kinds.exists(k, k == s || k == 'hot')", map[string]any{"kinds": []string{"cold", "hot"}}, true, nil},
		{"kinds.exists(k, k == s)", map[string]any{"kinds": []string{"cold", "hot"}}, false, []string{"s"}},
		{"father.name == 'x' || a", map[string]any{"a": true}, true, nil},
		{"father.name == 'x'", nil, false, []string{"father"}},
		{"has(father.name)", nil, false, []string{"father"}},
		{"size(kinds) > 0 && kinds[0] == s", map[string]any{"kinds": []string{}}, false, nil},
		{"n / 0 > 1 || a", map[string]any{"n": 1, "a": true}, true, nil}, // an error that doesn't matter
		{"n / 0 > 1 || a", map[string]any{"n": 1}, false, []string{"a"}},
	} {
		holds, missing, err := condition(t, k.expr).Decide(context.Background(), k.given)
		if err != nil || holds != k.holds || cmp.Diff(k.missing, missing) != "" {
			t.Errorf("%s with %v: %v, %v, %v", k.expr, k.given, holds, missing, err)
		}
	}
}

func TestErrorsOfEvaluation(t *testing.T) {
	for _, k := range []struct {
		expr  string
		given map[string]any
		says  string
	}{
		{"n / 0 > 1", map[string]any{"n": 1}, "zero"},
		{"a", map[string]any{"a": "yes"}, "a: string is no bool"},
		{"a || b", map[string]any{"a": "yes", "b": false}, "a: string is no bool"},
		{"father.name == s", map[string]any{"father": map[string]string{}, "s": ""}, "no such key"},
		{"add_days(d, 999999999) == d", map[string]any{"d": "2026-03-09"}, "too far"},
		{"add_years(d, 9000) == d", map[string]any{"d": "2026-03-09"}, "years 1 to 9999"},
		{"date(s) == d", map[string]any{"s": "secret", "d": "2026-03-09"}, "not a date"},
		{"d == today", map[string]any{"d": "2026-02-30", "today": "2026-03-09"}, "d: not a date"},
		{"kinds.all(x, kinds.all(y, x != y + '!'))", map[string]any{"kinds": strings.Split(strings.Repeat("x,", 2000), ",")}, "steps"},
	} {
		holds, err := condition(t, k.expr).Holds(k.given)
		if holds || err == nil || !strings.Contains(err.Error(), k.says) {
			t.Errorf("%s with %v: %v, %v", k.expr, k.given, holds, err)
		}
	}
}

func TestLongLoopStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("shutting down")
	cancel(why)
	_, _, err := condition(t, "kinds.all(x, x == x)").Decide(ctx, map[string]any{"kinds": []string{"a"}})
	if !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}

func TestExpressionGivesGoValues(t *testing.T) {
	given := map[string]any{"a": true, "s": "江海", "n": 7, "f": 1.5, "d": "2026-03-09", "kinds": []string{"x"}, "father": map[string]string{"name": "张三"}}
	for _, k := range []struct {
		expr string
		typ  Type
		want any
	}{
		{"s + '市'", String, "江海市"},
		{"father.name", String, "张三"},
		{"a ? n + 1 : 0", Int, int64(8)},
		{"f * 2.0", Double, 3.0},
		{"add_years(d, 5)", Date, day("2031-03-09")},
		{"kinds.map(k, k + s)", List, []string{"x江海"}},
		{"['a'] + kinds", List, []string{"a", "x"}},
		{"{'name': s}", Map, map[string]string{"name": "江海"}},
		{"father", Map, map[string]string{"name": "张三"}},
		{"!a", Bool, false},
	} {
		e, err := CompileExpression(k.expr, vars)
		if err != nil {
			t.Errorf("%s: %v", k.expr, err)
			continue
		}
		got, err := e.Value(context.Background(), given)
		if err != nil || e.Type() != k.typ || cmp.Diff(k.want, got) != "" {
			t.Errorf("%s: %s %#v, %v", k.expr, e.Type(), got, err)
		}
	}
	e, err := CompileExpression("s + father.name", vars)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Value(context.Background(), map[string]any{"s": "x"})
	var missing *MissingError
	if !errors.As(err, &missing) || cmp.Diff([]string{"father"}, missing.Names) != "" {
		t.Errorf("%v", err)
	}
	if d := cmp.Diff([]string{"father", "s"}, e.Variables()); d != "" {
		t.Error(d)
	}
}

func TestFaultsOfExpressions(t *testing.T) {
	for _, k := range []struct {
		expr, key    string
		line, column int
	}{
		{"", "rule.expression_empty", 0, 0},
		{"a &&", "rule.expression", 1, 5},
		{"a && nobody", "rule.undeclared", 1, 6},
		{"真 && nobody", "rule.expression", 1, 1},
		{"a &&\n  nobody", "rule.undeclared", 2, 3},
		{"a && d == date('2026-02-30')", "rule.date_literal", 1, 16},
		{"n", "rule.not_bool", 1, 1},
		{"kinds.exists(s, s == 'x')", "rule.loop_name", 1, 13},
		{"n > 'x'", "rule.expression", 1, 3},
		{"d > n", "rule.expression", 1, 3},
		{"s.matches('[')", "rule.expression", 1, 11},
		{"kinds.all(x, kinds.all(y, kinds.all(z, true)))", "rule.expression", 1, 36},
		{strings.Repeat(" ", maxLength) + "a", "rule.expression", 0, 0},
	} {
		_, err := CompileCondition(k.expr, vars)
		fs := FaultsOf(err)
		if len(fs) == 0 || fs[0].Message.Key != k.key || fs[0].Line != k.line || fs[0].Column != k.column {
			t.Errorf("%.40q: %+v", k.expr, fs)
		}
	}
	if _, err := CompileExpression("[[1]]", vars); FaultsOf(err)[0].Message.Key != "rule.result_type" {
		t.Error(err)
	}
	for name, typ := range map[string]Type{"Bad": Bool, "in": Bool, "ok": "riddle"} {
		if _, err := CompileCondition("true", map[string]Type{name: typ}); err == nil {
			t.Errorf("declared %s as %s", name, typ)
		}
	}
}

func TestNormal(t *testing.T) {
	for _, k := range []struct {
		typ   Type
		given any
		want  any // nil: an error
	}{
		{Int, 1 << 60, int64(1 << 60)}, {Int, 1e300, nil}, {Int, 1.5, nil}, {Int, "1", nil}, {Int, uint64(1 << 63), nil}, {Int, true, nil},
		{Double, json.Number("x"), nil}, {Double, json.Number("2.5"), 2.5}, {Double, "2", nil},
		{Date, "2026-02-30", nil}, {Date, city.Date{Year: 2026, Month: 2, Day: 30}, nil}, {Date, city.Date{}, nil}, {Date, 20260309, nil},
		{List, []any{"a", 1}, nil}, {List, []any{}, []string{}}, {List, "a", nil},
		{Map, map[string]any{"a": 1}, nil}, {Map, map[string]any{"a": "b"}, map[string]string{"a": "b"}},
		{Bool, "true", nil}, {String, 1, nil}, {"riddle", 1, nil},
	} {
		got, err := k.typ.Normal(k.given)
		if (err == nil) != (k.want != nil) || cmp.Diff(k.want, got) != "" {
			t.Errorf("%s of %#v: %#v, %v", k.typ, k.given, got, err)
		}
	}
}
