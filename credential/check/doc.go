// Package check says whether a code is genuine and holds (Verify), and is the one
// place that does: the city's server, its commands and the page that works in a
// browser without a network judge by it, and so give the same reasons.
//
// It reads licences' and pass codes (YW1), health certificates of the European
// Union (HC1), SD-JWT credentials, licence numbers and signed status lists (CWT and
// JWT), and relies on nothing but the keys and lists in a Trust and a moment. What
// it reads it also writes, so that both sides of a format stand side by side.
//
// It knows no database and no network.
package check
