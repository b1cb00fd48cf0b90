package fleet

import (
	"context"

	"yiwang/access"
	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Texts tells drivers something over their vehicles' terminals. Who told which
// vehicle what stands in the journal, sealed, before it goes out, and with it what
// became of it.
type Texts struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Registers *Registers
	// Send shows and speaks a text and returns when the terminal with that number has
	// acknowledged it; its errors are for people.
	Send func(ctx context.Context, phone, text string) error
}

// May reports whether somebody may tell drivers something.
func (t *Texts) May(actor city.Actor) bool {
	return t.Access.Decide(actor, "vehicle.text", access.Resource{Type: "Fleet"}).Allowed
}

// told is what lies sealed with the event.
type told struct {
	Vehicle register.VehicleID `json:"vehicle"`
	Text    string             `json:"text"`
}

// Tell returns when the terminal has acknowledged the text. An error of kind
// unavailable says that nobody knows whether the driver saw it.
func (t *Texts) Tell(ctx context.Context, actor city.Actor, v register.VehicleID, text string) error {
	if err := t.Access.Ask(ctx, actor, "vehicle.text", access.Resource{Type: "Fleet"}); err != nil {
		return err
	}
	known := t.Registers.Book().Vehicle(v)
	if known == nil {
		return city.InvalidFields([]city.Field{{Name: "vehicle", Message: city.Message{Key: "fleet.sent.vehicle", Args: []any{"vehicle", string(v)}}}})
	}
	if known.Terminal == "" {
		return city.NotFound("gateway.offline")
	}
	id := city.NewAlertID().String()
	err := t.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		key, err := t.Journal.Vault().NewKey(ctx, tx, city.PersonID{})
		if err != nil {
			return err
		}
		return t.Journal.Append(ctx, tx, journal.Event{At: t.Clock.Now(), Type: "vehicle.texted", Subject: id, Actor: actor, Key: key, Sealed: told{v, text}})
	})
	if err != nil {
		return err
	}
	sent := t.Send(ctx, known.Terminal, text)
	outcome := "acknowledged"
	if sent != nil {
		outcome = string(city.KindOf(sent))
	}
	err = t.DB.Update(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
		return t.Journal.Append(ctx, tx, journal.Event{At: t.Clock.Now(), Type: "vehicle.text_answered", Subject: id, Actor: actor, Data: map[string]any{"outcome": outcome}})
	})
	if sent != nil {
		return sent
	}
	return err
}
