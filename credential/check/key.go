package check

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
	"github.com/veraison/go-cose"

	"yiwang/credential/hcert"
)

// Algorithm is how codes are signed. A licence type chooses one.
type Algorithm string

const (
	EdDSA Algorithm = "EdDSA" // Ed25519
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	SM2   Algorithm = "SM2"   // SM2 with SM3 (GB/T 32918, GB/T 32905)
	PS256 Algorithm = "PS256" // RSA-PSS with SHA-256, as long as the salt (RFC 8230); only checked, never signed with
)

// Algorithms are all that we sign with.
var Algorithms = []Algorithm{EdDSA, ES256, SM2}

// Known reports whether we sign with it.
func (a Algorithm) Known() bool { return a == EdDSA || a == ES256 || a == SM2 }

// coseSM2 is our number for SM2 with SM3 in COSE, which has none registered: from
// the range for private use (below -65536), -65536 less 0x0708, the code point of
// sm2sig_sm3 in TLS. The signature is r and s, 32 bytes each; the signer's
// distinguishing identifier is the usual "1234567812345678".
const coseSM2 = cose.Algorithm(-67336)

func (a Algorithm) cose() cose.Algorithm {
	switch a {
	case EdDSA:
		return cose.AlgorithmEdDSA
	case ES256:
		return cose.AlgorithmES256
	case SM2:
		return coseSM2
	case PS256:
		return cose.AlgorithmPS256
	}
	return cose.AlgorithmReserved
}

func algorithmOf(a cose.Algorithm) Algorithm {
	switch a {
	case cose.AlgorithmEdDSA:
		return EdDSA
	case cose.AlgorithmES256:
		return ES256
	case coseSM2:
		return SM2
	case cose.AlgorithmPS256:
		return PS256
	}
	return ""
}

// signatureLen is the length of a signature; the same for all that we sign with.
const signatureLen = 64

// KeyID is the first 8 bytes of the SHA-256 of the signer's certificate (DER),
// or of its public key (DER SubjectPublicKeyInfo) where there is no certificate.
// It finds a key and proves nothing: two keys may share one.
type KeyID [8]byte

func keyIDOf(der []byte) KeyID {
	sum := sha256.Sum256(der)
	return KeyID(sum[:8])
}

func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// MarshalText writes 16 hexadecimal digits.
func (k KeyID) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *KeyID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(k) {
		return fmt.Errorf("not a key id: %q", b)
	}
	_, err := hex.Decode(k[:], b)
	return err
}

// Key is a public key that codes and status lists are checked with, and what we
// know of its owner.
type Key struct {
	Algorithm Algorithm
	Name      string    // who it belongs to, for people
	NotBefore time.Time // signatures made outside this time don't count;
	NotAfter  time.Time // zero means no bound
	Source    string    // the file it came from
	// Mandate is what a signed trust list says of the key; nil for one that is
	// trusted for all that it signs.
	Mandate *Mandate

	// authority says whose key it is: two keys of one authority may sign a
	// licence and its status list. The subject of a certificate, or the file of
	// a key without one.
	authority   string
	issuer      string // the address that the key's set says it is of; other names may not be signed with it
	spki        []byte
	certificate []byte     // nil for a bare key
	health      hcert.Kind // the health certificates it is for, and then for nothing else; 0 for any use
	check       func(message, signature []byte) bool
}

// Lengths of RSA keys. Shorter ones can be broken; longer ones only take time.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// newKey makes a key of a parsed public key: Ed25519, P-256, SM2 or RSA.
func newKey(pub any) (*Key, error) {
	k := &Key{}
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		if len(pub) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("Ed25519 key of %d bytes", len(pub))
		}
		k.Algorithm = EdDSA
		k.check = func(m, sig []byte) bool { return ed25519.Verify(pub, m, sig) }
	case *ecdsa.PublicKey:
		switch {
		case sm2.IsSM2PublicKey(pub):
			if _, err := sm2.PublicKeyToECDH(pub); err != nil {
				return nil, err
			}
			k.Algorithm = SM2
			k.check = func(m, sig []byte) bool {
				var der [signatureDERLen]byte
				return len(sig) == signatureLen && sm2.VerifyASN1WithSM2(pub, nil, m, signatureDER(der[:0], sig))
			}
		case pub.Curve == elliptic.P256(), pub.Curve == elliptic.P384():
			if _, err := pub.ECDH(); err != nil {
				return nil, err
			}
			k.Algorithm = ES256
			size := pub.Curve.Params().BitSize / 8
			if size > 32 {
				// COSE ties ES256 to no curve (RFC 9053, 2.1), and regions of Spain sign
				// health certificates so. For our own licences it isn't used.
				k.health = hcert.EveryKind
			}
			k.check = func(m, sig []byte) bool {
				sum := sha256.Sum256(m)
				var der [signatureDERLen]byte
				return len(sig) == 2*size && ecdsa.VerifyASN1(pub, sum[:], signatureDER(der[:0], sig))
			}
		default:
			return nil, fmt.Errorf("curve %s is not used for licences", pub.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n < minRSABits || n > maxRSABits {
			return nil, fmt.Errorf("RSA key of %d bits", n)
		}
		k.Algorithm = PS256
		k.check = func(m, sig []byte) bool {
			sum := sha256.Sum256(m)
			return rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	default:
		return nil, fmt.Errorf("%T is not used for licences", pub)
	}
	spki, err := smx509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	k.spki = spki
	return k, nil
}

// sameAuthority reports whether both keys speak for the same issuer.
func (k *Key) sameAuthority(o *Key) bool {
	return k.authority == o.authority || bytes.Equal(k.spki, o.spki)
}

// HoldsAt reports whether a signature made at t counts.
func (k *Key) HoldsAt(t time.Time) bool {
	return (k.NotBefore.IsZero() || !t.Before(k.NotBefore)) && (k.NotAfter.IsZero() || !t.After(k.NotAfter)) && k.Mandate.holdsAt(t)
}

// signatureDERLen is room for the longest, that of P-384.
const signatureDERLen = 2 + 2*(3+48)

// signatureDER appends r and s, each half of raw, as the ASN.1 that the crypto
// packages read.
func signatureDER(dst, raw []byte) []byte {
	dst = append(dst, 0x30, 0)
	dst = integerDER(dst, raw[:len(raw)/2])
	dst = integerDER(dst, raw[len(raw)/2:])
	dst[1] = byte(len(dst) - 2)
	return dst
}

func integerDER(dst, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	if n[0]&0x80 != 0 {
		dst = append(dst, 2, byte(len(n)+1), 0)
	} else {
		dst = append(dst, 2, byte(len(n)))
	}
	return append(dst, n...)
}
