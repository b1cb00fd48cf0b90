// Package trustlist says whose licences a city believes that are not its own. A list
// of two layers is signed, and checked without a network: who the regions are, by an
// anchor whose key the operator was given by hand; and which keys sign what in a
// region, by the region. What was once taken is kept, so that an old licence is judged
// by its day.
//
// Both lists are JSON in a JWS in compact form (RFC 7515), signed with EdDSA, ES256 or
// SM2 (docs/adr/0014).
package trustlist
