package demo

import (
	"context"
	"fmt"
	"math/rand/v2"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
)

const (
	peopleBatch = 40 // entered in one transaction
	firmsBatch  = 40
)

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
