package credential

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
)

// Ending is how one of the city's own keys ended; zero times mean that it hasn't.
type Ending struct {
	Retired     time.Time // signs nothing from then on
	Compromised time.Time // was in other hands from then on
}

// End says which of the city's own keys have ended. They sign nothing more, and what
// they seem to have signed afterwards isn't believed.
func (r *Registry) End(keys map[KeyID]Ending) {
	keys = maps.Clone(keys)
	r.ended.Store(&keys)
}

func (r *Registry) ending(id KeyID) Ending {
	if all := r.ended.Load(); all != nil {
		return (*all)[id]
	}
	return Ending{}
}

// signer is the newest key for the algorithm that may sign at the moment.
func (r *Registry) signer(a Algorithm, at time.Time) (Signer, error) {
	for _, k := range r.folder.Load().SignersAt(a, at) {
		e := r.ending(k.KeyID())
		if e.Compromised.IsZero() && (e.Retired.IsZero() || at.Before(e.Retired)) {
			return k, nil
		}
	}
	e := city.Unavailable(fmt.Errorf("no key signs with %s", a), time.Minute)
	e.Message = city.Message{Key: "credential.key.none", Args: []any{"algorithm", string(a)}}
	return nil, e
}

// verifyOwn judges by the city's own keys and by how they ended.
func (r *Registry) verifyOwn(text string, at time.Time) Result {
	return r.judgeEnding(check.Verify(text, r.Trust(), at))
}

func (r *Registry) judgeEnding(res Result) Result {
	if res.Signer == nil {
		return res
	}
	var signed time.Time
	switch {
	case res.Claims != nil:
		signed = res.Claims.SignedAt
	case res.Pass != nil:
		signed = res.Pass.SignedAt
	default:
		return res
	}
	switch e := r.ending(res.Signer.KeyID); {
	case !e.Compromised.IsZero() && !signed.Before(e.Compromised):
		res.Reason, res.Valid = ReasonCompromised, false
	case !e.Retired.IsZero() && !signed.Before(e.Retired):
		res.Reason, res.Valid = ReasonSignerNotValid, false
	case !e.Compromised.IsZero():
		res.Warnings = append(res.Warnings, WarnCompromised)
	}
	return res
}

// Successor is when a newer key of the same algorithm takes over from the key; zero
// when none does. The city's list of its keys says so as soon as the newer one is
// known, also before that day.
func (r *Registry) Successor(id KeyID) time.Time {
	keys := r.folder.Load().Terms()
	i := slices.IndexFunc(keys, func(k Term) bool { return k.Key == id })
	for j := i - 1; j >= 0; j-- { // newest first: the nearest that is newer
		if keys[j].Algorithm == keys[i].Algorithm && keys[j].From.After(keys[i].From) {
			return keys[j].From.UTC()
		}
	}
	return time.Time{}
}

// FollowKeys takes keys over that were added to the folder, and certificates that
// another process has brought to the database. It reports whether there were any.
// The caller is the program itself, at its operator's word.
func (r *Registry) FollowKeys(ctx context.Context) (added bool, err error) {
	r.growing.Lock()
	defer r.growing.Unlock()
	keys, err := OpenKeys(r.o.Keys)
	if err != nil {
		return false, err
	}
	have := map[KeyID]bool{}
	for _, k := range r.Trust().Keys() {
		have[k.ID()] = true
	}
	var fresh [][]byte
	look := func(ctx context.Context, tx *db.Tx) ([]Signer, error) {
		fresh = nil
		known, err := keysStored(ctx, tx)
		stored := map[KeyID]bool{}
		for _, k := range known {
			stored[k.id] = true
			if !have[k.id] {
				fresh = append(fresh, k.certificate)
			}
		}
		var missing []Signer
		for _, s := range keys.Signers() {
			if !stored[s.KeyID()] {
				missing = append(missing, s)
				fresh = append(fresh, s.Certificate())
			}
		}
		return missing, err
	}
	var missing []Signer
	err = r.o.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		missing, err = look(ctx, tx)
		return err
	})
	if err == nil && len(missing) > 0 {
		err = r.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			missing, err := look(ctx, tx)
			for _, s := range missing {
				insertKey(tx, s.KeyID(), s.Algorithm(), s.Certificate(), r.o.Clock.Now())
			}
			return err
		})
	}
	if err != nil {
		return false, err
	}
	if len(fresh) > 0 {
		grown := r.Trust().Clone()
		for _, der := range fresh {
			if err := grown.AddCertificate("folder", der); err != nil {
				return false, err
			}
		}
		r.trusted.Store(grown)
	}
	r.folder.Store(keys)
	return len(fresh) > 0, nil
}

// TokenCertificate is the certificate (DER) of the key that signs tokens in the
// city's name at the moment.
func (r *Registry) TokenCertificate() ([]byte, error) {
	s, err := r.signer(EdDSA, r.now())
	if err != nil {
		return nil, err
	}
	return s.Certificate(), nil
}

// SignToken signs a JWT in the city's name with that key, its certificate in the
// header.
func (r *Registry) SignToken(ctx context.Context, typ string, claims any) (token string, certificate []byte, err error) {
	s, err := r.signer(EdDSA, r.now())
	if err != nil {
		return "", nil, err
	}
	h := check.JWTHeader(s, typ)
	h.X5c = []string{base64.StdEncoding.EncodeToString(s.Certificate())}
	token, err = sdjwt.SignJWT(ctx, h, nil, claims, s.Sign)
	return token, s.Certificate(), err
}

// HolderOf is who holds the licence that stands at a place of one of the city's
// status lists; zero for a firm's, and for places that aren't the city's.
func (r *Registry) HolderOf(ctx context.Context, tx *db.Tx, uri string, index int64) (city.PersonID, error) {
	tail, ours := strings.CutPrefix(uri, r.o.ListURL)
	list, err := strconv.ParseInt(tail, 10, 64)
	if !ours || err != nil {
		return city.PersonID{}, nil
	}
	return holderAtPlace(ctx, tx, list, index)
}
