package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// FirmStatus is whether a firm is in business.
type FirmStatus string

const (
	FirmActive    FirmStatus = "active"    // 存续
	FirmRevoked   FirmStatus = "revoked"   // 吊销
	FirmCancelled FirmStatus = "cancelled" // 注销
)

// Firm is what the register says of a firm or another organisation.
type Firm struct {
	ID         city.FirmID     `json:"-"`
	USCC       string          `json:"uscc"`
	Name       string          `json:"name"`
	Kind       string          `json:"kind,omitempty"`  // as the licence words it, such as 有限责任公司
	Legal      string          `json:"legal,omitempty"` // name of the legal representative
	Region     city.RegionCode `json:"region,omitempty"`
	Address    string          `json:"address,omitempty"`
	Phone      string          `json:"phone,omitempty"`
	Scope      string          `json:"scope,omitempty"`
	CapitalFen int64           `json:"capital_fen,omitempty"`
	Founded    city.Date       `json:"founded,omitzero"`
	Status     FirmStatus      `json:"status"` // active where not given
}

// FirmRole is in what capacity somebody stands for a firm.
type FirmRole string

const (
	Legal FirmRole = "legal" // the legal representative; a firm has one
	Agent FirmRole = "agent" // somebody the firm has sent
)

// FirmPerson says who stands for a firm.
type FirmPerson struct {
	Firm   city.FirmID
	Person city.PersonID
	Role   FirmRole
	From   time.Time
	Until  time.Time // zero: open
}

const longestScope = 2000

func (d *Directory) completedFirm(f Firm) (Firm, []city.Field) {
	var bad faults
	f.Name, f.Legal, f.Address = strings.TrimSpace(f.Name), strings.TrimSpace(f.Legal), strings.TrimSpace(f.Address)
	f.USCC, f.Phone = normalNumber(f.USCC), normalNumber(f.Phone)
	if f.Status == "" {
		f.Status = FirmActive
	}
	if err := city.CheckUSCC(f.USCC); err != nil {
		bad.add("uscc", messageOf(err).Key, messageOf(err).Args...)
	}
	if n := len([]rune(f.Name)); n == 0 || n > longestName {
		bad.add("name", "directory.name", "max", longestName)
	}
	if len([]rune(f.Legal)) > longestName {
		bad.add("legal", "directory.too_long", "max", longestName)
	}
	if f.Region != "" && !d.HasRegion(f.Region) {
		bad.add("region", "directory.region_unknown", "code", string(f.Region))
	}
	if len([]rune(f.Address)) > longestAddress {
		bad.add("address", "directory.too_long", "max", longestAddress)
	}
	if len([]rune(f.Scope)) > longestScope {
		bad.add("scope", "directory.too_long", "max", longestScope)
	}
	if len(f.Phone) > longestPhone || strings.Trim(f.Phone, "+0123456789") != "" {
		bad.add("phone", "directory.phone")
	}
	switch f.Status {
	case FirmActive, FirmRevoked, FirmCancelled:
	default:
		bad.add("status", "directory.firm_status")
	}
	return f, bad
}

// firmResource names who stands for the firm, for policies.
func (d *Directory) firmResource(ctx context.Context, tx *db.Tx, id city.FirmID, region city.RegionCode) (access.Resource, error) {
	people, err := peopleOfFirm(ctx, tx, id, d.clock.Now())
	if err != nil {
		return access.Resource{}, err
	}
	var legal string
	var all []string
	for _, p := range people {
		if p.Role == Legal {
			legal = p.Person.String()
		}
		all = append(all, p.Person.String())
	}
	return access.Resource{
		Type: "Firm", ID: id.String(), Region: region,
		Attrs: access.Attrs{"firm": id, "legal": legal, "people": all},
	}, nil
}

// AddFirm puts a firm into the register; legal, when not zero, is its legal
// representative.
func (d *Directory) AddFirm(ctx context.Context, tx *db.Tx, actor city.Actor, f Firm, legal city.PersonID) (city.FirmID, error) {
	ids, err := d.AddFirms(ctx, tx, actor, []Firm{f}, []city.PersonID{legal})
	if err != nil {
		return city.FirmID{}, err
	}
	return ids[0], nil
}

// AddFirms puts firms into the register, all or none, each with its legal
// representative; legal may be shorter. See AddPeople.
func (d *Directory) AddFirms(ctx context.Context, tx *db.Tx, actor city.Actor, firms []Firm, legal []city.PersonID) ([]city.FirmID, error) {
	if err := d.access.Ask(ctx, actor, "firm.add", register("firms")); err != nil {
		return nil, err
	}
	done := make([]Firm, len(firms))
	var bad faults
	for i, f := range firms {
		g, faulty := d.completedFirm(f)
		for _, b := range faulty {
			bad.add(fmt.Sprintf("%d.%s", i, b.Name), b.Message.Key, b.Message.Args...)
		}
		done[i] = g
	}
	if len(bad) > 0 {
		return nil, city.InvalidFields(bad)
	}
	now := d.clock.Now()
	ids := make([]city.FirmID, len(done))
	for i, f := range done {
		f.ID = city.NewFirmID()
		if i < len(legal) && !legal[i].IsZero() && f.Legal == "" {
			name, err := d.PersonName(ctx, tx, legal[i])
			if err != nil {
				return nil, err
			}
			f.Legal = name
		}
		if err := d.insertFirm(ctx, tx, f, now); err != nil {
			return nil, err
		}
		if i < len(legal) && !legal[i].IsZero() {
			upsertFirmPerson(tx, f.ID, legal[i], Legal, now, time.Time{})
		}
		ids[i] = f.ID
	}
	subject := "firms"
	if len(ids) == 1 {
		subject = ids[0].String()
	}
	return ids, d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "firm.added", Subject: subject, Actor: actor, Data: map[string]any{"count": len(ids)},
	})
}

// ChangeFirm replaces what the register says of f.ID. legal, when not zero, takes
// the place of the legal representative.
func (d *Directory) ChangeFirm(ctx context.Context, tx *db.Tx, actor city.Actor, f Firm, legal city.PersonID) error {
	old, row, err := d.firm(ctx, tx, f.ID)
	if err != nil {
		return err
	}
	r, err := d.firmResource(ctx, tx, f.ID, old.Region)
	if err != nil {
		return err
	}
	if err := d.access.Ask(ctx, actor, "firm.change", r); err != nil {
		return err
	}
	f, bad := d.completedFirm(f)
	if len(bad) > 0 {
		return city.InvalidFields(bad)
	}
	now := d.clock.Now()
	if f != old {
		if err := d.updateFirm(ctx, tx, f, row, now); err != nil {
			return err
		}
	}
	if !legal.IsZero() && r.Attrs["legal"] != legal.String() {
		d.moved(tx)
		endLegal(tx, f.ID, legal, now)
		upsertFirmPerson(tx, f.ID, legal, Legal, now, time.Time{})
	} else if f == old {
		return nil
	}
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "firm.changed", Subject: f.ID.String(), Actor: actor, To: []journal.Recipient{{Firm: f.ID}},
	})
}

// SetAgent lets a person act for the firm until the moment given (zero: until
// ended). The legal representative says so.
func (d *Directory) SetAgent(ctx context.Context, tx *db.Tx, actor city.Actor, firm city.FirmID, person city.PersonID, until time.Time) error {
	r, err := d.firmResource(ctx, tx, firm, "")
	if err != nil {
		return err
	}
	if err := d.access.Ask(ctx, actor, "firm.set_agent", r); err != nil {
		return err
	}
	now := d.clock.Now()
	if !until.IsZero() && !until.After(now) {
		return city.Invalid("directory.until_early")
	}
	if _, err := selectFirm(ctx, tx, firm); err != nil {
		return noFirm(err)
	}
	if _, err := selectPerson(ctx, tx, person); err != nil {
		return noPerson(err)
	}
	upsertFirmPerson(tx, firm, person, Agent, now, until)
	d.moved(tx)
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "firm.agent_set", Subject: firm.String(), Actor: actor,
		To: []journal.Recipient{{Person: person}, {Firm: firm}}, Data: map[string]any{"until": city.Micros(until)},
	})
}

// EndAgent ends a person's acting for the firm: the firm's legal representative
// or the agent may.
func (d *Directory) EndAgent(ctx context.Context, tx *db.Tx, actor city.Actor, firm city.FirmID, person city.PersonID) error {
	r, err := d.firmResource(ctx, tx, firm, "")
	if err != nil {
		return err
	}
	r.Attrs["agent"] = person
	if err := d.access.Ask(ctx, actor, "firm.end_agent", r); err != nil {
		return err
	}
	now := d.clock.Now()
	d.moved(tx)
	endFirmPerson(tx, firm, person, Agent, now, func(rows int64) error {
		if rows == 0 {
			return city.NotFound("directory.not_agent")
		}
		return nil
	})
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "firm.agent_ended", Subject: firm.String(), Actor: actor,
		To: []journal.Recipient{{Person: person}, {Firm: firm}},
	})
}

// ReadFirm shows a firm's record. Firms are entered in a public register; what an
// officer learns of the people behind them is on record with ReadPerson.
func (d *Directory) ReadFirm(ctx context.Context, tx *db.Tx, actor city.Actor, id city.FirmID) (Firm, error) {
	f, _, err := d.firm(ctx, tx, id)
	if err != nil {
		return Firm{}, err
	}
	r, err := d.firmResource(ctx, tx, id, f.Region)
	if err != nil {
		return Firm{}, err
	}
	if err := d.access.Ask(ctx, actor, "firm.read", r); err != nil {
		return Firm{}, err
	}
	return f, nil
}

// FirmByUSCC finds the firm with the code; city.KindNotFound when there is none.
func (d *Directory) FirmByUSCC(ctx context.Context, tx *db.Tx, uscc string) (city.FirmID, error) {
	id, err := firmByDigest(ctx, tx, d.vault.Digest("uscc", normalNumber(uscc)))
	return id, noFirm(err)
}

// PeopleOfFirm are those who stand for the firm now, the legal representative first.
func (d *Directory) PeopleOfFirm(ctx context.Context, tx *db.Tx, id city.FirmID) ([]FirmPerson, error) {
	return peopleOfFirm(ctx, tx, id, d.clock.Now())
}

// FirmsOf are the firms that the person stands for now.
func (d *Directory) FirmsOf(ctx context.Context, tx *db.Tx, person city.PersonID) ([]FirmPerson, error) {
	return firmsOfPerson(ctx, tx, person, d.clock.Now())
}

// FirmName is the firm's name; "" when there is no such firm.
func (d *Directory) FirmName(ctx context.Context, tx *db.Tx, id city.FirmID) (string, error) {
	f, _, err := d.firm(ctx, tx, id)
	if city.KindOf(err) == city.KindNotFound {
		return "", nil
	}
	return f.Name, err
}

// FirmFacts is what the register says of the firm, for forms and rules, by the
// names of "register:firm.…". Unknown facts are left out.
func (d *Directory) FirmFacts(ctx context.Context, tx *db.Tx, id city.FirmID) (map[string]any, error) {
	f, _, err := d.firm(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{}
	for name, v := range map[string]string{
		"name": f.Name, "uscc": f.USCC, "kind": f.Kind, "legal_representative": f.Legal, "region": string(f.Region),
		"region_name": d.RegionName(f.Region).ZhHans, "address": f.Address, "phone": f.Phone, "scope": f.Scope, "status": string(f.Status),
	} {
		if v != "" {
			facts[name] = v
		}
	}
	if !f.Founded.IsZero() {
		facts["founded"] = f.Founded
	}
	if f.CapitalFen != 0 {
		facts["capital_fen"] = f.CapitalFen
	}
	return facts, nil
}

func (d *Directory) firm(ctx context.Context, tx *db.Tx, id city.FirmID) (Firm, firmRow, error) {
	row, err := selectFirm(ctx, tx, id)
	if err != nil {
		return Firm{}, row, noFirm(err)
	}
	f := Firm{}
	err = d.vault.Unseal(ctx, tx, row.key, row.sealed, &f)
	f.ID = id
	return f, row, err
}

func noFirm(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return city.NotFound("directory.no_firm")
	}
	return err
}
