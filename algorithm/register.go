package algorithm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

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

// Register knows the rules and keeps their runs, and the models and detectors beside
// them. Once everything was added it is safe for concurrent use.
type Register struct {
	db      *db.DB
	journal *journal.Journal
	access  *access.Access
	clock   city.Clock
	cal     *city.Calendar
	entries []Entry // by id
	current map[city.RuleID]*registered

	described map[city.RuleID]*described

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

// Entry is what anybody may read about a rule, a model or a detector.
type Entry struct {
	Rule    city.RuleID // its id, of whatever kind it is
	Kind    Kind
	Digest  string // fingerprint of the definition, the tests of a rule left out
	Name    city.Text
	Purpose city.Text
	Owner   city.BodyID
	Inputs  []Input
	Legal   []city.Text

	// Of a rule.
	Versions []Version // oldest first
	Tests    []TestResult

	// Of a model or detector (Description).
	Effect     city.Text
	Human      city.Text
	Appeal     city.Text
	Parameters []Parameter
}

// Input is a fact that a rule looks at, or what a model or detector does, of which
// there is only the label and where it is from.
type Input struct {
	Name   string
	Label  city.Text // of a rule's it may be empty
	Type   rule.Type
	Source rule.Source
	From   city.Text
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
		current: map[city.RuleID]*registered{}, described: map[city.RuleID]*described{}, old: map[wording]*rule.Definition{}}
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
		r.enter(e)
	}
	return r, nil
}

// enter puts the entry in its place, by id.
func (r *Register) enter(e Entry) {
	i, _ := slices.BinarySearchFunc(r.entries, e, func(a, b Entry) int { return cmp.Compare(a.Rule, b.Rule) })
	r.entries = slices.Insert(r.entries, i, e)
}

func digestOf(words []byte) string {
	sum := sha256.Sum256(words)
	return hex.EncodeToString(sum[:])
}

func entryOf(ctx context.Context, ru *rule.Rule) (Entry, error) {
	def := ru.Definition()
	raw, err := wordsOf(def)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Rule: def.ID, Kind: Decides, Digest: digestOf(raw), Name: def.Name, Purpose: def.Purpose, Owner: def.Owner}
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
// a wording that was published; with a model or detector it is said how it did when
// it was tried.
func (r *Register) Publish(ctx context.Context, actor city.Actor) error {
	if err := r.access.Ask(ctx, actor, "algorithm.publish", access.Resource{Type: "Algorithm"}); err != nil {
		return err
	}
	for _, e := range r.entries {
		err := r.publishOne(ctx, actor, e)
		if err != nil {
			return fmt.Errorf("algorithm %s: %w", e.Rule, err)
		}
	}
	return nil
}

func (r *Register) publishOne(ctx context.Context, actor city.Actor, e Entry) error {
	words, said, err := r.words(ctx, e)
	if err != nil || words == nil {
		return err
	}
	return r.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		fresh, err := insertVersion(ctx, tx, e.Rule, e.Digest, string(words), r.clock.Now())
		if err != nil || !fresh {
			return err
		}
		return r.journal.Append(ctx, tx, journal.Event{At: r.clock.Now(), Type: "algorithm.published", Subject: string(e.Rule),
			Actor: actor, Public: said, Data: said})
	})
}

// words is the wording of an entry and what is said of it; nothing where it is known
// that it stands on record, and the trial need not be made.
func (r *Register) words(ctx context.Context, e Entry) ([]byte, map[string]any, error) {
	said := map[string]any{"rule": e.Rule, "digest": e.Digest, "owner": e.Owner}
	d := r.described[e.Rule]
	if d == nil {
		raw, err := wordsOf(r.current[e.Rule].rule.Definition())
		said["tests"] = len(e.Tests)
		return raw, said, err
	}
	err := r.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := sinceOf(ctx, tx, wording{e.Rule, e.Digest})
		return err
	})
	if !errors.Is(err, db.ErrNoRows) {
		return nil, nil, err
	}
	m := d.measure(r.clock.Now())
	said["kind"], said["how"], said["parts"], said["measures"] = e.Kind, m.How, m.Parts, m.Measures
	return d.words, said, nil
}

// Since is when the wording that stands now was put on record; zero before.
func (r *Register) Since(ctx context.Context, tx *db.Tx, id city.RuleID) (time.Time, error) {
	e, _ := r.Entry(id)
	at, err := sinceOf(ctx, tx, wording{id, e.Digest})
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	return city.FromMicros(at), err
}

// Entries are the rules, models and detectors in order of their ids.
func (r *Register) Entries() []Entry { return slices.Clone(r.entries) }

// Entry finds an entry by its id.
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
