// Package intercept says where a vehicle can be in some minutes, which junctions it
// can come to, and who of those on duty can be there before it.
package intercept

import (
	"context"
	"errors"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
)

// Settings are what a city says of stopping vehicles.
type Settings struct {
	// Posts are those whose officers may stop a vehicle.
	Posts []city.PostID `yaml:"posts" json:"posts"`
}

// Options are what a Service needs; all but the settings.
type Options struct {
	Access    *access.Access
	Directory *directory.Directory
	Clock     city.Clock
	Calendar  *city.Calendar
	Zone      *time.Location
	Roads     *geo.Roads
	Speeds    geo.Speeds
	Settings  Settings
}

// Service answers where vehicles can be. It keeps nothing.
type Service struct {
	o     Options
	graph *geo.Graph
}

// New prepares the graph of the city's roads; nil where the city has no map.
func New(o Options) *Service {
	g := geo.NewGraph(o.Roads)
	if g == nil {
		return nil
	}
	return &Service{o, g}
}

// Longest is the longest time that is asked for.
const Longest = 30 * time.Minute

// mostNear is how many officers of a post are looked at, the nearest to the vehicle
// first; one who is further than mostFar can't be in its way in time.
const (
	mostNear = 20
	mostFar  = 40_000 // metres
)

// Question is about a vehicle that was seen.
type Question struct {
	At      geo.Point
	Heading float64       // degrees, 0 north; negative where it is not known
	Within  time.Duration // at most Longest
	When    time.Time     // decides how fast roads are driven; zero is now
}

// Answer is what can happen in the time.
type Answer struct {
	*geo.Reach
	When     time.Time
	Area     []geo.Polygon
	Officers []Officer // whoever can be in its way first, then those who come too late
}

// Officer is somebody on duty near enough to come.
type Officer struct {
	Account city.AccountID
	Post    city.PostID
	At      geo.Point
	Placed  time.Time // when they were there
	geo.Meeting
}

// Reachable finds where a vehicle can be. Of officers those are told whom the actor
// may see. It is refused where no road is near.
func (s *Service) Reachable(ctx context.Context, tx *db.Tx, actor city.Actor, q Question) (Answer, error) {
	if err := s.o.Access.Ask(ctx, actor, "vehicle.reach", access.Resource{Type: "Vehicle"}); err != nil {
		return Answer{}, err
	}
	if q.Within <= 0 || q.Within > Longest {
		return Answer{}, city.Invalid("intercept.minutes", "most", int(Longest.Minutes()))
	}
	spot, ok := s.graph.Snap(q.At, q.Heading)
	if !ok {
		return Answer{}, city.Invalid("intercept.no_road")
	}
	if q.When.IsZero() {
		q.When = s.o.Clock.Now()
	}
	pace := s.pace(q.When)
	a := Answer{Reach: s.graph.Reach(spot, pace, q.Within), When: q.When}
	a.Area = a.Outline()
	on, err := s.near(ctx, tx, actor, spot.At)
	if err != nil {
		return Answer{}, err
	}
	places := make([]geo.Point, len(on))
	for i, w := range on {
		places[i] = w.At
	}
	for _, m := range s.graph.Meet(a.Reach, places, pace) {
		w := on[m.Who]
		a.Officers = append(a.Officers, Officer{Account: w.Account, Post: w.Post, At: w.At, Placed: w.Placed, Meeting: m})
	}
	return a, nil
}

// pace is how fast roads are driven at a moment.
func (s *Service) pace(t time.Time) geo.Pace {
	t = t.In(s.o.Zone)
	return s.o.Speeds.At(t.Hour()*60+t.Minute(), s.o.Calendar.IsWorkday(city.DateOf(t)))
}

// near are those on duty in the posts that stop vehicles, whom the actor may see
// and whose place is known.
func (s *Service) near(ctx context.Context, tx *db.Tx, actor city.Actor, at geo.Point) ([]directory.Watch, error) {
	var all []directory.Watch
	seen := map[city.AccountID]bool{}
	for _, post := range s.o.Settings.Posts {
		list, err := s.o.Directory.OnShift(ctx, tx, actor, directory.Around{Post: post, At: at, Most: mostNear})
		var refused *city.Error
		if errors.As(err, &refused) && refused.Kind == city.KindForbidden {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, w := range list {
			if !w.At.IsZero() && w.Distance <= mostFar && !seen[w.Account] {
				seen[w.Account] = true
				all = append(all, w)
			}
		}
	}
	return all, nil
}
