package pack

import (
	"fmt"
	"slices"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
)

// checkClasses looks at the classes of incidents, and at what names them.
func (l *loader) checkClasses() {
	file := map[city.ItemCode]string{}
	for i, d := range l.classes.docs {
		g := &l.classes.vals[i]
		d.atFields(g.Check())
		for j := range g.Classes {
			c := &g.Classes[j]
			c.Group, c.Kind = g.ID, g.Kind
			at := fmt.Sprintf("classes.%d", j)
			if other := file[c.Code]; other != "" {
				d.at(at+".code", "pack.taken", "id", string(c.Code), "file", other)
			}
			file[c.Code] = d.file
			if !l.known.body(c.Body) {
				d.at(at+".body", "pack.no_body", "id", string(c.Body))
			}
			body, post, _ := strings.Cut(string(c.Post), ".")
			if !l.known.body(city.BodyID(body)) || !l.known.post(city.BodyID(body), post) {
				d.at(at+".post", "pack.no_post", "id", string(c.Post))
			}
		}
	}
	l.checkIncidents()
	if len(file) == 0 {
		return
	}
	for i, r := range l.sensorsDef.Rules {
		if l.sensors != nil && file[r.Class] == "" {
			l.sensors.at(fmt.Sprintf("rules.%d.class", i), "pack.no_class", "id", string(r.Class))
		}
	}
}

// checkIncidents looks at how the city takes reports.
func (l *loader) checkIncidents() {
	s, d := &l.siteDef.Incidents, l.site
	if s.Kind == "" {
		return
	}
	for _, f := range s.Check() {
		d.at("incidents."+f.Name, f.Message.Key, f.Message.Args...)
	}
	for name, kind := range map[string]city.KindID{"kind": s.Kind, "supervision": s.Supervision, "inspection": s.Inspection} {
		if kind != "" && !slices.ContainsFunc(l.kinds.vals, func(k casework.Kind) bool { return k.ID == kind }) {
			d.at("incidents."+name, "pack.no_kind", "id", string(kind))
		}
	}
	if !l.known.body(s.Office) {
		d.at("incidents.office", "pack.no_body", "id", string(s.Office))
	}
	posts := map[string]string{"operator": s.Operator, "verifier": s.Verifier}
	if s.Supervision != "" {
		posts["watcher"] = s.Watcher
	}
	for name, post := range posts {
		if !l.known.post(s.Office, post) {
			d.at("incidents."+name, "pack.no_post", "id", string(s.Office)+"."+post)
		}
	}
}

// checkKnowledge looks at what the hotline can say at once.
func (l *loader) checkKnowledge() {
	for i, d := range l.knowledge.docs {
		d.atFields(l.knowledge.vals[i].Check())
	}
}

// checkMappings looks at what the mappings of foreign tables name.
func (l *loader) checkMappings() {
	known := map[city.ItemCode]bool{}
	for _, g := range l.classes.vals {
		for _, c := range g.Classes {
			known[c.Code] = true
		}
	}
	for i, d := range l.mappings.docs {
		d.atFields(l.mappings.vals[i].check(func(code city.ItemCode) bool { return known[code] }, l.known.region))
	}
}

// Class finds a class of incidents by its code.
func (c *City) Class(code city.ItemCode) (*incident.Class, bool) {
	for i := range c.Groups {
		if found, ok := find(c.Groups[i].Classes, func(x *incident.Class) bool { return x.Code == code }); ok {
			return found, true
		}
	}
	return nil, false
}
