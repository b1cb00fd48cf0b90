package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/scorecard"
	"yiwang/tlog"
)

type receiptIn struct {
	ByNumber
	Entry int64 `query:"entry" default:"-1" doc:"The place of an entry about the case; without it the newest."`
}

// receipt hands out what proves that an entry about a case stands in the public log,
// to whoever may read the case.
func (a *API) receipt(ctx context.Context, actor city.Actor, in *receiptIn) (*huma.StreamResponse, error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := a.Cases.Get(ctx, tx, actor, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.handOut(ctx, tlog.Topic{Subject: string(n), Types: []string{"case.*", "consent.given"}}, in.Entry, string(n))
}

// licenceReceipt hands out receipts about a licence, to whoever may read it.
func (a *API) licenceReceipt(ctx context.Context, actor city.Actor, in *receiptIn) (*huma.StreamResponse, error) {
	c, err := a.getCredential(ctx, actor, &in.ByNumber)
	if err != nil {
		return nil, err
	}
	n := string(c.Body.Number)
	return a.handOut(ctx, tlog.Topic{Subject: n, Types: []string{"credential.*"}}, in.Entry, n)
}

type useReceiptIn struct {
	ID string `path:"id" doc:"The id of a use."`
}

// useReceipt hands out the receipt about a use of the caller's own data.
func (a *API) useReceipt(ctx context.Context, actor city.Actor, in *useReceiptIn) (*huma.StreamResponse, error) {
	if actor.Kind != city.Resident {
		return nil, city.Forbidden("error.forbidden")
	}
	id, err := city.ParseID[struct{}](in.ID)
	if err != nil {
		return nil, city.NotFound("error.not_found")
	}
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := a.Access.UseOf(ctx, tx, actor, actor.Applicant(), city.EventID(id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.handOut(ctx, tlog.Topic{Subject: city.EventID(id).String(), Types: []string{"data.used"}}, -1, in.ID)
}

type ruleReceiptIn struct {
	Rule  string `path:"rule"`
	Entry int64  `query:"entry" default:"-1" doc:"The place of an entry about the rule; without it the newest."`
}

// ruleReceipt hands out receipts about the wordings of a rule or model to anybody.
func (a *API) ruleReceipt(ctx context.Context, _ city.Actor, in *ruleReceiptIn) (*huma.StreamResponse, error) {
	e, ok := a.Algorithms.Entry(city.RuleID(in.Rule))
	if !ok {
		return nil, city.NotFound("error.not_found")
	}
	return a.handOut(ctx, tlog.Topic{Subject: string(e.Rule), Types: []string{"algorithm.published"}}, in.Entry, string(e.Rule))
}

type monthIn struct {
	Month string `path:"month" example:"2026-10"`
}

// monthReceipt hands out the receipt of a month's published figures to anybody.
func (a *API) monthReceipt(ctx context.Context, actor city.Actor, in *monthIn) (*huma.StreamResponse, error) {
	m, err := scorecard.ParseMonth(in.Month)
	if err != nil || a.Scores == nil {
		return nil, city.NotFound("scorecard.unpublished")
	}
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := a.Scores.PublishedMonth(ctx, tx, actor, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.handOut(ctx, tlog.Topic{Subject: m.String(), Types: []string{"scorecard.published"}}, -1, m.String())
}

// handOut gives the receipt about a topic as a file of this name. Who may have it was
// asked.
func (a *API) handOut(ctx context.Context, t tlog.Topic, index int64, name string) (*huma.StreamResponse, error) {
	if a.PublicLog == nil {
		return nil, city.NotFound("error.not_found")
	}
	var text []byte
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		text, err = a.PublicLog.ReceiptAbout(ctx, tx, t, index)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "text/plain; charset=utf-8")
		c.SetHeader("Content-Disposition", `attachment; filename="`+name+`.tlog-proof"`)
		c.SetHeader("X-Content-Type-Options", "nosniff")
		_, _ = c.BodyWriter().Write(text)
	}}, nil
}

func (a *API) verifyReceipt(ctx context.Context, text string) verifyBody {
	var keys tlog.Keys
	if a.PublicLog != nil {
		keys = a.PublicLog.Keys()
	}
	r := tlog.Verify(text, keys, a.Clock.Now())
	return verifyBody{Valid: r.Valid, Kind: credential.Kind(r.Kind), Reason: credential.Reason(r.Reason), Message: r.Reason.Say(readerFrom(ctx).lang), Receipt: &r}
}
