package app

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
)

// LicenceKey is one of the city's keys for licences.
type LicenceKey struct {
	ID           credential.KeyID     `json:"id"`
	Algorithm    credential.Algorithm `json:"algorithm"`
	From         time.Time            `json:"from"`
	Until        time.Time            `json:"until"`
	Retired      time.Time            `json:"retired,omitzero"`     // signs nothing from then on; may lie ahead
	Compromised  time.Time            `json:"compromised,omitzero"` // was in other hands from then on
	Missing      bool                 `json:"missing,omitempty"`    // its file isn't here
	AgentSocket  string               `json:"agent_socket,omitempty"`
	AgentKeyName string               `json:"agent_key,omitempty"` // fingerprint, as ssh-add -l prints it
}

// LicenceKeys are all keys that ever signed licences here, the newest first.
func (a *App) LicenceKeys(ctx context.Context) ([]LicenceKey, error) {
	folder, err := credential.OpenKeys(signingKeys(a.Data))
	if err != nil {
		return nil, err
	}
	own, err := a.ownKeys(ctx)
	if err != nil {
		return nil, err
	}
	var all []LicenceKey
	for _, k := range own {
		pub, err := credential.ParseKey(k.Key)
		if err != nil {
			return nil, err
		}
		x := LicenceKey{ID: pub.ID(), Algorithm: k.Algorithm, From: k.From, Until: k.Until, Retired: k.Retired, Compromised: k.Compromised}
		s := folder.ByID(x.ID)
		x.Missing = s == nil
		if named, ok := s.(interface {
			Socket() string
			Fingerprint() string
		}); ok {
			x.AgentSocket, x.AgentKeyName = named.Socket(), named.Fingerprint()
		}
		all = append(all, x)
	}
	slices.SortStableFunc(all, func(x, y LicenceKey) int { return y.From.Compare(x.From) })
	return all, nil
}

func (a *App) ownKeys(ctx context.Context) (own []trustlist.IssuerKey, err error) {
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		own, err = a.Trust.OwnKeys(ctx, tx)
		return err
	})
	return own, err
}

// KeyChange says which key takes over, and why.
type KeyChange struct {
	Algorithm credential.Algorithm // of a new key in a file
	// Agent and Fingerprint name a key in a signing agent instead; its kind is its own.
	Agent, Fingerprint string
	Begins             time.Time // when it takes over; now when zero
	// StolenSince is since when the old key was in other hands; zero when it wasn't.
	StolenSince time.Time
}

// ChangeKey lets a new key sign licences of one algorithm from a moment on. Until then
// the list of the city's keys already names it, and says when the old ones stop;
// afterwards what those signed is judged by its day. stolen are the keys that were
// withdrawn.
func (a *App) ChangeKey(ctx context.Context, c KeyChange) (changed LicenceKey, stolen []credential.KeyID, err error) {
	now := a.Clock.Now()
	if c.Begins.IsZero() {
		c.Begins = now
	}
	if !c.StolenSince.IsZero() && c.StolenSince.After(now) {
		return LicenceKey{}, nil, city.Invalid("trust.key.later")
	}
	before, err := a.LicenceKeys(ctx)
	if err != nil {
		return LicenceKey{}, nil, err
	}
	folder, err := credential.OpenKeys(signingKeys(a.Data))
	if err != nil {
		return LicenceKey{}, nil, err
	}
	var s credential.Signer
	if c.Agent != "" {
		if c.Agent, err = filepath.Abs(c.Agent); err != nil {
			return LicenceKey{}, nil, err
		}
		s, err = credential.Adopt(ctx, folder, c.Agent, c.Fingerprint, a.Pack.Site.Name.ZhHans, c.Begins)
	} else {
		s, err = folder.Create(c.Algorithm, a.Pack.Site.Name.ZhHans, c.Begins)
	}
	if err != nil {
		return LicenceKey{}, nil, err
	}
	if _, err := a.Credentials.FollowKeys(ctx); err != nil {
		return LicenceKey{}, nil, err
	}
	for _, k := range before {
		if c.StolenSince.IsZero() || k.Algorithm != s.Algorithm() || k.From.After(now) || !k.Compromised.IsZero() || !k.Retired.IsZero() && !k.Retired.After(c.StolenSince) {
			continue
		}
		if err := a.WithdrawKey(ctx, k.ID, true, c.StolenSince); err != nil {
			return LicenceKey{}, stolen, err
		}
		stolen = append(stolen, k.ID)
	}
	if err := a.followKeys(ctx); err != nil {
		return LicenceKey{}, stolen, err
	}
	all, err := a.LicenceKeys(ctx)
	if err != nil {
		return LicenceKey{}, stolen, err
	}
	for _, k := range all {
		if k.ID == s.KeyID() {
			changed = k
		}
	}
	return changed, stolen, nil
}

// followKeys takes over what an operator changed about the keys while the program
// runs.
func (a *App) followKeys(ctx context.Context) error {
	added, err := a.Credentials.FollowKeys(ctx)
	if err != nil {
		return err
	}
	if added {
		a.Log.InfoContext(ctx, "a key for licences was added")
	}
	own, err := a.ownKeys(ctx)
	if err != nil {
		return err
	}
	ended := map[credential.KeyID]credential.Ending{}
	for _, k := range own {
		if k.Retired.IsZero() && k.Compromised.IsZero() {
			continue
		}
		pub, err := credential.ParseKey(k.Key)
		if err != nil {
			return err
		}
		ended[pub.ID()] = credential.Ending{Retired: k.Retired, Compromised: k.Compromised}
	}
	a.Credentials.End(ended)
	return nil
}
