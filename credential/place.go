package credential

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Place is a place on a status list for something that rests on a licence and has a
// state of its own.
type Place struct {
	List  int64
	Index int
}

// TakePlace gives something that rests on the licence a place on a status list. Until
// it is closed the place has the licence's state. The actor must be one who may read
// the licence; whether they may do what the place is for, the caller has asked.
func (r *Registry) TakePlace(ctx context.Context, tx *db.Tx, actor city.Actor, c Credential) (Place, error) {
	if err := r.o.Access.Ask(ctx, actor, "credential.read", c.Resource()); err != nil {
		return Place{}, err
	}
	serial, err := r.nextSerial(ctx, tx)
	if err != nil {
		return Place{}, err
	}
	p := Place{serial / ListLen, int(serial % ListLen)}
	insertPlace(tx, p, c.ID)
	return p, nil
}

// ClosePlace ends what has the place, for good; once more changes nothing. The actor
// must be one who may read the licence; whether they may end what has the place, the
// caller has asked.
func (r *Registry) ClosePlace(ctx context.Context, tx *db.Tx, actor city.Actor, p Place) error {
	c, _, err := placed(ctx, tx, p)
	if err != nil {
		return err
	}
	if c == nil {
		return city.NotFound("error.not_found")
	}
	if err := r.o.Access.Ask(ctx, actor, "credential.read", c.Resource()); err != nil {
		return err
	}
	_, err = closePlace(ctx, tx, p)
	return err
}

// PlaceOf is the place on a status list of the city's own that the claims name.
func (r *Registry) PlaceOf(c *Claims) (Place, bool) {
	list, ours := r.ownList(c.StatusList)
	return Place{list, c.StatusIndex}, ours
}

// SealGrant makes a code of a licence for one purpose, whose state stands at the place.
// It counts for ShowLife from now, or until the moment given for a copy, and never
// longer than the licence. With number the code carries the licence's number. What
// doesn't fit a QR code is refused with "credential.code_too_long".
func (r *Registry) SealGrant(ctx context.Context, c Credential, p Place, g GrantClaims, until time.Time, number bool) (string, Claims, error) {
	t := r.current[c.Type]
	if t == nil || c.Erased {
		return "", Claims{}, city.Conflict("credential.grant.type_gone")
	}
	now := r.now()
	s, err := r.signer(t.algorithm(), now)
	if err != nil {
		return "", Claims{}, err
	}
	g.Type = c.Number.Parts().Type
	if most := now.Add(ShowLife); g.Kind == GrantShow && until.After(most) {
		until = most
	}
	if !c.expires.IsZero() && until.After(c.expires) {
		until = c.expires
	}
	claims := Claims{City: r.o.City, Name: c.Name, Issuer: c.Issuer, Holder: t.nameInCode(c.Holder.Name), Issued: c.Issued, From: c.From, Until: c.Until,
		SignedAt: now.Truncate(time.Second), Begins: c.begins, Expires: until.UTC().Truncate(time.Second), StatusList: r.listURI(p.List), StatusIndex: p.Index, Grant: &g}
	if number {
		claims.Number = c.Number
	}
	code, err := Encode(ctx, s, claims)
	if city.KindOf(err) == city.KindTooLarge {
		claims.Name.En, claims.Issuer.En = "", ""
		code, err = Encode(ctx, s, claims)
	}
	return code, claims, err
}

// checkGrant answers for a code of a grant: the licence's state first, then whether its
// holder ended the grant.
func (r *Registry) checkGrant(ctx context.Context, tx *db.Tx, res Result, at time.Time) (Result, error) {
	p, ours := r.PlaceOf(res.Claims)
	if !ours {
		return res, nil
	}
	row, closed, err := placed(ctx, tx, p)
	if err != nil {
		return Result{}, err
	}
	if row == nil {
		res.Warnings = append(res.Warnings, WarnNotOnRecord)
		return res, nil
	}
	status := row.Status
	if at.Before(row.Changed) {
		if status, err = statusAt(ctx, tx, row.ID, at); err != nil {
			return Result{}, err
		}
	}
	res.Warnings = onlyLasting(res.Warnings)
	res.StatusAt = at
	switch {
	case res.Reason == ReasonSignerNotValid:
	case status != StatusValid:
		res.Reason = status.reason()
	case closed:
		res.Reason = ReasonGrantEnded
	}
	res.Valid = res.Reason == ReasonOK
	return res, nil
}

// onlyLasting keeps the warnings that the city's own records don't settle.
func onlyLasting(all []Warning) (kept []Warning) {
	for _, w := range all {
		if w == WarnHolderUnknown || w == WarnOnePurpose {
			kept = append(kept, w)
		}
	}
	return kept
}
