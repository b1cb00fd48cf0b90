package credential

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/internal/db"
)

// Check is what the city itself answers to whoever scans a code or types a
// number: the signature first, then what its own records say, which are newer
// and more exact than any status list. Anybody may ask, so a number alone, which
// can be guessed, tells no person's name.
func (r *Registry) Check(ctx context.Context, tx *db.Tx, text string, at time.Time) (Result, error) {
	if check.IsHealthCode(text) { // of no city: nothing of ours vouches for it, and no key for it counts for licences
		return Verify(text, r.Health(), at), nil
	}
	res := r.verifyOwn(text, at)
	if others := r.Others(); others != nil && (res.Reason == ReasonUnknownSigner || res.Reason == ReasonBadSignature || res.Reason == ReasonWrongAlgorithm) {
		if theirs := Verify(text, others, at); theirs.Reason != ReasonUnknownSigner {
			return theirs, nil // no records of ours say anything of it
		}
	}
	if res.Claims == nil {
		return res, nil
	}
	if res.Claims.Grant != nil {
		return r.checkGrant(ctx, tx, res, at)
	}
	if res.Claims.Number == "" {
		return r.checkPlace(ctx, tx, res, at)
	}
	row, err := credentialByNumber(ctx, tx, res.Claims.Number)
	if city.KindOf(err) == city.KindNotFound {
		if res.Reason == ReasonNumberOnly {
			return Result{Kind: KindLicence, Reason: ReasonNumberUnknown}, nil
		}
		res.Warnings = append(res.Warnings, WarnNotOnRecord)
		return res, nil
	}
	if err != nil {
		return Result{}, err
	}
	status := row.Status
	if at.Before(row.Changed) {
		if status, err = statusAt(ctx, tx, row.ID, at); err != nil {
			return Result{}, err
		}
	}
	if res.Reason == ReasonNumberOnly {
		claims, err := r.publicClaims(ctx, tx, row)
		if err != nil {
			return Result{}, err
		}
		res.Claims = claims
	}
	res.Warnings = slices.DeleteFunc(res.Warnings, func(w Warning) bool { return w != WarnHolderUnknown && w != WarnCompromised })
	res.StatusAt = at
	switch {
	case res.Reason == ReasonSignerNotValid, res.Reason == ReasonCompromised:
	case status != StatusValid:
		res.Reason = status.reason()
	case !row.expires.IsZero() && !at.Before(row.expires):
		res.Reason = ReasonExpired
	case at.Before(row.begins):
		res.Reason = ReasonNotYetValid
	case res.Reason == ReasonNumberOnly:
		res.Reason = ReasonOK
	}
	res.Valid = res.Reason == ReasonOK
	return res, nil
}

// checkPlace answers for a credential whose holder keeps its number back: its place
// in a status list of ours still tells the state.
func (r *Registry) checkPlace(ctx context.Context, tx *db.Tx, res Result, at time.Time) (Result, error) {
	list, ours := r.ownList(res.Claims.StatusList)
	if !ours {
		return res, nil
	}
	row, err := stoppedAtPlace(ctx, tx, list, res.Claims.StatusIndex)
	switch {
	case city.KindOf(err) == city.KindNotFound:
	case err != nil:
		return Result{}, err
	case res.Reason != ReasonSignerNotValid && res.Reason != ReasonCompromised && !at.Before(row.Changed):
		res.Reason = row.Status.reason()
	}
	res.Warnings = slices.DeleteFunc(res.Warnings, func(w Warning) bool { return w == WarnStatusUnknown })
	res.StatusAt, res.Valid = at, res.Reason == ReasonOK
	return res, nil
}

// ownList is the number of a status list of the city's own.
func (r *Registry) ownList(uri string) (int64, bool) {
	tail, ours := strings.CutPrefix(uri, r.o.ListURL)
	list, err := strconv.ParseInt(tail, 10, 64)
	return list, ours && err == nil
}

func (r *Registry) listURI(list int64) string { return r.o.ListURL + strconv.FormatInt(list, 10) }

// publicClaims is what may be told to somebody who knows no more than a number.
func (r *Registry) publicClaims(ctx context.Context, tx *db.Tx, row *Credential) (*Claims, error) {
	c := &Claims{City: r.o.City, Number: row.Number, Name: row.Name, Issuer: row.Issuer, IssuerCode: row.Number.Parts().Issuer,
		Issued: row.Issued, From: row.From, Until: row.Until, SignedAt: row.Changed, Begins: row.begins, Expires: row.expires}
	t, err := r.typeAt(ctx, tx, row.Type, row.version)
	if err != nil {
		return nil, err
	}
	if t.Holder == HolderFirm {
		open, err := r.open(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		c.Holder = t.nameInCode(open.Holder.Name)
	}
	return c, nil
}

// Health is whom the city believes about health, and about nothing else.
func (r *Registry) Health() *Trust {
	if r.o.Health == nil {
		return NewTrust()
	}
	return r.o.Health()
}
