package open311

import (
	"context"
	"time"

	"yiwang/city"
)

// Desk is who takes requests and tells of them, in the city's own words. Its
// errors are city errors: not found, refused, not now.
type Desk interface {
	// Services are what can be reported, in the order of the catalogue.
	Services() []Service
	// File takes a report. The same key from the same actor and source gives the
	// first number.
	File(ctx context.Context, actor city.Actor, r Report) (city.CaseNumber, error)
	// Requests are public ones, newest first.
	Requests(ctx context.Context, q Query) ([]Request, error)
	// Updates are what became of public requests between two moments, oldest first.
	Updates(ctx context.Context, since, until time.Time, limit int) ([]Update, error)
	// Remark adds what somebody outside knows about a request, and gives its id.
	Remark(ctx context.Context, actor city.Actor, r Remark) (string, error)
}

// Service is a class of things that can be reported.
type Service struct {
	Code       city.ItemCode
	Name       city.Text
	About      city.Text
	Group      city.Text
	Keywords   []string
	Attributes []Attribute
}

// Attribute is a question of a service. Values is for the datatypes
// singlevaluelist and multivaluelist.
type Attribute struct {
	Code     string
	Datatype string // string, number, datetime, text, singlevaluelist, multivaluelist
	Required bool
	Label    city.Text
	Help     city.Text
	Values   []Choice
}

// Choice is a possible answer.
type Choice struct {
	Key  string
	Name city.Text
}

// Report is what a client sends.
type Report struct {
	Code   city.ItemCode
	Text   string
	Place  city.Place
	Name   string
	Email  string
	Phone  string
	Values map[string]string // answers by attribute; several are parted by commas
	Photos []Photo
	Links  []string // addresses of pictures elsewhere: noted, never fetched
	Key    string   // of idempotency
	Lang   city.Lang
}

// Photo is a picture as it was sent.
type Photo struct {
	Name  string
	Bytes []byte
}

// Query says which requests are asked for.
type Query struct {
	Numbers        []city.CaseNumber // these, whatever else is said
	Codes          []city.ItemCode
	Since, Until   time.Time // of the report; never zero unless Numbers are given
	ChangedSince   time.Time
	Open, Closed   bool    // both or neither: any
	Lat, Lon, Near float64 // within Near metres of the point; 0: anywhere
	Skip, Limit    int
}

// Request is what anybody may see of a report.
type Request struct {
	Number   city.CaseNumber
	Code     city.ItemCode
	Open     bool
	Note     city.Text // where the matter stands
	Text     string
	Body     city.Text
	Reported time.Time
	Changed  time.Time
	Due      time.Time
	Place    city.Place
	Photo    string // address of a picture that anybody may see
}

// Update is one step of a request.
type Update struct {
	ID     string
	Number city.CaseNumber
	Open   bool
	At     time.Time
	Text   city.Text
	Photo  string
}

// Remark is an update from outside.
type Remark struct {
	Number city.CaseNumber
	Text   string
	Name   string
	Email  string
	Phone  string
	Photos []Photo
	Links  []string
	Key    string // the client's own id of the update, or of idempotency
	At     time.Time
}
