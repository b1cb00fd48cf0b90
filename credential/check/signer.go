package check

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"yiwang/city"
)

// Signer signs codes and status lists in the city's name. Its key may lie in a
// file (KeyFolder) or in a device that never gives it away.
type Signer interface {
	Algorithm() Algorithm
	// KeyID is derived from Certificate; see the type.
	KeyID() KeyID
	// Certificate (DER) is what checkers need to trust the signer.
	Certificate() []byte
	// Sign signs the message itself, not a digest; the result is 64 bytes. It is
	// called concurrently.
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// KeyFolder keeps signing keys as files: one PEM file a key, holding the private
// key (PKCS #8) and its self-signed certificate. Only the owner may read the
// files. A folder never makes a key by itself: opening finds what is there,
// Create is a decision of the caller, who knows whether licences exist that a
// lost key has signed.
type KeyFolder struct {
	dir  string
	keys []HeldKey // newest first
}

// HeldKey is a key of a folder: in a file of it, or elsewhere and named by a file.
type HeldKey interface {
	Signer
	// Term says when the key may sign.
	Term() Term
}

// KeyLife is how long a key may sign. Codes it signed stay checkable.
const KeyLife = 10 * 365 * 24 * time.Hour

// OpenKeys reads the folder; one that doesn't exist is one without keys. A key
// that others may read, or that can't be read, is an error and not skipped.
//
// others read files that name keys elsewhere; each gives nil for a file that isn't its
// own.
func OpenKeys(dir string, others ...func(file string) (HeldKey, error)) (*KeyFolder, error) {
	f := &KeyFolder{dir: dir}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		var k HeldKey
		if strings.HasSuffix(e.Name(), keyFileEnd) {
			if k, err = readKeyFile(name); err != nil {
				return nil, err
			}
		}
		for _, read := range others {
			if k != nil {
				break
			}
			if k, err = read(name); err != nil {
				return nil, err
			}
		}
		if k == nil {
			continue
		}
		f.keys = append(f.keys, k)
	}
	f.sort()
	return f, nil
}

func (f *KeyFolder) sort() {
	sort.SliceStable(f.keys, func(i, j int) bool { return f.keys[i].Term().From.After(f.keys[j].Term().From) })
}

// Dir is where the keys lie.
func (f *KeyFolder) Dir() string { return f.dir }

// Signer is the newest key for the algorithm that may sign at the moment, or nil.
func (f *KeyFolder) Signer(a Algorithm, at time.Time) Signer {
	for _, k := range f.keys {
		if k.Algorithm() == a && signsAt(k, at) {
			return k
		}
	}
	return nil
}

// ByID finds the signer with that key id, or nil.
func (f *KeyFolder) ByID(id KeyID) Signer {
	for _, k := range f.keys {
		if k.KeyID() == id {
			return k
		}
	}
	return nil
}

func signsAt(k HeldKey, at time.Time) bool {
	t := k.Term()
	return !at.Before(t.From) && at.Before(t.Until)
}

// SignersAt are the keys for the algorithm that may sign at the moment, newest first.
func (f *KeyFolder) SignersAt(a Algorithm, at time.Time) (all []Signer) {
	for _, k := range f.keys {
		if k.Algorithm() == a && signsAt(k, at) {
			all = append(all, k)
		}
	}
	return all
}

// Keep adds a key that lies elsewhere, and writes the file that names it, durably,
// before it returns. end is how names of such files end.
func (f *KeyFolder) Keep(k HeldKey, end string, body []byte) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(f.dir, "licence-"+strings.ToLower(string(k.Algorithm()))+"-"+k.KeyID().String()+end), body); err != nil {
		return err
	}
	f.keys = append(f.keys, k)
	f.sort()
	return nil
}

// Signers are all keys of the folder, newest first.
func (f *KeyFolder) Signers() []Signer {
	all := make([]Signer, len(f.keys))
	for i, k := range f.keys {
		all[i] = k
	}
	return all
}

// Create makes a new key for the algorithm and writes it to the folder, durably,
// before it returns. owner is the city's name as it stands in the certificate.
func (f *KeyFolder) Create(a Algorithm, owner string, now time.Time) (Signer, error) {
	return f.CreateFor("licence", a, owner, now)
}

// CreateFor makes a key as Create does, for another use than licences, which the
// name of the file begins with.
func (f *KeyFolder) CreateFor(use string, a Algorithm, owner string, now time.Time) (Signer, error) {
	priv, err := generateKey(a)
	if err != nil {
		return nil, err
	}
	k, body, err := newFileKey(priv, owner, use, now)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(f.dir, use+"-"+strings.ToLower(string(a))+"-"+k.id.String()+keyFileEnd)
	if err := writeDurably(name, body); err != nil {
		return nil, err
	}
	f.keys = append(f.keys, k)
	f.sort()
	return k, nil
}

const keyFileEnd = ".key.pem"

// writeDurably makes a new file that only the owner can read and that is either
// whole or absent, also after a power cut.
func writeDurably(name string, body []byte) error {
	tmp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".tmp")
	w, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	err = errors.Join(err, w.Chmod(0o600), w.Sync(), w.Close())
	if err == nil {
		err = os.Link(tmp, name) // unlike a rename, never over an existing key
	}
	err = errors.Join(err, os.Remove(tmp))
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func generateKey(a Algorithm) (any, error) {
	switch a {
	case EdDSA:
		_, priv, err := ed25519.GenerateKey(rand.Reader)
		return priv, err
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case SM2:
		return sm2.GenerateKey(rand.Reader)
	}
	return nil, fmt.Errorf("no signatures of kind %q", a)
}

// fileKey is a key in memory.
type fileKey struct {
	alg  Algorithm
	id   KeyID
	priv any
	cert *smx509.Certificate
}

func newFileKey(priv any, owner, use string, now time.Time) (*fileKey, []byte, error) {
	pub := priv.(interface{ Public() crypto.PublicKey }).Public()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &smx509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{owner}, CommonName: owner + " " + use},
		NotBefore:    now.UTC().Truncate(time.Second),
		NotAfter:     now.UTC().Truncate(time.Second).Add(KeyLife),
		KeyUsage:     smx509.KeyUsageDigitalSignature,
	}
	der, err := smx509.CreateCertificate(rand.Reader, template, template, pub, priv)
	if err != nil {
		return nil, nil, err
	}
	raw, err := smx509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, nil, err
	}
	body := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	body = append(body, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
	k, err := parseKeyFile(body)
	return k, body, err
}

func readKeyFile(name string) (*fileKey, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, city.Forbidden("credential.key.open", "file", name, "mode", fmt.Sprintf("%04o", mode))
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k, err := parseKeyFile(body)
	if err != nil {
		e := city.Invalid("credential.key.broken", "file", name)
		e.Err = err
		return nil, e
	}
	return k, nil
}

func parseKeyFile(body []byte) (*fileKey, error) {
	k := &fileKey{}
	var pub *Key
	for {
		var block *pem.Block
		var err error
		if block, body = pem.Decode(body); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			if k.cert, err = smx509.ParseCertificate(block.Bytes); err != nil {
				return nil, err
			}
			if pub, err = newKey(k.cert.PublicKey); err != nil {
				return nil, err
			}
			k.alg, k.id = pub.Algorithm, keyIDOf(k.cert.Raw)
		case "PRIVATE KEY":
			if k.priv, err = smx509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
				return nil, err
			}
		}
	}
	if pub == nil || k.priv == nil {
		return nil, errors.New("it must hold a certificate and a private key")
	}
	// A signature tells whether the two belong together.
	sig, err := k.Sign(context.Background(), []byte("probe"))
	if err != nil {
		return nil, err
	}
	if !pub.check([]byte("probe"), sig) {
		return nil, errors.New("private key and certificate don't belong together")
	}
	return k, nil
}

func (k *fileKey) Algorithm() Algorithm { return k.alg }
func (k *fileKey) KeyID() KeyID         { return k.id }
func (k *fileKey) Certificate() []byte  { return k.cert.Raw }

func (k *fileKey) Term() Term { return Term{k.alg, k.id, k.cert.NotBefore, k.cert.NotAfter} }

func (k *fileKey) Sign(_ context.Context, message []byte) ([]byte, error) {
	var r, s *big.Int
	var err error
	switch priv := k.priv.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(priv, message), nil
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(message)
		r, s, err = ecdsa.Sign(rand.Reader, priv, sum[:])
	case *sm2.PrivateKey:
		var sum []byte
		if sum, err = sm2.CalculateSM2Hash(&priv.PublicKey, message, nil); err == nil {
			r, s, err = sm2.Sign(rand.Reader, &priv.PrivateKey, sum)
		}
	default:
		err = fmt.Errorf("private key of kind %T", k.priv)
	}
	if err != nil {
		return nil, err
	}
	out := make([]byte, signatureLen)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

// Term is how long a signing key may sign.
type Term struct {
	Algorithm   Algorithm
	Key         KeyID
	From, Until time.Time
}

// Terms are the terms of the folder's keys, newest first.
func (f *KeyFolder) Terms() []Term {
	all := make([]Term, len(f.keys))
	for i, k := range f.keys {
		all[i] = k.Term()
	}
	return all
}
