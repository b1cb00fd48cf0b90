package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Index is the follower and what can be asked of it. It is safe for concurrent use.
type Index struct {
	journal *journal.Journal
	access  *access.Access
	items   atomic.Pointer[itemIndex]
}

// New makes the index over a journal; the caller registers it as a follower.
func New(j *journal.Journal, a *access.Access) *Index {
	x := &Index{journal: j, access: a}
	x.IndexItems(nil)
	return x
}

// Name is the follower's name.
func (x *Index) Name() string { return "search" }

// Reset empties the index.
func (x *Index) Reset(ctx context.Context, tx *db.Tx) error { return deleteAll(ctx, tx) }

// Handle keeps the index as events say.
func (x *Index) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	opened := make([][]journal.Entry, len(events))
	var keys []journal.KeyID
	for i, e := range events {
		entries, err := x.journal.Open(ctx, tx, e, nil)
		if errors.Is(err, journal.ErrErased) {
			continue
		}
		if err != nil {
			return err
		}
		if opened[i] = entries; len(entries) > 0 {
			keys = append(keys, e.Key)
		}
	}
	// A key in memory may have been destroyed by another node meanwhile.
	stands, err := x.journal.Vault().Standing(ctx, tx, keys)
	if err != nil {
		return err
	}
	for i, e := range events {
		for _, entry := range opened[i] {
			switch {
			case entry.Terms == "":
				deleteEntry(tx, entry.Type, entry.ID)
			case stands[e.Key]:
				if err := upsert(tx, rowOf(e, entry)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A scope is a word of the index that says who may be looking for the entry or
// what kind of entry it is. It is a hash, so that any value makes one plain word.
func scope(what byte, value string) string {
	sum := sha256.Sum256(append([]byte{what, ':'}, value...))
	return string(what) + hex.EncodeToString(sum[:8])
}

// What scopes speak of.
const (
	ofType      = 't'
	ofApplicant = 'a'
	ofFirm      = 'f'
	ofBody      = 'b'
	ofPost      = 'p'
	ofRegion    = 'r'
)

// list splits an attribute that holds several values.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// attributes are an entry's, by the names that policies read.
type attributes struct {
	applicant, firm, counter string
	bodies, posts            []string
	region                   city.RegionCode
}

func attributesOf(m map[string]string) attributes {
	a := attributes{applicant: m["applicant"], firm: m["firm"], counter: m["counter"], region: city.RegionCode(m["region"])}
	if a.applicant == "" {
		a.applicant = m["person"]
	}
	a.bodies = append(list(m["body"]), list(m["bodies"])...)
	a.posts = append(list(m["post"]), list(m["posts"])...)
	return a
}

// scopes lists the scopes of an entry.
func scopes(typ string, a attributes) []string {
	out := []string{scope(ofType, typ)}
	add := func(what byte, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, scope(what, v))
			}
		}
	}
	add(ofApplicant, a.applicant)
	add(ofFirm, a.firm)
	add(ofBody, a.bodies...)
	add(ofBody, a.counter)
	add(ofPost, a.posts...)
	if a.region == "" {
		return append(out, scope(ofRegion, ""))
	}
	for n := 1; n <= len(a.region); n++ { // the region and every one that it lies in
		if n == len(a.region) || n == 4 || n == 6 || n == 9 || n == 12 {
			add(ofRegion, string(a.region[:n]))
		}
	}
	return out
}

// narrowing lists groups of scopes, of each of which an entry must have one, to
// be worth showing to the actor. Nothing that policies could permit to an actor
// who may not search widely lies outside.
func narrowing(a city.Actor, types []string, wide bool) [][]string {
	var groups [][]string
	if len(types) > 0 {
		var g []string
		for _, t := range types {
			g = append(g, scope(ofType, t))
		}
		groups = append(groups, g)
	}
	if wide {
		return groups
	}
	own := []string{}
	if a.Kind == city.Officer {
		for _, b := range a.Bodies() {
			own = append(own, scope(ofBody, string(b)))
		}
		for _, p := range a.Posts {
			own = append(own, scope(ofPost, string(p)))
		}
		if len(a.Regions) > 0 {
			g := []string{scope(ofRegion, "")}
			for _, r := range a.Regions {
				g = append(g, scope(ofRegion, string(r)))
			}
			groups = append(groups, g)
		}
	} else {
		if p := a.Applicant(); !p.IsZero() {
			own = append(own, scope(ofApplicant, p.String()))
		}
		if !a.Firm.IsZero() {
			own = append(own, scope(ofFirm, a.Firm.String()))
		}
	}
	return append(groups, own)
}

// Hit is something found.
type Hit struct {
	Type  string // "case", "credential"
	ID    string // what the link needs
	Title city.Text
	At    time.Time // of the event that brought it into the index
	Attrs map[string]string
}

// Bounds of one answer.
const (
	largestPage = 50
	lookAtMost  = 1000 // entries that policies are asked about
)

// Search finds entries of the types (none means all) that the actor may find,
// after the cursor of the page before. An empty query finds nothing.
func (x *Index) Search(ctx context.Context, tx *db.Tx, actor city.Actor, query string, types []string, limit int, after string) (hits []Hit, next string, err error) {
	index := access.Resource{Type: "Index", ID: "entries"}
	if err := x.access.Ask(ctx, actor, "search.query", index); err != nil {
		return nil, "", err
	}
	if limit <= 0 || limit > largestPage {
		limit = largestPage
	}
	before, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	asked := parts(query)
	wide := x.access.Decide(actor, "search.wide", index).Allowed
	few := !wide && actor.Kind != city.Officer // one's own things are not many
	groups := narrowing(actor, types, wide)
	for _, g := range groups {
		if len(g) == 0 {
			return nil, "", nil // nothing could be the actor's
		}
	}
	if len(asked) == 0 {
		return nil, "", nil
	}
	number := joined(query)
	if len(number) < 4 {
		number = ""
	}
	if after == "" && number != "" {
		rows, err := find(ctx, tx, []part{{words: []string{number}}}, groups, true, before, limit)
		if err != nil {
			return nil, "", err
		}
		for _, r := range rows {
			if joined(r.id) == number && x.may(actor, r) {
				hits = append(hits, r.hit())
			}
		}
	}
	for looked := 0; ; {
		rows, err := find(ctx, tx, asked, groups, few, before, limit+1)
		if err != nil {
			return nil, "", err
		}
		for _, r := range rows {
			if len(hits) >= limit || looked >= lookAtMost {
				return hits, cursor(before), nil
			}
			before = r.n
			looked++
			if (number == "" || joined(r.id) != number) && x.may(actor, r) { // the very one stands first already
				hits = append(hits, r.hit())
			}
		}
		if len(rows) <= limit {
			return hits, "", nil
		}
	}
}

// may puts a hit to the policies.
func (x *Index) may(actor city.Actor, r entryRow) bool {
	a := attributesOf(r.attrs)
	attrs := access.Attrs{}
	for k, v := range r.attrs {
		attrs[k] = v
	}
	attrs["entry"], attrs["applicant"], attrs["firm"] = r.typ, a.applicant, a.firm
	attrs["bodies"], attrs["posts"] = a.bodies, a.posts
	return x.access.Decide(actor, "search.find", access.Resource{Type: "Entry", ID: r.typ + ":" + r.id, Attrs: attrs, Region: a.region}).Allowed
}

func cursor(n int64) string { return strconv.FormatInt(n, 36) }

const newest = 1<<63 - 1

func parseCursor(s string) (int64, error) {
	if s == "" {
		return newest, nil
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n < 0 {
		return 0, city.Invalid("error.cursor")
	}
	return n, nil
}
