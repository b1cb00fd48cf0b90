package serviceitem

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Level is how content somebody is (GB/T 39046 A.8): 1 very, 5 not at all.
type Level int

const (
	VerySatisfied    Level = 1
	Satisfied        Level = 2
	FairlySatisfied  Level = 3
	Dissatisfied     Level = 4
	VeryDissatisfied Level = 5
)

// Levels5 are all of them, the best first.
var Levels5 = []Level{VerySatisfied, Satisfied, FairlySatisfied, Dissatisfied, VeryDissatisfied}

// OfStars is the level of one to five stars, five being the best.
func OfStars(stars int) Level { return Level(6 - stars) }

// Stars is the level as people give it.
func (l Level) Stars() int { return 6 - int(l) }

// Bad reports whether somebody has to follow it up.
func (l Level) Bad() bool { return l >= Dissatisfied }

// Valid reports whether there is such a level.
func (l Level) Valid() bool { return l >= VerySatisfied && l <= VeryDissatisfied }

// Name says the level.
func (l Level) Name(lang city.Lang) string {
	switch l {
	case VerySatisfied:
		return city.Say(lang, "service.rating.1")
	case Satisfied:
		return city.Say(lang, "service.rating.2")
	case FairlySatisfied:
		return city.Say(lang, "service.rating.3")
	case Dissatisfied:
		return city.Say(lang, "service.rating.4")
	}
	return city.Say(lang, "service.rating.5")
}

// Rating is what somebody says of how a case was handled (好差评).
type Rating struct {
	Case     city.CaseNumber
	Item     city.ItemCode
	Body     city.BodyID
	Level    Level
	Text     string // sealed; "" after erasure
	Channel  city.Channel
	At       time.Time
	FollowUp city.CaseNumber // the case that a bad rating opened
	SetAside bool            // found not to be about the service; not counted
}

const longestRating = 1000 // characters

// Rate rates a case that is over, once. A bad rating opens its follow-up case in
// the same transaction, for somebody who had no part in the case: those who had
// one can neither find nor open it (see answering).
func (s *Service) Rate(ctx context.Context, actor city.Actor, n city.CaseNumber, level Level, text string) (Rating, error) {
	var r Rating
	err := s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = s.RateIn(ctx, tx, actor, n, level, text)
		return err
	})
	if errors.Is(err, db.ErrDuplicate) {
		err = city.Conflict("service.rating.once")
	}
	if err != nil {
		return Rating{}, err
	}
	return r, nil
}

// RateIn is Rate in the caller's transaction. A race that is lost only at the
// commit is db.ErrDuplicate.
func (s *Service) RateIn(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, level Level, text string) (Rating, error) {
	var faults []city.Field
	if !level.Valid() {
		faults = append(faults, city.Field{Name: "level", Message: city.Message{Key: "service.rating.level"}})
	}
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > longestRating {
		faults = append(faults, city.Field{Name: "text", Message: city.Message{Key: "case.too_long", Args: []any{"max", longestRating}}})
	}
	c, err := s.engine.Get(ctx, tx, actor, n)
	if err != nil {
		return Rating{}, err
	}
	if err := s.Access.Ask(ctx, actor, "rating.give", caseResource(c)); err != nil {
		return Rating{}, err
	}
	if len(faults) > 0 {
		return Rating{}, city.InvalidFields(faults)
	}
	if ours, err := isApplication(ctx, tx, n); err != nil || !ours {
		if err == nil {
			err = city.Invalid("service.rating.not_rated")
		}
		return Rating{}, err
	}
	if c.Open {
		return Rating{}, city.Conflict("service.rating.open")
	}
	if _, err := ratingOf(ctx, tx, n); err == nil {
		return Rating{}, city.Conflict("service.rating.once")
	} else if !errors.Is(err, db.ErrNoRows) {
		return Rating{}, err
	}
	r := Rating{Case: n, Item: c.Item, Body: bodyOf(c), Level: level, Text: text, Channel: actor.Channel,
		At: city.FromMicros(city.Micros(s.Clock.Now()))}
	return r, s.rate(ctx, tx, actor, c, &r)
}

func (s *Service) rate(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, r *Rating) error {
	key, err := s.Journal.Vault().NewKey(ctx, tx, c.Applicant)
	if err != nil {
		return err
	}
	var sealed []byte
	if r.Text != "" {
		if sealed, err = s.Journal.Vault().Seal(ctx, tx, key, r.Text); err != nil {
			return err
		}
	}
	if r.Level.Bad() {
		post, barred, err := s.answering(ctx, tx, c)
		if err != nil {
			return err
		}
		// It is no child of the case, and neither title nor terms name it: who
		// reads the one must not be led to the other.
		follow, err := s.engine.Open(ctx, tx, actor, casework.Opening{Kind: s.BadReview, Item: c.Item,
			Params: map[string]string{"body": string(r.Body), "office": string(post.Body()),
				"post": strings.TrimPrefix(string(post), string(post.Body())+".")},
			Applicant: c.Applicant, Firm: c.Firm, Region: c.Region, Promise: city.Limit{N: 5, Unit: city.WorkingDays},
			Payload: Complaint{Case: c.Number, Level: r.Level, Text: r.Text}, Barred: barred})
		if err != nil {
			return err
		}
		r.FollowUp = follow.Number
	}
	insertRating(tx, r, key, sealed)
	said := map[string]any{"item": r.Item, "body": r.Body, "level": r.Level, "channel": r.Channel}
	return s.Journal.Append(ctx, tx, journal.Event{At: r.At, Type: "rating.given", Subject: string(r.Case), Actor: actor,
		Public: map[string]any{"item": r.Item, "body": r.Body, "level": r.Level},
		Data:   mapWith(said, "case", r.Case, "follow_up", r.FollowUp)})
}

func mapWith(m map[string]any, pairs ...any) map[string]any {
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// Complaint is the payload of a follow-up case and of a review: what was said
// about which case.
type Complaint struct {
	Case  city.CaseNumber `json:"case"`
	Level Level           `json:"level,omitempty"`
	Text  string          `json:"text,omitempty"`
	Run   city.RunID      `json:"run,omitzero"` // the decision that somebody shall look at again
}

// ReadComplaint reads what a follow-up or review case is about.
func (s *Service) ReadComplaint(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Complaint, error) {
	var c Complaint
	err := s.engine.Payload(ctx, tx, actor, n, &c)
	return c, err
}

// caseResource describes what became of an application to the policies.
func caseResource(c casework.Case) access.Resource {
	return access.Resource{Type: "Application", ID: string(c.Number), Region: c.Region, Attrs: access.Attrs{
		"item": c.Item, "applicant": c.Applicant, "firm": c.Firm, "body": bodyOf(c), "open": c.Open}}
}

// RatingOf reads the rating of a case for its applicant; city.KindNotFound when
// there is none.
func (s *Service) RatingOf(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Rating, error) {
	c, err := s.engine.Get(ctx, tx, actor, n)
	if err != nil {
		return Rating{}, err
	}
	if err := s.Access.Ask(ctx, actor, "rating.read", caseResource(c)); err != nil {
		return Rating{}, err
	}
	row, err := ratingOf(ctx, tx, n)
	if errors.Is(err, db.ErrNoRows) {
		return Rating{}, city.NotFound("service.rating.none")
	}
	if err != nil {
		return Rating{}, err
	}
	err = s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &row.Text)
	if errors.Is(err, journal.ErrErased) {
		err = nil
	}
	return row.Rating, err
}

// setRatingAside stops counting the rating that a follow-up case is about.
func (s *Service) setRatingAside(ctx context.Context, tx *db.Tx, actor city.Actor, followUp city.CaseNumber) error {
	row, err := ratingByFollowUp(ctx, tx, followUp)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	markAside(tx, row.Case)
	said := map[string]any{"item": row.Item, "body": row.Body, "level": row.Level}
	return s.Journal.Append(ctx, tx, journal.Event{At: s.Clock.Now(), Type: "rating.set_aside", Subject: string(row.Case), Actor: actor,
		Public: said, Data: mapWith(map[string]any{"case": row.Case, "follow_up": followUp}, "item", row.Item, "body", row.Body, "level", row.Level)})
}

// RatingScope is which ratings are meant: those of an item, of a body, or all, from a moment until
// before another (zero: open).
type RatingScope struct {
	Item  city.ItemCode
	Body  city.BodyID
	From  time.Time
	Until time.Time
}

// Score is what ratings come to. Only ratings that somebody gave count; those
// that another system filled in for people who said nothing are Defaults and
// change no average.
type Score struct {
	Active   int
	ByLevel  map[Level]int // of the active ones
	Defaults int
	SetAside int // found not to be about the service
}

// Stars is the average in stars, 0 when nobody has rated.
func (s Score) Stars() float64 {
	if s.Active == 0 {
		return 0
	}
	sum := 0
	for l, n := range s.ByLevel {
		sum += l.Stars() * n
	}
	return float64(sum) / float64(s.Active)
}

// Good is the share of ratings that are not bad, 0 to 1 (好评率).
func (s Score) Good() float64 {
	if s.Active == 0 {
		return 0
	}
	bad := s.ByLevel[Dissatisfied] + s.ByLevel[VeryDissatisfied]
	return float64(s.Active-bad) / float64(s.Active)
}

// Score adds up ratings. It is public.
func (s *Service) Score(ctx context.Context, tx *db.Tx, scope RatingScope) (Score, error) {
	counts, err := countRatings(ctx, tx, scope)
	if err != nil {
		return Score{}, err
	}
	sc := Score{ByLevel: map[Level]int{}}
	for _, c := range counts {
		switch {
		case !c.active:
			sc.Defaults += c.n
		case c.setAside:
			sc.SetAside += c.n
		default:
			sc.Active += c.n
			sc.ByLevel[c.level] += c.n
		}
	}
	return sc, nil
}
