package citizen

import (
	"yiwang/city"
	"yiwang/web"
)

// Home is the first page: one question, what happens in a life, my matters, and
// what may suit me.
type Home struct {
	Popular []web.Link // items that many look for
	Reports bool       // the city takes reports of what is wrong in the streets
	Events  []Event
	Matters []Matter // the latest few; nil when nobody is signed in
	More    bool     // there are more matters than these
	Offers  []Offer  // what may suit the reader; empty hides the part
}

// Event is a life event.
type Event struct {
	Name    city.Text
	Summary city.Text
	Href    string
}

// Matter is one line of a list of matters.
type Matter struct {
	Name     city.Text
	Whose    string // "小满厨房", "林秀兰"; "" when it is the reader's own
	Href     string
	State    web.Tagged
	Sentence city.Message // where it stands, who acts next, by when
	Tell     city.Text    // or the pack's sentence for the stage, shown before Sentence
	Number   city.CaseNumber
}

// Offer is something the reader may get without having asked, with its grounds.
type Offer struct {
	Name    city.Text
	Grounds city.Message // "您符合全部 3 项条件"
	Href    string       // shows the grounds and asks for a yes
	Why     string       // explains why it is offered, "" hides the link
	Dismiss string       // address to post to so that it is offered no more
}

// ElderHome is the first page in elder mode: few things, all large. The
// telephone always stands first and needs no entry here.
type ElderHome struct {
	Things  []Thing
	Reports bool // as on the other first page
}

// Thing is one large entry. Sign is its round mark: money, health, family,
// paper, matter, search.
type Thing struct {
	Sign  string
	Title city.Text
	Sub   city.Message
	Href  string
}

// signs are the characters in the round marks of elder mode; other languages
// show a drawing.
var signs = map[string]string{"phone": "话", "money": "钱", "health": "看", "family": "家", "paper": "纸", "matter": "事", "search": "找"}

var signIcons = map[string]string{
	"phone": "phone", "money": "money", "health": "health", "family": "family", "paper": "print", "matter": "waiting", "search": "search",
}
