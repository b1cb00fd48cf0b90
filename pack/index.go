package pack

import (
	"path"
	"slices"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/rule"
)

// index is what the files of a pack may name. A definition with faults of its own
// stands in it too: whoever names it is right to.
type index struct {
	regions     map[city.RegionCode]bool
	bodies      map[city.BodyID]*directory.BodyDef
	credentials map[city.CredentialType]*credential.Type
	rules       map[city.RuleID]*rule.Definition
	forms       map[city.FormID]*form.Form
	kinds       map[city.KindID]*casework.Kind
	items       map[city.ItemCode]bool
	counters    map[string]bool
	profiles    map[string]string
	examples    map[string]bool
	unread      map[string]bool // "bodies/pool": a file with faults that kept it from being read
}

func (l *loader) index() index {
	x := index{
		regions: map[city.RegionCode]bool{}, bodies: map[city.BodyID]*directory.BodyDef{},
		credentials: map[city.CredentialType]*credential.Type{}, rules: map[city.RuleID]*rule.Definition{},
		forms: map[city.FormID]*form.Form{}, kinds: map[city.KindID]*casework.Kind{}, items: map[city.ItemCode]bool{},
		counters: map[string]bool{}, profiles: map[string]string{}, examples: map[string]bool{}, unread: map[string]bool{},
	}
	var walk func(r directory.RegionDef)
	walk = func(r directory.RegionDef) {
		x.regions[r.Code] = true
		for _, c := range r.Children {
			walk(c)
		}
	}
	walk(l.regionsDef)
	for i := range l.bodies.vals {
		x.bodies[l.bodies.vals[i].ID] = &l.bodies.vals[i]
	}
	for i := range l.credentials.vals {
		x.credentials[l.credentials.vals[i].ID] = &l.credentials.vals[i]
	}
	for i := range l.rules.vals {
		x.rules[l.rules.vals[i].ID] = &l.rules.vals[i]
	}
	for i := range l.forms.vals {
		x.forms[l.forms.vals[i].ID] = &l.forms.vals[i]
	}
	for i := range l.kinds.vals {
		x.kinds[l.kinds.vals[i].ID] = &l.kinds.vals[i]
	}
	for i := range l.items.vals {
		x.items[l.items.vals[i].Code] = true
	}
	for _, c := range l.siteDef.Counters {
		x.counters[c.ID] = true
	}
	for _, p := range l.siteDef.CodeProfiles {
		x.profiles[p.ID] = p.Pattern
	}
	for folder, names := range l.files {
		for _, name := range names {
			if l.unread[name] {
				x.unread[folder+"/"+strings.TrimSuffix(path.Base(name), path.Ext(name))] = true
			}
		}
	}
	for _, name := range l.files["examples"] {
		x.examples[name] = true
	}
	return x
}

// region reports whether a region exists. Without a tree of regions nothing is
// said about any.
func (x index) region(c city.RegionCode) bool { return x.regions[c] || len(x.regions) <= 1 }

// has reports whether there is such a definition; of a file that couldn't be read
// its name is believed.
func has[K ~string, V any](x index, folder string, defs map[K]*V, id K) bool {
	return defs[id] != nil || x.unread[folder+"/"+string(id)]
}

func (x index) body(id city.BodyID) bool { return has(x, "bodies", x.bodies, id) }
func (x index) rule(id city.RuleID) bool { return has(x, "rules", x.rules, id) }
func (x index) form(id city.FormID) bool { return has(x, "forms", x.forms, id) }
func (x index) kind(id city.KindID) bool { return has(x, "kinds", x.kinds, id) }
func (x index) item(code city.ItemCode) bool {
	return x.items[code] || x.unread["items/"+string(code)]
}
func (x index) credential(id city.CredentialType) bool {
	return has(x, "credentials", x.credentials, id)
}

// post reports whether the body has the post; of a body that can't be asked
// nothing is said.
func (x index) post(body city.BodyID, post string) bool {
	b := x.bodies[body]
	return b == nil || slices.ContainsFunc(b.Posts, func(p directory.PostDef) bool { return p.ID == post })
}
