package desk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Counter is the page of the window: take an application in, go on with one that
// was begun, hand out what is ready.
type Counter struct {
	Fields []web.Field // who came, and for what
	Others []city.Field
	Drafts []CounterDraft
	Ready  []Row // cases whose result waits to be handed out
}

// CounterDraft is an application that this counter has begun.
type CounterDraft struct {
	Item    city.Text
	For     string
	Changed time.Time
	Href    string
	Discard string
}

// atTheCounter is the actor with somebody standing in front of them.
func atTheCounter(actor city.Actor) city.Actor {
	actor.Channel = city.ChannelCounter
	return actor
}

// atCounter lists the items that the officer may take in at the counter.
func (d *Desk) atCounter(actor city.Actor) []serviceitem.Item {
	if actor.Kind != city.Officer {
		return nil
	}
	actor = atTheCounter(actor)
	somebody := city.NewPersonID() // whoever may come; policies only refuse the clerk
	var out []serviceitem.Item
	for _, it := range d.Items.AllItems() {
		if slices.Contains(it.Channels, city.ChannelCounter) && d.Access.Decide(actor, "item.begin", access.Resource{Type: "Item", ID: string(it.Code),
			Attrs: access.Attrs{"item": it.Code, "body": it.Body, "clerk": string(it.Body) + ".clerk", "applicant": somebody}}).Allowed {
			out = append(out, it)
		}
	}
	return out
}

func (d *Desk) counterPage(w http.ResponseWriter, r *http.Request) error {
	return d.showCounter(w, r, http.StatusOK, nil, nil)
}

// showCounter shows the window with what was typed so far.
func (d *Desk) showCounter(w http.ResponseWriter, r *http.Request, status int, sent map[string]string, faults []city.Field) error {
	actor := atTheCounter(d.Actor(r))
	items := d.atCounter(actor)
	if len(items) == 0 {
		return notAnOfficer(actor)
	}
	c := Counter{Fields: counterFields(items, sent)}
	c.Others = web.FaultsOf(c.Fields, faults, "")
	drafts, err := d.Items.Drafts(r.Context(), actor)
	if err != nil {
		return err
	}
	var counts casework.Counts
	err = d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, dr := range drafts {
			it, ok := d.item(dr.Item)
			if !ok {
				continue
			}
			name, err := d.nameOfParty(ctx, tx, dr.Of)
			if err != nil {
				return err
			}
			c.Drafts = append(c.Drafts, CounterDraft{Item: it.Name, For: name, Changed: dr.Changed, Href: DraftPath(dr.ID, ""), Discard: DraftPath(dr.ID, "discard")})
		}
		if counts, err = d.Cases.InboxCounts(ctx, tx, actor); err != nil {
			return err
		}
		c.Ready, err = d.ready(ctx, tx, actor)
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, status, counterPage(d.frame(r.Context(), actor, "counter", &counts), c))
}

func (d *Desk) nameOfParty(ctx context.Context, tx *db.Tx, of serviceitem.Party) (string, error) {
	if !of.Firm.IsZero() {
		return d.Directory.FirmName(ctx, tx, of.Firm)
	}
	return d.Directory.PersonName(ctx, tx, of.Person)
}

// mostReady is how many waiting cases are looked through for something to hand
// out.
const mostReady = 200

// ready are the cases of the officer's posts whose next step is to hand
// something out.
func (d *Desk) ready(ctx context.Context, tx *db.Tx, actor city.Actor) ([]Row, error) {
	page, err := d.Cases.Inbox(ctx, tx, actor, casework.InboxQuery{Scope: casework.ScopeAll, Limit: mostReady})
	if err != nil {
		return nil, err
	}
	now := web.ViewOf(ctx).Now
	var out []Row
	for _, c := range page.Cases {
		if k, ok := d.Cases.Kind(c.Kind); !ok || !offers(k, c.Stage, "deliver") {
			continue
		}
		out = append(out, Row{Number: c.Number, Name: d.nameOf(c), Subject: c.Title, Stage: c.StageName, Left: web.LeftOf(d.Cases.Calendar(), c, now), Href: CasePath(c.Number, "deliver")})
	}
	return out, nil
}

func offers(k *casework.Kind, stage, action string) bool {
	st, ok := k.Stage(stage)
	return ok && slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool { return o.Action == action })
}

func counterFields(items []serviceitem.Item, sent map[string]string) []web.Field {
	item := web.Field{Name: "item", Type: web.FieldRegion, Label: web.Words("desk.counter.item"), Required: true, Value: sent["item"]}
	firms := false
	for _, it := range items {
		item.Options = append(item.Options, web.Option{Value: string(it.Code), Label: it.Name})
		firms = firms || slices.Contains(it.For, serviceitem.ForFirm)
	}
	fields := []web.Field{item,
		{Name: "number", Type: web.FieldCitizenNumber, Label: web.Words("desk.counter.number"), Hint: web.Words("desk.counter.number.hint"), Required: true, Value: sent["number"]}}
	if firms {
		fields = append(fields, web.Field{Name: "uscc", Type: web.FieldUSCC, Label: web.Words("desk.counter.uscc"), Hint: web.Words("desk.counter.uscc.hint"), Value: sent["uscc"]})
	}
	return append(fields, web.Field{Name: "seen", Type: web.FieldStatement, Label: web.Words("desk.counter.seen"), Required: true, Value: sent["seen"]})
}

// begin finds who stands at the counter and begins their application. The look is
// on record, and the person sees it.
func (d *Desk) begin(w http.ResponseWriter, r *http.Request) error {
	actor := atTheCounter(d.Actor(r))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return formError(err)
	}
	sent := map[string]string{}
	for _, name := range []string{"item", "number", "uscc", "seen"} {
		sent[name] = strings.TrimSpace(r.PostForm.Get(name))
	}
	var faults []city.Field
	fault := func(name, key string) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key}})
	}
	if sent["item"] == "" {
		fault("item", "desk.counter.item.which")
	}
	if sent["number"] == "" {
		fault("number", "desk.counter.number.which")
	}
	if sent["seen"] != "true" {
		fault("seen", "desk.counter.seen.first")
	}
	if len(faults) > 0 { // nobody's record is opened before the card was seen
		return d.showCounter(w, r, http.StatusUnprocessableEntity, sent, faults)
	}
	var of serviceitem.Party
	at := "number"
	err := d.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		p, err := d.Directory.FindPerson(ctx, tx, actor, sent["number"], access.Use{Purpose: "purpose.counter_filing", Fields: []string{"register:person.name"}})
		if err != nil {
			return err
		}
		of.Person = p.ID
		if sent["uscc"] == "" {
			return nil
		}
		at = "uscc"
		of.Firm, err = d.Directory.FirmByUSCC(ctx, tx, sent["uscc"])
		return err
	})
	var draft serviceitem.Draft
	if err == nil {
		at = "item"
		draft, err = d.Items.Begin(r.Context(), actor, city.ItemCode(sent["item"]), of)
	}
	if err == nil {
		return web.Redirect(w, r, DraftPath(draft.ID, ""))
	}
	var e *city.Error
	if !errors.As(err, &e) || e.Kind != city.KindInvalid && e.Kind != city.KindNotFound {
		return err
	}
	if len(e.Fields) == 0 {
		e.Fields = []city.Field{{Name: at, Message: e.Message}}
	}
	return d.showCounter(w, r, http.StatusUnprocessableEntity, sent, e.Fields)
}
