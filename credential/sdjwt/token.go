package sdjwt

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Token is an SD-JWT: what an issuer signed, the disclosures that go with it, and
// perhaps a proof of the holder's key.
type Token struct {
	Disclosures []string // as they were written, base64url
	KeyBinding  string   // a JWT; empty without one

	payload    string
	signatures []signature // at least one; the first is the one that proofs name
}

type signature struct{ protected, value string }

// Parse reads an SD-JWT in compact form or in the JSON serialization, flattened
// or general. Nothing is proved by it.
func Parse(text string) (*Token, error) {
	if len(text) > maxTokenLen {
		return nil, refuse(TooLarge, "%d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		return nil, refuse(Malformed, "not UTF-8")
	}
	text = strings.TrimSpace(text)
	t := &Token{}
	var err error
	if strings.HasPrefix(text, "{") {
		err = t.parseJSON([]byte(text))
	} else {
		err = t.parseCompact(text)
	}
	if err != nil {
		return nil, err
	}
	if len(t.Disclosures) > maxDisclosures {
		return nil, refuse(TooLarge, "%d disclosures", len(t.Disclosures))
	}
	return t, nil
}

func (t *Token) parseCompact(text string) error {
	// Without a last "~" there is a proof behind it.
	parts := strings.Split(text, "~")
	if len(parts) < 2 {
		return refuse(Malformed, "no ~ in it")
	}
	t.KeyBinding = parts[len(parts)-1]
	t.Disclosures = parts[1 : len(parts)-1]
	jws := strings.Split(parts[0], ".")
	if len(jws) != 3 {
		return refuse(Malformed, "%d parts before the disclosures", len(jws))
	}
	t.payload, t.signatures = jws[1], []signature{{jws[0], jws[2]}}
	return nil
}

// unprotected is the part of an unprotected header that belongs to SD-JWT.
type unprotected struct {
	Disclosures []string `json:"disclosures,omitempty"`
	KeyBinding  string   `json:"kb_jwt,omitempty"`
	Kid         string   `json:"kid,omitempty"`
}

type jsonSignature struct {
	Protected string      `json:"protected,omitempty"`
	Signature string      `json:"signature,omitempty"`
	Header    unprotected `json:"header"`
}

type jsonToken struct {
	Payload string `json:"payload"`
	jsonSignature
	Signatures []jsonSignature `json:"signatures,omitempty"`
}

func (t *Token) parseJSON(raw []byte) error {
	if _, err := decodeJSON(raw); err != nil {
		return err
	}
	var j jsonToken
	if err := json.Unmarshal(raw, &j); err != nil {
		return refuse(Malformed, "%v", err)
	}
	all := j.Signatures
	switch {
	case j.Signature != "" && len(all) > 0:
		return refuse(Malformed, "both flattened and general")
	case len(all) > maxSignatures:
		return refuse(TooLarge, "%d signatures", len(all))
	case len(all) == 0:
		all = []jsonSignature{j.jsonSignature}
	}
	t.payload = j.Payload
	for i, s := range all {
		if i > 0 && (len(s.Header.Disclosures) > 0 || s.Header.KeyBinding != "") {
			return refuse(Malformed, "disclosures beside a signature that isn't the first")
		}
		if s.Protected == "" || strings.Contains(s.Protected+s.Signature+j.Payload, ".") {
			return refuse(Malformed, "signature %d", i)
		}
		t.signatures = append(t.signatures, signature{s.Protected, s.Signature})
	}
	t.Disclosures, t.KeyBinding = all[0].Header.Disclosures, all[0].Header.KeyBinding
	for _, d := range t.Disclosures {
		if strings.Contains(d, "~") {
			return refuse(Malformed, "a disclosure with ~ in it")
		}
	}
	return nil
}

// String is the token in compact form, with its first signature.
func (t *Token) String() string { return t.unbound() + t.KeyBinding }

// unbound is what a proof of the holder's key is over.
func (t *Token) unbound() string {
	var b strings.Builder
	b.WriteString(t.signatures[0].protected + "." + t.payload + "." + t.signatures[0].value + "~")
	for _, d := range t.Disclosures {
		b.WriteString(d + "~")
	}
	return b.String()
}

// MarshalJSON writes the JSON serialization: flattened, or general where there
// are several signatures.
func (t *Token) MarshalJSON() ([]byte, error) {
	j := jsonToken{Payload: t.payload}
	for i, s := range t.signatures {
		one := jsonSignature{Protected: s.protected, Signature: s.value}
		if i == 0 {
			one.Header = unprotected{Disclosures: t.Disclosures, KeyBinding: t.KeyBinding}
		}
		j.Signatures = append(j.Signatures, one)
	}
	if len(j.Signatures) == 1 {
		j.jsonSignature, j.Signatures = j.Signatures[0], nil
		return marshal(struct {
			Payload string `json:"payload"`
			jsonSignature
		}{j.Payload, j.jsonSignature})
	}
	return marshal(struct {
		Payload    string          `json:"payload"`
		Signatures []jsonSignature `json:"signatures"`
	}{j.Payload, j.Signatures})
}

// Unproved reads what the issuer's part says on its face, without the disclosures
// and before any signature is checked: for finding the key to check it with.
func (t *Token) Unproved() (*JWT, error) {
	s := t.signatures[0]
	return parseParts(s.protected, t.payload, s.value)
}

// hashes are the digests that we know, by their names in the IANA registry.
var hashes = map[string]func(string) string{
	"sha-256": func(s string) string { h := sha256.Sum256([]byte(s)); return b64.EncodeToString(h[:]) },
	"sha-384": func(s string) string { h := sha512.Sum384([]byte(s)); return b64.EncodeToString(h[:]) },
	"sha-512": func(s string) string { h := sha512.Sum512([]byte(s)); return b64.EncodeToString(h[:]) },
}

func hashOf(claims map[string]any) (func(string) string, error) {
	name, ok := claims["_sd_alg"]
	if !ok {
		name = "sha-256"
	}
	s, _ := name.(string)
	if h := hashes[s]; h != nil {
		return h, nil
	}
	return nil, refuse(Unsupported, "hash %v", name)
}
