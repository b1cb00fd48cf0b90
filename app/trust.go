package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
	trustpage "yiwang/web/trust"
)

// trustListPath is where the city's own list of issuers is served.
const trustListPath = trustpage.PathList

// listKeys is the folder of the key that signs the city's own list.
func listKeys(data string) string { return filepath.Join(data, "keys", "trust") }

// Timing and bounds of what is asked of other regions.
const (
	lookForNews  = 5 * time.Second  // in the database
	renewLists   = time.Hour        // a region's list is asked for again
	retryLists   = 5 * time.Minute  // after it could not be had
	renewStatus  = 10 * time.Minute // a status list before a check
	keepStatus   = 6 * time.Hour    // a status list although nobody checks
	retryStatus  = time.Minute      // after it could not be had
	askListFor   = 15 * time.Second
	askStatusFor = 3 * time.Second // somebody waits
)

// trusting is the part of the program that keeps trust up to date.
var trusting = city.SystemActor("trust")

// abroad is what the city knows of other regions, in memory.
type abroad struct {
	mu       sync.Mutex
	believed trustlist.Believed
	asking   map[string]chan struct{} // status lists that are being fetched; closed when they are there
}

// trustBook opens the book of whom the city believes.
func (a *App) trustBook() error {
	keys, err := credential.OpenKeys(listKeys(a.Data))
	if err != nil {
		return err
	}
	s := keys.Signer(credential.EdDSA, a.Clock.Now())
	if s == nil && !a.Existing {
		if s, err = keys.CreateFor("trust-list", credential.EdDSA, a.Pack.Site.Name.ZhHans, a.Clock.Now()); err != nil {
			return err
		}
	}
	a.Trust = trustlist.New(trustlist.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Code: a.Code, Signer: s, Says: a.trustsSay})
	return nil
}

// trustsSay is what the city says of its own keys: each may sign the sorts of
// licences that are signed by its algorithm.
func (a *App) trustsSay() (trustlist.Issuers, error) {
	l := trustlist.Issuers{Region: a.Code, Name: a.Pack.Site.Name, StatusLists: a.Origin + "/credentials/status/"}
	if s := a.Trust.Signer; s != nil {
		l.ListKeys = [][]byte{s.Certificate()}
	}
	for _, k := range a.Credentials.Trust().Keys() {
		x := trustlist.IssuerKey{Key: k.DER(), Algorithm: k.Algorithm, From: k.NotBefore, Until: k.NotAfter, Retired: a.Credentials.Successor(k.ID())}
		for _, t := range a.Credentials.Types() {
			if t.SignedWith() == k.Algorithm {
				x.Licences = append(x.Licences, trustlist.Licence{Code: t.Code, Name: t.Name})
			}
		}
		if k.Algorithm == credential.EdDSA {
			for _, p := range a.Pack.Passes {
				x.PassCodes = append(x.PassCodes, p.ID)
			}
		}
		l.Keys = append(l.Keys, x)
	}
	if a.PublicLog != nil {
		l.Log = &trustlist.Log{Origin: a.PublicLog.Key.Name(), Key: a.PublicLog.Key.Public}
		if a.Witness != nil {
			l.Log.Witness, l.Log.WitnessKey = a.Origin+"/witness", a.Witness.Public()
		}
	}
	return l, nil
}

// ownTrustList serves the city's own list.
func (a *App) ownTrustList(w http.ResponseWriter, r *http.Request) {
	var l *trustlist.List
	err := a.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		l, err = a.Trust.Own(ctx, tx)
		return err
	})
	switch {
	case err != nil:
		slog.ErrorContext(r.Context(), "the city's own trust list can't be read", "err", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	case l == nil:
		http.Error(w, "there is no list yet", http.StatusNotFound)
	default:
		h := w.Header()
		h.Set("Content-Type", "application/jose")
		h.Set("Cache-Control", "public, max-age=60")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(l.Raw)
	}
}

// believe reads what is believed of others, where it has changed.
func (a *App) believe(ctx context.Context) error {
	a.abroad.mu.Lock()
	have := a.abroad.believed
	a.abroad.mu.Unlock()
	return a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := a.Trust.Version(ctx, tx)
		if err != nil || have.Trust != nil && n == have.Version {
			return err
		}
		b, err := a.Trust.Believe(ctx, tx)
		if err != nil {
			return err
		}
		a.abroad.mu.Lock()
		defer a.abroad.mu.Unlock()
		a.abroad.believed = b
		a.Credentials.Recognise(b.Trust)
		return nil
	})
}

// keepTrust publishes the city's own list, and asks other regions for newer ones,
// until the context ends.
func (a *App) keepTrust(ctx context.Context) {
	failed := ""
	for {
		err := errors.Join(a.followKeys(ctx), a.publishTrust(ctx), a.believe(ctx), a.RefreshTrust(ctx, false, nil), a.refreshStatuses(ctx))
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failed = ""
		case err.Error() != failed: // once
			failed = err.Error()
			a.Log.ErrorContext(ctx, "trust between regions could not be kept up to date", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookForNews):
		}
	}
}

func (a *App) publishTrust(ctx context.Context) error {
	_, err := a.Trust.Publish(ctx, trusting)
	return err
}

// RefreshTrust asks the regions for newer lists: those that are due, or all. told
// hears what became of each; nil hears nothing.
func (a *App) RefreshTrust(ctx context.Context, all bool, told func(n trustlist.Neighbour, t trustlist.Taking, err error)) error {
	var regions []trustlist.Neighbour
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		regions, err = a.Trust.Regions(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	now := a.Clock.Now()
	for _, n := range regions {
		due := n.Tried.IsZero() || now.Sub(n.Tried) >= renewLists || !n.Failing.IsZero() && now.Sub(n.Tried) >= retryLists || now.Before(n.Tried)
		if n.Region.Address == "" || n.Region.Code == a.Code || !n.Dropped.IsZero() || !all && !due {
			continue
		}
		raw, err := fetch(ctx, n.Region.Address, trustlist.MaxList, askListFor)
		var t trustlist.Taking
		if err == nil {
			t, err = a.Trust.Refresh(ctx, trusting, n.Region.Code, raw, n.Region.Address)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if told != nil {
			told(n, t, err)
		}
		if err == nil {
			continue
		}
		if n.Failing.IsZero() {
			a.Log.WarnContext(ctx, "the trust list of a region could not be had; the last good one stays in force", "region", string(n.Region.Code), "err", err)
		}
		if err := a.Trust.Failing(ctx, trusting, n.Region.Code, err.Error()); err != nil {
			return err
		}
	}
	return nil
}

// refreshStatuses keeps the status lists that were asked for once.
func (a *App) refreshStatuses(ctx context.Context) error {
	a.abroad.mu.Lock()
	b := a.abroad.believed
	a.abroad.mu.Unlock()
	now := a.Clock.Now()
	for uri, s := range b.Statuses {
		if now.Sub(s.Tried) >= keepStatus {
			if err := a.status(ctx, s.Region, uri); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetchStatus gets the status list that another region's licence names, unless what
// is there is new enough. When it can't be had in time, the check goes on without.
func (a *App) fetchStatus(ctx context.Context, code string) {
	a.abroad.mu.Lock()
	b := a.abroad.believed
	a.abroad.mu.Unlock()
	if b.Trust == nil {
		return
	}
	now := a.Clock.Now()
	uri, region := b.Trust.Wanted(code, now)
	if uri == "" {
		return
	}
	s := b.Statuses[uri]
	if now.Sub(s.Good) < renewStatus || now.Sub(s.Tried) < retryStatus {
		return
	}
	a.abroad.mu.Lock()
	done, asked := a.abroad.asking[uri]
	if !asked {
		if a.abroad.asking == nil {
			a.abroad.asking = map[string]chan struct{}{}
		}
		done = make(chan struct{})
		a.abroad.asking[uri] = done
	}
	a.abroad.mu.Unlock()
	if asked { // somebody else waits for it
		select {
		case <-done:
		case <-ctx.Done():
		}
		return
	}
	// Whoever asked may go away; others wait for the answer.
	if err := a.status(context.WithoutCancel(ctx), city.RegionCode(region), uri); err != nil {
		a.Log.WarnContext(ctx, "a status list of another region could not be kept", "list", uri, "err", err)
	}
	a.abroad.mu.Lock()
	delete(a.abroad.asking, uri)
	a.abroad.mu.Unlock()
	close(done)
}

// status fetches a status list and keeps it, or that it could not be had.
func (a *App) status(ctx context.Context, region city.RegionCode, uri string) error {
	token, err := fetch(ctx, uri, maxStatus, askStatusFor)
	if err == nil {
		var l *credential.StatusList
		if l, err = credential.ParseStatusList(token, a.Credentials.Others()); err == nil && l.URI != uri {
			err = fmt.Errorf("%s gives the list %s", uri, l.URI)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		a.Log.InfoContext(ctx, "a status list of another region could not be had", "region", string(region), "list", uri, "err", err)
		token = nil
	}
	if err := a.Trust.KeepStatus(ctx, trusting, region, uri, token); err != nil {
		return err
	}
	return a.believe(ctx)
}

// maxStatus is how long a status list of others may be, in bytes.
const maxStatus = 4 << 20

// abroadClient asks other regions. It follows no redirects: what was signed is the
// address itself.
var abroadClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// fetch reads what stands at an address, within a time and a size.
func fetch(ctx context.Context, address string, most int64, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := abroadClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s is longer than %d bytes", address, most)
	}
	return raw, err
}
