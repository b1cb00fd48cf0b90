package credential

import (
	"context"
	"errors"

	"yiwang/credential/check"
)

// SealPass signs a pass code with the city's newest key; see check.EncodePass.
func (r *Registry) SealPass(ctx context.Context, p PassClaims) (string, PassClaims, error) {
	s := r.keys.Signer(EdDSA, r.o.Clock.Now())
	if s == nil {
		return "", p, errors.New("no key that may sign pass codes today")
	}
	p.City = r.o.City
	return check.EncodePass(ctx, s, p)
}
