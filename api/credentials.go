package api

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/hcert"
	"yiwang/internal/db"
	"yiwang/tlog"
)

type credentialQuery struct {
	For string `query:"for" doc:"Whose: absent for my own, as with an application."`
}

func (a *API) listCredentials(ctx context.Context, actor city.Actor, in *credentialQuery) (*list[credentialBody], error) {
	if actor.Kind != city.Resident {
		return nil, city.Forbidden("error.forbidden")
	}
	actor, err := a.forWhom(ctx, actor, in.For)
	if err != nil {
		return nil, err
	}
	var out []credentialBody
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		h := credential.Holder{Person: actor.Applicant(), Firm: actor.Firm}
		if !actor.Firm.IsZero() {
			h.Person = city.PersonID{}
		}
		cs, err := a.Credentials.ByHolder(ctx, tx, actor, h)
		for _, c := range cs {
			out = append(out, credentialOf(c, true))
		}
		return err
	})
	return listOf(out, ""), err
}

func (a *API) getCredential(ctx context.Context, actor city.Actor, in *ByNumber) (*body[credentialBody], error) {
	n, err := credential.ParseNumber(in.Number)
	if err != nil {
		return nil, city.NotFound("error.not_found")
	}
	var c credential.Credential
	if actor.Kind == city.Officer {
		err = a.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			c, err = a.Credentials.Look(ctx, tx, actor, n, "purpose.check_licence", "")
			return err
		})
	} else {
		err = a.inSomeName(ctx, actor, func(as city.Actor) error {
			return a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				c, err = a.Credentials.Get(ctx, tx, as, n)
				return err
			})
		})
	}
	if err != nil {
		return nil, err
	}
	return &body[credentialBody]{credentialOf(c, true)}, nil
}

type changeIn struct {
	ByNumber
	Body struct {
		Action string            `json:"action" enum:"revoke,suspend,restore"`
		Status credential.Status `json:"status,omitempty" doc:"For revoke: 03 when absent, or 04, 05, 06, 07, 99."`
		Reason string            `json:"reason" minLength:"1"`
		Legal  string            `json:"legal,omitempty"`
		Case   city.CaseNumber   `json:"case,omitempty"`
	}
}

func (a *API) changeCredential(ctx context.Context, actor city.Actor, in *changeIn) (*body[credentialBody], error) {
	n, err := credential.ParseNumber(in.Number)
	if err != nil {
		return nil, city.NotFound("error.not_found")
	}
	ch := credential.Change{Number: n, Status: in.Body.Status, Reason: in.Body.Reason, Legal: in.Body.Legal, Case: in.Body.Case}
	change := map[string]func(context.Context, *db.Tx, city.Actor, credential.Change) (credential.Credential, error){
		"revoke": a.Credentials.Revoke, "suspend": a.Credentials.Suspend, "restore": a.Credentials.Restore}[in.Body.Action]
	var c credential.Credential
	err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = change(ctx, tx, actor, ch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &body[credentialBody]{credentialOf(c, true)}, nil
}

type verifyIn struct {
	Body struct {
		Code string `json:"code" maxLength:"131072" doc:"What was scanned: a code, an SD-JWT credential, a receipt, or a licence number."`
	}
}

type verifyBody struct {
	Valid    bool                   `json:"valid"`
	Kind     credential.Kind        `json:"kind" doc:"licence, pass, credential (of another issuer), health_certificate, receipt, or empty for what is none of them"`
	Reason   credential.Reason      `json:"reason" doc:"A closed list: ok, not_a_code, damaged, unsupported, unknown_signer, bad_signature, signer_not_valid, signer_not_entitled, signer_compromised, signer_dropped, wrong_algorithm, too_long, too_large, not_yet_valid, expired, suspended, revoked, cancelled, lapsed, transferred, withdrawn, other, grant_ended, purpose_ended, number_wrong, number_only, number_unknown (and of yiwang verify, for pictures, no_qr_code, qr_mode); for a receipt ok, damaged, unknown_log, bad_signature, not_in_log, no_statement, few_witnesses, from_the_future"`
	Message  string                 `json:"message" doc:"The reason in a sentence, and of a code for one purpose what it is for."`
	Told     bool                   `json:"told,omitempty" doc:"The holder sees that your office checked: only of a code for one purpose, and only where an office asks with its token."`
	Claims   *credential.Claims     `json:"claims,omitempty"`
	Pass     *credential.PassClaims `json:"pass,omitempty" doc:"What a pass code says."`
	Health   *hcert.Certificate     `json:"health_certificate,omitempty" doc:"What a health certificate of the European Union says; valid means that it is genuine and in force, not that a door should open."`
	Warnings []credential.Warning   `json:"warnings,omitempty" doc:"status_unknown, status_stale, status_later, no_keys, not_on_record, holder_unknown, one_purpose (the code counts for nothing but what claims.grant names), trust_stale, signer_compromised_later"`
	Shown    map[string]any         `json:"shown,omitempty" doc:"What the holder of an SD-JWT credential disclosed."`
	Signer   *credential.Signed     `json:"signer,omitempty" doc:"Whose key vouches; for a licence of another region with the region."`
	StatusAt time.Time              `json:"status_at,omitzero" doc:"When the state was stated that the answer rests on."`

	StatusUnknownSince time.Time     `json:"status_unknown_since,omitzero" doc:"Since when the other region's status list could not be had."`
	TrustAt            time.Time     `json:"trust_at,omitzero" doc:"When the trust list was issued that vouches for the signer."`
	Receipt            *tlog.Checked `json:"receipt,omitempty" doc:"What a receipt of the public log says, and where it stands."`
}

func (a *API) verify(ctx context.Context, actor city.Actor, in *verifyIn) (*body[verifyBody], error) {
	if err := a.Checks.Try(readerFrom(ctx).address, a.Clock.Now()); err != nil {
		return nil, err
	}
	if tlog.LooksLikeReceipt(in.Body.Code) {
		return &body[verifyBody]{a.verifyReceipt(ctx, in.Body.Code)}, nil
	}
	if a.Fetch != nil {
		a.Fetch(ctx, in.Body.Code)
	}
	var r credential.Result
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = a.Credentials.Check(ctx, tx, in.Body.Code, a.Clock.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	told := false
	if a.Checked != nil {
		if told, err = a.Checked(ctx, actor, r); err != nil {
			return nil, err
		}
	}
	message := r.Why().In(readerFrom(ctx).lang)
	if r.Valid && r.Claims != nil && r.Claims.Grant != nil {
		message += r.Claims.Grant.For().In(readerFrom(ctx).lang)
	}
	return &body[verifyBody]{verifyBody{Valid: r.Valid, Kind: r.Kind, Reason: r.Reason, Message: message, Told: told, Claims: r.Claims, Pass: r.Pass, Health: r.Health, Warnings: r.Warnings, Shown: r.Shown,
		Signer: r.Signer, StatusAt: r.StatusAt, StatusUnknownSince: r.StatusUnknownSince, TrustAt: r.TrustAt}}, nil
}
