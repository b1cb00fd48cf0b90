// Package scorecard holds promise against outcome (administrative accountability,
// glossary id accountability). It follows the journal and can be rebuilt from
// zero; what it knows of a case is codes, times and marks.
//
// # What is counted
//
// The unit is the case. A case belongs to the month in which it was opened, in the
// city's zone, and to the body that handles it; until it is dispatched, to the body
// whose turn it is. Each body answers for the time it had a case: a limit that passes
// while somebody else verifies the work is counted against the verification, and what
// one body was late with does not follow the case to the next. A mark says one thing of a case (it was dispatched, it was given
// back); a figure is the share of the cases with one mark among those with another,
// so that each number is a list of cases. Definitions gives the figures, with texts.
//
// # What events must say
//
//	case.opened, case.<action>
//	    number, kind, item, action, from, stage ("end" when closed), body, due,
//	    result (when closed), counts.rework, region (when opened)
//	incident.reported    number, street, joined
//	incident.dispatched  number, body
//	incident.rated       number, responded, resolved, level
//	rating.given         case, level; rating.set_aside: its subject is the case
//
// # How a year is answered
//
// Each event changes one case's row and, by the difference, the sums of one cell
// (month, body, street, item); times are kept there as a histogram whose steps are
// 4.4% wide. A question reads the cells and never the cases: a million cases in 16
// bodies, 30 streets and 70 classes are some ten thousand cells.
package scorecard
