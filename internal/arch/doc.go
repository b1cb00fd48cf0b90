// Package arch keeps the house plan: who may import whom, what no part may do,
// that every change asks for leave first, that every sentence stands in the
// catalogue, and that the documents tell the truth about the code. It has tests
// only. Each rule stands beside its reason; where a rule and the code disagree,
// the code is changed, or the plan by an ADR, never the table to make a build
// pass.
package arch
