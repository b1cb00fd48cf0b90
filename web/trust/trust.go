// Package trust serves the page that says whose licences the city believes beside its
// own: since when, for what, how old what it knows is, and what has changed.
package trust

import (
	"context"
	"net/http"
	"time"

	"yiwang/city"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
	"yiwang/web"
)

// Addresses. Programs read the city's own list at PathList.
const (
	Path     = "/trust"
	PathList = "/trust/list"
)

// Deps are what the page shows.
type Deps struct {
	DB     *db.DB
	Book   *trustlist.Book
	Clock  city.Clock
	Zone   *time.Location
	Verify string // address of the page where a licence is checked
	Origin string // how people reach the program
}

// Page is what stands on it.
type Page struct {
	Regions []Region
	Steps   []Step
	Own     *Own // nil before the first list
	Verify  string
	List    string
}

// Region is a region that is believed, or was.
type Region struct {
	Name     city.Text
	Code     city.RegionCode
	State    web.Tagged
	Says     city.Message // how it stands, in a sentence
	Failing  time.Time    // since when no newer list can be had; zero: it can
	Since    time.Time
	Issued   time.Time // of the newest list; zero: none yet
	Licences []city.Text
	Keys     int
}

// Step is a list that changed something.
type Step struct {
	At      time.Time
	Name    city.Text
	Changes []city.Message
	More    int // changes that are not shown
}

// Own is the city's own list.
type Own struct {
	Issued      time.Time
	Next        time.Time
	Keys        int
	Fingerprint string // of the key that signs it
}

// Bounds of what is shown.
const (
	mostSteps   = 20
	mostChanges = 12
)

// New gives the page. It must be served inside web.Site.Wrap.
func New(d Deps) http.Handler {
	return web.Page(func(w http.ResponseWriter, r *http.Request) error {
		page := Page{Verify: d.Verify, List: d.Origin + PathList}
		err := d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			regions, err := d.Book.Regions(ctx, tx)
			if err != nil {
				return err
			}
			for _, n := range regions {
				if n.Region.Code != d.Book.Code {
					page.Regions = append(page.Regions, d.region(n))
				}
			}
			steps, err := d.Book.History(ctx, tx, false, mostSteps)
			if err != nil {
				return err
			}
			for _, s := range steps {
				page.Steps = append(page.Steps, d.step(s))
			}
			l, err := d.Book.Own(ctx, tx)
			if l != nil {
				page.Own = &Own{Issued: l.Head().Issued.In(d.Zone), Next: l.Head().Next.In(d.Zone), Keys: len(l.Issuers.Keys)}
				if k := l.SelfSigned(); k != nil {
					page.Own.Fingerprint = trustlist.Fingerprint(k.DER())
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		return web.Render(w, r, http.StatusOK, trustPage(page))
	})
}

func (d Deps) region(n trustlist.Neighbour) Region {
	now := d.Clock.Now()
	r := Region{Name: n.Region.Name, Code: n.Region.Code, Since: n.Region.Since.In(d.Zone), Failing: n.Failing}
	if l := n.Newest(); l != nil {
		r.Issued = l.Issued.In(d.Zone)
		r.Keys = len(l.Keys)
		for _, x := range n.Licences() {
			r.Licences = append(r.Licences, x.Name)
		}
	}
	tag := func(s web.State, word, key string, args ...any) {
		r.State, r.Says = web.Tagged{State: s, Word: web.Words(word)}, city.Message{Key: key, Args: args}
	}
	switch l := n.Newest(); {
	case n.Here:
		tag(web.StateRefused, "trust.state.dropped_here", "trust.state.dropped_here.help", "at", n.Dropped.In(d.Zone))
	case !n.Dropped.IsZero():
		tag(web.StateRefused, "trust.state.dropped", "trust.state.dropped.help", "at", n.Dropped.In(d.Zone))
	case !n.Region.Until.IsZero() && !now.Before(n.Region.Until):
		tag(web.StateEnded, "trust.state.ended", "trust.state.ended.help", "at", n.Region.Until.In(d.Zone))
	case l == nil:
		tag(web.StateWaiting, "trust.state.waiting", "trust.state.waiting.help")
	case !n.Fresh(now):
		tag(web.StateWaiting, "trust.state.stale", "trust.state.stale.help", "at", l.Next.In(d.Zone))
	default:
		tag(web.StateDone, "trust.state.good", "trust.state.good.help")
	}
	return r
}

func (d Deps) step(s trustlist.Step) Step {
	out := Step{At: s.At.In(d.Zone), Name: s.Name}
	for i, c := range s.Changes {
		if i == mostChanges {
			out.More = len(s.Changes) - i
			break
		}
		out.Changes = append(out.Changes, c.Says)
	}
	return out
}
