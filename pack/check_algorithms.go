package pack

import (
	"fmt"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/incident"
)

// checkAlgorithms looks at the descriptions of the program's models. One that works
// in the city and isn't described would touch people without standing in the register.
func (l *loader) checkAlgorithms() {
	works := map[city.RuleID]bool{incident.ClassifierID: l.siteDef.Incidents.Kind != "", fleet.RiskID: l.risk != nil}
	told := map[city.RuleID]bool{}
	for i, d := range l.algorithms.docs {
		x := &l.algorithms.vals[i]
		told[x.ID] = true
		d.atFields(x.Check())
		if !l.known.body(x.Owner) {
			d.at("owner", "pack.no_body", "id", string(x.Owner))
		}
		if !works[x.ID] {
			d.at("id", "pack.no_algorithm", "id", string(x.ID))
		}
	}
	for _, id := range sortedKeys(works) {
		if works[id] && !told[id] && !l.unread["algorithms/"+string(id)+".yaml"] {
			d, at := l.site, "incidents"
			if id == fleet.RiskID {
				d, at = l.risk, "power"
			}
			d.at(at, "pack.not_described", "id", string(id))
		}
	}
	for i, x := range l.rulesDef.Detectors {
		id, folder := city.RuleID(x.ID), "rules"
		if told[id] {
			folder = "algorithms"
		}
		if told[id] || l.known.rules[id] != nil {
			l.detection.at(fmt.Sprintf("detectors.%d.id", i), "pack.taken", "id", x.ID, "file", folder+"/"+x.ID+".yaml")
		}
	}
	for i, d := range l.rules.docs {
		if id := l.rules.vals[i].ID; told[id] {
			d.at("id", "pack.taken", "id", string(id), "file", "algorithms/"+string(id)+".yaml")
		}
	}
}
