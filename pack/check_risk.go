package pack

import (
	"fmt"

	"yiwang/fleet/register"
)

// checkRisk looks at risk.yaml, which a city need not have: at the formula in itself,
// and whether the bodies and substances that it names exist.
func (l *loader) checkRisk() {
	d, f := l.risk, &l.riskDef
	if d == nil {
		return
	}
	d.atFields(f.Check())
	for i, b := range f.OfficerBodies {
		if !l.known.body(b) {
			d.at(fmt.Sprintf("officer_bodies.%d", i), "pack.no_body", "id", string(b))
		}
	}
	known := map[register.SubstanceID]bool{}
	for _, r := range l.city.Registers.Records {
		if s, ok := r.(*register.Substance); ok {
			known[s.ID] = true
		}
	}
	for i, t := range f.Thresholds {
		if t.Substance != "" && !known[t.Substance] {
			d.at(fmt.Sprintf("thresholds.%d.substance", i), "pack.no_substance", "id", string(t.Substance))
		}
	}
	l.city.Risk = f
}
