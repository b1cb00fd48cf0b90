// Package grant serves the holder's side of a licence: showing it for one purpose,
// printing an annotated copy, and ending either. What is kept and said is in
// credential/grant.
package grant
