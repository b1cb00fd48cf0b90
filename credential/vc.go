package credential

import (
	"context"
	"strconv"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
)

// vcDecoys stand beside what is hidden, so that nobody can count it.
const vcDecoys = 2

// VCT is the kind of credential that a licence type is given out as: the address
// of its description.
func (r *Registry) VCT(t city.CredentialType) string {
	return r.o.Origin + "/credentials/types/" + string(t)
}

// Origin is the city's address, and its name as an issuer of credentials.
func (r *Registry) Origin() string { return r.o.Origin }

// VC gives a licence out as an SD-JWT credential that is bound to its holder's key,
// a JWK. The licence comes from a call that has asked (Get).
func (r *Registry) VC(ctx context.Context, tx *db.Tx, c Credential, holder map[string]any) (*sdjwt.Token, error) {
	now := r.now()
	if c.Erased || !c.InForce(now) {
		return nil, conflict(&c)
	}
	t, err := r.typeAt(ctx, tx, c.Type, c.version)
	if err != nil {
		return nil, err
	}
	s, err := r.signer(t.algorithm(), now)
	if err != nil {
		return nil, err
	}
	hidden := func(v any) any { return sdjwt.Hidden{Value: v} }
	licence := map[string]any{"type": c.Type, "name": c.Name, "issuer": c.Issuer, "city": r.o.City,
		"number": hidden(c.Number), "holder": hidden(c.Holder.Name), "issued": hidden(c.Issued), "from": hidden(c.From)}
	if c.Holder.Code != "" {
		licence["holder_code"] = hidden(c.Holder.Code)
	}
	claims := map[string]any{"iss": r.o.Origin, "vct": r.VCT(c.Type), "iat": now.Unix(), "nbf": c.begins.Unix(),
		"cnf":    map[string]any{"jwk": holder},
		"status": map[string]any{"status_list": map[string]any{"idx": c.index, "uri": r.o.ListURL + strconv.FormatInt(c.list, 10)}}}
	if !c.Until.IsZero() {
		licence["until"] = hidden(c.Until)
		claims["exp"] = c.expires.Unix()
	}
	if len(c.Fields) > 0 {
		fields := map[string]any{}
		for id, v := range c.Fields {
			fields[id] = hidden(v)
		}
		licence["fields"] = fields
	}
	claims[check.ClaimOfLicence] = licence
	h := check.JWTHeader(s, "")
	return sdjwt.Issuer{Alg: h.Alg, Kid: h.Kid, Sign: s.Sign, Decoys: vcDecoys}.IssueVC(ctx, claims)
}
