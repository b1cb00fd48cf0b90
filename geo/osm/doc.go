// Package osm reads road networks from OpenStreetMap files: XML and PBF, plain or
// packed with gzip. Of all that such a file holds it takes the ways that motor
// vehicles may drive, in the form in which a city pack keeps roads.
//
// The files come from outside: every length is bounded, and what makes no sense is
// refused with a reason. (The usual Go library for PBF gives up the whole program
// over single nodes outside dense groups and over numbers of strings that are not
// there; it stands beside this reader in the tests.)
package osm
