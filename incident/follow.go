package incident

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Similar is an open matter that a report may belong to.
type Similar struct {
	Number   city.CaseNumber
	Class    city.ItemCode
	Region   city.RegionCode
	Distance float64 // metres; below zero when it isn't known
	At       time.Time
	Reports  int
	Tell     city.Text   // how it stands
	Body     city.BodyID // whose turn it is
}

// Similar lists open matters of the class so near and so recent that they may be
// the same, the nearest first. Only what everybody may see is among them for
// those who are no officers.
func (s *Service) Similar(ctx context.Context, tx *db.Tx, actor city.Actor, class city.ItemCode, p geo.Point) ([]Similar, error) {
	err := s.Access.Ask(ctx, actor, "incident.similar", access.Resource{Type: "Incident", Attrs: access.Attrs{"class": class}})
	if err != nil || p.IsZero() || s.classes[class] == nil {
		return nil, err
	}
	if actor.Kind != city.Officer && actor.Kind != city.System && !s.classes[class].Public {
		return nil, nil
	}
	list, err := s.near(ctx, tx, class, p, s.now())
	if err != nil {
		return nil, err
	}
	return list, s.stand(ctx, tx, actor, list)
}

// stand says of each how it stands and how many have reported it.
func (s *Service) stand(ctx context.Context, tx *db.Tx, actor city.Actor, list []Similar) error {
	for i := range list {
		c, err := s.cases.Get(ctx, tx, program(actor), list[i].Number)
		if err != nil {
			return err
		}
		list[i].Tell, list[i].Body = c.Tell, c.Body
		if list[i].Reports, err = countReports(ctx, tx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) near(ctx context.Context, tx *db.Tx, class city.ItemCode, p geo.Point, now time.Time) (list []Similar, err error) {
	rows, err := openAround(ctx, tx, class, geo.Around(p, s.Settings.Metres), now.Add(-time.Duration(s.Settings.Hours)*time.Hour))
	for _, r := range rows {
		if d := geo.Distance(p, r.at); d <= s.Settings.Metres {
			list = append(list, Similar{Number: r.number, Class: r.class, Region: r.region, Distance: d, At: r.opened})
		}
	}
	slices.SortFunc(list, func(a, b Similar) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Number, b.Number))
	})
	return list, err
}

// Step is something that happened with a matter, as anybody may know it.
type Step struct {
	At   time.Time
	Name string // the action
	Body city.BodyID
	Tell city.Text // what it means for whoever waits
}

// Followed is what a reporter sees of their matter.
type Followed struct {
	Case      casework.Case
	Class     city.ItemCode
	Joined    bool
	Words     string // what they said
	Address   string
	Steps     []Step
	Answer    string // the office's own words with which it ended
	Photos    []Photo
	MayRate   bool
	MayReopen bool
}

// Follow shows a matter to whoever knows its number and the code of a report.
func (s *Service) Follow(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, code string) (f Followed, err error) {
	row, err := s.byCode(ctx, tx, actor, "incident.follow", n, code)
	if err != nil {
		return f, err
	}
	file, err := s.cases.CaseFile(ctx, tx, program(actor), row.number)
	if err != nil {
		return f, err
	}
	in, err := incidentByNumber(ctx, tx, row.number)
	if err != nil {
		return f, missing(err)
	}
	var words said
	if err := s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &words); err != nil && !errors.Is(err, journal.ErrErased) {
		return f, err
	}
	f = Followed{Case: file.Case, Class: in.class, Joined: row.joined, Words: words.Text, Address: words.Address, Steps: s.steps(file.Kind, file.Records),
		MayRate: !file.Open && row.ratedAt == 0}
	if f.Photos, err = followed(ctx, tx, row, round(file.Case)); err != nil {
		return f, err
	}
	for _, r := range file.Records {
		if r.Words.Reason != "" && s.ends(file.Kind, r) {
			f.Answer = r.Words.Reason
		}
	}
	f.MayReopen = slices.ContainsFunc(file.Options, func(o casework.Option) bool { return o.Action == casework.ActReopen })
	return f, nil
}

// CodeOf is the code of the report that the actor made of a matter while signed in,
// so that they need not keep it.
func (s *Service) CodeOf(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (string, error) {
	if err := s.Access.Ask(ctx, actor, "incident.follow", access.Resource{Type: "Incident", ID: string(n)}); err != nil {
		return "", err
	}
	in, err := incidentByNumber(ctx, tx, n)
	if err != nil {
		return "", missing(err)
	}
	person := applicant(actor)
	if person.IsZero() {
		return "", city.NotFound("incident.missing")
	}
	row, err := reportBy(ctx, tx, in.id, person)
	if err != nil {
		return "", missing(err)
	}
	var words said
	err = s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &words)
	if errors.Is(err, journal.ErrErased) || err == nil && !bytes.Equal(row.code, s.digest(n, words.Code)) { // moved here from another number
		return "", city.NotFound("incident.missing")
	}
	return words.Code, err
}

// ends tells whether an action ended the case. Only its words are meant for
// everybody who reported; what offices write to each other, and why another
// reporter had it taken up again, are not.
func (s *Service) ends(kind city.KindID, r casework.Record) bool {
	if r.Action == casework.ActTerminate {
		return true
	}
	k, ok := s.cases.Kind(kind)
	if !ok {
		return false
	}
	st, ok := k.Stage(r.Stage)
	return ok && slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool { return o.Action == r.Action && o.Next == casework.End })
}

// steps are the dated actions that anybody may know of: no names, no words.
func (s *Service) steps(kind city.KindID, records []casework.Record) (steps []Step) {
	k, ok := s.cases.Kind(kind)
	if !ok {
		return nil
	}
	for _, r := range records {
		if step, ok := stepOf(k, r); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

// shownSteps are the engine's own actions that anybody may know of, beside outcomes
// and progress.
var shownSteps = []string{casework.ActOpen, casework.ActReopen, casework.ActSuspendLedger, casework.ActReview}

func stepOf(k *casework.Kind, r casework.Record) (Step, bool) {
	step := Step{At: r.At, Name: r.Action, Body: r.By.Body}
	if st, ok := k.Stage(r.Stage); ok {
		for _, o := range st.Outcomes {
			if o.Action == r.Action {
				step.Tell = o.Label
			}
		}
		for _, p := range st.Allow.Progress {
			if r.Action == casework.ActProgress && p.ID == r.Step {
				step.Tell = p.Name
			}
		}
	}
	if step.Tell == (city.Text{}) {
		if !slices.Contains(shownSteps, r.Action) {
			return step, false
		}
		step.Tell, _ = city.LookupText("case.action." + r.Action)
	}
	return step, true
}

// ReportSeen is a report as an officer reads it.
type ReportSeen struct {
	ID       city.ReportID
	At       time.Time
	Noticed  time.Time
	Channel  city.Channel
	Source   string
	Joined   bool
	Text     string // "" after erasure, with the rest
	Address  string
	Point    geo.Point
	Reporter Reporter
	Answers  map[string]string // to the questions of the class, by their codes
	Photos   []city.BlobID
	Rating   string // as JSON; "" while nobody rated, and for those whose work was rated
}

// Level is the level of the rating, 1 the best; 0 where none was given.
func (r ReportSeen) Level() int {
	var given Rating
	if r.Rating == "" || json.Unmarshal([]byte(r.Rating), &given) != nil {
		return 0
	}
	return given.Level
}

// Reports lists what was said of a matter, to officers who may read the case; the
// look is on record.
func (s *Service) Reports(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]ReportSeen, error) {
	if _, err := s.cases.Look(ctx, tx, actor, n, "purpose.handle"); err != nil {
		return nil, err
	}
	return s.Told(ctx, tx, actor, n)
}

// Told is Reports for a caller who has put the look on record already, with that
// at the case.
func (s *Service) Told(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]ReportSeen, error) {
	c, err := s.seen(ctx, tx, actor, n)
	if err != nil {
		return nil, err
	}
	rows, err := reportsOf(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	photos, err := photosOf(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	// Whoever is judged by a rating does not learn who gave it: only the office that
	// receives and verifies, and asks by telephone, reads ratings beside reports.
	asks := slices.ContainsFunc(actor.Posts, func(p city.PostID) bool { return p.Body() == s.Settings.Office })
	list := make([]ReportSeen, len(rows))
	for i, r := range rows {
		if !asks {
			r.rating = ""
		}
		var words said
		if err := s.Journal.Vault().Unseal(ctx, tx, r.key, r.sealed, &words); err != nil && !errors.Is(err, journal.ErrErased) {
			return nil, err
		}
		list[i] = ReportSeen{ID: r.id, At: r.at, Noticed: r.noticed, Channel: r.channel, Source: r.source, Joined: r.joined, Text: words.Text,
			Address: words.Address, Point: r.place, Reporter: words.Reporter, Answers: words.Answers, Rating: r.rating}
		for _, p := range photos {
			if p.report == r.id {
				list[i].Photos = append(list[i].Photos, p.id)
			}
		}
	}
	return list, nil
}

// Contact is how to reach a reporter; empty when they left nothing or were erased.
func (s *Service) Contact(ctx context.Context, tx *db.Tx, actor city.Actor, id city.ReportID) (Reporter, error) {
	if err := s.Access.Ask(ctx, actor, "incident.contact", access.Resource{Type: "Incident"}); err != nil {
		return Reporter{}, err
	}
	row, err := reportByID(ctx, tx, id)
	if err != nil {
		return Reporter{}, missing(err)
	}
	var words said
	err = s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &words)
	if errors.Is(err, journal.ErrErased) {
		return Reporter{}, nil
	}
	return words.Reporter, err
}
