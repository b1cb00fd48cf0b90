package check

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"yiwang/credential/sdjwt"
)

// JWK is a public key as JSON (RFC 7517). SM2 has no registered curve; it is
// written as kty EC, crv SM2.
type JWK struct {
	Kty string   `json:"kty"`
	Crv string   `json:"crv"`
	X   string   `json:"x"`
	Y   string   `json:"y,omitempty"`
	Kid string   `json:"kid,omitempty"`
	Use string   `json:"use,omitempty"`
	Alg string   `json:"alg,omitempty"`
	X5c []string `json:"x5c,omitempty"`
}

// JWKSet is a set of public keys.
type JWKSet struct {
	Keys []JWK `json:"keys"`
}

// ReadJWK makes a key of JSON, such as the key of a wallet. Private keys are
// refused: they are nobody's to send.
func ReadJWK(raw any) (*Key, error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	var k jwk
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, err
	}
	if k.D != "" || k.K != "" {
		return nil, fmt.Errorf("a private key")
	}
	pub, err := k.public()
	if err != nil {
		return nil, err
	}
	return newKey(pub)
}

// Verify reports whether the key made the signature over the message.
func (k *Key) Verify(message, signature []byte) bool { return k.check(message, signature) }

// JWK writes the key without a name.
func (k *Key) JWK() (JWK, error) {
	pub, err := smx509.ParsePKIXPublicKey(k.spki)
	if err != nil {
		return JWK{}, err
	}
	enc := base64.RawURLEncoding.EncodeToString
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		return JWK{Kty: "OKP", Crv: "Ed25519", X: enc(pub), Alg: string(k.Algorithm)}, nil
	case *ecdsa.PublicKey:
		j := JWK{Kty: "EC", Crv: "P-256", Alg: string(k.Algorithm)}
		point, err := pub.Bytes()
		if k.Algorithm == SM2 {
			j.Crv = "SM2"
			point, err = sm2Point(pub)
		}
		if err != nil {
			return JWK{}, err
		}
		j.X, j.Y = enc(point[1:33]), enc(point[33:])
		return j, nil
	}
	return JWK{}, fmt.Errorf("%T is not used for licences", pub)
}

// Proves reports whether the holder's key, a JWK, made the signature.
func Proves(jwk map[string]any, j *sdjwt.JWT) bool {
	k, err := ReadJWK(jwk)
	return err == nil && string(k.Algorithm) == j.Header.Alg && k.Verify(j.Signed(), j.Signature)
}

// nameLast gives the key that was added last the name and the issuer of its JWK
// set, as tokens call it.
func (t *Trust) nameLast(kid, issuer string) {
	k := t.all[len(t.all)-1]
	k.issuer = issuer
	if kid != "" {
		t.keys[kidOf(kid)] = append(t.keys[kidOf(kid)], k)
	}
}

// kidOf is where keys stand by the name that a JWK set gives them; key ids, which
// are 8 bytes, never look like it.
func kidOf(kid string) string { return "kid of a set: " + kid }

// jwtSigner finds the key that signed a token, trying every key of the name it
// gives; a token that gives none could be any key's. known reports whether there
// was one to try.
func (t *Trust) jwtSigner(j *sdjwt.JWT) (key *Key, known bool) {
	var candidates []*Key
	if j.Header.Kid != "" {
		candidates = t.keys[kidOf(j.Header.Kid)]
		var id KeyID
		if id.UnmarshalText([]byte(j.Header.Kid)) == nil {
			candidates = append(candidates[:len(candidates):len(candidates)], t.keys[string(id[:])]...)
		}
	}
	if len(j.Header.X5c) > 0 {
		if der, err := base64.StdEncoding.DecodeString(j.Header.X5c[0]); err == nil {
			id := keyIDOf(der)
			candidates = append(candidates[:len(candidates):len(candidates)], t.keys[string(id[:])]...)
		}
	}
	if j.Header.Kid == "" && len(j.Header.X5c) == 0 {
		candidates = t.all[:min(len(t.all), maxTries)]
	}
	iss := sdjwt.Text(j.Claims, "iss")
	for _, k := range candidates {
		if string(k.Algorithm) != j.Header.Alg || k.issuer != "" && iss != "" && iss != k.issuer {
			continue
		}
		known = true
		if k.check(j.Signed(), j.Signature) {
			return k, true
		}
	}
	return nil, known
}

// maxTries is how many keys are tried for a token that names none.
const maxTries = 64

// JWTHeader is the header of tokens in the signer's name.
func JWTHeader(s Signer, typ string) sdjwt.Header {
	return sdjwt.Header{Alg: string(s.Algorithm()), Typ: typ, Kid: s.KeyID().String()}
}

func sm2Point(pub *ecdsa.PublicKey) ([]byte, error) {
	k, err := sm2.PublicKeyToECDH(pub)
	if err != nil {
		return nil, err
	}
	return k.Bytes(), nil
}
