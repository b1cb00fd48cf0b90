package citizen

import (
	"context"
	"net/http"
	"strings"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/tlog"
	"yiwang/web"
	"yiwang/web/receipt"
)

// What receipts about a thing are about.
func aboutCase(n city.CaseNumber) tlog.Topic {
	return tlog.Topic{Subject: string(n), Types: []string{"case.*", "consent.given"}}
}

func aboutLicence(n credential.Number) tlog.Topic {
	return tlog.Topic{Subject: string(n), Types: []string{"credential.*"}}
}

func aboutRule(id city.RuleID) tlog.Topic {
	return tlog.Topic{Subject: string(id), Types: []string{"algorithm.published"}}
}

// receipts are what the page at an address offers.
func (p *Pages) receipts(ctx context.Context, tx *db.Tx, t tlog.Topic, page string) (receipt.Offer, error) {
	return receipt.About(ctx, tx, p.PublicLog, t, page+"/receipt")
}

// withReceipt is a use of the reader's own data, with the address of its receipt.
func (p *Pages) withReceipt(u access.Use) Look {
	l := p.look(u)
	if p.PublicLog != nil {
		l.Receipt = PathUses + "/" + u.ID.String() + "/receipt"
	}
	return l
}

// receipt hands out receipts of a matter to whoever may read the matter.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	n, err := caseNumber(r)
	if err != nil {
		return err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Cases.Get(ctx, tx, a, n)
		return err
	})
	if err != nil {
		return err
	}
	return receipt.Send(w, r, p.DB, p.PublicLog, aboutCase(n), string(n))
}

// licenceReceipt hands out receipts of a licence to whoever may read the licence.
func (p *Pages) licenceReceipt(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	var c credential.Credential
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = p.openLicence(ctx, tx, r, a)
		return err
	})
	if err != nil {
		return err
	}
	return receipt.Send(w, r, p.DB, p.PublicLog, aboutLicence(c.Number), c.Number.Parts().Serial)
}

// oneUseReceipt hands out the receipt about a use of the reader's own data.
func (p *Pages) oneUseReceipt(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	id, err := parseID[city.EventID](r.PathValue("use"))
	if err != nil {
		return err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Access.UseOf(ctx, tx, oneself(a), a.Person, id)
		return err
	})
	if err != nil {
		return err
	}
	return receipt.Send(w, r, p.DB, p.PublicLog, tlog.Topic{Subject: id.String(), Types: []string{"data.used"}}, id.String())
}

// ruleReceipt hands out receipts of the wordings of a rule or model to anybody.
func (p *Pages) ruleReceipt(w http.ResponseWriter, r *http.Request) error {
	e, ok := p.Algorithms.Entry(city.RuleID(r.PathValue("rule")))
	if !ok {
		return city.NotFound("error.not_found")
	}
	return receipt.Send(w, r, p.DB, p.PublicLog, aboutRule(e.Rule), string(e.Rule))
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
	v.Name = web.Words("receipt.title")
	row := func(key, value string) {
		if value != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: web.Words(key), Value: value})
		}
	}
	row("citizen.verify.receipt.what", city.Say(l, tlog.Said(s.Type)))
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
