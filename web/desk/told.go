package desk

import (
	"context"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/notify"
	"yiwang/web"
)

// Telling is a notice about the matter, and what became of it.
type Telling struct {
	web.Step // when, to whom, what
	Ways     []Way
}

// Way is one channel by which it went.
type Way struct {
	Channel city.Text
	web.Tagged
	Note city.Message // when that was, or when it is tried again
}

// mostTold are so many of the newest notices as a page shows.
const mostTold = 30

// told lists who was told what about the matter. Who may not know sees nothing of it.
func (d *Desk) told(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (out []Telling, err error) {
	if d.Notices == nil {
		return nil, nil
	}
	all, err := d.Notices.About(ctx, tx, actor, string(n), mostTold)
	if err != nil {
		return nil, unlessForbidden(err)
	}
	for _, t := range all {
		line := Telling{Step: web.Step{At: t.At, Title: d.reader(t.Box), Text: t.Text, State: web.StateDone}}
		for _, by := range t.By {
			w := wayOf(by)
			if w.State == web.StateRefused {
				line.State = web.StateRefused
			}
			line.Ways = append(line.Ways, w)
		}
		if len(t.By) == 0 { // kept for whoever follows the matter
			line.State = web.StateWorking
			line.Ways = []Way{{Channel: web.Words("notify.told.page")}}
		}
		out = append(out, line)
	}
	return out, nil
}

// reader says who was told, never by name.
func (d *Desk) reader(b notify.Box) city.Text {
	switch {
	case !b.Person.IsZero(), !b.Firm.IsZero():
		return web.Words("desk.who.applicant")
	case !b.Reporter.IsZero():
		return web.Words("notify.told.reporter")
	case b.Post != "":
		return d.postName(b.Post)
	case b.Body != "":
		return d.bodyName(b.Body)
	}
	return web.Words("notify.told.region")
}

// outcomes are how a delivery looks, by its outcome.
var outcomes = map[string]web.State{"arrived": web.StateDone, "sent": web.StateWorking, "waiting": web.StateWaiting, "again": web.StateWaiting,
	"refused": web.StateRefused, "unreachable": web.StateRefused, "no_address": web.StateEnded}

func wayOf(by notify.Delivery) Way {
	outcome := by.Outcome()
	w := Way{Channel: web.Plain(by.Channel), Tagged: web.Tagged{State: outcomes[outcome], Word: web.Words("notify.told." + outcome)}}
	if t, ok := city.LookupText("notify.told.channel." + by.Channel); ok {
		w.Channel = t
	}
	switch {
	case outcome == "again":
		w.Note = city.Message{Key: "notify.told.next", Args: []any{"n", by.Tries, "at", by.Next}}
	case outcome == "unreachable":
		w.Note = city.Message{Key: "notify.told.tries", Args: []any{"n", by.Tries}}
	case by.Channel != notify.Screen && !by.At.IsZero() && outcome != "no_address":
		w.Note = city.Message{Key: "notify.told.at", Args: []any{"at", by.At}}
	}
	return w
}
