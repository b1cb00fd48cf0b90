// Package credential issues, shows, checks and revokes the licences that a city
// gives (电子证照).
//
// A licence has a number (Number, GB/T 36904), lies as a row in the city's
// database, and travels as a compact code: a signed statement short enough for a
// QR code, which anybody can check without asking the city (Verify). A signed
// status list says which licences have been suspended or revoked since.
//
// What a code proves: the city whose key signed it issued this licence. What
// only a status list or the city's own records can add: that it still holds.
//
// Policies see these actions. On a Credential with type, body, person, firm, case
// and status, and the posts approver and head of the body: credential.issue
// (without a status), credential.read,
// credential.suspend, credential.restore, credential.revoke. On a Holder with
// person and firm: credential.list, and credential.fetch with type, body (the
// issuer) and case beside them.
package credential
