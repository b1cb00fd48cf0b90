package incident

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// The outcomes of the kind that the service acts by (cities/*/kinds/incident.yaml).
const (
	actDispatch  = "dispatch"
	actDuplicate = "duplicate"
)

// To is where an operator sends a matter. What is left empty is the class's.
type To struct {
	Class city.ItemCode
	Post  city.PostID
	Limit city.Limit
}

// Dispatch sends a matter to whoever mends such things (派单).
func (s *Service) Dispatch(ctx context.Context, actor city.Actor, n city.CaseNumber, to To) (c casework.Case, err error) {
	err = s.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err = s.DispatchIn(ctx, tx, actor, n, to)
		return err
	})
	if err != nil {
		return casework.Case{}, raced(err)
	}
	return c, nil
}

// DispatchIn is Dispatch in the caller's transaction.
func (s *Service) DispatchIn(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, to To) (c casework.Case, err error) {
	in, err := incidentByNumber(ctx, tx, n)
	if err != nil {
		return c, missing(err)
	}
	if _, err := s.cases.Get(ctx, tx, actor, n); err != nil {
		return c, err
	}
	if to.Class == "" {
		to.Class = in.class
	}
	class, ok := s.classes[to.Class]
	if !ok {
		return c, fieldFault("class", "incident.class.unknown")
	}
	if to.Post == "" {
		to.Post = class.Post
	}
	if to.Limit.N == 0 {
		to.Limit = class.Limit
	}
	if class.Code != in.class {
		changeClass(tx, in, class.Code, public(class))
	}
	return s.send(ctx, tx, actor, n, to.Post, to.Limit)
}

func (s *Service) send(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, post city.PostID, limit city.Limit) (casework.Case, error) {
	return s.cases.Act(ctx, tx, actor, n, casework.Action{Name: actDispatch, Params: map[string]string{
		"body": string(post.Body()), "post": strings.TrimPrefix(string(post), string(post.Body())+"."), "limit": limit.Encode()}})
}

// then does with a new matter what whoever took the call says.
func (s *Service) then(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, class city.ItemCode, a casework.Action) (casework.Case, error) {
	if a.Name == actDispatch && len(a.Params) == 0 {
		c := s.classes[class]
		if c == nil {
			return casework.Case{}, fieldFault("class", "incident.class.needed")
		}
		return s.send(ctx, tx, actor, n, c.Post, c.Limit)
	}
	return s.cases.Act(ctx, tx, actor, n, a)
}

// dispatched says that a matter was sent on, and refuses a post that nobody has.
func (s *Service) dispatched(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	c := call.Case
	post := city.PostID(call.With["body"] + "." + call.With["post"])
	if p, ok := s.Directory.Post(post); !ok || p.ID != post {
		return fieldFault("post", "incident.post.unknown")
	}
	in, err := incidentByNumber(ctx, tx, c.Number)
	if err != nil {
		return missing(err)
	}
	_, _, to, err := reportersOf(ctx, tx, c.ID, c.Number)
	if err != nil {
		return err
	}
	data := map[string]any{"item": in.class, "automatic": call.Actor.Kind == city.System}
	if call.Actor.Kind == city.Officer {
		judge(data, in.class)
	}
	if !c.Due.IsZero() {
		data["due"] = c.Due
	}
	if err := s.tell(ctx, tx, "incident.dispatched", call, to, data); err != nil {
		return err
	}
	_, err = s.giveAll(ctx, tx, call, in)
	return err
}

// whistled refuses a whistle for a body that has nobody to answer it: a call that
// can't be answered would hold the matter for ever.
func (s *Service) whistled(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	for _, t := range call.Case.State.Tasks {
		if p, ok := s.Directory.Post(t.Post); t.Called && (!ok || p.ID != t.Post) {
			return fieldFault("bodies", "incident.bodies.unknown")
		}
	}
	return nil
}

// tell appends an event of a case to those who reported it.
func (s *Service) tell(ctx context.Context, tx *db.Tx, typ string, call casework.EffectCall, to []journal.Recipient, data map[string]any) error {
	data["number"], data["body"] = call.Case.Number, call.Case.Body
	return s.spread(ctx, tx, journal.Event{At: s.now(), Type: typ, Subject: string(call.Case.Number), Actor: call.Actor, To: to, Data: data})
}

// mostTold are so many as one event names: of what thousands have reported there
// are several.
const mostTold = 500

// spread appends an event as often as it takes to name everybody it is for.
func (s *Service) spread(ctx context.Context, tx *db.Tx, e journal.Event) error {
	for rest := e.To; ; {
		e.To = rest[:min(len(rest), mostTold)]
		if err := s.Journal.Append(ctx, tx, e); err != nil {
			return err
		}
		if rest = rest[len(e.To):]; len(rest) == 0 {
			return nil
		}
	}
}

// Merge ends a matter as the same as another: its reports go on with that one,
// where their old number and code lead from now on. Nothing is deleted, and
// whoever reported it is told. The outcome of the kind does the same from the desk.
func (s *Service) Merge(ctx context.Context, actor city.Actor, from, into city.CaseNumber, reason string) error {
	_, err := s.cases.Do(ctx, actor, from, casework.Action{Name: actDuplicate, Reason: reason, Params: map[string]string{"into": string(into)}})
	return err
}

// merged moves the reports of a case that ended as the same as another.
func (s *Service) merged(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	from, into := call.Case, city.CaseNumber(strings.TrimSpace(call.With["into"]))
	if _, err := incidentByNumber(ctx, tx, into); errors.Is(err, db.ErrNoRows) || into == from.Number {
		return fieldFault("into", "incident.join.unknown")
	} else if err != nil {
		return err
	}
	target, err := s.cases.Get(ctx, tx, call.Actor, into)
	if err != nil {
		return err
	}
	if !target.Open {
		return fieldFault("into", "incident.join.closed")
	}
	_, to, err := setOpen(ctx, tx, from.ID, from.Number, 0)
	if err != nil {
		return err
	}
	moved, err := moveReports(ctx, tx, from.ID, target.ID, target.Number)
	if err != nil {
		return err
	}
	join(tx, target.ID, moved)
	return s.spread(ctx, tx, journal.Event{At: s.now(), Type: "incident.merged", Subject: string(from.Number), Actor: call.Actor, To: to,
		Data: map[string]any{"number": from.Number, "from": from.Number, "into": into, "body": target.Body}})
}

// Rating is what a reporter says of how it went (三率): whether somebody got in
// touch, whether it is solved, how content they are from 1, very, to 5. Nil and 0
// are left unsaid and never counted as praise.
type Rating struct {
	Responded *bool  `json:"responded,omitempty"`
	Resolved  *bool  `json:"resolved,omitempty"`
	Level     int    `json:"level,omitempty"`
	Words     string `json:"-"`
	By        string `json:"by"` // page, or call: an operator asked
}

// Rate keeps what a reporter says, once a report. The code proves who it is.
func (s *Service) Rate(ctx context.Context, actor city.Actor, n city.CaseNumber, code string, r Rating) error {
	r.By = "page"
	if err := r.check(); err != nil {
		return err
	}
	return raced(s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := s.byCode(ctx, tx, actor, "incident.rate", n, code)
		if err != nil {
			return err
		}
		return s.rate(ctx, tx, actor, row, r)
	}))
}

// check brings a rating into shape, or says what is wrong with it.
func (r *Rating) check() error {
	r.Words = clean(r.Words)
	switch {
	case r.Level < 0 || r.Level > 5 || r.Level == 0 && r.Responded == nil && r.Resolved == nil:
		return fieldFault("level", "service.rating.level")
	case utf8.RuneCountInString(r.Words) > 1000:
		return fieldFault("words", "case.too_long", "max", 1000)
	}
	return nil
}

func (s *Service) rate(ctx context.Context, tx *db.Tx, actor city.Actor, row reportRow, r Rating) error {
	c, err := s.cases.Get(ctx, tx, program(actor), row.number)
	if err != nil {
		return err
	}
	if c.Open {
		return city.Conflict("service.rating.open")
	}
	if row.ratedAt != 0 {
		return city.Conflict("service.rating.once")
	}
	var words said
	vault := s.Journal.Vault()
	if err := vault.Unseal(ctx, tx, row.key, row.sealed, &words); errors.Is(err, journal.ErrErased) {
		return city.NotFound("case.erased")
	} else if err != nil {
		return err
	}
	words.Words = r.Words
	sealed, err := vault.Seal(ctx, tx, row.key, words)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	now := s.now()
	rateReport(tx, row.id, city.Micros(now), string(raw), sealed)
	data := map[string]any{"number": c.Number, "report": row.id, "by": r.By}
	if r.Responded != nil {
		data["responded"] = *r.Responded
	}
	if r.Resolved != nil {
		data["resolved"] = *r.Resolved
	}
	if r.Level > 0 {
		data["level"] = r.Level
	}
	return s.Journal.Append(ctx, tx, journal.Event{At: now, Type: "incident.rated", Subject: string(c.Number), Actor: actor, Data: data})
}

// Reopen takes a matter up again for a reporter who is not content, as long after
// its end as the kind allows.
func (s *Service) Reopen(ctx context.Context, actor city.Actor, n city.CaseNumber, code, reason string) error {
	if reason = clean(reason); reason == "" {
		return fieldFault("reason", "case.needs.reason")
	}
	return raced(s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := s.byCode(ctx, tx, actor, "incident.reopen", n, code)
		if err != nil {
			return err
		}
		_, err = s.cases.Act(ctx, tx, program(actor), row.number, casework.Action{Name: casework.ActReopen, Reason: reason})
		return err
	}))
}

// byCode finds the report whose number and code somebody knows. A wrong code and
// a number that nobody has are one answer.
func (s *Service) byCode(ctx context.Context, tx *db.Tx, actor city.Actor, action string, n city.CaseNumber, code string) (reportRow, error) {
	if err := s.Access.Ask(ctx, actor, action, access.Resource{Type: "Incident", ID: string(n)}); err != nil {
		return reportRow{}, err
	}
	row, err := reportByCode(ctx, tx, s.digest(n, code))
	return row, missing(err)
}

// Effects are what actions of the kind do here, for the engine.
func (s *Service) Effects() map[string]casework.EffectFunc {
	return map[string]casework.EffectFunc{"dispatch_incident": s.dispatched, "close_incident": s.closed, "merge_incident": s.merged, "reopen_incident": s.reopened,
		"assign_incident": s.again, "assigned_incident": s.assigned, "evidence_incident": s.evidenced, "whistle_incident": s.whistled,
		"supervise_incident": s.supervised,
		"found_incident":     s.foundSo, "resolve_alert": s.resolveAlert, "clear_alert": s.clearAlert}
}

// Composed are the effects that only read and queue (casework.Options).
func (s *Service) Composed() []string {
	return []string{"dispatch_incident", "close_incident", "reopen_incident", "evidence_incident"}
}

// closed notes that a matter is over, however it ended, and tells everybody who
// reported it.
func (s *Service) closed(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	class, to, err := setOpen(ctx, tx, call.Case.ID, call.Case.Number, 0)
	if err != nil {
		return err
	}
	data := map[string]any{"item": call.Case.Item, "result": call.Case.Result}
	if a := call.Record.Action; a != casework.ActWithdraw && a != casework.ActTerminate {
		askByCall(tx, call.Case.ID, city.Micros(s.now()))
		if k, ok := s.cases.Kind(call.Case.Kind); ok && call.Record.Stage != k.First { // dealt with as what it was
			judge(data, class)
		}
	}
	return s.tell(ctx, tx, "incident.answered", call, to, data)
}

// reopened notes that a matter is taken up again.
func (s *Service) reopened(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	_, to, err := setOpen(ctx, tx, call.Case.ID, call.Case.Number, 1)
	if err != nil {
		return err
	}
	askByCall(tx, call.Case.ID, 0)
	if err := s.tell(ctx, tx, "incident.reopened", call, to, map[string]any{"item": call.Case.Item}); err != nil {
		return err
	}
	return s.again(ctx, tx, call)
}

// again finds somebody for a matter that has to be done again.
func (s *Service) again(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	in, err := incidentByNumber(ctx, tx, call.Case.Number)
	if err != nil {
		return missing(err)
	}
	_, err = s.giveAll(ctx, tx, call, in)
	return err
}

func missing(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return city.NotFound("incident.missing")
	}
	return err
}

// raced turns a race that was lost at the commit into the conflict that it is.
func raced(err error) error {
	if errors.Is(err, db.ErrDuplicate) || errors.Is(err, casework.ErrAgain) {
		return city.Conflict("case.changed")
	}
	return err
}
