// Package scorecard serves the monthly report of how the city kept its word: a
// page, a printed form and a table that are made of the same lines, and, once a
// month was published, the page for everybody.
package scorecard
