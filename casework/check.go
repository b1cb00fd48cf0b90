package casework

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"yiwang/city"
)

// Fault is something wrong in a definition; Path leads to it, such as
// "stages[2].outcomes[0].next".
type Fault struct{ Path, Message string }

// Check finds every fault that the definition shows by itself: stages that can't
// be reached or left, unknown names, missing texts.
func (k *Kind) Check() []Fault {
	var fs []Fault
	add := func(path, format string, args ...any) { fs = append(fs, Fault{path, fmt.Sprintf(format, args...)}) }
	text := func(path string, t city.Text) {
		for _, l := range t.Missing() {
			add(path, "no text in %s", l)
		}
	}
	if k.ID == "" {
		add("id", "no id")
	}
	text("name", k.Name)
	if _, ok := k.Stage(k.First); !ok {
		add("first", "no stage %q", k.First)
	}
	known := map[string]bool{End: true}
	for i, s := range k.Stages {
		if known[s.ID] || s.ID == "" {
			add(fmt.Sprintf("stages[%d].id", i), "stage id %q is empty, taken or reserved", s.ID)
		}
		known[s.ID] = true
	}
	results := map[string]bool{"withdrawn": true, "terminated": true}
	for i, r := range k.Results {
		if results[r.ID] {
			add(fmt.Sprintf("results[%d].id", i), "result %q stands twice", r.ID)
		}
		results[r.ID] = true
		text(fmt.Sprintf("results[%d].name", i), r.Name)
		text(fmt.Sprintf("results[%d].tell", i), r.Tell)
	}
	if k.Warn < 0 || k.Warn > 99 {
		add("warn", "a warning comes between 1 and 99 per cent of a limit, not %d", k.Warn)
	}
	for _, a := range slices.Sorted(maps.Keys(k.Effects)) {
		if a == ActOpen || !slices.Contains(engineActions, a) {
			add("effects."+a, "the engine has no action %q; the effects of an outcome stand with it", a)
		}
	}
	leads := map[string][]string{}
	if r := k.Reopen; r != nil {
		if _, ok := k.Stage(r.Stage); !ok {
			add("reopen.stage", "no stage %q", r.Stage)
		}
		checkLimit("reopen.within", r.Within, add)
		if r.Within.IsZero() {
			add("reopen.within", "reopening needs a limit")
		}
		leads[End] = []string{r.Stage}
	}
	for i := range k.Stages {
		s := &k.Stages[i]
		p := fmt.Sprintf("stages[%d]", i)
		text(p+".name", s.Name)
		text(p+".tell", s.Tell)
		k.checkStage(p, s, known, results, add, text)
		if s.Next != "" {
			leads[s.ID] = append(leads[s.ID], s.Next)
		}
		for _, o := range s.Outcomes {
			leads[s.ID] = append(leads[s.ID], o.Next)
		}
	}
	reached := reach(k.First, leads)
	for i, s := range k.Stages {
		p := fmt.Sprintf("stages[%d].id", i)
		if !reached[s.ID] {
			add(p, "stage %q can't be reached from %q", s.ID, k.First)
		}
		if !reach(s.ID, leads)[End] {
			add(p, "stage %q can't be left: no way from it to the end", s.ID)
		}
	}
	return fs
}

func (k *Kind) checkStage(p string, s *Stage, known, results map[string]bool, add func(string, string, ...any), text func(string, city.Text)) {
	switch {
	case s.Rule != "" && (len(s.Tasks) > 0 || s.Next != ""):
		add(p+".rule", "an automatic stage has no tasks and no next, only outcomes")
	case s.Rule != "":
		for _, want := range []string{"approve", "to_officer"} {
			if _, ok := s.outcome(want); !ok {
				add(p+".outcomes", "an automatic stage needs the outcome %q", want)
			}
		}
	case len(s.Tasks) == 0:
		add(p+".tasks", "nobody has a task here")
	case s.Next != "" && len(s.Outcomes) > 0:
		add(p+".next", "a stage has outcomes or next, not both")
	case s.Next == "" && len(s.Outcomes) == 0:
		add(p+".outcomes", "the stage can't be left: it has neither outcomes nor next")
	case s.Next == "" && len(s.Tasks) > 1:
		add(p+".tasks", "a stage that decides has one task; several give opinions and need next")
	}
	if s.Next != "" && !known[s.Next] {
		add(p+".next", "no stage %q", s.Next)
	}
	if s.Order != "" && s.Order != Parallel && s.Order != Sequence {
		add(p+".order", "order is parallel or sequence")
	}
	checkLimit(p+".limit", s.Limit, add)
	seen := map[string]bool{}
	for j, t := range s.Tasks {
		tp := fmt.Sprintf("%s.tasks[%d]", p, j)
		if t.ID == "" || seen[t.ID] {
			add(tp+".id", "task id %q is empty or stands twice", t.ID)
		}
		seen[t.ID] = true
		if t.Body == "" || t.Post == "" {
			add(tp, "a task needs body and post")
		}
		for _, not := range t.Not {
			if _, ok := k.Stage(not); !ok {
				add(tp+".not", "no stage %q", not)
			}
		}
	}
	for j, kind := range s.Allow.SpecialProcedure {
		if !slices.Contains(SpecialProcedures, kind) {
			add(fmt.Sprintf("%s.allow.special_procedure[%d]", p, j), "no special procedure %q; there are %s", kind, strings.Join(SpecialProcedures, ", "))
		}
	}
	if s.Allow.Supplement != nil {
		checkLimit(p+".allow.supplement.limit", s.Allow.Supplement.Limit, add)
		if s.Allow.Supplement.Limit.IsZero() {
			add(p+".allow.supplement", "a request for correction needs a limit")
		}
	}
	if s.Allow.ExtendReview != nil {
		checkLimit(p+".allow.extend_review", *s.Allow.ExtendReview, add)
	}
	if w := s.Allow.Whistle; w != nil {
		checkLimit(p+".allow.whistle.limit", w.Limit, add)
		if w.Post == "" || w.Limit.IsZero() {
			add(p+".allow.whistle", "a whistle needs the post that answers and a limit")
		}
	}
	if s.Allow.SuspendLedger != nil {
		checkLimit(p+".allow.suspend_ledger", *s.Allow.SuspendLedger, add)
	}
	steps := map[string]bool{}
	for j, g := range s.Allow.Progress {
		gp := fmt.Sprintf("%s.allow.progress[%d]", p, j)
		if g.ID == "" || steps[g.ID] {
			add(gp+".id", "step %q is empty or stands twice", g.ID)
		}
		steps[g.ID] = true
		text(gp+".name", g.Name)
		text(gp+".tell", g.Tell)
	}
	if s.LimitFrom != "" && (!strings.HasPrefix(s.LimitFrom, "$") || !s.Limit.IsZero()) {
		add(p+".limit_from", "the limit comes from a parameter such as $limit, and then no other is given")
	}
	acts := map[string]bool{}
	for j, o := range s.Outcomes {
		op := fmt.Sprintf("%s.outcomes[%d]", p, j)
		if o.Action == "" || acts[o.Action] {
			add(op+".action", "action %q is empty or stands twice", o.Action)
		}
		if slices.Contains(engineActions, o.Action) {
			add(op+".action", "%q is an action of the engine", o.Action)
		}
		acts[o.Action] = true
		text(op+".label", o.Label)
		if !known[o.Next] {
			add(op+".next", "no stage %q", o.Next)
		}
		if o.Result != "" && !results[o.Result] {
			add(op+".result", "no result %q", o.Result)
		}
		if o.Clock != "" && o.Clock != "start" && o.Clock != "stop" {
			add(op+".clock", "clock is start or stop")
		}
		for _, n := range o.Needs {
			if n != "reason" && n != "appeal" {
				add(op+".needs", "needs is reason or appeal, not %q", n)
			}
		}
		for name, list := range o.Choices {
			if !slices.Contains(o.Takes, name) || len(list) == 0 {
				add(op+".choices."+name, "choices are for a parameter that the outcome takes, and are not empty")
			}
			ids := map[string]bool{}
			for l, c := range list {
				cp := fmt.Sprintf("%s.choices.%s[%d]", op, name, l)
				if c.ID == "" || ids[c.ID] {
					add(cp+".id", "choice %q is empty or stands twice", c.ID)
				}
				ids[c.ID] = true
				text(cp+".name", c.Name)
			}
		}
		for _, n := range o.Wants {
			if n != "reason" && n != "note" {
				add(op+".wants", "wants is reason or note, not %q", n)
			}
		}
		if o.Promise != "" && (o.Clock != "start" || !strings.HasPrefix(o.Promise, "$")) {
			add(op+".promise", "a promise from a parameter goes with clock: start")
		}
		if o.After != "" && !slices.Contains(s.Allow.SpecialProcedure, o.After) {
			add(op+".after", "the stage doesn't allow the special procedure %q", o.After)
		}
	}
}

func checkLimit(p string, l city.Limit, add func(string, string, ...any)) {
	if l.IsZero() && l.Unit == "" {
		return
	}
	switch l.Unit {
	case city.WorkingDays, city.NaturalDays, city.WorkingHours, city.EmergencyHours:
	default:
		add(p+".unit", "no unit %q", l.Unit)
	}
	if l.N < 1 || l.N > 10000 {
		add(p+".n", "a limit is between 1 and 10000, not %d", l.N)
	}
}

func reach(from string, leads map[string][]string) map[string]bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; {
		s := todo[0]
		todo = todo[1:]
		for _, n := range leads[s] {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	return seen
}
