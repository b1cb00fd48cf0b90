package incident

import (
	"cmp"
	"fmt"
	"slices"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident/words"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Settings are what a city says of its incidents beside their classes.
type Settings struct {
	Kind     city.KindID `yaml:"kind" json:"kind"`         // of the cases that reports open
	Office   city.BodyID `yaml:"office" json:"office"`     // receives and verifies
	Operator string      `yaml:"operator" json:"operator"` // post of the office that receives
	Verifier string      `yaml:"verifier" json:"verifier"` // post of the office that verifies
	// Supervision is the kind of a supervision order (督办), and Watcher the post of
	// the office that accepts its answer; both empty: the city gives no orders.
	Supervision city.KindID `yaml:"supervision" json:"supervision,omitempty"`
	Watcher     string      `yaml:"watcher" json:"watcher,omitempty"`
	// Inspection is the kind of what a program noticed and somebody has to look at; empty:
	// the city lets programs notice nothing.
	Inspection city.KindID `yaml:"inspection" json:"inspection,omitempty"`
	// Sure is the share at which a class found from the words is taken without
	// asking anybody.
	Sure float64 `yaml:"sure" json:"sure"`
	// A report of the same class within so many metres and hours of an open one is
	// the same matter (GB/T 30428.8 practice: 50 m, 24 h).
	Metres float64 `yaml:"metres" json:"metres"`
	Hours  int     `yaml:"hours" json:"hours"`
	// Reach is how many metres from the middle of its nearest community a place
	// still lies in the city.
	Reach float64 `yaml:"reach" json:"reach"`
	// Hands is how many matters whose limit runs an officer gets without being asked;
	// 0 is 3.
	Hands      int         `yaml:"hands" json:"hands,omitempty"`
	Neighbours []Neighbour `yaml:"neighbours" json:"neighbours"`
}

// Neighbour is whom to call about what lies outside the city.
type Neighbour struct {
	Name  city.Text `yaml:"name" json:"name"`
	Phone string    `yaml:"phone" json:"phone"`
}

func (s Settings) hands() int {
	if s.Hands == 0 {
		return 3
	}
	return s.Hands
}

// Check finds what is wrong with the settings in themselves.
func (s Settings) Check() (faults []city.Field) {
	bad := func(ok bool, name string) {
		if !ok {
			faults = append(faults, city.Field{Name: name, Message: city.Message{Key: "incident.setting"}})
		}
	}
	bad(s.Sure > 0 && s.Sure <= 1, "sure")
	bad(s.Metres > 0 && s.Metres <= 5000, "metres")
	bad(s.Hours > 0 && s.Hours <= 24*366, "hours")
	bad(s.Hands >= 0 && s.Hands <= 100, "hands")
	bad(s.Reach > 0 && s.Reach <= 500_000, "reach")
	for i, n := range s.Neighbours {
		bad(n.Name.ZhHans != "" && n.Name.En != "" && n.Phone != "", fmt.Sprintf("neighbours.%d", i))
	}
	return faults
}

// Options make the service.
type Options struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Directory *directory.Directory
	Groups    []Group
	Settings  Settings
	Blobs     Blobs        // pictures
	Alerts    *alert.Board // that cases come of; nil where none do
}

// Service takes reports and follows what becomes of them. It is safe for
// concurrent use.
type Service struct {
	Options
	cases   *casework.Engine
	classes map[city.ItemCode]*Class
	list    []Class
	words   *words.Classifier
	// said and known are what words learnt from: what people say, and names of classes
	// with what belongs there.
	said, known []words.Example
	middles     *geo.Grid[city.RegionCode] // of communities
	opening     spots
}

// New makes the service of a city that takes reports. Bind gives it the engine.
func New(o Options) *Service {
	s := &Service{Options: o, classes: map[city.ItemCode]*Class{}, middles: geo.NewGrid[city.RegionCode](2000)}
	for _, g := range o.Groups {
		for _, c := range g.Classes {
			c.Group, c.Kind = g.ID, g.Kind
			s.list = append(s.list, c)
		}
	}
	slices.SortFunc(s.list, func(a, b Class) int { return cmp.Compare(a.Code, b.Code) })
	for i := range s.list {
		c := &s.list[i]
		s.classes[c.Code] = c
		for _, e := range c.Examples {
			s.said = append(s.said, words.Example{Class: c.Code, Text: e})
		}
		for _, l := range city.Langs {
			s.known = append(s.known, words.Example{Class: c.Code, Text: c.Name.In(l)}, words.Example{Class: c.Code, Text: c.About.In(l)})
		}
	}
	s.words = words.Learn(slices.Concat(s.said, s.known))
	for _, r := range o.Directory.Communities() {
		if p := (geo.Point{Lat: r.Lat, Lon: r.Lon}); !p.IsZero() {
			s.middles.Put(r.Code, p)
		}
	}
	return s
}

// Bind gives the service the engine that its effects are part of.
func (s *Service) Bind(e *casework.Engine) error {
	if _, ok := e.Kind(s.Settings.Kind); !ok {
		return fmt.Errorf("incident: no kind of case %q", s.Settings.Kind)
	}
	if order := s.Settings.Supervision; order != "" {
		if _, ok := e.Kind(order); !ok {
			return fmt.Errorf("incident: no kind of case %q", order)
		}
	}
	if look := s.Settings.Inspection; look != "" {
		if _, ok := e.Kind(look); !ok {
			return fmt.Errorf("incident: no kind of case %q", look)
		}
	}
	s.cases = e
	return nil
}

// Handles reports whether cases of the kind are looked after here: what was reported,
// and what programs noticed.
func (s *Service) Handles(kind city.KindID) bool {
	return kind == s.Settings.Kind || kind != "" && kind == s.Settings.Inspection
}

// Kinds are those that Handles.
func (s *Service) Kinds() []city.KindID {
	if s.Settings.Inspection == "" {
		return []city.KindID{s.Settings.Kind}
	}
	return []city.KindID{s.Settings.Kind, s.Settings.Inspection}
}

// Classes lists all classes by code.
func (s *Service) Classes() []Class { return s.list }

// Class finds a class by its code.
func (s *Service) Class(code city.ItemCode) (Class, bool) {
	c, ok := s.classes[code]
	if !ok {
		return Class{}, false
	}
	return *c, true
}

// Suggest says which classes the words fit, the likeliest first, at most three.
// A face that shows them says so in the report (Report.Offered).
func (s *Service) Suggest(text string) []words.Suggestion {
	return s.words.Suggest(text, words.Offered)
}

// Located is where a place lies.
type Located struct {
	Region   city.RegionCode // the community, or the narrowest that is known
	Street   city.RegionCode // "" when only the city or district is known
	Distance float64         // metres to the middle of the community, for points
}

// Locate finds the region of a place: the one it names, or that of the community
// whose middle is nearest to its point. A place outside the city is refused with
// the neighbours' numbers.
func (s *Service) Locate(p city.Place) (Located, error) {
	l := Located{Region: p.Region}
	point := geo.Point{Lat: p.Lat, Lon: p.Lon}
	switch {
	case !point.IsZero():
		if !point.Valid() {
			return l, fieldFault("place", "incident.place.invalid")
		}
		if s.middles.Len() > 0 {
			near := s.middles.Nearest(point, 1, nil)
			if len(near) == 0 || near[0].Distance > s.Settings.Reach {
				return l, s.outside()
			}
			l.Region, l.Distance = near[0].Key, near[0].Distance
		}
	case p.Region == "":
		l.Region = s.Directory.City()
	}
	if !s.Directory.HasRegion(l.Region) {
		return l, fieldFault("region", "incident.place.unknown")
	}
	for _, r := range s.Directory.RegionPath(l.Region) {
		if r.Level == city.LevelStreet {
			l.Street = r.Code
		}
	}
	return l, nil
}

func (s *Service) outside() error {
	list := city.Text{}
	for i, n := range s.Settings.Neighbours {
		if i > 0 {
			list.ZhHans += " / "
			list.En += " / "
		}
		list.ZhHans += n.Name.ZhHans + " " + n.Phone
		list.En += n.Name.En + " " + n.Phone
	}
	return city.InvalidFields([]city.Field{{Name: "place", Message: city.Message{Key: "incident.place.outside", Args: []any{"neighbours", list}}}})
}

func fieldFault(name, key string, args ...any) error {
	return city.InvalidFields([]city.Field{{Name: name, Message: city.Message{Key: key, Args: args}}})
}
