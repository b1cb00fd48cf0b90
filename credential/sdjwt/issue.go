package sdjwt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"time"
)

// Hidden marks a claim, or an element of an array, that the holder may keep to
// themselves. What lies in it may be Hidden again.
type Hidden struct{ Value any }

// Issuer makes tokens.
type Issuer struct {
	Alg    string // of Sign: "EdDSA", "ES256" or "SM2"
	Kid    string
	Typ    string // "dc+sd-jwt" for credentials; IssueVC sets it
	X5c    []string
	Header map[string]any // more to stand in the protected header
	Sign   SignFunc
	// Decoys is how many digests of nothing are put beside the real ones wherever
	// something is hidden, so that nobody can count what is kept back.
	Decoys int
	// Random is where salts come from; crypto/rand when nil.
	Random io.Reader
}

// Issue signs claims, of which those marked Hidden become disclosures. Values are
// maps of any, slices of any, Hidden, and what encoding/json writes of itself.
func (s Issuer) Issue(ctx context.Context, claims map[string]any) (*Token, error) {
	c := concealer{random: s.Random, decoys: s.Decoys, hash: hashes["sha-256"]}
	if c.random == nil {
		c.random = rand.Reader
	}
	for _, own := range []string{"_sd", "_sd_alg", "..."} {
		if _, ok := claims[own]; ok {
			return nil, fmt.Errorf("a claim can't be called %q", own)
		}
	}
	body, err := c.object(claims, 0)
	if err != nil {
		return nil, err
	}
	if len(c.disclosures) > 0 {
		body["_sd_alg"] = "sha-256"
	}
	jws, err := SignJWT(ctx, Header{Alg: s.Alg, Typ: s.Typ, Kid: s.Kid, X5c: s.X5c}, s.Header, body, s.Sign)
	if err != nil {
		return nil, err
	}
	t := &Token{}
	if err := t.parseCompact(jws + "~"); err != nil {
		return nil, err
	}
	t.Disclosures = c.disclosures
	return t, nil
}

// Countersign adds the signature of another key; the token can then be written
// as general JSON only.
func (s Issuer) Countersign(ctx context.Context, t *Token) error {
	raw, err := json.Marshal(Header{Alg: s.Alg, Typ: s.Typ, Kid: s.Kid, X5c: s.X5c})
	if err != nil {
		return err
	}
	protected := b64.EncodeToString(raw)
	sig, err := s.Sign(ctx, []byte(protected+"."+t.payload))
	if err == nil {
		t.signatures = append(t.signatures, signature{protected, b64.EncodeToString(sig)})
	}
	return err
}

type concealer struct {
	random      io.Reader
	decoys      int
	hash        func(string) string
	disclosures []string
}

func (c *concealer) salt() (string, error) {
	var b [16]byte
	_, err := io.ReadFull(c.random, b[:])
	return b64.EncodeToString(b[:]), err
}

// disclose keeps a disclosure and gives its digest.
func (c *concealer) disclose(parts ...any) (string, error) {
	salt, err := c.salt()
	if err != nil {
		return "", err
	}
	raw, err := marshal(append([]any{salt}, parts...))
	if err != nil {
		return "", err
	}
	text := b64.EncodeToString(raw)
	c.disclosures = append(c.disclosures, text)
	return c.hash(text), nil
}

func (c *concealer) value(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("claims deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		return c.object(v, depth)
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			h, hide := e.(Hidden)
			if hide {
				e = h.Value
			}
			e, err := c.value(e, depth+1)
			if err != nil {
				return nil, err
			}
			if hide {
				digest, err := c.disclose(e)
				if err != nil {
					return nil, err
				}
				e = map[string]any{"...": digest}
			}
			out = append(out, e)
		}
		return out, nil
	case Hidden:
		return nil, fmt.Errorf("hidden twice, or where nothing can be hidden")
	}
	return v, nil
}

func (c *concealer) object(m map[string]any, depth int) (map[string]any, error) {
	out := map[string]any{}
	var digests []string
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if name == "_sd" || name == "..." {
			return nil, fmt.Errorf("a claim can't be called %q", name)
		}
		v := m[name]
		h, hide := v.(Hidden)
		if hide {
			v = h.Value
		}
		v, err := c.value(v, depth+1)
		if err != nil {
			return nil, err
		}
		if !hide {
			out[name] = v
			continue
		}
		digest, err := c.disclose(name, v)
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	if len(digests) > 0 {
		for range c.decoys {
			salt, err := c.salt()
			if err != nil {
				return nil, err
			}
			digests = append(digests, c.hash(salt))
		}
		slices.Sort(digests) // their order must not tell which claim is which
		out["_sd"] = digests
	}
	return out, nil
}

// Present keeps the disclosures that show asks for by their paths, and those that
// they lie in; any proof of the holder's key is left out.
func (o *Opened) Present(show func(Path) bool) *Token {
	keep := make([]bool, len(o.Disclosed))
	for i, path := range o.Disclosed {
		if show(path) {
			for at := i; at >= 0 && !keep[at]; at = o.parent[at] {
				keep[at] = true
			}
		}
	}
	t := &Token{payload: o.token.payload, signatures: o.token.signatures}
	for i, d := range o.token.Disclosures {
		if keep[i] {
			t.Disclosures = append(t.Disclosures, d)
		}
	}
	return t
}

// Bind adds the proof of the holder's key for one reader and one question. alg is
// that of sign.
func (t *Token) Bind(ctx context.Context, alg string, sign SignFunc, audience, nonce string, at time.Time) error {
	face, err := t.Unproved()
	if err != nil {
		return err
	}
	hash, err := hashOf(face.Claims)
	if err != nil {
		return err
	}
	t.KeyBinding, err = SignJWT(ctx, Header{Alg: alg, Typ: binding}, nil, map[string]any{
		"iat": at.Unix(), "aud": audience, "nonce": nonce, "sd_hash": hash(t.unbound()),
	}, sign)
	return err
}
