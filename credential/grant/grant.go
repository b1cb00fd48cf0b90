package grant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a service.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Licences *credential.Registry
	Clock    city.Clock
	Zone     *time.Location // of the city; last days end there
}

// Service keeps the grants of holders. It is safe for concurrent use.
type Service struct{ o Options }

// New makes a service.
func New(o Options) *Service { return &Service{o} }

const (
	// LongestShow and LongestCopy are how many days after today a grant may last.
	LongestShow = 30
	LongestCopy = 366
	// mostWords bounds what a holder writes, in characters.
	mostWords = 40
	// mostADay is how many grants of one licence may be made within a day.
	mostADay = 50
	// mostListed bounds a list of grants.
	mostListed = 200
)

// Purposes are the ready ones; their words are texts "grant.purpose.…".
var Purposes = []string{"rent", "work", "stay", "school", "bank", "visit"}

// OwnWords is the purpose that the holder writes.
const OwnWords = "own"

// FieldNumber is the choice to show the licence's number too.
const FieldNumber = "number"

// Request asks for a grant.
type Request struct {
	Number   credential.Number
	Kind     credential.GrantKind
	Purpose  string    // one of Purposes, or OwnWords
	Own      string    // the holder's words, with OwnWords
	Audience string    // for whom; may be empty for a show
	Fields   []string  // of the licence, by id, and FieldNumber; a copy shows its whole face
	Until    city.Date // last day
}

// Grant is what a holder lets a licence be used for.
type Grant struct {
	ID       city.GrantID
	Number   credential.Number
	Type     city.CredentialType
	Kind     credential.GrantKind
	Purpose  city.Text // "" after erasure, as Audience and Fields
	Audience string
	Fields   []string
	Made     time.Time
	Until    time.Time // first moment after it
	Ended    time.Time // by the holder; zero: not
	Uses     []Use     // newest first

	person city.PersonID
	firm   city.FirmID
	place  credential.Place
	key    journal.KeyID
	sealed []byte
}

// Open reports whether the grant still lets the licence be used.
func (g *Grant) Open(at time.Time) bool { return g.Ended.IsZero() && at.Before(g.Until) }

// What is how a grant was used.
type What string

const (
	Shown   What = "shown"   // codes were made for a screen
	Copied  What = "copied"  // a copy was printed
	Checked What = "checked" // an office that was signed in checked a code or a copy
)

// Use is what happened under a grant on one day.
type Use struct {
	What  What
	Body  city.BodyID // of a check
	Times int64
	First time.Time
	Last  time.Time
}

// words are what is sealed of a grant.
type words struct {
	Purpose  city.Text `json:"purpose"`
	Audience string    `json:"audience,omitempty"`
	Fields   []string  `json:"fields,omitempty"`
}

func (g *Grant) resource() access.Resource {
	return access.Resource{Type: "Grant", ID: g.ID.String(), Attrs: access.Attrs{"type": g.Type, "person": g.person, "firm": g.firm}}
}

// Make lets a licence be used for one purpose. The licence must be in force.
func (s *Service) Make(ctx context.Context, actor city.Actor, q Request) (Grant, error) {
	g := Grant{ID: city.NewGrantID(), Number: q.Number, Kind: q.Kind}
	err := s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.o.Licences.Get(ctx, tx, actor, q.Number)
		if err != nil {
			return err
		}
		g.Type, g.person, g.firm = c.Type, c.Holder.Person, c.Holder.Firm
		if err := s.o.Access.Ask(ctx, actor, "grant.make", g.resource()); err != nil {
			return err
		}
		now := s.now()
		if c.Erased || !c.InForce(now) {
			return city.Conflict("grant.not_in_force")
		}
		if err := s.fill(&g, q, c, now); err != nil {
			return err
		}
		n, err := madeSince(ctx, tx, q.Number, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		if n >= mostADay {
			return city.Conflict("grant.too_many", "n", mostADay)
		}
		if g.place, err = s.o.Licences.TakePlace(ctx, tx, actor, c); err != nil {
			return err
		}
		if _, _, err := s.seal(ctx, tx, &g, c); err != nil { // what doesn't fit a code is said now
			return err
		}
		vault := s.o.Journal.Vault()
		if g.key, err = vault.NewKey(ctx, tx, g.person); err != nil {
			return err
		}
		if g.sealed, err = vault.Seal(ctx, tx, g.key, words{g.Purpose, g.Audience, g.Fields}); err != nil {
			return err
		}
		insertGrant(tx, &g)
		return s.announce(ctx, tx, actor, &g, "credential.granted", now)
	})
	return g, err
}

// fill takes over what was asked for, or says what is wrong with it.
func (s *Service) fill(g *Grant, q Request, c credential.Credential, now time.Time) error {
	var faults []city.Field
	fault := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	longest := LongestShow
	switch q.Kind {
	case credential.GrantShow:
	case credential.GrantCopy:
		longest = LongestCopy
	default:
		fault("kind", "grant.kind")
	}
	own, audience := tidy(q.Own), tidy(q.Audience)
	switch {
	case q.Purpose == OwnWords && own == "":
		fault("own", "grant.own.empty")
	case q.Purpose == OwnWords && !fits(own):
		fault("own", "grant.words.long", "n", mostWords)
	case q.Purpose == OwnWords:
		g.Purpose = city.Text{ZhHans: own, En: own}
	case slices.Contains(Purposes, q.Purpose):
		g.Purpose, _ = city.LookupText("grant.purpose." + q.Purpose)
	default:
		fault("purpose", "grant.purpose.choose")
	}
	switch {
	case !fits(audience):
		fault("audience", "grant.words.long", "n", mostWords)
	case audience == "" && q.Kind == credential.GrantCopy:
		fault("audience", "grant.audience.empty")
	}
	g.Audience = audience
	t, _ := s.o.Licences.Type(c.Type)
	for _, id := range q.Fields {
		if _, ok := t.Field(id); id != FieldNumber && (!ok || c.Fields[id] == "") {
			fault("fields", "grant.fields.unknown", "field", id)
			break
		}
		if !slices.Contains(g.Fields, id) {
			g.Fields = append(g.Fields, id)
		}
	}
	today := city.DateOf(now)
	switch last := today.AddDays(longest); {
	case q.Until.IsZero():
		fault("until", "grant.until.empty")
	case q.Until.Before(today):
		fault("until", "grant.until.past")
	case last.Before(q.Until):
		fault("until", "grant.until.far", "day", last.In(s.o.Zone))
	case !c.Until.IsZero() && c.Until.Before(q.Until):
		fault("until", "grant.until.licence", "day", c.Until.In(s.o.Zone))
	}
	g.Made, g.Until = now, q.Until.AddDays(1).In(s.o.Zone)
	if len(faults) > 0 {
		return city.InvalidFields(faults)
	}
	return nil
}

// tidy takes blanks and what can't be seen out of a line that somebody wrote.
func tidy(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

func fits(s string) bool { return utf8.ValidString(s) && utf8.RuneCountInString(s) <= mostWords }

// seal makes the grant's code as of now.
func (s *Service) seal(ctx context.Context, tx *db.Tx, g *Grant, c credential.Credential) (string, credential.Claims, error) {
	claims := credential.GrantClaims{Kind: g.Kind, Purpose: g.Purpose, Audience: g.Audience}
	number := g.Kind == credential.GrantCopy || slices.Contains(g.Fields, FieldNumber)
	if g.Kind == credential.GrantShow && len(g.Fields) > 0 {
		shown, err := s.o.Licences.ShownAs(ctx, tx, city.Chinese, c, g.Fields)
		if err != nil {
			return "", credential.Claims{}, err
		}
		claims.Shown = shown
	}
	return s.o.Licences.SealGrant(ctx, c, g.place, claims, g.Until, number)
}

// Code is a code of a grant, ready to be shown.
type Code struct {
	Grant   Grant
	Licence credential.Credential
	Text    string
	Expires time.Time
}

// Show makes a fresh code for a screen. It counts for credential.ShowLife.
func (s *Service) Show(ctx context.Context, actor city.Actor, id city.GrantID) (Code, error) {
	return s.use(ctx, actor, id, credential.GrantShow, Shown)
}

// Copy prints the annotated copy of a grant (PDF). Without the fonts the error is
// "pdf.font_missing", and nothing is counted.
func (s *Service) Copy(ctx context.Context, actor city.Actor, id city.GrantID) ([]byte, Code, error) {
	var sheet []byte
	code, err := s.useWith(ctx, actor, id, credential.GrantCopy, Copied, func(ctx context.Context, tx *db.Tx, code *Code) (err error) {
		sheet, err = s.o.Licences.CopyPDF(ctx, tx, code.Licence, code.Text, code.Grant.annotation(s.o.Zone))
		return err
	})
	return sheet, code, err
}

// annotation is the sentence across a copy.
func (g *Grant) annotation(zone *time.Location) city.Message {
	return city.Message{Key: "grant.annotation", Args: []any{"purpose", g.Purpose, "audience", g.Audience, "day", g.Until.Add(-time.Second).In(zone)}}
}

func (s *Service) use(ctx context.Context, actor city.Actor, id city.GrantID, kind credential.GrantKind, what What) (Code, error) {
	return s.useWith(ctx, actor, id, kind, what, func(context.Context, *db.Tx, *Code) error { return nil })
}

func (s *Service) useWith(ctx context.Context, actor city.Actor, id city.GrantID, kind credential.GrantKind, what What, then func(context.Context, *db.Tx, *Code) error) (Code, error) {
	var code Code
	err := s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		g, err := s.get(ctx, tx, actor, "grant.show", id)
		if err != nil {
			return err
		}
		now := s.now()
		if g.Kind != kind {
			return city.NotFound("error.not_found")
		}
		switch {
		case !g.Ended.IsZero():
			return city.Conflict("grant.ended")
		case !g.Open(now):
			return city.Conflict("grant.over")
		}
		if code.Licence, err = s.o.Licences.Get(ctx, tx, actor, g.Number); err != nil {
			return err
		}
		if code.Licence.Erased || !code.Licence.InForce(now) {
			return city.Conflict("grant.not_in_force")
		}
		text, claims, err := s.seal(ctx, tx, &g, code.Licence)
		if err != nil {
			return err
		}
		code.Grant, code.Text, code.Expires = g, text, claims.Expires.In(s.o.Zone)
		if err := then(ctx, tx, &code); err != nil {
			return err
		}
		first, err := s.count(ctx, tx, &g, what, "", now)
		if err != nil || !first {
			return err
		}
		return s.announce(ctx, tx, actor, &g, "credential."+string(what), now)
	})
	return code, err
}

// count adds a use; first says that it is the day's first of its sort.
func (s *Service) count(ctx context.Context, tx *db.Tx, g *Grant, what What, body city.BodyID, now time.Time) (first bool, err error) {
	day := city.DateOf(now).In(time.UTC)
	n, err := addUse(ctx, tx, g.ID, what, body, day, now)
	return n == 1, err
}

// End ends a grant: its codes and copies no longer count, and none is made. Ending it
// once more changes nothing.
func (s *Service) End(ctx context.Context, actor city.Actor, id city.GrantID) (Grant, error) {
	var g Grant
	err := s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if g, err = s.get(ctx, tx, actor, "grant.end", id); err != nil || !g.Ended.IsZero() {
			return err
		}
		g.Ended = s.now()
		mine, err := endGrant(ctx, tx, id, g.Ended)
		if err != nil || !mine {
			return err
		}
		if err := s.o.Licences.ClosePlace(ctx, tx, actor, g.place); err != nil {
			return err
		}
		return s.announce(ctx, tx, actor, &g, "credential.grant_ended", g.Ended)
	})
	return g, err
}

// Get reads a grant with its uses.
func (s *Service) Get(ctx context.Context, tx *db.Tx, actor city.Actor, id city.GrantID) (Grant, error) {
	g, err := s.get(ctx, tx, actor, "grant.list", id)
	if err == nil {
		err = s.readUses(ctx, tx, &g)
	}
	return g, err
}

// Of lists the grants of a licence with their uses, newest first; of very many the
// newest ones.
func (s *Service) Of(ctx context.Context, tx *db.Tx, actor city.Actor, c credential.Credential) ([]Grant, error) {
	of := Grant{Type: c.Type, person: c.Holder.Person, firm: c.Holder.Firm}
	if err := s.o.Access.Ask(ctx, actor, "grant.list", of.resource()); err != nil {
		return nil, err
	}
	rows, err := grantsOf(ctx, tx, c.Number)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if err := errors.Join(s.open(ctx, tx, &rows[i]), s.readUses(ctx, tx, &rows[i])); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Report notes that an office checked a code of a grant of this city, and says whether
// it did: the holder sees the office and the day. From anybody else nothing is kept.
func (s *Service) Report(ctx context.Context, actor city.Actor, res credential.Result) (told bool, err error) {
	if actor.Kind != city.Officer || actor.Body == "" || res.Claims == nil || res.Claims.Grant == nil {
		return false, nil
	}
	place, ours := s.o.Licences.PlaceOf(res.Claims)
	if !ours {
		return false, nil
	}
	if err := s.o.Access.Ask(ctx, actor, "grant.report", access.Resource{Type: "Grant"}); err != nil {
		if city.KindOf(err) == city.KindForbidden {
			return false, nil
		}
		return false, err
	}
	err = s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		g, err := grantAt(ctx, tx, place)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now()
		first, err := s.count(ctx, tx, &g, Checked, actor.Body, now)
		if told = err == nil; err != nil || !first {
			return err
		}
		return s.announce(ctx, tx, actor, &g, "credential.checked", now)
	})
	return told, err
}

func (s *Service) now() time.Time { return s.o.Clock.Now().In(s.o.Zone) }

// get reads a grant without its uses, if the actor may.
func (s *Service) get(ctx context.Context, tx *db.Tx, actor city.Actor, action string, id city.GrantID) (Grant, error) {
	g, err := grantByID(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return Grant{}, city.NotFound("grant.unknown")
	}
	if err != nil {
		return Grant{}, err
	}
	if err := s.o.Access.Ask(ctx, actor, action, g.resource()); err != nil {
		return Grant{}, err
	}
	return g, s.open(ctx, tx, &g)
}

// open unseals the holder's words. After erasure they are empty.
func (s *Service) open(ctx context.Context, tx *db.Tx, g *Grant) error {
	g.Made, g.Until = g.Made.In(s.o.Zone), g.Until.In(s.o.Zone)
	if !g.Ended.IsZero() {
		g.Ended = g.Ended.In(s.o.Zone)
	}
	var w words
	err := s.o.Journal.Vault().Unseal(ctx, tx, g.key, g.sealed, &w)
	if errors.Is(err, journal.ErrErased) {
		return nil
	}
	g.Purpose, g.Audience, g.Fields = w.Purpose, w.Audience, w.Fields
	return err
}

func (s *Service) readUses(ctx context.Context, tx *db.Tx, g *Grant) (err error) {
	g.Uses, err = usesOf(ctx, tx, g.ID)
	for i := range g.Uses {
		g.Uses[i].First, g.Uses[i].Last = g.Uses[i].First.In(s.o.Zone), g.Uses[i].Last.In(s.o.Zone)
	}
	return err
}

// announce writes the event that the public log and other followers read: that it was
// done, not what for.
func (s *Service) announce(ctx context.Context, tx *db.Tx, actor city.Actor, g *Grant, event string, at time.Time) error {
	return s.o.Journal.Append(ctx, tx, journal.Event{At: at, Type: event, Subject: g.ID.String(), Actor: actor,
		To:     []journal.Recipient{{Person: g.person, Firm: g.firm}},
		Public: map[string]any{"type": g.Type, "kind": g.Kind}, Data: map[string]any{"number": g.Number, "type": g.Type, "kind": g.Kind}})
}
