// Package identity knows who asks: accounts of residents and officers, signing in
// by password or passkey, sessions and API tokens, and leave to act for another
// person or a firm. Secrets are kept as hashes only: passwords with Argon2id,
// tokens and codes as digests. What it hands out is a city.Actor; what that actor
// may do is for package access to say.
package identity
