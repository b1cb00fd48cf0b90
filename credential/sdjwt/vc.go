package sdjwt

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Type is the typ of a credential, and its media type after "application/".
const Type = "dc+sd-jwt"

// formerType is what wallets wrote until 2024.
const formerType = "vc+sd-jwt"

// open are the claims of a credential that may never be hidden, since a reader
// has to judge by them.
var open = []string{"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"}

// VC is what a credential says besides its subject's claims.
type VC struct {
	Opened
	Issuer   string // iss; empty where only a certificate names the issuer
	Kind     string // vct
	IssuedAt time.Time
	Begins   time.Time
	Expires  time.Time
	// Holder is the holder's key, a JWK; nil for a credential bound to none.
	Holder map[string]any
	// StatusList and StatusIndex say where the credential's present state stands.
	StatusList  string
	StatusIndex int64
}

// IssueVC signs a credential. claims hold vct and whatever the subject's claims
// are.
func (s Issuer) IssueVC(ctx context.Context, claims map[string]any) (*Token, error) {
	s.Typ = Type
	for _, name := range open {
		if _, hidden := claims[name].(Hidden); hidden {
			return nil, fmt.Errorf("%s can't be hidden", name)
		}
	}
	if v, _ := claims["vct"].(string); v == "" {
		return nil, fmt.Errorf("a credential needs its vct")
	}
	return s.Issue(ctx, claims)
}

// OpenVC checks a credential's signature, disclosures and form. Whether it holds
// at a moment is another question; see HoldsAt.
func (t *Token) OpenVC(check func(j *JWT) (bool, error)) (*VC, error) {
	o, err := t.Open(check)
	if err != nil {
		return nil, err
	}
	if o.Header.Typ != Type && o.Header.Typ != formerType {
		return nil, refuse(WrongType, "typ %q", o.Header.Typ)
	}
	for _, path := range o.Disclosed {
		name, _ := path[0].(string)
		for _, never := range open {
			if name == never {
				return nil, refuse(BadDisclosure, "%s was hidden", name)
			}
		}
	}
	v := &VC{Opened: *o, Issuer: Text(o.Claims, "iss"), Kind: Text(o.Claims, "vct"), Holder: Object(Object(o.Claims, "cnf"), "jwk")}
	if v.Kind == "" {
		return nil, refuse(MissingClaim, "vct")
	}
	for name, to := range map[string]*time.Time{"iat": &v.IssuedAt, "nbf": &v.Begins, "exp": &v.Expires} {
		if *to, err = Time(o.Claims, name); err != nil {
			return nil, err
		}
	}
	if s, ok := o.Claims["status"]; ok {
		list := Object(Object(map[string]any{"status": s}, "status"), "status_list")
		if list == nil {
			return nil, refuse(Unsupported, "a status that is no status list")
		}
		v.StatusList = Text(list, "uri")
		if v.StatusIndex, ok = Integer(list, "idx"); !ok || v.StatusList == "" {
			return nil, refuse(BadClaim, "status_list")
		}
	}
	return v, nil
}

// HoldsAt checks the times of the credential.
func (v *VC) HoldsAt(t time.Time) error {
	if !v.Expires.IsZero() && !t.Before(v.Expires) {
		return refuse(Expired, "on %s", v.Expires.Format(time.RFC3339))
	}
	for _, from := range []time.Time{v.Begins, v.IssuedAt} {
		if t.Before(from.Add(-skew)) {
			return refuse(NotYetValid, "until %s", from.Format(time.RFC3339))
		}
	}
	return nil
}

// IssuerMetadata is what an issuer serves at MetadataURL.
type IssuerMetadata struct {
	Issuer string `json:"issuer"`
	JWKS   any    `json:"jwks"` // a JWK set
}

// MetadataURL is where the metadata of an issuer stands: the well-known part goes
// between the host and the path.
func MetadataURL(issuer string) (string, error) { return wellKnown(issuer, "jwt-vc-issuer") }

func wellKnown(issuer, name string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is no address of an issuer", issuer)
	}
	u.Path = "/.well-known/" + name + strings.TrimSuffix(u.Path, "/")
	return u.String(), nil
}

// TypeMetadata describes a kind of credential; it is served at the address that
// its vct is.
type TypeMetadata struct {
	VCT         string          `json:"vct"`
	Name        string          `json:"name,omitempty"`
	Description string          `json:"description,omitempty"`
	Display     []TypeDisplay   `json:"display,omitempty"`
	Claims      []ClaimMetadata `json:"claims,omitempty"`
}

// TypeDisplay is the name of a kind in one language.
type TypeDisplay struct {
	Locale      string `json:"locale"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// ClaimMetadata describes a claim: where it stands, what it is called, and
// whether it may be hidden ("always", "allowed" or "never").
type ClaimMetadata struct {
	Path    []any          `json:"path"`
	Display []ClaimDisplay `json:"display,omitempty"`
	SD      string         `json:"sd,omitempty"`
}

// ClaimDisplay is the name of a claim in one language.
type ClaimDisplay struct {
	Locale string `json:"locale"`
	Label  string `json:"label"`
}
