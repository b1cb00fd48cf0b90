package credential

import (
	"context"

	"yiwang/credential/check"
)

// SealPass signs a pass code with the city's newest key; see check.EncodePass.
func (r *Registry) SealPass(ctx context.Context, p PassClaims) (string, PassClaims, error) {
	s, err := r.signer(EdDSA, r.o.Clock.Now())
	if err != nil {
		return "", p, err
	}
	p.City = r.o.City
	return check.EncodePass(ctx, s, p)
}
