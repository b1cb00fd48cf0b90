package citizen

import (
	"time"

	"yiwang/city"
	"yiwang/web"
)

// SignIn is the page that asks who somebody is.
type SignIn struct {
	Login    string
	Fault    city.Message // about the two together: never says which was wrong
	Wait     time.Duration
	Back     string // address to return to
	Demo     []DemoLogin
	Passkey  *web.Passkey // nil where passkeys are off
	Activate string       // page that sets a password with a code from a counter

	Keep      string // a form that was sent too late; it goes on after signing in
	Kept      bool   // it held answers
	KeptFiles bool   // and files, which have to be chosen again
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
	Firms   []web.Link // firms one may act for
	Notices []Notice

	Passkeys       []PasskeyLine
	NewPasskey     *web.Passkey // nil where passkeys are off or there are enough
	Again          string       // address to sign in again first, before a passkey can be added
	Sessions       []SessionLine
	EndOthers      string      // address to post to that ends all other sessions, "" when there are none
	Password       []web.Field // changes the password
	PasswordAction string
	Others         []city.Field // faults that belong to no field
	Done           city.Message // what was just done

	Tokens      string // page of the keys for programs
	MoreNotices string // page of all notices
}

// Notices are all that the city told the reader.
type Notices struct {
	Notices []Notice
	Unread  int
	Action  string // address to post to: all of them were read
	Pages   web.Pages
}

// Tokens are the keys by which programs act for the reader.
type Tokens struct {
	Tokens []TokenLine
	Secret string // of one just made, shown this once
	New    []web.Field
	Others []city.Field
	Action string
}

// TokenLine is a key for a program.
type TokenLine struct {
	Name   string
	Scopes []string
	Used   time.Time
	Until  time.Time
	End    string // address to post to
}

// Acting is somebody for whom the reader may act.
type Acting struct {
	Choice string // what is posted to PathActing as "for"; "" is the reader
	Name   city.Text
	Firm   bool
	Now    bool
}

// PasskeyLine is a passkey of the reader.
type PasskeyLine struct {
	Name    string
	Created time.Time
	Used    time.Time
	Remove  string // address to post to, "" when it is the only way in
}

// SessionLine is a place where the reader is signed in.
type SessionLine struct {
	Device  string
	Address string
	Seen    time.Time
	Here    bool   // this browser
	End     string // address to post to
}

// Activate is the page that sets login and password with a code from a counter.
type Activate struct {
	Fields []web.Field
	Others []city.Field
	Action string
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
	Family   []Relative // relatives who may be given leave without typing who they are
	Acting   []Acting   // whom the reader may act for, themselves first; empty hides the choice
	Given    []Delegation
	Received []Delegation
	New      []web.Field // fields to give one
	Others   []city.Field
	Action   string
}

// Relative is somebody of the family whom the register knows.
type Relative struct {
	Name string
	Kind city.Text // "女儿", "mother"
	Href string    // page that gives leave
}

// Delegation is a leave to act for somebody.
type Delegation struct {
	Name   string      // the other person
	Items  []city.Text // what for; none means everything that allows it
	From   city.Date
	Until  city.Date
	State  web.Tagged
	Accept string // address to post to in order to take it on; "" once that is done
	End    string // page that ends it, or declines it; "" when the reader can't
	Mine   bool   // the reader was given it, and gives it back
	Act    string // address to post to in order to act on it now, or to stop with "stop"
	Now    bool   // the reader acts on it at this moment
}
