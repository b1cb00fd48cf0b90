package desk

import (
	"slices"

	"yiwang/access"
	"yiwang/city"
	"yiwang/serviceitem"
)

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
