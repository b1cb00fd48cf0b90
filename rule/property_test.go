package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yiwang/city"
)

// node is a random condition over bool facts, with its meaning in three values.
type node struct {
	op   string // "fact", "!", "&&", "||", "?:"
	name string
	kids []node
}

func (n node) String() string {
	switch n.op {
	case "fact":
		return n.name
	case "!":
		return "!" + n.kids[0].String()
	case "?:":
		return fmt.Sprintf("(%v ? %v : %v)", n.kids[0], n.kids[1], n.kids[2])
	}
	return fmt.Sprintf("(%v %s %v)", n.kids[0], n.op, n.kids[1])
}

// value is "t", "f" or "u" for unknown, by Kleene's tables.
func (n node) value(known map[string]bool) string {
	var k []string
	for _, kid := range n.kids {
		k = append(k, kid.value(known))
	}
	switch n.op {
	case "fact":
		v, ok := known[n.name]
		switch {
		case !ok:
			return "u"
		case v:
			return "t"
		}
		return "f"
	case "!":
		return map[string]string{"t": "f", "f": "t", "u": "u"}[k[0]]
	case "&&":
		return weaker(k, "f", "t")
	case "||":
		return weaker(k, "t", "f")
	}
	switch k[0] {
	case "t":
		return k[1]
	case "f":
		return k[2]
	}
	return "u"
}

func weaker(k []string, decides, else_ string) string {
	switch {
	case slices.Contains(k, decides):
		return decides
	case slices.Contains(k, "u"):
		return "u"
	}
	return else_
}

var factNames = []string{"fa", "fb", "fc", "fd", "fe"}

func drawNode(t *rapid.T, depth int) node {
	op := "fact"
	if depth > 0 {
		op = rapid.SampledFrom([]string{"fact", "!", "&&", "||", "?:"}).Draw(t, "op")
	}
	n := node{op: op}
	switch op {
	case "fact":
		n.name = rapid.SampledFrom(factNames).Draw(t, "fact")
	default:
		for range map[string]int{"!": 1, "&&": 2, "||": 2, "?:": 3}[op] {
			n.kids = append(n.kids, drawNode(t, depth-1))
		}
	}
	return n
}

func TestVerdictsFollowTheirMeaning(t *testing.T) {
	words := city.Text{ZhHans: "字", En: "word"}
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		def := Definition{ID: "drawn", Name: words, Purpose: words, Owner: "body", Versions: []Version{{From: day("2026-01-01")}}}
		var nodes []node
		named := map[string]bool{}
		for i := range rapid.IntRange(1, 4).Draw(t, "clauses") {
			n := drawNode(t, 3)
			nodes = append(nodes, n)
			def.Versions[0].Clauses = append(def.Versions[0].Clauses, Clause{ID: fmt.Sprint("c", i), When: n.String(), Legal: words, Text: words})
			collect(n, named)
		}
		for _, name := range factNames {
			if named[name] {
				def.Facts = append(def.Facts, FactDecl{Name: name, Type: Bool, Source: "answer:" + name})
			}
		}
		r, err := Compile(def)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		given := map[string]Fact{}
		for _, name := range factNames {
			switch rapid.IntRange(0, 2).Draw(t, name) {
			case 1:
				known[name], given[name] = true, Fact{Value: true}
			case 2:
				known[name], given[name] = false, Fact{Value: false}
			}
		}
		v, err := r.Evaluate(ctx, day("2026-03-01"), given)
		if err != nil {
			t.Fatal(err)
		}
		fails, open := "", false
		for i, n := range nodes {
			want := map[string]State{"t": Holds, "f": Fails, "u": Unknown}[n.value(known)]
			got := v.Clauses[i]
			if got.State != want {
				t.Fatalf("%v: %s, want %s", n, got.State, want)
			}
			if (got.State == Unknown) != (len(got.Missing) > 0) {
				t.Fatalf("%v: %s misses %v", n, got.State, got.Missing)
			}
			for _, m := range got.Missing {
				if _, ok := known[m]; ok || !slices.Contains(got.Facts, m) {
					t.Fatalf("%v asks for %s", n, m)
				}
			}
			if want == Fails && fails == "" {
				fails = got.ID
			}
			open = open || want == Unknown
		}
		want := Grant
		switch {
		case fails != "":
			want = ToOfficer
		case open:
			want = Need
		}
		if v.Outcome != want || v.Deciding != fails || (len(v.Missing) > 0) != open {
			t.Fatalf("%+v: want %s by %q", v, want, fails)
		}
		// Knowing more never takes back what was decided.
		more := map[string]Fact{}
		for _, name := range factNames {
			more[name] = Fact{Value: rapid.Bool().Draw(t, "then "+name)}
			if f, ok := given[name]; ok {
				more[name] = f
			}
		}
		then, err := r.Evaluate(ctx, day("2026-03-01"), more)
		if err != nil {
			t.Fatal(err)
		}
		if then.Outcome == Need || v.Outcome != Need && then.Outcome != v.Outcome {
			t.Fatalf("from %s to %s", v.Outcome, then.Outcome)
		}
		// The stored facts replay the same verdict.
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var stored Verdict
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		again, err := r.Evaluate(ctx, stored.Today, stored.Facts)
		if d := cmp.Diff(v, again); d != "" || err != nil {
			t.Fatal(d, err)
		}
	})
}

func collect(n node, into map[string]bool) {
	if n.op == "fact" {
		into[n.name] = true
	}
	for _, k := range n.kids {
		collect(k, into)
	}
}

func drawDay(t *rapid.T, label string) city.Date {
	return city.Date{Year: 1900, Month: 1, Day: 1}.AddDays(rapid.IntRange(0, 60000).Draw(t, label))
}

func TestDatesAgreeWithEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDay(t, "a"), drawDay(t, "b")
		if a.AddDays(int(daysBetween(a, b))) != b {
			t.Fatalf("days between %v and %v", a, b)
		}
		if yearsBetween(a, b) != -yearsBetween(b, a) || monthsBetween(a, b) != -monthsBetween(b, a) {
			t.Fatalf("%v and %v are not as far there as back", a, b)
		}
		if !b.Before(a) && a.Day <= 28 {
			n := monthsBetween(a, b)
			begin, next := city.DateOf(addMonths(a, n)), city.DateOf(addMonths(a, n+1))
			if b.Before(begin) || !b.Before(next) || n/12 != yearsBetween(a, b) {
				t.Fatalf("%d months from %v to %v", n, a, b)
			}
		}
	})
}

func TestVersionsFollowTheDay(t *testing.T) {
	words := city.Text{ZhHans: "字", En: "word"}
	rapid.Check(t, func(t *rapid.T) {
		def := Definition{ID: "drawn", Name: words, Purpose: words, Owner: "body"}
		from := drawDay(t, "first")
		for range rapid.IntRange(1, 4).Draw(t, "versions") {
			v := Version{From: from, Clauses: []Clause{{ID: "c", When: "true", Legal: words, Text: words}}}
			length := rapid.IntRange(1, 900).Draw(t, "length")
			if rapid.Bool().Draw(t, "ends") {
				v.Until = from.AddDays(rapid.IntRange(0, length+30).Draw(t, "until"))
			}
			from = from.AddDays(length)
			def.Versions = append(def.Versions, v)
		}
		r, err := Compile(def)
		if err != nil {
			t.Fatal(err)
		}
		on := drawDay(t, "on")
		var want *Version
		for i, v := range def.Versions {
			if !on.Before(v.From) {
				want = &def.Versions[i]
			}
		}
		if want != nil && !want.Until.IsZero() && want.Until.Before(on) {
			want = nil
		}
		got, ok := r.VersionOn(on)
		if ok != (want != nil) || ok && got.From != want.From {
			t.Fatalf("on %v: %+v, want %+v", on, got, want)
		}
	})
}
