package credential

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Holder is who holds a licence (持证主体): a person or a firm.
type Holder struct {
	Person city.PersonID `json:"person,omitzero"`
	Firm   city.FirmID   `json:"firm,omitzero"`
	Name   string        `json:"name,omitempty"`
	Code   string        `json:"code,omitempty"` // 持证主体代码: citizen number or unified social credit code
}

// Request asks for a licence.
type Request struct {
	// Cause is the decision that the licence rests on, such as the Key of a case's
	// effect. It is unique: a second request with the same cause makes the
	// transaction fail with db.ErrDuplicate. Who may have asked before, as after a
	// crash, looks with ByCause first.
	Cause  string
	Type   city.CredentialType
	Holder Holder
	Fields map[string]string // by the ids of the type's fields; see FieldDef for how values are written
	From   city.Date         // first day; today when zero
	Until  city.Date         // last day; by the type when zero
	Case   city.CaseNumber   // where it was decided, if in a case
	Region city.RegionCode
	// Replaces is the licence that this one renews: it keeps the running number,
	// counts up the version, and lapses.
	Replaces Number
}

// Credential is an issued licence.
type Credential struct {
	ID      city.CredentialID   `json:"-"`
	Number  Number              `json:"number"`
	Type    city.CredentialType `json:"type"`
	Name    city.Text           `json:"name"`
	Body    city.BodyID         `json:"body"`
	Issuer  city.Text           `json:"issuer"`
	Holder  Holder              `json:"holder"`
	Status  Status              `json:"status"`
	Fields  map[string]string   `json:"fields,omitempty"`
	Issued  city.Date           `json:"issued"`
	From    city.Date           `json:"from"`
	Until   city.Date           `json:"until,omitzero"`
	Case    city.CaseNumber     `json:"case,omitempty"`
	Region  city.RegionCode     `json:"region,omitempty"`
	Changed time.Time           `json:"changed"`        // when the status was last set
	Code    string              `json:"code,omitempty"` // the signed code; see Verify
	// Erased licences have lost holder, personal fields and code with the key
	// they were sealed under.
	Erased bool `json:"erased,omitempty"`

	begins, expires time.Time
	list            int64
	index           int
	version         int // of the type
	seq             int
	key             journal.KeyID
	sealed          []byte // until it is opened
}

// InForce reports whether the licence holds at the moment.
func (c *Credential) InForce(at time.Time) bool {
	return c.Status == StatusValid && !at.Before(c.begins) && (c.expires.IsZero() || at.Before(c.expires))
}

// kept is the part of a licence that is no secret and no personal value.
type kept struct {
	Name   city.Text         `json:"name"`
	Issuer city.Text         `json:"issuer"`
	Issued city.Date         `json:"issued"`
	From   city.Date         `json:"from"`
	Until  city.Date         `json:"until,omitzero"`
	Fields map[string]string `json:"fields,omitempty"`
}

// secret is the part that is sealed under the holder's key.
type secret struct {
	Name   string            `json:"name,omitempty"`
	Code   string            `json:"code,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Signed string            `json:"signed"`
}

// Issue gives a licence in the caller's transaction: number, signature, place in
// a status list, event. It happens once for each cause, and on the way it only
// writes, so that a decision and its licence reach the database together.
func (r *Registry) Issue(ctx context.Context, tx *db.Tx, actor city.Actor, q Request) (Credential, error) {
	t := r.current[q.Type]
	if t == nil {
		return Credential{}, city.NotFound("credential.no_type", "type", string(q.Type))
	}
	err := r.o.Access.Ask(ctx, actor, "credential.issue", access.Resource{Type: "Credential", Region: q.Region, Attrs: access.Attrs{
		"type": q.Type, "body": t.Issuer, "person": q.Holder.Person, "firm": q.Holder.Firm, "case": string(q.Case),
	}})
	if err != nil {
		return Credential{}, err
	}
	if faults := t.checkRequest(q); len(faults) > 0 {
		return Credential{}, city.InvalidFields(faults)
	}
	now := r.now()
	issuer := r.o.Issuers[t.Issuer]
	c := Credential{ID: city.NewCredentialID(), Type: q.Type, Name: t.Name, Body: t.Issuer, Issuer: issuer.Name, Holder: q.Holder,
		Status: StatusValid, Fields: q.Fields, Issued: city.DateOf(now), From: q.From, Until: q.Until,
		Case: q.Case, Region: q.Region, Changed: now, version: t.version, seq: 1}
	if c.From.IsZero() {
		c.From = c.Issued
	}
	if c.Until.IsZero() {
		c.Until = t.Valid.Until(c.From)
	}
	if c.Number, err = r.number(ctx, tx, actor, t, q, &c); err != nil {
		return Credential{}, err
	}
	c.begins = c.From.In(r.o.Zone)
	if !c.Until.IsZero() {
		c.expires = c.Until.AddDays(1).In(r.o.Zone)
	}
	if c.Code, err = r.sign(ctx, &t.Type, &c, now); err != nil {
		return Credential{}, err
	}
	if err := r.keep(ctx, tx, &t.Type, &c, q.Cause); err != nil {
		return Credential{}, err
	}
	return c, r.announce(ctx, tx, actor, &c, "credential.issued", nil)
}

// number takes the next running number and with it a place in a status list, or
// renews the number of the licence that is replaced.
func (r *Registry) number(ctx context.Context, tx *db.Tx, actor city.Actor, t *typeVersion, q Request, c *Credential) (Number, error) {
	serial, err := r.nextSerial(ctx, tx)
	if err != nil {
		return "", err
	}
	c.list, c.index = serial/ListLen, int(serial%ListLen)
	if q.Replaces == "" {
		return NewNumber(NumberParts{Type: t.Code, Issuer: r.o.Issuers[t.Issuer].Code, Version: 1,
			Serial: fmt.Sprintf("%04d%07d", c.Issued.Year, serial)})
	}
	old, err := credentialByNumber(ctx, tx, q.Replaces)
	if err != nil {
		return "", err
	}
	if old.Type != q.Type || old.Holder.Person != q.Holder.Person || old.Holder.Firm != q.Holder.Firm {
		return "", city.Invalid("credential.not_the_same", "number", string(q.Replaces))
	}
	if old.Status != StatusValid && old.Status != StatusSuspended {
		return "", conflict(old)
	}
	_, err = r.change(ctx, tx, actor, old, StatusLapsed, Change{Number: q.Replaces, Cause: q.Cause + "/replaced", Case: q.Case})
	if err != nil {
		return "", err
	}
	return q.Replaces.Next()
}

// sign makes the code. Names too long for a QR code lose their English half, for
// a licence must not fail for want of room.
func (r *Registry) sign(ctx context.Context, t *Type, c *Credential, now time.Time) (string, error) {
	s, err := r.signer(t.algorithm(), now)
	if err != nil {
		return "", err
	}
	claims := Claims{City: r.o.City, Number: c.Number, Name: c.Name, Issuer: c.Issuer, Holder: t.nameInCode(c.Holder.Name),
		Issued: c.Issued, From: c.From, Until: c.Until, SignedAt: now, Begins: c.begins, Expires: c.expires,
		StatusList: r.listURI(c.list), StatusIndex: c.index}
	code, err := Encode(ctx, s, claims)
	if city.KindOf(err) == city.KindTooLarge {
		claims.Name.En, claims.Issuer.En = "", ""
		code, err = Encode(ctx, s, claims)
	}
	return code, err
}

// keep queues the licence's rows, the personal half sealed.
func (r *Registry) keep(ctx context.Context, tx *db.Tx, t *Type, c *Credential, cause string) (err error) {
	k := kept{Name: c.Name, Issuer: c.Issuer, Issued: c.Issued, From: c.From, Until: c.Until, Fields: map[string]string{}}
	s := secret{Name: c.Holder.Name, Code: c.Holder.Code, Fields: map[string]string{}, Signed: c.Code}
	for id, v := range c.Fields {
		if f, ok := t.Field(id); ok && !f.Personal {
			k.Fields[id] = v
		} else {
			s.Fields[id] = v
		}
	}
	if c.key, err = r.o.Journal.Vault().NewKey(ctx, tx, c.Holder.Person); err != nil {
		return err
	}
	sealed, err := r.o.Journal.Vault().Seal(ctx, tx, c.key, s)
	if err != nil {
		return err
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	insertCredential(tx, c, cause, string(data), sealed)
	return nil
}

// announce writes the event that followers read.
func (r *Registry) announce(ctx context.Context, tx *db.Tx, actor city.Actor, c *Credential, event string, more map[string]any) error {
	data := map[string]any{"number": c.Number, "type": c.Type, "name": c.Name, "body": c.Body, "status": c.Status, "case": c.Case,
		"from": c.From, "until": c.Until.String()}
	if c.Until.IsZero() {
		delete(data, "until")
	}
	maps.Copy(data, more)
	e := journal.Event{
		At: c.Changed, Type: event, Subject: string(c.Number), Actor: actor,
		To:     []journal.Recipient{{Person: c.Holder.Person, Firm: c.Holder.Firm}},
		Public: map[string]any{"type": c.Type, "body": c.Body, "status": c.Status}, Data: data,
	}
	if c.Erased {
		return r.o.Journal.Append(ctx, tx, e)
	}
	e.Key = c.key
	e.Index = []journal.Entry{{Type: "credential", ID: string(c.Number), Title: c.Name,
		Terms: strings.Join([]string{c.Name.ZhHans, c.Name.En, string(c.Number), c.Holder.Name}, " "),
		Attrs: map[string]string{"body": string(c.Body), "type": string(c.Type), "person": c.Holder.Person.String(),
			"firm": c.Holder.Firm.String(), "region": string(c.Region)}}}
	return r.o.Journal.Append(ctx, tx, e)
}

// checkRequest lists what is wrong with a request, by the ids of its fields.
func (t *Type) checkRequest(q Request) []city.Field {
	var faults []city.Field
	fault := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	if q.Cause == "" {
		fault("cause", "credential.request.cause")
	}
	if person, firm := !q.Holder.Person.IsZero(), !q.Holder.Firm.IsZero(); person == firm || person != (t.Holder == HolderPerson) || q.Holder.Name == "" {
		fault("holder", "credential.request.holder", "type", t.Name)
	}
	if !q.Until.IsZero() && !q.From.IsZero() && q.Until.Before(q.From) {
		fault("until", "credential.request.until")
	}
	for id, v := range q.Fields {
		f, ok := t.Field(id)
		switch {
		case !ok:
			fault("fields."+id, "credential.request.no_field", "field", id, "type", t.Name)
		case v != "" && !f.fits(v):
			fault("fields."+id, "credential.request.value", "field", f.Name)
		case len(v) > maxValueLen:
			fault("fields."+id, "credential.request.long", "field", f.Name)
		}
	}
	return faults
}

// maxValueLen bounds one field's value; a business scope is the longest known.
const maxValueLen = 8 << 10

// fits reports whether the value is written as the field's type wants it.
func (f FieldDef) fits(v string) bool {
	var err error
	switch f.Type {
	case "date":
		_, err = city.ParseDate(v)
	case "integer", "money":
		_, err = strconv.ParseInt(v, 10, 64)
	case "decimal":
		_, err = strconv.ParseFloat(v, 64)
	case "yesno":
		_, err = strconv.ParseBool(v)
	}
	return err == nil
}
