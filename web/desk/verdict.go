package desk

import (
	"context"
	"fmt"
	"time"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/rule"
	"yiwang/web"
)

// Verdict is what a rule said about a case, clause by clause.
type Verdict struct {
	Rule    city.Text
	Href    string // its entry in the register of algorithms
	At      time.Time
	Version city.Date
	Outcome rule.Outcome
	Says    city.Message // one sentence
	Clauses []Clause
	Facts   []Fact // that stand under no clause
	Holds   int
	Erased  bool
}

// Clause is one condition of the rule.
type Clause struct {
	State    rule.State
	Sentence city.Text
	Legal    city.Text
	Deciding bool
	Facts    []Fact
	Missing  []city.Text
}

// Fact is a value that a clause looked at, and where it was read.
type Fact struct {
	Name   city.Text
	Value  string
	Source city.Text
	Ref    string
	At     time.Time
}

// verdict puts a run into words.
func (d *Desk) verdict(ctx context.Context, run algorithm.Run) (Verdict, error) {
	v := run.Verdict
	out := Verdict{Rule: run.Name, Href: AlgorithmPath(v.Rule), At: run.At, Version: v.Version, Outcome: v.Outcome, Erased: run.Erased}
	used := map[string]algorithm.UsedFact{}
	for _, u := range run.Used {
		used[u.Name] = u
	}
	label := d.factLabels(v.Rule)
	named, err := d.clauseFacts(ctx, v)
	if err != nil {
		return out, err
	}
	said := map[string]bool{}
	fact := func(u algorithm.UsedFact) Fact {
		said[u.Name] = true
		f := Fact{Name: u.Label, Value: sayFact(ctx, u.Fact.Value), Source: d.sourceName(u.Source.String()), Ref: u.Fact.Ref, At: u.Fact.At}
		if f.Name.IsZero() {
			f.Name = label(u.Name)
		}
		return f
	}
	for _, c := range v.Clauses {
		cl := Clause{State: c.State, Sentence: c.Sentence(), Legal: c.Legal, Deciding: c.ID == v.Deciding}
		if c.State == rule.Holds {
			out.Holds++
		}
		for _, name := range named[c.ID] {
			if u, ok := used[name]; ok {
				cl.Facts = append(cl.Facts, fact(u))
			}
		}
		for _, name := range c.Missing {
			cl.Missing = append(cl.Missing, label(name))
		}
		out.Clauses = append(out.Clauses, cl)
	}
	for _, u := range run.Used { // of a wording that has changed since
		if !said[u.Name] {
			out.Facts = append(out.Facts, fact(u))
		}
	}
	args := []any{"holds", out.Holds, "of", len(out.Clauses)}
	switch deciding, ok := v.DecidingClause(); {
	case v.Outcome == rule.Grant:
		out.Says = city.Message{Key: "desk.verdict.grant", Args: args}
	case ok && deciding.State == rule.Broken:
		out.Says = city.Message{Key: "desk.verdict.broken", Args: append(args, "clause", deciding.Text)}
	case ok:
		out.Says = city.Message{Key: "desk.verdict.to_officer", Args: append(args, "clause", deciding.Sentence(), "legal", deciding.Legal)}
	case v.Outcome == rule.Need:
		out.Says = city.Message{Key: "desk.verdict.need", Args: args}
	default:
		out.Says = city.Message{Key: "desk.verdict.none"}
	}
	return out, nil
}

// clauseFacts are the facts that each clause names. A stored run keeps clauses
// without them; the rule knows, as long as its wording is the same.
func (d *Desk) clauseFacts(ctx context.Context, v rule.Verdict) (map[string][]string, error) {
	named := map[string][]string{}
	ru, ok := d.Algorithms.Rule(v.Rule)
	if !ok {
		return named, nil
	}
	said, err := ru.Evaluate(ctx, v.Today, nil) // no facts: only to learn what each clause names
	if err != nil || said.Digest != v.Digest {
		return named, err
	}
	for _, c := range said.Clauses {
		named[c.ID] = c.Facts
	}
	return named, nil
}

// factLabels names facts as people call them.
func (d *Desk) factLabels(id city.RuleID) func(string) city.Text {
	labels := map[string]city.Text{}
	if e, ok := d.Algorithms.Entry(id); ok {
		for _, in := range e.Inputs {
			labels[in.Name] = in.Label
		}
	}
	return func(name string) city.Text {
		if t := labels[name]; !t.IsZero() {
			return t
		}
		return web.Plain(name)
	}
}

// sayFact says a value of a rule in the reader's language.
func sayFact(ctx context.Context, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return web.T(ctx, "web.yes")
		}
		return web.T(ctx, "web.no")
	case city.Date:
		return city.SayFullDate(web.ViewOf(ctx).Lang, v.In(time.UTC))
	case []string:
		return joined(plain(v)).In(web.ViewOf(ctx).Lang)
	case []any:
		var list []string
		for _, x := range v {
			list = append(list, fmt.Sprint(x))
		}
		return joined(plain(list)).In(web.ViewOf(ctx).Lang)
	}
	return fmt.Sprint(v)
}

func plain(list []string) []city.Text {
	out := make([]city.Text, len(list))
	for i, s := range list {
		out[i] = web.Plain(s)
	}
	return out
}
