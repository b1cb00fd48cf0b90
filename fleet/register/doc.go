// Package register holds what the city has on record about those who make, sell,
// keep, carry, use and get rid of dangerous goods, and about the vehicles that are
// watched: firms and their sites, licences, storages, equipment, certificates,
// vehicles, ships, routes, substances, transport sheets, past events, and beside
// them the places where anybody stops and the zones closed to dangerous goods. It
// is pure: no clock, no files, no database.
//
// Every record comes in versions. A version governs from its first day until the
// next one's; one with a last day ends the record there. Ref names a version, so
// that what was found can say what it rests on for good.
//
// A Book is what is on record on one day, with indexes for those who ask about
// every position of every vehicle. It never changes, so many may read it at once,
// and looking something up allocates nothing. Records reached through a Book must
// not be changed.
//
// Persons don't stand here. A driver or an escort is a certificate, and a
// certificate goes by a keyed digest of its number.
package register
