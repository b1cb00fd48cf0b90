package directory

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Import is a table on its way into the register.
type Import struct {
	Rows     iter.Seq2[Row, error]           // an error with a line rejects that row; one without ends the import
	Reject   func(row Row, why []city.Field) // nil: rejects are only counted
	Progress func(Imported)                  // after each batch; nil: nobody looks
}

// Imported says how far an import has come.
type Imported struct{ Read, Added, Changed, Same, Rejected int }

// batchSize is how many rows share a transaction.
const batchSize = 1000

// PersonColumns and FirmColumns are what an import reads. The relatives' columns
// hold citizen numbers.
var (
	PersonColumns = []string{"citizen_number", "name", "birth_date", "sex", "nationality", "region", "address", "phone", "father", "mother", "spouse", "guardian"}
	FirmColumns   = []string{"uscc", "name", "kind", "legal", "legal_number", "region", "address", "phone", "scope", "capital", "founded", "status"}
)

var relativeColumns = map[string]Relation{"father": Parent, "mother": Parent, "spouse": Spouse, "guardian": Guardian}

// candidate is a row that became a T.
type candidate[T any] struct {
	row     Row
	value   T
	digest  []byte
	related map[Relation][]string // digests, or of a firm its legal representative under Parent
}

// kin is a relation whose other side was not there yet.
type kin struct {
	person city.PersonID
	digest string
	kind   Relation
	row    Row
}

// ImportPeople brings people into the register, in transactions of a thousand.
// Somebody who stands there by the citizen number is changed where the table says
// more or other; empty cells change nothing. A row that can't be taken is
// rejected with its reasons and the rest goes on, so an import may be repeated.
func (d *Directory) ImportPeople(ctx context.Context, actor city.Actor, in Import) (Imported, error) {
	if err := d.access.Ask(ctx, actor, "person.import", register("people")); err != nil {
		return Imported{}, err
	}
	var done Imported
	var waiting []kin
	err := batches(in, &done, d.personOf, func(list []candidate[Person]) error {
		return d.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			return d.importPeople(ctx, tx, actor, list, &waiting, &done)
		})
	})
	if err != nil {
		return done, err
	}
	for len(waiting) > 0 { // those whose relatives came later in the table
		n := min(batchSize, len(waiting))
		some := waiting[:n]
		waiting = waiting[n:]
		if err := d.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return d.relateLate(ctx, tx, some, in) }); err != nil {
			return done, err
		}
	}
	return done, nil
}

// batches reads rows and hands on what parse accepts. Numbers that stand twice in
// one batch are rejected.
func batches[T any](in Import, done *Imported, parse func(Row) (candidate[T], []city.Field), store func([]candidate[T]) error) error {
	reject := func(row Row, why []city.Field) {
		done.Rejected++
		if in.Reject != nil {
			in.Reject(row, why)
		}
	}
	var list []candidate[T]
	seen := map[string]bool{}
	flush := func() error {
		if len(list) > 0 {
			if err := store(list); err != nil {
				return err
			}
		}
		list = list[:0]
		clear(seen)
		if in.Progress != nil {
			in.Progress(*done)
		}
		return nil
	}
	for row, err := range in.Rows {
		var known *city.Error
		switch {
		case err != nil && row.Line > 0 && errors.As(err, &known):
			done.Read++
			reject(row, []city.Field{{Message: known.Message}})
			continue
		case err != nil:
			return err
		}
		done.Read++
		c, bad := parse(row)
		if len(bad) == 0 && seen[string(c.digest)] {
			bad = []city.Field{{Message: city.Message{Key: "directory.row_twice"}}}
		}
		if len(bad) > 0 {
			reject(row, bad)
			continue
		}
		seen[string(c.digest)] = true
		if list = append(list, c); len(list) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (d *Directory) personOf(row Row) (candidate[Person], []city.Field) {
	var f faults
	of := row.Cells
	p := Person{
		CitizenNumber: of["citizen_number"], Name: of["name"], Sex: Sex(of["sex"]), Nationality: of["nationality"],
		Region: city.RegionCode(of["region"]), Address: of["address"], Phone: of["phone"],
		BirthDate: dateOf(&f, "birth_date", of["birth_date"]),
	}
	if of["citizen_number"] == "" {
		f.add("citizen_number", "directory.number_missing")
	}
	if len(f) > 0 {
		return candidate[Person]{}, f
	}
	p, f = d.completed(p)
	c := candidate[Person]{row: row, value: p, digest: d.vault.Digest("citizen_number", p.CitizenNumber), related: map[Relation][]string{}}
	for column, kind := range relativeColumns {
		n := normalNumber(of[column])
		if n == "" {
			continue
		}
		if _, err := city.CheckCitizenNumber(n); err != nil {
			f.add(column, messageOf(err).Key, messageOf(err).Args...)
		} else if n == p.CitizenNumber {
			f.add(column, "directory.relation")
		}
		c.related[kind] = append(c.related[kind], string(d.vault.Digest("citizen_number", n)))
	}
	return c, f
}

// dateOf reads a date as tables have it: 1940-11-05, 1940/11/5, 19401105, with
// Chinese words between the numbers, or Excel's count of days.
func dateOf(f *faults, column, s string) city.Date {
	if s == "" {
		return city.Date{}
	}
	part := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case len(part) == 3 && len(part[0]) == 4 && len(part[1]) <= 2 && len(part[2]) <= 2:
		part[1], part[2] = "0"+part[1], "0"+part[2]
		s = part[0] + "-" + part[1][len(part[1])-2:] + "-" + part[2][len(part[2])-2:]
	case len(part) == 1 && len(s) == 8:
		s = s[:4] + "-" + s[4:6] + "-" + s[6:]
	case len(part) == 1 && len(s) == 5:
		n, _ := strconv.Atoi(s) // digits only
		return city.Date{Year: 1899, Month: 12, Day: 30}.AddDays(n)
	}
	date, err := city.ParseDate(s)
	if err != nil {
		f.add(column, "directory.date", "date", cell(s))
	}
	return date
}

// cell shortens what a message quotes from a table.
func cell(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (d *Directory) importPeople(ctx context.Context, tx *db.Tx, actor city.Actor, list []candidate[Person], waiting *[]kin, done *Imported) error {
	now := d.clock.Now()
	var digests [][]byte
	for _, c := range list {
		digests = append(digests, c.digest)
		for _, r := range c.related {
			for _, x := range r {
				digests = append(digests, []byte(x))
			}
		}
	}
	known, err := peopleByDigests(ctx, tx, digests)
	if err != nil {
		return err
	}
	next := *done
	for _, c := range list {
		p := c.value
		id, ok := known[string(c.digest)]
		if !ok {
			p.ID = city.NewPersonID()
			known[string(c.digest)] = p.ID
			next.Added++
			if err := d.insertPerson(ctx, tx, p, now); err != nil {
				return err
			}
			continue
		}
		old, row, err := d.person(ctx, tx, id)
		if err != nil {
			return err
		}
		p.ID = id
		p = merged(old, p)
		if p == old {
			next.Same++
			continue
		}
		next.Changed++
		d.moved(tx)
		if err := d.updatePerson(ctx, tx, p, row, now); err != nil {
			return err
		}
	}
	late := *waiting
	for _, c := range list {
		for kind, relatives := range c.related {
			for _, digest := range relatives {
				k := kin{known[string(c.digest)], digest, kind, c.row}
				if id, ok := known[digest]; ok {
					insertRelation(tx, k.person, id, kind)
					insertRelation(tx, id, k.person, inverse[kind])
				} else {
					k.row.Cells = nil
					late = append(late, k)
				}
			}
		}
	}
	err = d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "person.imported", Subject: "people", Actor: actor,
		Data: map[string]any{"added": next.Added - done.Added, "changed": next.Changed - done.Changed},
	})
	if err == nil {
		tx.AfterCommit(func() { *done, *waiting = next, late })
	}
	return err
}

// merged is the old record with what the new one says besides.
func merged(old, p Person) Person {
	for _, c := range []struct{ to, from *string }{
		{&p.Address, &old.Address}, {&p.Phone, &old.Phone}, {(*string)(&p.Region), (*string)(&old.Region)},
	} {
		if *c.to == "" {
			*c.to = *c.from
		}
	}
	return p
}

func (d *Directory) relateLate(ctx context.Context, tx *db.Tx, list []kin, in Import) error {
	digests := make([][]byte, len(list))
	for i, k := range list {
		digests[i] = []byte(k.digest)
	}
	known, err := peopleByDigests(ctx, tx, digests)
	if err != nil {
		return err
	}
	for _, k := range list {
		if id, ok := known[k.digest]; ok {
			insertRelation(tx, k.person, id, k.kind)
			insertRelation(tx, id, k.person, inverse[k.kind])
		} else if in.Reject != nil { // the person stands; only the relation can't be noted
			in.Reject(k.row, []city.Field{{Name: string(k.kind), Message: city.Message{Key: "directory.relative_unknown"}}})
		}
	}
	return nil
}

// ImportFirms brings firms into the register as ImportPeople does people; a legal
// representative is found by legal_number.
func (d *Directory) ImportFirms(ctx context.Context, actor city.Actor, in Import) (Imported, error) {
	if err := d.access.Ask(ctx, actor, "firm.import", register("firms")); err != nil {
		return Imported{}, err
	}
	var done Imported
	err := batches(in, &done, d.firmOf, func(list []candidate[Firm]) error {
		return d.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			return d.importFirms(ctx, tx, actor, list, in, &done)
		})
	})
	return done, err
}

func (d *Directory) firmOf(row Row) (candidate[Firm], []city.Field) {
	var bad faults
	of := row.Cells
	f := Firm{
		USCC: of["uscc"], Name: of["name"], Kind: of["kind"], Legal: of["legal"], Region: city.RegionCode(of["region"]),
		Address: of["address"], Phone: of["phone"], Scope: of["scope"], Status: FirmStatus(of["status"]),
		Founded: dateOf(&bad, "founded", of["founded"]),
	}
	if s := of["capital"]; s != "" { // yuan
		yuan, err := strconv.ParseFloat(s, 64)
		if err != nil || !(yuan >= 0 && yuan < 1e13) {
			bad.add("capital", "directory.capital")
		}
		f.CapitalFen = int64(yuan*100 + 0.5)
	}
	f, more := d.completedFirm(f)
	bad = append(bad, more...)
	c := candidate[Firm]{row: row, value: f, digest: d.vault.Digest("uscc", f.USCC)}
	if n := normalNumber(of["legal_number"]); n != "" {
		if _, err := city.CheckCitizenNumber(n); err != nil {
			bad.add("legal_number", messageOf(err).Key, messageOf(err).Args...)
		}
		c.related = map[Relation][]string{Parent: {string(d.vault.Digest("citizen_number", n))}}
	}
	return c, bad
}

func (d *Directory) importFirms(ctx context.Context, tx *db.Tx, actor city.Actor, list []candidate[Firm], in Import, done *Imported) error {
	now := d.clock.Now()
	var codes, numbers [][]byte
	for _, c := range list {
		codes = append(codes, c.digest)
		for _, x := range c.related[Parent] {
			numbers = append(numbers, []byte(x))
		}
	}
	known, err := firmsByDigests(ctx, tx, codes)
	if err != nil {
		return err
	}
	people, err := peopleByDigests(ctx, tx, numbers)
	if err != nil {
		return err
	}
	next := *done
	var rejected []Row
	for _, c := range list {
		var legal city.PersonID
		if x := c.related[Parent]; len(x) > 0 {
			id, ok := people[x[0]]
			if !ok {
				rejected = append(rejected, c.row)
				continue
			}
			legal = id
		}
		f := c.value
		if f.Legal == "" && !legal.IsZero() {
			if f.Legal, err = d.PersonName(ctx, tx, legal); err != nil {
				return err
			}
		}
		id, ok := known[string(c.digest)]
		if !ok {
			f.ID = city.NewFirmID()
			next.Added++
			if err := d.insertFirm(ctx, tx, f, now); err != nil {
				return err
			}
		} else {
			old, row, err := d.firm(ctx, tx, id)
			if err != nil {
				return err
			}
			if f.ID = id; f == old {
				next.Same++
			} else {
				next.Changed++
				if err := d.updateFirm(ctx, tx, f, row, now); err != nil {
					return err
				}
			}
		}
		if err := d.importLegal(ctx, tx, f.ID, legal, ok, now); err != nil {
			return err
		}
	}
	next.Rejected += len(rejected)
	err = d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "firm.imported", Subject: "firms", Actor: actor,
		Data: map[string]any{"added": next.Added - done.Added, "changed": next.Changed - done.Changed},
	})
	if err == nil {
		tx.AfterCommit(func() {
			*done = next
			for _, row := range rejected {
				if in.Reject != nil {
					in.Reject(row, []city.Field{{Name: "legal_number", Message: city.Message{Key: "directory.relative_unknown"}}})
				}
			}
		})
	}
	return err
}

// importLegal notes the legal representative where that is somebody new.
func (d *Directory) importLegal(ctx context.Context, tx *db.Tx, firm city.FirmID, legal city.PersonID, stands bool, now time.Time) error {
	if legal.IsZero() {
		return nil
	}
	if stands {
		people, err := peopleOfFirm(ctx, tx, firm, now)
		if err != nil {
			return err
		}
		for _, p := range people {
			if p.Role == Legal && p.Person == legal {
				return nil
			}
		}
		d.moved(tx)
		endLegal(tx, firm, legal, now)
	}
	upsertFirmPerson(tx, firm, legal, Legal, now, time.Time{})
	return nil
}
