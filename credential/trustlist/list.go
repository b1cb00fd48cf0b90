package trustlist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
)

// Sort is which layer a list is of. It stands in the signed header, so that one is
// never taken for the other.
type Sort string

const (
	SortRegions Sort = "yiwang-regions+jws" // who the regions are
	SortIssuers Sort = "yiwang-issuers+jws" // which keys sign what in a region
)

// Term of a list of issuers: a newer one is due after so long.
const Term = 24 * time.Hour

// Bounds on a list, which may have come from anywhere.
const (
	MaxList     = 4 << 20 // bytes
	maxRegions  = 10_000
	maxKeys     = 1_000
	maxLicences = 10_000
	maxText     = 512
	skew        = 5 * time.Minute // how far the signer's clock may run ahead
)

// Head is what both layers have.
type Head struct {
	Sequence int64     `json:"sequence"`    // grows with each list; a lower one is refused
	Issued   time.Time `json:"issued"`      // when it was signed
	Next     time.Time `json:"next_update"` // when a newer one is due
}

// Regions is the first layer.
type Regions struct {
	Head
	Authority city.Text `json:"authority"` // who says so
	Regions   []Region  `json:"regions"`
}

// Region is one region of the first layer.
type Region struct {
	Code    city.RegionCode `json:"code"`
	Name    city.Text       `json:"name"`
	Address string          `json:"address,omitempty"` // of its own list, http or https
	Keys    []ListKey       `json:"keys"`              // that sign its own list
	Since   time.Time       `json:"since"`
	Until   time.Time       `json:"until,omitzero"` // licences signed from then on aren't vouched for
}

// ListKey signs the list of a region for a time.
type ListKey struct {
	Key   []byte    `json:"key"` // certificate or public key, DER
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

// Issuers is the second layer: what a region says of its own keys.
type Issuers struct {
	Head
	Region city.RegionCode `json:"region"`
	Name   city.Text       `json:"name"`
	Keys   []IssuerKey     `json:"keys"`
	// ListKeys sign this list. They prove nothing where they stand here: who meets the
	// region compares them by other means.
	ListKeys    [][]byte `json:"list_keys,omitempty"`
	StatusLists string   `json:"status_lists,omitempty"` // what the addresses of its status lists begin with
	Log         *Log     `json:"log,omitempty"`
}

// IssuerKey is a key that signs licences. One that signs no more stays on the list
// with the reason: without it nothing that it signed counts.
type IssuerKey struct {
	Key       []byte               `json:"key"` // certificate or public key, DER
	Algorithm credential.Algorithm `json:"algorithm"`
	From      time.Time            `json:"from"`
	Until     time.Time            `json:"until,omitzero"`
	Licences  []Licence            `json:"licences,omitempty"`   // sorts that it may sign
	PassCodes []string             `json:"pass_codes,omitempty"` // purposes of pass codes that it may sign

	Retired     time.Time `json:"retired,omitzero"`     // what it signed before still counts
	Compromised time.Time `json:"compromised,omitzero"` // was in other hands from then on
}

// Licence is a sort of licence.
type Licence struct {
	Code string    `json:"code"` // of the type, 21 characters
	Name city.Text `json:"name"`
}

// Log is the region's public log and the witness that it is of others' logs.
type Log struct {
	Origin     string `json:"origin"`
	Key        string `json:"key"`                   // verifier key (C2SP signed-note)
	Witness    string `json:"witness,omitempty"`     // address of its witness
	WitnessKey string `json:"witness_key,omitempty"` // verifier key (cosignature/v1)
}

// List is a list as it was signed. Nothing of it counts before SignedBy.
type List struct {
	Sort    Sort
	Regions *Regions // for SortRegions
	Issuers *Issuers // for SortIssuers
	Raw     []byte

	algorithm credential.Algorithm
	kid       string
	signed    []byte
	signature []byte
}

// Head is what both layers have.
func (l *List) Head() Head {
	if l.Regions != nil {
		return l.Regions.Head
	}
	return l.Issuers.Head
}

// Digest is the SHA-256 of the list as it was signed, in hexadecimal.
func (l *List) Digest() string {
	sum := sha256.Sum256(l.Raw)
	return hex.EncodeToString(sum[:])
}

type header struct {
	Alg  string   `json:"alg"`
	Kid  string   `json:"kid"`
	Typ  Sort     `json:"typ"`
	Crit []string `json:"crit,omitempty"`
}

var b64 = base64.RawURLEncoding

// SignRegions signs a list of the first layer.
func SignRegions(ctx context.Context, s credential.Signer, r Regions) ([]byte, error) {
	return sign(ctx, s, SortRegions, r, r.faults())
}

// SignIssuers signs a list of the second layer.
func SignIssuers(ctx context.Context, s credential.Signer, r Issuers) ([]byte, error) {
	return sign(ctx, s, SortIssuers, r, r.faults())
}

func sign(ctx context.Context, s credential.Signer, sort Sort, list any, fault error) ([]byte, error) {
	if fault != nil {
		return nil, fault
	}
	head, err := json.Marshal(header{Alg: string(s.Algorithm()), Kid: s.KeyID().String(), Typ: sort})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	text := []byte(b64.EncodeToString(head) + "." + b64.EncodeToString(body))
	sig, err := s.Sign(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("signing a trust list: %w", err)
	}
	out := append(text, "."+b64.EncodeToString(sig)...)
	if len(out) > MaxList {
		return nil, city.TooLarge("trust.list.too_large", "n", MaxList>>20)
	}
	return out, nil
}

// LooksLikeList reports whether bytes claim to be a signed list.
func LooksLikeList(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	return bytes.HasPrefix(raw, []byte("eyJ")) && bytes.Count(raw, []byte(".")) == 2
}

// Parse reads a list. Its errors are of type *city.Error.
func Parse(raw []byte) (*List, error) {
	if len(raw) > MaxList {
		return nil, city.TooLarge("trust.list.too_large", "n", MaxList>>20)
	}
	l, err := parse(bytes.TrimSpace(raw))
	if err != nil {
		e := city.Invalid("trust.list.malformed")
		e.Err = err
		return nil, e
	}
	return l, nil
}

func parse(raw []byte) (*List, error) {
	parts := bytes.Split(raw, []byte("."))
	if len(parts) != 3 {
		return nil, errors.New("not a JWS in compact form")
	}
	var head header
	if err := decode(parts[0], &head); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	sig, err := b64.DecodeString(string(parts[2]))
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if len(head.Crit) > 0 {
		return nil, fmt.Errorf("it asks for %q to be understood", head.Crit)
	}
	l := &List{Sort: head.Typ, Raw: bytes.Clone(raw), algorithm: credential.Algorithm(head.Alg), kid: head.Kid, signature: sig}
	l.signed = l.Raw[:len(parts[0])+1+len(parts[1])]
	switch head.Typ {
	case SortRegions:
		l.Regions = &Regions{}
		if err = decode(parts[1], l.Regions); err == nil {
			err = l.Regions.faults()
		}
	case SortIssuers:
		l.Issuers = &Issuers{}
		if err = decode(parts[1], l.Issuers); err == nil {
			err = l.Issuers.faults()
		}
	default:
		err = fmt.Errorf("typ %q is no trust list", head.Typ)
	}
	return l, err
}

func decode(part []byte, v any) error {
	raw, err := b64.DecodeString(string(part))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// SignedBy reports whether the key signed the list, at a moment at which it might.
func (l *List) SignedBy(k *credential.Key) bool {
	return k.Algorithm == l.algorithm && k.Signed(l.signed, l.signature, l.Head().Issued)
}

// SelfSigned is the key of a list of issuers by which it was signed, among those that
// it names itself; nil when there is none.
func (l *List) SelfSigned() *credential.Key {
	if l.Issuers == nil {
		return nil
	}
	for _, der := range l.Issuers.ListKeys {
		if k, err := credential.ParseKey(der); err == nil && l.SignedBy(k) {
			return k
		}
	}
	return nil
}

// FreshAt reports whether no newer list was due yet.
func (l *List) FreshAt(t time.Time) bool { return !t.After(l.Head().Next) }

func (h Head) fault() error {
	switch {
	case h.Sequence < 1:
		return errors.New("the sequence number must be positive")
	case h.Issued.IsZero() || h.Next.Before(h.Issued):
		return errors.New("the times of issue and of the next update don't fit")
	case h.Issued.Year() < 2000 || h.Next.Year() > 2999:
		return errors.New("times that can't be")
	}
	return nil
}

func (r *Regions) faults() error {
	if err := r.Head.fault(); err != nil {
		return err
	}
	if len(r.Regions) > maxRegions {
		return fmt.Errorf("more than %d regions", maxRegions)
	}
	seen := map[city.RegionCode]bool{}
	for _, x := range r.Regions {
		switch {
		case !isCode(x.Code):
			return fmt.Errorf("region code %q", x.Code)
		case seen[x.Code]:
			return fmt.Errorf("region %s stands twice", x.Code)
		case short(x.Name) != nil:
			return short(x.Name)
		case x.Address != "" && !isAddress(x.Address):
			return fmt.Errorf("address %q of region %s", x.Address, x.Code)
		case len(x.Keys) == 0 || len(x.Keys) > maxKeys:
			return fmt.Errorf("region %s has %d keys", x.Code, len(x.Keys))
		}
		seen[x.Code] = true
		for _, k := range x.Keys {
			if _, err := credential.ParseKey(k.Key); err != nil {
				return fmt.Errorf("key of region %s: %w", x.Code, err)
			}
		}
	}
	return short(r.Authority)
}

func (i *Issuers) faults() error {
	if err := i.Head.fault(); err != nil {
		return err
	}
	switch {
	case !isCode(i.Region):
		return fmt.Errorf("region code %q", i.Region)
	case len(i.Keys) > maxKeys || len(i.ListKeys) > maxKeys:
		return fmt.Errorf("more than %d keys", maxKeys)
	case i.StatusLists != "" && !isAddress(i.StatusLists):
		return fmt.Errorf("address %q of status lists", i.StatusLists)
	}
	seen := map[credential.KeyID]bool{}
	for _, k := range i.Keys {
		key, err := credential.ParseKey(k.Key)
		if err != nil {
			return err
		}
		switch {
		case key.Algorithm != k.Algorithm:
			return fmt.Errorf("key %s signs with %s, not with %q", key.ID(), key.Algorithm, k.Algorithm)
		case seen[key.ID()]:
			return fmt.Errorf("key %s stands twice", key.ID())
		case len(k.Licences) > maxLicences || len(k.PassCodes) > maxLicences:
			return fmt.Errorf("key %s may sign more than %d sorts", key.ID(), maxLicences)
		}
		seen[key.ID()] = true
		for _, x := range k.Licences {
			if len(x.Code) != 21 || short(x.Name) != nil {
				return fmt.Errorf("licence type %q", x.Code)
			}
		}
		for _, p := range k.PassCodes {
			if p == "" || len(p) > maxText {
				return fmt.Errorf("purpose %q of pass codes", p)
			}
		}
	}
	if g := i.Log; g != nil && (len(g.Origin) > maxText || len(g.Key) > maxText || len(g.WitnessKey) > maxText || g.Witness != "" && !isAddress(g.Witness)) {
		return errors.New("the log can't be as it is described")
	}
	return short(i.Name)
}

func short(t city.Text) error {
	if t.IsZero() || len(t.ZhHans) > maxText || len(t.En) > maxText || strings.ContainsFunc(t.ZhHans+t.En, func(r rune) bool { return r < ' ' }) {
		return errors.New("a name is missing, too long, or of more than one line")
	}
	return nil
}

func isCode(c city.RegionCode) bool {
	return len(c) >= 2 && len(c) <= 12 && strings.Trim(string(c), "0123456789") == ""
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxText && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == ""
}

// Fingerprint is a key as people compare it by telephone: SHA-256 of the key, in
// groups of four.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	digits := hex.EncodeToString(sum[:16])
	var groups []string
	for len(digits) > 0 {
		groups, digits = append(groups, digits[:4]), digits[4:]
	}
	return strings.Join(groups, " ")
}
