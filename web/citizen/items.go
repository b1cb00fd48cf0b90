package citizen

import (
	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/web"
)

// Search is a list of items: what was found, or all of a life event.
type Search struct {
	Query   string
	For     string // "", "person" or "firm": whom the items are for
	Items   []Item
	Pages   web.Pages
	Similar []web.Link // other words to try when nothing was found
}

// Item is one line of a list of items.
type Item struct {
	Name      city.Text
	Summary   city.Text
	Body      city.Text
	Href      string
	Online    bool // from beginning to end
	Instant   bool // a rule may grant it at once
	Free      bool
	Visits    int
	Committed city.Limit
	Bare      bool // taken over from a list; its guide is still to be written
}

// LifeEvent is a page of several items that belong to one thing in life.
type LifeEvent struct {
	Event
	Items []Item
}

// Guide is everything about one item that somebody wants to know before
// beginning. What is empty is not shown.
type Guide struct {
	Name      city.Text
	Summary   city.Text
	Body      city.Text
	Code      string
	Bare      bool // the guide is still to be written
	ForPerson bool
	ForFirm   bool
	Delegable bool // a relative may do it

	Start string   // address to post to, "" when it can't be begun here
	Draft string   // page of the application begun earlier, "" for none
	Here  string   // the guide's own address
	For   []Acting // on whose behalf it can be begun; none when there is only the reader

	Online      bool
	Instant     bool
	Visits      int
	VisitReason city.Text
	Committed   city.Limit
	Statutory   city.Limit
	Fees        []Fee // none means free
	Result      city.Text

	Conditions []city.Text
	Rule       *web.Link // the rule that may grant it, in the register
	Scenarios  []Scenario
	Materials  []Material // needed in every case
	Stages     []Stage
	Text       templ.Component // the pack's own words, already markup; may be nil
	Questions  []Question
	Legal      []Basis
	Appeal     city.Text
	Phone      string
	Complaint  string
	Places     []Counter
}

// Fee is one charge.
type Fee struct {
	Name  city.Text
	Fen   int64
	Basis city.Text
}

// Scenario is a situation with its own list of papers.
type Scenario struct {
	Name      city.Text
	Materials []Material
}

// MaterialFrom says who brings a paper.
type MaterialFrom string

const (
	FromCity      MaterialFrom = "city"      // the city fetches it with the holder's yes
	FromApplicant MaterialFrom = "applicant" // the applicant brings or uploads it
	FromOther     MaterialFrom = "other"     // somebody else issues it
)

// Material is a paper that an item needs.
type Material struct {
	Name    city.Text
	From    MaterialFrom
	Need    string // required, optional, deferred
	Explain city.Text
}

// Stage is one part of the way that an application goes.
type Stage struct {
	Name  city.Text
	Tell  city.Text
	Limit city.Limit
}

// Question is a question that people ask, with its answer.
type Question struct{ Q, A city.Text }

// Basis is a law that the item rests on.
type Basis struct{ Title, Article city.Text }

// Counter is a place with people.
type Counter struct {
	Name    city.Text
	Address city.Text
	Hours   city.Text
	Phone   string
	Open    bool // at this moment
}
