package app

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
)

// anchorKeys is the folder of the operator's own anchor: its key signs which regions
// the operator has met.
func anchorKeys(data string) string { return filepath.Join(data, "keys", "anchor") }

// Meeting is what another city says of itself, before the operator takes its word.
type Meeting struct {
	Address     string
	Code        city.RegionCode
	Name        city.Text
	Fingerprint string // of the key that signs its lists: to be compared with what its operator reads out
	Keys        int    // that sign licences there
	Log         *trustlist.Log
}

// TrustAddress is where a city's own list stands, given the address of the city.
func TrustAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", city.Invalid("trust.address", "address", address)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = trustListPath
	}
	return u.String(), nil
}

// FetchTrustList fetches a signed list from an address.
func FetchTrustList(ctx context.Context, address string) ([]byte, error) {
	raw, err := fetch(ctx, address, trustlist.MaxList, askListFor)
	if err != nil {
		e := city.Unavailable(err, 0)
		e.Message = city.Message{Key: "trust.fetch", Args: []any{"address", address, "why", err.Error()}}
		return nil, e
	}
	return raw, nil
}

// MeetTrust fetches another city's own list, and when the operator says yes believes
// the city from now on, by a list of regions that the operator's own anchor signs.
func (a *App) MeetTrust(ctx context.Context, address string, yes func(Meeting) bool) (m Meeting, err error) {
	if m.Address, err = TrustAddress(address); err != nil {
		return m, err
	}
	raw, err := FetchTrustList(ctx, m.Address)
	if err != nil {
		return m, err
	}
	l, err := trustlist.Parse(raw)
	if err != nil {
		return m, err
	}
	key := l.SelfSigned()
	if key == nil {
		return m, city.Invalid("trust.list.not_its_own")
	}
	m.Code, m.Name, m.Fingerprint, m.Keys, m.Log = l.Issuers.Region, l.Issuers.Name, trustlist.Fingerprint(key.DER()), len(l.Issuers.Keys), l.Issuers.Log
	if m.Code == a.Code {
		return m, city.Conflict("trust.meet.ourselves", "code", string(m.Code))
	}
	if !yes(m) {
		return m, city.Forbidden("trust.meet.no")
	}
	anchor, err := a.ownAnchor(ctx)
	if err != nil {
		return m, err
	}
	regions, err := a.met(ctx, anchor, l, key, m.Address)
	if err != nil {
		return m, err
	}
	signed, err := trustlist.SignRegions(ctx, anchor, regions)
	if err != nil {
		return m, err
	}
	for _, raw := range [][]byte{signed, raw} {
		if _, err := a.Trust.Import(ctx, console, raw, m.Address); err != nil {
			return m, err
		}
	}
	return m, nil
}

// ownAnchor is the operator's own anchor, made the first time.
func (a *App) ownAnchor(ctx context.Context) (credential.Signer, error) {
	keys, err := credential.OpenKeys(anchorKeys(a.Data))
	if err != nil {
		return nil, err
	}
	s := keys.Signer(credential.EdDSA, a.Clock.Now())
	if s == nil {
		if s, err = keys.CreateFor("anchor", credential.EdDSA, a.Pack.Site.Name.ZhHans, a.Clock.Now()); err != nil {
			return nil, err
		}
	}
	_, err = a.Trust.AddAnchor(ctx, console, s.Certificate())
	return s, err
}

// met is the operator's own list of regions with one more, or one met again.
func (a *App) met(ctx context.Context, anchor credential.Signer, l *trustlist.List, key *credential.Key, address string) (trustlist.Regions, error) {
	now := a.Clock.Now().UTC().Truncate(time.Second)
	r := trustlist.Regions{Authority: a.Pack.Site.Name}
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		steps, err := a.Trust.History(ctx, tx, true, int(^uint(0)>>1))
		for _, s := range steps { // the newest first
			if s.Sort == trustlist.SortRegions && s.Owner == anchor.KeyID().String() && r.Sequence == 0 {
				have, err := trustlist.Parse(s.Raw)
				if err != nil {
					return err
				}
				r = *have.Regions
			}
		}
		return err
	})
	if err != nil {
		return r, err
	}
	since := now
	for _, k := range l.Issuers.Keys {
		if k.From.Before(since) {
			since = k.From
		}
	}
	region := trustlist.Region{Code: l.Issuers.Region, Name: l.Issuers.Name, Address: address, Since: since}
	i := slices.IndexFunc(r.Regions, func(x trustlist.Region) bool { return x.Code == region.Code })
	from := l.Head().Issued
	if i >= 0 { // another key from now on
		for _, k := range r.Regions[i].Keys {
			if bytes.Equal(k.Key, key.DER()) {
				from = k.From // what it signed since then stays signed
				continue
			}
			if k.Until.IsZero() {
				k.Until = now
			}
			region.Keys = append(region.Keys, k)
		}
		r.Regions = slices.Delete(slices.Clone(r.Regions), i, i+1)
	}
	region.Keys = append(region.Keys, trustlist.ListKey{Key: key.DER(), From: from})
	r.Regions = append(r.Regions, region)
	r.Head = trustlist.Head{Sequence: max(r.Sequence+1, now.Unix()), Issued: now, Next: now.AddDate(1, 0, 0)}
	return r, nil
}

// ExportTrust writes what somebody needs to check licences of this city and of those
// it believes, offline: a folder for `yiwang verify --trust`.
func (a *App) ExportTrust(ctx context.Context, dir string) error {
	files := map[string][]byte{}
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		own, err := a.Credentials.TrustFolder(ctx, tx)
		if err != nil {
			return err
		}
		for name, raw := range own {
			files[name] = raw
		}
		anchors, err := a.Trust.Anchors(ctx, tx)
		if err != nil {
			return err
		}
		for _, x := range anchors {
			kind := "PUBLIC KEY"
			if k, err := credential.ParseKey(x.Key); err == nil && !k.NotAfter.IsZero() {
				kind = "CERTIFICATE"
			}
			files[filepath.Join(credential.AnchorFolder, x.ID+".pem")] = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: x.Key})
		}
		lists, err := a.Trust.Files(ctx, tx)
		for name, raw := range lists {
			files[name] = raw
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, credential.AnchorFolder), 0o755); err != nil {
		return err
	}
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadTrustKey reads the key of an anchor from a file, PEM or DER.
func ReadTrustKey(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, city.NotFound("trust.file", "file", file)
	}
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	return raw, nil
}

// AddAnchor takes the key of an anchor that the operator was given by hand.
func (a *App) AddAnchor(ctx context.Context, der []byte) (trustlist.Anchor, error) {
	return a.Trust.AddAnchor(ctx, console, der)
}

// ImportTrust takes a signed list at the console.
func (a *App) ImportTrust(ctx context.Context, raw []byte, source string) (trustlist.Taking, error) {
	return a.Trust.Import(ctx, console, raw, source)
}

// DropTrust believes nothing of a region any more.
func (a *App) DropTrust(ctx context.Context, code city.RegionCode) error {
	return a.Trust.Drop(ctx, console, code)
}

// WithdrawKey says of one of the city's own keys that it signs no more.
func (a *App) WithdrawKey(ctx context.Context, id credential.KeyID, compromised bool, at time.Time) error {
	return a.Trust.Withdraw(ctx, console, id, compromised, at)
}
