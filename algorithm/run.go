package algorithm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/rule"
)

// Matter is what a rule is asked to decide, and for whom.
type Matter struct {
	Case      city.CaseNumber
	Item      city.ItemCode // what the case is about, if an item
	Applicant city.PersonID
	Firm      city.FirmID
	Body      city.BodyID // that answers for the case
	Region    city.RegionCode
	Key       journal.KeyID // the case's: the facts are sealed under it and erased with it
	// Once, when set, makes a repeat return the first run.
	Once string
}

// Run is one decision of a rule, with everything that explains it.
type Run struct {
	ID        city.RunID
	Case      city.CaseNumber
	Item      city.ItemCode
	Applicant city.PersonID
	Firm      city.FirmID
	Body      city.BodyID
	At        time.Time
	Name      city.Text    // of the rule
	Verdict   rule.Verdict // Facts without values once the person was erased
	Used      []UsedFact   // the facts, in the order declared
	Digest    string       // of the rule's definition
	Erased    bool
	// Review is the case in which somebody looked again, Finding what came of it.
	Review  city.CaseNumber
	Finding Finding

	region city.RegionCode
	key    journal.KeyID
}

// UsedFact is a fact that a rule looked at, as people read it.
type UsedFact struct {
	Name   string
	Label  city.Text
	Type   rule.Type
	Source rule.Source
	Fact   rule.Fact
}

// Finding is what a person found who looked again at a decision.
type Finding string

const (
	Upheld    Finding = "upheld"
	Corrected Finding = "corrected"
)

// record is the part of a run that is no personal value.
type record struct {
	Today   city.Date         `json:"today"`
	Version city.Date         `json:"version,omitzero"`
	Digest  string            `json:"digest,omitempty"`
	Clauses []clauseRecord    `json:"clauses"`
	Missing []string          `json:"missing,omitempty"`
	Sources map[string]string `json:"sources,omitempty"` // by fact
}

type clauseRecord struct {
	ID      string     `json:"id"`
	State   rule.State `json:"state"`
	Facts   []string   `json:"facts,omitempty"` // names of those that the clause looks at
	Missing []string   `json:"missing,omitempty"`
	Error   string     `json:"error,omitempty"`
}

func runResource(m Matter, id city.RuleID) access.Resource {
	return access.Resource{Type: "Run", Region: m.Region, Attrs: access.Attrs{
		"rule": string(id), "case": string(m.Case), "item": m.Item, "applicant": m.Applicant, "firm": m.Firm, "body": m.Body}}
}

// Run lets the rule speak about the facts today and keeps what it said, in the
// transaction of the decision. A context that ends before the rule has spoken
// leaves nothing.
func (r *Register) Run(ctx context.Context, tx *db.Tx, actor city.Actor, id city.RuleID, m Matter, facts map[string]rule.Fact) (Run, error) {
	if err := r.access.Ask(ctx, actor, "run.record", runResource(m, id)); err != nil {
		return Run{}, err
	}
	c, ok := r.current[id]
	if !ok {
		return Run{}, city.NotFound("algorithm.no_rule", "rule", string(id))
	}
	if m.Once != "" {
		row, err := runByOnce(ctx, tx, m.Once)
		if err == nil {
			return r.open(ctx, tx, row)
		}
		if !errors.Is(err, db.ErrNoRows) {
			return Run{}, err
		}
	}
	now := city.FromMicros(city.Micros(r.clock.Now()))
	v, err := c.rule.Evaluate(ctx, city.DateOf(now.In(r.cal.Zone)), facts)
	if err != nil {
		return Run{}, err
	}
	run := Run{ID: city.NewRunID(), Case: m.Case, Item: m.Item, Applicant: m.Applicant, Firm: m.Firm, Body: m.Body, At: now,
		Name: c.rule.Definition().Name, Verdict: v, Digest: c.digest, region: m.Region, key: m.Key}
	run.Used = used(c.rule.Definition(), v)
	sealed, err := r.journal.Vault().Seal(ctx, tx, m.Key, v.Facts)
	if err != nil {
		return Run{}, err
	}
	data, err := json.Marshal(recordOf(v))
	if err != nil {
		return Run{}, err
	}
	insertRun(tx, run, m, string(data), sealed)
	count(tx, id, r.month(now), counted(v)...)
	said := map[string]any{"rule": id, "version": v.Version, "outcome": v.Outcome, "deciding": v.Deciding}
	return run, r.journal.Append(ctx, tx, journal.Event{At: now, Type: "algorithm.ran", Subject: run.ID.String(), Actor: actor,
		Public: said, Data: map[string]any{"rule": id, "version": v.Version, "digest": v.Digest, "outcome": v.Outcome,
			"deciding": v.Deciding, "case": m.Case, "run": run.ID}})
}

func recordOf(v rule.Verdict) record {
	rec := record{Today: v.Today, Version: v.Version, Digest: v.Digest, Missing: v.Missing, Sources: map[string]string{}}
	for _, c := range v.Clauses {
		rec.Clauses = append(rec.Clauses, clauseRecord{c.ID, c.State, c.Facts, c.Missing, c.Error})
	}
	for name, f := range v.Facts {
		rec.Sources[name] = f.Source
	}
	return rec
}

// used lists the facts of a verdict as the definition declares them.
func used(def rule.Definition, v rule.Verdict) []UsedFact {
	var out []UsedFact
	for _, d := range def.Facts {
		f, ok := v.Facts[d.Name]
		if !ok {
			continue
		}
		src, err := rule.ParseSource(d.Source)
		if err != nil {
			panic(err) // definitions are checked before they are kept
		}
		if n, err := d.Type.Normal(f.Value); err == nil {
			f.Value = n
		}
		out = append(out, UsedFact{Name: d.Name, Label: d.Label, Type: d.Type, Source: src, Fact: f})
	}
	return out
}

// open makes a run of its row, the facts unsealed where they still can be.
func (r *Register) open(ctx context.Context, tx *db.Tx, row runRow) (Run, error) {
	def, err := r.definition(ctx, tx, wording{row.rule, row.Digest})
	if err != nil {
		return Run{}, err
	}
	run := row.Run
	run.Name = def.Name
	v := rule.Verdict{Rule: row.rule, Outcome: row.outcome, Today: row.data.Today, Version: row.data.Version,
		Digest: row.data.Digest, Deciding: row.deciding, Missing: row.data.Missing, Facts: map[string]rule.Fact{}}
	err = r.journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &v.Facts)
	if errors.Is(err, journal.ErrErased) {
		run.Erased, err = true, nil
		for name, src := range row.data.Sources {
			v.Facts[name] = rule.Fact{Source: src}
		}
	}
	if err != nil {
		return Run{}, err
	}
	v.Clauses = clausesOf(def, row.data)
	run.Verdict = v
	run.Used = used(*def, v)
	return run, nil
}

// clausesOf puts the words of the definition to what was kept of each clause.
func clausesOf(def *rule.Definition, rec record) []rule.ClauseResult {
	out := make([]rule.ClauseResult, 0, len(rec.Clauses))
	i := slices.IndexFunc(def.Versions, func(v rule.Version) bool { return v.From == rec.Version })
	for _, c := range rec.Clauses {
		res := rule.ClauseResult{ID: c.ID, State: c.State, Facts: c.Facts, Missing: c.Missing, Error: c.Error}
		if i >= 0 {
			for _, d := range def.Versions[i].Clauses {
				if d.ID != c.ID {
					continue
				}
				res.Text, res.Otherwise, res.Legal = d.Text, d.Otherwise, d.Legal
				if res.Otherwise.IsZero() {
					res.Otherwise = d.Text
				}
			}
		}
		out = append(out, res)
	}
	return out
}

// RunsOf lists the decisions that rules made in a case, oldest first, with the
// facts they used. The person concerned may read them, and an officer of the body
// whose look at the case is on record (casework.Look).
func (r *Register) RunsOf(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Run, error) {
	rows, err := runsOfCase(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	var out []Run
	for _, row := range rows {
		run, err := r.read(ctx, tx, actor, row)
		if err != nil {
			return nil, err
		}
		out = append(out, run)
	}
	return out, nil
}

// Find reads one run.
func (r *Register) Find(ctx context.Context, tx *db.Tx, actor city.Actor, id city.RunID) (Run, error) {
	row, err := found(runByID(ctx, tx, id))
	if err != nil {
		return Run{}, err
	}
	return r.read(ctx, tx, actor, row)
}

// About lists the decisions that rules made about the person whom the actor
// stands for, newest first, before the moment given (zero: from now).
func (r *Register) About(ctx context.Context, tx *db.Tx, actor city.Actor, before time.Time, limit int) ([]Run, error) {
	if limit <= 0 || limit > 200 {
		limit = 30
	}
	rows, err := runsOfApplicant(ctx, tx, actor.Applicant(), before, limit)
	if err != nil {
		return nil, err
	}
	var out []Run
	for _, row := range rows {
		run, err := r.read(ctx, tx, actor, row)
		if city.KindOf(err) == city.KindForbidden {
			continue // made for a firm that the actor does not stand for now
		}
		if err != nil {
			return nil, err
		}
		out = append(out, run)
	}
	return out, nil
}

func found(row runRow, err error) (runRow, error) {
	if errors.Is(err, db.ErrNoRows) {
		return row, city.NotFound("algorithm.no_run")
	}
	return row, err
}

func (r *Register) read(ctx context.Context, tx *db.Tx, actor city.Actor, row runRow) (Run, error) {
	if err := r.access.Ask(ctx, actor, "run.read", row.resource()); err != nil {
		return Run{}, err
	}
	return r.open(ctx, tx, row)
}

// Replay lets the rule speak again, under the wording and on the day of the run
// and on the facts it had, and says whether it says the same.
func (r *Register) Replay(ctx context.Context, tx *db.Tx, actor city.Actor, id city.RunID) (v rule.Verdict, same bool, err error) {
	run, err := r.Find(ctx, tx, actor, id)
	if err != nil {
		return rule.Verdict{}, false, err
	}
	if run.Erased {
		return rule.Verdict{}, false, city.NotFound("algorithm.erased")
	}
	def, err := r.definition(ctx, tx, wording{run.Verdict.Rule, run.Digest})
	if err != nil {
		return rule.Verdict{}, false, err
	}
	compiled, err := rule.Compile(*def)
	if err != nil {
		return rule.Verdict{}, false, fmt.Errorf("algorithm: the stored rule %s: %w", def.ID, err)
	}
	v, err = compiled.Evaluate(ctx, run.Verdict.Today, run.Verdict.Facts)
	if err != nil {
		return rule.Verdict{}, false, err
	}
	was := run.Verdict
	same = v.Outcome == was.Outcome && v.Deciding == was.Deciding && v.Digest == was.Digest && slices.Equal(v.Missing, was.Missing) &&
		slices.EqualFunc(v.Clauses, was.Clauses, func(a, b rule.ClauseResult) bool { return a.ID == b.ID && a.State == b.State })
	return v, same, nil
}
