package citizen

import (
	"time"

	"yiwang/city"
	"yiwang/web"
)

// Draft is what every page of an application not sent yet shows.
type Draft struct {
	Item  city.Text
	For   string    // whom it is for, "" for the reader
	Saved time.Time // when the answers were last kept; zero when there are none yet
	Leave string    // page to go to when leaving; the answers stay
}

// ApplyStep is one step of the form.
type ApplyStep struct {
	Draft
	N, Of  int
	Next   city.Text // name of the next step, empty on the last
	Title  city.Text
	Hint   city.Text
	Fields []web.Field
	Others []city.Field // faults that belong to no field shown here
	Action string       // address to post to
	Back   string       // the page before
	Files  bool         // the step takes files
}

// ApplyPapers asks for leave to fetch papers that the city holds, one by one,
// and takes those it doesn't hold.
type ApplyPapers struct {
	Draft
	N, Of  int
	Papers []Paper
	Others []city.Field
	Action string
	Back   string
}

// Paper is one paper that the item needs and the city holds. Its answer is
// posted as NAME: "yes" fetches it, "no" leaves it to the applicant.
type Paper struct {
	Name    string
	Title   city.Text
	Explain city.Text
	Fetch   bool // the city may hold it: yes and no are offered

	Number string    // of the licence, shortened as the pack says
	Issuer city.Text // who keeps it
	Until  city.Date
	Chosen string // "", "yes", "no"
	Fields []city.Text
	Upload *web.Field // takes the paper when the answer is no; nil when it is asked for later
	Later  *web.Field // a box to tick: it follows after sending; nil where that won't do
	Fault  city.Message
}

// ApplyCheck is the page of all answers before they are sent.
type ApplyCheck struct {
	Draft
	Parts   []CheckPart
	Promise city.Message // what happens next and by when
	Agree   []web.Field  // statements to agree to
	Others  []city.Field
	Action  string
	Back    string
	Key     string // repeats of one key are one application
}

// CheckPart is a step's answers.
type CheckPart struct {
	Title   city.Text
	Answers []web.Answered
}
