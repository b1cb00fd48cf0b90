package notify

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a Notify. DB, Journal, Access and Clock are needed.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Clock    city.Clock
	Zone     *time.Location // in which times are said; nil means UTC
	Names    Names
	City     city.Text // what messages by the channels outside begin with
	Channels []Channel // outside; none means notices on screen only
	// Contacts tells where the recipient is reached by the channels outside; nil
	// means nobody is. It is asked when a message is sent, so that the address is
	// the one that holds then and is kept nowhere.
	Contacts func(ctx context.Context, tx *db.Tx, to journal.Recipient) ([]Contact, error)
	// Reaches tells whether messages to a box go by a channel at all; nil means
	// those to persons, firms and reporters by all, those to posts by none.
	Reaches func(channel string, to Box) bool
	// Link is the address of the page about a subject that the reader of the box may
	// open, for messages; nil leaves it out.
	Link func(to Box, typ, subject string) string
	// Sees asks whether the actor may see what a subject names, such as a case: who
	// does may know who was told what about it. nil means that nobody does.
	Sees func(ctx context.Context, tx *db.Tx, actor city.Actor, subject string) error
	// Stale is how old an event may be to be told by the channels outside; zero
	// means a day.
	Stale time.Duration
	// Keep is how long notices are kept, and KeepSent for how long is known what
	// became of messages; zero means two years and half a year.
	Keep, KeepSent time.Duration
}

// Notify is the follower, the boxes and the outbox. It is safe for concurrent use.
type Notify struct {
	db       *db.DB
	journal  *journal.Journal
	access   *access.Access
	clock    city.Clock
	zone     *time.Location
	names    Names
	city     city.Text
	channels []Channel
	contacts func(context.Context, *db.Tx, journal.Recipient) ([]Contact, error)
	reaches  func(channel string, to Box) bool
	link     func(to Box, typ, subject string) string
	sees     func(context.Context, *db.Tx, city.Actor, string) error
	stale    time.Duration
	keep     time.Duration
	keepSent time.Duration

	wake    chan struct{}
	stop    context.CancelFunc
	stopped sync.WaitGroup

	mu     sync.Mutex
	missed map[string]bool // types without a sentence that were logged
}

// New makes a Notify; the caller registers it with the journal and starts it.
func New(o Options) *Notify {
	n := &Notify{db: o.DB, journal: o.Journal, access: o.Access, clock: o.Clock, zone: o.Zone, names: o.Names, city: o.City,
		channels: o.Channels, contacts: o.Contacts, reaches: o.Reaches, link: o.Link, sees: o.Sees, stale: o.Stale, keep: o.Keep, keepSent: o.KeepSent,
		wake: make(chan struct{}, 1), missed: map[string]bool{}}
	if n.zone == nil {
		n.zone = time.UTC
	}
	if n.reaches == nil {
		n.reaches = func(_ string, to Box) bool { return !to.official() }
	}
	if n.stale == 0 {
		n.stale = 24 * time.Hour
	}
	if n.keep == 0 {
		n.keep = 2 * 365 * 24 * time.Hour
	}
	if n.keepSent == 0 {
		n.keepSent = 182 * 24 * time.Hour
	}
	return n
}

// Box is where notices lie: that of a person, a firm, a post, a body or a region.
type Box struct {
	Person city.PersonID
	Firm   city.FirmID
	Post   city.PostID
	Body   city.BodyID
	Region city.RegionCode
	// Reporter is whoever made a report. Nobody opens such a box: its notices go
	// out by the channels outside.
	Reporter city.ReportID
}

// boxOf is the narrowest box that the recipient names. An applicant who acts for
// a firm reads about it in person.
func boxOf(r journal.Recipient) (b Box, ok bool) {
	switch {
	case !r.Person.IsZero():
		b.Person = r.Person
	case !r.Firm.IsZero():
		b.Firm = r.Firm
	case !r.Reporter.IsZero():
		b.Reporter = r.Reporter
	case r.Post != "":
		b.Post = r.Post
	case r.Body != "":
		b.Body = r.Body
	case r.Region != "":
		b.Region = r.Region
	default:
		return b, false
	}
	return b, true
}

func (b Box) official() bool { return b.Person.IsZero() && b.Firm.IsZero() && b.Reporter.IsZero() }

// String is the box's name in the database.
func (b Box) String() string {
	switch {
	case !b.Person.IsZero():
		return "person:" + b.Person.String()
	case !b.Firm.IsZero():
		return "firm:" + b.Firm.String()
	case !b.Reporter.IsZero():
		return "reporter:" + b.Reporter.String()
	case b.Post != "":
		return "post:" + string(b.Post)
	case b.Body != "":
		return "body:" + string(b.Body)
	}
	return "region:" + string(b.Region)
}

func parseBox(s string) (b Box, err error) {
	kind, id, _ := strings.Cut(s, ":")
	switch kind {
	case "person":
		err = parseInto(&b.Person, id)
	case "firm":
		err = parseInto(&b.Firm, id)
	case "reporter":
		err = parseInto(&b.Reporter, id)
	case "post":
		b.Post = city.PostID(id)
	case "body":
		b.Body = city.BodyID(id)
	case "region":
		b.Region = city.RegionCode(id)
	default:
		err = fmt.Errorf("notify: no box is called %q", s)
	}
	return b, err
}

func parseInto[T any](id *city.ID[T], s string) (err error) {
	*id, err = city.ParseID[T](s)
	return err
}

// boxesOf lists the boxes that the actor could read; policies decide which it may.
func boxesOf(a city.Actor) []Box {
	var boxes []Box
	if a.Kind == city.Officer {
		for _, p := range a.Posts {
			boxes = append(boxes, Box{Post: p})
		}
		for _, b := range a.Bodies() {
			boxes = append(boxes, Box{Body: b})
		}
		seen := map[city.RegionCode]bool{}
		for _, r := range a.Regions {
			for _, n := range []int{4, 6, 9, 12} { // what is told to a region is told to what lies in it
				if n <= len(r) && !seen[r[:n]] {
					seen[r[:n]] = true
					boxes = append(boxes, Box{Region: r[:n]})
				}
			}
		}
		return boxes
	}
	if !a.Person.IsZero() {
		boxes = append(boxes, Box{Person: a.Person})
	}
	if !a.Firm.IsZero() {
		boxes = append(boxes, Box{Firm: a.Firm})
	}
	return boxes
}

func (b Box) resource() access.Resource {
	return access.Resource{Type: "Box", ID: b.String(), Attrs: access.Attrs{
		"person": b.Person, "firm": b.Firm, "post": b.Post, "body": b.Body, "region": b.Region}}
}

// allowed lists the actor's boxes that policies let it read or mark. When none
// is left, it says why.
func (n *Notify) allowed(ctx context.Context, actor city.Actor, action string) ([]Box, error) {
	boxes := boxesOf(actor)
	if len(boxes) == 0 {
		boxes = []Box{{}}
	}
	var may []Box
	var refused error
	for _, b := range boxes {
		if err := n.access.Ask(ctx, actor, action, b.resource()); err != nil {
			refused = err
			continue
		}
		may = append(may, b)
	}
	if len(may) == 0 {
		return nil, refused
	}
	return may, nil
}

// Notice is one thing that somebody was told.
type Notice struct {
	ID      city.NoticeID
	At      time.Time
	Box     Box
	Type    string // of the event: "case.supplement"
	Subject string // what it is about: the number of a case or licence
	Text    city.Message
	Tone    Tone
	Read    bool // by the account that asks
}

// number is what people call the subject; other subjects are our own identifiers.
func (n Notice) number() string {
	for i := 0; i+1 < len(n.Text.Args); i += 2 {
		if n.Text.Args[i] == "number" {
			s, _ := n.Text.Args[i+1].(string)
			return s
		}
	}
	return ""
}

// Page is a part of a list; Next is "" at its end.
type Page struct {
	Items []Notice
	Next  string
}

const largestPage = 100

// List gives the notices in the actor's boxes, newest first, after the cursor of
// the page before.
func (n *Notify) List(ctx context.Context, tx *db.Tx, actor city.Actor, after string, limit int) (Page, error) {
	boxes, err := n.allowed(ctx, actor, "notices.read")
	if err != nil {
		return Page{}, err
	}
	from, err := parseCursor(after)
	if err != nil {
		return Page{}, err
	}
	if limit <= 0 || limit > largestPage {
		limit = largestPage
	}
	marks, err := marksOf(ctx, tx, actor.Account)
	if err != nil {
		return Page{}, err
	}
	var rows []noticeRow
	for _, b := range boxes {
		some, err := noticesIn(ctx, tx, b, actor.Regions, actor.Account, from, limit+1)
		if err != nil {
			return Page{}, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b noticeRow) int { return b.compare(a) })
	var p Page
	for _, r := range rows {
		if len(p.Items) == limit {
			last := p.Items[limit-1]
			p.Next = cursor{last.At, last.ID}.String()
			break
		}
		item, err := n.notice(ctx, tx, r)
		if err != nil {
			return Page{}, err
		}
		item.Read = r.read || !marks[r.recipient].Before(r.position)
		p.Items = append(p.Items, item)
	}
	return p, nil
}

// mostUnread is where counting stops: a bell says "99+".
const mostUnread = 100

// unreadDays is how far back a bell counts.
const unreadDays = 60 * 24 * time.Hour

// Unread counts the actor's unread notices of the last sixty days, up to 100.
func (n *Notify) Unread(ctx context.Context, tx *db.Tx, actor city.Actor) (int, error) {
	boxes, err := n.allowed(ctx, actor, "notices.read")
	if err != nil {
		return 0, err
	}
	marks, err := marksOf(ctx, tx, actor.Account)
	if err != nil {
		return 0, err
	}
	total := 0
	since := n.clock.Now().Add(-unreadDays)
	for _, b := range boxes {
		c, err := unreadIn(ctx, tx, b, actor.Regions, actor.Account, marks[b.String()], since, mostUnread-total)
		if err != nil {
			return 0, err
		}
		if total += c; total >= mostUnread {
			return mostUnread, nil
		}
	}
	return total, nil
}

// MarkRead notes that the actor has read the notices. One that doesn't lie in the
// actor's boxes is city.KindNotFound, and none is marked.
func (n *Notify) MarkRead(ctx context.Context, tx *db.Tx, actor city.Actor, ids ...city.NoticeID) error {
	boxes, err := n.allowed(ctx, actor, "notices.mark")
	if err != nil {
		return err
	}
	for _, id := range ids {
		row, err := noticeByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) || err == nil && !lies(row, boxes, actor) {
			return city.NotFound("error.not_found")
		}
		if err != nil {
			return err
		}
	}
	now := n.clock.Now()
	for _, id := range ids {
		insertRead(tx, actor.Account, id, now)
	}
	return nil
}

func lies(row noticeRow, boxes []Box, actor city.Actor) bool {
	return actor.Covers(row.region) && slices.ContainsFunc(boxes, func(b Box) bool { return b.String() == row.recipient })
}

// MarkAllRead notes that the actor has read everything that lies in the boxes now.
func (n *Notify) MarkAllRead(ctx context.Context, tx *db.Tx, actor city.Actor) error {
	boxes, err := n.allowed(ctx, actor, "notices.mark")
	if err != nil {
		return err
	}
	done, err := progress(ctx, tx) // every notice that stands came from an event up to here
	if err != nil {
		return err
	}
	now := n.clock.Now()
	for _, b := range boxes {
		setMark(tx, actor.Account, b, done, now)
	}
	return nil
}

// notice makes the sentence of a row.
func (n *Notify) notice(ctx context.Context, tx *db.Tx, r noticeRow) (Notice, error) {
	out := Notice{ID: r.id, At: r.at.In(n.zone), Type: r.typ, Subject: r.subject}
	var err error
	if out.Box, err = parseBox(r.recipient); err != nil {
		return out, err
	}
	p, err := read([]byte(r.data))
	if err != nil {
		return out, fmt.Errorf("notify: notice %s: %w", r.id, err)
	}
	var sealed map[string]string
	if len(r.sealed) > 0 {
		err := n.journal.Vault().Unseal(ctx, tx, r.key, r.sealed, &sealed)
		if err != nil && !errors.Is(err, journal.ErrErased) { // what is erased is left out
			return out, err
		}
	}
	s, _ := choose(r.typ, p, out.Box)
	if s.silent() { // written by a version that had a sentence for it
		s = saying{key: "notify.other"}
	}
	out.Text, out.Tone = s.say(n.words(p, sealed)), s.tone
	if out.Tone == "" {
		out.Tone = Plain
	}
	return out, nil
}

// cursor is a place in a list of notices.
type cursor struct {
	at time.Time
	id city.NoticeID
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(city.Micros(c.at), 36) + "." + hex.EncodeToString(c.id[:])))
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		at, id, _ := strings.Cut(string(raw), ".")
		var us int64
		if us, err = strconv.ParseInt(at, 36, 64); err == nil {
			c.at = city.FromMicros(us)
			var n int
			if n, err = hex.Decode(c.id[:], []byte(id[:min(len(id), 32)])); err == nil && (n != 16 || len(id) != 32) {
				err = errors.New("short")
			}
		}
	}
	if err != nil {
		return cursor{}, city.Invalid("error.cursor")
	}
	return c, nil
}

// unheard logs, once a type, that an event is addressed to somebody and nobody
// has written what to say.
func (n *Notify) unheard(ctx context.Context, typ string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.missed[typ] {
		n.missed[typ] = true
		slog.WarnContext(ctx, "an event is addressed to somebody and has no sentence", "type", typ)
	}
}
