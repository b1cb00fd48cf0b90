package credential

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/credential/keyagent"
)

// agentFileEnd is how the names of files end that name a key in an agent.
const agentFileEnd = ".agent.json"

// agentFile names a key that lies in an agent. There is nothing secret in it.
type agentFile struct {
	Socket      string `json:"socket"`      // absolute path
	Fingerprint string `json:"fingerprint"` // as ssh-add -l prints it
	Certificate []byte `json:"certificate"` // DER, made when the key was adopted
}

// agentKey is a key in an agent, which is asked for each signature.
type agentKey struct {
	*keyagent.Key
	alg  Algorithm
	id   KeyID
	cert *smx509.Certificate
}

func (k *agentKey) Algorithm() Algorithm { return k.alg }
func (k *agentKey) KeyID() KeyID         { return k.id }
func (k *agentKey) Certificate() []byte  { return k.cert.Raw }
func (k *agentKey) Term() Term {
	return Term{Algorithm: k.alg, Key: k.id, From: k.cert.NotBefore, Until: k.cert.NotAfter}
}

// Adopt takes a key into the folder that lies in an agent (see keyagent.Find), for
// signing licences from a moment on. What is written is the name of the key and its
// certificate, which the agent signs.
func Adopt(ctx context.Context, f *KeyFolder, socket, fingerprint, owner string, from time.Time) (Signer, error) {
	key, err := keyagent.Find(ctx, socket, fingerprint)
	if err != nil {
		return nil, err
	}
	for _, k := range AgentKeys(f) {
		if k.Fingerprint() == fingerprint {
			return nil, city.Conflict("credential.agent.again", "key", fingerprint)
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	from = from.UTC().Truncate(time.Second)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{Organization: []string{owner}, CommonName: owner + " licence"},
		NotBefore: from, NotAfter: from.Add(check.KeyLife), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), certifier{ctx, key})
	if err != nil {
		return nil, err
	}
	body, err := json.MarshalIndent(agentFile{socket, fingerprint, der}, "", "  ")
	if err != nil {
		return nil, err
	}
	k, err := parseAgentFile(body)
	if err != nil {
		return nil, err
	}
	if err := f.Keep(k, agentFileEnd, append(body, '\n')); err != nil {
		return nil, err
	}
	return k, nil
}

// certifier lets an agent sign a certificate.
type certifier struct {
	ctx context.Context
	key *keyagent.Key
}

func (c certifier) Public() crypto.PublicKey { return c.key.Public() }

// Sign is never asked for: agents sign messages, not digests.
func (c certifier) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func (c certifier) SignMessage(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	sig, err := c.key.Sign(c.ctx, message)
	if _, ok := c.key.Public().(*ecdsa.PublicKey); ok && err == nil {
		sig, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
	}
	return sig, err
}

func readAgentFile(name string) (check.HeldKey, error) {
	if !strings.HasSuffix(name, agentFileEnd) {
		return nil, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, city.Forbidden("credential.agent.file_open", "file", name, "mode", fmt.Sprintf("%04o", mode))
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k, err := parseAgentFile(body)
	if err != nil {
		e := city.Invalid("credential.key.broken", "file", name)
		e.Err = err
		return nil, e
	}
	return k, nil
}

func parseAgentFile(body []byte) (*agentKey, error) {
	var f agentFile
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	cert, err := smx509.ParseCertificate(f.Certificate)
	if err != nil {
		return nil, err
	}
	pub, err := check.ParseKey(cert.Raw)
	if err != nil {
		return nil, err
	}
	key, err := keyagent.At(f.Socket, plainKey(cert.PublicKey))
	if err != nil {
		return nil, err
	}
	if key.Fingerprint() != f.Fingerprint {
		return nil, errors.New("the fingerprint isn't that of the certificate's key")
	}
	return &agentKey{Key: key, alg: pub.Algorithm, id: pub.ID(), cert: cert}, nil
}

// plainKey is the key as the standard library has it.
func plainKey(pub any) crypto.PublicKey {
	switch p := pub.(type) {
	case ed25519.PublicKey:
		return p
	case *ecdsa.PublicKey:
		return p
	}
	return nil
}

// OpenKeys reads a folder of keys, those among them that lie in an agent (see
// check.OpenKeys). It asks no agent.
func OpenKeys(dir string) (*KeyFolder, error) { return check.OpenKeys(dir, readAgentFile) }

// AgentKeys are the folder's keys that lie in agents.
func AgentKeys(f *KeyFolder) (all []*keyagent.Key) {
	for _, k := range f.Signers() {
		if a, ok := k.(*agentKey); ok {
			all = append(all, a.Key)
		}
	}
	return all
}
