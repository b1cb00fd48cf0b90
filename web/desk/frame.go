package desk

import (
	"context"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Frame is what stands around a page of the desk that another package serves.
func Frame(ctx context.Context, deps Deps, actor city.Actor, section string) web.DeskDoc {
	d := &Desk{deps}
	return d.frame(ctx, actor, section, nil)
}

// frame is what stands around every page: where one can go, who one is, and
// until when one is on duty.
func (d *Desk) frame(ctx context.Context, actor city.Actor, section string, counts *casework.Counts) web.DeskDoc {
	inbox := web.NavItem{Section: "inbox", Key: "desk.nav.inbox", Href: Path}
	if counts != nil {
		inbox.Count = counts.Mine + counts.Post
	}
	doc := web.DeskDoc{Section: section, Nav: []web.NavItem{inbox}}
	if len(d.atCounter(actor)) > 0 {
		doc.Nav = append(doc.Nav, web.NavItem{Section: "counter", Key: "desk.nav.counter", Href: PathCounter})
	}
	for _, n := range d.More {
		if n.May(actor) {
			doc.Nav = append(doc.Nav, n.NavItem)
		}
	}
	doc.Nav = append(doc.Nav, web.NavItem{Section: "licences", Key: "desk.nav.licences", Href: PathLicences})
	doc.Nav = append(doc.Nav, web.NavItem{Section: "scorecard", Key: "desk.nav.scorecard", Href: PathScores})
	d.held(ctx, actor, &doc)
	doc.Duty = d.duty(ctx, actor)
	return doc
}

// held says which post the officer holds; of several, how many, and all of them
// by body, that of the officer first.
func (d *Desk) held(ctx context.Context, actor city.Actor, doc *web.DeskDoc) {
	of, n := map[city.BodyID][]city.Text{}, 0
	var bodies []city.BodyID
	for _, id := range actor.Posts {
		p, ok := d.Directory.Post(id)
		if !ok {
			continue
		}
		if of[p.Body] == nil {
			bodies = append(bodies, p.Body)
		}
		of[p.Body] = append(of[p.Body], p.Name)
		n++
	}
	slices.SortStableFunc(bodies, func(a, b city.BodyID) int {
		switch {
		case a == actor.Body && b != a:
			return -1
		case b == actor.Body && b != a:
			return 1
		}
		return 0
	})
	for _, b := range bodies {
		doc.Posts = append(doc.Posts, web.Held{Body: web.In(ctx, d.bodyName(b)), Posts: web.In(ctx, joined(of[b]))})
	}
	switch {
	case n == 1:
		doc.Post, doc.Posts = doc.Posts[0].Body+" "+doc.Posts[0].Posts, nil
	case len(bodies) == 1:
		doc.Post = web.T(ctx, "desk.posts.one", "n", n, "body", doc.Posts[0].Body)
	case n > 1:
		doc.Post = web.T(ctx, "desk.posts", "n", n, "bodies", len(bodies))
	}
}

// duty says until when the officer is on duty.
func (d *Desk) duty(ctx context.Context, actor city.Actor) string {
	now := web.ViewOf(ctx).Now
	for _, id := range actor.Posts {
		if p, ok := d.Directory.Post(id); ok && p.Duty == directory.ContinuousDuty {
			return web.T(ctx, "desk.duty.always")
		}
	}
	cal := d.Directory.HoursOf(actor.Body)
	if len(cal.Office) == 0 {
		return ""
	}
	last := cal.Office[len(cal.Office)-1].To
	local := now.In(cal.Zone)
	if !cal.IsWorkday(city.DateOf(local)) || local.Hour()*60+local.Minute() >= last {
		return web.T(ctx, "desk.duty.over")
	}
	end := time.Date(local.Year(), local.Month(), local.Day(), last/60, last%60, 0, 0, cal.Zone)
	return web.T(ctx, "desk.duty.until", "at", end)
}

func (d *Desk) item(code city.ItemCode) (serviceitem.Item, bool) {
	it, _, ok := d.Items.Item(code)
	return it, ok
}

// postName is a post with its body, as colleagues say it.
func (d *Desk) postName(id city.PostID) city.Text {
	p, ok := d.Directory.Post(id)
	if !ok {
		return web.Plain(string(id))
	}
	b, _ := d.Directory.Body(p.Body)
	return city.Text{ZhHans: b.Short.ZhHans + " " + p.Name.ZhHans, En: b.Short.En + ", " + p.Name.En}
}

// bodyName is the short name of a body.
func (d *Desk) bodyName(id city.BodyID) city.Text {
	if b, ok := d.Directory.Body(id); ok {
		return b.Short
	}
	return web.Plain(string(id))
}
