// Package city holds the words that every other package shares: typed
// identifiers, the actor who asks, places and regions, bilingual texts, errors
// with a kind, the clock and the working calendar. It does no I/O and imports
// nothing of Yiwang.
package city
