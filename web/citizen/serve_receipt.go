package citizen

import (
	"context"
	"net/http"
	"strings"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/tlog"
	"yiwang/web"
)

// receiptOf says on a matter's page whether its receipt can be had by now.
func (p *Pages) receiptOf(ctx context.Context, tx *db.Tx, n city.CaseNumber, v *Case) error {
	if p.PublicLog == nil {
		return nil
	}
	e, err := p.PublicLog.EntryAbout(ctx, tx, string(n), -1)
	if city.KindOf(err) == city.KindUnavailable {
		v.Awaited = true
		return nil
	}
	if err != nil {
		return err
	}
	covered, err := p.PublicLog.Covered(ctx, e)
	if v.Awaited = !covered; covered {
		v.Receipt = CasePath(n, "receipt")
	}
	return err
}

// receipt hands out the newest receipt of a matter to whoever may read the matter.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	n, err := caseNumber(r)
	if err != nil {
		return err
	}
	if p.PublicLog == nil {
		return city.NotFound("error.not_found")
	}
	var text []byte
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := p.Cases.Get(ctx, tx, a, n); err != nil {
			return err
		}
		e, err := p.PublicLog.EntryAbout(ctx, tx, string(n), -1)
		if err != nil {
			return err
		}
		text, err = p.PublicLog.Receipt(ctx, tx, e)
		return err
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+string(n)+`.tlog-proof"`)
	h.Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}

// receiptVerdict checks a receipt of the city's own log.
func (p *Pages) receiptVerdict(l city.Lang, text string) *VerifyResult {
	var keys tlog.Keys
	if p.PublicLog != nil {
		keys = p.PublicLog.Keys()
	}
	res := tlog.Verify(text, keys, p.Clock.Now())
	v := &VerifyResult{State: web.StateRefused, At: p.Clock.Now(), Verdict: city.Message{Key: "citizen.verdict.receipt.false"}, Reason: city.Message{Key: "tlog.reason." + string(res.Reason)}}
	switch res.Reason {
	case tlog.ReasonOK:
		v.State, v.Verdict = web.StateDone, city.Message{Key: "citizen.verdict.receipt"}
	case tlog.ReasonDamaged, tlog.ReasonUnknownLog, tlog.ReasonNoStatement, tlog.ReasonFewWitnesses, tlog.ReasonNotYetWritten:
		v.State, v.Verdict = web.StateWaiting, city.Message{Key: "citizen.verdict.receipt.open"}
	}
	s := res.Statement
	if s == nil {
		return v
	}
	v.Name = web.Words("citizen.case.receipt")
	row := func(key, value string) {
		if value != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: web.Words(key), Value: value})
		}
	}
	row("citizen.verify.receipt.what", city.Say(l, "tlog.said."+saidOf(s.Type)))
	row("citizen.verify.receipt.subject", s.Subject)
	row("citizen.verify.receipt.at", city.SayFullDate(l, s.At)+" "+s.At.Format("15:04:05 MST"))
	if b, ok := p.Pack.Body(s.Body); ok {
		row("citizen.verify.receipt.body", b.Name.In(l))
	}
	row("citizen.verify.receipt.place", city.Say(l, "citizen.verify.receipt.place.of", "n", res.Index+1, "of", res.Size))
	row("citizen.verify.receipt.log", res.Log)
	var names []string
	for _, w := range res.Witnesses {
		names = append(names, w.Name)
	}
	row("citizen.verify.receipt.witnesses", strings.Join(names, ", "))
	return v
}

// saidOf names the sort of a statement as the catalogue of texts does.
func saidOf(typ string) string {
	noun, _, _ := strings.Cut(typ, ".")
	switch {
	case typ == "case.opened":
		return "filed"
	case noun == "case":
		return "decided"
	case noun == "credential":
		return "licence"
	case typ == "data.used":
		return "used"
	case noun == "consent":
		return "consent"
	case noun == "algorithm":
		return "rule"
	case noun == "item", noun == "scorecard", noun == "trust":
		return noun
	}
	return "other"
}
