// Package rule decides by written rules and says why.
//
// A rule is a list of dated versions, a version a list of clauses, a clause one
// condition in CEL (https://cel.dev) with its legal reference and a sentence in
// each language. Facts are typed and say where they come from. Evaluate looks at
// every clause of the version in force on the day and gives a Verdict:
//
//   - grant: every clause holds.
//   - to_officer: a clause does not hold, or can't be worked out, or no version
//     is in force. The verdict names the clause that decided and its sentence.
//   - need: no clause speaks against it, and facts are missing; they are named.
//
// There is no refusal: only a person may refuse. A clause that is decided without
// a missing fact (true || x) doesn't ask for it. As soon as one clause fails the
// case goes to an officer even when other clauses miss facts: nothing that the
// applicant could bring would make the rule grant, so nobody is sent for papers
// in vain, and the officer sees in Missing what is not known yet and can ask for
// it once, together with everything else.
//
// A verdict depends on nothing but the definition, the day and the facts, so it
// can be replayed; Verdict.Digest tells whether the version is still the same.
//
// The language of the expressions is CEL's standard library with macros, and a
// type date with
//
//	today                      the day of the decision (rules only)
//	date('2026-01-31')         a day; a literal is checked when the rule is compiled
//	years(a, b), months(a, b)  full years or months from a to b; negative when b is earlier
//	days(a, b)                 days from a to b
//	add_years(d, n), add_months(d, n), add_days(d, n)
//	year(d), month(d), day(d)  the parts of a day, from 1
//	string(d), d1 < d2, d1 == d2 and their siblings
//
// Expressions are bounded in length, nesting, cost and regular expressions, and
// stop when the context does.
//
// Condition and Expression are single expressions over variables that the caller
// declares: forms, items and kinds use them.
package rule
