package access

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cedar-policy/cedar-go"
)

// scoped are policies sorted by the action that their scope names, so that a
// question reads only those that could answer it. A policy whose scope does not
// fit holds for no request and raises no error (Cedar: the scope is evaluated
// before the conditions), so leaving it out changes no answer.
type scoped struct {
	of  map[string][]policy // by action, each with those for every action
	any []policy            // for every action
}

// policy is a policy with the types its scope asks for; "" fits all.
type policy struct {
	id                  cedar.PolicyID
	text                *cedar.Policy
	principal, resource string
}

// scope is a part of a policy's head in Cedar's JSON format.
type scope struct {
	Op       string   `json:"op"`
	Type     string   `json:"entity_type"`
	Entity   *action  `json:"entity"`
	Entities []action `json:"entities"`
}

type action struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func sortByScope(set *cedar.PolicySet) (s scoped, err error) {
	s.of = map[string][]policy{}
	every := maps.Collect(set.All())
	named := map[string][]policy{}
	for _, id := range slices.Sorted(maps.Keys(every)) {
		raw, err := every[id].MarshalJSON()
		if err != nil {
			return s, fmt.Errorf("policy %q: %w", id, err)
		}
		var head struct{ Principal, Action, Resource scope }
		if err := json.Unmarshal(raw, &head); err != nil {
			return s, fmt.Errorf("policy %q: %w", id, err)
		}
		p := policy{id: id, text: every[id], principal: head.Principal.only(), resource: head.Resource.only()}
		actions, all := head.Action.actions()
		if all {
			s.any = append(s.any, p)
			continue
		}
		for _, a := range actions {
			named[a] = append(named[a], p)
		}
	}
	for a, list := range named {
		s.of[a] = slices.Concat(list, s.any)
	}
	return s, nil
}

// only is the type that the scope asks for, "" when it asks for none or in a way
// that is left to Cedar.
func (s scope) only() string {
	if s.Op == "is" {
		return s.Type
	}
	return ""
}

// actions lists what the scope names; all says that it fits any action, or is
// written in a way that is left to Cedar. Actions have no groups here.
func (s scope) actions() (ids []string, all bool) {
	if s.Op != "==" && s.Op != "in" {
		return nil, true
	}
	list := s.Entities
	if s.Entity != nil {
		list = append(list, *s.Entity)
	}
	for _, e := range list {
		if e.Type != "Action" {
			return nil, true
		}
		ids = append(ids, e.ID)
	}
	return ids, false
}

// fitting are the policies that a request has to be held against.
type fitting struct {
	list                []policy
	principal, resource string
}

func (s scoped) fitting(principal, action, resource string) fitting {
	list, ok := s.of[action]
	if !ok {
		list = s.any
	}
	return fitting{list, principal, resource}
}

// All gives them in order.
func (f fitting) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range f.list {
			if p.principal != "" && p.principal != f.principal || p.resource != "" && p.resource != f.resource {
				continue
			}
			if !yield(p.id, p.text) {
				return
			}
		}
	}
}
