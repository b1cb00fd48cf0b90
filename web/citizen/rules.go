package citizen

import (
	"time"

	"yiwang/city"
)

// RuleLine is a rule in the public register.
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
