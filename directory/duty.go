package directory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Shift is the time for which an officer goes on duty in a post.
type Shift struct {
	Post  city.PostID
	Until time.Time
}

// Watch is an officer on duty in a post (在岗). Of where somebody is only the last
// place is known, only while the shift lasts, and nowhere is it written down where
// they were.
type Watch struct {
	Account city.AccountID
	Person  city.PersonID
	Post    city.PostID
	Regions []city.RegionCode // covered, as city.Actor has them: none is the whole city
	Since   time.Time
	Until   time.Time
	At      geo.Point // zero: unknown, or too old to rely on
	Placed  time.Time // when they were there; zero with At
	// Distance is how far they are from the place that was asked about, in metres;
	// it means something only where At is known and such a place was given.
	Distance float64
}

const (
	longestShift = 24 * time.Hour
	// freshPlace is how long a place is relied on. Whoever drives is elsewhere after
	// half an hour.
	freshPlace = 30 * time.Minute
	// clockSlack is how much a telephone's clock may be ahead of ours.
	clockSlack = time.Minute
)

func (d *Directory) dutyResource(post city.PostID, of city.AccountID) access.Resource {
	a := access.Attrs{"account": of}
	if post != "" {
		superior, _ := d.Superior(post)
		a["post"], a["body"], a["superior"] = post, post.Body(), superior
	}
	return access.Resource{Type: "Duty", ID: string(post), Attrs: a}
}

// GoOnDuty begins the actor's shift in a post they hold, or moves the end of the
// one that runs. The regions covered are the actor's own.
func (d *Directory) GoOnDuty(ctx context.Context, tx *db.Tx, actor city.Actor, s Shift) (Watch, error) {
	if err := d.access.Ask(ctx, actor, "duty.start", d.dutyResource(s.Post, actor.Account)); err != nil {
		return Watch{}, err
	}
	if _, ok := d.posts[s.Post]; !ok {
		return Watch{}, city.InvalidFields([]city.Field{{Name: "post", Message: city.Message{Key: "directory.no_post", Args: []any{"post", string(s.Post)}}}})
	}
	now := d.now()
	if !s.Until.After(now) || s.Until.After(now.Add(longestShift)) {
		return Watch{}, city.InvalidFields([]city.Field{{Name: "until", Message: city.Message{Key: "duty.until", Args: []any{"hours", int(longestShift / time.Hour)}}}})
	}
	w := Watch{Account: actor.Account, Person: actor.Person, Post: s.Post, Regions: actor.Regions, Since: now, Until: city.FromMicros(city.Micros(s.Until))}
	has, err := watchOf(ctx, tx, actor.Account, s.Post)
	if err != nil {
		return Watch{}, err
	}
	upsertWatch(tx, w, now)
	if has != nil && has.Until.After(now) {
		w.Since = has.Since
	}
	return w, d.journal.Append(ctx, tx, journal.Event{At: now, Type: "duty.started", Subject: string(s.Post), Actor: actor,
		Data: map[string]any{"post": s.Post, "until": w.Until, "account": w.Account}})
}

// EndDuty ends the actor's shift in the post; where they were is forgotten with
// it. Whoever isn't on duty there gets city.KindConflict.
func (d *Directory) EndDuty(ctx context.Context, tx *db.Tx, actor city.Actor, post city.PostID) error {
	if err := d.access.Ask(ctx, actor, "duty.end", d.dutyResource(post, actor.Account)); err != nil {
		return err
	}
	now := d.now()
	deleteWatch(tx, actor.Account, post, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("duty.off")
		}
		return nil
	})
	return d.ended(ctx, tx, actor, actor.Account, post, now)
}

// Relieve ends somebody's shift: the program does when it has run out, a superior
// when somebody can't go on. It is city.KindConflict when it has ended already, so
// that of several who end it one does.
func (d *Directory) Relieve(ctx context.Context, tx *db.Tx, actor city.Actor, of city.AccountID, post city.PostID) error {
	if err := d.access.Ask(ctx, actor, "duty.relieve", d.dutyResource(post, of)); err != nil {
		return err
	}
	deleteWatch(tx, of, post, func(rows int64) error {
		if rows == 0 {
			return city.Conflict("duty.off")
		}
		return nil
	})
	return d.ended(ctx, tx, actor, of, post, d.now())
}

func (d *Directory) ended(ctx context.Context, tx *db.Tx, actor city.Actor, of city.AccountID, post city.PostID, at time.Time) error {
	return d.journal.Append(ctx, tx, journal.Event{At: at, Type: "duty.ended", Subject: string(post), Actor: actor,
		Data: map[string]any{"post": post, "account": of}})
}

// Fix is where somebody was, and when, by their own device.
type Fix struct {
	geo.Point
	At time.Time
}

// Stand puts the actor at a place, in place of the one known before, in every post
// they are on duty in. taken is false for what says nothing about now: older than
// what is known, than the shift or than half an hour, or ahead of the clock. Off
// duty nobody's place is taken: city.KindConflict.
func (d *Directory) Stand(ctx context.Context, tx *db.Tx, actor city.Actor, f Fix) (taken bool, err error) {
	if err := d.access.Ask(ctx, actor, "duty.stand", d.dutyResource("", actor.Account)); err != nil {
		return false, err
	}
	if !f.Valid() || f.IsZero() {
		return false, city.InvalidFields([]city.Field{{Name: "lat", Message: city.Message{Key: "duty.place"}}})
	}
	now := d.now()
	mine, err := watchesOf(ctx, tx, actor.Account, now)
	if err != nil {
		return false, err
	}
	if len(mine) == 0 {
		return false, city.Conflict("duty.off")
	}
	if f.At.IsZero() || f.At.After(now) && !f.At.After(now.Add(clockSlack)) {
		f.At = now
	}
	if f.At.After(now) || now.Sub(f.At) >= freshPlace {
		return false, nil
	}
	for _, w := range mine {
		if f.At.After(w.Placed) && !f.At.Before(w.Since) {
			placeWatch(tx, w, f)
			taken = true
		}
	}
	return taken, nil
}

// Watches are the actor's own shifts that run now, by post.
func (d *Directory) Watches(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Watch, error) {
	if err := d.access.Ask(ctx, actor, "duty.own", d.dutyResource("", actor.Account)); err != nil {
		return nil, err
	}
	now := d.now()
	list, err := watchesOf(ctx, tx, actor.Account, now)
	for i := range list {
		list[i].forget(now)
	}
	return list, err
}

// Around asks who is on duty in a post, covers a region ("" asks for nobody to be
// left out) and is near a place (zero: anywhere).
type Around struct {
	Post   city.PostID
	Region city.RegionCode
	At     geo.Point
	Most   int // how many, between 1 and 1,000
}

// few is how many are looked at one by one; where more are on duty, boxes around
// the place are searched, of so many metres and at last everywhere.
const few = 16

var boxes = []float64{500, 1000, 2000, 4000, 8000, 16000}

// reach remembers from which box on a search is worth while: the one that was wide
// enough the last time, or none where there were few. It changes how long a search
// takes and never what it finds.
type reach struct{ sync.Map }

type reachKey struct {
	post city.PostID
	most int
}

const lookAtFew = -1

func (r *reach) of(q Around) int {
	if v, ok := r.Load(reachKey{q.Post, q.Most}); ok {
		return v.(int)
	}
	return lookAtFew
}

func (r *reach) set(q Around, box int) { r.Store(reachKey{q.Post, q.Most}, box) }

// OnShift lists who is on duty, the nearest first and behind them those of whom
// nobody knows where they are. A shift that has run out is over without anybody's
// doing.
func (d *Directory) OnShift(ctx context.Context, tx *db.Tx, actor city.Actor, q Around) ([]Watch, error) {
	if err := d.access.Ask(ctx, actor, "duty.read", d.dutyResource(q.Post, city.AccountID{})); err != nil {
		return nil, err
	}
	q.Most = max(1, min(q.Most, 1000))
	now := d.now()
	if q.At.IsZero() {
		list, err := watchesAnywhere(ctx, tx, d, q, now, q.Most)
		return inOrder(list, q.At, now), err
	}
	first := d.reach.of(q)
	for i := first; ; i++ {
		if i == lookAtFew || i == first+1 && first >= 0 { // they are few, or the box of last time was too small
			list, err := watchesAnywhere(ctx, tx, d, q, now, few+1)
			if err != nil || len(list) <= few {
				d.reach.set(q, lookAtFew)
				list = inOrder(list, q.At, now)
				return list[:min(len(list), q.Most)], err
			}
		}
		if i == lookAtFew {
			continue
		}
		if i >= len(boxes) {
			break
		}
		around := geo.Around(q.At, boxes[i])
		list, err := watchesNear(ctx, tx, d, q, &around, now)
		if err != nil {
			return nil, err
		}
		list = inOrder(list, q.At, now)
		list = slices.DeleteFunc(list, func(w Watch) bool { return w.Distance > boxes[i] })
		if len(list) < q.Most {
			continue
		}
		list = list[:q.Most]
		if i > 0 && list[q.Most-1].Distance <= boxes[i-1] {
			d.reach.set(q, i-1)
		} else {
			d.reach.set(q, i)
		}
		return list, nil
	}
	list, err := watchesNear(ctx, tx, d, q, nil, now)
	if err != nil {
		return nil, err
	}
	list = inOrder(list, q.At, now)
	if len(list) >= q.Most {
		if list[q.Most-1].Distance <= boxes[len(boxes)-1] {
			d.reach.set(q, len(boxes)-1)
		}
		return list[:q.Most], nil
	}
	d.reach.set(q, len(boxes))
	lost, err := watchesLost(ctx, tx, d, q, now, q.Most-len(list))
	return append(list, inOrder(lost, q.At, now)...), err
}

// inOrder measures how far everybody is from the place, and puts the nearest first
// and those whose place nobody knows last, as they began.
func inOrder(list []Watch, at geo.Point, now time.Time) []Watch {
	for i := range list {
		list[i].forget(now)
		if !at.IsZero() && !list[i].At.IsZero() {
			list[i].Distance = geo.Distance(at, list[i].At)
		}
	}
	lost := func(w Watch) int {
		if w.At.IsZero() {
			return 1
		}
		return 0
	}
	slices.SortFunc(list, func(a, b Watch) int {
		if at.IsZero() {
			return cmp.Or(a.Since.Compare(b.Since), slices.Compare(a.Account[:], b.Account[:]))
		}
		return cmp.Or(cmp.Compare(lost(a), lost(b)), cmp.Compare(a.Distance, b.Distance), a.Since.Compare(b.Since), slices.Compare(a.Account[:], b.Account[:]))
	})
	return list
}

// forget drops a place that is too old to rely on.
func (w *Watch) forget(now time.Time) {
	if now.Sub(w.Placed) >= freshPlace {
		w.At, w.Placed = geo.Point{}, time.Time{}
	}
}

// StillOnDuty tells which of several are on duty in a post at this moment, and holds
// it so until the transaction ends: nobody else relies on the same people meanwhile,
// whatever process they run in. Whoever holds some already must not wait for more,
// or two might wait for each other: those whom another holds are left out then.
func (d *Directory) StillOnDuty(ctx context.Context, tx *db.Tx, post city.PostID, of []city.AccountID, wait bool) (map[city.AccountID]bool, error) {
	return holdWatches(ctx, tx, post, of, d.now(), wait)
}

// RunOut lists shifts whose end has passed, the oldest first: whoever closes them
// sees to what those people had in hand.
func (d *Directory) RunOut(ctx context.Context, tx *db.Tx, actor city.Actor, most int) ([]Watch, error) {
	if err := d.access.Ask(ctx, actor, "duty.sweep", d.dutyResource("", city.AccountID{})); err != nil {
		return nil, err
	}
	return watchesRunOut(ctx, tx, d.now(), most)
}

// SweepDuties closes every shift that has run out, for a city in which nobody has
// anything to hand over.
func (d *Directory) SweepDuties(ctx context.Context, actor city.Actor) (n int64, err error) {
	err = d.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		over, err := d.RunOut(ctx, tx, actor, 1000)
		for _, w := range over {
			if err := d.Relieve(ctx, tx, actor, w.Account, w.Post); err != nil {
				return err
			}
			n++
		}
		return err
	})
	return n, err
}

// now is the moment as it will be read back.
func (d *Directory) now() time.Time { return city.FromMicros(city.Micros(d.clock.Now())) }

// Everyone lists who is on duty, in whatever post, at most so many: those who began
// first. more is true where there are others.
func (d *Directory) Everyone(ctx context.Context, tx *db.Tx, actor city.Actor, most int) (list []Watch, more bool, err error) {
	if err := d.access.Ask(ctx, actor, "duty.read", d.dutyResource("", city.AccountID{})); err != nil {
		return nil, false, err
	}
	now := d.now()
	most = max(1, min(most, 10_000))
	if list, err = watchesAll(ctx, tx, now, most+1); err != nil {
		return nil, false, err
	}
	if len(list) > most {
		list, more = list[:most], true
	}
	for i := range list {
		list[i].forget(now)
	}
	return list, more, nil
}
