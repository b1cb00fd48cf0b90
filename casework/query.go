package casework

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

func jsonOf(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	return json.Marshal(v)
}

// Get reads a case with its title. The person it concerns does not see a trace
// of this: officers use Look.
func (e *Engine) Get(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Case, error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return Case{}, err
	}
	return e.read(ctx, tx, actor, row)
}

// ByID reads a case by its identifier.
func (e *Engine) ByID(ctx context.Context, tx *db.Tx, actor city.Actor, id city.CaseID) (Case, error) {
	row, err := caseByID(ctx, tx, id)
	if err != nil {
		return Case{}, err
	}
	return e.read(ctx, tx, actor, row)
}

func (e *Engine) read(ctx context.Context, tx *db.Tx, actor city.Actor, row caseRow) (Case, error) {
	k, err := e.version(ctx, tx, row.kind, row.version)
	if err != nil {
		return Case{}, err
	}
	if err := e.access.Ask(ctx, actor, "case.read", e.resource(k, row, "")); err != nil {
		return Case{}, err
	}
	return e.open(ctx, tx, row, true)
}

// Look reads a case for an officer and leaves the trace that the applicant sees:
// body, post, purpose, case. The purpose is the key of a text, such as "purpose.handle".
func (e *Engine) Look(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, purpose string) (Case, error) {
	c, err := e.Get(ctx, tx, actor, n)
	if err != nil {
		return Case{}, err
	}
	return c, e.trace(ctx, tx, actor, c, purpose)
}

// trace puts an officer's look on record.
func (e *Engine) trace(ctx context.Context, tx *db.Tx, actor city.Actor, c Case, purpose string) error {
	u := access.Use{Person: c.Applicant, At: e.clock.Now(), Purpose: purpose, Case: c.Number, Fields: []string{"application"}}
	for _, t := range c.State.Tasks {
		if actor.Holds(t.Post) {
			u.Post = t.Post
		}
	}
	for _, p := range actor.Posts {
		if u.Post == "" && p.Body() == c.Body {
			u.Post = p
		}
	}
	return access.RecordUse(ctx, tx, e.journal, actor, u)
}

// CaseFile is a case with all that was done with it, and what the actor can do now.
type CaseFile struct {
	Case
	Records []Record
	Options []Option
}

// CaseFile reads a case (案卷) whole and once, as Get, History and Options would
// give it piece by piece.
func (e *Engine) CaseFile(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (f CaseFile, err error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return f, err
	}
	if f.Case, err = e.read(ctx, tx, actor, row); err != nil {
		return f, err
	}
	if f.Records, err = e.history(ctx, tx, row); err != nil {
		return f, err
	}
	f.Options, err = e.options(ctx, tx, actor, row)
	return f, err
}

// LookInto reads the case file for an officer and leaves the trace of Look.
func (e *Engine) LookInto(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, purpose string) (CaseFile, error) {
	f, err := e.CaseFile(ctx, tx, actor, n)
	if err != nil {
		return CaseFile{}, err
	}
	return f, e.trace(ctx, tx, actor, f.Case, purpose)
}

// History reads the case's actions with their words; after erasure the words are
// empty.
func (e *Engine) History(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Record, error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	if _, err := e.read(ctx, tx, actor, row); err != nil {
		return nil, err
	}
	return e.history(ctx, tx, row)
}

func (e *Engine) history(ctx context.Context, tx *db.Tx, row caseRow) ([]Record, error) {
	stored, err := actionsOf(ctx, tx, row.id, row.state.Seq)
	if err != nil {
		return nil, err
	}
	out := make([]Record, len(stored))
	for i, s := range stored {
		out[i] = s.Record
		err := e.journal.Vault().Unseal(ctx, tx, row.key, s.sealed, &out[i].Words)
		if err != nil && !errors.Is(err, journal.ErrErased) {
			return nil, err
		}
	}
	return out, nil
}

// Payload reads what is applied for, as opened or last supplied, into v.
func (e *Engine) Payload(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, v any) error {
	records, err := e.History(ctx, tx, actor, n)
	if err != nil {
		return err
	}
	for i := len(records) - 1; i >= 0; i-- {
		if p := records[i].Words.Payload; len(p) > 0 {
			return json.Unmarshal(p, v)
		}
	}
	return city.NotFound("case.erased")
}

// StateAt computes the state as it stood at a past moment.
func (e *Engine) StateAt(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, at time.Time) (State, error) {
	row, err := caseByNumber(ctx, tx, n)
	if err != nil {
		return State{}, err
	}
	if _, err := e.read(ctx, tx, actor, row); err != nil {
		return State{}, err
	}
	k, err := e.version(ctx, tx, row.kind, row.version)
	if err != nil {
		return State{}, err
	}
	stored, err := actionsOf(ctx, tx, row.id, row.state.Seq)
	if err != nil {
		return State{}, err
	}
	n2 := 0
	for _, r := range stored {
		if !r.At.After(at) {
			n2++
		}
	}
	return foldStored(k, stored[:n2]), nil
}

// Reading says what the promise's clock shows now.
func (e *Engine) Reading(c Case) Reading {
	now := e.now()
	if !c.Open && !c.ClosedAt.IsZero() {
		now = c.ClosedAt
	}
	r := c.State.Clock.At(e.cal, now)
	if !r.Due.IsZero() {
		r.Due = r.Due.In(e.cal.Zone)
	}
	return r
}

// Calendar is the working calendar that the engine counts in.
func (e *Engine) Calendar() *city.Calendar { return e.cal }

// Scope is which cases of an officer's inbox are meant.
type Scope string

const (
	ScopeMine    Scope = "mine"    // assigned to the officer
	ScopePost    Scope = "post"    // of the officer's posts, taken by nobody
	ScopeAll     Scope = "all"     // both
	ScopeOverdue Scope = "overdue" // both, past their due date
)

// InboxQuery asks for a page of an inbox. After is the cursor of the page before.
type InboxQuery struct {
	Scope Scope
	Kind  city.KindID
	Limit int
	After string
}

// Page is a page of cases; Next is "" on the last one.
type Page struct {
	Cases []Case
	Next  string
}

// Inbox lists open cases that wait for the officer, most urgent first.
func (e *Engine) Inbox(ctx context.Context, tx *db.Tx, actor city.Actor, q InboxQuery) (Page, error) {
	if err := e.access.Ask(ctx, actor, "case.inbox", access.Resource{Type: "Inbox", ID: string(actor.Body)}); err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 || q.Limit > 200 {
		q.Limit = 30
	}
	after, err := parseCursor(q.After)
	if err != nil {
		return Page{}, err
	}
	rows, err := inbox(ctx, tx, actor, q, after, city.Micros(e.clock.Now()))
	if err != nil {
		return Page{}, err
	}
	return e.page(ctx, tx, rows, q.Limit, func(r caseRow) string { return cursorOf(sortable(r.due), r.id) })
}

// Counts are the sizes of an officer's inbox; they stop counting at 1,000.
type Counts struct{ Mine, Post, Overdue int }

// InboxCounts counts without reading.
func (e *Engine) InboxCounts(ctx context.Context, tx *db.Tx, actor city.Actor) (Counts, error) {
	if err := e.access.Ask(ctx, actor, "case.inbox", access.Resource{Type: "Inbox", ID: string(actor.Body)}); err != nil {
		return Counts{}, err
	}
	return inboxCounts(ctx, tx, actor, city.Micros(e.clock.Now()))
}

// Mine lists the cases of the resident, or of the firm or person acted for,
// newest first.
func (e *Engine) Mine(ctx context.Context, tx *db.Tx, actor city.Actor, limit int, after string) (Page, error) {
	err := e.access.Ask(ctx, actor, "case.mine", access.Resource{Type: "Person", ID: actor.Applicant().String(),
		Attrs: access.Attrs{"person": actor.Applicant(), "firm": actor.Firm}})
	if err != nil {
		return Page{}, err
	}
	if limit <= 0 || limit > 200 {
		limit = 30
	}
	at, err := parseCursor(after)
	if err != nil {
		return Page{}, err
	}
	rows, err := casesOf(ctx, tx, actor, at, limit)
	if err != nil {
		return Page{}, err
	}
	return e.page(ctx, tx, rows, limit, func(r caseRow) string { return cursorOf(city.Micros(r.openedAt), r.id) })
}

// Children lists the cases opened from the case, such as the follow-up of a bad
// rating.
func (e *Engine) Children(ctx context.Context, tx *db.Tx, actor city.Actor, id city.CaseID) ([]Case, error) {
	rows, err := casesUnder(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, r := range rows {
		c, err := e.read(ctx, tx, actor, r)
		if city.KindOf(err) == city.KindForbidden {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// WaitingForRule lists cases that stand in an automatic stage, oldest first, so
// that a worker can decide them, also after a crash.
func (e *Engine) WaitingForRule(ctx context.Context, tx *db.Tx, actor city.Actor, limit int) ([]Case, error) {
	if err := e.access.Ask(ctx, actor, "case.inbox", access.Resource{Type: "Inbox", ID: rulePost}); err != nil {
		return nil, err
	}
	rows, err := waitingForRule(ctx, tx, limit)
	if err != nil {
		return nil, err
	}
	p, err := e.page(ctx, tx, rows, limit, func(caseRow) string { return "" })
	return p.Cases, err
}

func (e *Engine) page(ctx context.Context, tx *db.Tx, rows []caseRow, limit int, cursor func(caseRow) string) (Page, error) {
	var p Page
	for i, r := range rows {
		if i == limit {
			p.Next = cursor(rows[i-1])
			break
		}
		c, err := e.open(ctx, tx, r, true)
		if err != nil {
			return p, err
		}
		p.Cases = append(p.Cases, c)
	}
	return p, nil
}

type cursorAt struct {
	key int64
	id  city.CaseID
	set bool
}

func cursorOf(key int64, id city.CaseID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d.%s", key, id)))
}

func parseCursor(s string) (cursorAt, error) {
	if s == "" {
		return cursorAt{}, nil
	}
	bad := city.Invalid("error.cursor")
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return cursorAt{}, bad
	}
	key, id, ok := strings.Cut(string(raw), ".")
	if !ok {
		return cursorAt{}, bad
	}
	c := cursorAt{set: true}
	if _, err := fmt.Sscanf(key, "%d", &c.key); err != nil {
		return cursorAt{}, bad
	}
	if err := c.id.UnmarshalJSON([]byte(`"` + id + `"`)); err != nil {
		return cursorAt{}, bad
	}
	return c, nil
}
