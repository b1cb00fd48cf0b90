// Package access answers one question: may this actor do this to that, and why.
// Policies are Cedar texts of the city pack; what none permits is refused, and a
// forbid outweighs every permit. It also keeps the trace that a person can see:
// who looked at their data, for what.
package access

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cedar-policy/cedar-go"

	"yiwang/city"
)

// Attrs describe a resource for policies: strings, []string, bool, int and
// int64, typed strings included. Empty strings are left out, so a policy asks
// `resource has body`.
type Attrs map[string]any

// Resource is what somebody wants to do something to.
type Resource struct {
	Type  string // "Case", "Credential", "Item", "Account" …
	ID    string
	Attrs Attrs
	// Region, when set, is compared with the actor's regions; policies read
	// context.covers.
	Region city.RegionCode
}

// Access decides by policies. It is immutable and safe for concurrent use.
type Access struct {
	policies scoped
	known    atomic.Pointer[map[standing]Decision] // never changed, only replaced
	learning sync.Mutex                            // while it is
}

// standing is a question of a part of the program about a resource of which nothing
// but its type is said. Its answer is always the same, and it is asked for every
// position of every vehicle.
type standing struct{ part, channel, action, resource string }

// mostStanding bounds the answers that are kept.
const mostStanding = 1024

// standingOf is the question as one of those, if it is.
func standingOf(actor *city.Actor, action string, r *Resource) (standing, bool) {
	plain := actor.Kind == city.System && actor.Scopes == nil && actor.Account.IsZero() && actor.Person.IsZero() && actor.OnBehalf.IsZero() && actor.Firm.IsZero() &&
		actor.Body == "" && len(actor.Posts) == 0 && len(actor.Regions) == 0 && len(actor.Items) == 0 && actor.Assurance == 0
	return standing{actor.Part, string(actor.Channel), action, r.Type}, plain && r.ID == "" && len(r.Attrs) == 0 && r.Region == ""
}

// New compiles policies, by file name. Errors name file and position.
func New(policies map[string][]byte) (*Access, error) {
	names := make([]string, 0, len(policies))
	for n := range policies {
		names = append(names, n)
	}
	sort.Strings(names)
	set := cedar.NewPolicySet()
	for _, n := range names {
		if len(policies[n]) > largest {
			return nil, fmt.Errorf("%s: %d bytes are too many for policies, at most %d", n, len(policies[n]), largest)
		}
		list, err := cedar.NewPolicyListFromBytes(n, policies[n])
		if err != nil {
			return nil, fault(n, err)
		}
		for i, p := range list {
			id := fmt.Sprintf("%s#%d", n, i+1)
			if a, ok := p.Annotations()["id"]; ok {
				id = string(a)
			}
			if !set.Add(cedar.PolicyID(id), p) {
				return nil, fmt.Errorf("%s: policy %q stands twice", n, id)
			}
		}
	}
	sorted, err := sortByScope(set)
	return &Access{policies: sorted}, err
}

// largest is how many bytes a policy file may have: the parser goes as deep as
// the brackets it meets.
const largest = 256 << 10

var place = regexp.MustCompile(`^.*<input>:(\d+):(\d+):? *`)

// fault says a parser's error as file:line:column: what.
func fault(file string, err error) error {
	if m := place.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s:%s:%s: %s", file, m[1], m[2], strings.TrimPrefix(err.Error(), m[0]))
	}
	return fmt.Errorf("%s: %w", file, err)
}

// Decision is an answer with its grounds.
type Decision struct {
	Allowed  bool
	Policies []string // those that decided
	Errors   []string // policies that could not be read against this request
}

// Decide evaluates the policies. Policies see the principal as
// Resident, Officer, System or Anonymous with person, on_behalf, firm, body, bodies
// (those in whose name an officer may act), posts, assurance and, for an API token, token; the resource with its attributes; context.covers and
// context.items (the items a delegation covers).
func (a *Access) Decide(actor city.Actor, action string, r Resource) Decision {
	q, plain := standingOf(&actor, action, &r)
	if !plain {
		return a.decide(&actor, action, &r)
	}
	if known := a.known.Load(); known != nil {
		if d, ok := (*known)[q]; ok {
			return d
		}
	}
	d := a.decide(&actor, action, &r)
	a.learn(q, d)
	return d
}

func (a *Access) learn(q standing, d Decision) {
	a.learning.Lock()
	defer a.learning.Unlock()
	next := map[standing]Decision{q: d}
	if known := a.known.Load(); known != nil {
		if len(*known) >= mostStanding {
			return
		}
		maps.Copy(next, *known)
	}
	a.known.Store(&next)
}

func (a *Access) decide(actor *city.Actor, action string, r *Resource) Decision {
	if !actor.InScope(action) {
		return Decision{Policies: []string{"scopes of the token"}}
	}
	attrs := Attrs{
		"account": actor.Account, "person": actor.Person, "on_behalf": actor.OnBehalf, "firm": actor.Firm,
		"applicant": actor.Applicant(), "body": actor.Body, "bodies": actor.Bodies(), "posts": posts(actor.Posts), "assurance": int(actor.Assurance),
		"part": actor.Part, "channel": string(actor.Channel),
	}
	if actor.Scopes != nil {
		attrs["token"] = true
	}
	principal := entity(principalType[actor.Kind], principalID(*actor), attrs)
	resource := entity(r.Type, r.ID, r.Attrs)
	req := cedar.Request{
		Principal: principal.UID,
		Action:    cedar.NewEntityUID("Action", cedar.String(action)),
		Resource:  resource.UID,
		Context: cedar.NewRecord(cedar.RecordMap{
			"covers":    cedar.Boolean(actor.Covers(r.Region)),
			"all_items": cedar.Boolean(len(actor.Items) == 0),
			"items":     set(items(actor.Items)),
		}),
	}
	fit := a.policies.fitting(string(principal.UID.Type), action, r.Type)
	verdict, diag := cedar.Authorize(fit, pair{principal, resource}, req)
	d := Decision{Allowed: verdict == cedar.Allow}
	for _, why := range diag.Reasons {
		d.Policies = append(d.Policies, string(why.PolicyID))
	}
	for _, e := range diag.Errors {
		d.Errors = append(d.Errors, e.String())
	}
	return d
}

// Ask returns nil when the actor may, city.KindUnauthenticated when nobody is
// signed in, city.KindForbidden otherwise.
func (a *Access) Ask(ctx context.Context, actor city.Actor, action string, r Resource) error {
	d := a.Decide(actor, action, r)
	if len(d.Errors) > 0 {
		slog.WarnContext(ctx, "access policy could not be read", "action", action, "resource", r.Type, "errors", d.Errors)
	}
	if d.Allowed {
		return nil
	}
	if actor.Kind == city.Anonymous || actor.Kind == "" {
		return city.Unauthenticated("error.sign_in")
	}
	slog.InfoContext(ctx, "access refused", "action", action, "resource", r.Type, "id", r.ID,
		"actor", actor.Kind, "account", actor.Account.String(), "policies", d.Policies)
	return city.Forbidden("error.forbidden")
}

var principalType = map[city.ActorKind]string{
	city.Resident: "Resident", city.Officer: "Officer", city.System: "System", city.Anonymous: "Anonymous", "": "Anonymous",
}

func principalID(a city.Actor) string {
	if a.Kind == city.System {
		return a.Part
	}
	return a.Account.String()
}

// pair is the store of the two entities of a request.
type pair struct{ principal, resource cedar.Entity }

func (p pair) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case p.principal.UID:
		return p.principal, true
	case p.resource.UID:
		return p.resource, true
	}
	return cedar.Entity{}, false
}

func entity(typ, id string, attrs Attrs) cedar.Entity {
	m := make(cedar.RecordMap, len(attrs))
	for k, v := range attrs {
		if val := value(v); val != nil {
			m[cedar.String(k)] = val
		}
	}
	return cedar.Entity{UID: cedar.NewEntityUID(cedar.EntityType(typ), cedar.String(id)), Attributes: cedar.NewRecord(m)}
}

func value(v any) cedar.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
		return cedar.String(v)
	case bool:
		return cedar.Boolean(v)
	case int:
		return cedar.Long(v)
	case int64:
		return cedar.Long(v)
	case []string:
		return set(v)
	case []city.PostID:
		return set(posts(v))
	case []city.BodyID:
		s := make([]string, len(v))
		for i, b := range v {
			s[i] = string(b)
		}
		return set(s)
	case city.BodyID:
		return value(string(v))
	case city.PostID:
		return value(string(v))
	case city.KindID:
		return value(string(v))
	case city.ItemCode:
		return value(string(v))
	case city.RegionCode:
		return value(string(v))
	case city.CredentialType:
		return value(string(v))
	case fmt.Stringer:
		return value(v.String())
	}
	panic(fmt.Sprintf("access: attribute of type %T", v))
}

func set(s []string) cedar.Value {
	vals := make([]cedar.Value, len(s))
	for i, x := range s {
		vals[i] = cedar.String(x)
	}
	return cedar.NewSet(vals...)
}

func posts(p []city.PostID) []string {
	s := make([]string, len(p))
	for i, x := range p {
		s[i] = string(x)
	}
	return s
}

func items(p []city.ItemCode) []string {
	s := make([]string, len(p))
	for i, x := range p {
		s[i] = string(x)
	}
	return s
}
