package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
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
	if a.PublicLog == nil {
		return nil, city.NotFound("error.not_found")
	}
	var text []byte
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := a.Cases.Get(ctx, tx, actor, n); err != nil {
			return err
		}
		e, err := a.PublicLog.EntryAbout(ctx, tx, string(n), in.Entry)
		if err != nil {
			return err
		}
		text, err = a.PublicLog.Receipt(ctx, tx, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "text/plain; charset=utf-8")
		c.SetHeader("Content-Disposition", `attachment; filename="`+string(n)+`.tlog-proof"`)
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
