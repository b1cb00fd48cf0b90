package casework

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"yiwang/city"
)

// Kind is a kind of case, as a city pack defines it: stages with their tasks,
// limits and outcomes. A kind is data; the engine knows none by name.
type Kind struct {
	ID      city.KindID `yaml:"id" json:"id"`
	Name    city.Text   `yaml:"name" json:"name"`
	First   string      `yaml:"first" json:"first"` // stage that a new case enters
	Stages  []Stage     `yaml:"stages" json:"stages"`
	Results []Result    `yaml:"results" json:"results"`
	// Warn is at which share of a limit, in per cent, those who have to act are
	// warned; 0 never.
	Warn   int     `yaml:"warn" json:"warn,omitempty"`
	Reopen *Reopen `yaml:"reopen" json:"reopen,omitempty"`
	// Effects follow the engine's own actions, such as withdraw or reopen, in
	// whatever stage; those of an outcome stand with it.
	Effects map[string][]Effect `yaml:"effects" json:"effects,omitempty"`
}

// Reopen says where a closed case goes on when somebody is not content, and for
// how long after its end that may happen.
type Reopen struct {
	Stage  string     `yaml:"stage" json:"stage"`
	Within city.Limit `yaml:"within" json:"within"`
}

// Stage is where a case stands. A stage is decided by its outcomes, or moves to
// Next when each of its tasks is completed, or is decided by a rule.
type Stage struct {
	ID    string     `yaml:"id" json:"id"`
	Name  city.Text  `yaml:"name" json:"name"`
	Tell  city.Text  `yaml:"tell" json:"tell"`   // the sentence the applicant reads meanwhile
	Tasks []TaskDef  `yaml:"tasks" json:"tasks"` // who has to do something
	Order Order      `yaml:"order" json:"order,omitempty"`
	Limit city.Limit `yaml:"limit" json:"limit,omitzero"` // of this stage alone, beside the promise
	// LimitFrom is a parameter such as "$contact_limit" that holds the stage's limit
	// ("2 emergency_hours"), where it differs from case to case.
	LimitFrom string `yaml:"limit_from" json:"limit_from,omitempty"`
	Allow     Allow  `yaml:"allow" json:"allow,omitzero"`
	Rule      string `yaml:"rule" json:"rule,omitempty"` // an automatic stage: the rule, mostly "$rule"
	// Outcomes are what the stage's one task may decide; Next is where a stage
	// goes whose tasks give opinions.
	Outcomes []Outcome `yaml:"outcomes" json:"outcomes,omitempty"`
	Next     string    `yaml:"next" json:"next,omitempty"`
}

// Order says whether the tasks of a stage run side by side or in turn.
type Order string

const (
	Parallel Order = "parallel" // 并联
	Sequence Order = "sequence"
)

// TaskDef is something one post of one body has to do. Body and Post may be
// parameters such as "$body".
type TaskDef struct {
	ID   string `yaml:"id" json:"id"`
	Body string `yaml:"body" json:"body"`
	Post string `yaml:"post" json:"post"`
	// Not are stages: whoever moved the case on from one of them last may not do
	// this task. Nobody verifies their own work.
	Not []string `yaml:"not" json:"not,omitempty"`
}

// Allow lists the engine's own actions that a stage permits.
type Allow struct {
	Supplement       *Supplement `yaml:"supplement" json:"supplement,omitempty"`               // 补正, once a case
	SpecialProcedure []string    `yaml:"special_procedure" json:"special_procedure,omitempty"` // 特别程序 by kind; the clock pauses
	ExtendReview     *city.Limit `yaml:"extend_review" json:"extend_review,omitempty"`         // 延长审批, once a case
	Withdraw         bool        `yaml:"withdraw" json:"withdraw,omitempty"`                   // 撤回申请
	Whistle          *Whistle    `yaml:"whistle" json:"whistle,omitempty"`                     // 街道吹哨
	SuspendLedger    *city.Limit `yaml:"suspend_ledger" json:"suspend_ledger,omitempty"`       // 挂账, at the longest
}

// Whistle calls other bodies to the spot (吹哨、报到): each gets a task for the
// post, checks in, and signs off before the stage can be left.
type Whistle struct {
	Post  string     `yaml:"post" json:"post"`
	Limit city.Limit `yaml:"limit" json:"limit"` // to check in
}

// Supplement is how long the applicant has to answer a request for correction.
type Supplement struct {
	Limit city.Limit `yaml:"limit" json:"limit"`
}

// Outcome is a decision that a stage offers.
type Outcome struct {
	Action  string    `yaml:"action" json:"action"` // glossary id: accept, approve, refuse …
	Label   city.Text `yaml:"label" json:"label"`   // the button
	Next    string    `yaml:"next" json:"next"`     // stage id or "end"
	Result  string    `yaml:"result" json:"result,omitempty"`
	Needs   []string  `yaml:"needs" json:"needs,omitempty"` // texts to give: reason, appeal
	Clock   string    `yaml:"clock" json:"clock,omitempty"` // start, stop
	Set     []string  `yaml:"set" json:"set,omitempty"`     // flags
	After   string    `yaml:"after" json:"after,omitempty"` // special procedure that must have taken place
	Effects []Effect  `yaml:"effects" json:"effects,omitempty"`
	Takes   []string  `yaml:"takes" json:"takes,omitempty"`     // parameters that the actor sets; all are needed
	Promise string    `yaml:"promise" json:"promise,omitempty"` // with clock start: the parameter that holds the promise
	Unless  []string  `yaml:"unless" json:"unless,omitempty"`   // flags with which it is not offered any more
	Counts  string    `yaml:"counts" json:"counts,omitempty"`   // a counter that goes up, such as rework
}

// Effect names something another package does in the same transaction.
type Effect struct {
	Name string            `yaml:"name" json:"name"`
	With map[string]string `yaml:"with" json:"with,omitempty"` // may hold parameters such as "$credential"
}

// Result is how a case may end, with the sentence the applicant reads.
type Result struct {
	ID   string    `yaml:"id" json:"id"`
	Name city.Text `yaml:"name" json:"name"`
	Tell city.Text `yaml:"tell" json:"tell"`
}

// End is the stage id that closes a case.
const End = "end"

// The engine's own actions; a kind adds its outcomes.
const (
	ActOpen             = "open"
	ActClaim            = "claim"
	ActRelease          = "release"
	ActAssign           = "assign"
	ActComment          = "comment"
	ActSupplement       = "supplement"        // ask the applicant for a correction
	ActSupply           = "supply"            // the applicant answers it
	ActLapse            = "lapse"             // the time to answer has passed
	ActSpecialProcedure = "special_procedure" // pause
	ActResume           = "resume"
	ActExtendReview     = "extend_review"
	ActCompleteTask     = "complete_task"
	ActWithdraw         = "withdraw"
	ActTerminate        = "terminate"
	ActUrge             = "urge"
	ActOverdue          = "overdue" // the timer: a limit has passed
	ActWarn             = "warn"    // the timer: much of a limit has passed
	ActWhistle          = "whistle"
	ActCheckIn          = "check_in"
	ActSuspendLedger    = "suspend_ledger" // can't be solved now: paused until a date
	ActReview           = "review"         // the timer: that date has come
	ActReopen           = "reopen"
)

var engineActions = []string{ActOpen, ActClaim, ActRelease, ActAssign, ActComment, ActSupplement, ActSupply, ActLapse,
	ActSpecialProcedure, ActResume, ActExtendReview, ActCompleteTask, ActWithdraw, ActTerminate, ActUrge, ActOverdue,
	ActWarn, ActWhistle, ActCheckIn, ActSuspendLedger, ActReview, ActReopen}

// Flags that the engine sets by itself.
const (
	FlagAccepted         = "accepted"
	FlagPaused           = "paused"
	FlagSupplement       = "supplement"
	FlagSupplementLapsed = "supplement_lapsed"
	FlagExtended         = "extended"
	FlagOverdue          = "overdue"
	FlagUrged            = "urged"
	FlagWarned           = "warned"
	FlagWhistled         = "whistled"
	FlagSuspended        = "suspended"
	FlagReview           = "review" // what was suspended has to be looked at again
	FlagReopened         = "reopened"
)

// SpecialProcedures are the kinds of 特别程序 (行政许可法 第四十五条).
var SpecialProcedures = []string{"hearing", "tender", "auction", "inspection", "testing", "quarantine", "appraisal",
	"expert_review", "site_inspection", "public_notice"}

// Stage finds a stage by its id.
func (k *Kind) Stage(id string) (*Stage, bool) {
	for i := range k.Stages {
		if k.Stages[i].ID == id {
			return &k.Stages[i], true
		}
	}
	return nil, false
}

// Result finds a result by its id; withdrawn and terminated stand in every kind.
func (k *Kind) Result(id string) (Result, bool) {
	for _, r := range k.Results {
		if r.ID == id {
			return r, true
		}
	}
	if id == "withdrawn" || id == "terminated" {
		name, _ := city.LookupText("case.result." + id)
		tell, _ := city.LookupText("case.result." + id + ".tell")
		return Result{ID: id, Name: name, Tell: tell}, true
	}
	return Result{}, false
}

func (s *Stage) outcome(action string) (*Outcome, bool) {
	for i := range s.Outcomes {
		if s.Outcomes[i].Action == action {
			return &s.Outcomes[i], true
		}
	}
	return nil, false
}

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

// Parameters lists the names ("body" for "$body") that a case of the kind must
// be opened with. What an outcome takes is given later.
func (k *Kind) Parameters() []string {
	set := map[string]bool{}
	note := func(s string) {
		if p, ok := strings.CutPrefix(s, "$"); ok {
			set[p] = true
		}
	}
	for _, s := range k.Stages {
		note(s.Rule)
		for _, t := range s.Tasks {
			note(t.Body)
			note(t.Post)
		}
	}
	for e := range k.effects() {
		for _, v := range e.With {
			note(v)
		}
	}
	for _, s := range k.Stages {
		for _, o := range s.Outcomes {
			for _, p := range o.Takes {
				delete(set, p)
			}
		}
	}
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// effects gives every effect that the kind names.
func (k *Kind) effects() iter.Seq[Effect] {
	return func(yield func(Effect) bool) {
		lists := slices.Collect(maps.Values(k.Effects))
		for _, s := range k.Stages {
			for _, o := range s.Outcomes {
				lists = append(lists, o.Effects)
			}
		}
		for _, list := range lists {
			for _, e := range list {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// isLimit reports whether the parameter holds a limit.
func (k *Kind) isLimit(name string) bool {
	return slices.ContainsFunc(k.Stages, func(s Stage) bool {
		return s.LimitFrom == "$"+name || slices.ContainsFunc(s.Outcomes, func(o Outcome) bool { return o.Promise == "$"+name })
	})
}

func param(params map[string]string, s string) string {
	if p, ok := strings.CutPrefix(s, "$"); ok {
		return params[p]
	}
	return s
}
