package notify

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"yiwang/city"
)

// Tone is how a notice looks; it never stands alone, the sentence says it, too.
type Tone string

const (
	Plain   Tone = "plain"
	Waiting Tone = "waiting" // something is asked of the reader, or paused
	Done    Tone = "done"
	Alarm   Tone = "alarm" // refused, revoked, overdue
)

// Names are how the city pack calls what codes name; any may be nil, and zero
// texts fall back to plain words.
type Names struct {
	Item   func(city.ItemCode) city.Text
	Kind   func(city.KindID) city.Text
	Stage  func(city.KindID, string) city.Text
	Result func(city.KindID, string) city.Text
	Body   func(city.BodyID) city.Text
	Post   func(city.PostID) city.Text
}

// saying is a sentence for one kind of reader. With names the key without the
// argument, for events that lack it.
type saying struct {
	key     string
	with    string // argument that key needs …
	without string // … and the key to say where it is missing
	tone    Tone
	urgent  bool // told by the channels outside, too
}

func (s saying) silent() bool { return s.key == "" }

// told says what persons and firms hear, and what posts hear beyond the cases
// that come to them.
var told = map[string]struct{ person, post saying }{
	"case.opened":            {person: saying{key: "notify.case.opened", with: "due", without: "notify.case.opened.plain", urgent: true}},
	"case.accept":            {person: saying{key: "notify.case.accept", with: "due", without: "notify.case.accept.plain", urgent: true}},
	"case.supplement":        {person: saying{key: "notify.case.supplement", with: "answer_by", without: "notify.case.supplement.plain", tone: Waiting, urgent: true}},
	"case.supply":            {person: saying{key: "notify.case.supply"}, post: saying{key: "notify.case.supply.post"}},
	"case.lapse":             {person: saying{key: "notify.case.lapse", tone: Waiting, urgent: true}, post: saying{key: "notify.case.lapse.post", tone: Waiting}},
	"case.special_procedure": {person: saying{key: "notify.case.special_procedure", with: "procedure", without: "notify.case.special_procedure.plain", tone: Waiting, urgent: true}},
	"case.resume":            {person: saying{key: "notify.case.resume", with: "due", without: "notify.case.resume.plain"}},
	"case.extend_review":     {person: saying{key: "notify.case.extend_review", with: "due", without: "notify.case.extend_review.plain", tone: Waiting, urgent: true}},
	"case.urge":              {post: saying{key: "notify.case.urge.post", tone: Waiting, urgent: true}},
	"case.overdue":           {person: saying{key: "notify.case.overdue", tone: Alarm}, post: saying{key: "notify.case.overdue.post", tone: Alarm, urgent: true}},

	"credential.issued":    {person: saying{key: "notify.credential.issued", tone: Done}}, // the matter's end was told
	"credential.suspended": {person: saying{key: "notify.credential.suspended", tone: Alarm, urgent: true}},
	"credential.restored":  {person: saying{key: "notify.credential.restored", tone: Done, urgent: true}},
	"credential.revoked":   {person: saying{key: "notify.credential.revoked", tone: Alarm, urgent: true}},

	"firm.agent_set":      {person: saying{key: "notify.firm.agent_set", urgent: true}},
	"firm.agent_ended":    {person: saying{key: "notify.firm.agent_ended", urgent: true}},
	"officer.appointed":   {person: saying{key: "notify.officer.appointed", with: "post", without: "notify.officer.appointed.plain"}},
	"officer.dismissed":   {person: saying{key: "notify.officer.dismissed", with: "post", without: "notify.officer.dismissed.plain"}},
	"person.changed":      {person: saying{key: "notify.person.changed"}},
	"account.activated":   {person: saying{key: "notify.account.activated"}},
	"account.code_issued": {person: saying{key: "notify.account.code_issued", tone: Waiting, urgent: true}},
	"account.recovered":   {person: saying{key: "notify.account.recovered", tone: Waiting, urgent: true}},
	"account.locked":      {person: saying{key: "notify.account.locked", tone: Alarm, urgent: true}},
	"account.unlocked":    {person: saying{key: "notify.account.unlocked", urgent: true}},
	"password.changed":    {person: saying{key: "notify.password.changed", tone: Waiting, urgent: true}},
	"passkey.added":       {person: saying{key: "notify.passkey.added", tone: Waiting, urgent: true}},
	"passkey.removed":     {person: saying{key: "notify.passkey.removed", tone: Waiting, urgent: true}},
	"token.created":       {person: saying{key: "notify.token.created", tone: Waiting, urgent: true}},

	"incident.reported":   {person: saying{key: "notify.incident.reported", with: "due", without: "notify.incident.reported.plain", urgent: true}},
	"incident.dispatched": {person: saying{key: "notify.incident.dispatched", with: "due", without: "notify.incident.dispatched.plain", urgent: true}},
	"incident.merged":     {person: saying{key: "notify.incident.merged", urgent: true}},
	"incident.answered":   {person: saying{key: "notify.incident.answered", tone: Done, urgent: true}},
	"incident.reopened":   {person: saying{key: "notify.incident.reopened", tone: Waiting, urgent: true}},

	"pass.set": {person: saying{key: "notify.pass.set", tone: Waiting, urgent: true}},

	"sensor.quarantined": {post: saying{key: "notify.sensor.quarantined", tone: Alarm, urgent: true}},
	"sensor.released":    {post: saying{key: "notify.sensor.released"}},

	"log.stopped": {post: saying{key: "notify.log.stopped", tone: Alarm, urgent: true}},
	"log.late":    {post: saying{key: "notify.log.late", tone: Alarm, urgent: true}},
	"log.forked":  {post: saying{key: "notify.log.forked", tone: Alarm, urgent: true}},
}

// closed says how a matter ended, by its result.
var closed = map[string]saying{
	"approved":     {key: "notify.case.end.approved", tone: Done, urgent: true},
	"refused":      {key: "notify.case.end.refused", tone: Alarm, urgent: true},
	"not_accepted": {key: "notify.case.end.not_accepted", tone: Alarm, urgent: true},
	"withdrawn":    {key: "notify.case.end.withdrawn"},
	"terminated":   {key: "notify.case.end.terminated", tone: Alarm, urgent: true},
}

var (
	endedOther = saying{key: "notify.case.end", with: "result", without: "notify.case.end.plain", tone: Done, urgent: true}
	moved      = saying{key: "notify.case.moved", with: "stage", without: "notify.case.moved.plain"}
	arrived    = saying{key: "notify.case.arrived.post", with: "due", without: "notify.case.arrived.post.plain", urgent: true}

	leaveGiven = saying{key: "notify.delegation.given.giver", with: "taker", without: "notify.delegation.given.giver.plain", urgent: true}
	leaveTaken = saying{key: "notify.delegation.given.taker", with: "giver", without: "notify.delegation.given.taker.plain", tone: Waiting, urgent: true}
	leaveYes   = saying{key: "notify.delegation.accepted", with: "taker", without: "notify.delegation.accepted.plain", urgent: true}
	leaveEnds  = saying{key: "notify.delegation.ended", urgent: true}
)

// Outside lists the types of events that persons and firms hear of by the channels
// outside, so that whoever makes the links of messages can show that all lead
// somewhere. A matter may also end, or be refused, by any action of its kind.
func Outside() []string {
	types := []string{"delegation.given", "delegation.accepted", "delegation.ended"}
	for typ, t := range told {
		if t.person.urgent {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return types
}

// quiet are types that are addressed to somebody and still no notice, each with
// its reason.
var quiet = map[string]string{
	"data.used":          "who looked has a page of its own",
	"consent.given":      "they said yes a moment ago",
	"consent.declined":   "they said no a moment ago",
	"case.claim":         "the office's own work",
	"case.release":       "the office's own work",
	"case.assign":        "the colleague's inbox shows it",
	"case.comment":       "an office's note",
	"person.related":     "follows from a matter that was told",
	"person.added":       "the register's own work",
	"firm.changed":       "follows from a matter that was told",
	"credential.fetched": "shown where it was agreed to, and under who used my data",
	"credential.shown":   "the holder did it",

	"credential.granted":     "the holder did it",
	"credential.copied":      "the holder did it",
	"credential.grant_ended": "the holder did it",
	"credential.checked":     "shown with the grant",
	"credential.offered":     "the holder did it",
	"credential.given":       "the holder asked for it, and it is shown under who used my data",

	"account.created": "there is nobody to read it yet",
	"session.created": "recent sign-ins are shown with the account",
	"session.refused": "recent sign-ins are shown with the account",
	"token.ended":     "the owner did it",
}

// payload is what sentences are made of.
type payload struct {
	Number    string          `json:"number"`
	Item      city.ItemCode   `json:"item"`
	Kind      city.KindID     `json:"kind"`
	From      string          `json:"from"`
	Stage     string          `json:"stage"`
	Body      city.BodyID     `json:"body"`
	Post      city.PostID     `json:"post"`
	Due       moment          `json:"due"`
	AnswerBy  moment          `json:"answer_by"`
	Until     moment          `json:"until"`
	Procedure string          `json:"procedure"`
	Result    string          `json:"result"`
	Name      json.RawMessage `json:"name"`
	Giver     city.PersonID   `json:"giver"`
	Taker     city.PersonID   `json:"taker"`
}

// moment reads a time as RFC 3339, as microseconds or as a date. What it can't
// read is no time: a sentence without its date is better than none.
type moment struct {
	time.Time
	day bool // a date: said as it stands, in no zone
}

func (m *moment) UnmarshalJSON(raw []byte) error {
	var us int64
	if json.Unmarshal(raw, &us) == nil {
		m.Time = city.FromMicros(us)
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		if !t.IsZero() {
			m.Time = t
		}
	} else if d, err := city.ParseDate(s); err == nil {
		m.Time, m.day = d.In(time.UTC), true
	}
	return nil
}

func (m moment) in(z *time.Location) time.Time {
	if m.day {
		return m.Time
	}
	return m.Time.In(z)
}

func read(data []byte) (p payload, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return p, nil
	}
	return p, json.Unmarshal(data, &p)
}

// choose picks what to say to the reader of a box, the zero saying for nothing.
// known is false when nobody has written about the type.
func choose(typ string, p payload, b Box) (s saying, known bool) {
	if quiet[typ] != "" {
		return saying{}, true
	}
	if verb, ok := strings.CutPrefix(typ, "delegation."); ok {
		switch {
		case verb == "given" && b.Person == p.Giver:
			return leaveGiven, true
		case verb == "given":
			return leaveTaken, true
		case verb == "accepted" && b.Person == p.Taker:
			return saying{}, true
		case verb == "accepted":
			return leaveYes, true
		case verb == "ended":
			return leaveEnds, true
		}
		return saying{}, false
	}
	t, listed := told[typ]
	if !strings.HasPrefix(typ, "case.") {
		if b.official() {
			return t.post, listed
		}
		return t.person, listed
	}
	ended := p.Stage == "end"
	comes := !ended && p.From != p.Stage || typ == "case.opened"
	switch {
	case b.official() && !t.post.silent():
		return t.post, true
	case b.official() && comes:
		return arrived, true
	case b.official():
		return saying{}, true
	case ended:
		if s, ok := closed[p.Result]; ok {
			return s, true
		}
		return endedOther, true
	case listed:
		return t.person, true
	case comes:
		return moved, true
	}
	return saying{}, true
}

// words are the sentence's arguments.
func (n *Notify) words(p payload, sealed map[string]string) map[string]any {
	w := map[string]any{"number": p.Number}
	set := func(name string, t city.Text) {
		if !t.IsZero() {
			w[name] = t
		}
	}
	names := n.names
	if p.Item != "" && names.Item != nil {
		set("item", names.Item(p.Item))
	}
	if w["item"] == nil && p.Kind != "" && names.Kind != nil {
		set("item", names.Kind(p.Kind))
	}
	if w["item"] == nil {
		w["item"] = city.Message{Key: "notify.matter"}
	}
	w["body"] = city.Message{Key: "notify.office"}
	if p.Body != "" && names.Body != nil {
		set("body", names.Body(p.Body))
	}
	if p.Post != "" && names.Post != nil {
		set("post", names.Post(p.Post))
	}
	if p.Stage != "" && names.Stage != nil {
		set("stage", names.Stage(p.Kind, p.Stage))
	}
	if p.Result != "" && names.Result != nil {
		set("result", names.Result(p.Kind, p.Result))
	}
	if _, ok := city.LookupText("case.procedure." + p.Procedure); ok {
		w["procedure"] = city.Message{Key: "case.procedure." + p.Procedure}
	}
	w["name"] = city.Message{Key: "notify.licence"}
	var name city.Text
	if json.Unmarshal(p.Name, &name) == nil {
		set("name", name)
	}
	for arg, m := range map[string]moment{"due": p.Due, "answer_by": p.AnswerBy, "until": p.Until} {
		if !m.IsZero() {
			w[arg] = m.in(n.zone)
		}
	}
	for _, arg := range []string{"giver", "taker"} {
		if sealed[arg] != "" {
			w[arg] = sealed[arg]
		}
	}
	return w
}

// say makes the sentence for a reader.
func (s saying) say(words map[string]any) city.Message {
	m := city.Message{Key: s.key}
	if s.with != "" && words[s.with] == nil {
		m.Key = s.without
	}
	for name, v := range words {
		m.Args = append(m.Args, name, v)
	}
	return m
}
