package pack

import (
	"io/fs"
	"time"

	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/directory"
	"yiwang/fleet/intercept"
	"yiwang/fleet/risk"
	"yiwang/form"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/notify"
	"yiwang/rule"
	"yiwang/serviceitem"
)

// City is a pack that was read and found without fault. It must not be changed.
type City struct {
	Site     Site
	Zone     *time.Location
	Calendar *city.Calendar

	Regions     directory.RegionDef
	Bodies      []directory.BodyDef // by id, as are the lists below
	Credentials []credential.Type
	Rules       []*rule.Rule
	Forms       map[city.FormID]*form.Compiled
	Kinds       []casework.Kind
	Items       []serviceitem.Item
	Listed      []serviceitem.Listed    // the imported catalogue
	Groups      []incident.Group        // classes of incidents; empty where the city takes none
	Mappings    []Mapping               // of foreign tables
	Algorithms  []algorithm.Description // of the models of the program, which have no clauses
	Knowledge   []incident.Chapter      // what the hotline can say at once; empty where the city has none
	Sensors     alert.Definition        // empty where the city has none
	Detection   alert.Detection         // empty where the city has none
	Roads       *geo.Roads              // nil where the city has no map
	Risk        *risk.Formula           // of communities; nil where the city has none
	Speeds      geo.Speeds              // how fast its roads are driven; empty leaves it to the law
	Registers   Registers               // of dangerous goods and vehicles; empty where the city has none
	Passes      []pass.Purpose          // of pass codes; empty where the city makes none
	Policies    map[string][]byte       // Cedar, by file

	// Files is the pack's folder, for the files that examples name.
	Files fs.FS
}

// Site is what the city says of itself (city.yaml).
type Site struct {
	Code         city.RegionCode `yaml:"code" json:"code"`
	Name         city.Text       `yaml:"name" json:"name"`
	NumberPrefix string          `yaml:"number_prefix" json:"number_prefix"` // of case numbers
	Zone         string          `yaml:"zone" json:"zone"`                   // such as Asia/Shanghai
	Hotline      string          `yaml:"hotline" json:"hotline"`
	Mark         Mark            `yaml:"mark" json:"mark"`
	River        string          `yaml:"river" json:"river"` // colour of actions and links

	CodeProfiles []CodeProfile   `yaml:"code_profiles" json:"code_profiles,omitempty"`
	Counters     []Counter       `yaml:"counters" json:"counters"`
	LifeEvents   []LifeEvent     `yaml:"life_events" json:"life_events"`
	Popular      []city.ItemCode `yaml:"popular" json:"popular"`
	Keep         Keep            `yaml:"keep" json:"keep,omitzero"`
	// BadRatings are the posts that may answer for a bad rating, first choice
	// first; $body is the body that was rated.
	BadRatings []string `yaml:"bad_ratings" json:"bad_ratings"`
	// Channels say how messages leave the house; an operator may say otherwise.
	Channels notify.Settings `yaml:"channels" json:"channels,omitzero"`
	// Incidents say how reports are taken; zero where the city takes none.
	Incidents incident.Settings `yaml:"incidents" json:"incidents,omitzero"`
	// Interception says who stops vehicles; empty where nobody does.
	Interception intercept.Settings `yaml:"interception" json:"interception,omitzero"`
}

// Keep says for how many days the city keeps what nobody needs for ever; zero
// leaves it to the program.
type Keep struct {
	Notices  int `yaml:"notices" json:"notices,omitempty"`   // what people were told
	Messages int `yaml:"messages" json:"messages,omitempty"` // what became of text messages and mail
	Tracks   int `yaml:"tracks" json:"tracks,omitempty"`     // where watched vehicles were
}

// Mark is the city's seal: a word or two, white on a colour.
type Mark struct {
	Text   string `yaml:"text" json:"text"`
	Colour string `yaml:"colour" json:"colour"`
}

// CodeProfile is how codes of items look, by name.
type CodeProfile struct {
	ID      string `yaml:"id" json:"id"`
	Pattern string `yaml:"pattern" json:"pattern"` // RE2, of the whole code
}

// Counter is a place where people can go.
type Counter struct {
	ID      string          `yaml:"id" json:"id"`
	Name    city.Text       `yaml:"name" json:"name"`
	Address city.Text       `yaml:"address" json:"address"`
	Region  city.RegionCode `yaml:"region" json:"region"`
	Hours   city.Text       `yaml:"hours" json:"hours"`
	Phone   string          `yaml:"phone" json:"phone"`
}

// LifeEvent gathers items under what happens to people (一件事).
type LifeEvent struct {
	ID      string          `yaml:"id" json:"id"`
	Name    city.Text       `yaml:"name" json:"name"`
	Summary city.Text       `yaml:"summary" json:"summary"`
	Items   []city.ItemCode `yaml:"items" json:"items"`
}

// calendarFile is calendar.yaml: a day reads "English name,中文名,statutory days
// of the festival".
type calendarFile struct {
	Office   []string          `yaml:"office"`
	Holidays map[string]string `yaml:"holidays"`
	Workdays map[string]string `yaml:"workdays"`
}

// Item finds an item by its code.
func (c *City) Item(code city.ItemCode) (*serviceitem.Item, bool) {
	return find(c.Items, func(it *serviceitem.Item) bool { return it.Code == code })
}

// Body finds a body by its id.
func (c *City) Body(id city.BodyID) (*directory.BodyDef, bool) {
	return find(c.Bodies, func(b *directory.BodyDef) bool { return b.ID == id })
}

// Kind finds a kind of case by its id.
func (c *City) Kind(id city.KindID) (*casework.Kind, bool) {
	return find(c.Kinds, func(k *casework.Kind) bool { return k.ID == id })
}

// Credential finds a licence type by its id.
func (c *City) Credential(id city.CredentialType) (*credential.Type, bool) {
	return find(c.Credentials, func(t *credential.Type) bool { return t.ID == id })
}

// Rule finds a rule by its id.
func (c *City) Rule(id city.RuleID) (*rule.Rule, bool) {
	for _, r := range c.Rules {
		if r.ID() == id {
			return r, true
		}
	}
	return nil, false
}

// Algorithm finds the description of a model by its id.
func (c *City) Algorithm(id city.RuleID) (*algorithm.Description, bool) {
	return find(c.Algorithms, func(d *algorithm.Description) bool { return d.ID == id })
}

// Counter finds a counter by its id.
func (c *City) Counter(id string) (*Counter, bool) {
	return find(c.Site.Counters, func(p *Counter) bool { return p.ID == id })
}

func find[T any](list []T, is func(*T) bool) (*T, bool) {
	for i := range list {
		if is(&list[i]) {
			return &list[i], true
		}
	}
	return nil, false
}
