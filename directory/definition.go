package directory

import (
	"fmt"
	"net/mail"
	"regexp"
	"strconv"
	"strings"

	"yiwang/city"
)

// RegionDef is the tree of regions as the pack writes it (regions.yaml).
type RegionDef struct {
	Code city.RegionCode `yaml:"code"`
	Name city.Text       `yaml:"name"`
	Lat  float64         `yaml:"lat"` // of the middle of a community, WGS-84; 0 where nobody has said
	Lon  float64         `yaml:"lon"`
	// Population is how many people live or work in a community; 0 where nobody has said.
	Population int         `yaml:"population"`
	Children   []RegionDef `yaml:"children"`
}

// BodyDef is a public body as the pack writes it (bodies/*.yaml).
type BodyDef struct {
	ID     city.BodyID     `yaml:"id"`
	USCC   string          `yaml:"uscc"`
	Name   city.Text       `yaml:"name"`
	Short  city.Text       `yaml:"short"`
	Region city.RegionCode `yaml:"region"`
	Hours  []string        `yaml:"hours"` // "09:00-12:00"; none means those of the calendar
	// Mailbox is the e-mail address of a body, for posts that have none of their own;
	// "" where notices are read on screen only.
	Mailbox string    `yaml:"mailbox"`
	Posts   []PostDef `yaml:"posts"`
}

// PostDef is a post within a body.
type PostDef struct {
	ID       string    `yaml:"id"` // within the body: "clerk"
	Name     city.Text `yaml:"name"`
	Superior string    `yaml:"superior"` // a post of the same body; "" for its head
	Duty     Duty      `yaml:"duty"`
	Mailbox  string    `yaml:"mailbox"` // of the post; "" is the body's
}

// Duty says when a post is manned.
type Duty string

const (
	OfficeDuty     Duty = "office"     // in the body's office hours
	ContinuousDuty Duty = "continuous" // day and night
)

var (
	idPattern    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	hoursPattern = regexp.MustCompile(`^([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)
	codePattern  = regexp.MustCompile(`^[0-9]+$`)
)

// levels are the ranks of regions by the length of their codes.
var levels = map[int]city.RegionLevel{
	4: city.LevelCity, 6: city.LevelDistrict, 9: city.LevelStreet, 12: city.LevelCommunity,
}

var nextLength = map[int]int{0: 4, 4: 6, 6: 9, 9: 12}

// faults collects what is wrong with a definition; names are paths such as
// "posts.2.superior".
type faults []city.Field

func (f *faults) add(path, key string, args ...any) {
	*f = append(*f, city.Field{Name: path, Message: city.Message{Key: key, Args: args}})
}

func (f *faults) text(path string, t city.Text) {
	for _, l := range t.Missing() {
		f.add(path, "directory.text_missing", "language", string(l))
	}
}

// mostPeople live in one region at most.
const mostPeople = 100_000_000

// CheckRegions tells everything wrong with a tree of regions; the names of the
// fields are paths from its root.
func CheckRegions(root RegionDef) []city.Field {
	var f faults
	seen := map[city.RegionCode]bool{}
	var walk func(r RegionDef, parent city.RegionCode, path string)
	walk = func(r RegionDef, parent city.RegionCode, path string) {
		at := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
		switch {
		case !codePattern.MatchString(string(r.Code)) || len(r.Code) != nextLength[len(parent)] || !parent.Contains(r.Code):
			f.add(at("code"), "directory.region_code", "code", string(r.Code), "n", nextLength[len(parent)])
		case seen[r.Code]:
			f.add(at("code"), "directory.region_twice", "code", string(r.Code))
		}
		seen[r.Code] = true
		f.text(at("name"), r.Name)
		if r.Population < 0 || r.Population > mostPeople {
			f.add(at("population"), "directory.region_people", "max", mostPeople)
		}
		if len(r.Children) > 0 && levels[len(r.Code)] == city.LevelCommunity {
			f.add(at("children"), "directory.region_deep")
			return
		}
		for i, c := range r.Children {
			walk(c, r.Code, strings.TrimPrefix(fmt.Sprintf("%s.children.%d", path, i), "."))
		}
	}
	walk(root, "", "")
	return f
}

// CheckBody tells everything wrong with a body; region reports whether a region
// exists.
func CheckBody(b BodyDef, region func(city.RegionCode) bool) []city.Field {
	var f faults
	if !idPattern.MatchString(string(b.ID)) {
		f.add("id", "directory.id", "id", string(b.ID))
	}
	if err := city.CheckUSCC(b.USCC); err != nil {
		f.add("uscc", "directory.body_uscc", "why", messageOf(err))
	}
	f.text("name", b.Name)
	f.text("short", b.Short)
	if !region(b.Region) {
		f.add("region", "directory.region_unknown", "code", string(b.Region))
	}
	if _, bad, err := ParseHours(b.Hours); err != nil {
		f.add(fmt.Sprintf("hours.%d", bad), "directory.hours", "hours", b.Hours[bad])
	}
	if len(b.Posts) == 0 {
		f.add("posts", "directory.no_posts")
	}
	mailbox := func(path, address string) {
		if a, err := mail.ParseAddress(address); address != "" && (err != nil || a.Address != address) {
			f.add(path, "directory.mailbox", "address", address)
		}
	}
	mailbox("mailbox", b.Mailbox)
	posts := map[string]PostDef{}
	for i, p := range b.Posts {
		at := fmt.Sprintf("posts.%d", i)
		if !idPattern.MatchString(p.ID) {
			f.add(at+".id", "directory.id", "id", p.ID)
		} else if _, twice := posts[p.ID]; twice {
			f.add(at+".id", "directory.post_twice", "id", p.ID)
		} else {
			posts[p.ID] = p
		}
		f.text(at+".name", p.Name)
		mailbox(at+".mailbox", p.Mailbox)
		if p.Duty != OfficeDuty && p.Duty != ContinuousDuty {
			f.add(at+".duty", "directory.duty", "duty", string(p.Duty))
		}
	}
	for i, p := range b.Posts {
		at := fmt.Sprintf("posts.%d.superior", i)
		if p.Superior == "" {
			continue
		}
		if _, ok := posts[p.Superior]; !ok {
			f.add(at, "directory.superior_unknown", "id", p.Superior)
			continue
		}
		up := posts[p.Superior]
		for n := 0; up.Superior != "" && n <= len(b.Posts); n++ {
			if up.ID == p.ID {
				f.add(at, "directory.superior_circle", "id", p.ID)
				break
			}
			up = posts[up.Superior]
		}
	}
	return f
}

func messageOf(err error) city.Message {
	if e, ok := err.(*city.Error); ok {
		return e.Message
	}
	return city.Message{Key: "error.internal", Args: []any{"id", err.Error()}}
}

// ParseHours reads the pieces of a day; bad is the first that is malformed, empty or
// not after the one before.
func ParseHours(list []string) (hours []city.Hours, bad int, err error) {
	end := -1
	for i, s := range list {
		m := hoursPattern.FindStringSubmatch(s)
		if m == nil {
			return nil, i, fmt.Errorf("hours %q", s)
		}
		var n [4]int
		for j := range n {
			n[j], _ = strconv.Atoi(m[j+1]) // the pattern has digits only
		}
		h := city.Hours{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
		if h.From <= end || h.To <= h.From || h.To > 24*60 {
			return nil, i, fmt.Errorf("hours %q", s)
		}
		end = h.To
		hours = append(hours, h)
	}
	return hours, 0, nil
}
