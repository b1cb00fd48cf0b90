package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/internal/db"
)

// holder is somebody who holds papers, with what the register says of them.
type holder struct {
	credential.Holder
	person directory.Person
	firm   directory.Firm
}

func holderOf(id city.PersonID, p directory.Person) holder {
	if c, err := city.CheckCitizenNumber(p.CitizenNumber); err == nil {
		p.BirthDate, p.Sex = c.Birth, directory.Male
		if c.Female {
			p.Sex = directory.Female
		}
	}
	return holder{Holder: credential.Holder{Person: id, Name: p.Name, Code: p.CitizenNumber}, person: p}
}

func holderOfFirm(id city.FirmID, f directory.Firm) holder {
	return holder{Holder: credential.Holder{Firm: id, Name: f.Name, Code: f.USCC}, firm: f}
}

// paper is a licence that was given before anybody applied for it here.
type paper struct {
	typ    city.CredentialType
	from   city.Date
	until  city.Date
	fields map[string]string
}

// give enters a paper of the days before: it is taken into the store when the
// city begins, or on its own first day when that is later. once names it.
func (d *Demo) give(ctx context.Context, tx *db.Tx, once string, h holder, p paper) error {
	t, ok := d.then.Credentials.Type(p.typ)
	if !ok {
		return fmt.Errorf("demo: no licence type %q", p.typ)
	}
	at := p.from.In(d.now.Pack.Zone).Add(10 * time.Hour)
	if at.Before(d.began) {
		at = d.began
	}
	fields := map[string]string{}
	for _, f := range t.Fields {
		if v := d.known(h, f.ID); v != "" {
			fields[f.ID] = v
		}
	}
	maps.Copy(fields, p.fields)
	region := h.person.Region
	if !h.Firm.IsZero() {
		region = h.firm.Region
	}
	d.past.Set(at)
	_, err := d.then.Credentials.Issue(ctx, tx, program, credential.Request{Cause: "demo:" + once, Type: p.typ, Holder: h.Holder,
		Fields: fields, From: p.from, Until: p.until, Region: region})
	var known *city.Error
	if err != nil && !errors.As(err, &known) && !errors.Is(err, db.ErrDuplicate) && d.then.Credentials.Trust() != nil && !d.canSign(at) {
		e := city.Conflict("demo.keys_begin_later")
		e.Err = err
		return e
	}
	if err != nil {
		return fmt.Errorf("demo: %s of %s: %w", p.typ, h.Name, err)
	}
	return nil
}

// canSign reports whether a key was valid at the moment.
func (d *Demo) canSign(at time.Time) bool {
	for _, k := range d.then.Credentials.Trust().Keys() {
		if !at.Before(k.NotBefore) {
			return true
		}
	}
	return false
}

// known is what the register says for a field of a licence.
func (d *Demo) known(h holder, field string) string {
	if !h.Firm.IsZero() {
		switch field {
		case "firm_name":
			return h.firm.Name
		case "uscc":
			return h.firm.USCC
		case "legal_representative":
			return h.firm.Legal
		case "address", "premises":
			return h.firm.Address
		case "scope":
			return h.firm.Scope
		case "capital_wan":
			return strconv.FormatInt(h.firm.CapitalFen/1_000_000, 10)
		}
		return ""
	}
	switch field {
	case "name", "owner":
		return h.person.Name
	case "citizen_number":
		return h.person.CitizenNumber
	case "sex":
		return d.words.People.Sexes[h.person.Sex]
	case "birth_date":
		return h.person.BirthDate.String()
	case "address":
		return h.person.Address
	}
	return ""
}

// day reads a day of the lists, which may count from today.
func (d *Demo) day(s string) (city.Date, error) {
	day, err := form.Day(s, d.today())
	if err != nil {
		return day, fmt.Errorf("demo: %w", err)
	}
	return day, nil
}

func (c *casting) givePapers(ctx context.Context, tx *db.Tx) error {
	for i, p := range c.cast.Papers {
		from, err := c.day(p.From)
		if err != nil {
			return err
		}
		fields := map[string]string{}
		for id, v := range p.Fields {
			if len(v) > 5 && v[:5] == "today" {
				day, err := c.day(v)
				if err != nil {
					return err
				}
				v = day.String()
			}
			fields[id] = v
		}
		for _, name := range p.Of {
			if err := c.give(ctx, tx, fmt.Sprintf("cast:%d:%s", i, name), c.holder(name), paper{typ: p.Type, from: from, fields: fields}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *casting) holder(name string) holder {
	if name == "firm" {
		f := c.cast.Firm
		return holderOfFirm(c.firm, directory.Firm{USCC: city.NewUSCC("91", "990101", f.Seq), Name: f.Name, Legal: c.cast.People[f.Legal].Name,
			Region: f.Region, Address: f.Address, Scope: f.Scope, CapitalFen: f.CapitalWan * 1_000_000})
	}
	p := c.cast.People[name]
	return holderOf(c.people[name], directory.Person{CitizenNumber: p.Number, Name: p.Name, Region: p.Region, Address: p.Address, Phone: p.Phone})
}
