// Package casework is the engine. A case is an append-only list of actions;
// status, stage, tasks, flags and clocks are pure folds over the accepted ones,
// kept as one current row in the same transaction. What differs between an
// application, an incident and a document is a Kind, which is data. The engine
// knows no kind by name, and does not import what cases carry: outcomes name
// effects, which the program hands in as functions.
package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// EffectFunc does what an outcome names, in the transaction of the action. It
// runs once per (case, seq, n): the action's row is unique, and an error undoes
// the action with everything else.
type EffectFunc func(ctx context.Context, tx *db.Tx, call EffectCall) error

// ErrAgain, wrapped, is what a check of an effect's queued statement returns when
// what the effect had read has changed since: Do takes the step once more, with
// the database to itself where it can.
var ErrAgain = errors.New("casework: what an effect had read has changed")

// EffectCall is what an effect is told.
type EffectCall struct {
	Key    string // unique: case, seq and place among the action's effects
	Case   Case   // as the action leaves it
	Record Record // the action, with its words
	Actor  city.Actor
	With   map[string]string // the effect's arguments, parameters filled in

	moved *Case
}

// Moved says that the effect has moved the case on itself: further effects, and
// whoever acted, get the case as that left it.
func (c EffectCall) Moved(to Case) { *c.moved = to }

// Options make an engine.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Clock    city.Clock
	Calendar *city.Calendar
	Prefix   string // of case numbers, such as "JH"
	Kinds    []Kind
	Effects  map[string]EffectFunc
	Superior func(city.PostID) (city.PostID, bool) // the post above; nil: none has one
	// Composed names effects that may be part of a composed step (db.Compose): they
	// only read and queue, and what they read is changed by nothing but actions on
	// the same case, or is checked by what they queue.
	Composed []string
}

// Engine opens cases and moves them on. It is safe for concurrent use.
type Engine struct {
	db       *db.DB
	journal  *journal.Journal
	access   *access.Access
	clock    city.Clock
	cal      *city.Calendar
	effects  map[string]EffectFunc
	superior func(city.PostID) (city.PostID, bool)
	compose  map[string]bool // effects that may be part of composed steps
	numbers  *numbers
	rows     rows

	mu      sync.RWMutex
	current map[city.KindID]*compiled
	old     map[kindVersion]*Kind
}

type compiled struct {
	kind    *Kind
	version int
}

type kindVersion struct {
	id      city.KindID
	version int
}

// New registers the kinds: a definition that changed becomes a new version, and
// cases already open keep theirs.
func New(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, cal: o.Calendar, effects: o.Effects, superior: o.Superior,
		compose: map[string]bool{}, current: map[city.KindID]*compiled{}, old: map[kindVersion]*Kind{}}
	e.numbers = newNumbers(o.DB, o.Prefix)
	for _, name := range o.Composed {
		e.compose[name] = true
	}
	for i := range o.Kinds {
		k := &o.Kinds[i]
		if fs := k.Check(); len(fs) > 0 {
			return nil, fmt.Errorf("kind %s: %s: %s", k.ID, fs[0].Path, fs[0].Message)
		}
		for f := range k.effects() {
			if e.effects[f.Name] == nil {
				return nil, fmt.Errorf("kind %s: nobody provides the effect %q", k.ID, f.Name)
			}
		}
		raw, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		var v int
		err = e.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			v, err = registerKind(ctx, tx, k.ID, hex.EncodeToString(sum[:]), string(raw), e.clock.Now())
			return err
		})
		if err != nil {
			return nil, err
		}
		e.current[k.ID] = &compiled{k, v}
		e.old[kindVersion{k.ID, v}] = k
	}
	return e, nil
}

// Kind gives the newest version of a kind.
func (e *Engine) Kind(id city.KindID) (*Kind, bool) {
	c, ok := e.current[id]
	if !ok {
		return nil, false
	}
	return c.kind, true
}

func (e *Engine) version(ctx context.Context, tx *db.Tx, id city.KindID, v int) (*Kind, error) {
	e.mu.RLock()
	k := e.old[kindVersion{id, v}]
	e.mu.RUnlock()
	if k != nil {
		return k, nil
	}
	raw, err := kindDefinition(ctx, tx, id, v)
	if err != nil {
		return nil, fmt.Errorf("kind %s version %d: %w", id, v, err)
	}
	k = &Kind{}
	if err := json.Unmarshal([]byte(raw), k); err != nil {
		return nil, fmt.Errorf("kind %s version %d: %w", id, v, err)
	}
	e.mu.Lock()
	e.old[kindVersion{id, v}] = k
	e.mu.Unlock()
	return k, nil
}

// Opening is what a new case is opened with.
type Opening struct {
	Kind      city.KindID
	Item      city.ItemCode     // what it is about; also for access policies
	Params    map[string]string // body, credential, rule …: what the kind calls "$body"
	Applicant city.PersonID
	Firm      city.FirmID
	Region    city.RegionCode
	Promise   city.Limit // runs from acceptance
	Parent    city.CaseID
	Title     string // whom or what it is about, for inboxes; personal, sealed
	Payload   any    // what was applied for; personal, sealed
	Terms     string // more words to find the case by; personal, sealed
	Key       string // idempotency: a repeat returns the case it opened

	// Barred are accounts that shall have no part in the case: policies see them
	// with it, no inbox of theirs lists it and nobody can give it to them.
	Barred []city.AccountID
}

// Open opens a case. With the same key it returns the case that the first call
// opened.
func (e *Engine) Open(ctx context.Context, tx *db.Tx, actor city.Actor, o Opening) (Case, error) {
	err := e.access.Ask(ctx, actor, "case.open", access.Resource{Type: "Case", Region: o.Region, Attrs: access.Attrs{
		"kind": o.Kind, "item": o.Item, "applicant": o.Applicant, "firm": o.Firm, "body": o.Params["body"],
		"clerk": o.Params["body"] + ".clerk"}})
	if err != nil {
		return Case{}, err
	}
	c, ok := e.current[o.Kind]
	if !ok {
		return Case{}, fmt.Errorf("casework: no kind %q", o.Kind)
	}
	for _, p := range c.kind.Parameters() {
		if o.Params[p] == "" {
			return Case{}, fmt.Errorf("casework: kind %s needs the parameter %q", o.Kind, p)
		}
	}
	if o.Key != "" {
		if id, _, err := findKey(ctx, tx, "open:"+o.Key); err == nil {
			row, err := caseByID(ctx, tx, id)
			if err != nil {
				return Case{}, err
			}
			return e.open(ctx, tx, row, true)
		} else if !errors.Is(err, db.ErrNoRows) {
			return Case{}, err
		}
	}
	now := e.now()
	number, err := e.numbers.next(ctx, tx, now.In(e.cal.Zone).Year())
	if err != nil {
		return Case{}, err
	}
	vault := e.journal.Vault()
	key, err := vault.NewKey(ctx, tx, o.Applicant)
	if err != nil {
		return Case{}, err
	}
	payload, err := json.Marshal(o.Payload)
	if err != nil {
		return Case{}, err
	}
	row := caseRow{id: city.NewCaseID(), number: number, kind: o.Kind, version: c.version, item: o.Item,
		region: o.Region, applicant: o.Applicant, firm: o.Firm, openedAt: now, parent: o.Parent, key: key}
	if o.Title != "" {
		if row.title, err = vault.Seal(ctx, tx, key, o.Title); err != nil {
			return Case{}, err
		}
	}
	r := Record{Seq: 1, At: now, Action: ActOpen, By: byOf(actor, ""), Params: o.Params, Limit: o.Promise, Barred: o.Barred, Words: Words{Payload: payload}}
	row.state = Fold(c.kind, []Record{r})
	if err := e.write(ctx, tx, c.kind, &row, r, "open:"+o.Key, o.Key != ""); err != nil {
		return Case{}, err
	}
	cs := e.view(c.kind, row)
	cs.Title = o.Title
	err = e.announce(ctx, tx, actor, c.kind, cs, r, []journal.Entry{{
		Type: "case", ID: string(number), Title: c.kind.Name, Terms: string(number) + " " + o.Title + " " + o.Terms,
		Attrs: map[string]string{"applicant": o.Applicant.String(), "firm": o.Firm.String(), "bodies": joinBodies(c.kind, o.Params), "region": string(o.Region), "item": string(o.Item),
			"kind": string(o.Kind), "counter": string(cs.State.Counter)},
	}})
	return cs, err
}

// write stores the action and the row it leads to.
func (e *Engine) write(ctx context.Context, tx *db.Tx, k *Kind, row *caseRow, r Record, idem string, keyed bool) error {
	var sealed []byte
	if !r.Words.IsZero() {
		var err error
		if sealed, err = e.journal.Vault().Seal(ctx, tx, row.key, r.Words); err != nil {
			return err
		}
	}
	if !keyed {
		idem = ""
	}
	row.derive(k, e.cal)
	kept := *row
	kept.hadTasks = len(kept.state.Tasks) > 1
	tx.Keep(keptRow(kept.number), kept) // for a further action in this transaction
	tx.AfterCommit(func() { e.rows.put(kept) })
	return row.store(ctx, tx, k, r, sealed, idem)
}

// keptRow is the key of a case's row as this transaction leaves it.
type keptRow city.CaseNumber

// announce appends the journal's event of an action.
func (e *Engine) announce(ctx context.Context, tx *db.Tx, actor city.Actor, k *Kind, c Case, r Record, index []journal.Entry) error {
	name := "case." + r.Action
	if r.Action == ActOpen {
		name = "case.opened"
	}
	to := []journal.Recipient{}
	if !c.Applicant.IsZero() || !c.Firm.IsZero() {
		to = append(to, journal.Recipient{Person: c.Applicant, Firm: c.Firm})
	}
	for _, t := range c.Working {
		to = append(to, journal.Recipient{Post: t.Post, Region: c.Region})
	}
	if r.Action == ActOverdue && c.State.Step > 1 && e.superior != nil { // the first time it is for who has it
		for _, t := range c.Working {
			above, ok := e.superior(t.Post)
			if up := (journal.Recipient{Post: above, Region: c.Region}); ok && !slices.Contains(to, up) {
				to = append(to, up)
			}
		}
	}
	data := map[string]any{"case": c.ID, "number": c.Number, "kind": c.Kind, "item": c.Item, "action": r.Action,
		"from": r.Stage, "stage": c.Stage, "body": c.Body}
	if r.Action == ActOpen && c.Region != "" {
		data["region"] = c.Region
	}
	if !c.Due.IsZero() {
		data["due"] = c.Due
	}
	if c.Result != "" {
		data["result"] = c.Result
	}
	if r.Procedure != "" {
		data["procedure"] = r.Procedure
	}
	if !r.AnswerBy.IsZero() {
		data["answer_by"] = r.AnswerBy
	}
	if r.Action == ActOverdue {
		data["step"] = c.State.Step
	}
	if r.Action == ActWhistle {
		data["bodies"], data["answer_by"] = r.Bodies, r.AnswerBy
	}
	if r.Step != "" {
		data["progress"] = r.Step
	}
	if !r.Until.IsZero() {
		data["until"] = r.Until
	}
	if len(c.State.Counts) > 0 {
		data["counts"] = c.State.Counts
	}
	ev := journal.Event{At: r.At, Type: name, Subject: string(c.Number), Actor: actor, To: to, Data: data}
	if len(index) > 0 {
		ev.Key, ev.Index = c.Key, index
	}
	return e.journal.Append(ctx, tx, ev)
}

func byOf(a city.Actor, post city.PostID) By {
	body := a.Body
	if b := post.Body(); b != "" { // what somebody does in a post is done by its body
		body = b
	}
	return By{Kind: a.Kind, Account: a.Account, Body: body, Post: post, OnBehalf: !a.OnBehalf.IsZero(), Part: a.Part, Channel: a.Channel}
}

func joinBodies(k *Kind, params map[string]string) string {
	seen := map[string]bool{}
	out := ""
	for _, s := range k.Stages {
		for _, t := range s.Tasks {
			if b := param(params, t.Body); b != "" && !seen[b] {
				seen[b] = true
				out += "," + b
			}
		}
	}
	if out != "" {
		out = out[1:]
	}
	return out
}

// Case is a case as it stands now, or as it stood after an action.
type Case struct {
	ID     city.CaseID
	Number city.CaseNumber
	Kind   city.KindID
	// KindVersion is the definition that the case was opened with.
	KindVersion int
	KindName    city.Text
	Item        city.ItemCode
	Open        bool
	Stage       string
	StageName   city.Text
	Tell        city.Text // the sentence for the applicant
	Result      string
	Flags       []string
	Body        city.BodyID    // whose turn it is, or was last
	Assignee    city.AccountID // of the first working task
	Working     []Task         // tasks that can be worked on now
	Due         time.Time      // zero while paused or closed
	Region      city.RegionCode
	Applicant   city.PersonID
	Firm        city.FirmID
	Parent      city.CaseID
	OpenedAt    time.Time
	ClosedAt    time.Time
	Version     int    // number of actions; send it back to act on what was seen
	Title       string // only where it was unsealed; "" after erasure
	Key         journal.KeyID
	State       State
}

func (e *Engine) view(k *Kind, row caseRow) Case {
	s := row.state
	c := Case{ID: row.id, Number: row.number, Kind: row.kind, KindVersion: row.version, KindName: k.Name, Item: row.item, Open: s.Open, Stage: s.Stage,
		Result: s.Result, Flags: s.Flags, Body: city.BodyID(row.body), Assignee: row.assignee, Working: s.Working(k),
		Due: row.due, Region: row.region, Applicant: row.applicant, Firm: row.firm, Parent: row.parent,
		OpenedAt: row.openedAt, ClosedAt: s.ClosedAt, Version: s.Seq, Key: row.key, State: s}
	if !c.Due.IsZero() {
		c.Due = c.Due.In(e.cal.Zone)
	}
	if st, ok := k.Stage(s.Stage); ok {
		c.StageName, c.Tell = st.Name, st.Tell
		if p, ok := st.progress(s.Progress); ok && s.Paused == "" {
			c.Tell = p.Tell
		}
	} else if r, ok := k.Result(s.Result); ok {
		c.StageName, c.Tell = r.Name, r.Tell
	}
	return c
}

// open makes the view of a row, with its title unsealed on request.
func (e *Engine) open(ctx context.Context, tx *db.Tx, row caseRow, title bool) (Case, error) {
	k, err := e.version(ctx, tx, row.kind, row.version)
	if err != nil {
		return Case{}, err
	}
	c := e.view(k, row)
	if title {
		err = e.journal.Vault().Unseal(ctx, tx, row.key, row.title, &c.Title)
		if errors.Is(err, journal.ErrErased) {
			err = nil
		}
	}
	return c, err
}

// now is the moment as it will be read back: what is folded now and what is
// folded from the stored actions is the same to the last digit.
func (e *Engine) now() time.Time { return city.FromMicros(city.Micros(e.clock.Now())) }
