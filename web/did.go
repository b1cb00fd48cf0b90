package web

import (
	"yiwang/casework"
	"yiwang/city"
)

// Did names what somebody did: the engine's own actions in the past, an outcome
// by the words of its button.
func Did(k *casework.Kind, r casework.Record) city.Text {
	if o, ok := OutcomeOf(k, r.Stage, r.Action); ok {
		return o.Label
	}
	if r.Action == casework.ActProgress && k != nil {
		if st, ok := k.Stage(r.Stage); ok {
			for _, p := range st.Allow.Progress {
				if p.ID == r.Step {
					return p.Name
				}
			}
		}
	}
	if k != nil {
		if t, ok := city.LookupText("desk.did." + r.Action + "." + string(k.ID)); ok {
			return t
		}
	}
	if t, ok := city.LookupText("desk.did." + r.Action); ok {
		return t
	}
	return Plain(r.Action)
}

// OutcomeOf finds an outcome by the stage and name of its action; where the kind
// has changed since, any stage's outcome of that name will do for its words.
func OutcomeOf(k *casework.Kind, stage, action string) (casework.Outcome, bool) {
	if k == nil {
		return casework.Outcome{}, false
	}
	var other *casework.Outcome
	for i := range k.Stages {
		for j := range k.Stages[i].Outcomes {
			o := &k.Stages[i].Outcomes[j]
			if o.Action != action {
				continue
			}
			if k.Stages[i].ID == stage {
				return *o, true
			}
			other = o
		}
	}
	if other != nil {
		return *other, true
	}
	return casework.Outcome{}, false
}
