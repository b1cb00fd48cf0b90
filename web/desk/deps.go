package desk

import (
	"context"
	"io"
	"net/http"
	"time"

	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// Deps are what the desk stands on. DB, Engine, Directory and Actor are needed;
// a part that is nil is left out of the pages.
type Deps struct {
	DB        *db.DB
	Engine    *casework.Engine
	Directory *directory.Directory
	// Actor is who asks, as the session says.
	Actor func(*http.Request) city.Actor

	Items    Items
	Register *algorithm.Register
	Licences Licences
	Staff    Staff
	Files    Files
	// Search finds cases and licences that the actor may see.
	Search func(ctx context.Context, actor city.Actor, query string, limit int) ([]Hit, error)
}

// Items is what the desk asks of the service items.
type Items interface {
	Item(city.ItemCode) (serviceitem.Item, bool)
	Form(city.ItemCode) (*form.Compiled, bool)
	// Application reads what a case was opened with, or what a correction replaced
	// it by.
	Application(payload []byte) (Application, error)
	// AtCounter lists the items that the officer's counter takes in.
	AtCounter(city.Actor) []serviceitem.Item
	// Known is what the city knows of the applicant, by the ids of the form's
	// fields. The caller has the applicant at the counter; the use is on record.
	Known(ctx context.Context, actor city.Actor, f Filing) (map[string]any, error)
	// File opens a case at the counter. A repeat of the same key gives the case
	// that the first call opened.
	File(ctx context.Context, actor city.Actor, f Filing) (casework.Case, error)
}

// Application is what was applied for, as the desk shows it.
type Application struct {
	Answers   map[string]any
	Sources   map[string]Source // by field id, for what the city filled in
	Materials []Material
}

// Source is where an answer was read.
type Source struct {
	From string // as rule.ParseSource reads it
	Ref  string // a licence number, an exchange call
	At   time.Time
}

// Material is a paper of the application: a file that was sent, a licence that
// was fetched, or a paper that a clerk has seen.
type Material struct {
	ID      string // of the item's material
	Name    string // of the file
	Blob    city.BlobID
	Size    int64
	Media   string // as its bytes turned out to be
	Licence string // number of the licence that was fetched
	Seen    bool   // on paper, at the counter
	At      time.Time
}

// Filing is an application that a clerk takes in for somebody.
type Filing struct {
	Item    city.ItemCode
	Person  city.PersonID
	Firm    city.FirmID // when the person applies for a firm
	Answers map[string]any
	Papers  []string // ids of the materials that the clerk has seen on paper
	Note    string   // how the clerk made sure who it is
	Key     string
}

// Licences is what the desk asks of the register of licences.
type Licences interface {
	// OfCase lists the licences that were issued in a case.
	OfCase(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Issued, error)
	Type(city.CredentialType) (credential.Type, bool)
}

// Issued is a licence in a list.
type Issued struct {
	Name   city.Text
	Number credential.Number
	Status credential.Status
}

// Staff is who works where.
type Staff interface {
	// Colleagues are the accounts that hold the post and cover the region.
	Colleagues(ctx context.Context, tx *db.Tx, actor city.Actor, post city.PostID, region city.RegionCode) ([]Colleague, error)
}

// Colleague is somebody whom a case can be given to.
type Colleague struct {
	Account city.AccountID
	Name    string
}

// Files opens what was uploaded.
type Files interface {
	Open(ctx context.Context, id city.BlobID) (io.ReadSeekCloser, error)
}

// Hit is something that a search found.
type Hit struct {
	Type   string // case, credential
	Number string
	Title  city.Text // the kind, the licence type
	Words  string    // whom or what it is about, "" where that may not be seen
	State  string
	At     time.Time
}
