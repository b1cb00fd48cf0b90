package sdjwt

import (
	"crypto/subtle"
	"slices"
	"time"
)

// Path leads to a claim: names of members, and numbers (int) of elements.
type Path []any

// Opened is a token whose issuer's signature holds.
type Opened struct {
	Header Header
	// Claims are what the token says with the disclosures it came with, and
	// without the marks of those that are missing.
	Claims map[string]any
	// Disclosed are the paths of what was disclosed, by number of the disclosure.
	Disclosed []Path

	plain  map[string]any // the issuer's part alone
	parent []int          // of each disclosure the one that it lies in; -1 for none
	token  *Token
	hash   func(string) string
}

// Open checks the token and puts the disclosures in their places. check is asked
// whether a signature holds (and by whose key it does, so it should look at the
// header's algorithm); of several signatures one must. An error that check
// returns is given back as it is.
func (t *Token) Open(check func(j *JWT) (bool, error)) (*Opened, error) {
	var found *JWT
	for _, s := range t.signatures {
		j, err := parseParts(s.protected, t.payload, s.value)
		if err != nil {
			return nil, err
		}
		ok, err := check(j)
		if err != nil {
			return nil, err
		}
		if ok {
			found = j
			break
		}
	}
	if found == nil {
		return nil, refuse(BadSignature, "")
	}
	hash, err := hashOf(found.Claims)
	if err != nil {
		return nil, err
	}
	p := process{hash: hash, byDigest: map[string]int{}, seen: map[string]bool{}}
	o := &Opened{Header: found.Header, plain: found.Claims, token: t, hash: hash}
	if p.all, err = t.disclosures(hash, p.byDigest); err != nil {
		return nil, err
	}
	p.paths, p.parent = make([]Path, len(p.all)), make([]int, len(p.all))
	claims, err := p.object(found.Claims, nil, -1, 0)
	if err != nil {
		return nil, err
	}
	for i, path := range p.paths {
		if path == nil {
			return nil, refuse(UnusedDisclosure, "number %d", i)
		}
	}
	delete(claims, "_sd_alg")
	o.Claims, o.Disclosed, o.parent = claims, p.paths, p.parent
	return o, nil
}

// disclosure is a salted claim, or a salted element of an array.
type disclosure struct {
	name    string
	element bool
	value   any
}

func (t *Token) disclosures(hash func(string) string, byDigest map[string]int) ([]disclosure, error) {
	all := make([]disclosure, len(t.Disclosures))
	for i, text := range t.Disclosures {
		raw, err := b64.DecodeString(text)
		if err != nil {
			return nil, refuse(Malformed, "disclosure %d: %v", i, err)
		}
		v, err := decodeJSON(raw)
		if err != nil {
			return nil, err
		}
		parts, _ := v.([]any)
		if len(parts) != 2 && len(parts) != 3 {
			return nil, refuse(BadDisclosure, "number %d isn't salt, name and value", i)
		}
		_, salted := parts[0].(string)
		d := disclosure{element: len(parts) == 2, value: parts[len(parts)-1]}
		named := true
		if !d.element {
			d.name, named = parts[1].(string)
		}
		if !salted || !named || d.name == "_sd" || d.name == "..." {
			return nil, refuse(BadDisclosure, "number %d has no salt or no name it may have", i)
		}
		digest := hash(text)
		if _, twice := byDigest[digest]; twice {
			return nil, refuse(RepeatedDigest, "disclosure %d", i)
		}
		byDigest[digest], all[i] = i, d
	}
	return all, nil
}

// process puts disclosures in the places of their digests.
type process struct {
	hash     func(string) string
	all      []disclosure
	byDigest map[string]int
	seen     map[string]bool // digests met so far, anywhere
	paths    []Path
	parent   []int
}

func (p *process) value(v any, path Path, within, depth int) (any, error) {
	if depth > maxDepth {
		return nil, refuse(TooLarge, "deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		return p.object(v, path, within, depth)
	case []any:
		return p.array(v, path, within, depth)
	}
	return v, nil
}

func (p *process) object(m map[string]any, path Path, within, depth int) (map[string]any, error) {
	out := make(map[string]any, len(m))
	for name, v := range m {
		var err error
		switch name {
		case "_sd":
			continue
		case "...":
			return nil, refuse(BadDisclosure, "an object with the mark of an element")
		}
		if out[name], err = p.value(v, below(path, name), within, depth+1); err != nil {
			return nil, err
		}
	}
	marks, hidden := m["_sd"]
	if !hidden {
		return out, nil
	}
	digests, ok := marks.([]any)
	if !ok {
		return nil, refuse(BadDisclosure, "_sd is no list")
	}
	for _, d := range digests {
		i, known, err := p.find(d)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		found := p.all[i]
		if found.element {
			return nil, refuse(BadDisclosure, "an element among claims")
		}
		if _, there := out[found.name]; there {
			return nil, refuse(BadDisclosure, "%q stands there already", found.name)
		}
		p.paths[i], p.parent[i] = below(path, found.name), within
		if out[found.name], err = p.value(found.value, p.paths[i], i, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *process) array(a []any, path Path, within, depth int) ([]any, error) {
	out := make([]any, 0, len(a))
	for _, v := range a {
		at, inside := below(path, len(out)), within
		if m, ok := v.(map[string]any); ok {
			if mark, ok := m["..."]; ok {
				if len(m) != 1 {
					return nil, refuse(BadDisclosure, "an element's mark beside other names")
				}
				i, known, err := p.find(mark)
				if err != nil {
					return nil, err
				}
				if !known {
					continue
				}
				if !p.all[i].element {
					return nil, refuse(BadDisclosure, "a claim among elements")
				}
				p.paths[i], p.parent[i] = at, within
				v, inside = p.all[i].value, i
			}
		}
		v, err := p.value(v, at, inside, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// find gives the disclosure of a digest, if it came along.
func (p *process) find(digest any) (i int, known bool, err error) {
	s, ok := digest.(string)
	if !ok {
		return 0, false, refuse(BadDisclosure, "a digest that is no text")
	}
	if p.seen[s] {
		return 0, false, refuse(RepeatedDigest, "%s", s)
	}
	p.seen[s] = true
	i, known = p.byDigest[s]
	return i, known, nil
}

func below(path Path, step any) Path { return append(slices.Clone(path), step) }

// Expected is what a proof of the holder's key must say.
type Expected struct {
	Audience string
	Nonce    string
	At       time.Time
	MaxAge   time.Duration // how old a proof may be; it may be from a minute ahead
	// Check tells whether the signature holds under the holder's key, a JWK.
	Check func(jwk map[string]any, j *JWT) bool
}

// binding is the typ of a proof of the holder's key.
const binding = "kb+jwt"

// skew is how far the holder's clock may run ahead.
const skew = time.Minute

// Bound checks the proof that the holder who shows the token has its key.
func (o *Opened) Bound(e Expected) error {
	j, err := o.BoundBy(e.Check)
	if err != nil {
		return err
	}
	made, err := Time(j.Claims, "iat")
	switch {
	case err != nil || made.IsZero():
		return refuse(BindingMalformed, "no iat")
	case made.After(e.At.Add(skew)) || made.Before(e.At.Add(-e.MaxAge)):
		return refuse(BindingStale, "made %s", made.Format(time.RFC3339))
	case !same(Text(j.Claims, "nonce"), e.Nonce):
		return refuse(BindingNonce, "")
	case !same(Text(j.Claims, "aud"), e.Audience):
		return refuse(BindingAudience, "%q", Text(j.Claims, "aud"))
	}
	return nil
}

// BoundBy checks that the holder's key made the proof over just these
// disclosures, for whomever and whenever.
func (o *Opened) BoundBy(check func(jwk map[string]any, j *JWT) bool) (*JWT, error) {
	jwk := Object(Object(o.plain, "cnf"), "jwk")
	if o.token.KeyBinding == "" || jwk == nil {
		return nil, refuse(BindingMissing, "")
	}
	j, err := ParseJWT(o.token.KeyBinding)
	switch {
	case err != nil:
		return nil, refuse(BindingMalformed, "%v", err)
	case j.Header.Typ != binding:
		return nil, refuse(BindingMalformed, "typ %q", j.Header.Typ)
	case !check(jwk, j):
		return nil, refuse(BindingBadSignature, "")
	case !same(Text(j.Claims, "sd_hash"), o.hash(o.token.unbound())):
		return nil, refuse(BindingHash, "")
	}
	return j, nil
}

// same compares in constant time; nothing is the same as nothing.
func same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
