package api

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/notify"
)

type noticeBody struct {
	At   time.Time      `json:"at"`
	To   string         `json:"to" enum:"resident,reporter,post,body,region" doc:"Never a name."`
	Post city.PostID    `json:"post,omitempty"`
	Body city.BodyID    `json:"body,omitempty"`
	Text city.Text      `json:"text"`
	Type string         `json:"type" doc:"Of the event, such as case.supplement."`
	Ways []deliveryBody `json:"ways"`
}

type deliveryBody struct {
	Channel string     `json:"channel" doc:"screen, sms, email, webhook"`
	Outcome string     `json:"outcome" enum:"waiting,again,sent,arrived,refused,unreachable,no_address" doc:"sent is handed over: whether it arrived is not known."`
	Tries   int        `json:"tries"`
	At      *time.Time `json:"at,omitempty"`
	Next    *time.Time `json:"next,omitempty" doc:"When it is tried again."`
}

// listNotices lists who was told what about a case: what the reader was told, and
// everything for officers who may see the case.
func (a *API) listNotices(ctx context.Context, actor city.Actor, in *ByNumber) (*list[noticeBody], error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	var told []notify.Told
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if actor.Kind == city.Officer {
			told, err = a.Notices.About(ctx, tx, actor, string(n), 0)
			return err
		}
		if _, err := a.Cases.Get(ctx, tx, actor, n); err != nil {
			return err
		}
		told, err = a.Notices.Mine(ctx, tx, actor, string(n), 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := []noticeBody{}
	for _, t := range told {
		b := noticeBody{At: a.zone(t.At), To: "region", Post: t.Box.Post, Body: t.Box.Body, Type: t.Type, Ways: []deliveryBody{},
			Text: city.Text{ZhHans: t.Text.In(city.Chinese), En: t.Text.In(city.English)}}
		switch {
		case !t.Box.Person.IsZero(), !t.Box.Firm.IsZero():
			b.To = "resident"
		case !t.Box.Reporter.IsZero():
			b.To = "reporter"
		case t.Box.Post != "":
			b.To = "post"
		case t.Box.Body != "":
			b.To = "body"
		}
		for _, by := range t.By {
			b.Ways = append(b.Ways, deliveryBody{Channel: by.Channel, Outcome: by.Outcome(), Tries: by.Tries, At: a.whenever(by.At), Next: a.whenever(by.Next)})
		}
		out = append(out, b)
	}
	return listOf(out, ""), nil
}

// whenever is a moment in the city's zone; nil for none.
func (a *API) whenever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = a.zone(t)
	return &t
}
