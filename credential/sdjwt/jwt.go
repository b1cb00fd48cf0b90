package sdjwt

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Header is the protected header of a JWT, as far as we read it.
type Header struct {
	Alg string   `json:"alg"`
	Typ string   `json:"typ,omitempty"`
	Kid string   `json:"kid,omitempty"`
	X5c []string `json:"x5c,omitempty"`
	// JWK is the key of whoever signs, where the header itself names it: the proof
	// of possession of OpenID4VCI.
	JWK json.RawMessage `json:"jwk,omitempty"`
}

// SignFunc signs a message, not its digest; 64 bytes for each algorithm we know.
type SignFunc func(ctx context.Context, message []byte) ([]byte, error)

// JWT is a signed token taken apart, nothing in it proved yet.
type JWT struct {
	Header Header
	// Claims hold JSON as Go has it, numbers as json.Number.
	Claims    map[string]any
	Signature []byte
	signed    string // what the signature is over
}

// Signed is what the signature is over.
func (j *JWT) Signed() []byte { return []byte(j.signed) }

// Algorithms are the names of signatures that we read.
var Algorithms = []string{"EdDSA", "ES256", "SM2"}

var b64 = base64.RawURLEncoding.Strict()

// ParseJWT reads a JWS in compact form. Critical headers are refused, since none
// is understood.
func ParseJWT(text string) (*JWT, error) { return ParseLongJWT(text, maxTokenLen) }

// ParseLongJWT is ParseJWT with another bound on the length in bytes, for tokens
// that carry a status list.
func ParseLongJWT(text string, most int) (*JWT, error) {
	if len(text) > most {
		return nil, refuse(TooLarge, "%d bytes", len(text))
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, refuse(Malformed, "%d parts", len(parts))
	}
	return parseParts(parts[0], parts[1], parts[2])
}

func parseParts(protected, payload, signature string) (*JWT, error) {
	j := &JWT{signed: protected + "." + payload}
	header, err := decodeObject(protected)
	if err != nil {
		return nil, err
	}
	if _, ok := header["crit"]; ok {
		return nil, refuse(Unsupported, "critical headers")
	}
	if _, ok := header["b64"]; ok {
		return nil, refuse(Unsupported, "an unencoded payload")
	}
	raw, err := json.Marshal(header)
	if err == nil {
		err = json.Unmarshal(raw, &j.Header)
	}
	if err != nil {
		return nil, refuse(Malformed, "header: %v", err)
	}
	if !slices.Contains(Algorithms, j.Header.Alg) {
		return nil, refuse(Unsupported, "algorithm %q", j.Header.Alg)
	}
	if j.Claims, err = decodeObject(payload); err != nil {
		return nil, err
	}
	if j.Signature, err = b64.DecodeString(signature); err != nil {
		return nil, refuse(Malformed, "signature: %v", err)
	}
	return j, nil
}

// SignJWT makes a JWS in compact form. more adds to the header.
func SignJWT(ctx context.Context, h Header, more map[string]any, claims any, sign SignFunc) (string, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	if len(more) > 0 {
		all := map[string]any{}
		if err := json.Unmarshal(raw, &all); err != nil {
			return "", err
		}
		for k, v := range more {
			all[k] = v
		}
		if raw, err = json.Marshal(all); err != nil {
			return "", err
		}
	}
	body, err := marshal(claims)
	if err != nil {
		return "", err
	}
	message := b64.EncodeToString(raw) + "." + b64.EncodeToString(body)
	sig, err := sign(ctx, []byte(message))
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return message + "." + b64.EncodeToString(sig), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func decodeObject(text string) (map[string]any, error) {
	raw, err := b64.DecodeString(text)
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, refuse(Malformed, "%T where an object belongs", v)
	}
	return m, nil
}

// decodeJSON reads one JSON value. A name that stands twice in an object is
// refused: readers differ in which of the two they'd believe.
func decodeJSON(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, refuse(Malformed, "not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, refuse(Malformed, "more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, refuse(TooLarge, "deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	switch token {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, refuse(Malformed, "%v", err)
			}
			key, _ := name.(string)
			if _, twice := m[key]; twice {
				return nil, refuse(Malformed, "%q stands twice", key)
			}
			if m[key], err = decodeValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, refuse(Malformed, "%v", err)
		}
		return m, nil
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		if _, err := d.Token(); err != nil {
			return nil, refuse(Malformed, "%v", err)
		}
		return a, nil
	}
	return token, nil
}

// latest is the year 3000: beyond it printing and arithmetic have surprises.
const latest = 32503680000

// Time reads a moment (NumericDate); zero when the claim isn't there.
func Time(claims map[string]any, name string) (time.Time, error) {
	v, ok := claims[name]
	if !ok {
		return time.Time{}, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, refuse(BadClaim, "%s is no number", name)
	}
	f, err := n.Float64()
	if err != nil || math.Abs(f) > latest {
		return time.Time{}, refuse(BadClaim, "%s is no moment", name)
	}
	return time.Unix(int64(math.Floor(f)), 0).UTC(), nil
}

// Integer reads a whole number; ok is false when there is none of 0 or more.
func Integer(claims map[string]any, name string) (n int64, ok bool) {
	v, is := claims[name].(json.Number)
	if !is {
		return 0, false
	}
	n, err := v.Int64()
	return n, err == nil && n >= 0
}

// Text reads a string; empty when the claim is none.
func Text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

// Object reads an object; nil when the claim is none.
func Object(claims map[string]any, name string) map[string]any {
	m, _ := claims[name].(map[string]any)
	return m
}
