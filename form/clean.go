package form

import (
	"maps"
	"strings"

	"yiwang/rule"
)

// Clean turns what was sent into answers. known holds what the city knows, by
// field id; it decides locked fields and nothing else. The result shares no memory
// with what was sent but texts, and is never nil.
func (c *Compiled) Clean(raw, known map[string]any) map[string]any {
	out := map[string]any{}
	c.walk(func(f *field) (any, bool) { return f.value(raw, known) }, func(f *field, v any, ok bool) {
		if ok {
			out[f.ID] = v
		}
	})
	return out
}

// CleanForm is Clean for an HTML form (a url.Values), in which compound answers
// and dates come in parts.
func (c *Compiled) CleanForm(raw map[string][]string, known map[string]any) map[string]any {
	return c.Clean(c.fromForm(raw, nil), known)
}

// Example is Clean for the answers of a pack's example, in which a date may be
// counted from the day of the form (see On), as Day reads it.
func (c *Compiled) Example(answers, known map[string]any) map[string]any {
	raw := maps.Clone(answers)
	for id, v := range answers {
		f, s := c.fields[id], ""
		if f != nil && f.Type == Date {
			s, _ = v.(string)
		}
		if d, err := Day(s, c.today); err == nil {
			raw[id] = d
		}
	}
	return c.Clean(raw, known)
}

// MergeStep gives the answers after somebody sent one step of the form: what was
// sent replaces the step's answers, an emptied field losing its own; answers of
// other steps stay unless they are hidden now.
func (c *Compiled) MergeStep(answers map[string]any, stepID string, raw map[string][]string, known map[string]any) map[string]any {
	merged := maps.Clone(answers)
	if merged == nil {
		merged = map[string]any{}
	}
	for _, s := range c.steps {
		if s.ID != stepID {
			continue
		}
		for _, f := range s.fields {
			delete(merged, f.ID)
		}
		maps.Copy(merged, c.fromForm(raw, s.fields))
	}
	return c.Clean(merged, known)
}

// Prefill gives a new draft its first answers: what the city knows of the fields
// that have a prefill.
func (c *Compiled) Prefill(known map[string]any) map[string]any {
	return c.Clean(known, known)
}

// value is the answer to a field that is shown.
func (f *field) value(raw, known map[string]any) (any, bool) {
	if f.Locked && known[f.ID] != nil {
		if v, ok := f.normal(known[f.ID]); ok {
			return v, true
		}
	}
	v, there := raw[f.ID]
	if !there || v == nil {
		return nil, false
	}
	return f.normal(v)
}

// walk visits the fields that are shown, in order. get gives a field's answer;
// the answers so far decide what is shown next.
func (c *Compiled) walk(get func(*field) (any, bool), visit func(f *field, v any, ok bool)) {
	vars := make(map[string]any, len(c.fields))
	for _, s := range c.steps {
		stepShown := shown(s.show, vars)
		for _, f := range s.fields {
			if !stepShown || !shown(f.show, vars) {
				if c.vars[f.ID] == rule.List {
					vars[f.ID] = []string(nil)
				}
				continue
			}
			v, ok := get(f)
			visit(f, v, ok)
			t := c.vars[f.ID]
			switch {
			case !ok && t == rule.List:
				vars[f.ID] = []string(nil)
			case ok:
				if n, err := t.Normal(v); err == nil {
					vars[f.ID] = whole(f, n)
				}
			}
		}
	}
}

// whole gives a compound answer all of its parts, so that a condition can name
// one that is empty.
func whole(f *field, n any) any {
	m, ok := n.(map[string]string)
	if !ok {
		return n
	}
	all := make(map[string]string, 2)
	for _, part := range f.Type.Parts() {
		all[part] = m[part]
	}
	return all
}

// shown: a condition that fails on its values shows the field (see the package's
// words on conditions).
func shown(cond *rule.Condition, vars map[string]any) bool {
	if cond == nil {
		return true
	}
	holds, err := cond.Holds(vars)
	return holds || err != nil
}

// Visible gives the steps that are asked, with the fields that are asked; a step
// that asks nothing drops out.
func (c *Compiled) Visible(answers map[string]any) []Step {
	seen := map[string]bool{}
	c.walk(func(f *field) (any, bool) { return f.value(answers, nil) }, func(f *field, _ any, _ bool) { seen[f.ID] = true })
	var out []Step
	for _, s := range c.steps {
		var fields []Field
		for _, f := range s.fields {
			if seen[f.ID] {
				fields = append(fields, f.Field)
			}
		}
		if fields != nil {
			v := s.Step
			v.Fields = fields
			out = append(out, v)
		}
	}
	return out
}

// fromForm gathers the values of an HTML form for the fields, all when nil.
func (c *Compiled) fromForm(raw map[string][]string, only []*field) map[string]any {
	out := map[string]any{}
	if only == nil {
		for _, s := range c.steps {
			only = append(only, s.fields...)
		}
	}
	for _, f := range only {
		switch {
		case f.Type == MultiChoice || f.Type == File:
			if v := raw[f.ID]; len(v) > 0 {
				out[f.ID] = v
			}
		case f.Type.Parts() != nil:
			m := map[string]string{}
			for _, part := range f.Type.Parts() {
				m[part] = last(raw[f.ID+"."+part])
			}
			out[f.ID] = m
		case f.Type == Date && len(raw[f.ID]) == 0:
			parts := []string{last(raw[f.ID+".year"]), last(raw[f.ID+".month"]), last(raw[f.ID+".day"])}
			if strings.TrimSpace(strings.Join(parts, "")) != "" {
				out[f.ID] = strings.Join(parts, "-")
			}
		default:
			if v := raw[f.ID]; len(v) > 0 {
				out[f.ID] = last(v)
			}
		}
	}
	return out
}

// last is the value that counts when a name comes more than once: the box after
// its hidden "no".
func last(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[len(v)-1]
}
