package algorithm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/rule"
)

// Options make a register; all are needed.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Clock    city.Clock
	Calendar *city.Calendar // its zone says which day it is
	Rules    []*rule.Rule
}

// Register knows the rules and keeps their runs. It is safe for concurrent use.
type Register struct {
	db      *db.DB
	journal *journal.Journal
	access  *access.Access
	clock   city.Clock
	cal     *city.Calendar
	entries []Entry // by rule
	current map[city.RuleID]*registered

	mu  sync.Mutex
	old map[wording]*rule.Definition // earlier definitions, as they were read
}

type registered struct {
	rule   *rule.Rule
	digest string
}

// wording names one definition of a rule.
type wording struct {
	rule   city.RuleID
	digest string
}

// Entry is what anybody may read about a rule.
type Entry struct {
	Rule     city.RuleID
	Digest   string // fingerprint of the definition, its examples left out
	Name     city.Text
	Purpose  city.Text
	Owner    city.BodyID
	Inputs   []Input
	Versions []Version // oldest first
	Legal    []city.Text
	Tests    []TestResult
}

// Input is a fact that the rule looks at.
type Input struct {
	Name   string
	Label  city.Text // may be empty
	Type   rule.Type
	Source rule.Source
}

// Version is the rule as it stands from a day on.
type Version struct {
	rule.Version
	Digest string
}

// TestResult is one of the rule's examples, with what the rule says to it now.
type TestResult struct {
	Name   string
	Today  city.Date
	Want   rule.Outcome
	Passed bool
	Got    string // where it failed: "to_officer age"
}

// New takes the rules of a pack. Publish puts them on record.
func New(ctx context.Context, o Options) (*Register, error) {
	r := &Register{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, cal: o.Calendar,
		current: map[city.RuleID]*registered{}, old: map[wording]*rule.Definition{}}
	for _, ru := range o.Rules {
		if r.current[ru.ID()] != nil {
			return nil, fmt.Errorf("rule %s stands twice", ru.ID())
		}
		e, err := entryOf(ctx, ru)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", ru.ID(), err)
		}
		def := ru.Definition()
		r.current[ru.ID()] = &registered{ru, e.Digest}
		r.old[wording{ru.ID(), e.Digest}] = &def
		r.entries = append(r.entries, e)
	}
	slices.SortFunc(r.entries, func(a, b Entry) int {
		if a.Rule < b.Rule {
			return -1
		}
		return 1
	})
	return r, nil
}

func entryOf(ctx context.Context, ru *rule.Rule) (Entry, error) {
	def := ru.Definition()
	raw, err := wordsOf(def)
	if err != nil {
		return Entry{}, err
	}
	sum := sha256.Sum256(raw)
	e := Entry{Rule: def.ID, Digest: hex.EncodeToString(sum[:]), Name: def.Name, Purpose: def.Purpose, Owner: def.Owner}
	for _, f := range def.Facts {
		src, err := rule.ParseSource(f.Source)
		if err != nil {
			return Entry{}, err
		}
		e.Inputs = append(e.Inputs, Input{Name: f.Name, Label: f.Label, Type: f.Type, Source: src})
	}
	for _, v := range def.Versions {
		said, err := ru.Evaluate(ctx, v.From, nil) // no facts: only to learn the version's fingerprint
		if err != nil {
			return Entry{}, err
		}
		e.Versions = append(e.Versions, Version{Version: v, Digest: said.Digest})
		for _, c := range v.Clauses {
			if !slices.Contains(e.Legal, c.Legal) {
				e.Legal = append(e.Legal, c.Legal)
			}
		}
	}
	for _, t := range def.Tests {
		e.Tests = append(e.Tests, TestResult{Name: t.Name, Today: t.Today, Want: t.Verdict, Passed: true})
	}
	for _, f := range ru.RunTests(ctx) {
		e.Tests[f.Index].Passed, e.Tests[f.Index].Got = false, f.Got
	}
	return e, nil
}

// wordsOf is what speaks of a definition: a new example is no new rule.
func wordsOf(def rule.Definition) ([]byte, error) {
	def.Tests = nil
	return json.Marshal(def)
}

// Publish puts every definition on record that is not yet: when the program
// starts, once for each wording however many nodes do it. A rule runs only under
// a wording that was published.
func (r *Register) Publish(ctx context.Context, actor city.Actor) error {
	if err := r.access.Ask(ctx, actor, "algorithm.publish", access.Resource{Type: "Algorithm"}); err != nil {
		return err
	}
	for _, e := range r.entries {
		err := r.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return r.publish(ctx, tx, actor, e) })
		if err != nil {
			return fmt.Errorf("rule %s: %w", e.Rule, err)
		}
	}
	return nil
}

func (r *Register) publish(ctx context.Context, tx *db.Tx, actor city.Actor, e Entry) error {
	raw, err := wordsOf(r.current[e.Rule].rule.Definition())
	if err != nil {
		return err
	}
	fresh, err := insertVersion(ctx, tx, e.Rule, e.Digest, string(raw), r.clock.Now())
	if err != nil || !fresh {
		return err
	}
	said := map[string]any{"rule": e.Rule, "digest": e.Digest, "owner": e.Owner, "tests": len(e.Tests)}
	return r.journal.Append(ctx, tx, journal.Event{At: r.clock.Now(), Type: "algorithm.published", Subject: string(e.Rule),
		Actor: actor, Public: said, Data: said})
}

// Entries are the rules in order of their ids.
func (r *Register) Entries() []Entry { return slices.Clone(r.entries) }

// Entry finds a rule's entry.
func (r *Register) Entry(id city.RuleID) (Entry, bool) {
	for _, e := range r.entries {
		if e.Rule == id {
			return e, true
		}
	}
	return Entry{}, false
}

// Rule finds the rule in force.
func (r *Register) Rule(id city.RuleID) (*rule.Rule, bool) {
	c, ok := r.current[id]
	if !ok {
		return nil, false
	}
	return c.rule, true
}

// Today is the day in the city's zone.
func (r *Register) Today() city.Date { return city.DateOf(r.clock.Now().In(r.cal.Zone)) }

// definition reads the wording that a run was made under.
func (r *Register) definition(ctx context.Context, tx *db.Tx, w wording) (*rule.Definition, error) {
	r.mu.Lock()
	def := r.old[w]
	r.mu.Unlock()
	if def != nil {
		return def, nil
	}
	raw, err := definitionOf(ctx, tx, w)
	if err != nil {
		return nil, fmt.Errorf("algorithm: rule %s, wording %s: %w", w.rule, w.digest, err)
	}
	def = &rule.Definition{}
	if err := json.Unmarshal([]byte(raw), def); err != nil {
		return nil, fmt.Errorf("algorithm: rule %s, wording %s: %w", w.rule, w.digest, err)
	}
	r.mu.Lock()
	r.old[w] = def
	r.mu.Unlock()
	return def, nil
}
