package wallet

import (
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/sdjwt"
)

// Paths of what wallets ask for, below the city's address.
const (
	PathIssuer     = "/.well-known/openid-credential-issuer"
	PathServer     = "/.well-known/oauth-authorization-server"
	PathKeys       = "/.well-known/jwt-vc-issuer"
	PathTypes      = "/credentials/types/" // and the licence type's id
	PathToken      = "/wallet/token"
	PathNonce      = "/wallet/nonce"
	PathCredential = "/wallet/credential"
)

type shownName struct {
	Name   string `json:"name"`
	Locale string `json:"locale"`
}

func names(t city.Text) (all []shownName) {
	for _, l := range []city.Lang{city.Chinese, city.English} {
		if s := t.In(l); s != "" {
			all = append(all, shownName{s, string(l)})
		}
	}
	return all
}

// Issuer is the metadata of the city as an issuer (OpenID4VCI 1.0, 12.2).
func (d *Desk) Issuer() map[string]any {
	origin := d.o.Licences.Origin()
	kinds := map[string]any{}
	for _, t := range d.o.Licences.Types() {
		alg := t.Algorithm
		if alg == "" {
			alg = credential.EdDSA
		}
		kinds[string(t.ID)] = map[string]any{
			"format": sdjwt.Type, "vct": d.o.Licences.VCT(t.ID), "scope": t.ID,
			"cryptographic_binding_methods_supported": []string{"jwk"},
			"credential_signing_alg_values_supported": []string{string(alg)},
			"proof_types_supported":                   map[string]any{"jwt": map[string]any{"proof_signing_alg_values_supported": sdjwt.Algorithms}},
			"credential_metadata":                     map[string]any{"display": names(t.Name), "claims": claims(t)},
		}
	}
	return map[string]any{
		"credential_issuer":                   origin,
		"credential_endpoint":                 origin + PathCredential,
		"nonce_endpoint":                      origin + PathNonce,
		"display":                             names(d.o.Name),
		"credential_configurations_supported": kinds,
	}
}

// Server is the metadata of the city as an authorisation server (RFC 8414).
func (d *Desk) Server() map[string]any {
	origin := d.o.Licences.Origin()
	return map[string]any{
		"issuer":                                          origin,
		"token_endpoint":                                  origin + PathToken,
		"grant_types_supported":                           []string{GrantType},
		"response_types_supported":                        []string{},
		"token_endpoint_auth_methods_supported":           []string{"none"},
		"pre-authorized_grant_anonymous_access_supported": true,
	}
}

// Keys are the city's keys as an issuer of SD-JWT credentials publishes them, old
// ones among them.
func (d *Desk) Keys() (sdjwt.IssuerMetadata, error) {
	set, err := d.o.Licences.JWKSet()
	return sdjwt.IssuerMetadata{Issuer: d.o.Licences.Origin(), JWKS: set}, err
}

// Type describes a licence type as a kind of credential.
func (d *Desk) Type(id city.CredentialType) (sdjwt.TypeMetadata, error) {
	t, ok := d.o.Licences.Type(id)
	if !ok {
		return sdjwt.TypeMetadata{}, city.NotFound("credential.no_type", "type", string(id))
	}
	m := sdjwt.TypeMetadata{VCT: d.o.Licences.VCT(id), Name: t.Name.In(city.Chinese)}
	for _, n := range names(t.Name) {
		m.Display = append(m.Display, sdjwt.TypeDisplay{Locale: n.Locale, Name: n.Name})
	}
	for _, c := range claims(t) {
		one := sdjwt.ClaimMetadata{Path: c.Path, SD: "always"}
		for _, n := range c.Display {
			one.Display = append(one.Display, sdjwt.ClaimDisplay{Locale: n.Locale, Label: n.Name})
		}
		m.Claims = append(m.Claims, one)
	}
	return m, nil
}

type shownClaim struct {
	Path    []any       `json:"path"`
	Display []shownName `json:"display"`
}

// claims are what a licence of the type may tell, each of which its holder may
// keep back.
func claims(t credential.Type) (all []shownClaim) {
	add := func(name city.Text, path ...any) {
		all = append(all, shownClaim{append([]any{"licence"}, path...), names(name)})
	}
	for _, id := range []string{"number", "holder", "holder_code", "issued", "from", "until"} {
		key := "wallet.claim." + id
		add(city.Text{ZhHans: city.Say(city.Chinese, key), En: city.Say(city.English, key)}, id)
	}
	for _, f := range t.Fields {
		add(f.Name, "fields", f.ID)
	}
	return all
}
