package sdjwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"testing"

	"yiwang/credential/sdjwt"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless the error has the reason; "" wants none.
func wants(t testing.TB, err error, reason sdjwt.Reason) {
	t.Helper()
	var e *sdjwt.Error
	switch {
	case reason == "" && err == nil:
	case reason == "" || !errors.As(err, &e) || e.Reason != reason:
		t.Errorf("got %v, want %q", err, reason)
	}
}

// pair is a key of a made-up issuer or holder.
type pair struct {
	alg     string
	public  map[string]any // JWK
	private map[string]any
	sign    sdjwt.SignFunc
	check   func(message, sig []byte) bool
}

func ed(seed byte) pair {
	key := ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))
	pub := key.Public().(ed25519.PublicKey)
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(pub)}
	return pair{"EdDSA", jwk, with(jwk, "d", key.Seed()),
		func(_ context.Context, m []byte) ([]byte, error) { return ed25519.Sign(key, m), nil },
		func(m, sig []byte) bool { return ed25519.Verify(pub, m, sig) }}
}

// es makes a P-256 key of its private number.
func es(t testing.TB, d []byte) pair {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	must(t, err)
	point, err := key.PublicKey.Bytes()
	must(t, err)
	enc := base64.RawURLEncoding.EncodeToString
	jwk := map[string]any{"kty": "EC", "crv": "P-256", "x": enc(point[1:33]), "y": enc(point[33:])}
	return pair{"ES256", jwk, with(jwk, "d", d),
		func(_ context.Context, m []byte) ([]byte, error) {
			sum := sha256.Sum256(m)
			r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
			if err != nil {
				return nil, err
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
		},
		func(m, sig []byte) bool {
			sum := sha256.Sum256(m)
			return len(sig) == 64 && ecdsa.Verify(&key.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}}
}

func with(m map[string]any, name string, value []byte) map[string]any {
	out := map[string]any{name: base64.RawURLEncoding.EncodeToString(value)}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// trusts makes a check that believes one key.
func (p pair) trusts(j *sdjwt.JWT) (bool, error) {
	return j.Header.Alg == p.alg && p.check(j.Signed(), j.Signature), nil
}

func (p pair) proves(jwk map[string]any, j *sdjwt.JWT) bool {
	return jwk["x"] == p.public["x"] && j.Header.Alg == p.alg && p.check(j.Signed(), j.Signature)
}

func (p pair) issuer() sdjwt.Issuer { return sdjwt.Issuer{Alg: p.alg, Kid: "k", Sign: p.sign} }
