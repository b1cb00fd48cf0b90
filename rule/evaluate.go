package rule

import (
	"context"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"yiwang/city"
)

// Outcome is what a rule says. None of them is a refusal.
type Outcome string

const (
	Grant     Outcome = "grant"      // every clause holds
	ToOfficer Outcome = "to_officer" // a person decides
	Need      Outcome = "need"       // facts are missing
)

// Valid reports whether there is such an outcome.
func (o Outcome) Valid() bool { return o == Grant || o == ToOfficer || o == Need }

// State is how one clause came out.
type State string

const (
	Holds   State = "holds"
	Fails   State = "fails"   // it does not hold
	Broken  State = "broken"  // it couldn't be worked out; Error says why
	Unknown State = "unknown" // facts are missing
)

// Fact is a value with where it was read. A nil Value is the same as no fact.
type Fact struct {
	Value  any       `json:"value"`
	Source string    `json:"source"`        // as declared, such as "register:person.birth_date"
	Ref    string    `json:"ref,omitempty"` // what exactly was read: a licence number, an exchange call
	At     time.Time `json:"at,omitzero"`   // when
}

// ClauseResult is one clause's part of a verdict.
type ClauseResult struct {
	ID        string    `json:"id"`
	State     State     `json:"state"`
	Text      city.Text `json:"text"`
	Otherwise city.Text `json:"otherwise"` // the clause's own, or Text when it has none
	Legal     city.Text `json:"legal"`
	Facts     []string  `json:"facts"`             // facts the clause names, in the order declared
	Missing   []string  `json:"missing,omitempty"` // of these, those without which it can't be decided
	Error     string    `json:"error,omitempty"`   // for the officer and the log, when broken; never a fact's value
}

// Sentence is what to say about the clause: the condition when it holds or is
// open, and otherwise what is said when it doesn't.
func (c ClauseResult) Sentence() city.Text {
	if c.State == Fails {
		return c.Otherwise
	}
	return c.Text
}

// Verdict is what a rule says about facts on a day, with everything that explains
// it.
type Verdict struct {
	Rule     city.RuleID     `json:"rule"`
	Outcome  Outcome         `json:"outcome"`
	Today    city.Date       `json:"today"`
	Version  city.Date       `json:"version,omitzero"`   // first day of the version; zero when none is in force
	Digest   string          `json:"digest,omitempty"`   // fingerprint of the version
	Deciding string          `json:"deciding,omitempty"` // the clause that leads to an officer; "" when no version is in force
	Clauses  []ClauseResult  `json:"clauses"`            // every clause, in order
	Facts    map[string]Fact `json:"facts"`              // facts given that the clauses name
	Missing  []string        `json:"missing,omitempty"`  // in the order declared; for to_officer what the officer doesn't know yet
}

// DecidingClause gives the clause that leads to an officer.
func (v Verdict) DecidingClause() (ClauseResult, bool) {
	for _, c := range v.Clauses {
		if v.Deciding != "" && c.ID == v.Deciding {
			return c, true
		}
	}
	return ClauseResult{}, false
}

// Evaluate says what the rule says on the day. Facts that no clause names are
// ignored and don't appear in the verdict. The deciding clause is the first that
// plainly doesn't hold, or else the first that is broken: a reason in law is worth
// more than a fault of data. The error is only for a context that ended; there is
// no verdict then, and the same call may be made again.
func (r *Rule) Evaluate(ctx context.Context, today city.Date, facts map[string]Fact) (Verdict, error) {
	out := Verdict{Rule: r.def.ID, Outcome: Grant, Today: today, Facts: map[string]Fact{}}
	if err := ctx.Err(); err != nil {
		return Verdict{}, err
	}
	v := r.on(today)
	if v == nil {
		out.Outcome = ToOfficer
		return out, nil
	}
	out.Version, out.Digest = v.From, v.digest
	out.Facts = make(map[string]Fact, len(v.names))
	values := values{v.index, make([]ref.Val, len(v.index))}
	values.set("today", Date, today)
	for _, name := range v.names {
		if f, ok := facts[name]; ok && f.Value != nil {
			out.Facts[name] = f
			values.set(name, r.types[name], f.Value)
		}
	}
	out.Clauses = make([]ClauseResult, 0, len(v.clauses))
	var fails, broken string
	for i := range v.clauses {
		c := &v.clauses[i]
		res, err := c.p.run(ctx, values)
		if err != nil {
			return Verdict{}, err
		}
		cr := ClauseResult{ID: c.ID, Text: c.Text, Otherwise: c.Otherwise, Legal: c.Legal, Facts: c.facts, State: Holds}
		if cr.Otherwise.IsZero() {
			cr.Otherwise = c.Text
		}
		switch {
		case res.err != nil:
			cr.State, cr.Error = Broken, res.err.Error()
			if broken == "" {
				broken = c.ID
			}
		case res.missing != nil:
			cr.State, cr.Missing = Unknown, r.inOrder(res.missing)
			out.Missing = append(out.Missing, cr.Missing...)
		case res.value != types.True:
			cr.State = Fails
			if fails == "" {
				fails = c.ID
			}
		}
		out.Clauses = append(out.Clauses, cr)
	}
	if len(out.Missing) > 0 {
		out.Outcome, out.Missing = Need, r.inOrder(out.Missing)
	}
	switch {
	case fails != "":
		out.Outcome, out.Deciding = ToOfficer, fails
	case broken != "":
		out.Outcome, out.Deciding = ToOfficer, broken
	}
	return out, nil
}

// sameNames compares sets.
func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
