package rule

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var hostileVars = map[string]Type{"a": Bool, "s": String, "n": Int, "f": Double, "d": Date, "l": List, "m": Map, "today": Date}

// hostile are expressions that try to take long, much memory, or the program down.
var hostile = []string{
	strings.Repeat("(", 1990), strings.Repeat("(", 50) + "a" + strings.Repeat(")", 50),
	strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("{1:", 600),
	strings.Repeat("!", 1999) + "a", strings.Repeat("-", 1999) + "n", strings.Repeat("a?", 900),
	strings.Repeat("a ? ", 50) + "a" + strings.Repeat(" : a", 50),
	strings.Repeat("a&&", 600) + "a", strings.Repeat("n+", 990) + "n == 0", strings.Repeat("s.", 990) + "s",
	"l" + strings.Repeat(".map(x, x)", 190) + ".size() > 0",
	"l" + strings.Repeat(".map(x, [x, x])", 2) + ".size() > 0",
	"l.map(x, l.map(y, l.map(z, z))).size() > 0",
	"l.map(x, l.map(y, l.map(z, l.map(w, w)))).size() > 0",
	"[1,2,3,4,5,6,7,8,9,10].map(i, [1,2,3,4,5,6,7,8,9,10].map(j, s + s + s + s)).size() > 0",
	"s.matches('(a+)+$')", "s.matches('((a{1,100}){1,100}){1,100}')", "s.matches(s)", "'x'.matches('[')",
	"d == date('2026-13-40')", "d == date('')", "add_years(d, 9223372036854775807) == d", "add_days(d, -9223372036854775807 - 1) == d",
	"timestamp('2026') == timestamp('x')", "duration('1x') > duration('1s')", "n / 0 == 1", "n % 0 == 1",
	"9223372036854775807 + n > 0", "99999999999999999999 > 0", "0x", "1e400 > f", "'\\ud800' == s", "b'\\xff' == b''",
	"type(d) == type(today)", "dyn(d) < dyn(n)", "d < d || dyn(s) == dyn(d)", "l[9223372036854775807] == s", "m.x == s", "m['x'] == s",
	"has(m.x)", "has(d.x)", "d.year == 1", "today.today", ".a", "a.b.c.d.e()", "google.protobuf.Value{}", "double(s) > 1.0",
	"a || \n\n  b", "// only a comment", "a // comment", "\x00", "\xff\xfe", "a\u202e", "真 || a", "`a b` == 1", "__result__", "@result", "l.exists(a, a == s)",
	"l.exists_one(x, y, true)", "s in l && s in m", "string(d) + string(n) + string(f) == s", "string(l) == s", "null == null", "{}.size() == 0",
	"optional.of(1)", "cel.bind(x, 1, x == 1)", "cel.@block([1], true)", "math.greatest(1, 2) == 2",
}

func try(t *testing.T, expr string) {
	t.Helper()
	begun := time.Now()
	c, err := CompileCondition(expr, hostileVars)
	if err != nil {
		fs := FaultsOf(err)
		if len(fs) == 0 {
			t.Fatalf("%q: an error without faults", expr)
		}
		for _, f := range fs {
			if (f.Line == 0) != (f.Column == 0) || f.Line < 0 || f.Column < 0 || f.Line > 1+strings.Count(expr, "\n")+strings.Count(expr, "\r") {
				t.Errorf("%q: position %d:%d", expr, f.Line, f.Column)
			}
			if f.Error() == "" {
				t.Errorf("%q: a fault that says nothing", expr)
			}
		}
	} else {
		if utf8.RuneCountInString(expr) > maxLength {
			t.Errorf("compiled %d characters", len(expr))
		}
		full := map[string]any{"a": true, "s": strings.Repeat("a", 1000), "n": 3, "f": 1.5, "d": "2026-03-01",
			"l": strings.Split(strings.Repeat("x,", 300), ","), "m": map[string]string{"x": "y"}, "today": "2026-03-09"}
		for _, vars := range []map[string]any{full, {}, {"a": "wrong", "s": 1, "n": "x", "f": true, "d": "x", "l": 1, "m": 1}, {"a": false, "l": []string{"x"}}} {
			holds, missing, err := c.Decide(context.Background(), vars)
			if holds && (missing != nil || err != nil) {
				t.Errorf("%q holds, though %v, %v", expr, missing, err)
			}
			for _, name := range missing {
				if vars[name] != nil {
					t.Errorf("%q asks for %s, which it has", expr, name)
				}
			}
			if len(vars) == len(full) && missing != nil {
				t.Errorf("%q misses %v", expr, missing)
			}
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("%.60q took %v", expr, took)
	}
}

func TestHostileExpressionsEnd(t *testing.T) {
	for _, expr := range hostile {
		begun := time.Now()
		try(t, expr)
		if took := time.Since(begun); took > 300*time.Millisecond {
			t.Logf("%.60q took %v", expr, took)
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, expr := range hostile {
		f.Add(expr)
	}
	f.Add("years(d, today) >= 80 && (a || s.startsWith('9901'))")
	f.Fuzz(try)
}
