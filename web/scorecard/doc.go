// Package scorecard serves how the city keeps its word: the figures of a month, each
// of which opens the cases behind it; the monthly report as a page, a printed form
// and a table that are made of the same lines; and, once a month was published, the
// page for everybody.
package scorecard
