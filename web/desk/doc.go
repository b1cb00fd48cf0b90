// Package desk is the officer's desk under /desk: what waits, the case in front
// of them, the next steps. It decides nothing: it asks the engine what may be
// done, shows why, and sends what the officer says together with the version
// that was looked at and a key that makes a repeat harmless.
//
// Each page is a component over a plain struct. Handlers fill the struct inside
// one snapshot of the database; every look at a case is on record first, and
// what can't be recorded isn't shown.
package desk
