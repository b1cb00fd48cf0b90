package app

import (
	"io"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/pack"
)

// TrackFile looks in files of positions for what a city's rules know, with what is on
// record in the city's folder: without a database, and nobody is told.
type TrackFile struct {
	pack  *pack.City
	rules *detect.Rules
	books map[city.Date]*register.Book
}

// mostBooks bounds the days whose books are held at one time.
const mostBooks = 64

// NewTrackFile makes the rules ready. A city without any is refused.
func NewTrackFile(p *pack.City) (*TrackFile, error) {
	if len(p.Detection.Detectors) == 0 {
		return nil, city.Invalid("cli.track.no_rules")
	}
	rules, err := detect.NewRules(p.Detection.Number, p.Zone)
	return &TrackFile{pack: p, rules: rules, books: map[city.Date]*register.Book{}}, err
}

// Detect looks through a table of positions; see track.Rows for its columns.
func (t *TrackFile) Detect(open func() (io.ReadCloser, error), columns map[string]string, progress func(int64)) (*detect.Found, error) {
	return t.rules.Table(detect.Source{Open: open, Columns: columns, Progress: progress, Book: t.book, Ground: groundOf(t.pack.Roads)})
}

func (t *TrackFile) book(day city.Date) *register.Book {
	b := t.books[day]
	if b == nil {
		if len(t.books) >= mostBooks {
			clear(t.books)
		}
		b = t.pack.Book(day)
		t.books[day] = b
	}
	return b
}

// Say is what people call the rule of a matter, and what was noticed in a sentence.
func (t *TrackFile) Say(m detect.Matter) (rule, text city.Text) {
	for _, d := range t.pack.Detection.Detectors {
		if d.ID == m.Rule {
			book := t.book(city.DateOf(city.FromMicros(m.From).In(t.pack.Zone)))
			return d.Name, d.Say(fleet.Told(book, m.Finding), t.pack.Zone)
		}
	}
	return city.Text{ZhHans: m.Rule, En: m.Rule}, city.Text{}
}
