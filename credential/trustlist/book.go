package trustlist

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a Book. All are needed.
type Options struct {
	DB      *db.DB
	Journal *journal.Journal
	Access  *access.Access
	Clock   city.Clock
	Code    city.RegionCode // of the city
	// Signer signs the city's own lists; nil where nothing is published.
	Signer credential.Signer
	// Says is what the city's own list says, but for its Head and the ends of keys.
	Says func() (Issuers, error)
}

// Book is what a city knows of other regions, in its database. It is safe for
// concurrent use, on several nodes too.
type Book struct{ Options }

// New gives the book.
func New(o Options) *Book { return &Book{o} }

func (b *Book) ask(ctx context.Context, actor city.Actor, action, id string) error {
	return b.Access.Ask(ctx, actor, action, access.Resource{Type: "Trust", ID: id})
}

// Anchor is a key whose word the operator takes on which regions there are.
type Anchor struct {
	ID          string
	Name        string
	Fingerprint string
	Key         []byte // DER
	At          time.Time
}

// AddAnchor takes an anchor's key, which the operator was given by hand: whatever it
// signs from now on decides which regions are believed. Taken again it changes nothing.
func (b *Book) AddAnchor(ctx context.Context, actor city.Actor, der []byte) (Anchor, error) {
	key, err := credential.ParseKey(der)
	if err != nil {
		e := city.Invalid("trust.anchor.no_key")
		e.Err = err
		return Anchor{}, e
	}
	a := Anchor{ID: key.ID().String(), Name: key.Name, Fingerprint: Fingerprint(key.DER()), Key: key.DER(), At: b.Clock.Now()}
	err = b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.anchor", a.ID); err != nil {
			return err
		}
		have, err := readAnchors(ctx, tx)
		if err != nil || slices.ContainsFunc(have, func(x anchorRow) bool { return x.id == a.ID }) {
			return err
		}
		insertAnchor(tx, anchorRow{a.ID, a.Key, a.Name, a.At})
		return b.Journal.Append(ctx, tx, journal.Event{At: a.At, Type: "trust.anchored", Subject: a.ID, Actor: actor,
			Public: map[string]any{"key": a.Fingerprint}})
	})
	return a, err
}

// Anchors lists them.
func (b *Book) Anchors(ctx context.Context, tx *db.Tx) ([]Anchor, error) {
	rows, err := readAnchors(ctx, tx)
	var all []Anchor
	for _, r := range rows {
		all = append(all, Anchor{r.id, r.name, Fingerprint(r.key), r.key, r.at})
	}
	return all, err
}

// Taking is what taking a list means, before it is taken or after.
type Taking struct {
	List    *List
	Name    city.Text // of the region, or who says which regions there are
	Owner   string    // the region's code, or the anchor's key id
	News    bool      // false: it is there already
	Again   bool      // the region was dropped here, and would be believed again
	Changes []Change  // against the one before

	// idle is the list before, where it said the same as the one before it: the first
	// and the last of several that say the same are enough for the history.
	idle int64
}

// open puts what was taken in order.
func (b *Book) open(ctx context.Context, tx *db.Tx) (*shelf, []*credential.Key, error) {
	anchors, err := readAnchors(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	var keys []*credential.Key
	for _, a := range anchors {
		k, err := credential.ParseKey(a.key)
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, k)
	}
	rows, err := readLists(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	s := &shelf{anchors: map[string][]*List{}, lists: map[city.RegionCode][]*List{}}
	now := b.Clock.Now()
	for _, sort := range []Sort{SortRegions, SortIssuers} {
		for _, r := range rows {
			if r.sort != sort {
				continue
			}
			l, err := Parse(r.raw)
			if err != nil {
				return nil, nil, err // it could be read when it was taken
			}
			// A list that none of today's keys has signed isn't believed any more: its
			// key was dropped. It stays where it is.
			if sort == SortRegions {
				_ = s.addRegions(keys, l, now)
			} else {
				_ = s.addIssuers(l, now)
			}
		}
	}
	return s, keys, nil
}

// Look says what taking a list would change, or why it can't be taken: by whom it
// should be signed, that it is older than what is there.
func (b *Book) Look(ctx context.Context, tx *db.Tx, raw []byte) (Taking, error) {
	l, err := Parse(raw)
	if err != nil {
		return Taking{}, err
	}
	s, anchors, err := b.open(ctx, tx)
	if err != nil {
		return Taking{}, err
	}
	t := Taking{List: l}
	if l.Sort == SortRegions {
		if t.Owner, err = signer(anchors, l); err != nil {
			return t, err
		}
		old := newest(s.anchors[t.Owner])
		t.Name, t.Changes = l.Regions.Authority, CompareRegions(regionsOf(old), l.Regions)
		t.News, err = Follows(old, l, b.Clock.Now())
		return t, err
	}
	code := l.Issuers.Region
	t.Owner, t.Name = string(code), nameOr(l.Issuers.Name, code)
	if code == b.Code {
		return t, city.Conflict("trust.list.own")
	}
	r, dropped, ok := s.region(code)
	if !ok || !dropped.IsZero() {
		return t, city.NotFound("trust.region.unknown", "code", string(code))
	}
	if !r.MayList(l) {
		return t, city.Invalid("trust.list.signature", "name", t.Name)
	}
	t.Name = nameOr(r.Name, code)
	have := s.lists[code]
	old := newest(have)
	t.Changes = CompareIssuers(issuersOf(old), l.Issuers)
	if n := len(have); n > 1 && len(t.Changes) == 0 && len(CompareIssuers(have[n-2].Issuers, old.Issuers)) == 0 {
		t.idle = old.Head().Sequence
	}
	rows, err := readRegions(ctx, tx)
	if err != nil {
		return t, err
	}
	t.Again = !rows[t.Owner].dropped.IsZero()
	t.News, err = Follows(old, l, b.Clock.Now())
	return t, err
}

func regionsOf(l *List) *Regions {
	if l == nil {
		return nil
	}
	return l.Regions
}

func issuersOf(l *List) *Issuers {
	if l == nil {
		return nil
	}
	return l.Issuers
}

// Import takes a list: signed as it must be, and newer than what is there. A region
// that the operator dropped is believed again. source is where the list came from.
func (b *Book) Import(ctx context.Context, actor city.Actor, raw []byte, source string) (Taking, error) {
	return b.take(ctx, actor, "trust.import", raw, source)
}

// Refresh takes a newer list that was fetched from a region's address. One of a
// region that was dropped here is refused.
func (b *Book) Refresh(ctx context.Context, actor city.Actor, code city.RegionCode, raw []byte, source string) (Taking, error) {
	l, err := Parse(raw)
	if err != nil {
		return Taking{}, err
	}
	if l.Sort != SortIssuers || l.Issuers.Region != code {
		return Taking{}, city.Invalid("trust.list.of_another")
	}
	return b.take(ctx, actor, "trust.refresh", raw, source)
}

func (b *Book) take(ctx context.Context, actor city.Actor, action string, raw []byte, source string) (t Taking, err error) {
	now := b.Clock.Now()
	err = b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, action, ""); err != nil {
			return err
		}
		if t, err = b.Look(ctx, tx, raw); err != nil {
			return err
		}
		switch {
		case t.Again && action == "trust.refresh":
			return city.Conflict("trust.region.dropped_here", "name", t.Name)
		case t.List.Sort == SortIssuers:
			setTried(tx, t.Owner, now, "")
		}
		if !t.News && !t.Again {
			return nil
		}
		if t.News {
			if t.idle > 0 {
				deleteList(tx, t.List.Sort, t.Owner, t.idle)
			}
			insertList(tx, listRow{t.List.Sort, t.Owner, t.List.Head().Sequence, t.List.Raw, now, cut(source)})
		}
		if t.Again {
			setDropped(tx, t.Owner, time.Time{})
		}
		moveVersion(tx)
		public := map[string]any{"sort": string(t.List.Sort), "sequence": t.List.Head().Sequence, "sha256": t.List.Digest(), "issued": t.List.Head().Issued}
		for _, s := range []ChangeSort{Added, Dropped, Changed} {
			public[string(s)] = count(t.Changes, s)
		}
		return b.Journal.Append(ctx, tx, journal.Event{At: now, Type: "trust.imported", Subject: t.Owner, Actor: actor, Public: public})
	})
	return t, err
}

func count(all []Change, s ChangeSort) (n int) {
	for _, c := range all {
		if c.Sort == s {
			n++
		}
	}
	return n
}

// cut bounds what others say of themselves.
func cut(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// Drop lets the city believe nothing of a region until one of its lists is imported
// again. What was taken stays, for the history.
func (b *Book) Drop(ctx context.Context, actor city.Actor, code city.RegionCode) error {
	now := b.Clock.Now()
	return b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.drop", string(code)); err != nil {
			return err
		}
		s, _, err := b.open(ctx, tx)
		if err != nil {
			return err
		}
		if _, _, ok := s.region(code); !ok {
			return city.NotFound("trust.region.unknown", "code", string(code))
		}
		rows, err := readRegions(ctx, tx)
		if err != nil || !rows[string(code)].dropped.IsZero() {
			return err
		}
		setDropped(tx, string(code), now)
		moveVersion(tx)
		return b.Journal.Append(ctx, tx, journal.Event{At: now, Type: "trust.dropped", Subject: string(code), Actor: actor, Public: map[string]any{"region": string(code)}})
	})
}

// Failing notes that a region's list couldn't be fetched or taken. What is there stays
// in force.
func (b *Book) Failing(ctx context.Context, actor city.Actor, code city.RegionCode, why string) error {
	return b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.refresh", string(code)); err != nil {
			return err
		}
		setTried(tx, string(code), b.Clock.Now(), cut(why))
		return nil
	})
}

// KeepStatus notes a status list of a region as it was fetched, or with nil that it
// couldn't be. The last good one stays.
func (b *Book) KeepStatus(ctx context.Context, actor city.Actor, code city.RegionCode, uri string, token []byte) error {
	return b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.refresh", string(code)); err != nil {
			return err
		}
		r := statusRow{uri: uri, region: string(code), token: token, good: b.Clock.Now(), tried: b.Clock.Now()}
		if token == nil {
			r.token, r.good, r.failing = []byte{}, time.Time{}, b.Clock.Now()
		}
		setStatus(tx, r)
		moveVersion(tx)
		return nil
	})
}

// Status is a status list of another region as it was last had.
type Status struct {
	Region  city.RegionCode
	Good    time.Time // zero: never
	Failing time.Time // since when it can't be had; zero: it can
	Tried   time.Time
}

// Believed is what checks of others' licences rest on.
type Believed struct {
	Version  int64
	Trust    *credential.Trust
	Statuses map[string]Status // by address
}

// Version moves with everything that Believe rests on.
func (b *Book) Version(ctx context.Context, tx *db.Tx) (int64, error) { return version(ctx, tx) }

// Believe puts together what is believed now. Status lists that no key vouches for
// any more are left out.
func (b *Book) Believe(ctx context.Context, tx *db.Tx) (Believed, error) {
	out := Believed{Trust: credential.NewTrust(), Statuses: map[string]Status{}}
	var err error
	if out.Version, err = version(ctx, tx); err != nil {
		return out, err
	}
	all, err := b.Regions(ctx, tx)
	if err != nil {
		return out, err
	}
	for _, n := range all {
		if n.Region.Code == b.Code {
			continue
		}
		if err := n.AddTo(out.Trust); err != nil {
			return out, err
		}
	}
	statuses, err := readStatuses(ctx, tx)
	if err != nil {
		return out, err
	}
	for _, s := range statuses {
		out.Statuses[s.uri] = Status{city.RegionCode(s.region), s.good, s.failing, s.tried}
		if !s.failing.IsZero() {
			out.Trust.Unreachable(s.uri, s.failing)
		}
		if len(s.token) > 0 {
			_ = out.Trust.AddStatusList("region "+s.region, s.token)
		}
	}
	return out, nil
}

// Neighbour is a region with what became of asking it for newer lists.
type Neighbour struct {
	Known
	Tried   time.Time // zero: never
	Good    time.Time // when it was last asked with success
	Failing time.Time // since when it fails; zero: it doesn't
	Fault   string    // what was wrong, for the operator
	Here    bool      // Dropped by the operator, not by an anchor
}

// Fresh reports whether the region's list is not past its next update.
func (n Neighbour) Fresh(at time.Time) bool {
	l := n.Newest()
	return l != nil && !at.After(l.Next)
}

// Licences are the sorts that the region's keys may sign now, by code, each once.
func (n Neighbour) Licences() []Licence {
	var all []Licence
	if l := n.Newest(); l != nil {
		for _, k := range l.Keys {
			if !k.Retired.IsZero() || !k.Compromised.IsZero() {
				continue
			}
			for _, x := range k.Licences {
				if !has(all, x.Code) {
					all = append(all, x)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Licence) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// Regions lists every region that an anchor names or named, by code.
func (b *Book) Regions(ctx context.Context, tx *db.Tx) ([]Neighbour, error) {
	s, _, err := b.open(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := readRegions(ctx, tx)
	if err != nil {
		return nil, err
	}
	var all []Neighbour
	for _, k := range s.known() {
		r := rows[string(k.Region.Code)]
		n := Neighbour{Known: k, Tried: r.tried, Good: r.good, Failing: r.failing, Fault: r.fault}
		if !r.dropped.IsZero() {
			n.Dropped, n.Here = r.dropped, true
		}
		all = append(all, n)
	}
	return all, nil
}

// Step is a list that was taken, and what it changed.
type Step struct {
	At      time.Time
	Sort    Sort
	Owner   string
	Name    city.Text
	Head    Head
	Source  string
	Changes []Change
	Raw     []byte
}

// History lists what was taken, the newest first, at most so many. Lists that change
// nothing but their times are left out unless all is set.
func (b *Book) History(ctx context.Context, tx *db.Tx, all bool, limit int) ([]Step, error) {
	rows, err := readLists(ctx, tx)
	if err != nil {
		return nil, err
	}
	var steps []Step
	var old *List
	owner := ""
	for _, r := range rows { // of one owner together, the oldest first
		l, err := Parse(r.raw)
		if err != nil {
			return nil, err
		}
		if key := string(r.sort) + r.owner; key != owner {
			old, owner = nil, key
		}
		s := Step{At: r.taken, Sort: r.sort, Owner: r.owner, Head: l.Head(), Source: r.source, Raw: r.raw}
		if r.sort == SortRegions {
			s.Name, s.Changes = l.Regions.Authority, CompareRegions(regionsOf(old), l.Regions)
		} else {
			s.Name, s.Changes = nameOr(l.Issuers.Name, l.Issuers.Region), CompareIssuers(issuersOf(old), l.Issuers)
		}
		if all || old == nil || len(s.Changes) > 0 {
			steps = append(steps, s)
		}
		old = l
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return b.At.Compare(a.At) })
	return steps[:min(len(steps), limit)], nil
}

// Files is everything that was taken and is still signed by somebody believed, by the
// name of a file: lists, and status lists as they were last had. Regions that the
// operator dropped are left out.
func (b *Book) Files(ctx context.Context, tx *db.Tx) (map[string][]byte, error) {
	files := map[string][]byte{}
	s, _, err := b.open(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := readRegions(ctx, tx)
	if err != nil {
		return nil, err
	}
	for id, lists := range s.anchors {
		for _, l := range lists {
			files[fmt.Sprintf("regions-%s-%d.jws", id, l.Head().Sequence)] = l.Raw
		}
	}
	for code, lists := range s.lists {
		for _, l := range lists {
			if rows[string(code)].dropped.IsZero() {
				files[fmt.Sprintf("issuers-%s-%d.jws", code, l.Head().Sequence)] = l.Raw
			}
		}
	}
	statuses, err := readStatuses(ctx, tx)
	for _, r := range statuses {
		if len(r.token) > 0 && rows[r.region].dropped.IsZero() {
			sum := sha256.Sum256([]byte(r.uri))
			files[fmt.Sprintf("status-%s-%x.cwt", r.region, sum[:8])] = r.token
		}
	}
	return files, err
}

// Own is the city's newest list; nil before the first.
func (b *Book) Own(ctx context.Context, tx *db.Tx) (*List, error) {
	o, err := lastOwn(ctx, tx)
	if err != nil || o.sequence == 0 {
		return nil, err
	}
	return Parse(o.raw)
}

// renew is how old the city's list becomes before it is signed anew unchanged.
const renew = Term / 2

// Publish signs a list of the city's own keys where there is none, something has
// changed or the last is half its time old, and gives the newest.
func (b *Book) Publish(ctx context.Context, actor city.Actor) (*List, error) {
	if b.Signer == nil {
		return nil, errors.New("trustlist: no key signs the city's list")
	}
	var out *List
	publish := func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.publish", string(b.Code)); err != nil {
			return err
		}
		l, err := b.own(ctx, tx)
		if err != nil {
			return err
		}
		content, err := json.Marshal(l)
		if err != nil {
			return err
		}
		last, err := lastOwn(ctx, tx)
		if err != nil {
			return err
		}
		now := b.Clock.Now().UTC().Truncate(time.Second)
		if last.content == string(content) && now.Sub(last.issued) < renew {
			out, err = Parse(last.raw)
			return err
		}
		// Seconds, so that a database that was restored doesn't fall behind what
		// others have seen.
		l.Head = Head{Sequence: max(last.sequence+1, now.Unix()), Issued: now, Next: now.Add(Term)}
		raw, err := SignIssuers(ctx, b.Signer, l)
		if err != nil {
			return err
		}
		if out, err = Parse(raw); err != nil {
			return err
		}
		insertOwn(tx, ownRow{l.Sequence, now, string(content), raw})
		return b.Journal.Append(ctx, tx, journal.Event{At: b.Clock.Now(), Type: "trust.published", Subject: string(b.Code), Actor: actor,
			Public: map[string]any{"sequence": l.Sequence, "sha256": out.Digest(), "issued": now, "keys": len(l.Keys)}})
	}
	err := b.DB.Update(ctx, publish)
	if errors.Is(err, db.ErrDuplicate) { // another node was faster
		err = b.DB.Update(ctx, publish)
	}
	return out, err
}

// own is what the own list says now, without its Head.
func (b *Book) own(ctx context.Context, tx *db.Tx) (Issuers, error) {
	l, err := b.Says()
	if err != nil {
		return l, err
	}
	ended, err := readWithdrawn(ctx, tx)
	for _, w := range ended {
		for i := range l.Keys {
			if idOf(l.Keys[i]).String() == w.id {
				l.Keys[i].Compromised = w.compromised
				if !w.retired.IsZero() {
					l.Keys[i].Retired = w.retired
				}
			}
		}
	}
	return l, err
}

// OwnKeys are the city's own keys as its list calls them at this moment, with how
// they ended.
func (b *Book) OwnKeys(ctx context.Context, tx *db.Tx) ([]IssuerKey, error) {
	l, err := b.own(ctx, tx)
	return l.Keys, err
}

// Withdraw says of one of the city's own keys that it signs no more since a moment:
// retired, or in other hands. The next list tells the others.
func (b *Book) Withdraw(ctx context.Context, actor city.Actor, id credential.KeyID, compromised bool, at time.Time) error {
	return b.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := b.ask(ctx, actor, "trust.withdraw", id.String()); err != nil {
			return err
		}
		l, err := b.own(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(l.Keys, func(k IssuerKey) bool { return idOf(k) == id })
		switch {
		case i < 0:
			return city.NotFound("trust.key.unknown", "key", id.String())
		case at.After(b.Clock.Now()):
			return city.Invalid("trust.key.later")
		}
		w := withdrawnRow{id: id.String(), retired: l.Keys[i].Retired, compromised: l.Keys[i].Compromised}
		if compromised {
			w.compromised = at
		} else {
			w.retired = at
		}
		setWithdrawn(tx, w)
		return b.Journal.Append(ctx, tx, journal.Event{At: b.Clock.Now(), Type: "trust.withdrawn", Subject: id.String(), Actor: actor,
			Public: map[string]any{"key": id.String(), "retired": w.retired, "compromised": w.compromised}})
	})
}
