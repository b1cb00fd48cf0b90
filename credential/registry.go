package credential

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options make a registry.
type Options struct {
	DB      *db.DB
	Journal *journal.Journal
	Access  *access.Access
	Clock   city.Clock
	Zone    *time.Location // of the city; dates are days there

	City  string    // division code, such as "9901"
	Name  city.Text // of the city; the Chinese name stands in the certificates
	Mark  string    // of the city, for the seal on paper
	Types []Type
	// Issuers are the bodies in whose name licences are given.
	Issuers map[city.BodyID]Issuer
	// Keys is the folder of the signing keys. New makes missing keys only where
	// the database holds none for the algorithm.
	Keys string
	// KeysFrom is since when new keys are valid, for a city whose licences begin
	// before the program first ran; now when zero.
	KeysFrom time.Time
	// ListURL is where status lists are served; the list's number is appended.
	// It stands in every code, so it should stay.
	ListURL string
	// Origin is the city's address, which names it as an issuer of SD-JWT credentials.
	Origin string
	// CheckURL is the page where anybody can check a licence.
	CheckURL string
	// Regions names a division for people; nil shows codes.
	Regions func(city.RegionCode) city.Text
	// Press prints PDF files; nil can't.
	Press *paper.Press
	// Health is whose health certificates the city believes; nil believes nobody's.
	Health func() *Trust
}

// Issuer is a body as licences name it.
type Issuer struct {
	Code string // unified social credit code
	Name city.Text
}

// Registry issues licences, changes their state, finds and checks them. It is
// safe for concurrent use.
type Registry struct {
	o       Options
	current map[city.CredentialType]*typeVersion
	trusted atomic.Pointer[Trust] // all keys that ever signed here; no lists, the database knows better
	others  atomic.Pointer[Trust]
	ended   atomic.Pointer[map[KeyID]Ending]

	folder  atomic.Pointer[KeyFolder]
	growing sync.Mutex // held while keys are added

	mu     sync.Mutex
	old    map[typeKey]*Type // earlier versions, as they were read
	serial []block           // running numbers claimed by this process
	lists  map[listKey]*signedList
}

type typeVersion struct {
	Type
	version int
}

type typeKey struct {
	id      city.CredentialType
	version int
}

// New registers the pack's types and makes sure of the keys: a key that signed
// licences and is gone stops the program, it is never made anew in silence.
func New(ctx context.Context, o Options) (*Registry, error) {
	r := &Registry{o: o, current: map[city.CredentialType]*typeVersion{}, old: map[typeKey]*Type{},
		lists: map[listKey]*signedList{}}
	algorithms := map[Algorithm]bool{EdDSA: true} // signs the status lists
	for i := range o.Types {
		t := o.Types[i]
		if faults := t.Check(); len(faults) > 0 {
			return nil, fmt.Errorf("licence type %s: %s: %s", t.ID, faults[0].Name, faults[0].Message.In(city.English))
		}
		if _, ok := o.Issuers[t.Issuer]; !ok {
			return nil, fmt.Errorf("licence type %s: no body %q", t.ID, t.Issuer)
		}
		if r.current[t.ID] != nil {
			return nil, fmt.Errorf("licence type %s stands twice", t.ID)
		}
		algorithms[t.algorithm()] = true
		r.current[t.ID] = &typeVersion{Type: t}
	}
	keys, err := OpenKeys(o.Keys)
	if err != nil {
		return nil, err
	}
	r.folder.Store(keys)
	r.trusted.Store(NewTrust())
	err = o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, t := range r.current {
			if err := r.registerType(ctx, tx, t); err != nil {
				return err
			}
		}
		return r.ensureKeys(ctx, tx, algorithms)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Registry) registerType(ctx context.Context, tx *db.Tx, t *typeVersion) error {
	raw, err := json.Marshal(t.Type)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	t.version, err = registerType(ctx, tx, t.ID, hex.EncodeToString(sum[:]), string(raw), r.o.Clock.Now())
	return err
}

// ensureKeys finds a key for each algorithm, or makes one where there has never
// been one (or all have run out), and remembers every certificate.
func (r *Registry) ensureKeys(ctx context.Context, tx *db.Tx, algorithms map[Algorithm]bool) error {
	now := r.o.Clock.Now()
	known, err := keysStored(ctx, tx)
	if err != nil {
		return err
	}
	stored := map[KeyID]bool{}
	keys, trust := r.folder.Load(), r.trusted.Load()
	for _, k := range known {
		stored[k.id] = true
		if err := trust.AddCertificate("database", k.certificate); err != nil {
			return fmt.Errorf("certificate %s in the database: %w", k.id, err)
		}
	}
	for _, a := range check.Algorithms {
		if !algorithms[a] {
			continue
		}
		if keys.Signer(a, now) == nil {
			for i, k := range known {
				if k.algorithm == a && trust.Keys()[i].HoldsAt(now) {
					return city.Invalid("credential.key.lost", "key", k.id.String(), "dir", r.o.Keys)
				}
			}
			from := now
			if !r.o.KeysFrom.IsZero() && r.o.KeysFrom.Before(now) {
				from = r.o.KeysFrom
			}
			s, err := keys.Create(a, r.o.Name.ZhHans, from)
			if err != nil {
				return err
			}
			slog.InfoContext(ctx, "made a key for signing licences", "algorithm", a, "key", s.KeyID().String(), "folder", r.o.Keys)
		}
	}
	for _, s := range keys.Signers() {
		if stored[s.KeyID()] {
			continue
		}
		if err := trust.AddCertificate("folder", s.Certificate()); err != nil {
			return err
		}
		insertKey(tx, s.KeyID(), s.Algorithm(), s.Certificate(), now)
	}
	return nil
}

// Types are the licence types of the pack, in order of their ids.
func (r *Registry) Types() []Type {
	all := make([]Type, 0, len(r.current))
	for _, t := range r.current {
		all = append(all, t.Type)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}

// Type finds a licence type of the pack.
func (r *Registry) Type(id city.CredentialType) (Type, bool) {
	t, ok := r.current[id]
	if !ok {
		return Type{}, false
	}
	return t.Type, true
}

// City is the division code of the city, which stands in its codes.
func (r *Registry) City() string { return r.o.City }

// Trust is what the city itself trusts: every key it ever signed with. It is another
// one when keys were added.
func (r *Registry) Trust() *Trust { return r.trusted.Load() }

// Recognise lets Check answer for licences of others by what is in t, which must
// not change afterwards. Licences of the city's own keys are never judged by it.
func (r *Registry) Recognise(t *Trust) { r.others.Store(t) }

// Others is what was recognised last; nil before.
func (r *Registry) Others() *Trust { return r.others.Load() }

// TrustPEM is what the city publishes so that others can check offline: the
// certificates of all its keys.
func (r *Registry) TrustPEM() []byte {
	var out []byte
	for _, k := range r.Trust().Keys() {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.DER()})...)
	}
	return out
}

// JWKSet are all keys that ever signed here, the old ones too: what they signed
// stays checkable.
func (r *Registry) JWKSet() (JWKSet, error) {
	set := JWKSet{Keys: []JWK{}}
	for _, k := range r.Trust().Keys() {
		j, err := k.JWK()
		if err != nil {
			return JWKSet{}, err
		}
		j.Kid, j.Use = k.ID().String(), "sig"
		j.X5c = []string{base64.StdEncoding.EncodeToString(k.DER())}
		set.Keys = append(set.Keys, j)
	}
	return set, nil
}

// typeAt is the definition that a licence was issued under.
func (r *Registry) typeAt(ctx context.Context, tx *db.Tx, id city.CredentialType, version int) (*Type, error) {
	if t := r.current[id]; t != nil && t.version == version {
		return &t.Type, nil
	}
	key := typeKey{id, version}
	r.mu.Lock()
	t := r.old[key]
	r.mu.Unlock()
	if t != nil {
		return t, nil
	}
	raw, err := typeDefinition(ctx, tx, id, version)
	if err != nil {
		return nil, fmt.Errorf("licence type %s version %d: %w", id, version, err)
	}
	t = &Type{}
	if err := json.Unmarshal([]byte(raw), t); err != nil {
		return nil, fmt.Errorf("licence type %s version %d: %w", id, version, err)
	}
	r.mu.Lock()
	r.old[key] = t
	r.mu.Unlock()
	return t, nil
}

func (r *Registry) now() time.Time { return r.o.Clock.Now().In(r.o.Zone) }

// block is a stretch of running numbers.
type block struct{ next, end int64 }

// blockSize is how many numbers a process claims at once: issuing doesn't wait
// on one shared counter. A crash leaves a gap, never a number twice.
const blockSize = 100

// nextSerial gives a running number that nobody else has or will have.
func (r *Registry) nextSerial(ctx context.Context, tx *db.Tx) (int64, error) {
	r.mu.Lock()
	for len(r.serial) > 0 {
		b := &r.serial[0]
		if b.next == b.end {
			r.serial = r.serial[1:]
			continue
		}
		n := b.next
		b.next++
		r.mu.Unlock()
		return n, nil
	}
	r.mu.Unlock()
	first, err := claimSerials(ctx, tx, blockSize)
	if err != nil {
		return 0, err
	}
	// The rest is ours only once the claim is durable.
	tx.AfterCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.serial = append(r.serial, block{first + 1, first + blockSize})
	})
	return first, nil
}

// LostKeys names the keys that the database knows to be in force and the folder
// lacks: nothing can be signed with them again.
func LostKeys(ctx context.Context, tx *db.Tx, f *KeyFolder, at time.Time) (lost []KeyID, err error) {
	known, err := keysStored(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		cert, err := smx509.ParseCertificate(k.certificate)
		if err != nil {
			return nil, fmt.Errorf("certificate %s in the database: %w", k.id, err)
		}
		if f.ByID(k.id) == nil && at.Before(cert.NotAfter) {
			lost = append(lost, k.id)
		}
	}
	return lost, nil
}
