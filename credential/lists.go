package credential

import (
	"context"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/internal/db"
)

// How long a signedList list is relied on: readers fetch a new one after listTTL,
// and don't trust one older than listLife.
const (
	listTTL  = 12 * time.Hour
	listLife = 24 * time.Hour
	// listRenew is when we sign anew although nothing has changed.
	listRenew = time.Hour
)

// signedList is a signed list as it was last given out.
type signedList struct {
	token   []byte
	by      KeyID
	changes int64
	at      time.Time
}

// listKey names a list in one of its two forms.
type listKey struct {
	list int64
	jwt  bool
}

// StatusList gives a signed status list as a CWT (see ParseStatusList), as new as
// the database. Anybody may have it: it tells states, not whose.
func (r *Registry) StatusList(ctx context.Context, tx *db.Tx, list int64) ([]byte, error) {
	return r.statusList(ctx, tx, listKey{list, false}, EncodeStatusList)
}

// StatusListJWT gives the same list as a JWT.
func (r *Registry) StatusListJWT(ctx context.Context, tx *db.Tx, list int64) ([]byte, error) {
	return r.statusList(ctx, tx, listKey{list, true}, check.EncodeStatusListJWT)
}

func (r *Registry) statusList(ctx context.Context, tx *db.Tx, key listKey, encode func(context.Context, Signer, StatusList) ([]byte, error)) ([]byte, error) {
	list := key.list
	last, err := lastList(ctx, tx)
	if err != nil {
		return nil, err
	}
	if list < 0 || list > last {
		return nil, city.NotFound("error.not_found")
	}
	changes, err := listChanges(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	now := r.o.Clock.Now()
	r.mu.Lock()
	p := r.lists[key]
	r.mu.Unlock()
	s, err := r.signer(EdDSA, now)
	if err != nil {
		return nil, err
	}
	if p != nil && p.by == s.KeyID() && p.changes == changes && !now.Before(p.at) && now.Sub(p.at) < listRenew {
		return p.token, nil
	}
	l := StatusList{URI: r.listURI(list), Statuses: NewStatusBits(ListLen),
		SignedAt: now, Expires: now.Add(listLife), TTL: listTTL}
	if err := fillList(ctx, tx, list, l.Statuses); err != nil {
		return nil, err
	}
	if err := fillPlaces(ctx, tx, list, l.Statuses); err != nil {
		return nil, err
	}
	token, err := encode(ctx, s, l)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.lists[key] = &signedList{token, s.KeyID(), changes, now}
	r.mu.Unlock()
	return token, nil
}

// TrustFolder is what somebody needs to check this city's licences offline, file
// by file: the certificates and the present status lists.
func (r *Registry) TrustFolder(ctx context.Context, tx *db.Tx) (map[string][]byte, error) {
	files := map[string][]byte{r.o.City + ".pem": r.TrustPEM()}
	lists, err := r.StatusLists(ctx, tx)
	if err != nil {
		return nil, err
	}
	for n, token := range lists {
		files[fmt.Sprintf("%s-status-%d.cwt", r.o.City, n)] = token
	}
	return files, nil
}

// StatusLists are all of them as CWT, in order; see StatusList.
func (r *Registry) StatusLists(ctx context.Context, tx *db.Tx) ([][]byte, error) {
	last, err := lastList(ctx, tx)
	if err != nil {
		return nil, err
	}
	all := make([][]byte, 0, last+1)
	for n := int64(0); n <= last; n++ {
		token, err := r.StatusList(ctx, tx, n)
		if err != nil {
			return nil, err
		}
		all = append(all, token)
	}
	return all, nil
}
