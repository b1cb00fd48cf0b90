// Package field is the face of those who work outside: on a telephone, with one
// hand, in the sun, and where there is no signal. What waits for an officer, how
// far they have come with it, pictures before and after, what a grid worker
// notices on the way.
//
// Every form works without scripts. With them it goes through an outbox on the
// telephone first: it carries a key that was made when the person pressed the
// button, and however often it is sent, it counts once. The worker script keeps
// the pages that were last seen, of whoever is signed in and nobody else.
package field
