package scorecard

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a Scorecard. DB, Journal and Access are needed.
type Options struct {
	DB      *db.DB
	Journal *journal.Journal
	Access  *access.Access
	Clock   city.Clock     // nil: the machine's
	Zone    *time.Location // whose months are counted; nil means UTC
}

// Scorecard is the follower and what can be asked of it. It is safe for
// concurrent use.
type Scorecard struct{ o Options }

// New makes the scorecard; the caller registers it as a follower.
func New(o Options) *Scorecard {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Clock == nil {
		o.Clock = city.WallClock{}
	}
	return &Scorecard{o}
}

// Name is the follower's name.
func (s *Scorecard) Name() string { return "scorecard" }

// Reset forgets every count.
func (s *Scorecard) Reset(ctx context.Context, tx *db.Tx) error { return deleteAll(ctx, tx) }

// Sort parts what can't be compared.
type Sort string

// The sorts.
const (
	Incidents    Sort = "incident"
	Applications Sort = "application"
	FollowUps    Sort = "follow_up" // bad ratings, reviews, appeals, supervision orders
)

func sortOf(kind string) Sort {
	switch kind {
	case "incident", "inspection":
		return Incidents
	case "bad_review", "review", "appeal", "supervision":
		return FollowUps
	}
	return Applications
}

// said is what events say that is of interest here.
type said struct {
	Number    city.CaseNumber `json:"number"`
	Kind      string          `json:"kind"`
	Item      string          `json:"item"`
	Action    string          `json:"action"`
	From      string          `json:"from"`
	Stage     string          `json:"stage"`
	Body      string          `json:"body"`
	Region    string          `json:"region"`
	Street    string          `json:"street"`
	Due       time.Time       `json:"due"`
	Result    string          `json:"result"`
	Counts    map[string]int  `json:"counts"`
	Joined    bool            `json:"joined"`
	Responded *bool           `json:"responded"`
	Resolved  *bool           `json:"resolved"`
	Level     int             `json:"level"`
}

// batch gathers what a transaction changes, so that each row is written once.
type batch struct {
	cases map[city.CaseNumber]*caseRow
	cells map[cell]*counts
}

// Handle counts events.
func (s *Scorecard) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	b := batch{map[city.CaseNumber]*caseRow{}, map[cell]*counts{}}
	for _, e := range events {
		if !strings.HasPrefix(e.Type, "case.") && !strings.HasPrefix(e.Type, "incident.") && !strings.HasPrefix(e.Type, "rating.") {
			continue
		}
		var v said
		if err := json.Unmarshal(e.Data, &v); err != nil && len(e.Data) > 0 {
			// It will not be better at the next try, and others wait behind it.
			slog.ErrorContext(ctx, "an event's data can't be read; it is not counted", "type", e.Type, "subject", e.Subject, "err", err)
			continue
		}
		n := city.CaseNumber(e.Subject)
		if v.Number != "" {
			n = v.Number
		}
		if err := s.count(ctx, tx, b, n, e, v); err != nil {
			return err
		}
	}
	for _, r := range b.cases {
		if err := writeCase(tx, r); err != nil {
			return err
		}
	}
	for c, sums := range b.cells {
		writeCell(tx, c, sums)
	}
	return nil
}

func (s *Scorecard) count(ctx context.Context, tx *db.Tx, b batch, n city.CaseNumber, e journal.Recorded, v said) error {
	r := b.cases[n]
	if r == nil {
		row, err := readCase(ctx, tx, n)
		if err != nil {
			return err
		}
		r = &row
	}
	old := *r
	if !r.hear(e, v, s.o.Zone) {
		return nil
	}
	b.cases[n] = r
	for _, part := range []struct {
		row *caseRow
		n   int64
	}{{&old, -1}, {r, 1}} {
		if part.row.state.Opened == 0 {
			continue
		}
		sums := b.cells[part.row.cell]
		if sums == nil {
			have, err := readCell(ctx, tx, part.row.cell)
			if err != nil {
				return err
			}
			sums = &have
			b.cells[part.row.cell] = sums
		}
		sums.add(&part.row.state, part.n)
	}
	return nil
}

// hear changes what is known of a case and reports whether the event was about
// one.
func (r *caseRow) hear(e journal.Recorded, v said, zone *time.Location) bool {
	s := &r.state
	switch e.Type {
	case "incident.reported":
		if v.Joined {
			s.Joined = true
		} else if v.Street != "" {
			r.street = v.Street
		}
		return true
	case "incident.dispatched":
		s.Sentto = true
		r.given(v.Body)
		return true
	case "incident.rated", "rating.given":
		s.Rated = true
		if v.Responded != nil {
			s.Responded = v.Responded
		}
		if v.Resolved != nil {
			s.Resolved = v.Resolved
		}
		if v.Level != 0 {
			s.Level = v.Level
		}
		return true
	case "rating.set_aside":
		s.Rated, s.Level = false, 0
		return true
	}
	if !strings.HasPrefix(e.Type, "case.") || v.Kind == "" || v.Stage == "" {
		return false
	}
	at := city.Micros(e.At)
	if e.Type == "case.opened" {
		r.sort, r.item, r.body, r.month = sortOf(v.Kind), v.Item, v.Body, MonthOf(e.At, zone)
		if r.street == "" && len(v.Region) >= streetDigits {
			r.street = v.Region[:streetDigits]
		}
		s.Opened, s.First, s.Entered = at, v.Stage, at
	} else {
		r.act(at, v)
		r.moved(v)
	}
	s.Stage, s.Due = v.Stage, city.Micros(v.Due)
	return true
}

// streetDigits are the digits of a region's code that name the street (GB/T 10114).
const streetDigits = 9

// checkStage is where the work on an incident is verified by somebody else, whose
// slowness is not that of the body that did it.
const checkStage = "verify"

// act notes what an action says of the case as it stood. A limit that had passed
// before somebody got the case to verify is not theirs.
func (r *caseRow) act(at int64, v said) {
	s := &r.state
	checking := r.sort == Incidents && s.Stage == checkStage
	if v.Action == "overdue" || s.Due != 0 && at > s.Due {
		switch {
		case s.Stage == s.First:
			s.Missed, s.Intake = true, true
		case !checking:
			s.Missed, s.Late = true, true
		case s.Due > s.Entered:
			s.Missed, s.CheckLate = true, true
		}
	}
	if v.Action == "give_back" {
		s.Back = true
	}
	if v.Counts["rework"] > 0 {
		s.Rework = true
	}
	if v.Action == "reopen" {
		s.Reopened, s.Closed, s.Result = true, 0, ""
	}
	if v.From == v.Stage {
		return
	}
	s.Missed = false
	s.Checked = s.Checked || checking
	if !checking && v.From != "end" && (r.sort != Incidents || v.From != s.First) {
		s.Held += max(at-s.Entered, 0)
	}
	s.Entered = at
	if v.From == s.First && v.Stage != "end" && s.Sent == 0 {
		s.Sent = at
	}
	s.Sentto = s.Sentto || v.Stage == "handling"
	switch {
	case v.Stage == "end":
		s.Closed, s.Result = at, v.Result
	case v.From == "handling" && v.Stage == checkStage:
		s.Done = at
	}
}

// moved says whose case it is now: who handles an incident stays responsible while
// others verify and answer.
func (r *caseRow) moved(v said) {
	if v.Item != "" {
		r.item = v.Item
	}
	switch {
	case v.Body == "" || v.Stage == "end":
	case r.sort == Incidents && v.Stage != "handling" && v.Stage != r.state.First:
	case r.sort == Incidents && v.Stage == r.state.First && r.state.Sent != 0:
	default:
		r.given(v.Body)
	}
}

// given makes it a body's case. What an incident's last one was late with, and how
// long that one had it, is not the next one's.
func (r *caseRow) given(body string) {
	if body == "" || body == r.body {
		return
	}
	r.body = body
	if r.sort == Incidents {
		r.state.Late, r.state.Held = false, 0
	}
}
