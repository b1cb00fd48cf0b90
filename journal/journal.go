// Package journal is the ordered record of everything that happened. Events are
// written in the caller's transaction, so a change and its event are kept or
// lost together; followers read them after the commit, in order, and keep what
// they derive in the transaction that moves their cursor. Personal values are
// sealed under a key per person and matter (see Seal), so that erasing a person
// destroys key and salt and leaves the order and the commitments standing.
package journal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Recipient is somebody an event is addressed to; the set fields must all fit.
type Recipient struct {
	Person city.PersonID   `json:"person,omitzero"`
	Firm   city.FirmID     `json:"firm,omitzero"`
	Post   city.PostID     `json:"post,omitempty"`
	Body   city.BodyID     `json:"body,omitempty"`
	Region city.RegionCode `json:"region,omitempty"`
	// Reporter is whoever made the report: they may have no account, and how to
	// reach them lies sealed with the report.
	Reporter city.ReportID `json:"reporter,omitzero"`
}

// ActorRef is what the journal keeps of an actor: no name.
type ActorRef struct {
	Kind     city.ActorKind `json:"kind"`
	Account  city.AccountID `json:"account,omitzero"`
	Person   city.PersonID  `json:"person,omitzero"`
	OnBehalf city.PersonID  `json:"on_behalf,omitzero"`
	Body     city.BodyID    `json:"body,omitempty"`
	Posts    []city.PostID  `json:"posts,omitempty"`
	Part     string         `json:"part,omitempty"`
	Channel  city.Channel   `json:"channel,omitempty"`
}

// RefOf is the journal's view of the actor.
func RefOf(a city.Actor) ActorRef {
	r := ActorRef{Kind: a.Kind, Account: a.Account, OnBehalf: a.OnBehalf, Body: a.Body, Posts: a.Posts, Part: a.Part, Channel: a.Channel}
	if a.Kind != city.Officer { // an officer is known to others by post
		r.Person = a.Person
	}
	return r
}

// Entry is something that search may find. Its terms are personal: they are
// sealed with the event and erased with the person.
type Entry struct {
	Type  string            `json:"type"` // "case", "credential", …
	ID    string            `json:"id"`   // what the link needs, such as a case number
	Title city.Text         `json:"title,omitzero"`
	Terms string            `json:"terms,omitempty"` // words to find it by; "" removes the entry
	Attrs map[string]string `json:"attrs,omitempty"` // what access needs: body, post, applicant …
}

// Event is one thing that happened.
type Event struct {
	At      time.Time
	Type    string // "case.opened", "credential.issued"; noun.past
	Subject string // number or id of what it happened to
	Actor   city.Actor
	To      []Recipient // who should be told
	Public  any         // what anybody may see, redacted by the package that appends; nil is nothing
	Data    any         // codes, times and numbers that followers need; never a personal value

	Key    KeyID   // the key that the following are sealed under
	Sealed any     // personal values that followers need, such as the words of a notice
	Index  []Entry // what to find it by

	Unique string // when set, a second event with the same string is refused with db.ErrDuplicate
}

// Position is a place in the order of events. On PostgreSQL a sequence is not
// the order of commits, so a position is (transaction, id) and readers stop
// below the oldest transaction that still runs (docs/adr/0003).
type Position struct{ Tx, ID int64 }

// Before orders positions.
func (p Position) Before(q Position) bool { return p.Tx < q.Tx || p.Tx == q.Tx && p.ID < q.ID }

// Recorded is an event as read back.
type Recorded struct {
	Position   Position
	At         time.Time
	Type       string
	Subject    string
	Actor      ActorRef
	To         []Recipient
	Public     json.RawMessage
	Data       json.RawMessage
	Key        KeyID
	Commitment []byte // SHA-256 over salt and sealed values; nil without any

	sealed []byte
}

// Journal appends and delivers.
type Journal struct {
	db    *db.DB
	vault *Vault

	mu      sync.Mutex
	watch   map[chan struct{}]struct{}
	stop    context.CancelFunc
	stopped sync.WaitGroup
	fs      map[string]Follower
}

// New makes the journal of a database, sealing with the vault.
func New(d *db.DB, v *Vault) *Journal {
	return &Journal{db: d, vault: v, watch: map[chan struct{}]struct{}{}, fs: map[string]Follower{}}
}

// Vault gives the keys that personal values are sealed under.
func (j *Journal) Vault() *Vault { return j.vault }

type body struct {
	Actor  ActorRef        `json:"actor"`
	To     []Recipient     `json:"to,omitempty"`
	Public json.RawMessage `json:"public,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

type secret struct {
	Salt   []byte          `json:"salt"`
	Sealed json.RawMessage `json:"sealed,omitempty"`
	Index  []Entry         `json:"index,omitempty"`
}

// Append adds the event to the caller's transaction. It is written with the
// commit, after everything the transaction has read.
func (j *Journal) Append(ctx context.Context, tx *db.Tx, e Event) error {
	b := body{Actor: RefOf(e.Actor), To: e.To}
	var err error
	if b.Public, err = raw(e.Public); err != nil {
		return err
	}
	if b.Data, err = raw(e.Data); err != nil {
		return err
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	var sealed, commitment []byte
	if e.Sealed != nil || len(e.Index) > 0 {
		if e.Key.IsZero() {
			return fmt.Errorf("journal: %s carries personal values without a key", e.Type)
		}
		s := secret{Salt: make([]byte, 16), Index: e.Index}
		_, _ = rand.Read(s.Salt)
		if s.Sealed, err = raw(e.Sealed); err != nil {
			return err
		}
		if sealed, err = j.vault.Seal(ctx, tx, e.Key, s); err != nil {
			return err
		}
		h := sha256.New()
		h.Write(s.Salt)
		h.Write(s.Sealed)
		commitment = h.Sum(nil)
	}
	insert(tx, city.Micros(e.At), e.Type, e.Subject, string(text), e.Key, sealed, commitment, e.Unique)
	tx.AfterCommit(j.wake)
	return nil
}

func raw(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// Open reads the event's personal values into v, which may be nil, and gives
// what to index. ErrErased says that the person was erased since.
func (j *Journal) Open(ctx context.Context, tx *db.Tx, r Recorded, v any) ([]Entry, error) {
	if len(r.sealed) == 0 {
		return nil, nil
	}
	var s secret
	if err := j.vault.Unseal(ctx, tx, r.Key, r.sealed, &s); err != nil {
		return nil, err
	}
	if v != nil && len(s.Sealed) > 0 {
		if err := json.Unmarshal(s.Sealed, v); err != nil {
			return nil, err
		}
	}
	return s.Index, nil
}

// Watch gives a channel that receives after commits of this process; several
// commits may be one signal. Call the function when done.
func (j *Journal) Watch() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	j.mu.Lock()
	j.watch[c] = struct{}{}
	j.mu.Unlock()
	return c, func() {
		j.mu.Lock()
		delete(j.watch, c)
		j.mu.Unlock()
	}
}

func (j *Journal) wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for c := range j.watch {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
