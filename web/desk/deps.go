package desk

import (
	"context"
	"net/http"
	"time"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/notify"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Deps are what the desk stands on. All are needed but Search, ItemName and OnDuty.
type Deps struct {
	DB          *db.DB
	Access      *access.Access
	Directory   *directory.Directory
	Identity    *identity.Identity
	Cases       *casework.Engine
	Items       *serviceitem.Service
	Algorithms  *algorithm.Register
	Credentials *credential.Registry
	Incidents   *incident.Service // nil where the city takes no reports
	// Notices tells who was told what about a matter; nil shows nothing of it.
	Notices *notify.Notify
	// ItemName is what the city calls what a case is about: an item or a class of
	// incidents; nil says the code.
	ItemName func(city.ItemCode) city.Text
	// Actor is who asks, as the session says; nil takes the visitor of the page.
	Actor func(*http.Request) city.Actor
	// OnDuty lists who is on duty for a task, as the actor may see them, the best to
	// send first; nil, and no list, is for cases to which nobody is sent.
	OnDuty func(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, task string) ([]incident.Candidate, error)
	// More are pages of other packages, for the menu.
	More []Elsewhere
	// Search finds cases and licences that the actor may see; nil finds only full
	// numbers.
	Search func(ctx context.Context, tx *db.Tx, actor city.Actor, query string, limit int) ([]Hit, error)
}

// Elsewhere is an entry of the menu for those who may go there.
type Elsewhere struct {
	web.NavItem
	May func(city.Actor) bool
}

// Hit is something that a search found.
type Hit struct {
	Type   string // case, credential
	Number string
	Title  city.Text // the kind, the licence type
	Item   city.ItemCode
	At     time.Time
}
