package casework

import (
	"context"
	"slices"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// InHand counts how many open tasks each of the accounts has in hand whose limit
// runs. What waits for a date or for somebody else fills nobody's hands.
func (e *Engine) InHand(ctx context.Context, tx *db.Tx, actor city.Actor, of []city.AccountID) (map[city.AccountID]int, error) {
	if err := e.access.Ask(ctx, actor, "case.hands", access.Resource{Type: "Inbox"}); err != nil {
		return nil, err
	}
	return inHand(ctx, tx, of)
}

// Held lists the cases of a kind of which somebody has a task of the post in hand,
// the most urgent first; what waits for a date is among them.
func (e *Engine) Held(ctx context.Context, tx *db.Tx, actor city.Actor, kind city.KindID, of city.AccountID, post city.PostID, most int) ([]Case, error) {
	if err := e.access.Ask(ctx, actor, "case.hands", access.Resource{Type: "Inbox", ID: of.String(), Attrs: access.Attrs{"account": of}}); err != nil {
		return nil, err
	}
	rows, err := inbox(ctx, tx, city.Actor{Account: of}, InboxQuery{Scope: ScopeMine, Kind: kind, Limit: most}, cursorAt{}, 0)
	if err != nil {
		return nil, err
	}
	var held []Case
	for _, r := range rows {
		c, err := e.open(ctx, tx, r, false)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.Working, func(t Task) bool { return t.Assignee == of && t.Post == post }) {
			held = append(held, c)
		}
	}
	return held, nil
}
