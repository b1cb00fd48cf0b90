package check

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"yiwang/city"
	"yiwang/credential/hcert"
)

// Trust is what a checker relies on: the keys of issuers, and the newest status
// lists it could get. It needs no network. Fill it first; afterwards any number
// of goroutines may check with it.
type Trust struct {
	keys     map[string][]*Key // by key id
	all      []*Key
	lists    map[string][]*StatusList // by URI, newest first
	room     int                      // bytes that status lists may still take
	purposes map[[2]string]PassTerms  // of pass codes, by city and name
	away     map[string]time.Time     // lists that can't be had, by URI: since when
}

// NewTrust is a trust that knows nobody.
func NewTrust() *Trust {
	return &Trust{keys: map[string][]*Key{}, lists: map[string][]*StatusList{}, room: maxTrustLists}
}

// Clone is a copy that keys can be added to while others check with the first.
func (t *Trust) Clone() *Trust {
	c := *t
	c.keys, c.all, c.lists, c.purposes, c.away = map[string][]*Key{}, slices.Clone(t.all), maps.Clone(t.lists), maps.Clone(t.purposes), maps.Clone(t.away)
	for id, keys := range t.keys {
		c.keys[id] = slices.Clone(keys)
	}
	return &c
}

// Keys lists the keys it knows.
func (t *Trust) Keys() []*Key { return t.all }

// Lists lists the status lists it holds.
func (t *Trust) Lists() []*StatusList {
	var all []*StatusList
	for _, l := range t.lists {
		all = append(all, l...)
	}
	return all
}

// TrustFault says why a file of a trust folder isn't used. The others are.
type TrustFault struct {
	File    string
	Message city.Message
	Err     error // the cause, for those who want it exactly
}

func (f TrustFault) Error() string {
	s := f.File + ": " + f.Message.In(city.English)
	if f.Err != nil {
		s += " (" + f.Err.Error() + ")"
	}
	return s
}

// Bounds on a trust folder, which may have come from anywhere.
const (
	maxTrustFiles = 10_000
	maxTrustDepth = 4
	maxTrustKeys  = 100_000
	maxKeyFileLen = 4 << 20
	maxTrustLists = 256 << 20
)

// LoadTrust reads a folder: X.509 certificates and public keys (PEM or DER), JWK
// sets (JSON), signed status lists (CWT or JWT), told apart by what is in them. A file
// that can't be used is reported and left out; an error means that the folder
// itself can't be read.
//
// What stands in a folder named AnchorFolder is no issuer's. beforeLists is called
// with the keys that were found, to add some before status lists are checked.
func LoadTrust(dir fs.FS, beforeLists ...func(*Trust)) (*Trust, []TrustFault, error) {
	t := NewTrust()
	var faults []TrustFault
	fault := func(file, key string, err error, args ...any) {
		faults = append(faults, TrustFault{file, city.Message{Key: key, Args: args}, err})
	}
	var lists []string
	files := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			fault(name, "credential.trust.unreadable", err)
			return nil
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == AnchorFolder || strings.Count(name, "/") >= maxTrustDepth) {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		if files++; files > maxTrustFiles {
			fault(name, "credential.trust.too_many", nil, "n", maxTrustFiles)
			return fs.SkipAll
		}
		body, err := readBounded(dir, name)
		switch {
		case errors.Is(err, errTooLarge):
			fault(name, "credential.trust.too_large", err, "n", maxKeyFileLen>>20)
		case err != nil:
			fault(name, "credential.trust.unreadable", err)
		case looksLikeCOSE(body) || looksLikeJWT(body):
			lists = append(lists, name)
		default:
			if key, err := t.addKeys(name, body); key != "" {
				fault(name, key, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range beforeLists {
		f(t)
	}
	// Lists come last: their keys may lie in any file.
	for _, name := range lists {
		body, err := readBounded(dir, name)
		if err != nil {
			fault(name, "credential.trust.unreadable", err)
			continue
		}
		var e *city.Error
		if err := t.AddStatusList(name, body); errors.As(err, &e) {
			faults = append(faults, TrustFault{name, e.Message, e.Err})
		}
	}
	return t, faults, nil
}

var errTooLarge = errors.New("too large")

func readBounded(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name) // follows links: what counts is what they lead to
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file: %s", info.Mode())
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxKeyFileLen+1))
	if err == nil && len(body) > maxKeyFileLen {
		err = errTooLarge
	}
	return body, err
}

func looksLikeCOSE(b []byte) bool {
	return len(b) > 1 && (b[0] == 0xd2 && b[1] == 0x84 || b[0] == 0x84 || b[0] == 0xd8 && b[1] == 61)
}

// AddKeys trusts the keys of a file of certificates, public keys or a JWK set, as
// LoadTrust does. Its errors are of type *city.Error.
func (t *Trust) AddKeys(source string, body []byte) error {
	key, err := t.addKeys(source, body)
	if key == "" {
		return nil
	}
	e := city.Invalid(key)
	e.Err = err
	return e
}

// addKeys adds what a file of keys holds; key names the fault, if any.
func (t *Trust) addKeys(name string, body []byte) (key string, err error) {
	text := strings.TrimSpace(string(body))
	switch {
	case strings.Contains(text, "-----BEGIN "):
		return t.addPEM(name, body)
	case strings.HasPrefix(text, "{"):
		return t.addJWKs(name, []byte(text))
	case len(body) > 1 && body[0] == 0x30:
		if err := t.AddCertificate(name, body); err == nil {
			return "", nil
		}
		if err := t.addSPKI(name, body); err != nil {
			return "credential.trust.not_a_key", err
		}
		return "", nil
	}
	return "credential.trust.unknown_file", nil
}

func (t *Trust) addPEM(name string, body []byte) (string, error) {
	var blocks []*pem.Block
	for {
		block, rest := pem.Decode(body)
		if block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return "credential.trust.private_key", nil
		}
		blocks, body = append(blocks, block), rest
	}
	found := false
	for _, block := range blocks {
		var err error
		switch block.Type {
		case "CERTIFICATE":
			err = t.AddCertificate(name, block.Bytes)
		case "PUBLIC KEY":
			err = t.addSPKI(name, block.Bytes)
		default:
			continue
		}
		if err != nil {
			return "credential.trust.not_a_key", err
		}
		found = true
	}
	if !found {
		return "credential.trust.not_a_key", errors.New("no certificate or public key in it")
	}
	return "", nil
}

// AddCertificate trusts the key of an X.509 certificate (DER) for what was signed
// while the certificate was valid. Chains are not followed: presence is trust.
func (t *Trust) AddCertificate(source string, der []byte) error {
	c, err := smx509.ParseCertificate(der)
	if err != nil {
		return err
	}
	k, err := certifiedKey(c)
	if err != nil {
		return err
	}
	k.Source, k.authority = source, "subject "+string(c.RawSubject)
	return t.add(k, keyIDOf(der), keyIDOf(k.spki))
}

// certifiedKey is the key of a certificate, with what that says about it.
func certifiedKey(c *smx509.Certificate) (*Key, error) {
	k, err := newKey(c.PublicKey)
	if err != nil {
		return nil, err
	}
	k.Name = c.Subject.CommonName
	if len(c.Subject.Organization) > 0 {
		k.Name = c.Subject.Organization[0]
	}
	k.NotBefore, k.NotAfter, k.certificate = c.NotBefore.UTC(), c.NotAfter.UTC(), c.Raw
	var health hcert.Kind
	for _, oid := range c.UnknownExtKeyUsage {
		health |= hcert.UsageOf(oid.String())
	}
	if health != 0 {
		k.health = health
	}
	return k, nil
}

func (t *Trust) addSPKI(source string, der []byte) error {
	pub, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	return t.addBare(source, "", pub)
}

// addBare trusts a key that comes without a certificate; keys of one file are of
// one authority.
func (t *Trust) addBare(source, name string, pub any, ids ...KeyID) error {
	k, err := newKey(pub)
	if err != nil {
		return err
	}
	k.Name, k.Source, k.authority = name, source, "file "+source
	return t.add(k, append(ids, keyIDOf(k.spki))...)
}

func (t *Trust) add(k *Key, ids ...KeyID) error {
	if len(t.all) >= maxTrustKeys {
		return fmt.Errorf("more than %d keys", maxTrustKeys)
	}
	seen := map[KeyID]bool{}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			t.keys[string(id[:])] = append(t.keys[string(id[:])], k)
		}
	}
	t.all = append(t.all, k)
	return nil
}

// AddStatusList trusts a signed status list if one of the keys signed it. Its
// errors are of type *city.Error.
func (t *Trust) AddStatusList(source string, token []byte) error {
	l, err := ParseStatusList(token, t)
	if err != nil {
		return err
	}
	if len(l.Statuses) > t.room {
		return city.TooLarge("credential.trust.lists_full", "n", maxTrustLists>>20)
	}
	t.room -= len(l.Statuses)
	l.Source = source
	have := t.lists[l.URI]
	at := 0
	for at < len(have) && have[at].SignedAt.After(l.SignedAt) {
		at++
	}
	t.lists[l.URI] = append(have[:at:at], append([]*StatusList{l}, have[at:]...)...)
	return nil
}

// jwk is the part of a JSON Web Key (RFC 7517) that we read. SM2 has no
// registered curve name; we read and write "SM2" with kty EC.
type jwk struct {
	Kty string   `json:"kty"`
	Crv string   `json:"crv"`
	X   string   `json:"x"`
	Y   string   `json:"y,omitempty"`
	N   string   `json:"n,omitempty"`
	E   string   `json:"e,omitempty"`
	D   string   `json:"d,omitempty"`
	K   string   `json:"k,omitempty"`
	Kid string   `json:"kid,omitempty"`
	Use string   `json:"use,omitempty"`
	Alg string   `json:"alg,omitempty"`
	X5c []string `json:"x5c,omitempty"`
}

func (t *Trust) addJWKs(name string, body []byte) (string, error) {
	var set struct {
		jwk
		Keys   []jwk  `json:"keys"`
		Issuer string `json:"issuer"`
		JWKS   struct {
			Keys []jwk `json:"keys"`
		} `json:"jwks"` // as an issuer of SD-JWT credentials publishes it
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return "credential.trust.not_a_key", err
	}
	if set.Kty != "" {
		set.Keys = append(set.Keys, set.jwk)
	}
	set.Keys = append(set.Keys, set.JWKS.Keys...)
	if len(set.Keys) == 0 {
		return "credential.trust.not_a_key", errors.New("no keys in it")
	}
	// A set may hold keys for other uses; only one without any for us is a fault.
	var last error
	found := false
	for _, k := range set.Keys {
		if k.D != "" || k.K != "" {
			return "credential.trust.private_key", nil
		}
	}
	for i, k := range set.Keys {
		if err := t.addJWK(name, set.Issuer, k); err != nil {
			last = fmt.Errorf("key %d: %w", i+1, err)
			continue
		}
		t.nameLast(k.Kid, set.Issuer)
		found = true
	}
	if !found {
		return "credential.trust.not_a_key", last
	}
	return "", nil
}

func (t *Trust) addJWK(source, issuer string, k jwk) error {
	if len(k.X5c) > 0 {
		der, err := base64.StdEncoding.DecodeString(k.X5c[0])
		if err != nil {
			return err
		}
		return t.AddCertificate(source, der)
	}
	pub, err := k.public()
	if err != nil {
		return err
	}
	name := issuer
	if name == "" {
		name = strings.TrimSuffix(path.Base(source), path.Ext(source))
	}
	// The set's own name for the key counts too where it is a key id as codes
	// carry it: 8 bytes, base64 or hexadecimal.
	var ids []KeyID
	var id KeyID
	if id.UnmarshalText([]byte(k.Kid)) == nil {
		ids = append(ids, id)
	}
	for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
		if b, err := enc.DecodeString(k.Kid); err == nil && len(b) == len(KeyID{}) {
			ids = append(ids, KeyID(b))
		}
	}
	return t.addBare(source, name, pub, ids...)
}

func (k jwk) public() (any, error) {
	if k.Kty == "RSA" {
		return k.rsa()
	}
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil {
		return nil, err
	}
	if k.Kty == "OKP" && k.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
		return ed25519.PublicKey(x), nil
	}
	y, err := base64.RawURLEncoding.DecodeString(k.Y)
	if err != nil {
		return nil, err
	}
	if k.Kty == "EC" && len(x) == 32 && len(y) == 32 {
		point := append(append([]byte{4}, x...), y...)
		switch k.Crv {
		case "P-256":
			return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		case "SM2":
			return sm2.NewPublicKey(point)
		}
	}
	return nil, fmt.Errorf("kty %q, crv %q isn't used for licences", k.Kty, k.Crv)
}

func (k jwk) rsa() (*rsa.PublicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		return nil, err
	}
	e, err := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if len(n) > maxRSABits/8 || exponent.BitLen() > 31 {
		return nil, fmt.Errorf("RSA key of %d bytes, exponent of %d bits", len(n), exponent.BitLen())
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

// signerOf finds the key that signed the message, trying every key with the id
// it names. Without one the reason says why: ReasonUnknownSigner,
// ReasonWrongAlgorithm or ReasonBadSignature.
func (t *Trust) signerOf(m *message, scratch []byte) (*Key, Reason) {
	alg := algorithmOf(m.alg)
	if !m.profile.allows(alg) {
		return nil, ReasonWrongAlgorithm
	}
	candidates := t.keys[m.kid]
	if len(candidates) == 0 {
		return nil, ReasonUnknownSigner
	}
	signed := m.appendSigned(scratch[:0])
	why := ReasonWrongAlgorithm
	for _, k := range candidates {
		if k.Algorithm != alg {
			continue
		}
		if k.check(signed, m.signature) {
			return k, ReasonOK
		}
		why = ReasonBadSignature
	}
	return nil, why
}

// listFor finds the snapshot of a list to judge a moment by: the newest signed
// until then, or else the earliest after it. Lists of other issuers than the
// key's don't count.
func (t *Trust) listFor(uri string, key *Key, at time.Time) *StatusList {
	var best *StatusList
	for _, l := range t.lists[uri] { // newest first
		if !l.Key.sameAuthority(key) {
			continue
		}
		best = l
		if !l.SignedAt.After(at) {
			break
		}
	}
	return best
}
