package pack

import (
	"fmt"
	"slices"
	"strings"

	"yiwang/alert"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
)

// checkDetection looks at detection.yaml, which a city need not have: at the rules in
// themselves, and whether the classes, posts and findings that they name exist.
func (l *loader) checkDetection() {
	d := l.detection
	if d == nil {
		return
	}
	def, s := &l.rulesDef, l.siteDef.Incidents
	d.atFields(def.Check())
	if len(def.Detectors) > 0 && s.Inspection == "" {
		d.at("detectors", "pack.no_inspection")
	}
	var findings []string
	for i := range l.kinds.vals {
		if k := &l.kinds.vals[i]; k.ID == s.Inspection {
			findings = findingsOf(k)
		}
	}
	for i, x := range def.Detectors {
		at := fmt.Sprintf("detectors.%d", i)
		if slices.ContainsFunc(l.sensorsDef.Rules, func(r alert.Rule) bool { return r.ID == x.ID }) {
			d.at(at+".id", "pack.taken", "id", x.ID, "file", "sensors.yaml")
		}
		if x.Class != "" && !slices.ContainsFunc(l.classes.vals, func(g incident.Group) bool {
			return slices.ContainsFunc(g.Classes, func(c incident.Class) bool { return c.Code == x.Class })
		}) {
			d.at(at+".class", "pack.no_class", "id", string(x.Class))
		}
		if body, post, ok := strings.Cut(string(x.Post), "."); ok && (!l.known.body(city.BodyID(body)) || !l.known.post(city.BodyID(body), post)) {
			d.at(at+".post", "pack.no_post", "id", string(x.Post))
		}
		for j, f := range x.Confirms {
			if s.Inspection != "" && !slices.Contains(findings, f) {
				d.at(fmt.Sprintf("%s.confirms.%d", at, j), "pack.no_finding", "id", f, "kind", string(s.Inspection))
			}
		}
	}
}

// findingsOf are the findings that a kind of case lets somebody choose.
func findingsOf(k *casework.Kind) (ids []string) {
	for _, st := range k.Stages {
		for _, o := range st.Outcomes {
			for _, c := range o.Choices[incident.ParamFinding] {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}
