package citizen

import (
	"net/url"
	"time"

	"yiwang/city"
	"yiwang/web"
	"yiwang/web/receipt"
)

// Matters is the list of the reader's matters.
type Matters struct {
	Others []Acting // whom else the reader may act for; empty hides the choice
	Drafts []DraftLine
	Open   []Matter
	Closed []Matter
	Pages  web.Pages // of the closed ones
}

// DraftLine is an application that was begun and not sent.
type DraftLine struct {
	Item    city.Text
	For     string
	Saved   time.Time
	Href    string
	Discard string // page that asks before throwing it away
}

// FindMatter is the page where somebody without an account finds a matter by
// its number.
type FindMatter struct {
	Number string
	Fault  city.Message
	Found  *Matter // where it stands, without whose it is
}

// Case is a matter as the applicant sees it.
type Case struct {
	Number   city.CaseNumber
	Name     city.Text
	Subject  string // firm or person it is about, "" for the reader
	State    web.Tagged
	Tell     city.Text    // the pack's sentence for the stage
	TellArgs []any        // name, value pairs for the places in Tell
	Then     city.Message // who acts next and by when
	Sent     bool         // it was sent a moment ago: show the number large
	Soon     bool         // an answer is expected within seconds: the page looks again by itself

	Notice   city.Message // why what was just sent did not take effect; empty for nothing
	Todo     *Todo
	Decision *Decision
	Licences []LicenceLine
	Rate     *RateBox
	Related  []Matter // opened from it: a review, the follow-up of a bad rating

	Steps    []web.Step
	Clock    *web.Clock
	Looks    []Look
	Receipts receipt.Offer
	Answers  []CheckPart
	Withdraw string // pages of what the applicant may do now; "" hides them
	Urge     string
	Delegate string

	LooksHidden bool // only the person sees who looked
}

// Todo is what the matter waits for from the applicant: a correction, said once
// with all its points.
type Todo struct {
	Points []string // as the officer wrote them
	Due    time.Time
	Href   string
}

// Decision is how the matter was decided, and what can be done about it.
type Decision struct {
	Granted bool
	Ended   bool      // closed without a yes or no
	Open    bool      // not decided: why a rule gave it to a person
	Rule    *web.Link // the rule that granted, nil when a person decided
	By      city.Text // body and post that decided
	At      time.Time
	Clauses []Clause
	Reasons []string // of a refusal
	Appeal  city.Text
	Review  string // page that asks a person to look again, "" when that is over
}

// Clause is one condition of a rule and how it came out.
type Clause struct {
	Text  city.Text
	Holds bool
	Fact  string    // what it was judged by: "1941-03-12"
	From  city.Text // where that came from
	Legal city.Text
}

// RateBox asks for a rating, or shows the one given.
type RateBox struct {
	Action string // address to post to, "" when it was rated
	Given  int
	At     time.Time
	Words  string
	Answer string // what the office answered
	Fault  city.Message
}

// Look is one use of the reader's data.
type Look struct {
	At      time.Time
	Who     city.Text // the post; a name only where the pack says so
	Body    city.Text
	Purpose city.Text
	What    []city.Text // fields that were read
	Case    city.CaseNumber
	Href    string
	Receipt string // address of the receipt about it; "" offers none
}

// Supply answers a request for correction.
type Supply struct {
	Number city.CaseNumber
	Name   city.Text
	Points []string
	Due    time.Time
	Fields []web.Field
	Others []city.Field
	Action string
	Files  bool
	Hidden url.Values
}
