package casework

import (
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
// how long after its end that may happen. One that ended before the parameters were
// given which name whose task it is there goes to the first stage.
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
	Progress         []Progress  `yaml:"progress" json:"progress,omitempty"`                   // what may be said on the way to an outcome
}

// Progress is how far somebody has come with what a stage asks, such as being on
// the way. It moves no clock and no stage.
type Progress struct {
	ID   string    `yaml:"id" json:"id"`
	Name city.Text `yaml:"name" json:"name"` // the button
	Tell city.Text `yaml:"tell" json:"tell"` // read by who waits, in place of the stage's
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
	Wants   []string  `yaml:"wants" json:"wants,omitempty"` // texts that may be given: reason, note
	Clock   string    `yaml:"clock" json:"clock,omitempty"` // start, stop
	Set     []string  `yaml:"set" json:"set,omitempty"`     // flags
	After   string    `yaml:"after" json:"after,omitempty"` // special procedure that must have taken place
	Effects []Effect  `yaml:"effects" json:"effects,omitempty"`
	Takes   []string  `yaml:"takes" json:"takes,omitempty"` // parameters that the actor sets; all are needed
	// Choices are the only values that a taken parameter may have.
	Choices map[string][]Choice `yaml:"choices" json:"choices,omitempty"`
	Promise string              `yaml:"promise" json:"promise,omitempty"` // with clock start: the parameter that holds the promise
	Unless  []string            `yaml:"unless" json:"unless,omitempty"`   // flags with which it is not offered any more
	Counts  string              `yaml:"counts" json:"counts,omitempty"`   // a counter that goes up, such as rework
}

// Choice is a value of a closed list.
type Choice struct {
	ID   string    `yaml:"id" json:"id"`
	Name city.Text `yaml:"name" json:"name"`
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
	ActProgress         = "progress" // how far somebody has come; assigns the task to them
)

var engineActions = []string{ActOpen, ActClaim, ActRelease, ActAssign, ActComment, ActSupplement, ActSupply, ActLapse,
	ActSpecialProcedure, ActResume, ActExtendReview, ActCompleteTask, ActWithdraw, ActTerminate, ActUrge, ActOverdue,
	ActWarn, ActWhistle, ActCheckIn, ActSuspendLedger, ActReview, ActReopen, ActProgress}

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

func (s *Stage) progress(id string) (Progress, bool) {
	i := slices.IndexFunc(s.Allow.Progress, func(p Progress) bool { return p.ID == id })
	if i < 0 {
		return Progress{}, false
	}
	return s.Allow.Progress[i], true
}

// ahead are the steps behind the one that was said last.
func (s *Stage) ahead(last string) []Progress {
	i := slices.IndexFunc(s.Allow.Progress, func(p Progress) bool { return p.ID == last })
	return s.Allow.Progress[i+1:]
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
