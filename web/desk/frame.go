package desk

import (
	"context"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/serviceitem"
	"yiwang/web"
)

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
	doc.Nav = append(doc.Nav, web.NavItem{Section: "licences", Key: "desk.nav.licences", Href: PathLicences})
	if body, ok := d.Directory.Body(actor.Body); ok {
		doc.Post = web.In(ctx, body.Short)
		for i, id := range actor.Posts {
			if p, ok := d.Directory.Post(id); ok && i == 0 {
				doc.Post += " " + web.In(ctx, p.Name)
			}
		}
	}
	doc.Duty = d.duty(ctx, actor)
	return doc
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
