package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/pack"
)

// peopleFile is data/people.yaml.
type peopleFile struct {
	Surnames []string `yaml:"surnames"`
	Given    map[string]struct {
		Female []string `yaml:"female"`
		Male   []string `yaml:"male"`
	} `yaml:"given"`
	Sexes     map[directory.Sex]string `yaml:"sexes"`
	Community string                   `yaml:"community"` // the word that communities' names end in
	Houses    []string                 `yaml:"houses"`
	Elsewhere []string                 `yaml:"elsewhere"`
	Banks     []string                 `yaml:"banks"`
	Hospitals []string                 `yaml:"hospitals"`
	Schools   []string                 `yaml:"schools"`
	Forever   string                   `yaml:"forever"`
	Deed      string                   `yaml:"deed"`
	Plate     string                   `yaml:"plate"`
	Shops     []string                 `yaml:"shops"`
	FirmName  string                   `yaml:"firm_name"`
	FirmPlace []string                 `yaml:"firm_place"` // the city's name in it, and districts' in its place
	FirmKind  string                   `yaml:"firm_kind"`
}

// names makes people up. Numbers it gave are not given again.
type names struct {
	*rand.Rand
	peopleFile
	taken map[string]bool
	phone int
}

// Telephones: 1390099 and four digits; the first hundred are the cast's.
const (
	phonePrefix = "1390099"
	firstPhone  = 100
)

func (d *Demo) names(stream uint64, firstPhone int) *names {
	return &names{Rand: d.chance(stream), peopleFile: d.words.People, taken: map[string]bool{}, phone: firstPhone}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// given is a given name of the time.
func (n *names) given(born city.Date, female bool) string {
	era := "young"
	switch {
	case born.Year < 1956:
		era = "old"
	case born.Year < 1985:
		era = "middle"
	}
	if female {
		return pick(n.Rand, n.Given[era].Female)
	}
	return pick(n.Rand, n.Given[era].Male)
}

// surname is common or rare, as surnames are.
func (n *names) surname() string {
	i := int(float64(len(n.Surnames)) * n.Float64() * n.Float64())
	return n.Surnames[i]
}

// number makes a citizen number that nobody else of this city has. Sequence
// numbers below a hundred are left to the cast.
func (n *names) number(district string, born city.Date, female bool) string {
	for {
		s := city.NewCitizenNumber(district, born, 100+n.IntN(400), female)
		if !n.taken[s] {
			n.taken[s] = true
			return s
		}
	}
}

func (n *names) telephone() string {
	n.phone++
	return fmt.Sprintf("%s%04d", phonePrefix, n.phone%10_000)
}

// born is a day on which somebody of the age was born.
func (n *names) born(today city.Date, age int) city.Date {
	return city.DateOf(today.In(time.UTC).AddDate(-age, 0, 0)).AddDays(-n.IntN(360) - 1)
}

// community is where somebody lives.
type community struct {
	code city.RegionCode
	path string // "滨江区海棠街道"
	name string // "海棠里", without the word for community
}

func (c community) district() string { return string(c.code[:6]) }

// communities are the pack's smallest divisions.
func (f *peopleFile) communities(p *pack.City) []community {
	word := f.Community
	var all []community
	var walk func(r directory.RegionDef, path string)
	walk = func(r directory.RegionDef, path string) {
		if len(r.Children) == 0 && len(r.Code) == 12 {
			all = append(all, community{r.Code, path, strings.TrimSuffix(r.Name.ZhHans, word)})
		}
		if len(r.Code) > 4 {
			path += r.Name.ZhHans
		}
		for _, c := range r.Children {
			walk(c, path)
		}
	}
	walk(p.Regions, "")
	return all
}

// address is a home in the community.
func (n *names) address(c community) string {
	r := strings.NewReplacer("{c}", c.name, "{n}", strconv.Itoa(1+n.IntN(48)), "{u}", strconv.Itoa(1+n.IntN(4)),
		"{r}", fmt.Sprintf("%d%02d", 1+n.IntN(18), 1+n.IntN(4)))
	return c.path + r.Replace(pick(n.Rand, n.Houses))
}

// resident is a made-up person. Relatives are places in the list of residents, -1
// for none.
type resident struct {
	directory.Person
	age       int
	female    bool
	home      community
	away      string // where registered, when not here
	spouse    int
	father    int
	mother    int
	household int
	head      bool
	job       int // the firm that the person represents, -1 for none
}

// residents makes the people up, household by household, always the same.
func (d *Demo) residents() []resident {
	n := d.names(streamPeople, firstPhone)
	places := n.communities(d.now.Pack)
	today := city.DateOf(d.began)
	all := make([]resident, 0, d.Size.Residents)
	add := func(home community, surname string, age int, female bool) int {
		born := n.born(today, age)
		r := resident{age: age, female: female, home: home, spouse: -1, father: -1, mother: -1, job: -1}
		r.Person = directory.Person{CitizenNumber: n.number(home.district(), born, female), Name: surname + n.given(born, female),
			BirthDate: born, Region: home.code, Phone: n.telephone()}
		all = append(all, r)
		return len(all) - 1
	}
	for household := 0; len(all) < d.Size.Residents; household++ {
		home := pick(n.Rand, places)
		first := len(all)
		n.household(add, home)
		away := ""
		if n.IntN(11) == 0 {
			away = pick(n.Rand, n.Elsewhere)
		}
		address := n.address(home)
		for i := first; i < len(all); i++ {
			all[i].household, all[i].Address, all[i].head = household, address, i == first
			if away != "" {
				all[i].away, all[i].Region = away, ""
			}
		}
		relate(all[first:], first)
	}
	return all[:d.Size.Residents:d.Size.Residents]
}

// household adds those who live together: a couple with or without children, old
// people, somebody alone.
func (n *names) household(add func(community, string, int, bool) int, home community) {
	name := n.surname()
	switch k := n.IntN(100); {
	case k < 18: // old couple, or one who is left
		age := 72 + n.IntN(22)
		if n.IntN(3) > 0 {
			add(home, name, age, false)
		}
		add(home, n.surname(), max(70, age-n.IntN(5)), true)
	case k < 38:
		add(home, name, 22+n.IntN(40), n.IntN(2) == 0)
	default:
		age := 26 + n.IntN(38)
		add(home, name, age, false)
		add(home, n.surname(), max(24, age-2+n.IntN(4)), true)
		if age < 52 {
			for range n.IntN(3) {
				add(home, name, n.IntN(max(1, age-25)), n.IntN(2) == 0)
			}
		}
	}
}

// relate notes who is whose within a household that begins at the place first.
func relate(house []resident, first int) {
	if len(house) < 2 || house[0].female || !house[1].female {
		return
	}
	house[0].spouse, house[1].spouse = first+1, first
	for i := 2; i < len(house); i++ {
		house[i].father, house[i].mother = first, first+1
	}
}

// withAge lists the places of those whose age lies between.
func withAge(all []resident, from, to int) []int {
	var out []int
	for i := range all {
		if all[i].age >= from && all[i].age <= to {
			out = append(out, i)
		}
	}
	return slices.Clip(out)
}
