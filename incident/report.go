package incident

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Type is what somebody wants (12345 practice).
type Type string

const (
	Consult    Type = "consult"    // 咨询
	Help       Type = "help"       // 求助
	Complaint  Type = "complaint"  // 投诉
	Told       Type = "report"     // 举报
	Suggesting Type = "suggestion" // 建议
	Praise     Type = "praise"     // 表扬
)

// Types are all of them.
var Types = []Type{Consult, Help, Complaint, Told, Suggesting, Praise}

// Report is what somebody noticed.
type Report struct {
	Type     Type          // "" is Told
	Class    city.ItemCode // "" lets the words decide; who is unsure asks an operator
	Offered  city.ItemCode // the class that a face showed first, by Suggest, before one was chosen; "" when it showed none
	Text     string
	Answers  map[string]string // to the questions of the class, by their codes; several choices with commas between
	Photos   [][]byte          // as they were sent, at most MostPhotos
	Place    city.Place        // a point, an address, a region, or several of them
	Reporter Reporter
	At       time.Time       // when it was noticed; zero, or ahead of the clock, is now
	Key      string          // a repeat from the same source returns the first receipt
	Join     city.CaseNumber // "that is mine too": the open case it belongs to
	Apart    bool            // the reporter says that it is none of the open ones
	Unsure   bool            // leaves the class to whoever receives it, however clear the words are
	Source   string          // reference outside: a sensor, the row of a table, an alert
	// Then is what an officer who takes a call does with a new matter at once, in the
	// same step: an outcome of the stage that receives it. A dispatch without
	// parameters goes to the post of the class. It waits for nothing and joins nothing
	// by itself.
	Then casework.Action

	look city.PostID // of an alert: the post that looks at it, in a case of its own kind
}

// Reporter is how to reach whoever reported. Everything may be empty.
type Reporter struct {
	Name  string    `json:"name,omitempty"`
	Phone string    `json:"phone,omitempty"`
	Email string    `json:"email,omitempty"`
	Lang  city.Lang `json:"lang,omitempty"`
}

// Receipt is what the reporter gets at once.
type Receipt struct {
	Number   city.CaseNumber
	Code     string // with the number it shows how the matter goes, without an account
	Report   city.ReportID
	Joined   bool // belongs to a matter that was reported before
	Assigned bool // somebody has it in hand, such as the nearest on duty
	Class    city.ItemCode
	Body     city.BodyID // whose turn it is
	Due      time.Time
}

const (
	longestText    = 5000 // characters
	longestAddress = 200
	longestName    = 60
	longestContact = 200
	longestKey     = 200
	titleLength    = 40
	codeLength     = 8 // 39 bits: with the pace that faces keep, guessing is hopeless
)

// said are the personal values of a report, sealed under its key.
type said struct {
	Number   city.CaseNumber   `json:"number,omitempty"` // as it was given with the code; the matter may have joined another since
	Text     string            `json:"text,omitempty"`
	Address  string            `json:"address,omitempty"`
	Reporter Reporter          `json:"reporter,omitzero"`
	Answers  map[string]string `json:"answers,omitempty"`
	Code     string            `json:"code"`
	Words    string            `json:"words,omitempty"` // said with the rating
}

func (r *Report) check() error {
	var faults []city.Field
	bad := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	if r.Type == "" {
		r.Type = Told
	}
	if !slices.Contains(Types, r.Type) && (r.look == "" || r.Type != found) {
		bad("type", "incident.type")
	}
	r.Text, r.Place.Address = clean(r.Text), clean(r.Place.Address)
	r.Reporter.Name, r.Reporter.Phone, r.Reporter.Email = clean(r.Reporter.Name), clean(r.Reporter.Phone), clean(r.Reporter.Email)
	if r.Text == "" && r.Class == "" && (r.Join == "" || len(r.Photos) == 0) {
		bad("text", "incident.text.empty")
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"text", r.Text, longestText}, {"address", r.Place.Address, longestAddress}, {"name", r.Reporter.Name, longestName},
		{"phone", r.Reporter.Phone, 30}, {"email", r.Reporter.Email, longestContact}, {"key", r.Key, longestKey}, {"source", r.Source, longestKey}} {
		if utf8.RuneCountInString(f.value) > f.most {
			bad(f.name, "case.too_long", "max", f.most)
		}
	}
	if p := r.Reporter.Phone; p != "" && strings.Trim(p, "+0123456789 -()") != "" {
		bad("phone", "incident.phone")
	}
	if e := r.Reporter.Email; e != "" && (strings.Count(e, "@") != 1 || strings.ContainsAny(e, " \r\n,;<>") || e[0] == '@' || e[len(e)-1] == '@') {
		bad("email", "incident.email")
	}
	if len(r.Photos) > MostPhotos {
		bad("photo", "incident.photo.many", "max", MostPhotos)
	}
	if len(faults) > 0 {
		return city.InvalidFields(faults)
	}
	return nil
}

// clean drops what no database takes and nobody means.
func clean(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
}

// Report takes what somebody noticed: the one door for every channel. What is
// clear goes to who mends it at once; what was reported before joins the open
// case. A place outside the city is city.KindInvalid.
func (s *Service) Report(ctx context.Context, actor city.Actor, r Report) (out Receipt, err error) {
	err = s.Access.Ask(ctx, actor, "incident.report", access.Resource{Type: "Incident", Attrs: access.Attrs{"class": r.Class}})
	if err != nil {
		return Receipt{}, err
	}
	at, class, once, err := s.admit(actor, &r)
	if err != nil {
		return Receipt{}, err
	}
	var photos []photoRow
	var key journal.KeyID
	if len(r.Photos) > 0 {
		err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) { out, err = s.before(ctx, tx, once); return err })
		if !errors.Is(err, db.ErrNoRows) {
			return out, err
		}
		if key, photos, err = s.seal(ctx, applicant(actor), r.Photos); err != nil {
			return Receipt{}, err
		}
	}
	kept := false
	defer func() {
		if !kept {
			s.drop(ctx, photos)
		}
	}()
	err = s.opening.step(ctx, s.DB, s.spot(r, class), func(ctx context.Context, tx *db.Tx, leave func()) error {
		if out, err = s.before(ctx, tx, once); !errors.Is(err, db.ErrNoRows) {
			return err
		}
		out, err = s.take(ctx, tx, actor, r, once, key, photos, class, at, leave)
		tx.AfterCommit(func() { kept = true })
		return err
	})
	if errors.Is(err, db.ErrDuplicate) && once != "" { // the same report, sent twice at once
		err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			out, err = s.before(ctx, tx, once)
			return err
		})
	}
	if err != nil {
		return Receipt{}, raced(err)
	}
	return out, nil
}

// ReportIn is Report in the caller's transaction, an ordinary one, for what has to
// happen together with it. Pictures come by Report alone, and of two who report the
// same thing at the same moment each may open a matter.
func (s *Service) ReportIn(ctx context.Context, tx *db.Tx, actor city.Actor, r Report) (Receipt, error) {
	err := s.Access.Ask(ctx, actor, "incident.report", access.Resource{Type: "Incident", Attrs: access.Attrs{"class": r.Class}})
	if err != nil {
		return Receipt{}, err
	}
	if len(r.Photos) > 0 {
		return Receipt{}, errors.New("incident: pictures don't come along in somebody's transaction")
	}
	at, class, once, err := s.admit(actor, &r)
	if err != nil {
		return Receipt{}, err
	}
	if out, err := s.before(ctx, tx, once); !errors.Is(err, db.ErrNoRows) {
		return out, err
	}
	return s.take(ctx, tx, actor, r, once, journal.KeyID{}, nil, class, at, func() {})
}

// Filed is the receipt of the report that was filed before from the source under the
// key; ok is false when there is none.
func (s *Service) Filed(ctx context.Context, tx *db.Tx, actor city.Actor, source, key string) (out Receipt, ok bool, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.report", access.Resource{Type: "Incident"}); err != nil {
		return out, false, err
	}
	out, err = s.before(ctx, tx, s.once(actor, Report{Source: source, Key: key}))
	if errors.Is(err, db.ErrNoRows) {
		return out, false, nil
	}
	return out, err == nil, err
}

// admit looks at a report before anything is written.
func (s *Service) admit(actor city.Actor, r *Report) (at Located, class city.ItemCode, once string, err error) {
	if err = r.check(); err != nil {
		return at, "", "", err
	}
	if at, err = s.Locate(r.Place); err != nil {
		return at, "", "", err
	}
	if class, err = s.classOf(*r); err != nil {
		return at, "", "", err
	}
	r.Answers, err = s.answered(class, r.Answers)
	return at, class, s.once(actor, *r), err
}

// take finds or opens the case of a report and keeps the report with it; leave is
// called when it opens none.
func (s *Service) take(ctx context.Context, tx *db.Tx, actor city.Actor, r Report, once string, key journal.KeyID, photos []photoRow, class city.ItemCode, at Located, leave func()) (Receipt, error) {
	now := s.now()
	if r.At.IsZero() || r.At.After(now) {
		r.At = now
	}
	c, joined, err := s.caseFor(ctx, tx, actor, r, class, at, now)
	if err != nil {
		return Receipt{}, err
	}
	if joined {
		join(tx, c.ID, 1)
		leave()
	}
	out, err := s.keep(ctx, tx, actor, r, once, key, photos, c, class, at, joined, now)
	if err == nil && !joined && r.Then.Name != "" {
		c, err = s.then(ctx, tx, actor, c.Number, class, r.Then)
		out.Body, out.Due = c.Body, c.Due
	}
	return out, err
}

// classOf is the class that a report names, or that its words fit clearly enough;
// "" leaves it to a person, as questions and praise are.
func (s *Service) classOf(r Report) (city.ItemCode, error) {
	if r.Class != "" {
		if s.classes[r.Class] == nil {
			return "", fieldFault("class", "incident.class.unknown")
		}
		return r.Class, nil
	}
	if r.Unsure || r.Type == Consult || r.Type == Praise {
		return "", nil
	}
	if best := s.words.Suggest(r.Text, 1); len(best) == 1 && best[0].Share >= s.Settings.Sure {
		return best[0].Class, nil
	}
	return "", nil
}

// before is the receipt of a report that came before under the same key;
// db.ErrNoRows when this is the first, or has no key.
func (s *Service) before(ctx context.Context, tx *db.Tx, once string) (Receipt, error) {
	if once == "" {
		return Receipt{}, db.ErrNoRows
	}
	row, err := reportByOnce(ctx, tx, once)
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(ctx, tx, row)
}

// now is the moment as it will be read back.
func (s *Service) now() time.Time { return city.FromMicros(city.Micros(s.Clock.Now())) }

// caseFor finds the open case that the report belongs to, or opens one.
func (s *Service) caseFor(ctx context.Context, tx *db.Tx, actor city.Actor, r Report, class city.ItemCode, at Located, now time.Time) (c casework.Case, joined bool, err error) {
	if r.Join != "" {
		row, err := incidentByNumber(ctx, tx, r.Join)
		if errors.Is(err, db.ErrNoRows) || err == nil && row.public == 0 && actor.Kind != city.Officer && actor.Kind != city.System {
			return c, false, fieldFault("join", "incident.join.unknown")
		}
		if err != nil {
			return c, false, err
		}
		c, err = s.cases.Get(ctx, tx, program(actor), r.Join)
		if err == nil && !c.Open {
			err = city.Conflict("incident.join.closed")
		}
		return c, true, err
	}
	point := geo.Point{Lat: r.Place.Lat, Lon: r.Place.Lon}
	if class != "" && !point.IsZero() && !r.Apart && r.Then.Name == "" {
		near, err := s.near(ctx, tx, class, point, now)
		if err != nil {
			return c, false, err
		}
		if len(near) > 0 {
			c, err = s.cases.Get(ctx, tx, program(actor), near[0].Number)
			if err != nil || c.Open {
				return c, true, err
			}
		}
	}
	opener := actor
	if actor.Kind != city.Resident && actor.Kind != city.Officer {
		opener = program(actor)
	}
	title := []rune(strings.Join(strings.Fields(r.Text), " "))
	kind, post, open := s.Settings.Kind, city.PostID(""), public(s.classes[class])
	if class != "" {
		post = s.classes[class].Post
	}
	if r.look != "" {
		kind, post, open = s.Settings.Inspection, r.look, 0
	}
	c, err = s.cases.Open(ctx, tx, opener, casework.Opening{
		Kind: kind, Item: class, Applicant: applicant(actor), Region: at.Region, Title: string(title[:min(len(title), titleLength)]),
		Params: map[string]string{"office": string(s.Settings.Office), "operator": s.Settings.Operator, "verifier": s.Settings.Verifier}})
	if err != nil {
		return c, false, err
	}
	insertIncident(tx, incidentRow{id: c.ID, number: c.Number, class: class, typ: r.Type, at: point, region: at.Region,
		public: open, opened: now})
	if class != "" && r.Then.Name == "" {
		c, err = s.send(ctx, tx, program(actor), c.Number, post, s.classes[class].Limit)
	}
	return c, false, err
}

func public(c *Class) int {
	if c != nil && c.Public {
		return 1
	}
	return 0
}

// applicant is the person whose matter it is: reports of officers, devices and
// strangers belong to nobody.
func applicant(a city.Actor) city.PersonID {
	if a.Kind == city.Resident {
		return a.Applicant()
	}
	return city.PersonID{}
}

// program acts where the reporter has no say: it sends on and looks up.
func program(a city.Actor) city.Actor {
	p := city.SystemActor("incident")
	if a.Channel != "" {
		p.Channel = a.Channel
	}
	return p
}

// keep stores the report and says what happened.
func (s *Service) keep(ctx context.Context, tx *db.Tx, actor city.Actor, r Report, once string, key journal.KeyID, photos []photoRow, c casework.Case, class city.ItemCode, at Located, joined bool, now time.Time) (_ Receipt, err error) {
	person := applicant(actor)
	vault := s.Journal.Vault()
	if len(photos) == 0 {
		if key, err = vault.NewKey(ctx, tx, person); err != nil {
			return Receipt{}, err
		}
	}
	row := reportRow{id: city.NewReportID(), caseID: c.ID, number: c.Number, once: once, joined: joined, channel: actor.Channel,
		source: r.Source, at: now, noticed: r.At, place: geo.Point{Lat: r.Place.Lat, Lon: r.Place.Lon}, person: person, key: key, phone: r.Reporter.Phone != ""}
	if actor.Channel == city.ChannelPhone && person.IsZero() {
		row.caller = s.caller(r.Reporter.Phone)
	}
	words := said{Number: c.Number, Text: r.Text, Address: r.Place.Address, Reporter: r.Reporter, Answers: r.Answers, Code: city.NewReadable(codeLength)}
	row.code = s.digest(c.Number, words.Code)
	if row.sealed, err = vault.Seal(ctx, tx, key, words); err != nil {
		return Receipt{}, err
	}
	insertReport(tx, row)
	noteMade(tx, c.Number, row.id)
	for _, p := range photos {
		p.caseID, p.report, p.role, p.round, p.at = c.ID, row.id, RoleSeen, round(c), now
		insertPhoto(tx, p)
	}
	if joined {
		if in, err := incidentByNumber(ctx, tx, c.Number); err == nil {
			class = in.class
		} else if !errors.Is(err, db.ErrNoRows) {
			return Receipt{}, err
		}
	}
	data := map[string]any{"number": c.Number, "report": row.id, "item": class, "type": r.Type, "channel": actor.Channel,
		"street": at.Street, "community": at.Region, "joined": joined, "body": c.Body, "assigned": !c.Assignee.IsZero()}
	if !c.Due.IsZero() {
		data["due"] = c.Due
	}
	if !joined {
		if said := s.claims(r, class); len(said) > 0 {
			data["claims"] = said
		}
	}
	err = s.Journal.Append(ctx, tx, journal.Event{At: now, Type: "incident.reported", Subject: string(c.Number), Actor: actor,
		To: []journal.Recipient{{Reporter: row.id}}, Data: data})
	return Receipt{Number: c.Number, Code: words.Code, Report: row.id, Joined: joined, Class: class, Body: c.Body, Due: c.Due, Assigned: !c.Assignee.IsZero()}, err
}

// receipt answers a repeat with the number and code of the first time, and with the
// case as it stands.
func (s *Service) receipt(ctx context.Context, tx *db.Tx, row reportRow) (Receipt, error) {
	var words said
	err := s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &words)
	if errors.Is(err, journal.ErrErased) {
		return Receipt{}, city.NotFound("case.erased")
	}
	if err != nil {
		return Receipt{}, err
	}
	c, err := s.cases.Get(ctx, tx, program(city.Actor{}), row.number)
	if err != nil {
		return Receipt{}, err
	}
	in, err := incidentByNumber(ctx, tx, row.number)
	return Receipt{Number: words.Number, Code: words.Code, Report: row.id, Joined: row.joined, Class: in.class, Body: c.Body, Due: c.Due, Assigned: !c.Assignee.IsZero()}, err
}

// once names a report of a source; "" when it can't be repeated. Keys of
// different accounts never meet.
func (s *Service) once(a city.Actor, r Report) string {
	if r.Key == "" {
		return ""
	}
	who := a.Account.String()
	if a.Kind == city.System {
		who = a.Part
	}
	return hex.EncodeToString(s.Journal.Vault().Digest("incident.once", string(a.Kind)+"\x00"+who+"\x00"+r.Source+"\x00"+r.Key))
}

func (s *Service) digest(n city.CaseNumber, code string) []byte {
	return s.Journal.Vault().Digest("incident.code", string(n)+"\x00"+strings.ToUpper(strings.TrimSpace(code)))
}
