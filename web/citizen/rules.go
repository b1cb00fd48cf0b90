package citizen

import (
	"time"

	"yiwang/city"
	"yiwang/web/receipt"
)

// RuleGroup are the entries of one kind in the public register.
type RuleGroup struct {
	Title city.Text
	Help  city.Text
	Lines []RuleLine
}

// RuleLine is a rule, model or detector in the public register.
type RuleLine struct {
	Name    city.Text
	Purpose city.Text
	Owner   city.Text
	Href    string
}

// Rule is one version of a rule as anybody may read it.
type Rule struct {
	Name    city.Text
	Purpose city.Text
	Owner   city.Text // the body that answers for it
	Item    city.Text // what it decides about
	ItemURL string

	From     city.Date // in force since
	Clauses  []RuleClause
	Facts    []RuleFact
	Tests    []RuleTest
	Versions []RuleVersion // all of them, the newest first; one alone is not listed

	Runs      int // since Since
	Granted   int
	ToOfficer int
	Since     time.Time

	Receipts receipt.Offer // of its wordings
}

// RuleClause is one condition: as a sentence, in law, and as it is computed.
type RuleClause struct {
	Text  city.Text
	Legal city.Text
	When  string // the expression itself
}

// RuleFact is something the rule reads about a person.
type RuleFact struct {
	Name city.Text
	From city.Text
}

// RuleTest is a case that the rule is tried on before it may run.
type RuleTest struct {
	Name    string
	Verdict city.Text
}

// RuleVersion is a version by the day it came into force.
type RuleVersion struct {
	From city.Date
	Href string
	Here bool
}

// Model is a model or detector as anybody may read it.
type Model struct {
	Name    city.Text
	Purpose city.Text
	Kind    city.Text
	Owner   city.Text
	Since   time.Time // zero before it was put on record

	Effect     city.Text
	Human      city.Text
	Appeal     city.Text
	Facts      []RuleFact
	Legal      []city.Text
	Parameters []city.Text

	Trial  *Trial // nil when it was not tried
	Record Turned

	Receipts receipt.Offer // of its wordings
}

// Trial is how a model did when it was tried.
type Trial struct {
	Right     city.Text // the first measure as a sentence
	Commonest city.Text // and what guessing comes to; may be empty
	How       city.Text
	At        time.Time
	Rows      []TrialRow
}

// TrialRow is one thing that was counted in a trial.
type TrialRow struct {
	What     city.Text
	Hits, Of int
}

// Turned is how what a model said turned out.
type Turned struct {
	Said, Right, Wrong int
	Did                []TurnedRow
	Months             []TurnedRow
	Instead            []city.Text // what it was instead, the most frequent first
}

// TurnedRow counts claims of one sort.
type TurnedRow struct {
	What               city.Text
	Said, Right, Wrong int
}
