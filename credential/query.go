package credential

import (
	"context"
	"errors"
	"maps"
	"slices"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// open unseals what is personal. After erasure the rest is still there.
func (r *Registry) open(ctx context.Context, tx *db.Tx, row *Credential) (Credential, error) {
	c := *row
	c.sealed = nil
	c.Changed = c.Changed.In(r.o.Zone)
	var s secret
	err := r.o.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &s)
	if errors.Is(err, journal.ErrErased) {
		c.Erased = true
		return c, nil
	}
	if err != nil {
		return Credential{}, err
	}
	c.Holder.Name, c.Holder.Code, c.Code = s.Name, s.Code, s.Signed
	if len(s.Fields) > 0 {
		all := maps.Clone(s.Fields)
		maps.Copy(all, c.Fields)
		c.Fields = all
	}
	return c, nil
}

func (r *Registry) openAll(ctx context.Context, tx *db.Tx, rows []*Credential) ([]Credential, error) {
	all := make([]Credential, 0, len(rows))
	for _, row := range rows {
		c, err := r.open(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Get reads a licence. The person it belongs to does not see a trace of this:
// officers use Look.
func (r *Registry) Get(ctx context.Context, tx *db.Tx, actor city.Actor, n Number) (Credential, error) {
	row, err := credentialByNumber(ctx, tx, n)
	if err != nil {
		return Credential{}, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.read", row.Resource()); err != nil {
		return Credential{}, err
	}
	return r.open(ctx, tx, row)
}

// Look reads a licence for an officer and leaves the trace that its holder sees.
// The purpose is a key under "purpose." of the texts.
func (r *Registry) Look(ctx context.Context, tx *db.Tx, actor city.Actor, n Number, purpose string, caseNo city.CaseNumber) (Credential, error) {
	c, err := r.Get(ctx, tx, actor, n)
	if err != nil {
		return Credential{}, err
	}
	return c, r.recordUse(ctx, tx, actor, c.Holder, c.Type, Use{purpose, caseNo})
}

// History tells how the licence's state changed, oldest first. It does not list
// the issue itself.
func (r *Registry) History(ctx context.Context, tx *db.Tx, actor city.Actor, n Number) ([]Event, error) {
	row, err := credentialByNumber(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.read", row.Resource()); err != nil {
		return nil, err
	}
	stored, err := changesOf(ctx, tx, row.ID)
	if err != nil {
		return nil, err
	}
	out := make([]Event, len(stored))
	for i, s := range stored {
		out[i] = s.Event
		out[i].At = s.At.In(r.o.Zone)
		err := r.o.Journal.Vault().Unseal(ctx, tx, row.key, s.sealed, &out[i].Reason)
		if err != nil && !errors.Is(err, journal.ErrErased) {
			return nil, err
		}
	}
	return out, nil
}

// ByHolder lists the licences of a person or firm, newest first, in force or
// not, at most MostOfHolder.
func (r *Registry) ByHolder(ctx context.Context, tx *db.Tx, actor city.Actor, h Holder) ([]Credential, error) {
	err := r.o.Access.Ask(ctx, actor, "credential.list", access.Resource{Type: "Holder", ID: h.id(),
		Attrs: access.Attrs{"person": h.Person, "firm": h.Firm}})
	if err != nil {
		return nil, err
	}
	rows, err := credentialsOf(ctx, tx, h, "")
	if err != nil {
		return nil, err
	}
	return r.openAll(ctx, tx, rows)
}

// Held lists the licences of one type that are in force, newest first, for a
// program that decides: whatever else the holder has, none of them is missed.
func (r *Registry) Held(ctx context.Context, tx *db.Tx, actor city.Actor, h Holder, t city.CredentialType) ([]Credential, error) {
	err := r.o.Access.Ask(ctx, actor, "credential.list", access.Resource{Type: "Holder", ID: h.id(),
		Attrs: access.Attrs{"person": h.Person, "firm": h.Firm}})
	if err != nil {
		return nil, err
	}
	return r.inForce(ctx, tx, h, t)
}

func (r *Registry) inForce(ctx context.Context, tx *db.Tx, h Holder, t city.CredentialType) ([]Credential, error) {
	rows, err := credentialsOf(ctx, tx, h, t)
	if err != nil {
		return nil, err
	}
	now := r.now()
	rows = slices.DeleteFunc(rows, func(c *Credential) bool { return !c.InForce(now) })
	return r.openAll(ctx, tx, rows)
}

// ByCase lists the licences that a case issued. Each is asked for: who may see
// the case may not see every paper of it.
func (r *Registry) ByCase(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Credential, error) {
	rows, err := credentialsOfCase(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	var may []*Credential
	for _, row := range rows {
		switch err := r.o.Access.Ask(ctx, actor, "credential.read", row.Resource()); {
		case err == nil:
			may = append(may, row)
		case city.KindOf(err) != city.KindForbidden && city.KindOf(err) != city.KindUnauthenticated:
			return nil, err
		}
	}
	return r.openAll(ctx, tx, may)
}

// ByCause finds the licence that a decision has led to; city.KindNotFound when
// there is none.
func (r *Registry) ByCause(ctx context.Context, tx *db.Tx, actor city.Actor, cause string) (Credential, error) {
	row, err := credentialByCause(ctx, tx, cause)
	if err != nil {
		return Credential{}, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.read", row.Resource()); err != nil {
		return Credential{}, err
	}
	return r.open(ctx, tx, row)
}

func (h Holder) id() string {
	if !h.Firm.IsZero() {
		return h.Firm.String()
	}
	return h.Person.String()
}

// Use says what a paper is fetched for.
type Use struct {
	Purpose string // a key under "purpose." of the texts
	Case    city.CaseNumber
}

// Lookup fetches the papers of a type that the city holds of somebody and that
// are in force, so that they needn't be brought (免证办). Each fetch is a use that
// the person sees, one that finds nothing too: that a paper is missing is a fact
// about the person.
func (r *Registry) Lookup(ctx context.Context, tx *db.Tx, actor city.Actor, h Holder, t city.CredentialType, u Use) ([]Credential, error) {
	ty := r.current[t]
	if ty == nil {
		return nil, city.NotFound("credential.no_type", "type", string(t))
	}
	err := r.o.Access.Ask(ctx, actor, "credential.fetch", access.Resource{Type: "Holder", ID: h.id(),
		Attrs: access.Attrs{"person": h.Person, "firm": h.Firm, "type": t, "body": ty.Issuer, "case": string(u.Case)}})
	if err != nil {
		return nil, err
	}
	all, err := r.inForce(ctx, tx, h, t)
	if err != nil {
		return nil, err
	}
	return all, r.recordUse(ctx, tx, actor, h, t, u)
}

func (r *Registry) recordUse(ctx context.Context, tx *db.Tx, actor city.Actor, h Holder, t city.CredentialType, u Use) error {
	return access.RecordUse(ctx, tx, r.o.Journal, actor, access.Use{Person: h.Person, At: r.o.Clock.Now(),
		Purpose: u.Purpose, Case: u.Case, Fields: []string{"licence:" + string(t)}})
}
