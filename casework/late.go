package casework

import (
	"context"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// LateQuery asks for open cases across posts, whoever has them or nobody.
type LateQuery struct {
	Body   city.BodyID     // whose turn it is; "" asks for the whole city
	Region city.RegionCode // and what lies within it; "" is everywhere
	Kind   city.KindID     // "" is every kind
	All    bool            // open ones in time, too
	Limit  int             // at most 100; 0 is 30
	After  string          // Next of the page before
}

// mostLateRounds bounds how often a page reads on because the actor may not read
// what came; a page that ends early has a Next.
const mostLateRounds = 5

// Late lists open cases whose due date has passed, the longest first, what nobody
// has taken among them. What the actor may not read is left out. The titles are
// not unsealed: nobody's matter is read in passing.
func (e *Engine) Late(ctx context.Context, tx *db.Tx, actor city.Actor, q LateQuery) (Page, error) {
	if err := e.access.Ask(ctx, actor, "case.late", access.Resource{Type: "Inbox", ID: string(q.Body), Attrs: access.Attrs{"body": q.Body}}); err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 || q.Limit > 100 {
		q.Limit = 30
	}
	after, err := parseCursor(q.After)
	if err != nil {
		return Page{}, err
	}
	var p Page
	until := city.Micros(e.clock.Now())
	for range mostLateRounds {
		rows, err := late(ctx, tx, q, after, until)
		if err != nil {
			return Page{}, err
		}
		p.Next = ""
		for i, r := range rows {
			if i == q.Limit || len(p.Cases) == q.Limit {
				p.Next = cursorOf(after.key, after.id)
				break
			}
			after = cursorAt{key: sortable(r.due), id: r.id, set: true}
			k, err := e.version(ctx, tx, r.kind, r.version)
			if err != nil {
				return Page{}, err
			}
			if e.access.Decide(actor, "case.read", e.resource(k, r, "")).Allowed {
				p.Cases = append(p.Cases, e.view(k, r))
			}
		}
		if p.Next == "" || len(p.Cases) == q.Limit {
			break
		}
	}
	return p, nil
}
