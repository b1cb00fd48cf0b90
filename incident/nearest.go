package incident

import (
	"cmp"
	"context"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Candidate is an officer on duty who could be sent.
type Candidate struct {
	Account  city.AccountID
	Post     city.PostID
	Name     string // for other officers
	Until    time.Time
	Known    bool          // how far they are, from a place that is not too old
	Distance float64       // metres, where Known
	Age      time.Duration // of the place they were at, where Known
	InHand   int
	Free     bool      // may get another
	Why      city.Text // how far they are and what they have in hand, for who chooses

	person city.PersonID
}

// looks are how many of those on duty are asked whether they have a hand free: a
// few at first, more when theirs are full. Where so many have none, a matter waits in
// the inbox rather than for somebody from the other end of the city.
var looks = []int{8, 32, 128}

// Nearest lists officers on duty in a post who cover a region and have a hand free,
// at most n: the nearest to the place first, behind them those of whom nobody knows
// where they are, whoever has least in hand first.
func (s *Service) Nearest(ctx context.Context, tx *db.Tx, actor city.Actor, post city.PostID, region city.RegionCode, at geo.Point, n int) ([]Candidate, error) {
	err := s.Access.Ask(ctx, actor, "incident.nearest", s.postResource(post))
	if err != nil {
		return nil, err
	}
	list, err := s.nearest(ctx, tx, post, region, at, n)
	if err != nil {
		return nil, err
	}
	return list, s.describe(ctx, tx, list)
}

func (s *Service) postResource(post city.PostID) access.Resource {
	superior, _ := s.Directory.Superior(post)
	return access.Resource{Type: "Incident", Attrs: access.Attrs{"post": post, "body": post.Body(), "superior": superior, "head": string(post.Body()) + ".head"}}
}

func (s *Service) nearest(ctx context.Context, tx *db.Tx, post city.PostID, region city.RegionCode, at geo.Point, n int) ([]Candidate, error) {
	var free []Candidate
	_, err := s.onDuty(ctx, tx, directory.Around{Post: post, Region: region, At: at}, func(c Candidate) bool {
		if c.Free {
			free = append(free, c)
		}
		return len(free) < n
	})
	rank(free)
	return free[:min(n, len(free))], err
}

// onDuty goes through those on duty until more says that there are enough, and
// tells how many it went through.
func (s *Service) onDuty(ctx context.Context, tx *db.Tx, q directory.Around, more func(Candidate) bool) (int, error) {
	program, now := city.SystemActor("incident"), s.now()
	seen := map[city.AccountID]bool{}
	for _, q.Most = range looks {
		list, err := s.Directory.OnShift(ctx, tx, program, q)
		if err != nil {
			return len(seen), err
		}
		fresh := slices.DeleteFunc(slices.Clone(list), func(w directory.Watch) bool { return seen[w.Account] })
		ids := make([]city.AccountID, len(fresh))
		for i, w := range fresh {
			ids[i] = w.Account
		}
		hands, err := s.cases.InHand(ctx, tx, program, ids)
		if err != nil {
			return len(seen), err
		}
		enough := false
		for _, w := range fresh {
			seen[w.Account] = true
			c := Candidate{Account: w.Account, Post: w.Post, Until: w.Until, Known: !q.At.IsZero() && !w.At.IsZero(), Distance: w.Distance, InHand: hands[w.Account], person: w.Person}
			if c.Known {
				c.Age = max(0, now.Sub(w.Placed))
			}
			c.Free = c.InHand < s.Settings.hands()
			enough = !more(c) || enough
		}
		if enough || len(list) < q.Most {
			break
		}
	}
	return len(seen), nil
}

// rank puts the nearest first, those whose place is unknown behind them, and among
// these whoever has least in hand.
func rank(list []Candidate) {
	slices.SortStableFunc(list, func(a, b Candidate) int {
		switch {
		case a.Known && b.Known:
			return cmp.Compare(a.Distance, b.Distance)
		case a.Known:
			return -1
		case b.Known:
			return 1
		}
		return cmp.Compare(a.InHand, b.InHand)
	})
}

// describe adds names and reasons.
func (s *Service) describe(ctx context.Context, tx *db.Tx, list []Candidate) error {
	for i := range list {
		c := &list[i]
		if c.Known {
			c.Why = inWords("duty.why.near", "distance", distanceWords(c.Distance), "n", c.InHand)
		} else {
			c.Why = inWords("duty.why.lost", "n", c.InHand)
		}
		var err error
		if c.Name, err = s.Directory.PersonName(ctx, tx, c.person); err != nil {
			return err
		}
	}
	return nil
}

func inWords(key string, args ...any) city.Text {
	return city.Text{ZhHans: city.Say(city.Chinese, key, args...), En: city.Say(city.English, key, args...)}
}

// distanceWords say a distance as people do: in steps of 50 m below a kilometre,
// then in kilometres.
func distanceWords(metres float64) city.Text {
	switch {
	case metres < 950:
		return inWords("duty.metres", "n", max(50, int(metres/50+0.5)*50))
	case metres < 9500:
		return inWords("duty.kilometres", "n", float64(int(metres/100+0.5))/10)
	}
	return inWords("duty.kilometres", "n", int(metres/1000+0.5))
}

// whyGiven is the reason that stays with the matter. It says roughly how far, since
// where somebody was is kept nowhere.
func whyGiven(c Candidate) city.Text {
	switch {
	case !c.Known:
		return inWords("duty.given.lost", "n", c.InHand)
	case c.Distance < 1000:
		return inWords("duty.given.near", "n", c.InHand)
	case c.Distance < 5000:
		return inWords("duty.given.some_way", "n", c.InHand)
	}
	return inWords("duty.given.far", "n", c.InHand)
}

// Candidates lists who is on duty for a task of a matter, those with a hand free
// first and the nearest among them first; whoever has it is left out.
func (s *Service) Candidates(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, task string) ([]Candidate, error) {
	c, err := s.cases.Get(ctx, tx, actor, n)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Working, func(t casework.Task) bool { return t.ID == task })
	if i < 0 {
		return nil, city.Conflict("case.not_now")
	}
	t := c.Working[i]
	if err := s.Access.Ask(ctx, actor, "incident.nearest", s.postResource(t.Post)); err != nil {
		return nil, err
	}
	in, err := incidentByNumber(ctx, tx, n)
	if err != nil {
		return nil, missing(err)
	}
	var free, full []Candidate
	_, err = s.onDuty(ctx, tx, directory.Around{Post: t.Post, Region: c.Region, At: in.at}, func(c Candidate) bool {
		switch {
		case c.Account == t.Assignee:
		case c.Free:
			free = append(free, c)
		default:
			full = append(full, c)
		}
		return len(free)+len(full) < mostCandidates
	})
	if err != nil {
		return nil, err
	}
	rank(free)
	rank(full)
	list := append(free, full...)
	list = list[:min(len(list), mostCandidates)]
	return list, s.describe(ctx, tx, list)
}

// mostCandidates are so many as anybody chooses from.
const mostCandidates = 30

// give hands a task of a matter to whoever did the work before and is on duty, or to
// the nearest on duty; both need a hand free. Where nobody has one it stays where it
// is: in the inbox of the post, or with from, whose it was and whose shift has just
// ended.
func (s *Service) give(ctx context.Context, tx *db.Tx, c casework.Case, t casework.Task, in incidentRow, from city.AccountID) (casework.Case, error) {
	program, before := city.SystemActor("incident"), c.State.Movers[c.Stage]
	for wait := from.IsZero(); ; wait = false { // a second look, where others took the last hands at this moment
		list, err := s.nearest(ctx, tx, t.Post, c.Region, in.at, 4)
		if err != nil {
			return c, err
		}
		if !before.IsZero() {
			list = slices.DeleteFunc(list, func(to Candidate) bool { return to.Account == before })
			list = slices.Insert(list, 0, Candidate{Account: before, Post: t.Post})
		}
		list = slices.DeleteFunc(list, func(to Candidate) bool { return to.Account == from })
		if len(list) > 0 && tx.Composed() && tx.Engine() == db.SQLite { // others may be taking the same hand: with the database to itself
			return c, db.ErrNotComposed
		}
		free, err := s.stillFree(ctx, tx, t.Post, list, wait)
		if err != nil {
			return c, err
		}
		for _, to := range free {
			why := whyGiven(to)
			if to.Account == before {
				why = inWords("duty.given.again")
			}
			after, err := s.cases.Act(ctx, tx, program, c.Number, casework.Action{Name: casework.ActAssign, Task: t.ID, Assignee: to.Account, Why: why})
			if city.KindOf(err) != city.KindConflict { // they would judge their own work, or have another office's part
				return after, err
			}
		}
		if !wait || len(free) == len(list) {
			return c, nil
		}
	}
}

// assigned tells an officer that a matter was given to them, whoever gave it.
func (s *Service) assigned(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	c, to := call.Case, call.Record.Assignee
	data := map[string]any{"number": c.Number, "item": c.Item, "account": to, "automatic": call.Actor.Kind == city.System}
	for _, t := range c.State.Tasks {
		if t.ID == call.Record.Task {
			data["body"], data["post"] = t.Body, t.Post
		}
	}
	if !c.Due.IsZero() {
		data["due"] = c.Due
	}
	return s.Journal.Append(ctx, tx, journal.Event{At: s.now(), Type: "incident.assigned", Subject: string(c.Number), Actor: call.Actor, Data: data})
}

// stillFree looks again at those who were chosen, and holds it until the end of the
// transaction: shifts may have ended, and other matters may have reached them, by
// another process too.
func (s *Service) stillFree(ctx context.Context, tx *db.Tx, post city.PostID, list []Candidate, wait bool) (free []Candidate, err error) {
	ids := make([]city.AccountID, len(list))
	for i, c := range list {
		ids[i] = c.Account
	}
	on, err := s.Directory.StillOnDuty(ctx, tx, post, ids, wait)
	if err != nil || len(on) == 0 {
		return nil, err
	}
	hands, err := s.cases.InHand(ctx, tx, city.SystemActor("incident"), ids)
	for _, c := range list {
		if c.InHand = hands[c.Account]; on[c.Account] && c.InHand < s.Settings.hands() {
			free = append(free, c)
		}
	}
	return free, err
}

// giveAll hands every open task of the stage that a matter has come to.
func (s *Service) giveAll(ctx context.Context, tx *db.Tx, call casework.EffectCall, in incidentRow) (casework.Case, error) {
	c := call.Case
	for _, t := range c.Working {
		if t.Called || !t.Assignee.IsZero() {
			continue
		}
		var err error
		if c, err = s.give(ctx, tx, c, t, in, city.AccountID{}); err != nil {
			return c, err
		}
	}
	if c.Version != call.Case.Version {
		call.Moved(c)
	}
	return c, nil
}

// Handed is what became of the matters that somebody had in hand.
type Handed struct {
	On   int // to somebody else on duty
	Back int // to the inbox of the post
}

// EndDuty ends the actor's shift in a post. What they have in hand there goes to
// the next on duty who has a hand free, or back to the inbox, each on record.
func (s *Service) EndDuty(ctx context.Context, actor city.Actor, post city.PostID) (h Handed, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.Directory.EndDuty(ctx, tx, actor, post); err != nil {
			return err
		}
		h, err = s.handOver(ctx, tx, actor.Account, post)
		return err
	})
	if err != nil {
		return Handed{}, raced(err)
	}
	return h, nil
}

// EndShifts closes shifts that have run out as EndDuty does, each in a transaction
// of its own, and tells how many. Several processes may do it at once.
func (s *Service) EndShifts(ctx context.Context, actor city.Actor) (n int, err error) {
	var over []directory.Watch
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		over, err = s.Directory.RunOut(ctx, tx, actor, 200)
		return err
	})
	for _, w := range over {
		err := s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := s.Directory.Relieve(ctx, tx, actor, w.Account, w.Post); err != nil {
				return err
			}
			_, err := s.handOver(ctx, tx, w.Account, w.Post)
			return err
		})
		if k := city.KindOf(raced(err)); k == city.KindConflict { // closed by another, or a matter moved: next time
			continue
		} else if err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// mostHeld is what one shift's end hands over at once; nobody has so much.
const mostHeld = 200

// handOver passes on what somebody has in hand in a post. What is suspended until a
// date goes to the inbox: whoever is on duty then takes it up.
func (s *Service) handOver(ctx context.Context, tx *db.Tx, from city.AccountID, post city.PostID) (h Handed, err error) {
	program := city.SystemActor("duty")
	var held []casework.Case
	for _, kind := range s.Kinds() {
		of, err := s.cases.Held(ctx, tx, program, kind, from, post, mostHeld)
		if err != nil {
			return h, err
		}
		held = append(held, of...)
	}
	for _, c := range held {
		in, err := incidentByNumber(ctx, tx, c.Number)
		if err != nil {
			return h, missing(err)
		}
		for _, t := range c.Working {
			if t.Assignee != from || t.Post != post {
				continue
			}
			after := c
			if c.State.Paused == "" {
				if after, err = s.give(ctx, tx, c, t, in, from); err != nil {
					return h, err
				}
			}
			if after.Version != c.Version {
				h.On++
			} else if after, err = s.cases.Act(ctx, tx, program, c.Number, casework.Action{Name: casework.ActRelease, Task: t.ID, Why: inWords("duty.back")}); err != nil {
				return h, err
			} else {
				h.Back++
			}
			c = after
		}
	}
	return h, nil
}
