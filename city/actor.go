package city

import (
	"slices"
	"strings"
)

// ActorKind says what sort of party an Actor is.
type ActorKind string

const (
	Anonymous ActorKind = "anonymous" // nobody signed in
	Resident  ActorKind = "resident"  // a natural person, perhaps acting for a firm or another person
	Officer   ActorKind = "officer"   // a person in a post of a public body
	System    ActorKind = "system"    // the program itself: a rule, a timer, a follower
)

// Assurance is how surely we know who the actor is.
type Assurance int

const (
	AssuranceNone     Assurance = 0
	AssurancePassword Assurance = 1 // something known
	AssurancePasskey  Assurance = 2 // something held and unlocked
	AssuranceCounter  Assurance = 3 // a clerk saw the person and the card
)

// Channel is where a request came in.
type Channel string

const (
	ChannelWeb     Channel = "web"
	ChannelMobile  Channel = "mobile"
	ChannelCounter Channel = "counter"
	ChannelKiosk   Channel = "kiosk"
	ChannelPhone   Channel = "phone"
	ChannelAPI     Channel = "api"
	ChannelPaper   Channel = "paper"
	ChannelSystem  Channel = "system"
)

// Actor is the party that asks for something. Access policies read only what
// stands here and on the resource.
type Actor struct {
	Kind      ActorKind
	Account   AccountID
	Person    PersonID // the natural person who acts, also for officers
	Name      string   // for greeting and for the record of a post; never for policies
	Assurance Assurance
	Channel   Channel

	// Residents: whom they act for, when not for themselves.
	OnBehalf   PersonID     // another person, by a delegation
	Delegation DelegationID // the leave that OnBehalf rests on
	Items      []ItemCode   // items the delegation covers; empty means all that allow it
	Firm       FirmID       // a firm, as its legal representative or agent

	// Officers. Body is their own; they may be entrusted with posts of others, as
	// the clerks of a joint counter are.
	Body    BodyID
	Posts   []PostID
	Regions []RegionCode // regions the posts cover; a code covers all codes it begins

	// Scopes bound what an API token may do, whatever policies permit its owner:
	// actions such as "case.read", all of a noun "case.*", or "*". Nil is no token.
	Scopes []string

	// System actors: the part that acts, such as "rule:senior-allowance".
	Part string
}

// SystemActor is the program acting as the part named.
func SystemActor(part string) Actor {
	return Actor{Kind: System, Part: part, Channel: ChannelSystem}
}

// Applicant is the person on whom the actor's request rests: the one acted for,
// or the actor.
func (a Actor) Applicant() PersonID {
	if !a.OnBehalf.IsZero() {
		return a.OnBehalf
	}
	return a.Person
}

// Holds reports whether the actor holds the post.
func (a Actor) Holds(p PostID) bool {
	for _, q := range a.Posts {
		if q == p {
			return true
		}
	}
	return false
}

// Body is the body whose post it is.
func (p PostID) Body() BodyID {
	if i := strings.LastIndexByte(string(p), '.'); i >= 0 {
		return BodyID(p[:i])
	}
	return ""
}

// Bodies are the bodies in whose name the actor may act: their own, and those of
// their posts.
func (a Actor) Bodies() []BodyID {
	var all []BodyID
	if a.Body != "" {
		all = append(all, a.Body)
	}
	for _, p := range a.Posts {
		if b := p.Body(); b != "" && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

// ActsFor reports whether the actor may act in the name of the body.
func (a Actor) ActsFor(b BodyID) bool { return b != "" && slices.Contains(a.Bodies(), b) }

// InScope reports whether the actor's token reaches to the action; whoever comes
// without a token is bound by policies alone.
func (a Actor) InScope(action string) bool {
	if a.Scopes == nil {
		return true
	}
	noun, _, _ := strings.Cut(action, ".")
	for _, s := range a.Scopes {
		if s == "*" || s == action || s == noun+".*" {
			return true
		}
	}
	return false
}

// Covers reports whether the region lies in the actor's regions; an actor
// without regions covers the whole city, and no region is covered by all.
func (a Actor) Covers(r RegionCode) bool {
	if len(a.Regions) == 0 || r == "" {
		return true
	}
	for _, c := range a.Regions {
		if c.Contains(r) {
			return true
		}
	}
	return false
}

// Contains reports whether r is the region itself or lies in it.
func (c RegionCode) Contains(r RegionCode) bool {
	return len(r) >= len(c) && r[:len(c)] == c
}
