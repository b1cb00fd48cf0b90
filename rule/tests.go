package rule

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"yiwang/city"
)

// wordPattern is what an id of a pack looks like.
var wordPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// checkTests finds faults in the tests themselves, before any runs.
func (r *Rule) checkTests(fs *Faults) {
	for i, t := range r.def.Tests {
		path := fmt.Sprintf("tests.%d", i)
		if strings.TrimSpace(t.Name) == "" {
			fs.Add(path+".name", "rule.test_name")
		}
		if t.Today.IsZero() {
			fs.Add(path+".today", "rule.test_today")
		}
		if !t.Verdict.Valid() {
			fs.Add(path+".verdict", "rule.test_verdict", "verdict", string(t.Verdict))
		}
		if t.Clause != "" && (t.Verdict != ToOfficer || !r.hasClause(t.Clause)) {
			fs.Add(path+".clause", "rule.test_clause", "clause", t.Clause)
		}
		for j, name := range t.Need {
			if r.types[name] == "" || t.Verdict != Need {
				fs.Add(fmt.Sprintf("%s.need.%d", path, j), "rule.test_need", "name", name)
			}
		}
		for _, name := range sortedKeys(t.Facts) {
			typ, ok := r.types[name]
			if !ok || name == "today" {
				fs.Add(path+".facts."+name, "rule.undeclared", "name", name)
			} else if _, err := typ.Normal(t.Facts[name]); err != nil && t.Facts[name] != nil {
				fs.Add(path+".facts."+name, "rule.test_fact", "name", name, "type", string(typ))
			}
		}
	}
}

func (r *Rule) hasClause(id string) bool {
	return slices.ContainsFunc(r.def.Versions, func(v Version) bool {
		return slices.ContainsFunc(v.Clauses, func(c Clause) bool { return c.ID == id })
	})
}

// TestFailure is a test of the definition that the rule decides otherwise.
type TestFailure struct {
	Index     int // position among the definition's tests
	Name      string
	Want, Got string // "to_officer age", "need bank_account", "grant"
}

// Message says the failure in the catalogue's words.
func (f TestFailure) Message() city.Message {
	return city.Message{Key: "rule.test_failed", Args: []any{"name", f.Name, "want", f.Want, "got", f.Got}}
}

// RunTests runs the definition's tests and gives those that fail. A test that
// names no clause or no missing facts doesn't look at them.
func (r *Rule) RunTests(ctx context.Context) []TestFailure {
	var out []TestFailure
	for i, t := range r.def.Tests {
		v, err := r.Evaluate(ctx, t.Today, t.facts())
		if err != nil {
			out = append(out, TestFailure{i, t.Name, t.want(), err.Error()})
			continue
		}
		ok := v.Outcome == t.Verdict &&
			(t.Clause == "" || t.Clause == v.Deciding) &&
			(t.Need == nil || sameNames(t.Need, v.Missing))
		if !ok {
			out = append(out, TestFailure{i, t.Name, t.want(), words(v.Outcome, v.Deciding, v.Missing)})
		}
	}
	return out
}

// Untested names the clauses of the newest version that no test sees fail, and
// "grant" first when no test is granted under it: what a pack's author should
// still write an example for.
func (r *Rule) Untested(ctx context.Context) ([]string, error) {
	newest := r.versions[len(r.versions)-1]
	seen := map[string]bool{}
	for _, t := range r.def.Tests {
		v, err := r.Evaluate(ctx, t.Today, t.facts())
		if err != nil {
			return nil, err
		}
		if v.Version != newest.From {
			continue
		}
		if v.Outcome == Grant {
			seen[string(Grant)] = true
		}
		for _, c := range v.Clauses {
			if c.State == Fails {
				seen["clause "+c.ID] = true
			}
		}
	}
	var out []string
	if !seen[string(Grant)] {
		out = append(out, string(Grant))
	}
	for _, c := range newest.clauses {
		if !seen["clause "+c.ID] {
			out = append(out, c.ID)
		}
	}
	return out, nil
}

func (t Test) facts() map[string]Fact {
	out := make(map[string]Fact, len(t.Facts))
	for name, v := range t.Facts {
		out[name] = Fact{Value: v, Source: "test"}
	}
	return out
}

func (t Test) want() string { return words(t.Verdict, t.Clause, t.Need) }

func words(o Outcome, clause string, missing []string) string {
	parts := []string{string(o)}
	if clause != "" {
		parts = append(parts, clause)
	}
	if o == Need {
		parts = append(parts, missing...)
	}
	return strings.Join(parts, " ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
