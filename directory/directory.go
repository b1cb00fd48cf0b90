package directory

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options are what a Directory is made of; all are needed.
type Options struct {
	DB       *db.DB
	Access   *access.Access
	Journal  *journal.Journal
	Clock    city.Clock
	Calendar *city.Calendar
	Regions  RegionDef
	Bodies   []BodyDef
}

// Body is a public body.
type Body struct {
	ID          city.BodyID
	USCC        string
	Name, Short city.Text
	Region      city.RegionCode
	Posts       []Post
}

// Post is a post of a body.
type Post struct {
	ID       city.PostID // "civil-affairs.clerk"
	Body     city.BodyID
	Role     string // "clerk"
	Name     city.Text
	Superior city.PostID // "" for the head
	Duty     Duty
}

// Directory answers who is who. Definitions never change while it lives; it is
// safe for concurrent use.
type Directory struct {
	db       *db.DB
	access   *access.Access
	journal  *journal.Journal
	vault    *journal.Vault
	clock    city.Clock
	calendar *city.Calendar

	regions  map[city.RegionCode]city.Region
	children map[city.RegionCode][]city.RegionCode
	root     city.RegionCode
	bodies   map[city.BodyID]Body
	order    []city.BodyID
	posts    map[city.PostID]Post
	hours    map[city.BodyID]*city.Calendar

	generation atomic.Uint64
	reach      reach
}

// Generation changes with each commit of this process that changes who somebody
// is: a name, a post, a standing for a firm. Whoever keeps an actor for a moment
// compares it.
func (d *Directory) Generation() uint64 { return d.generation.Load() }

// moved bumps the generation with the commit.
func (d *Directory) moved(tx *db.Tx) { tx.AfterCommit(func() { d.generation.Add(1) }) }

// New compiles the definitions; the error lists everything wrong with them.
func New(o Options) (*Directory, error) {
	d := &Directory{
		db: o.DB, access: o.Access, journal: o.Journal, vault: o.Journal.Vault(), clock: o.Clock, calendar: o.Calendar,
		regions: map[city.RegionCode]city.Region{}, children: map[city.RegionCode][]city.RegionCode{}, root: o.Regions.Code,
		bodies: map[city.BodyID]Body{}, posts: map[city.PostID]Post{}, hours: map[city.BodyID]*city.Calendar{},
	}
	if f := CheckRegions(o.Regions); len(f) > 0 {
		return nil, fmt.Errorf("regions: %w", city.InvalidFields(f))
	}
	d.addRegion(o.Regions, "")
	for _, b := range o.Bodies {
		if f := CheckBody(b, d.HasRegion); len(f) > 0 {
			return nil, fmt.Errorf("body %s: %w", b.ID, city.InvalidFields(f))
		}
		if _, twice := d.bodies[b.ID]; twice {
			return nil, fmt.Errorf("body %s stands twice", b.ID)
		}
		d.addBody(b)
	}
	return d, nil
}

func (d *Directory) addRegion(r RegionDef, parent city.RegionCode) {
	d.regions[r.Code] = city.Region{Code: r.Code, Name: r.Name, Level: levels[len(r.Code)], Parent: parent, Lat: r.Lat, Lon: r.Lon, Population: r.Population}
	for _, c := range r.Children {
		d.children[r.Code] = append(d.children[r.Code], c.Code)
		d.addRegion(c, r.Code)
	}
}

// Communities lists the narrowest regions, by code.
func (d *Directory) Communities() (all []city.Region) {
	for _, r := range d.regions {
		if r.Level == city.LevelCommunity {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b city.Region) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

func (d *Directory) addBody(b BodyDef) {
	body := Body{ID: b.ID, USCC: b.USCC, Name: b.Name, Short: b.Short, Region: b.Region}
	cal := *d.calendar
	if hours, _, err := ParseHours(b.Hours); err == nil && len(hours) > 0 {
		cal.Office = hours
	}
	d.hours[b.ID] = &cal
	for _, p := range b.Posts {
		post := Post{ID: city.PostID(string(b.ID) + "." + p.ID), Body: b.ID, Role: p.ID, Name: p.Name, Duty: p.Duty}
		if p.Superior != "" {
			post.Superior = city.PostID(string(b.ID) + "." + p.Superior)
		}
		body.Posts = append(body.Posts, post)
		d.posts[post.ID] = post
	}
	d.bodies[b.ID] = body
	d.order = append(d.order, b.ID)
	sort.Slice(d.order, func(i, j int) bool { return d.order[i] < d.order[j] })
}

// City is the code of the whole city.
func (d *Directory) City() city.RegionCode { return d.root }

// HasRegion reports whether the region exists.
func (d *Directory) HasRegion(c city.RegionCode) bool { _, ok := d.regions[c]; return ok }

// Region finds a region.
func (d *Directory) Region(c city.RegionCode) (city.Region, bool) {
	r, ok := d.regions[c]
	return r, ok
}

// RegionChildren are the regions one rank below, in the order of the pack.
func (d *Directory) RegionChildren(c city.RegionCode) []city.Region {
	list := make([]city.Region, 0, len(d.children[c]))
	for _, k := range d.children[c] {
		list = append(list, d.regions[k])
	}
	return list
}

// RegionPath is the region with all it lies in, the city first.
func (d *Directory) RegionPath(c city.RegionCode) []city.Region {
	var path []city.Region
	for r, ok := d.regions[c]; ok; r, ok = d.regions[r.Parent] {
		path = append([]city.Region{r}, path...)
	}
	return path
}

// RegionName is the region's name with those above it but for the city's, largest
// first in Chinese, smallest first in English. It is zero for an unknown region.
func (d *Directory) RegionName(c city.RegionCode) city.Text {
	path := d.RegionPath(c)
	if len(path) > 1 {
		path = path[1:]
	}
	var zh string
	en := make([]string, len(path))
	for i, r := range path {
		zh += r.Name.ZhHans
		en[len(path)-1-i] = r.Name.En
	}
	return city.Text{ZhHans: zh, En: strings.Join(en, ", ")}
}

// Body finds a body.
func (d *Directory) Body(id city.BodyID) (Body, bool) { b, ok := d.bodies[id]; return b, ok }

// Bodies are all bodies by id.
func (d *Directory) Bodies() []Body {
	list := make([]Body, len(d.order))
	for i, id := range d.order {
		list[i] = d.bodies[id]
	}
	return list
}

// BodiesCovering are the bodies whose region holds the region, the nearest first.
func (d *Directory) BodiesCovering(c city.RegionCode) []Body {
	var list []Body
	for _, id := range d.order {
		if d.bodies[id].Region.Contains(c) {
			list = append(list, d.bodies[id])
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return len(list[i].Region) > len(list[j].Region) })
	return list
}

// Post finds a post.
func (d *Directory) Post(id city.PostID) (Post, bool) { p, ok := d.posts[id]; return p, ok }

// Superior is the post above, and false for the head of a body or an unknown post.
func (d *Directory) Superior(id city.PostID) (city.PostID, bool) {
	p := d.posts[id]
	return p.Superior, p.Superior != ""
}

// HoursOf is the calendar with the office hours of the body; an unknown body has
// those of the city.
func (d *Directory) HoursOf(id city.BodyID) *city.Calendar {
	if c, ok := d.hours[id]; ok {
		return c
	}
	return d.calendar
}

// OnDuty reports whether the post is manned at the moment: always for continuous
// duty, else in the office hours of its body.
func (d *Directory) OnDuty(id city.PostID, at time.Time) bool {
	p, ok := d.posts[id]
	return ok && (p.Duty == ContinuousDuty || d.HoursOf(p.Body).Open(at))
}
