package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Sex as the register knows it.
type Sex string

const (
	Female Sex = "female"
	Male   Sex = "male"
)

// Person is what the register says of a natural person. Empty means unknown.
type Person struct {
	ID            city.PersonID   `json:"-"`
	CitizenNumber string          `json:"citizen_number,omitempty"` // none for a newborn yet to be registered
	Name          string          `json:"name"`
	BirthDate     city.Date       `json:"birth_date,omitzero"`   // from the citizen number where not given
	Sex           Sex             `json:"sex,omitempty"`         // likewise
	Nationality   string          `json:"nationality,omitempty"` // ISO 3166-1 alpha-3; CHN where not given
	Region        city.RegionCode `json:"region,omitempty"`      // of the household register
	Address       string          `json:"address,omitempty"`
	Phone         string          `json:"phone,omitempty"`
}

// Relation is how a relative stands to a person.
type Relation string

const (
	Parent   Relation = "parent" // the relative is the person's parent
	Child    Relation = "child"
	Spouse   Relation = "spouse"
	Guardian Relation = "guardian"
	Ward     Relation = "ward"
)

var inverse = map[Relation]Relation{Parent: Child, Child: Parent, Spouse: Spouse, Guardian: Ward, Ward: Guardian}

// Relative is a relation of somebody to a person.
type Relative struct {
	Person city.PersonID
	Kind   Relation
}

const (
	longestName    = 100
	longestAddress = 200
	longestPhone   = 30
)

// normalNumber brings a number as people type it to the form it is kept in:
// half-width, upper case, no blanks or hyphens.
func normalNumber(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, width.Narrow.String(s)))
}

// completed gives the person as it is kept, and what is wrong with it.
func (d *Directory) completed(p Person) (Person, []city.Field) {
	var f faults
	p.Name, p.Address = strings.TrimSpace(p.Name), strings.TrimSpace(p.Address)
	p.CitizenNumber, p.Phone = normalNumber(p.CitizenNumber), normalNumber(p.Phone)
	if p.Nationality == "" {
		p.Nationality = "CHN"
	}
	if n := len([]rune(p.Name)); n == 0 || n > longestName {
		f.add("name", "directory.name", "max", longestName)
	}
	if p.CitizenNumber != "" {
		c, err := city.CheckCitizenNumber(p.CitizenNumber)
		if err != nil {
			f.add("citizen_number", messageOf(err).Key, messageOf(err).Args...)
		} else {
			sex := Male
			if c.Female {
				sex = Female
			}
			if p.BirthDate.IsZero() {
				p.BirthDate = c.Birth
			}
			if p.Sex == "" {
				p.Sex = sex
			}
			if p.BirthDate != c.Birth {
				f.add("birth_date", "directory.birth_differs", "number", c.Birth.String())
			}
			if (p.Sex == Female || p.Sex == Male) && p.Sex != sex {
				f.add("sex", "directory.sex_differs")
			}
		}
	}
	if p.BirthDate.IsZero() && len(f) == 0 {
		f.add("birth_date", "directory.birth_missing")
	}
	if p.Sex != "" && p.Sex != Female && p.Sex != Male {
		f.add("sex", "directory.sex")
	}
	if len(p.Nationality) != 3 || strings.ToUpper(p.Nationality) != p.Nationality {
		f.add("nationality", "directory.nationality")
	}
	if p.Region != "" && !d.HasRegion(p.Region) {
		f.add("region", "directory.region_unknown", "code", string(p.Region))
	}
	if n := len([]rune(p.Address)); n > longestAddress {
		f.add("address", "directory.too_long", "max", longestAddress)
	}
	if len(p.Phone) > longestPhone || strings.Trim(p.Phone, "+0123456789") != "" {
		f.add("phone", "directory.phone")
	}
	return p, f
}

func register(name string) access.Resource { return access.Resource{Type: "Register", ID: name} }

func personResource(id city.PersonID, region city.RegionCode) access.Resource {
	return access.Resource{Type: "Person", ID: id.String(), Attrs: access.Attrs{"person": id}, Region: region}
}

// AddPerson puts somebody into the register.
func (d *Directory) AddPerson(ctx context.Context, tx *db.Tx, actor city.Actor, p Person) (city.PersonID, error) {
	ids, err := d.AddPeople(ctx, tx, actor, []Person{p})
	if err != nil {
		return city.PersonID{}, err
	}
	return ids[0], nil
}

// AddPeople puts people into the register, all or none. Faults are named
// "0.citizen_number" by position. A citizen number that stands already is refused
// by the commit with db.ErrDuplicate; look first with PersonByNumber.
func (d *Directory) AddPeople(ctx context.Context, tx *db.Tx, actor city.Actor, people []Person) ([]city.PersonID, error) {
	if err := d.access.Ask(ctx, actor, "person.add", register("people")); err != nil {
		return nil, err
	}
	done := make([]Person, len(people))
	var f faults
	for i, p := range people {
		q, bad := d.completed(p)
		for _, b := range bad {
			f.add(fmt.Sprintf("%d.%s", i, b.Name), b.Message.Key, b.Message.Args...)
		}
		done[i] = q
	}
	if len(f) > 0 {
		return nil, city.InvalidFields(f)
	}
	now := d.clock.Now()
	ids := make([]city.PersonID, len(done))
	for i, p := range done {
		p.ID = city.NewPersonID()
		if err := d.insertPerson(ctx, tx, p, now); err != nil {
			return nil, err
		}
		ids[i] = p.ID
	}
	subject := "people"
	if len(ids) == 1 {
		subject = ids[0].String()
	}
	return ids, d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "person.added", Subject: subject, Actor: actor, Data: map[string]any{"count": len(ids)},
	})
}

// ChangePerson replaces what the register says of p.ID.
func (d *Directory) ChangePerson(ctx context.Context, tx *db.Tx, actor city.Actor, p Person) error {
	old, row, err := d.person(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	if err := d.access.Ask(ctx, actor, "person.change", personResource(p.ID, old.Region)); err != nil {
		return err
	}
	return d.replacePerson(ctx, tx, actor, old, row, p)
}

// SetPhone changes the telephone number that the city may call the person on.
func (d *Directory) SetPhone(ctx context.Context, tx *db.Tx, actor city.Actor, id city.PersonID, phone string) error {
	old, row, err := d.person(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := d.access.Ask(ctx, actor, "person.set_phone", personResource(id, old.Region)); err != nil {
		return err
	}
	p := old
	p.Phone = phone
	return d.replacePerson(ctx, tx, actor, old, row, p)
}

func (d *Directory) replacePerson(ctx context.Context, tx *db.Tx, actor city.Actor, old Person, row personRow, p Person) error {
	p, bad := d.completed(p)
	if len(bad) > 0 {
		return city.InvalidFields(bad)
	}
	changed := changedFields(old, p)
	if len(changed) == 0 {
		return nil
	}
	now := d.clock.Now()
	if err := d.updatePerson(ctx, tx, p, row, now); err != nil {
		return err
	}
	d.moved(tx)
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "person.changed", Subject: p.ID.String(), Actor: actor,
		To: []journal.Recipient{{Person: p.ID}}, Data: map[string]any{"fields": changed},
	})
}

func changedFields(a, b Person) []string {
	var names []string
	for _, c := range []struct {
		name string
		same bool
	}{
		{"citizen_number", a.CitizenNumber == b.CitizenNumber}, {"name", a.Name == b.Name},
		{"birth_date", a.BirthDate == b.BirthDate}, {"sex", a.Sex == b.Sex}, {"nationality", a.Nationality == b.Nationality},
		{"region", a.Region == b.Region}, {"address", a.Address == b.Address}, {"phone", a.Phone == b.Phone},
	} {
		if !c.same {
			names = append(names, c.name)
		}
	}
	return names
}

// ReadPerson shows a person's record to the actor, with the look on record: use
// says for what, in which case, and which fields.
func (d *Directory) ReadPerson(ctx context.Context, tx *db.Tx, actor city.Actor, id city.PersonID, use access.Use) (Person, error) {
	p, _, err := d.person(ctx, tx, id)
	if err != nil {
		return Person{}, err
	}
	if err := d.access.Ask(ctx, actor, "person.read", personResource(id, p.Region)); err != nil {
		return Person{}, err
	}
	return p, d.recordUse(ctx, tx, actor, id, use)
}

// FindPerson finds the person with the citizen number, for an officer who has it
// from the person at the counter. The look is on record.
func (d *Directory) FindPerson(ctx context.Context, tx *db.Tx, actor city.Actor, number string, use access.Use) (Person, error) {
	if err := d.access.Ask(ctx, actor, "person.find", register("people")); err != nil {
		return Person{}, err
	}
	number = normalNumber(number)
	if _, err := city.CheckCitizenNumber(number); err != nil {
		return Person{}, err
	}
	id, err := d.PersonByNumber(ctx, tx, number)
	if err != nil {
		return Person{}, err
	}
	p, _, err := d.person(ctx, tx, id)
	if err != nil {
		return Person{}, err
	}
	return p, d.recordUse(ctx, tx, actor, id, use)
}

func (d *Directory) recordUse(ctx context.Context, tx *db.Tx, actor city.Actor, id city.PersonID, use access.Use) error {
	use.Person, use.At = id, d.clock.Now()
	return access.RecordUse(ctx, tx, d.journal, actor, use)
}

// PersonByNumber finds the person with the citizen number; city.KindNotFound when
// there is none. It is for the program: what a person may learn goes through
// FindPerson.
func (d *Directory) PersonByNumber(ctx context.Context, tx *db.Tx, number string) (city.PersonID, error) {
	id, err := personByDigest(ctx, tx, d.vault.Digest("citizen_number", normalNumber(number)))
	return id, noPerson(err)
}

// PeopleByPhone finds who has given the telephone number; a family may share one.
func (d *Directory) PeopleByPhone(ctx context.Context, tx *db.Tx, phone string) ([]city.PersonID, error) {
	return peopleByPhone(ctx, tx, d.vault.Digest("phone", normalNumber(phone)))
}

// PersonFacts is what the register says of the person, for forms and rules, by
// the names of "register:person.…". Unknown facts are left out. The caller has
// leave, and records the use.
func (d *Directory) PersonFacts(ctx context.Context, tx *db.Tx, id city.PersonID) (map[string]any, error) {
	p, _, err := d.person(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{"birth_date": p.BirthDate}
	for name, v := range map[string]string{
		"name": p.Name, "citizen_number": p.CitizenNumber, "sex": string(p.Sex), "nationality": p.Nationality,
		"region": string(p.Region), "region_name": d.RegionName(p.Region).ZhHans, "address": p.Address, "phone": p.Phone,
	} {
		if v != "" {
			facts[name] = v
		}
	}
	return facts, nil
}

// PersonName is the person's name for the program's own greeting and papers; ""
// when the person was erased.
func (d *Directory) PersonName(ctx context.Context, tx *db.Tx, id city.PersonID) (string, error) {
	p, _, err := d.person(ctx, tx, id)
	if city.KindOf(err) == city.KindNotFound {
		return "", nil
	}
	return p.Name, err
}

// person reads and opens a record; an erased one is city.KindNotFound.
func (d *Directory) person(ctx context.Context, tx *db.Tx, id city.PersonID) (Person, personRow, error) {
	row, err := selectPerson(ctx, tx, id)
	if err != nil {
		return Person{}, row, noPerson(err)
	}
	p := Person{}
	if len(row.sealed) == 0 {
		return p, row, city.NotFound("directory.no_person")
	}
	err = d.vault.Unseal(ctx, tx, row.key, row.sealed, &p)
	if errors.Is(err, journal.ErrErased) {
		err = city.NotFound("directory.no_person")
	}
	p.ID = id
	return p, row, err
}

func noPerson(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return city.NotFound("directory.no_person")
	}
	return err
}

// Relate notes that relative is the person's parent, child, spouse, guardian or
// ward, and the other way round.
func (d *Directory) Relate(ctx context.Context, tx *db.Tx, actor city.Actor, person, relative city.PersonID, kind Relation) error {
	if err := d.access.Ask(ctx, actor, "person.relate", personResource(person, "")); err != nil {
		return err
	}
	back, ok := inverse[kind]
	if !ok || person == relative || person.IsZero() || relative.IsZero() {
		return city.Invalid("directory.relation")
	}
	insertRelation(tx, person, relative, kind)
	insertRelation(tx, relative, person, back)
	return d.journal.Append(ctx, tx, journal.Event{
		At: d.clock.Now(), Type: "person.related", Subject: person.String(), Actor: actor,
		To: []journal.Recipient{{Person: person}, {Person: relative}}, Data: map[string]any{"kind": kind},
	})
}

// Relatives are the person's relations, for the program: a rule that asks whether
// the applicant is a parent, a page that offers whom one may act for.
func (d *Directory) Relatives(ctx context.Context, tx *db.Tx, id city.PersonID) ([]Relative, error) {
	return relativesOf(ctx, tx, id)
}

// ErasePerson destroys what the register says of the person and every key that
// values about the person were sealed under, wherever they lie. It can't be undone.
func (d *Directory) ErasePerson(ctx context.Context, tx *db.Tx, actor city.Actor, id city.PersonID) error {
	if err := d.access.Ask(ctx, actor, "person.erase", personResource(id, "")); err != nil {
		return err
	}
	now := d.clock.Now()
	d.moved(tx)
	if err := clearPerson(ctx, tx, id, now); err != nil {
		return noPerson(err)
	}
	if err := d.vault.Erase(ctx, tx, id); err != nil {
		return err
	}
	return d.journal.Append(ctx, tx, journal.Event{At: now, Type: "person.erased", Subject: id.String(), Actor: actor})
}
