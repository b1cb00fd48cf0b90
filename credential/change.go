package credential

import (
	"context"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// Change asks for another state of a licence.
type Change struct {
	Number Number
	// Status is the state to end in, for Revoke: 撤销 when empty, or 注销, 失效, 办理转出,
	// 吊销, 其他.
	Status Status
	Reason string // in words, for the holder; sealed
	Legal  string // the article it rests on
	Case   city.CaseNumber
	Cause  string // when set, the change happens once for it
}

// Event is one change of a licence's state.
type Event struct {
	At     time.Time       `json:"-"`
	Status Status          `json:"status"`
	Body   city.BodyID     `json:"body,omitempty"`
	Legal  string          `json:"legal,omitempty"`
	Case   city.CaseNumber `json:"case,omitempty"`
	Reason string          `json:"-"` // "" after erasure
}

// Revoke ends a licence for good, with a reason that its holder is told.
func (r *Registry) Revoke(ctx context.Context, tx *db.Tx, actor city.Actor, ch Change) (Credential, error) {
	row, err := credentialByNumber(ctx, tx, ch.Number)
	if err != nil {
		return Credential{}, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.revoke", row.Resource()); err != nil {
		return Credential{}, err
	}
	to := ch.Status
	switch to {
	case "":
		to = StatusRevoked
	case StatusRevoked, StatusCancelled, StatusLapsed, StatusTransferred, StatusWithdrawn, StatusOther:
	default:
		return Credential{}, city.Invalid("credential.change.status", "status", string(to))
	}
	if row.Status != StatusValid && row.Status != StatusSuspended {
		return r.already(ctx, tx, row, to, ch)
	}
	return r.changeWithReason(ctx, tx, actor, row, to, ch)
}

// Suspend takes a licence out of force for a time (暂扣).
func (r *Registry) Suspend(ctx context.Context, tx *db.Tx, actor city.Actor, ch Change) (Credential, error) {
	row, err := credentialByNumber(ctx, tx, ch.Number)
	if err != nil {
		return Credential{}, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.suspend", row.Resource()); err != nil {
		return Credential{}, err
	}
	if row.Status != StatusValid {
		return r.already(ctx, tx, row, StatusSuspended, ch)
	}
	return r.changeWithReason(ctx, tx, actor, row, StatusSuspended, ch)
}

// Restore brings a suspended licence back into force.
func (r *Registry) Restore(ctx context.Context, tx *db.Tx, actor city.Actor, ch Change) (Credential, error) {
	row, err := credentialByNumber(ctx, tx, ch.Number)
	if err != nil {
		return Credential{}, err
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.restore", row.Resource()); err != nil {
		return Credential{}, err
	}
	if row.Status != StatusSuspended {
		return r.already(ctx, tx, row, StatusValid, ch)
	}
	return r.changeWithReason(ctx, tx, actor, row, StatusValid, ch)
}

// actingBody is in whose name the actor changes the licence: its issuer's, where
// the actor may act for it.
func actingBody(actor city.Actor, row *Credential) city.BodyID {
	if actor.ActsFor(row.Body) {
		return row.Body
	}
	return actor.Body
}

// already answers a change that doesn't fit the present state: a repeat of the
// same cause gets the licence as it is, anything else is told how it stands.
func (r *Registry) already(ctx context.Context, tx *db.Tx, row *Credential, to Status, ch Change) (Credential, error) {
	if ch.Cause != "" && row.Status == to {
		done, err := changeExists(ctx, tx, row.ID, ch.Cause)
		if err != nil {
			return Credential{}, err
		}
		if done {
			return r.open(ctx, tx, row)
		}
	}
	return Credential{}, conflict(row)
}

func conflict(row *Credential) error {
	return city.Conflict("credential.change.state", "number", string(row.Number),
		"status", city.Message{Key: "credential.status." + string(row.Status)})
}

func (r *Registry) changeWithReason(ctx context.Context, tx *db.Tx, actor city.Actor, row *Credential, to Status, ch Change) (Credential, error) {
	if ch.Reason == "" {
		return Credential{}, city.InvalidFields([]city.Field{{Name: "reason", Message: city.Message{Key: "credential.change.reason"}}})
	}
	return r.change(ctx, tx, actor, row, to, ch)
}

// change sets the state if nobody else has meanwhile, and writes what followers
// and status lists need. Leave was asked for.
func (r *Registry) change(ctx context.Context, tx *db.Tx, actor city.Actor, row *Credential, to Status, ch Change) (Credential, error) {
	c, err := r.open(ctx, tx, row)
	if err != nil {
		return Credential{}, err
	}
	was := c.Status
	c.Status, c.Changed = to, r.now()
	e := Event{Status: to, Body: actingBody(actor, row), Legal: ch.Legal, Case: ch.Case}
	var sealed []byte
	if ch.Reason != "" && !c.Erased {
		if sealed, err = r.o.Journal.Vault().Seal(ctx, tx, c.key, ch.Reason); err != nil {
			return Credential{}, err
		}
	}
	if err := updateStatus(ctx, tx, &c, was, e, ch.Cause, sealed); err != nil {
		return Credential{}, err
	}
	c.seq++
	event := "credential.revoked"
	switch {
	case to == StatusSuspended:
		event = "credential.suspended"
	case to == StatusValid:
		event = "credential.restored"
	}
	return c, r.announce(ctx, tx, actor, &c, event, map[string]any{"was": was, "legal": ch.Legal, "by_case": ch.Case})
}

// Resource describes a licence to the policies, for those who ask what may be done with it.
func (c *Credential) Resource() access.Resource {
	return access.Resource{Type: "Credential", ID: string(c.Number), Region: c.Region, Attrs: access.Attrs{
		"type": c.Type, "body": c.Body, "person": c.Holder.Person, "firm": c.Holder.Firm, "case": string(c.Case), "status": string(c.Status),
		"approver": string(c.Body) + ".approver", "head": string(c.Body) + ".head",
	}}
}
