package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// crowd are the made-up people and firms with their places in the register.
type crowd struct {
	people  []resident
	firms   []firm
	ids     []city.PersonID
	firmIDs []city.FirmID
	clerks  []officer // who sit at the counters
}

const (
	peopleBatch = 40 // entered in one transaction
	firmsBatch  = 40
)

// Populate fills in residents, firms and the past months. It takes up what an
// earlier call left, and does nothing where everything is done. Each case comes
// whole, up to where it stands today, in one transaction: nobody sees it half
// way, and a stop leaves nothing unfinished.
func (d *Demo) Populate(ctx context.Context, progress func(done, total int)) error {
	c := d.crowd()
	until := d.now.Clock.Now().In(d.now.Pack.Zone)
	var due []plan
	for _, pl := range d.planner(c.people, c.firms).history(d.began.Add(time.Hour), city.DateOf(until)) {
		if pl.at.Before(until) {
			due = append(due, pl)
		}
	}
	const person = 4 // people are entered so much faster than a case is played
	total := len(c.people)/person + len(due)
	step := func(done int) {
		if progress != nil {
			progress(done, total)
		}
		runtime.Gosched()
	}
	if err := d.enterPeople(ctx, c, func(n int) { step(n / person) }); err != nil {
		return err
	}
	if err := d.enterFirms(ctx, c); err != nil {
		return err
	}
	if err := d.seatClerks(ctx, c); err != nil {
		return err
	}
	first, err := d.played(ctx, c, due)
	if err != nil {
		return err
	}
	for i := first; i < len(due); i++ {
		began := d.now.Clock.Now()
		if err := d.file(ctx, c, due[i], until); err != nil {
			return err
		}
		step(len(c.people)/person + i + 1)
		if err := breathe(ctx, d.now.Clock.Now().Sub(began)/6); err != nil {
			return err
		}
	}
	step(total)
	return nil
}

func (d *Demo) seatClerks(ctx context.Context, c *crowd) error {
	return d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c.clerks, err = d.officersFor(ctx, tx, "service-center.clerk", "")
		return err
	})
}

// breathe leaves the machine to others for a while.
func breathe(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// crowd makes everybody up.
func (d *Demo) crowd() *crowd {
	c := &crowd{people: d.residents()}
	c.firms = d.firms(c.people)
	c.ids, c.firmIDs = make([]city.PersonID, len(c.people)), make([]city.FirmID, len(c.firms))
	return c
}

// enterPeople puts residents into the register with the papers that everybody has.
func (d *Demo) enterPeople(ctx context.Context, c *crowd, done func(int)) error {
	for from := 0; from < len(c.people); from += peopleBatch {
		to := min(from+peopleBatch, len(c.people))
		known, err := d.knownPeople(ctx, c, from, to)
		if err != nil {
			return err
		}
		if !known {
			err = d.at(ctx, d.began, func(ctx context.Context, tx *db.Tx) error { return d.enterSome(ctx, tx, c, from, to) })
		}
		if err != nil {
			return fmt.Errorf("demo: people %d to %d: %w", from, to, err)
		}
		done(to)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// knownPeople finds those who were entered before.
func (d *Demo) knownPeople(ctx context.Context, c *crowd, from, to int) (known bool, err error) {
	err = d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := from; i < to; i++ {
			id, err := d.now.Directory.PersonByNumber(ctx, tx, c.people[i].CitizenNumber)
			if notFound(err) && i == from {
				return nil
			}
			if err != nil {
				return err
			}
			c.ids[i], known = id, true
		}
		return nil
	})
	return known, err
}

func (d *Demo) enterSome(ctx context.Context, tx *db.Tx, c *crowd, from, to int) error {
	list := make([]directory.Person, 0, to-from)
	for i := from; i < to; i++ {
		list = append(list, c.people[i].Person)
	}
	ids, err := d.then.Directory.AddPeople(ctx, tx, program, list)
	if err != nil {
		return err
	}
	copy(c.ids[from:], ids)
	for i := from; i < to; i++ {
		r := &c.people[i]
		for _, o := range []struct {
			other int
			kind  directory.Relation
		}{{r.spouse, directory.Spouse}, {r.father, directory.Parent}, {r.mother, directory.Parent}} {
			if o.other < 0 || o.other > i || c.ids[o.other].IsZero() {
				continue
			}
			if err := d.then.Directory.Relate(ctx, tx, program, c.ids[i], c.ids[o.other], o.kind); err != nil {
				return err
			}
		}
		if r.age < 16 {
			continue
		}
		chance := rand.New(rand.NewPCG(d.seed, streamPeople<<32+uint64(i)))
		from, until := cardDates(chance, r.age, city.DateOf(d.began))
		p := paper{typ: "resident-id-card", from: from, fields: map[string]string{"valid_until": until}}
		if until == "" {
			p.fields["valid_until"] = d.words.People.Forever
		}
		if err := d.give(ctx, tx, fmt.Sprintf("person:%d", i), holderOf(c.ids[i], r.Person), p); err != nil {
			return err
		}
	}
	return nil
}

// cardDates are the days of an identity card: ten years for the young, twenty for
// the grown, for good from 46 (居民身份证法 第五条).
func cardDates(r *rand.Rand, age int, today city.Date) (from city.Date, until string) {
	years := 20
	switch {
	case age < 26:
		years = 10
	case age >= 66:
		return today.AddDays(-365 * (5 + r.IntN(15))), ""
	}
	from = today.AddDays(-r.IntN(365 * (years - 1)))
	return from, city.Date{Year: from.Year + years, Month: from.Month, Day: min(from.Day, 28)}.String()
}

// enterFirms puts firms into the register with their licences.
func (d *Demo) enterFirms(ctx context.Context, c *crowd) error {
	for from := 0; from < len(c.firms); from += firmsBatch {
		to := min(from+firmsBatch, len(c.firms))
		known := true
		err := d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			for i := from; i < to && known; i++ {
				id, err := d.now.Directory.FirmByUSCC(ctx, tx, c.firms[i].USCC)
				if notFound(err) && i == from {
					known = false
					return nil
				}
				if err != nil {
					return err
				}
				c.firmIDs[i] = id
			}
			return nil
		})
		if err == nil && !known {
			err = d.at(ctx, d.began, func(ctx context.Context, tx *db.Tx) error { return d.enterSomeFirms(ctx, tx, c, from, to) })
		}
		if err != nil {
			return fmt.Errorf("demo: firms %d to %d: %w", from, to, err)
		}
	}
	return nil
}

func (d *Demo) enterSomeFirms(ctx context.Context, tx *db.Tx, c *crowd, from, to int) error {
	var list []directory.Firm
	var legal []city.PersonID
	for i := from; i < to; i++ {
		list, legal = append(list, c.firms[i].Firm), append(legal, c.ids[c.firms[i].legal])
	}
	ids, err := d.then.Directory.AddFirms(ctx, tx, program, list, legal)
	if err != nil {
		return err
	}
	copy(c.firmIDs[from:], ids)
	for i := from; i < to; i++ {
		f := c.firms[i].Firm
		if err := d.give(ctx, tx, fmt.Sprintf("firm:%d", i), holderOfFirm(ids[i-from], f), paper{typ: "business-licence", from: f.Founded}); err != nil {
			return err
		}
	}
	return nil
}

// played finds how many of the plans were carried out before: cases come in their
// order, so it looks for the first that is missing.
func (d *Demo) played(ctx context.Context, c *crowd, due []plan) (n int, err error) {
	err = d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = sort.Search(len(due), func(i int) bool {
			if err != nil {
				return true
			}
			var found bool
			found, err = d.filed(ctx, tx, c, due[i])
			return !found
		})
		return err
	})
	return n, err
}

// filed reports whether the applicant has a case of the plan's moment.
func (d *Demo) filed(ctx context.Context, tx *db.Tx, c *crowd, pl plan) (bool, error) {
	a := city.Actor{Kind: city.Resident, Person: c.ids[pl.who], Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	if pl.firm >= 0 {
		a.Firm = c.firmIDs[pl.firm]
	}
	for after := ""; ; {
		page, err := d.now.Cases.Mine(ctx, tx, a, 100, after)
		if err != nil {
			return false, err
		}
		for _, cs := range page.Cases {
			if cs.OpenedAt.Equal(pl.at) && cs.Item == pl.item {
				return true, nil
			}
		}
		if after = page.Next; after == "" {
			return false, nil
		}
	}
}

// file lets somebody apply at the plan's moment and plays the case up to the
// present.
func (d *Demo) file(ctx context.Context, c *crowd, pl plan, until time.Time) error {
	chance := rand.New(rand.NewPCG(d.seed, streamCase+uint64(pl.n)))
	d.past.Set(pl.at)
	a, err := d.prepare(ctx, d.then, c, pl, chance, fmt.Sprintf("case:%d", pl.n))
	if err == nil {
		a.filing.Key = fmt.Sprintf("demo:%d", pl.n)
		err = d.at(ctx, pl.at, func(ctx context.Context, tx *db.Tx) error {
			p, cs, err := d.send(ctx, tx, a)
			if err != nil {
				return err
			}
			if cs, err = p.run(ctx, tx, cs, until); err != nil {
				return err
			}
			return p.after(ctx, tx, cs, until)
		})
	}
	if err != nil {
		return fmt.Errorf("demo: application %d for %s: %w%s", pl.n, pl.item, err, fieldsOf(err))
	}
	return nil
}

// application is what somebody is about to send.
type application struct {
	parts     Parts
	writer    *writer
	plan      plan
	it        *itemPlan
	def       serviceitem.Item
	of        serviceitem.Party
	owner, by city.Actor
	filing    serviceitem.Filing
	once      string // names the papers that come with it
}

// prepare fills in the form and stores its files.
func (d *Demo) prepare(ctx context.Context, parts Parts, c *crowd, pl plan, chance *rand.Rand, once string) (*application, error) {
	def, fm, ok := parts.Items.Item(pl.item)
	if !ok {
		return nil, fmt.Errorf("no item %q", pl.item)
	}
	w := &writer{Rand: chance, d: d, who: &c.people[pl.who], all: c.people, day: city.DateOf(pl.at), name: &names{Rand: chance, peopleFile: d.words.People}}
	a := &application{parts: parts, writer: w, plan: pl, it: d.words.Items[pl.item], def: def, of: serviceitem.Party{Person: c.ids[pl.who]}, once: once}
	if pl.firm >= 0 {
		w.firm, a.of.Firm = &c.firms[pl.firm], c.firmIDs[pl.firm]
	}
	var err error
	if w.vars, err = w.draw(a.it.Vars); err != nil {
		return nil, err
	}
	var files map[string]file
	if a.filing, files, err = w.application(def, fm, a.it); err != nil {
		return nil, err
	}
	a.owner, a.by = d.applicant(c, pl)
	if a.by.Kind == city.Officer {
		a.filing.For = a.of
	}
	return a, d.upload(ctx, parts, a.by, a.of, def, fm, &a.filing, files)
}

// send takes in the papers that the applicant holds, files, and gives the play of
// the case.
func (d *Demo) send(ctx context.Context, tx *db.Tx, a *application) (*play, casework.Case, error) {
	owner, err := d.account(ctx, tx, a.parts, a.owner)
	if err != nil {
		return nil, casework.Case{}, err
	}
	by := a.by
	if by.Kind == city.Resident {
		by = owner
	}
	if err := d.papers(ctx, tx, a); err != nil {
		return nil, casework.Case{}, err
	}
	d.past.Set(a.plan.at)
	cs, err := a.parts.Items.FileIn(ctx, tx, by, a.filing)
	return &play{d: d, parts: a.parts, rand: a.writer.Rand, it: a.it, def: a.def, goes: a.plan.goes, owner: owner,
		now: a.plan.at, tardy: a.writer.IntN(2)}, cs, err
}

// fieldsOf names the fields that an error points at.
func fieldsOf(err error) (s string) {
	var e *city.Error
	if errors.As(err, &e) {
		for _, f := range e.Fields {
			s += "; " + f.Name + ": " + f.Message.In(city.English)
		}
	}
	return s
}

// applicant gives the actor that the case belongs to, and who files: the same, or
// a clerk at a counter of the district.
func (d *Demo) applicant(c *crowd, pl plan) (owner, by city.Actor) {
	owner = city.Actor{Kind: city.Resident, Person: c.ids[pl.who], Name: c.people[pl.who].Name, Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	if pl.n%3 == 0 {
		owner.Channel = city.ChannelMobile
	}
	if pl.firm >= 0 {
		owner.Firm = c.firmIDs[pl.firm]
	}
	if !pl.counter {
		return owner, owner
	}
	clerks := slices.DeleteFunc(slices.Clone(c.clerks), func(o officer) bool { return !o.Covers(c.people[pl.who].home.code) })
	if len(clerks) == 0 {
		return owner, owner
	}
	return owner, clerks[pl.n%len(clerks)].Actor
}

// account finds or opens the applicant's account, and makes sure that they may act
// for the firm.
func (d *Demo) account(ctx context.Context, tx *db.Tx, parts Parts, owner city.Actor) (city.Actor, error) {
	a, ok, err := parts.Identity.AccountOf(ctx, tx, owner.Person, city.Resident)
	if err != nil {
		return owner, err
	}
	if owner.Account = a.ID; !ok {
		owner.Account, err = parts.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: city.Resident, Person: owner.Person})
	}
	if err != nil || owner.Firm.IsZero() {
		return owner, err
	}
	return parts.Identity.ActFor(ctx, tx, owner, identity.Choice{Firm: owner.Firm})
}

// papers takes the papers into the store that the application will fetch, unless
// the applicant holds them.
func (d *Demo) papers(ctx context.Context, tx *db.Tx, a *application) error {
	w, of := a.writer, a.of
	for i, pp := range a.it.Papers {
		if pp.Chance > 0 && w.IntN(100) >= pp.Chance {
			continue
		}
		h := holderOf(of.Person, w.who.Person)
		if pp.Of == "firm" {
			h = holderOfFirm(of.Firm, w.firm.Firm)
		}
		held, err := d.then.Credentials.ByHolder(ctx, tx, program, credential.Holder{Person: h.Person, Firm: h.Firm})
		if err != nil {
			return err
		}
		fields, err := w.draw(pp.Fields)
		if err != nil {
			return err
		}
		has := false
		for _, c := range held {
			has = has || c.Type == pp.Type && c.InForce(a.plan.at)
		}
		if has && !own(pp) {
			continue
		}
		p := paper{typ: pp.Type, from: w.day.AddDays(-pp.Days), fields: map[string]string{}}
		for id, v := range fields {
			p.fields[id] = text(v)
		}
		if err := d.give(ctx, tx, fmt.Sprintf("%s:%d", a.once, i), h, p); err != nil {
			return err
		}
	}
	return nil
}

// own reports whether the paper speaks of this case alone, so that one which is
// held already is not the same.
func own(pp paperPlan) bool {
	for _, list := range pp.Fields {
		for _, v := range list {
			if s, ok := v.(string); ok && len(s) > 0 && s[0] == '$' {
				return true
			}
		}
	}
	return false
}
