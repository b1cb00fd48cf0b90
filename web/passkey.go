package web

import "yiwang/city"

// Passkey is a form that a script completes with the browser's passkey: it asks
// the browser with Options and posts its answer as "response", beside "signed"
// and what else the form holds. It shows itself only where a browser can do that.
type Passkey struct {
	Action  string // address to post to
	Create  bool   // makes a new one; otherwise signs in
	Options string // JSON for navigator.credentials, as the identity package gives it
	Signed  string // the challenge, to come back with the answer
	Back    string // address to return to after signing in
	Keep    string // a form that goes on after signing in
	Do      city.Text
	Name    Field // of a new one: what its owner calls it
}

func passkeyKind(p Passkey) string {
	if p.Create {
		return "create"
	}
	return "get"
}
