package check

import (
	"strings"
	"time"

	"yiwang/credential/hcert"
)

// IsHealthCode reports whether the text claims to be a health certificate's code.
func IsHealthCode(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) >= prefixLen && strings.EqualFold(text[:prefixLen], healthPrefix)
}

// healthCertificate reads and judges a health certificate whose signature holds.
// The schema decides nothing, nor does what a doctor found: valid means that the
// certificate is genuine and in force. Whoever opens a door looks at the warnings.
func (r *Result) healthCertificate(m *message, key *Key, at time.Time) {
	c, err := hcert.Parse(m.payload)
	if err != nil {
		r.Reason = ReasonUnsupported
		return
	}
	r.Kind, r.Health = KindHealth, c
	if len(c.Findings) > 0 {
		r.Warnings = append(r.Warnings, WarnSchema)
	}
	if c.Positive() {
		r.Warnings = append(r.Warnings, WarnDetected)
	}
	if !c.UsableOn(at) {
		r.Warnings = append(r.Warnings, WarnDays)
	}
	signed := c.IssuedAt
	if signed.IsZero() {
		signed = at
	}
	switch sampled := c.SampledAt(); {
	case key.health != 0 && c.Kinds()&^key.health != 0:
		r.Reason = ReasonNotEntitled
	case key.Mandate != nil && key.Mandate.Reason(signed) != ReasonOK:
		r.Reason = key.Mandate.Reason(signed)
	case key.Mandate != nil && !key.Mandate.MaySignCode(PurposeHealth, signed):
		r.Reason = ReasonNotEntitled
	case !key.HoldsAt(signed):
		r.Reason = ReasonSignerNotValid
	case !c.Expires.IsZero() && at.After(c.Expires): // hcert 1.0.8: rejected after it
		r.Reason = ReasonExpired
	case at.Before(signed.Add(-skew)):
		r.notYet(signed, at)
	case at.Before(sampled.Add(-skew)):
		r.notYet(sampled, at)
	}
}
