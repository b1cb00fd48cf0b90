// Package tlog keeps the public log (docs/adr/0012): an append-only Merkle tree in
// the C2SP tlog-tiles format that says, of everything the city vouches for, that it
// was so and when, and tells nothing to whoever doesn't hold a receipt. An entry is
// a commitment of 32 bytes, a hash over a salt and a Statement. The salt and the
// statement lie sealed in the database under the key of the person they concern:
// erasing the person destroys them and leaves the log as it is.
//
// A Log follows the journal, gives each statement its place in the database's
// transaction, and appends in that order, so that a crash neither loses nor doubles
// an entry. A receipt (c2sp.org/tlog-proof@v1) carries salt, statement, proof and
// the signed checkpoint; Verify needs it and the log's key, and nothing else.
package tlog
