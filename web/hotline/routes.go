package hotline

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Addresses of the pages.
const (
	Path      = "/desk/hotline"
	PathCalls = "/desk/hotline/calls"
	PathLate  = "/desk/overdue"

	pathBeside = Path + "/beside"
	pathUrge   = Path + "/urge"
)

// Deps are what the pages stand on. All are needed but Knowledge.
type Deps struct {
	DB        *db.DB
	Access    *access.Access
	Directory *directory.Directory
	Cases     *casework.Engine
	Incidents *incident.Service
	Items     *serviceitem.Service
	Knowledge []incident.Chapter
	// Frame is what stands around a page of the desk.
	Frame func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
	// CasePath is where a case is opened.
	CasePath func(city.CaseNumber) string
}

// Pages serves the hotline and the list of what is overdue. It is safe for
// concurrent use.
type Pages struct {
	Deps
	shelf   *incident.Shelf
	classes []web.Option
	places  []web.Option
	posts   []web.Option
	grounds []web.Option
}

// New gives the pages. They must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	p := &Pages{Deps: d, shelf: incident.NewShelf(leaves(d))}
	for _, c := range d.Incidents.Classes() {
		p.classes = append(p.classes, web.Option{Value: string(c.Code), Label: c.Name, Group: groupName(d.Incidents.Groups, c.Group)})
	}
	communities := d.Directory.Communities()
	slices.SortFunc(communities, func(a, b city.Region) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	for _, r := range communities {
		p.places = append(p.places, web.Option{Value: string(r.Code), Label: r.Name, Group: d.Directory.RegionName(r.Parent)})
	}
	for _, b := range d.Directory.Bodies() {
		for _, post := range b.Posts {
			p.posts = append(p.posts, web.Option{Value: string(post.ID), Label: post.Name, Group: b.Name})
		}
	}
	if k, ok := d.Cases.Kind(d.Incidents.Settings.Kind); ok {
		if st, ok := k.Stage(k.First); ok {
			for _, o := range st.Outcomes {
				for _, c := range o.Choices["ground"] {
					p.grounds = append(p.grounds, web.Option{Value: c.ID, Label: c.Name})
				}
			}
		}
	}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, city.Actor) error) {
		mux.Handle(pattern, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			return f(w, r, web.ViewOf(r.Context()).Actor)
		}))
	}
	page("GET "+Path, p.callPage)
	page("POST "+Path, p.take)
	page("POST "+pathBeside, p.besidePart)
	page("POST "+pathUrge, p.urge)
	page("GET "+PathCalls, p.callsPage)
	page("GET "+PathCalls+"/{report}", p.callBackPage)
	page("POST "+PathCalls+"/{report}", p.callBack)
	page("GET "+PathLate, p.latePage)
	page("POST "+PathLate, p.urgeLate)
	mux.HandleFunc("/", web.NotFound)
	return mux
}

// Answers reports whether an officer answers calls: whether the pages are theirs.
func Answers(a *access.Access, actor city.Actor) bool {
	return actor.Kind == city.Officer && a.Decide(actor, "incident.alike", access.Resource{Type: "Incident"}).Allowed
}

// operator is the actor with somebody on the telephone, if they may take calls.
func (p *Pages) operator(ctx context.Context, actor city.Actor) (city.Actor, error) {
	actor.Channel = city.ChannelPhone
	return actor, p.Access.Ask(ctx, actor, "incident.alike", access.Resource{Type: "Incident"})
}

func groupName(groups []incident.Group, id string) city.Text {
	for _, g := range groups {
		if g.ID == id {
			return g.Name
		}
	}
	return city.Text{}
}

// leaves are what can be said without asking: the knowledge base, the guides of
// services, what belongs to the classes.
func leaves(d Deps) (list []incident.Leaf) {
	for _, c := range d.Knowledge {
		for _, e := range c.Entries {
			list = append(list, incident.Leaf{ID: c.ID + "/" + e.ID, Question: e.Question, Answer: e.Answer, Source: e.Source, Day: e.Day})
		}
	}
	for _, it := range d.Items.AllItems() {
		list = append(list, incident.Leaf{ID: "item/" + string(it.Code), Question: it.Name, Answer: it.Summary, Source: web.Words("hotline.source.item"),
			Also: append(slices.Clone(it.Keywords.ZhHans), it.Keywords.En...)})
	}
	for _, c := range d.Incidents.Classes() {
		list = append(list, incident.Leaf{ID: "class/" + string(c.Code), Question: c.Name, Source: web.Words("hotline.source.class"),
			Answer: city.Text{ZhHans: c.About.ZhHans + web.Words("hotline.class.limit", "limit", limitWords(c.Limit)).ZhHans,
				En: c.About.En + web.Words("hotline.class.limit", "limit", limitWords(c.Limit)).En}})
	}
	return list
}

func limitWords(l city.Limit) city.Text { return web.Words("web.limit."+string(l.Unit), "n", l.N) }

func (p *Pages) className(code city.ItemCode) city.Text {
	if c, ok := p.Incidents.Class(code); ok {
		return c.Name
	}
	return web.Words("hotline.class.none")
}

func (p *Pages) bodyName(id city.BodyID) city.Text {
	if b, ok := p.Directory.Body(id); ok {
		return b.Short
	}
	return web.Plain(string(id))
}

func (p *Pages) regionName(code city.RegionCode) city.Text { return p.Directory.RegionName(code) }

func pathOf(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
