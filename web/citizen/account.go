package citizen

import (
	"time"

	"yiwang/city"
	"yiwang/web"
)

// SignIn is the page that asks who somebody is.
type SignIn struct {
	Login  string
	Fault  city.Message // about the two together: never says which was wrong
	Wait   time.Duration
	Back   string // address to return to
	Demo   []DemoLogin
	Ticket bool // passkeys are offered where a script can use them
}

// DemoLogin is a made-up person of the demonstration city.
type DemoLogin struct {
	Login string
	Who   city.Text
}

// Account is the reader's own account.
type Account struct {
	Name    string
	Login   string
	Methods []city.Text // how one can sign in: password, passkeys by name
	Firms   []web.Link  // firms one may act for
	Notices []Notice
}

// Notice is something the city told the reader.
type Notice struct {
	At   time.Time
	Text city.Message
	Href string
	New  bool
}

// Uses is the list of who looked at the reader's data.
type Uses struct {
	Looks []Look
	Pages web.Pages
}

// Delegations are the leaves that the reader gave and was given.
type Delegations struct {
	Given    []Delegation
	Received []Delegation
	New      []web.Field // fields to give one
	Others   []city.Field
	Action   string
}

// Delegation is a leave to act for somebody.
type Delegation struct {
	Name  string      // the other person
	Items []city.Text // what for; none means everything that allows it
	From  city.Date
	Until city.Date
	End   string // page that ends it, "" when the reader can't
	Act   string // address to post to in order to act on it now
	Now   bool   // the reader acts on it at this moment
}
