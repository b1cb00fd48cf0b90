package desk

import (
	"context"
	"net/http"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// Inbox is what waits for the officer, the most urgent first.
type Inbox struct {
	Counts casework.Counts
	Scope  casework.Scope
	Rows   []Row
	Next   string // address of the next page, "" on the last
	First  string // address of the first page, "" when this is it
	Again  string // address of this list alone
	at     place
}

// Row is a case in the inbox.
type Row struct {
	Number  city.CaseNumber
	Name    city.Text // of the item, or of the kind where there is none
	Subject string
	Stage   city.Text
	Left    web.Left
	Taken   bool // by the officer
	Href    string
	Current bool
	Key     string // j and k lead to the neighbours of the current one
}

// pageSize is how many cases one page of the inbox holds.
const pageSize = 30

// inbox reads the officer's list. Without a choice it shows what is assigned to
// the officer, or what the post has when that is nothing.
func (d *Desk) inbox(ctx context.Context, tx *db.Tx, actor city.Actor, at place, current city.CaseNumber) (Inbox, error) {
	in := Inbox{at: at}
	var err error
	if in.Counts, err = d.Cases.InboxCounts(ctx, tx, actor); err != nil {
		return in, err
	}
	if in.Scope = at.scope; in.Scope == "" {
		in.Scope = casework.ScopeMine
		if in.Counts.Mine == 0 {
			in.Scope = casework.ScopePost
		}
	}
	page, err := d.Cases.Inbox(ctx, tx, actor, casework.InboxQuery{Scope: in.Scope, Limit: pageSize, After: at.after})
	if err != nil {
		return in, err
	}
	now := web.ViewOf(ctx).Now
	here := -1
	for i, c := range page.Cases {
		row := Row{Number: c.Number, Name: d.nameOf(c), Subject: d.subjectOf(ctx, c), Stage: c.StageName, Left: web.LeftOf(d.Cases.Calendar(), c, now),
			Taken: taken(c, actor), Href: at.at(CasePath(c.Number, "")), Current: c.Number == current}
		if row.Current {
			here = i
		}
		in.Rows = append(in.Rows, row)
	}
	if n := here + 1; n < len(in.Rows) {
		in.Rows[n].Key = "j"
	}
	if here > 0 {
		in.Rows[here-1].Key = "k"
	}
	if at.after != "" {
		in.First = place{scope: at.scope}.at(Path)
	}
	if page.Next != "" {
		in.Next = place{in.Scope, page.Next}.at(Path)
	}
	in.Again = at.at(PathInbox, "current", string(current))
	return in, nil
}

func taken(c casework.Case, actor city.Actor) bool {
	for _, t := range c.Working {
		if !t.Assignee.IsZero() && t.Assignee == actor.Account {
			return true
		}
	}
	return false
}

// nameOf is what a case is called: its item; what follows from another case is
// called by its kind.
func (d *Desk) nameOf(c casework.Case) city.Text {
	if it, ok := d.item(c.Item); ok && c.Parent.IsZero() && c.Kind != d.Items.BadReview {
		return it.Name
	}
	if d.ItemName != nil && d.Incidents != nil && d.Incidents.Handles(c.Kind) && c.Item != "" {
		return d.ItemName(c.Item)
	}
	return c.KindName
}

// subjectOf is whom or what a case is about: of a bad rating the item, since who
// rated is nobody's to read in passing.
func (d *Desk) subjectOf(ctx context.Context, c casework.Case) string {
	if it, ok := d.item(c.Item); ok && c.Kind == d.Items.BadReview {
		return web.In(ctx, it.Name)
	}
	return c.Title
}

// inboxPage is the desk with nothing opened.
func (d *Desk) inboxPage(w http.ResponseWriter, r *http.Request) error {
	actor, at := d.Actor(r), placeOf(r)
	var in Inbox
	err := d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		in, err = d.inbox(ctx, tx, actor, at, "")
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, inboxPage(d.frame(r.Context(), actor, "inbox", &in.Counts), in))
}

// inboxPart is the list alone; the page fetches it again while it is open.
func (d *Desk) inboxPart(w http.ResponseWriter, r *http.Request) error {
	actor := d.Actor(r)
	var in Inbox
	err := d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		in, err = d.inbox(ctx, tx, actor, placeOf(r), city.CaseNumber(r.URL.Query().Get("current")))
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, inboxList(in))
}
