// Package grant lets holders say what a licence may be used for: shown to somebody for
// one purpose, by a code that counts for a minute, or handed over as an annotated copy
// (加注件) that counts until a day the holder chose. Each grant has a place on a status
// list, so ending one ends what was shown and copied under it.
//
// What a grant is for and for whom are the holder's own words; they are sealed. Uses
// are what the city can know: codes it made, copies it printed, and checks by offices
// that were signed in. Whoever checks without signing in leaves no trace.
//
// Policies see these actions, on a Grant with type, and person or firm: grant.make,
// grant.list, grant.show (codes and copies) and grant.end. On a Grant with nothing:
// grant.report, for offices that check.
package grant
